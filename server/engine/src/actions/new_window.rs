//! What a proposal by a person and one by a series share: the window, its sealed first revision, and everybody asked.

use super::pre_approve;
use super::propose_window::Proposed;
use super::seal_revision::Draft;
use crate::error::Result;
use crate::ledger::{FactRef, Ledger, NewRevision};
use crate::store::windows::Window;
use crate::{clock, store};
use domain::fact::NewFact;
use domain::ids::{PersonId, SeriesId, WindowId};
use domain::window::WindowState;
use serde_json::Map;
use std::collections::BTreeSet;

/// A window that is proposed, and of which nobody has heard yet.
pub(super) struct Born {
    /// As it stands.
    pub(super) window: Window,
    /// Its first revision.
    pub(super) sealed: NewRevision,
    /// The fact that says so.
    pub(super) fact: FactRef,
}

/// Writes a checked draft as a new window, and asks whom the policy wants.
pub(super) async fn write(ledger: &mut Ledger<'_>, draft: &Draft, by: PersonId) -> Result<Proposed> {
    let born = propose(ledger, draft, by, &BTreeSet::new(), None).await?;
    let (id, number) = (born.window.id, born.window.number);
    let asked = pre_approve::ask_or_approve(ledger, &born.window, &born.sealed.plan, Map::new(), born.fact).await?.asked;
    Ok(Proposed { id, number, asked, approved: born.sealed.plan.is_pre_approved() })
}

/// Writes a checked draft as a new window and proposes it. `by` owns it; `also` wrote parts of what it says.
pub(super) async fn propose(
    ledger: &mut Ledger<'_>,
    draft: &Draft,
    by: PersonId,
    also: &BTreeSet<PersonId>,
    of: Option<SeriesId>,
) -> Result<Born> {
    let (team, target) = (draft.target.plan.team, draft.target.plan.id);
    let id: WindowId = clock::new_id();
    let from_series = |fact: NewFact| match of {
        Some(series) => fact.with("series", series.to_string()).with("author", by.to_string()),
        None => fact,
    };
    let drafted = NewFact::done("window.draft", "window", id).of_window(id).of_team(team).with("target", target.to_string());
    let others: Vec<String> = draft.more.iter().map(|other| other.plan.id.to_string()).collect();
    let drafted = if others.is_empty() { drafted } else { drafted.with("others", others) };
    let drafted = ledger.fact(from_series(drafted)).await?;
    let number = ledger.new_window(id, team, by, drafted).await?;
    ledger.add_contributors(id, also).await?;
    let sealed = draft.write(ledger, id, number, 1, by).await?;
    let fact = NewFact::done("window.propose", "window", id)
        .of_window(id)
        .of_team(team)
        .with("number", number)
        .with("revision", 1)
        .with("digest", sealed.digest.hex());
    let fact = ledger.fact(from_series(fact)).await?;
    ledger.move_window(id, 1, WindowState::Draft, WindowState::Proposed, None, fact).await?;
    let window = store::windows::load(ledger.db(), id).await?;
    Ok(Born { window, sealed, fact })
}
