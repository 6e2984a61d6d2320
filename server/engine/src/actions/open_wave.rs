//! Opens the next wave of a window of several databases: every database of the waves before ended clean, and has been watched for its time.

use super::open_run::open_asked;
use super::start_gate::{Asked, ask};
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::{self, lanes::LaneRow};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::decision::Refusal;
use domain::ids::{RunId, WindowId};
use domain::lanes::next_wave;
use domain::permission::Permit;
use jiff::Timestamp;
use sqlx::PgPool;

/// Opens the runs of `wave`, all of them or none. The scheduler calls it; a closed gate is its refusal, and so is a wave that is not next.
pub async fn open_wave(pool: &PgPool, permit: &Permit, window: WindowId, wave: u32, reason: &str) -> Result<Vec<RunId>> {
    let (permit, reason) = (permit.clone(), reason.to_owned());
    let runs = transaction::run(pool, "open_wave", move |db| {
        let (permit, reason) = (permit.clone(), reason.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            let (_, revision) = ledger.lock_window(window).await?;
            let lanes = store::lanes::of(ledger.db(), window, revision).await?;
            let since = since(&lanes, wave)?;
            let answer = ask(&mut ledger, window, Asked::before_the_wave(wave, since)).await?.into_open()?;
            open_asked(&mut ledger, &answer, wave, &reason).await
        })
    })
    .await?;
    wake(pool, &[Wake::Runner, Wake::Sealer]).await;
    Ok(runs)
}

/// When the wave before ended; refused for a wave that is not next.
fn since(lanes: &[LaneRow], wave: u32) -> Result<Timestamp> {
    if next_wave(&store::lanes::states(lanes)) != Some(wave) {
        return Err(Refusal::new("moved_on", format!("Wave {wave} is not the next one of this window."), "Look at its page.").into());
    }
    lanes.iter().filter_map(|lane| lane.ended_at).max().ok_or_else(|| Error::internal("a wave follows one that ended"))
}
