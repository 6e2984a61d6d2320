//! Probes on a real server, and quoting against hostile names.

use super::target_support::{MAINTAINER, Target, item, name, run};
use domain::procedure::probe::{Colour, judge_query};
use domain::procedure::quote;
use domain::procedure::{Act, Parameters};
use domain::run::Outcome;
use engine::target::probe;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

#[tokio::test]
async fn a_critical_query_is_timed_and_a_lost_index_shows() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int, note text); INSERT INTO shop.orders SELECT n, repeat('x', 200) FROM generate_series(1, 300000) n;
             CREATE INDEX orders_id ON shop.orders (id)",
        )
        .await;
    target.plant("VACUUM ANALYZE shop.orders").await;
    let link = target.link(MAINTAINER).await;
    let sql = "SELECT count(*) FROM shop.orders WHERE id < 100";
    let base = probe::time_query(&link, sql, 30_000).await.expect("it runs");
    assert!(base.runs == 5 && base.p50_us > 0 && base.max_us >= base.p50_us && base.plan_hash.is_some(), "{base:?}");
    let same = probe::time_query(&link, sql, 30_000).await.expect("it runs");
    assert_eq!(same.plan_hash, base.plan_hash);
    target.plant("DROP INDEX shop.orders_id").await;
    let after = probe::time_query(&link, sql, 30_000).await.expect("it runs");
    let verdict = judge_query(Some(&base), Some(&after), 30_000);
    assert!(after.plan_hash != base.plan_hash && verdict.colour != Colour::Pass, "{verdict:?}");
}

#[tokio::test]
async fn a_critical_query_can_neither_write_nor_run_on() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.canary (id int);
             CREATE FUNCTION shop.sneaky() RETURNS int LANGUAGE sql AS 'INSERT INTO shop.canary VALUES (1) RETURNING id';
             CREATE FUNCTION shop.patient() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
                 PERFORM set_config('default_transaction_read_only', 'off', false);
                 IF current_setting('transaction_read_only') = 'off' THEN INSERT INTO shop.canary VALUES (2); END IF;
                 RETURN 1;
             END $$;
             CREATE FUNCTION shop.slow() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(600)'",
        )
        .await;
    let link = target.link(MAINTAINER).await;
    assert_eq!(probe::time_query(&link, "SELECT shop.sneaky()", 5_000).await.expect_err("read only").sqlstate, "25006");
    probe::time_query(&link, "SELECT shop.patient()", 5_000).await.expect("it waits for a run that may write, and gets none");
    assert_eq!(link.simple_value("SELECT count(*) FROM shop.canary").await.expect("readable").as_deref(), Some("0"));
    assert!(probe::time_query(&link, "SELECT shop.slow()", 100).await.expect_err("too slow").is_cancelled());
    assert!(probe::time_query(&link, "DROP TABLE shop.canary", 100).await.expect_err("not a SELECT").said.contains("SELECT"));
    let endless = "SELECT * FROM pg_catalog.generate_series(1, 1000000)";
    assert!(probe::time_query(&link, endless, 20_000).await.expect_err("too many rows").said.contains("too many rows"));
    assert!(probe::time_query(&link, "SELECT count(*) FROM shop.canary", 5_000).await.is_ok(), "the connection survived all that");
}

#[tokio::test]
async fn writable_is_proven_without_leaving_anything() {
    let target = Target::new().await;
    assert_eq!(probe::writable(&target.dialer(MAINTAINER).await).await.result, Ok(()));
    target.plant(&format!("REVOKE TEMP ON DATABASE {} FROM PUBLIC", target.db.name())).await;
    assert_eq!(probe::writable(&target.dialer(MAINTAINER).await).await.result, Ok(()), "a transaction id is enough");
    let link = target.link(MAINTAINER).await;
    assert_eq!(
        link.simple_value("SELECT count(*) FROM pg_class WHERE relname = 'drydock_probe'").await.expect("readable").as_deref(),
        Some("0")
    );
    target.plant(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", target.db.name())).await;
    let refused = probe::writable(&target.dialer(MAINTAINER).await).await.result.expect_err("read only");
    assert!(refused.contains("read-only"), "{refused}");
}

#[tokio::test]
async fn sessions_are_counted_without_ours() {
    let target = Target::new().await;
    let ours = target.dialer(MAINTAINER).await;
    let watcher = ours.connect("drydock:probe").await.expect("allowed");
    let before = probe::connections(&watcher).await.expect("readable");
    let _more_of_ours = ours.connect("drydock:another").await.expect("allowed");
    let _theirs = ours.connect("an application").await.expect("allowed");
    let after = probe::connections(&watcher).await.expect("readable");
    // Other tests come and go on the same server; ours never count.
    assert!(before.usable > 100 && after.used >= 1, "{before:?} {after:?}");
    assert_eq!(probe::invalid_indexes(&watcher).await, Ok(vec![]));
}

#[tokio::test]
async fn hostile_names_are_worked_on_and_harm_nothing() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.canary (id int); INSERT INTO shop.canary VALUES (42)").await;
    let fixed = [
        "Mixed \"Q\" Tab",
        "a.b",
        "; DROP TABLE shop.canary; --",
        "'; DROP TABLE shop.canary; --",
        "\"; DROP TABLE shop.canary; --",
        "\\",
        "\\\"",
        "select",
        "$$",
        "$1",
        "%I",
        "%s",
        "ünïcödé",
        "表",
        "\u{202e}abc",
        " ",
        "\t",
        "\n-- x",
        "/* x",
        "*/",
        "E'\\''",
        "table\u{1}",
    ];
    let mut runner = TestRunner::deterministic();
    let strategy = "[\"'\\\\;$%\\-/*. a-zA-Zé表\u{1f600}\n]{1,15}";
    let random: Vec<String> = (0..60).map(|_| strategy.new_tree(&mut runner).expect("a tree").current()).collect();
    let mut names: Vec<String> = fixed.iter().map(ToString::to_string).chain(random).collect();
    names.sort();
    names.dedup();
    let mut admin = target.admin().await;
    run(&mut admin, "CREATE SCHEMA \"Odd \"\" Name;\" AUTHORIZATION shop_owner").await;
    for table in &names {
        let object = name("Odd \" Name;", table);
        let index = quote::identifier(&format!("{}_i", table.chars().take(12).collect::<String>())).expect("no NUL");
        run(&mut admin, &format!("SET ROLE shop_owner; DROP INDEX IF EXISTS \"Odd \"\" Name;\".{index}; CREATE TABLE {0} (id int); CREATE INDEX {index} ON {0} (id); RESET ROLE", object.quoted())).await;
    }
    drop(admin);
    let parameters = Parameters::default();
    let session = target.session(MAINTAINER, Act::Vacuum, 60_000, &parameters).await;
    for table in &names {
        for act in [Act::Vacuum, Act::Analyze] {
            let work = item(act, name("Odd \" Name;", table), None);
            let before = engine::target::postgres::evidence(&session.link, &work).await.expect("readable");
            let tried = engine::target::postgres::execute(&session, &work, &parameters, &|| true).await.expect("the looks work");
            let result = engine::target::postgres::judge(&session.link, &work, before, tried, &parameters).await;
            assert_eq!(result.verdict.outcome, Outcome::Done, "{}: {result:?}", work.statement);
        }
        let literal = quote::literal(table).expect("no NUL");
        let back = session.link.simple_value(&format!("SELECT {literal}")).await.expect("one constant");
        assert_eq!(back.as_ref(), Some(table));
    }
    assert_eq!(session.link.simple_value("SELECT sum(id) FROM shop.canary").await.expect("it is there").as_deref(), Some("42"));
}
