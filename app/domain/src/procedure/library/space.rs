//! "space review (PostgreSQL)": where the space goes, and what lies about. It reads only.

use super::{template, weekly};
use crate::procedure::select::step;
use crate::procedure::{Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key.
pub const KEY: &str = "space_review_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    let steps = vec![weekly::preflight(), space(), weekly::validate()];
    vec![Procedure {
        key: KEY.to_owned(),
        version: 1,
        dbms: Dbms::Postgresql,
        name: "space review (PostgreSQL)".to_owned(),
        steps,
        own: None,
    }]
}

/// Where the space goes.
pub(super) fn space() -> StepTemplate {
    template(
        step::SPACE,
        "Look at the space",
        (StepKind::Review, StepClass::Read, RiskClass::R0),
        &[],
        "The largest tables with their indexes, partitions included, and how they grew since earlier looks; large tables that could be archived or partitioned by time, or why not; rows in DEFAULT partitions, partitions that were detached halfway or run out; schemas of temporary tables whose session is gone.",
        "Each finding says what was measured; what could not be looked at is a finding, too.",
        "Nothing to undo: it only reads.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(versions()[0].digest().short(), "41f9-2607-32ef");
    }
}
