//! REINDEX INDEX CONCURRENTLY and what it may leave behind.

use super::blockers;
use super::{Evidence, Tried};
use crate::target::fault::StatementError;
use crate::target::link::{Link, amount, field};
use crate::target::session::Session;
use domain::procedure::select::DebrisKind;
use domain::procedure::text::duration_ms;
use domain::procedure::{Object, ObjectName, Parameters, WorkItem, quote};
use domain::run::IndexState;
use futures_util::future::{join, join3};
use std::collections::BTreeMap;

/// What the server says of a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";

/// The index by its name (a rebuild gives it another oid), and the invalid indexes of its table.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn evidence(link: &Link, index: &Object) -> Result<Evidence, StatementError> {
    let found = evidence_of_all(link, &[index]).await?.pop();
    found.ok_or_else(|| StatementError::not_understood("an index of which nothing was said"))
}

/// The same of several indexes, in their order.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn evidence_of_all(link: &Link, indexes: &[&Object]) -> Result<Vec<Evidence>, StatementError> {
    let names = |of: &dyn Fn(&Object) -> (String, String)| indexes.iter().map(|index| of(index)).unzip::<_, _, Vec<_>, Vec<_>>();
    let (schemas, own) = names(&|index| (index.name.schema().to_owned(), index.name.name().to_owned()));
    let rows = link
        .rows(
            "SELECT u.nth::pg_catalog.int8, c.oid, i.indisvalid AND i.indisready AND i.indislive, pg_catalog.pg_get_indexdef(c.oid),
                    coalesce(pg_catalog.pg_relation_size(c.oid), 0)
               FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY AS u (schema, name, nth)
               JOIN pg_catalog.pg_namespace n ON n.nspname = u.schema
               JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = u.name JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid",
            &[&schemas, &own],
        )
        .await?;
    let mut found = BTreeMap::new();
    for row in &rows {
        let state = IndexState { oid: field(row, 1)?, valid: field(row, 2)?, definition: field(row, 3)?, bytes: amount(row, 4)? };
        found.insert(amount(row, 0)?, state);
    }
    let table = |index: &Object| index.table.clone().unwrap_or_else(|| index.name.clone());
    let (schemas, tables) = names(&|index| (table(index).schema().to_owned(), table(index).name().to_owned()));
    let rows = link
        .rows(
            "SELECT u.nth::pg_catalog.int8, x.schema, x.name
               FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) WITH ORDINALITY AS u (schema, name, nth)
               CROSS JOIN LATERAL (
                   SELECT n.nspname::pg_catalog.text AS schema, c.relname::pg_catalog.text AS name
                     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                     JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
                    WHERE tn.nspname = u.schema AND t.relname = u.name AND c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready AND i.indislive)
                    ORDER BY 1, 2 LIMIT 100) x
              ORDER BY 1, 2, 3",
            &[&schemas, &tables],
        )
        .await?;
    let mut invalid: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for row in &rows {
        let name = ObjectName::new(field::<String>(row, 1)?, field::<String>(row, 2)?);
        invalid.entry(amount(row, 0)?).or_default().extend(name.ok().map(|name| name.to_string()));
    }
    let of = |nth| Evidence::Index { state: found.remove(&nth), invalid: invalid.remove(&nth).unwrap_or_default() };
    Ok((1..).take(indexes.len()).map(of).collect())
}

/// Whether an index of this name is there and invalid.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn is_debris(link: &Link, index: &ObjectName) -> Result<bool, StatementError> {
    let row = link
        .row(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                             WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready AND i.indislive))",
            &[&index.schema(), &index.name()],
        )
        .await?;
    field(&row, 0)
}

/// Rebuilds an index, unless somebody stands in the way: a lock timeout inside CONCURRENTLY would leave an invalid index,
/// so the way is probed first and the statement itself has none.
///
/// # Errors
/// When a look before the statement fails; what the statement itself said is in [`Tried::Sent`].
pub async fn rebuild(
    session: &Session,
    item: &WorkItem,
    parameters: &Parameters,
    may_begin: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Tried, StatementError> {
    match in_the_way(session, item, parameters).await {
        Ok(None) => super::send(session, item, may_begin).await,
        Ok(Some(blocked)) => Ok(blocked),
        Err(error) if error.sqlstate == UNDEFINED_TABLE => Ok(Tried::NotNeeded { reason: "Its table is gone.".to_owned() }),
        Err(error) => Err(error),
    }
}

/// Drops an invalid index that an interrupted rebuild left. Looks again first: it may be valid, gone, or in the making.
///
/// # Errors
/// As [`rebuild`].
pub async fn drop_debris(
    session: &Session,
    item: &WorkItem,
    parameters: &Parameters,
    may_begin: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Tried, StatementError> {
    let not_needed = |reason: &str| Ok(Tried::NotNeeded { reason: reason.to_owned() });
    // An index that an approved statement left unfinished is known by its oid, whatever its name.
    if DebrisKind::of(item.object.name.name()) == DebrisKind::Owners && item.step != domain::change::STEP {
        return not_needed("Its name is not one that an interrupted rebuild gives; it was not touched.");
    }
    if !is_debris(&session.link, &item.object.name).await? {
        return not_needed("It is gone, or valid.");
    }
    if build_runs(&session.link, &item.object.name).await? {
        return Ok(Tried::Blocked { reason: "An index build works on its table right now.".to_owned(), blockers: Vec::new() });
    }
    if let Some(blocked) = in_the_way(session, item, parameters).await? {
        return Ok(blocked);
    }
    let became_owner = become_owner(session, &item.object.name).await?;
    let tried = super::send(session, item, may_begin).await;
    if became_owner && !session.link.is_closed() {
        session.link.execute("RESET ROLE").await?;
    }
    tried
}

async fn build_runs(link: &Link, index: &ObjectName) -> Result<bool, StatementError> {
    let row = link
        .row(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_index i ON i.indrelid = p.relid
                              JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                             WHERE p.datname = pg_catalog.current_database() AND n.nspname = $1 AND c.relname = $2)",
            &[&index.schema(), &index.name()],
        )
        .await?;
    field(&row, 0)
}

/// MAINTAIN does not cover DROP INDEX: where the role only may become the owner, it does so for this statement.
pub(super) async fn become_owner(session: &Session, index: &ObjectName) -> Result<bool, StatementError> {
    let rows = session
        .link
        .rows(
            "SELECT pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = $1 AND c.relname = $2 AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')",
            &[&index.schema(), &index.name()],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let Ok(owner) = quote::identifier(field(row, 0)?) else { return Ok(false) };
    session.link.execute(&format!("SET ROLE {owner}")).await?;
    Ok(true)
}

/// The probe before a CONCURRENTLY form: old transactions it would wait for, and the lock itself.
async fn in_the_way(session: &Session, item: &WorkItem, parameters: &Parameters) -> Result<Option<Tried>, StatementError> {
    let limit_s = parameters.blocker_max_age_s;
    // Rebuilds of the same run on other tables take their time too: the server lets them wait for each other where they must.
    let (old, prepared) =
        join(blockers::old_transactions(&session.link, limit_s, Some(session.name.run())), blockers::old_prepared(&session.link, limit_s))
            .await;
    let mut old = old?;
    old.extend(prepared?);
    if !old.is_empty() {
        let limit = duration_ms(limit_s.saturating_mul(1000));
        return Ok(Some(Tried::Blocked {
            reason: format!("It would wait for transactions that are open for more than {limit}."),
            blockers: old,
        }));
    }
    let table = super::item_table(item);
    // One way to the server and back for all three, in this order: the lock is held no longer than the server takes for the next of them.
    let lock = format!("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE NOWAIT", table.quoted());
    let (begun, probe, ended) = join3(session.link.execute("BEGIN"), session.link.execute(&lock), session.link.execute("ROLLBACK")).await;
    begun?;
    if !session.link.is_closed() {
        ended?;
    }
    let locked = match probe {
        Ok(_) => return Ok(None),
        Err(error) if error.is_lock() => true,
        // A materialized view cannot be locked by hand: then only the list of locks is asked.
        Err(error) if error.sqlstate == "42809" => false,
        Err(error) => return Err(error),
    };
    let blockers = blockers::of_relation(&session.link, table).await?;
    let blocked = Tried::Blocked { reason: "Somebody else held the lock on its table.".to_owned(), blockers };
    Ok((locked || !matches!(&blocked, Tried::Blocked { blockers, .. } if blockers.is_empty())).then_some(blocked))
}
