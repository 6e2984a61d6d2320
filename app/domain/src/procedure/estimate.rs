//! How long a piece of work will take: always a range, and always with what it rests on.

use super::work::Act;
use serde::{Deserialize, Serialize};

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A default rate; nothing was measured on this target yet.
    Guess,
    /// The rates of earlier runs of the same act.
    History,
}

/// A range in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Estimate {
    /// When all goes well.
    pub low_ms: u64,
    /// What planning counts on: the slowest of the earlier runs, or twice the guess's middle.
    pub high_ms: u64,
    /// What it rests on.
    pub basis: Basis,
}

/// However small the object: connecting, locking and committing take about this long.
const FLOOR_MS: u64 = 1_000;
/// ANALYZE reads 300 pages for each of the default 100 statistics steps, whatever the size of the table.
const ANALYZE_SAMPLE_BYTES: u64 = 30_000 * 8_192;

/// Default rates in bytes per second, deliberately slow (PROCEDURES S12).
const fn guessed_bytes_per_s(act: Act) -> u64 {
    const MB: u64 = 1024 * 1024;
    match act {
        Act::Vacuum | Act::VacuumFreeze | Act::Analyze | Act::AnalyzeOnly | Act::BrinSummarize => 40 * MB,
        // A pending list is put into the index entry by entry.
        Act::ReindexConcurrently | Act::GinCleanPending => 10 * MB,
        // Drops wait for old snapshots, not for the disk.
        Act::DropInvalidIndex => 100 * MB,
        // Whoever proposes it says how long it may take; see `crate::change`.
        Act::Apply | Act::ApplyAlone => MB,
    }
}

/// The bytes an act reads and writes, given the size of all it touches.
pub fn work_bytes(act: Act, bytes: u64) -> u64 {
    match act {
        Act::Analyze | Act::AnalyzeOnly => bytes.min(ANALYZE_SAMPLE_BYTES),
        _ => bytes,
    }
}

/// The range for `act` on `bytes`, from the rates of at most the last five runs, or guessed.
pub fn estimate(act: Act, bytes: u64, past_bytes_per_s: &[u64]) -> Estimate {
    let work = work_bytes(act, bytes);
    let at = |rate: u64| (u128::from(work) * 1000 / u128::from(rate.max(1))).try_into().unwrap_or(u64::MAX);
    let recent = &past_bytes_per_s[past_bytes_per_s.len().saturating_sub(5)..];
    if let (Some(fastest), Some(slowest)) = (recent.iter().max(), recent.iter().min()) {
        return Estimate { low_ms: at(*fastest).max(FLOOR_MS), high_ms: at(*slowest).max(FLOOR_MS), basis: Basis::History };
    }
    let middle = at(guessed_bytes_per_s(act));
    Estimate { low_ms: (middle / 2).max(FLOOR_MS), high_ms: middle.saturating_mul(2).max(FLOOR_MS), basis: Basis::Guess }
}

/// `20 s to 1 min 20 s (guess)`.
impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use super::text::duration_ms;
        let basis = match self.basis {
            Basis::Guess => "a guess",
            Basis::History => "from earlier runs",
        };
        if self.low_ms == self.high_ms {
            write!(f, "about {} ({basis})", duration_ms(self.low_ms))
        } else {
            write!(f, "{} to {} ({basis})", duration_ms(self.low_ms), duration_ms(self.high_ms))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_marked_and_history_wins() {
        let guess = estimate(Act::ReindexConcurrently, 400 * 1024 * 1024, &[]);
        assert_eq!((guess.low_ms, guess.high_ms, guess.basis), (20_000, 80_000, Basis::Guess));
        assert_eq!(guess.to_string(), "20 s to 1 min 20 s (a guess)");
        // Only the last five count: the first, very slow run is forgotten.
        let known = estimate(Act::Vacuum, 1000 * 1000, &[1, 100_000, 200_000, 100_000, 200_000, 200_000]);
        assert_eq!((known.low_ms, known.high_ms, known.basis), (5_000, 10_000, Basis::History));
        assert_eq!(estimate(Act::Vacuum, 0, &[0]).high_ms, FLOOR_MS);
    }

    #[test]
    fn analyze_reads_a_sample() {
        let huge = estimate(Act::Analyze, u64::MAX, &[]);
        assert_eq!(huge.high_ms, estimate(Act::Analyze, ANALYZE_SAMPLE_BYTES, &[]).high_ms);
    }
}
