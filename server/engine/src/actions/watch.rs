//! Lets somebody watch a window or a database: they are told of what happens, and have no voice by it.

use super::{Caller, scope, set_stakeholders::new_contact};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::watchers::Watched;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::{PersonId, TargetId, TeamId};
use domain::people;
use domain::permission::{Permit, Verb, authorize};
use domain::target::Contact;
use domain::view::watchers::MOST_WATCHERS;
use sqlx::PgConnection;

/// What was typed to add somebody else.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Address of the watcher; empty for oneself. An unknown one becomes a contact without account.
    pub email: String,
    /// Name of somebody who is not known yet.
    pub name: String,
}

/// What can be watched, as its page names it.
#[derive(Debug, Clone, Copy)]
pub enum Thing {
    /// A window, by its number.
    Window(i64),
    /// A database.
    Target(TargetId),
}

/// Adds the reader, or somebody by address. Refused: what the reader may not see, others without the right to add them, and too many.
pub async fn watch(engine: &Engine, caller: &Caller, thing: Thing, input: &Input) -> Result<String> {
    let contact = contact(input)?;
    let caller = caller.clone();
    let name = transaction::run(engine.pool(), "watch", move |db| {
        let (caller, contact) = (caller.clone(), contact.clone());
        Box::pin(async move {
            let (watched, team, zone) = find(db, &caller, thing).await?;
            let verb = if contact.is_some() { Verb::AddWatcher } else { Verb::SeeTeam };
            let permit = authorize(&caller.actor, verb, Some(team))?;
            let by = caller.actor.person;
            if store::watchers::rows(db, watched).await?.len() >= MOST_WATCHERS {
                let message = format!("At most {MOST_WATCHERS} people watch one thing: each gets every mail.");
                return Err(Refusal::new("too_many", message, "Remove somebody first, or use a mailing list's address.").into());
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let person = match &contact {
                None => by,
                Some(contact) => match store::targets::person_by_email(ledger.db(), &contact.email).await? {
                    Some((person, true)) => person,
                    Some((_, false)) => return Err(Error::field("email", "This person was deactivated. Name somebody else.")),
                    None => new_contact(&mut ledger, contact, team, &zone, by).await?,
                },
            };
            if store::watchers::add(ledger.db(), watched, person, by).await? {
                ledger.fact(fact("watcher.add", watched, team, person)).await?;
            }
            Ok(contact.map_or_else(|| "You".to_owned(), |contact| contact.email))
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(name)
}

/// Ends watching: the own at any time, somebody else's with the right to add them.
pub async fn unwatch(engine: &Engine, caller: &Caller, thing: Thing, person: PersonId) -> Result<()> {
    let caller = caller.clone();
    transaction::run(engine.pool(), "unwatch", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let (watched, team, _) = find(db, &caller, thing).await?;
            let verb = if person == caller.actor.person { Verb::SeeTeam } else { Verb::AddWatcher };
            let permit: Permit = authorize(&caller.actor, verb, Some(team))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            if store::watchers::remove(ledger.db(), watched, person).await? {
                ledger.fact(fact("watcher.remove", watched, team, person)).await?;
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

/// The thing, its owner team, and the zone of its database. What the reader may not see does not exist.
async fn find(db: &mut PgConnection, caller: &Caller, thing: Thing) -> Result<(Watched, TeamId, String)> {
    let (watched, target) = match thing {
        Thing::Window(number) => {
            let window = store::windows::by_number(db, number).await?;
            (Watched::Window(window.id), window.target)
        }
        Thing::Target(target) => (Watched::Target(target), target),
    };
    let target = store::targets::find(db, target).await?.ok_or(Error::NotFound)?;
    scope::visible(&caller.actor, target.team)?;
    Ok((watched, target.team, target.registration.zone))
}

fn fact(action: &'static str, watched: Watched, team: TeamId, person: PersonId) -> NewFact {
    let fact = match watched {
        Watched::Window(window) => NewFact::done(action, "window", window).of_window(window),
        Watched::Target(target) => NewFact::done(action, "target", target),
    };
    fact.of_team(team).with("person", person.to_string())
}

fn contact(input: &Input) -> Result<Option<Contact>> {
    if input.email.trim().is_empty() && input.name.trim().is_empty() {
        return Ok(None);
    }
    let email = people::email("email", &input.email).map_err(|error| vec![error])?;
    let name =
        if input.name.trim().is_empty() { None } else { Some(people::label("name", &input.name, 120).map_err(|error| vec![error])?) };
    Ok(Some(Contact { email, name }))
}
