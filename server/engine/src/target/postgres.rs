//! The steps of the PostgreSQL procedures: what is measured, what is done, and what proves it.
//!
//! One item goes through [`evidence`] (the state before, put on record with the intent), [`execute`], and [`judge`].
//! After a crash, [`find`] compares the recorded evidence with the present one and says whether it ran.

pub mod analyze;
pub mod blockers;
pub mod detect;
pub mod freeze;
pub mod lot;
pub mod measure;
pub mod old_rows;
pub mod password;
pub mod preflight;
pub mod progress;
pub mod reindex;
pub mod script;
pub mod settings;
pub mod stop;
pub mod survey;
pub mod upkeep;
pub mod vacuum;

use super::fault::StatementError;
use super::link::Link;
use super::session::{Execution, Session};
use blockers::Blocker;
use domain::change::{NamedIndex, OldRowsState, SettingState, TransactionState};
use domain::procedure::{Act, Parameters, WorkItem};
use domain::run::{AnalyzeState, Finding, FreezeState, IndexState, Outcome, UpkeepState, VacuumState, Verdict, verify};
use serde::{Deserialize, Serialize};

/// The state of an item's object, before or after. `None` inside: the object is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Evidence {
    /// Of a VACUUM.
    Vacuum {
        /// Dead rows and counter.
        state: Option<VacuumState>,
    },
    /// Of a VACUUM (FREEZE).
    Freeze {
        /// Ages and counter.
        state: Option<FreezeState>,
    },
    /// Of an ANALYZE.
    Analyze {
        /// Counter and changed rows.
        state: Option<AnalyzeState>,
    },
    /// Of a rebuild.
    Index {
        /// The index, found by its name.
        state: Option<IndexState>,
        /// Invalid indexes of its table, by name.
        invalid: Vec<String>,
    },
    /// Of the upkeep of an index.
    Upkeep {
        /// Size and pending list.
        state: Option<UpkeepState>,
    },
    /// Of the drop of an invalid index.
    Debris {
        /// It is there, and still invalid.
        present: bool,
    },
    /// Of a transaction of approved statements.
    Transaction {
        /// Its id, once it was begun.
        id: Option<String>,
        /// What became of it; `None` before that.
        state: Option<TransactionState>,
    },
    /// Of a statement that makes or drops an index of this name.
    NamedIndex {
        /// The index, if there is one.
        index: Option<NamedIndex>,
        /// The statement drops it.
        drops: bool,
    },
    /// Of a setting of the server; without a state where it has none of that name.
    Setting {
        /// As the server shows it.
        state: Option<SettingState>,
    },
    /// Of old rows.
    OldRows {
        /// How many are left; `None` where the table or its column is gone.
        state: Option<OldRowsState>,
        /// They are moved to another table, not deleted.
        moves: bool,
    },
    /// Of a statement whose effect nobody here can look at.
    Untold,
}

impl Evidence {
    /// Whether there is nothing to work on any more.
    pub const fn is_gone(&self) -> bool {
        matches!(
            self,
            Self::Vacuum { state: None }
                | Self::Freeze { state: None }
                | Self::Analyze { state: None }
                | Self::Index { state: None, .. }
                | Self::Upkeep { state: None }
                | Self::Debris { present: false }
                | Self::OldRows { state: None, .. }
        )
    }
}

/// How an item ended, with all that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    /// Outcome and sentence.
    pub verdict: Verdict,
    /// The state before.
    pub before: Evidence,
    /// The state after; `None` when it could not be read.
    pub after: Option<Evidence>,
    /// What the statement did; `None` when none was sent.
    pub execution: Option<Execution>,
    /// Who stood in the way.
    pub blockers: Vec<Blocker>,
}

impl ItemResult {
    /// Whether neither a person, who `stopped` it, nor a timer ended the statement.
    #[must_use]
    pub fn failed_by_itself(&self, stopped: bool) -> bool {
        !stopped && !self.execution.as_ref().and_then(|done| done.error.as_ref()).is_some_and(StatementError::is_cancelled)
    }
}

/// What came of trying to execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "did")]
pub enum Tried {
    /// The statement was sent.
    Sent {
        /// What it did.
        execution: Execution,
        /// Who held the lock, when that was the reason to fail.
        blockers: Vec<Blocker>,
    },
    /// It was not sent: somebody stands in the way.
    Blocked {
        /// Why, as a sentence.
        reason: String,
        /// Who.
        blockers: Vec<Blocker>,
    },
    /// It was not sent: it is no longer needed.
    NotNeeded {
        /// Why, as a sentence.
        reason: String,
    },
    /// It was not sent: after the looks before it, it might no longer begin.
    Withheld,
}

/// Reads the state of an item's object.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn evidence(link: &Link, item: &WorkItem) -> Result<Evidence, StatementError> {
    match item.act {
        Act::Vacuum => Ok(Evidence::Vacuum { state: vacuum::state(link, &item.object.name).await? }),
        Act::VacuumFreeze => Ok(Evidence::Freeze { state: freeze::state(link, &item.object.name).await? }),
        Act::Analyze | Act::AnalyzeOnly => Ok(Evidence::Analyze { state: analyze::state(link, &item.object.name).await? }),
        Act::ReindexConcurrently => reindex::evidence(link, &item.object).await,
        Act::GinCleanPending | Act::BrinSummarize => upkeep::evidence(link, item).await,
        Act::DropInvalidIndex => Ok(Evidence::Debris { present: reindex::is_debris(link, &item.object.name).await? }),
        Act::Apply | Act::ApplyAlone => script::evidence(link, item).await,
    }
}

/// The state of an item's object now, where something was recorded before: a transaction is asked for by its id.
///
/// # Errors
/// As [`evidence`].
pub async fn evidence_since(link: &Link, item: &WorkItem, before: &Evidence) -> Result<Evidence, StatementError> {
    match before {
        Evidence::Transaction { id: Some(id), .. } => script::transaction(link, id).await,
        _ => evidence(link, item).await,
    }
}

/// Executes an item on its session, lock-politely. The session's guards and fence slot are the caller's business. `may_begin` is asked
/// after all looks, as the last thing before the statement is sent.
///
/// # Errors
/// When a look before or after the statement fails; what the statement itself said is in [`Tried::Sent`].
pub async fn execute(
    session: &Session,
    item: &WorkItem,
    parameters: &Parameters,
    may_begin: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Tried, StatementError> {
    match item.act {
        Act::Vacuum | Act::VacuumFreeze | Act::Analyze | Act::AnalyzeOnly => send(session, item, may_begin).await,
        Act::ReindexConcurrently => reindex::rebuild(session, item, parameters, may_begin).await,
        Act::GinCleanPending | Act::BrinSummarize => upkeep::call(session, item, may_begin).await,
        Act::DropInvalidIndex => reindex::drop_debris(session, item, parameters, may_begin).await,
        Act::Apply => script::apply(session, item, may_begin).await,
        Act::ApplyAlone => script::apply_alone(session, item, parameters, may_begin).await,
    }
}

/// Sends the statement; when a lock was the reason to fail, says at once who holds it.
async fn send(session: &Session, item: &WorkItem, may_begin: &(dyn Fn() -> bool + Send + Sync)) -> Result<Tried, StatementError> {
    if !may_begin() {
        return Ok(Tried::Withheld);
    }
    let execution = session.execute(&item.statement).await;
    let locked = execution.error.as_ref().is_some_and(StatementError::is_lock)
        || execution.notices.iter().any(|notice| notice.is_warning() && notice.is_lock_skip());
    let blockers =
        if locked && !session.link.is_closed() { blockers::of_relation(&session.link, item_table(item)).await? } else { Vec::new() };
    Ok(Tried::Sent { execution, blockers })
}

/// The table an item locks.
fn item_table(item: &WorkItem) -> &domain::procedure::ObjectName {
    item.object.table.as_ref().unwrap_or(&item.object.name)
}

/// Judges what was tried by its effect. `link` may be another connection than the one that executed.
pub async fn judge(link: &Link, item: &WorkItem, before: Evidence, tried: Tried, parameters: &Parameters) -> ItemResult {
    let (execution, blockers) = match tried {
        Tried::NotNeeded { reason } => {
            return ItemResult {
                verdict: Verdict::new(Outcome::Skipped, reason),
                after: Some(before.clone()),
                before,
                execution: None,
                blockers: Vec::new(),
            };
        }
        Tried::Withheld => {
            let verdict = Verdict::new(Outcome::Cancelled, "Stopped before it was sent; nothing was changed.");
            return ItemResult { verdict, after: Some(before.clone()), before, execution: None, blockers: Vec::new() };
        }
        Tried::Blocked { reason, blockers } => {
            let verdict = Verdict::new(Outcome::SkippedLock, format!("{reason}{}", blockers::sentence(&blockers)));
            return ItemResult { verdict, after: Some(before.clone()), before, execution: None, blockers };
        }
        Tried::Sent { execution, blockers } => (execution, blockers),
    };
    let after = settled(link, item, &before, &execution).await;
    let verdict = match &after {
        Ok(after) => verdict(link, &before, after, &execution, &blockers, parameters).await,
        Err(error) => Verdict::new(Outcome::Unknown, format!("The statement's effect could not be looked at: {error}.")),
    };
    ItemResult { verdict, before, after: after.ok(), execution: Some(execution), blockers }
}

/// PostgreSQL 13 and 14 count a moment later than they answer, and a reload reaches each session a moment later; at most this long is waited for.
const COUNTED_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);
const LOOK_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(100);

/// The evidence after an execution, once the server's counters had time to move.
async fn settled(link: &Link, item: &WorkItem, before: &Evidence, execution: &Execution) -> Result<Evidence, StatementError> {
    let until = tokio::time::Instant::now() + COUNTED_WITHIN;
    loop {
        let after = evidence_since(link, item, before).await?;
        let still = matches!(find(before, &after), Finding::NotDone)
            && execution.error.is_none()
            && matches!(after, Evidence::Vacuum { .. } | Evidence::Freeze { .. } | Evidence::Analyze { .. } | Evidence::Setting { .. });
        let skipped = execution.notices.iter().any(link_warning);
        if !still || skipped || tokio::time::Instant::now() >= until {
            return Ok(after);
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

fn link_warning(notice: &super::link::Notice) -> bool {
    notice.is_warning()
}

async fn verdict(
    link: &Link,
    before: &Evidence,
    after: &Evidence,
    execution: &Execution,
    blockers: &[Blocker],
    parameters: &Parameters,
) -> Verdict {
    if let Some(error) = &execution.error {
        return with_what_went(failed(before, after, error, blockers), after, execution);
    }
    if execution.notices.iter().any(|notice| notice.is_warning() && notice.is_lock_skip()) {
        return Verdict::new(
            Outcome::SkippedLock,
            format!("The server skipped it, because somebody held the lock.{}", blockers::sentence(blockers)),
        );
    }
    let said = execution
        .notices
        .iter()
        .find(|notice| notice.is_warning())
        .map(|notice| format!(" The server warned: {}.", notice.message))
        .unwrap_or_default();
    let mut verdict = match (before, after) {
        (Evidence::Vacuum { state: Some(before) }, Evidence::Vacuum { state: Some(after) }) => {
            let percent = parameters.vacuum_min_fall_percent;
            let judged = verify::verify_vacuum(*before, *after, percent, None);
            if judged.outcome == Outcome::NoEffect {
                // Only now is it worth asking who holds the old rows.
                verify::verify_vacuum(*before, *after, percent, oldest_holder(link).await.as_deref())
            } else {
                judged
            }
        }
        (Evidence::Freeze { state: Some(before) }, Evidence::Freeze { state: Some(after) }) => {
            let judged = verify::verify_freeze(*before, *after, None);
            if judged.outcome == Outcome::NoEffect {
                verify::verify_freeze(*before, *after, oldest_holder(link).await.as_deref())
            } else {
                judged
            }
        }
        (Evidence::Analyze { state: Some(before) }, Evidence::Analyze { state: Some(after) }) => verify::verify_analyze(*before, *after),
        (Evidence::Index { state: Some(state), invalid }, Evidence::Index { state: after, invalid: now }) => {
            verify::verify_reindex(state, after.as_ref(), &new_debris(invalid, now))
        }
        (Evidence::Upkeep { state: Some(before) }, Evidence::Upkeep { state: Some(after) }) => {
            verify::verify_upkeep(*before, *after, execution.answer)
        }
        (Evidence::Debris { .. }, Evidence::Debris { present }) => verify::verify_cleanup(*present),
        (Evidence::Transaction { .. }, Evidence::Transaction { state, .. }) => state.unwrap_or(TransactionState::Forgotten).verify(),
        (Evidence::NamedIndex { index: before, drops }, Evidence::NamedIndex { index: after, .. }) => {
            NamedIndex::verify(*before, *after, *drops)
        }
        (Evidence::Setting { state: Some(before) }, Evidence::Setting { state: Some(after) }) => before.verify(after),
        (Evidence::OldRows { .. }, Evidence::OldRows { state: Some(after), moves }) => {
            after.verify(*moves, execution.answer.map(i64::unsigned_abs))
        }
        (Evidence::Untold, Evidence::Untold) => {
            Verdict::new(Outcome::Done, "The server carried it out. What it changed cannot be looked at here, so its answer is the proof.")
        }
        _ => Verdict::new(Outcome::Failed, "The object is gone: somebody dropped or renamed it meanwhile."),
    };
    if verdict.outcome != Outcome::Done {
        verdict.sentence.push_str(&said);
    }
    verdict
}

/// Batches that were answered before one failed, or before nothing more might begin, stay done.
fn with_what_went(mut verdict: Verdict, after: &Evidence, execution: &Execution) -> Verdict {
    if let (Evidence::OldRows { state: Some(left), moves }, Some(gone_rows)) = (after, execution.answer) {
        verdict.sentence.push(' ');
        verdict.sentence.push_str(&left.so_far(*moves, gone_rows.unsigned_abs()));
    }
    verdict
}

/// What keeps the oldest rows, as far as it can be seen.
async fn oldest_holder(link: &Link) -> Option<String> {
    blockers::horizon(link).await.ok()?.into_iter().next().map(|holder| holder.to_string())
}

fn failed(before: &Evidence, after: &Evidence, error: &StatementError, blockers: &[Blocker]) -> Verdict {
    let left = match (before, after) {
        (Evidence::Index { invalid, .. }, Evidence::Index { invalid: now, .. }) => new_debris(invalid, now),
        _ => Vec::new(),
    };
    // The answer to a COMMIT may be lost on the way.
    if let Evidence::Transaction { state: Some(TransactionState::Committed), .. } = after {
        return TransactionState::Committed.verify();
    }
    if error.is_disconnect() {
        return Verdict::new(Outcome::Unknown, format!("Whether it ran is not known: {error}."));
    }
    if let (Evidence::NamedIndex { index: before, drops }, Evidence::NamedIndex { index: after, .. }) = (before, after)
        && NamedIndex::finding(*before, *after, *drops) == Finding::Partial
    {
        return Verdict::new(Outcome::NeedsCleanup, format!("It stopped ({error}) and left behind an index that is invalid."));
    }
    if !left.is_empty() {
        return Verdict::new(Outcome::NeedsCleanup, format!("It stopped ({error}) and left behind: {}.", left.join(", ")));
    }
    if error.is_lock() {
        return Verdict::new(Outcome::SkippedLock, format!("Somebody else held the lock.{}", blockers::sentence(blockers)));
    }
    if error.is_cancelled() || error.is_terminated() {
        if matches!(before, Evidence::Untold) {
            return Verdict::new(Outcome::Failed, format!("Stopped on the server ({error}); look at what it left."));
        }
        return Verdict::new(Outcome::Cancelled, format!("Stopped on the server ({error}); nothing is left behind."));
    }
    let back = if matches!(before, Evidence::Transaction { .. }) { " All of its transaction is taken back." } else { "" };
    Verdict::new(Outcome::Failed, format!("The server refused: {error}.{back}"))
}

fn new_debris(before: &[String], now: &[String]) -> Vec<String> {
    now.iter().filter(|name| !before.contains(name)).cloned().collect()
}

/// What an attempt did that nobody saw the end of, in words, where it may have done a part and the rest goes with the next one.
pub fn interrupted(before: &Evidence, now: &Evidence) -> Option<String> {
    match (before, now) {
        (Evidence::OldRows { state: Some(before), .. }, Evidence::OldRows { state: Some(now), moves }) => before.interrupted(*now, *moves),
        _ => None,
    }
}

/// What the object says about an attempt whose owner is gone: recorded evidence against the present one.
pub fn find(before: &Evidence, now: &Evidence) -> Finding {
    match (before, now) {
        (Evidence::Vacuum { state: Some(before) }, Evidence::Vacuum { state: Some(now) }) => {
            verify::find_counted(before.vacuum_count, now.vacuum_count)
        }
        (Evidence::Freeze { state: Some(before) }, Evidence::Freeze { state: Some(now) }) => {
            verify::find_counted(before.vacuum_count, now.vacuum_count)
        }
        (Evidence::Analyze { state: Some(before) }, Evidence::Analyze { state: Some(now) }) => {
            verify::find_counted(before.analyze_count, now.analyze_count)
        }
        (Evidence::Index { state: Some(state), invalid }, Evidence::Index { state: now, invalid: now_invalid }) => {
            verify::find_reindex(state, now.as_ref(), &new_debris(invalid, now_invalid))
        }
        (Evidence::Transaction { .. }, Evidence::Transaction { state, .. }) => state.map_or(Finding::CannotTell, TransactionState::finding),
        (Evidence::NamedIndex { index: before, drops }, Evidence::NamedIndex { index: now, .. }) => {
            NamedIndex::finding(*before, *now, *drops)
        }
        (Evidence::Upkeep { state: Some(before) }, Evidence::Upkeep { state: Some(now) }) => verify::find_upkeep(*before, *now),
        (Evidence::Setting { state: Some(before) }, Evidence::Setting { state: Some(now) }) => before.finding(now),
        (Evidence::OldRows { state: Some(before), .. }, Evidence::OldRows { state: Some(now), .. }) => before.finding(*now),
        (Evidence::Debris { .. }, Evidence::Debris { present }) => {
            if *present {
                Finding::NotDone
            } else {
                Finding::Done
            }
        }
        _ => Finding::CannotTell,
    }
}
