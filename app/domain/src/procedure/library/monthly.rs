//! "monthly review (PostgreSQL)": what nobody looks at every day. It reads only; what to do is advice, and changes are proposed apart.

use super::{template, weekly};
use crate::procedure::select::step;
use crate::procedure::{Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key.
pub const KEY: &str = "monthly_review_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    vec![version_1(), version_2(), version_3()]
}

fn procedure(version: u32, steps: Vec<StepTemplate>) -> Procedure {
    Procedure { key: KEY.to_owned(), version, dbms: Dbms::Postgresql, name: "monthly review (PostgreSQL)".to_owned(), steps, own: None }
}

/// Version 1: indexes, keys, configuration, rights, and whether what is stored is whole.
fn version_1() -> Procedure {
    procedure(1, vec![weekly::preflight(), indexes(), keys(), configuration(), security(), integrity(), weekly::validate()])
}

/// Version 2 also compares what the statements cost with the looks before.
fn version_2() -> Procedure {
    procedure(2, vec![weekly::preflight(), queries(), indexes(), keys(), configuration(), security(), integrity(), weekly::validate()])
}

/// Version 3 also keeps and compares how the critical queries would be answered.
fn version_3() -> Procedure {
    procedure(
        3,
        vec![weekly::preflight(), queries(), plans(), indexes(), keys(), configuration(), security(), integrity(), weekly::validate()],
    )
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

fn queries() -> StepTemplate {
    review(
        step::QUERY_REVIEW,
        "Review the statements",
        "What pg_stat_statements counted, against the looks before: statements that read or take twice as much for each call, new ones that take much of the time, and where the time goes; large tables that are read from end to end again and again. Texts are shown without their values.",
    )
}

fn plans() -> StepTemplate {
    review(
        step::PLAN_REVIEW,
        "Review the plans of critical queries",
        "How the server would answer each registered critical query: which tables it would read whole, and which by an index. The plan is kept and compared with that of the look before. Nothing is run: the server is asked for its plan.",
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

    #[test]
    fn version_3_is_frozen() {
        assert_eq!(super::versions()[2].digest().short(), "6e97-6a47-08e8");
    }

    #[test]
    fn version_2_is_frozen() {
        assert_eq!(super::versions()[1].digest().short(), "39c5-7ff6-c659");
    }
}
