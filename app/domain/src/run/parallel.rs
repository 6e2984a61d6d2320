//! Which items may run at the same time (PROCEDURES S15), as vacuumdb -j and reindexdb -j do it: a connection for each table.

use crate::procedure::{Act, Basis, Estimate, ObjectKind, ObjectName, StepClass, WorkItem};
use std::collections::BTreeSet;

/// No plan asks for more at once; the fence has a slot for each, and the tables allow no more.
pub const MOST_JOBS: usize = 4;
/// Connections that stay free for everybody else, whatever the plan asks for.
const FREE_CONNECTIONS: u64 = 5;

/// The table whose lock an item needs: two items of one table block each other, and an index is rebuilt under its table's lock.
pub fn relation(item: &WorkItem) -> &ObjectName {
    item.object.table.as_ref().unwrap_or(&item.object.name)
}

/// Whether an item may begin beside those that run.
///
/// Never two steps at once, nor two items of one table; catalogs one after the other, because rebuilds of two of them can deadlock; and a
/// partitioned parent whose ANALYZE reads its partitions too is alone, since their names do not say whose they are. The parts of a change of
/// design follow each other.
pub fn may_begin(item: &WorkItem, running: &[&WorkItem]) -> bool {
    let alone = |one: &WorkItem| one.script.is_some() || (one.act == Act::Analyze && one.object.kind == ObjectKind::PartitionedTable);
    running.iter().all(|other| {
        item.step == other.step
            && relation(item) != relation(other)
            && !(is_catalog(item) && is_catalog(other))
            && !alone(item)
            && !alone(other)
    })
}

fn is_catalog(item: &WorkItem) -> bool {
    matches!(relation(item).schema(), "pg_catalog" | "pg_toast" | "information_schema")
}

/// A table of this size takes less time than the bookkeeping of its item.
const SMALL_BYTES: u64 = 2 * 1024 * 1024;
/// An index of this size is rebuilt in less time than the bookkeeping of its item takes.
const SMALL_INDEX_BYTES: u64 = 8 * 1024 * 1024;
/// What a lot of small indexes holds together, at most: as much as one index that is not small.
const MOST_REBUILT_BYTES: u64 = 16 * 1024 * 1024;
/// Fewer rebuilds are no lot.
const LEAST_REBUILT: usize = 3;
/// Small items of a lot, at most: whoever comes after a crash has to ask this many objects whether they had their turn. A hold and a stop are
/// asked for before each of them.
const MOST_IN_A_LOT: usize = 250;
/// Fewer are not worth sharing out: what a lot costs by itself is as much as the work on so many.
const LEAST_IN_A_LOT: usize = 16;

/// Whether an item may be one of a lot: small, of an act whose states are read many at a time, and its object tells whether it was done.
pub fn is_small(item: &WorkItem) -> bool {
    is_small_table(item)
        || (item.act == Act::ReindexConcurrently
            && item.class == StepClass::Resumable
            && item.bytes <= SMALL_INDEX_BYTES
            && item.object.kind == ObjectKind::Index)
}

/// Whether it is VACUUM or ANALYZE of a small table, which takes a few milliseconds.
pub fn is_small_table(item: &WorkItem) -> bool {
    matches!(item.act, Act::Vacuum | Act::Analyze | Act::AnalyzeOnly)
        && item.class == StepClass::Repeatable
        && item.bytes <= SMALL_BYTES
        && matches!(item.object.kind, ObjectKind::Table | ObjectKind::MaterializedView)
}

/// Positions of the waiting items that begin next in one place: the first in the order of work that may, and where it is small, other small
/// ones with it. Small ones are shared out evenly over `places`. `fresh` says whether the item at a position was never tried: what was tried
/// before is on its own. Nothing when all of them have to wait.
pub fn next(waiting: &[&WorkItem], running: &[&WorkItem], places: usize, fresh: impl Fn(usize) -> bool) -> Vec<usize> {
    let Some(first) = waiting.iter().position(|item| may_begin(item, running)) else { return Vec::new() };
    let may_join = |at: usize| is_small(waiting[at]) && fresh(at);
    if !may_join(first) {
        return vec![first];
    }
    let alike = |at: &usize| {
        let item = waiting[*at];
        may_join(*at) && item.step == waiting[first].step && item.act == waiting[first].act && may_begin(item, running)
    };
    let mut tables = BTreeSet::new();
    let distinct = |at: &usize| tables.insert(relation(waiting[*at])) && (*at == first || !is_catalog(waiting[*at]));
    let small: Vec<usize> = (first..waiting.len()).filter(alike).filter(distinct).collect();
    if waiting[first].act != Act::ReindexConcurrently {
        let share = small.len().div_ceil(places.max(1));
        return small.into_iter().take(share.clamp(LEAST_IN_A_LOT, MOST_IN_A_LOT)).collect();
    }
    // Shared out is all that waits, also what another index of its table keeps from beginning now.
    let all = (first..waiting.len()).filter(|at| may_join(*at) && waiting[*at].act == Act::ReindexConcurrently).count();
    let share = all.div_ceil(places.max(1));
    // Whether standbys and the server keep up is asked between lots; and few rebuilds are watched one by one.
    let mut bytes = 0_u64;
    let fits = |at: &usize| {
        bytes = bytes.saturating_add(waiting[*at].bytes);
        *at == first || bytes <= MOST_REBUILT_BYTES
    };
    let lot: Vec<usize> = small.into_iter().take(share.min(MOST_IN_A_LOT)).take_while(fits).collect();
    if lot.len() < LEAST_REBUILT { vec![first] } else { lot }
}

/// The range of items that follow each other: the sum of their ranges, and a guess as long as one of them is.
pub fn one_after_the_other(estimates: impl Iterator<Item = Estimate>) -> Estimate {
    let none = Estimate { low_ms: 0, high_ms: 0, basis: Basis::History };
    estimates.fold(none, |sum, one| Estimate {
        low_ms: sum.low_ms.saturating_add(one.low_ms),
        high_ms: sum.high_ms.saturating_add(one.high_ms),
        basis: sum.basis.min(one.basis),
    })
}

/// How many items run at once where the plan asks for `jobs` and the server has `free` connections left. Its cores and its memory it does not
/// tell in SQL: those are for whoever chooses the number.
pub fn places(jobs: u64, free: u64) -> usize {
    let room = free.saturating_sub(FREE_CONNECTIONS).max(1);
    usize::try_from(jobs.min(room)).unwrap_or(MOST_JOBS).clamp(1, MOST_JOBS)
}

/// What all items take at most, step by step, with `jobs` at once: whatever their order, a step ends one item after its fair share.
pub fn taken_ms(items: &[WorkItem], steps: &[String], jobs: u64) -> u64 {
    let of = |step: &String| {
        let all = items.iter().filter(|item| item.step == *step).map(|item| item.estimate.high_ms);
        all.clone().fold(0_u64, u64::saturating_add).div_ceil(jobs.max(1)).saturating_add(all.max().unwrap_or(0))
    };
    steps.iter().map(of).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procedure::{Measure, Object, estimate::estimate};
    use proptest::prelude::*;

    /// `schema.table`, or `schema.table/index`.
    fn item(act: Act, name: &str) -> WorkItem {
        let (schema, own) = name.split_once('.').expect("a schema");
        let named = |own: &str| ObjectName::new(schema, own).expect("no NUL");
        let (kind, own, table) = match own.split_once('/') {
            Some((table, index)) => (ObjectKind::Index, index, Some(named(table))),
            None => (ObjectKind::Table, own, None),
        };
        let step = match act {
            Act::Vacuum => "vacuum",
            Act::ReindexConcurrently => "reindex",
            Act::DropInvalidIndex => "cleanup",
            _ => "analyze",
        };
        let object = Object { kind, oid: 1, name: named(own), table };
        WorkItem::new(step, act, object, Measure::new("", []), estimate(act, 0, &[]), 0, 0)
    }

    #[test]
    fn two_items_of_one_table_never_run_together() {
        let (vacuum, analyze, rebuild) = (Act::Vacuum, Act::Analyze, Act::ReindexConcurrently);
        let parent = {
            let mut parent = item(analyze, "shop.parent");
            parent.object.kind = ObjectKind::PartitionedTable;
            parent
        };
        let only = WorkItem { act: Act::AnalyzeOnly, ..parent.clone() };
        for (one, other, together) in [
            (item(vacuum, "shop.a"), item(vacuum, "shop.b"), true),
            (item(vacuum, "shop.a"), item(vacuum, "web.a"), true),
            (item(vacuum, "shop.a"), item(vacuum, "shop.a"), false),
            (item(rebuild, "shop.a/a_pkey"), item(rebuild, "shop.b/b_pkey"), true),
            (item(rebuild, "shop.a/a_pkey"), item(rebuild, "shop.a/a_note"), false),
            (item(rebuild, "shop.a/a_pkey"), item(analyze, "shop.b"), false),
            (item(vacuum, "pg_catalog.pg_class"), item(vacuum, "pg_catalog.pg_type"), false),
            (item(vacuum, "pg_catalog.pg_class"), item(vacuum, "shop.a"), true),
            (parent.clone(), item(analyze, "shop.a_partition"), false),
            (only, item(analyze, "shop.a_partition"), true),
        ] {
            assert_eq!(may_begin(&one, &[&other]), together, "{} beside {}", one.statement, other.statement);
            assert_eq!(may_begin(&other, &[&one]), together, "the other way round");
            assert!(may_begin(&one, &[]));
        }
    }

    #[test]
    fn the_first_that_may_is_next() {
        let big = |name| WorkItem { bytes: SMALL_BYTES + 1, ..item(Act::Vacuum, name) };
        let waiting = [big("shop.a"), big("shop.b")];
        let waiting: Vec<&WorkItem> = waiting.iter().collect();
        let next = |running: &[&WorkItem]| next(&waiting, running, 2, |_| true);
        assert_eq!(next(&[]), [0]);
        assert_eq!(next(&[&big("shop.a")]), [1]);
        assert_eq!(next(&[&item(Act::Analyze, "shop.c")]), [0; 0], "a step begins when the one before is over");
    }

    #[test]
    fn small_ones_go_together_and_are_shared_out() {
        let items: Vec<WorkItem> = (0..600).map(|n| item(Act::Vacuum, &format!("shop.t{n}"))).collect();
        let waiting: Vec<&WorkItem> = items.iter().collect();
        assert_eq!(next(&waiting, &[], 2, |_| true), (0..MOST_IN_A_LOT).collect::<Vec<_>>());
        let half = next(&waiting[..40], &[], 2, |_| true);
        assert_eq!(half, (0..20).collect::<Vec<_>>(), "half of what is left, so that both places end together");
        assert_eq!(next(&waiting[..10], &[], 2, |_| true), (0..10).collect::<Vec<_>>(), "so few are not shared out");
        assert_eq!(next(&waiting[..4], &[], 1, |at| at != 1), [0, 2, 3], "what was tried before is on its own");
        assert_eq!(next(&waiting[..4], &[], 1, |at| at != 0), [0]);
        assert_eq!(next(&waiting[..3], &[&items[1]], 1, |_| true), [0, 2], "one of them runs");
        let mut mixed = [item(Act::Vacuum, "shop.a"), item(Act::Vacuum, "shop.a"), item(Act::Analyze, "shop.b")];
        mixed[2].step = "vacuum".to_owned();
        let waiting: Vec<&WorkItem> = mixed.iter().collect();
        assert_eq!(next(&waiting, &[], 1, |_| true), [0], "never the same table, and one act only");
        let mut rebuilds = ["shop.a/i", "shop.b/j", "shop.a/k", "shop.c/l"].map(|name| item(Act::ReindexConcurrently, name));
        let next_rebuilds = |rebuilds: &[WorkItem]| next(&rebuilds.iter().collect::<Vec<_>>(), &[], 1, |_| true);
        assert_eq!(next_rebuilds(&rebuilds), [0, 1, 3], "of one table one: what one leaves behind is never taken for the other's");
        rebuilds[1].bytes = SMALL_INDEX_BYTES + 1;
        assert_eq!(next_rebuilds(&rebuilds), [0], "what takes its time is on its own, and two are no lot");
        let all: Vec<WorkItem> =
            (0..9).map(|n| WorkItem { bytes: 5 << 20, ..item(Act::ReindexConcurrently, &format!("shop.t{n}/i")) }).collect();
        assert_eq!(next_rebuilds(&all), [0, 1, 2], "together no more than one that is not small");
        let five = next(&all[..5].iter().collect::<Vec<_>>(), &[], 2, |_| true);
        assert_eq!(five, [0, 1, 2], "shared out over the places");
        let four = next(&all[..4].iter().collect::<Vec<_>>(), &[], 2, |_| true);
        assert_eq!(four, [0]);
        let drops = ["shop.a/i", "shop.b/j"].map(|name| item(Act::DropInvalidIndex, name));
        assert_eq!(next_rebuilds(&drops), [0]);
    }

    #[test]
    fn connections_stay_free_for_others() {
        assert_eq!([places(1, 90), places(4, 90), places(4, 7), places(4, 0)], [1, 4, 2, 1]);
    }

    #[test]
    fn steps_follow_each_other() {
        let timed = |act, name, high_ms| {
            let mut item = item(act, name);
            item.estimate.high_ms = high_ms;
            item
        };
        let items =
            [timed(Act::Vacuum, "s.a", 100), timed(Act::Vacuum, "s.b", 60), timed(Act::Vacuum, "s.c", 40), timed(Act::Analyze, "s.a", 10)];
        let steps = ["vacuum".to_owned(), "analyze".to_owned()];
        assert_eq!(taken_ms(&items, &steps, 2), 100 + 100 + 5 + 10);
        assert_eq!(taken_ms(&items, &steps[..1], 1), 300, "an upper bound, also for one at a time");
    }

    proptest! {
        #[test]
        fn at_least_one_and_never_more_than_the_fence_has(jobs in any::<u64>(), free in any::<u64>()) {
            let places = places(jobs, free);
            prop_assert!((1..=MOST_JOBS).contains(&places));
        }
    }
}
