//! "design change (PostgreSQL)": pre-checks, the approved text, validation. What the text may be is told by [`crate::change`].

use super::{template, weekly};
use crate::procedure::select::step;
use crate::procedure::{Act, Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key.
pub const KEY: &str = "design_change_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    let steps = vec![preflight(), change(), weekly::validate()];
    vec![Procedure {
        key: KEY.to_owned(),
        version: 1,
        dbms: Dbms::Postgresql,
        name: "design change (PostgreSQL)".to_owned(),
        steps,
        own: None,
    }]
}

/// Which privileges a text needs is told by the server when the text is sent, and by a rehearsal before.
pub(super) fn preflight() -> StepTemplate {
    template(
        "preflight",
        "Pre-checks",
        (StepKind::Check, StepClass::Read, RiskClass::R0),
        &[],
        "Server version, identity, primary and writable, old transactions, prepared transactions, replication slots and standbys, connections in use, age of the newest backup on record, invalid indexes.",
        "Every check is green, or named in yellow; a red one stops the run before it changes anything.",
        "Nothing to undo: it only reads.",
    )
}

pub(super) fn change() -> StepTemplate {
    template(
        step::CHANGE,
        "Approved statements",
        (StepKind::Sql, StepClass::Once, RiskClass::R4),
        &[Act::Apply, Act::ApplyAlone],
        "Sends the approved statements as they stand in the plan. Those that can share a transaction do: all of them or none. A lock is waited for briefly and then given up; a transaction, or an index, is tried again, any other statement on its own is not. When one part fails, no later part is begun.",
        "The server says that the transaction is committed; an index that was built is there and valid.",
        "By the way back in the plan, when a run that is done in part waits for a decision; where there is none, the plan says why.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(versions()[0].digest().short(), "cd41-e62f-5c81");
    }
}
