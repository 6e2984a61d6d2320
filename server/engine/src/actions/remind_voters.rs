//! Asks those once more whose votes are waited for, as often as the policy says.

use super::audience;
use super::cast_vote::{stand_ins, standing};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::{PersonId, WindowId};
use domain::permission::Permit;
use domain::window::WindowState;
use serde_json::Map;
use sqlx::PgPool;

/// Mails each of them a fresh link, which replaces the one before: once a mail is delivered, the secret in it is nowhere else. The scheduler
/// calls it; a window that moved on meanwhile is left alone.
pub async fn remind_voters(pool: &PgPool, permit: &Permit, window: WindowId) -> Result<()> {
    let permit = permit.clone();
    transaction::run(pool, "remind_voters", move |db| {
        let permit = permit.clone();
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            let (state, _) = ledger.lock_window(window).await?;
            // Another worker was faster, or it was asked about anew meanwhile.
            if state != WindowState::Proposed || !store::runs::reminder_due(ledger.db(), window).await? {
                return Ok(());
            }
            let window = store::windows::load(ledger.db(), window).await?;
            let plan = window.plan()?;
            let mut people = standing(ledger.db(), &window, &plan).await?.waiting_for();
            // Whoever is away, or lets somebody else decide, is not asked again and again; the delegate, if there is one, is waited for too.
            let away = store::absences::now(ledger.db(), &people.iter().copied().collect::<Vec<_>>()).await?;
            // Whose delegate cannot decide any more is asked again.
            let stand_ins = stand_ins(ledger.db(), &window, &plan).await?;
            let givers = store::delegations::givers(ledger.db(), window.id, window.digest).await?;
            let given = |person: &PersonId| givers.contains(person) && stand_ins.iter().any(|one| one.absent == *person);
            people.retain(|person| !away.contains_key(person) && !given(person));
            let fact = NewFact::done("window.remind", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("digest", window.digest.hex())
                .with("asked", people.iter().map(ToString::to_string).collect::<Vec<_>>());
            let fact = ledger.fact(fact).await?;
            for person in &people {
                ledger.replace_links(window.id, *person).await?;
            }
            let payload = Map::from_iter([(audience::REMINDER.to_owned(), true.into())]);
            audience::ask(&mut ledger, &window, &plan, people, payload, fact).await?;
            ledger.reminded(window.id, fact).await
        })
    })
    .await?;
    wake(pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}
