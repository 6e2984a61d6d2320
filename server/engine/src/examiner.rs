//! Answers what the web asks by a row: connection tests, previews, probes. Only workers reach databases, so the web asks and waits.
//!
//! A question is taken under a lease by the state database's clock, answered within a deadline, and put back when the worker stops.
//! One that keeps killing its workers, or that nobody takes, is given up with a sentence instead of being tried for ever.

mod connection;
mod preview;
mod probe;
mod proof;
mod rotation;
mod trial;

use crate::actions::announce_worker_key::announce_worker_key;
use crate::error::{Error, Result};
use crate::metrics::metrics;
use crate::store::examinations::{self, Claimed};
use crate::wake::{Wake, wake};
use crate::worker::WorkerContext;
use crate::{store, transaction};
use domain::examination::ExaminationKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A wake-up makes it fast; this makes it right.
const POLL: Duration = Duration::from_secs(1);
/// Each answer holds a connection or two to one database, and memory for its lists.
const AT_ONCE: usize = 4;
/// How often the worker says that it is there. Pages call a worker silent after three times this.
const SEEN: Duration = Duration::from_secs(5);
/// A question older than this has been left by whoever asked.
const GIVE_UP_S: f64 = 900.0;
/// Proofs of backups wait for each other, each of them for so long at most.
const GIVE_UP_PROOF_S: f64 = 24.0 * 3600.0;
const GIVEN_UP_PROOF: &str = "No worker with a folder of backups answered within a day. Check that one runs and has the setting DRYDOCK_BACKUPS_DIR, then ask again.";
const GIVEN_UP: &str = "No worker answered within 15 minutes. Check that a worker runs (drydock worker, or drydock serve) and ask again.";
/// What a worker needs beyond the deadline to write the answer down.
const LEASE_RESERVE: Duration = Duration::from_secs(20);

/// How long an answer may take. A preview measures indexes page by page; 10 GB take about a minute from disk.
fn deadline(kind: ExaminationKind) -> Duration {
    match kind {
        ExaminationKind::ConnectionTest | ExaminationKind::PasswordRotation => Duration::from_secs(60),
        // Twenty queries at most, six runs each.
        ExaminationKind::Preview | ExaminationKind::Probe => Duration::from_secs(300),
        ExaminationKind::BackupProof => Duration::from_secs(domain::backup::WITHIN_H * 3600),
    }
}

/// Announces this worker's key, then takes questions until the soft stop.
///
/// # Errors
/// When the state database does not answer; the supervisor starts the loop again.
pub async fn run(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Examiner);
    let label = format!("{} {}", context.name.split('/').next().unwrap_or("worker"), context.config.data_dir.display());
    announce_worker_key(&context.pool, &context.keyring, &context.name, &label).await?;
    let mut admitted = still_here(&context).await?;
    context.tasks.spawn(trial::sweep(context.clone()));
    let scratch = context.config.scratch_dir.clone();
    context.tasks.spawn(async move { crate::target::proof::sweep(&scratch).await });
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut seen = Instant::now();
    loop {
        if seen.elapsed() >= SEEN {
            admitted = still_here(&context).await?;
            seen = Instant::now();
        }
        // A key that is not admitted opens nothing: the questions are left to workers whose keys are.
        while admitted && let Ok(place) = Arc::clone(&room).try_acquire_owned() {
            let proving = Arc::clone(&context.proofs).try_acquire_owned().ok();
            let Some(claimed) = claim(&context, proving.is_some()).await? else { break };
            let (place, proving) = if claimed.kind == ExaminationKind::BackupProof { (None, proving) } else { (Some(place), None) };
            let context = context.clone();
            context.clone().tasks.spawn(async move {
                answer(&context, &claimed).await;
                drop((place, proving));
                // There is room again: look for the next one.
                context.ring(Wake::Examiner);
            });
        }
        if !bell.wait(POLL).await {
            return Ok(());
        }
    }
}

async fn still_here(context: &WorkerContext) -> Result<bool> {
    let (id, proves) = (context.keyring.id(), context.config.backups_dir.is_some());
    transaction::run(&context.pool, "worker_seen", move |db| {
        Box::pin(async move {
            store::secrets::seen(db, id, proves).await?;
            examinations::expire(db, false, GIVE_UP_S, GIVEN_UP).await?;
            examinations::expire(db, true, GIVE_UP_PROOF_S, GIVEN_UP_PROOF).await?;
            Ok(store::secrets::worker_key(db, id).await?.is_some_and(|key| key.admitted_at.is_some()))
        })
    })
    .await
}

/// Takes the oldest open question and answers it; false when there was none. The loop does the same, several at once.
///
/// # Errors
/// When the state database does not answer.
pub async fn answer_next(context: &WorkerContext) -> Result<bool> {
    let Some(claimed) = claim(context, context.config.backups_dir.is_some()).await? else { return Ok(false) };
    answer(context, &claimed).await;
    Ok(true)
}

async fn claim(context: &WorkerContext, proves: bool) -> Result<Option<Claimed>> {
    let name = Arc::clone(&context.name);
    let lease = |kind| (deadline(kind) + LEASE_RESERVE).as_secs_f64();
    transaction::run(&context.pool, "claim_examination", move |db| {
        let name = Arc::clone(&name);
        Box::pin(async move {
            examinations::claim(db, &name, lease(ExaminationKind::Preview), lease(ExaminationKind::ConnectionTest), proves).await
        })
    })
    .await
}

async fn answer(context: &WorkerContext, claimed: &Claimed) {
    let outcome = tokio::select! {
        outcome = tokio::time::timeout(deadline(claimed.kind), look(context, claimed)) => outcome,
        () = context.stop.cancelled() => return put_back(context, claimed).await,
    };
    let failure = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(sentence(&error, claimed)),
        Err(_) => Some(format!(
            "The worker gave up after {} s: the database answers too slowly, or something holds its catalogs locked. Look at the server's load and at long transactions, then ask again.",
            deadline(claimed.kind).as_secs()
        )),
    };
    let outcome = if failure.is_none() { "answered" } else { "failed" };
    metrics().examinations.get_or_create(&[("kind", claimed.kind.word()), ("outcome", outcome)]).inc();
    if let Some(failure) = failure
        && let Err(error) = connection::fail(context, claimed, failure).await
    {
        tracing::warn!(examination = %claimed.id, %error, "the failure was not noted; the question's lease will end");
    }
    wake(&context.pool, &[Wake::Sealer]).await;
}

async fn put_back(context: &WorkerContext, claimed: &Claimed) {
    let (id, name) = (claimed.id, Arc::clone(&context.name));
    let put_back = transaction::run(&context.pool, "put_back_examination", move |db| {
        let name = Arc::clone(&name);
        Box::pin(async move { examinations::put_back(db, id, &name).await })
    });
    if let Err(error) = put_back.await {
        tracing::warn!(examination = %id, %error, "not put back; its lease will end");
    }
    wake(&context.pool, &[Wake::Examiner]).await;
}

async fn look(context: &WorkerContext, claimed: &Claimed) -> Result<()> {
    match claimed.kind {
        ExaminationKind::ConnectionTest => connection::test(context, claimed).await,
        ExaminationKind::Preview => preview::look(context, claimed).await,
        ExaminationKind::Probe => probe::look(context, claimed).await,
        ExaminationKind::PasswordRotation => rotation::rotate(context, claimed).await,
        ExaminationKind::BackupProof => proof::prove(context, claimed).await,
    }
}

/// Refusals are for people; anything else is for the log, and the page says where to look.
fn sentence(error: &Error, claimed: &Claimed) -> String {
    match error {
        Error::Refused(refusal) => refusal.to_string(),
        Error::NotFound | Error::Hidden => "What the question was about does not exist any more.".to_owned(),
        error => {
            tracing::error!(examination = %claimed.id, target = %claimed.target, %error, "an examination failed");
            format!("The worker could not finish this. Its log has the details under {}. Ask again.", claimed.id)
        }
    }
}
