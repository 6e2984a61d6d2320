//! Who stands in the way: holders of a lock, waiters' blockers, and what keeps old rows alive.

use crate::target::fault::{StatementError, clean};
use crate::target::link::{Link, amount, field};
use crate::target::session::{Backend, STARTED_US};
use domain::ids::RunId;
use domain::procedure::ObjectName;
use domain::procedure::text::duration_ms;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;

/// What stands in the way. Queries of others are not shown: they may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Blocker {
    /// A session.
    Session {
        /// Its process.
        backend: Backend,
        /// Its role.
        user: String,
        /// What it calls itself.
        application: String,
        /// `active`, `idle in transaction` …
        state: String,
        /// How long its transaction is open; `None` outside one.
        open_s: Option<u64>,
        /// An autovacuum against wraparound: it does not yield.
        antiwrap: bool,
        /// Whom it waits for itself: the one to speak to is at the end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waits_for: Vec<Blocker>,
    },
    /// A prepared transaction: there is no process to end, and it may be half of a distributed commit.
    Prepared {
        /// Its name.
        gid: String,
        /// How long it has been waiting for its second half.
        open_s: u64,
    },
    /// A replication slot that keeps old rows for its consumer.
    Slot {
        /// Its name.
        name: String,
        /// Whether somebody reads from it.
        active: bool,
    },
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = |s: u64| duration_ms(s.saturating_mul(1000));
        match self {
            Self::Session { backend, user, application, state, open_s, antiwrap, waits_for } => {
                write!(f, "session {} (role {user}", backend.pid)?;
                if !application.is_empty() {
                    write!(f, ", application \"{application}\"")?;
                }
                write!(f, ", {}", if state.is_empty() { "state not visible" } else { state })?;
                if *antiwrap {
                    write!(f, ", autovacuum against wraparound")?;
                }
                match open_s {
                    Some(s) => write!(f, ", transaction open for {})", open(*s))?,
                    None => write!(f, ")")?,
                }
                if waits_for.is_empty() {
                    return Ok(());
                }
                let others: Vec<String> = waits_for.iter().map(ToString::to_string).collect();
                write!(f, ", which itself waits for {}", others.join(" and "))
            }
            Self::Prepared { gid, open_s } => write!(
                f,
                "the prepared transaction \"{gid}\", open for {}: its application must commit it or roll it back (COMMIT PREPARED, ROLLBACK PREPARED)",
                open(*open_s)
            ),
            Self::Slot { name, active } => {
                write!(f, "the replication slot \"{name}\" ({})", if *active { "its consumer lags" } else { "nobody reads from it" })
            }
        }
    }
}

/// ` In the way: …` for the end of a sentence.
pub fn sentence(blockers: &[Blocker]) -> String {
    if blockers.is_empty() {
        return " Who it was could not be seen: it let go meanwhile.".to_owned();
    }
    let names: Vec<String> = blockers.iter().take(5).map(ToString::to_string).collect();
    let more = if blockers.len() > 5 { format!(" and {} more", blockers.len() - 5) } else { String::new() };
    format!(" In the way: {}{more}.", names.join("; "))
}

/// Columns 0 to 6 of a query on `a` (`pg_stat_activity`) that [`session`] reads.
fn session_columns() -> String {
    format!(
        "a.pid, {STARTED_US}, coalesce(a.usename::pg_catalog.text, ''), coalesce(a.application_name, ''),
         coalesce(a.state, a.backend_type, ''),
         greatest(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start), 0)::pg_catalog.int8,
         coalesce(a.backend_type = 'autovacuum worker' AND a.query LIKE '%to prevent wraparound%', false)"
    )
}

fn session(row: &Row) -> Result<Blocker, StatementError> {
    Ok(Blocker::Session {
        // Without pg_monitor the server hides the start of others.
        backend: Backend { pid: field(row, 0)?, started_us: field::<Option<i64>>(row, 1)?.unwrap_or(0) },
        user: clean(field(row, 2)?),
        application: clean(field(row, 3)?),
        state: clean(field(row, 4)?),
        open_s: field::<Option<i64>>(row, 5)?.and_then(|s| u64::try_from(s).ok()),
        antiwrap: field(row, 6)?,
        waits_for: Vec::new(),
    })
}

/// Columns 0 and 1 of a query on `p` (`pg_prepared_xacts`) that [`prepared`] reads.
const PREPARED_COLUMNS: &str =
    "p.gid, greatest(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared), 0)::pg_catalog.int8";

fn prepared(row: &Row) -> Result<Blocker, StatementError> {
    Ok(Blocker::Prepared { gid: clean(field(row, 0)?), open_s: amount(row, 1)? })
}

/// Who holds a lock on a table that SHARE UPDATE EXCLUSIVE conflicts with.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn of_relation(link: &Link, table: &ObjectName) -> Result<Vec<Blocker>, StatementError> {
    const HELD: &str = "l.granted AND l.locktype = 'relation'
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
        AND l.relation = (SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                           WHERE n.nspname = $1 AND c.relname = $2)
        AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')";
    let sql = format!(
        "SELECT DISTINCT {} FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
          WHERE {HELD} AND l.pid <> pg_catalog.pg_backend_pid() ORDER BY 1 LIMIT 50",
        session_columns()
    );
    let mut found = link.rows(&sql, &[&table.schema(), &table.name()]).await?.iter().map(session).collect::<Result<Vec<_>, _>>()?;
    // A prepared transaction holds its locks under no process; the lock on its own number tells which one it is.
    let sql = format!(
        "SELECT DISTINCT {PREPARED_COLUMNS}
           FROM pg_catalog.pg_locks l
           JOIN pg_catalog.pg_locks x ON x.virtualtransaction = l.virtualtransaction AND x.locktype = 'transactionid' AND x.pid IS NULL
           JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
          WHERE {HELD} AND l.pid IS NULL LIMIT 50"
    );
    for row in link.rows(&sql, &[&table.schema(), &table.name()]).await? {
        found.push(prepared(&row)?);
    }
    behind(link, found, DEEPEST).await
}

/// A queue before a lock is a tree; it is followed this far, and of so many sessions a level.
const DEEPEST: u8 = 3;
const MOST_A_LEVEL: usize = 5;

/// Adds to each session whom it waits for itself.
fn behind(link: &Link, found: Vec<Blocker>, levels: u8) -> BoxFuture<'_, Result<Vec<Blocker>, StatementError>> {
    Box::pin(async move {
        let mut found = found;
        for blocker in found.iter_mut().take(if levels > 0 { MOST_A_LEVEL } else { 0 }) {
            if let Blocker::Session { backend, waits_for, .. } = blocker {
                *waits_for = behind(link, of_process(link, backend.pid).await?, levels - 1).await?;
            }
        }
        Ok(found)
    })
}

/// Who blocks this process right now; a `0` among the pids means a prepared transaction.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn of_process(link: &Link, pid: i32) -> Result<Vec<Blocker>, StatementError> {
    let pids: Vec<i32> = field(&link.row("SELECT pg_catalog.pg_blocking_pids($1)", &[&pid]).await?, 0)?;
    if pids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {} FROM pg_catalog.pg_stat_activity a WHERE a.pid = ANY($1) ORDER BY 1 LIMIT 50", session_columns());
    let mut found = link.rows(&sql, &[&pids]).await?.iter().map(session).collect::<Result<Vec<_>, _>>()?;
    if pids.contains(&0) {
        found.extend(old_prepared(link, 0).await?);
    }
    Ok(found)
}

/// Who waits for a lock that this process holds, or for which it stands before them.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn behind_process(link: &Link, pid: i32) -> Result<Vec<Blocker>, StatementError> {
    // Asking who blocks whom takes the lock manager's own locks: only sessions that do wait are asked about.
    let sql = format!(
        "SELECT {} FROM pg_catalog.pg_stat_activity a
          WHERE a.wait_event_type = 'Lock' AND a.pid <> $1 AND $1 = ANY(pg_catalog.pg_blocking_pids(a.pid)) ORDER BY 1 LIMIT 50",
        session_columns()
    );
    link.rows(&sql, &[&pid]).await?.iter().map(session).collect()
}

/// Transactions of others in this database that are older than `age_s`: a concurrent rebuild waits for every one of them,
/// whatever they read. The sessions of `own`, under the same role, are not others.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn old_transactions(link: &Link, age_s: u64, own: Option<RunId>) -> Result<Vec<Blocker>, StatementError> {
    let sql = format!(
        "SELECT {} FROM pg_catalog.pg_stat_activity a
          WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.datname = pg_catalog.current_database() AND a.leader_pid IS NULL
            AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL OR a.state LIKE 'idle in transaction%')
            AND a.backend_type <> 'autovacuum worker'
            AND NOT coalesce(a.usename = current_user AND pg_catalog.starts_with(a.application_name, $2), false)
            AND a.xact_start <= pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1)
          ORDER BY a.xact_start LIMIT 50",
        session_columns()
    );
    link.rows(&sql, &[&seconds(age_s), &own.map(|run| run.session_prefix())]).await?.iter().map(session).collect()
}

/// Prepared transactions of this database that are older than `age_s`.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn old_prepared(link: &Link, age_s: u64) -> Result<Vec<Blocker>, StatementError> {
    let sql = format!(
        "SELECT {PREPARED_COLUMNS} FROM pg_catalog.pg_prepared_xacts p
          WHERE p.database = pg_catalog.current_database()
            AND p.prepared <= pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1) ORDER BY p.prepared LIMIT 50"
    );
    link.rows(&sql, &[&seconds(age_s)]).await?.iter().map(prepared).collect()
}

/// `make_interval` takes a double; ages here are a day at most.
fn seconds(age_s: u64) -> f64 {
    u32::try_from(age_s).unwrap_or(u32::MAX).into()
}

/// What keeps dead rows of this database from being removed, the oldest first: sessions with a snapshot or a transaction,
/// prepared transactions, standbys and slots.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn horizon(link: &Link) -> Result<Vec<Blocker>, StatementError> {
    let mut aged: Vec<(i32, Blocker)> = Vec::new();
    // A walsender's xmin is a standby's feedback: it counts in every database.
    let sql = format!(
        "SELECT {}, greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid)) FROM pg_catalog.pg_stat_activity a
          WHERE a.pid <> pg_catalog.pg_backend_pid() AND (a.datname = pg_catalog.current_database() OR a.backend_type = 'walsender')
            AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.leader_pid IS NULL AND a.backend_type <> 'autovacuum worker'
          ORDER BY 8 DESC NULLS LAST, a.xact_start LIMIT 50",
        session_columns()
    );
    for row in link.rows(&sql, &[]).await? {
        aged.push((field::<Option<i32>>(&row, 7)?.unwrap_or(0), session(&row)?));
    }
    let sql = format!(
        "SELECT {PREPARED_COLUMNS}, pg_catalog.age(p.transaction) FROM pg_catalog.pg_prepared_xacts p
          WHERE p.database = pg_catalog.current_database() LIMIT 50"
    );
    for row in link.rows(&sql, &[]).await? {
        aged.push((field::<Option<i32>>(&row, 2)?.unwrap_or(0), prepared(&row)?));
    }
    let slots = "SELECT s.slot_name::pg_catalog.text, s.active, pg_catalog.age(s.xmin) FROM pg_catalog.pg_replication_slots s
                  WHERE s.xmin IS NOT NULL LIMIT 50";
    for row in link.rows(slots, &[]).await? {
        aged.push((field(&row, 2)?, Blocker::Slot { name: clean(field(&row, 0)?), active: field(&row, 1)? }));
    }
    aged.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
    Ok(aged.into_iter().map(|(_, blocker)| blocker).collect())
}
