//! Indexes that are no B-trees, growth, partitions that run out, and autovacuum's settings, on a real database.

use super::target_freeze::HOSTILE;
use super::target_support::{MAINTAINER, STRANGER, Target, item, name};
use super::target_survey::{look_with, survey_with};
use domain::procedure::memory::{INDEX_SIZE, Measurement, Memory, TABLE_SIZE};
use domain::procedure::select::step;
use domain::procedure::{Act, Finding, Parameters, Selection};
use domain::run::{Finding as Found, Outcome};
use engine::target::postgres;

fn eager() -> Parameters {
    Parameters { gin_min_pending_pages: 5, brin_min_new_ranges: 2, sized_look_min_mib: 0, archive_min_gib: 0, ..Parameters::default() }
}

async fn look(target: &Target, user: &str, key: &str) -> Selection {
    look_with(target, user, &[key.to_owned()], &|_| true, &eager()).await
}

fn kinds(selection: &Selection) -> Vec<&str> {
    selection.findings.iter().map(|finding| finding.kind.as_str()).collect()
}

fn of_kind<'a>(selection: &'a Selection, kind: &str) -> &'a Finding {
    selection.findings.iter().find(|finding| finding.kind == kind).unwrap_or_else(|| panic!("no {kind} in {selection:?}"))
}

/// A table with a GIN index whose pending list is long, and a BRIN index that knows nothing of its rows.
async fn put_off(target: &Target, table: &str, gin: &str, brin: &str) {
    let (table, gin, brin) =
        (name("shop", table).quoted(), domain::procedure::quote::identifier(gin), domain::procedure::quote::identifier(brin));
    let (gin, brin) = (gin.expect("a name"), brin.expect("a name"));
    target
        .plant_as_owner(&format!(
            "CREATE TABLE {table} (id int, tags int[]);
             CREATE INDEX {gin} ON {table} USING gin (tags) WITH (fastupdate = on);
             CREATE INDEX {brin} ON {table} USING brin (id) WITH (pages_per_range = 2);
             INSERT INTO {table} SELECT n, ARRAY[n, n + 1, n % 7] FROM generate_series(1, 5000) n"
        ))
        .await;
}

#[tokio::test]
async fn what_gin_and_brin_put_off_is_done_and_proven() {
    let target = Target::new().await;
    put_off(&target, "notes", "notes_tags", "notes_id").await;
    let found = look(&target, MAINTAINER, step::UPKEEP).await;
    let mut acts: Vec<_> = found.items.iter().map(|item| (item.act, item.object.name.name())).collect();
    acts.sort_unstable();
    assert_eq!(acts, [(Act::GinCleanPending, "notes_tags"), (Act::BrinSummarize, "notes_id")], "{found:?}");
    for work in &found.items {
        let result = target.carry_out(work, &eager()).await;
        assert_eq!(result.verdict.outcome, Outcome::Done, "{}: {result:?}", work.statement);
        let again = target.carry_out(work, &eager()).await;
        assert_eq!(again.verdict.outcome, Outcome::Skipped, "nothing is left: {again:?}");
        if work.act == Act::GinCleanPending {
            assert_eq!(postgres::find(&result.before, result.after.as_ref().expect("read")), Found::Done);
        }
    }
    target.plant("VACUUM shop.notes").await;
    assert_eq!(look(&target, MAINTAINER, step::UPKEEP).await, Selection::default());
}

#[tokio::test]
async fn hostile_names_of_indexes_stay_names() {
    let target = Target::new().await;
    for (n, hostile) in HOSTILE.iter().enumerate() {
        put_off(
            &target,
            &format!("t{n}"),
            hostile,
            &format!("brin {}", &hostile[..hostile.len().min(8)].replace(|c: char| !c.is_ascii(), "?")),
        )
        .await;
    }
    let found = look(&target, MAINTAINER, step::UPKEEP).await;
    assert_eq!(found.items.len(), 2 * HOSTILE.len(), "{found:?}");
    for work in &found.items {
        let result = target.carry_out(work, &eager()).await;
        assert_eq!(result.verdict.outcome, Outcome::Done, "{}: {result:?}", work.statement);
    }
}

#[tokio::test]
async fn what_a_stranger_may_not_do_or_see_is_said() {
    let target = Target::new().await;
    put_off(&target, "notes", "notes_tags", "notes_id").await;
    let blind = look(&target, STRANGER, step::UPKEEP).await;
    assert_eq!((blind.items.len(), blind.passed_over.len()), (0, 2), "{blind:?}");
    target.plant("DROP EXTENSION pgstattuple").await;
    let unmeasured = look(&target, MAINTAINER, step::UPKEEP).await;
    assert!(unmeasured.passed_over.iter().any(|passed| passed.reason.contains("pgstattuple")), "{unmeasured:?}");
    let autovacuum = look(&target, STRANGER, step::AUTOVACUUM).await;
    assert_eq!(autovacuum.items, []);
}

#[tokio::test]
async fn an_index_is_compared_with_what_was_remembered_of_it_until_it_is_another_file() {
    let target = Target::new().await;
    put_off(&target, "notes", "notes_tags", "notes_id").await;
    let steps = [step::SIZED.to_owned()];
    let first = survey_with(&target, MAINTAINER, &steps, &|_| true, &eager(), &Memory::default()).await;
    assert_eq!((first.selection.items.len(), kinds(&first.selection)), (0, vec!["baseline_recorded"]), "{first:?}");
    assert_eq!(first.measured.len(), 1, "a BRIN index is not among them");
    assert_eq!((first.measured[0].kind.as_str(), first.measured[0].object.as_str()), (INDEX_SIZE, "shop.notes_tags"));

    let lean = |kept: &Measurement| {
        let mut then = kept.clone();
        (then.age_s, *then.figures.get_mut("index_bytes").expect("kept")) = (9 * 86_400, kept.figures["index_bytes"] / 3);
        Memory::of([then])
    };
    let grown = survey_with(&target, MAINTAINER, &steps, &|_| true, &eager(), &lean(&first.measured[0])).await;
    assert_eq!(
        grown.selection.items.iter().map(|item| item.statement.as_str()).collect::<Vec<_>>(),
        [r#"REINDEX INDEX CONCURRENTLY "shop"."notes_tags""#]
    );
    assert_eq!(
        grown.measured[0].figure("index_bytes"),
        lean(&first.measured[0]).newest(INDEX_SIZE, &name("shop", "notes_tags")).and_then(|one| one.figure("index_bytes")),
        "the baseline stays"
    );

    target.plant("REINDEX INDEX shop.notes_tags").await;
    let other = survey_with(&target, MAINTAINER, &steps, &|_| true, &eager(), &lean(&first.measured[0])).await;
    assert_eq!((other.selection.items.len(), kinds(&other.selection)), (0, vec!["baseline_recorded"]), "another file: {other:?}");
}

#[tokio::test]
async fn growth_is_told_from_what_was_remembered() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.\"Gr\"\"ow\" (id int); INSERT INTO shop.\"Gr\"\"ow\" SELECT generate_series(1, 100000)").await;
    let steps = [step::SPACE.to_owned()];
    let first = survey_with(&target, MAINTAINER, &steps, &|_| true, &eager(), &Memory::default()).await;
    let kept = first.measured.iter().find(|one| one.kind == TABLE_SIZE).expect("remembered");
    assert_eq!(kept.object, "shop.\"Gr\"\"ow\"");
    assert!(of_kind(&first.selection, "table_size").sentence.contains("once it was measured on two days"));
    let mut then = kept.clone();
    (then.age_s, *then.figures.get_mut("total_bytes").expect("kept")) = (7 * 86_400, 8_192);
    let second = survey_with(&target, MAINTAINER, &steps, &|_| true, &eager(), &Memory::of([then])).await;
    let size = of_kind(&second.selection, "table_size");
    assert!(size.sentence.contains("a week in 7 days") && size.figures["growth_per_week_bytes"] > 1 << 20, "{size:?}");
}

#[tokio::test]
async fn partitions_that_run_out_and_candidates_for_archiving_are_found() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.\"by\nday\" (at timestamptz, n int) PARTITION BY RANGE (at);
             CREATE TABLE shop.p1 PARTITION OF shop.\"by\nday\" FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
             CREATE TABLE shop.p2 PARTITION OF shop.\"by\nday\" FOR VALUES FROM ('2020-02-01') TO (MAXVALUE);
             CREATE TABLE shop.ended (at date) PARTITION BY RANGE (at);
             CREATE TABLE shop.e1 PARTITION OF shop.ended FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
             CREATE TABLE shop.by_text (k text) PARTITION BY RANGE (k);
             CREATE TABLE shop.t1 PARTITION OF shop.by_text FOR VALUES FROM ('a') TO ('not a day');
             CREATE TABLE shop.log (at timestamptz, what text);
             INSERT INTO shop.log SELECT '2026-01-01'::timestamptz + n * interval '1 s', 'x' FROM generate_series(1, 20000) n;
             CREATE TABLE shop.plain (id int, what text);
             INSERT INTO shop.plain SELECT n, 'x' FROM generate_series(1, 20000) n",
        )
        .await;
    target.plant("ANALYZE shop.log; ANALYZE shop.plain").await;
    let found = look(&target, MAINTAINER, step::SPACE).await;
    let named = |kind: &str| {
        found.findings.iter().filter(|finding| finding.kind == kind).filter_map(|finding| finding.object.as_deref()).collect::<Vec<_>>()
    };
    assert_eq!(named("partitions_run_out"), ["shop.ended"], "what is open at its end does not run out: {found:?}");
    assert_eq!(named("archive_candidate"), ["shop.log"], "{found:?}");
    assert!(of_kind(&found, "large_table").sentence.contains("no column of a date"), "{found:?}");
    assert_eq!(named("cannot_see"), [""; 0], "{found:?}");
    let blind = look(&target, STRANGER, step::SPACE).await;
    assert!(blind.findings.iter().any(|finding| finding.is_blind() && finding.object.as_deref() == Some("shop.log")), "{blind:?}");
}

#[tokio::test]
async fn autovacuum_switched_off_and_statistics_without_data_are_found() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.off (id int, n int) WITH (autovacuum_enabled = false);
             CREATE STATISTICS shop.\"st'at\" (dependencies) ON id, n FROM shop.off;
             INSERT INTO shop.off SELECT n, n % 10 FROM generate_series(1, 1000) n",
        )
        .await;
    let found = look(&target, MAINTAINER, step::AUTOVACUUM).await;
    assert_eq!(of_kind(&found, "autovacuum_off_for_table").object.as_deref(), Some("shop.off"));
    assert_eq!(of_kind(&found, "statistics_without_data").object.as_deref(), Some("shop.\"st'at\""), "{found:?}");
    target.plant("ANALYZE shop.off").await;
    assert!(!kinds(&look(&target, MAINTAINER, step::AUTOVACUUM).await).contains(&"statistics_without_data"));
    assert!(kinds(&look(&target, STRANGER, step::AUTOVACUUM).await).contains(&"cannot_see"));
}

#[tokio::test]
async fn an_index_that_is_gone_is_not_worked_on() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.notes (id int)").await;
    let gone = item(Act::GinCleanPending, name("shop", "gone"), Some(name("shop", "notes")));
    assert!(postgres::evidence(&target.link(MAINTAINER).await, &gone).await.expect("readable").is_gone());
}
