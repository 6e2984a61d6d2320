//! One file per verb. Each reads like the six beats: authorize, load, ask the domain, ledger, commit, wake.

pub mod record_backup;

use domain::permission::Actor;

/// Who asks, and under which request id: what every action starts from.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person, with today's rights.
    pub actor: Actor,
    /// Request id, for the trail and the log.
    pub request: String,
}
