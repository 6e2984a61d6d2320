//! The first run: names the installation and makes its first administrator. Locks itself once there is one.

use super::new_account;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::decision::{FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::people::{self, GlobalRole};
use domain::permission::Permit;
use secrecy::SecretString;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Name of the installation, shown in titles and mails.
    pub installation: String,
    /// IANA zone for people without one.
    pub zone: String,
    /// The administrator's name.
    pub name: String,
    /// The administrator's address.
    pub email: String,
    /// The administrator's password.
    pub password: SecretString,
    /// The same again.
    pub password_again: SecretString,
}

/// Sets the installation up. `public_url` comes from the settings, never from a request: every link in a mail begins with it.
pub async fn set_up(engine: &Engine, request: &str, public_url: &str, demo: bool, input: &Input) -> Result<PersonId> {
    let mut form = FormCheck::default();
    let installation = form.take(people::label("installation", &input.installation, 80));
    let zone = form.take(crate::zones::take("zone", &input.zone));
    let account = new_account::check(&mut form, &input.name, &input.email, &input.password, Some(&input.password_again));
    let ((installation, zone), account) = form.finish(installation.zip(zone).zip(account))?;
    let hash = crate::passwords::hash(&account.password).await?;
    let (request, public_url) = (request.to_owned(), public_url.trim_end_matches('/').to_owned());
    let person = transaction::run(engine.pool(), "set_up", move |db| {
        let (installation, zone, account, hash) = (installation.clone(), zone.clone(), account.clone(), hash.clone());
        let (request, public_url) = (request.clone(), public_url.clone());
        Box::pin(async move {
            store::people::lock_first_run(db).await?;
            if store::people::has_admin(db).await? {
                return Err(Error::Refused(Refusal::new(
                    "set_up",
                    "This installation is set up already.",
                    "Sign in, or ask an administrator.",
                )));
            }
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, &request);
            let id = clock::new_person();
            ledger
                .fact(
                    NewFact::done("installation.set_up", "installation", "1")
                        .with("public_url", public_url.clone())
                        .with("zone", zone.clone()),
                )
                .await?;
            ledger
                .fact(NewFact::done("person.add", "person", id).with("account", true).with("global_roles", vec![GlobalRole::Admin.word()]))
                .await?;
            store::people::put_installation(ledger.db(), clock::new_id(), &installation, &public_url, &zone, demo).await?;
            store::people::insert(ledger.db(), id, &account.name, &account.email, &zone, people::is_shared_address(&account.email)).await?;
            store::people::put_account(ledger.db(), id, &hash).await?;
            store::people::put_global_roles(ledger.db(), id, &[GlobalRole::Admin]).await?;
            Ok(id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(person)
}
