//! A worker announces its public key. The first key of an installation is admitted at once; later ones wait for an administrator.

use crate::error::Result;
use crate::ledger::Ledger;
use crate::vault::Keyring;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::WorkerKeyId;
use domain::permission::Permit;
use sqlx::PgPool;

/// Announces the key under a label that tells people where it lives; harmless when it was announced before. Answers whether it is admitted.
pub async fn announce_worker_key(pool: &PgPool, keyring: &Keyring, worker: &str, label: &str) -> Result<bool> {
    let (id, public_key): (WorkerKeyId, [u8; 32]) = (keyring.id(), keyring.public_key());
    let permit = Permit::worker(worker);
    let label: String = label.chars().filter(|c| !c.is_control()).take(120).collect();
    let label = if label.is_empty() { "worker".to_owned() } else { label };
    let (admitted, fresh) = transaction::run(pool, "announce_worker_key", move |db| {
        let (permit, label) = (permit.clone(), label.clone());
        Box::pin(async move {
            let Some(admitted) = store::secrets::announce(db, id, &public_key, &label).await? else {
                // Whether it proves backups it says right after this.
                store::secrets::seen(db, id, false).await?;
                return Ok((store::secrets::worker_key(db, id).await?.is_some_and(|key| key.admitted_at.is_some()), false));
            };
            let mut ledger = Ledger::open(db, &permit, "worker start");
            ledger.fact(NewFact::done("worker_key.announce", "worker_key", id).with("label", label).with("admitted", admitted)).await?;
            Ok((admitted, true))
        })
    })
    .await?;
    if fresh {
        wake(pool, &[Wake::Sealer]).await;
    }
    if !admitted {
        tracing::warn!(key = %id, "this worker's key waits for an administrator; until then it opens no passwords");
    }
    Ok(admitted)
}
