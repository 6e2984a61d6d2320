//! What the statements cost (PG-21), by `pg_stat_statements`, and which large tables are read from end to end (PG-10).

use super::{Look, parts};
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::privileges::USER_SCHEMA;
use crate::target::quote::identifier;
use domain::procedure::review::queries::{self, QueryRow, SCANNED_MIN_BYTES, ScanRow, Statements};
use domain::procedure::select::step;
use domain::procedure::{Finding, Object, ObjectKind, ObjectName, Selection, quote};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};
use tokio_postgres::Row;

/// So many of the statements that take most of the time are compared, and so many of those that are called most often.
const MOST_RANKED: i64 = 500;
/// A longer text is not read: whoever sends statements decides how long they are.
const LONGEST_TEXT_BYTES: usize = 16 * 1024;
/// A text longer than this is cut, in characters.
const MOST_TEXT: usize = 300;
/// So many tables that are read from end to end are remembered.
const MOST_TABLES: i64 = 500;

/// Both. What one part cannot see does not hide the other.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(step::QUERY_REVIEW, [statements(look).await, scans(look).await])
}

/// The extension as it is installed: after an upgrade of the server it stays what it was.
struct Extension {
    /// Its schema, quoted.
    schema: String,
    /// Its minor version: 8 for 1.8.
    minor: u32,
    /// How many statements it keeps.
    most: u64,
}

async fn statements(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = "SELECT n.nspname::pg_catalog.text, pg_catalog.current_setting('pg_stat_statements.max', true)::pg_catalog.int8, e.extversion
                 FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'";
    let rows = look.link.rows(sql, &[]).await?;
    let Some(row) = rows.first() else {
        return Ok(cannot_see(
            "What the statements cost is not known: pg_stat_statements is not installed here.",
            "Load it (shared_preload_libraries, needs a restart), then CREATE EXTENSION pg_stat_statements in this database.",
        ));
    };
    let (schema, most) = (identifier(&field::<String>(row, 0)?), field::<Option<i64>>(row, 1)?);
    let (Ok(schema), Some(most)) = (schema, most.and_then(|most| u64::try_from(most).ok())) else {
        return Ok(cannot_see(
            "What the statements cost is not known: pg_stat_statements is installed, and the server has not loaded it.",
            "Add it to shared_preload_libraries, which needs a restart.",
        ));
    };
    let version: String = field(row, 2)?;
    let minor = version.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    // Version 1.8 tells planning and execution apart.
    let Some(minor) = minor.filter(|minor| *minor >= 8) else {
        return Ok(cannot_see(
            "What the statements cost is not known: pg_stat_statements is older than version 1.8 here.",
            "ALTER EXTENSION pg_stat_statements UPDATE, which an upgrade of the server does not do.",
        ));
    };
    let seen = read(look, &Extension { schema, minor, most }).await?;
    let found = queries::statements(&seen, look.memory);
    queries::measurements(&seen).into_iter().for_each(|one| look.keep(one));
    Ok(found)
}

fn cannot_see(sentence: &str, advice: &str) -> Selection {
    Selection { findings: vec![Finding::cannot_see(step::QUERY_REVIEW, sentence, advice)], ..Selection::default() }
}

async fn read(look: &Look<'_>, extension: &Extension) -> Result<Statements, StatementError> {
    let Extension { schema, minor, most } = extension;
    // What it tells of its own count came with version 1.9, when the count of one statement began with version 1.11.
    let (counted, nested) = if *minor >= 9 {
        let sql = format!(
            "SELECT pg_catalog.date_part('epoch', i.stats_reset)::pg_catalog.int8,
                    pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - i.stats_reset)::pg_catalog.int8, i.dealloc FROM {schema}.pg_stat_statements_info i"
        );
        (Some(look.link.row(&sql, &[]).await?), "NOT s.toplevel")
    } else {
        (None, "false")
    };
    let since = if *minor >= 11 { "pg_catalog.date_part('epoch', s.stats_since)::pg_catalog.int8" } else { "NULL::pg_catalog.int8" };
    let of = "s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";
    // Without its number, what a statement is stays hidden from our role.
    let sql = format!(
        "SELECT pg_catalog.count(*) FILTER (WHERE s.queryid IS NULL), pg_catalog.round(coalesce(pg_catalog.sum(s.total_exec_time), 0) * 1000)::pg_catalog.int8
           FROM {schema}.pg_stat_statements(false) s WHERE {of}"
    );
    let whole = look.link.row(&sql, &[]).await?;
    // A text has no limit of its own.
    let sql = format!(
        "SELECT r.queryid, r.userid, coalesce(a.rolname::pg_catalog.text, r.userid::pg_catalog.text), r.nested, r.query, r.calls, r.us, r.blocks, r.min_ns, r.max_ns, r.since,
                r.by_time <= $1
           FROM (SELECT s.queryid, s.userid, {nested} AS nested, CASE WHEN pg_catalog.octet_length(s.query) <= {LONGEST_TEXT_BYTES} THEN s.query END AS query, s.calls,
                        pg_catalog.round(s.total_exec_time * 1000)::pg_catalog.int8 AS us, s.shared_blks_hit + s.shared_blks_read AS blocks,
                        pg_catalog.round(s.min_exec_time * 1000000)::pg_catalog.int8 AS min_ns, pg_catalog.round(s.max_exec_time * 1000000)::pg_catalog.int8 AS max_ns, {since} AS since,
                        pg_catalog.row_number() OVER (ORDER BY s.total_exec_time DESC) AS by_time, pg_catalog.row_number() OVER (ORDER BY s.calls DESC) AS by_calls
                   FROM {schema}.pg_stat_statements s WHERE s.queryid IS NOT NULL AND {of}) r
           LEFT JOIN pg_catalog.pg_roles a ON a.oid = r.userid
          WHERE r.by_time <= $1 OR r.by_calls <= $1 ORDER BY r.by_time"
    );
    let (reset_s, counted_s, forgotten) = match &counted {
        Some(row) => (since_s(row, 0)?.unwrap_or(0), since_s(row, 1)?, Some((amount(row, 2)?, *most))),
        None => (0, None, None),
    };
    let (mut rows, mut by_time, mut least_us) = (Vec::new(), 0, 0);
    for row in look.link.rows(&sql, &[&MOST_RANKED]).await? {
        let total_us = amount(&row, 6)?;
        if field(&row, 11)? {
            (by_time, least_us) = (by_time + 1, total_us);
        }
        rows.push(QueryRow {
            id: field(&row, 0)?,
            role_oid: field(&row, 1)?,
            role: quote::for_people(&field::<String>(&row, 2)?),
            toplevel: !field::<bool>(&row, 3)?,
            text: field::<Option<String>>(&row, 4)?.and_then(|text| without_values(&text)),
            calls: amount(&row, 5)?,
            total_us,
            blocks: amount(&row, 7)?,
            min_ns: amount(&row, 8)?,
            max_ns: amount(&row, 9)?,
            since_s: since_s(&row, 10)?.unwrap_or(reset_s),
        });
    }
    // Where fewer were listed than could have been, these are all.
    let least_us = if by_time < MOST_RANKED { 0 } else { least_us };
    let (hidden, total_us) = (amount(&whole, 0)?, amount(&whole, 1)?);
    Ok(Statements { major: look.major, each_since: *minor >= 11, rows, least_us, total_us, hidden, counted_s, since_s: reset_s, forgotten })
}

/// Seconds, where the server tells them.
fn since_s(row: &Row, at: usize) -> Result<Option<u64>, StatementError> {
    Ok(field::<Option<i64>>(row, at)?.and_then(|s| u64::try_from(s).ok()))
}

/// The text of a statement on one line, with a question mark for every value and without comments. The server leaves values in the text of
/// commands that are no queries, passwords among them, and sometimes in others: those it gives none for, nor for what cannot be read for
/// certain. What a backslash means depends on the session that sent it, so a text with one is not read.
fn without_values(text: &str) -> Option<String> {
    if text.contains('\\') {
        return None;
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).with_unescape(false).tokenize().ok()?;
    let first = tokens.iter().find(|token| !matches!(token, Token::Whitespace(_) | Token::LParen))?;
    let Token::Word(first) = first else { return None };
    let is_query = ["select", "with", "insert", "update", "delete", "merge", "table", "values"]
        .iter()
        .any(|word| first.value.eq_ignore_ascii_case(word));
    if first.quote_style.is_some() || !is_query {
        return None;
    }
    let (mut out, mut chars) = (String::new(), 0);
    let (mut apart, mut after_number) = (false, false);
    for token in &tokens {
        let piece = match token {
            Token::Whitespace(_) => {
                (apart, after_number) = (!out.is_empty(), false);
                continue;
            }
            // The server's own marks; anything else of this form may be the tag of a quotation.
            Token::Placeholder(name) if name == "?" || is_number_mark(name) => name.clone(),
            Token::Placeholder(_) => return None,
            // Numbers of another base, which the reader takes for a number and a name.
            Token::Word(_) if after_number => return None,
            Token::Word(word) if word.quote_style.is_none_or(|quote| quote == '"') => word.to_string(),
            Token::Word(_) => "?".to_owned(),
            token if is_sign(token) => token.to_string(),
            _ => "?".to_owned(),
        };
        after_number = matches!(token, Token::Number(..));
        // Shown is one text, cut at its end; what stands behind the cut is read all the same, for it says whether the text can be read.
        if chars <= MOST_TEXT {
            if apart {
                out.push(' ');
                chars += 1;
            }
            chars += piece.chars().count();
            out.extend(piece.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        apart = false;
    }
    // A comment that the reader took for an operator.
    if out.contains("--") || out.contains("/*") {
        return None;
    }
    let is_cut = chars > MOST_TEXT;
    Some(if is_cut { out.chars().take(MOST_TEXT).chain(['…']).collect() } else { out })
}

/// `$1` and the like.
fn is_number_mark(name: &str) -> bool {
    name.strip_prefix('$').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Whether a token is made of signs only: no letter, no digit and no quotation mark can hide in it.
fn is_sign(token: &Token) -> bool {
    let text = token.to_string();
    !text.is_empty() && text.chars().all(|c| c.is_ascii_punctuation() && !matches!(c, '\'' | '"' | '$'))
}

async fn scans(look: &Look<'_>) -> Result<Selection, StatementError> {
    // A crash makes all counters begin anew: then it shows in those of the whole server only.
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.oid, pg_catalog.pg_stat_get_numscans(c.oid), pg_catalog.pg_stat_get_tuples_returned(c.oid),
                c.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8,
                coalesce(pg_catalog.date_part('epoch', greatest(
                    (SELECT d.stats_reset FROM pg_catalog.pg_stat_database d WHERE d.datname = pg_catalog.current_database()),
                    (SELECT b.stats_reset FROM pg_catalog.pg_stat_bgwriter b))), 0)::pg_catalog.int8
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {USER_SCHEMA}
            AND c.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8 > $2
          ORDER BY pg_catalog.pg_stat_get_tuples_returned(c.oid) DESC NULLS LAST, c.oid LIMIT $1"
    );
    let least = i64::try_from(SCANNED_MIN_BYTES).unwrap_or(i64::MAX);
    let mut rows = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_TABLES, &least]).await? {
        let Ok(table) = ObjectName::new(field::<String>(&row, 0)?, field::<String>(&row, 1)?) else { continue };
        let oid = field(&row, 2)?;
        if !(look.admits)(&Object { kind: ObjectKind::Table, oid, name: table.clone(), table: None }) {
            continue;
        }
        rows.push(ScanRow {
            table,
            oid,
            since_s: amount(&row, 6)?,
            scans: amount(&row, 3)?,
            rows: amount(&row, 4)?,
            bytes: amount(&row, 5)?,
        });
    }
    let found = queries::scans(&rows, look.memory);
    queries::scan_measurements(&rows).into_iter().for_each(|one| look.keep(one));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_keeps_its_names_and_loses_its_values() {
        let of = |text| without_values(text);
        let kept = "SELECT a.\"Odd name\", count(*) FROM shop.orders a WHERE a.id = $1 AND b >= ? GROUP BY a.\"Odd name\"";
        assert_eq!(
            of("SELECT a.\"Odd name\",  count(*)\n FROM shop.orders a -- why\n WHERE a.id = $1 AND b >= 17 GROUP BY a.\"Odd name\"")
                .as_deref(),
            Some(kept)
        );
        assert_eq!(
            of("UPDATE t SET p = 'hunter2', q = E'ab', r = $$x$$, s = B'01', u = U&'d', n = 1.5e3").as_deref(),
            Some("UPDATE t SET p = ?, q = ?, r = ?, s = ?, u = ?, n = ?")
        );
        for hidden in [
            "ALTER ROLE app PASSWORD 'hunter2'",
            "CREATE USER x PASSWORD 'y'",
            "SELECT 'never closed",
            "",
            "\"select\" 1",
            "COPY t FROM 'x'",
        ] {
            assert_eq!(of(hidden), None, "{hidden}");
        }
        assert_eq!(of("SELECT \"a\"\" = $1 OR \"\"b\"").as_deref(), Some("SELECT \"a\"\" = $1 OR \"\"b\""), "one name");
        let long = of(&format!("SELECT {}", "a, ".repeat(400))).expect("a query");
        assert!(long.chars().count() == MOST_TEXT + 1 && long.ends_with('…'));
    }

    proptest! {
        /// Whatever stands in a value does not come through.
        #[test]
        fn no_value_comes_through(value in "[a-z0-9 ;$\"-]{0,20}", quoting in 0_usize..4) {
            let secret = format!("hunter{value}");
            let value = match quoting {
                0 => format!("'{secret}'"),
                1 => format!("E'{secret}'"),
                2 => format!("$tag${secret}$tag$"),
                _ => format!("'it''s {secret}'"),
            };
            let out = without_values(&format!("SELECT * FROM t WHERE a = {value} AND b = 1"));
            prop_assert!(out.as_ref().is_none_or(|out| !out.contains("hunter")), "{:?}", out);
        }
    }
}
