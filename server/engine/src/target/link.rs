//! An open connection: the driver's client, the task that moves its bytes, and what the server says in passing.

use super::fault::{StatementError, clean, clean_lines};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::error::{DbError, ErrorPosition};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{AsyncMessage, CancelToken, Client, Connection, Row, Statement};

/// A NOTICE, INFO or WARNING: part of a statement's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `INFO`, `NOTICE`, `WARNING` …, never translated.
    pub severity: String,
    /// Five characters.
    pub sqlstate: String,
    /// What it says; several lines where the server sent several.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
}

impl Notice {
    fn read(from: &DbError) -> Self {
        // `severity` is translated by servers with other lc_messages; the parsed one is not.
        let severity = from.parsed_severity().map_or_else(|| clean(from.severity()), |severity| severity.to_string());
        Self {
            severity,
            sqlstate: from.code().code().to_owned(),
            message: clean_lines(from.message()),
            detail: from.detail().map(clean_lines),
        }
    }
    /// Whether it is a warning or worse.
    pub fn is_warning(&self) -> bool {
        self.severity == "WARNING"
    }
    /// "skipping … lock not available": the statement succeeded and did nothing.
    pub fn is_lock_skip(&self) -> bool {
        self.sqlstate == "55P03"
    }
}

/// No more notices than this are kept for one statement; a hostile server could send them without end.
const MOST_NOTICES: usize = 1_000;

/// Our own queries ask for fewer; this bounds what a hostile server can make us keep.
pub const MOST_ROWS: usize = 20_000;
/// Queries that a connection keeps prepared. A run asks few, again and again.
const MOST_PREPARED: usize = 64;
/// See [`MOST_ROWS`].
pub const MOST_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
struct Notices {
    kept: Vec<Notice>,
    dropped: usize,
}

/// An open connection. Dropping it closes it; a statement that runs then goes on at the server.
pub struct Link {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
    notices: Arc<Mutex<Notices>>,
    /// What the server calls its version, such as `15.18 (Debian …)`.
    pub server_version: String,
    /// Encrypted by TLS.
    pub encrypted: bool,
    /// Signed in with channel binding: no man in the middle, even with a stolen authority.
    pub channel_bound: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("server_version", &self.server_version)
            .field("closed", &self.client.is_closed())
            .finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn start<S, T>(client: Client, mut connection: Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let server_version = connection.parameter("server_version").map(clean).unwrap_or_default();
        let notices = Arc::new(Mutex::new(Notices::default()));
        let sink = Arc::clone(&notices);
        #[expect(clippy::disallowed_methods, reason = "it ends with the connection, and nothing is lost with it")]
        tokio::spawn(async move {
            // Ends when the client is dropped or the connection breaks; either way the client learns it by itself.
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notice(notice) = message {
                    let mut notices = sink.lock().unwrap_or_else(PoisonError::into_inner);
                    if notices.kept.len() < MOST_NOTICES {
                        notices.kept.push(Notice::read(&notice));
                    } else {
                        notices.dropped += 1;
                    }
                }
            }
        });
        Self { client, prepared: Mutex::default(), notices, server_version, encrypted: false, channel_bound: false }
    }

    pub(super) fn over_tls(mut self, channel_bound: bool) -> Self {
        self.encrypted = true;
        self.channel_bound = channel_bound;
        self
    }

    /// The notices since the last call, oldest first.
    pub fn take_notices(&self) -> Vec<Notice> {
        let mut notices = std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner));
        if notices.dropped > 0 {
            let message = format!("{} more messages were not kept", notices.dropped);
            notices.kept.push(Notice { severity: "NOTICE".to_owned(), sqlstate: String::new(), message, detail: None });
        }
        notices.kept
    }

    /// Rows of a query; more than [`MOST_ROWS`] or [`MOST_BYTES`] end it.
    ///
    /// # Errors
    /// What the server, or the connection, said.
    pub async fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StatementError> {
        let statement = self.prepared(sql).await?;
        let mut stream = pin!(self.client.query_raw(&statement, parameters.iter().copied()).await?);
        let mut rows = Vec::new();
        let mut bytes = 0;
        while let Some(row) = stream.next().await {
            let row = row?;
            bytes += row.raw_size_bytes();
            if rows.len() >= MOST_ROWS || bytes > MOST_BYTES {
                return Err(StatementError::too_much());
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The query as the server parsed it. What was asked on this connection before is not parsed again, and costs one way to the server and back
    /// instead of two.
    async fn prepared(&self, sql: &str) -> Result<Statement, StatementError> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if prepared.len() < MOST_PREPARED {
            prepared.insert(sql.to_owned(), statement.clone());
        }
        Ok(statement)
    }

    /// Exactly one row.
    ///
    /// # Errors
    /// As [`Self::rows`], and for any other number of rows.
    pub async fn row(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Row, StatementError> {
        let mut rows = self.rows(sql, parameters).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            _ => Err(StatementError::not_understood("not one row")),
        }
    }

    /// One statement without a result, by the extended protocol: a second one in the same text is refused by the server.
    ///
    /// # Errors
    /// What the server, or the connection, said.
    pub async fn execute(&self, sql: &str) -> Result<u64, StatementError> {
        Ok(self.client.execute_typed(sql, &[]).await?)
    }

    /// The same, and for an error the line of the text at which the server stopped, where it says one.
    ///
    /// # Errors
    /// What the server, or the connection, said.
    pub(super) async fn execute_placed(&self, sql: &str) -> Result<(), (StatementError, Option<u32>)> {
        self.client.execute_typed(sql, &[]).await.map(drop).map_err(|error| placed(error, sql))
    }

    /// Has a statement read by the server: its names and types, and nothing of it is planned or run.
    ///
    /// # Errors
    /// As [`Self::execute_placed`].
    pub(super) async fn read_only(&self, sql: &str) -> Result<(), (StatementError, Option<u32>)> {
        self.client.prepare(sql).await.map(drop).map_err(|error| placed(error, sql))
    }

    /// Runs a query for its duration only: rows are counted, not kept, and more than `most` end it.
    ///
    /// # Errors
    /// What the server, or the connection, said; also when there are too many rows.
    pub async fn drain(&self, sql: &str, most: usize) -> Result<usize, StatementError> {
        let mut rows = pin!(self.client.query_typed_raw(sql, Vec::<(&(dyn ToSql + Sync), Type)>::new()).await?);
        let mut seen = 0;
        while let Some(row) = rows.next().await {
            row?;
            seen += 1;
            if seen > most {
                return Err(StatementError::too_much());
            }
        }
        Ok(seen)
    }

    /// One value as text, by the simple protocol, which prepares nothing.
    ///
    /// # Errors
    /// What the server, or the connection, said.
    pub async fn simple_value(&self, sql: &str) -> Result<Option<String>, StatementError> {
        let messages = self.client.simple_query(sql).await?;
        Ok(messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Whether the connection is known to be over.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// What cancels the statement that runs on this connection.
    pub fn cancel_token(&self) -> CancelToken {
        self.client.cancel_token()
    }
}

/// An error with the line it is about, from 1. The server counts characters, also from 1.
fn placed(error: tokio_postgres::Error, sql: &str) -> (StatementError, Option<u32>) {
    let at = match error.as_db_error().and_then(DbError::position) {
        Some(ErrorPosition::Original(at)) => Some(*at),
        _ => None,
    };
    let line = |at: u32| {
        let before = sql.chars().take(usize::try_from(at).unwrap_or(0).saturating_sub(1));
        u32::try_from(before.filter(|c| *c == '\n').count() + 1).unwrap_or(u32::MAX)
    };
    (error.into(), at.map(line))
}

/// One column of a row. A hostile or unknown server may send another type, or NULL: an error, never a panic.
///
/// # Errors
/// When the column is missing or does not hold a `T`.
pub fn field<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, StatementError> {
    Ok(row.try_get(at)?)
}

/// A count or size the server sends as `int8`: negative ones mean "unknown" there, and count as 0 here.
///
/// # Errors
/// As [`field`].
pub fn amount(row: &Row, at: usize) -> Result<u64, StatementError> {
    Ok(u64::try_from(field::<i64>(row, at)?).unwrap_or(0))
}
