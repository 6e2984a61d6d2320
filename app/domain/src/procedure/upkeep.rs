//! Indexes that are not B-trees: measured rows in, work and findings out. GIN pending lists and BRIN ranges (PG-20), and the size per live row of
//! what no function measures page by page (PG-05).

use super::estimate::estimate;
use super::select::{NOT_PERMITTED, step};
use super::text::{count, plural, size};
use super::{Act, Finding, FindingLevel, Measure, Object, Parameters, Selection, WorkItem};
use serde::{Deserialize, Serialize};

const MIB: u64 = 1024 * 1024;
const NOT_OWNER: &str = "The role may not do this: it needs to own the index, or be a member of its owner.";

/// A GIN index with its pending list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GinRow {
    /// The index, with its table.
    pub object: Object,
    /// Its size.
    pub bytes: u64,
    /// Pages of its pending list, by pgstatginindex.
    pub pending_pages: Option<u64>,
    /// Why they were not counted, where they were not.
    pub not_measured: Option<String>,
    /// May our role do it: become the owner?
    pub permitted: bool,
    /// Bytes per second of earlier runs, oldest first.
    pub past_bytes_per_s: Vec<u64>,
}

/// A BRIN index, and how many ranges of its table came after the last VACUUM summarised it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrinRow {
    /// The index, with its table.
    pub object: Object,
    /// Size of the table.
    pub table_bytes: u64,
    /// Pages of a range.
    pub range_pages: u64,
    /// Rows inserted since the last VACUUM of any kind, the server's count.
    pub inserted_rows: u64,
    /// Live rows, the server's estimate.
    pub live_rows: u64,
    /// May our role do it: become the owner?
    pub permitted: bool,
    /// Bytes per second of earlier runs, oldest first.
    pub past_bytes_per_s: Vec<u64>,
}

impl BrinRow {
    /// Bytes of the table that came since, as far as its rows are alike.
    fn new_bytes(&self) -> u64 {
        let share = u128::from(self.table_bytes) * u128::from(self.inserted_rows.min(self.live_rows)) / u128::from(self.live_rows.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
    /// Whole ranges among them, at pages of 8 kB.
    fn new_ranges(&self) -> u64 {
        self.new_bytes() / 8_192 / self.range_pages.max(1)
    }
}

/// What is known of an index's size per row, right after our own rebuild or, before the first one, from the first look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its size then.
    pub index_bytes: u64,
    /// Live rows of its table then, the server's estimate.
    pub live_rows: u64,
    /// Taken right after a rebuild: the least it can be.
    pub rebuilt: bool,
}

/// An index whose empty space no function measures: GIN, GiST, SP-GiST, hash, HNSW, IVFFlat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizedRow {
    /// The index, with its table.
    pub object: Object,
    /// Access method.
    pub method: String,
    /// Its size.
    pub bytes: u64,
    /// The heap a rebuild must read.
    pub table_bytes: u64,
    /// Live rows of its table, the server's estimate.
    pub live_rows: u64,
    /// What it was compared with; `None` at the first sight.
    pub baseline: Option<Baseline>,
    /// Belongs to an exclusion constraint, which cannot be rebuilt concurrently.
    pub exclusion: bool,
    /// May our role do it at all?
    pub permitted: bool,
    /// Bytes per second of earlier runs, oldest first.
    pub past_bytes_per_s: Vec<u64>,
}

/// Pending lists that slow down every search, and ranges that every search reads in full.
pub fn select_upkeep(gin: &[GinRow], brin: &[BrinRow], parameters: &Parameters) -> Selection {
    let mut found = Selection::default();
    for row in gin {
        let Some(pages) = row.pending_pages else {
            let why = row.not_measured.as_deref().unwrap_or("it was not measured");
            found.pass_over(&row.object, format!("How long the pending list of this GIN index is, is not known: {why}."));
            continue;
        };
        if pages <= parameters.gin_min_pending_pages {
            continue;
        }
        if !row.permitted {
            found.pass_over(&row.object, NOT_OWNER);
            continue;
        }
        let (act, bytes) = (Act::GinCleanPending, pages.saturating_mul(8_192));
        let measure = Measure::new(
            format!(
                "{} wait in its pending list, which every search reads from beginning to end; the limit is {}.",
                plural(pages, "page", "pages"),
                count(parameters.gin_min_pending_pages)
            ),
            [("pending_pages", pages), ("index_bytes", row.bytes)],
        );
        found.items.push(WorkItem::new(
            step::UPKEEP,
            act,
            row.object.clone(),
            measure,
            estimate(act, bytes, &row.past_bytes_per_s),
            bytes,
            pages,
        ));
    }
    for row in brin {
        let ranges = row.new_ranges();
        if ranges < parameters.brin_min_new_ranges.max(1) {
            continue;
        }
        if !row.permitted {
            found.pass_over(&row.object, NOT_OWNER);
            continue;
        }
        let (act, bytes) = (Act::BrinSummarize, row.new_bytes());
        let measure = Measure::new(
            format!(
                "About {} of its table came since the last VACUUM ({} rows) and are not summarised: every search reads them in full.",
                plural(ranges, "range", "ranges"),
                count(row.inserted_rows)
            ),
            [("new_ranges", ranges), ("inserted_rows", row.inserted_rows), ("table_bytes", row.table_bytes)],
        );
        found.items.push(WorkItem::new(
            step::UPKEEP,
            act,
            row.object.clone(),
            measure,
            estimate(act, bytes, &row.past_bytes_per_s),
            bytes,
            ranges,
        ));
    }
    found
}

/// How many times as large per live row an index is as it was, in thousandths. A table that lost nearly all of its rows counts as one row.
fn growth_permille(row: &SizedRow, baseline: Baseline) -> u64 {
    let now = (u128::from(row.bytes) * u128::from(baseline.live_rows.max(1))).saturating_mul(1000);
    let then = u128::from(baseline.index_bytes.max(1)) * u128::from(row.live_rows.max(1));
    u64::try_from(now / then).unwrap_or(u64::MAX)
}

/// Indexes that are much larger per live row than they were after their last rebuild. The first sight decides nothing and says so.
pub fn select_sized(rows: &[SizedRow], parameters: &Parameters) -> Selection {
    let mut found = Selection::default();
    let mut first = 0_u64;
    for row in rows {
        if row.bytes < parameters.sized_look_min_mib.saturating_mul(MIB) {
            continue;
        }
        if row.live_rows == 0 {
            found.pass_over(
                &row.object,
                format!(
                    "Whether it grew is not known: the server has no count of its table's rows beside its {}. ANALYZE the table.",
                    size(row.bytes)
                ),
            );
            continue;
        }
        let Some(baseline) = row.baseline else {
            first += 1;
            continue;
        };
        let growth = growth_permille(row, baseline);
        if growth < parameters.sized_min_growth_percent.saturating_mul(10) {
            continue;
        }
        if row.exclusion {
            found.pass_over(&row.object, "It belongs to an exclusion constraint, which PostgreSQL cannot rebuild concurrently. A plain REINDEX blocks writes and needs a window of its own.");
        } else if !row.permitted {
            found.pass_over(&row.object, NOT_PERMITTED);
        } else {
            let (act, bytes) = (Act::ReindexConcurrently, row.bytes.saturating_add(row.table_bytes));
            // What it would be at its old size per row.
            let lean = u64::try_from(u128::from(row.bytes) * 1000 / u128::from(growth.max(1))).unwrap_or(u64::MAX);
            let wasted = row.bytes.saturating_sub(lean);
            let item = WorkItem::new(
                step::SIZED,
                act,
                row.object.clone(),
                measure(row, baseline, growth),
                estimate(act, bytes, &row.past_bytes_per_s),
                bytes,
                wasted,
            );
            found.items.push(item);
        }
    }
    if first > 0 {
        let said = format!(
            "{} seen for the first time: the size per row was recorded, and nothing is decided by it yet.",
            plural(first, "GIN, GiST, SP-GiST, hash or vector index was", "GIN, GiST, SP-GiST, hash and vector indexes were")
        );
        found.findings.push(
            Finding::new(step::SIZED, "baseline_recorded", FindingLevel::Note, said, "Nothing to do: the next look compares with it.")
                .figure("indexes", first),
        );
    }
    found
}

fn measure(row: &SizedRow, baseline: Baseline, growth: u64) -> Measure {
    let times = format!("{}.{}", growth / 1000, growth % 1000 / 100);
    let since = if baseline.rebuilt { "right after its last rebuild" } else { "when it was first seen" };
    Measure::new(
        format!(
            "This {} index is {times} times as large per row as {since}: {} for {} rows, then {} for {}.",
            row.method,
            size(row.bytes),
            count(row.live_rows),
            size(baseline.index_bytes),
            count(baseline.live_rows)
        ),
        [
            ("index_bytes", row.bytes),
            ("live_rows", row.live_rows),
            ("baseline_index_bytes", baseline.index_bytes),
            ("baseline_live_rows", baseline.live_rows),
            ("growth_permille", growth),
        ],
    )
}

/// Partitioned indexes have no storage; said once, so that nobody misses them.
pub fn partitioned_indexes(number: u64) -> Option<Finding> {
    (number > 0).then(|| {
        Finding::new(
            step::SIZED,
            "partitioned_indexes",
            FindingLevel::Note,
            format!(
                "{} no storage: the indexes of the partitions are looked at one by one.",
                plural(number, "partitioned index has", "partitioned indexes have")
            ),
            "Nothing to do.",
        )
        .figure("indexes", number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::{ObjectKind, ObjectName};
    use proptest::prelude::*;

    fn object(name: &str) -> Object {
        let named = |name: &str| ObjectName::new("shop", name).expect("no NUL");
        Object { kind: ObjectKind::Index, oid: 1, name: named(name), table: Some(named("orders")) }
    }

    fn gin(pending_pages: Option<u64>) -> GinRow {
        GinRow { object: object("words"), bytes: MIB, pending_pages, not_measured: None, permitted: true, past_bytes_per_s: vec![] }
    }

    fn brin(inserted_rows: u64) -> BrinRow {
        BrinRow {
            object: object("days"),
            table_bytes: 1024 * MIB,
            range_pages: 128,
            inserted_rows,
            live_rows: 1_000_000,
            permitted: true,
            past_bytes_per_s: vec![],
        }
    }

    fn sized(bytes: u64, baseline: Option<Baseline>) -> SizedRow {
        SizedRow {
            object: object("near"),
            method: "hnsw".into(),
            bytes,
            table_bytes: MIB,
            live_rows: 1_000,
            baseline,
            exclusion: false,
            permitted: true,
            past_bytes_per_s: vec![],
        }
    }

    const LEAN: Option<Baseline> = Some(Baseline { index_bytes: 100 * MIB, live_rows: 1_000, rebuilt: true });

    #[test]
    fn pending_lists_are_cleaned_beyond_the_threshold_and_blindness_is_said() {
        let of = |row: GinRow| select_upkeep(&[row], &[], &Parameters::default());
        assert_eq!(
            of(gin(Some(501))).items[0].statement,
            r#"SELECT pg_catalog.gin_clean_pending_list('"shop"."words"'::pg_catalog.regclass)"#
        );
        assert_eq!(of(gin(Some(500))), Selection::default());
        assert!(of(gin(None)).passed_over[0].reason.contains("not known"));
        assert!(of(GinRow { permitted: false, ..gin(Some(501)) }).passed_over[0].reason.contains("own the index"));
    }

    #[test]
    fn ranges_are_summarised_once_enough_came() {
        // 1 GiB has 1,024 ranges of 128 pages: eight are 0.8 % of the rows.
        let of = |row: BrinRow| select_upkeep(&[], &[row], &Parameters::default());
        assert_eq!(
            of(brin(7_813)).items[0].statement,
            r#"SELECT pg_catalog.brin_summarize_new_values('"shop"."days"'::pg_catalog.regclass)"#
        );
        assert_eq!(of(brin(7_812)), Selection::default());
        assert_eq!(of(BrinRow { permitted: false, ..brin(7_813) }).passed_over.len(), 1);
    }

    #[test]
    fn an_index_is_compared_with_itself_after_its_last_rebuild() {
        let of = |row: SizedRow| select_sized(&[row], &Parameters::default());
        let found = of(sized(250 * MIB, LEAN));
        assert_eq!((found.items.len(), found.items[0].gain), (1, 150 * MIB));
        assert!(found.items[0].measure.sentence.contains("2.5 times as large per row as right after its last rebuild"), "{found:?}");
        assert_eq!(of(sized(199 * MIB, LEAN)), Selection::default());
        let twice_the_rows = SizedRow { live_rows: 2_000, ..sized(250 * MIB, LEAN) };
        assert_eq!(of(twice_the_rows), Selection::default(), "it grew with its table");
        let first = of(sized(250 * MIB, None));
        assert_eq!((first.items.len(), first.findings[0].kind.as_str()), (0, "baseline_recorded"));
        assert!(of(SizedRow { exclusion: true, ..sized(250 * MIB, LEAN) }).passed_over[0].reason.contains("exclusion constraint"));
        assert!(of(SizedRow { live_rows: 0, ..sized(250 * MIB, LEAN) }).passed_over[0].reason.contains("ANALYZE"));
        assert_eq!(of(SizedRow { permitted: false, ..sized(250 * MIB, LEAN) }).passed_over.len(), 1);
    }

    proptest! {
        #[test]
        fn figures_never_overflow(bytes in any::<u64>(), rows in any::<u64>(), then_bytes in any::<u64>(), then_rows in any::<u64>()) {
            let baseline = Baseline { index_bytes: then_bytes, live_rows: then_rows, rebuilt: false };
            let found = select_sized(&[SizedRow { live_rows: rows, ..sized(bytes, Some(baseline)) }], &Parameters::default());
            for item in found.items {
                prop_assert!(item.gain <= bytes);
            }
            let ranges = BrinRow { table_bytes: bytes, inserted_rows: rows, live_rows: then_rows, range_pages: then_bytes, ..brin(0) };
            prop_assert!(ranges.new_bytes() <= bytes);
        }
    }
}
