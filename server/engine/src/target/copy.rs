//! A change of design tried on an empty copy of the database's schema, on the same server.
//!
//! The copy is a database of its own: made from `template0` by the role Drydock signs in as, filled from `pg_dump --schema-only`, used, and
//! dropped again. Its name holds the identity of the question that it is made for, and its comment says whose it is; what a dead worker left
//! behind is found by both, and nothing else is ever dropped. While somebody works on one, a lock of that session in the database itself
//! says so: it is gone with its session, whatever becomes of the worker.
//!
//! Nothing of the copy is of use for the run: it is proof of names, types and the way back, and of nothing that depends on rows.

mod compare;
pub(crate) mod make;
mod send;

use super::connect::Dialer;
use super::fault::StatementError;
use super::link::{Link, field};
use super::programs::{Client, Ended, Programs};
use compare::compare;
use domain::change::Script;
use domain::change::trial::{After, BackTried, LeftOver, Obstacle, Text, Trial, Tried, WITHIN_S};
use make::Copy;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use make::sweep;

/// Under which its sessions show in the server's list.
pub const NAME: &str = "drydock:trial";
/// The first part of a copy's name; the identity of the question follows.
pub const PREFIX: &str = "drydock_dry_";

/// What is tried.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The question: no two trials have the same one at once.
    pub id: Uuid,
    /// The parts of the change, in their order.
    pub forth: &'a [Script],
    /// The parts of its way back.
    pub back: &'a [Script],
    /// Folders in which `pg_dump` is looked for, the best first.
    pub folders: &'a [PathBuf],
    /// A folder that only the worker's user reads.
    pub work: &'a Path,
    /// Copies of the same database whose questions are over: names that may be dropped without a comment.
    pub recorded: &'a [String],
}

/// The copy's name for a question.
#[must_use]
pub fn name(id: Uuid) -> String {
    format!("{PREFIX}{}", id.simple())
}

/// Tries a change. It always has an answer; the copy is dropped before that, or told.
pub async fn attempt(dialer: &Dialer, asked: &Asked<'_>, stop: &CancellationToken) -> Trial {
    let began = Instant::now();
    let end = began + Duration::from_secs(WITHIN_S);
    let ground = match tokio::time::timeout_at(end.into(), prepare(dialer, asked)).await {
        Ok(Ok(ground)) => ground,
        Ok(Err(obstacle)) => return Trial::not_tried(obstacle),
        Err(_) => return Trial::not_tried(Obstacle::TooSlow),
    };
    // From here on there is something to drop, whatever happens.
    let copy = Copy::new(name(asked.id), ground);
    let work = async {
        let client = Client::new(&copy.ground.programs, dialer, copy.ground.control.channel_bound, asked.work, NAME)?;
        copy.make().await?;
        tried(dialer, asked, &copy, &client).await
    };
    let outcome = tokio::select! {
        outcome = tokio::time::timeout_at(end.into(), work) => outcome.unwrap_or(Err(Obstacle::TooSlow)),
        () = stop.cancelled() => Err(Obstacle::Stopped),
    };
    let left_over = copy.drop_it(dialer).await;
    match outcome {
        Ok(tried) => {
            let took_ms = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
            Trial::Tried(Box::new(Tried { left_over, took_ms, ..tried }))
        }
        Err(obstacle) => Trial::NotTried { obstacle, left_over },
    }
}

/// What is known before anything is made.
struct Ground {
    /// A session in the database itself; it holds the lock.
    control: Link,
    programs: Programs,
    /// Oid of the database.
    database: u32,
    /// Of the server.
    major: u16,
    /// Who makes the objects may make every extension.
    superuser: bool,
    /// Who reads the schema, where that is not the role that signs in.
    reader: Option<String>,
    /// Who sends the change, where that is not the role that signs in.
    sender: Option<String>,
    /// What the database sets for its sessions, and a copy would not.
    settings: Vec<(String, String)>,
}

/// Looks at everything that can stand in the way, and makes nothing.
async fn prepare(dialer: &Dialer, asked: &Asked<'_>) -> Result<Ground, Obstacle> {
    if let Some(why) = send::nothing_to_run(asked.forth) {
        return Err(Obstacle::Beyond { why });
    }
    let control = dialer.connect(NAME).await.map_err(|error| Obstacle::Broke { said: error.to_string() })?;
    control.execute("SET statement_timeout = '60s'").await?;
    control.execute("SET lock_timeout = '5s'").await?;
    let row = control
        .row(
            "SELECT d.oid, pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000, r.rolname::pg_catalog.text, r.rolsuper,
                    r.rolcreatedb
               FROM pg_catalog.pg_database d CROSS JOIN pg_catalog.pg_roles r
              WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user",
            &[],
        )
        .await?;
    let (database, major, me, superuser): (u32, i32, String, bool) = (field(&row, 0)?, field(&row, 1)?, field(&row, 2)?, field(&row, 3)?);
    if !superuser && !field::<bool>(&row, 4)? {
        return Err(Obstacle::NoCreatedb { role: me });
    }
    let major = u16::try_from(major).unwrap_or(0);
    let programs = Programs::fitting(asked.folders, major).await?;
    let sender = asked.forth.iter().find_map(|script| script.role.clone());
    if let Some(role) = &sender {
        make::become_once(&control, role).await?;
    }
    let reader = make::reader(&control, major, &me, sender.as_deref()).await?;
    make::hold(&control, asked.id).await?;
    make::sweep_with(&control, database, Some(asked.id), asked.recorded).await?;
    let settings = make::settings(&control).await?;
    let superuser = superuser && sender.is_none();
    Ok(Ground { control, programs, database, major, superuser, reader, sender, settings })
}

/// Fills the copy and tries the change on it.
async fn tried(dialer: &Dialer, asked: &Asked<'_>, copy: &Copy, client: &Client<'_>) -> Result<Tried, Obstacle> {
    let left_out = copy.fill(dialer, client, asked.work).await?;
    let beside = dialer.beside(&copy.name);
    let mut tried = Tried {
        statements: asked.forth.iter().map(|script| script.texts.len()).sum(),
        failures: Vec::new(),
        not_run: Vec::new(),
        back: if asked.back.is_empty() { BackTried::None } else { BackTried::NotReached },
        after: After::NotCompared,
        left_out,
        left_over: None,
        took_ms: 0,
    };
    let before = if asked.back.is_empty() { None } else { Some(describe(client, &copy.name).await) };
    send::all(&beside, &copy.ground, asked.forth, Text::Forth, &mut tried).await?;
    let whole = |tried: &Tried| tried.failures.is_empty() && tried.not_run.iter().all(|other| other.read);
    let Some(before) = before.filter(|_| whole(&tried)) else { return Ok(tried) };
    send::all(&beside, &copy.ground, asked.back, Text::Back, &mut tried).await?;
    tried.back = if tried.failures.is_empty() { BackTried::Through } else { BackTried::Failed };
    if whole(&tried) {
        tried.after = match (before, describe(client, &copy.name).await) {
            (Ok(before), Ok(after)) => compare(&before, &after),
            (Err(said), _) | (_, Err(said)) => After::Unknown { said },
        };
    }
    Ok(tried)
}

/// The copy's schema in words, with owners and rights: what of them is there was made in it.
async fn describe(client: &Client<'_>, copy: &str) -> Result<String, String> {
    let arguments = ["--schema-only", "--no-publications", "--no-subscriptions", "--lock-wait-timeout=5000"].map(str::to_owned);
    match client.run("pg_dump", &arguments, copy, None).await {
        Ok(dump) => Ok(String::from_utf8_lossy(&dump).into_owned()),
        Err(Ended::Failed(said)) => Err(said),
        Err(Ended::TooLarge) => Err("its description is too large".to_owned()),
    }
}

impl From<StatementError> for Obstacle {
    fn from(error: StatementError) -> Self {
        Self::Broke { said: error.said }
    }
}

/// A copy as something left over.
fn left(database: &str, said: impl Into<String>) -> LeftOver {
    LeftOver { database: database.to_owned(), said: said.into() }
}
