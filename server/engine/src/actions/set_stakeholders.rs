//! Says who depends on a database: they are told about its windows and asked to approve them.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::fact::NewFact;
use domain::ids::{PersonId, TargetId, TeamId};
use domain::people;
use domain::permission::Verb;
use domain::target::{self, Contact};

/// Makes the people typed, one a line, the stakeholders. Unknown addresses become contacts without account.
///
/// # Errors
/// Wrong lines; deactivated people; a retired database; no right in that team.
pub async fn set_stakeholders(engine: &Engine, caller: &Caller, id: TargetId, typed: &str) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    let by = permit.person().ok_or_else(|| Error::internal("stakeholders are named by a person"))?;
    let contacts = target::stakeholders(typed).map_err(|error| vec![error])?;
    domain::target::in_use(target.state)?;
    let (request, zone) = (caller.request.clone(), target.registration.zone);
    transaction::run(engine.pool(), "set_stakeholders", move |db| {
        let (permit, request, contacts, zone) = (permit.clone(), request.clone(), contacts.clone(), zone.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            apply(&mut ledger, id, target.team, &contacts, &zone, by).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

/// The same inside another action's transaction.
pub(super) async fn apply(
    ledger: &mut Ledger<'_>,
    id: TargetId,
    team: TeamId,
    contacts: &[Contact],
    zone: &str,
    by: PersonId,
) -> Result<()> {
    let mut wanted = Vec::with_capacity(contacts.len());
    for contact in contacts {
        wanted.push(match store::targets::person_by_email(ledger.db(), &contact.email).await? {
            Some((person, true)) => person,
            Some((_, false)) => {
                return Err(Error::field(
                    "stakeholders",
                    format!("{} was deactivated. Name somebody else, or ask an administrator.", contact.email),
                ));
            }
            None => new_contact(ledger, contact, team, zone, by).await?,
        });
    }
    wanted.sort_unstable();
    let before = store::targets::stakeholders(ledger.db(), id).await?;
    if before == wanted {
        return Ok(());
    }
    store::targets::replace_stakeholders(ledger.db(), id, &wanted).await?;
    let names = |people: &[PersonId]| people.iter().map(ToString::to_string).collect::<Vec<_>>();
    ledger
        .fact(
            NewFact::done("target.set_stakeholders", "target", id)
                .of_team(team)
                .with("before", names(&before))
                .with("after", names(&wanted)),
        )
        .await?;
    Ok(())
}

/// Facts name people by identity; who made a contact is kept with it, because an invented address must not vote unnoticed.
pub(super) async fn new_contact(ledger: &mut Ledger<'_>, contact: &Contact, team: TeamId, zone: &str, by: PersonId) -> Result<PersonId> {
    let person = clock::new_person();
    let shared = people::is_shared_address(&contact.email);
    store::targets::insert_contact(ledger.db(), person, &contact.display_name(), &contact.email, zone, shared, by).await?;
    ledger.fact(NewFact::done("person.add_contact", "person", person).of_team(team).with("shared_address", shared)).await?;
    Ok(person)
}
