//! Windows that are approved with their series: what is covered at birth, and what the votes on the dates lead to for one window.

use super::{audience, cast_vote::standing, pre_approve};
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger, NewRevision};
use crate::store::series::Series;
use crate::store::series_digests::{self, Asked};
use crate::store::{self, windows::Window};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::notice::NoticeKind;
use domain::plan::Plan;
use domain::series::together::Stands;
use domain::window::WindowState;
use jiff::Timestamp;
use serde_json::Map;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// How a window that is born stands towards the dates that were put together.
pub(super) enum Found {
    /// None were, or they have all passed.
    Nothing,
    /// Its plan is what they give for its date.
    Covered(Asked),
    /// It asks by itself, because.
    Alone(String),
}

impl Found {
    /// Why it asks by itself, where there is something to say.
    pub(super) fn alone(&self) -> Option<&str> {
        if let Self::Alone(why) = self { Some(why) } else { None }
    }
}

/// Compares the sealed bytes of a window's first revision with what the newest digest of its series gives.
pub(super) async fn look(db: &mut PgConnection, of: &Series, sealed: &NewRevision, now: Timestamp) -> Result<Found> {
    let Some(asked) = series_digests::newest(db, of.id).await? else { return Ok(Found::Nothing) };
    match Stands::of((asked.revision, of.revision), of.ended.is_some(), asked.last_start, now) {
        // People decided on what an earlier revision said.
        Stands::Edited => return Ok(Found::Alone(Stands::Edited.said().unwrap_or_default().to_owned())),
        Stands::Passed | Stands::Ended => return Ok(Found::Nothing),
        Stands::Now => {}
    }
    let covers = asked.open()?.covers(&sealed.bytes, &sealed.plan).map(|found| found.map(|_| ()).map_err(|why| why.said()));
    Ok(match covers.map_err(Error::internal)? {
        Ok(()) => Found::Covered(asked),
        Err(why) => Found::Alone(why.chars().take(2000).collect()),
    })
}

/// Asks whom the policy wants; of a covered window only those whose votes on its dates do not count already. Gives how many are asked.
pub(super) async fn ask(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan, found: &Found, fact: FactRef) -> Result<usize> {
    let Found::Covered(asked) = found else {
        return Ok(pre_approve::ask_or_approve(ledger, window, plan, Map::new(), fact).await?.asked);
    };
    let covers = NewFact::done("series.cover", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("series_digest", asked.digest.hex());
    let fact = ledger.fact(covers).await?;
    ledger.cover(window.id, window.digest, asked.id, fact).await?;
    let voted = voted(ledger, window).await?;
    if voted.is_empty() {
        return Ok(pre_approve::ask_or_approve(ledger, window, plan, Map::new(), fact).await?.asked);
    }
    let left = standing(ledger.db(), window, plan).await?;
    if left.approved {
        approve(ledger, window, plan, asked).await?;
        return Ok(0);
    }
    ledger.turn(window.id, left.stage, fact).await?;
    // Delegates are asked by the loop that knows their absences.
    let others = left.waiting_for().difference(&voted).copied().filter(|person| plan.voters().contains(person)).collect();
    Ok(audience::ask(ledger, window, plan, others, Map::new(), fact).await?.len())
}

/// Counts a covered window that waits for approval, after one more vote on its dates. Gives whether it is approved now.
pub(super) async fn count(ledger: &mut Ledger<'_>, id: domain::ids::WindowId, asked: &Asked, fact: FactRef) -> Result<bool> {
    let (state, revision) = ledger.lock_window(id).await?;
    let window = store::windows::load(ledger.db(), id).await?;
    // After its deadline an approval counts for nothing, also before the scheduler has come by.
    if (state, revision) != (WindowState::Proposed, 1) || window.decide_by_at <= store::runs::now(ledger.db()).await? {
        return Ok(false);
    }
    let plan = window.plan()?;
    let left = standing(ledger.db(), &window, &plan).await?;
    if left.approved {
        approve(ledger, &window, &plan, asked).await?;
        return Ok(true);
    }
    if ledger.turn(window.id, left.stage, fact).await? {
        let voted = voted(ledger, &window).await?;
        let others = left.waiting_for().difference(&voted).copied().filter(|person| plan.voters().contains(person)).collect();
        audience::ask(ledger, &window, &plan, others, Map::new(), fact).await?;
    }
    Ok(false)
}

async fn voted(ledger: &mut Ledger<'_>, window: &Window) -> Result<BTreeSet<PersonId>> {
    Ok(store::votes::standing(ledger.db(), window.id, window.digest).await?.into_iter().map(|(_, vote)| vote.person).collect())
}

/// Its votes suffice, and at least one of them was given with the series.
async fn approve(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan, asked: &Asked) -> Result<()> {
    let voters: Vec<String> = standing(ledger.db(), window, plan).await?.voters().iter().map(ToString::to_string).collect();
    let fact = NewFact::done("window.approve", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("series_digest", asked.digest.hex())
        .with("voters", voters);
    let fact = ledger.fact(fact).await?;
    let reason =
        format!("Approved with its series, by votes on the dates that {} put together ({}).", asked.asked_by_name, asked.digest.short());
    ledger.move_window(window.id, window.revision, WindowState::Proposed, WindowState::Approved, Some(&reason), fact).await?;
    audience::tell(ledger, window, plan, NoticeKind::Approved, Map::new(), fact).await?;
    Ok(())
}
