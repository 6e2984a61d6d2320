//! An administrator lets a person sign in: by an invitation, or by a link to a new password for somebody who has an account.
//!
//! Nobody but the person ever learns the password. Whoever sees the link, though, could use it: so what is accepted by a link that an
//! administrator saw casts no vote that counts for 24 hours, and none on that one's windows.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, Made};
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::account_link::{AccountLink, Way};
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::notice::{NewNotice, NoticeKind};
use domain::permission::{Verb, authorize};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Map;

/// What was chosen.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// `mail` or `show`.
    pub way: String,
}

/// A link to be shown once.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What it is for.
    pub kind: AccountLink,
    /// Whose account it opens.
    pub name: String,
    /// The secret part of its address; stored nowhere.
    pub secret: SecretString,
    /// It works until then.
    pub until: Timestamp,
}

/// Mails or shows the link; an older one of the same kind ends. `None` when it was mailed.
pub async fn invite_person(engine: &Engine, caller: &Caller, person: PersonId, input: &Input) -> Result<Option<Shown>> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    let way = Way::from_word(&input.way).ok_or_else(|| Error::Invalid(vec![FieldError::new("way", "Choose how the link goes out.")]))?;
    let (request, by) = (caller.request.clone(), caller.actor.person);
    let shown = transaction::run(engine.pool(), "invite_person", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            let known = store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            if !known.active {
                return Err(Refusal::new("deactivated", "This person was deactivated.", "Reactivate them first.").into());
            }
            let account = store::people::actor(db, person, false).await?.is_some();
            let kind = if account { AccountLink::Reset } else { AccountLink::Invite };
            let mut ledger = Ledger::open(db, &permit, &request);
            let (made, until) = make(&mut ledger, kind, person, way, by).await?;
            Ok(match made {
                Made::ForMail(_) => None,
                Made::ToShow(_, secret) => Some(Shown { kind, name: known.name, secret, until }),
            })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(shown)
}

/// Fact, link and mail of one transaction.
pub(super) async fn make(
    ledger: &mut Ledger<'_>,
    kind: AccountLink,
    person: PersonId,
    way: Way,
    by: PersonId,
) -> Result<(Made, Timestamp)> {
    let action = match kind {
        AccountLink::Invite => "person.invite",
        AccountLink::Reset => "person.send_reset",
    };
    let fact = ledger.fact(NewFact::done(action, "person", person).with("way", way.word())).await?;
    let until = fact.at() + kind.life();
    let made = ledger.account_link(kind, person, way, Some(by), until).await?;
    if let Made::ForMail(link) = &made {
        let notice = match kind {
            AccountLink::Invite => NoticeKind::Invited,
            AccountLink::Reset => NoticeKind::ResetAsked,
        };
        ledger.notice(&NewNotice::new(notice, person, Map::new()), None, None, Some(link), fact).await?;
    }
    Ok((made, until))
}
