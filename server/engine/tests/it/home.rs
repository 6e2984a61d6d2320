//! The first page: what happens, what waits, what comes, and what nobody should have to look for.

use crate::house::House;
use domain::permission::Actor;
use domain::view::people::{HomePage, Lines};
use domain::window::WindowState as W;
use engine::queries::home::home;
use jiff::SignedDuration;

async fn page(house: &House, actor: &Actor) -> HomePage {
    home(&house.engine, actor).await.expect("a page")
}

fn numbers(list: &Lines) -> Vec<i64> {
    list.lines.iter().map(|line| line.number).collect()
}

fn in_minutes(house: &House, minutes: i64) -> String {
    (house.engine.clock().now() + SignedDuration::from_mins(minutes)).to_string()
}

/// What needs a look, as `what: why`.
fn looks(page: &HomePage) -> Vec<String> {
    page.attention.iter().map(|entry| format!("{}: {}", entry.what, entry.why)).collect()
}

async fn set(house: &House, sql: &'static str) {
    sqlx::query(sql).execute(&house.admin).await.expect("done");
}

#[tokio::test]
async fn a_house_with_nothing_planned_says_what_to_do() {
    let house = House::new().await;
    let mine = page(&house, &house.engineer.actor).await;
    assert!(mine.happening.lines.is_empty() && mine.waiting.lines.is_empty() && mine.soon.lines.is_empty());
    assert_eq!((mine.databases, mine.works, mine.manages), (1, true, false));
    assert_eq!(looks(&mine), ["prod-orders: No backup is recorded."]);
    let strangers = page(&house, &house.foreigner.actor).await;
    assert_eq!((strangers.databases, looks(&strangers)), (0, vec![]));
}

#[tokio::test]
async fn each_list_has_what_belongs_there_and_says_when_there_is_more() {
    let house = House::new().await;
    let running = house.planted(house.target, W::Running, &in_minutes(&house, -30), 60, 1).await;
    let soon = house.planted(house.target, W::Approved, &in_minutes(&house, 60), 60, 1).await;
    house.planted(house.target, W::Proposed, &in_minutes(&house, 8 * 24 * 60), 60, 1).await;
    house.planted(house.target, W::Cancelled, &in_minutes(&house, 60), 60, 1).await;
    let mine = page(&house, &house.engineer.actor).await;
    assert_eq!((numbers(&mine.happening), numbers(&mine.soon), mine.soon.more), (running, soon, false));
    assert_eq!(mine.happening.lines[0].run, None, "it has none under way");
    house.planted(house.target, W::Approved, &in_minutes(&house, 120), 60, 20).await;
    let mine = page(&house, &house.engineer.actor).await;
    assert_eq!((mine.soon.lines.len(), mine.soon.more), (20, true));
    let strangers = page(&house, &house.foreigner.actor).await;
    assert!(strangers.happening.lines.is_empty() && strangers.soon.lines.is_empty());
    // A vote is asked of the stakeholder, and of nobody who wrote it.
    let proposed = house.proposed(3).await.number;
    assert_eq!(numbers(&page(&house, &house.stakeholder.actor).await.waiting), [proposed]);
    assert!(page(&house, &house.engineer.actor).await.waiting.lines.is_empty());
}

#[tokio::test]
async fn what_failed_or_is_overdue_is_named_with_the_reason() {
    let house = House::new().await;
    set(&house, "INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by) SELECT gen_random_uuid(), id, now(), 's3', 'restored', created_by FROM drydock.target").await;
    let mut expected = Vec::new();
    for (state, why) in [
        (W::Failed, "Failed. Write down what went wrong."),
        (W::Missed, "It was not started in time."),
        (W::Expired, "Nobody decided in time."),
        (W::Approved, "Its start has passed, and it has not begun."),
        (W::Hold, "It is held past its end, and its database with it: decide how it goes on."),
        (W::Validating, "Its validation list is open for more than 24 hours: tick it and close the window."),
    ] {
        let number = house.planted(house.target, state, &in_minutes(&house, -90), 60, 1).await[0];
        expected.push(format!("#{number} prod-orders: {why}"));
    }
    // None of these: an end that was planned, a list that was just opened, a failure of last month.
    for state in [W::Completed, W::Cancelled, W::Running] {
        house.planted(house.target, state, &in_minutes(&house, -90), 60, 1).await;
    }
    set(&house, "UPDATE drydock.window SET state_at = now() - interval '25 hours' WHERE state = 'validating'").await;
    house.planted(house.target, W::Validating, &in_minutes(&house, -90), 60, 1).await;
    set(&house, "WITH old AS (SELECT w.id FROM drydock.window w WHERE w.state = 'completed') UPDATE drydock.window w SET state_at = now() - interval '15 days' FROM old WHERE w.id = old.id").await;
    let mine = page(&house, &house.lead.actor).await;
    let mut found = looks(&mine);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(mine.attention.iter().all(|entry| entry.to.starts_with("/windows/")));
    assert!(looks(&page(&house, &house.foreigner.actor).await).is_empty());
}

#[tokio::test]
async fn a_database_that_is_forgotten_is_due() {
    let house = House::new().await;
    set(&house, "INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by) SELECT gen_random_uuid(), id, now(), 's3', 'restored', created_by FROM drydock.target").await;
    let due = async || looks(&page(&house, &house.engineer.actor).await);
    assert_eq!(due().await, Vec::<String>::new(), "registered today");
    set(&house, "UPDATE drydock.target SET created_at = now() - interval '40 days'").await;
    assert_eq!(due().await, ["prod-orders: Maintenance is due: registered 40 days ago, and none was done or planned."]);
    house.planted(house.target, W::Completed, &in_minutes(&house, -38 * 24 * 60), 60, 1).await;
    assert_eq!(due().await, ["prod-orders: Maintenance is due: the last one that ended well was 37 days ago, and none is planned."]);
    // A failure does not count as maintenance, a plan does.
    house.planted(house.target, W::Cancelled, &in_minutes(&house, -60), 60, 1).await;
    assert_eq!(due().await.len(), 1);
    house.planted(house.target, W::Proposed, &in_minutes(&house, 3 * 24 * 60), 60, 1).await;
    assert_eq!(due().await, Vec::<String>::new());
}
