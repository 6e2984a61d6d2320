//! Changes of settings on a real server: written, read again, proven, and given back.

use crate::changes::sends_by;
use crate::run_stage::RunStage;
use crate::target_own_server::with_server;
use crate::target_support::{MAINTAINER, Target};
use domain::change::{Change, SETTINGS_STEP, settings};
use domain::hold::HoldVerb;
use domain::plan::Plan;
use domain::procedure::RiskClass;
use domain::procedure::library::SETTINGS_POSTGRESQL;
use domain::proposal::ProposalForm;
use engine::actions::propose_window::propose_window;
use engine::target::postgres::settings::look;
use engine::test_support::TestDatabase;
use engine::test_support::fail_points::Deed;
use sqlx::{AssertSqlSafe, Connection as _};
use std::time::Duration;

fn changes(plan: &mut Plan, change: Change) {
    sends_by(plan, SETTINGS_POSTGRESQL, change);
}

impl RunStage {
    async fn as_superuser(&self, sql: &str) {
        let mut admin = self.target.admin().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.expect("as superuser");
        admin.close().await.expect("closed");
    }
    /// What the server shows of a setting, and whether ALTER SYSTEM wrote it.
    async fn shown(&self, name: &str) -> (String, bool, bool) {
        let mut admin = self.target.admin().await;
        sqlx::query_as(
            "SELECT setting, coalesce(sourcefile, '') LIKE '%postgresql.auto.conf', pending_restart FROM pg_settings WHERE name = $1",
        )
        .bind(name)
        .fetch_one(&mut admin)
        .await
        .expect("a setting")
    }
    /// Lines of a setting in what ALTER SYSTEM wrote.
    async fn lines_of(&self, name: &str) -> i64 {
        self.on_target(&format!("SELECT count(*) FROM pg_file_settings WHERE name = '{name}' AND sourcefile LIKE '%auto.conf'")).await
    }
    /// The maintainer may change these, as the manual says to grant it.
    async fn grants(&self, names: &[&str]) {
        let mut sql = format!("GRANT EXECUTE ON FUNCTION pg_reload_conf() TO {MAINTAINER};");
        for name in names {
            sql.push_str(&format!("GRANT ALTER SYSTEM ON PARAMETER {name} TO {MAINTAINER};"));
        }
        self.as_superuser(&sql).await;
    }
    async fn parts_ended(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT coalesce(outcome, '-') FROM drydock.item ORDER BY ordinal")
            .fetch_all(&self.house.admin)
            .await
            .expect("items")
    }
}

/// Each is written and proven; one that waits for a restart says so; one that the server refuses ends it, and all of it is given back.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_written_one_by_one_and_given_back() {
    // What waits for a restart does so until then: no other test shares this server.
    with_server(async |cluster| {
        let stage = RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await;
        written_and_given_back(&stage).await;
    })
    .await;
}

async fn written_and_given_back(stage: &RunStage) {
    stage.grants(&["log_autovacuum_min_duration", "max_files_per_process", "autovacuum_naptime", "bgwriter_delay"]).await;
    stage.as_superuser("ALTER SYSTEM SET bgwriter_delay = '333ms'").await;
    stage.as_superuser("SELECT pg_reload_conf()").await;
    let before = stage.shown("log_autovacuum_min_duration").await;
    let files = stage.shown("max_files_per_process").await;
    let change = settings::read(
        "log_autovacuum_min_duration = 7min\nbgwriter_delay = default\nmax_files_per_process = 1777\nautovacuum_naptime = 5parsecs\nlog_autovacuum_min_duration.x = 1",
    )
    .expect("good");
    assert_eq!(change.risk(), RiskClass::R3);
    stage.due(|plan| changes(plan, change)).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let page = stage.page().await;
    assert_eq!(stage.parts_ended().await, ["done", "done", "done", "failed", "-"], "{page}");
    assert_eq!(stage.shown("log_autovacuum_min_duration").await, ("420000".into(), true, false), "{page}");
    assert_eq!(stage.shown("bgwriter_delay").await, ("200".into(), false, false), "{page}");
    assert!(stage.shown("max_files_per_process").await.2, "it waits for a restart\n{page}");
    assert!(page.contains("It counts after a restart") && page.contains("invalid value for parameter"), "{page}");
    stage.decided_to(HoldVerb::RollBack).await;
    stage.until(60, "SELECT state = 'rolled_back' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert_eq!(stage.shown("log_autovacuum_min_duration").await, before, "{page}");
    // The server keeps saying that it waits; the line is gone from its file.
    assert_eq!(
        (stage.shown("max_files_per_process").await.0, files.1, stage.lines_of("max_files_per_process").await),
        (files.0, false, 0),
        "{page}"
    );
    assert_eq!(stage.shown("bgwriter_delay").await, ("333".into(), true, false), "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.undo_part WHERE outcome = 'done'").await, 3, "{page}");
}

/// Without the rights nothing is written, not even what would only count at somebody's next reload.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_changed_is_not_written() {
    for (line, granted, said) in [
        ("bgwriter_lru_maxpages = 77", &[][..], "GRANT ALTER SYSTEM ON PARAMETER bgwriter_lru_maxpages"),
        ("there_is_no_such_setting = 1", &[], "no setting of this name"),
        ("block_size = 4096", &[], "cannot be set"),
    ] {
        let stage = RunStage::new().await;
        stage.grants(granted).await;
        stage.due(|plan| changes(plan, settings::read(line).expect("good"))).await;
        let worker = stage.worker();
        stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
        worker.stop().await;
        let page = stage.page().await;
        assert_eq!(stage.parts_ended().await, ["failed"], "{line}\n{page}");
        assert!(page.contains(said) && page.contains("not sent"), "{line}\n{page}");
        stage.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_survives_the_death_of_its_worker() {
    for (point, name) in
        [("after_start", "bgwriter_flush_after"), ("before_send", "checkpoint_flush_after"), ("after_execute", "backend_flush_after")]
    {
        let stage = RunStage::new().await;
        stage.grants(&[name]).await;
        stage.due(|plan| changes(plan, settings::read(&format!("{name} = 96kB")).expect("good"))).await;
        let first = stage.worker_process_with(point, 1, Deed::Die);
        first.died(Duration::from_secs(60)).await.unwrap_or_else(|status| panic!("{point}: {status}"));
        stage.expire_lease().await;
        let second = stage.worker_process();
        stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
        second.terminate().await;
        let page = stage.page().await;
        assert_eq!(stage.parts_ended().await, ["done"], "{point}\n{page}");
        assert_eq!(stage.shown(name).await, ("12".into(), true, false), "{point}\n{page}");
        stage.as_superuser(&format!("ALTER SYSTEM RESET {name}")).await;
        stage.as_superuser("SELECT pg_reload_conf()").await;
        stage.leave().await;
    }
}

/// Our own sessions limit themselves: what the server has is seen all the same, and the session keeps its limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_of_the_session_does_not_hide_the_servers() {
    let target = Target::new().await;
    let link = target.link(MAINTAINER).await;
    link.execute("SET statement_timeout = 54321").await.expect("set");
    let shown = look(&link, "statement_timeout").await.expect("readable").expect("there");
    assert_eq!((shown.state.value.as_str(), shown.source.as_str(), shown.state.hindered), ("0", "default", None));
    let own: String = link.row("SHOW statement_timeout", &[]).await.expect("readable").get(0);
    assert_eq!(own, "54321ms");
    assert_eq!(look(&link, "no_such_setting").await.expect("readable"), None);
    assert!(look(&link, "timezone").await.expect("readable").is_some(), "TimeZone is found whatever its case");
    target.plant_as_owner("SELECT 1").await;
}

/// The list of what counts after a restart is the server's own.
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_known() {
    let target = Target::new().await;
    let mut admin = target.admin().await;
    let found: Vec<(String, String)> = sqlx::query_as("SELECT lower(name), context FROM pg_settings WHERE context <> 'internal'")
        .fetch_all(&mut admin)
        .await
        .expect("settings");
    assert!(found.len() > 200);
    for (name, context) in found.iter().filter(|(name, _)| settings::refused(name).is_none() && !name.contains('.')) {
        assert_eq!(settings::needs_restart(name), context == "postmaster", "{name}: {context}");
    }
}

/// From the form to the sealed plan.
#[tokio::test(flavor = "multi_thread")]
async fn the_form_becomes_a_plan() {
    let stage = RunStage::new().await;
    let house = &stage.house;
    let form = |lines: &str| {
        let mut form = ProposalForm { procedure: SETTINGS_POSTGRESQL.into(), title: String::new(), ..house.form(3) };
        form.change.settings = lines.into();
        form
    };
    let refused = propose_window(&house.engine, &house.engineer, &form("port = 1"), None).await.expect_err("locks out");
    assert!(format!("{refused:?}").contains("Line 1"), "{refused:?}");
    let number = propose_window(&house.engine, &house.engineer, &form("work_mem = 8MB"), None).await.expect("good").number;
    let bytes: Vec<u8> =
        sqlx::query_scalar("SELECT p.bytes FROM drydock.plan p JOIN drydock.window w ON w.id = p.window_id WHERE w.number = $1")
            .bind(number)
            .fetch_one(&house.admin)
            .await
            .expect("a plan");
    let plan: Plan = serde_json::from_slice(&bytes).expect("readable");
    assert_eq!((plan.risk(), plan.envelope.steps.clone(), plan.envelope.scripts.len()), (RiskClass::R2, vec![SETTINGS_STEP.to_owned()], 1));
    assert!(plan.rollback.summary.contains("the value it had"), "{}", plan.rollback.summary);
}
