//! Asks those who vote in the place of somebody who is away: about every plan that waits, each by a link of their own.

use super::{audience, cast_vote::tally};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::stand_ins::{self, Unasked};
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::{PersonId, WindowId};
use domain::permission::Permit;
use domain::window::WindowState;
use serde_json::Map;
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};

/// Asks the delegates whose turn it is, once for each plan and absence; returns how many. The scheduler calls it; a window that moved on
/// meanwhile is left alone. Delegates who gain no seat by it, because they have one, were asked as everybody; and whoever holds a link to
/// decide on this plan, for a seat of their own or because all were asked anew, decides by that one: no second mail asks for one vote.
pub async fn ask_delegates(pool: &PgPool, permit: &Permit, window: WindowId) -> Result<usize> {
    let permit = permit.clone();
    let asked = transaction::run(pool, "ask_delegates", move |db| {
        let permit = permit.clone();
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            let (state, _) = ledger.lock_window(window).await?;
            if state != WindowState::Proposed {
                return Ok(0);
            }
            let window = store::windows::load(ledger.db(), window).await?;
            let plan = window.plan()?;
            let (polls, standing) = tally(ledger.db(), &window, &plan).await?;
            let waiting = standing.waiting_for();
            let mut due: BTreeMap<PersonId, Vec<Unasked>> = BTreeMap::new();
            for one in stand_ins::unasked(ledger.db(), Some(window.id)).await? {
                if waiting.contains(&one.delegate) && polls.in_place_of(one.delegate).contains(&one.absent) {
                    due.entry(one.delegate).or_default().push(one);
                }
            }
            let mut asked = 0;
            for (delegate, reasons) in &due {
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
