//! Windows: creation, revisions, transitions.

use super::{FactRef, Ledger};
use crate::error::{Error, Result};
use crate::store::{Stamp, stamp};
use domain::decision::Refusal;
use domain::ids::WindowId;
use domain::window::WindowState;

impl Ledger<'_> {
    /// Takes the window's row for this transaction: votes, stops and starts on one window happen one after another.
    ///
    /// Returns its state and revision now.
    pub async fn lock_window(&mut self, window: WindowId) -> Result<(WindowState, i32)> {
        let row = sqlx::query!("SELECT w.state, w.revision FROM drydock.window w WHERE w.id = $1 FOR UPDATE", window.0)
            .fetch_optional(&mut *self.db)
            .await?
            .ok_or(Error::NotFound)?;
        let state = WindowState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown window state {}", row.state)))?;
        Ok((state, row.revision))
    }

    /// Moves a window from an expected state and revision to the next state; the loser of a race learns what happened instead.
    pub async fn move_window(
        &mut self,
        window: WindowId,
        revision: i32,
        from: WindowState,
        to: WindowState,
        reason: Option<&str>,
        fact: FactRef,
    ) -> Result<()> {
        let moved = sqlx::query!(
            "UPDATE drydock.window AS w SET state = $4, state_at = $7, state_reason = $5, state_fact_id = $6, state_fact_at = $7 WHERE w.id = $1 AND w.revision = $2 AND w.state = $3",
            window.0, revision, from.word(), to.word(), reason, fact.id, stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?
        .rows_affected();
        if moved == 0 {
            let (now, current) = self.lock_window(window).await?;
            return Err(moved_on(now, current, revision).into());
        }
        if from.is_live() != to.is_live() {
            sqlx::query!(
                "UPDATE drydock.window_target AS t SET live = (t.revision = $2) AND $3 WHERE t.window_id = $1 AND (t.live OR t.revision = $2)",
                window.0,
                revision,
                to.is_live()
            )
            .execute(&mut *self.db)
            .await?;
        }
        Ok(())
    }
}

/// The sentence for somebody who acted on a page that is no longer true.
fn moved_on(now: WindowState, current: i32, expected: i32) -> Refusal {
    let message = if current == expected {
        format!("Somebody was faster: this window is now “{}”.", now.label())
    } else {
        format!("This window was edited meanwhile: it is at revision {current}, your page showed revision {expected}.")
    };
    Refusal::new("moved_on", message, "Look at the page again and decide on what it shows now.")
}
