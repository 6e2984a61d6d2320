//! A second team of the demo, so that what teams do differently can be seen: policies of its own, in stages and beforehand; hours; databases that
//! share a machine; a proposal that was voted down; and a trial that runs by itself a few minutes after the start.

use super::people::{self, caller};
use super::{Place, digest, register, shop, wall};
use crate::actions::{
    Caller, agree_policy, cast_vote, create_freeze, import_freezes, link_target, preview_freeze_import, propose_policy, propose_window,
    set_hours, set_tags, write_comment,
};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::demo::NewPerson;
use crate::{clock, passwords, queries, store, transaction};
use domain::approval::{Assurance, Escalation, Group, Policy, Rule, Scope, Terms, form};
use domain::fact::NewFact;
use domain::freeze::FreezeForm;
use domain::ids::{PolicyChangeId, TeamId};
use domain::people::TeamRole;
use domain::permission::Permit;
use domain::procedure::RiskClass;
use domain::procedure::library::monthly;
use domain::proposal::ProposalForm;
use domain::rehearsal::Demand;
use domain::target::{Environment, LinkForm};
use jiff::SignedDuration;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};

const LEAD: &str = "bea@shop.example";
const ENGINEER: &str = "bo@shop.example";
const STAKEHOLDER: &str = "ines@shop.example";
/// Handle of the team, and the tag of its databases.
const TEAM: &str = "billing";
const INVOICES: &str = "invoices";
pub(super) const TRIAL: &str = "invoices-trial";
/// What billing calls a large database.
const LARGE_MIB: u64 = 100 * 1024;

/// A team by its handle.
async fn by_handle(engine: &Engine, short_name: &str) -> Result<Option<TeamId>> {
    let found = transaction::read(engine.pool(), "demo_teams", |db| Box::pin(async move { Ok(store::teams::rows(db).await?) })).await?;
    Ok(found.into_iter().find(|team| team.short_name == short_name).map(|team| team.id))
}

/// The team and its people, who sign in nowhere: the demo acts for them.
pub(super) async fn team(engine: &Engine) -> Result<TeamId> {
    if let Some(team) = by_handle(engine, TEAM).await? {
        return Ok(team);
    }
    let places =
        [("Bea Berg", LEAD, TeamRole::Lead), ("Bo Blom", ENGINEER, TeamRole::Engineer), ("Ines Imhof", STAKEHOLDER, TeamRole::Stakeholder)];
    let mut people = Vec::new();
    for (name, email, role) in places {
        people.push(NewPerson {
            id: clock::new_person(),
            name: name.into(),
            email: email.into(),
            zone: "Europe/Berlin".into(),
            password_hash: Some(passwords::hash(&passwords::one_time()).await?),
            place: Some((role, false)),
            global: None,
        });
    }
    transaction::run(engine.pool(), "demo_billing", move |db| {
        let people = people.clone();
        Box::pin(async move {
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, "demo");
            let team: TeamId = clock::new_id();
            store::demo::add_team(ledger.db(), team, TEAM, "Billing").await?;
            ledger.fact(NewFact::done("team.create", "team", team).of_team(team).with("short_name", TEAM)).await?;
            for person in &people {
                store::demo::add_person(ledger.db(), team, person).await?;
                ledger.fact(NewFact::done("person.create", "person", person.id).of_team(team)).await?;
            }
            // What the policies of all databases ask has somebody who can sign in, and change them: she leads both teams.
            let lena = store::demo::person_by_email(ledger.db(), people::LEAD).await?.ok_or(Error::NotFound)?;
            store::demo::add_member(ledger.db(), team, lena, TeamRole::Lead).await?;
            ledger.fact(NewFact::done("team.set_member", "team", team).of_team(team).with("person", lena.to_string())).await?;
            Ok(team)
        })
    })
    .await
}

/// Its policies, agreed to by those whom the policies before asked.
pub(super) async fn policies(engine: &Engine) -> Result<()> {
    let admin = caller(engine, people::ADMIN).await?;
    let stage = |stage: u32, rule: Rule| Rule { stage, ..rule };
    let stakeholder = Rule::new("stakeholder", Group::Stakeholders, 1, Assurance::Link);
    let lead = Rule::new("lead", Group::LeadsAndDeputies, 1, Assurance::Link);
    let terms = |stage, decide_before_start_min, remind_every_min, escalation| Terms {
        stage,
        decide_before_start_min,
        remind_every_min,
        escalation,
    };
    let scope = |environment: Environment, precedence| Scope {
        environments: BTreeSet::from([environment.word().to_owned()]),
        tags: BTreeSet::from([TEAM.to_owned()]),
        precedence,
        ..Scope::default()
    };
    let in_stages = Policy {
        rules: vec![stage(0, stakeholder.clone()), stage(1, lead.clone())],
        stage_terms: vec![terms(0, 240, 120, Some(Escalation { group: Group::LeadsAndDeputies, within_min: 120 })), terms(1, 60, 0, None)],
        separate_executor: true,
        scope: Some(scope(Environment::Production, 20)),
        ..Policy::standard()
    };
    let rehearsed = Policy {
        rehearsal: Some(Demand { environments: BTreeSet::from([Environment::Test]), max_age_days: 30 }),
        scope: Some(Scope { risks: BTreeSet::from([RiskClass::R3, RiskClass::R4]), ..scope(Environment::Production, 21) }),
        ..Policy::standard()
    };
    // Reviews show what the shop reads, too: one of its leads looks at them, signed in, and sees nothing else of billing's work.
    let shop = by_handle(engine, "shop").await?.ok_or(Error::NotFound)?;
    let reviewed = Policy {
        rules: vec![stakeholder.clone(), Rule::new("team", Group::Team(shop), 1, Assurance::Account)],
        scope: Some(Scope { procedures: BTreeSet::from([monthly::KEY.to_owned()]), ..scope(Environment::Production, 23) }),
        ..Policy::standard()
    };
    let large = Policy {
        rules: vec![Rule { assurance: Assurance::LinkCode, ..stakeholder.clone() }, lead.clone()],
        scope: Some(Scope { database_at_least_mib: LARGE_MIB, ..scope(Environment::Production, 24) }),
        ..Policy::standard()
    };
    let beforehand = Policy { pre_approved: Some(RiskClass::R1), scope: Some(scope(Environment::Test, 22)), ..Policy::standard() };
    let known = queries::policies::list(engine, &admin).await?.policies;
    let all = [
        ("Billing", in_stages),
        ("Billing, what locks", rehearsed),
        ("Billing, trials", beforehand),
        ("Billing, reviews", reviewed),
        ("Billing, large databases", large),
    ];
    for (name, policy) in all {
        if !known.iter().any(|known| known.name == name) {
            adopt(engine, &admin, name, &policy).await?;
        }
    }
    Ok(())
}

/// Proposes a policy, and has those agree to it who are asked.
pub(super) async fn adopt(engine: &Engine, admin: &Caller, name: &str, policy: &Policy) -> Result<()> {
    let scope = policy.scope.clone().unwrap_or_default();
    let mut fields: Vec<(String, String)> =
        form::filled(policy, &scope, &BTreeMap::new()).into_iter().map(|(field, typed)| (field.to_owned(), typed)).collect();
    fields.extend(scope.environments.iter().map(|environment| ("environments".to_owned(), environment.clone())));
    fields.extend(scope.procedures.iter().map(|procedure| ("procedures".to_owned(), procedure.clone())));
    fields.extend(scope.risks.iter().map(|risk| ("risks".to_owned(), risk.word().to_owned())));
    let places = policy.rehearsal.iter().flat_map(|demand| &demand.environments);
    fields.extend(places.map(|place| ("rehearsal_environments".to_owned(), place.word().to_owned())));
    let input = propose_policy::Input { version: String::new(), name: name.to_owned() };
    let mut needed = propose_policy::propose_policy(engine, admin, None, &input, &fields).await?.needed;
    for who in [people::STAKEHOLDER, people::LEAD, people::DEPUTY] {
        let Some((change, digest)) = waiting(engine).await?.filter(|_| needed > 0) else { break };
        let who = caller(engine, who).await?;
        match agree_policy::agree_policy(engine, &who, change, &agree_policy::Input { digest }).await {
            Ok(left) => needed = left,
            // Not asked about this one.
            Err(Error::Refused(_) | Error::NotFound | Error::Hidden) => {}
            Err(error) => return Err(error),
        }
    }
    if needed == 0 { Ok(()) } else { Err(Error::internal(format!("nobody else agrees to the demo's policy “{name}”"))) }
}

/// The change that waits for agreement.
async fn waiting(engine: &Engine) -> Result<Option<(PolicyChangeId, String)>> {
    let waiting = transaction::read(engine.pool(), "demo_change", |db| Box::pin(store::policy_changes::waiting(db))).await?;
    Ok(waiting.into_iter().next().map(|change| (change.id, change.digest.hex())))
}

/// The end of the month, when nothing of billing's is touched whatever its environment.
pub(super) async fn month_end(engine: &Engine) -> Result<()> {
    let admin = caller(engine, people::ADMIN).await?;
    let date = |days: i64| (engine.clock().now() + SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
    let form = FreezeForm {
        name: "Books are closed".into(),
        reason: "The month’s bookings are closed: nobody waits for a lock on an invoice then.".into(),
        covers: format!("tag:{TEAM}"),
        from_date: date(33),
        to_date: date(34),
        zone: "Europe/Berlin".into(),
        ..FreezeForm::default()
    };
    create_freeze::create_freeze(engine, &admin, &form).await.map(drop)
}

/// Two databases that share a machine, one of them with hours.
pub(super) async fn databases(engine: &Engine, team: TeamId, port: u16, password: &SecretString) -> Result<()> {
    let lead = caller(engine, LEAD).await?;
    let admin = caller(engine, people::ADMIN).await?;
    let places = [(INVOICES, "Invoices", INVOICES, "production"), (TRIAL, "Invoices, trial", shop::TRIAL, "test")];
    let contacts = format!("Ines Imhof <{STAKEHOLDER}>\nSten Sommer <{}>", people::STAKEHOLDER);
    let mut made = Vec::new();
    for (short_name, name, database, environment) in places {
        let place = Place { short_name, name, database: database.to_owned(), environment };
        let target = register(engine, &lead, team, port, &place, password.clone(), &contacts).await?;
        set_tags::set_tags(engine, &admin, target, &set_tags::Input { tags: TEAM.into() }).await?;
        made.push(target);
    }
    let [invoices, _] = made.as_slice() else { return Err(Error::internal("two databases")) };
    set_hours::set_hours(engine, &lead, *invoices, &set_hours::Input { hours: "daily 20:00-06:00".into() }).await?;
    link_target::link_target(engine, &lead, *invoices, &LinkForm { other: TRIAL.into(), kind: "machine".into() }).await
}

/// Days on which nothing is tried, from a calendar file.
pub(super) async fn holidays(engine: &Engine) -> Result<()> {
    let admin = caller(engine, people::ADMIN).await?;
    let day = |days: i64| (engine.clock().now() + SignedDuration::from_hours(24 * days)).strftime("%Y%m%d").to_string();
    let event = |uid: &str, name: &str, first: i64| {
        let (first, after) = (day(first), day(first + 1));
        format!(
            "BEGIN:VEVENT\r\nUID:{uid}@shop.example\r\nSUMMARY:{name}\r\nDTSTART;VALUE=DATE:{first}\r\nDTEND;VALUE=DATE:{after}\r\nEND:VEVENT\r\n"
        )
    };
    let events = event("release", "Release day", 40) + &event("party", "The office is closed", 47);
    let ics = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Shop//Calendar//EN\r\n{events}END:VCALENDAR\r\n");
    let zone = "Europe/Berlin".into();
    let input = preview_freeze_import::Input { covers: "environment:test".into(), zone, ics, ..preview_freeze_import::Input::default() };
    let import = preview_freeze_import::preview_freeze_import(engine, &admin, &input).await?;
    import_freezes::import_freezes(engine, &admin, import).await.map(drop)
}

/// A proposal that is voted down, a trial that was approved beforehand, and a review that waits for somebody of the other team.
pub(super) async fn windows(engine: &Engine) -> Result<()> {
    let (bo, ines) = (caller(engine, ENGINEER).await?, caller(engine, STAKEHOLDER).await?);
    let (date, _) = wall(engine, SignedDuration::from_hours(24 * 6))?;
    let form = ProposalForm {
        target: INVOICES.into(),
        title: "Statistics after the month end".into(),
        reason: "The month’s invoices were booked: the planner does not know them yet.".into(),
        date,
        time: "21:00".into(),
        ..ProposalForm::blank()
    };
    let number = propose_window::propose_window(engine, &bo, &form, None).await?.number;
    let text = "Ines, the bookings are over by then. Tell me if another evening suits you better.".to_owned();
    write_comment::write_comment(engine, &bo, number, &write_comment::Input { text }).await?;
    let digest = digest(engine, &bo, number).await?;
    let comment = "The auditors work on it that evening. Choose a day of the week after.".to_owned();
    let vote = cast_vote::Input { decision: "reject".into(), digest, comment, ..cast_vote::Input::default() };
    cast_vote::cast_vote(engine, &ines, number, &vote).await?;

    let (date, time) = wall(engine, SignedDuration::from_mins(5))?;
    let form = ProposalForm {
        target: TRIAL.into(),
        title: "Trial of the statistics".into(),
        reason: "Tried on the copy before the invoices themselves. Nobody works on it.".into(),
        date,
        time,
        fold: "first".into(),
        duration_min: "60".into(),
        ..ProposalForm::blank()
    };
    propose_window::propose_window(engine, &bo, &form, None).await?;

    let (date, _) = wall(engine, SignedDuration::from_hours(24 * 9))?;
    let form = ProposalForm {
        target: INVOICES.into(),
        procedure: monthly::KEY.into(),
        title: "Review of the month".into(),
        reason: "What grew, what slowed down, who may do what: nothing is changed.".into(),
        date,
        time: "21:00".into(),
        ..ProposalForm::blank()
    };
    propose_window::propose_window(engine, &bo, &form, None).await.map(drop)
}
