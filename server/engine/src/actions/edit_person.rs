//! Changes a person's name, address, zone and rights everywhere.

use super::accept_new_address::moved;
use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::people::Known;
use crate::wake::{Wake, wake};
use crate::{store, transaction, zones};
use domain::decision::FormCheck;
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::people::{self, GlobalRole};
use domain::permission::{Verb, authorize};
use domain::voice::Changed;

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

/// What an edit led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The votes of this person rest for 24 hours.
    pub rests: bool,
    /// Open windows on which an approval of theirs stands, and does not count meanwhile.
    pub windows: Vec<i64>,
    /// The address is named after a function, so it was marked as shared though the box was not ticked.
    pub marked_shared: bool,
}

/// Changes the person. A new address or right ends their sessions; no vote of theirs counts for 24 hours, nor ever on windows of this
/// administrator that are there by then.
pub async fn edit_person(engine: &Engine, caller: &Caller, person: PersonId, input: &Input) -> Result<Edited> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    let wanted = check(input)?;
    let (request, by, by_name) = (caller.request.clone(), caller.actor.person, caller.actor.name.clone());
    let edited = transaction::run(engine.pool(), "edit_person", move |db| {
        let (permit, request, wanted, by_name) = (permit.clone(), request.clone(), wanted.clone(), by_name.clone());
        Box::pin(async move {
            store::people::lock_first_run(db).await?;
            let mut known = store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            known.global.sort_unstable();
            let others = store::people::other_admins(db, person).await?;
            let is_admin = |roles: &[GlobalRole]| roles.contains(&GlobalRole::Admin);
            people::an_admin_stays(known.active && is_admin(&known.global), is_admin(&wanted.global), others)?;
            let changed = changes(&known, &wanted);
            if changed.is_empty() {
                return Ok(Edited { marked_shared: wanted.marked_shared, ..Edited::default() });
            }
            let roles = |roles: &[GlobalRole]| roles.iter().map(|role| role.word()).collect::<Vec<_>>();
            let fact = NewFact::done("person.edit", "person", person)
                .with("changed", changed.clone())
                .with("global_roles_before", roles(&known.global))
                .with("global_roles", roles(&wanted.global));
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = ledger.fact(fact).await?;
            let what = if changed.contains(&"email") || (known.shared && !wanted.shared) {
                Some(Changed::Address)
            } else {
                changed.contains(&"global_roles").then_some(Changed::Role)
            };
            let mut windows = Vec::new();
            if let Some(what) = what {
                windows = store::people::windows_counting_on(ledger.db(), person).await?;
                store::people::pause_votes(ledger.db(), person, what, by).await?;
            }
            if changed.contains(&"email") {
                moved(&mut ledger, person, &known.email, &wanted.email, (person != by).then_some(by_name.as_str()), fact).await?;
            }
            let db = ledger.db();
            store::people::update(db, person, &wanted.name, &wanted.email, &wanted.zone, wanted.shared).await?;
            store::people::put_global_roles(db, person, &wanted.global).await?;
            if person != by && (changed.contains(&"email") || changed.contains(&"global_roles")) {
                store::sign_ins::end_all(db, person).await?;
            }
            Ok(Edited { rests: what.is_some(), windows, marked_shared: wanted.marked_shared })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer, Wake::Runner, Wake::Notifier]).await;
    Ok(edited)
}

/// Names of what differs, for the trail.
fn changes(known: &Known, wanted: &Wanted) -> Vec<&'static str> {
    let all = [
        ("name", known.name != wanted.name),
        ("email", known.email != wanted.email),
        ("zone", known.zone != wanted.zone),
        ("shared_address", known.shared != wanted.shared),
        ("global_roles", known.global != wanted.global),
    ];
    all.into_iter().filter(|(_, changed)| *changed).map(|(what, _)| what).collect()
}

/// The input, checked.
#[derive(Debug, Clone)]
struct Wanted {
    name: String,
    email: String,
    zone: String,
    shared: bool,
    marked_shared: bool,
    global: Vec<GlobalRole>,
}

fn check(input: &Input) -> Result<Wanted> {
    let mut form = FormCheck::default();
    let name = form.take(people::label("name", &input.name, 120));
    let email = form.take(people::email("email", &input.email));
    let zone = form.take(zones::take("zone", &input.zone));
    let ((name, email), zone) = form.finish(name.zip(email).zip(zone))?;
    let mut global: Vec<GlobalRole> = input.global.iter().filter_map(|word| GlobalRole::from_word(word)).collect();
    global.sort_unstable();
    global.dedup();
    let (ticked, by_name) = (input.shared == "on", people::is_shared_address(&email));
    Ok(Wanted { name, email, zone, shared: ticked || by_name, marked_shared: by_name && !ticked, global })
}
