//! Gives a person a role in a team, another role, or none any more.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::{FieldError, FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::{PersonId, TeamId};
use domain::people::{self, TeamRole};
use domain::permission::{Verb, authorize, holds};
use domain::voice::Changed;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Who.
    pub person: String,
    /// `lead`, `engineer`, `stakeholder`; empty takes the person out of the team.
    pub role: String,
    /// `on`: stands in for the lead.
    pub deputy: String,
}

/// Sets the role: administrators any, leads of the team those of engineers and stakeholders. Where a role *changes*, no vote of the person
/// counts for 24 hours; a first role counts at once. Sessions of somebody else end, so that none goes on under former rights.
pub async fn set_member(engine: &Engine, caller: &Caller, team: TeamId, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManageMembers, Some(team))?;
    elevated(&caller.actor)?;
    let (person, wanted) = check(input)?;
    let any = holds(&caller.actor, Verb::ManagePeople, None);
    let (request, by) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "set_member", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            store::teams::one(db, team).await?.ok_or(Error::NotFound)?;
            store::people::lock(db, person).await?.ok_or_else(|| Error::field("person", "Choose a person from the list."))?;
            let before = store::teams::role(db, team, person).await?;
            if before == wanted {
                return Ok(());
            }
            if !any {
                people::lead_may_set(before, wanted)?;
            }
            if wanted.is_some_and(|(role, deputy)| role != TeamRole::Stakeholder || deputy)
                && store::people::actor(db, person, false).await?.is_none()
                && !store::account_links::is_invited(db, person).await?
            {
                return Err(Refusal::new(
                    "no_account",
                    "This person cannot sign in, which this role needs.",
                    "Invite them on their page first.",
                )
                .into());
            }
            let had_voice = store::people::has_voice(db, person).await?;
            let word = |place: Option<(TeamRole, bool)>| place.map(|(role, deputy)| domain::view::people::role_label(role, deputy));
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact =
                NewFact::done("team.set_member", "person", person).of_team(team).with("before", word(before)).with("after", word(wanted));
            ledger.fact(fact).await?;
            match wanted {
                Some((role, deputy)) => store::teams::put_member(ledger.db(), team, person, role, deputy).await?,
                None => store::teams::remove_member(ledger.db(), team, person).await?,
            }
            let leads = |place: Option<(TeamRole, bool)>| place.is_some_and(|(role, deputy)| role == TeamRole::Lead || deputy);
            if leads(before) && !leads(wanted) {
                ledger.end_links_of(person, Some(team), "The role it was sent for was taken back.").await?;
            }
            if had_voice && wanted.is_some() {
                store::people::pause_votes(ledger.db(), person, Changed::Role, by).await?;
            }
            // Rights changed: whoever holds an old session proves anew who they are. The own one gets a new key at the door.
            if person != by {
                store::sign_ins::end_all(ledger.db(), person).await?;
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer, Wake::Runner]).await;
    Ok(())
}

/// Who, and the role wanted; `None` takes the person out.
type Wanted = (PersonId, Option<(TeamRole, bool)>);

fn check(input: &Input) -> Result<Wanted> {
    let mut form = FormCheck::default();
    let person = form.take(input.person.parse().map_err(|_| FieldError::new("person", "Choose a person from the list.")));
    let role = if input.role.is_empty() {
        Some(None)
    } else {
        form.take(
            TeamRole::from_word(&input.role).map(Some).ok_or_else(|| FieldError::new("role", "Choose what the person does in the team.")),
        )
    };
    let (person, role) = form.finish(person.zip(role))?;
    Ok((person, role.map(|role| (role, input.deputy == "on"))))
}
