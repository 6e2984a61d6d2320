//! Adds a person: somebody who is told and votes by mail, or somebody who is invited to sign in.

use super::{Caller, elevated, invite_person};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction, zones};
use domain::account_link::{AccountLink, Way};
use domain::decision::{FieldError, FormCheck};
use domain::fact::NewFact;
use domain::ids::{PersonId, TeamId};
use domain::people::{self, GlobalRole, TeamRole};
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As people call them.
    pub name: String,
    /// Where mail goes, and what signs in.
    pub email: String,
    /// IANA zone in which times are shown to them.
    pub zone: String,
    /// `invite`: gets an invitation to sign in by mail; anything else is somebody who only gets mail.
    pub account: String,
    /// Team they join at once; empty for none.
    pub team: String,
    /// Role there: `lead`, `engineer` or `stakeholder`.
    pub role: String,
    /// `on`: stands in for the lead.
    pub deputy: String,
    /// `admin`, `auditor`.
    pub global: Vec<String>,
}

/// The input, checked.
#[derive(Debug, Clone)]
struct Checked {
    name: String,
    email: String,
    zone: String,
    invited: bool,
    place: Option<(TeamId, TeamRole, bool)>,
    global: Vec<GlobalRole>,
}

/// Adds the person. Administrators only.
pub async fn add_person(engine: &Engine, caller: &Caller, input: &Input) -> Result<PersonId> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    let new = check(input)?;
    let (request, by) = (caller.request.clone(), caller.actor.person);
    let id = transaction::run(engine.pool(), "add_person", move |db| {
        let (permit, request, new) = (permit.clone(), request.clone(), new.clone());
        Box::pin(async move {
            let id = clock::new_person();
            if let Some((team, _, _)) = new.place {
                store::teams::one(db, team)
                    .await?
                    .ok_or_else(|| Error::field("team", "This team does not exist any more. Choose another."))?;
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            let roles: Vec<&str> = new.global.iter().map(|role| role.word()).collect();
            ledger.fact(NewFact::done("person.add", "person", id).with("account", new.invited).with("global_roles", roles)).await?;
            store::people::insert(ledger.db(), id, &new.name, &new.email, &new.zone, people::is_shared_address(&new.email)).await?;
            if new.invited {
                // Rights wait for the account: without one nobody acts.
                store::people::put_global_roles(ledger.db(), id, &new.global).await?;
                invite_person::make(&mut ledger, AccountLink::Invite, id, Way::Mail, by).await?;
            }
            if let Some((team, role, deputy)) = new.place {
                let fact = NewFact::done("team.set_member", "person", id).of_team(team).with("role", role.word()).with("deputy", deputy);
                ledger.fact(fact).await?;
                store::teams::put_member(ledger.db(), team, id, role, deputy).await?;
            }
            Ok(id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(id)
}

fn check(input: &Input) -> Result<Checked> {
    let mut form = FormCheck::default();
    let zone = form.take(zones::take("zone", &input.zone));
    let global: Vec<GlobalRole> = input.global.iter().filter_map(|word| GlobalRole::from_word(word)).collect();
    let place = form.take(place(input));
    let invited = input.account == "invite";
    if !invited && !global.is_empty() {
        form.refuse("account", "Administrators and auditors sign in: invite the person.");
    } else if !invited && place.flatten().is_some_and(|(_, role, deputy)| role != TeamRole::Stakeholder || deputy) {
        form.refuse("account", "Leads, engineers and deputies sign in: invite the person.");
    }
    let name = form.take(people::label("name", &input.name, 120));
    let email = form.take(people::email("email", &input.email));
    let ((name, email), (zone, place)) = form.finish(name.zip(email).zip(zone.zip(place)))?;
    Ok(Checked { name, email, zone, invited, place, global })
}

fn place(input: &Input) -> std::result::Result<Option<(TeamId, TeamRole, bool)>, FieldError> {
    if input.team.is_empty() {
        return Ok(None);
    }
    let team = input.team.parse().map_err(|_| FieldError::new("team", "Choose a team from the list."))?;
    let role = TeamRole::from_word(&input.role).ok_or_else(|| FieldError::new("role", "Choose what the person does in the team."))?;
    Ok(Some((team, role, input.deputy == "on")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(input: &Input) -> Vec<String> {
        match check(input) {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let input = Input { zone: "Berlin".into(), email: "ana".into(), team: "x".into(), ..Input::default() };
        assert_eq!(wrong(&input), ["zone", "team", "name", "email"]);
    }

    #[test]
    fn who_acts_needs_a_sign_in() {
        let team = uuid::Uuid::nil().to_string();
        let base = Input { name: "Ana".into(), email: "ana@example.org".into(), zone: "Etc/UTC".into(), ..Input::default() };
        assert!(check(&base).is_ok());
        assert!(check(&Input { team: team.clone(), role: "stakeholder".into(), ..base.clone() }).is_ok());
        assert_eq!(wrong(&Input { team: team.clone(), role: "lead".into(), ..base.clone() }), ["account"]);
        assert_eq!(wrong(&Input { team, role: "stakeholder".into(), deputy: "on".into(), ..base.clone() }), ["account"]);
        assert_eq!(wrong(&Input { global: vec!["auditor".into()], ..base.clone() }), ["account"]);
        assert!(check(&Input { global: vec!["auditor".into()], account: "invite".into(), ..base }).is_ok());
    }
}
