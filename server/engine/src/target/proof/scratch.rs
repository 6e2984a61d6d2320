//! The throwaway server: made for one proof, on loopback, and gone after it.
//!
//! Archives are restored by a role of it that is no superuser. The superuser only makes the empty database and the extensions that the real one
//! has, and counts what is there afterwards.

use super::super::connect::{Address, Dialer, TlsMode};
use super::super::fault::StatementError;
use super::super::link::{Link, field};
use super::super::quote::{identifier, literal};
use super::inventory::Ground;
use super::{Asked, NAME, patient};
use crate::cluster::{self, Cluster, ClusterConfig, SUPERUSER};
use crate::{checkup, clock};
use domain::decision::Refusal;
use domain::people::visible;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The database that archives are restored into.
pub(super) const DATABASE: &str = "drydock_proof";
/// The role that restores.
const ROLE: &str = "drydock_proof";
/// First part of a throwaway server's folder; the identity of the question follows.
const PREFIX: &str = "drydock-proof-";
/// A restored database, its indexes and what they are sorted in need no more than the live one and a fifth, and the server itself a bit.
const ROOM_PERCENT: u64 = 120;
const SERVER_BYTES: u64 = 1536 * 1024 * 1024;
/// A restoration ends when no more than this is free: the worker's own files may lie on the same disk.
const RESERVE_BYTES: u64 = 512 * 1024 * 1024;
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Extensions that only a superuser makes and whose functions reach neither files nor other servers. Of all others that are not trusted the
/// functions may not be called by what is restored.
const HARMLESS: [&str; 9] =
    ["autoinc", "bloom", "earthdistance", "insert_username", "intagg", "moddatetime", "postgis", "postgis_topology", "refint"];

/// A running throwaway server.
pub(super) struct Scratch {
    cluster: Cluster,
    password: SecretString,
    pub(super) major: u16,
}

/// What was made for a restoration to start from.
pub(super) struct Made {
    /// Extensions that are there.
    pub extensions: BTreeSet<String>,
    /// Schemas that are there because extensions are in them.
    pub schemas: BTreeSet<String>,
    /// What differs from the real database, as sentences.
    pub notes: Vec<String>,
    /// It sorts texts as the real one does.
    pub sorted_alike: bool,
}

/// Comes back when the disk is nearly full: what is restored is somebody else's text, and may grow without end.
pub(super) async fn nearly_full(folder: &Path) -> Refusal {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if checkup::free_bytes(folder).is_ok_and(|free| free < RESERVE_BYTES) {
            return Refusal::new(
                "no_room",
                format!("While it was restored the disk below {} became nearly full, so it was given up.", folder.display()),
                "Make room there, or point DRYDOCK_SCRATCH_DIR to a larger disk. This says nothing about the backup.",
            );
        }
    }
}

/// Refuses where the disk has not the room.
pub(super) fn room(folder: &Path, database_bytes: u64) -> Result<(), Refusal> {
    let needed = (database_bytes / 100).saturating_mul(ROOM_PERCENT).saturating_add(SERVER_BYTES);
    let Some(existing) = folder.ancestors().find(|folder| folder.is_dir()) else { return Ok(()) };
    // What cannot be asked is found out by trying.
    let free = checkup::free_bytes(existing).unwrap_or(u64::MAX);
    if free >= needed {
        return Ok(());
    }
    let size = domain::procedure::text::size;
    Err(Refusal::new(
        "no_room",
        format!("Restoring it needs about {} on the worker's machine, and {} has {} free.", size(needed), folder.display(), size(free)),
        "Make room there, or point DRYDOCK_SCRATCH_DIR to a larger disk.",
    ))
}

impl Scratch {
    pub(super) async fn start(asked: &Asked<'_>, server: u16) -> Result<Self, Refusal> {
        let majors = cluster::server_majors(asked.programs);
        let Some(major) = majors.range(server..).next().copied() else {
            let found: Vec<String> = majors.iter().map(u16::to_string).collect();
            let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
            return Err(Refusal::new(
                "no_server",
                format!("The worker's machine has no PostgreSQL server programs of version {server} or later (found: {found})."),
                "Install the server package of that version on the worker's machine. Drydock starts its own server from it, and no other.",
            ));
        };
        let config = ClusterConfig {
            program_folders: asked.programs.to_vec(),
            durable: false,
            major: Some(major),
            settings: [
                ("autovacuum", "off"),
                ("wal_level", "minimal"),
                ("max_wal_senders", "0"),
                ("archive_mode", "off"),
                ("max_wal_size", "1GB"),
                ("max_locks_per_transaction", "2048"),
                ("checkpoint_timeout", "1h"),
                ("maintenance_work_mem", "128MB"),
                ("log_statement", "none"),
                ("log_min_error_statement", "panic"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            ..ClusterConfig::new(asked.scratch.join(format!("{PREFIX}{}", asked.id.simple())))
        };
        let folder = config.folder.clone();
        let cluster = match Cluster::start(config).await {
            Ok(cluster) => cluster,
            Err(error) => {
                discard(folder).await;
                return Err(Refusal::new("no_server", format!("The throwaway server could not be started: {error}"), ""));
            }
        };
        Ok(Self { cluster, password: hex::encode(clock::random::<24>()).into(), major })
    }

    async fn dialer(&self, user: &str, password: &SecretString, database: &str) -> Result<Dialer, Refusal> {
        let address = Address {
            host: "127.0.0.1".to_owned(),
            port: self.cluster.port(),
            database: database.to_owned(),
            user: user.to_owned(),
            password: Some(password.clone()),
            tls: TlsMode::None { acknowledged: false },
        };
        Dialer::new(address).await.map_err(|error| own(&error.to_string()))
    }

    /// As whom archives are restored. The role is made here.
    pub(super) async fn maker(&self) -> Result<Dialer, Refusal> {
        let link = self.superuser("postgres").await?;
        let password = literal(self.password.expose_secret()).map_err(|error| own(&error.to_string()))?;
        // It sees every row of what it restores, and may do nothing else.
        let sql = format!("CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS PASSWORD {password}");
        link.execute(&sql).await.map_err(|error| own(&error.said))?;
        let dialer = self.dialer(ROLE, &self.password, DATABASE).await?;
        Ok(dialer)
    }

    async fn superuser(&self, database: &str) -> Result<Link, Refusal> {
        let dialer = self.dialer(SUPERUSER, self.cluster.superuser_password(), database).await?;
        dialer.connect(NAME).await.map_err(|error| own(&error.to_string()))
    }

    /// Its folder, which goes with it.
    pub(super) fn folder(&self) -> &Path {
        self.cluster.folder()
    }

    /// A session that looks at what was restored: as the role that restored it. Nobody with more rights ever comes near it again.
    pub(super) async fn look(&self) -> Result<Link, Refusal> {
        let dialer = self.dialer(ROLE, &self.password, DATABASE).await?;
        let link = dialer.connect(NAME).await.map_err(|error| own(&error.to_string()))?;
        patient(&link, "0").await.map_err(|error| own(&error.said))?;
        Ok(link)
    }

    /// Makes the empty database, and in it what only a superuser may make.
    pub(super) async fn database(&self, ground: &Ground) -> Result<Made, Refusal> {
        let mut notes = Vec::new();
        let link = self.superuser("postgres").await?;
        for role in &ground.roles {
            let Ok(name) = identifier(role) else { continue };
            // One of the same name as ours is there already.
            let _ = link.execute(&format!("CREATE ROLE {name} NOLOGIN")).await;
        }
        let make = format!("CREATE DATABASE {DATABASE} OWNER {ROLE} TEMPLATE template0 {}", ground.sorted);
        let sorted_alike = match link.execute(&make).await {
            Ok(_) => true,
            Err(error) => {
                let plainly =
                    format!("CREATE DATABASE {DATABASE} OWNER {ROLE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
                link.execute(&plainly).await.map_err(|error| own(&error.said))?;
                notes.push(format!(
                    "Texts were sorted by their bytes, because the worker's machine cannot sort them as the database does: {}.",
                    error.said
                ));
                false
            }
        };
        link.execute(&format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")).await.map_err(|error| own(&error.said))?;
        drop(link);
        let link = self.superuser(DATABASE).await?;
        let (mut extensions, mut schemas) = (BTreeSet::new(), BTreeSet::new());
        for (extension, schema) in &ground.extensions {
            extend(&link, extension, schema).await.map_err(|error| missing(extension, &error))?;
            extensions.insert(extension.clone());
            if schema != "pg_catalog" {
                schemas.insert(schema.clone());
            }
        }
        extensions.insert("plpgsql".to_owned());
        shut(&link).await.map_err(|error| own(&error.said))?;
        Ok(Made { extensions, schemas, notes, sorted_alike })
    }

    /// Stops and removes it. What cannot be removed is told in the log, and tried again at the next proof.
    pub(super) async fn end(self) {
        let folder = self.cluster.folder().to_owned();
        if let Err(error) = self.cluster.discard().await {
            tracing::warn!(folder = %folder.display(), %error, "a throwaway server was not removed");
        }
    }
}

async fn extend(link: &Link, extension: &str, schema: &str) -> Result<(), StatementError> {
    let name = |text: &str| identifier(text).map_err(|_| StatementError::not_understood("a name"));
    let (extension, quoted) = (name(extension)?, name(schema)?);
    if schema != "pg_catalog" {
        link.execute(&format!("CREATE SCHEMA IF NOT EXISTS {quoted} AUTHORIZATION {ROLE}")).await?;
    }
    link.execute(&format!("CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA {quoted} CASCADE")).await?;
    if schema != "pg_catalog" {
        // Some keep settings in tables whose rows are part of every dump.
        for kind in ["TABLES", "SEQUENCES"] {
            link.execute(&format!("GRANT ALL ON ALL {kind} IN SCHEMA {quoted} TO {ROLE}")).await?;
        }
    }
    Ok(())
}

/// Takes the right to call functions of extensions that could reach files or other servers: what is restored is code of whoever may write into the
/// database. Wrappers for foreign data are nobody's to use unless that is granted.
async fn shut(link: &Link) -> Result<(), StatementError> {
    let harmless: Vec<&str> = HARMLESS.into();
    let sql = "SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text FROM pg_catalog.pg_extension e
                 JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                      AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                 JOIN pg_catalog.pg_proc p ON p.oid = d.objid
                WHERE e.extname::pg_catalog.text <> ALL ($1)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v
                                   WHERE v.name = e.extname AND v.version = e.extversion AND v.trusted)";
    for row in link.rows(sql, &[&harmless]).await? {
        // The server itself quoted the name.
        let routine: String = field(&row, 0)?;
        link.execute(&format!("REVOKE ALL ON ROUTINE {routine} FROM PUBLIC")).await?;
    }
    Ok(())
}

fn missing(extension: &str, error: &StatementError) -> Refusal {
    Refusal::new(
        "no_extension",
        format!("The database has the extension {}, which cannot be made on the worker's machine: {}.", visible(extension), error.said),
        "Install its package there, for the PostgreSQL version of the worker's throwaway server. This says nothing about the backup.",
    )
}

fn own(said: &str) -> Refusal {
    Refusal::new("scratch", format!("The throwaway server failed: {said}."), "Ask again. This says nothing about the backup.")
}

/// Throws away what workers that are gone left behind.
pub async fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // Exactly our names.
        let is_ours = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix(PREFIX))
            .is_some_and(|id| uuid::Uuid::try_parse(id).is_ok());
        if !is_ours || !path.is_dir() {
            continue;
        }
        discard(path).await;
    }
}

/// Removes what nobody owns of a throwaway server.
async fn discard(folder: PathBuf) {
    let left = folder.clone();
    match tokio::task::spawn_blocking(move || if left.is_dir() { cluster::discard_left_over(&left) } else { Ok(false) }).await {
        Ok(Ok(true)) => tracing::info!(folder = %folder.display(), "a throwaway server was left over and is removed"),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::warn!(folder = %folder.display(), %error, "a throwaway server was left over and could not be removed"),
        Err(error) => tracing::warn!(folder = %folder.display(), %error, "a throwaway server was left over and could not be removed"),
    }
}
