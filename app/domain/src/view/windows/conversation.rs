//! Comments and what was decided, in one line of time. It is read from the trail: every comment, vote and change of state has its fact.

use crate::approval::VoteDecision;
use crate::hold::HoldVerb;
use crate::ids::CommentId;
use crate::window::Ending;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Most entries of one page.
pub const PAGE_ENTRIES: usize = 50;
/// The fact of a comment.
pub const WRITE: &str = "comment.write";
const VOTE: &str = "vote.cast";

/// Facts that the conversation shows.
pub const ACTIONS: &[&str] = &[
    WRITE,
    VOTE,
    "vote.withdraw",
    "vote.delegate",
    "vote.delegate_end",
    "window.propose",
    "window.amend",
    "window.move",
    "window.pre_approve",
    "window.approve",
    "window.escalate",
    "window.ask_delegate",
    "window.quorum_short",
    "window.quorum_in_reach",
    "window.ask_break_glass",
    "window.break_glass",
    "window.review_break_glass",
    "window.override_freeze",
    "window.withdraw_override",
    "window.reject",
    "window.send_back",
    "window.lose_quorum",
    "window.withdraw",
    "window.cancel",
    "window.expire",
    "window.miss",
    "window.hand_over",
    "window.issues_met",
    "window.close",
    "window.end_waves",
    "series.cover",
    "run.begin",
    "run.ask_hold",
    "run.hold",
    "run.by_hand",
    "run.call",
    "run.keep_out",
    "run.let_in",
    "run.resolve",
    "run.stop",
    "run.end",
    "check.accept",
];

/// Facts about a window that the conversation leaves out, each with the reason.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("window.draft", "what it says is said by the proposal that follows at once"),
    ("window.remind", "nothing is decided: who is waited for stands on the page"),
    ("window.work_over", "its runs say how they ended"),
    ("run.open", "it is said where the work begins"),
    ("run.claim", "a worker's own business"),
    ("run.seal_work", "the work list stands on the run's page"),
    ("check.probe", "the validation list shows what was measured"),
    ("check.tick", "the validation list shows who answered"),
    ("run.resume", "the decision before it says so"),
    ("run.take_up", "the decision before it says so"),
    ("series.bear", "its proposal says so"),
    ("comment.retract", "the comment itself says so"),
    ("attempt.intend", "the run's page shows each try"),
    ("attempt.end", "the run's page shows each try"),
    ("undo.intend", "the run's page shows each try"),
    ("undo.end", "the run's page shows each try"),
    ("debris.drop", "the run's page shows what was cleaned up"),
    ("link.renew", "a matter between a person and their mailbox"),
    ("code.mail", "a matter between a person and their mailbox"),
    ("code.try", "a matter between a person and their mailbox"),
    ("target.ask", "a question about the database, which the page shows while it is asked"),
];

/// A comment, as one reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Identity.
    pub id: CommentId,
    /// What was written; `None` once it was taken back.
    pub text: Option<String>,
    /// When it was taken back.
    pub retracted_at: Option<Timestamp>,
    /// Who was told by name.
    pub mentions: Vec<String>,
    /// The reader wrote it.
    pub own: bool,
}

/// What happened at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Somebody wrote.
    Comment(Comment),
    /// Somebody voted.
    Vote(VoteDecision, String),
    /// Something changed: a sentence, and the reason or what somebody wrote with it.
    Change(&'static str, String),
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Number of its fact: its place.
    pub fact: i64,
    /// When.
    pub at: Timestamp,
    /// Who, as far as known.
    pub who: String,
    /// What.
    pub said: Said,
}

/// The card of the window's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Where the entries before these end; `None` when these are the first.
    pub older: Option<i64>,
    /// These are not the newest.
    pub past: bool,
    /// The reader may write.
    pub may_comment: bool,
}

/// What a fact says in the conversation, from its action and its payload; `None` for comments, whose text is no part of the trail, and for
/// facts that it does not show.
#[must_use]
pub fn said(action: &str, payload: &Map<String, Value>) -> Option<Said> {
    let text = |key: &str| payload.get(key).and_then(Value::as_str).unwrap_or_default();
    if action == VOTE {
        return Some(Said::Vote(VoteDecision::from_word(text("decision"))?, text("comment").to_owned()));
    }
    let (what, more) = match action {
        "vote.withdraw" => ("Took the vote back.", text("reason")),
        "vote.delegate" => ("Lets somebody else decide in their place.", ""),
        "vote.delegate_end" => ("Took back that somebody else decides.", text("reason")),
        "window.propose" => ("Asked for approval.", ""),
        "window.amend" => ("Changed the plan: all votes are asked for anew.", ""),
        "window.move" => ("Moved it to another time: all votes are asked for anew.", ""),
        "window.pre_approve" => ("Approved beforehand by the policy: nobody was asked.", ""),
        "window.approve" if payload.contains_key("series_digest") => ("Approved: enough people agreed to this date of its series.", ""),
        "window.approve" => ("Approved: enough people agree.", ""),
        "window.escalate" => ("Nobody decided in time: others are asked, too.", text("reason")),
        "window.ask_delegate" => ("Somebody is away: whoever votes in their place is asked.", ""),
        "window.quorum_short" => ("Too few people can still decide in time.", ""),
        "window.quorum_in_reach" => ("Enough people can decide in time again.", ""),
        "window.ask_break_glass" => ("Asked to break the glass: to run it without the approvals of the policy.", text("reason")),
        "window.break_glass" => ("Broke the glass: it runs without the approvals of the policy.", text("reason")),
        "window.review_break_glass" => (
            if text("verdict") == "justified" {
                "Reviewed the break-glass: it was justified."
            } else {
                "Reviewed the break-glass: it was not justified."
            },
            text("outcome"),
        ),
        "window.override_freeze" => ("Lets it pass a freeze.", text("reason")),
        "window.withdraw_override" => ("Does not let it pass a freeze any more.", text("reason")),
        "series.cover" => ("It is what was put together with its series: approvals given there count here.", ""),
        "run.ask_hold" => ("Asked to hold it.", text("reason")),
        "run.stop" => ("Asked to stop it.", text("reason")),
        "check.accept" => ("Accepted a check although it is red.", text("note")),
        "window.reject" => ("Rejected: it ends here.", ""),
        "window.send_back" => ("Sent back: changes are asked for.", ""),
        "window.lose_quorum" => ("Not approved any more: an approval no longer counts.", text("reason")),
        "window.withdraw" => ("Withdrawn.", text("reason")),
        "window.cancel" => ("Cancelled.", text("reason")),
        "window.expire" => ("Expired: nobody decided in time.", ""),
        "window.miss" => ("Missed: not begun by the latest start.", text("reason")),
        "window.hand_over" => ("Somebody else answers for it from now on.", text("reason")),
        "window.issues_met" => ("Wrote what did not go as planned.", text("issues_met")),
        "window.close" => ("Closed: all clear.", text("issues_met")),
        "window.end_waves" => ("Databases of later waves are not started any more.", text("reason")),
        "run.begin" => ("The work began.", ""),
        "run.hold" => ("On hold: a person decides.", text("reason")),
        "run.by_hand" => ("A step by hand is next.", text("reason")),
        "run.call" => ("Another program did a step.", text("step")),
        "run.keep_out" => ("Accounts are kept out while it works.", text("accounts")),
        "run.let_in" => ("Accounts that were kept out are as before.", text("accounts")),
        "run.resolve" if payload.contains_key("by_hand") => ("Did the step by hand.", text("reason")),
        "run.resolve" => (HoldVerb::from_word(text("decision")).map_or("Decided on the hold.", HoldVerb::label), text("reason")),
        "run.end" => (Ending::from_word(text("ending")).map_or("The work ended.", ended), text("reason")),
        _ => return None,
    };
    // What it is about: of several databases the facts of runs name theirs, and a freeze and a check have names.
    let about = match action {
        "window.override_freeze" | "window.withdraw_override" => text("name"),
        "check.accept" => text("item"),
        _ => text("database"),
    };
    let more = match (about, more) {
        ("", more) => more.to_owned(),
        (database, "") => database.to_owned(),
        (database, more) => format!("{database}: {more}"),
    };
    Some(Said::Change(what, more))
}

fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Finished => "The work is over.",
        Ending::NotBegun => "The work was not begun.",
        Ending::CutOff => "The work was cut off: its time was over.",
        Ending::Stopped => "The work was stopped.",
        Ending::Failed => "The work failed.",
        Ending::RolledBack => "The work was rolled back.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn payload(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn what_one_of_several_databases_went_through_names_it() {
        let of = |value: Value| said("run.end", &payload(value));
        let change = |more: &str| Some(Said::Change("The work failed.", more.to_owned()));
        assert_eq!(of(json!({"ending": "failed", "reason": "Full."})), change("Full."));
        assert_eq!(of(json!({"ending": "failed", "reason": "Full.", "database": "prod-b"})), change("prod-b: Full."));
        assert_eq!(of(json!({"ending": "failed", "database": "prod-b"})), change("prod-b"));
    }

    #[test]
    fn no_fact_is_shown_and_left_out() {
        let both: Vec<_> = LEFT_OUT.iter().filter(|(action, _)| ACTIONS.contains(action)).collect();
        assert!(both.is_empty(), "{both:?}");
        let with_series = said("window.approve", &payload(json!({"series_digest": "00ff"})));
        assert_eq!(with_series, Some(Said::Change("Approved: enough people agreed to this date of its series.", String::new())));
        let review = said("window.review_break_glass", &payload(json!({"verdict": "not_justified", "outcome": "Plan earlier."})));
        assert_eq!(review, Some(Said::Change("Reviewed the break-glass: it was not justified.", "Plan earlier.".into())));
    }

    #[test]
    fn every_shown_fact_but_a_comment_is_a_sentence() {
        for action in ACTIONS.iter().filter(|action| **action != WRITE) {
            let said = said(action, &payload(json!({"decision": "approve", "ending": "finished"})));
            assert!(said.is_some(), "{action}");
        }
        assert_eq!(said(WRITE, &Map::new()), None);
        assert_eq!(said("run.claim", &Map::new()), None);
    }

    #[test]
    fn what_was_said_with_it_stands_beside_it() {
        let vote = said(VOTE, &payload(json!({"decision": "reject", "comment": "not on payday"})));
        assert_eq!(vote, Some(Said::Vote(VoteDecision::Reject, "not on payday".into())));
        let hold = said("run.hold", &payload(json!({"reason": "the fence is gone"})));
        assert_eq!(hold, Some(Said::Change("On hold: a person decides.", "the fence is gone".into())));
        assert_eq!(said(VOTE, &payload(json!({"decision": "maybe"}))), None);
    }
}
