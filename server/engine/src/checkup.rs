//! What `drydock doctor` looks at in the state database and in a worker's folder. It tries, and changes nothing.

use crate::error::{Error, Result};
use crate::keyfile;
use crate::trail::anchor::{self, AnchorFile};
use jiff::Timestamp;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use std::path::{Path, PathBuf};

/// A role of the state database as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFound {
    /// Its name.
    pub name: String,
    /// The server's version, as `170004`.
    pub server_version: i32,
    /// Grants and triggers do not hold it back.
    pub superuser: bool,
    /// It owns the schema, so grants do not hold it back.
    pub owner: bool,
    /// The state database's clock, and ours right then.
    pub clocks: (Timestamp, Timestamp),
}

/// Connects as a role and looks who it is.
pub async fn role(options: &PgConnectOptions, clock: crate::clock::Clock) -> Result<(RoleFound, PgConnection)> {
    let mut db = options.clone().application_name("drydock doctor").connect().await?;
    let row = sqlx::query!(
        r#"SELECT r.rolname::text AS "name!", current_setting('server_version_num')::int AS "version!", r.rolsuper AS "superuser!",
                  EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = 'drydock' AND n.nspowner = r.oid) AS "owner!", clock_timestamp() AS "now!"
           FROM pg_roles r WHERE r.rolname = current_user"#
    )
    .fetch_one(&mut db)
    .await?;
    let clocks = (row.now.to_jiff(), clock.now());
    Ok((RoleFound { name: row.name, server_version: row.version, superuser: row.superuser, owner: row.owner, clocks }, db))
}

/// What a service's role must not be able to do, each with words for people. No row is touched even where it is allowed.
pub const FORBIDDEN_TO_WEB: &[(&str, &str)] = &[
    ("change facts of the trail", "UPDATE drydock.fact SET action = action WHERE false"),
    ("remove facts of the trail", "DELETE FROM drydock.fact WHERE false"),
    ("seal batches of the trail", "INSERT INTO drydock.seal_batch SELECT * FROM drydock.seal_batch WHERE false"),
    ("write what only a run may write", "UPDATE drydock.attempt SET outcome = outcome WHERE false"),
    ("take a run's lease", "UPDATE drydock.run SET epoch = epoch, lease_until = lease_until WHERE false"),
    ("change an approved plan", "UPDATE drydock.plan SET bytes = bytes WHERE false"),
    ("change the schema", "CREATE TABLE drydock.doctor_tried (nothing integer)"),
];

/// The same for the worker.
pub const FORBIDDEN_TO_WORKER: &[(&str, &str)] = &[
    ("change facts of the trail", "UPDATE drydock.fact SET action = action WHERE false"),
    ("read people's passwords", "SELECT a.password_hash FROM drydock.account a WHERE false"),
    ("read people's sessions", "SELECT s.data FROM drydock.session s WHERE false"),
    ("vote", "INSERT INTO drydock.vote SELECT * FROM drydock.vote WHERE false"),
    ("vote on series", "INSERT INTO drydock.series_vote SELECT * FROM drydock.series_vote WHERE false"),
    ("change an approved plan", "UPDATE drydock.plan SET bytes = bytes WHERE false"),
    ("change the schema", "CREATE TABLE drydock.doctor_tried (nothing integer)"),
];

/// Tries what must not be possible, each in a transaction that is undone, and says what was possible all the same.
pub async fn may_do(db: &mut PgConnection, forbidden: &[(&'static str, &'static str)]) -> Result<Vec<&'static str>> {
    let mut allowed = Vec::new();
    for (what, sql) in forbidden {
        sqlx::query("BEGIN").execute(&mut *db).await?;
        let tried = sqlx::query(*sql).execute(&mut *db).await;
        sqlx::query("ROLLBACK").execute(&mut *db).await?;
        match tried {
            Ok(_) => allowed.push(*what),
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42501") => {}
            Err(error) => return Err(Error::from(error)),
        }
    }
    Ok(allowed)
}

/// A worker's folder: keys readable by their owner alone, anchors that can be written and are not ahead of the database.
pub async fn worker_folder(db: &mut PgConnection, folder: &Path) -> std::result::Result<Vec<String>, Vec<String>> {
    let mut well = Vec::new();
    let mut wrong: Vec<String> = ["worker.key", "seal.key"].iter().filter_map(|name| keyfile::trouble(&folder.join(name))).collect();
    if wrong.is_empty() {
        well.push(format!("The keys in {} can be read by their owner alone.", folder.display()));
    }
    let file = AnchorFile::in_folder(folder);
    match anchor::compare(db, &file).await {
        Err(error) => wrong.push(error.to_string()),
        Ok(state) => match state.refusal(file.path()) {
            Some(refusal) => wrong.push(refusal.to_string()),
            None => well.push(format!("The anchors in {} and the trail agree.", file.path().display())),
        },
    }
    if let Some(why) = not_writable(file.path(), folder) {
        wrong.push(why);
    }
    if wrong.is_empty() { Ok(well) } else { Err(wrong) }
}

/// Opens the anchor file for appending, or looks whether it could be made. Writes nothing.
fn not_writable(file: &Path, folder: &Path) -> Option<String> {
    let place: PathBuf = if file.exists() { file.into() } else { folder.into() };
    let opened = if file.exists() {
        std::fs::OpenOptions::new().append(true).open(file).map(drop)
    } else {
        rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).map_err(Into::into)
    };
    opened.err().map(|error| format!("{} cannot be written: {error}. Anchors must be written before anything runs.", place.display()))
}

/// Bytes that are free in the file system of a folder, for us.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Version of the time zone data this program was built with.
pub fn zone_data() -> &'static str {
    crate::actions::seal_revision::tz_version()
}
