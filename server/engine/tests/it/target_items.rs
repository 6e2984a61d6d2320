//! VACUUM, ANALYZE and REINDEX on a real server: what counts as done, and every way in which "OK" is not.

use super::target_support::{MAINTAINER, STRANGER, Target, item, name, run, until};
use domain::procedure::{Act, Parameters};
use domain::run::{Finding, Outcome};
use engine::target::fault::StatementError;
use engine::target::postgres::{self, Evidence, Tried, blockers::Blocker, measure, progress, stop};
use engine::target::session::Backend;
use std::time::Duration;

/// 10,000 rows and 10,000 dead ones, and an index on them.
async fn with_dead_rows() -> Target {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int PRIMARY KEY, status text);
             INSERT INTO shop.orders SELECT n, 'open' FROM generate_series(1, 20000) n;
             DELETE FROM shop.orders WHERE id % 2 = 0",
        )
        .await;
    target
}

fn orders() -> domain::procedure::ObjectName {
    name("shop", "orders")
}

fn reindex() -> domain::procedure::WorkItem {
    item(Act::ReindexConcurrently, name("shop", "orders_pkey"), Some(orders()))
}

#[tokio::test]
async fn vacuum_removes_dead_rows_and_proves_it() {
    let target = with_dead_rows().await;
    let vacuum = item(Act::Vacuum, orders(), None);
    let result = target.carry_out(&vacuum, &Parameters::default()).await;
    assert_eq!(result.verdict.outcome, Outcome::Done, "{result:?}");
    assert!(result.verdict.sentence.contains("10,000 → 0"), "{}", result.verdict.sentence);
    let execution = result.execution.expect("it was sent");
    assert!(execution.notices.iter().any(|notice| notice.severity == "INFO"), "VERBOSE output is kept: {execution:?}");
    assert_eq!(postgres::find(&result.before, &result.after.expect("read")), Finding::Done);
}

#[tokio::test]
async fn vacuum_under_a_horizon_holder_is_no_effect_and_names_it() {
    let target = with_dead_rows().await;
    let mut holder = target.admin().await;
    run(&mut holder, "SET application_name = 'monthly report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class").await;
    // Dead only since the holder looked.
    target.plant_as_owner("DELETE FROM shop.orders WHERE id % 3 = 0; DELETE FROM shop.orders WHERE id % 5 = 0").await;
    let result =
        target.carry_out(&item(Act::Vacuum, orders(), None), &Parameters { vacuum_min_fall_percent: 95, ..Parameters::default() }).await;
    assert_eq!(result.verdict.outcome, Outcome::NoEffect, "{result:?}");
    assert!(result.verdict.sentence.contains("application \"monthly report\""), "{}", result.verdict.sentence);
}

#[tokio::test]
async fn a_role_that_may_not_gets_ok_from_the_server_and_no_effect_from_us() {
    let target = with_dead_rows().await;
    target.plant("GRANT USAGE ON SCHEMA shop TO shop_stranger").await;
    for act in [Act::Vacuum, Act::Analyze] {
        let result = target.carry_out_as(STRANGER, &item(act, orders(), None), 60_000, &Parameters::default()).await;
        assert_eq!(result.execution.as_ref().expect("sent").error, None, "the server said yes");
        assert_eq!(result.verdict.outcome, Outcome::NoEffect, "{result:?}");
        assert!(result.verdict.sentence.contains("The server warned: "), "{}", result.verdict.sentence);
    }
}

#[tokio::test]
async fn analyze_is_counted() {
    let target = with_dead_rows().await;
    let result = target.carry_out(&item(Act::Analyze, orders(), None), &Parameters::default()).await;
    assert_eq!(result.verdict.outcome, Outcome::Done, "{result:?}");
    let (before, after) = (result.before, result.after.expect("read"));
    assert_eq!((postgres::find(&before, &after), postgres::find(&after, &after)), (Finding::Done, Finding::NotDone));
}

#[tokio::test]
async fn a_held_lock_is_skipped_politely_and_its_holder_named() {
    let target = with_dead_rows().await;
    let mut holder = target.admin().await;
    run(&mut holder, "SET application_name = 'migration'; BEGIN; LOCK TABLE shop.orders IN SHARE UPDATE EXCLUSIVE MODE").await;
    let parameters = Parameters { lock_wait_max_ms: 100, ..Parameters::default() };
    for work in [item(Act::Vacuum, orders(), None), item(Act::Analyze, orders(), None), reindex()] {
        let result = target.carry_out(&work, &parameters).await;
        assert_eq!(result.verdict.outcome, Outcome::SkippedLock, "{result:?}");
        assert!(result.verdict.sentence.contains("application \"migration\""), "{}", result.verdict.sentence);
        assert!(matches!(result.blockers.as_slice(), [Blocker::Session { .. }]), "{:?}", result.blockers);
        // A concurrent form is not even sent: a lock timeout inside it would leave debris.
        assert_eq!(result.execution.is_none(), work.act == Act::ReindexConcurrently);
    }
}

#[tokio::test]
async fn reindex_gives_a_new_smaller_index() {
    let target = with_dead_rows().await;
    target.plant("DELETE FROM shop.orders WHERE id > 2000").await;
    target.plant("VACUUM shop.orders").await;
    let result = target.carry_out(&reindex(), &Parameters::default()).await;
    assert_eq!(result.verdict.outcome, Outcome::Done, "{result:?}");
    assert!(result.verdict.sentence.contains("Rebuilt and valid"), "{}", result.verdict.sentence);
    // Once more it wins nothing, and says so.
    let again = target.carry_out(&reindex(), &Parameters::default()).await;
    assert_eq!(again.verdict.outcome, Outcome::NoEffect, "{again:?}");
}

#[tokio::test]
async fn reindex_does_not_wait_for_an_old_transaction() {
    let target = with_dead_rows().await;
    let mut holder = target.admin().await;
    run(&mut holder, "SET application_name = 'forgotten'; BEGIN; SELECT pg_current_xact_id()").await;
    let result = target.carry_out(&reindex(), &Parameters { blocker_max_age_s: 0, ..Parameters::default() }).await;
    assert_eq!((result.verdict.outcome, result.execution), (Outcome::SkippedLock, None));
    assert!(result.verdict.sentence.contains("application \"forgotten\""), "{}", result.verdict.sentence);
}

#[tokio::test]
async fn an_interrupted_reindex_leaves_debris_that_is_named_and_cleaned() {
    let target = with_dead_rows().await;
    let mut holder = target.admin().await;
    run(&mut holder, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shop.orders").await;
    // The server's own timer cuts the rebuild while it waits for the holder's snapshot.
    let result = target.carry_out_as(MAINTAINER, &reindex(), 1_000, &Parameters::default()).await;
    assert_eq!(result.verdict.outcome, Outcome::NeedsCleanup, "{result:?}");
    assert!(result.verdict.sentence.contains("shop.orders_pkey_ccnew"), "{}", result.verdict.sentence);
    assert_eq!(postgres::find(&result.before, result.after.as_ref().expect("read")), Finding::Partial);

    let control = target.link(MAINTAINER).await;
    let debris = measure::debris_rows(&control, 15).await.expect("readable");
    let found = domain::procedure::select::select_cleanup(&debris);
    assert_eq!((found.items.len(), found.passed_over.len()), (1, 0), "{found:?}");
    run(&mut holder, "ROLLBACK").await;
    let cleaned = target.carry_out(&found.items[0], &Parameters::default()).await;
    assert_eq!(cleaned.verdict.outcome, Outcome::Done, "{cleaned:?}");
    assert_eq!(target.carry_out(&found.items[0], &Parameters::default()).await.verdict.outcome, Outcome::Skipped, "it is gone");
    assert_eq!(measure::debris_rows(&control, 15).await.expect("readable"), []);
    // The half-empty index is rebuilt at the second try.
    target.plant("DELETE FROM shop.orders WHERE id > 2000").await;
    target.plant("VACUUM shop.orders").await;
    assert_eq!(target.carry_out(&reindex(), &Parameters::default()).await.verdict.outcome, Outcome::Done);
}

#[tokio::test]
async fn an_invalid_index_of_its_owner_is_left_alone() {
    let target = with_dead_rows().await;
    target.plant("UPDATE shop.orders SET status = 'same'").await;
    let mut owner = target.admin().await;
    let failed = sqlx::raw_sql("CREATE UNIQUE INDEX CONCURRENTLY broken ON shop.orders (status)").execute(&mut owner).await;
    assert!(failed.is_err(), "the values are not unique");
    let control = target.link(MAINTAINER).await;
    let found = domain::procedure::select::select_cleanup(&measure::debris_rows(&control, 15).await.expect("readable"));
    assert!(found.items.is_empty() && found.passed_over[0].reason.contains("owner"), "{found:?}");
    // Not even when somebody puts it on a list.
    let forced = item(Act::DropInvalidIndex, name("shop", "broken"), Some(orders()));
    assert_eq!(target.carry_out(&forced, &Parameters::default()).await.verdict.outcome, Outcome::Skipped);
    assert_eq!(postgres::evidence(&control, &forced).await.expect("readable"), Evidence::Debris { present: true });
}

#[tokio::test]
async fn a_running_reindex_shows_its_progress_and_who_it_waits_for_and_can_be_stopped() {
    let target = with_dead_rows().await;
    let mut holder = target.admin().await;
    run(&mut holder, "SET application_name = 'reader'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shop.orders").await;
    let parameters = Parameters::default();
    let session = target.session(MAINTAINER, Act::ReindexConcurrently, 60_000, &parameters).await;
    let backend = session.backend;
    let control = target.link(MAINTAINER).await;
    let before = postgres::evidence(&control, &reindex()).await.expect("readable");
    let rebuild = tokio::spawn(async move { postgres::execute(&session, &reindex(), &Parameters::default(), &|| true).await });

    until("the rebuild waits for the reader", async || {
        let seen = progress::progress(&control, backend.pid).await.expect("readable");
        seen.is_some_and(|seen| {
            let reader = seen.blockers.iter().any(|blocker| blocker.to_string().contains("application \"reader\""));
            seen.command == "REINDEX CONCURRENTLY" && seen.phase.starts_with("waiting") && reader
        })
    })
    .await;
    let mut late = target.admin().await;
    let behind = tokio::spawn(async move {
        run(&mut late, "SET application_name = 'late'; BEGIN; LOCK TABLE shop.orders IN SHARE UPDATE EXCLUSIVE MODE; ROLLBACK").await;
    });
    until("somebody waits behind the rebuild", async || {
        let seen = progress::progress(&control, backend.pid).await.expect("readable");
        seen.is_some_and(|seen| seen.waiters.iter().any(|waiter| waiter.to_string().contains("application \"late\"")))
    })
    .await;
    let other = Backend { started_us: backend.started_us + 1, ..backend };
    let wait = Duration::from_secs(10);
    assert_eq!(stop::stop(&control, other, wait, wait).await, Ok(stop::Stopped::NothingRan), "the same pid, another process");
    assert_eq!(stop::stop(&control, backend, wait, wait).await, Ok(stop::Stopped::Cancelled));
    behind.await.expect("it gets its lock");

    let tried = rebuild.await.expect("no panic").expect("the looks around it work");
    assert!(
        matches!(&tried, Tried::Sent { execution, .. } if execution.error.as_ref().is_some_and(StatementError::is_cancelled)),
        "{tried:?}"
    );
    let result = postgres::judge(&control, &reindex(), before, tried, &parameters).await;
    assert_eq!(result.verdict.outcome, Outcome::NeedsCleanup, "{result:?}");
}

#[tokio::test]
async fn a_session_can_be_ended_and_its_end_observed() {
    let target = with_dead_rows().await;
    let session = target.session(MAINTAINER, Act::Vacuum, 60_000, &Parameters::default()).await;
    let backend = session.backend;
    let control = target.link(MAINTAINER).await;
    let wait = Duration::from_secs(10);
    assert_eq!(stop::stop(&control, backend, wait, wait).await, Ok(stop::Stopped::NothingRan), "it is idle");
    assert_eq!(stop::observe_to_end(&control, backend, Duration::ZERO).await, Ok(false), "it is there");
    let sleeper = tokio::spawn(async move { session.execute("SELECT pg_catalog.pg_sleep(600)").await });
    assert_eq!(stop::end(&control, backend, wait).await, Ok(true));
    let execution = sleeper.await.expect("no panic");
    assert!(execution.error.is_some_and(|error| error.is_terminated() || error.is_disconnect()));
    assert_eq!(stop::observe_to_end(&control, backend, wait).await, Ok(true));
}

#[tokio::test]
async fn the_server_itself_ends_a_statement_at_its_limit() {
    let target = with_dead_rows().await;
    let session = target.session(MAINTAINER, Act::Vacuum, 100, &Parameters::default()).await;
    let execution = session.execute("SELECT pg_catalog.pg_sleep(600)").await;
    assert!(execution.error.as_ref().is_some_and(StatementError::is_cancelled), "{execution:?}");
    // Two statements in one text are refused before either runs.
    let two = session.execute("SELECT 1; DROP TABLE shop.orders").await;
    assert_eq!(two.error.expect("refused").sqlstate, "42601");
}

#[tokio::test]
async fn an_object_that_is_gone_fails_and_says_so() {
    let target = with_dead_rows().await;
    let gone = item(Act::Analyze, name("shop", "gone"), None);
    let result = target.carry_out(&gone, &Parameters::default()).await;
    assert!(result.before.is_gone() && result.verdict.outcome == Outcome::Failed, "{result:?}");
}

/// The last question before a statement is sent comes after all the looks; with a no, nothing is sent.
#[tokio::test]
async fn what_may_no_longer_begin_is_not_sent() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.orders (id int PRIMARY KEY); INSERT INTO shop.orders SELECT generate_series(1, 1000)").await;
    let (parameters, control) = (Parameters::default(), target.link(MAINTAINER).await);
    let works = [
        item(Act::Vacuum, name("shop", "orders"), None),
        item(Act::Analyze, name("shop", "orders"), None),
        item(Act::ReindexConcurrently, name("shop", "orders_pkey"), Some(name("shop", "orders"))),
    ];
    for work in works {
        let session = target.session(MAINTAINER, work.act, 10_000, &parameters).await;
        let before = postgres::evidence(&control, &work).await.expect("readable");
        let tried = postgres::execute(&session, &work, &parameters, &|| false).await.expect("the looks work");
        let result = postgres::judge(&control, &work, before.clone(), tried, &parameters).await;
        assert_eq!((result.verdict.outcome, result.execution), (Outcome::Cancelled, None), "{}", work.statement);
        assert_eq!(postgres::evidence(&control, &work).await.expect("readable"), before, "{}", work.statement);
    }
}
