//! Registers a query whose speed matters: timed before and after each window on the database.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::target::probe::check_query;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::canonical;
use domain::decision::{FieldError, FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::people;
use domain::permission::Verb;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As people call it.
    pub name: String,
    /// One SELECT that only reads.
    pub sql: String,
    /// Expected time at most, ms: 1 to 600,000.
    pub limit_ms: String,
}

/// Queries of one database at most: each runs six times before and six times after a window.
const MOST_QUERIES: usize = 20;

/// Registers the query.
///
/// # Errors
/// All wrong fields at once: anything but one SELECT that reads; a name in use; too many queries; no right in that team.
pub async fn add_critical_query(engine: &Engine, caller: &Caller, id: TargetId, input: &Input) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    domain::target::in_use(target.state)?;
    let by = permit.person().ok_or_else(|| Error::internal("a query is registered by a person"))?;
    let (name, sql, limit_ms) = check(input)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "add_critical_query", move |db| {
        let (permit, request, name, sql) = (permit.clone(), request.clone(), name.clone(), sql.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            if store::critical_queries::active(db, id).await?.len() >= MOST_QUERIES {
                return Err(too_many());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            store::critical_queries::insert(ledger.db(), clock::new_id(), id, &name, &sql, limit_ms, by).await?;
            // The text may hold business values; its digest says whether it is the same.
            let digest = canonical::digest("critical_query", sql.as_bytes()).hex();
            let fact = NewFact::done("target.add_query", "target", id).of_team(target.team);
            ledger.fact(fact.with("name", name).with("digest", digest).with("limit_ms", limit_ms)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

fn check(input: &Input) -> Result<(String, String, i32)> {
    let mut form = FormCheck::default();
    let name = form.take(people::label("name", &input.name, 120));
    let sql = people::text("sql", &input.sql, 1, 20_000)
        .and_then(|sql| check_query(&sql).map_err(|refused| FieldError::new("sql", refused.to_string())).map(|()| sql));
    let sql = form.take(sql);
    let limit = input.limit_ms.trim().parse::<i32>().ok().filter(|limit| (1..=600_000).contains(limit));
    let limit =
        form.take(limit.ok_or_else(|| FieldError::new("limit_ms", "A whole number of milliseconds from 1 to 600000, without separators.")));
    Ok(form.finish(name.zip(sql).zip(limit).map(|((name, sql), limit)| (name, sql, limit)))?)
}

fn too_many() -> Error {
    Refusal::new(
        "too_many_queries",
        format!("{MOST_QUERIES} critical queries are registered here, and more would delay every window."),
        "Retire one that matters less.",
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(sql: &str, limit_ms: &str) -> Vec<String> {
        let input = Input { name: "Open orders".into(), sql: sql.into(), limit_ms: limit_ms.into() };
        match check(&input) {
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect(),
            other => other.map(|_| vec![]).expect("fields or nothing"),
        }
    }

    #[test]
    fn only_one_reading_select_is_taken() {
        assert_eq!(wrong("SELECT count(*) FROM orders WHERE open", "500"), Vec::<String>::new());
        for sql in [
            "",
            "DELETE FROM orders",
            "SELECT 1; SELECT 2",
            "SELECT * FROM orders FOR UPDATE",
            "SELECT pg_terminate_backend(1)",
            "SELECT $1",
            "nonsense",
        ] {
            assert_eq!(wrong(sql, "500"), ["sql"], "{sql}");
        }
        for limit in ["", "0", "600001", "1,000", "fast"] {
            assert_eq!(wrong("SELECT 1", limit), ["limit_ms"], "{limit}");
        }
    }
}
