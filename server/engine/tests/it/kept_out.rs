//! Accounts that are kept out while a change is sent, on a server of their own: nobody is inside while it runs, and everybody is in again however
//! it ends, whoever dies on the way. The target's own catalog is the judge.

use crate::changes::{change, sends_by};
use crate::run_stage::RunStage;
use crate::stage::When;
use crate::target_own_server::with_server;
use crate::target_support::{MAINTAINER, PASSWORD, Target, until};
use domain::change::{Change, KeepOut};
use domain::hold::HoldVerb;
use domain::procedure::library::DESIGN_CHANGE_POSTGRESQL;
use domain::view::runs::KeptOutRow;
use engine::actions::hold_run::{Input, hold_run};
use engine::actions::stop_run::stop_run;
use engine::queries;
use engine::target::keep_out;
use engine::test_support::TestDatabase;
use engine::test_support::fail_points::Deed;
use futures_util::StreamExt as _;
use std::time::{Duration, Instant};

/// The application, and a name that has to be quoted; both can sign in. The third could not before.
const ACCOUNTS: [&str; 3] = ["shop_app", "Odd \"App\"; --", "night_job"];
/// What the change itself sees: the first column is 1 where the application may sign in, the second how many sessions it has here.
const SEES: &str = "INSERT INTO shop.seen SELECT (SELECT rolcanlogin::int FROM pg_roles WHERE rolname = 'shop_app'),
    (SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop_app' AND datname = current_database())";
const LOOSE: &str = "DELETE FROM shop.seen";

async fn on_own_server(test: impl AsyncFnOnce(&RunStage)) {
    with_server(async |cluster| {
        let stage = RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await;
        let setup = format!(
            "CREATE ROLE shop_app LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE \"Odd \"\"App\"\"; --\" LOGIN; CREATE ROLE night_job;
             GRANT pg_signal_backend TO shop_maint; ALTER ROLE shop_maint CREATEROLE"
        );
        stage.target.plant(&setup).await;
        stage
            .target
            .plant(
                "DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN
                     EXECUTE 'GRANT shop_app, \"Odd \"\"App\"\"; --\", night_job TO shop_maint WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'; END IF; END $$",
            )
            .await;
        stage.target.plant_as_owner("CREATE TABLE shop.seen (could int, inside bigint); GRANT USAGE ON SCHEMA shop TO shop_app; GRANT ALL ON shop.seen TO shop_app").await;
        test(&stage).await;
        stage.leave().await;
    })
    .await;
}

fn kept_out(wait_min: u32, ends: bool) -> Change {
    let accounts = ACCOUNTS.iter().map(|&name| name.to_owned()).collect();
    Change { keep_out: Some(KeepOut { accounts, wait_min, ends }), ..change(SEES, LOOSE) }
}

impl RunStage {
    async fn due_keeping_out(&self, change: Change) {
        self.due(|plan| sends_by(plan, DESIGN_CHANGE_POSTGRESQL, change)).await;
    }

    /// Who of them can sign in, in their order.
    async fn can_sign_in(&self) -> Vec<bool> {
        let mut admin = self.target.admin().await;
        let mut can = Vec::new();
        for name in ACCOUNTS {
            let sql = "SELECT rolcanlogin FROM pg_roles WHERE rolname = $1";
            can.push(sqlx::query_scalar(sql).bind(name).fetch_one(&mut admin).await.expect("it is there"));
        }
        can
    }

    async fn as_before(&self) -> bool {
        self.can_sign_in().await == [true, true, false]
    }

    /// Waits until the server says that all is as before; no worker has to be there.
    async fn as_before_within(&self, within: Duration, case: &str) {
        let end = Instant::now() + within;
        while !self.as_before().await {
            assert!(Instant::now() < end, "{case}: {:?}\n{}", self.can_sign_in().await, self.page().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the change saw each time it was sent.
    async fn seen(&self) -> Vec<(i32, i64)> {
        sqlx::query_as("SELECT could, inside FROM shop.seen").fetch_all(&mut self.target.admin().await).await.expect("readable")
    }

    async fn kept_out_rows(&self) -> Vec<KeptOutRow> {
        queries::runs::show(&self.house.engine, &self.house.engineer.actor, self.run().await).await.expect("a page").kept_out
    }

    async fn validating(&self) -> String {
        self.until(90, "SELECT state = 'validating' FROM drydock.window").await;
        self.page().await
    }
}

/// Nothing is left: no row without its end, no guard on the server, and each time on record as a fact.
async fn nothing_left(stage: &RunStage, case: &str) {
    let page = stage.page().await;
    assert!(stage.as_before().await, "{case}: {:?}\n{page}", stage.can_sign_in().await);
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.kept_out WHERE let_in_at IS NULL").await, 0, "{case}\n{page}");
    let facts = "SELECT count(*) FILTER (WHERE action = 'run.keep_out') - (SELECT count(DISTINCT number) FROM drydock.kept_out)
        + count(*) FILTER (WHERE action = 'run.let_in') - (SELECT count(DISTINCT number) FROM drydock.kept_out) FROM drydock.fact";
    assert_eq!(stage.house.count(facts).await, 0, "{case}: each time has its two facts\n{page}");
    assert_eq!(stage.executing().await, 0, "{case}: no session of ours is left\n{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_inside_while_a_change_is_sent() {
    on_own_server(async |stage| {
        let app = stage.target.link("shop_app").await;
        let busy = stage.target.link("shop_app").await;
        busy.execute("BEGIN").await.expect("begun");
        busy.execute("SELECT 1").await.expect("busy");
        stage.due_keeping_out(kept_out(1, false)).await;
        let worker = stage.worker();
        stage.until(60, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE 'Waits for %idle in transaction%')").await;
        assert_eq!(stage.can_sign_in().await, [false; 3], "nobody gets in");
        // Until the end of the window, two hours from now.
        let left = "SELECT substring(query FROM '([0-9]+) \\* interval')::bigint FROM pg_stat_activity WHERE application_name LIKE 'drydock:%:30000:%'";
        let left = stage.on_target(left).await;
        assert!((7_000..=7_200).contains(&left), "{left} s");
        let refused = stage.target.dialer("shop_app").await.connect("late").await.expect_err("kept out");
        assert!(refused.to_string().contains("may not log in"), "{refused}");
        let rows = stage.kept_out_rows().await;
        assert!(rows.len() == 3 && rows.iter().all(|row| row.let_in.is_none()), "{rows:?}");
        assert!(stage.seen().await.is_empty(), "nothing is sent while somebody is inside");
        busy.execute("COMMIT").await.expect("its own end is left to it");
        let page = stage.validating().await;
        worker.stop().await;
        assert_eq!(stage.seen().await, [(0, 0)], "{page}");
        assert!(app.execute("SELECT 1").await.is_err(), "an idle session is ended");
        assert!(page.contains("could not sign in before, and was left so") && page.contains("idle session"), "{page}");
        let rows = stage.kept_out_rows().await;
        let said: Vec<_> = rows.iter().map(|row| (row.account.as_str(), row.could_sign_in, row.let_in.is_some())).collect();
        assert_eq!(said, [(ACCOUNTS[1], true, true), (ACCOUNTS[2], false, true), (ACCOUNTS[0], true, true)]);
        nothing_left(stage, "the end").await;
        stage.target.link("shop_app").await.execute("SELECT 1").await.expect("it works again");
        // Before anything is measured.
        let order = "SELECT (SELECT min(seq) FROM drydock.run_event WHERE message LIKE 'As before:%') < (SELECT max(seq) FROM drydock.run_event WHERE kind = 'phase' AND message ILIKE '%probes%' OR message ILIKE '%measur%')";
        stage.until(1, order).await;
    })
    .await;
}

/// Trap 10: what never ends does not keep everybody else out.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_never_ends_lets_everybody_in_again() {
    on_own_server(async |stage| {
        let busy = stage.target.link("shop_app").await;
        busy.execute("BEGIN").await.expect("begun");
        busy.execute("INSERT INTO shop.seen VALUES (7, 7)").await.expect("busy");
        stage.due_keeping_out(kept_out(0, false)).await;
        let worker = stage.worker();
        stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
        let reason = stage.text("SELECT hold_reason FROM drydock.run").await;
        assert!(reason.contains("1 session is still inside: shop_app (process") && reason.contains("idle in transaction"), "{reason}");
        nothing_left(stage, "held").await;
        assert!(stage.seen().await.is_empty(), "nothing was sent");
        busy.execute("COMMIT").await.expect("it was not touched");
        stage.decided_to(HoldVerb::Continue).await;
        let page = stage.validating().await;
        worker.stop().await;
        assert_eq!(stage.seen().await, [(7, 7), (0, 0)], "{page}");
        nothing_left(stage, "the end").await;
        assert_eq!(stage.house.count("SELECT max(number)::bigint FROM drydock.kept_out").await, 2, "{page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_plan_says_so_a_transaction_is_ended() {
    on_own_server(async |stage| {
        let busy = stage.target.link("shop_app").await;
        busy.execute("BEGIN").await.expect("begun");
        busy.execute("INSERT INTO shop.seen VALUES (7, 7)").await.expect("busy");
        stage.due_keeping_out(kept_out(0, true)).await;
        let worker = stage.worker();
        let page = stage.validating().await;
        worker.stop().await;
        assert_eq!(stage.seen().await, [(0, 0)], "what it had not committed is lost\n{page}");
        assert!(busy.execute("COMMIT").await.is_err() && page.contains("1 transaction was ended after"), "{page}");
        nothing_left(stage, "the end").await;
    })
    .await;
}

/// The worker dies at each of its points. The server lets everybody in by itself, before any other worker comes; and that one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_nobody_stays_out() {
    let points =
        ["after_keep_out_intent", "after_guard", "in_shut", "after_shut", "after_empty", "before_send", "before_let_in", "after_let_in"];
    futures_util::stream::iter(points).for_each_concurrent(2, dies_at).await;
}

async fn dies_at(point: &'static str) {
    on_own_server(async |stage| {
        stage.due_keeping_out(kept_out(1, false)).await;
        let first = stage.worker_process_with(point, 1, Deed::Die);
        first.died(Duration::from_secs(60)).await.unwrap_or_else(|status| panic!("{point}: {status}"));
        stage.as_before_within(Duration::from_secs(15), point).await;
        until("the guard is over", async || stage.executing().await == 0).await;
        stage.expire_lease().await;
        let second = stage.worker_process();
        let page = stage.validating().await;
        second.terminate().await;
        assert_eq!(stage.seen().await, [(0, 0)], "{point}: once, and nobody was inside\n{page}");
        nothing_left(stage, point).await;
    })
    .await;
}

/// The guard was ended, too, and nobody is left who could let them in: the next worker does, before it does anything else.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_guard_the_next_worker_lets_them_in() {
    on_own_server(async |stage| {
        stage.due_keeping_out(kept_out(1, false)).await;
        let first = stage.worker_process_with("after_shut", 1, Deed::Freeze);
        first.frozen(Duration::from_secs(60)).await;
        let guard = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'drydock:%:30000:%'";
        assert_eq!(stage.on_target(guard).await, 1, "{}", stage.page().await);
        first.kill();
        assert_eq!(stage.can_sign_in().await, [false; 3], "nobody is there to do it");
        stage.expire_lease().await;
        let second = stage.worker_process();
        let page = stage.validating().await;
        second.terminate().await;
        assert_eq!(stage.seen().await, [(0, 0)], "{page}");
        nothing_left(stage, "the end").await;
        assert!(page.contains("shop_app: let in") && !page.contains("NOT"), "{page}");
    })
    .await;
}

/// A worker that stands still has its sessions: the guard has a time of its own, the end of the window.
#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_is_over_the_guard_lets_them_in() {
    on_own_server(async |stage| {
        let leader = stage.target.link(MAINTAINER).await;
        let backend = engine::target::session::backend(&leader).await.expect("itself");
        let oid = u32::try_from(stage.on_target("SELECT 'shop_app'::regrole::oid::bigint").await).expect("an oid");
        keep_out::shut(&leader, "shop_app").await.expect("shut");
        // A new name does not keep it out.
        stage.target.plant("ALTER ROLE shop_app RENAME TO shop_web").await;
        let (guard, began) = (stage.target.link(MAINTAINER).await, Instant::now());
        guard.execute(&keep_out::guard(backend, &[oid], 3)).await.expect("over by itself");
        assert!(began.elapsed() >= Duration::from_secs(3), "its leader is there all the time: {:?}", began.elapsed());
        assert_eq!(stage.on_target("SELECT rolcanlogin::int::bigint FROM pg_roles WHERE rolname = 'shop_web'").await, 1);
        leader.execute("SELECT 1").await.expect("it is there");
    })
    .await;
}

/// What cannot be kept out, or not let in again, stops the run before it changes anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_out_is_said_before() {
    for (planted, accounts, said) in [
        ("ALTER ROLE shop_maint NOCREATEROLE", "shop_app", "give it CREATEROLE"),
        ("REVOKE pg_signal_backend FROM shop_maint", "shop_app", "grant it pg_signal_backend"),
        ("ALTER ROLE shop_app SUPERUSER", "shop_app", "of a superuser only a superuser"),
        ("SELECT 1", "shop_maint", "the account that Drydock signs in as: kept out, it could do nothing"),
        ("REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC", "shop_app", "needs USAGE on the language plpgsql"),
        ("SELECT 1", "no'body", "There is no account \"no'body\" on this server"),
    ] {
        on_own_server(async |stage| {
            stage.target.plant(planted).await;
            let keep_out = KeepOut { accounts: vec![accounts.to_owned()], wait_min: 1, ends: false };
            stage.due_keeping_out(Change { keep_out: Some(keep_out), ..change(SEES, LOOSE) }).await;
            let worker = stage.worker();
            stage.until(60, "SELECT coalesce((SELECT pre_checks::text LIKE '%\"keep_out\"%fail%' OR pre_checks::text LIKE '%fail%keep_out%' FROM drydock.run), false)").await;
            worker.stop().await;
            let found = stage.text("SELECT pre_checks::text FROM drydock.run").await;
            let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
            let check = found.as_array().expect("a list").iter().find(|check| check["key"] == "keep_out").expect("looked at");
            assert!(check["colour"] == "fail" && check["sentence"].as_str().is_some_and(|sentence| sentence.contains(said)), "{check}");
            assert_eq!(stage.text("SELECT state FROM drydock.window").await, "approved");
            assert_eq!(stage.house.count("SELECT count(*) FROM drydock.kept_out").await, 0);
            assert!(stage.seen().await.is_empty());
        })
        .await;
    }
}

/// The right is taken away meanwhile: the run is held and says so, and they are let in as soon as that is possible, by whoever is there.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_could_not_be_let_in_is_let_in_later() {
    on_own_server(async |stage| {
        let busy = stage.target.link("shop_app").await;
        busy.execute("BEGIN").await.expect("begun");
        stage.due_keeping_out(kept_out(1, false)).await;
        let worker = stage.worker();
        stage.until(60, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE 'Waits for %')").await;
        stage.target.plant("ALTER ROLE shop_maint NOCREATEROLE").await;
        let input = Input { short_name: "prod-orders".into(), reason: "the web shop is slow".into() };
        hold_run(&stage.house.engine, &stage.house.engineer, stage.run().await, &input).await.expect("it may be held");
        stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
        let reason = stage.text("SELECT hold_reason FROM drydock.run").await;
        assert!(reason.contains("could NOT be let in yet") && reason.contains("By hand: ALTER ROLE"), "{reason}");
        assert_eq!(stage.can_sign_in().await, [false; 3]);
        let guard = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'drydock:%:30000:%'";
        stage.on_target(guard).await;
        stage.target.plant("ALTER ROLE shop_maint CREATEROLE").await;
        stage.as_before_within(Duration::from_secs(30), "held").await;
        stage.until(10, "SELECT NOT EXISTS (SELECT FROM drydock.kept_out WHERE let_in_at IS NULL)").await;
        worker.stop().await;
        nothing_left(stage, "later").await;
    })
    .await;
}

/// Half of a change is done: while a person thinks they are in, and while it is taken back they are out once more.
#[tokio::test(flavor = "multi_thread")]
async fn they_are_in_while_a_person_thinks_and_out_while_it_is_taken_back() {
    on_own_server(async |stage| {
        let half = format!("{SEES}; CREATE INDEX CONCURRENTLY seen_could ON shop.seen (could); ALTER TABLE shop.nowhere ADD COLUMN x int");
        let back = format!("DROP INDEX CONCURRENTLY IF EXISTS shop.seen_could; {SEES}");
        let keep_out = kept_out(1, false).keep_out;
        stage.due_keeping_out(Change { keep_out, ..change(&half, &back) }).await;
        let worker = stage.worker();
        stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
        nothing_left(stage, "held").await;
        assert_eq!(stage.seen().await, [(0, 0)]);
        stage.decided_to(HoldVerb::RollBack).await;
        stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
        worker.stop().await;
        let page = stage.page().await;
        assert_eq!(stage.seen().await, [(0, 0), (0, 0)], "{page}");
        nothing_left(stage, "rolled back").await;
    })
    .await;
}

/// While it waits somebody lets one in, or ends the guard: nothing is sent, and whatever the role is set to meanwhile, they are in again.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_changes_while_it_waits_stops_it() {
    for (meanwhile, said) in [
        ("ALTER ROLE shop_app LOGIN", "shop_app was let in by somebody else."),
        (
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'drydock:%:30000:%'",
            "The guard on the server, which lets them in when Drydock is gone, was ended.",
        ),
    ] {
        on_own_server(async |stage| {
            let busy = stage.target.link("shop_app").await;
            busy.execute("BEGIN").await.expect("begun");
            stage.due_keeping_out(kept_out(1, false)).await;
            let worker = stage.worker();
            stage.until(60, WAITS).await;
            // Whatever is set for new sessions.
            stage.target.plant("ALTER ROLE shop_maint SET default_transaction_read_only = on").await;
            stage.target.plant(meanwhile).await;
            stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
            let reason = stage.text("SELECT hold_reason FROM drydock.run").await;
            assert!(reason.contains(said), "{reason}");
            nothing_left(stage, said).await;
            assert!(stage.seen().await.is_empty(), "nothing was sent");
            worker.stop().await;
        })
        .await;
    }
}

const WAITS: &str = "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE 'Waits for %')";

/// Somebody else changes one of them, and does not commit: it is not waited for, and what was sent for it has no effect later.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_somebody_else_changes_is_not_waited_for() {
    on_own_server(async |stage| {
        let other = stage.session("BEGIN; ALTER ROLE \"Odd \"\"App\"\"; --\" CONNECTION LIMIT 5").await;
        stage.due_keeping_out(kept_out(1, false)).await;
        let worker = stage.worker();
        stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
        let reason = stage.text("SELECT hold_reason FROM drydock.run").await;
        assert!(reason.contains("Odd \"App\"; -- could not be kept out: "), "{reason}");
        drop(other);
        nothing_left(stage, "held").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        nothing_left(stage, "later").await;
        worker.stop().await;
    })
    .await;
}

/// After the cut-off nothing begins, so nobody is kept out for it any longer.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_kept_out_for_what_does_not_begin_any_more() {
    on_own_server(async |stage| {
        let busy = stage.target.link("shop_app").await;
        busy.execute("BEGIN").await.expect("begun");
        let change = kept_out(10, true);
        let when = When { cut_off_s: 12, latest_s: 10, end_s: 3_600, ..When::NOW };
        stage
            .house
            .staged(when, |plan| {
                plan.parameters = RunStage::eager();
                sends_by(plan, DESIGN_CHANGE_POSTGRESQL, change);
            })
            .await;
        let worker = stage.worker();
        stage.until(30, WAITS).await;
        let page = stage.validating().await;
        worker.stop().await;
        assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "deferred", "{page}");
        nothing_left(stage, "the end").await;
        busy.execute("COMMIT").await.expect("it was not touched");
        assert!(stage.seen().await.is_empty(), "{page}");
    })
    .await;
}

/// A stop does not hinder a way back, and none of it is sent while somebody is inside.
#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_waits_for_them_also_when_it_is_to_stop() {
    on_own_server(async |stage| {
        let half = format!("{SEES}; CREATE INDEX CONCURRENTLY seen_could ON shop.seen (could); ALTER TABLE shop.nowhere ADD COLUMN x int");
        let keep_out = kept_out(1, false).keep_out;
        stage.due_keeping_out(Change { keep_out, ..change(&half, SEES) }).await;
        let worker = stage.worker();
        stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
        let busy = stage.target.link("shop_app").await;
        busy.execute("BEGIN").await.expect("begun");
        stage.decided_to(HoldVerb::RollBack).await;
        stage.until(60, WAITS).await;
        sqlx::query("UPDATE drydock.run SET stop_asked_at = clock_timestamp(), stop_asked_by = $1, stop_reason = 'enough'")
            .bind(stage.house.engineer.actor.person.0)
            .execute(&stage.house.admin)
            .await
            .expect("asked");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(stage.seen().await, [(0, 0)], "it waits");
        busy.execute("COMMIT").await.expect("it was not touched");
        stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
        worker.stop().await;
        assert_eq!(stage.seen().await, [(0, 0), (0, 0)], "{}", stage.page().await);
        nothing_left(stage, "rolled back").await;
    })
    .await;
}

/// One of them became a superuser meanwhile, whom Drydock may not change: the other comes in all the same, and it does once that is over.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_let_in_keeps_out_no_other_one() {
    for (at, name) in [(0, "shop_app"), (1, "\"Odd \"\"App\"\"; --\"")] {
        on_own_server(async |stage| {
            stage.due_keeping_out(kept_out(1, false)).await;
            let first = stage.worker_process_with("after_shut", 1, Deed::Freeze);
            first.frozen(Duration::from_secs(60)).await;
            stage.target.plant(&format!("ALTER ROLE {name} SUPERUSER")).await;
            first.kill();
            until("the other is in", async || stage.can_sign_in().await[1 - at]).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert!(!stage.can_sign_in().await[at], "a superuser is not Drydock's to change");
            stage.target.plant(&format!("ALTER ROLE {name} NOSUPERUSER")).await;
            stage.as_before_within(Duration::from_secs(15), name).await;
            stage.expire_lease().await;
            let second = stage.worker_process();
            let page = stage.validating().await;
            second.terminate().await;
            assert_eq!(stage.seen().await, [(0, 0)], "{page}");
            nothing_left(stage, name).await;
        })
        .await;
    }
}

/// Somebody holds the table, so it is tried again later; meanwhile somebody lets the application in: it is out again before the next try.
#[tokio::test(flavor = "multi_thread")]
async fn they_are_out_at_every_try() {
    on_own_server(async |stage| {
        let mut change = kept_out(1, false);
        let locking = format!("ALTER TABLE shop.seen ADD COLUMN note text; {SEES}");
        change = Change { keep_out: change.keep_out.take(), ..crate::changes::change(&locking, LOOSE) };
        let reader = stage.session("BEGIN; SELECT count(*) FROM shop.seen").await;
        stage
            .due(|plan| {
                sends_by(plan, DESIGN_CHANGE_POSTGRESQL, change);
                plan.parameters.lock_wait_max_ms = 300;
            })
            .await;
        let worker = stage.worker();
        stage.until(60, "SELECT EXISTS (SELECT FROM drydock.attempt WHERE outcome = 'skipped_lock')").await;
        stage.target.plant("ALTER ROLE shop_app LOGIN").await;
        let inside = stage.target.link("shop_app").await;
        drop(reader);
        let page = stage.validating().await;
        worker.stop().await;
        assert!(page.contains("shop_app was let in by somebody else. It begins anew."), "{page}");
        assert!(inside.execute("SELECT 1").await.is_err(), "its session was ended");
        assert_eq!(stage.seen().await, [(0, 0)], "{page}");
        nothing_left(stage, "the end").await;
    })
    .await;
}

/// A stop ends the waiting, and everybody is in before anything is measured.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_them_in() {
    on_own_server(async |stage| {
        let busy = stage.target.link("shop_app").await;
        busy.execute("BEGIN").await.expect("begun");
        stage.due_keeping_out(kept_out(10, true)).await;
        let worker = stage.worker();
        stage.until(60, WAITS).await;
        let input = Input { short_name: "prod-orders".into(), reason: "the web shop is slow".into() };
        stop_run(&stage.house.engine, &stage.house.engineer, stage.run().await, &input).await.expect("it may be stopped");
        let page = stage.validating().await;
        worker.stop().await;
        assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "stopped", "{page}");
        nothing_left(stage, "stopped").await;
        busy.execute("COMMIT").await.expect("it was not touched");
        assert!(stage.seen().await.is_empty(), "{page}");
    })
    .await;
}
