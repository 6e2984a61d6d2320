//! Moves a window: a new revision in which only the times are others. All votes are asked for anew, because people agreed to a time.

use super::Caller;
use super::amend_window::{How, seal_next};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::permission::{Verb, authorize};
use domain::proposal::ProposalForm;
use domain::window::WindowState;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Input {
    /// The revision the person's page showed.
    pub revision: i32,
    /// `YYYY-MM-DD`, in the database's zone.
    pub date: String,
    /// `HH:MM`, in the database's zone.
    pub time: String,
    /// `first` or `second` when the wall time happens twice.
    pub fold: String,
    /// Why the new time has to be outside of the allowed hours; blank where it is not.
    pub outside_hours: String,
}

/// Moves window `number` and gives its new revision. Duration, latest start and cut-off keep their distances.
///
/// Refused: a window that is neither proposed nor approved, the time it has already, a revision written meanwhile, and whatever a proposal is
/// refused for.
pub async fn move_window(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<i32> {
    let (actor, typed) = (caller.actor.clone(), input.clone());
    let form = transaction::read(engine.pool(), "move_window", move |db| {
        let (actor, typed) = (actor.clone(), typed.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            authorize(&actor, Verb::ProposeWindow, Some(window.team)).map_err(|refusal| super::hide(&actor, window.team, refusal))?;
            if !matches!(window.state, WindowState::Proposed | WindowState::Approved) {
                return Err(not_movable(window.state).into());
            }
            let before = store::window_forms::form_today(db, window.form.clone(), &window.plan()?).await?;
            let same = |now: &str, then: &str| now.trim() == then.trim();
            if same(&typed.date, &before.date) && same(&typed.time, &before.time) && same(&typed.fold, &before.fold) {
                return Err(Error::field("date", "This is the time it has already. Choose another date or another start."));
            }
            // Short names may be others by now; the databases are the same.
            let target = store::targets::find(db, window.target).await?.ok_or(Error::NotFound)?.registration.short_name;
            // A rehearsal is as old as it is at the start: for another start the newest that counts is taken.
            let rehearsal = String::new();
            let outside_hours = typed.outside_hours;
            // Of no minute at all it would be missed; older windows may have that.
            let latest_start_min = if same(&before.latest_start_min, "0") { "1".to_owned() } else { before.latest_start_min.clone() };
            Ok(ProposalForm {
                target,
                latest_start_min,
                date: typed.date,
                time: typed.time,
                fold: typed.fold,
                outside_hours,
                rehearsal,
                ..before
            })
        })
    })
    .await?;
    seal_next(engine, caller, number, input.revision, &form, How::Moved).await
}

/// Why a window in this state keeps its times.
pub(crate) fn not_movable(state: WindowState) -> Refusal {
    let way_out = if state == WindowState::Draft { "Edit it: a draft is sealed as a whole." } else { "Propose it again for another time." };
    Refusal::new("not_movable", format!("This window is “{}”: its times cannot be changed.", state.label()), way_out)
}
