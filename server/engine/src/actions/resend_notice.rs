//! Sends messages anew that were parked, or that wait for their next try.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::NoticeId;
use domain::permission::{Verb, authorize};

/// Sends one message anew. Refused: what was delivered or dropped cannot be sent again, its link's secret is erased.
pub async fn resend_notice(engine: &Engine, caller: &Caller, notice: NoticeId) -> Result<()> {
    resend(engine, caller, Some(notice)).await.map(drop)
}

/// Sends everything anew that is parked, and says how many that were.
pub async fn resend_parked(engine: &Engine, caller: &Caller) -> Result<u64> {
    resend(engine, caller, None).await
}

async fn resend(engine: &Engine, caller: &Caller, only: Option<NoticeId>) -> Result<u64> {
    let permit = authorize(&caller.actor, Verb::ManageOutbox, None)?;
    let request = caller.request.clone();
    let sent = transaction::run(engine.pool(), "resend_notice", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move { again(&mut Ledger::open(db, &permit, &request), only).await })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(sent)
}

async fn again(ledger: &mut Ledger<'_>, only: Option<NoticeId>) -> Result<u64> {
    let sent = store::outbox::resend(ledger.db(), only).await?;
    if let (0, Some(notice)) = (sent, only) {
        let state = store::outbox::state(ledger.db(), notice).await?.ok_or(Error::NotFound)?;
        return Err(gone(&state).into());
    }
    if sent > 0 {
        let object = only.map_or_else(|| "parked".to_owned(), |notice| notice.to_string());
        ledger.fact(NewFact::done("notice.resend", "notice", object).with("messages", sent)).await?;
    }
    Ok(sent)
}

fn gone(state: &str) -> Refusal {
    let why = match state {
        "sending" => "This message is being sent at this moment.",
        "sent" => "This message was delivered meanwhile.",
        _ => "This message was dropped, because it would mislead by now.",
    };
    Refusal::new("not_resendable", why, "Look at the list again.")
}
