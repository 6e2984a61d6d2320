//! What the server puts off for GIN and BRIN indexes, done now: functions that return a count, which is their proof.

use super::reindex::become_owner;
use super::{Evidence, Tried, blockers, item_table, measure};
use crate::target::fault::StatementError;
use crate::target::link::{Link, amount, field};
use crate::target::session::Session;
use domain::procedure::{Act, WorkItem};
use domain::run::UpkeepState;

/// Pages of a GIN index's pending list; `schema` is where pgstattuple lives.
///
/// # Errors
/// What the server, or the connection, said: a lock, a missing right.
pub async fn pending_pages(link: &Link, schema: &str, index_oid: u32) -> Result<u64, StatementError> {
    let schema = crate::target::quote::identifier(schema).unwrap_or_default();
    let sql = format!(
        "SELECT s.pending_pages::pg_catalog.int8 FROM pg_catalog.pg_class x CROSS JOIN LATERAL {schema}.pgstatginindex(x.oid::pg_catalog.regclass) s WHERE x.oid = $1"
    );
    amount(&link.row(&sql, &[&index_oid]).await?, 0)
}

/// The index by its name, with its pending list where it is a GIN index and can be measured.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn evidence(link: &Link, item: &WorkItem) -> Result<Evidence, StatementError> {
    let name = &item.object.name;
    let rows = link
        .rows(
            "SELECT c.oid, coalesce(pg_catalog.pg_relation_size(c.oid), 0)
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'i'",
            &[&name.schema(), &name.name()],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(Evidence::Upkeep { state: None }) };
    let (oid, bytes) = (field(row, 0)?, amount(row, 1)?);
    let pending_pages = match (item.act, measure::pgstattuple_schema(link).await?) {
        (Act::GinCleanPending, Some(schema)) => Some(pending_pages(link, &schema, oid).await?),
        _ => None,
    };
    Ok(Evidence::Upkeep { state: Some(UpkeepState { bytes, pending_pages }) })
}

/// Calls the function, as the owner where the role only may become it.
///
/// # Errors
/// When a look around the statement fails; what the statement itself said is in [`Tried::Sent`].
pub async fn call(session: &Session, item: &WorkItem, may_begin: &(dyn Fn() -> bool + Send + Sync)) -> Result<Tried, StatementError> {
    let became_owner = become_owner(session, &item.object.name).await?;
    if !may_begin() {
        return Ok(Tried::Withheld);
    }
    let execution = session.ask(&item.statement).await;
    if became_owner && !session.link.is_closed() {
        session.link.execute("RESET ROLE").await?;
    }
    let locked = execution.error.as_ref().is_some_and(StatementError::is_lock);
    let blockers =
        if locked && !session.link.is_closed() { blockers::of_relation(&session.link, item_table(item)).await? } else { Vec::new() };
    Ok(Tried::Sent { execution, blockers })
}
