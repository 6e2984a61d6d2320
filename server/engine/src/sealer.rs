//! The sealer: one process at a time seals, every worker anchors.
//!
//! Facts are sealed within a second or 512 rows. The head then goes to an fsynced file outside the database. A file that cannot be
//! written is said where pages and the gate see it; sealing goes on, and the head is written as soon as it can be.

use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::seals::{self, Newest};
use crate::store::service_leases::{self, ServiceLease};
use crate::store::{service_states, trail as facts};
use crate::trail::anchor::{self, Anchor, AnchorFile, AnchorState};
use crate::trail::seal::{self, JOB, SealKey, Sealing};
use crate::trail::{ANCHOR_JOB, process_of};
use crate::transaction;
use crate::wake::Wake;
use crate::worker::WorkerContext;
use domain::canonical::Digest;
use domain::fact::NewFact;
use domain::permission::Permit;
use sqlx::PgPool;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Longest a committed fact waits for its seal while nothing slower runs.
const POLL: Duration = Duration::from_secs(1);
/// The lease lasts 15 s; it is renewed by each sealing, and otherwise this often.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often the state of the anchor file is said anew, so that a process that is gone falls silent.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The loop.
pub(crate) async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Sealer);
    let mut sealer = Sealer::open(context.pool.clone(), &context.config.data_dir, &context.name).await?;
    loop {
        while sealer.turn().await? == Turn::Again {}
        if !bell.wait(POLL).await {
            return sealer.stop().await;
        }
    }
}

/// What a turn leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing now.
    Rest,
    /// More facts are due.
    Again,
}

/// A sealer with its key, its anchor file and, while it has the job, its lease.
#[derive(Debug)]
pub struct Sealer {
    pool: PgPool,
    key: SealKey,
    file: AnchorFile,
    process: String,
    name: String,
    lease: Option<ServiceLease>,
    renewed: Instant,
    anchored: Option<Anchor>,
    said: Option<(&'static str, Instant)>,
}

impl Sealer {
    /// Opens key and anchor file.
    ///
    /// # Errors
    /// The refusal of [`crate::trail::check_anchor`]; a key file that cannot be used.
    pub async fn open(pool: PgPool, data_dir: &Path, name: &str) -> Result<Self> {
        let state = crate::trail::check_anchor(&pool, data_dir).await?;
        let file = AnchorFile::in_folder(data_dir);
        let anchored = match state {
            AnchorState::Held(anchor) => Some(anchor),
            _ => None,
        };
        let sealer = Self {
            pool,
            key: SealKey::open(data_dir)?,
            process: process_of(&file),
            file,
            name: name.to_owned(),
            lease: None,
            renewed: Instant::now(),
            anchored,
            said: None,
        };
        if sealer.anchored.is_none() && seals::newest(&mut *sealer.pool.acquire().await?).await?.is_some() {
            let file = sealer.file.path().display().to_string();
            sealer.fact(NewFact::done("trail.anchor_begun", "anchor_file", file)).await?;
        }
        Ok(sealer)
    }

    /// One turn: holds or claims the job, seals one batch if facts are due, and anchors the head.
    pub async fn turn(&mut self) -> Result<Turn> {
        self.hold().await?;
        let mut turn = Turn::Rest;
        if self.lease.is_some() && self.is_due().await? {
            self.database_holds_anchor().await?;
            turn = self.seal().await?;
        }
        self.anchor().await?;
        Ok(turn)
    }

    /// Gives the job up, so that another process need not wait for the lease to end.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(lease) = self.lease.take() {
            service_leases::release(&mut *self.pool.acquire().await?, &lease).await?;
        }
        Ok(())
    }

    /// True while this process has the job.
    #[must_use]
    pub fn has_job(&self) -> bool {
        self.lease.is_some()
    }

    async fn hold(&mut self) -> Result<()> {
        let mut db = self.pool.acquire().await?;
        match &self.lease {
            Some(_) if self.renewed.elapsed() < RENEW_EVERY => return Ok(()),
            Some(lease) => {
                if !service_leases::renew(&mut db, lease).await? {
                    tracing::warn!(epoch = lease.epoch, "another process took over the sealing");
                    self.lease = None;
                }
            }
            None => {
                self.lease = service_leases::claim(&mut db, JOB, &self.name).await?;
                if self.lease.is_some() {
                    drop(db);
                    self.introduce_key().await?;
                }
            }
        }
        self.renewed = Instant::now();
        Ok(())
    }

    /// The first thing a key does is to be named in the trail: a change of keys never goes unseen.
    async fn introduce_key(&self) -> Result<()> {
        let key = hex::encode(self.key.public());
        if facts::exists(&mut *self.pool.acquire().await?, "trail.key_begun", &key).await? {
            return Ok(());
        }
        self.fact(NewFact::done("trail.key_begun", "seal_key", key)).await
    }

    async fn fact(&self, fact: NewFact) -> Result<()> {
        let name = self.name.clone();
        transaction::run(&self.pool, "sealer_fact", move |db| {
            let (name, fact) = (name.clone(), fact.clone());
            Box::pin(async move { Ledger::open(db, &Permit::worker(&name), "sealer").fact(fact).await.map(drop) })
        })
        .await
    }

    async fn is_due(&self) -> Result<bool> {
        seal::is_due(&mut *self.pool.acquire().await?).await
    }

    async fn seal(&mut self) -> Result<Turn> {
        let Some(lease) = &self.lease else { return Ok(Turn::Rest) };
        match seal::seal_due(&self.pool, lease, &self.key).await? {
            Sealing::Nothing => Ok(Turn::Rest),
            Sealing::LeaseLost => {
                tracing::warn!(epoch = lease.epoch, "another process took over the sealing");
                self.lease = None;
                Ok(Turn::Rest)
            }
            Sealing::Sealed { n, facts, full, .. } => {
                tracing::debug!(batch = n, facts, "sealed");
                self.renewed = Instant::now();
                Ok(if full { Turn::Again } else { Turn::Rest })
            }
        }
    }

    /// A database that was put back while we ran does not hold what we wrote down: nothing is sealed on top of it.
    async fn database_holds_anchor(&mut self) -> Result<()> {
        let Some(anchored) = &self.anchored else { return Ok(()) };
        let held = seals::hash_of(&mut *self.pool.acquire().await?, anchored.n).await?;
        if held.as_deref() == Some(anchored.hash.0.as_slice()) {
            return Ok(());
        }
        let state = anchor::compare(&mut *self.pool.acquire().await?, &self.file).await?;
        let Some(refusal) = state.refusal(self.file.path()) else {
            return Err(Error::internal(format!("the anchor file {} was changed by somebody else", self.file.path().display())));
        };
        self.say(state.word(), &refusal.to_string()).await?;
        Err(refusal.into())
    }

    /// Writes the head down if it is newer than the last one written, whoever sealed it.
    async fn anchor(&mut self) -> Result<()> {
        let newest = seals::newest(&mut *self.pool.acquire().await?).await?;
        let known = self.anchored.as_ref().map_or(0, |anchored| anchored.n);
        let Some(newest) = newest.filter(|newest| newest.n != known) else { return self.say_ok().await };
        self.database_holds_anchor().await?;
        let head = self.head(&newest).await?;
        let (file, line) = (self.file.clone(), head.clone());
        let written = tokio::task::spawn_blocking(move || file.append(&line)).await.map_err(Error::internal)?;
        match written {
            Ok(()) => {
                self.anchored = Some(head);
                self.say_ok().await
            }
            Err(error) => {
                let words = format!(
                    "{error}. The trail is still sealed, but its newest part is proven by the database alone, and nothing new is started. \
                     An operator of this server has to make room or mend the rights of the folder."
                );
                tracing::error!(%error, "the head of the trail could not be anchored");
                self.say("anchor_unwritable", &words).await
            }
        }
    }

    async fn head(&self, newest: &Newest) -> Result<Anchor> {
        let digest =
            |raw: &[u8], what: &str| Digest::from_slice(raw).ok_or_else(|| Error::internal(format!("batch {} has no {what}", newest.n)));
        let mut db = self.pool.acquire().await?;
        let facts = match &self.anchored {
            Some(anchored) => anchored.facts + seals::sealed_facts(&mut db, anchored.n, newest.n).await?,
            None => seals::sealed_facts(&mut db, 0, newest.n).await?,
        };
        Ok(Anchor {
            n: newest.n,
            hash: digest(&newest.hash, "hash")?,
            facts,
            sealed_at: newest.sealed_at,
            public_key: digest(&newest.public_key, "key")?,
        })
    }

    async fn say_ok(&mut self) -> Result<()> {
        match self.said {
            Some(("ok", at)) if at.elapsed() < SAY_EVERY => Ok(()),
            _ => self.say("ok", "").await,
        }
    }

    async fn say(&mut self, state: &'static str, words: &str) -> Result<()> {
        let mut db = self.pool.acquire().await?;
        service_states::say(&mut db, ANCHOR_JOB, &self.process, state, words).await?;
        service_states::forget_old(&mut db).await?;
        self.said = Some((state, Instant::now()));
        Ok(())
    }
}
