//! Stopping a statement on the server, where it runs: asking, waiting, ending, and saying what really happened.

use crate::target::fault::StatementError;
use crate::target::fence;
use crate::target::link::{Link, field};
use crate::target::session::{Backend, STARTED_US};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// What became of a process somebody wanted to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// It was not there any more, or ran nothing.
    NothingRan,
    /// It was asked to cancel and did.
    Cancelled,
    /// It did not cancel in time; its session was ended.
    Terminated,
    /// It is still there: a person must look at the server.
    StillRuns,
}

impl Stopped {
    /// The sentence for the page.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NothingRan => "Nothing was running on the server any more.",
            Self::Cancelled => "The statement was cancelled on the server.",
            Self::Terminated => "The statement did not react to being cancelled; its session on the server was ended.",
            Self::StillRuns => {
                "The statement still runs on the server: it reacted neither to being cancelled nor to its session being ended. Somebody must look at the server."
            }
        }
    }
}

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Cancels what the process runs, and ends its session when that does not help within `cancel_within`. Only this very
/// process is touched: pid and start time must agree, and it must be a leader (parallel workers end with it).
///
/// # Errors
/// What the server, or the connection, said; also when the role may not signal that process.
pub async fn stop(link: &Link, backend: Backend, cancel_within: Duration, end_within: Duration) -> Result<Stopped, StatementError> {
    if !signal(link, "pg_cancel_backend", backend, "AND a.state = 'active'").await? {
        return Ok(Stopped::NothingRan);
    }
    if gone_within(link, backend, cancel_within, true).await? {
        return Ok(Stopped::Cancelled);
    }
    signal(link, "pg_terminate_backend", backend, "").await?;
    Ok(if gone_within(link, backend, end_within, false).await? { Stopped::Terminated } else { Stopped::StillRuns })
}

/// Ends a session whatever it does, and waits until it is gone; `false` when it is still there.
///
/// # Errors
/// As [`stop`].
pub async fn end(link: &Link, backend: Backend, within: Duration) -> Result<bool, StatementError> {
    signal(link, "pg_terminate_backend", backend, "").await?;
    gone_within(link, backend, within, false).await
}

/// Waits until a session is gone, without touching it; `false` when `within` is over first.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn observe_to_end(link: &Link, backend: Backend, within: Duration) -> Result<bool, StatementError> {
    gone_within(link, backend, within, false).await
}

async fn signal(link: &Link, function: &str, backend: Backend, and: &str) -> Result<bool, StatementError> {
    let sql = format!(
        "SELECT pg_catalog.{function}(a.pid) FROM pg_catalog.pg_stat_activity a
          WHERE a.pid = $1 AND {STARTED_US} = $2 AND a.leader_pid IS NULL AND a.pid <> pg_catalog.pg_backend_pid() {and}"
    );
    let rows = link.rows(&sql, &[&backend.pid, &backend.started_us]).await?;
    rows.first().map_or(Ok(false), |row| field(row, 0))
}

/// Polls until the process is gone, or (`idle_is_enough`) has stopped executing.
async fn gone_within(link: &Link, backend: Backend, within: Duration, idle_is_enough: bool) -> Result<bool, StatementError> {
    let until = Instant::now() + within;
    let active =
        format!("SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1 AND {STARTED_US} = $2 AND a.state = 'active')");
    loop {
        let there = if idle_is_enough {
            field(&link.row(&active, &[&backend.pid, &backend.started_us]).await?, 0)?
        } else {
            fence::is_there(link, backend).await?
        };
        if !there {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}
