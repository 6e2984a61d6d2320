//! Sequences near their end, and tables without a primary key (PG-18, PG-19).

use super::{ATTENTION, NOTE, URGENT, found};
use crate::procedure::select::step::KEY_REVIEW as STEP;
use crate::procedure::text::{permille, plural, size};
use crate::procedure::{Finding, ObjectName, Selection};

/// Named from here on, in thousandths of what the column can hold.
pub const NOTE_PERMILLE: u32 = 500;
/// Somebody has to plan the wider column.
pub const ATTENTION_PERMILLE: u32 = 750;
/// Writing stops soon.
pub const URGENT_PERMILLE: u32 = 900;

/// A sequence, measured against the narrower of itself and its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceRow {
    /// The sequence.
    pub sequence: ObjectName,
    /// Its table and column, as people write them; `None` where it belongs to none.
    pub column: Option<String>,
    /// How much is used, in thousandths; `None` where the role may not read it, or it was never used.
    pub used_permille: Option<u32>,
    /// May our role read it?
    pub readable: bool,
}

/// A table whose rows nothing tells apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeylessRow {
    /// The table.
    pub table: ObjectName,
    /// Heap, TOAST and indexes.
    pub bytes: u64,
}

/// Sequences beyond the thresholds, and how many could not be read.
pub fn sequences(rows: &[SequenceRow]) -> Selection {
    let mut findings = Vec::new();
    for row in rows {
        let Some(used) = row.used_permille.filter(|used| *used >= NOTE_PERMILLE) else { continue };
        let level = match used {
            URGENT_PERMILLE.. => URGENT,
            ATTENTION_PERMILLE.. => ATTENTION,
            _ => NOTE,
        };
        let of = row.column.as_ref().map(|column| format!(" of {column}")).unwrap_or_default();
        findings.push(
            Finding::new(
                STEP,
                "sequence_near_end",
                level,
                format!("{}{of} is used up; at the end every insert fails.", permille(used)),
                "Make the column wider in time: a new bigint column, filled in batches, then changed over. ALTER COLUMN … TYPE rewrites the table under a lock.",
            )
            .about(&row.sequence)
            .figure("used_permille", used.into()),
        );
    }
    let blind = rows.iter().filter(|row| !row.readable).count() as u64;
    if blind > 0 {
        findings.push(Finding::cannot_see(
            STEP,
            format!(
                "How far {} got is not known: the role may not read them, and the server says nothing then.",
                plural(blind, "sequence", "sequences")
            ),
            "GRANT SELECT ON ALL SEQUENCES IN SCHEMA … to the role.",
        ));
    }
    found(findings)
}

/// Tables without a primary key.
pub fn keyless(rows: &[KeylessRow]) -> Selection {
    let finding = |row: &KeylessRow| {
        Finding::new(
            STEP,
            "no_primary_key",
            NOTE,
            format!(
                "It has no primary key ({}): logical replication cannot change its rows, and online rewrites refuse it.",
                size(row.bytes)
            ),
            "By a design change: CREATE UNIQUE INDEX CONCURRENTLY on columns that are NOT NULL, then ADD PRIMARY KEY USING INDEX.",
        )
        .about(&row.table)
        .figure("table_bytes", row.bytes)
    };
    found(rows.iter().map(finding).collect())
}
