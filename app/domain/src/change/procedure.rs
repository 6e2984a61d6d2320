//! "design change (PostgreSQL)": pre-checks, the approved text, validation.

use super::STEP;
use crate::procedure::{Act, Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key of [`design_change_postgresql`].
pub const DESIGN_CHANGE_POSTGRESQL: &str = "design_change_postgresql";

/// Every version, the oldest first.
#[must_use]
pub fn versions() -> Vec<Procedure> {
    vec![design_change_postgresql()]
}

/// The procedure that sends a change of design. A change of any text here needs a higher version.
#[must_use]
pub fn design_change_postgresql() -> Procedure {
    let step = |key: &str, name: &str, (kind, class, risk), acts: &[Act], [does, verified_by, rollback]: [&str; 3]| StepTemplate {
        key: key.to_owned(),
        name: name.to_owned(),
        kind,
        class,
        risk,
        acts: acts.to_vec(),
        does: does.to_owned(),
        verified_by: verified_by.to_owned(),
        rollback: rollback.to_owned(),
    };
    Procedure {
        key: DESIGN_CHANGE_POSTGRESQL.to_owned(),
        version: 1,
        dbms: Dbms::Postgresql,
        name: "design change (PostgreSQL)".to_owned(),
        steps: vec![
            step(
                "preflight",
                "Pre-checks",
                (StepKind::Check, StepClass::Read, RiskClass::R0),
                &[],
                [
                    "Server version, identity, primary and writable, old transactions, prepared transactions, replication slots and standbys, connections in use, age of the newest backup on record, invalid indexes.",
                    "Every check is green, or named in yellow; a red one stops the run before it changes anything.",
                    "Nothing to undo: it only reads.",
                ],
            ),
            step(
                STEP,
                "Change of design",
                (StepKind::Sql, StepClass::Once, RiskClass::R4),
                &[Act::Apply, Act::ApplyAlone],
                [
                    "Sends the approved statements as they stand in the plan. Those that can share a transaction do: all of them or none. A lock is waited for briefly, then given up and tried again. When one part fails, no later part is begun.",
                    "The server says that the transaction is committed; an index that was built is there and valid.",
                    "By the way back in the plan, when somebody decides so; where there is none, the plan says why.",
                ],
            ),
            step(
                "validate",
                "Validation",
                (StepKind::Probe, StepClass::Read, RiskClass::R0),
                &[],
                [
                    "Critical queries against the baseline taken before the first change, connections in range, reachable and writable, no invalid index; the rest by people.",
                    "Each item is ticked off, or accepted by a named person with a reason.",
                    "Nothing to undo: it only reads.",
                ],
            ),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(design_change_postgresql().digest().short(), "3e62-80c2-aecb");
    }
}
