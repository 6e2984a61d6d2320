//! The proof of a backup: asked by a person, tried by a worker that has a folder of backups, recorded where it holds.

use super::connection::refused;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::backups::Proven;
use crate::store::examinations::{self, Claimed};
use crate::store::targets::{self, Target};
use crate::target::connect::Dialer;
use crate::target::identity::StableIdentity;
use crate::target::proof::{self, Asked};
use crate::worker::{WorkerContext, address};
use crate::{clock, store, transaction};
use domain::backup::Proof;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::permission::Permit;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A lease is renewed so often.
const RENEW_EVERY: Duration = Duration::from_secs(30);
/// A worker that is silent for so long has died over a proof.
const LEASE_S: f64 = 150.0;

/// Restores the newest backup, compares it, and writes down what was found.
pub(super) async fn prove(context: &WorkerContext, claimed: &Claimed) -> Result<()> {
    let Some(folder) = context.config.backups_dir.clone() else { return Err(Error::internal("this worker proves no backups")) };
    let (target, address) = address(context, claimed.target).await?;
    let identity: StableIdentity = match target.identity.clone() {
        Some(identity) => serde_json::from_value(identity)?,
        None => {
            return Err(
                Refusal::new("not_ready", "No connection test of this database has passed yet.", "Test the connection first.").into()
            );
        }
    };
    let dialer = Dialer::new(address).await.map_err(refused)?;
    let proof = keeping_the_lease(context, claimed, attempt(context, &target, identity, folder, dialer)).await?;
    conclude(context, claimed, &target, &proof).await
}

/// In a task of its own: whoever waits for the answer may give up, and the throwaway server is removed all the same.
async fn attempt(context: &WorkerContext, target: &Target, identity: StableIdentity, folder: PathBuf, dialer: Dialer) -> Result<Proof> {
    let stop = context.stop.child_token();
    let ends_with_the_wait = stop.clone().drop_guard();
    let (context, name) = (context.clone(), target.registration.short_name.clone());
    let task = context.tasks.clone().spawn(async move {
        let config = &context.config;
        proof::sweep(&config.scratch_dir).await;
        let asked = Asked {
            // Another one for each try: somebody may still be removing what the one before left.
            id: clock::new_id::<uuid::Uuid>(),
            folder: &folder.join(&name),
            known_as: &name,
            identity: &identity,
            programs: &config.program_folders,
            work: &config.data_dir,
            scratch: &config.scratch_dir,
        };
        proof::attempt(&dialer, &asked, &stop).await
    });
    let outcome = task.await.map_err(Error::internal)?;
    drop(ends_with_the_wait);
    Ok(outcome?)
}

/// Restoring takes longer than any lease: it is renewed, and what became another worker's is not gone on with.
async fn keeping_the_lease(context: &WorkerContext, claimed: &Claimed, work: impl Future<Output = Result<Proof>>) -> Result<Proof> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            outcome = &mut work => return outcome,
            () = tokio::time::sleep(RENEW_EVERY) => {}
        }
        let (id, name) = (claimed.id, Arc::clone(&context.name));
        let renewed = transaction::run(&context.pool, "renew_examination", move |db| {
            let name = Arc::clone(&name);
            Box::pin(async move { examinations::renew(db, id, &name, LEASE_S).await })
        });
        match renewed.await {
            Ok(true) => {}
            Ok(false) => return Err(taken()),
            // The lease outlives a state database that is gone for a moment.
            Err(error) => tracing::warn!(examination = %claimed.id, %error, "the lease of a proof was not renewed"),
        }
    }
}

fn taken() -> Error {
    Error::internal("the question was taken by another worker")
}

async fn conclude(context: &WorkerContext, claimed: &Claimed, proven: &Target, proof: &Proof) -> Result<()> {
    let (claimed, name, proof, revision) = (claimed.clone(), Arc::clone(&context.name), proof.clone(), proven.revision);
    transaction::run(&context.pool, "conclude_proof", move |db| {
        let (claimed, name, proof) = (claimed.clone(), Arc::clone(&name), proof.clone());
        Box::pin(async move {
            targets::lock(db, claimed.target).await?;
            let target = targets::find(db, claimed.target).await?.filter(|target| target.revision == revision).ok_or_else(moved_on)?;
            let by = examinations::asked_by(db, claimed.id).await?.ok_or_else(|| Error::internal("a proof is asked for by a person"))?;
            let value = serde_json::to_value(&proof)?;
            if !examinations::finish(db, claimed.id, &name, Ok(&value)).await? {
                return Err(taken());
            }
            let permit = Permit::worker(&name);
            let request = format!("examination {}", claimed.id);
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = if proof.holds() {
                NewFact::done("backup.prove", "target", target.id)
            } else {
                NewFact::refused("backup.prove", "target", target.id)
            };
            let faults: Vec<String> = proof.faults.iter().map(domain::backup::Fault::sentence).collect();
            let fact = fact
                .of_team(target.team)
                .with("archive", proof.archive.as_ref().map(|archive| archive.path.clone()))
                .with("taken_at", proof.archive.as_ref().and_then(|archive| archive.taken_at).map(|at| at.to_string()))
                .with("asked_by", by.to_string())
                .with("found", proof.sentence())
                .with("faults", faults);
            ledger.fact(fact).await?;
            if let (true, Some(archive), Some(said)) = (proof.holds(), &proof.archive, proof.sentence())
                && let Some(taken_at) = archive.taken_at
            {
                let proven = Proven {
                    target: target.id,
                    taken_at,
                    location: &archive.path,
                    said: &said,
                    by,
                    examination: claimed.id,
                    proof: &value,
                };
                store::backups::insert_proven(ledger.db(), clock::new_id(), &proven).await?;
            }
            Ok(())
        })
    })
    .await
}

fn moved_on() -> Error {
    Refusal::new("moved_on", "The registration was changed while the backup was looked at, so what was found was not kept.", "Ask again.")
        .into()
}
