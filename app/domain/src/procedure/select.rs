//! Selection by need: measured rows in, work items out. Thresholds are those of [`Parameters`]; the rules are PG-05, PG-13
//! and PG-14 of the procedure library.

use super::text::{count, duration_ms, permille, plural, size};
use super::{Act, Finding, Measure, Object, ObjectKind, Parameters, WorkItem, estimate::estimate, finding};
use crate::run::parallel;
use serde::{Deserialize, Serialize};

/// Step keys of the work that is selected here.
pub mod step {
    /// Transaction id wraparound.
    pub const FREEZE: &str = "freeze";
    /// Dead rows.
    pub const VACUUM: &str = "vacuum";
    /// Empty space in indexes.
    pub const REINDEX: &str = "reindex";
    /// Growth of indexes that are not B-trees.
    pub const SIZED: &str = "reindex_sized";
    /// Pending lists and ranges without a summary.
    pub const UPKEEP: &str = "index_upkeep";
    /// What interrupted rebuilds left behind.
    pub const CLEANUP: &str = "cleanup";
    /// Planner statistics.
    pub const ANALYZE: &str = "analyze";
    /// Where the space goes.
    pub const SPACE: &str = "space";
    /// Whether autovacuum keeps up.
    pub const AUTOVACUUM: &str = "autovacuum";
    /// Indexes over time.
    pub const INDEX_REVIEW: &str = "index_review";
    /// Sequences and primary keys.
    pub const KEY_REVIEW: &str = "key_review";
    /// What the statements cost.
    pub const QUERY_REVIEW: &str = "query_review";
    /// How the critical queries would be answered.
    pub const PLAN_REVIEW: &str = "plan_review";
    /// Settings and what they lead to.
    pub const CONFIGURATION_REVIEW: &str = "configuration_review";
    /// Rights and ways in.
    pub const SECURITY_REVIEW: &str = "security_review";
    /// Whether what is stored is whole.
    pub const INTEGRITY: &str = "integrity";
    /// The text of a change of design.
    pub const CHANGE: &str = "change";
    /// The lines of a change of settings.
    pub const SETTINGS: &str = "settings";
    /// The lines about old rows.
    pub const OLD_ROWS: &str = "old_rows";
}

/// What a selector found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    /// Work to do.
    pub items: Vec<WorkItem>,
    /// Objects that need attention but get none, each with the reason: "cannot see" is never "nothing found".
    pub passed_over: Vec<PassedOver>,
    /// What was found and is nobody's work in this run, with advice; at most [`finding::MOST_FINDINGS`] once it is [`Selection::bounded`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_findings: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
pub(super) const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// An object left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The object.
    pub object: Object,
    /// One sentence that says what would have to change.
    pub reason: String,
}

/// A table as VACUUM's selector sees it (detector PG-14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuumRow {
    /// Table or materialized view.
    pub object: Object,
    /// Heap, TOAST and indexes.
    pub total_bytes: u64,
    /// Live rows, the server's estimate.
    pub live_rows: u64,
    /// Dead rows, the server's count.
    pub dead_rows: u64,
    /// Dead rows at which autovacuum would start, with the table's own settings.
    pub trigger_rows: u64,
    /// The same two for its TOAST relation; zero where there is none.
    pub toast_dead_rows: u64,
    /// See `toast_dead_rows`.
    pub toast_trigger_rows: u64,
    /// Autovacuum is switched off for this table.
    pub autovacuum_off: bool,
    /// Seconds since the last VACUUM of any kind; `None`: never, as far as the counters go.
    pub vacuumed_ago_s: Option<u64>,
    /// An anti-wraparound autovacuum works on the table: it does not yield, so we do.
    pub wraparound_vacuum_runs: bool,
    /// May our role do it at all?
    pub permitted: bool,
    /// Bytes per second of earlier runs, oldest first.
    pub past_bytes_per_s: Vec<u64>,
}

/// An index as REINDEX's selector sees it (detector PG-05).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRow {
    /// The index, with its table.
    pub object: Object,
    /// Its own size.
    pub bytes: u64,
    /// The heap a rebuild must read.
    pub table_bytes: u64,
    /// Access method; only `btree` can be measured for empty space.
    pub method: String,
    /// Empty share by the statistics estimator; only a shortlist.
    pub estimated_waste_permille: Option<u32>,
    /// Empty share by pgstatindex, which reads the whole index: this decides.
    pub exact_waste_permille: Option<u32>,
    /// Why there is no exact figure, where there is none.
    pub not_measured: Option<String>,
    /// Share of its blocks found in cache: shown as what it is, and never a reason to rebuild.
    pub cache_hit_permille: Option<u32>,
    /// Belongs to an exclusion constraint, which cannot be rebuilt concurrently.
    pub exclusion: bool,
    /// May our role do it at all?
    pub permitted: bool,
    /// Bytes per second of earlier runs, oldest first.
    pub past_bytes_per_s: Vec<u64>,
}

/// A table as ANALYZE's selector sees it (detector PG-13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyzeRow {
    /// Table, partitioned parent or materialized view.
    pub object: Object,
    /// Size of the heap; for a parent, of all its partitions.
    pub bytes: u64,
    /// Live rows, the server's estimate.
    pub live_rows: u64,
    /// Rows changed since statistics were last taken; the server keeps none for a parent.
    pub changed_rows: u64,
    /// Seconds since the last ANALYZE, by hand or by autovacuum; `None`: never, as far as the counters go.
    pub analyzed_ago_s: Option<u64>,
    /// For a parent: a partition was analysed since the parent was.
    pub partition_analyzed_since: bool,
    /// May our role do it at all?
    pub permitted: bool,
    /// Bytes per second of earlier runs, oldest first.
    pub past_bytes_per_s: Vec<u64>,
}

/// An index that is not usable (detector PG-06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebrisRow {
    /// The index, with its table.
    pub object: Object,
    /// Its size.
    pub bytes: u64,
    /// Whether it is what an interrupted REINDEX CONCURRENTLY leaves, by its name, and which half.
    pub kind: DebrisKind,
    /// A build works on its table right now: then nothing is dropped.
    pub build_runs: bool,
    /// May our role drop it?
    pub permitted: bool,
}

/// What an invalid index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DebrisKind {
    /// `_ccnew`: the build failed; drop it and do it again.
    New,
    /// `_ccold`: the swap succeeded, only the drop of the old one was interrupted; drop it.
    Old,
    /// A name of its own: from CREATE INDEX CONCURRENTLY. Its owner must say whether to rebuild or drop.
    Owners,
}

impl DebrisKind {
    /// Tells by the index's name. PostgreSQL appends `_ccnew` or `_ccold`, and a number when the name is taken.
    pub fn of(name: &str) -> Self {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if stem.ends_with("_ccnew") {
            Self::New
        } else if stem.ends_with("_ccold") {
            Self::Old
        } else {
            Self::Owners
        }
    }
}

const MIB: u64 = 1024 * 1024;
pub(super) const NOT_PERMITTED: &str =
    "The role may not do this: it needs to own the object, be a member of its owner, or hold MAINTAIN on it (PostgreSQL 17 and later).";

impl Selection {
    pub(super) fn pass_over(&mut self, object: &Object, reason: impl Into<String>) {
        self.passed_over.push(PassedOver { object: object.clone(), reason: reason.into() });
    }
    /// Takes over everything another selector found.
    pub fn merge(&mut self, other: Self) {
        self.items.extend(other.items);
        self.passed_over.extend(other.passed_over);
        self.findings.extend(other.findings);
        self.more_findings = self.more_findings.saturating_add(other.more_findings);
    }
    /// The same with no more findings than a list may hold; the rest is counted.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let (kept, over) = finding::capped(self.findings);
        self.findings = kept;
        self.more_findings = self.more_findings.saturating_add(over);
        self
    }
}

/// Tables whose dead rows are beyond what autovacuum should have left, or that it never visits.
pub fn select_vacuum(rows: &[VacuumRow], parameters: &Parameters) -> Selection {
    let mut found = Selection::default();
    for row in rows {
        let over = |dead: u64, trigger: u64| {
            dead >= parameters.vacuum_min_dead_rows.max(1)
                && (row.autovacuum_off || u128::from(dead) * 100 > u128::from(trigger) * u128::from(parameters.vacuum_min_trigger_percent))
        };
        if !over(row.dead_rows, row.trigger_rows) && !over(row.toast_dead_rows, row.toast_trigger_rows) {
            continue;
        }
        if !row.permitted {
            found.pass_over(&row.object, NOT_PERMITTED);
        } else if row.wraparound_vacuum_runs {
            found.pass_over(
                &row.object,
                "The server itself vacuums it to prevent transaction id wraparound. That work does not yield; let it finish.",
            );
        } else {
            let dead = row.dead_rows.saturating_add(row.toast_dead_rows);
            let bytes = row.total_bytes;
            found.items.push(WorkItem::new(
                step::VACUUM,
                Act::Vacuum,
                row.object.clone(),
                vacuum_measure(row),
                estimate(Act::Vacuum, bytes, &row.past_bytes_per_s),
                bytes,
                dead,
            ));
        }
    }
    found
}

fn vacuum_measure(row: &VacuumRow) -> Measure {
    let ago = row.vacuumed_ago_s.map_or_else(
        || "never vacuumed, as far as the counters go".to_owned(),
        |s| format!("last vacuumed {} ago", duration_ms(s.saturating_mul(1000))),
    );
    let toast = if row.toast_dead_rows > 0 { format!(" and {} in its TOAST table", count(row.toast_dead_rows)) } else { String::new() };
    let why = if row.autovacuum_off {
        "autovacuum is switched off for it".to_owned()
    } else {
        format!("autovacuum should have started at {}", count(row.trigger_rows))
    };
    Measure::new(
        format!("{}{toast} beside {} live ones; {why}; {ago}.", plural(row.dead_rows, "dead row", "dead rows"), count(row.live_rows)),
        [
            ("dead_rows", row.dead_rows),
            ("live_rows", row.live_rows),
            ("trigger_rows", row.trigger_rows),
            ("toast_dead_rows", row.toast_dead_rows),
            ("toast_trigger_rows", row.toast_trigger_rows),
        ],
    )
}

/// Indexes of which enough is empty. The estimate only shortlists (the caller measures those exactly where it can).
pub fn select_reindex(rows: &[IndexRow], parameters: &Parameters) -> Selection {
    let mut found = Selection::default();
    for row in rows {
        if row.bytes < parameters.reindex_look_min_mib.saturating_mul(MIB) {
            continue;
        }
        let Some(waste) = row.exact_waste_permille else {
            // Without an exact figure the estimate decides nothing; it is reported, so that somebody makes it measurable.
            let why = row.not_measured.as_deref().unwrap_or("it was not measured exactly");
            match row.estimated_waste_permille {
                Some(estimated) if wasteful(row.bytes, estimated, parameters) => {
                    let (share, all) = (permille(estimated), size(row.bytes));
                    found.pass_over(&row.object, format!("About {share} of {all} may be empty by estimate, but {why}."));
                }
                None if worth_measuring(row, parameters) => {
                    found.pass_over(&row.object, format!("How much of its {} is empty is not known: {why}.", size(row.bytes)));
                }
                _ => {}
            }
            continue;
        };
        if !wasteful(row.bytes, waste, parameters) {
            continue;
        }
        if row.exclusion {
            found.pass_over(&row.object, "It belongs to an exclusion constraint, which PostgreSQL cannot rebuild concurrently. A plain REINDEX blocks writes and needs a window of its own.");
        } else if !row.permitted {
            found.pass_over(&row.object, NOT_PERMITTED);
        } else {
            let bytes = row.bytes.saturating_add(row.table_bytes);
            let act = Act::ReindexConcurrently;
            found.items.push(WorkItem::new(
                step::REINDEX,
                act,
                row.object.clone(),
                reindex_measure(row, waste),
                estimate(act, bytes, &row.past_bytes_per_s),
                bytes,
                wasted_bytes(row.bytes, waste),
            ));
        }
    }
    found
}

/// Whether an index is large enough that it could be beyond the thresholds; smaller ones need no measuring. The estimate
/// does not decide this: it understates the waste of indexes with many equal values.
pub fn worth_measuring(row: &IndexRow, parameters: &Parameters) -> bool {
    row.bytes >= parameters.reindex_look_min_mib.saturating_mul(MIB) && wasteful(row.bytes, 1000, parameters)
}

/// Whether an index of this size and empty share is beyond the thresholds.
pub fn wasteful(bytes: u64, waste_permille: u32, parameters: &Parameters) -> bool {
    let wasted = wasted_bytes(bytes, waste_permille);
    let beyond = |percent: u64, mib: u64| u64::from(waste_permille) >= percent.saturating_mul(10) && wasted >= mib.saturating_mul(MIB);
    beyond(parameters.reindex_min_waste_percent, parameters.reindex_min_waste_mib)
        || beyond(parameters.reindex_large_min_waste_percent, parameters.reindex_large_min_waste_mib)
}

fn wasted_bytes(bytes: u64, waste_permille: u32) -> u64 {
    (u128::from(bytes) * u128::from(waste_permille.min(1000)) / 1000).try_into().unwrap_or(u64::MAX)
}

fn reindex_measure(row: &IndexRow, waste: u32) -> Measure {
    let wasted = wasted_bytes(row.bytes, waste);
    let mut figures = vec![("index_bytes", row.bytes), ("waste_permille", waste.into()), ("waste_bytes", wasted)];
    figures.extend(row.estimated_waste_permille.map(|estimated| ("estimated_waste_permille", estimated.into())));
    figures.extend(row.cache_hit_permille.map(|hit| ("cache_hit_permille", hit.into())));
    let cache = row.cache_hit_permille.map(|hit| format!(" Cache hit {}, for information.", permille(hit))).unwrap_or_default();
    Measure::new(
        format!("{} of {} is empty space ({}), measured page by page.{cache}", permille(waste), size(row.bytes), size(wasted)),
        figures,
    )
}

/// Tables whose statistics are missing, or stale by change or by age. `server_major` decides how a parent is analysed.
pub fn select_analyze(rows: &[AnalyzeRow], parameters: &Parameters, server_major: u16) -> Selection {
    let mut found = Selection::default();
    for row in rows {
        let Some(why) = stale(row, parameters) else { continue };
        if !row.permitted {
            found.pass_over(&row.object, NOT_PERMITTED);
            continue;
        }
        let parent = row.object.kind == ObjectKind::PartitionedTable;
        let act = if parent && server_major >= 18 { Act::AnalyzeOnly } else { Act::Analyze };
        let ago = row.analyzed_ago_s.map(|s| ("analyzed_ago_s", s));
        let figures = [("changed_rows", row.changed_rows), ("live_rows", row.live_rows), ("table_bytes", row.bytes)].into_iter().chain(ago);
        let gain = if row.analyzed_ago_s.is_none() { row.live_rows.max(row.changed_rows) } else { row.changed_rows };
        found.items.push(WorkItem::new(
            step::ANALYZE,
            act,
            row.object.clone(),
            Measure::new(why, figures),
            estimate(act, row.bytes, &row.past_bytes_per_s),
            row.bytes,
            gain,
        ));
    }
    found
}

fn stale(row: &AnalyzeRow, parameters: &Parameters) -> Option<String> {
    let max_age_s = parameters.analyze_max_age_days.saturating_mul(86_400);
    let Some(ago_s) = row.analyzed_ago_s else {
        // An empty table has nothing to learn from.
        return (row.bytes > 0).then(|| format!("Never analysed, as far as the counters go; {}.", size(row.bytes)));
    };
    let age = duration_ms(ago_s.saturating_mul(1000));
    if row.object.kind == ObjectKind::PartitionedTable {
        return (ago_s > max_age_s && row.partition_analyzed_since).then(|| {
            format!("Its own statistics are {age} old, and partitions changed since; autovacuum never analyses a partitioned parent.")
        });
    }
    let limit = parameters
        .analyze_min_changed_rows
        .max((u128::from(row.live_rows) * u128::from(parameters.analyze_min_changed_percent) / 100).try_into().unwrap_or(u64::MAX));
    let changes = plural(row.changed_rows, "row", "rows");
    if row.changed_rows > limit {
        Some(format!(
            "{changes} of about {} changed since the statistics were taken {age} ago; the limit is {}.",
            count(row.live_rows),
            count(limit)
        ))
    } else if ago_s > max_age_s && row.changed_rows > 0 {
        Some(format!("The statistics are {age} old, and {changes} changed since."))
    } else {
        None
    }
}

/// What interrupted rebuilds left and may be dropped; the rest is for its owner to decide.
pub fn select_cleanup(rows: &[DebrisRow]) -> Selection {
    let mut found = Selection::default();
    for row in rows {
        let why = match row.kind {
            DebrisKind::New => "An interrupted rebuild left it; it is invalid, yet every write may maintain it.",
            DebrisKind::Old => "The old half of a finished rebuild whose last step was interrupted.",
            DebrisKind::Owners => {
                found.pass_over(&row.object, "Invalid, and not from a rebuild: its owner must say whether to build it again or drop it.");
                continue;
            }
        };
        if row.build_runs {
            found.pass_over(&row.object, "An index build works on its table right now; nothing is dropped while it does.");
        } else if !row.permitted {
            found.pass_over(
                &row.object,
                "Left by an interrupted rebuild, but the role may not drop it: dropping needs membership in the owner of its table.",
            );
        } else {
            let act = Act::DropInvalidIndex;
            found.items.push(WorkItem::new(
                step::CLEANUP,
                act,
                row.object.clone(),
                Measure::new(why, [("index_bytes", row.bytes)]),
                estimate(act, row.bytes, &[]),
                row.bytes,
                row.bytes,
            ));
        }
    }
    found
}

/// Orders the items for execution: steps in the order of `steps`. Where several run at once and all of them fit into `budget_ms`, the
/// biggest of a step come first, so that none of them is left alone at its end. Otherwise the quickest of a step come first until they fill
/// half of the budget, then those that win most per second (PROCEDURES S14).
pub fn order(items: Vec<WorkItem>, steps: &[String], budget_ms: u64, jobs: u64) -> Vec<WorkItem> {
    let biggest_first = jobs > 1 && parallel::taken_ms(&items, steps, jobs) <= budget_ms;
    let mut ordered = Vec::with_capacity(items.len());
    let mut left = items;
    for key in steps {
        let (mut of_step, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|item| item.step == *key);
        left = others;
        if *key == step::FREEZE {
            // The oldest first, whatever it takes.
            of_step.sort_by(|a, b| (b.gain, &a.object.name).cmp(&(a.gain, &b.object.name)));
        } else if biggest_first {
            // Small ones are all of the same length by their estimate: their bytes tell them apart.
            let size = |item: &WorkItem| std::cmp::Reverse((item.estimate.high_ms, item.bytes));
            of_step.sort_by(|a, b| (size(a), &a.object.name).cmp(&(size(b), &b.object.name)));
        } else {
            quick_then_worthwhile(&mut of_step, budget_ms);
        }
        ordered.extend(of_step);
    }
    // Steps nobody named stay at the end, where `within` will name them.
    ordered.extend(left);
    ordered
}

fn quick_then_worthwhile(of_step: &mut [WorkItem], budget_ms: u64) {
    of_step.sort_by(|a, b| (a.estimate.high_ms, &a.object.name).cmp(&(b.estimate.high_ms, &b.object.name)));
    let mut spent_ms = 0_u64;
    let quick = of_step.iter().take_while(|item| {
        spent_ms = spent_ms.saturating_add(item.estimate.high_ms);
        spent_ms <= budget_ms / 2
    });
    let quick = quick.count();
    // a.gain / a.time > b.gain / b.time, without division.
    of_step[quick..].sort_by(|a, b| {
        let worth = |x: &WorkItem, y: &WorkItem| u128::from(x.gain) * u128::from(y.estimate.high_ms.max(1));
        worth(b, a).cmp(&worth(a, b)).then_with(|| a.object.name.cmp(&b.object.name))
    });
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
