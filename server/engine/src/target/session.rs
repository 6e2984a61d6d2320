//! An executing session: named so that it can be found again, limited by the server's own timers, and asked for every
//! notice it gives.

use super::connect::Dialer;
use super::fault::{ConnectError, StatementError};
use super::identity::{self, Identity};
use super::link::{Link, Notice, field};
use super::report;
use domain::ids::RunId;
use domain::procedure::{Act, Parameters, WorkItem};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The name of a session on the target: `drydock:<run>:<epoch>:<item>:<attempt>`, the run as 32 hex digits. The control
/// session of a run has item 0 and attempt 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionName {
    run: RunId,
    epoch: u64,
    item: u32,
    attempt: u32,
}

/// PostgreSQL cuts application names after this many bytes.
const MOST_BYTES: usize = 63;
const PREFIX: &str = "drydock";
/// The item of the session that lets accounts in when we are gone; far above those of a work list and of a way back.
const GUARD_ITEM: u32 = 30_000;
/// The item of the sessions that shut accounts out and let them in.
const DOOR_ITEM: u32 = 30_001;

/// A session name that does not fit, or is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no session name of at most 63 bytes")]
pub struct BadName(String);

impl SessionName {
    /// Names the session of an attempt; `item` is the ordinal from 1, `attempt` counts from 1.
    ///
    /// # Errors
    /// When the numbers need more than 20 digits together: that many epochs and attempts mean that something spins.
    pub fn new(run: RunId, epoch: u64, item: u32, attempt: u32) -> Result<Self, BadName> {
        let name = Self { run, epoch, item, attempt };
        let text = name.to_string();
        if text.len() > MOST_BYTES { Err(BadName(text)) } else { Ok(name) }
    }
    /// Names the control session, which holds slot 0 of the fence.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn control(run: RunId, epoch: u64) -> Result<Self, BadName> {
        Self::new(run, epoch, 0, 0)
    }
    /// Names the session that lets accounts in when the control session is gone; `number` counts how often the run keeps them out.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn guard(run: RunId, epoch: u64, number: u32) -> Result<Self, BadName> {
        Self::new(run, epoch, GUARD_ITEM, number)
    }
    /// Names a session that shuts accounts out, or lets them in.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn door(run: RunId, epoch: u64) -> Result<Self, BadName> {
        Self::new(run, epoch, DOOR_ITEM, 0)
    }
    /// What every session of a run begins with.
    pub fn prefix(run: RunId) -> String {
        run.session_prefix()
    }
    /// The run it belongs to.
    pub const fn run(&self) -> RunId {
        self.run
    }
    /// The epoch of the lease under which it was opened.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }
    /// The item's ordinal; 0 for the control session.
    pub const fn item(&self) -> u32 {
        self.item
    }
    /// Which attempt.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
    /// Whether it shuts accounts out, or lets them in.
    pub const fn is_door(&self) -> bool {
        self.item == DOOR_ITEM
    }
    /// Whether it waits for the control session to go, and ends by itself soon after that.
    pub const fn is_guard(&self) -> bool {
        self.item == GUARD_ITEM
    }
    /// Whether it is a control session.
    pub const fn is_control(&self) -> bool {
        self.item == 0
    }
}

impl std::fmt::Display for SessionName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}:{}:{}", self.run.session_prefix(), self.epoch, self.item, self.attempt)
    }
}

impl std::str::FromStr for SessionName {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let read = || {
            let mut parts = text.split(':');
            (parts.next()? == PREFIX).then_some(())?;
            let run = parts.next().filter(|run| run.len() == 32)?;
            let name = Self {
                run: RunId(run.parse().ok()?),
                epoch: parts.next()?.parse().ok()?,
                item: parts.next()?.parse().ok()?,
                attempt: parts.next()?.parse().ok()?,
            };
            // One spelling for each name: what the server shows must be what we would write.
            (parts.next().is_none() && name.to_string() == text && text.len() <= MOST_BYTES).then_some(name)
        };
        read().ok_or_else(|| BadName(text.chars().take(80).collect()))
    }
}

impl TryFrom<String> for SessionName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<SessionName> for String {
    fn from(name: SessionName) -> Self {
        name.to_string()
    }
}

/// A server process: the number alone comes again, with the start time it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Backend {
    /// Process id on the server.
    pub pid: i32,
    /// When it started, microseconds since 1970 by the server's clock.
    pub started_us: i64,
}

/// SQL for the start time of `a` (`pg_stat_activity`), as in [`Backend`].
pub(super) const STARTED_US: &str = "(pg_catalog.date_part('epoch', a.backend_start) * 1000000)::pg_catalog.int8";

/// Timers and settings that the server itself enforces, so that they hold when we are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// The longest a statement may run; 0 is no limit and is never used for work, only by the guard that has a timer of its own.
    pub statement_timeout_ms: u64,
    /// The longest it may wait for a lock; 0 inside CONCURRENTLY forms, where a timeout would leave debris.
    pub lock_timeout_ms: u64,
    /// For steps that block others: the server ends the statement soon after our connection dies (PostgreSQL 14 and later).
    pub ends_with_us: bool,
    /// For steps of several statements: limits the transaction too (PostgreSQL 17 and later).
    pub limits_transaction: bool,
    /// Further settings.
    pub settings: Vec<(&'static str, String)>,
}

impl Guards {
    /// For looking: reads only, gives up after 1 s behind a lock and after 60 s of work.
    pub fn reading() -> Self {
        Self {
            statement_timeout_ms: 60_000,
            lock_timeout_ms: 1_000,
            ends_with_us: false,
            limits_transaction: false,
            settings: vec![("default_transaction_read_only", "on".to_owned()), ("search_path", "pg_catalog".to_owned())],
        }
    }
    /// For an act of a work list with `budget_ms` left for its statement. The database's own search path stays: an
    /// expression index may call functions by unqualified names.
    pub fn acting(act: Act, budget_ms: u64, parameters: &Parameters) -> Self {
        let settings = match act {
            Act::Vacuum | Act::VacuumFreeze | Act::Analyze | Act::AnalyzeOnly => vec![
                ("vacuum_cost_limit", parameters.vacuum_cost_limit.to_string()),
                ("vacuum_cost_delay", format!("{}ms", parameters.vacuum_cost_delay_ms)),
                ("max_parallel_maintenance_workers", "0".to_owned()),
            ],
            Act::ReindexConcurrently | Act::DropInvalidIndex | Act::GinCleanPending | Act::BrinSummarize | Act::Apply | Act::ApplyAlone => {
                vec![
                    ("maintenance_work_mem", format!("{}MB", parameters.reindex_work_mem_mib)),
                    ("max_parallel_maintenance_workers", "0".to_owned()),
                ]
            }
        };
        Self {
            statement_timeout_ms: budget_ms.max(1),
            lock_timeout_ms: if act.is_concurrent() { 0 } else { parameters.lock_wait_max_ms },
            // What blocks others ends soon after us.
            ends_with_us: act == Act::Apply,
            limits_transaction: act == Act::Apply,
            settings,
        }
    }

    /// For an item of a work list: like [`Guards::acting`], but a statement of a change that stands alone and blocks others is as polite as
    /// a transaction.
    pub fn of(item: &WorkItem, budget_ms: u64, parameters: &Parameters) -> Self {
        let guards = Self::acting(item.act, budget_ms, parameters);
        if item.script.as_ref().is_some_and(|script| script.is_blocking()) {
            return Self { lock_timeout_ms: parameters.lock_wait_max_ms, ends_with_us: true, ..guards };
        }
        guards
    }

    fn list(&self, major: u16) -> Vec<(&'static str, String)> {
        let mut list = vec![
            ("statement_timeout", self.statement_timeout_ms.to_string()),
            ("lock_timeout", self.lock_timeout_ms.to_string()),
            ("idle_in_transaction_session_timeout", "60000".to_owned()),
        ];
        if self.ends_with_us && major >= 14 {
            list.push(("client_connection_check_interval", "10000".to_owned()));
        }
        if self.limits_transaction && major >= 17 {
            // It ends the whole session, so the statement's own, gentler timer must come first.
            list.push(("transaction_timeout", self.statement_timeout_ms.saturating_add(5_000).to_string()));
        }
        list.extend(self.settings.iter().cloned());
        list
    }
}

/// Applies guards to a connection.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn guard(link: &Link, guards: &Guards, major: u16) -> Result<(), StatementError> {
    let settings: serde_json::Map<String, serde_json::Value> =
        guards.list(major).into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let settings = serde_json::Value::Object(settings).to_string();
    link.rows(
        "SELECT pg_catalog.set_config(s.key, s.value, false) FROM pg_catalog.jsonb_each_text($1::text::pg_catalog.jsonb) s",
        &[&settings],
    )
    .await?;
    Ok(())
}

/// What a statement did: nothing of it may be dropped, a warning can turn success into failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// `None`: the server said yes.
    pub error: Option<StatementError>,
    /// Everything the server said in passing.
    pub notices: Vec<Notice>,
    /// How long it took, by our clock.
    pub elapsed_ms: u64,
    /// The number that a function returned, where one was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<i64>,
}

/// Why a session could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It broke, or the server refused a setting.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

/// A session that executes one item, or controls a run.
#[derive(Debug)]
pub struct Session {
    /// The connection.
    pub link: Link,
    /// Its name on the server.
    pub name: SessionName,
    /// Its process on the server; goes on record before anything is executed.
    pub backend: Backend,
    /// Who the target is, seen in this very session.
    pub identity: Identity,
    /// The server's major version.
    pub major: u16,
}

impl Session {
    /// Connects under `name`, reads identity and process, and applies the guards.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was executed then.
    pub async fn open(dialer: &Dialer, name: SessionName, guards: &Guards) -> Result<Self, OpenError> {
        let link = dialer.connect(&name.to_string()).await?;
        let major = report::major(&link).await?;
        guard(&link, guards, major).await?;
        let identity = identity::observe(&link).await?;
        let backend = backend(&link).await?;
        Ok(Self { link, name, backend, identity, major })
    }

    /// Goes on under another name and with other guards, and looks once more who answers: for the next statements of the same place.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn again(mut self, name: SessionName, guards: &Guards) -> Result<Self, OpenError> {
        // What the last statements of the place were given is not for the next ones.
        self.link.execute("RESET ALL").await?;
        let mut guards = guards.clone();
        guards.settings.push(("application_name", name.to_string()));
        guard(&self.link, &guards, self.major).await?;
        self.identity = identity::observe(&self.link).await?;
        self.name = name;
        Ok(self)
    }

    /// Sends one statement and waits for it. Notices of earlier statements are not part of the result.
    pub async fn execute(&self, statement: &str) -> Execution {
        self.link.take_notices();
        let began = Instant::now();
        let result = self.link.execute(statement).await;
        Execution {
            error: result.err(),
            notices: self.link.take_notices(),
            elapsed_ms: began.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            answer: None,
        }
    }

    /// Sends one statement that returns a number, such as a call of a function.
    pub async fn ask(&self, statement: &str) -> Execution {
        self.link.take_notices();
        let began = Instant::now();
        let result =
            self.link.row(statement, &[]).await.and_then(|row| field::<i64>(&row, 0).or_else(|_| field::<i32>(&row, 0).map(i64::from)));
        let (answer, error) = match result {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(error)),
        };
        Execution {
            error,
            notices: self.link.take_notices(),
            elapsed_ms: began.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            answer,
        }
    }

    /// Applies other guards, such as the time left for the next statement.
    ///
    /// # Errors
    /// What the server, or the connection, said.
    pub async fn guard(&self, guards: &Guards) -> Result<(), StatementError> {
        guard(&self.link, guards, self.major).await
    }
}

/// The process that serves this connection.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn backend(link: &Link) -> Result<Backend, StatementError> {
    let sql = format!("SELECT a.pid, {STARTED_US} FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()");
    let row = link.row(&sql, &[]).await?;
    Ok(Backend { pid: field(&row, 0)?, started_us: field(&row, 1)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_short_enough_and_say_so_when_not() {
        let run = RunId(uuid::Uuid::max());
        let name = SessionName::new(run, 9_999_999_999, 99_999, 99_999).expect("20 digits");
        assert_eq!(name.to_string().len(), MOST_BYTES);
        assert!(SessionName::new(run, 9_999_999_999, 999_999, 99_999).is_err());
        assert!(SessionName::control(run, 1).expect("short").is_control());
    }

    #[test]
    fn strangers_are_not_taken_for_ours() {
        for text in [
            "",
            "psql",
            "drydock",
            "drydock:1:2:3:4",
            "drydock:connection-test",
            "drydock:0123456789abcdef0123456789abcdef:01:1:1",
            "drydock:0123456789abcdef0123456789abcdef:1:1:1:1",
        ] {
            assert!(text.parse::<SessionName>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back(run in any::<u128>(), epoch in 0_u64..99_999_999, item in 0_u32..999_999, attempt in 0_u32..999_999) {
            let name = SessionName::new(RunId(uuid::Uuid::from_u128(run)), epoch, item, attempt).expect("20 digits");
            prop_assert_eq!(name.to_string().parse::<SessionName>(), Ok(name));
            prop_assert!(name.to_string().starts_with(&SessionName::prefix(name.run())));
        }

        #[test]
        fn hostile_names_never_panic(text in ".{0,80}") {
            let _ = text.parse::<SessionName>();
        }
    }
}
