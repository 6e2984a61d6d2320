//! A company whose database is real, and a worker that works on it.

use crate::house::House;
use crate::stage::{Staged, When};
use crate::target_support::{MAINTAINER, PASSWORD, Target};
use domain::ids::{RunId, TargetId};
use domain::plan::Plan;
use domain::procedure::Parameters;
use engine::target::identity::observe;
use engine::test_support::ServiceRole;
use engine::worker::{WorkerConfig, work};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Row as _};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The whole stage.
pub struct RunStage {
    pub house: House,
    pub target: Target,
}

/// A table of a target with `rows` rows of which three quarters are dead, never analysed.
pub async fn dead_rows(target: &Target, table: &str, rows: u32) {
    target
        .plant_as_owner(&format!(
            "CREATE TABLE shop.{table} (id int PRIMARY KEY, note text) WITH (autovacuum_enabled = off);
             INSERT INTO shop.{table} SELECT n, md5(n::text) FROM generate_series(1, {rows}) n;
             DELETE FROM shop.{table} WHERE id % 4 <> 0"
        ))
        .await;
}

/// A worker in this process.
pub struct Worker {
    stop: CancellationToken,
    task: JoinHandle<engine::Result<()>>,
}

impl Worker {
    /// Stops softly, and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.task).await.expect("in time").expect("no panic").expect("no error");
    }
}

/// Seals the maintainer's password of a registered database to the worker.
pub async fn with_password(house: &House, target: TargetId) {
    let mut db = house.admin.acquire().await.expect("a connection");
    let place = engine::store::targets::find(&mut db, target).await.expect("readable").expect("there").registration.place;
    engine::credentials::store_password(&mut db, target, &place, &SecretString::from(PASSWORD), house.engineer.actor.person)
        .await
        .expect("sealed to the worker");
}

impl RunStage {
    /// A house whose database is an empty target with schema `shop`; a backup is on record.
    pub async fn new() -> Self {
        let target = Target::new().await;
        let port = target.db.port();
        Self::with(target, port).await
    }

    /// The same with a given target, which is registered under `port`.
    pub async fn with(target: Target, port: u16) -> Self {
        let house = House::new().await;
        let identity = observe(&target.link(MAINTAINER).await).await.expect("readable").stable;
        sqlx::query("UPDATE drydock.target SET host = '127.0.0.1', port = $2, database = $3, username = $4, identity = $5 WHERE id = $1")
            .bind(house.target.0)
            .bind(i32::from(port))
            .bind(target.db.name())
            .bind(MAINTAINER)
            .bind(serde_json::to_value(&identity).expect("plain"))
            .execute(&house.admin)
            .await
            .expect("repointed");
        with_password(&house, house.target).await;
        house.backed_up().await;
        Self { house, target }
    }

    /// Thresholds that let small defects count.
    pub fn eager() -> Parameters {
        Parameters {
            vacuum_min_dead_rows: 100,
            vacuum_min_trigger_percent: 10,
            vacuum_cost_delay_ms: 0,
            reindex_look_min_mib: 0,
            reindex_min_waste_mib: 0,
            analyze_min_changed_rows: 10,
            jobs: 1,
            ..Parameters::default()
        }
    }

    /// A table of `rows` rows of which three quarters are dead, never analysed.
    pub async fn dead_rows(&self, table: &str, rows: u32) {
        dead_rows(&self.target, table, rows).await;
    }

    /// A table without dead rows whose one index besides the key is three quarters empty.
    pub async fn bloated_index(&self, table: &str, rows: u32) {
        self.dead_rows(table, rows).await;
        self.target.plant_as_owner(&format!("CREATE INDEX {table}_note ON shop.{table} (note, id)")).await;
        self.target
            .plant_as_owner(&format!("INSERT INTO shop.{table} SELECT n, md5(n::text) FROM generate_series({rows} + 1, 5 * {rows}) n"))
            .await;
        self.target.plant_as_owner(&format!("DELETE FROM shop.{table} WHERE id > {rows}")).await;
        self.target.settled().await;
        self.target.plant(&format!("VACUUM (ANALYZE) shop.{table}")).await;
    }

    /// An approved window that is due, with eager thresholds.
    pub async fn due(&self, change: impl FnOnce(&mut Plan)) -> Staged {
        self.target.settled().await;
        self.house
            .staged(When::NOW, |plan| {
                plan.parameters = Self::eager();
                change(plan);
            })
            .await
    }

    /// How a worker of this house is set up.
    pub fn config(&self) -> WorkerConfig {
        WorkerConfig {
            database: self.house.database.options(ServiceRole::Worker),
            connections: 8,
            runs_at_once: engine::runner::AT_ONCE,
            data_dir: self.house.keys.path().to_owned(),
            public_url: "http://127.0.0.1:8080".parse().expect("a URL"),
            demo: true,
            mail: engine::notifier::MailPins::default(),
            outbound: engine::outbound::Rules::default(),
            program_folders: engine::cluster::program_folders(&[]),
            backups_dir: None,
            scratch_dir: self.house.keys.path().join("scratch"),
        }
    }

    /// A worker in this process, all loops.
    pub fn worker(&self) -> Worker {
        Self::worker_of(self.config())
    }

    /// The same, set up otherwise.
    pub fn worker_of(config: WorkerConfig) -> Worker {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(config, stop.clone()));
        Worker { stop, task }
    }

    /// Waits until a query of one boolean says yes; fails after `seconds`, showing the run's page.
    pub async fn until(&self, seconds: u64, sql: &'static str) {
        self.until_text(seconds, sql).await;
    }

    /// The same for a query that a test puts together.
    pub async fn until_text(&self, seconds: u64, sql: &str) {
        let end = std::time::Instant::now() + Duration::from_secs(seconds);
        loop {
            let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
            let seen: Option<bool> = query.fetch_one(&self.house.admin).await.expect(sql);
            if seen == Some(true) {
                return;
            }
            assert!(std::time::Instant::now() < end, "never seen: {sql}\n{}", self.page().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the run's page knows, for messages of failed tests.
    pub async fn page(&self) -> String {
        let mut text = String::new();
        for sql in [
            "SELECT 'window ' || w.state || ' ' || coalesce(w.state_reason, '') FROM drydock.window w",
            "SELECT 'run ' || r.state || ' ' || r.phase || ' ' || coalesce(r.ending, '-') || ' epoch ' || r.epoch || ' ' || coalesce(r.hold_reason, '') || coalesce(r.pre_checks::text, '') FROM drydock.run r",
            "SELECT 'item ' || i.ordinal || ' ' || i.statement || ' ' || coalesce(i.outcome, '-') || ' ' || coalesce(i.outcome_detail, '') || coalesce(i.figures::text, '') FROM drydock.item i ORDER BY i.ordinal",
            "SELECT 'attempt ' || a.ordinal || '.' || a.number || ' ' || a.state || ' ' || coalesce(a.outcome, '-') || ' ' || coalesce(a.outcome_detail, '') FROM drydock.attempt a ORDER BY a.ordinal, a.number",
            "SELECT e.seq || ' ' || e.kind || ' ' || e.message FROM drydock.run_event e ORDER BY e.seq",
            "SELECT 'check ' || c.key || ' ' || c.state || ' ' || coalesce(c.baseline::text, '-') || ' ' || coalesce(c.probe::text, '-') FROM drydock.check_item c ORDER BY c.ordinal",
        ] {
            for row in sqlx::query(sql).fetch_all(&self.house.admin).await.expect("readable") {
                text.push_str(&row.get::<String, _>(0));
                text.push('\n');
            }
        }
        text
    }

    /// The one run.
    pub async fn run(&self) -> RunId {
        let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM drydock.run").fetch_one(&self.house.admin).await.expect("a run");
        RunId(id)
    }

    /// One text from the state database.
    pub async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(&self.house.admin).await.expect(sql)
    }
}
