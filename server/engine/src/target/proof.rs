//! The proof of a backup: the newest archive of a folder, restored into a throwaway server of the worker's own and held against the database.
//!
//! Three things keep it harmless. The archive's text runs as a role without any power on a server that holds nothing else; its superuser makes
//! the empty database and never comes near it again, since even a plain count may run code of whoever made an index: whoever can write into a
//! database could otherwise run programs where the worker's keys are. Nothing of it reaches other servers: servers, user mappings, foreign tables,
//! subscriptions and publications are left out, functions of extensions that could are not to be called, and materialized views stay empty. And
//! of the database itself only the catalogs are read.
//!
//! What could not be tried is an error with a sentence and says nothing about the backup; what was tried and is wrong is a [`Fault`].

mod archive;
mod inventory;
mod scratch;

use super::connect::Dialer;
use super::copy::make::sorted_like;
use super::fault::StatementError;
use super::identity::{StableIdentity, observe};
use super::link::Link;
use super::programs::{Client, Ended, OBJECTS_ALONE, PrivateFile, Programs};
use archive::{Found, Listed, Newest};
use domain::backup::{Archive, Fault, Inventory, Kind, Proof, Restored, Rows, compare};
use domain::change::trial::Obstacle;
use domain::decision::Refusal;
use futures_util::FutureExt as _;
use inventory::Ground;
use scratch::Scratch;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use scratch::sweep;

/// Under which its sessions show in the server's list.
pub const NAME: &str = "drydock:proof";
/// Connections that restore at once: more than a small machine has cores would only take them from the runs.
const MOST_JOBS: usize = 4;

/// What is proven.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Names the throwaway server: another one for each try.
    pub id: Uuid,
    /// The folder of this database's backups.
    pub folder: &'a Path,
    /// How people know that folder: what the answer names it by.
    pub known_as: &'a str,
    /// Which database it is: another one at its address proves nothing.
    pub identity: &'a StableIdentity,
    /// Folders in which PostgreSQL's programs are looked for, the best first.
    pub programs: &'a [PathBuf],
    /// A folder that only the worker's user reads.
    pub work: &'a Path,
    /// Where throwaway servers lie.
    pub scratch: &'a Path,
}

/// Looks for the newest backup, restores it, compares it.
///
/// # Errors
/// A sentence, where it could not be tried here. The throwaway server is gone before the answer is there, or told in the log.
pub async fn attempt(dialer: &Dialer, asked: &Asked<'_>, stop: &CancellationToken) -> Result<Proof, Refusal> {
    let found = match archive::newest(asked.folder, asked.known_as).map_err(unreadable)? {
        Newest::Found(found) => found,
        Newest::Unusable { path, said } => return Ok(unusable(path.map(|path| Archive { path, size_bytes: 0, taken_at: None }), said)),
    };
    let about = Archive { path: found.name.clone(), size_bytes: found.size_bytes, taken_at: None };
    if let Some(said) = archive::damage(&found, stop).await.map_err(unreadable)? {
        return Ok(unusable(Some(about), said));
    }
    let live = dialer.connect(NAME).await.map_err(|error| Refusal::new("connection", error.to_string(), ""))?;
    if let Some(difference) = observe(&live).await.map_err(|error| said_by(&error))?.difference(asked.identity, None) {
        return Err(Refusal::new("another_database", difference, "Test the connection on the database's page: it says what differs."));
    }
    let mut ground = inventory::ground(&live).await.map_err(|error| said_by(&error))?;
    ground.sorted = sorted_like(&live).await.map_err(|obstacle| here(&obstacle))?;
    let wanted = inventory::take(&live).await.map_err(|error| said_by(&error))?;
    drop(live);
    scratch::room(asked.scratch, ground.size_bytes.max(found.size_bytes))?;
    let scratch = Scratch::start(asked, ground.major).await?;
    let work = Work { asked, dialer, found: &found, ground: &ground, wanted: &wanted, scratch: &scratch };
    let outcome = tokio::select! {
        // Whatever happens, the throwaway server goes.
        outcome = AssertUnwindSafe(work.prove(about)).catch_unwind() => outcome.unwrap_or_else(|_| Err(here_said("the worker failed over it"))),
        full = scratch::nearly_full(asked.scratch) => Err(full),
        () = stop.cancelled() => Err(stopped()),
    };
    scratch.end().await;
    match outcome {
        // What was written to meanwhile was no whole backup yet, or is another one by now.
        Ok(_) if !found.is_unchanged() => Err(Refusal::new(
            "archive_changed",
            format!("{} was written to while it was looked at.", found.name),
            "Ask again when the backup is done.",
        )),
        outcome => outcome,
    }
}

struct Work<'a> {
    asked: &'a Asked<'a>,
    dialer: &'a Dialer,
    found: &'a Found,
    ground: &'a Ground,
    wanted: &'a Inventory,
    scratch: &'a Scratch,
}

impl Work<'_> {
    async fn prove(&self, mut about: Archive) -> Result<Proof, Refusal> {
        let programs = Programs::fitting(self.asked.programs, self.scratch.major).await.map_err(|obstacle| here(&obstacle))?;
        let maker = self.scratch.maker().await?;
        let client = Client::new(&programs, &maker, false, self.asked.work, NAME).map_err(|obstacle| here(&obstacle))?;
        let list = match client.run("pg_restore", &["--list".to_owned(), "--create".to_owned(), self.path()], "", None).await {
            Ok(list) => String::from_utf8_lossy(&list).into_owned(),
            Err(Ended::TooLarge) => return Err(here_said("the archive lists more than this worker keeps in memory")),
            Err(Ended::Failed(said)) if is_newer(&said) => return Err(newer(&programs, &said)),
            Err(Ended::Failed(said)) => return Ok(unusable(Some(about), format!("The archive cannot be read: {said}."))),
        };
        let listed = Listed::read(&list);
        match self.of_this_database(&listed) {
            Ok(taken_at) => about.taken_at = Some(taken_at),
            Err(said) => return Ok(unusable(Some(about), said)),
        }
        let made = self.scratch.database(self.ground).await?;
        let (kept, mut not_compared) = listed.kept(&made.extensions, &made.schemas);
        not_compared.extend(made.notes);
        let list = PrivateFile::write(self.scratch.folder(), &kept).map_err(|obstacle| here(&obstacle))?;
        let began = Instant::now();
        match client.run("pg_restore", &self.arguments(&list.0), "", None).await {
            Ok(_) => {}
            Err(Ended::Failed(said)) if is_ours(&said) => return Err(not_allowed(&said)),
            // A server that sorts otherwise, is another version, or lacks what leads to other servers may stumble over a good backup.
            Err(Ended::Failed(said))
                if said.contains("ERROR:") && (!made.sorted_alike || self.scratch.major != self.ground.major || listed.reaches_out()) =>
            {
                return Err(not_allowed(&said));
            }
            Err(Ended::Failed(said)) => {
                return Ok(Proof {
                    archive: Some(about),
                    restored: None,
                    faults: vec![Fault::NotRestored { said }],
                    not_compared,
                    of: Value::Null,
                });
            }
            Err(Ended::TooLarge) => return Err(here_said("pg_restore said more than this worker keeps in memory")),
        }
        let took_ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        self.judge(about, &listed, &made.schemas, took_ms, not_compared).await
    }

    async fn judge(
        &self,
        about: Archive,
        listed: &Listed,
        made: &BTreeSet<String>,
        took_ms: u64,
        mut not_compared: Vec<String>,
    ) -> Result<Proof, Refusal> {
        let link = self.scratch.look().await?;
        let mut restored = inventory::take(&link).await.map_err(|error| said_by(&error))?;
        let rows = inventory::rows(&link).await.map_err(|error| said_by(&error))?;
        let size_bytes = inventory::ground(&link).await.map_err(|error| said_by(&error))?.size_bytes;
        let large_objects = inventory::large_objects(&link).await.map_err(|error| said_by(&error))?;
        drop(link);
        // What was made here before the archive's turn proves nothing: its own list has to have it.
        restored.objects.insert(Kind::Extension, listed.extensions.clone());
        if let Some(schemas) = restored.objects.get_mut(&Kind::Schema) {
            schemas.retain(|schema| schema == "public" || !made.contains(schema) || listed.makes_schema(schema));
        }
        let estimated = if rows.is_empty() { BTreeMap::new() } else { self.estimates(rows.keys().cloned().collect()).await? };
        let all =
            rows.iter().map(|(name, restored)| (name.clone(), Rows { restored: *restored, live: estimated.get(name).copied().flatten() }));
        let (mut faults, unknown) = compare(self.wanted, &restored, &all.collect());
        not_compared.extend(unknown);
        if let Some(files) = self.found.large_objects
            && files != large_objects
        {
            let said =
                format!("It holds the files of {files} large objects, and {large_objects} were restored: its list of them is cut off.");
            faults.push(Fault::Unusable { said });
        }
        let objects = restored.objects.iter().map(|(kind, names)| (*kind, names.len())).collect::<BTreeMap<Kind, usize>>();
        let restored = Restored { server_major: self.scratch.major, took_ms, objects, rows: rows.values().sum(), size_bytes };
        let of = serde_json::to_value(self.asked.identity).unwrap_or_default();
        Ok(Proof { archive: Some(about), restored: Some(restored), faults, not_compared, of })
    }

    /// How many rows the database's tables have, as its server estimates.
    async fn estimates(&self, names: Vec<String>) -> Result<BTreeMap<String, Option<u64>>, Refusal> {
        let live = self.dialer.connect(NAME).await.map_err(|error| Refusal::new("connection", error.to_string(), ""))?;
        inventory::estimates(&live, names).await.map_err(|error| said_by(&error))
    }

    /// Whether the archive is one of this database, and when it was taken.
    fn of_this_database(&self, listed: &Listed) -> Result<jiff::Timestamp, String> {
        let database = listed.database.as_deref().unwrap_or_default();
        if database != self.asked.identity.database {
            return Err(format!(
                "It is a backup of a database called “{database}”, and this one is called “{}”.",
                self.asked.identity.database
            ));
        }
        // Names are often shared by production and staging; oids are not.
        let is_other = listed.database_oid.is_some_and(|oid| oid != self.asked.identity.database_oid)
            || (!listed.tables.is_empty() && !self.ground.tables.is_empty() && listed.tables.is_disjoint(&self.ground.tables));
        if is_other {
            return Err(format!(
                "It is a backup of another database called “{database}”, or of this one before it was restored, copied or upgraded: the identities in it are others."
            ));
        }
        let said = listed.created.ok_or_else(|| "It does not say when it was made.".to_owned())?;
        let taken_at = said.min(self.found.changed_at);
        if taken_at > crate::clock::Clock.now() {
            return Err(format!("It says that it was made at {}, which lies in the future.", taken_at.strftime("%Y-%m-%d %H:%M UTC")));
        }
        Ok(taken_at)
    }

    fn path(&self) -> String {
        self.found.path.display().to_string()
    }

    fn arguments(&self, list: &Path) -> Vec<String> {
        let jobs = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, MOST_JOBS));
        let mut arguments: Vec<String> = std::iter::once("--exit-on-error").chain(OBJECTS_ALONE).map(str::to_owned).collect();
        arguments.push(format!("--jobs={jobs}"));
        arguments.push(format!("--use-list={}", list.display()));
        arguments.push(format!("--dbname={}", scratch::DATABASE));
        arguments.push(self.path());
        arguments
    }
}

fn unusable(archive: Option<Archive>, said: String) -> Proof {
    Proof { archive, restored: None, faults: vec![Fault::Unusable { said }], not_compared: Vec::new(), of: Value::Null }
}

/// What keeps a restoration from being tried with the rights and packages it has here, and says nothing about the backup.
fn is_ours(said: &str) -> bool {
    [
        // Rights and packages.
        "could not open extension control file",
        "could not access file",
        "could not open dictionary file",
        "could not create locale",
        "only superuser",
        "must be superuser",
        "must be owner of",
        "must have privileges",
        "permission denied",
        // The machine.
        "No space left on device",
        "connection to server",
        "could not connect",
        "could not fork",
        "it failed without a word",
        "out of memory",
        "out of shared memory",
        "server closed the connection",
        "terminating connection",
        "the database system is",
    ]
    .iter()
    .any(|words| said.contains(words))
        || (said.contains("extension \"") && said.contains("is not available"))
        // Roles belong to the server, and are not part of any backup of a database; locales to the machine.
        || (["role \"", "collation \""].iter().any(|words| said.contains(words)) && said.contains("does not exist"))
}

fn is_newer(said: &str) -> bool {
    said.contains("unsupported version")
}

const TRY_AGAIN: &str = "This says nothing about the backup: it could not be tried here.";

fn here(obstacle: &Obstacle) -> Refusal {
    Refusal::new("not_here", obstacle.sentence(), TRY_AGAIN)
}

fn here_said(said: &str) -> Refusal {
    Refusal::new("not_here", format!("Not tried: {said}."), TRY_AGAIN)
}

fn unreadable(said: String) -> Refusal {
    Refusal::new("unreadable", said, "Let the worker's user read the folder and what lies in it.")
}

fn newer(programs: &Programs, said: &str) -> Refusal {
    Refusal::new(
        "archive_newer",
        format!("The archive was made by a newer pg_dump than the worker's pg_restore {} can read: {said}.", programs.major),
        "Install PostgreSQL's programs in the newer version on the worker's machine.",
    )
}

fn not_allowed(said: &str) -> Refusal {
    Refusal::new(
        "not_here",
        format!("It was not restored to the end here: {said}."),
        "This says nothing about the backup. Archives are restored without a superuser's rights, with the extensions that are installed on the worker's machine: install what is missing there, or record this backup by hand.",
    )
}

fn stopped() -> Refusal {
    Refusal::new("stopped", "The worker was stopped meanwhile.", "Ask again.")
}

fn said_by(error: &StatementError) -> Refusal {
    Refusal::new("target", format!("The database said: {}.", error.said), "Look at the server, then ask again.")
}

/// Sessions that look answer within this; a count of a large table has its own.
async fn patient(link: &Link, timeout: &str) -> Result<(), StatementError> {
    link.execute(&format!("SET statement_timeout = '{timeout}'")).await?;
    link.execute("SET search_path = ''").await?;
    link.execute("SET quote_all_identifiers = off").await?;
    link.execute("SET default_transaction_read_only = on").await.map(drop)
}
