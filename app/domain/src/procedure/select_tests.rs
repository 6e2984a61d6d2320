use super::*;
use crate::procedure::{ObjectName, RiskClass};
use proptest::prelude::*;

fn object(kind: ObjectKind, name: &str) -> Object {
    let own = |text| ObjectName::new("shop", text).expect("no NUL");
    Object { kind, oid: 42, name: own(name), table: (kind == ObjectKind::Index).then(|| own("orders")) }
}

fn vacuum_row(dead_rows: u64, trigger_rows: u64) -> VacuumRow {
    VacuumRow {
        object: object(ObjectKind::Table, "orders"),
        total_bytes: 80 * MIB,
        live_rows: 100_000,
        dead_rows,
        trigger_rows,
        toast_dead_rows: 0,
        toast_trigger_rows: 50,
        autovacuum_off: false,
        vacuumed_ago_s: Some(90_000),
        wraparound_vacuum_runs: false,
        permitted: true,
        past_bytes_per_s: vec![],
    }
}

fn index_row(mib: u64, exact: Option<u32>) -> IndexRow {
    IndexRow {
        object: object(ObjectKind::Index, "orders_created_idx"),
        bytes: mib * MIB,
        table_bytes: 10 * MIB,
        method: "btree".to_owned(),
        estimated_waste_permille: Some(700),
        exact_waste_permille: exact,
        not_measured: exact.is_none().then(|| "the extension pgstattuple is not installed".to_owned()),
        cache_hit_permille: Some(1000),
        exclusion: false,
        permitted: true,
        past_bytes_per_s: vec![],
    }
}

fn analyze_row(live_rows: u64, changed_rows: u64, ago_days: Option<u64>) -> AnalyzeRow {
    AnalyzeRow {
        object: object(ObjectKind::Table, "orders"),
        bytes: 8192,
        live_rows,
        changed_rows,
        analyzed_ago_s: ago_days.map(|days| days * 86_400),
        partition_analyzed_since: false,
        permitted: true,
        past_bytes_per_s: vec![],
    }
}

#[test]
fn vacuum_needs_twice_the_trigger_and_the_floor() {
    let parameters = Parameters::default();
    let chosen = |row: VacuumRow| select_vacuum(&[row], &parameters).items.len();
    assert_eq!(chosen(vacuum_row(40_001, 20_000)), 1);
    assert_eq!(chosen(vacuum_row(40_000, 20_000)), 0);
    assert_eq!(chosen(vacuum_row(999, 50)), 0, "below the floor");
    assert_eq!(chosen(VacuumRow { autovacuum_off: true, ..vacuum_row(1_000, 20_000) }), 1);
    assert_eq!(chosen(VacuumRow { toast_dead_rows: 5_000, ..vacuum_row(0, 20_000) }), 1);
}

#[test]
fn vacuum_items_say_why_and_what() {
    let item = select_vacuum(&[vacuum_row(50_000, 20_000)], &Parameters::default()).items.remove(0);
    assert_eq!(item.statement, r#"VACUUM (VERBOSE, TRUNCATE FALSE) "shop"."orders""#);
    assert_eq!(
        item.measure.sentence,
        "50,000 dead rows beside 100,000 live ones; autovacuum should have started at 20,000; last vacuumed 1 d 1 h ago."
    );
    assert_eq!((item.risk, item.gain, item.measure.figures["dead_rows"]), (RiskClass::R1, 50_000, 50_000));
    assert_eq!((item.estimate.low_ms, item.estimate.high_ms), (1_000, 4_000));
}

#[test]
fn what_cannot_be_done_is_reported_not_dropped() {
    let rows = [
        VacuumRow { permitted: false, ..vacuum_row(50_000, 20_000) },
        VacuumRow { wraparound_vacuum_runs: true, ..vacuum_row(50_000, 20_000) },
    ];
    let found = select_vacuum(&rows, &Parameters::default());
    assert_eq!((found.items.len(), found.passed_over.len()), (0, 2));
    assert!(found.passed_over[0].reason.contains("MAINTAIN") && found.passed_over[1].reason.contains("wraparound"));
    let analyze = select_analyze(&[AnalyzeRow { permitted: false, ..analyze_row(1, 0, None) }], &Parameters::default(), 15);
    assert_eq!((analyze.items.len(), analyze.passed_over.len()), (0, 1));
}

#[test]
fn reindex_is_decided_by_the_exact_figure_only() {
    let parameters = Parameters::default();
    let found = |row: IndexRow| select_reindex(&[row], &parameters);
    assert_eq!(found(index_row(512, Some(500))).items.len(), 1);
    assert_eq!(found(index_row(511, Some(500))).items.len(), 0, "less than 256 MB empty");
    assert_eq!(found(index_row(4096, Some(300))).items.len(), 1, "a large index");
    assert_eq!(found(index_row(4096, Some(299))).items.len(), 0);
    let blind = found(index_row(512, None));
    assert!(blind.items.is_empty() && blind.passed_over[0].reason.contains("pgstattuple is not installed"), "{blind:?}");
    let unknown = found(IndexRow { estimated_waste_permille: None, ..index_row(512, None) });
    assert!(unknown.passed_over[0].reason.contains("is not known"), "{unknown:?}");
    assert_eq!(found(IndexRow { estimated_waste_permille: None, ..index_row(255, None) }), Selection::default(), "too small to matter");
    let exclusion = found(IndexRow { exclusion: true, ..index_row(512, Some(700)) });
    assert!(exclusion.items.is_empty() && exclusion.passed_over[0].reason.contains("exclusion constraint"));
}

#[test]
fn cache_hit_is_shown_and_never_chooses() {
    let parameters = Parameters::default();
    let cold = IndexRow { cache_hit_permille: Some(0), ..index_row(4096, Some(100)) };
    assert_eq!(select_reindex(&[cold], &parameters), Selection::default());
    let item = select_reindex(&[index_row(512, Some(748))], &parameters).items.remove(0);
    assert_eq!(item.measure.figures["cache_hit_permille"], 1000);
    assert_eq!(
        item.measure.sentence,
        "74.8 % of 512 MB is empty space (382 MB), measured page by page. Cache hit 100.0 %, for information."
    );
    assert_eq!((item.statement.as_str(), item.bytes), (r#"REINDEX INDEX CONCURRENTLY "shop"."orders_created_idx""#, 522 * MIB));
    assert!(item.debris.is_some());
}

#[test]
fn statistics_are_stale_by_absence_change_or_age_with_change() {
    let parameters = Parameters::default();
    let chosen = |row: AnalyzeRow| !select_analyze(&[row], &parameters, 15).items.is_empty();
    assert!(chosen(analyze_row(10, 0, None)), "never analysed");
    assert!(!chosen(AnalyzeRow { bytes: 0, ..analyze_row(0, 0, None) }), "empty");
    assert!(chosen(analyze_row(100_000, 5_001, Some(0))));
    assert!(!chosen(analyze_row(100_000, 5_000, Some(0))));
    assert!(!chosen(analyze_row(100, 1_000, Some(0))), "a small table needs 1,000 changes");
    assert!(chosen(analyze_row(100, 1, Some(8))));
    assert!(!chosen(analyze_row(100, 0, Some(400))), "old but unchanged");
    assert!(!chosen(analyze_row(100, 1, Some(7))));
}

#[test]
fn parents_are_analysed_when_their_partitions_moved_on() {
    let parent = AnalyzeRow { object: object(ObjectKind::PartitionedTable, "events"), ..analyze_row(0, 0, Some(8)) };
    let moved = AnalyzeRow { partition_analyzed_since: true, ..parent.clone() };
    assert!(select_analyze(&[parent], &Parameters::default(), 17).items.is_empty());
    let statement = |major| select_analyze(std::slice::from_ref(&moved), &Parameters::default(), major).items.remove(0).statement;
    assert_eq!(statement(17), r#"ANALYZE (SKIP_LOCKED) "shop"."events""#);
    assert_eq!(statement(18), r#"ANALYZE (SKIP_LOCKED) ONLY "shop"."events""#);
}

#[test]
fn debris_is_told_by_name_and_only_ours_is_dropped() {
    for (name, kind) in [
        ("i_ccnew", DebrisKind::New),
        ("i_ccnew12", DebrisKind::New),
        ("i_ccold1", DebrisKind::Old),
        ("i_new", DebrisKind::Owners),
        ("i_ccnewer", DebrisKind::Owners),
    ] {
        assert_eq!(DebrisKind::of(name), kind, "{name}");
    }
    let row = |name: &str, build_runs| DebrisRow {
        object: object(ObjectKind::Index, name),
        bytes: MIB,
        kind: DebrisKind::of(name),
        build_runs,
        permitted: true,
    };
    let found = select_cleanup(&[row("i_ccnew", false), row("plain", false), row("j_ccold", true)]);
    assert_eq!(found.items.iter().map(|item| item.statement.as_str()).collect::<Vec<_>>(), [r#"DROP INDEX CONCURRENTLY "shop"."i_ccnew""#]);
    assert_eq!(found.passed_over.len(), 2);
}

#[test]
fn order_is_step_then_quick_then_worthwhile() {
    let item = |step: &str, name: &str, high_ms, gain| {
        let mut item =
            WorkItem::new(step, Act::Vacuum, object(ObjectKind::Table, name), Measure::new("", []), estimate(Act::Vacuum, 0, &[]), 0, gain);
        item.estimate.high_ms = high_ms;
        item
    };
    let items = vec![
        item("analyze", "a", 1, 1),
        item("vacuum", "slow_poor", 900, 1),
        item("vacuum", "quick", 10, 1),
        item("vacuum", "slow_rich", 1_000, 50),
        item("vacuum", "middle", 400, 1),
    ];
    let steps = ["vacuum".to_owned(), "analyze".to_owned()];
    let names: Vec<_> = order(items.clone(), &steps, 1_000, 1).iter().map(|item| item.object.name.name().to_owned()).collect();
    assert_eq!(names, ["quick", "middle", "slow_rich", "slow_poor", "a"]);
    // All of them fit, two at a time: the biggest first. Where they do not, what is quick and what is worth most.
    let first = |budget_ms| order(items.clone(), &steps, budget_ms, 2)[0].object.name.name().to_owned();
    assert_eq!((first(3_000).as_str(), first(1_000).as_str()), ("slow_rich", "quick"));
}

proptest! {
    #[test]
    fn ordering_loses_nothing(gains in proptest::collection::vec((0_u64..5_000, 0_u64..100, 0_usize..3), 0..20), budget_ms in 0_u64..20_000) {
        let steps = ["vacuum".to_owned(), "analyze".to_owned()];
        let items: Vec<_> = gains.iter().enumerate().map(|(at, (high_ms, gain, step))| {
            let mut item = WorkItem::new(["vacuum", "analyze", "other"][*step], Act::Vacuum, object(ObjectKind::Table, &format!("t{at}")), Measure::new("", []), estimate(Act::Vacuum, 0, &[]), 0, *gain);
            item.estimate.high_ms = *high_ms;
            item
        }).collect();
        let ordered = order(items.clone(), &steps, budget_ms, 1 + budget_ms % 3);
        let names = |items: &[WorkItem]| items.iter().map(|item| item.object.name.clone()).collect::<std::collections::BTreeSet<_>>();
        prop_assert_eq!(names(&items), names(&ordered));
        prop_assert_eq!(items.len(), ordered.len());
    }

    #[test]
    fn selection_respects_its_thresholds(bytes in 0_u64..u64::MAX / 2, exact in 0_u32..=1000) {
        let parameters = Parameters::default();
        let row = IndexRow { bytes, exact_waste_permille: Some(exact), ..index_row(0, None) };
        for item in select_reindex(&[row], &parameters).items {
            prop_assert!(exact >= 300 && item.gain >= 256 * MIB);
        }
    }
}
