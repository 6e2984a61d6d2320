//! The mailbox of a demo: everybody who is signed in sees every mail, because in a demo one person plays all parts.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::mailbox;
use crate::transaction;
use domain::permission::{Verb, authorize};
use domain::view::mail::{MailPage, MailboxPage, PAGE_ROWS};
use sqlx::PgConnection;

/// Mails to one address, or to all when it is empty, older than `before`. Without a demo there is no mailbox.
pub async fn list(engine: &Engine, caller: &Caller, to: &str, before: Option<i64>) -> Result<MailboxPage> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    let to = to.trim().to_lowercase();
    transaction::read(engine.pool(), "mailbox", move |db| {
        let to = to.clone();
        Box::pin(async move {
            only_in_a_demo(db).await?;
            let mut rows = mailbox::list(db, &to, before, super::one_more(PAGE_ROWS)).await?;
            let next = (rows.len() > PAGE_ROWS).then(|| rows[PAGE_ROWS - 1].id);
            rows.truncate(PAGE_ROWS);
            Ok(MailboxPage { people: mailbox::people(db).await?, to, rows, next })
        })
    })
    .await
}

/// One mail.
pub async fn show(engine: &Engine, caller: &Caller, id: i64) -> Result<MailPage> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    transaction::read(engine.pool(), "mail", move |db| {
        Box::pin(async move {
            only_in_a_demo(db).await?;
            mailbox::one(db, id).await?.ok_or(Error::NotFound)
        })
    })
    .await
}

/// The newest mails whole, for programs that play a demo through.
pub async fn newest(engine: &Engine, caller: &Caller, to: &str) -> Result<Vec<MailPage>> {
    let page = list(engine, caller, to, None).await?;
    let mut mails = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        mails.push(show(engine, caller, row.id).await?);
    }
    Ok(mails)
}

async fn only_in_a_demo(db: &mut PgConnection) -> Result<()> {
    if mailbox::is_open(db).await? { Ok(()) } else { Err(Error::NotFound) }
}
