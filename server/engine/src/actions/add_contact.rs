//! A lead adds a stakeholder without account: somebody who is told, and votes by the link in a mail.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction, zones};
use domain::decision::{FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::{PersonId, TeamId};
use domain::people::{self, TeamRole};
use domain::permission::{Verb, authorize};

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As people call them.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// IANA zone in which times are shown to them.
    pub zone: String,
}

/// Adds the contact to the team as a stakeholder. Somebody known already keeps name and zone, and joins the team.
pub async fn add_contact(engine: &Engine, caller: &Caller, team: TeamId, input: &Input) -> Result<PersonId> {
    let permit = authorize(&caller.actor, Verb::AddContact, Some(team)).map_err(|refusal| super::hide(&caller.actor, team, refusal))?;
    let mut form = FormCheck::default();
    let name = form.take(people::label("name", &input.name, 120));
    let email = form.take(people::email("email", &input.email));
    let zone = form.take(zones::take("zone", &input.zone));
    let ((name, email), zone) = form.finish(name.zip(email).zip(zone))?;
    let request = caller.request.clone();
    let id = transaction::run(engine.pool(), "add_contact", move |db| {
        let (permit, request, name, email, zone) = (permit.clone(), request.clone(), name.clone(), email.clone(), zone.clone());
        Box::pin(async move {
            let known = store::people::by_email(db, &email).await?;
            let id = known.unwrap_or_else(clock::new_person);
            if let Some(person) = known {
                let active = store::people::lock(db, person).await?.is_some_and(|known| known.active);
                if !active {
                    return Err(Error::field("email", "This person was deactivated. Ask an administrator."));
                }
                if store::teams::role(db, team, person).await?.is_some() {
                    return Err(Refusal::new("member", "This person is in the team already.", "See the list of members.").into());
                }
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            if known.is_none() {
                ledger.fact(NewFact::done("person.add", "person", id).of_team(team).with("account", false)).await?;
                store::people::insert(ledger.db(), id, &name, &email, &zone, people::is_shared_address(&email)).await?;
            }
            let fact = NewFact::done("team.set_member", "person", id).of_team(team).with("after", TeamRole::Stakeholder.label());
            ledger.fact(fact).await?;
            store::teams::put_member(ledger.db(), team, id, TeamRole::Stakeholder, false).await?;
            Ok(id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(id)
}
