//! Marks own messages as read: a mark for nobody but their reader, which the trail does not need. Whoever follows a message, or looks at the
//! window it is about, has read it; that mark is set beside a GET, as the one of the session's last use is.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::messages::{self, Seen};
use crate::transaction;
use domain::ids::MessageId;
use domain::permission::{Verb, authorize};

/// Which is the newest that was on the page: what came since stays unread.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Its identity.
    pub up_to: String,
}

/// Marks all as read that the page could show; gives how many were not.
pub async fn read_all(engine: &Engine, caller: &Caller, input: &Input) -> Result<u64> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    let up_to = input.up_to.trim().parse().map_err(|_| Error::NotFound)?;
    mark(engine, caller, Seen::UpTo(up_to)).await
}

/// Marks one as read, and gives the path of what it is about. Another's is not found.
pub async fn follow_message(engine: &Engine, caller: &Caller, id: MessageId) -> Result<String> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    let reader = caller.actor.person;
    let row = transaction::read(engine.pool(), "follow_message", move |db| {
        Box::pin(async move { messages::rows(db, reader, Some(id), false, None, 1).await?.pop().ok_or(Error::NotFound) })
    })
    .await?;
    if row.unread {
        mark(engine, caller, Seen::One(id)).await?;
    }
    Ok(row.about.path(row.kind))
}

/// Marks as read what tells of a window that its reader looks at.
pub async fn see_window(engine: &Engine, caller: &Caller, number: i64) -> Result<()> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    mark(engine, caller, Seen::Window(number)).await.map(drop)
}

async fn mark(engine: &Engine, caller: &Caller, seen: Seen) -> Result<u64> {
    let reader = caller.actor.person;
    transaction::run(engine.pool(), "read_messages", move |db| Box::pin(async move { Ok(messages::mark_read(db, reader, seen).await?) }))
        .await
}
