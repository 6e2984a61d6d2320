//! The fence on the target: one owner at a time, and proof that nothing of an earlier one can act.

use super::target_own_server::with_server;
use super::target_support::{MAINTAINER, Target, item, name, run, until};
use domain::ids::RunId;
use domain::procedure::{Act, Parameters};
use domain::run::Finding;
use engine::target::fence::{self, Raised, Reach};
use engine::target::postgres::{self, progress, stop};
use engine::target::session::{Guards, Session, SessionName};
use engine::test_support::TestDatabase;
use std::time::Duration;
use uuid::Uuid;

async fn open(target: &Target, name: SessionName) -> Session {
    let guards = Guards::acting(Act::Vacuum, 60_000, &Parameters::default());
    Session::open(&target.dialer(MAINTAINER).await, name, &guards).await.expect("the role may connect")
}

#[tokio::test]
async fn only_one_run_holds_the_fence_and_the_other_learns_who() {
    let target = Target::new().await;
    let (ours, theirs) = (RunId(Uuid::now_v7()), RunId(Uuid::now_v7()));
    let first = open(&target, SessionName::control(ours, 1).expect("short")).await;
    assert_eq!(fence::raise(&first.link, 2).await, Ok(Raised::Up));
    assert_eq!(fence::raise(&first.link, 2).await, Ok(Raised::Up), "asking again changes nothing");
    assert_eq!((fence::holds(&first.link, 0).await, fence::holds(&first.link, 1).await), (Ok(true), Ok(false)));

    let second = open(&target, SessionName::control(theirs, 1).expect("short")).await;
    let Ok(Raised::HeldBy(holders)) = fence::raise(&second.link, 2).await else { panic!("two owners") };
    assert_eq!(holders.len(), 1);
    assert_eq!((holders[0].slot, holders[0].backend), (0, first.backend));
    assert_eq!(holders[0].application_name.parse::<SessionName>().expect("ours").run(), ours);

    drop(first);
    until("the server lets go of a closed session's locks", async || fence::raise(&second.link, 2).await == Ok(Raised::Up)).await;
}

/// A lock is of one database; work on settings and accounts is on the server.
#[tokio::test]
async fn work_on_the_whole_server_is_done_from_one_database_at_a_time() {
    with_server(async |cluster| {
        let one = Target::on(TestDatabase::empty_on(cluster).await).await;
        let other = Target::on(TestDatabase::empty_on(cluster).await).await;
        let (first, second, third) = (RunId(Uuid::now_v7()), RunId(Uuid::now_v7()), RunId(Uuid::now_v7()));
        let control = open(&one, SessionName::control(first, 1).expect("short")).await;
        assert_eq!(fence::raise_for(&control.link, 1, Reach::Server).await, Ok(Raised::Up));
        assert_eq!(fence::raise_for(&control.link, 1, Reach::Server).await, Ok(Raised::Up), "asking again changes nothing");
        let executing = open(&one, SessionName::new(first, 1, 1, 1).expect("short")).await;
        fence::share_server(&executing.link).await.expect("beside its own control session");

        let next = open(&other, SessionName::control(second, 1).expect("short")).await;
        let Ok(Raised::HeldBy(holders)) = fence::raise_for(&next.link, 1, Reach::Server).await else { panic!("two at once") };
        assert!(holders.iter().all(|holder| holder.database == one.db.name() && holder.slot == fence::SERVER_SLOT), "{holders:?}");
        assert_eq!(fence::holds(&next.link, 0).await, Ok(false), "half a fence is none");
        let beside = open(&other, SessionName::control(third, 1).expect("short")).await;
        assert_eq!(fence::raise_for(&beside.link, 1, Reach::Database).await, Ok(Raised::Up), "work on one database goes on beside it");
        drop(beside);

        // Its owner is gone, and what it sent may still be at work.
        drop(control);
        let up = async || fence::raise_for(&next.link, 1, Reach::Server).await;
        until(
            "the executing session is all that holds it",
            async || matches!(up().await, Ok(Raised::HeldBy(holders)) if holders.len() == 1),
        )
        .await;
        drop(executing);
        until("nothing of it can act", async || up().await == Ok(Raised::Up)).await;
    })
    .await;
}

#[tokio::test]
async fn an_executing_session_of_a_dead_owner_keeps_the_fence_down() {
    let target = Target::new().await;
    let run = RunId(Uuid::now_v7());
    let control = open(&target, SessionName::control(run, 1).expect("short")).await;
    let executing = open(&target, SessionName::new(run, 1, 7, 2).expect("short")).await;
    assert_eq!(fence::raise(&control.link, 1).await, Ok(Raised::Up));
    assert_eq!((fence::take(&executing.link, 1).await, fence::holds(&executing.link, 1).await), (Ok(true), Ok(true)));
    assert_eq!(fence::take(&control.link, 1).await, Ok(false));

    // The owner dies, its executing session does not.
    drop(control);
    let next = open(&target, SessionName::control(run, 2).expect("short")).await;
    until(
        "slot 0 is free, slot 1 is not",
        async || matches!(fence::raise(&next.link, 1).await, Ok(Raised::HeldBy(holders)) if holders.len() == 1 && holders[0].slot == 1),
    )
    .await;
    assert_eq!(fence::holds(&next.link, 0).await, Ok(false), "half a fence is none");
    let old = fence::sessions_of(&next.link, run).await.expect("readable");
    assert_eq!(old.iter().map(|old| (old.backend, old.name)).collect::<Vec<_>>(), [(executing.backend, executing.name)]);
    assert!(!old[0].is_active() && old[0].name.item() == 7 && old[0].name.attempt() == 2 && old[0].name.epoch() == 1);
    assert_eq!(fence::is_there(&next.link, executing.backend).await, Ok(true));
    assert_eq!(fence::sessions_of(&next.link, RunId(Uuid::now_v7())).await, Ok(vec![]), "another run's sessions are not ours");

    let backend = executing.backend;
    drop(executing);
    until("the old session is gone", async || fence::is_there(&next.link, backend).await == Ok(false)).await;
    assert_eq!(fence::raise(&next.link, 1).await, Ok(Raised::Up));
}

#[tokio::test]
async fn a_session_shows_its_name_whole_and_knows_where_it_is() {
    let target = Target::new().await;
    let session = open(&target, SessionName::new(RunId(Uuid::max()), 9_999_999_999, 99_999, 99_999).expect("20 digits")).await;
    let shown = session.link.simple_value("SHOW application_name").await.expect("readable");
    assert_eq!(shown.as_deref(), Some(session.name.to_string().as_str()), "nothing was cut off");
    assert_eq!(session.identity.stable.database, target.db.name());
    assert_eq!(session.identity.difference(&session.identity.stable, Some(&session.identity.volatile)), None);
    for (setting, value) in [
        ("statement_timeout", "1min"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("vacuum_cost_delay", "2ms"),
    ] {
        assert_eq!(session.link.simple_value(&format!("SHOW {setting}")).await.expect("readable").as_deref(), Some(value), "{setting}");
    }
}

#[test]
fn a_rebuild_outlives_its_worker_is_found_observed_and_judged_by_what_it_left() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (worker, watcher) = (runtime(), runtime());
    let run_id = RunId(Uuid::now_v7());
    let index = item(Act::ReindexConcurrently, name("shop", "orders_pkey"), Some(name("shop", "orders")));
    let target = watcher.block_on(Target::new());
    let mut holder = watcher.block_on(async {
        target.plant_as_owner("CREATE TABLE shop.orders (id int PRIMARY KEY); INSERT INTO shop.orders SELECT generate_series(1, 50000); DELETE FROM shop.orders WHERE id > 1000").await;
        target.plant("VACUUM shop.orders").await;
        let mut holder = target.admin().await;
        run(&mut holder, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shop.orders").await;
        holder
    });
    let (backend, before) = worker.block_on(async {
        let session = open(&target, SessionName::new(run_id, 1, 3, 1).expect("short")).await;
        assert_eq!(fence::take(&session.link, 1).await, Ok(true));
        session.guard(&Guards::acting(Act::ReindexConcurrently, 60_000, &Parameters::default())).await.expect("allowed");
        let before = postgres::evidence(&session.link, &index).await.expect("readable");
        let backend = session.backend;
        let statement = index.statement.clone();
        tokio::spawn(async move { session.execute(&statement).await });
        (backend, before)
    });
    watcher.block_on(async {
        let control = open(&target, SessionName::control(run_id, 2).expect("short")).await;
        until("the rebuild waits for the reader", async || {
            progress::progress(&control.link, backend.pid).await.expect("readable").is_some_and(|seen| !seen.blockers.is_empty())
        })
        .await;
        // As kill -9 would: every socket of the worker closes at once.
        worker.shutdown_background();

        let old = fence::sessions_of(&control.link, run_id).await.expect("readable");
        assert_eq!(
            old.iter().map(|old| (old.backend, old.is_active(), old.statement.as_str())).collect::<Vec<_>>(),
            [(backend, true, index.statement.as_str())]
        );
        assert!(matches!(fence::raise(&control.link, 1).await, Ok(Raised::HeldBy(_))), "nothing may begin beside it");
        assert_eq!(stop::observe_to_end(&control.link, backend, Duration::ZERO).await, Ok(false));

        run(&mut holder, "ROLLBACK").await;
        assert_eq!(stop::observe_to_end(&control.link, backend, Duration::from_secs(20)).await, Ok(true), "it ends by itself");
        assert_eq!(fence::raise(&control.link, 1).await, Ok(Raised::Up));
        let now = postgres::evidence(&control.link, &index).await.expect("readable");
        assert_eq!(postgres::find(&before, &now), Finding::Done, "{before:?} {now:?}");
        drop(target);
    });
}
