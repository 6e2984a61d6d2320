//! The holder of a link to a new password sets it.

use super::revoke_feed;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::queries::account_links;
use crate::wake::{Wake, wake};
use crate::{passwords, store, throttle, transaction};
use domain::account_link::AccountLink;
use domain::decision::FormCheck;
use domain::fact::NewFact;
use domain::notice::{NewNotice, NoticeKind};
use domain::permission::Permit;
use domain::voice::Changed;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Map;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The new password.
    pub password: SecretString,
    /// The same again.
    pub password_again: SecretString,
}

/// Sets the password, once, ends every session, revokes the calendar feeds, and tells the person by mail. Whoever reads a mailbox for a moment could do this: so no vote
/// of the person counts for 24 hours. [`Error::NotFound`] for every secret that opens nothing, whatever the reason.
pub async fn reset_password(engine: &Engine, secret: &str, input: &Input, request: &str) -> Result<()> {
    // Looked up before anything costly: a secret that opens nothing costs one look.
    let link = account_links::page(engine, AccountLink::Reset, secret).await?;
    let mut form = FormCheck::default();
    super::new_account::choose(&mut form, &input.password, &input.password_again, &[&link.name, &link.email]);
    form.finish(Some(()))?;
    let hash = passwords::hash(&input.password).await?;
    let (secret, request) = (SecretString::from(secret.to_owned()), request.to_owned());
    transaction::run(engine.pool(), "reset_password", move |db| {
        let (secret, request, hash) = (secret.clone(), request.clone(), hash.clone());
        Box::pin(async move {
            store::people::lock(db, link.person).await?.ok_or(Error::NotFound)?;
            let link = store::account_links::living(db, AccountLink::Reset, secret.expose_secret()).await?.ok_or(Error::NotFound)?;
            let permit = Permit::account_link(link.person, link.id);
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.consume_link(link.id, None).await?;
            let fact = ledger.fact(NewFact::done("person.reset_password", "person", link.person).with("shown", link.shown)).await?;
            let notice = NewNotice::new(NoticeKind::PasswordChanged, link.person, paused());
            ledger.notice(&notice, None, None, None, fact).await?;
            revoke_feed::revoke_all(&mut ledger, link.person).await?;
            let db = ledger.db();
            store::people::put_account(db, link.person, &hash).await?;
            store::people::pause_votes(db, link.person, Changed::Password, link.made_by).await?;
            store::sign_ins::end_all(db, link.person).await?;
            throttle::pardon(db, &link.email, link.person).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer, Wake::Runner]).await;
    Ok(())
}

/// What the mail says beyond the fact that the password changed.
fn paused() -> Map<String, serde_json::Value> {
    Map::from_iter([("votes_paused".to_owned(), true.into())])
}
