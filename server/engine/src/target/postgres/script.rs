//! The parts of a design change: approved text, sent as it is. A transaction tells by its id what became of it, an index by looking at it.

use super::{Evidence, Tried, blockers, old_rows, settings};
use crate::target::fault::StatementError;
use crate::target::link::{Link, field};
use crate::target::session::{Execution, Session};
use domain::change::{IndexScript, NamedIndex, Script, TransactionState};
use domain::procedure::text::duration_ms;
use domain::procedure::{Parameters, WorkItem};
use std::time::Instant;

/// What the server says when it is asked for a transaction that this cluster has not had.
const NEVER_HAD: &str = "22023";

/// The part's script; work items of this kind are made of one.
fn script(item: &WorkItem) -> Result<&Script, StatementError> {
    item.script.as_deref().ok_or_else(|| StatementError::not_understood("a part of a change without its text"))
}

/// What is known of a part before anything of it was sent.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn evidence(link: &Link, item: &WorkItem) -> Result<Evidence, StatementError> {
    let script = script(item)?;
    if let Some(setting) = &script.setting {
        return settings::evidence(link, setting).await;
    }
    if let Some(rule) = &script.old_rows {
        return old_rows::evidence(link, rule).await;
    }
    Ok(match &script.index {
        Some(index) => Evidence::NamedIndex { index: named(link, index).await?, drops: index.drops },
        None if script.alone => Evidence::Untold,
        None => Evidence::Transaction { id: None, state: None },
    })
}

/// The index of this name; names in these statements say their schema, so no search path matters.
async fn named(link: &Link, index: &IndexScript) -> Result<Option<NamedIndex>, StatementError> {
    let rows = link
        .rows(
            "SELECT i.indexrelid, i.indisvalid AND i.indisready AND i.indislive FROM pg_catalog.pg_index i
              WHERE i.indexrelid = pg_catalog.to_regclass($1)::pg_catalog.oid",
            &[&index.name],
        )
        .await?;
    rows.first().map(|row| Ok(NamedIndex { oid: field(row, 0)?, valid: field(row, 1)? })).transpose()
}

/// What became of the transaction that was begun for a part.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn transaction(link: &Link, id: &str) -> Result<Evidence, StatementError> {
    let sql = "SELECT pg_catalog.pg_xact_status($1::pg_catalog.text::pg_catalog.xid8)";
    let state = match link.row(sql, &[&id]).await {
        Ok(row) => TransactionState::of(field::<Option<&str>>(&row, 0)?),
        Err(error) if error.sqlstate == NEVER_HAD => TransactionState::Forgotten,
        Err(error) => return Err(error),
    };
    Ok(Evidence::Transaction { id: Some(id.to_owned()), state: Some(state) })
}

/// Begins the transaction of a part, so that its id is on record before anything of it is sent. Other items are left as they are.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn begin(session: &Session, before: Evidence) -> Result<Evidence, StatementError> {
    if !matches!(before, Evidence::Transaction { .. }) {
        return Ok(before);
    }
    session.link.execute("BEGIN").await?;
    let row = session.link.row("SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text", &[]).await?;
    Ok(Evidence::Transaction { id: Some(field(&row, 0)?), state: None })
}

/// Takes back what was sent of a transaction so far, which may be nothing.
async fn withhold(session: &Session) -> Result<Tried, StatementError> {
    session.link.execute("ROLLBACK").await?;
    Ok(Tried::Withheld)
}

/// Sends a transaction's statements one by one, and commits. The first that fails takes all of them back.
///
/// # Errors
/// When the connection breaks while it is taken back; what a statement said is in [`Tried::Sent`].
pub async fn apply(session: &Session, item: &WorkItem, may_begin: &(dyn Fn() -> bool + Send + Sync)) -> Result<Tried, StatementError> {
    let script = script(item)?;
    let texts = &script.texts;
    if !may_begin() {
        return withhold(session).await;
    }
    session.link.take_notices();
    let began = Instant::now();
    let mut error = None;
    if let Some(becomes) = script.becomes() {
        error = session.link.execute(&becomes).await.err();
    }
    for (text, number) in texts.iter().zip(1..) {
        if error.is_some() {
            break;
        }
        // Between two statements nothing runs that a stop could reach.
        if number > 1 && !may_begin() {
            return withhold(session).await;
        }
        if let Err(said) = session.link.execute(text).await {
            error = Some(numbered(said, number, texts.len()));
        }
    }
    if error.is_none() && !may_begin() {
        return withhold(session).await;
    }
    if error.is_none() {
        error = session.link.execute("COMMIT").await.err();
    } else if !session.link.is_closed() {
        session.link.execute("ROLLBACK").await?;
    }
    Ok(sent(session, began, error))
}

/// What came of several texts that were sent one after the other.
pub(super) fn sent(session: &Session, began: Instant, error: Option<StatementError>) -> Tried {
    let elapsed_ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    let execution = Execution { error, answer: None, notices: session.link.take_notices(), elapsed_ms };
    Tried::Sent { execution, blockers: Vec::new() }
}

fn numbered(error: StatementError, number: usize, of: usize) -> StatementError {
    if of == 1 { error } else { StatementError { said: format!("statement {number} of {of}: {}", error.said), ..error } }
}

/// Sends a statement that stands alone. One about an index waits for older transactions at its end, so these are looked for before.
///
/// # Errors
/// When a look before the statement fails; what the statement itself said is in [`Tried::Sent`].
pub async fn apply_alone(
    session: &Session,
    item: &WorkItem,
    parameters: &Parameters,
    may_begin: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Tried, StatementError> {
    let script = script(item)?;
    if let Some(setting) = &script.setting {
        return settings::apply(session, item, setting, may_begin).await;
    }
    if let Some(rule) = &script.old_rows {
        return old_rows::apply(session, item, rule, parameters, may_begin).await;
    }
    let limit_s = parameters.blocker_max_age_s;
    let mut old = Vec::new();
    if script.index.is_some() {
        old = blockers::old_transactions(&session.link, limit_s, Some(session.name.run())).await?;
        old.extend(blockers::old_prepared(&session.link, limit_s).await?);
    }
    if !old.is_empty() {
        let limit = duration_ms(limit_s.saturating_mul(1000));
        return Ok(Tried::Blocked {
            reason: format!("It would wait for transactions that are open for more than {limit}."),
            blockers: old,
        });
    }
    let [text] = script.texts.as_slice() else { return Err(StatementError::not_understood("a statement on its own that is several")) };
    if !may_begin() {
        return Ok(Tried::Withheld);
    }
    if let Some(becomes) = script.becomes() {
        // The session ends with this statement, and the role with it.
        let execution = session.execute(&becomes).await;
        if execution.error.is_some() {
            return Ok(Tried::Sent { execution, blockers: Vec::new() });
        }
    }
    Ok(Tried::Sent { execution: session.execute(text).await, blockers: Vec::new() })
}
