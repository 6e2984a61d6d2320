//! The database `shop` of a demo, made on the demo's own cluster.

use crate::clock;
use crate::error::{Error, Result};
use crate::target::quote;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};

/// Name of the database.
pub const DATABASE: &str = "shop";
/// A copy of it on the same server, on which things are tried first.
pub const STAGING: &str = "shop-staging";
/// Names of the invoices' databases on the server.
pub const INVOICES: &str = "invoices";
/// The copy on which is tried.
pub const TRIAL: &str = "invoices_trial";
/// The role Drydock works as there: no superuser, member of the owner of the tables.
pub const MAINTAINER: &str = "drydock_shop";
/// The role that owns the tables.
pub const OWNER: &str = "shop_owner";

/// Settings of the server that the demo's role may change, as the README says to grant it.
const MAY_SET: &str = "log_min_duration_statement, log_lock_waits, track_io_timing, work_mem, idle_in_transaction_session_timeout";

/// Makes the database with its planted faults, and returns the maintainer's password. Takes the cluster superuser's options.
pub async fn create(superuser: &PgConnectOptions) -> Result<SecretString> {
    let password = SecretString::from(hex::encode(clock::random::<16>()));
    let mut admin = superuser.clone().disable_statement_logging().database("postgres").connect().await?;
    // An interrupted start may have left half-filled ones, whose tables belong to the roles.
    for name in [DATABASE, &copied(), INVOICES, TRIAL] {
        run(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    }
    // What it may set belongs to no database, and would keep the role.
    run(&mut admin, format!("DO $$ BEGIN IF to_regrole('{MAINTAINER}') IS NOT NULL THEN DROP OWNED BY {MAINTAINER}; END IF; END $$"))
        .await?;
    for role in [MAINTAINER, OWNER, "shop_app"] {
        run(&mut admin, format!("DROP ROLE IF EXISTS {role}")).await?;
    }
    for role in [OWNER, "shop_app"] {
        run(&mut admin, format!("CREATE ROLE {role} NOLOGIN")).await?;
    }
    let secret = quote::literal(password.expose_secret()).map_err(Error::internal)?;
    run(&mut admin, format!("CREATE ROLE {MAINTAINER} LOGIN CREATEDB PASSWORD {secret} IN ROLE shop_owner, pg_monitor")).await?;
    // Before PostgreSQL 15 only superusers change settings of the server.
    run(
        &mut admin,
        format!(
            "DO $$ BEGIN IF current_setting('server_version_num')::int >= 150000 THEN GRANT ALTER SYSTEM ON PARAMETER {MAY_SET} TO {MAINTAINER}; END IF; END $$"
        ),
    )
    .await?;
    make(&mut admin, DATABASE, "template0 ENCODING 'UTF8'").await?;
    admin.close().await?;
    for part in include_str!("shop.sql").split("\n-- next session") {
        // The rest of the marker's line is a comment of ours.
        let statements = if part.starts_with("-- ") { part } else { part.split_once('\n').map_or("", |(_, rest)| rest) };
        let mut session = superuser.clone().disable_statement_logging().database(DATABASE).connect().await?;
        for statement in statements.split(";\n") {
            let statement: String = statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
            if !statement.trim().is_empty() {
                run(&mut session, statement.replace("{maintainer}", MAINTAINER)).await?;
            }
        }
        session.close().await?;
    }
    Ok(password)
}

/// Copies the database with everything in it, for the same roles.
pub async fn copy(superuser: &PgConnectOptions) -> Result<()> {
    let mut admin = superuser.clone().disable_statement_logging().database("postgres").connect().await?;
    make(&mut admin, &copied(), DATABASE).await?;
    Ok(admin.close().await?)
}

/// The invoices, and their copy.
pub async fn invoices(superuser: &PgConnectOptions) -> Result<()> {
    let mut admin = superuser.clone().disable_statement_logging().database("postgres").connect().await?;
    make(&mut admin, INVOICES, "template0").await?;
    let mut session = superuser.clone().disable_statement_logging().database(INVOICES).connect().await?;
    for statement in INVOICE_TABLES {
        run(&mut session, statement.replace("{maintainer}", MAINTAINER)).await?;
    }
    session.close().await?;
    make(&mut admin, TRIAL, INVOICES).await?;
    Ok(admin.close().await?)
}

/// Most invoices were paid since statistics were taken.
const INVOICE_TABLES: [&str; 7] = [
    "CREATE SCHEMA billing AUTHORIZATION shop_owner",
    "GRANT USAGE ON SCHEMA billing TO {maintainer}",
    "SET ROLE shop_owner",
    "CREATE TABLE billing.invoice (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id bigint NOT NULL, cents integer NOT NULL, paid_at timestamptz) WITH (autovacuum_enabled = false)",
    "INSERT INTO billing.invoice (order_id, cents) SELECT n, 100 + (n * 7919) % 90000 FROM generate_series(1, 30000) n",
    "CREATE INDEX invoice_order_idx ON billing.invoice (order_id)",
    "UPDATE billing.invoice SET paid_at = now() WHERE id % 3 <> 0",
];

/// A database for the roles of the shop, in place of one of its name.
async fn make(admin: &mut PgConnection, name: &str, template: &str) -> Result<()> {
    run(admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    run(admin, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
    run(admin, format!("GRANT CREATE ON DATABASE {name} TO shop_owner")).await?;
    run(admin, format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC")).await?;
    run(admin, format!("GRANT CONNECT, TEMP ON DATABASE {name} TO {MAINTAINER}, shop_app")).await
}

/// Its name on the server, where a hyphen would need quotes.
pub fn copied() -> String {
    STAGING.replace('-', "_")
}

/// The text is this file's and `shop.sql`'s own.
async fn run(db: &mut PgConnection, statement: String) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "our own text; what comes from elsewhere is quoted")]
    db.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}
