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

/// Keys of advisory locks in the state database: who migrates, and who makes partitions.
const MIGRATING: i64 = 0x0064_7279_646f_636b;
const MAKING_MONTHS: i64 = MIGRATING + 1;

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
    // One at a time: grants and partitions too. The lock goes with the connection.
    sqlx::query!(r#"SELECT pg_advisory_lock($1) IS NULL AS "locked!""#, MIGRATING).fetch_one(&mut db).await?;
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
        r#"SELECT count(drydock.add_fact_month((date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + make_interval(months => n))::date)::text) AS "months!" FROM (SELECT pg_advisory_xact_lock($2)) held, generate_series(0, $1::int) n"#,
        ahead,
        MAKING_MONTHS
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// The schema that was found, beside the one this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// In the database; 0 where nothing was migrated yet.
    pub found: i64,
    /// Of this program.
    pub known: i64,
}

impl Version {
    /// Whether this program may work on it; the sentence says who has to do what.
    pub fn fits(self) -> std::result::Result<(), String> {
        let Self { found, known } = self;
        match found.cmp(&known) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Greater => Err(format!(
                "the schema is newer (version {found}) than this program knows (version {known}): start the newer drydock, or restore the database from before the upgrade"
            )),
            std::cmp::Ordering::Less if found == 0 => {
                Err(format!("this database holds no Drydock yet (its schema needs version {known}): run `drydock migrate`"))
            }
            std::cmp::Ordering::Less => {
                Err(format!("the schema is at version {found}, this program needs version {known}: run `drydock migrate`"))
            }
        }
    }
    /// Whether a newer program has been here.
    #[must_use]
    pub fn is_newer(self) -> bool {
        self.found > self.known
    }
}

/// Which schema is there.
pub async fn version(db: &mut PgConnection) -> Result<Version> {
    let known = migrator().iter().map(|migration| migration.version).max().unwrap_or(0);
    let exists =
        sqlx::query_scalar!(r#"SELECT to_regclass('drydock.schema_version') IS NOT NULL AS "exists!""#).fetch_one(&mut *db).await?;
    let newest: Option<i64> =
        if exists { sqlx::query_scalar("SELECT max(version) FROM drydock.schema_version").fetch_one(&mut *db).await? } else { None };
    Ok(Version { found: newest.unwrap_or(0), known })
}

/// A schema that this program does not fit, with what to do about it. No restart helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OtherSchema(pub String);

async fn refuse_newer(db: &mut PgConnection) -> Result<()> {
    match version(db).await? {
        version if version.is_newer() => version.fits().map_err(Error::internal),
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
    version(&mut *pool.acquire().await?).await?.fits().map_err(Error::internal)
}
