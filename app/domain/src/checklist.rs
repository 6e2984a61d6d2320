//! The validation list: what must be true before a window closes, who says so, and what red means.

use crate::decision::Refusal;
use crate::people::words;
use serde::{Deserialize, Serialize};

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Nobody has answered yet.
    Open,
    /// Green.
    Passed,
    /// Red: blocks closing.
    Failed,
    /// Does not apply here, with a reason.
    NotApplicable,
    /// Red, and accepted by a lead with a reason.
    Accepted,
}

words!(CheckState {
    CheckState::Open = "open" / "Open",
    CheckState::Passed = "passed" / "Passed",
    CheckState::Failed = "failed" / "Failed",
    CheckState::NotApplicable = "not_applicable" / "Not applicable",
    CheckState::Accepted = "accepted" / "Accepted although red",
});

impl CheckState {
    /// True when it no longer blocks closing.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Passed | Self::NotApplicable | Self::Accepted)
    }
}

/// One item as sealed into the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCheck {
    /// Stable key.
    pub key: String,
    /// As people read it.
    pub title: String,
    /// What is looked at and what counts as green, in words.
    pub rule: String,
    /// A probe answers first; otherwise a person does, with evidence.
    pub by_probe: bool,
}

/// The six items every window has.
#[must_use]
pub fn standard() -> Vec<PlannedCheck> {
    let item =
        |key: &str, title: &str, rule: &str, by_probe| PlannedCheck { key: key.into(), title: title.into(), rule: rule.into(), by_probe };
    vec![
        item(
            "critical_queries",
            "Critical queries answer in the expected time",
            "Each registered query: median of five runs at most 1.5 times the median before the first change, or 20 ms more, and within its own limit.",
            true,
        ),
        item(
            "connections",
            "Connection pool is normal",
            "Sessions within 30 % of the number before the first change, at least 5 either way, and free connections left.",
            true,
        ),
        item(
            "reachable",
            "Health checks pass: the database is reachable and writable",
            "A new connection succeeds, the server is not in recovery and accepts writes.",
            true,
        ),
        item(
            "errors",
            "No error spikes",
            "Look at the application's log or dashboard for at least five minutes of traffic; note where you looked.",
            false,
        ),
        item("metrics", "Metrics are in range", "Look at latency, load and replication on your dashboard; note where you looked.", false),
        item("backups", "Backups work", "Check that the next backup or the archiver runs after the window; note how you know.", false),
    ]
}

/// Whether an item may get `to`, by somebody with (or without) the right to accept red items.
///
/// A probe's red answer is overruled only by accepting it; a person's own answer needs evidence.
pub fn may_tick(from: CheckState, to: CheckState, by_probe: bool, probed: bool, may_accept_red: bool, note: &str) -> Result<(), Refusal> {
    let no = |code: &str, message: &str, way_out: &str| Err(Refusal::new(code, message, way_out));
    if note.trim().is_empty() {
        return no(
            "evidence_missing",
            "Say what you looked at: the next reader has nothing else.",
            "Write one sentence of evidence or the reason.",
        );
    }
    match to {
        CheckState::Open => no("not_reopened", "An answered item is not opened again.", "Answer it anew with what you see now."),
        CheckState::Accepted if from != CheckState::Failed => {
            no("not_red", "Only a failed item is accepted with a reason.", "Mark it passed or failed first.")
        }
        CheckState::Accepted if !may_accept_red => {
            no("not_permitted", "A failed item is accepted by a lead or deputy of the owner team only.", "Ask one of them.")
        }
        CheckState::Passed | CheckState::NotApplicable if by_probe && from == CheckState::Failed => no(
            "probe_says_red",
            "The probe measured this as failed; a tick does not change that.",
            "Run the probe again, or have a lead accept it with a reason.",
        ),
        CheckState::Passed | CheckState::NotApplicable if from == CheckState::Failed && !may_accept_red => no(
            "not_permitted",
            "Somebody saw this as failed; only a lead or deputy of the owner team may answer it otherwise.",
            "Ask one of them, or leave it failed and have it accepted with a reason.",
        ),
        CheckState::Passed if by_probe && !probed => no(
            "probe_first",
            "A probe answers this item, and it has not run yet.",
            "Run the probe, or mark the item not applicable with a reason.",
        ),
        _ => Ok(()),
    }
}

/// Whether the window may close: every item settled.
pub fn may_close(items: &[(String, CheckState)]) -> Result<(), Refusal> {
    let open: Vec<&str> = items.iter().filter(|(_, state)| !state.is_settled()).map(|(title, _)| title.as_str()).collect();
    if items.is_empty() || !open.is_empty() {
        return Err(Refusal::new(
            "list_not_done",
            format!(
                "The validation list is not done: {}.",
                if items.is_empty() { "it has no items yet".to_owned() } else { open.join("; ") }
            ),
            "Tick what is open; a failed item needs a lead who accepts it with a reason.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_blocks_until_a_lead_accepts() {
        use CheckState::{Accepted, Failed, Passed};
        assert_eq!(may_tick(Failed, Passed, true, true, true, "looks fine").expect_err("red").code, "probe_says_red");
        assert_eq!(may_tick(Failed, Accepted, true, true, false, "known").expect_err("no right").code, "not_permitted");
        assert!(may_tick(Failed, Accepted, true, true, true, "known: cold cache").is_ok());
        assert_eq!(may_close(&[("Queries".into(), Failed)]).expect_err("red").code, "list_not_done");
        assert!(may_close(&[("Queries".into(), Accepted), ("Pool".into(), Passed)]).is_ok());
        assert!(may_close(&[]).is_err());
    }

    #[test]
    fn what_a_person_saw_as_failed_is_answered_otherwise_by_a_lead_alone() {
        use CheckState::{Failed, NotApplicable, Passed};
        for to in [Passed, NotApplicable] {
            assert_eq!(may_tick(Failed, to, false, false, false, "looks fine to me").expect_err("no right").code, "not_permitted");
            assert!(may_tick(Failed, to, false, false, true, "the alert was a test").is_ok());
        }
        assert!(may_tick(Passed, Failed, false, false, false, "errors since 02:10").is_ok());
    }

    #[test]
    fn evidence_is_owed() {
        assert_eq!(
            may_tick(CheckState::Open, CheckState::Passed, false, false, false, "  ").expect_err("no note").code,
            "evidence_missing"
        );
    }
}
