//! How the server would answer the critical queries (PG-21). It is asked for its plan; nothing is run.

use super::Look;
use crate::target::fault::StatementError;
use crate::target::link::field;
use domain::procedure::Selection;
use domain::procedure::review::plans::{Planned, plans};
use serde_json::Value;

/// All of them. What the server does not plan for our role is a finding, and does not hide the others.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut seen = Vec::with_capacity(look.queries.len());
    for query in look.queries {
        // One statement by the protocol: a second one in the text is refused by the server.
        let sql = format!("EXPLAIN (FORMAT JSON, VERBOSE) {}", query.sql);
        let plan = match look.link.rows(&sql, &[]).await {
            Ok(rows) => match rows.first() {
                Some(row) => Ok(field::<Value>(row, 0)?),
                None => Err("the server gave no plan".to_owned()),
            },
            Err(error) if error.is_disconnect() || error.is_terminated() => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        seen.push(Planned { name: query.name.clone(), sql: query.sql.clone(), plan });
    }
    let (found, kept) = plans(&seen, look.memory);
    kept.into_iter().for_each(|one| look.keep(one));
    Ok(found)
}
