//! Changes of design on a real server: all of a transaction or none of it, nothing twice, and the way back.

use crate::run_stage::RunStage;
use domain::change::{Change, ChangeForm};
use domain::hold::{HoldVerb, ResolveForm};
use domain::plan::{Plan, PlanProcedure};
use domain::procedure::library::{DESIGN_CHANGE_POSTGRESQL, by_key};
use domain::procedure::{Envelope, Procedure};
use domain::proposal::ProposalForm;
use engine::actions::propose_window::propose_window;
use engine::actions::resolve_hold::resolve_hold;
use engine::change::read_form;
use engine::test_support::fail_points::Deed;
use std::time::{Duration, Instant};

/// What a person proposes who has read the notices.
pub fn change(forth: &str, back: &str) -> Change {
    read_form(&ChangeForm { change_sql: forth.into(), back_sql: back.into(), read_by_me: "on".into(), ..ChangeForm::default() })
        .expect("good")
}

/// Makes a plan one that sends this change by the procedure of this key.
pub fn sends_by(plan: &mut Plan, key: &str, change: Change) {
    sends_with(plan, &by_key(key).expect("on the shelf"), change);
}

/// Makes a plan one that sends this change by a procedure.
pub fn sends_with(plan: &mut Plan, procedure: &Procedure, change: Change) {
    plan.procedure = PlanProcedure::of(procedure);
    plan.envelope = Envelope {
        steps: procedure.surveyed(),
        allowed: vec![],
        excluded: vec![],
        highest_risk: change.risk(),
        most_objects: 200,
        most_bytes: 1 << 40,
        scripts: change.scripts(),
    };
    plan.change = Some(change);
}

/// Makes a plan one that sends this change of design.
fn sends(plan: &mut Plan, change: Change) {
    sends_by(plan, DESIGN_CHANGE_POSTGRESQL, change);
    plan.parameters.lock_wait_max_ms = 300;
}

impl RunStage {
    /// A table of 100 rows, two of which have the same note.
    async fn orders(&self) {
        self.target
            .plant_as_owner("CREATE TABLE shop.orders (id int PRIMARY KEY, note text); INSERT INTO shop.orders SELECT n, (n / 2)::text FROM generate_series(1, 100) n")
            .await;
    }
    /// An approved window that sends this change, and is due.
    async fn due_change(&self, forth: &str, back: &str) {
        let change = change(forth, back);
        self.due(|plan| sends(plan, change)).await;
    }
    async fn outcomes_of_parts(&self) -> Vec<(String, String)> {
        sqlx::query_as("SELECT object, coalesce(outcome, '-') FROM drydock.item ORDER BY ordinal")
            .fetch_all(&self.house.admin)
            .await
            .expect("items")
    }
    async fn is_there(&self, what: &str) -> bool {
        self.on_target(&format!("SELECT count(*) FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('{what}')")).await == 1
    }
    async fn columns(&self, table: &str) -> i64 {
        self.on_target(&format!(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
        ))
        .await
    }
    pub async fn decided_to(&self, verb: HoldVerb) {
        let form = ResolveForm { verb: verb.word().into(), found: String::new(), reason: "looked at it".into() };
        resolve_hold(&self.house.engine, &self.house.engineer, self.run().await, &form).await.expect("a decision");
    }
}

fn parts(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(object, outcome)| ((*object).to_owned(), (*outcome).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_sent_part_by_part() {
    let stage = RunStage::new().await;
    stage.orders().await;
    stage
        .due_change(
            "ALTER TABLE shop.orders ADD COLUMN paid boolean; COMMENT ON TABLE shop.orders IS 'a;b'; CREATE INDEX CONCURRENTLY orders_note ON shop.orders (note); INSERT INTO shop.orders VALUES (1000, 'new')",
            "DROP INDEX shop.orders_note; ALTER TABLE shop.orders DROP COLUMN paid",
        )
        .await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    let expected = [("change.statements_1_to_2", "done"), ("change.statement_3", "done"), ("change.statement_4", "done")];
    assert_eq!(stage.outcomes_of_parts().await, parts(&expected), "{page}");
    assert_eq!((stage.columns("shop.orders").await, stage.on_target("SELECT count(*) FROM shop.orders").await), (3, 101), "{page}");
    assert_eq!(
        stage.on_target("SELECT count(*) FROM pg_index WHERE indexrelid = 'shop.orders_note'::regclass AND indisvalid").await,
        1,
        "{page}"
    );
    assert!(page.contains("Committed: the server says so"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_takes_its_transaction_back_and_ends_the_change() {
    let stage = RunStage::new().await;
    stage.orders().await;
    stage
        .due_change(
            "ALTER TABLE shop.orders ADD COLUMN paid boolean; ALTER TABLE shop.nowhere ADD COLUMN x int; CREATE INDEX CONCURRENTLY orders_note ON shop.orders (note)",
            "ALTER TABLE shop.orders DROP COLUMN paid",
        )
        .await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert_eq!(
        stage.outcomes_of_parts().await,
        parts(&[("change.statements_1_to_2", "failed"), ("change.statement_3", "cancelled")]),
        "{page}"
    );
    assert_eq!((stage.columns("shop.orders").await, stage.is_there("shop.orders_note").await), (2, false), "{page}");
    assert!(page.contains("statement 2 of 2") && page.contains("All of its transaction is taken back"), "{page}");
}

/// A table of its own, an index on it, and a statement that fails: done in part.
const HALF: &str = "CREATE TABLE shop.paid (id int); CREATE INDEX CONCURRENTLY paid_id ON shop.paid (id); ALTER TABLE shop.nowhere ADD COLUMN x int; INSERT INTO shop.orders VALUES (1000, 'never')";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_in_part_waits_for_a_person_and_is_taken_back() {
    let stage = RunStage::new().await;
    stage.orders().await;
    stage.due_change(HALF, "DROP INDEX CONCURRENTLY shop.paid_id; DROP TABLE shop.paid").await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let page = stage.page().await;
    assert!(page.contains("The change is done in part"), "{page}");
    let verbs: Vec<String> =
        sqlx::query_scalar("SELECT unnest(hold_verbs) FROM drydock.run").fetch_all(&stage.house.admin).await.expect("verbs");
    assert!(verbs.contains(&"roll_back".to_owned()) && !verbs.contains(&"continue".to_owned()), "{verbs:?}");
    stage.decided_to(HoldVerb::RollBack).await;
    stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert!(!stage.is_there("shop.paid").await, "{page}");
    assert_eq!(stage.on_target("SELECT count(*) FROM shop.orders").await, 100, "the part after it was never sent\n{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.undo_part WHERE outcome = 'done'").await, 2, "{page}");
    let facts = "SELECT count(*) FROM drydock.fact WHERE action IN ('undo.intend', 'undo.end')";
    assert_eq!(stage.house.count(facts).await, 4, "each part of the way back is on record twice\n{page}");
    assert!(page.contains("nothing of this run is left"), "{page}");
}

/// The worker dies on the way back, at each of its points: nothing is taken back twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_survives_the_death_of_its_worker() {
    for point in ["after_undo_intent", "after_undo_start", "after_undo_execute"] {
        let stage = RunStage::new().await;
        stage.orders().await;
        // Taken back twice, it would count twice.
        stage.due_change(HALF, "INSERT INTO shop.orders VALUES (2000, 'back'); DROP TABLE shop.paid").await;
        let first = stage.worker_process();
        stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
        first.terminate().await;
        stage.decided_to(HoldVerb::RollBack).await;
        let second = stage.worker_process_with(point, 1, Deed::Die);
        second.died(Duration::from_secs(60)).await.unwrap_or_else(|status| panic!("{point}: {status}"));
        stage.expire_lease().await;
        let third = stage.worker_process();
        stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
        third.terminate().await;
        let page = stage.page().await;
        assert_eq!(stage.on_target("SELECT count(*) FROM shop.orders").await, 101, "{point}\n{page}");
        assert!(!stage.is_there("shop.paid").await, "{point}\n{page}");
        let done = "SELECT count(*) FROM drydock.undo_part WHERE outcome = 'done'";
        assert_eq!(stage.house.count(done).await, 1, "{point}\n{page}");
        stage.leave().await;
    }
}

/// A transaction tells by its id what became of it: committed is not sent again, and what was rolled back is.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_survives_the_death_of_its_worker() {
    for point in ["after_intent", "after_start", "before_send", "after_execute", "before_done"] {
        let stage = RunStage::new().await;
        stage.orders().await;
        stage
            .due_change("INSERT INTO shop.orders SELECT 1000 + count(*), 'new' FROM shop.orders", "DELETE FROM shop.orders WHERE id > 1000")
            .await;
        let first = stage.worker_process_with(point, 1, Deed::Die);
        first.died(Duration::from_secs(60)).await.unwrap_or_else(|status| panic!("{point}: {status}"));
        stage.expire_lease().await;
        let second = stage.worker_process();
        stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
        second.terminate().await;
        let page = stage.page().await;
        assert_eq!(stage.outcomes_of_parts().await, parts(&[("change.statement_1", "done")]), "{point}\n{page}");
        assert_eq!(stage.on_target("SELECT count(*) FROM shop.orders").await, 101, "{point}: once\n{page}");
        stage.leave().await;
    }
}

/// A reader keeps the table: the change waits briefly, lets others through, and comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_asked_for_politely() {
    let stage = RunStage::new().await;
    stage.orders().await;
    stage.due_change("ALTER TABLE shop.orders ADD COLUMN paid boolean", "ALTER TABLE shop.orders DROP COLUMN paid").await;
    let mut reader = stage.target.admin().await;
    for sql in ["BEGIN", "SELECT count(*) FROM shop.orders"] {
        sqlx::query(sql).execute(&mut reader).await.expect("readable");
    }
    let worker = stage.worker();
    stage.until(60, "SELECT count(*) >= 2 FROM drydock.attempt WHERE outcome = 'skipped_lock'").await;
    let (mut other, began) = (stage.target.admin().await, Instant::now());
    sqlx::query("SELECT count(*) FROM shop.orders").execute(&mut other).await.expect("readable");
    assert!(began.elapsed() < Duration::from_secs(2), "others read on: {:?}", began.elapsed());
    sqlx::query("COMMIT").execute(&mut reader).await.expect("over");
    stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes_of_parts().await, parts(&[("change.statement_1", "done")]), "{page}");
    assert_eq!(stage.columns("shop.orders").await, 3, "{page}");
}

/// Two rows have the same note: the unique index cannot be built, and what it left is dropped again.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_built_leaves_nothing() {
    let stage = RunStage::new().await;
    stage.orders().await;
    stage.due_change("CREATE UNIQUE INDEX CONCURRENTLY orders_once ON shop.orders (note)", "DROP INDEX shop.orders_once").await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert_eq!(stage.outcomes_of_parts().await, parts(&[("change.statement_1", "failed")]), "{page}");
    assert!(!stage.is_there("shop.orders_once").await && page.contains("Dropped again"), "{page}");
}

/// What is made belongs to the role of the plan, in a transaction and alone; a role that is not to be had is refused before anything is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_sent_as_the_role_of_its_plan() {
    for (role, outcome) in [("shop_owner", "done"), ("postgres", "failed")] {
        let stage = RunStage::new().await;
        stage.orders().await;
        let forth = "CREATE TABLE shop.paid (id int); CREATE INDEX CONCURRENTLY orders_note ON shop.orders (note)";
        let mut change = change(forth, "DROP TABLE shop.paid");
        change.role = Some(role.into());
        stage.due(|plan| sends(plan, change)).await;
        let worker = stage.worker();
        stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
        worker.stop().await;
        let page = stage.page().await;
        let second = if outcome == "done" { "done" } else { "cancelled" };
        assert_eq!(stage.outcomes_of_parts().await, parts(&[("change.statement_1", outcome), ("change.statement_2", second)]), "{page}");
        let owned = "SELECT count(*) FROM pg_class WHERE relname IN ('paid', 'orders_note') AND pg_get_userbyid(relowner) = 'shop_owner'";
        assert_eq!(stage.on_target(owned).await, if outcome == "done" { 2 } else { 0 }, "{page}");
        stage.leave().await;
    }
}

/// Names and texts that try to be more than they are: they are sent as they stand, one statement each.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_reach_nothing_else() {
    let stage = RunStage::new().await;
    stage.orders().await;
    let name = "o\"\"; DROP TABLE shop.orders; --\n' é select";
    let forth = format!(
        "CREATE TABLE shop.\"{name}\" (id int); CREATE INDEX CONCURRENTLY \"i{name}\" ON shop.\"{name}\" (id); COMMENT ON TABLE shop.\"{name}\" IS 'x''; DROP TABLE shop.orders; --'"
    );
    stage.due_change(&forth, &format!("DROP TABLE shop.\"{name}\"")).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state IN ('validating', 'hold') FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert!(stage.outcomes_of_parts().await.iter().all(|(_, outcome)| outcome == "done"), "{page}");
    assert!(stage.is_there("shop.orders").await, "{page}");
}

/// From the form to the sealed plan: the text is what people approve, and its risk chooses who.
#[tokio::test(flavor = "multi_thread")]
async fn the_form_becomes_a_plan() {
    let stage = RunStage::new().await;
    let house = &stage.house;
    let good = ChangeForm {
        change_sql: "ALTER TABLE shop.orders ADD COLUMN paid boolean;".into(),
        back_sql: "ALTER TABLE shop.orders DROP COLUMN paid;".into(),
        ..ChangeForm::default()
    };
    let form =
        |change: ChangeForm| ProposalForm { procedure: DESIGN_CHANGE_POSTGRESQL.into(), title: String::new(), change, ..house.form(3) };
    let bad = ChangeForm { change_sql: "DROP TABEL x".into(), no_way_back: String::new(), back_sql: String::new(), ..good.clone() };
    let refused = propose_window(&house.engine, &house.engineer, &form(bad), None).await.expect_err("nothing of it is good");
    assert!(refused.to_string().contains("way back") || format!("{refused:?}").contains("back_sql"), "{refused:?}");
    let number = propose_window(&house.engine, &house.engineer, &form(good), None).await.expect("good").number;
    let bytes: Vec<u8> =
        sqlx::query_scalar("SELECT p.bytes FROM drydock.plan p JOIN drydock.window w ON w.id = p.window_id WHERE w.number = $1")
            .bind(number)
            .fetch_one(&house.admin)
            .await
            .expect("a plan");
    let plan: Plan = serde_json::from_slice(&bytes).expect("readable");
    let change = plan.change.as_ref().expect("a change");
    assert_eq!(
        (plan.title.as_str(), plan.risk(), change.statements.len()),
        ("design change (PostgreSQL)", domain::procedure::RiskClass::R2, 1)
    );
    assert_eq!((plan.envelope.scripts.len(), plan.rollback.summary.contains("way back")), (1, true));
}
