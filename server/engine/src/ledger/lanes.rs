//! Lanes: the window follows its lanes, and what is not started any more is named.

use super::{FactRef, Ledger};
use crate::error::{Error, Result};
use crate::store::lanes::{LaneRow, failures, in_the_way, of, states};
use crate::store::windows::Window;
use domain::fact::NewFact;
use domain::ids::{TargetId, WindowId};
use domain::lanes::{LaneState, cut_off_by_failure, fold, goes_on};
use domain::window::WindowState;

/// Where a window stands after one of its lanes changed.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Its state before.
    pub before: WindowState,
    /// Its state now.
    pub state: WindowState,
    /// Its lanes now.
    pub lanes: Vec<LaneRow>,
}

impl Settled {
    /// Whether it moved.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.before != self.state
    }

    /// Every database on which something went otherwise than planned, with what became of it; empty for a window of one, whose own state says it.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        if self.lanes.len() > 1 { failures(&self.lanes) } else { Vec::new() }
    }
}

impl Ledger<'_> {
    /// Moves a window to where its lanes put it, and stops the waves behind one that did not end clean. The window's row is taken before, and
    /// `window` is as it was read then; `fact` is of the lane's own change.
    pub async fn settle(&mut self, window: &Window, reason: Option<&str>, fact: FactRef) -> Result<Settled> {
        let mut lanes = of(self.db, window.id, window.revision).await?;
        let lost = cut_off_by_failure(&states(&lanes));
        if !lost.is_empty() {
            // What is being undone has not ended, and will not end clean.
            let undone = lanes.iter().any(|row| row.lane.state == LaneState::RollingBack);
            let why =
                format!("An earlier wave {} end clean ({}).", if undone { "does not" } else { "did not" }, in_the_way(&lanes).join("; "));
            self.end_waves(window, &lost, &why).await?;
            lanes = of(self.db, window.id, window.revision).await?;
        }
        let before = window.state;
        let state = fold(&states(&lanes)).unwrap_or(before);
        if state != before {
            if !before.moves().contains(&state) {
                return Err(Error::internal(format!("a window that is {} cannot become {}", before.word(), state.word())));
            }
            self.put_window(window.id, window.revision, before, state, reason, fact).await?;
            // Whoever is called of what “goes on” after a hold is not called for its last measurements.
            if (before, state) != (WindowState::Hold, WindowState::Running) || goes_on(&states(&lanes)) {
                self.event(window.id, before, state, reason.unwrap_or_default(), fact).await?;
            }
        }
        Ok(Settled { before, state, lanes })
    }

    /// These databases are not worked on any more: their runs are never opened, and nothing on them is left to be validated. Gives the fact that
    /// says so.
    pub async fn end_waves(&mut self, window: &Window, targets: &[TargetId], why: &str) -> Result<FactRef> {
        let lanes = of(self.db, window.id, window.revision).await?;
        let names: Vec<String> = lanes.iter().filter(|row| targets.contains(&row.lane.target)).map(|row| row.name.clone()).collect();
        let fact = NewFact::done("window.end_waves", "window", window.id)
            .of_window(window.id)
            .of_team(window.team)
            .with("not_started", names)
            .with("reason", why);
        let fact = self.fact(fact).await?;
        let ids: Vec<uuid::Uuid> = targets.iter().map(|target| target.0).collect();
        sqlx::query!(
            "UPDATE drydock.window_target AS t SET not_started = $4 WHERE t.window_id = $1 AND t.revision = $2 AND t.target_id = ANY ($3) AND t.not_started IS NULL",
            window.id.0,
            window.revision,
            &ids,
            why
        )
        .execute(&mut *self.db)
        .await?;
        self.nothing_to_check(window.id, window.revision, &ids, &format!("Not started: {why}")).await?;
        Ok(fact)
    }

    /// Nothing was changed on these databases: what is open on their lists does not apply.
    async fn nothing_to_check(&mut self, window: WindowId, revision: i32, targets: &[uuid::Uuid], note: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE drydock.check_item AS c SET state = 'not_applicable', note = $4 WHERE c.window_id = $1 AND c.revision = $2 AND c.target_id = ANY ($3) AND c.state = 'open'",
            window.0,
            revision,
            targets,
            note
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// The same for a lane whose run ended without having begun.
    pub async fn lane_not_begun(&mut self, window: &Window, target: TargetId, why: &str) -> Result<()> {
        self.nothing_to_check(window.id, window.revision, &[target.0], &format!("Not begun: {why}")).await
    }
}
