//! Registers a database: its address, its owner, whom it concerns, and its password, sealed at once. Asks for the first connection test.

use super::{Caller, ask_examination, set_stakeholders};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, credentials, store, transaction, zones};
use domain::decision::FormCheck;
use domain::examination::Question;
use domain::fact::NewFact;
use domain::ids::{TargetId, TeamId};
use domain::permission::{Verb, authorize};
use domain::target::{self, Contact, Draft, Registration};
use secrecy::{ExposeSecret as _, SecretString};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Owner team.
    pub team: String,
    /// Everything but the password.
    #[serde(flatten)]
    pub draft: Draft,
    /// The role's password; may be empty on a socket.
    pub password: SecretString,
}

/// Registers the database and gives its identity.
///
/// # Errors
/// All wrong fields at once; a taken short name; no worker key to seal to; no right in that team.
pub async fn register_target(engine: &Engine, caller: &Caller, input: &Input) -> Result<TargetId> {
    let team = input.team.trim().parse::<TeamId>().map_err(|_| Error::field("team", "Choose the team that owns the database."))?;
    let permit = authorize(&caller.actor, Verb::ManageTarget, Some(team))?;
    let by = permit.person().ok_or_else(|| Error::internal("a database is registered by a person"))?;
    let (new, contacts) = check(input)?;
    let (request, password) = (caller.request.clone(), input.password.clone());
    let id = transaction::run(engine.pool(), "register_target", move |db| {
        let (permit, request, new, contacts, password) = (permit.clone(), request.clone(), new.clone(), contacts.clone(), password.clone());
        Box::pin(async move {
            let id: TargetId = clock::new_id();
            let mut ledger = Ledger::open(db, &permit, &request);
            store::targets::insert(ledger.db(), id, team, &new, by).await?;
            if !password.expose_secret().is_empty() {
                credentials::store_password(ledger.db(), id, &new.place, &password, by).await?;
            }
            ledger.fact(fact(id, team, &new)).await?;
            set_stakeholders::apply(&mut ledger, id, team, &contacts, &new.zone, by).await?;
            ask_examination::apply(&mut ledger, id, team, &Question::ConnectionTest).await?;
            Ok(id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(id)
}

fn check(input: &Input) -> Result<(Registration, Vec<Contact>)> {
    let mut form = FormCheck::default();
    let new = target::check(&input.draft, zones::known, &mut form);
    if let Some(new) = &new {
        target::check_password(&new.place, input.password.expose_secret(), &mut form);
    } else if input.password.expose_secret().is_empty() && !input.draft.host.trim().starts_with('/') {
        form.refuse("password", "Type the role's password too.");
    }
    let contacts = form.take(target::stakeholders(&input.draft.stakeholders));
    Ok(form.finish(new.zip(contacts))?)
}

/// Whom to call is not in the trail: it is personal, and facts are for ever.
fn fact(id: TargetId, team: TeamId, new: &Registration) -> NewFact {
    let place = &new.place;
    NewFact::done("target.register", "target", id)
        .of_team(team)
        .with("short_name", new.short_name.clone())
        .with("name", new.name.clone())
        .with("host", place.host.clone())
        .with("port", place.port)
        .with("database", place.database.clone())
        .with("username", place.username.clone())
        .with("tls", place.tls.word())
        .with("tls_reason", new.tls_reason.clone())
        .with("own_authority", place.ca_pem.is_some())
        .with("environment", new.environment.word())
        .with("zone", new.zone.clone())
        .with("trial_copy", new.trial_copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_form_names_every_field_and_never_the_password_itself() {
        let Err(Error::Invalid(errors)) = check(&Input::default()) else { panic!("accepted") };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "name",
                "short_name",
                "environment",
                "zone",
                "on_call",
                "host",
                "tls",
                "port",
                "database",
                "username",
                "password",
                "stakeholders"
            ]
        );
        let input = Input { password: "s3cret-canary".to_owned().into(), ..Input::default() };
        assert!(!format!("{input:?}").contains("canary"));
    }
}
