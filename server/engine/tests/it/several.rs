//! Several databases in one proposal: who is asked, whose votes it takes, what is refused by name, and what a worker is asked.

use crate::feeds::{given, made};
use crate::house::{House, code, person, with_account};
use domain::approval::Policy;
use domain::canonical::Digest;
use domain::examination::PreviewAnswer;
use domain::ids::{ExaminationId, TargetId};
use domain::people::{GlobalRole, TeamRole};
use domain::plan::Plan;
use domain::procedure::{RiskClass, Selection};
use domain::proposal::ProposalForm;
use domain::view::calendar::{Page, Place};
use domain::view::departures::Follows;
use domain::view::windows::Filter;
use domain::view::windows::propose::{Look, by_tag};
use domain::window::WindowState;
use engine::actions::amend_window::amend_window;
use engine::actions::preview_proposal::preview_proposal;
use engine::actions::propose_window::propose_window;
use engine::actions::{Caller, cast_vote};
use engine::queries::proposals::{check_times, choose, new_form, seal};
use engine::queries::{self, windows::show};
use engine::{Error, Result};
use std::collections::BTreeMap;

/// The house with two more databases of its team: `staging-orders`, and `prod-invoices` whose stakeholder is Ines.
pub struct Estate {
    pub house: House,
    ines: Caller,
    invoices: TargetId,
}

/// Another database of the house's team, like the first one.
pub async fn database(house: &House, name: &str, environment: &str, stakeholder: &Caller) -> TargetId {
    let id = engine::clock::new_id::<TargetId>();
    sqlx::query(
        "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, tags, created_by)
         SELECT $1, team_id, $2, $2, dbms, host, port, $2, username, tls, $3, zone, on_call, state, jsonb_build_object('system_identifier', '8-' || $2, 'database', $2, 'database_oid', 6), '{orders}', created_by
         FROM drydock.target WHERE id = $4",
    )
    .bind(id.0)
    .bind(name)
    .bind(environment)
    .bind(house.target.0)
    .execute(&house.admin)
    .await
    .expect("registered");
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
        .bind(id.0)
        .bind(stakeholder.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a stakeholder");
    id
}

impl Estate {
    pub async fn new() -> Self {
        let house = House::new().await;
        let ines = person(&house.admin, "Ines", Some((house.team, TeamRole::Stakeholder, false)), &[]).await;
        database(&house, "staging-orders", "staging", &house.stakeholder).await;
        let invoices = database(&house, "prod-invoices", "production", &ines).await;
        Self { house, ines, invoices }
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.house.admin).await.expect(sql);
    }

    /// A form on `prod-orders` and these others.
    pub fn form(&self, waves: &[(&str, &str)]) -> ProposalForm {
        let waves: BTreeMap<String, String> = waves.iter().map(|(name, wave)| ((*name).to_owned(), (*wave).to_owned())).collect();
        ProposalForm { waves, soak_min: "15".into(), ..self.house.form(3) }
    }

    pub async fn propose(&self, waves: &[(&str, &str)]) -> Result<i64> {
        Ok(propose_window(&self.house.engine, &self.house.engineer, &self.form(waves), None).await?.number)
    }

    pub async fn plan(&self, number: i64) -> Plan {
        let (bytes, digest): (Vec<u8>, Vec<u8>) = sqlx::query_as(
            "SELECT p.bytes, p.digest FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision WHERE w.number = $1",
        )
        .bind(number)
        .fetch_one(&self.house.admin)
        .await
        .expect("a plan");
        Plan::open(&bytes, Digest::from_slice(&digest).expect("32 bytes")).expect("sealed")
    }

    async fn approve(&self, who: &Caller, number: i64) -> Result<WindowState> {
        let digest = self.house.digest(number).await.hex();
        let input =
            cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..cast_vote::Input::default() };
        Ok(cast_vote::cast_vote(&self.house.engine, who, number, &input).await?.state)
    }

    /// Who was asked for a decision, by name.
    async fn asked(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT p.name FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'approval_needed' ORDER BY p.name",
        )
        .fetch_all(&self.house.admin)
        .await
        .expect("names")
    }
}

fn said(result: Result<i64>) -> Vec<(String, String)> {
    match result {
        Err(Error::Invalid(errors)) => errors.into_iter().map(|error| (error.field, error.message)).collect(),
        other => panic!("expected wrong fields, got {other:?}"),
    }
}

#[tokio::test]
async fn lists_name_the_environments_of_all_databases_and_a_feed_its_own_database() {
    let estate = Estate::new().await;
    let (house, lead) = (&estate.house, &estate.house.lead);
    with_account(house, lead).await;
    let number = estate.propose(&[("staging-orders", "1")]).await.expect("a good proposal");
    let both = "production, staging";
    let of = |name: &str| (format!("{name} and 1 more"), both.to_owned());
    let list = async |filter| queries::windows::list(&house.engine, &lead.actor, &filter).await.expect("a list").rows;
    let rows = list(Filter::default()).await;
    assert_eq!((rows[0].database.clone(), rows[0].environments.clone()), of("prod-orders"));
    let found = list(Filter { environment: "staging".into(), ..Filter::default() }).await;
    assert_eq!((found[0].database.clone(), found[0].environments.clone()), of("staging-orders"), "found by one, it is of both");
    let soon = queries::home::home(&house.engine, &lead.actor).await.expect("a page").soon.lines;
    assert_eq!(soon[0].environments, both);
    let start = show(&house.engine, &lead.actor, number, None).await.expect("the page").head;
    assert_eq!(start.environments, both);
    let date = start.moments.start.to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let place = Place::read(Page::Calendar, |name| (name == "date").then(|| date.clone()));
    let days = queries::calendar::calendar(&house.engine, &lead.actor, &place).await.expect("a calendar").days;
    let entries: Vec<&str> = days.iter().flat_map(|day| &day.entries).map(|entry| entry.environments.as_str()).collect();
    assert_eq!(entries, [both]);
    for (about, name) in
        [("database:staging-orders", "staging-orders"), ("database:prod-orders", "prod-orders"), ("team:orders", "prod-orders")]
    {
        let events = given(house, &made(house, lead, about).await).await.events;
        let said: Vec<(String, String)> = events.into_iter().map(|event| (event.database, event.environments)).collect();
        assert_eq!(said, [of(name)], "{about}");
    }
    let others = given(house, &made(house, lead, "database:prod-invoices").await).await.events;
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn the_order_and_each_policy_are_sealed_and_everybody_is_asked() {
    let estate = Estate::new().await;
    let number = estate.propose(&[("prod-orders", "2"), ("prod-invoices", "2"), ("staging-orders", "1")]).await.expect("proposed");
    let plan = estate.plan(number).await;
    let names: Vec<&str> = plan.targets.iter().map(|target| target.short_name.as_str()).collect();
    assert_eq!(names, ["prod-orders", "staging-orders", "prod-invoices"], "the form's own first, then wave by wave");
    assert_eq!(plan.targets.iter().map(|target| plan.wave_of(target.id)).collect::<Vec<_>>(), [2, 1, 2]);
    assert_eq!(plan.waves.as_ref().map(|waves| waves.soak_min), Some(15));
    let asks: Vec<(&str, &str)> = plan.asks().map(|(target, policy, _)| (target.short_name.as_str(), policy.name.as_str())).collect();
    assert_eq!(asks.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
    let sealed: Vec<bool> = plan.asks().map(|(.., eligible)| eligible["stakeholder"].contains(&estate.ines.actor.person)).collect();
    assert_eq!(sealed, [false, false, true], "each list has its own people");
    assert_eq!(estate.asked().await, ["Dario", "Ines", "Lena", "Sten"]);
    let kept: Vec<(i32, i32)> = sqlx::query_as("SELECT position, wave FROM drydock.window_target ORDER BY position")
        .fetch_all(&estate.house.admin)
        .await
        .expect("rows");
    assert_eq!(kept, [(1, 2), (2, 1), (3, 2)]);
}

#[tokio::test]
async fn every_database_has_to_be_agreed_to_by_its_own_people() {
    let estate = Estate::new().await;
    let number = estate.propose(&[("prod-invoices", "1")]).await.expect("proposed");
    assert_eq!(estate.approve(&estate.house.stakeholder, number).await.expect("asked"), WindowState::Proposed);
    assert_eq!(estate.approve(&estate.house.lead, number).await.expect("asked"), WindowState::Proposed, "nobody of the invoices was heard");
    let page = show(&estate.house.engine, &estate.house.deputy.actor, number, None).await.expect("the page");
    let missing: Vec<String> = page.blocked.iter().map(|blocker| blocker.what.clone()).collect();
    assert_eq!(missing, ["prod-invoices: One stakeholder of the database has to approve."]);
    assert_eq!(estate.approve(&estate.ines, number).await.expect("asked"), WindowState::Approved);
    let (live, count): (bool, i64) =
        sqlx::query_as("SELECT bool_and(live), count(*) FROM drydock.window_target").fetch_one(&estate.house.admin).await.expect("rows");
    assert_eq!((live, count), (true, 2), "both are taken");
}

#[tokio::test]
async fn whoever_leaves_one_database_counts_for_it_no_more() {
    let estate = Estate::new().await;
    let number = estate.propose(&[("prod-invoices", "1")]).await.expect("proposed");
    for who in [&estate.house.stakeholder, &estate.house.lead, &estate.ines] {
        estate.approve(who, number).await.expect("asked");
    }
    assert_eq!(estate.house.state(number).await, "approved");
    let ana = person(&estate.house.admin, "Ana", None, &[GlobalRole::Admin]).await;
    let departure = queries::departures::show(&estate.house.engine, &ana.actor, estate.ines.actor.person).await.expect("what hangs on her");
    assert_eq!(departure.votes.iter().map(|vote| (vote.number, vote.follows)).collect::<Vec<_>>(), [(number, Follows::LosesQuorum)]);
    sqlx::query("DELETE FROM drydock.target_stakeholder WHERE target_id = $1")
        .bind(estate.invoices.0)
        .execute(&estate.house.admin)
        .await
        .expect("gone");
    let page = show(&estate.house.engine, &estate.house.deputy.actor, number, None).await.expect("the page");
    assert!(!page.standing.approved, "{:?}", page.standing);
}

#[tokio::test]
async fn a_policy_that_asks_nobody_does_not_speak_for_the_other_database() {
    let estate = Estate::new().await;
    // Staging approves what it may approve beforehand; production does not.
    let mut rules = Policy::development();
    rules.pre_approved = Some(RiskClass::R3);
    estate.house.ruled_by("Beforehand", "staging", &rules).await;
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT id, $1 FROM drydock.target WHERE short_name = 'staging-orders'")
        .bind(estate.ines.actor.person.0)
        .execute(&estate.house.admin)
        .await
        .expect("a stakeholder of staging");
    let number = estate.propose(&[("staging-orders", "1"), ("prod-orders", "2")]).await.expect("proposed");
    assert_eq!(estate.house.state(number).await, "proposed");
    assert_eq!(estate.asked().await, ["Dario", "Lena", "Sten"], "whom production asks");
    let told = |who: &Caller| {
        let (engine, actor) = (estate.house.engine.clone(), who.actor.clone());
        async move {
            let home = queries::home::home(&engine, &actor).await.expect("the first page");
            let list = queries::windows::list(&engine, &actor, &Filter::default()).await.expect("the list");
            (home.waiting.lines.iter().any(|line| line.number == number), list.rows.iter().any(|row| row.waits_for_reader))
        }
    };
    assert_eq!(told(&estate.house.stakeholder).await, (true, true), "production asks him");
    // Only staging, which asks nobody, knows her.
    assert_eq!(told(&estate.ines).await, (false, false), "nobody asked her");
    estate.approve(&estate.house.stakeholder, number).await.expect("asked");
    assert_eq!(estate.approve(&estate.house.lead, number).await.expect("asked"), WindowState::Approved);
}

#[tokio::test]
async fn what_cannot_be_planned_together_is_named() {
    let estate = Estate::new().await;
    estate.run("INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, created_by)
                SELECT gen_random_uuid(), (SELECT id FROM drydock.team WHERE short_name = 'billing'), 'billing', 'billing', dbms, host, port, 'b', username, tls, environment, zone, on_call, state, created_by FROM drydock.target WHERE short_name = 'prod-orders'").await;
    let foreign = said(estate.propose(&[("billing", "1")]).await);
    assert_eq!(foreign, [("wave.billing".to_owned(), "There is no database with this name. Choose one from the list.".to_owned())]);
    estate.run("UPDATE drydock.target SET dbms = 'mariadb' WHERE short_name = 'staging-orders'").await;
    let kinds = said(estate.propose(&[("staging-orders", "1"), ("no-such", "1")]).await);
    assert_eq!(kinds.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["wave.no-such", "wave.staging-orders"]);
    assert!(kinds[1].1.starts_with("staging-orders is another kind of server than prod-orders"), "{kinds:?}");
    estate.run("UPDATE drydock.target SET dbms = 'postgresql', state = 'unverified' WHERE short_name = 'staging-orders'").await;
    assert_eq!(said(estate.propose(&[("staging-orders", "1")]).await)[0].0, "wave.staging-orders");
}

#[tokio::test]
async fn times_are_checked_on_every_database() {
    let estate = Estate::new().await;
    let other = ProposalForm { target: "prod-invoices".into(), ..estate.house.form(3) };
    let taken = propose_window(&estate.house.engine, &estate.house.engineer, &other, None).await.expect("proposed").number;
    estate.run("UPDATE drydock.window_target SET live = true").await;
    let refused = said(estate.propose(&[("prod-invoices", "1"), ("staging-orders", "2")]).await);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].1.starts_with(&format!("prod-invoices: This overlaps #{taken}")), "{refused:?}");
    let check = check_times(&estate.house.engine, &estate.house.engineer.actor, &estate.form(&[("prod-invoices", "1")]), None)
        .await
        .expect("an answer");
    assert_eq!(
        check.overlaps.iter().map(|overlap| (overlap.number, overlap.on.as_deref())).collect::<Vec<_>>(),
        [(taken, Some("prod-invoices"))]
    );
    estate.run("UPDATE drydock.window_target SET live = false").await;
    sqlx::query("INSERT INTO drydock.freeze (id, name, reason, scope, environment, zone, start_at, end_at, created_by) VALUES (gen_random_uuid(), 'Staging rests', 'Moving.', 'environment', 'staging', 'Europe/Berlin', now() - interval '1 day', now() + interval '9 days', $1)")
        .bind(estate.house.lead.actor.person.0)
        .execute(&estate.house.admin)
        .await
        .expect("a freeze");
    let frozen = said(estate.propose(&[("staging-orders", "2")]).await);
    assert!(frozen[0].1.starts_with("staging-orders: ") && frozen[0].1.contains("Staging rests"), "{frozen:?}");
    // A freeze of all of them is told once, and so are the times that are free on all.
    sqlx::query("INSERT INTO drydock.freeze (id, name, reason, scope, zone, start_at, end_at, created_by) VALUES (gen_random_uuid(), 'Everything rests', 'Moving.', 'everything', 'Europe/Berlin', now() - interval '1 day', now() + interval '9 days', $1)")
        .bind(estate.house.lead.actor.person.0)
        .execute(&estate.house.admin)
        .await
        .expect("a freeze");
    let frozen = said(estate.propose(&[("staging-orders", "2"), ("prod-invoices", "1")]).await);
    assert_eq!(frozen.len(), 1, "{frozen:?}");
    let told = &frozen[0].1;
    assert!(told.starts_with("prod-orders, prod-invoices, staging-orders: The freeze “Everything rests”"), "{told}");
    assert!(told.matches("Everything rests").count() == 1 && told.contains("staging-orders: The freeze “Staging rests”"), "{told}");
}

#[tokio::test]
async fn waves_that_do_not_fit_are_refused_with_the_ways_out() {
    let estate = Estate::new().await;
    let form = ProposalForm { soak_min: "120".into(), ..estate.form(&[("staging-orders", "1"), ("prod-orders", "2")]) };
    let refused = said(propose_window(&estate.house.engine, &estate.house.engineer, &form, None).await.map(|new| new.number));
    assert_eq!(refused[0].0, "duration_min");
    let longer = ProposalForm { duration_min: "240".into(), ..form };
    propose_window(&estate.house.engine, &estate.house.engineer, &longer, None).await.expect("four hours suffice");
}

#[tokio::test]
async fn each_database_is_looked_at_and_what_was_found_is_kept() {
    let estate = Estate::new().await;
    let form = estate.form(&[("staging-orders", "1"), ("prod-orders", "2")]);
    let look = preview_proposal(&estate.house.engine, &estate.house.engineer, &form, None).await.expect("asked");
    let waiting = seal(&estate.house.engine, &estate.house.engineer.actor, look, None).await.expect("a page");
    assert_eq!(
        waiting.looks().map(|(name, look)| (name, matches!(look, Look::Waiting(_)))).collect::<Vec<_>>(),
        [(Some("prod-orders"), true), (Some("staging-orders"), true)]
    );
    assert!(waiting.obstacles().is_empty(), "{:?}", waiting.obstacles());
    assert!(waiting.asked().starts_with("3 people are asked"), "each person once, Dario, Lena and Sten: {}", waiting.asked());
    let answer = PreviewAnswer { measured_at: "2026-11-20T12:00:00Z".into(), selection: Selection::default(), trial: None };
    sqlx::query("UPDATE drydock.examination SET state = 'answered', answer = $1, answered_at = clock_timestamp() WHERE kind = 'preview'")
        .bind(serde_json::to_value(answer).expect("json"))
        .execute(&estate.house.admin)
        .await
        .expect("answers");
    let found = seal(&estate.house.engine, &estate.house.engineer.actor, look, None).await.expect("a page");
    assert!(found.looks().all(|(_, look)| matches!(look, Look::Found(_))));
    assert_eq!(found.form, form, "nothing typed is lost");
    let number = propose_window(&estate.house.engine, &estate.house.engineer, &form, Some(look)).await.expect("sealed").number;
    let page = show(&estate.house.engine, &estate.house.deputy.actor, number, None).await.expect("the page");
    assert_eq!(page.previews.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["prod-orders", "staging-orders"]);
    assert!(page.preview.is_none());
}

#[tokio::test]
async fn a_tag_chooses_every_database_and_production_comes_last() {
    let estate = Estate::new().await;
    estate.run("UPDATE drydock.target SET tags = '{orders}' WHERE short_name = 'prod-orders'").await;
    let databases = choose(&estate.house.engine, &estate.house.engineer.actor).await.expect("databases");
    let names = ["prod-invoices", "prod-orders", "staging-orders"].map(str::to_owned).to_vec();
    assert_eq!(by_tag(&databases), [("orders".to_owned(), "orders".to_owned(), names)]);
    let page = new_form(&estate.house.engine, &estate.house.engineer.actor, "prod-orders", Some("orders"), None).await.expect("a form");
    let waves =
        [("prod-invoices", "2"), ("prod-orders", "2"), ("staging-orders", "1")].map(|(name, wave)| (name.to_owned(), wave.to_owned()));
    assert_eq!(page.form.waves, BTreeMap::from(waves));
    let on: Vec<Vec<String>> = page.approvers.iter().map(|approvers| approvers.on.clone()).collect();
    assert_eq!(on.concat().len(), 3, "each database is asked for: {on:?}");
}

#[tokio::test]
async fn an_edit_may_add_and_leave_out_databases_but_not_the_first() {
    let estate = Estate::new().await;
    let number = estate.propose(&[("staging-orders", "1")]).await.expect("proposed");
    let amend = async |revision, form: ProposalForm| {
        amend_window(&estate.house.engine, &estate.house.engineer, number, revision, &form, None).await
    };
    assert_eq!(amend(1, estate.form(&[("prod-invoices", "2")])).await.expect("sealed"), 2);
    let names: Vec<String> = estate.plan(number).await.targets.into_iter().map(|target| target.short_name).collect();
    assert_eq!(names, ["prod-orders", "prod-invoices"]);
    assert_eq!(amend(2, estate.form(&[])).await.expect("sealed"), 3);
    assert!(!estate.plan(number).await.is_many());
    let other = ProposalForm { target: "prod-invoices".into(), ..estate.form(&[("prod-orders", "1")]) };
    assert_eq!(code(amend(3, other).await), "target");
}

#[tokio::test]
async fn a_window_is_listed_once_and_fed_once() {
    let estate = Estate::new().await;
    let number = estate.propose(&[("staging-orders", "1"), ("prod-invoices", "2")]).await.expect("proposed");
    let list = queries::windows::list(&estate.house.engine, &estate.house.engineer.actor, &domain::view::windows::list::Filter::default())
        .await
        .expect("a list");
    let rows: Vec<(i64, &str)> = list.rows.iter().map(|row| (row.number, row.database.as_str())).collect();
    assert_eq!(rows, [(number, "prod-orders and 2 more")]);
    let waits = async |who: &Caller| {
        let page = queries::windows::list(&estate.house.engine, &who.actor, &domain::view::windows::list::Filter::default())
            .await
            .expect("a list");
        page.rows[0].waits_for_reader
    };
    assert!(waits(&estate.ines).await, "her database is the last one");
    assert!(!waits(&estate.house.engineer).await);
}

/// Kept apart from what it is about: a look of one database is not taken for another's.
#[tokio::test]
async fn a_look_of_another_form_is_not_kept() {
    let estate = Estate::new().await;
    let one: ExaminationId =
        preview_proposal(&estate.house.engine, &estate.house.engineer, &estate.house.form(3), None).await.expect("asked");
    let number = propose_window(&estate.house.engine, &estate.house.engineer, &estate.form(&[("staging-orders", "1")]), Some(one))
        .await
        .expect("sealed")
        .number;
    let page = show(&estate.house.engine, &estate.house.deputy.actor, number, None).await.expect("the page");
    assert!(page.previews.is_empty());
}
