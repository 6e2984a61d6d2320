//! Reading the evidence of a window leaves a mark in the trail: one for each person, window, way and ten minutes, written apart from the
//! page's read-only snapshot.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{queries, store, transaction};
use domain::fact::NewFact;
use domain::permission::{Verb, authorize};

/// One mark covers this many minutes of reading.
const MARK_MINUTES: i32 = 10;

/// How it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// On a page, or on paper.
    Page,
    /// As a file that leaves the house.
    File,
}

/// Marks that the caller reads the evidence of window `number`. Windows of teams they may not see do not exist.
pub async fn read_evidence(engine: &Engine, caller: &Caller, number: i64, way: Way) -> Result<()> {
    let (window, team) = queries::evidence::window(engine, caller, number).await?;
    let permit = authorize(&caller.actor, Verb::SeeTeam, Some(team))?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    let action = if way == Way::Page { "evidence.read" } else { "evidence.export" };
    let marked = transaction::run(engine.pool(), "read_evidence", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            if store::trail::did_lately_with(db, person.0, action, &window.to_string(), MARK_MINUTES).await? {
                return Ok(false);
            }
            // Not a fact of the window's life: reading the evidence must not change it.
            let fact = NewFact::done(action, "window", window).of_team(team);
            Ledger::open(db, &permit, &request).fact(fact).await?;
            Ok(true)
        })
    })
    .await?;
    if marked {
        wake(engine.pool(), &[Wake::Sealer]).await;
    }
    Ok(())
}
