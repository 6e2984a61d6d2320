//! Bringing the schema up to date, and refusing to work on one that is newer than this program.

mod grants;

use crate::error::{Error, Result};
use domain::approval::Policy;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, PgPool};

/// Who gets the rights of the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Pages and actions.
    pub web: Grantee,
    /// Runs, probes, messages, seals.
    pub worker: Grantee,
    /// Read-only reviews.
    pub auditor: Grantee,
}

/// The database roles that one service connects as. The owner among them needs no grant: it may do everything, held by guard triggers alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grantee {
    /// Must exist: the settings name it.
    pub named: String,
    /// Gets the rights too where it exists: the role by its usual name, for a process whose connection URL is known to it alone.
    pub usual: Option<String>,
}

impl From<&str> for Grantee {
    fn from(name: &str) -> Self {
        Self { named: name.to_owned(), usual: None }
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self { web: "drydock_web".into(), worker: "drydock_worker".into(), auditor: "drydock_auditor".into() }
    }
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.dangerous_set_table_name("drydock.schema_version");
    migrator.create_schema("drydock");
    migrator
}

/// Applies what is missing and grants the rights of the services. Takes an owner's connection.
///
/// # Errors
/// A newer schema than this program knows is refused: an old program must not touch it. So is a role that was named and does not exist.
pub async fn migrate(owner: &PgConnectOptions, roles: &Roles) -> Result<()> {
    let mut db = owner.clone().connect().await?;
    refuse_newer(&mut db).await?;
    migrator().run(&mut db).await.map_err(|error| Error::internal(format!("migration failed: {error}")))?;
    add_fact_months(&mut db, 24).await?;
    let [web, worker, auditor] =
        [found(&mut db, &roles.web).await?, found(&mut db, &roles.worker).await?, found(&mut db, &roles.auditor).await?];
    let grants = grants::for_roles(include_str!("../../../migrations/grants.sql"), &web, &worker, &auditor);
    #[expect(clippy::disallowed_methods, reason = "our own text, and names that are quoted")]
    db.execute(AssertSqlSafe(grants)).await?;
    install_policies(&mut db).await
}

/// The roles of a service that need grants: all that exist but the owner, who would lose rights by them.
async fn found(db: &mut PgConnection, grantee: &Grantee) -> Result<Vec<String>> {
    let wanted: Vec<String> = std::iter::once(&grantee.named).chain(&grantee.usual).cloned().collect();
    let rows = sqlx::query!(
        r#"SELECT r.rolname::text AS "name!", (r.rolname = current_user OR r.oid = n.nspowner) AS "owner!"
           FROM pg_roles r, pg_namespace n WHERE n.nspname = 'drydock' AND r.rolname = ANY ($1)"#,
        &wanted
    )
    .fetch_all(db)
    .await?;
    let named = &grantee.named;
    if !rows.iter().any(|row| row.name == *named) {
        return Err(Error::internal(format!(
            "the role {named} does not exist: create it (CREATE ROLE {} LOGIN PASSWORD '…') and run migrate again",
            grants::quoted(named)
        )));
    }
    Ok(rows.into_iter().filter(|row| !row.owner).map(|row| row.name).collect())
}

/// The two policies every installation starts with; an administrator changes them by new versions.
async fn install_policies(db: &mut PgConnection) -> Result<()> {
    let first = [
        ("Development", vec!["development"], Policy::development()),
        ("Standard", vec!["test", "staging", "production"], Policy::standard()),
    ];
    for (name, environments, policy) in first {
        let (bytes, digest) = policy.seal()?;
        let environments: Vec<String> = environments.into_iter().map(str::to_owned).collect();
        sqlx::query!(
            "WITH new AS (INSERT INTO drydock.policy (id, name, environments, current_version) SELECT $1, $2, $3, 1 WHERE NOT EXISTS (SELECT FROM drydock.policy p WHERE p.environments && $3) RETURNING id)
             INSERT INTO drydock.policy_version (policy_id, version, bytes, digest) SELECT new.id, 1, $4, $5 FROM new",
            crate::clock::new_id::<domain::ids::PolicyId>().0,
            name,
            &environments,
            bytes,
            digest.0.as_slice()
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Facts are stored by month: partitions for the `ahead` months to come. The default partition catches what is missing.
pub(crate) async fn add_fact_months(db: &mut PgConnection, ahead: i32) -> Result<()> {
    sqlx::query!(
        r#"SELECT count(drydock.add_fact_month((date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + make_interval(months => n))::date)::text) AS "months!" FROM generate_series(0, $1::int) n"#,
        ahead
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

async fn refuse_newer(db: &mut PgConnection) -> Result<()> {
    let exists =
        sqlx::query_scalar!(r#"SELECT to_regclass('drydock.schema_version') IS NOT NULL AS "exists!""#).fetch_one(&mut *db).await?;
    if !exists {
        return Ok(());
    }
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM drydock.schema_version").fetch_one(&mut *db).await?;
    let known = migrator().iter().map(|migration| migration.version).max().unwrap_or(0);
    match newest {
        Some(newest) if newest > known => Err(Error::internal(format!(
            "the schema is newer (version {newest}) than this program knows (version {known}): start the newer drydock, or restore the database from before the upgrade"
        ))),
        _ => Ok(()),
    }
}

/// Whether the state was made as a demo's; `None` before the first run, when it is nobody's yet.
pub async fn made_as_demo(pool: &PgPool) -> Result<Option<bool>> {
    let mut db = pool.acquire().await?;
    let exists = sqlx::query_scalar!(r#"SELECT to_regclass('drydock.installation') IS NOT NULL AS "exists!""#).fetch_one(&mut *db).await?;
    if !exists {
        return Ok(None);
    }
    Ok(crate::store::people::installation(&mut db).await?.map(|installation| installation.demo))
}

/// Refuses to serve on a schema that is older or newer than this program.
pub async fn check(pool: &PgPool) -> Result<()> {
    let mut db = pool.acquire().await?;
    refuse_newer(&mut db).await?;
    let exists =
        sqlx::query_scalar!(r#"SELECT to_regclass('drydock.schema_version') IS NOT NULL AS "exists!""#).fetch_one(&mut *db).await?;
    let known = migrator().iter().map(|migration| migration.version).max().unwrap_or(0);
    let newest: Option<i64> =
        if exists { sqlx::query_scalar("SELECT max(version) FROM drydock.schema_version").fetch_one(&mut *db).await? } else { None };
    if newest.unwrap_or(0) < known {
        return Err(Error::internal(format!(
            "the schema is at version {}, this program needs version {known}: run `drydock migrate`",
            newest.unwrap_or(0)
        )));
    }
    Ok(())
}
