//! Probes: what validation compares with the baseline. Each takes its figures; the domain judges them.

use super::connect::Dialer;
use super::fault::{ConnectError, StatementError};
use super::link::{Link, field};
use super::postgres::{measure, preflight};
use super::report;
use super::session::{Guards, guard};
use domain::procedure::probe::{Connections, QueryTiming};
use serde::{Deserialize, Serialize};
use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use std::time::Instant;

/// How often a critical query runs for its median.
pub const RUNS: u32 = 5;
/// A query that returns more than this is no probe.
pub const MOST_ROWS: usize = 100_000;

/// Why a text is not taken as a critical query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryRefused {
    /// It cannot be read.
    #[error("This cannot be read as PostgreSQL: {0}. Register one plain SELECT.")]
    Unreadable(String),
    /// Not exactly one statement.
    #[error("This is {0} statements. Register one SELECT for each query.")]
    NotOne(usize),
    /// Not a SELECT that only reads.
    #[error("Only a SELECT that reads can be registered: {0}.")]
    NotReading(String),
}

/// Functions that act although they stand in a SELECT of a read-only transaction.
const ACTING: &[&str] = &[
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_switch_wal",
    "pg_promote",
    "pg_notify",
    "set_config",
    "nextval",
    "setval",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_stat_reset",
    "pg_create_restore_point",
    "pg_logical_emit_message",
    "query_to_xml",
    "lo_import",
    "lo_export",
    "pg_stat_statements_reset",
];
const ACTING_PREFIXES: &[&str] = &[
    "pg_advisory_",
    "pg_try_advisory_",
    "dblink",
    "pg_replication_",
    "pg_drop_",
    "pg_create_",
    "pg_backup_",
    "pg_wal_replay_",
    "pg_stat_reset_",
];

/// Checks that a text is exactly one SELECT that only reads. The read-only transaction it later runs in is the second lock
/// on the same door.
///
/// # Errors
/// [`QueryRefused`], a sentence for the person who registers it.
pub fn check_query(sql: &str) -> Result<(), QueryRefused> {
    let dialect = PostgreSqlDialect {};
    let unreadable = |error: &dyn std::fmt::Display| QueryRefused::Unreadable(super::fault::clean(&error.to_string()));
    let statements = Parser::parse_sql(&dialect, sql).map_err(|error| unreadable(&error))?;
    let [statement] = statements.as_slice() else { return Err(QueryRefused::NotOne(statements.len())) };
    let Statement::Query(query) = statement else { return Err(QueryRefused::NotReading("it is another kind of statement".to_owned())) };
    let not_reading = |what: &str| Err(QueryRefused::NotReading(what.to_owned()));
    if !query.locks.is_empty() {
        return not_reading("FOR UPDATE and FOR SHARE lock rows");
    }
    if !reads(&query.body) || query.with.iter().flat_map(|with| &with.cte_tables).any(|cte| !reads(&cte.query.body)) {
        return not_reading("INTO, INSERT, UPDATE and DELETE write, also inside WITH");
    }
    let tokens = Tokenizer::new(&dialect, sql).tokenize().map_err(|error| unreadable(&error))?;
    let words: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let bare = |token: &Token, keywords: &[&str]| matches!(token, Token::Word(word) if word.quote_style.is_none() && keywords.iter().any(|keyword| word.value.eq_ignore_ascii_case(keyword)));
    for pair in words.windows(2) {
        if bare(pair[0], &["for"]) && bare(pair[1], &["update", "share", "no", "key"]) {
            return not_reading("FOR UPDATE and FOR SHARE lock rows");
        }
        if let [Token::Word(word), Token::LParen] = pair {
            let name = word.value.to_lowercase();
            if ACTING.contains(&name.as_str()) || ACTING_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                return not_reading(&format!("the function {name} acts"));
            }
        }
    }
    if words.iter().any(|token| matches!(token, Token::Placeholder(_))) {
        return not_reading("it has placeholders such as $1; write the values");
    }
    if words.iter().any(|token| bare(token, &["into"])) {
        return not_reading("INTO makes a table");
    }
    Ok(())
}

fn reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => true,
        SetExpr::Query(query) => {
            query.locks.is_empty()
                && reads(&query.body)
                && query.with.iter().flat_map(|with| &with.cte_tables).all(|cte| reads(&cte.query.body))
        }
        SetExpr::SetOperation { left, right, .. } => reads(left) && reads(right),
        _ => false,
    }
}

/// Times a critical query: one warm-up, then [`RUNS`] runs, each in a read-only transaction with a timeout. The query finds
/// unqualified names as the role's own sessions do.
///
/// # Errors
/// What the server said; a timeout too.
pub async fn time_query(link: &Link, sql: &str, timeout_ms: u64) -> Result<QueryTiming, StatementError> {
    if let Err(refused) = check_query(sql) {
        return Err(StatementError { sqlstate: "DD002".to_owned(), said: refused.to_string(), detail: None });
    }
    let major = report::major(link).await?;
    let guards = Guards {
        statement_timeout_ms: timeout_ms.max(1),
        limits_transaction: true,
        settings: vec![("default_transaction_read_only", "on".to_owned())],
        ..Guards::reading()
    };
    guard(link, &guards, major).await?;
    // A look with another search path may have gone before on this connection.
    link.execute("RESET search_path").await?;
    let mut times_us = Vec::new();
    for round in 0..=RUNS {
        let took_us = in_read_only(link, async || {
            let began = Instant::now();
            link.drain(sql, MOST_ROWS).await?;
            Ok(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX))
        })
        .await?;
        // The first run warms the caches.
        if round > 0 {
            times_us.push(took_us);
        }
    }
    times_us.sort_unstable();
    Ok(QueryTiming {
        p50_us: times_us[times_us.len() / 2],
        max_us: times_us.last().copied().unwrap_or(0),
        runs: RUNS,
        plan_hash: in_read_only(link, async || plan_hash(link, sql).await).await.ok(),
    })
}

/// A transaction of its own that only reads and is always rolled back: what a function in the query sets or takes goes
/// with it.
async fn in_read_only<T>(link: &Link, work: impl AsyncFnOnce() -> Result<T, StatementError>) -> Result<T, StatementError> {
    link.execute("BEGIN TRANSACTION READ ONLY").await?;
    let result = work().await;
    if !link.is_closed() {
        link.execute("ROLLBACK").await?;
    }
    result
}

/// SHA-256 of the plan without costs, so that only another shape makes another hash.
async fn plan_hash(link: &Link, sql: &str) -> Result<String, StatementError> {
    use sha2::{Digest as _, Sha256};
    let rows = link.rows(&format!("EXPLAIN (COSTS OFF, FORMAT TEXT) {sql}"), &[]).await?;
    let mut hash = Sha256::new();
    for row in &rows {
        hash.update(field::<&str>(row, 0)?.as_bytes());
        hash.update([0]);
    }
    Ok(hex::encode(hash.finalize()))
}

/// How a write was proven to be possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writable {
    /// `Err`: what stood in the way, as part of a sentence.
    pub result: Result<(), String>,
}

/// Connects anew and proves that the database takes writes, leaving nothing behind: a temporary table in a transaction
/// that is rolled back; where the role may make none, a transaction id, which a standby cannot give.
pub async fn writable(dialer: &Dialer) -> Writable {
    Writable { result: try_write(dialer).await }
}

async fn try_write(dialer: &Dialer) -> Result<(), String> {
    let link = dialer.connect("drydock:probe").await.map_err(|error: ConnectError| super::fault::clean(&error.to_string()))?;
    let said = |error: StatementError| error.said;
    let row = link
        .row(
            "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
                    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP')",
            &[],
        )
        .await
        .map_err(said)?;
    if field(&row, 0).map_err(said)? {
        return Err("it is a standby, or still recovering".to_owned());
    }
    if field(&row, 1).map_err(said)? {
        return Err("new transactions are read-only (default_transaction_read_only is on)".to_owned());
    }
    let major = report::major(&link).await.map_err(said)?;
    let guards = Guards {
        statement_timeout_ms: 10_000,
        lock_timeout_ms: 1_000,
        ends_with_us: false,
        limits_transaction: true,
        settings: Vec::new(),
    };
    guard(&link, &guards, major).await.map_err(said)?;
    let statement = if field(&row, 2).map_err(said)? {
        "CREATE TEMPORARY TABLE drydock_probe AS SELECT 1 AS written"
    } else {
        "SELECT pg_catalog.pg_current_xact_id()"
    };
    link.execute("BEGIN").await.map_err(said)?;
    let written = link.execute(statement).await.map(|_| ()).map_err(said);
    link.execute("ROLLBACK").await.map_err(said)?;
    written
}

/// Sessions on the server, ours left out.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn connections(link: &Link) -> Result<Connections, StatementError> {
    preflight::connections(link).await
}

/// Names of invalid indexes, as people write them.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn invalid_indexes(link: &Link) -> Result<Vec<String>, StatementError> {
    let major = report::major(link).await?;
    Ok(measure::debris_rows(link, major).await?.iter().map(|row| row.object.name.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_selects_are_taken() {
        for sql in [
            "SELECT 1",
            "select count(*) from shop.orders where status = 'open';",
            "WITH a AS (SELECT * FROM t) SELECT * FROM a JOIN b USING (id) ORDER BY 1 LIMIT 10",
            "(SELECT 1) UNION ALL (SELECT 2)",
            "SELECT * FROM \"Odd Name\".\"Mixed \"\"Q\"\" Tab\"",
            "SELECT 'delete; drop table x' AS harmless, \"into\" FROM t",
            "VALUES (1), (2)",
        ] {
            assert_eq!(check_query(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        for sql in [
            "",
            "SELECT 1; SELECT 2",
            "DELETE FROM t",
            "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
            "WITH a AS (WITH d AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM d) SELECT * FROM a",
            "SELECT * INTO copy FROM t",
            "SELECT * FROM t FOR UPDATE",
            "SELECT * FROM (SELECT * FROM t FOR SHARE) s",
            "SELECT pg_terminate_backend(1)",
            "SELECT pg_catalog . PG_CANCEL_BACKEND /* x */ (1)",
            "SELECT \"pg_advisory_lock\"(1)",
            "SELECT * FROM dblink('x', 'y')",
            "SELECT nextval('s')",
            "SELECT * FROM t WHERE id = $1",
            "COPY t TO '/tmp/x'",
            "EXPLAIN ANALYZE SELECT 1",
            "SELECT 1 WHERE",
            "TRUNCATE t",
        ] {
            let refused = check_query(sql).expect_err(sql);
            assert!(refused.to_string().contains("SELECT"), "{sql}: {refused}");
        }
    }
}
