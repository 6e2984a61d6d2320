//! "monthly review (PostgreSQL)": what nobody looks at every day. It reads only; what to do is advice, and changes are proposed apart.

use super::{template, weekly};
use crate::procedure::select::step;
use crate::procedure::{Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key.
pub const KEY: &str = "monthly_review_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    let steps = vec![weekly::preflight(), indexes(), keys(), configuration(), security(), integrity(), weekly::validate()];
    vec![Procedure { key: KEY.to_owned(), version: 1, dbms: Dbms::Postgresql, name: "monthly review (PostgreSQL)".to_owned(), steps }]
}

fn review(key: &str, name: &str, does: &str) -> StepTemplate {
    template(
        key,
        name,
        (StepKind::Review, StepClass::Read, RiskClass::R0),
        &[],
        does,
        "Each finding says what was measured; what could not be looked at is a finding, too.",
        "Nothing to undo: it only reads.",
    )
}

fn indexes() -> StepTemplate {
    review(
        step::INDEX_REVIEW,
        "Review the indexes",
        "Indexes that are the same as another, or its left part; indexes without a scan, where the counters ran for 30 days and no standby is connected; foreign keys without an index.",
    )
}

fn keys() -> StepTemplate {
    review(step::KEY_REVIEW, "Review sequences and keys", "Sequences against what their column can hold; tables without a primary key.")
}

fn configuration() -> StepTemplate {
    review(
        step::CONFIGURATION_REVIEW,
        "Review the configuration",
        "Settings against rules that say why; settings that wait for a restart; errors in the files; checkpoints, connections, deadlocks, archiving, replication slots that nobody reads.",
    )
}

fn security() -> StepTemplate {
    review(
        step::SECURITY_REVIEW,
        "Review rights and ways in",
        "Powerful logins, rights of everybody, SECURITY DEFINER functions without a search path, pg_hba.conf where the role may read it, extensions to update, the encoding.",
    )
}

fn integrity() -> StepTemplate {
    review(
        step::INTEGRITY,
        "Check what is stored",
        "Every unique B-tree index against all rows of its table, with amcheck, as far as a quarter of the window reaches; checksum failures; indexes whose collation has changed.",
    )
}

#[cfg(test)]
mod tests {
    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(super::versions()[0].digest().short(), "eb8e-9d1c-8fde");
    }
}
