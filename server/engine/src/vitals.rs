//! How the installation is, in figures: the one source of `/readyz`, `/metrics` and `drydock doctor`.

use crate::error::Result;
use crate::store::vitals::{self, Outbox, Said};
use crate::{migrate, transaction};
use sqlx::PgPool;

/// A worker says this often that it is there.
pub const SAY_EVERY_S: u64 = 5;
/// A worker that said nothing for this long is taken for gone.
pub const SILENT_AFTER_S: f64 = 20.0;
/// Partitions of the trail are made 24 months ahead; with fewer than these something has not made them for long.
pub const LEAST_MONTHS_AHEAD: i64 = 2;
/// Facts are sealed within a second; this much later something is wrong.
pub const SEAL_LAG_MOST_S: f64 = 60.0;

/// Job under which a worker process says that it is there.
pub const WORKER_JOB: &str = "worker";
/// Job under which a worker says whether its watchdog answers.
pub const WATCHDOG_JOB: &str = "watchdog";
/// State of a worker that takes nothing new and hands over what it holds.
pub const DRAINING: &str = "draining";

/// Figures of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Vitals {
    /// Months whose partition of the trail exists, this one included.
    pub months_ahead: i64,
    /// Seconds that the oldest unsealed fact has waited.
    pub seal_lag_s: f64,
    /// Messages that are not delivered.
    pub outbox: Outbox,
    /// Runs that are not over, by state.
    pub runs: Vec<(String, i64)>,
    /// Windows that are not over, by state.
    pub windows: Vec<(String, i64)>,
    /// Questions about databases that wait for an answer.
    pub examinations: i64,
    /// Seconds that the oldest of them has waited.
    pub examinations_oldest_s: f64,
    /// Workers, as they said last.
    pub workers: Vec<Said>,
    /// What workers said about their watchdogs.
    pub watchdogs: Vec<Said>,
    /// What workers said about their anchor files.
    pub anchors: Vec<Said>,
}

impl Vitals {
    /// Workers that are there and not on their way out.
    pub fn workers_alive(&self) -> usize {
        self.workers.iter().filter(|worker| worker.age_s < SILENT_AFTER_S && worker.state != DRAINING).count()
    }
}

/// Reads everything in one snapshot.
pub async fn load(pool: &PgPool) -> Result<Vitals> {
    transaction::read(pool, "vitals", |db| {
        Box::pin(async move {
            let (examinations, examinations_oldest_s) = vitals::open_examinations(db).await?;
            Ok(Vitals {
                months_ahead: vitals::months_ahead(db).await?,
                seal_lag_s: vitals::seal_lag_s(db).await?,
                outbox: vitals::outbox(db).await?,
                runs: vitals::open_runs(db).await?,
                windows: vitals::open_windows(db).await?,
                examinations,
                examinations_oldest_s,
                workers: vitals::said(db, WORKER_JOB).await?,
                watchdogs: vitals::said(db, WATCHDOG_JOB).await?,
                anchors: vitals::said(db, crate::trail::ANCHOR_JOB).await?,
            })
        })
    })
    .await
}

/// Whether the state database can be worked on: `Err` says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// It answers.
    pub database: std::result::Result<(), String>,
    /// Its schema is this program's.
    pub schema: std::result::Result<(), String>,
    /// Partitions of the trail reach far enough.
    pub partitions: std::result::Result<(), String>,
}

impl Readiness {
    /// Everything is well.
    pub fn is_ready(&self) -> bool {
        self.database.is_ok() && self.schema.is_ok() && self.partitions.is_ok()
    }
}

/// Looks at what every page and every run needs. The sentences hold no address and no name of a role.
pub async fn readiness(pool: &PgPool) -> Readiness {
    let unknown = || Err("not looked at: the database does not answer".to_owned());
    let mut db = match pool.acquire().await {
        Ok(db) => db,
        Err(error) => {
            tracing::warn!(%error, "the state database does not answer");
            return Readiness { database: Err("it does not answer".into()), schema: unknown(), partitions: unknown() };
        }
    };
    let schema = migrate::version(&mut db).await;
    let schema = match schema {
        Ok(version) => version.fits(),
        Err(error) => {
            tracing::warn!(%error, "the state database does not answer");
            return Readiness { database: Err("it does not answer".into()), schema: unknown(), partitions: unknown() };
        }
    };
    let partitions = match vitals::months_ahead(&mut db).await {
        Ok(months) if months >= LEAST_MONTHS_AHEAD => Ok(()),
        Ok(months) => Err(format!(
            "partitions of the trail reach {months} months ahead, {LEAST_MONTHS_AHEAD} are needed: start a worker, or run `drydock migrate`"
        )),
        Err(error) => {
            tracing::warn!(%error, "the partitions of the trail could not be counted");
            Err("they could not be counted".into())
        }
    };
    Readiness { database: Ok(()), schema, partitions }
}
