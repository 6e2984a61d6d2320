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
use std::path::Path;

/// The database that archives are restored into.
pub(super) const DATABASE: &str = "drydock_proof";
/// The role that restores.
const ROLE: &str = "drydock_proof";
/// First part of a throwaway server's folder; the identity of the question follows.
const PREFIX: &str = "drydock-proof-";
/// A restored database, its indexes and what they are sorted in need no more than the live one and a fifth, and the server itself a bit.
const ROOM_PERCENT: u64 = 120;
const SERVER_BYTES: u64 = 300 * 1024 * 1024;

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
                ("max_wal_size", "4GB"),
                ("checkpoint_timeout", "1h"),
                ("maintenance_work_mem", "128MB"),
                ("log_statement", "none"),
                ("log_min_error_statement", "panic"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
            ..ClusterConfig::new(asked.scratch.join(format!("{PREFIX}{}", asked.id.simple())))
        };
        let cluster = Cluster::start(config)
            .await
            .map_err(|error| Refusal::new("no_server", format!("The throwaway server could not be started: {error}"), ""))?;
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

    /// A session that looks at what was restored.
    pub(super) async fn look(&self) -> Result<Link, Refusal> {
        let link = self.superuser(DATABASE).await?;
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
        let quoted = |text: &str| literal(text).map_err(|error| own(&error.to_string()));
        let encoding = quoted(&ground.encoding)?;
        let (collate, ctype) = (quoted(&ground.collate)?, quoted(&ground.ctype)?);
        let with = |sorted: String| format!("CREATE DATABASE {DATABASE} OWNER {ROLE} TEMPLATE template0 ENCODING {encoding} {sorted}");
        if link.execute(&with(format!("LC_COLLATE {collate} LC_CTYPE {ctype}"))).await.is_err() {
            link.execute(&with("LC_COLLATE 'C' LC_CTYPE 'C'".to_owned())).await.map_err(|error| own(&error.said))?;
            notes.push(format!(
                "The locale {} is not installed on the worker's machine: texts were sorted by their bytes instead.",
                visible(&ground.collate)
            ));
        }
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
        for row in link
            .rows("SELECT w.fdwname::pg_catalog.text FROM pg_catalog.pg_foreign_data_wrapper w", &[])
            .await
            .map_err(|error| own(&error.said))?
        {
            let wrapper: String = field(&row, 0).map_err(|error| own(&error.said))?;
            let Ok(wrapper) = identifier(&wrapper) else { continue };
            link.execute(&format!("GRANT USAGE ON FOREIGN DATA WRAPPER {wrapper} TO {ROLE}")).await.map_err(|error| own(&error.said))?;
        }
        Ok(Made { extensions, schemas, notes })
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
        let left = path.clone();
        match tokio::task::spawn_blocking(move || cluster::discard_left_over(&left)).await {
            Ok(Ok(true)) => tracing::info!(folder = %path.display(), "a throwaway server was left over and is removed"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::warn!(folder = %path.display(), %error, "a throwaway server was left over and could not be removed"),
            Err(error) => tracing::warn!(folder = %path.display(), %error, "a throwaway server was left over and could not be removed"),
        }
    }
}
