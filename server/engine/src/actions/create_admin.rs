//! Makes an administrator from the command line: the first one, or the way back after a lost password.

use super::{factor, new_account, revoke_feed};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, passwords, store, throttle, transaction};
use domain::decision::{FieldError, FormCheck};
use domain::fact::NewFact;
use domain::factor::Happened;
use domain::ids::PersonId;
use domain::people::{self, GlobalRole};
use domain::permission::Permit;
use domain::voice::Changed;
use secrecy::SecretString;

/// What the operator says. The password comes from a prompt, a file, or is made here: never from an argument.
#[derive(Debug, Clone)]
pub struct Input {
    /// Who sits at the shell, for the trail.
    pub operator: String,
    /// Address of the administrator; a known one gets a new password and the right.
    pub email: String,
    /// Name; for a known person the old one stays.
    pub name: String,
    /// The password; `None` makes one to be shown once.
    pub password: Option<SecretString>,
    /// Public URL from the settings, for an installation that has none yet.
    pub public_url: String,
    /// IANA zone of a new person and of an installation that has none yet; `None` takes the installation's, and UTC for a new one.
    pub zone: Option<String>,
    /// A demo.
    pub demo: bool,
}

/// Makes or mends the administrator, whose second factor goes with the old password and who is told of that by mail; returns the person and,
/// when one was made here, the password. Ends all sessions of the person, and lets no vote of a person who was known before count for 24 hours: whoever sits at the shell
/// knows the password and could vote for them.
pub async fn create_admin(engine: &Engine, input: &Input) -> Result<(PersonId, Option<SecretString>)> {
    let made = input.password.is_none().then(passwords::one_time);
    let password = input.password.clone().or_else(|| made.clone()).ok_or_else(|| Error::internal("a password is given or made"))?;
    let mut form = FormCheck::default();
    let account = new_account::check(&mut form, &input.name, &input.email, &password, None);
    let zone = match &input.zone {
        Some(typed) => form.take(crate::zones::take("zone", typed)).map(Some),
        None => Some(None),
    };
    if account.as_ref().is_some_and(|account| people::is_shared_address(&account.email)) {
        tracing::warn!("a shared mailbox may administer but not vote");
    }
    let (account, zone) = form.finish(account.zip(zone)).map_err(|errors: Vec<FieldError>| Error::Invalid(errors))?;
    let hash = passwords::hash(&account.password).await?;
    let input = input.clone();
    let person = transaction::run(engine.pool(), "create_admin", move |db| {
        let (input, account, zone, hash) = (input.clone(), account.clone(), zone.clone(), hash.clone());
        Box::pin(async move {
            store::people::lock_first_run(db).await?;
            let known = store::people::by_email(db, &account.email).await?;
            let id = known.unwrap_or_else(clock::new_person);
            if known.is_some() {
                // A feed that is being made at this moment is made before, and goes with the others.
                store::people::lock(db, id).await?.ok_or(Error::NotFound)?;
            }
            let permit = Permit::operator(&input.operator);
            let mut ledger = Ledger::open(db, &permit, "create-admin");
            // Whoever lost the password may have lost the app with it, and nobody else may be there to take it away.
            let factor_removed = known.is_some() && store::factors::remove(ledger.db(), id).await?;
            let action = if known.is_some() { "person.restore_admin" } else { "person.add" };
            let mut fact = NewFact::done(action, "person", id).with("account", true).with("global_roles", vec![GlobalRole::Admin.word()]);
            if factor_removed {
                fact = fact.with("factor_removed", true);
            }
            let fact = ledger.fact(fact).await?;
            if factor_removed {
                let by = format!("{}, at the server's shell,", input.operator);
                let more = [("by", by.into()), ("reason", "Made an administrator anew, with another password.".into())];
                factor::tell(&mut ledger, id, Happened::TakenAway, &more, fact).await?;
            }
            if known.is_some() {
                revoke_feed::revoke_all(&mut ledger, id).await?;
            }
            let db = ledger.db();
            let installation = store::people::installation(db).await?;
            let zone = zone.or_else(|| installation.as_ref().map(|known| known.zone.clone())).unwrap_or_else(|| "Etc/UTC".to_owned());
            if installation.is_none() {
                let url = input.public_url.trim_end_matches('/');
                store::people::put_installation(db, clock::new_id(), "Drydock", url, &zone, input.demo).await?;
            }
            if known.is_none() {
                store::people::insert(db, id, &account.name, &account.email, &zone, people::is_shared_address(&account.email)).await?;
            } else {
                store::people::pause_votes(db, id, Changed::Password, None).await?;
                store::people::set_active(db, id, true).await?;
                store::sign_ins::end_all(db, id).await?;
            }
            store::people::put_account(db, id, &hash).await?;
            store::people::put_global_roles(db, id, &[GlobalRole::Admin]).await?;
            throttle::pardon(db, &account.email, id).await?;
            Ok(id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok((person, made))
}
