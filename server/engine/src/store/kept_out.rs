//! Accounts that runs keep out: which are not in again yet, and what a run's page says of them.

use super::Stamp;
use crate::error::Result;
use domain::ids::{RunId, TargetId};
use domain::view::runs::KeptOutRow;
use sqlx::PgConnection;

/// An account that may be out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOut {
    /// Which time in its run, from 1.
    pub number: i32,
    /// On its server.
    pub oid: u32,
    /// Its name when it was put on record.
    pub account: String,
    /// Whether it could sign in before.
    pub could_sign_in: bool,
}

/// Those of a run that are not on record as let in.
pub async fn left(db: &mut PgConnection, run: RunId) -> Result<Vec<KeptOut>> {
    let rows = sqlx::query!(
        "SELECT k.number, k.account_oid, k.account, k.could_sign_in FROM drydock.kept_out k WHERE k.run_id = $1 AND k.let_in_at IS NULL
         ORDER BY k.number, k.account",
        run.0
    )
    .fetch_all(db)
    .await?;
    let kept = |number, oid: i64, account, could_sign_in| KeptOut { number, oid: u32::try_from(oid).unwrap_or(0), account, could_sign_in };
    Ok(rows.into_iter().map(|row| kept(row.number, row.account_oid, row.account, row.could_sign_in)).collect())
}

/// How often a run has kept accounts out.
pub async fn times(db: &mut PgConnection, run: RunId) -> Result<i32> {
    let times = sqlx::query_scalar!(r#"SELECT coalesce(max(k.number), 0) AS "times!" FROM drydock.kept_out k WHERE k.run_id = $1"#, run.0)
        .fetch_one(db)
        .await?;
    Ok(times)
}

/// The windows whose runs, other than this one, keep one of these accounts of a server out.
pub async fn elsewhere(db: &mut PgConnection, run: RunId, server: &str, oids: &[i64]) -> Result<Vec<i64>> {
    let numbers = sqlx::query_scalar!(
        "SELECT DISTINCT w.number FROM drydock.kept_out k JOIN drydock.run r ON r.id = k.run_id JOIN drydock.window w ON w.id = r.window_id
         WHERE k.server = $2 AND k.account_oid = ANY ($3) AND k.let_in_at IS NULL AND k.run_id <> $1 ORDER BY 1",
        run.0,
        server,
        oids
    )
    .fetch_all(db)
    .await?;
    Ok(numbers)
}

/// Those of these names with which databases of this server are registered.
pub async fn our_accounts(db: &mut PgConnection, server: &str, names: &[String]) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        "SELECT DISTINCT t.username FROM drydock.target t WHERE t.identity ->> 'system_identifier' = $1 AND t.username = ANY ($2) AND t.state <> 'retired' ORDER BY 1",
        server,
        names
    )
    .fetch_all(db)
    .await?;
    Ok(names)
}

/// Runs that nobody works on, and that did not let everybody in; each with its database.
pub async fn forgotten(db: &mut PgConnection) -> Result<Vec<(RunId, TargetId)>> {
    let rows = sqlx::query!(
        "SELECT DISTINCT r.id, r.target_id FROM drydock.kept_out k JOIN drydock.run r ON r.id = k.run_id
         WHERE k.let_in_at IS NULL AND r.state IN ('held', 'ended') LIMIT 100"
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (RunId(row.id), TargetId(row.target_id))).collect())
}

/// Takes such a run's row, so that nobody begins to work on it meanwhile; false where somebody did, or does just now.
pub async fn take(db: &mut PgConnection, run: RunId) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        "SELECT r.id FROM drydock.run r WHERE r.id = $1 AND r.state IN ('held', 'ended') FOR UPDATE SKIP LOCKED",
        run.0
    )
    .fetch_optional(db)
    .await?;
    Ok(taken.is_some())
}

/// Everything that a run's page says of them, the newest time first.
pub async fn of(db: &mut PgConnection, run: RunId) -> Result<Vec<KeptOutRow>> {
    let rows = sqlx::query!(
        r#"SELECT k.account, k.could_sign_in, k.asked_at AS "asked_at: Stamp", k.let_in_at AS "let_in_at: Stamp", k.said FROM drydock.kept_out k
           WHERE k.run_id = $1 ORDER BY k.number DESC, k.account LIMIT 100"#,
        run.0
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| KeptOutRow {
        account: row.account,
        could_sign_in: row.could_sign_in,
        since: row.asked_at.to_jiff(),
        let_in: row.let_in_at.map(|at| (at.to_jiff(), row.said.unwrap_or_default())),
    });
    Ok(rows.collect())
}
