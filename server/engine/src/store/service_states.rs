//! What worker processes say about their jobs.

use super::Stamp;
use jiff::Timestamp;
use sqlx::PgConnection;

/// One process's word about one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// Process that says so.
    pub process: String,
    /// `ok`, or the name of what is wrong.
    pub state: String,
    /// In words.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
}

/// Says how a job is doing. `since` moves only when the state changes.
pub async fn say(db: &mut PgConnection, job: &str, process: &str, state: &str, detail: &str) -> sqlx::Result<()> {
    let detail: String = detail.chars().take(2000).collect();
    sqlx::query!(
        "INSERT INTO drydock.service_state AS s (job, process, state, detail) VALUES ($1, $2, $3, $4)
         ON CONFLICT (job, process) DO UPDATE SET state = excluded.state, detail = excluded.detail, seen_at = clock_timestamp(),
             since = CASE WHEN s.state = excluded.state THEN s.since ELSE clock_timestamp() END",
        job,
        process,
        state,
        detail
    )
    .execute(db)
    .await
    .map(drop)
}

/// Processes that said within the last five minutes that something is wrong with the job: older words are of processes that are gone.
pub async fn troubles(db: &mut PgConnection, job: &str) -> sqlx::Result<Vec<ServiceState>> {
    let rows = sqlx::query!(
        "SELECT s.process, s.state, s.detail, s.since FROM drydock.service_state s
         WHERE s.job = $1 AND s.state <> 'ok' AND s.seen_at > clock_timestamp() - interval '5 minutes' ORDER BY s.process",
        job
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ServiceState { process: row.process, state: row.state, detail: row.detail, since: Stamp::to_jiff(row.since) })
        .collect())
}

/// Forgets processes that have said nothing for a week.
pub async fn forget_old(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM drydock.service_state AS s WHERE s.seen_at < clock_timestamp() - interval '7 days'")
        .execute(db)
        .await
        .map(drop)
}

/// Forgets what a process said about a job.
pub async fn forget(db: &mut PgConnection, job: &str, process: &str) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM drydock.service_state AS s WHERE s.job = $1 AND s.process = $2", job, process).execute(db).await.map(drop)
}

/// What workers that stop say about it. A word of half a minute ago is of one that was ended hard.
pub async fn draining(db: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT s.detail FROM drydock.service_state s
         WHERE s.job = 'worker' AND s.state = 'draining' AND s.seen_at > clock_timestamp() - interval '30 s' ORDER BY s.process LIMIT 5"
    )
    .fetch_all(db)
    .await
}
