//! Rehearsals: demanded by a policy, found among the runs of the team, sealed into the plan, and asked for once more at the start.

use crate::house::{House, code};
use crate::rehearsed::{How, STAGING, demanded, ran, sign_off, staging};
use crate::series::Yard;
use crate::stage::When;
use domain::canonical::{self, Digest};
use domain::checklist::CheckState;
use domain::plan::Plan;
use domain::proposal::ProposalForm;
use domain::rehearsal::{Items, Rehearsal};
use domain::target::Environment;
use engine::actions::move_window::{self, move_window};
use engine::actions::open_run::{self, start_now};
use engine::actions::preview_proposal::preview_proposal;
use engine::actions::propose_window::propose_window;
use engine::queries::{self, proposals};
use engine::{Error, Result};
use sqlx::Connection as _;

async fn house() -> House {
    let house = House::new().await;
    staging(&house).await;
    house
}

/// The plan of a window as it is sealed now.
pub async fn plan(house: &House, number: i64) -> Plan {
    let bytes: Vec<u8> = sqlx::query_scalar(
        "SELECT p.bytes FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision WHERE w.number = $1",
    )
    .bind(number)
    .fetch_one(&house.admin)
    .await
    .expect("a plan");
    Plan::open(&bytes, house.digest(number).await).expect("sealed")
}

async fn propose(house: &House, form: &ProposalForm) -> Result<Option<Rehearsal>> {
    let number = propose_window(&house.engine, &house.engineer, form, None).await?.number;
    Ok(plan(house, number).await.rehearsal)
}

/// What is said at the field of the rehearsal, and at no other.
fn said<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(Error::Invalid(errors)) if errors.len() == 1 && errors[0].field == "rehearsal" => errors[0].message.clone(),
        other => panic!("expected a refusal at the rehearsal, got {other:?}"),
    }
}

#[tokio::test]
async fn a_demanded_rehearsal_is_asked_for_and_then_sealed_with_how_it_went() {
    let house = house().await;
    demanded(&house, 14).await;
    let form = house.form(3);
    let missing = said(propose(&house, &form).await);
    assert!(missing.contains("“Production”") && missing.contains("Nothing like it has run"), "{missing}");
    assert!(missing.contains(&format!("Propose it on {STAGING} first")), "{missing}");
    assert_eq!(said(preview_proposal(&house.engine, &house.engineer, &form, None).await), missing, "before a worker is asked");
    assert_eq!(house.count("SELECT count(*) FROM drydock.window").await, 0);
    let staged = ran(&house, How::NotSignedOff, |_| {}).await;
    let waits = said(propose(&house, &form).await);
    assert!(waits.contains(&format!("#{} on {STAGING} has ended, and its validation is not signed off yet.", staged.number)), "{waits}");
    sign_off(&house, &staged, false).await;

    let sealed = propose(&house, &form).await.expect("rehearsed").expect("in the bytes");
    assert_eq!((sealed.number, sealed.short_name.as_str(), sealed.environment), (staged.number, STAGING, Environment::Staging));
    assert_eq!(sealed.plan_digest, house.digest(staged.number).await);
    assert_eq!(sealed.items, Items { all: 1, done: 1, skipped: 0, left: 0 });
    assert_eq!(sealed.figures(), "took 4 min; 1 of 1 item done; all 6 checks passed");
    assert!(sealed.checks.iter().all(|check| check.state == CheckState::Passed) && sealed.findings.is_empty(), "{sealed:?}");
    assert_eq!((sealed.steps[0].step.as_str(), sealed.steps[0].work_ms), ("vacuum", 3_000));
    let list: Vec<u8> = sqlx::query_scalar("SELECT digest FROM drydock.work_list").fetch_one(&house.admin).await.expect("one");
    assert_eq!(sealed.work_list_digest, Digest::from_slice(&list));
}

#[tokio::test]
async fn what_ran_otherwise_does_not_count_and_the_newest_that_does_is_taken() {
    let house = house().await;
    demanded(&house, 14).await;
    let form = house.form(3);
    let refused = async |staged: crate::stage::Staged, says: &str| {
        let why = said(propose(&house, &form).await);
        assert!(why.contains(&format!("#{} on {STAGING} ", staged.number)) && why.contains(says), "{says}: {why}");
    };
    refused(ran(&house, How::Clean, |plan| plan.parameters.reindex_min_waste_mib = 1).await, "other thresholds").await;
    refused(ran(&house, How::Clean, |plan| plan.procedure.version += 1).await, "ran the procedure").await;
    refused(ran(&house, How::Failed, |_| {}).await, "completed with failures").await;
    refused(ran(&house, How::AcceptedRed, |_| {}).await, "a red check that somebody accepted").await;
    let (first, second) = (ran(&house, How::Clean, |_| {}).await, ran(&house, How::Clean, |_| {}).await);
    let failed = ran(&house, How::Failed, |_| {}).await;
    assert_eq!(propose(&house, &form).await.expect("rehearsed").map(|sealed| sealed.number), Some(second.number));
    let by_number = |number: i64| ProposalForm { rehearsal: format!("#{number}"), ..house.form(4) };
    assert_eq!(propose(&house, &by_number(first.number)).await.expect("that one").map(|sealed| sealed.number), Some(first.number));
    let why = said(propose(&house, &by_number(failed.number)).await);
    assert!(why.contains("completed with failures") && why.contains("Leave the field empty"), "{why}");
    assert!(said(propose(&house, &by_number(999)).await).contains("Window #999 has no run"));
}

#[tokio::test]
async fn its_age_is_taken_at_the_start_so_a_window_is_not_moved_away_from_it() {
    let house = house().await;
    demanded(&house, 5).await;
    ran(&house, How::Clean, |_| {}).await;
    assert!(said(propose(&house, &house.form(9)).await).contains("more than 5 days before the start"));
    let number = propose_window(&house.engine, &house.engineer, &house.form(3), None).await.expect("young enough").number;
    let later = house.form(9);
    let input = move_window::Input { revision: 1, date: later.date, time: later.time, fold: later.fold, ..Default::default() };
    assert!(said(move_window(&house.engine, &house.engineer, number, &input).await).contains("more than 5 days before the start"));
    let near = house.form(4);
    let input = move_window::Input { date: near.date, ..input };
    assert_eq!(move_window(&house.engine, &house.engineer, number, &input).await.expect("near enough"), 2);
    assert!(plan(&house, number).await.rehearsal.is_some());
}

#[tokio::test]
async fn where_nobody_demands_one_it_is_shown_when_there_is_one() {
    let house = house().await;
    assert_eq!(propose(&house, &house.form(3)).await.expect("nothing is demanded"), None);
    let staged = ran(&house, How::Clean, |_| {}).await;
    assert_eq!(propose(&house, &house.form(4)).await.expect("proposed").map(|sealed| sealed.number), Some(staged.number));
    let on_staging = ProposalForm { target: STAGING.into(), ..house.form(5) };
    assert_eq!(propose(&house, &on_staging).await.expect("proposed"), None, "nothing is lower here");
}

#[tokio::test]
async fn another_teams_run_rehearses_nothing() {
    let house = house().await;
    demanded(&house, 14).await;
    ran(&house, How::Clean, |_| {}).await;
    sqlx::query("UPDATE drydock.target SET environment = 'production' WHERE short_name = $1")
        .bind(STAGING)
        .execute(&house.admin)
        .await
        .expect("set");
    assert!(
        said(propose(&house, &house.form(3)).await).contains("Register a staging database"),
        "what became production is no lower place"
    );
    sqlx::query("UPDATE drydock.target SET environment = 'staging' WHERE short_name = $1")
        .bind(STAGING)
        .execute(&house.admin)
        .await
        .expect("set");
    let mut foreign = house.form(3);
    foreign.rehearsal = "1".into();
    sqlx::query(
        "WITH t AS (SELECT id FROM drydock.team WHERE short_name = 'billing')
         INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, created_by)
         SELECT gen_random_uuid(), t.id, 'billing-prod', 'Billing', dbms, host, port, 'billing', username, tls, 'production', zone, on_call, state, '{\"system_identifier\": \"10\", \"database\": \"billing\", \"database_oid\": 8}', created_by FROM drydock.target, t WHERE short_name = 'prod-orders'",
    )
    .execute(&house.admin)
    .await
    .expect("registered");
    foreign.target = "billing-prod".into();
    let why = said(propose_window(&house.engine, &house.foreigner, &foreign, None).await);
    assert!(why.contains("has no run that is over on a lower database of this team") && !why.contains(STAGING), "{why}");
}

#[tokio::test]
async fn an_earlier_wave_of_the_same_window_is_its_rehearsal() {
    let house = house().await;
    demanded(&house, 14).await;
    let form = |own: &str, staging: &str| {
        let waves = [("prod-orders", own), (STAGING, staging)].map(|(name, wave)| (name.to_owned(), wave.to_owned())).into();
        ProposalForm { waves, duration_min: "240".into(), ..house.form(3) }
    };
    for (own, below) in [("1", "1"), ("1", "2")] {
        assert!(said(propose(&house, &form(own, below)).await).contains("earlier wave of this window"), "{own} {below}");
    }
    assert_eq!(propose(&house, &form("2", "1")).await.expect("staging goes first"), None);
}

#[tokio::test]
async fn a_start_asks_for_the_stricter_of_both_policies() {
    let house = house().await;
    house.backed_up().await;
    let start =
        async |number: i64| start_now(&house.engine, &house.engineer, number, &open_run::Input { short_name: "prod-orders".into() }).await;
    let bare = house.staged(When::NOW, |_| {}).await;
    demanded(&house, 14).await;
    let Err(Error::Refused(refusal)) = start(bare.number).await else { panic!("it was never rehearsed") };
    assert_eq!(refusal.code, "rehearsal");
    assert!(refusal.message.contains("this plan has none") && refusal.way_out.contains("edit the window"), "{refusal}");
    let page = queries::windows::show(&house.engine, &house.engineer.actor, bare.number, None).await.expect("a page");
    assert!(page.blocked.iter().any(|blocker| blocker.what.contains("this plan has none")), "{:?}", page.blocked);
    sqlx::query("UPDATE drydock.window_target SET live = false").execute(&house.admin).await.expect("free");

    ran(&house, How::Clean, |_| {}).await;
    let rehearsed = house.staged(When::NOW, |_| {}).await;
    assert!(plan(&house, rehearsed.number).await.rehearsal.is_some());
    start(rehearsed.number).await.expect("everything is there");
    let run = house.count("SELECT count(*) FROM drydock.run WHERE state = 'waiting'").await;
    assert_eq!(run, 1);
}

#[tokio::test]
async fn the_database_takes_no_plan_that_lacks_it_or_makes_it_up() {
    let house = house().await;
    demanded(&house, 14).await;
    let (older, newer) = (ran(&house, How::Clean, |_| {}).await, ran(&house, How::Clean, |_| {}).await);
    let failed = ran(&house, How::Failed, |_| {}).await;
    let number = propose_window(&house.engine, &house.engineer, &house.form(3), None).await.expect("rehearsed").number;
    let good = plan(&house, number).await;
    let sealed = good.rehearsal.clone().expect("in the bytes");
    assert_eq!(sealed.number, newer.number);
    let failed_run: (uuid::Uuid, uuid::Uuid, Vec<u8>) = sqlx::query_as(
        "SELECT r.id, r.window_id, r.plan_digest FROM drydock.run r JOIN drydock.window w ON w.id = r.window_id WHERE w.number = $1",
    )
    .bind(failed.number)
    .fetch_one(&house.admin)
    .await
    .expect("a run");
    let with = |rehearsal: Rehearsal| Plan { rehearsal: Some(rehearsal), ..good.clone() };
    let late = |plan: Plan| {
        let mut plan = plan;
        plan.times.start = sealed.ended_at + jiff::SignedDuration::from_hours(24 * 14 + 1);
        plan
    };
    let other_thresholds = {
        let mut plan = good.clone();
        plan.parameters.reindex_min_waste_mib = 1;
        plan
    };
    let cases = [
        (good.clone(), None),
        (Plan { rehearsal: None, ..good.clone() }, Some("plan_rehearsal")),
        (late(good.clone()), Some("plan_rehearsal")),
        (with(Rehearsal { number: older.number, ..sealed.clone() }), Some("plan_rehearsal_true")),
        (with(Rehearsal { environment: Environment::Test, ..sealed.clone() }), Some("plan_rehearsal_true")),
        (with(Rehearsal { ended_at: good.times.start, ..sealed.clone() }), Some("plan_rehearsal_true")),
        (with(Rehearsal { run: domain::ids::RunId(uuid::Uuid::nil()), ..sealed.clone() }), Some("plan_rehearsal_true")),
        (
            with(Rehearsal {
                run: domain::ids::RunId(failed_run.0),
                window: domain::ids::WindowId(failed_run.1),
                plan_digest: Digest::from_slice(&failed_run.2).expect("32 bytes"),
                number: failed.number,
                ..sealed.clone()
            }),
            Some("plan_rehearsal_true"),
        ),
        (other_thresholds, Some("plan_rehearsal_true")),
    ];
    for (place, (mut plan, refused)) in cases.into_iter().enumerate() {
        for replica in [false, true] {
            plan.revision = 9;
            let (bytes, digest) = plan.seal().expect("integers only");
            let mut db = house.admin.acquire().await.expect("a connection");
            let mut within = db.begin().await.expect("begun");
            let role = if replica { "SET LOCAL session_replication_role = replica" } else { "SELECT 1" };
            sqlx::query(role).execute(&mut *within).await.expect("a superuser");
            let inserted =
                sqlx::query("INSERT INTO drydock.plan (window_id, digest, revision, bytes, sealed_by) VALUES ($1, $2, 9, $3, $4)")
                    .bind(plan.window.0)
                    .bind(digest.0.as_slice())
                    .bind(bytes)
                    .bind(house.lead.actor.person.0)
                    .execute(&mut *within)
                    .await;
            let constraint = match inserted {
                Ok(_) => None,
                Err(sqlx::Error::Database(error)) => Some(error.constraint().unwrap_or_else(|| panic!("{error}")).to_owned()),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(constraint.as_deref(), refused, "case {place}, replica {replica}");
            within.rollback().await.expect("undone");
        }
    }
    assert_eq!(canonical::digest("plan", &good.seal().expect("integers only").0), house.digest(number).await);
}

#[tokio::test]
async fn a_series_waits_for_its_rehearsal_and_takes_it_when_it_is_there() {
    let yard = Yard::new().await;
    staging(&yard.house).await;
    demanded(&yard.house, 14).await;
    let id = yard.made(&yard.daily(2, 1)).await;
    assert_eq!(yard.look(id).await, [0_i64; 0]);
    let (stuck, why): (String, String) =
        sqlx::query_as("SELECT code, message FROM drydock.series_stuck").fetch_one(&yard.house.admin).await.expect("a row");
    assert_eq!(stuck, "rehearsal");
    assert!(why.contains(&format!("Propose it on {STAGING} first")), "{why}");
    let staged = ran(&yard.house, How::Clean, |_| {}).await;
    let born = yard.look(id).await;
    assert_eq!(born.len(), 1);
    assert_eq!(plan(&yard.house, born[0]).await.rehearsal.map(|sealed| sealed.number), Some(staged.number));
    assert_eq!(yard.house.count("SELECT count(*) FROM drydock.series_stuck").await, 0);
}

#[tokio::test]
async fn the_page_before_sealing_shows_what_would_be_sealed_and_what_is_in_the_way() {
    let house = house().await;
    ran(&house, How::Clean, |_| {}).await;
    let look = preview_proposal(&house.engine, &house.engineer, &house.form(3), None).await.expect("asked");
    let page = proposals::seal(&house.engine, &house.engineer.actor, look, None).await.expect("a page");
    assert!(page.rehearsal.as_ref().is_ok_and(Option::is_some) && page.obstacles().is_empty(), "{:?}", page.obstacles());
    demanded(&house, 1).await;
    let page = proposals::seal(&house.engine, &house.engineer.actor, look, None).await.expect("a page");
    assert!(page.obstacles().iter().any(|line| line.contains("more than 1 day before the start")), "{:?}", page.obstacles());
    assert!(page.approvers[0].rehearsal.as_ref().is_some_and(|said| said.contains("at most 1 day before the start")));
    assert_eq!(code(propose_window(&house.engine, &house.engineer, &house.form(3), None).await), "rehearsal");
}
