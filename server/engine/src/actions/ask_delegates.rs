//! Asks those who vote in the place of somebody who is away: about every plan that waits, each by a link of their own.

use super::{audience, cast_vote::tally};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::stand_ins::{self, Unasked};
use crate::store::windows::Window;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::{PersonId, WindowId};
use domain::permission::Permit;
use domain::plan::Plan;
use domain::window::WindowState;
use serde_json::Map;
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet};

/// Asks the delegates whose turn it is, once for each plan and absence; returns how many. The scheduler calls it; a window that moved on
/// meanwhile is left alone. Delegates who gain no seat by it, because they have one, were asked as everybody; and whoever holds a link to
/// decide on this plan, for a seat of their own or because all were asked anew, decides by that one: no second mail asks for one vote.
pub async fn ask_delegates(pool: &PgPool, permit: &Permit, window: WindowId) -> Result<usize> {
    // Most delegates who are not asked have a seat of their own: those are told apart without keeping anybody from the window.
    let nobody = transaction::read(pool, "delegates_look", move |db| Box::pin(async move { Ok(due(db, window).await?.is_none()) })).await?;
    if nobody {
        return Ok(0);
    }
    let permit = permit.clone();
    let asked = transaction::run(pool, "ask_delegates", move |db| {
        let permit = permit.clone();
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            ledger.lock_window(window).await?;
            let Some(Due { window, plan, delegates }) = due(ledger.db(), window).await? else { return Ok(0) };
            let mut asked = 0;
            for (delegate, reasons) in &delegates {
                let mailed = !reasons.iter().any(|one| one.holds_link);
                let fact = NewFact::done("window.ask_delegate", "window", window.id)
                    .of_window(window.id)
                    .of_team(window.team)
                    .with("digest", window.digest.hex())
                    .with("delegate", delegate.to_string())
                    .with("mailed", mailed)
                    .with("in_place_of", reasons.iter().map(|one| one.absent.to_string()).collect::<Vec<_>>());
                let fact = ledger.fact(fact).await?;
                for one in reasons {
                    stand_ins::mark_asked(ledger.db(), window.id, window.digest, one.absence).await?;
                }
                if mailed {
                    ledger.replace_links(window.id, *delegate).await?;
                    asked += audience::ask(&mut ledger, &window, &plan, BTreeSet::from([*delegate]), Map::new(), fact).await?.len();
                }
            }
            Ok(asked)
        })
    })
    .await?;
    if asked > 0 {
        wake(pool, &[Wake::Notifier, Wake::Sealer]).await;
    }
    Ok(asked)
}

/// A window that waits, and the delegates whose turn it is, each with the absences by which it is.
struct Due {
    window: Window,
    plan: Plan,
    delegates: BTreeMap<PersonId, Vec<Unasked>>,
}

/// Who is to be asked about a window; `None` where nobody is.
async fn due(db: &mut PgConnection, window: WindowId) -> Result<Option<Due>> {
    let window = store::windows::load(db, window).await?;
    if window.state != WindowState::Proposed {
        return Ok(None);
    }
    let plan = window.plan()?;
    let mut delegates: BTreeMap<PersonId, Vec<Unasked>> = BTreeMap::new();
    let (polls, standing) = tally(db, &window, &plan).await?;
    let waiting = standing.waiting_for();
    for one in stand_ins::unasked(db, Some(window.id)).await? {
        if waiting.contains(&one.delegate) && polls.in_place_of(one.delegate).contains(&one.absent) {
            delegates.entry(one.delegate).or_default().push(one);
        }
    }
    Ok((!delegates.is_empty()).then_some(Due { window, plan, delegates }))
}
