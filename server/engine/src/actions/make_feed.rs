//! A person has a calendar feed made: an address with a secret, which is shown to them once.

use super::keep_session::ended;
use super::{Caller, elevated, scope};
use crate::clock;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::votes::new_secret;
use crate::store::{feeds, people, sign_ins};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::{FeedId, SessionId};
use domain::permission::{Verb, authorize};
use domain::view::feeds::{About, MOST_FEEDS};
use secrecy::SecretString;
use std::sync::Arc;

/// What was chosen.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// `person`, `team:orders` or `database:prod-orders`.
    pub about: String,
}

/// A feed to be shown once.
#[derive(Debug, Clone)]
pub struct Made {
    /// Of what.
    pub about: About,
    /// The secret part of its address; stored nowhere.
    pub secret: SecretString,
}

/// Makes it, for a person who typed their password within the last minutes: its address works for whoever has it, long after a session ends.
/// Refused: what the person may not see, too many, and a session that ended meanwhile: a new password revokes the feeds that were made before
/// it, and this one would be left.
pub async fn make_feed(engine: &Engine, caller: &Caller, session: Option<SessionId>, input: &Input) -> Result<Made> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    elevated(&caller.actor)?;
    let session = session.ok_or_else(|| Error::internal("a form of a signed-in person comes from a session"))?;
    let about = About::from_word(&input.about).ok_or_else(|| Error::field("about", "Choose what the calendar shows."))?;
    let secret = Arc::new(new_secret());
    let id: FeedId = clock::new_id();
    let (caller, wanted, hidden) = (caller.clone(), about.clone(), Arc::clone(&secret));
    transaction::run(engine.pool(), "make_feed", move |db| {
        let (permit, caller, about, secret) = (permit.clone(), caller.clone(), wanted.clone(), Arc::clone(&hidden));
        Box::pin(async move {
            let person = caller.actor.person;
            // Whoever makes two at once makes one after the other, so that the second counts the first; and a change of the password goes
            // before, which ended the session, or after, and revokes it.
            people::lock(db, person).await?.ok_or(Error::NotFound)?;
            if !sign_ins::lives(db, person, session).await? {
                return Err(ended().into());
            }
            // What the person may not see is answered like what does not exist.
            let unknown = || Error::field("about", "There is no such team or database among those you see. Choose one of the list.");
            let of = feeds::find(db, &about).await?.ok_or_else(unknown)?;
            if of.team().is_some_and(|team| scope::visible(&caller.actor, team).is_err()) {
                return Err(unknown());
            }
            if feeds::list(db, person).await?.len() >= MOST_FEEDS {
                let message = format!("You have {MOST_FEEDS} calendar feeds, and nobody has more.");
                return Err(Refusal::new("too_many", message, "Revoke one that no calendar uses any more.").into());
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            feeds::make(ledger.db(), id, person, of, &secret).await?;
            let fact = NewFact::done("feed.make", "person", person).with("feed", id.to_string()).with("about", about.word());
            ledger.fact(fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(Made { about, secret: SecretString::from(secret.as_str().to_owned()) })
}
