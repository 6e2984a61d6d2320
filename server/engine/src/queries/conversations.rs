//! What was said about a window, page by page.

use super::scope;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::{store, transaction};
use domain::permission::{Actor, Verb, holds};
use domain::view::windows::conversation::{Conversation, PAGE_ENTRIES};

/// The newest entries, or those before the fact `before`; foreign windows do not exist.
pub async fn show(engine: &Engine, actor: &Actor, number: i64, before: Option<i64>) -> Result<Conversation> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "conversation", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            scope(&actor, window.team)?;
            let most = i64::try_from(PAGE_ENTRIES + 1).map_err(Error::internal)?;
            let mut entries = store::comments::said_before(db, window.id, actor.person, before, most).await?;
            let more = entries.len() > PAGE_ENTRIES;
            entries.truncate(PAGE_ENTRIES);
            let older = entries.last().map(|entry| entry.fact).filter(|_| more);
            entries.reverse();
            Ok(Conversation { entries, older, past: before.is_some(), may_comment: holds(&actor, Verb::Comment, Some(window.team)) })
        })
    })
    .await
}
