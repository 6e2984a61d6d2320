//! The proof of a backup: what a worker found when it restored one and held the result against the database.
//!
//! A backup that exists, lists its contents and has the right size can still be worthless. Only what was restored is proven, and only as far
//! as it was compared: the names of its objects, and roughly how many rows its tables have.

use crate::approval::Policy;
use crate::decision::Refusal;
use crate::people::visible;
use crate::procedure::text::{plural, size};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A table that is empty in the backup is told as a fault once the database has more rows in it than this: a queue may fill a little between
/// the backup and its proof, and a table that is left out of every backup has all of them.
pub const MOST_NEW_ROWS: u64 = 100;
/// A table with less than a tenth of the rows that the database has by the server's estimate is told as a fault, where more than this are missing;
/// one with less than half of them is named. Estimates are often wrong by a fifth, and seldom by half.
pub const MOST_MISSING_ROWS: u64 = 10_000;
/// Objects of one kind that a backup lacks are named up to so many.
pub const MOST_NAMED: usize = 10;
/// A restoration takes no longer, hours.
pub const WITHIN_H: u64 = 6;
/// The greatest age of a proven backup that a policy may allow, hours: a month.
pub const MOST_AGE_H: u32 = 744;

/// A kind of object that is compared by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Extension.
    Extension,
    /// Schema.
    Schema,
    /// Table, partitioned or not.
    Table,
    /// Column of a table.
    Column,
    /// View.
    View,
    /// Materialized view.
    MaterializedView,
    /// Sequence.
    Sequence,
    /// Index.
    Index,
    /// Constraint.
    Constraint,
    /// Function, procedure or aggregate, with its arguments.
    Routine,
    /// Trigger.
    Trigger,
    /// Policy of row level security.
    RowPolicy,
    /// Type or domain.
    Type,
    /// Extended statistics.
    Statistics,
    /// Large objects, all as one.
    LargeObjects,
}

impl Kind {
    /// The word of a catalog query's answer.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        serde_json::from_value(word.into()).ok()
    }
    /// One of it, and several, in words.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Extension => ("extension", "extensions"),
            Self::Schema => ("schema", "schemas"),
            Self::Table => ("table", "tables"),
            Self::Column => ("column", "columns"),
            Self::View => ("view", "views"),
            Self::MaterializedView => ("materialized view", "materialized views"),
            Self::Sequence => ("sequence", "sequences"),
            Self::Index => ("index", "indexes"),
            Self::Constraint => ("constraint", "constraints"),
            Self::Routine => ("function", "functions"),
            Self::Trigger => ("trigger", "triggers"),
            Self::RowPolicy => ("row policy", "row policies"),
            Self::Type => ("type", "types"),
            Self::Statistics => ("extended statistics object", "extended statistics objects"),
            Self::LargeObjects => ("set of large objects", "sets of large objects"),
        }
    }
}

/// Everything in a database that is compared, by kind and qualified name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Names of each kind.
    pub objects: BTreeMap<Kind, BTreeSet<String>>,
}

/// Rows of a table: counted in the backup, and by the server's own estimate in the database, whose rows are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rows {
    /// In the backup.
    pub restored: u64,
    /// In the database; `None` where the server has no estimate.
    pub live: Option<u64>,
}

/// Why a backup is not proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// What lies there cannot be a backup of use.
    Unusable {
        /// Why, as a sentence.
        said: String,
    },
    /// It does not restore.
    NotRestored {
        /// What the program said.
        said: String,
    },
    /// The database has what the backup lacks.
    Lacks {
        /// Of which kind.
        kind: Kind,
        /// The first names.
        names: Vec<String>,
        /// How many there are.
        count: usize,
    },
    /// Tables with rows are empty in the backup.
    Empty {
        /// The first names.
        names: Vec<String>,
        /// How many there are.
        count: usize,
    },
    /// Tables have less than a tenth of their rows in the backup.
    Few {
        /// The first names.
        names: Vec<String>,
        /// How many there are.
        count: usize,
    },
}

impl Fault {
    /// One sentence; names come from the database and are made visible.
    #[must_use]
    pub fn sentence(&self) -> String {
        let named = |names: &[String], count: usize| {
            let list: Vec<String> = names.iter().map(|name| visible(name)).collect();
            let more = count.saturating_sub(names.len());
            if more > 0 { format!("{} and {more} more", list.join(", ")) } else { list.join(", ") }
        };
        match self {
            Self::Unusable { said } => visible(said),
            Self::NotRestored { said } => format!("It does not restore: {}.", visible(said).trim_end_matches('.')),
            Self::Lacks { kind: Kind::LargeObjects, .. } => "The database has large objects, and the backup has none.".to_owned(),
            Self::Lacks { kind, names, count } => {
                let (one, many) = kind.words();
                format!("The backup lacks {} of the database: {}.", plural(*count as u64, one, many), named(names, *count))
            }
            Self::Empty { names, count } => format!(
                "{} with rows in the database {} empty in the backup: {}.",
                plural(*count as u64, "table", "tables"),
                if *count == 1 { "is" } else { "are" },
                named(names, *count)
            ),
            Self::Few { names, count } => format!(
                "{} rows in the backup: {}.",
                plural(*count as u64, "table has less than a tenth of its", "tables have less than a tenth of their"),
                named(names, *count)
            ),
        }
    }
}

/// What to do about a backup that is not proven.
pub const WAY_OUT: &str = "Nothing was recorded. Take a backup anew: what was made in the database since the last one is missing in it, too. Then have that proven.";

/// Which backup was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Path inside the folder of backups.
    pub path: String,
    /// Size in bytes; of a directory, that of all its files.
    pub size_bytes: u64,
    /// When the dump began, as the archive itself says; RFC 3339 in UTC. Unknown where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Major version of the server it was restored into.
    pub server_major: u16,
    /// How long the restoration took, ms.
    pub took_ms: u64,
    /// How many objects of each kind are in it.
    pub objects: BTreeMap<Kind, usize>,
    /// Rows of all its tables together, counted.
    pub rows: u64,
    /// Size on disk, bytes.
    pub size_bytes: u64,
}

/// The answer to the question for a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// What was looked at; none where nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// What came of restoring it, where it restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
    /// Why it is no proof; empty where it is one.
    pub faults: Vec<Fault>,
    /// What was not compared, and why, and what else is worth knowing, as sentences.
    pub not_compared: Vec<String>,
    /// The identity of the database that it was compared with, as its connection test found it.
    #[serde(default)]
    pub of: serde_json::Value,
}

impl Proof {
    /// True where the backup restored and lacks nothing that was compared.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty() && self.restored.is_some()
    }

    /// What was done, in one sentence, where it holds: it stands beside the record for good.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let restored = self.restored.as_ref().filter(|_| self.faults.is_empty())?;
        let of = |kind: Kind| restored.objects.get(&kind).copied().unwrap_or(0) as u64;
        let count = |kind: Kind| {
            let (one, many) = kind.words();
            plural(of(kind), one, many)
        };
        Some(format!(
            "A worker restored it into PostgreSQL {} in {} ({}): {} with {}, {}, {}, {}. Compared with the database: the names of schemas, tables, columns, views, indexes, constraints, functions, triggers and types, and roughly how many rows its tables have.",
            restored.server_major,
            seconds(restored.took_ms),
            size(restored.size_bytes),
            count(Kind::Table),
            plural(restored.rows, "row", "rows"),
            count(Kind::Index),
            count(Kind::Constraint),
            count(Kind::Routine),
        ))
    }
}

fn seconds(ms: u64) -> String {
    if ms < 1000 {
        format!("{ms} ms")
    } else if ms < 10_000 {
        format!("{}.{} s", ms / 1000, ms % 1000 / 100)
    } else {
        format!("{} s", ms / 1000)
    }
}

/// Holds what was restored against the database. `rows` are those of every table that has rows of its own in the backup, or could have.
#[must_use]
pub fn compare(live: &Inventory, restored: &Inventory, rows: &BTreeMap<String, Rows>) -> (Vec<Fault>, Vec<String>) {
    let none = BTreeSet::new();
    let missing = |kind: Kind| -> Vec<&String> {
        let there = restored.objects.get(&kind).unwrap_or(&none);
        live.objects.get(&kind).unwrap_or(&none).difference(there).collect()
    };
    // A missing table says enough: that its columns are missing with it is not told again.
    let gone: Vec<String> = missing(Kind::Table).into_iter().map(|table| format!("{IN_TABLE}{table}")).collect();
    let mut faults = Vec::new();
    for kind in live.objects.keys() {
        let mut missing = missing(*kind);
        if *kind == Kind::Column {
            missing.retain(|column| gone.iter().all(|of| !column.ends_with(of)));
        }
        if !missing.is_empty() {
            faults.push(Fault::Lacks { kind: *kind, names: first(&missing), count: missing.len() });
        }
    }
    let which = |is: &dyn Fn(&Rows) -> bool| -> Vec<&String> { rows.iter().filter(|(_, rows)| is(rows)).map(|(name, _)| name).collect() };
    let live = |rows: &Rows| rows.live.unwrap_or(0);
    let is_empty = |rows: &Rows| rows.restored == 0 && live(rows) > MOST_NEW_ROWS;
    let has_few = |rows: &Rows| rows.restored > 0 && live(rows) / 10 > rows.restored && live(rows) - rows.restored > MOST_MISSING_ROWS;
    let has_half = |rows: &Rows| {
        rows.restored > 0 && !has_few(rows) && live(rows) / 2 > rows.restored && live(rows) - rows.restored > MOST_MISSING_ROWS / 10
    };
    let (empty, few, half) = (which(&is_empty), which(&has_few), which(&has_half));
    let unknown = which(&|rows| rows.restored == 0 && rows.live.is_none());
    if !empty.is_empty() {
        faults.push(Fault::Empty { names: first(&empty), count: empty.len() });
    }
    if !few.is_empty() {
        faults.push(Fault::Few { names: first(&few), count: few.len() });
    }
    let mut told = Vec::new();
    let mut tell = |tables: &[&String], one: &str, many: &str| {
        if !tables.is_empty() {
            let named: Vec<String> = first(tables).iter().map(|name| visible(name)).collect();
            told.push(format!("{}: {}.", plural(tables.len() as u64, one, many), named.join(", ")));
        }
    };
    tell(&half, "table has less than half of its rows in the backup", "tables have less than half of their rows in the backup");
    tell(
        &unknown,
        "table is empty in the backup, and the server has no estimate of its rows",
        "tables are empty in the backup, and the server has no estimate of their rows",
    );
    (faults, told)
}

/// Between the name of what belongs to a table and that of the table.
pub const IN_TABLE: &str = " of ";

fn first(names: &[&String]) -> Vec<String> {
    names.iter().take(MOST_NAMED).map(|name| (*name).clone()).collect()
}

/// The code of the refusal where a proof is demanded that there is not.
pub const UNPROVEN: &str = "backup_proof";

/// The strictest demand of several policies, hours; nothing where none demands a proof.
pub fn demanded<'a>(policies: impl IntoIterator<Item = &'a Policy>) -> Option<u32> {
    policies.into_iter().filter_map(|policy| policy.proof_max_age_hours).min()
}

/// What is wrong with the newest proven backup, where a policy demands one at most this old; `None` where it is young enough.
#[must_use]
pub fn unproven(max_age_hours: Option<u32>, proven_at: Option<Timestamp>, now: Timestamp) -> Option<Refusal> {
    let hours = max_age_hours?;
    let way_out = "Somebody of the owner team has the newest backup proven on the database's page.";
    let Some(taken_at) = proven_at else {
        return Some(Refusal::new(
            UNPROVEN,
            format!(
                "The policy demands a backup that a worker has restored, at most {hours} hours old, and none of this database ever was."
            ),
            way_out,
        ));
    };
    let age = now.duration_since(taken_at);
    (age > SignedDuration::from_hours(hours.into())).then(|| {
        Refusal::new(
            UNPROVEN,
            format!(
                "The policy demands a backup that a worker has restored, at most {hours} hours old; the newest such is {} hours old.",
                age.as_hours()
            ),
            way_out,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(objects: &[(Kind, &[&str])]) -> Inventory {
        Inventory { objects: objects.iter().map(|(kind, names)| (*kind, names.iter().map(|name| (*name).to_owned()).collect())).collect() }
    }

    #[test]
    fn what_the_database_has_and_the_backup_lacks_is_a_fault() {
        let live = inventory(&[
            (Kind::Table, &["s.a", "s.b"]),
            (Kind::Index, &["s.i"]),
            (Kind::Routine, &["s.f(integer)"]),
            (Kind::Column, &["x of s.a", "x of s.b"]),
        ]);
        assert_eq!(compare(&live, &live, &BTreeMap::new()), (vec![], vec![]));
        let more = inventory(&[
            (Kind::Table, &["s.a", "s.b", "s.gone"]),
            (Kind::Index, &["s.i"]),
            (Kind::Routine, &["s.f(integer)"]),
            (Kind::Column, &["x of s.a", "x of s.b"]),
        ]);
        assert_eq!(compare(&live, &more, &BTreeMap::new()).0, [], "what was dropped since is no fault");
        let less = inventory(&[(Kind::Table, &["s.a"]), (Kind::Routine, &["s.f(text)"]), (Kind::Column, &["x of s.a"])]);
        let said: Vec<String> = compare(&live, &less, &BTreeMap::new()).0.iter().map(Fault::sentence).collect();
        assert_eq!(
            said,
            [
                "The backup lacks 1 table of the database: s.b.",
                "The backup lacks 1 index of the database: s.i.",
                "The backup lacks 1 function of the database: s.f(integer)."
            ]
        );
    }

    #[test]
    fn a_table_without_its_rows_is_a_fault_and_a_queue_is_none() {
        let said = |restored, live| {
            let (faults, told) =
                compare(&Inventory::default(), &Inventory::default(), &BTreeMap::from([("s.a".to_owned(), Rows { restored, live })]));
            faults.iter().map(Fault::sentence).chain(told).collect::<Vec<_>>().concat()
        };
        assert_eq!(said(0, Some(MOST_NEW_ROWS + 1)), "1 table with rows in the database is empty in the backup: s.a.");
        assert_eq!(said(0, Some(MOST_NEW_ROWS)), "", "a queue fills a little");
        assert_eq!(said(0, None), "1 table is empty in the backup, and the server has no estimate of its rows: s.a.");
        assert_eq!(said(1, Some(100_000)), "1 table has less than a tenth of its rows in the backup: s.a.");
        assert_eq!(said(40_000, Some(100_000)), "1 table has less than half of its rows in the backup: s.a.");
        for (restored, live) in [(1, Some(1_000)), (60_000, Some(100_000)), (5, None), (100, Some(0))] {
            assert_eq!(said(restored, live), "", "{restored} of {live:?}");
        }
    }

    #[test]
    fn a_column_is_told_though_its_name_reads_like_a_table() {
        let live = inventory(&[(Kind::Table, &["s.t"]), (Kind::Column, &["\"date of birth\" of s.t", "a of s.t"])]);
        let restored = inventory(&[(Kind::Table, &["s.t"]), (Kind::Column, &["a of s.t"])]);
        assert_eq!(compare(&live, &restored, &BTreeMap::new()).0.len(), 1);
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let names: Vec<String> = (0..25).map(|number| format!("s.t{number:02}")).collect();
        let live = inventory(&[(Kind::Table, &names.iter().map(String::as_str).collect::<Vec<_>>())]);
        let said = compare(&live, &Inventory::default(), &BTreeMap::new()).0[0].sentence();
        assert!(said.starts_with("The backup lacks 25 tables") && said.ends_with("s.t09 and 15 more."), "{said}");
    }

    #[test]
    fn every_kind_has_one_word_in_both_directions() {
        for word in ["extension", "schema", "table", "column", "view", "materialized_view", "sequence", "index"] {
            assert!(Kind::from_word(word).is_some(), "{word}");
        }
        assert_eq!(Kind::from_word("planet"), None);
    }

    #[test]
    fn a_policy_that_demands_a_proof_is_satisfied_by_a_young_one_alone() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a time");
        let before = |hours| Some(now - SignedDuration::from_hours(hours));
        assert_eq!(unproven(None, None, now), None);
        assert_eq!(unproven(Some(26), before(26), now), None);
        let old = unproven(Some(26), before(27), now).expect("too old");
        assert!(old.message.contains("at most 26 hours old; the newest such is 27 hours old"), "{old}");
        let policy = |hours| Policy { proof_max_age_hours: hours, ..Policy::standard() };
        assert_eq!(demanded(&[policy(Some(48)), policy(None), policy(Some(26))]), Some(26), "the strictest counts");
        assert_eq!(demanded(&[policy(None)]), None);
        assert!(unproven(Some(26), None, now).is_some_and(|never| never.message.ends_with("none of this database ever was.")));
    }
}
