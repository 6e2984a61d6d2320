//! Windows of several databases, on real ones: waves, their stop, their soak, and what a person decides on one lane.

use crate::run_stage::{RunStage, Worker, dead_rows, with_password};
use crate::stage::Staged;
use crate::target_support::{MAINTAINER, Target};
use domain::hold::{HoldVerb, ResolveForm};
use domain::ids::{RunId, TargetId};
use domain::lanes::Waves;
use domain::plan::{Bar, Plan, PlanQuery, PlanTarget};
use engine::Error;
use engine::actions::close_window::{self, close_window};
use engine::actions::hold_run::hold_run;
use engine::actions::hold_window::hold_window;
use engine::actions::resolve_hold::resolve_hold;
use engine::actions::stop_run::{Input, stop_run};
use engine::actions::stop_window::{Stopped, stop_window};
use engine::target::identity::observe;
use sqlx::AssertSqlSafe;

/// A stage with further databases beside the first, `prod-orders`.
pub struct Lanes {
    pub stage: RunStage,
    pub others: Vec<Other>,
}

pub struct Other {
    pub id: TargetId,
    name: &'static str,
    target: Target,
    identity: serde_json::Value,
}

pub const FIRST: &str = "prod-orders";

impl Lanes {
    pub async fn new(names: &[&'static str]) -> Self {
        let stage = RunStage::new().await;
        let mut others = Vec::new();
        for name in names.iter().copied() {
            let target = Target::new().await;
            let id = engine::clock::new_id::<TargetId>();
            let identity = observe(&target.link(MAINTAINER).await).await.expect("readable").stable;
            let identity = serde_json::to_value(&identity).expect("plain");
            sqlx::query(
                "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, identity, created_by)
                 SELECT $1, team_id, $2, $2, dbms, host, port, $3, username, tls, environment, zone, on_call, state, $4, created_by FROM drydock.target WHERE id = $5",
            )
            .bind(id.0)
            .bind(name)
            .bind(target.db.name())
            .bind(&identity)
            .bind(stage.house.target.0)
            .execute(&stage.house.admin)
            .await
            .expect("registered");
            sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT $1, person_id FROM drydock.target_stakeholder WHERE target_id = $2")
                .bind(id.0)
                .bind(stage.house.target.0)
                .execute(&stage.house.admin)
                .await
                .expect("the same stakeholders");
            with_password(&stage.house, id).await;
            stage.house.backup_of(id).await;
            others.push(Other { id, name, target, identity });
        }
        Self { stage, others }
    }

    /// An approved window that is due, on all of them: `order` counts the databases from 0.
    pub async fn due(&self, order: &[&[usize]], soak_min: u32, change: impl FnOnce(&mut Plan)) -> Staged {
        self.stage
            .due(|plan| {
                for other in &self.others {
                    let first = plan.targets[0].clone();
                    plan.bars.push(Bar { target: other.id, policy: plan.policy.clone(), eligible: plan.eligible.clone() });
                    plan.targets.push(PlanTarget {
                        id: other.id,
                        short_name: other.name.to_owned(),
                        name: other.name.to_owned(),
                        database: other.target.db.name().to_owned(),
                        identity: other.identity.clone(),
                        ..first
                    });
                }
                let ids: Vec<TargetId> = plan.targets.iter().map(|target| target.id).collect();
                let order = order.iter().map(|wave| wave.iter().map(|place| ids[*place]).collect()).collect();
                plan.waves = Some(Waves { order, soak_min });
                change(plan);
            })
            .await
    }

    /// What became of each database, in the order of the plan: state or ending of its run, whether it was clean, why it was not started.
    pub async fn lanes(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT d.short_name || ' ' || coalesce(r.ending, r.state, 'none') || CASE r.clean WHEN true THEN ' clean' WHEN false THEN ' not clean' ELSE '' END || coalesce(' (' || t.not_started || ')', '')
             FROM drydock.window_target t JOIN drydock.target d ON d.id = t.target_id
             LEFT JOIN drydock.run r ON r.window_id = t.window_id AND r.revision = t.revision AND r.target_id = t.target_id
             WHERE t.revision = 2 ORDER BY t.position",
        )
        .fetch_all(&self.stage.house.admin)
        .await
        .expect("lanes")
    }

    pub async fn run_of(&self, name: &str) -> RunId {
        let id: uuid::Uuid =
            sqlx::query_scalar("SELECT r.id FROM drydock.run r JOIN drydock.target d ON d.id = r.target_id WHERE d.short_name = $1")
                .bind(name)
                .fetch_one(&self.stage.house.admin)
                .await
                .expect("a run");
        RunId(id)
    }

    /// Waits until the run on this database is so.
    pub async fn until_run(&self, name: &str, condition: &str) {
        let sql = format!(
            "SELECT coalesce(bool_or({condition}), false) FROM drydock.run r JOIN drydock.target d ON d.id = r.target_id WHERE d.short_name = '{name}'"
        );
        self.stage.until_text(90, &sql).await;
    }

    pub async fn until_window(&self, state: &str) {
        self.stage.until_text(90, &format!("SELECT state = '{state}' FROM drydock.window")).await;
    }

    pub async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&self.stage.house.admin).await.expect(sql)
    }

    /// How many facts of an action there are.
    pub async fn facts(&self, action: &str) -> i64 {
        self.count(&format!("SELECT count(*) FROM drydock.fact WHERE action = '{action}'")).await
    }

    pub async fn leave(self, worker: Worker) {
        worker.stop().await;
        self.stage.leave().await;
    }
}

pub fn typed(name: &str) -> Input {
    Input { short_name: name.into(), reason: "something looks odd".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn waves_follow_each_other_and_the_window_is_validated_once() {
    let lanes = Lanes::new(&["prod-b", "prod-c"]).await;
    lanes.stage.dead_rows("orders", 2_000).await;
    for other in &lanes.others {
        dead_rows(&other.target, "orders", 2_000).await;
    }
    let window = lanes.due(&[&[0], &[1, 2]], 0, |_| ()).await;
    let worker = lanes.stage.worker();
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.lanes().await, ["prod-orders finished clean", "prod-b finished clean", "prod-c finished clean"], "{page}");
    let early =
        "SELECT count(*) FROM drydock.run a JOIN drydock.window_target t ON t.target_id = a.target_id AND t.revision = 2 AND t.wave = 1
                 JOIN drydock.run b ON b.id <> a.id AND b.opened_at <= a.ended_at";
    assert_eq!(lanes.count(early).await, 0, "no run of the second wave was opened before the first ended\n{page}");
    for (fact, times) in [("run.open", 2), ("run.begin", 3), ("run.seal_work", 3), ("run.end", 3), ("window.end_waves", 0)] {
        assert_eq!(lanes.facts(fact).await, times, "{fact}\n{page}");
    }
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.item WHERE outcome IS DISTINCT FROM 'done'").await, 0, "{page}");
    assert_eq!(lanes.count("SELECT count(DISTINCT run_id) FROM drydock.item").await, 3, "each did its own work\n{page}");
    let measured = "SELECT count(*) FROM drydock.check_item WHERE revision = 2 AND key = 'reachable' AND state = 'passed' AND target_id IS NOT NULL AND baseline IS NOT NULL";
    assert_eq!(lanes.count(measured).await, 3, "each database is measured on its own list\n{page}");
    for kind in ["started", "validating"] {
        let twice = format!("SELECT count(*) - count(DISTINCT person_id) FROM drydock.outbox WHERE kind = '{kind}'");
        assert_eq!(lanes.count(&twice).await, 0, "nobody is told twice: {kind}");
        assert!(lanes.count(&format!("SELECT count(*) FROM drydock.outbox WHERE kind = '{kind}'")).await > 0, "{kind}");
    }
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.window_target WHERE live").await, 3, "all are taken until it is validated");
    assert_eq!(lanes.stage.house.state(window.number).await, "validating");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_that_does_not_end_clean_stops_those_behind_it_by_name() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let window = lanes
        .due(&[&[0], &[1]], 30, |plan| {
            plan.targets[0].critical_queries =
                vec![PlanQuery { name: "slow".into(), sql: "SELECT count(*) FROM generate_series(1, 200000)".into(), limit_ms: 1 }];
        })
        .await;
    let worker = lanes.stage.worker();
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    let why = "An earlier wave did not end clean (prod-orders: finished with failures).";
    assert_eq!(lanes.lanes().await, ["prod-orders finished not clean".to_owned(), format!("prod-b none ({why})")], "{page}");
    assert_eq!(
        lanes.count("SELECT count(*) FROM drydock.run WHERE soak_until IS NOT NULL").await,
        0,
        "nothing follows, so nothing is waited for"
    );
    let of_b = "SELECT count(*) FROM drydock.check_item c JOIN drydock.target d ON d.id = c.target_id WHERE d.short_name = 'prod-b' AND c.state = 'not_applicable'";
    assert_eq!(lanes.count(of_b).await, 6, "{page}");
    assert_eq!(lanes.facts("window.end_waves").await, 1);
    let told = "SELECT count(*) FROM drydock.outbox WHERE kind = 'validating' AND payload -> 'failures' = '[\"prod-orders: finished with failures\", \"prod-b: not started\"]'";
    assert!(lanes.count(told).await > 0, "the message names both\n{page}");

    // What is red is accepted, what is open is looked at: the window closes with its failures named.
    sqlx::query("UPDATE drydock.check_item SET state = CASE WHEN state = 'failed' THEN 'accepted' ELSE 'passed' END, note = 'seen', decided_by = $1 WHERE revision = 2 AND state IN ('open', 'failed')")
        .bind(lanes.stage.house.lead.actor.person.0)
        .execute(&lanes.stage.house.admin)
        .await
        .expect("answered");
    let (engine, lead) = (&lanes.stage.house.engine, &lanes.stage.house.lead);
    let owed = close_window(engine, lead, window.number, &close_window::Input::default()).await;
    assert!(matches!(owed, Err(Error::Invalid(errors)) if errors[0].field == "issues_met"), "what went wrong is owed");
    close_window(engine, lead, window.number, &close_window::Input { issues_met: "b is left for next week".into() }).await.expect("closed");
    assert_eq!(lanes.stage.house.state(window.number).await, "completed");
    let named =
        "SELECT count(*) FROM drydock.fact WHERE action = 'window.close' AND convert_from(bytes, 'UTF8') LIKE '%prod-b: not started%'";
    assert_eq!(lanes.count(named).await, 1, "completed with failures, by name");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_waits_for_a_person_lets_the_others_work_and_its_rollback_is_its_own() {
    let lanes = Lanes::new(&["prod-b", "prod-c"]).await;
    lanes.stage.gated_index("invoices").await;
    lanes.stage.gated_index("letters").await;
    let b = &lanes.others[0].target;
    b.gated_index("invoices", 10_000).await;
    b.gated_index("letters", 10_000).await;
    let (gate_a, gate_b) = (lanes.stage.hold_gate().await, b.hold_gate().await);
    lanes.due(&[&[0, 1], &[2]], 0, |_| ()).await;
    let worker = lanes.stage.worker();
    lanes.stage.at_the_gate().await;
    lanes.until_run("prod-b", "EXISTS (SELECT FROM drydock.attempt a WHERE a.run_id = r.id AND a.state = 'started')").await;

    let (engine, house) = (&lanes.stage.house.engine, &lanes.stage.house);
    let wrong = hold_run(engine, &house.engineer, lanes.run_of("prod-b").await, &typed(FIRST)).await;
    assert!(matches!(wrong, Err(Error::Invalid(errors)) if errors[0].message.ends_with("prod-b")), "the name of its own database is typed");
    hold_run(engine, &house.engineer, lanes.run_of(FIRST).await, &typed(FIRST)).await.expect("it may be held");
    drop(gate_a);
    lanes.until_window("hold").await;
    lanes.until_run(FIRST, "r.state = 'held'").await;
    // The other one goes on to its next item, and to its end, while the first waits.
    drop(gate_b);
    lanes.until_run("prod-b", "r.state = 'ended'").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.stage.text("SELECT state FROM drydock.window").await, "hold", "{page}");
    assert_eq!(lanes.lanes().await, ["prod-orders held", "prod-b finished clean", "prod-c none"], "{page}");
    let done = "SELECT count(*) FROM drydock.item i JOIN drydock.run r ON r.id = i.run_id JOIN drydock.target d ON d.id = r.target_id WHERE d.short_name = 'prod-b' AND i.outcome = 'done'";
    assert_eq!(lanes.count(done).await, 2, "{page}");

    let undo = ResolveForm { verb: HoldVerb::RollBack.word().into(), found: String::new(), reason: "it gets slower".into() };
    resolve_hold(engine, &house.lead, lanes.run_of(FIRST).await, &undo).await.expect("decided");
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    let why = "An earlier wave does not end clean (prod-orders: rolling back).";
    let expected = ["prod-orders rolled_back not clean".to_owned(), "prod-b finished clean".to_owned(), format!("prod-c none ({why})")];
    assert_eq!(lanes.lanes().await, expected, "{page}");
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.attempt WHERE state <> 'done'").await, 0, "{page}");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_is_watched_before_the_next_and_a_worker_that_leaves_is_followed() {
    let lanes = Lanes::new(&["prod-b"]).await;
    lanes.due(&[&[0], &[1]], 60, |_| ()).await;
    let first = lanes.stage.worker();
    lanes.until_run(FIRST, "r.soak_until IS NOT NULL").await;
    let until = lanes.stage.text("SELECT soak_until::text FROM drydock.run").await;
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.run").await, 1, "the next wave waits");
    first.stop().await;
    let second = lanes.stage.worker();
    lanes.until_run(FIRST, "r.epoch = 2 AND r.state = 'leased'").await;
    assert_eq!(lanes.stage.text("SELECT soak_until::text FROM drydock.run").await, until, "its time does not begin anew");
    assert_eq!(lanes.stage.text("SELECT state FROM drydock.window").await, "running");
    // The time passes.
    sqlx::query("UPDATE drydock.run SET soak_until = clock_timestamp()").execute(&lanes.stage.house.admin).await.expect("passed");
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.lanes().await, ["prod-orders finished clean", "prod-b finished clean"], "{page}");
    assert_eq!(lanes.facts("check.probe").await, 4, "the first by each worker and after it was watched, the second once\n{page}");
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.run WHERE soak_until IS NOT NULL").await, 1, "nothing follows the last wave");
    lanes.leave(second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_a_lane_that_is_watched_keeps_the_next_wave_from_beginning() {
    let lanes = Lanes::new(&["prod-b"]).await;
    lanes.due(&[&[0], &[1]], 60, |_| ()).await;
    let worker = lanes.stage.worker();
    lanes.until_run(FIRST, "r.soak_until IS NOT NULL").await;
    let house = &lanes.stage.house;
    stop_run(&house.engine, &house.engineer, lanes.run_of(FIRST).await, &typed(FIRST)).await.expect("it may be stopped");
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    let why = "An earlier wave did not end clean (prod-orders: stopped).";
    assert_eq!(lanes.lanes().await, ["prod-orders stopped not clean".to_owned(), format!("prod-b none ({why})")], "{page}");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lane_of_a_worker_that_died_is_taken_over_by_its_own_lease() {
    let lanes = Lanes::new(&["prod-b"]).await;
    lanes.stage.gated_index("invoices").await;
    let b = &lanes.others[0].target;
    b.gated_index("invoices", 10_000).await;
    let (gate_a, gate_b) = (lanes.stage.hold_gate().await, b.hold_gate().await);
    lanes.due(&[&[0, 1]], 0, |_| ()).await;
    let first = lanes.stage.worker_process();
    for name in [FIRST, "prod-b"] {
        lanes.until_run(name, "EXISTS (SELECT FROM drydock.attempt a WHERE a.run_id = r.id AND a.state = 'started')").await;
    }
    first.kill();
    drop((gate_a, gate_b));
    lanes.stage.expire_lease().await;
    let second = lanes.stage.worker();
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.lanes().await, ["prod-orders finished clean", "prod-b finished clean"], "{page}");
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.run WHERE epoch = 2").await, 2, "{page}");
    // Whoever is killed before the statement was sent leaves an attempt that is known to have had no effect.
    let twice =
        "SELECT count(*) FROM (SELECT FROM drydock.attempt WHERE outcome = 'done' GROUP BY run_id, ordinal HAVING count(*) > 1) twice";
    assert_eq!(lanes.count(twice).await, 0, "nothing worked twice\n{page}");
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.attempt WHERE outcome NOT IN ('done', 'cancelled')").await, 0, "{page}");
    lanes.leave(second).await;
}

impl Lanes {
    /// Nobody recorded a backup of these, and the latest start is `after_s` seconds from now.
    pub async fn without_backups(&self, kept: &[TargetId], after_s: i64) -> impl FnOnce(&mut Plan) + use<> {
        let kept: Vec<uuid::Uuid> = kept.iter().map(|target| target.0).collect();
        let mut admin = self.stage.house.admin.acquire().await.expect("a connection");
        sqlx::raw_sql("SET session_replication_role = replica").execute(&mut *admin).await.expect("a superuser");
        sqlx::query("DELETE FROM drydock.backup_record WHERE target_id <> ALL ($1)")
            .bind(kept)
            .execute(&mut *admin)
            .await
            .expect("forgotten");
        sqlx::raw_sql("RESET session_replication_role").execute(&mut *admin).await.expect("a superuser");
        move |plan| plan.times.latest_start = plan.times.start + jiff::SignedDuration::from_secs(60 + after_s)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_red_until_the_latest_start_is_left_out() {
    let lanes = Lanes::new(&["prod-b", "prod-c"]).await;
    let late = lanes.without_backups(&[lanes.stage.house.target], 20).await;
    lanes.due(&[&[0, 1], &[2]], 0, late).await;
    let worker = lanes.stage.worker();
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    let why = "An earlier wave did not end clean (prod-b: not begun).";
    let expected = ["prod-orders finished clean".to_owned(), "prod-b not_begun not clean".to_owned(), format!("prod-c none ({why})")];
    assert_eq!(lanes.lanes().await, expected, "{page}");
    let open = "SELECT count(*) FROM drydock.check_item c JOIN drydock.target d ON d.id = c.target_id WHERE c.revision = 2 AND d.short_name <> 'prod-orders' AND c.state <> 'not_applicable'";
    assert_eq!(lanes.count(open).await, 0, "nothing was changed on them: there is nothing to look at\n{page}");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_which_no_database_could_begin_is_missed() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let late = lanes.without_backups(&[], 6).await;
    lanes.due(&[&[0, 1]], 0, late).await;
    let worker = lanes.stage.worker();
    lanes.until_window("missed").await;
    lanes.stage.until(30, "SELECT bool_and(state = 'ended') FROM drydock.run").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.lanes().await, ["prod-orders not_begun not clean", "prod-b not_begun not clean"], "{page}");
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.window_target WHERE live").await, 0, "the databases are free");
    lanes.leave(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_act_holds_or_stops_whatever_runs_on_any_database() {
    let lanes = Lanes::new(&["prod-b", "prod-c"]).await;
    lanes.stage.gated_index("invoices").await;
    let b = &lanes.others[0].target;
    b.gated_index("invoices", 10_000).await;
    let gates = (lanes.stage.hold_gate().await, b.hold_gate().await);
    let window = lanes.due(&[&[0, 1], &[2]], 0, |_| ()).await;
    let worker = lanes.stage.worker();
    for name in [FIRST, "prod-b"] {
        lanes.until_run(name, "EXISTS (SELECT FROM drydock.attempt a WHERE a.run_id = r.id AND a.state = 'started')").await;
    }
    let (engine, house) = (&lanes.stage.house.engine, &lanes.stage.house);
    let page = engine::queries::windows::show(engine, &house.engineer.actor, window.number, None).await.expect("its page");
    let whole = page.whole.expect("several databases");
    assert!(whole.hold.is_open() && whole.stop.is_open(), "{whole:?}");
    assert!(hold_window(engine, &house.stakeholder, window.number, &typed(FIRST)).await.is_err(), "who may not, may not on a whole window");
    assert_eq!(hold_window(engine, &house.engineer, window.number, &typed(FIRST)).await.expect("both work"), 2);
    let again = hold_window(engine, &house.engineer, window.number, &typed(FIRST)).await;
    assert!(matches!(again, Err(Error::Refused(refusal)) if refusal.code == "nothing_to_hold"));
    let stopped = stop_window(engine, &house.engineer, window.number, &typed(FIRST)).await.expect("a stop is stronger");
    assert_eq!(stopped, Stopped { asked: 2, not_started: 1 });
    lanes.until_window("validating").await;
    drop(gates);
    let page = lanes.stage.page().await;
    let found = lanes.lanes().await;
    assert_eq!(found[..2], ["prod-orders stopped not clean", "prod-b stopped not clean"], "{page}");
    assert_eq!(found[2], "prod-c none (Stopped: something looks odd)", "{page}");
    assert_eq!((lanes.facts("run.ask_hold").await, lanes.facts("run.stop").await), (2, 2));
    let named =
        "SELECT count(*) FROM drydock.fact WHERE action = 'run.stop' AND convert_from(bytes, 'UTF8') LIKE '%\"database\":\"prod-b\"%'";
    assert_eq!(lanes.count(named).await, 1, "each by the name of its database");
    lanes.leave(worker).await;
}
