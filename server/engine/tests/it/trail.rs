//! The trail on a real database: sealed, anchored, tampered with, found out.

mod reading;
mod sealing;
mod tampering;
mod things;

use domain::fact::NewFact;
use domain::permission::Permit;
use engine::ledger::Ledger;
use engine::sealer::{Sealer, Turn};
use engine::test_support::{ServiceRole, TestDatabase};
use engine::trail::anchor::AnchorFile;
use engine::trail::report::Report;
use engine::trail::verify::{Known, Scope, verify};
use engine::transaction;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgPool};
use tempfile::TempDir;

/// A database, a worker's folder, and the pools of those who meet there.
pub(crate) struct Scene {
    pub database: TestDatabase,
    pub worker: PgPool,
    pub folder: TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let worker = database.pool(ServiceRole::Worker).await;
        Self { database, worker, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Writes `count` facts, each in a transaction of its own.
    pub async fn write(&self, count: i64) {
        for n in 0..count {
            write_fact(&self.worker, n).await;
        }
        self.settle().await;
    }

    /// Until no transaction older than a fact of ours runs anywhere in the cluster: other tests share it, and sealing waits for them.
    pub async fn settle(&self) {
        for _ in 0..3000 {
            let settled: bool = sqlx::query_scalar("SELECT NOT EXISTS (SELECT FROM drydock.fact f WHERE f.system_identifier <> '1' AND f.xid >= pg_snapshot_xmin(pg_current_snapshot()))")
                .fetch_one(&self.worker)
                .await
                .expect("readable");
            if settled {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("another test holds a transaction for half a minute");
    }

    pub async fn sealer(&self) -> Sealer {
        Sealer::open(self.worker.clone(), self.folder.path(), "test").await.expect("opens")
    }

    /// Seals all that there is.
    pub async fn seal(&self) {
        let mut sealer = self.sealer().await;
        sealer.turn().await.expect("seals, or introduces its key");
        self.settle().await;
        rest(&mut sealer).await;
    }

    /// A first batch with the fact about the key, then `batches` of three facts each.
    pub async fn sealed(batches: i64) -> Self {
        let scene = Self::new().await;
        scene.seal().await;
        for _ in 0..batches {
            scene.write(3).await;
            scene.seal().await;
        }
        scene
    }

    pub fn anchors(&self) -> AnchorFile {
        AnchorFile::in_folder(self.folder.path())
    }

    pub fn known(&self) -> Known {
        Known::from_anchor_file(self.anchors().path()).expect("an anchor file")
    }

    /// As the auditor, in one snapshot.
    pub async fn verify(&self, known: &Known) -> Report {
        let auditor = self.database.pool(ServiceRole::Auditor).await;
        let mut snapshot = auditor.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.expect("a snapshot");
        verify(&mut snapshot, known, Scope::Whole).await.expect("verifiable")
    }

    /// As a superuser who switches off every trigger he can.
    pub async fn tamper(&self, statements: &str) {
        let mut superuser = self.database.superuser().await.acquire().await.expect("connects").detach();
        superuser.execute(sqlx::raw_sql(AssertSqlSafe(tampering(statements)))).await.expect("nothing stops a superuser");
    }

    /// What the verification says after `statements`, which are then taken back.
    pub async fn tampered(&self, known: &Known, statements: &str) -> Report {
        tampered(&self.database.superuser().await, known, statements).await
    }
}

/// What the verification says after `statements`, which are then taken back.
pub(crate) async fn tampered(superuser: &PgPool, known: &Known, statements: &str) -> Report {
    let mut superuser = superuser.acquire().await.expect("connects").detach();
    let mut trial = superuser.begin().await.expect("begins");
    (&mut *trial).execute(sqlx::raw_sql(AssertSqlSafe(tampering(statements)))).await.expect("nothing stops a superuser");
    let report = verify(&mut trial, known, Scope::Whole).await.expect("verifiable");
    trial.rollback().await.expect("taken back");
    report
}

fn tampering(statements: &str) -> String {
    format!("ALTER TABLE drydock.fact DISABLE TRIGGER USER; ALTER TABLE drydock.seal_batch DISABLE TRIGGER USER; ALTER TABLE drydock.seal_member DISABLE TRIGGER USER;
         ALTER TABLE drydock.plan DISABLE TRIGGER USER; ALTER TABLE drydock.vote DISABLE TRIGGER USER; ALTER TABLE drydock.work_list DISABLE TRIGGER USER;
         ALTER TABLE drydock.series_digest DISABLE TRIGGER USER; ALTER TABLE drydock.series_vote DISABLE TRIGGER USER; ALTER TABLE drydock.series_cover DISABLE TRIGGER USER;
         SET session_replication_role = replica; {statements}"
    )
}

pub(crate) async fn rest(sealer: &mut Sealer) {
    while sealer.turn().await.expect("seals") == Turn::Again {}
}

pub(crate) async fn write_fact(pool: &PgPool, n: i64) {
    transaction::run(pool, "test_fact", move |db| {
        Box::pin(async move {
            Ledger::open(db, &Permit::system(), "test").fact(NewFact::done("thing.happen", "thing", n).with("n", n)).await.map(drop)
        })
    })
    .await
    .expect("written");
}
