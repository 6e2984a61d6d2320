//! What somebody was told: their page of messages, and how many are unread.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::store::messages;
use crate::transaction;
use domain::ids::{MessageId, PersonId};
use domain::permission::{Verb, authorize};
use domain::view::messages::{MessagesPage, PAGE_ROWS};

/// One page of the reader's messages, older than `before`.
pub async fn list(engine: &Engine, caller: &Caller, only_unread: bool, before: Option<MessageId>) -> Result<MessagesPage> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    let reader = caller.actor.person;
    transaction::read(engine.pool(), "messages", move |db| {
        Box::pin(async move {
            let mut rows = messages::rows(db, reader, None, only_unread, before, super::one_more(PAGE_ROWS)).await?;
            let next = (rows.len() > PAGE_ROWS).then(|| rows[PAGE_ROWS - 1].id);
            rows.truncate(PAGE_ROWS);
            Ok(MessagesPage { only_unread, rows, next, unread: messages::unread(db, reader, None).await? })
        })
    })
    .await
}

/// How many messages to this person are unread, for the head of every page: without those about the window that it shows, by its number.
pub async fn unread(engine: &Engine, reader: PersonId, looked_at: Option<i64>) -> Result<i64> {
    let mut db = engine.pool().acquire().await?;
    Ok(messages::unread(&mut db, reader, looked_at).await?)
}
