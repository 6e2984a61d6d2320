//! Is what is stored what was written? Structure checks of indexes, checksums, collation versions (PG-11, PG-12, PG-26).

use super::{ATTENTION, NOTE, URGENT, found};
use crate::procedure::select::step::INTEGRITY as STEP;
use crate::procedure::text::plural;
use crate::procedure::{Finding, ObjectName, Selection};

/// How the check of one index went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Every row of the table is in it, in order.
    Sound,
    /// The server found damage, and says what.
    Damaged(String),
    /// It could not be checked.
    NotChecked(String),
}

/// An index that was checked with amcheck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// The index.
    pub index: ObjectName,
    /// How it went.
    pub checked: Checked,
}

/// What was found of the indexes; `left` more had no time.
pub fn indexes(rows: &[CheckRow], left: u64) -> Selection {
    let mut findings = Vec::new();
    let sound = rows.iter().filter(|row| row.checked == Checked::Sound).count() as u64;
    for row in rows {
        match &row.checked {
            Checked::Sound => {}
            Checked::Damaged(said) => findings.push(
                Finding::new(
                    STEP,
                    "damaged_index",
                    URGENT,
                    format!("It is damaged: {said}."),
                    "Stop here. Keep a physical copy of the server's files, suspect the storage or a changed collation, and only then rebuild: a rebuild removes the evidence.",
                )
                .about(&row.index),
            ),
            Checked::NotChecked(why) => {
                findings.push(Finding::cannot_see(STEP, format!("It could not be checked: {why}."), "Let the role execute bt_index_check, or look at a quieter time.").about(&row.index));
            }
        }
    }
    if sound > 0 {
        findings.push(Finding::new(
            STEP,
            "sound_indexes",
            NOTE,
            format!(
                "{} checked against every row of their tables: nothing is missing, all is in order.",
                plural(sound, "unique index was", "unique indexes were")
            ),
            "Nothing to do.",
        ));
    }
    if left > 0 {
        findings.push(Finding::cannot_see(
            STEP,
            format!("There was no time to check {} more.", plural(left, "unique index", "unique indexes")),
            "Give the window more time: a quarter of it is used for this.",
        ));
    }
    found(findings)
}

/// amcheck is not there, or lies where the role may not use it.
pub fn no_amcheck() -> Selection {
    found(vec![Finding::cannot_see(
        STEP,
        "The indexes were not checked: the extension amcheck is not installed in this database.",
        "CREATE EXTENSION amcheck; GRANT EXECUTE ON FUNCTION bt_index_check(regclass, boolean) to the role.",
    )])
}

/// Damaged pages that the server met, and whether it looks at all. `failures` is `None` where checksums are off.
pub fn checksums(failures: Option<u64>) -> Selection {
    found(match failures {
        None => vec![Finding::new(
            STEP,
            "no_checksums",
            NOTE,
            "Data checksums are off: damage by the storage is not noticed when a page is read.",
            "They can be switched on while the server is stopped (pg_checksums), or with the next upgrade.",
        )],
        Some(0) => vec![],
        Some(n) => vec![Finding::new(
            STEP,
            "checksum_failures",
            URGENT,
            format!("The server met {} since the counters began.", plural(n, "page with a wrong checksum", "pages with a wrong checksum")),
            "Look into the server's log for their files, keep a physical copy, check the storage, and restore from a backup that is older.",
        )
        .figure("failures_pages", n)],
    })
}

/// An index whose order was made by another version of the collation than the server has now.
pub fn collations(indexes: &[ObjectName]) -> Selection {
    let finding = |index: &ObjectName| {
        Finding::new(
            STEP,
            "collation_changed",
            ATTENTION,
            "The operating system's, or ICU's, order of text has changed since it was built: lookups may miss rows, and unique may not hold.",
            "Check it with amcheck, rebuild it, and every other one that is listed; only then ALTER … REFRESH VERSION, which removes the only trace.",
        )
        .about(index)
    };
    found(indexes.iter().map(finding).collect())
}
