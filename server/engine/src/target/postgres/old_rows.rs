//! Old rows: counted, and deleted or moved in batches, each a transaction of its own that is taken back unless every row arrived.

use super::{Evidence, Tried, preflight};
use crate::target::fault::StatementError;
use crate::target::link::{Link, field};
use crate::target::session::{Execution, Session};
use domain::change::old_rows::{BATCH_ROWS, WITHOUT_INDEX_MOST_BYTES};
use domain::change::{OldRows, OldRowsState};
use domain::procedure::text::size;
use domain::procedure::{Parameters, WorkItem};
use domain::run::{load, replica};
use std::time::{Duration, Instant};

/// What was seen of standbys and load counts for a moment: batches begin many times a second.
const PACED_EVERY: Duration = Duration::from_secs(1);

/// What is recorded of old rows before and after; without a state where the table or the column is gone.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn evidence(link: &Link, rule: &OldRows) -> Result<Evidence, StatementError> {
    let moves = rule.to.is_some();
    let sql = "SELECT FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = pg_catalog.to_regclass($1)::pg_catalog.oid AND a.attname = $2 AND NOT a.attisdropped";
    if link.rows(sql, &[&rule.table.quoted(), &rule.column]).await?.is_empty() {
        return Ok(Evidence::OldRows { state: None, moves });
    }
    // What is refused may be what cannot be counted, or not in a reasonable time.
    let left_rows = if refused(link, rule).await?.is_none() { left(link, rule).await? } else { None };
    Ok(Evidence::OldRows { state: Some(OldRowsState { left_rows }), moves })
}

/// How many are left; `None` where the server did not say so in time.
async fn left(link: &Link, rule: &OldRows) -> Result<Option<u64>, StatementError> {
    match link.row(&rule.counts(), &[]).await {
        Ok(row) => Ok(Some(field::<i64>(&row, 0)?.unsigned_abs())),
        Err(error) if error.is_disconnect() || error.is_terminated() => Err(error),
        Err(_) => Ok(None),
    }
}

/// What of a table, and of the one rows are moved to, speaks against a rule. Each column is true, or names something, where it does.
const LOOK: &str = "
    WITH t AS (SELECT * FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)::pg_catalog.oid),
         o AS (SELECT * FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($3)::pg_catalog.oid),
         c AS (SELECT a.* FROM pg_catalog.pg_attribute a JOIN t ON a.attrelid = t.oid WHERE a.attname = $2 AND NOT a.attisdropped),
         columns AS (SELECT a.attrelid, pg_catalog.array_agg((a.attname, a.atttypid, a.atttypmod)::pg_catalog.text ORDER BY a.attnum) AS list,
                            pg_catalog.bool_or(a.attgenerated <> '') AS generated
                       FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM t UNION ALL SELECT oid FROM o)
                      GROUP BY a.attrelid)
    SELECT coalesce((SELECT relkind::pg_catalog.text FROM t), ''),
           (SELECT pg_catalog.format_type(atttypid, NULL) FROM c),
           coalesce((SELECT atttypid IN ('date'::pg_catalog.regtype, 'timestamp'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype) FROM c), false),
           coalesce((SELECT pg_catalog.has_table_privilege(oid, 'SELECT') AND pg_catalog.has_table_privilege(oid, 'UPDATE') AND pg_catalog.has_table_privilege(oid, 'DELETE') FROM t), false),
           coalesce((SELECT pg_catalog.row_security_active(oid) FROM t), false),
           (SELECT f.conrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_constraint f JOIN t ON f.confrelid = t.oid
             WHERE f.contype = 'f' AND f.confdeltype IN ('c', 'n', 'd') ORDER BY f.conname LIMIT 1),
           EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = (SELECT oid FROM t) AND r.ev_type = '4')
             OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = (SELECT oid FROM o) AND r.ev_type = '3'),
           coalesce((SELECT pg_catalog.pg_relation_size(oid) FROM t), 0),
           EXISTS (SELECT FROM pg_catalog.pg_index i JOIN c ON i.indrelid = c.attrelid AND i.indkey[0] = c.attnum
                      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam
                    WHERE i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'),
           coalesce((SELECT relkind::pg_catalog.text FROM o), ''),
           coalesce((SELECT pg_catalog.has_table_privilege(oid, 'INSERT') FROM o), false),
           coalesce((SELECT t.relpersistence = 'p' AND (o.relpersistence <> 'p' OR EXISTS (
                SELECT FROM pg_catalog.pg_partition_tree(o.oid) p JOIN pg_catalog.pg_class l ON l.oid = p.relid WHERE l.relpersistence <> 'p' OR l.relkind = 'f')) FROM o, t), false),
           coalesce((SELECT a.list = b.list AND NOT b.generated FROM columns a, columns b, t, o WHERE a.attrelid = t.oid AND b.attrelid = o.oid), false),
           EXISTS (SELECT FROM pg_catalog.pg_inherits h JOIN t ON h.inhparent = t.oid),
           EXISTS (SELECT FROM o, t WHERE o.oid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(t.oid))
                OR EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE (h.inhrelid, h.inhparent) IN ((t.oid, o.oid), (o.oid, t.oid))))";

/// Why a rule is not carried out; `None` where it may be.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn refused(link: &Link, rule: &OldRows) -> Result<Option<String>, StatementError> {
    let (table, to) = (&rule.table, rule.to.as_ref());
    let row = link.row(LOOK, &[&table.quoted(), &rule.column, &to.map(domain::procedure::ObjectName::quoted)]).await?;
    let (kind, typed): (String, Option<String>) = (field(&row, 0)?, field(&row, 1)?);
    let (timed, may, hidden): (bool, bool, bool) = (field(&row, 2)?, field(&row, 3)?, field(&row, 4)?);
    let (follows, ruled): (Option<String>, bool) = (field(&row, 5)?, field(&row, 6)?);
    let (size_bytes, indexed): (i64, bool) = (field(&row, 7)?, field(&row, 8)?);
    let (to_kind, to_may, to_fleeting, to_alike): (String, bool, bool, bool) =
        (field(&row, 9)?, field(&row, 10)?, field(&row, 11)?, field(&row, 12)?);
    let (has_heirs, related): (bool, bool) = (field(&row, 13)?, field(&row, 14)?);
    Ok(match (kind.as_str(), typed) {
        ("", _) => Some(format!("there is no table {table}")),
        ("p", _) => Some(format!("{table} is partitioned: name one of its partitions, or drop a whole one by a change of design")),
        ("r", None) => Some(format!("{table} has no column {}", rule.column)),
        ("r", Some(typed)) if !timed => Some(format!("{} is of the type {typed}, which does not say how old a row is", rule.column)),
        ("r", Some(_)) if !may => Some(format!(
            "the role may not work on {table}: its owner runs GRANT SELECT, UPDATE, DELETE ON {} TO the role (UPDATE is what locking a row needs)",
            table.quoted()
        )),
        ("r", Some(_)) if hidden => {
            Some(format!("row security hides rows of {table} from the role, so that nobody could say what is left"))
        }
        ("r", Some(_)) if has_heirs => Some(format!("other tables inherit from {table}, and their rows would stay: name each of them")),
        ("r", Some(_)) if related => {
            Some(format!("{table} is a part of the table its rows are to be moved to, so that they would come back"))
        }
        ("r", Some(_)) if ruled => Some("a rule (CREATE RULE) changes what becomes of the rows".to_owned()),
        ("r", Some(_)) => match (follows, to, to_kind.as_str()) {
            (Some(other), ..) => Some(format!("rows of {other} would be deleted or changed with those of {table}, by its foreign key")),
            (None, ..) if !indexed && size_bytes.unsigned_abs() > WITHOUT_INDEX_MOST_BYTES => Some(format!(
                "{table} has {} and no index that begins with {}, so that each batch would read all of it: create one first",
                size(size_bytes.unsigned_abs()),
                rule.column
            )),
            (None, Some(to), "") => Some(format!("there is no table {to}: create it with the columns of {table}, by a change of design")),
            (None, Some(to), "r" | "p") if !to_may => {
                Some(format!("the role may not write to {to}: its owner runs GRANT INSERT ON {} TO the role", to.quoted()))
            }
            (None, Some(to), "r" | "p") if to_fleeting => Some(format!(
                "{to} is unlogged or lies elsewhere, at least in part: after a crash of the server its rows would be gone, or there twice"
            )),
            (None, Some(to), "r" | "p") if !to_alike => {
                Some(format!("{to} has not the same columns in the same order as {table}, with the same types and none of them generated"))
            }
            (None, Some(to), kind) if kind != "r" && kind != "p" => Some(format!("{to} is no table")),
            _ => None,
        },
        _ => Some(format!("{table} is no ordinary table")),
    })
}

/// The triggers of users that a rule sets off, by name: what they do nobody can tell.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn triggers(link: &Link, rule: &OldRows) -> Result<Vec<String>, StatementError> {
    // Bits of tgtype: 4 is INSERT, 8 is DELETE.
    let sql = "SELECT g.tgname::pg_catalog.text FROM pg_catalog.pg_trigger g
                WHERE NOT g.tgisinternal AND g.tgenabled <> 'D'
                  AND ((g.tgrelid = pg_catalog.to_regclass($1)::pg_catalog.oid AND g.tgtype & 8 <> 0)
                    OR (g.tgrelid = pg_catalog.to_regclass($2)::pg_catalog.oid AND g.tgtype & 4 <> 0))
                ORDER BY g.tgname LIMIT 10";
    let to = rule.to.as_ref().map(domain::procedure::ObjectName::quoted);
    link.rows(sql, &[&rule.table.quoted(), &to]).await?.iter().map(|row| field(row, 0)).collect()
}

/// Sends batches until one is not full any more, or nothing more may begin.
///
/// # Errors
/// When a look before the first batch fails; what the batches said is in [`Tried::Sent`].
pub async fn apply(
    session: &Session,
    item: &WorkItem,
    rule: &OldRows,
    parameters: &Parameters,
    may_begin: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Tried, StatementError> {
    let texts = item.script.as_deref().map(|script| script.texts.as_slice()).unwrap_or_default();
    let [lock, text] = texts else { return Err(StatementError::not_understood("a batch that is not a lock and a statement")) };
    let link = &session.link;
    let limit = link.row("SELECT setting::pg_catalog.int8 FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'", &[]).await?;
    let limit = Duration::from_millis(field::<i64>(&limit, 0)?.unsigned_abs());
    link.take_notices();
    let began = Instant::now();
    let (mut gone_rows, mut longest, mut paced) = (0_u64, Duration::ZERO, None);
    // Before a lock is asked for, too: what is not there cannot be locked, and its absence has better words.
    if let Some(why) = refused(link, rule).await? {
        let execution = Execution { error: Some(StatementError::refused_here(&why)), notices: Vec::new(), elapsed_ms: 0, answer: None };
        return Ok(Tried::Sent { execution, blockers: Vec::new() });
    }
    let error = loop {
        // The last batch ends in time, too.
        let in_time = || began.elapsed() + longest * 2 < limit;
        // What went is on record whatever happens now: nothing leaves this loop but what was said, and how many rows went.
        if let Err(said) = pace(link, parameters, &mut paced, &|| may_begin() && in_time()).await {
            break Some(said);
        }
        let may = may_begin();
        if !may && gone_rows == 0 {
            return Ok(Tried::Withheld);
        }
        if !may || !in_time() {
            break Some(StatementError::ended_here("a stop, or the end of its time, came between two batches"));
        }
        let one = Instant::now();
        match batch(link, rule, lock, text).await {
            Ok((chosen, gone)) => {
                gone_rows += gone;
                if chosen < BATCH_ROWS {
                    break None;
                }
                if gone == 0 {
                    let why = "none of the oldest rows can be deleted: a trigger, or something like it, keeps them";
                    break Some(StatementError::refused_here(why));
                }
            }
            Err(said) => {
                if let (false, Err(error)) = (link.is_closed(), link.execute("ROLLBACK").await) {
                    tracing::warn!(session = %session.name, %error, "a batch is taken back by the end of its session");
                }
                break Some(said);
            }
        }
        longest = longest.max(one.elapsed());
    };
    let elapsed_ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    let answer = i64::try_from(gone_rows).ok();
    Ok(Tried::Sent { execution: Execution { error, notices: link.take_notices(), elapsed_ms, answer }, blockers: Vec::new() })
}

/// One batch: both tables are kept as they are, looked at, and worked on. Gives how many rows were chosen, and how many went.
async fn batch(link: &Link, rule: &OldRows, lock: &str, text: &str) -> Result<(u64, u64), StatementError> {
    link.execute("BEGIN").await?;
    link.execute(lock).await?;
    if let Some(why) = refused(link, rule).await? {
        return Err(StatementError::refused_here(&why));
    }
    let row = link.row(text, &[]).await?;
    let (chosen, gone, arrived): (i64, i64, i64) = (field(&row, 0)?, field(&row, 1)?, field(&row, 2)?);
    if gone != arrived {
        return Err(StatementError::refused_here(&format!("of {gone} rows only {arrived} arrived in the other table")));
    }
    link.execute("COMMIT").await?;
    Ok((chosen.unsigned_abs(), gone.unsigned_abs()))
}

/// Waits while a standby is behind, or the server has too much to do for others, for as long as something may begin at all.
async fn pace(
    link: &Link,
    parameters: &Parameters,
    seen: &mut Option<Instant>,
    may_begin: &(dyn Fn() -> bool + Send + Sync),
) -> Result<(), StatementError> {
    while may_begin() && seen.is_none_or(|seen| seen.elapsed() >= PACED_EVERY) {
        let behind = replica::pause(&preflight::replica_lag(link).await?, parameters);
        let busy = load::pause(preflight::active_sessions(link).await?.active, parameters);
        *seen = Some(Instant::now());
        if behind.is_none() && busy.is_none() {
            break;
        }
        tokio::time::sleep(PACED_EVERY).await;
    }
    Ok(())
}
