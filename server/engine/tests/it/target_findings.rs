//! What the read-only steps find on a real database, what they say when they may not look, and that hostile names stay names.

use super::target_support::{MAINTAINER, STRANGER, Target};
use super::target_survey::look_for;
use domain::procedure::select::step;
use domain::procedure::{Finding, FindingLevel, Selection, library};

async fn space(target: &Target, user: &str) -> Selection {
    look_for(target, user, &[step::SPACE.to_owned()], &|_| true).await
}

fn of_kind<'a>(selection: &'a Selection, kind: &str) -> Vec<&'a Finding> {
    selection.findings.iter().filter(|finding| finding.kind == kind).collect()
}

/// A table whose rows have no partition but DEFAULT, under names that bite.
const PARTITIONED: &str = "CREATE TABLE shop.\"ev\"\"ents'\\\n\" (id int, day date) PARTITION BY RANGE (day);
    CREATE TABLE shop.\"select\" PARTITION OF shop.\"ev\"\"ents'\\\n\" FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE shop.\"ünïcode; DROP TABLE x--\" PARTITION OF shop.\"ev\"\"ents'\\\n\" DEFAULT;
    INSERT INTO shop.\"ev\"\"ents'\\\n\" SELECT n, date '2026-01-05' + n FROM generate_series(1, 100) n";

#[tokio::test]
async fn sizes_count_partitions_with_their_parent_and_strays_in_the_default_one_are_found() {
    let target = Target::new().await;
    target.plant_as_owner(PARTITIONED).await;
    target.plant_as_owner("CREATE TABLE shop.big (id int PRIMARY KEY); INSERT INTO shop.big SELECT generate_series(1, 50000)").await;
    let found = space(&target, MAINTAINER).await;
    assert_eq!((found.items.len(), found.passed_over.len()), (0, 0), "{found:?}");
    let sizes = of_kind(&found, "table_size");
    let names: Vec<_> = sizes.iter().filter_map(|finding| finding.object.as_deref()).collect();
    assert_eq!(names, ["shop.big", "shop.\"ev\"\"ents'\\\n\""], "{found:?}");
    assert!(sizes[1].sentence.contains("in 2 partitions") && sizes[0].figures["index_bytes"] > 1 << 20, "{sizes:?}");
    let strays = of_kind(&found, "default_partition_rows");
    assert_eq!(strays.iter().filter_map(|finding| finding.object.as_deref()).collect::<Vec<_>>(), ["shop.\"ünïcode; DROP TABLE x--\""]);
    assert_eq!(strays[0].level, FindingLevel::Attention);

    let plain = look_for(&target, MAINTAINER, &[step::SPACE.to_owned()], &|object| !object.name.name().contains("ents")).await;
    assert_eq!(of_kind(&plain, "table_size").len(), 1, "what the plan leaves alone is not looked at: {plain:?}");
}

/// Detaching that broke off hides the rows from whoever asks the parent: that is urgent until somebody finishes it, whatever the plan looks at besides.
#[tokio::test]
async fn a_half_detached_partition_is_urgent_until_it_is_finished() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.days (id int, day date) PARTITION BY RANGE (day);
             CREATE TABLE shop.\"in May\" PARTITION OF shop.days FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
             INSERT INTO shop.days SELECT n, date '2026-05-01' + n % 31 FROM generate_series(1, 100) n",
        )
        .await;
    let of_parent = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM shop.days").fetch_one(&mut target.admin().await).await.expect("readable")
    };
    assert_eq!((of_parent().await, of_kind(&space(&target, MAINTAINER).await, "pending_detach").len()), (100, 0));
    let (mut reader, mut owner) = (target.admin().await, target.admin().await);
    super::target_support::run(&mut reader, "BEGIN; SELECT count(*) FROM shop.days").await;
    super::target_support::run(&mut owner, "SET ROLE shop_owner").await;
    super::target_support::run(&mut owner, "SET statement_timeout = '500ms'").await;
    let broke_off = sqlx::query("ALTER TABLE shop.days DETACH PARTITION shop.\"in May\" CONCURRENTLY").execute(&mut owner).await;
    assert!(broke_off.expect_err("it waits for the reader").to_string().contains("statement timeout"));
    super::target_support::run(&mut reader, "COMMIT").await;
    assert_eq!(of_parent().await, 0, "the rows are there, and the parent does not show them");

    for steps in [vec![step::SPACE.to_owned()], library::weekly::version_1().surveyed()] {
        let found = look_for(&target, MAINTAINER, &steps, &|_| true).await;
        let pending = of_kind(&found, "pending_detach");
        assert_eq!(pending.iter().filter_map(|finding| finding.object.as_deref()).collect::<Vec<_>>(), ["shop.\"in May\""], "{found:?}");
        assert_eq!(pending[0].level, FindingLevel::Urgent);
        assert!(
            pending[0].sentence.contains("missing from every query of shop.days") && pending[0].advice.contains("FINALIZE"),
            "{pending:?}"
        );
    }
    super::target_support::run(&mut owner, "SET statement_timeout = 0").await;
    super::target_support::run(&mut owner, "ALTER TABLE shop.days DETACH PARTITION shop.\"in May\" FINALIZE").await;
    super::target_support::run(
        &mut owner,
        "ALTER TABLE shop.days ATTACH PARTITION shop.\"in May\" FOR VALUES FROM ('2026-05-01') TO ('2026-06-01')",
    )
    .await;
    assert_eq!((of_parent().await, of_kind(&space(&target, MAINTAINER).await, "pending_detach").len()), (100, 0));
}

#[tokio::test]
async fn what_a_role_may_not_read_is_said() {
    let target = Target::new().await;
    target.plant_as_owner(PARTITIONED).await;
    let blind = space(&target, STRANGER).await;
    let said = of_kind(&blind, "cannot_see");
    assert!(
        said.iter().any(|finding| finding.sentence.contains("DEFAULT partition") && finding.advice.contains("GRANT SELECT")),
        "{blind:?}"
    );
    assert_eq!(of_kind(&blind, "default_partition_rows"), [] as [&Finding; 0]);

    target.plant("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_partition_root(regclass) FROM PUBLIC").await;
    let half = space(&target, MAINTAINER).await;
    let said = of_kind(&half, "cannot_see");
    assert!(said.iter().any(|finding| finding.sentence.contains("pg_partition_root")), "{half:?}");
    assert_eq!(of_kind(&half, "default_partition_rows").len(), 1, "one part's failure hides no other: {half:?}");
}

#[tokio::test]
async fn a_step_that_cannot_look_does_not_hide_the_others() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.never (id int); INSERT INTO shop.never SELECT generate_series(1, 1000)").await;
    target.plant("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_stat_get_dead_tuples(oid) FROM PUBLIC").await;
    let steps: Vec<String> = library::weekly::version_1().surveyed();
    let found = look_for(&target, MAINTAINER, &steps, &|_| true).await;
    let said = of_kind(&found, "cannot_see");
    assert_eq!(said.iter().map(|finding| finding.step.as_str()).collect::<Vec<_>>(), [step::VACUUM], "{found:?}");
    assert!(said[0].sentence.contains("pg_stat_get_dead_tuples") && said[0].advice.contains("pg_monitor"), "{said:?}");
    assert_eq!(found.items.iter().map(|item| item.step.as_str()).collect::<Vec<_>>(), [step::ANALYZE], "{found:?}");

    let unknown = look_for(&target, MAINTAINER, &["step_of_tomorrow".to_owned()], &|_| true).await;
    assert_eq!(of_kind(&unknown, "cannot_see").len(), 1, "a step without a detector is not silent: {unknown:?}");
}

#[tokio::test]
async fn temporary_tables_of_a_session_that_lives_are_its_own() {
    let target = Target::new().await;
    let mut session = target.admin().await;
    super::target_support::run(&mut session, "CREATE TEMP TABLE mine (id int)").await;
    let found = space(&target, MAINTAINER).await;
    assert_eq!(of_kind(&found, "orphaned_temp_schema"), [] as [&Finding; 0], "{found:?}");
}
