//! Old rows on a real server: gone or moved, none lost on the way, and none of another table.

use crate::changes::sends_by;
use crate::run_stage::RunStage;
use crate::target_support::{run, until};
use domain::change::old_rows;
use domain::procedure::library::OLD_ROWS_POSTGRESQL;
use engine::actions::stop_run::{Input, stop_run};
use engine::test_support::fail_points::Deed;
use std::time::Duration;

const OLD: i64 = 12_000;
const YOUNG: i64 = 100;
const MOVE: &str = "shop.log by at older than 90 days, move to shop.log_archive";
const DELETE: &str = "shop.log by at older than 90 days, delete";

impl RunStage {
    /// A log of old and young rows, and an empty archive with the same columns.
    async fn log(&self) {
        self.target
            .plant_as_owner(&format!(
                "CREATE TABLE shop.log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL, note text);
                 CREATE INDEX log_at ON shop.log (at);
                 INSERT INTO shop.log (at, note) SELECT now() - interval '1 year' + n * interval '1 minute', n::text FROM generate_series(1, {OLD}) n;
                 INSERT INTO shop.log (at, note) SELECT now() - n * interval '1 minute', 'young' FROM generate_series(1, {YOUNG}) n;
                 CREATE TABLE shop.log_archive (LIKE shop.log INCLUDING ALL)"
            ))
            .await;
    }
    async fn due_old_rows(&self, lines: &str) {
        let change = old_rows::read(lines).expect("good");
        self.due(|plan| sends_by(plan, OLD_ROWS_POSTGRESQL, change)).await;
    }
    /// Proposes these lines, runs them, and gives how the first of them ended.
    async fn old_rows_end_as(&self, lines: &str) -> String {
        self.due_old_rows(lines).await;
        let worker = self.worker();
        self.until(60, "SELECT state = 'validating' FROM drydock.window").await;
        worker.stop().await;
        self.text("SELECT outcome FROM drydock.item ORDER BY ordinal LIMIT 1").await
    }
    /// Rows of the log, and of the archive.
    async fn rows(&self) -> (i64, i64) {
        (self.on_target("SELECT count(*) FROM shop.log").await, self.on_target("SELECT count(*) FROM shop.log_archive").await)
    }
    /// Each row is in one of both, whole.
    async fn nothing_is_lost(&self, case: &str) {
        let (left, moved) = self.rows().await;
        assert_eq!(left + moved, OLD + YOUNG, "{case}\n{}", self.page().await);
        let both = "SELECT count(*) FROM shop.log JOIN shop.log_archive USING (id)";
        assert_eq!(self.on_target(both).await, 0, "{case}: twice");
        let young = "SELECT count(*) FROM shop.log_archive WHERE at > now() - interval '89 days' OR note IS NULL";
        assert_eq!(self.on_target(young).await, 0, "{case}: young ones");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_are_moved_batch_by_batch_and_deleted() {
    let stage = RunStage::new().await;
    stage.log().await;
    assert_eq!(stage.old_rows_end_as(MOVE).await, "done", "{}", stage.page().await);
    let page = stage.page().await;
    assert!(page.contains("12,000 rows moved; no old one is left."), "{page}");
    assert_eq!(stage.rows().await, (YOUNG, OLD));
    stage.nothing_is_lost("moved").await;

    let stage = RunStage::new().await;
    stage.log().await;
    assert_eq!(stage.old_rows_end_as(DELETE).await, "done", "{}", stage.page().await);
    assert!(stage.page().await.contains("12,000 rows deleted; no old one is left."));
    assert_eq!(stage.rows().await, (YOUNG, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_others_hold_are_left() {
    let stage = RunStage::new().await;
    stage.log().await;
    let mut holder = stage.target.admin().await;
    run(&mut holder, "BEGIN; SELECT FROM shop.log WHERE id IN (1, 7000, 11999) FOR UPDATE").await;
    assert_eq!(stage.old_rows_end_as(DELETE).await, "done", "{}", stage.page().await);
    let page = stage.page().await;
    assert!(page.contains("11,997 rows deleted. Left: 3 rows"), "{page}");
    run(&mut holder, "ROLLBACK").await;
    assert_eq!(stage.rows().await, (YOUNG + 3, 0));
}

/// What would reach further than the rule says, or lose rows, is not sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_would_reach_further_is_not_sent() {
    for (planted, said) in [
        ("CREATE TABLE shop.part (id int, log bigint REFERENCES shop.log ON DELETE CASCADE)", "by its foreign key"),
        ("DROP TABLE shop.log_archive", "there is no table shop.log_archive"),
        ("ALTER TABLE shop.log_archive DROP COLUMN note; ALTER TABLE shop.log_archive ADD COLUMN noted text", "same columns in the same order"),
        ("ALTER TABLE shop.log_archive SET UNLOGGED", "is unlogged"),
        ("CREATE RULE none AS ON INSERT TO shop.log_archive DO INSTEAD NOTHING", "CREATE RULE"),
        ("CREATE TABLE shop.heir () INHERITS (shop.log)", "other tables inherit"),
        ("ALTER TABLE shop.log_archive INHERIT shop.log", "other tables inherit"),
        ("ALTER TABLE shop.log ALTER COLUMN id DROP IDENTITY; ALTER TABLE shop.log_archive ALTER COLUMN id DROP IDENTITY; ALTER TABLE shop.log INHERIT shop.log_archive", "would come back"),
        ("ALTER TABLE shop.log ALTER COLUMN at TYPE text USING at::text", "does not say how old"),
        ("REVOKE DELETE ON shop.log FROM shop_owner", "the role may not work on shop.log"),
        (
            "CREATE FUNCTION shop.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id % 100 = 0 THEN RETURN NULL; END IF; RETURN NEW; END $$;
             CREATE TRIGGER swallow BEFORE INSERT ON shop.log_archive FOR EACH ROW EXECUTE FUNCTION shop.swallow()",
            "arrived in the other table",
        ),
    ] {
        let stage = RunStage::new().await;
        stage.log().await;
        stage.target.plant_as_owner(planted).await;
        assert_eq!(stage.old_rows_end_as(MOVE).await, "failed", "{planted}\n{}", stage.page().await);
        let page = stage.page().await;
        assert!(page.contains(said), "{planted}\n{page}");
        assert_eq!(stage.on_target("SELECT count(*) FROM shop.log").await, OLD + YOUNG, "{planted}");
    }
}

/// A trigger that keeps rows makes batches short of rows, not the last ones; one that keeps all of them ends it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_keeps_ends_nothing_early_and_nothing_goes_on_for_ever() {
    for (kept, outcome, said, left) in [
        ("OLD.id % 4000 = 1", "done", "11,997 rows deleted. Left: 3 rows", 3),
        ("true", "failed", "none of the oldest rows can be deleted", OLD),
    ] {
        let stage = RunStage::new().await;
        stage.log().await;
        stage
            .target
            .plant_as_owner(&format!(
                "CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {kept} THEN RETURN NULL; END IF; RETURN OLD; END $$;
                 CREATE TRIGGER keep BEFORE DELETE ON shop.log FOR EACH ROW EXECUTE FUNCTION shop.keep()"
            ))
            .await;
        assert_eq!(stage.old_rows_end_as(DELETE).await, outcome, "{}", stage.page().await);
        let page = stage.page().await;
        assert!(page.contains(said), "{page}");
        assert_eq!(stage.rows().await, (YOUNG + left, 0), "{page}");
    }
}

/// Rules do not need each other: what one cannot do hinders no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_refused_hinders_no_other() {
    let stage = RunStage::new().await;
    stage.log().await;
    assert_eq!(stage.old_rows_end_as(&format!("shop.nowhere by at older than 1 day, delete\n{DELETE}")).await, "skipped");
    assert_eq!(stage.rows().await, (YOUNG, 0), "{}", stage.page().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_keeps_whole_batches() {
    let stage = RunStage::new().await;
    stage.log().await;
    stage
        .target
        .plant_as_owner(
            "CREATE FUNCTION shop.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;
             CREATE TRIGGER slow AFTER DELETE ON shop.log FOR EACH STATEMENT EXECUTE FUNCTION shop.slow()",
        )
        .await;
    stage.due_old_rows(MOVE).await;
    let worker = stage.worker();
    until("a first batch", async || stage.rows().await.1 > 0).await;
    let input = Input { short_name: "prod-orders".into(), reason: "a release is going out".into() };
    stop_run(&stage.house.engine, &stage.house.engineer, stage.run().await, &input).await.expect("it may be stopped");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "cancelled", "{page}");
    assert!(page.contains("Before that, in whole batches: 5,000 rows moved. Left: 7,000 rows."), "{page}");
    assert_eq!(stage.rows().await, (7_000 + YOUNG, 5_000), "{page}");
    stage.nothing_is_lost("stopped").await;
}

/// The worker dies between two batches, or while one runs: what is left goes with the next try.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_worker_dies() {
    for nth in [1, 3, 4, 5] {
        let case = format!("dies the {nth}th time something may begin");
        let stage = RunStage::new().await;
        stage.log().await;
        stage.due_old_rows(MOVE).await;
        let first = stage.worker_process_with("before_send", nth, Deed::Die);
        if let Err(status) = first.died(Duration::from_secs(60)).await {
            panic!("{case}: the point was not reached ({status})\n{}", stage.page().await);
        }
        stage.nothing_is_lost(&case).await;
        stage.expire_lease().await;
        let second = stage.worker_process();
        stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
        second.terminate().await;
        let page = stage.page().await;
        assert_eq!(nth > 2, page.contains("Interrupted between two batches"), "{case}\n{page}");
        assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "done", "{case}\n{page}");
        assert_eq!(stage.rows().await, (YOUNG, OLD), "{case}\n{page}");
        stage.nothing_is_lost(&case).await;
        stage.leave().await;
    }
}
