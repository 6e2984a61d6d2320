//! The page of a run, on rows as a worker writes them.

use crate::house::House;
use crate::run_rows::working;
use domain::run::Outcome;
use domain::view::gains::gains;
use engine::Error;
use engine::queries::{runs, windows};

#[tokio::test]
async fn a_live_run_shows_what_it_does_now() {
    let house = House::new().await;
    let (number, run) = working(&house).await;
    let seen = runs::show(&house.engine, &house.engineer.actor, run).await.expect("the page");
    assert_eq!(seen.window.number, number);
    assert!(seen.is_live() && !seen.is_stale() && seen.may_stop.is_open() && !seen.may_resolve.is_open());
    assert_eq!(seen.items[0].outcome, Some(Outcome::Done));
    let gains = gains(&seen.items);
    assert_eq!((gains.removed_rows, gains.won_bytes, gains.rows.len()), (Some(7_000), Some(0), 1));
    assert_eq!(seen.items[0].taken_ms(seen.window.now).map(|ms| ms / 1000), Some(5));
    assert_eq!(seen.items[0].attempts[0].notices, ["finished vacuuming", "INFO: index scan"]);
    let current = seen.running().next().expect("the second item");
    assert_eq!((current.ordinal, current.work.statement.as_str()), (2, "REINDEX INDEX CONCURRENTLY \"shop\".\"orders_pkey\""));
    assert_eq!(current.open_attempt().and_then(|attempt| attempt.backend.as_deref()), Some("4711"));
    assert_eq!(seen.progress.iter().map(|(ordinal, progress)| (*ordinal, progress.percent)).collect::<Vec<_>>(), [(2, Some(75))]);
    assert_eq!((seen.left().len(), seen.events.len(), seen.pre_checks.len()), (1, 1, 1));
    let page = windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("its window");
    assert_eq!((page.runs[0].items, page.runs[0].answered, page.runs[0].reached), (2, 1, 1));
}

#[tokio::test]
async fn a_silent_run_is_called_stale_and_strangers_see_none() {
    let house = House::new().await;
    let (_, run) = working(&house).await;
    sqlx::query(
        "UPDATE drydock.run SET lease_until = clock_timestamp() - interval '30 s', opened_at = clock_timestamp() - interval '9 min'",
    )
    .execute(&house.admin)
    .await
    .expect("a lost lease");
    sqlx::query("UPDATE drydock.run_event SET at = clock_timestamp() - interval '1 min'").execute(&house.admin).await.expect("old lines");
    assert!(runs::show(&house.engine, &house.auditor.actor, run).await.expect("the page").is_stale());
    assert!(matches!(runs::show(&house.engine, &house.foreigner.actor, run).await, Err(Error::Hidden)));
    assert!(matches!(runs::show(&house.engine, &house.engineer.actor, engine::clock::new_id()).await, Err(Error::NotFound)));
}
