//! Small tables and indexes many at a time: their states are read together, before and after.

use super::{COUNTED_WITHIN, Evidence, ItemResult, LOOK_AGAIN_AFTER, Tried, analyze, find, judge, reindex, vacuum, verdict};
use crate::target::fault::StatementError;
use crate::target::link::{Link, amount};
use crate::target::session::Execution;
use domain::procedure::{Act, Object, Parameters, WorkItem};
use domain::run::Finding;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// The states of the objects of several items of one act, in their order; what is gone has none.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn evidence_of_all(link: &Link, items: &[&WorkItem]) -> Result<Vec<Evidence>, StatementError> {
    if items.first().is_some_and(|item| item.act == Act::ReindexConcurrently) {
        let indexes: Vec<&Object> = items.iter().map(|item| &item.object).collect();
        return reindex::evidence_of_all(link, &indexes).await;
    }
    let is_vacuum = items.first().is_some_and(|item| item.act == Act::Vacuum);
    let (columns, kinds) = if is_vacuum { (vacuum::COLUMNS, "'r', 'm'") } else { (analyze::COLUMNS, "'r', 'm', 'p'") };
    let sql = format!(
        "SELECT u.nth::pg_catalog.int8, {columns}
           FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY AS u (schema, name, nth)
           JOIN pg_catalog.pg_namespace n ON n.nspname = u.schema
           JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = u.name AND c.relkind IN ({kinds})"
    );
    let schemas: Vec<&str> = items.iter().map(|item| item.object.name.schema()).collect();
    let names: Vec<&str> = items.iter().map(|item| item.object.name.name()).collect();
    let mut found = BTreeMap::new();
    for row in link.rows(&sql, &[&schemas, &names]).await? {
        let state = if is_vacuum {
            Evidence::Vacuum { state: Some(vacuum::read(&row, 1)?) }
        } else {
            Evidence::Analyze { state: Some(analyze::read(&row, 1)?) }
        };
        found.insert(amount(&row, 0)?, state);
    }
    let gone = || if is_vacuum { Evidence::Vacuum { state: None } } else { Evidence::Analyze { state: None } };
    Ok((1..).take(items.len()).map(|nth| found.remove(&nth).unwrap_or_else(gone)).collect())
}

/// Judges each item that was tried by its effect, as [`judge`] does for one.
///
/// # Errors
/// When the effects could not be looked at.
pub async fn judge_all(
    link: &Link,
    items: &[&WorkItem],
    before: Vec<Evidence>,
    tried: Vec<Tried>,
    parameters: &Parameters,
) -> Result<Vec<ItemResult>, StatementError> {
    let until = Instant::now() + COUNTED_WITHIN;
    let after = loop {
        let after = evidence_of_all(link, items).await?;
        // An index that was rebuilt is another one at once.
        let uncounted = |((before, after), tried): ((&Evidence, &Evidence), &Tried)| {
            !matches!(after, Evidence::Index { .. }) && counts(tried) && find(before, after) == Finding::NotDone
        };
        if Instant::now() >= until || !before.iter().zip(&after).zip(&tried).any(uncounted) {
            break after;
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    };
    let mut results = Vec::new();
    for (((item, before), after), tried) in items.iter().zip(before).zip(after).zip(tried) {
        results.push(match tried {
            Tried::Sent { execution, blockers } => {
                let verdict = verdict(link, &before, &after, &execution, &blockers, parameters).await;
                ItemResult { verdict, before, after: Some(after), execution: Some(execution), blockers }
            }
            other => judge(link, item, before, other, parameters).await,
        });
    }
    Ok(results)
}

/// Whether the server counts what this did: it said yes, and warned of nothing.
fn counts(tried: &Tried) -> bool {
    let clean = |execution: &Execution| execution.error.is_none() && !execution.notices.iter().any(super::link_warning);
    matches!(tried, Tried::Sent { execution, .. } if clean(execution))
}
