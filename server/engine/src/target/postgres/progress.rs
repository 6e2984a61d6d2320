//! What a statement of ours is doing right now, by the server's own progress views.

use super::blockers::{self, Blocker};
use crate::target::fault::{StatementError, clean};
use crate::target::link::{Link, amount, field};
use domain::procedure::text::count;
use serde::{Deserialize, Serialize};

/// One look at a running statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// `VACUUM`, `ANALYZE`, `REINDEX CONCURRENTLY` … as the server calls it.
    pub command: String,
    /// The phase, in the server's words.
    pub phase: String,
    /// How much of it is done.
    pub done: u64,
    /// Of how much; 0 when the server does not say.
    pub total: u64,
    /// What is counted.
    pub unit: String,
    /// Who it waits for.
    pub blockers: Vec<Blocker>,
    /// Who waits for it.
    pub waiters: Vec<Blocker>,
}

impl Progress {
    /// The share done in thousandths; `None` when the total is not known.
    pub fn permille(&self) -> Option<u32> {
        let share = (u128::from(self.done) * 1000).checked_div(u128::from(self.total))?;
        Some(u32::try_from(share.min(1000)).unwrap_or(1000))
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.command, self.phase)?;
        if self.total > 0 {
            write!(f, ", {} of {} {}", count(self.done), count(self.total), self.unit)?;
        }
        Ok(())
    }
}

/// Looks at the process from another connection; `None` when it runs nothing that reports progress and waits for nobody.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn progress(link: &Link, pid: i32) -> Result<Option<Progress>, StatementError> {
    // Only columns that all of 13 to 18 have. A rebuild counts blocks, then tuples, then the lockers it waits for.
    let rows = link
        .rows(
            "SELECT 'VACUUM', v.phase, CASE v.phase WHEN 'vacuuming heap' THEN v.heap_blks_vacuumed ELSE v.heap_blks_scanned END, v.heap_blks_total, 'blocks'
               FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.pid = $1
             UNION ALL
             SELECT 'ANALYZE', a.phase, a.sample_blks_scanned, a.sample_blks_total, 'blocks'
               FROM pg_catalog.pg_stat_progress_analyze a WHERE a.pid = $1
             UNION ALL
             SELECT i.command, i.phase,
                    CASE WHEN i.phase LIKE 'waiting%' THEN i.lockers_done WHEN i.blocks_total > 0 THEN i.blocks_done ELSE i.tuples_done END,
                    CASE WHEN i.phase LIKE 'waiting%' THEN i.lockers_total WHEN i.blocks_total > 0 THEN i.blocks_total ELSE i.tuples_total END,
                    CASE WHEN i.phase LIKE 'waiting%' THEN 'transactions' WHEN i.blocks_total > 0 THEN 'blocks' ELSE 'rows' END
               FROM pg_catalog.pg_stat_progress_create_index i WHERE i.pid = $1
              LIMIT 1",
            &[&pid],
        )
        .await?;
    let blockers = blockers::of_process(link, pid).await?;
    let waiters = blockers::behind_process(link, pid).await?;
    let Some(row) = rows.first() else {
        // Before the server has a phase to report, a statement may already wait for its lock.
        return Ok((!blockers.is_empty()).then(|| Progress {
            command: "waiting".to_owned(),
            phase: "for a lock".to_owned(),
            done: 0,
            total: 0,
            unit: String::new(),
            blockers,
            waiters,
        }));
    };
    Ok(Some(Progress {
        command: clean(field(row, 0)?),
        phase: clean(field(row, 1)?),
        done: amount(row, 2)?,
        total: amount(row, 3)?,
        unit: field(row, 4)?,
        blockers,
        waiters,
    }))
}
