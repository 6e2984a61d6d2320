//! The holder of an invitation makes the account: name, zone, and a password that nobody else ever saw.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::queries::account_links;
use crate::wake::{Wake, wake};
use crate::{passwords, store, transaction, zones};
use domain::account_link::AccountLink;
use domain::decision::FormCheck;
use domain::fact::NewFact;
use domain::people;
use domain::permission::Permit;
use domain::voice::Changed;
use secrecy::{ExposeSecret as _, SecretString};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As others call them.
    pub name: String,
    /// IANA zone in which times are shown.
    pub zone: String,
    /// The password.
    pub password: SecretString,
    /// The same again.
    pub password_again: SecretString,
}

/// Makes the account, once. [`Error::NotFound`] for every secret that opens nothing, whatever the reason.
pub async fn accept_invite(engine: &Engine, secret: &str, input: &Input, request: &str) -> Result<()> {
    // Looked up before anything costly: a secret that opens nothing costs one look.
    let link = account_links::page(engine, AccountLink::Invite, secret).await?;
    let mut form = FormCheck::default();
    let name = form.take(people::label("name", &input.name, 120));
    let zone = form.take(zones::take("zone", &input.zone));
    let about = [name.as_deref().unwrap_or_default(), link.email.as_str()];
    super::new_account::choose(&mut form, &input.password, &input.password_again, &about);
    let (name, zone) = form.finish(name.zip(zone))?;
    let hash = passwords::hash(&input.password).await?;
    let (secret, request) = (SecretString::from(secret.to_owned()), request.to_owned());
    transaction::run(engine.pool(), "accept_invite", move |db| {
        let (secret, request, name, zone, hash) = (secret.clone(), request.clone(), name.clone(), zone.clone(), hash.clone());
        Box::pin(async move {
            // Taken before anything is read again: two who accept at once do it one after the other.
            let known = store::people::lock(db, link.person).await?.ok_or(Error::NotFound)?;
            let link = store::account_links::living(db, AccountLink::Invite, secret.expose_secret()).await?.ok_or(Error::NotFound)?;
            let permit = Permit::account_link(link.person, link.id);
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.consume_link(link.id, None).await?;
            ledger.fact(NewFact::done("person.accept_invite", "person", link.person).with("shown", link.shown)).await?;
            let db = ledger.db();
            store::people::update(db, link.person, &name, &known.email, &zone, known.shared).await?;
            store::people::put_account(db, link.person, &hash).await?;
            if link.shown {
                store::people::pause_votes(db, link.person, Changed::Password, link.made_by).await?;
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer, Wake::Runner]).await;
    Ok(())
}
