//! Measuring a database with planted defects, selecting by need, doing the work, and finding nothing more to do.

use super::target_support::{MAINTAINER, STRANGER, Target, run};
use domain::plan::PlanQuery;
use domain::procedure::memory::Memory;
use domain::procedure::probe::Colour;
use domain::procedure::select::{Selection, step};
use domain::procedure::{Envelope, Object, Parameters, RiskClass, trim, weekly_postgresql, within};
use domain::run::Outcome;
use engine::target::identity::StableIdentity;
use engine::target::postgres::measure::{self, Rates};
use engine::target::postgres::preflight::preflight;
use engine::target::postgres::survey::{Asked, Surveyed, survey};
use engine::target::report;
use std::time::Duration;

/// Thresholds small enough for a test database.
fn small() -> Parameters {
    Parameters { reindex_min_waste_mib: 1, reindex_large_min_waste_mib: 1, analyze_max_age_days: 1, ..Parameters::default() }
}

fn steps() -> Vec<String> {
    weekly_postgresql().surveyed()
}

/// What a role finds for some steps, on the objects that are admitted.
pub async fn look_for(target: &Target, user: &str, steps: &[String], admits: &(dyn Fn(&Object) -> bool + Send + Sync)) -> Selection {
    look_with(target, user, steps, admits, &small()).await
}

/// The same with other thresholds.
pub async fn look_with(
    target: &Target,
    user: &str,
    steps: &[String],
    admits: &(dyn Fn(&Object) -> bool + Send + Sync),
    parameters: &Parameters,
) -> Selection {
    survey_with(target, user, steps, admits, parameters, &Memory::default()).await.selection
}

/// The same, with what was measured earlier, and all that comes of it.
pub async fn survey_with(
    target: &Target,
    user: &str,
    steps: &[String],
    admits: &(dyn Fn(&Object) -> bool + Send + Sync),
    parameters: &Parameters,
    memory: &Memory,
) -> Surveyed {
    survey_of(target, user, (steps, &[]), admits, parameters, memory).await
}

/// The same with critical queries.
pub async fn survey_of(
    target: &Target,
    user: &str,
    (steps, queries): (&[String], &[PlanQuery]),
    admits: &(dyn Fn(&Object) -> bool + Send + Sync),
    parameters: &Parameters,
    memory: &Memory,
) -> Surveyed {
    let (link, rates, exact_within) = (target.link(user).await, Rates::default(), Duration::from_secs(30));
    let asked = Asked { steps, parameters, rates: &rates, admits, queries, memory, exact_within, budget_ms: 3_600_000 };
    survey(&link, &asked).await.expect("readable")
}

async fn look(target: &Target, user: &str) -> Selection {
    look_for(target, user, &steps(), &|_| true).await
}

async fn selected(target: &Target) -> Selection {
    look(target, MAINTAINER).await
}

fn objects<'a>(selection: &'a Selection, key: &str) -> Vec<&'a str> {
    selection.items.iter().filter(|item| item.step == key).map(|item| item.object.name.name()).collect()
}

/// Dead rows, a bloated index that its density hides, never analysed tables, names that bite.
async fn neglected() -> Target {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int PRIMARY KEY, customer text);
             INSERT INTO shop.orders SELECT n, 'c' || n FROM generate_series(1, 20000) n;
             DELETE FROM shop.orders WHERE id > 5000;
             CREATE TABLE shop.visits (id int, kind int);
             INSERT INTO shop.visits SELECT n, n % 20 FROM generate_series(1, 500000) n;
             CREATE INDEX visits_kind ON shop.visits (kind);
             CREATE INDEX \"visits.by\"\" id\" ON shop.visits (id);
             DELETE FROM shop.visits WHERE id > 125000;
             CREATE TABLE shop.\"Mixed \"\"Q\"\" Tab\" (id int);
             INSERT INTO shop.\"Mixed \"\"Q\"\" Tab\" SELECT generate_series(1, 100);
             CREATE TABLE shop.fresh (id int PRIMARY KEY);
             INSERT INTO shop.fresh SELECT generate_series(1, 100000);
             CREATE TABLE shop.empty (id int)",
        )
        .await;
    target.plant("VACUUM shop.visits").await;
    target.plant("ANALYZE shop.fresh").await;
    target
}

#[tokio::test]
async fn a_whole_week_finds_the_defects_mends_them_and_finds_nothing_more() {
    let target = neglected().await;
    let selection = selected(&target).await;
    assert_eq!(objects(&selection, step::VACUUM), ["orders"]);
    // By density of its leaves this index looks healthy, and by the estimator nearly so: three quarters of it are empty.
    let mut reindex = objects(&selection, step::REINDEX);
    reindex.sort_unstable();
    assert_eq!(reindex, ["visits.by\" id", "visits_kind"]);
    let mut analyze = objects(&selection, step::ANALYZE);
    analyze.sort_unstable();
    assert_eq!(analyze, ["Mixed \"Q\" Tab", "orders", "visits"]);
    assert_eq!(selection.passed_over, []);
    for item in &selection.items {
        assert!(item.object.oid > 0 && item.bytes > 0 && item.estimate.high_ms >= 1_000 && !item.measure.sentence.is_empty(), "{item:?}");
    }

    let envelope = Envelope {
        steps: steps(),
        allowed: vec![],
        excluded: vec![],
        highest_risk: RiskClass::R1,
        most_objects: 50,
        most_bytes: 1 << 40,
        scripts: vec![],
    };
    let (list, violations) = trim(&envelope, selection);
    assert_eq!((violations, within(&envelope, &list)), (vec![], vec![]));
    for item in &list.items {
        let result = target.carry_out(item, &small()).await;
        assert_eq!(result.verdict.outcome, Outcome::Done, "{}: {result:?}", item.statement);
    }
    let left = selected(&target).await;
    // The rows deleted from shop.orders still leave its index sparse: that shows only after the VACUUM.
    assert!(left.items.iter().all(|item| item.step == step::REINDEX && item.object.name.name() == "orders_pkey"), "{left:?}");
}

#[tokio::test]
async fn what_a_plan_excludes_is_not_even_measured() {
    let target = neglected().await;
    let envelope = Envelope {
        steps: steps(),
        allowed: vec![],
        excluded: vec!["shop.visits".parse().expect("a rule")],
        highest_risk: RiskClass::R1,
        most_objects: 50,
        most_bytes: 1 << 40,
        scripts: vec![],
    };
    let found = look_for(&target, MAINTAINER, &steps(), &|object| envelope.admits(object)).await;
    let seen = serde_json::to_string(&found).expect("text and integers");
    assert!(!seen.contains("visits") && seen.contains("orders"), "{seen}");
}

#[tokio::test]
async fn what_cannot_be_seen_or_done_is_reported() {
    let target = neglected().await;
    let blind = look(&target, STRANGER).await;
    assert_eq!(blind.items, [], "a stranger may do nothing");
    assert!(
        blind.passed_over.iter().any(|passed| passed.object.name.name() == "orders" && passed.reason.contains("role may not")),
        "{blind:?}"
    );

    target.plant("DROP EXTENSION pgstattuple").await;
    let unmeasured = selected(&target).await;
    assert_eq!(objects(&unmeasured, step::REINDEX), [""; 0], "an estimate alone decides nothing");
    assert!(
        unmeasured.passed_over.iter().any(|passed| passed.object.name.name() == "visits_kind" && passed.reason.contains("pgstattuple")),
        "{unmeasured:?}"
    );
}

#[tokio::test]
async fn a_locked_table_does_not_stop_the_survey() {
    let target = neglected().await;
    let mut holder = target.admin().await;
    run(&mut holder, "BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE").await;
    let selection = selected(&target).await;
    assert!(
        objects(&selection, step::VACUUM).contains(&"orders") && objects(&selection, step::ANALYZE).contains(&"visits"),
        "{selection:?}"
    );
}

#[tokio::test]
async fn stale_statistics_are_told_by_change_by_age_and_on_parents() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.changed (id int); INSERT INTO shop.changed SELECT generate_series(1, 10000);
             CREATE TABLE shop.touched (id int); INSERT INTO shop.touched SELECT generate_series(1, 10000);
             CREATE TABLE shop.events (id int, day date) PARTITION BY RANGE (day);
             CREATE TABLE shop.events_1 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
             INSERT INTO shop.events SELECT n, '2026-05-05' FROM generate_series(1, 1000) n",
        )
        .await;
    target.plant("ANALYZE shop.changed; ANALYZE shop.touched; ANALYZE shop.events_1").await;
    target.plant_as_owner("UPDATE shop.changed SET id = id WHERE id <= 1001; UPDATE shop.touched SET id = id WHERE id <= 1000").await;
    let selection = selected(&target).await;
    let mut names = objects(&selection, step::ANALYZE);
    names.sort_unstable();
    assert_eq!(names, ["changed", "events"], "1,000 changes of 10,000 rows are not more than the limit; nobody ever analysed the parent");
    for item in &selection.items {
        assert_eq!(target.carry_out(item, &small()).await.verdict.outcome, Outcome::Done, "{}", item.statement);
    }
    assert_eq!(objects(&selected(&target).await, step::ANALYZE), [""; 0]);
}

#[tokio::test]
async fn autovacuum_settings_of_a_table_move_its_threshold() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.patient (id int) WITH (autovacuum_vacuum_scale_factor = 0.9);
             CREATE TABLE shop.eager (id int) WITH (autovacuum_vacuum_threshold = 10, autovacuum_vacuum_scale_factor = 0);
             CREATE TABLE shop.off (id int) WITH (autovacuum_enabled = false);
             INSERT INTO shop.patient SELECT generate_series(1, 10000);
             INSERT INTO shop.eager SELECT generate_series(1, 10000);
             INSERT INTO shop.off SELECT generate_series(1, 10000)",
        )
        .await;
    target.plant("ANALYZE shop.patient; ANALYZE shop.eager; ANALYZE shop.off").await;
    target
        .plant_as_owner(
            "DELETE FROM shop.patient WHERE id <= 5000; DELETE FROM shop.eager WHERE id <= 1000; DELETE FROM shop.off WHERE id <= 1000",
        )
        .await;
    let link = target.link(MAINTAINER).await;
    let major = report::major(&link).await.expect("a version");
    let found = measure::vacuum_rows(&link, major, &Rates::default()).await.expect("readable");
    let trigger = |name: &str| found.iter().find(|row| row.object.name.name() == name).map(|row| (row.trigger_rows, row.autovacuum_off));
    assert_eq!((trigger("patient"), trigger("eager"), trigger("off")), (Some((9_050, false)), Some((10, false)), Some((2_050, true))));
    let mut chosen: Vec<String> =
        selected(&target).await.items.iter().filter(|item| item.step == step::VACUUM).map(|item| item.object.name.to_string()).collect();
    chosen.sort_unstable();
    assert_eq!(chosen, ["shop.eager", "shop.off"]);
}

#[tokio::test]
async fn pre_checks_are_green_on_a_quiet_target_and_red_for_what_stands_in_the_way() {
    let target = neglected().await;
    let link = target.link(MAINTAINER).await;
    let quiet = preflight(&link, &Parameters::default(), None).await.expect("readable");
    assert_eq!(quiet.red(), None, "{quiet:?}");
    let red = async |parameters: &Parameters, approved| {
        let found = preflight(&link, parameters, approved).await.expect("readable");
        found.red().map(|check| (check.key.clone(), check.sentence.clone()))
    };
    let same = quiet.identity.stable.clone();
    assert_eq!(red(&Parameters::default(), Some(&same)).await, None);
    let other = StableIdentity { database_oid: same.database_oid + 1, ..same.clone() };
    assert_eq!(red(&Parameters::default(), Some(&other)).await.expect("another database").0, "identity");

    let mut holder = target.admin().await;
    run(&mut holder, "SET application_name = 'forgotten'; BEGIN; SELECT pg_current_xact_id()").await;
    let (key, sentence) = red(&Parameters { blocker_max_age_s: 0, ..Parameters::default() }, None).await.expect("an open transaction");
    assert!(key == "transactions" && sentence.contains("application \"forgotten\""), "{sentence}");
    run(&mut holder, "ROLLBACK").await;

    let (key, _) =
        red(&Parameters { connections_max_used_percent: 0, ..Parameters::default() }, None).await.expect("somebody is connected");
    assert_eq!(key, "connections");
    let poor = preflight(&target.link(STRANGER).await, &Parameters::default(), None).await.expect("readable");
    let rights = poor.checks.iter().find(|check| check.key == "privileges").expect("always checked");
    assert!(rights.colour == Colour::Warn && rights.sentence.contains("pg_monitor"), "{rights:?}");
    for key in ["transactions", "connections"] {
        let blind = poor.checks.iter().find(|check| check.key == key).expect("always checked");
        assert!(blind.colour == Colour::Fail && blind.sentence.contains("GRANT pg_monitor TO shop_stranger;"), "{blind:?}");
    }
}
