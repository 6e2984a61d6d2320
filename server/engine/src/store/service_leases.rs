//! Jobs that only one process may do at a time: held by lease, fenced by epoch.

use sqlx::PgConnection;

/// How long a lease lasts, and how long after its end others wait before they claim it.
const LASTS_S: f64 = 15.0;
const GRACE_S: f64 = 3.0;

/// A job that this process holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLease {
    /// The job.
    pub job: &'static str,
    /// Who holds it.
    pub owner: String,
    /// Rises by one with every claim; a write under an older one is refused.
    pub epoch: i64,
}

/// Claims the job if nobody holds it, its holder is overdue, or the holder was an earlier start of the same process.
pub async fn claim(db: &mut PgConnection, job: &'static str, owner: &str) -> sqlx::Result<Option<ServiceLease>> {
    let epoch = sqlx::query_scalar!(
        "INSERT INTO drydock.service_lease AS l (job, owner, lease_until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (job) DO UPDATE SET owner = excluded.owner, epoch = l.epoch + 1, lease_until = excluded.lease_until
         WHERE l.owner = excluded.owner OR l.lease_until < clock_timestamp() - make_interval(secs => $4)
         RETURNING l.epoch",
        job,
        owner,
        LASTS_S,
        GRACE_S
    )
    .fetch_optional(db)
    .await?;
    Ok(epoch.map(|epoch| ServiceLease { job, owner: owner.to_owned(), epoch }))
}

/// Renews the lease and keeps its row locked until the transaction ends, so that no other holder can begin meanwhile.
///
/// False when somebody else claimed the job: nothing may be written for it any more.
pub async fn renew(db: &mut PgConnection, lease: &ServiceLease) -> sqlx::Result<bool> {
    sqlx::query!(
        "UPDATE drydock.service_lease AS l SET lease_until = clock_timestamp() + make_interval(secs => $4) WHERE l.job = $1 AND l.owner = $2 AND l.epoch = $3",
        lease.job,
        lease.owner,
        lease.epoch,
        LASTS_S
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Gives the job up at once, for a soft stop.
pub async fn release(db: &mut PgConnection, lease: &ServiceLease) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.service_lease AS l SET lease_until = clock_timestamp() - interval '1 minute' WHERE l.job = $1 AND l.owner = $2 AND l.epoch = $3",
        lease.job,
        lease.owner,
        lease.epoch
    )
    .execute(db)
    .await
    .map(drop)
}
