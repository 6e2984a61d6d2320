//! What the statements cost, counted by a real server and compared with an earlier look.

use super::target_own_server::with_server;
use super::target_support::{MAINTAINER, STRANGER, Target, run};
use super::target_survey::{survey_of, survey_with};
use domain::plan::PlanQuery;
use domain::procedure::memory::{DAY_S, Measurement, Memory};
use domain::procedure::select::step;
use domain::procedure::{Finding, Parameters, Selection};
use engine::target::postgres::survey::Surveyed;
use engine::test_support::TestDatabase;

async fn look(target: &Target, user: &str, memory: &Memory) -> Surveyed {
    survey_with(target, user, &[step::QUERY_REVIEW.to_owned()], &|_| true, &Parameters::default(), memory).await
}

/// What a look remembered, as if it had been a week ago.
fn a_week_ago(seen: &Surveyed) -> Memory {
    Memory::of(seen.measured.iter().map(|one| Measurement { age_s: 7 * DAY_S, ..one.clone() }))
}

fn of_kind<'a>(found: &'a Selection, kind: &str) -> Vec<&'a Finding> {
    found.findings.iter().filter(|finding| finding.kind == kind).collect()
}

fn blind(found: &Selection) -> Vec<&str> {
    found.findings.iter().filter(|finding| finding.is_blind()).map(|finding| finding.sentence.as_str()).collect()
}

/// The application asks for one order after the other.
async fn asks(target: &Target, times: u32) {
    let mut app = target.admin().await;
    for n in 0..times {
        run(&mut app, &format!("/* trace 4711 */ SELECT count(*) FROM shop.orders WHERE customer = 'hunter{n}'")).await;
    }
}

#[tokio::test]
async fn a_dropped_index_shows_as_a_statement_that_reads_more() {
    // A server of its own: the list of statements is of the whole server, and other tests would push these out of it.
    with_server(async |cluster| regression(&Target::on(TestDatabase::empty_on(cluster).await).await).await).await;
}

async fn regression(target: &Target) {
    let missing = look(target, MAINTAINER, &Memory::default()).await;
    assert!(blind(&missing.selection).iter().any(|said| said.contains("pg_stat_statements is not installed")), "{missing:?}");

    // In a schema whose name has to be quoted.
    target.plant("CREATE SCHEMA \"Odd \"\"Q\"\"\"; CREATE EXTENSION pg_stat_statements SCHEMA \"Odd \"\"Q\"\"\"; GRANT USAGE ON SCHEMA \"Odd \"\"Q\"\"\" TO PUBLIC").await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int, customer text, note text);
             INSERT INTO shop.orders SELECT n, 'c' || n, repeat('x', 200) FROM generate_series(1, 100000) n;
             CREATE INDEX orders_customer ON shop.orders (customer);
             ALTER ROLE shop_owner PASSWORD 'hunter2'",
        )
        .await;
    target.plant("VACUUM ANALYZE shop.orders").await;
    asks(target, 60).await;
    let first = look(target, MAINTAINER, &Memory::default()).await;
    assert_eq!(of_kind(&first.selection, "query_regression"), [] as [&Finding; 0], "nothing to compare with");
    assert!(first.measured.iter().any(|one| one.kind == "query") && first.measured.iter().any(|one| one.kind == "query_log"), "{first:?}");

    asks(target, 60).await;
    let same = look(target, MAINTAINER, &a_week_ago(&first)).await;
    assert_eq!(of_kind(&same.selection, "query_regression"), [] as [&Finding; 0], "as before");

    target.plant("DROP INDEX shop.orders_customer").await;
    asks(target, 60).await;
    let worse = look(target, MAINTAINER, &a_week_ago(&first)).await;
    let found = of_kind(&worse.selection, "query_regression");
    assert_eq!(found.len(), 1, "{worse:?}");
    let (sentence, figures) = (&found[0].sentence, &found[0].figures);
    assert!(sentence.ends_with("SELECT count(*) FROM shop.orders WHERE customer = $1"), "{sentence}");
    assert!(figures["blocks_each"] > 1_000 && figures["blocks_each_before"] < 10, "{figures:?}");
    for finding in &worse.selection.findings {
        assert!(!finding.sentence.contains("hunter") && !finding.sentence.contains("4711"), "a value came through: {}", finding.sentence);
    }

    // Whoever resets the counts begins anew, and nothing is made up.
    target.plant("SELECT \"Odd \"\"Q\"\"\".pg_stat_statements_reset()").await;
    asks(target, 60).await;
    let mut app = target.admin().await;
    run(&mut app, &format!("SELECT pg_sleep(1),{}1", " ".repeat(20_000))).await;
    let anew = look(target, MAINTAINER, &a_week_ago(&first)).await;
    assert_eq!(of_kind(&anew.selection, "query_regression"), [] as [&Finding; 0]);
    let heavy = of_kind(&anew.selection, "heavy_query");
    assert!(heavy.iter().any(|finding| finding.sentence.contains("Its text is not shown: it is long")), "{anew:?}");

    let hidden = look(target, STRANGER, &Memory::default()).await;
    assert!(blind(&hidden.selection).iter().any(|said| said.contains("hidden from ours")), "{hidden:?}");
}

#[tokio::test]
async fn a_table_that_is_read_whole_is_named_when_it_is_large() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.\"Big \"\"T\"\"\" (id int, note text) WITH (fillfactor = 10);
             INSERT INTO shop.\"Big \"\"T\"\"\" SELECT n, repeat('x', 700) FROM generate_series(1, 12000) n;
             CREATE TABLE shop.small (id int); INSERT INTO shop.small SELECT generate_series(1, 12000)",
        )
        .await;
    target.plant("VACUUM ANALYZE shop.\"Big \"\"T\"\"\", shop.small").await;
    let first = look(&target, MAINTAINER, &Memory::default()).await;
    assert_eq!(first.measured.iter().filter(|one| one.kind == "table_scans").count(), 1, "only the large one: {first:?}");
    target
        .plant(
            "SET max_parallel_workers_per_gather = 0;
             DO $$ BEGIN FOR n IN 1..52 LOOP PERFORM count(*) FROM shop.\"Big \"\"T\"\"\"; PERFORM count(*) FROM shop.small; END LOOP; END $$",
        )
        .await;
    let second = look(&target, MAINTAINER, &a_week_ago(&first)).await;
    let found = of_kind(&second.selection, "read_whole");
    assert_eq!(found.len(), 1, "{second:?}");
    assert_eq!(found[0].object.as_deref(), Some("shop.\"Big \"\"T\"\"\""));
    assert!(found[0].sentence.contains("52 times in the last 7 d, 12,000 rows each time"), "{}", found[0].sentence);
}

/// A critical query whose index is dropped is told before anybody waits for it; what the role may not read is said.
#[tokio::test]
async fn a_critical_query_that_lost_its_index_has_another_plan() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int, customer text, note text);
             INSERT INTO shop.orders SELECT n, 'c' || n, repeat('x', 200) FROM generate_series(1, 20000) n;
             CREATE INDEX orders_customer ON shop.orders (customer); GRANT SELECT ON shop.orders TO PUBLIC;
             CREATE TABLE shop.secret (id int); REVOKE ALL ON shop.secret FROM PUBLIC",
        )
        .await;
    target.plant("GRANT USAGE ON SCHEMA shop TO PUBLIC").await;
    target.plant("VACUUM ANALYZE shop.orders").await;
    let query = |name: &str, sql: &str| PlanQuery { name: name.into(), sql: sql.into(), limit_ms: 100 };
    let orders = [query("Orders", "SELECT id FROM shop.orders WHERE customer = 'c4711' LIMIT 20")];
    let steps = [step::PLAN_REVIEW.to_owned()];
    let look = async |queries: &[PlanQuery], memory: &Memory| {
        survey_of(&target, STRANGER, (&steps, queries), &|_| true, &Parameters::default(), memory).await
    };
    let first = look(&orders, &Memory::default()).await;
    let said = of_kind(&first.selection, "plan");
    assert!(said.len() == 1 && said[0].sentence.contains("Scan on shop.orders by orders_customer"), "{first:?}");
    assert_eq!(first.measured.len(), 1);
    let same = look(&orders, &a_week_ago(&first)).await;
    assert!(of_kind(&same.selection, "plan")[0].sentence.contains("as 7 days ago"), "{same:?}");
    target.plant("DROP INDEX shop.orders_customer").await;
    let worse = look(&orders, &a_week_ago(&first)).await;
    let said = of_kind(&worse.selection, "plan_changed");
    assert!(said.len() == 1 && said[0].sentence.contains("1 table read whole"), "{worse:?}");
    // What cannot be planned does not hide the rest, and a second statement is no way in.
    let odd = [
        query("Hidden", "SELECT * FROM shop.secret"),
        query("Gone", "SELECT * FROM shop.nowhere"),
        query("Two", "SELECT 1; DROP TABLE shop.orders"),
        query("Still", "SELECT 1"),
    ];
    let seen = look(&odd, &Memory::default()).await;
    assert_eq!(blind(&seen.selection).len(), 3, "{seen:?}");
    assert_eq!(of_kind(&seen.selection, "plan")[0].object.as_deref(), Some("Still"));
    target.plant("SELECT 'shop.orders'::regclass").await;
}
