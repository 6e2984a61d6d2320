//! Freezing on a real database: what is old is chosen, its age falls, and what holds it is named.

use super::target_own_server::with_server;
use super::target_support::{MAINTAINER, STRANGER, Target, item, name, run};
use super::target_survey::look_with;
use domain::procedure::select::step;
use domain::procedure::{Act, Parameters, Selection};
use domain::run::{Finding, Outcome};
use engine::target::postgres;
use engine::test_support::TestDatabase;

/// A test cannot wait for a thousand million transactions.
fn old() -> Parameters {
    Parameters { freeze_min_age_xids: 20_000, ..Parameters::default() }
}

async fn burn(target: &Target) {
    let mut admin = target.admin().await;
    run(&mut admin, "DO $$ BEGIN FOR n IN 1..30000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$").await;
}

async fn old_table(target: &Target) {
    target
        .plant_as_owner("CREATE TABLE shop.old (id int, doc text); INSERT INTO shop.old SELECT n, 'd' FROM generate_series(1, 1000) n")
        .await;
}

async fn chosen(target: &Target, user: &str) -> Selection {
    look_with(target, user, &[step::FREEZE.to_owned()], &|object| object.name.schema() == "shop", &old()).await
}

#[tokio::test]
async fn what_is_old_is_frozen_and_young_again() {
    // A server of its own: transactions of other tests age every database, and what is young here would be old.
    with_server(async |cluster| frozen_and_young_again(&Target::on(TestDatabase::empty_on(cluster).await).await).await).await;
}

async fn frozen_and_young_again(target: &Target) {
    old_table(target).await;
    assert_eq!(chosen(target, MAINTAINER).await.items, [], "it is young");
    burn(target).await;
    target.plant_as_owner("CREATE TABLE shop.young (id int)").await;
    let found = chosen(target, MAINTAINER).await;
    let names: Vec<_> = found.items.iter().map(|item| item.object.name.name()).collect();
    assert_eq!(names, ["old"], "{found:?}");
    assert!(found.items[0].measure.figures["xid_age_xids"] > 20_000, "{found:?}");
    let result = target.carry_out(&found.items[0], &old()).await;
    assert_eq!(result.verdict.outcome, Outcome::Done, "{result:?}");
    assert_eq!(postgres::find(&result.before, result.after.as_ref().expect("read")), Finding::Done);
    assert_eq!(chosen(target, MAINTAINER).await.items, []);

    let blind = {
        burn(target).await;
        chosen(target, STRANGER).await
    };
    assert_eq!((blind.items.len(), blind.passed_over.len()), (0, 2), "{blind:?}");
    assert!(blind.findings.iter().any(|finding| finding.kind == "freeze_not_permitted"), "{blind:?}");
}

#[tokio::test]
async fn whoever_holds_old_transactions_is_named() {
    // A server of its own: transactions of other tests between the table and its holder could be frozen after all.
    with_server(async |cluster| the_holder_is_named(&Target::on(TestDatabase::empty_on(cluster).await).await).await).await;
}

async fn the_holder_is_named(target: &Target) {
    old_table(target).await;
    let mut holder = target.admin().await;
    run(&mut holder, "SET application_name = 'forgotten'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id()").await;
    burn(target).await;
    let result = target.carry_out(&item(Act::VacuumFreeze, name("shop", "old"), None), &old()).await;
    assert_eq!(result.verdict.outcome, Outcome::NoEffect, "{result:?}");
    assert!(result.verdict.sentence.contains("forgotten"), "{}", result.verdict.sentence);
    run(&mut holder, "ROLLBACK").await;
    assert_eq!(target.carry_out(&item(Act::VacuumFreeze, name("shop", "old"), None), &old()).await.verdict.outcome, Outcome::Done);
}

/// Quotes, a newline, a backslash, a keyword, 63 bytes, and more than ASCII.
pub const HOSTILE: [&str; 6] = [
    "a\"b'c\"\"d",
    "line\nbreak\\",
    "select",
    "x; DROP TABLE shop.bystander; --",
    "n23456789012345678901234567890123456789012345678901234567890123",
    "Ünïcödé 王 ✓",
];

#[tokio::test]
async fn no_name_breaks_the_statement_or_reaches_another_table() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.bystander (id int)").await;
    for hostile in HOSTILE {
        let table = name("shop", hostile);
        target.plant_as_owner(&format!("CREATE TABLE {} (id int)", table.quoted())).await;
    }
    burn(&target).await;
    let age = "SELECT relfrozenxid::text::bigint FROM pg_class WHERE oid = 'shop.bystander'::regclass";
    let frozen_at: i64 = sqlx::query_scalar(age).fetch_one(&mut target.admin().await).await.expect("a number");
    let found = chosen(&target, MAINTAINER).await;
    assert_eq!(found.items.len(), HOSTILE.len() + 1, "{found:?}");
    for work in found.items.iter().filter(|item| item.object.name.name() != "bystander") {
        let result = target.carry_out(work, &old()).await;
        assert_eq!(result.verdict.outcome, Outcome::Done, "{}: {result:?}", work.statement);
    }
    // Others age everything in this cluster meanwhile, so what is chosen again says little; what was frozen does.
    let frozen_now: i64 = sqlx::query_scalar(age).fetch_one(&mut target.admin().await).await.expect("a number");
    assert_eq!(frozen_now, frozen_at, "the bystander is as it was");
}
