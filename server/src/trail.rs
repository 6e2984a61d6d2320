//! `drydock trail`: verification and export, offline, over the database as the auditor sees it.

use std::path::PathBuf;

use domain::canonical::Digest;
use engine::cluster::ServiceRole;
use engine::trail::export::{export_over, verify_over};
use engine::trail::report::Report;
use engine::trail::verify::Known;

use crate::{
    config::Settings,
    state::{self, State},
};

/// What the caller knows of the chain's end.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// An anchor file.
    pub anchor: Option<PathBuf>,
    /// A head, 64 hex digits.
    pub head: Option<String>,
}

/// Exit code of a trail that could not be looked at: no database, no right, no anchor file.
pub const EXIT_CANNOT: u8 = 2;

/// Verify the whole trail.
pub async fn verify(settings: &Settings, claim: &Claim) -> anyhow::Result<Report> {
    let known = match (&claim.anchor, &claim.head) {
        (Some(file), _) => Known::from_anchor_file(file)?,
        (None, Some(head)) => {
            let digest = Digest::from_hex(head.trim())
                .ok_or_else(|| anyhow::anyhow!("--head takes the 64 hex digits of a head, as mails and anchor files show it"))?;
            Known::head(digest)
        }
        (None, None) => Known::nothing(),
    };
    state::must_exist(settings)?;
    let state = State::reach(settings).await?;
    let report = async { anyhow::Ok(verify_over(&state.options(ServiceRole::Auditor)?, &known).await?) }.await;
    state.close().await?;
    report
}

/// Where this installation's worker keeps its anchors, if there are any: worth a hint when none were given.
pub fn anchors_here(settings: &Settings) -> Option<PathBuf> {
    let file = settings.data_dir.join("worker").join(engine::trail::anchor::FILE);
    file.is_file().then_some(file)
}

/// Write the whole trail as JSON Lines.
pub async fn export(settings: &Settings, write: &mut (dyn FnMut(&str) -> std::io::Result<()> + Send)) -> anyhow::Result<u64> {
    state::must_exist(settings)?;
    let state = State::reach(settings).await?;
    let facts = async { anyhow::Ok(export_over(&state.options(ServiceRole::Auditor)?, write).await?) }.await;
    state.close().await?;
    facts
}
