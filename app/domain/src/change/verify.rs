//! What proves that a part of a change ran, or did not: the transaction by its id, an index or a setting by looking at it, old rows by
//! counting them.

use super::old_rows::MOST_COUNTED_ROWS;
use super::{OldRowsState, SettingState};
use crate::procedure::text::plural;
use crate::run::{Finding, Outcome, Verdict};
use serde::{Deserialize, Serialize};

/// What the server says of a transaction id (`pg_xact_status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionState {
    /// All of it is there.
    Committed,
    /// Nothing of it is there.
    Aborted,
    /// Its session still works.
    InProgress,
    /// So long ago that the server has forgotten it.
    Forgotten,
}

impl TransactionState {
    /// Reads the server's word; NULL is what it says of a forgotten one.
    #[must_use]
    pub fn of(word: Option<&str>) -> Self {
        match word {
            Some("committed") => Self::Committed,
            Some("aborted") => Self::Aborted,
            Some(_) => Self::InProgress,
            None => Self::Forgotten,
        }
    }
    /// What it means for an attempt whose owner is gone.
    #[must_use]
    pub const fn finding(self) -> Finding {
        match self {
            Self::Committed => Finding::Done,
            Self::Aborted => Finding::NotDone,
            Self::InProgress | Self::Forgotten => Finding::CannotTell,
        }
    }
    /// Judges a transaction that was answered without an error.
    #[must_use]
    pub fn verify(self) -> Verdict {
        match self {
            Self::Committed => Verdict::new(Outcome::Done, "Committed: the server says so of its transaction."),
            Self::Aborted => Verdict::new(Outcome::Failed, "The server answered, yet its transaction is rolled back."),
            Self::InProgress | Self::Forgotten => Verdict::new(Outcome::Unknown, "The server does not say what became of its transaction."),
        }
    }
}

/// An index that a statement names, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedIndex {
    /// Its oid.
    pub oid: u32,
    /// Whether queries can use it.
    pub valid: bool,
}

impl NamedIndex {
    /// What became of a statement that makes (or drops) an index of this name, by looking before and after.
    #[must_use]
    pub fn finding(before: Option<Self>, after: Option<Self>, drops: bool) -> Finding {
        match (before, after) {
            (_, None) => {
                if drops {
                    Finding::Done
                } else {
                    Finding::NotDone
                }
            }
            // Nothing but it makes an index of this name invalid or new.
            (_, Some(after)) if !after.valid => {
                if before == Some(after) {
                    Finding::NotDone
                } else {
                    Finding::Partial
                }
            }
            (Some(before), Some(after)) if before.oid == after.oid => Finding::NotDone,
            (_, Some(_)) => {
                if drops {
                    Finding::CannotTell
                } else {
                    Finding::Done
                }
            }
        }
    }
    /// Judges a statement that was answered without an error.
    #[must_use]
    pub fn verify(before: Option<Self>, after: Option<Self>, drops: bool) -> Verdict {
        match (Self::finding(before, after, drops), drops) {
            (Finding::Done, true) => Verdict::new(Outcome::Done, "The index is gone."),
            (Finding::Done, false) => Verdict::new(Outcome::Done, "The index is there, and valid."),
            (Finding::Partial, _) => Verdict::new(Outcome::NeedsCleanup, "The index is there, and invalid."),
            (Finding::NotDone, false) if after.is_some() => {
                Verdict::new(Outcome::NoEffect, "An index of this name was there already, and it is the same as before.")
            }
            (Finding::NotDone | Finding::CannotTell, _) => {
                Verdict::new(Outcome::Failed, "The server answered, yet the index is as it was.")
            }
        }
    }
}

impl SettingState {
    /// What became of a setting that was written, by looking before and after: nothing else changes it meanwhile.
    #[must_use]
    pub fn finding(&self, after: &Self) -> Finding {
        if (&self.value, self.kept, self.waits) == (&after.value, after.kept, after.waits) { Finding::NotDone } else { Finding::Done }
    }
    /// Judges a setting that was written and read again without an error.
    #[must_use]
    pub fn verify(&self, after: &Self) -> Verdict {
        match self.finding(after) {
            // A server that was told to wait for a restart says so until then, even when the line is gone from its file.
            _ if self.waits && after.waits => Verdict::new(
                Outcome::Done,
                format!(
                    "Taken back in the server's file. It is {}, and stays so at a restart, though the server still says that it waits for one.",
                    after.value
                ),
            ),
            Finding::Done if after.waits => {
                Verdict::new(Outcome::Done, format!("Written. It counts after a restart of the server; until then it is {}.", after.value))
            }
            Finding::Done if self.value == after.value => {
                Verdict::new(Outcome::Done, format!("Its value is {} as before; where it comes from has changed.", after.value))
            }
            Finding::Done => Verdict::new(Outcome::Done, format!("It is {}, and was {}.", after.value, self.value)),
            _ => Verdict::new(
                Outcome::NoEffect,
                format!("It is {} as before: it had this value already, or the server's files hold an error that hinders it.", after.value),
            ),
        }
    }
}

impl OldRowsState {
    /// What became of it, by counting again: whatever is left goes with the next try, so a try that ended early was none.
    #[must_use]
    pub const fn finding(self, after: Self) -> Finding {
        match (self.left_rows, after.left_rows) {
            (_, None) => Finding::CannotTell,
            (Some(before), Some(0)) if before > 0 => Finding::Done,
            _ => Finding::NotDone,
        }
    }
    /// What a try did that nobody saw the end of, if it did anything; what is left goes with the next one.
    #[must_use]
    pub fn interrupted(self, now: Self, moves: bool) -> Option<String> {
        let (before, left) = (self.left_rows?, now.left_rows?);
        if left > MOST_COUNTED_ROWS {
            // Both counts may have stopped at the same number.
            return Some(format!("Interrupted. How many batches went before that cannot be told: {} are old now.", now.words()));
        }
        (left < before).then(|| {
            format!(
                "Interrupted between two batches: {} were old before it and {} are left, the others are {}.",
                self.words(),
                now.words(),
                done_to(moves)
            )
        })
    }
    /// Judges batches that were all answered without an error; in all of them together `gone_rows` went, if that was heard.
    #[must_use]
    pub fn verify(self, moves: bool, gone_rows: Option<u64>) -> Verdict {
        let gone = gone_rows.map_or_else(|| "How many rows went was not heard".to_owned(), |rows| gone(moves, rows));
        match self.left_rows {
            Some(0) => Verdict::new(Outcome::Done, format!("{gone}; no old one is left.")),
            _ if gone_rows == Some(0) => {
                Verdict::new(Outcome::NoEffect, format!("No row could be taken. Still there, held by others: {}.", self.words()))
            }
            _ => Verdict::new(Outcome::Done, format!("{gone}. Left: {}, held by others or grown old meanwhile.", self.words())),
        }
    }
    /// What went before it ended early.
    #[must_use]
    pub fn so_far(self, moves: bool, gone_rows: u64) -> String {
        format!("Before that, in whole batches: {}. Left: {}.", gone(moves, gone_rows), self.words())
    }
}

fn gone(moves: bool, rows: u64) -> String {
    format!("{} {}", plural(rows, "row", "rows"), done_to(moves))
}

const fn done_to(moves: bool) -> &'static str {
    if moves { "moved" } else { "deleted" }
}
