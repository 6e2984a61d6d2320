//! The answer of a connection test: everything registration wants to know about a target.

use super::connect::Dialer;
use super::fault::{ConnectError, StatementError};
use super::identity::{self, Identity};
use super::link::{Link, amount, field};
use super::privileges::{self, Excess, Missing, RoleFacts};
use serde::{Deserialize, Serialize};

/// The oldest major version that is accepted.
pub const OLDEST_MAJOR: u16 = 13;
/// Out of support by the PostgreSQL project, still served.
pub const UNSUPPORTED_UP_TO: u16 = 14;
/// The newest major version the procedures were tried on; later ones get read-only procedures.
pub const NEWEST_MAJOR: u16 = 18;

/// An extension installed in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// The schema it lives in.
    pub schema: String,
    /// Its version.
    pub version: String,
}

/// How the connection is protected, as seen from this end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// Encrypted, host name and authority verified.
    pub encrypted: bool,
    /// Signed in with channel binding.
    pub channel_bound: bool,
}

/// Everything a connection test finds out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// As the server calls itself.
    pub server_version: String,
    /// The major version: 13 to 18, or later.
    pub major: u16,
    /// Who it is.
    pub identity: Identity,
    /// A primary; maintenance runs nowhere else.
    pub primary: bool,
    /// How the connection is protected.
    pub tls: TlsFacts,
    /// Who we are there.
    pub role: RoleFacts,
    /// Each missing privilege with its grant.
    pub missing: Vec<Missing>,
    /// Each privilege too many.
    pub excess: Vec<Excess>,
    /// Installed extensions.
    pub extensions: Vec<Extension>,
    /// Whether indexes can be measured exactly.
    pub has_pgstattuple: bool,
    /// Size of the database.
    pub size_bytes: u64,
    /// Sentences worth reading before the first window.
    pub warnings: Vec<String>,
    /// A version newer than the procedures were tried on: only those that read may run.
    pub read_only_procedures_only: bool,
}

impl ConnectionReport {
    /// The same for a database on which changes may be tried on an empty copy: there making databases is no excess, and lacking it is told.
    #[must_use]
    pub fn with_trials(mut self) -> Self {
        let before = self.excess.len();
        self.excess.retain(|excess| excess.privilege != privileges::CREATEDB);
        if self.excess.len() == before && !self.role.superuser {
            let role = super::quote::identifier(&self.role.name).unwrap_or_default();
            self.missing.push(Missing {
                privilege: "CREATEDB".to_owned(),
                needed_for: "trying changes of design on an empty copy, as this registration allows".to_owned(),
                grant: format!("ALTER ROLE {role} CREATEDB;"),
                required: false,
            });
        }
        self
    }
}

/// Connects, and finds out everything a registration needs.
///
/// # Errors
/// [`ConnectError`]; an old version and a transaction pooler count as no connection.
pub async fn examine(dialer: &Dialer) -> Result<ConnectionReport, ConnectError> {
    let link = dialer.connect("drydock:connection-test").await?;
    // First, because a pooler would make everything below unreliable.
    refuse_pooler(dialer, &link).await?;
    let major = major(&link).await.map_err(other)?;
    if major < OLDEST_MAJOR {
        return Err(ConnectError::TooOld { version: link.server_version.clone() });
    }
    describe(&link, major).await.map_err(other)
}

fn other(error: StatementError) -> ConnectError {
    ConnectError::Other { said: error.said }
}

/// The server's major version.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn major(link: &Link) -> Result<u16, StatementError> {
    let row = link.row("SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000", &[]).await?;
    Ok(u16::try_from(field::<i32>(&row, 0)?).unwrap_or(0))
}

/// Two open connections that are served by one backend, or one that changes its backend, mean that a pooler in
/// transaction mode stands between.
async fn refuse_pooler(dialer: &Dialer, link: &Link) -> Result<(), ConnectError> {
    let second = dialer.connect("drydock:connection-test").await?;
    let pid = async |link: &Link| link.simple_value("SELECT pg_catalog.pg_backend_pid()").await.map_err(other);
    let first_pid = pid(link).await?;
    let second_pid = pid(&second).await?;
    if first_pid == second_pid || pid(link).await? != first_pid || pid(&second).await? != second_pid {
        return Err(ConnectError::Pooler { place: dialer.address().place() });
    }
    Ok(())
}

async fn describe(link: &Link, major: u16) -> Result<ConnectionReport, StatementError> {
    let identity = identity::observe(link).await?;
    let extensions = extensions(link).await?;
    let has_pgstattuple = extensions.iter().any(|extension| extension.name == "pgstattuple");
    let audit = privileges::audit(link, major, has_pgstattuple).await?;
    let mut report = ConnectionReport {
        server_version: link.server_version.clone(),
        major,
        primary: !identity.volatile.in_recovery,
        identity,
        tls: TlsFacts { encrypted: link.encrypted, channel_bound: link.channel_bound },
        role: audit.role,
        missing: audit.missing,
        excess: audit.excess,
        extensions,
        has_pgstattuple,
        size_bytes: 0,
        warnings: Vec::new(),
        read_only_procedures_only: major > NEWEST_MAJOR,
    };
    settings(link, &mut report).await?;
    Ok(report)
}

async fn settings(link: &Link, report: &mut ConnectionReport) -> Result<(), StatementError> {
    let row = link
        .row(
            "SELECT pg_catalog.pg_database_size(pg_catalog.current_database()),
                    pg_catalog.current_setting('track_counts')::pg_catalog.bool,
                    pg_catalog.current_setting('autovacuum')::pg_catalog.bool,
                    pg_catalog.inet_server_addr() IS NOT NULL AND NOT pg_catalog.inet_server_addr() << '127.0.0.0/8' AND pg_catalog.inet_server_addr() <> '::1'",
            &[],
        )
        .await?;
    report.size_bytes = amount(&row, 0)?;
    let mut warn = |text: String| report.warnings.push(text);
    if report.major <= UNSUPPORTED_UP_TO {
        warn(format!("PostgreSQL {} gets no more security fixes. Plan the upgrade.", report.major));
    }
    if report.major > NEWEST_MAJOR {
        warn(format!(
            "PostgreSQL {} is newer than the procedures were tried on (up to {NEWEST_MAJOR}): only procedures that read may run.",
            report.major
        ));
    }
    if !report.primary {
        warn("This server is a standby. Maintenance runs on the primary: register that one.".to_owned());
    }
    if !field::<bool>(&row, 1)? {
        warn(
            "track_counts is off: the server counts neither dead nor changed rows, so VACUUM and ANALYZE cannot be chosen by need."
                .to_owned(),
        );
    }
    if !field::<bool>(&row, 2)? {
        warn("autovacuum is off for the whole server: dead rows and transaction ids grow unattended between windows.".to_owned());
    }
    if !report.tls.encrypted && field::<bool>(&row, 3)? {
        warn("The connection is not encrypted. Whoever can listen on the way sees queries and results.".to_owned());
    }
    if report.tls.encrypted && !report.tls.channel_bound {
        warn("The server offered no channel binding at sign-in. Set password_encryption = scram-sha-256, set the password again, and use scram-sha-256 in pg_hba.conf.".to_owned());
    }
    Ok(())
}

async fn extensions(link: &Link) -> Result<Vec<Extension>, StatementError> {
    let rows = link
        .rows(
            "SELECT e.extname::pg_catalog.text, n.nspname::pg_catalog.text, e.extversion
               FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY 1 LIMIT 500",
            &[],
        )
        .await?;
    rows.iter().map(|row| Ok(Extension { name: field(row, 0)?, schema: field(row, 1)?, version: field(row, 2)? })).collect()
}
