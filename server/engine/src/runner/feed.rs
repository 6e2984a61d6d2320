//! Lines for the run's page. Nobody waits for them: a line that cannot be written must not hold up the work, so they go through a
//! bounded channel, and a full one drops progress first.

use super::Hand;
use crate::ledger::Line;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// Lines that wait at most; a run makes a handful a second.
const WAITING: usize = 256;

/// Takes lines and writes them in order.
#[derive(Debug)]
pub(super) struct Feed {
    lines: mpsc::Sender<Line>,
    writer: AbortOnDropHandle<()>,
}

impl Feed {
    /// A feed for one run.
    pub(super) fn new(hand: Hand) -> Self {
        let (lines, waiting) = mpsc::channel(WAITING);
        let writer = AbortOnDropHandle::new(TaskTracker::new().spawn(write(hand, waiting)));
        Self { lines, writer }
    }

    /// Adds a line.
    pub(super) fn line(&self, line: Line) {
        if self.lines.try_send(line).is_err() {
            tracing::warn!("a line of a run's page was dropped: the state database is too slow");
        }
    }

    /// Another end for tasks of this run.
    pub(super) fn sender(&self) -> mpsc::Sender<Line> {
        self.lines.clone()
    }

    /// Writes what still waits, for a second at most.
    pub(super) async fn close(self) {
        drop(self.lines);
        let _ = tokio::time::timeout(Duration::from_secs(1), self.writer).await;
    }
}

async fn write(hand: Hand, mut waiting: mpsc::Receiver<Line>) {
    let tenure = hand.tenure;
    let mut lines = Vec::new();
    while waiting.recv_many(&mut lines, WAITING).await > 0 {
        let batch = std::mem::take(&mut lines);
        let written = hand
            .write("run_lines", move |ledger| {
                let batch = batch.clone();
                Box::pin(async move {
                    for line in &batch {
                        ledger.line(tenure, line).await?;
                    }
                    Ok(())
                })
            })
            .await;
        if let Err(error) = written {
            tracing::debug!(run = %hand.tenure.run, %error, "lines of a run's page were not written");
        }
    }
}
