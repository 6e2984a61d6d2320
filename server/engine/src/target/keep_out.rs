//! Accounts kept out of a database: shut, their sessions ended, and let in again.
//!
//! An account is shut for the whole server, and only a session that is signed in already can let it in. So before the first is shut a guard of
//! ours runs on the server itself: a block that looks once a second whether the session that leads the work is still there, and lets everybody in
//! when it is not, or when the time is over. It needs nobody: no worker, no network, no password.

use super::fault::{StatementError, clean};
use super::link::{Link, amount, field};
use super::session::{Backend, Guards, STARTED_US};
use domain::procedure::probe::Colour;
use domain::procedure::quote;
use domain::procedure::text::plural;

/// An account, as far as keeping it out is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// As it was asked for.
    pub name: String,
    /// What the server knows of it; `None` where it knows no such account.
    pub known: Option<Known>,
}

/// An account that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number, which a new name does not change.
    pub oid: u32,
    /// Whether it can sign in now.
    pub can_sign_in: bool,
    /// It is the one that asks.
    pub ours: bool,
    /// The one that asks may shut it and let it in.
    pub may_alter: bool,
    /// The same may end its sessions.
    pub may_end: bool,
    /// The same sees what its sessions do.
    pub may_see: bool,
    /// How many sessions it has in this database.
    pub sessions: u64,
    /// It is a group whose members sign in by themselves.
    pub is_group: bool,
}

impl Account {
    /// Why it cannot be kept out, with the way out; `None` where it can.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let name = domain::people::visible(&quote::for_people(&self.name));
        let Some(known) = &self.known else {
            return Some(format!(
                "There is no account {name} on this server: it cannot be kept out. Propose the window with its right name."
            ));
        };
        if known.ours {
            return Some(format!(
                "{name} is the account that Drydock signs in as: kept out, it could do nothing. Give the application one of its own."
            ));
        }
        let grant = if !known.may_alter {
            "may not change it: give it CREATEROLE, from version 16 on with ADMIN OPTION on this account (of a superuser only a superuser)"
        } else if !known.may_end {
            "may not end its sessions: grant it pg_signal_backend (of a superuser only a superuser)"
        } else if !known.may_see {
            "does not see what its sessions do: grant it pg_monitor"
        } else {
            return None;
        };
        Some(format!("{name} cannot be kept out: the account that Drydock signs in as {grant}."))
    }
}

/// A session `a` (`pg_stat_activity`) in this database that works for somebody: also one that the server began for them, such as a scheduled job.
/// Replication is none, and helpers of a parallel statement end with their leader.
const THEIRS: &str = "a.datname = pg_catalog.current_database() AND a.leader_pid IS NULL AND a.pid <> pg_catalog.pg_backend_pid()
                      AND a.backend_type <> 'walsender' AND a.backend_type NOT LIKE 'logical replication%'";

/// Whether the guard can run: it is a block of PL/pgSQL.
///
/// # Errors
/// What the server, or the connection, said.
async fn can_guard(link: &Link) -> Result<bool, StatementError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_language l WHERE l.lanname = 'plpgsql' AND pg_catalog.has_language_privilege(l.oid, 'USAGE'))";
    field(&link.row(sql, &[]).await?, 0)
}

/// What a look at accounts found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// In the order in which they were asked for.
    pub accounts: Vec<Account>,
    /// Why they cannot be kept out, in sentences; empty where they can.
    pub problems: Vec<String>,
}

impl Looked {
    /// The whole in a sentence: red where they cannot be kept out.
    #[must_use]
    pub fn said(&self) -> (Colour, String) {
        let known = || self.accounts.iter().filter_map(|account| account.known.as_ref().map(|known| (account, known)));
        let names = |of: &dyn Fn(&Known) -> bool| -> String {
            let names = known().filter(|(_, known)| of(known)).map(|(account, _)| quote::for_people(&account.name));
            domain::people::visible(&names.collect::<Vec<_>>().join(", "))
        };
        let (groups, sessions) = (names(&|known| known.is_group), known().map(|(_, known)| known.sessions).sum());
        let sessions = plural(sessions, "session", "sessions");
        if !self.problems.is_empty() {
            return (Colour::Fail, self.problems.join(" "));
        }
        if !groups.is_empty() {
            let sentence = format!(
                "Cannot sign in by itself, and its members are not kept out: {groups}. Of all there: {sessions} in this database now."
            );
            return (Colour::Warn, sentence);
        }
        (Colour::Pass, format!("Can be kept out: {}; {sessions} in this database now.", names(&|_| true)))
    }
}

/// Looks whether these accounts can be kept out. `ours` are those of them that Drydock signs in as on other databases of the server.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn look(link: &Link, major: u16, names: &[String], ours: &[String]) -> Result<Looked, StatementError> {
    let accounts = accounts(link, major, names).await?;
    let mut problems: Vec<String> = accounts.iter().filter_map(Account::problem).collect();
    if !can_guard(link).await? {
        problems.push(
            "Nobody can be kept out here: the guard that lets accounts in when Drydock is gone needs USAGE on the language plpgsql."
                .to_owned(),
        );
    }
    let here =
        |name: &String| accounts.iter().any(|account| account.name == *name && account.known.as_ref().is_some_and(|known| known.ours));
    for name in ours.iter().filter(|name| !here(name)) {
        let name = domain::people::visible(&quote::for_people(name));
        problems.push(format!("{name} is the account that Drydock signs in as on another database of this server: it cannot be kept out."));
    }
    Ok(Looked { accounts, problems })
}

/// Looks at these accounts.
///
/// # Errors
/// What the server, or the connection, said.
async fn accounts(link: &Link, major: u16, names: &[String]) -> Result<Vec<Account>, StatementError> {
    // Before version 16 only a superuser changes an account that may replicate; since then whoever administers it does.
    let admin = if major >= 16 { "AND pg_catalog.pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')" } else { "AND NOT r.rolreplication" };
    let sql = format!(
        "SELECT w.name, r.oid, r.rolcanlogin, r.rolname = SESSION_USER,
                m.rolsuper OR (m.rolcreaterole AND NOT r.rolsuper {admin}),
                m.rolsuper OR (NOT r.rolsuper AND (pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') OR pg_catalog.pg_has_role(r.oid, 'USAGE'))),
                m.rolsuper OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') OR pg_catalog.pg_has_role(r.oid, 'USAGE'),
                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid AND {THEIRS}),
                NOT r.rolcanlogin AND EXISTS (SELECT FROM pg_catalog.pg_auth_members g WHERE g.roleid = r.oid)
           FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY w (name, n)
           LEFT JOIN pg_catalog.pg_roles r ON r.rolname::pg_catalog.text = w.name
           CROSS JOIN (SELECT s.rolsuper, s.rolcreaterole FROM pg_catalog.pg_roles s WHERE s.rolname = SESSION_USER) m
          ORDER BY w.n"
    );
    let rows = link.rows(&sql, &[&names]).await?;
    rows.iter()
        .map(|row| {
            let known = match field::<Option<u32>>(row, 1)? {
                None => None,
                Some(oid) => Some(Known {
                    oid,
                    can_sign_in: field(row, 2)?,
                    ours: field(row, 3)?,
                    may_alter: field(row, 4)?,
                    may_end: field(row, 5)?,
                    may_see: field(row, 6)?,
                    sessions: amount(row, 7)?,
                    is_group: field(row, 8)?,
                }),
            };
            Ok(Account { name: field(row, 0)?, known })
        })
        .collect()
}

/// Who of these can sign in, with the name it has now; those that are gone are left out.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn can_sign_in(link: &Link, oids: &[u32]) -> Result<Vec<(u32, String, bool)>, StatementError> {
    let sql = "SELECT r.oid, r.rolname::pg_catalog.text, r.rolcanlogin FROM pg_catalog.pg_roles r WHERE r.oid = ANY ($1)";
    link.rows(sql, &[&oids]).await?.iter().map(|row| Ok((field(row, 0)?, field(row, 1)?, field(row, 2)?))).collect()
}

/// For the sessions that shut accounts and let them in: short statements that wait for nobody.
pub fn short_statements() -> Guards {
    Guards {
        statement_timeout_ms: 10_000,
        lock_timeout_ms: 2_000,
        ends_with_us: false,
        limits_transaction: false,
        settings: vec![
            ("search_path", "pg_catalog".to_owned()),
            // Whatever the database sets for everybody.
            ("default_transaction_read_only", "off".to_owned()),
            // A standby that is gone keeps nobody out: what it has not heard is put right by what it hears next.
            ("synchronous_commit", "local".to_owned()),
            // A guard whose client is gone ends by the first word it says to it.
            ("client_min_messages", "error".to_owned()),
        ],
    }
}

/// Makes the server end this session within half a minute when its client is cut off without a word.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn ends_when_cut_off(link: &Link) -> Result<(), StatementError> {
    for setting in ["tcp_keepalives_idle = 10", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 3", "tcp_user_timeout = 25000"] {
        link.execute(&format!("SET {setting}")).await?;
    }
    Ok(())
}

/// Shuts the account of this name.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn shut(link: &Link, name: &str) -> Result<(), StatementError> {
    alter(link, name, "NOLOGIN").await
}

/// Lets the account of this name in.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn let_in(link: &Link, name: &str) -> Result<(), StatementError> {
    alter(link, name, "LOGIN").await
}

async fn alter(link: &Link, name: &str, to: &str) -> Result<(), StatementError> {
    let name = quote::identifier(name).map_err(|_| StatementError::not_understood("a name that no account can have"))?;
    link.execute(&format!("ALTER ROLE {name} {to}")).await.map(drop)
}

/// A session of an account that is kept out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// Its process.
    pub backend: Backend,
    /// Its account.
    pub account: String,
    /// What it calls itself, and where it comes from.
    pub whence: String,
    /// `active`, `idle`, `idle in transaction` …
    pub state: String,
    /// How long its transaction has been open, in seconds; 0 without one.
    pub open_s: u64,
}

impl Inside {
    /// Between two transactions: ending it loses nothing.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state == "idle"
    }

    /// For the run's page.
    #[must_use]
    pub fn said(&self) -> String {
        let Self { backend, account, whence, state, open_s } = self;
        let doing = match state.as_str() {
            "idle" => "idle".to_owned(),
            "disabled" | "unknown" => "does not show what it does".to_owned(),
            state => format!("{state}, transaction open for {}", plural(*open_s, "second", "seconds")),
        };
        format!("{account} (process {}{whence}), {doing}", backend.pid)
    }
}

/// Most sessions that are named one by one.
const MOST_NAMED: i64 = 1_000;

/// Sessions of these accounts in this database. Replication and the server's own processes are none.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn inside(link: &Link, oids: &[u32]) -> Result<Vec<Inside>, StatementError> {
    let sql = format!(
        "SELECT a.pid, coalesce({STARTED_US}, 0), a.usename::pg_catalog.text, coalesce(a.application_name, ''), coalesce(pg_catalog.host(a.client_addr), ''), coalesce(a.state, 'unknown'),
                coalesce(greatest(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start), 0), 0)::pg_catalog.int8
           FROM pg_catalog.pg_stat_activity a
          WHERE a.usesysid = ANY ($1) AND {THEIRS}
          ORDER BY a.xact_start NULLS LAST, a.pid LIMIT $2"
    );
    let rows = link.rows(&sql, &[&oids, &MOST_NAMED]).await?;
    rows.iter()
        .map(|row| {
            let (program, host) = (clean(field(row, 3)?), clean(field(row, 4)?));
            let mut whence = String::new();
            if !program.is_empty() {
                whence.push_str(&format!(", {program}"));
            }
            if !host.is_empty() {
                whence.push_str(&format!(" from {host}"));
            }
            Ok(Inside {
                backend: Backend { pid: field(row, 0)?, started_us: field(row, 1)? },
                account: clean(field(row, 2)?),
                whence,
                state: clean(field(row, 5)?),
                open_s: amount(row, 6)?,
            })
        })
        .collect()
}

/// Tells these processes to end, those of them that still are what they were; `idle_only` spares whoever has begun something meanwhile. Says how
/// many were told.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn end(link: &Link, sessions: &[&Inside], idle_only: bool) -> Result<u64, StatementError> {
    let pids: Vec<i32> = sessions.iter().map(|session| session.backend.pid).collect();
    let began: Vec<i64> = sessions.iter().map(|session| session.backend.started_us).collect();
    let and = if idle_only { "AND a.state = 'idle'" } else { "" };
    let sql = format!(
        "SELECT pg_catalog.count(*) FROM (
            SELECT pg_catalog.pg_terminate_backend(a.pid) AS told FROM pg_catalog.pg_stat_activity a
              JOIN ROWS FROM (pg_catalog.unnest($1::pg_catalog.int4[]), pg_catalog.unnest($2::pg_catalog.int8[])) s (pid, started) ON s.pid = a.pid AND s.started = {STARTED_US}
             WHERE true {and}) ended WHERE ended.told"
    );
    amount(&link.row(&sql, &[&pids, &began]).await?, 0)
}

/// How often the guard looks, and how often it tries to let everybody in before it gives up, one try a second.
const TRIES: u32 = 120;

/// For the guard's own session: it goes on when we are gone, and no timer but its own ends it.
pub fn guard_session() -> Guards {
    Guards { statement_timeout_ms: 0, ..short_statements() }
}

/// What ends with the client on the side of newer servers, the guard does not.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn outlives_us(link: &Link, major: u16) -> Result<(), StatementError> {
    if major >= 14 {
        link.execute("SET client_connection_check_interval = 0").await?;
    }
    Ok(())
}

/// The guard: waits until `leader` is gone or `within_s` are over, and lets these accounts in. It commits after each look, so that it holds no
/// snapshot; one that cannot be let in keeps out no other one.
pub fn guard(leader: Backend, oids: &[u32], within_s: u64) -> String {
    let Backend { pid, started_us } = leader;
    let oids = oids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    format!(
        "DO $drydock$
DECLARE
  over timestamptz := pg_catalog.clock_timestamp() + {within_s} * interval '1 second';
  account text;
  shut boolean;
BEGIN
  WHILE pg_catalog.clock_timestamp() < over
    AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = {pid} AND {STARTED_US} = {started_us}) LOOP
    PERFORM pg_catalog.pg_sleep(1);
    COMMIT;
  END LOOP;
  FOR try IN 1..{TRIES} LOOP
    shut := false;
    FOR account IN SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.oid = ANY ('{{{oids}}}'::pg_catalog.oid[]) AND NOT r.rolcanlogin LOOP
      BEGIN
        EXECUTE pg_catalog.format('ALTER ROLE %I LOGIN', account);
      EXCEPTION WHEN OTHERS THEN
        shut := true;
      END;
    END LOOP;
    COMMIT;
    IF NOT shut THEN
      RETURN;
    END IF;
    PERFORM pg_catalog.pg_sleep(1);
  END LOOP;
END
$drydock$"
    )
}
