//! "old rows (PostgreSQL)": pre-checks, the approved rules, validation. What a rule is is told by [`crate::change::old_rows`].

use super::{design_change, template, weekly};
use crate::procedure::select::step;
use crate::procedure::{Act, Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key.
pub const KEY: &str = "old_rows_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    let steps = vec![design_change::preflight(), old_rows(), weekly::validate()];
    vec![Procedure { key: KEY.to_owned(), version: 1, dbms: Dbms::Postgresql, name: "old rows (PostgreSQL)".to_owned(), steps, own: None }]
}

fn old_rows() -> StepTemplate {
    template(
        step::OLD_ROWS,
        "Old rows",
        (StepKind::Sql, StepClass::Resumable, RiskClass::R4),
        &[Act::ApplyAlone],
        "Deletes the rows that are older than each approved rule says, or moves them to another table, at most 5,000 at a time, each time in a transaction of its own. Rows that others hold are left. Nothing is sent where a foreign key would delete or change rows of other tables with them. It goes on for as long as one part may take, and what is left waits for another window. Between two batches it waits while a standby is behind or the server is busy.",
        "As many rows arrived as left, in every batch; the old ones are counted before and after.",
        "Rows that were moved stand in the other table; those that were deleted come back from a backup only.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(versions()[0].digest().short(), "4ba3-05de-5093");
    }
}
