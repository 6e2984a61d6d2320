//! Changes a person's name, address, zone and rights everywhere.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction, zones};
use domain::decision::{FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::people::{self, GlobalRole};
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
    /// `on`: a mailbox that several people read.
    pub shared: String,
    /// `admin`, `auditor`.
    pub global: Vec<String>,
}

/// Changes the person. A new address ends their sessions, and no vote of theirs counts for 24 hours.
pub async fn edit_person(engine: &Engine, caller: &Caller, person: PersonId, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    let (name, email, zone) = check(input)?;
    let mut global: Vec<GlobalRole> = input.global.iter().filter_map(|word| GlobalRole::from_word(word)).collect();
    global.sort_unstable();
    global.dedup();
    let shared = input.shared == "on";
    let (request, by) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "edit_person", move |db| {
        let (permit, request, name, email, zone, global) =
            (permit.clone(), request.clone(), name.clone(), email.clone(), zone.clone(), global.clone());
        Box::pin(async move {
            store::people::lock_first_run(db).await?;
            let mut known = store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            known.global.sort_unstable();
            if known.global.contains(&GlobalRole::Admin)
                && !global.contains(&GlobalRole::Admin)
                && store::people::other_admins(db, person).await? == 0
            {
                return Err(last_admin().into());
            }
            let changes = [
                ("name", known.name != name),
                ("email", known.email != email),
                ("zone", known.zone != zone),
                ("shared_address", known.shared != shared),
                ("global_roles", known.global != global),
            ];
            let changed: Vec<&str> = changes.iter().filter(|(_, changed)| *changed).map(|(what, _)| *what).collect();
            if changed.is_empty() {
                return Ok(());
            }
            let roles = |roles: &[GlobalRole]| roles.iter().map(|role| role.word()).collect::<Vec<_>>();
            let fact = NewFact::done("person.edit", "person", person)
                .with("changed", changed.clone())
                .with("global_roles_before", roles(&known.global))
                .with("global_roles", roles(&global));
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(fact).await?;
            let db = ledger.db();
            store::people::update(db, person, &name, &email, &zone, shared).await?;
            store::people::put_global_roles(db, person, &global).await?;
            if changed.contains(&"email") || (changed.contains(&"shared_address") && !shared) {
                store::people::pause_votes(db, person, by).await?;
            }
            if person != by && (changed.contains(&"email") || changed.contains(&"global_roles")) {
                store::sessions::end_all(db, person).await?;
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

/// Nobody could put things right any more.
pub(super) fn last_admin() -> Refusal {
    Refusal::new("last_admin", "This is the last administrator.", "Make somebody else an administrator first.")
}

fn check(input: &Input) -> Result<(String, String, String)> {
    let mut form = FormCheck::default();
    let name = form.take(people::label("name", &input.name, 120));
    let email = form.take(people::email("email", &input.email));
    let zone = form.take(zones::take("zone", &input.zone));
    Ok(form.finish(name.zip(email).zip(zone).map(|((name, email), zone)| (name, email, zone)))?)
}
