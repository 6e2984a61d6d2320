//! Takes one's approval of the dates of a series back: for those that have no window yet, and for windows that have not started. It asks for no
//! role in the team: whoever left it would otherwise leave an approval behind.

use super::withdraw_vote::recount;
use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::series_digests;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::permission::{Verb, authorize};
use domain::window::WindowState;

const REASON: &str = "taken back for the whole series by the voter";

/// Takes back whatever the caller approved of this series; gives the numbers of windows that wait for approval again.
///
/// # Errors
/// No vote of the caller's on any of its dates; for whoever sees nothing of its team, there is no such series then.
pub async fn withdraw_series_vote(engine: &Engine, caller: &Caller, id: SeriesId) -> Result<Vec<i64>> {
    let caller = caller.clone();
    let lost = transaction::run(engine.pool(), "withdraw_series_vote", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let of = store::series::lock(db, id).await?.ok_or(Error::NotFound)?;
            let permit = authorize(&caller.actor, Verb::TakeBackVote, None)?;
            let votes = series_digests::own(db, id, caller.actor.person).await?;
            if votes.is_empty() {
                let none = Refusal::new("no_vote", "There is no approval of yours on the dates of this series.", "");
                return Err(hide(&caller.actor, of.team, none));
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let mut lost = Vec::new();
            for own in votes {
                let fact = NewFact::done("series.withdraw_vote", "series", id)
                    .of_team(of.team)
                    .with("digest", own.digest.hex())
                    .with("vote", own.id.to_string())
                    .with("reason", REASON);
                let fact = ledger.fact(fact).await?;
                ledger.withdraw_series_vote(own.id, REASON).await?;
                for window in series_digests::covered(ledger.db(), own.asked, &[WindowState::Proposed, WindowState::Approved]).await? {
                    let (before, _) = ledger.lock_window(window).await?;
                    let window = store::windows::load(ledger.db(), window).await?;
                    // Whoever started or ended it meanwhile was faster.
                    if matches!(before, WindowState::Proposed | WindowState::Approved)
                        && recount(&mut ledger, &window, REASON, fact).await? != before
                    {
                        lost.push(window.number);
                    }
                }
            }
            Ok(lost)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(lost)
}
