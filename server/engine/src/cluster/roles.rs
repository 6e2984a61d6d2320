//! The service roles of the state database and their passwords.

use std::{io, path::Path};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::secrets::load_or_create_secret;

/// The database roles that processes connect as. No service role owns a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceRole {
    /// Owns the schema; used by `migrate` alone.
    Owner,
    /// The web process.
    Web,
    /// The worker process.
    Worker,
    /// Reads the trail.
    Auditor,
}

impl ServiceRole {
    /// All of them, owner first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Web, Self::Worker, Self::Auditor];

    /// The role's name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "drydock_owner",
            Self::Web => "drydock_web",
            Self::Worker => "drydock_worker",
            Self::Auditor => "drydock_auditor",
        }
    }
}

/// A password for each service role.
#[derive(Debug, Clone)]
pub struct ServiceRoles {
    passwords: [SecretString; 4],
}

impl ServiceRoles {
    /// Read `folder/ROLE.password` (0600), making what is not there.
    pub fn load_or_create(folder: &Path) -> io::Result<Self> {
        let load = |role: ServiceRole| load_or_create_secret(&folder.join(format!("{}.password", role.name())));
        let [owner, web, worker, auditor] = ServiceRole::ALL.map(load);
        Ok(Self { passwords: [owner?, web?, worker?, auditor?] })
    }

    /// The password of one role.
    pub fn password(&self, role: ServiceRole) -> &SecretString {
        &self.passwords[role as usize]
    }
}

pub(super) async fn ensure(superuser: &SecretString, database: &str, roles: &ServiceRoles) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(superuser.expose_secret()).await?;
    for role in ServiceRole::ALL {
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $1)")
            .bind(role.name())
            .fetch_one(&mut connection)
            .await?;
        let verb = if exists { "ALTER" } else { "CREATE" };
        let password = roles.password(role).expose_secret();
        say(
            &mut connection,
            &format!("{verb} ROLE %1$I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %2$L"),
            role.name(),
            password,
        )
        .await?;
    }
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        say(&mut connection, "CREATE DATABASE %1$I OWNER %2$I", database, ServiceRole::Owner.name()).await?;
    }
    say(&mut connection, "REVOKE ALL ON DATABASE %1$I FROM PUBLIC", database, "").await?;
    for role in ServiceRole::ALL {
        say(&mut connection, "GRANT CONNECT ON DATABASE %1$I TO %2$I", database, role.name()).await?;
    }
    connection.close().await
}

/// Run a statement that takes no parameters: the server itself quotes the names and literals into it.
async fn say(connection: &mut PgConnection, template: &str, first: &str, second: &str) -> Result<(), sqlx::Error> {
    let statement: String =
        sqlx::query_scalar("SELECT format($1, $2, $3)").bind(template).bind(first).bind(second).fetch_one(&mut *connection).await?;
    #[expect(clippy::disallowed_methods, reason = "the server quoted every name and literal in it")]
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}
