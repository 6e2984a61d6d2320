//! Nothing new begins while the server has much to do for others, or while a window has no time for all: both are said, and both end.

use crate::run_stage::RunStage;
use crate::stage::When;
use domain::procedure::fair::{Waits, waited};
use domain::procedure::{Act, ObjectName, WorkList};
use engine::queries::{runs, targets};
use sqlx::PgConnection;
use std::time::Duration;
use tokio::task::JoinSet;

async fn busy(mut session: PgConnection) {
    let _ = sqlx::query("SELECT pg_sleep(60)").execute(&mut session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_waits_while_others_work_and_goes_on_by_itself() {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 4_000).await;
    let mut others = JoinSet::new();
    for _ in 0..24 {
        others.spawn(busy(stage.target.admin().await));
    }
    stage.due(|plan| plan.parameters.load_max_sessions = 20).await;
    let worker = stage.worker();
    stage.until(60, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE kind = 'warning' AND message LIKE '%sessions of others work on the server%')").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 0, "{}", stage.page().await);
    others.shutdown().await;
    let ended = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = 'SELECT pg_sleep(60)') ended";
    stage.on_target(ended).await;
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert!(page.contains("It has caught up: work goes on."), "{page}");
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done'").await, 2, "{page}");
    worker.stop().await;
}

async fn rebuilds_only(stage: &RunStage, end_s: i64) {
    let when = When { start_s: -2, latest_s: end_s - 2, cut_off_s: end_s - 1, end_s };
    let window = stage.house.staged(when, |plan| {
        plan.parameters = RunStage::eager();
        plan.envelope.steps = vec!["reindex".into()];
    });
    window.await;
}

async fn newest_list(stage: &RunStage) -> WorkList {
    let sql = "SELECT l.bytes FROM drydock.work_list l JOIN drydock.run r ON r.id = l.run_id ORDER BY r.opened_at DESC LIMIT 1";
    let bytes: Vec<u8> = sqlx::query_scalar(sql).fetch_one(&stage.house.admin).await.expect("a list");
    WorkList::from_bytes(&bytes).expect("sealed by us")
}

/// A window of a minute and a bit keeps a minute free: what may take more needs another one, and says which.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_window_of_this_length_can_do_says_which_one_could() {
    let stage = RunStage::new().await;
    stage.bloated_index("parcels", 100_000).await;
    rebuilds_only(&stage, 65).await;
    let worker = stage.worker();
    stage.until(60, "SELECT EXISTS (SELECT FROM drydock.run WHERE state = 'ended')").await;
    let page = stage.page().await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE object LIKE '%note'").await, 0, "{page}");
    let seen = runs::show(&stage.house.engine, &stage.house.engineer.actor, stage.run().await).await.expect("the page");
    assert!(seen.left_out.iter().any(|left| left.reason.contains("it needs a window of 15 min")), "{:?}\n{page}", seen.left_out);
    let database = targets::show(&stage.house.engine, &stage.house.engineer, stage.house.target).await.expect("its page");
    assert_eq!(database.left_out, seen.left_out);
    assert_eq!(database.coverage.map(|coverage| coverage.windows), Some(1));
    worker.stop().await;
}

/// Rebuilds that together may take longer than a window has: those without a turn go first in the next one, before a newcomer with more to win.
#[tokio::test(flavor = "multi_thread")]
async fn who_waited_goes_first_in_the_next_window() {
    let stage = RunStage::new().await;
    for table in ["parcels", "letters", "invoices"] {
        stage.bloated_index(table, 60_000).await;
    }
    let worker = stage.worker();
    rebuilds_only(&stage, 74).await;
    stage.until(80, "SELECT count(*) = 1 FROM drydock.run WHERE state = 'ended'").await;
    let first = newest_list(&stage).await;
    assert_eq!(first.items.len() + first.waiting.len(), 6, "two indexes of each\n{}", stage.page().await);
    assert!(!first.waiting.is_empty() && first.waiting.iter().all(|waits| waits.windows == 1), "{:?}", first.waiting);
    assert_eq!(
        stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome IS DISTINCT FROM 'done'").await,
        0,
        "{}",
        stage.page().await
    );
    let waiting: Vec<_> = first.waiting.iter().map(|waits| waits.object.clone()).collect();

    sqlx::query("UPDATE drydock.window_target SET live = false").execute(&stage.house.admin).await.expect("put away");
    stage.bloated_index("a_newcomer", 80_000).await;
    rebuilds_only(&stage, 74).await;
    stage.until(80, "SELECT count(*) = 2 FROM drydock.run WHERE state = 'ended'").await;
    let second = newest_list(&stage).await;
    let old: Vec<_> = second.items.iter().filter(|item| waiting.contains(&item.object.name)).collect();
    assert!(!old.is_empty() && old.iter().all(|item| item.waited == 1), "{}", stage.page().await);
    // What is small may use the time that is left over; what has the most to win waits its turn.
    let newcomer = second.items.iter().any(|item| item.object.name.name() == "a_newcomer_note");
    assert!(old.len() == waiting.len() || !newcomer, "no newcomer before those who waited\n{}", stage.page().await);
    worker.stop().await;
}

#[test]
fn a_list_of_an_earlier_program_waits_for_nobody() {
    let old: WorkList = serde_json::from_str(r#"{"items":[],"left_out":[{"object":"shop.a","reason":"x"}]}"#).expect("still readable");
    assert_eq!(serde_json::to_string(&old).expect("plain"), r#"{"items":[],"left_out":[{"object":"shop.a","reason":"x"}]}"#);
    assert!(waited(&[]).is_empty() && old.waiting.is_empty());
    let waits = Waits { act: Act::Vacuum, object: ObjectName::new("shop", "a").expect("no NUL"), windows: 2 };
    let text = serde_json::to_string(&WorkList { waiting: vec![waits], ..old }).expect("plain");
    assert!(text.contains(r#""waiting":[{"act":"vacuum""#), "{text}");
}
