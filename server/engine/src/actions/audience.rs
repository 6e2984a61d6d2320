//! Telling the people concerned: one message a person and transition, in the transition's own transaction.

use crate::error::Result;
use crate::ledger::{FactRef, Ledger};
use crate::store::{self, windows::Window};
use domain::ids::PersonId;
use domain::notice::{Concerned, NewNotice, NoticeKind};
use domain::plan::Plan;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The longest life of a decision link.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Puts a message of `kind` into the outbox for everybody it concerns, once each, and says how many. Decision requests carry a personal link.
pub(crate) async fn tell(
    ledger: &mut Ledger<'_>,
    window: &Window,
    plan: &Plan,
    kind: NoticeKind,
    payload: Map<String, Value>,
    fact: FactRef,
) -> Result<usize> {
    let people = concerned(ledger, window, plan, kind).await?;
    let workers = store::votes::worker_keys(ledger.db()).await?;
    for person in &people {
        let notice = NewNotice { kind, person: *person, payload: payload.clone() };
        let about = Some((plan.window, window.digest));
        let link = match kind {
            NoticeKind::ApprovalNeeded => Some(ledger.link("approve", *person, about, link_end(plan, fact.at()), &workers).await?),
            NoticeKind::VoteRecorded => Some(ledger.link("object", *person, about, link_end(plan, fact.at()), &workers).await?),
            _ => None,
        };
        ledger.notice(&notice, Some(plan.window), Some(window.digest), link.as_ref(), fact).await?;
    }
    Ok(people.len())
}

/// A link lives until the latest start, at most 30 days.
pub(crate) fn link_end(plan: &Plan, now: Timestamp) -> Timestamp {
    plan.times.latest_start.min(now + LINK_LIFE)
}

async fn concerned(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan, kind: NoticeKind) -> Result<BTreeSet<PersonId>> {
    let actor = ledger.permit().person();
    let (stakeholders, leads) = store::groups::told(ledger.db(), window.target, window.team).await?;
    let mut people = BTreeSet::new();
    for relation in kind.audience() {
        match relation {
            Concerned::Eligible => people.extend(plan.voters()),
            Concerned::Stakeholders => people.extend(stakeholders.iter().copied()),
            Concerned::Leads => people.extend(leads.iter().copied()),
            Concerned::Contributors => people.extend(store::windows::contributors(ledger.db(), window.id).await?),
            Concerned::Voter => people.extend(actor),
        }
    }
    Ok(store::groups::active(ledger.db(), &people).await?)
}
