//! The outbox, for administrators.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::{mailbox, outbox};
use crate::transaction;
use domain::ids::NoticeId;
use domain::permission::{Verb, authorize};
use domain::view::mail::{OutboxPage, PAGE_ROWS, Shown};

/// One page of it, of messages older than `before`.
pub async fn list(engine: &Engine, caller: &Caller, shown: Shown, before: Option<NoticeId>) -> Result<OutboxPage> {
    authorize(&caller.actor, Verb::ManageOutbox, None)?;
    transaction::read(engine.pool(), "outbox", move |db| {
        Box::pin(async move {
            let mut rows = outbox::list(db, shown.states(), before, super::one_more(PAGE_ROWS)).await?;
            let next = (rows.len() > PAGE_ROWS).then(|| rows[PAGE_ROWS - 1].id);
            rows.truncate(PAGE_ROWS);
            let (waiting, parked) = outbox::counts(db).await?;
            Ok(OutboxPage { shown, rows, next, waiting, parked, demo: mailbox::is_open(db).await? })
        })
    })
    .await
}
