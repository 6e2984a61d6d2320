//! Comparing a probe's figures with the baseline that was taken before the first change.

use super::text::{duration_ms, permille};
use serde::{Deserialize, Serialize};

/// What a probe says; "not measurable" is never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// As good as before.
    Pass,
    /// Worth a look; does not block.
    Warn,
    /// Worse than allowed: blocks closing.
    Fail,
    /// No answer could be had: a person must say.
    NotMeasurable,
}

/// A probe's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeVerdict {
    /// The answer.
    pub colour: Colour,
    /// One sentence with the figures.
    pub sentence: String,
}

impl ProbeVerdict {
    /// Makes a verdict.
    pub fn new(colour: Colour, sentence: impl Into<String>) -> Self {
        Self { colour, sentence: sentence.into() }
    }
}

/// Timings of a registered query, in microseconds, and the hash of its plan without costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryTiming {
    /// The median of the runs.
    pub p50_us: u64,
    /// The slowest run.
    pub max_us: u64,
    /// How many runs.
    pub runs: u32,
    /// SHA-256 of the plan's shape, hexadecimal; `None` where EXPLAIN was refused.
    pub plan_hash: Option<String>,
}

/// Connections at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Client sessions on the whole server, ours not counted.
    pub used: u32,
    /// `max_connections` less what is reserved for superusers.
    pub usable: u32,
}

/// The slowest p50 that still passes: 1.5 times the baseline's, or 20 ms more, whichever is later.
pub const fn slowest_allowed_us(base_p50_us: u64) -> u64 {
    let by_share = base_p50_us.saturating_add(base_p50_us / 2);
    let by_amount = base_p50_us.saturating_add(20_000);
    if by_share > by_amount { by_share } else { by_amount }
}

fn ms(us: u64) -> String {
    if us < 100_000 { format!("{}.{} ms", us / 1000, us % 1000 / 100) } else { duration_ms(us / 1000) }
}

/// Judges a critical query. Slower than the baseline allows, or than its own limit, fails; a changed plan that is not
/// slower is a warning.
pub fn judge_query(base: Option<&QueryTiming>, after: Option<&QueryTiming>, limit_ms: u64) -> ProbeVerdict {
    let Some(after) = after else {
        return ProbeVerdict::new(Colour::NotMeasurable, "The query gave no timing. Run it by hand and note what you saw.");
    };
    let Some(base) = base else {
        return ProbeVerdict::new(
            Colour::NotMeasurable,
            format!("It takes {} now, but there is no baseline from before the work.", ms(after.p50_us)),
        );
    };
    let own_limit_us = limit_ms.saturating_mul(1000);
    let allowed = slowest_allowed_us(base.p50_us).min(own_limit_us);
    if base.p50_us > own_limit_us && after.p50_us > own_limit_us && after.p50_us <= slowest_allowed_us(base.p50_us) {
        return ProbeVerdict::new(
            Colour::Fail,
            format!(
                "{} now; its limit is {}, which it broke before the work too ({}).",
                ms(after.p50_us),
                duration_ms(limit_ms),
                ms(base.p50_us)
            ),
        );
    }
    let figures = format!("{} now, {} before; up to {} is allowed", ms(after.p50_us), ms(base.p50_us), ms(allowed));
    let other_plan = matches!((&base.plan_hash, &after.plan_hash), (Some(a), Some(b)) if a != b);
    match (after.p50_us > allowed, other_plan) {
        (true, true) => ProbeVerdict::new(Colour::Fail, format!("Slower, with another plan: {figures}.")),
        (true, false) => ProbeVerdict::new(Colour::Fail, format!("Slower: {figures}.")),
        (false, true) => ProbeVerdict::new(Colour::Warn, format!("In time, but the server chose another plan: {figures}.")),
        (false, false) => ProbeVerdict::new(Colour::Pass, format!("In time: {figures}.")),
    }
}

/// Judges the number of sessions: within 30 % of the baseline (at least five sessions of slack), and below the limit.
pub fn judge_connections(base: Option<Connections>, after: Option<Connections>, max_used_percent: u64) -> ProbeVerdict {
    let Some(after) = after else {
        return ProbeVerdict::new(Colour::NotMeasurable, "The sessions could not be counted: the role needs pg_monitor.");
    };
    let share = permille((u64::from(after.used) * 1000 / u64::from(after.usable.max(1))).try_into().unwrap_or(u32::MAX));
    if u64::from(after.used) * 100 >= u64::from(after.usable) * max_used_percent {
        return ProbeVerdict::new(
            Colour::Fail,
            format!("{} of {} connections are in use ({share}); the limit is {max_used_percent} %.", after.used, after.usable),
        );
    }
    let Some(base) = base else {
        return ProbeVerdict::new(
            Colour::NotMeasurable,
            format!("{} connections now, but there is no baseline from before the work.", after.used),
        );
    };
    let slack = (base.used * 3 / 10).max(5);
    let figures = format!("{} connections now ({share} of those usable), {} before", after.used, base.used);
    if after.used.abs_diff(base.used) <= slack {
        ProbeVerdict::new(Colour::Pass, format!("In range: {figures}."))
    } else {
        ProbeVerdict::new(Colour::Warn, format!("More than 30 % away from the baseline: {figures}."))
    }
}

/// Whether the target answers and takes writes; `problem` is what stood in the way.
pub fn judge_writable(writable: Result<(), &str>) -> ProbeVerdict {
    match writable {
        Ok(()) => ProbeVerdict::new(Colour::Pass, "It answers, and a write in a transaction that was rolled back succeeded."),
        Err(problem) => ProbeVerdict::new(Colour::Fail, format!("It cannot be written to: {problem}.")),
    }
}

/// Judges invalid indexes: what was there before is a warning, what is new fails.
pub fn judge_invalid_indexes(before: &[String], after: Option<&[String]>) -> ProbeVerdict {
    let Some(after) = after else {
        return ProbeVerdict::new(Colour::NotMeasurable, "The indexes could not be listed.");
    };
    let new: Vec<&str> = after.iter().filter(|name| !before.contains(name)).map(String::as_str).collect();
    if !new.is_empty() {
        ProbeVerdict::new(Colour::Fail, format!("Invalid since the work began: {}.", new.join(", ")))
    } else if after.is_empty() {
        ProbeVerdict::new(Colour::Pass, "No invalid index.")
    } else {
        ProbeVerdict::new(Colour::Warn, format!("Invalid before and after the work: {}.", after.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(p50_us: u64, plan: &str) -> QueryTiming {
        QueryTiming { p50_us, max_us: p50_us, runs: 5, plan_hash: Some(plan.to_owned()) }
    }

    #[test]
    fn queries_pass_up_to_half_more_or_twenty_ms_more() {
        assert_eq!(slowest_allowed_us(1_000), 21_000);
        assert_eq!(slowest_allowed_us(100_000), 150_000);
        let colour = |base, after| judge_query(Some(&base), Some(&after), 60_000).colour;
        assert_eq!(colour(timing(1_000, "a"), timing(21_000, "a")), Colour::Pass);
        assert_eq!(colour(timing(1_000, "a"), timing(21_001, "a")), Colour::Fail);
        assert_eq!(colour(timing(1_000, "a"), timing(900, "b")), Colour::Warn);
        assert_eq!(judge_query(Some(&timing(1_000, "a")), Some(&timing(5_001, "a")), 5).colour, Colour::Fail, "its own limit");
        assert!(judge_query(Some(&timing(9_000, "a")), Some(&timing(8_000, "a")), 5).sentence.contains("before the work too"));
        assert_eq!(judge_query(None, Some(&timing(1, "a")), 1_000).colour, Colour::NotMeasurable);
        assert_eq!(judge_query(Some(&timing(1, "a")), None, 1_000).colour, Colour::NotMeasurable);
    }

    #[test]
    fn connections_stay_near_the_baseline_and_below_the_limit() {
        let at = |used| Some(Connections { used, usable: 100 });
        assert_eq!(judge_connections(at(40), at(50), 80).colour, Colour::Pass);
        assert_eq!(judge_connections(at(40), at(53), 80).colour, Colour::Warn);
        assert_eq!(judge_connections(at(2), at(7), 80).colour, Colour::Pass);
        assert_eq!(judge_connections(at(79), at(80), 80).colour, Colour::Fail);
        assert_eq!(judge_connections(None, at(1), 80).colour, Colour::NotMeasurable);
        assert_eq!(judge_connections(at(1), None, 80).colour, Colour::NotMeasurable);
    }

    #[test]
    fn only_new_invalid_indexes_fail() {
        let old = ["shop.a".to_owned()];
        assert_eq!(judge_invalid_indexes(&old, Some(&old)).colour, Colour::Warn);
        assert_eq!(judge_invalid_indexes(&old, Some(&[])).colour, Colour::Pass);
        assert_eq!(judge_invalid_indexes(&[], Some(&old)).colour, Colour::Fail);
        assert_eq!(judge_invalid_indexes(&[], None).colour, Colour::NotMeasurable);
        assert_eq!(judge_writable(Err("it is a standby")).colour, Colour::Fail);
    }
}
