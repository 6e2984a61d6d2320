//! The fence: session locks on the target that keep two workers from acting at once.
//!
//! A lease is for liveness and stands in our database; this is for safety and stands where the work is done. Slot 0 is
//! held by a run's control session, slot i by its i-th executing session. The key is the same for every run and every
//! installation: one run per database. A lock is of one database; where the work is on what the whole server shares, the
//! sessions of a run share one more slot, and nobody begins who sees it held from another database. The server lets go of a slot only when the session that holds it ends, so a slot
//! that is free proves that nothing of an earlier owner can still act.

use super::fault::{StatementError, clean};
use super::link::{Link, field};
use super::session::{Backend, STARTED_US, SessionName};
use domain::ids::RunId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// First half of the lock's key: "Dryd" in ASCII. The second half is the slot.
pub const LOCK_SPACE: i32 = 0x4472_7964;
/// The slot of the control session.
pub const CONTROL_SLOT: i32 = 0;
/// The slot that all sessions of a run share whose work is on the whole server; far above those of executing sessions.
pub const SERVER_SLOT: i32 = 1_000_000;

/// An ended session lets go of its slot within this time.
const LETS_GO_WITHIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Who holds a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotHolder {
    /// Which slot.
    pub slot: i32,
    /// Its process.
    pub backend: Backend,
    /// The database it is in.
    #[serde(default)]
    pub database: String,
    /// What it calls itself; ours when it can be read as a [`SessionName`].
    pub application_name: String,
}

/// The answer to raising a fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raised {
    /// Slot 0 is ours, and no other slot is held: nothing of an earlier owner can act.
    Up,
    /// Somebody holds a slot.
    HeldBy(Vec<SlotHolder>),
}

/// Takes slot 0 on the control session and makes sure that slots 1 to `slots` are free.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn raise(control: &Link, slots: u16) -> Result<Raised, StatementError> {
    if !take(control, CONTROL_SLOT).await? {
        return Ok(Raised::HeldBy(holders(control).await?));
    }
    // Others take a slot above 0 only while their own control session holds slot 0, which is ours now; so free once is free.
    for slot in 1..=i32::from(slots) {
        if !take(control, slot).await? {
            release_all(control).await?;
            return Ok(Raised::HeldBy(holders(control).await?));
        }
    }
    for slot in 1..=i32::from(slots) {
        control.rows("SELECT pg_catalog.pg_advisory_unlock($1, $2)", &[&LOCK_SPACE, &slot]).await?;
    }
    Ok(Raised::Up)
}

/// What a run's work is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Its database.
    Database,
    /// What all databases of the server share: settings, accounts.
    Server,
}

/// [`raise`], and for work on the whole server also proof that no run in another database is on it.
///
/// Each takes the shared slot before it looks, so of two that come at once at least one sees the other; both may, and both let go.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn raise_for(control: &Link, slots: u16, reach: Reach) -> Result<Raised, StatementError> {
    let raised = raise(control, slots).await?;
    if reach == Reach::Database || raised != Raised::Up {
        return Ok(raised);
    }
    share_server(control).await?;
    let others = on_server_elsewhere(control).await?;
    if others.is_empty() {
        return Ok(Raised::Up);
    }
    release_all(control).await?;
    Ok(Raised::HeldBy(others))
}

/// Takes the slot of the whole server for this session, beside others of its run: within one database slot 0 keeps runs apart.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn share_server(link: &Link) -> Result<(), StatementError> {
    if holds(link, SERVER_SLOT).await? {
        return Ok(());
    }
    // Nobody takes it alone, so nobody waits.
    link.rows("SELECT pg_catalog.pg_advisory_lock_shared($1, $2)", &[&LOCK_SPACE, &SERVER_SLOT]).await?;
    Ok(())
}

/// Takes a slot for this session if it is free; `false` when somebody else holds it.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn take(link: &Link, slot: i32) -> Result<bool, StatementError> {
    // A second grant to the same session would need a second release.
    if holds(link, slot).await? {
        return Ok(true);
    }
    field(&link.row("SELECT pg_catalog.pg_try_advisory_lock($1, $2)", &[&LOCK_SPACE, &slot]).await?, 0)
}

/// The same, where the session that held it was ended just now: it lets go within moments.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn take_soon(link: &Link, slot: i32) -> Result<bool, StatementError> {
    let until = tokio::time::Instant::now() + LETS_GO_WITHIN;
    loop {
        if take(link, slot).await? {
            return Ok(true);
        }
        if tokio::time::Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// Whether this very session holds the slot, by the server's own list. Asked on the connection that is about to act: behind
/// a pooler it would be another one.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn holds(link: &Link, slot: i32) -> Result<bool, StatementError> {
    let row = link
        .row(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l
                             WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.pid = pg_catalog.pg_backend_pid()
                               AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                               AND l.classid::pg_catalog.int8 = $1 AND l.objid::pg_catalog.int8 = $2)",
            &[&i64::from(LOCK_SPACE), &i64::from(slot)],
        )
        .await?;
    field(&row, 0)
}

/// Lets go of all slots of this session.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn release_all(link: &Link) -> Result<(), StatementError> {
    link.rows("SELECT pg_catalog.pg_advisory_unlock_all()", &[]).await?;
    Ok(())
}

/// Who holds slots in this database.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn holders(link: &Link) -> Result<Vec<SlotHolder>, StatementError> {
    holding(link, "d.datname = pg_catalog.current_database()").await
}

/// Who is on the whole server from another database.
async fn on_server_elsewhere(link: &Link) -> Result<Vec<SlotHolder>, StatementError> {
    let mut found = holding(link, "d.datname <> pg_catalog.current_database()").await?;
    found.retain(|holder| holder.slot == SERVER_SLOT);
    Ok(found)
}

/// Who holds slots in the databases of which this is true; those of the server first.
async fn holding(link: &Link, databases: &str) -> Result<Vec<SlotHolder>, StatementError> {
    let sql = format!(
        "SELECT l.objid::pg_catalog.int4, a.pid, {STARTED_US}, coalesce(a.application_name, ''), d.datname::pg_catalog.text
           FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid JOIN pg_catalog.pg_database d ON d.oid = l.database
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND {databases}
            AND l.classid::pg_catalog.int8 = $1 ORDER BY l.objid::pg_catalog.int8 = {SERVER_SLOT} DESC, 1 LIMIT 100"
    );
    let rows = link.rows(&sql, &[&i64::from(LOCK_SPACE)]).await?;
    rows.iter()
        .map(|row| {
            Ok(SlotHolder {
                slot: field(row, 0)?,
                backend: Backend { pid: field(row, 1)?, started_us: field(row, 2).unwrap_or_default() },
                database: clean(field(row, 4)?),
                application_name: clean(field(row, 3)?),
            })
        })
        .collect()
}

/// A session of a run that is still there, perhaps of an owner that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSession {
    /// Its process.
    pub backend: Backend,
    /// Its name.
    pub name: SessionName,
    /// `active`, `idle` …
    pub state: String,
    /// The statement it runs, or ran last; ours, so it may be shown.
    pub statement: String,
    /// How long it has been in this state.
    pub for_s: u64,
}

impl OldSession {
    /// Whether it is executing.
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

/// The run's sessions on this server but the asking one, workers of parallel statements left out.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn sessions_of(link: &Link, run: RunId) -> Result<Vec<OldSession>, StatementError> {
    let sql = format!(
        "SELECT a.pid, {STARTED_US}, a.application_name, coalesce(a.state, ''), coalesce(a.query, ''),
                coalesce(greatest(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change), 0), 0)::pg_catalog.int8
           FROM pg_catalog.pg_stat_activity a
          WHERE pg_catalog.starts_with(a.application_name, $1) AND a.leader_pid IS NULL AND a.pid <> pg_catalog.pg_backend_pid()
          ORDER BY a.backend_start LIMIT 100"
    );
    let rows = link.rows(&sql, &[&SessionName::prefix(run)]).await?;
    let mut found = Vec::new();
    for row in &rows {
        // Anybody may call a session anything: what we would not have written is not ours.
        let Ok(name) = field::<&str>(row, 2)?.parse() else { continue };
        found.push(OldSession {
            backend: Backend { pid: field(row, 0)?, started_us: field(row, 1)? },
            name,
            state: clean(field(row, 3)?),
            statement: clean(field(row, 4)?),
            for_s: super::link::amount(row, 5)?,
        });
    }
    Ok(found)
}

/// Whether this very process still lives.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn is_there(link: &Link, backend: Backend) -> Result<bool, StatementError> {
    let sql = format!("SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1 AND {STARTED_US} = $2)");
    field(&link.row(&sql, &[&backend.pid, &backend.started_us]).await?, 0)
}
