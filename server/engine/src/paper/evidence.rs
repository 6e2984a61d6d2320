//! The evidence of a window as one JSON document: everything the page shows, and the exact bytes of plans and facts, so that digests and
//! leaves can be computed again by anyone.

use crate::trail::export::fact_json;
use domain::glass::Glass;
use domain::view::evidence::{Evidence, FactEvidence, RevisionEvidence, RunEvidence, TogetherEvidence};
use domain::view::runs::{AttemptRow, ItemRow};
use domain::view::windows::Change;
use serde_json::{Value, json};

/// The document. Times are UTC by RFC 3339.
#[must_use]
pub fn evidence(of: &Evidence) -> Value {
    let head = &of.head;
    json!({
        "kind": "window_evidence",
        "version": 1,
        "read_at": head.now.to_string(),
        "window": {
            "number": head.number,
            "id": head.id,
            "title": head.title,
            "state": head.state.word(),
            "state_at": head.state_at.to_string(),
            "state_reason": head.state_reason,
            "team": head.team_name,
            "database": head.database,
            "issues_met": head.issues_met,
        },
        "revisions": of.revisions.iter().map(revision).collect::<Vec<_>>(),
        "votes": of.votes.iter().map(|vote| json!({
            "who": vote.who, "person": vote.person, "decision": vote.decision.word(), "assurance": vote.assurance.word(), "comment": vote.comment,
            "in_place_of": vote.in_place_of.iter().map(|(person, name)| json!({"who": name, "person": person})).collect::<Vec<_>>(),
            "revision": vote.revision, "with_series": vote.with_series, "at": vote.at.to_string(),
            "withdrawn_at": vote.withdrawn.as_ref().map(|(at, _)| at.to_string()), "withdrawn_because": vote.withdrawn.as_ref().map(|(_, why)| why),
        })).collect::<Vec<_>>(),
        "approved_with_series": of.together.as_ref().map(together),
        "break_glass": of.glasses.iter().map(glass).collect::<Vec<_>>(),
        "messages": of.messages.iter().map(|message| json!({
            "kind": message.kind, "to": message.to, "state": message.state, "written_at": message.created_at.to_string(),
            "accepted_at": message.sent_at.map(|at| at.to_string()),
            "tries": message.tries.iter().map(|one| json!({"at": one.at.to_string(), "result": one.result, "server_said": one.detail})).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "runs": of.runs.iter().map(run).collect::<Vec<_>>(),
        "checklist": of.checks.iter().map(|check| json!({
            "item": check.title, "key": check.key, "rule": check.rule, "by_probe": check.by_probe, "state": check.state.word(), "verdict": check.verdict,
            "probed_at": check.probed_at.map(|at| at.to_string()), "note": check.note, "decided_by": check.decided_by,
            "decided_at": check.decided_at.map(|at| at.to_string()), "figures": figures(&check.figures),
        })).collect::<Vec<_>>(),
        "facts": facts(&of.facts),
        "older_facts_left_out": of.older_facts,
        "chain": of.chain.map(|(n, hash, at)| json!({"batch": n, "hash": hash, "sealed_at": at.to_string()})),
    })
}

fn facts(of: &[FactEvidence]) -> Value {
    of.iter().map(|fact| fact_json(fact.line.id, &fact.bytes, &fact.leaf.0, fact.line.batch.zip(fact.position))).collect()
}

fn together(of: &TogetherEvidence) -> Value {
    json!({
        "series": of.series, "title": of.title, "digest": of.digest, "asked_by": of.asked_by, "asked_at": of.asked_at.to_string(),
        "digest_bytes": String::from_utf8_lossy(&of.bytes),
        "facts": facts(&of.facts),
    })
}

fn glass(of: &Glass) -> Value {
    json!({
        "digest": of.digest,
        "reason": of.reason,
        "asked_by": of.asked_name, "asked_person": of.asked_by, "asked_at": of.asked_at.to_string(), "expired_at": of.expires_at.to_string(),
        "confirmed": of.confirmed.as_ref().map(|confirmed| json!({
            "by": confirmed.name, "person": confirmed.by, "at": confirmed.at.to_string(), "review_due": confirmed.review_due.to_string(),
        })),
        "review": of.review.as_ref().map(|review| json!({
            "by": review.by, "at": review.at.to_string(), "justified": review.justified, "outcome": review.outcome,
        })),
    })
}

fn revision(of: &RevisionEvidence) -> Value {
    let change = |change: &Change| json!({"what": change.place, "before": change.before, "after": change.after});
    json!({
        "revision": of.row.number,
        "by": of.row.by,
        "sealed_at": of.row.at.to_string(),
        "digest": of.row.digest,
        "plan_bytes": String::from_utf8_lossy(&of.bytes),
        "changes": of.changes.iter().map(change).collect::<Vec<_>>(),
    })
}

fn run(of: &RunEvidence) -> Value {
    json!({
        "id": of.id,
        "revision": of.revision,
        "plan_digest": of.plan_digest,
        "state": of.state.word(),
        "ending": of.ending.map(|ending| ending.word()),
        "opened_at": of.opened_at.to_string(),
        "opened_by": of.opened_by,
        "ended_at": of.ended_at.map(|at| at.to_string()),
        "stop": of.stop.as_ref().map(|stop| json!({"at": stop.at.to_string(), "by": stop.by, "reason": stop.reason})),
        "hold_reason": of.hold_reason,
        "pre_checks": of.pre_checks.iter().map(|check| json!({"check": check.title, "colour": check.colour, "says": check.says})).collect::<Vec<_>>(),
        "work_list": of.work_list.map(|(digest, at)| json!({"digest": digest, "sealed_at": at.to_string()})),
        "left_out": of.left_out.iter().map(|left| json!({"object": left.object, "reason": left.reason})).collect::<Vec<_>>(),
        "findings": of.findings,
        "more_findings": of.more_findings,
        "items": of.items.iter().map(item).collect::<Vec<_>>(),
        "resolutions": of.resolutions.iter().map(|one| json!({
            "item": one.ordinal, "try": one.number, "found": one.found, "by": one.by, "second": one.second, "reason": one.reason, "at": one.at.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn item(of: &ItemRow) -> Value {
    json!({
        "item": of.ordinal,
        "step": of.work.step,
        "object": of.work.object.name.to_string(),
        "statement": of.work.statement,
        "outcome": of.outcome.map(|outcome| outcome.word()),
        "detail": of.detail,
        "figures": gains(&of.gains),
        "tries": of.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

fn attempt(of: &AttemptRow) -> Value {
    json!({
        "try": of.number,
        "state": of.state.word(),
        "decided_at": of.intent_at.to_string(),
        "started_at": of.started_at.map(|at| at.to_string()),
        "ended_at": of.ended_at.map(|at| at.to_string()),
        "session": of.session,
        "backend": of.backend,
        "outcome": of.outcome.map(|outcome| outcome.word()),
        "detail": of.detail,
        "server_said": of.notices,
    })
}

fn figures(of: &[domain::view::checklists::Figure]) -> Value {
    of.iter().map(|figure| json!({"what": figure.name, "before": figure.before, "after": figure.after})).collect()
}

/// What the work changed, in the units in which it was measured: bytes, rows, seconds.
fn gains(of: &[domain::view::gains::Gain]) -> Value {
    of.iter().map(|gain| json!({"what": gain.measured.label(), "before": gain.before, "after": gain.after})).collect()
}
