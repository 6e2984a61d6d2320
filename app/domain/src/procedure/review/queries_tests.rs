use super::*;
use proptest::prelude::*;

const HOUR_US: u64 = 3_600_000_000;

fn row(id: i64, calls: u64, total_us: u64, blocks: u64) -> QueryRow {
    let text = Some(format!("SELECT {id}"));
    QueryRow { id, role_oid: 10, role: "shop".into(), toplevel: true, text, calls, total_us, blocks, min_ns: 5, max_ns: 50, since_s: 7 }
}

fn seen(rows: Vec<QueryRow>) -> Statements {
    let total_us = rows.iter().map(|row| row.total_us).sum();
    Statements {
        major: 15,
        each_since: false,
        rows,
        least_us: 0,
        total_us,
        hidden: 0,
        counted_s: Some(30 * DAY_S),
        since_s: 7,
        forgotten: Some((0, 5000)),
    }
}

/// What was remembered `days` ago.
fn looks(past: &[(u64, &Statements)]) -> Memory {
    let aged = |days: u64, seen: &Statements| {
        measurements(seen).into_iter().map(move |one| Measurement { age_s: days * DAY_S, ..one }).collect::<Vec<_>>()
    };
    Memory::of(past.iter().flat_map(|(days, seen)| aged(*days, seen)))
}

fn kinds(found: &Selection) -> Vec<&str> {
    assert!(found.items.is_empty(), "a review selects no work");
    found.findings.iter().map(|finding| finding.kind.as_str()).filter(|kind| *kind != "heavy_query").collect()
}

#[test]
fn a_statement_that_reads_a_thousand_times_as_much_is_a_regression() {
    let (first, second) = (seen(vec![row(1, 1_000, 1_000_000, 3_000)]), seen(vec![row(1, 2_000, 2_000_000, 6_000)]));
    let now = seen(vec![row(1, 3_000, 14_000_000, 6_000 + 1_000 * 4_256)]);
    let found = statements(&now, &looks(&[(14, &first), (7, &second)]));
    assert_eq!(kinds(&found), ["query_regression"]);
    let finding = &found.findings[0];
    assert!(finding.sentence.contains("1,000 calls in the last 7 d: each reads 4,256 blocks, before that 3.0"), "{}", finding.sentence);
    assert!(finding.sentence.contains("takes 12 ms, before that 1.0 ms. SELECT 1"), "{}", finding.sentence);
    assert_eq!(finding.object.as_deref(), Some("query 1 of shop"));
    assert_eq!((finding.figures["blocks_each"], finding.figures["blocks_each_before"]), (4_256, 3));
    // With one look only, what came before it began at zero.
    assert_eq!(kinds(&statements(&now, &looks(&[(7, &second)]))), ["query_regression"]);
    // Five days are no week, and without a look there is nothing to compare.
    assert_eq!(kinds(&statements(&now, &looks(&[(5, &second)]))), [""; 0]);
    assert_eq!(kinds(&statements(&now, &Memory::default())), [""; 0]);
}

#[test]
fn what_is_slower_without_reading_more_must_cost_a_minute() {
    let before = seen(vec![row(1, 1_000, 1_000_000, 3_000)]);
    let slower = |total_us| statements(&seen(vec![row(1, 2_000, 1_000_000 + total_us, 6_000)]), &looks(&[(7, &before)]));
    assert_eq!(kinds(&slower(ADDED_US + 1_000_000)), ["query_regression"]);
    assert!(slower(ADDED_US + 1_000_000).findings[0].advice.contains("look for waiting"));
    assert_eq!(kinds(&slower(ADDED_US + 999_999)), [""; 0]);
    // A lost index that costs few blocks is still no waiting.
    let few = statements(&seen(vec![row(1, 2_000, 1_000_000 + 70_000_000, 6_000 + 60_000)]), &looks(&[(7, &before)]));
    assert_eq!(kinds(&few), ["query_regression"]);
    assert!(few.findings[0].advice.contains("look at its plan"), "{few:?}");
    // One block that became three is three times as much, and nothing.
    let more = statements(&seen(vec![row(1, 2_000, 2_000_000, 6_000 + 30_000)]), &looks(&[(7, &before)]));
    assert_eq!(kinds(&more), [""; 0]);
}

#[test]
fn only_the_same_count_is_compared() {
    let before = seen(vec![row(1, 1_000, 1_000_000, 3_000)]);
    let worse = || row(1, 2_000, HOUR_US, 9_000_000);
    let of = |now: Statements| statements(&now, &looks(&[(7, &before)]));
    assert_eq!(kinds(&of(seen(vec![worse()]))), ["query_regression"]);
    let cases = [
        ("counted anew", Statements { rows: vec![QueryRow { since_s: 8, ..worse() }], ..seen(vec![]) }),
        ("another version", Statements { major: 16, ..seen(vec![worse()]) }),
        ("forgotten and counted again: the quickest call was quicker", seen(vec![QueryRow { min_ns: 6, ..worse() }])),
        ("forgotten and counted again: the slowest call was slower", seen(vec![QueryRow { max_ns: 49, ..worse() }])),
        ("a counter fell", seen(vec![QueryRow { calls: 999, ..worse() }])),
        ("called too rarely", seen(vec![QueryRow { calls: 1_049, ..worse() }])),
        ("another role", seen(vec![QueryRow { role_oid: 11, ..worse() }])),
        ("from inside a function", seen(vec![QueryRow { toplevel: false, ..worse() }])),
    ];
    for (why, now) in cases {
        let found = of(now);
        let regressions = kinds(&found).iter().filter(|kind| **kind == "query_regression").count();
        assert_eq!(regressions, 0, "{why}: {found:?}");
    }
    // What says when the count of each statement began is believed; an extension that was left behind by its server says it of none.
    let again = || seen(vec![QueryRow { min_ns: 6, ..worse() }]);
    assert_eq!(kinds(&of(Statements { each_since: true, ..again() })), ["query_regression"]);
    let upgraded = looks(&[(7, &Statements { major: 17, ..before.clone() })]);
    assert_eq!(kinds(&statements(&Statements { major: 17, ..again() }, &upgraded)), [""; 0]);
    // Version 13 does not say that all began anew; a counter that fell does.
    let silent =
        |rows: Vec<QueryRow>| Statements { since_s: 0, ..seen(rows.into_iter().map(|row| QueryRow { since_s: 0, ..row }).collect()) };
    let before = silent(vec![row(1, 1_000, 1_000_000, 3_000), row(2, 1_000, 1_000_000, 3_000)]);
    let of = |calls| kinds(&statements(&silent(vec![worse(), row(2, calls, 2_000_000, 6_000)]), &looks(&[(7, &before)]))).len();
    assert_eq!((of(2_000), of(999)), (1, 0));
}

#[test]
fn a_new_statement_that_takes_much_is_named_and_so_is_where_the_time_goes() {
    let before = seen(vec![row(1, 1_000, HOUR_US, 3_000)]);
    let now = seen(vec![row(1, 2_000, 2 * HOUR_US, 6_000), row(2, 100, HOUR_US / 2, 10), row(3, 100, HOUR_US / 100, 10)]);
    let found = statements(&now, &looks(&[(7, &before)]));
    assert_eq!(kinds(&found), ["new_query"]);
    let new = &found.findings[0];
    assert!(
        new.sentence.contains("look 7 d ago, and takes 33.1 % of the time counted since: 100 calls of 18,000 ms each"),
        "{}",
        new.sentence
    );
    let heavy: Vec<_> = found.findings.iter().filter(|finding| finding.kind == "heavy_query").map(|finding| &finding.sentence).collect();
    assert_eq!(heavy.len(), 2);
    assert!(heavy[0].starts_with("66.2 % of the time counted in the last 7 d (1 h). SELECT 1"), "{heavy:?}");
    // Of what was hidden, or below those that were listed, nobody says that it is new.
    let blind = Statements { hidden: 1, ..before.clone() };
    assert_eq!(kinds(&statements(&now, &looks(&[(7, &blind)]))), [""; 0]);
    let listed = Statements { least_us: HOUR_US / 2 - 1, ..before.clone() };
    assert_eq!(kinds(&statements(&now, &looks(&[(7, &listed)]))), [""; 0]);
    assert_eq!(
        kinds(&statements(&Statements { major: 16, ..now.clone() }, &looks(&[(7, &before)]))),
        [""; 0],
        "numbers of another version"
    );
    // The first look knows of nothing that is new.
    assert_eq!(kinds(&statements(&now, &Memory::default())), [""; 0]);
}

#[test]
fn blindness_is_said() {
    let hidden = Statements { hidden: 3, ..seen(vec![]) };
    assert!(statements(&hidden, &Memory::default()).findings[0].sentence.contains("3 statements of other roles are hidden"));
    let nothing = statements(&seen(vec![]), &Memory::default());
    assert!(nothing.findings[0].is_blind() && nothing.findings[0].sentence.contains("no statement of this database"));
    let secret = seen(vec![QueryRow { text: None, ..row(1, 100, HOUR_US, 1) }]);
    assert!(statements(&secret, &Memory::default()).findings[0].sentence.contains("may hold values"));
}

#[test]
fn a_list_that_is_too_small_is_said() {
    let full = |times, days| Statements { forgotten: Some((times, 5000)), counted_s: Some(days * DAY_S), ..seen(vec![row(1, 1, 1, 1)]) };
    assert_eq!(kinds(&statements(&full(6, 30), &Memory::default())), [""; 0], "one in five days");
    assert_eq!(kinds(&statements(&full(7, 30), &Memory::default())), ["statements_forgotten"]);
    // Since the last look it has been quiet.
    assert_eq!(kinds(&statements(&full(7, 30), &looks(&[(7, &full(7, 23))]))), [""; 0]);
    assert_eq!(kinds(&statements(&full(9, 30), &looks(&[(7, &full(7, 23))]))), ["statements_forgotten"]);
}

#[test]
fn a_large_table_that_is_read_whole_again_and_again_is_named() {
    let table =
        |scans, rows, bytes| ScanRow { table: ObjectName::new("shop", "orders").expect("no NUL"), oid: 1, since_s: 9, scans, rows, bytes };
    let memory = |days| {
        let past = scan_measurements(&[table(10, 1_000, 1)]);
        Memory::of(past.into_iter().map(|one| Measurement { age_s: days * DAY_S, ..one }))
    };
    let large = SCANNED_MIN_BYTES + 1;
    let found = scans(&[table(110, 2_001_000, large)], &memory(7));
    assert_eq!(kinds(&found), ["read_whole"]);
    assert!(found.findings[0].sentence.contains("100 times in the last 7 d, 20,000 rows each time"), "{}", found.findings[0].sentence);
    for (rows, memory) in [
        (table(60, 2_001_000, large), memory(7)),
        (table(110, 1_001_000, large), memory(7)),
        (table(110, 2_001_000, large - 1), memory(7)),
        (table(110, 2_001_000, large), memory(5)),
        (ScanRow { oid: 2, ..table(110, 2_001_000, large) }, memory(7)),
        (ScanRow { since_s: 10, ..table(110, 2_001_000, large) }, memory(7)),
        (table(9, 2_001_000, large), memory(7)),
        (table(110, 2_001_000, large), Memory::default()),
    ] {
        assert_eq!(kinds(&scans(std::slice::from_ref(&rows), &memory)), [""; 0], "{rows:?}");
    }
}

proptest! {
    /// Whatever a server counts: nothing overflows, and a statement that did not change is no regression.
    #[test]
    fn nothing_overflows_and_what_stays_the_same_is_no_regression(calls in any::<u64>(), total_us in any::<u64>(), blocks in any::<u64>(), times in 1_u64..50) {
        let before = seen(vec![row(1, calls, total_us >> 1, blocks)]);
        let now = Statements { total_us: u64::MAX, rows: vec![row(1, u64::MAX, u64::MAX, u64::MAX)], ..before.clone() };
        statements(&now, &looks(&[(7, &before)]));
        let (calls, total_us, blocks) = (calls % 1_000_000, total_us % HOUR_US, blocks % 1_000_000_000);
        let same = |n: u64| seen(vec![row(1, calls * n, total_us * n, blocks * n)]);
        let found = statements(&same(times + 1), &looks(&[(7, &same(times))]));
        prop_assert!(!kinds(&found).contains(&"query_regression"), "{:?}", found);
    }
}
