//! Figures about the whole installation, each bounded by an index: asked every few seconds by what watches it.

use sqlx::PgConnection;

/// Months after this one, this one included, whose partition of the trail exists without a gap.
pub async fn months_ahead(db: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(min(n) FILTER (WHERE to_regclass('drydock.fact_' || to_char(date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + make_interval(months => n), 'YYYY_MM')) IS NULL), 36)::bigint AS "months!"
           FROM generate_series(0, 35) n"#
    )
    .fetch_one(db)
    .await
}

/// Seconds that the oldest fact of this cluster has waited for its seal; 0 when none waits.
pub async fn seal_lag_s(db: &mut PgConnection) -> sqlx::Result<f64> {
    sqlx::query_scalar!(
        r#"SELECT coalesce(extract(epoch FROM clock_timestamp() - min(f.at)), 0)::float8 AS "lag!" FROM drydock.fact f
           WHERE f.system_identifier = (SELECT c.system_identifier::text FROM pg_control_system() c)
             AND f.xid >= coalesce((SELECT b.horizon FROM drydock.seal_batch b
                                     WHERE b.system_identifier = (SELECT c.system_identifier::text FROM pg_control_system() c) ORDER BY b.n DESC LIMIT 1), '0'::xid8)
             AND NOT EXISTS (SELECT FROM drydock.seal_member m WHERE m.fact_id = f.id)"#
    )
    .fetch_one(db)
    .await
}

/// Messages that are not delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outbox {
    /// On their way, or waiting for their time.
    pub pending: i64,
    /// Given up until somebody sends them again.
    pub parked: i64,
    /// Seconds that the oldest pending one has waited.
    pub oldest_s: f64,
}

/// See [`Outbox`].
pub async fn outbox(db: &mut PgConnection) -> sqlx::Result<Outbox> {
    sqlx::query_as!(
        Outbox,
        r#"SELECT count(*) FILTER (WHERE o.state <> 'parked') AS "pending!", count(*) FILTER (WHERE o.state = 'parked') AS "parked!",
                  coalesce(extract(epoch FROM clock_timestamp() - min(o.created_at) FILTER (WHERE o.state <> 'parked')), 0)::float8 AS "oldest_s!"
           FROM drydock.outbox o WHERE o.state IN ('waiting', 'sending', 'parked')"#
    )
    .fetch_one(db)
    .await
}

/// Runs that are not over, by state.
pub async fn open_runs(db: &mut PgConnection) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(r#"SELECT r.state, count(*) AS "runs!" FROM drydock.run r WHERE r.state <> 'ended' GROUP BY r.state"#)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.state, row.runs)).collect())
}

/// Windows that are not over, by state.
pub async fn open_windows(db: &mut PgConnection) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT w.state, count(*) AS "windows!" FROM drydock.window w
           WHERE w.state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back') GROUP BY w.state"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.state, row.windows)).collect())
}

/// Questions about databases that wait for a worker, and how many seconds the oldest has waited.
pub async fn open_examinations(db: &mut PgConnection) -> sqlx::Result<(i64, f64)> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "open!", coalesce(extract(epoch FROM clock_timestamp() - min(e.asked_at)), 0)::float8 AS "oldest_s!"
           FROM drydock.examination e WHERE e.state IN ('asked', 'working')"#
    )
    .fetch_one(db)
    .await?;
    Ok((row.open, row.oldest_s))
}

/// One process's last word about one of its jobs, with its age.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Process that says so.
    pub process: String,
    /// `ok`, or the name of what is not.
    pub state: String,
    /// In words.
    pub detail: String,
    /// Seconds ago.
    pub age_s: f64,
}

/// What processes said about a job within the last ten minutes, the newest word first.
pub async fn said(db: &mut PgConnection, job: &str) -> sqlx::Result<Vec<Said>> {
    sqlx::query_as!(
        Said,
        r#"SELECT s.process, s.state, s.detail, extract(epoch FROM clock_timestamp() - s.seen_at)::float8 AS "age_s!" FROM drydock.service_state s
           WHERE s.job = $1 AND s.seen_at > clock_timestamp() - interval '10 minutes' ORDER BY s.seen_at DESC LIMIT 100"#,
        job
    )
    .fetch_all(db)
    .await
}

/// Windows whose runs a worker holds, by number.
pub async fn windows_held_by(db: &mut PgConnection, owner: &str) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT w.number FROM drydock.run r JOIN drydock.window w ON w.id = r.window_id WHERE r.state = 'leased' AND r.owner = $1 ORDER BY 1 LIMIT 20",
        owner
    )
    .fetch_all(db)
    .await
}
