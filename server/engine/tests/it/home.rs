//! The first page: what happens, what waits, what comes, and what nobody should have to look for.

use crate::house::House;
use domain::permission::Actor;
use domain::view::people::{Attention, HomePage, Lines};
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

const YOUNG_BACKUPS: &str = "INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by) SELECT gen_random_uuid(), id, now(), 's3', 'restored', created_by FROM drydock.target";

/// A line about a window.
fn look(number: i64, why: &str) -> Attention {
    Attention { what: format!("#{number} prod-orders"), why: why.into(), to: format!("/windows/{number}") }
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
    assert_eq!((numbers(&mine.happening), numbers(&mine.soon), mine.soon.more), (running.clone(), soon, false));
    assert_eq!(mine.happening.lines[0].run, None, "it has none under way");
    house.planted(house.target, W::Approved, &in_minutes(&house, 120), 60, 20).await;
    let mine = page(&house, &house.engineer.actor).await;
    assert_eq!((mine.soon.lines.len(), mine.soon.more), (20, true));
    let held = house.planted(house.target, W::Hold, &in_minutes(&house, -10), 60, 1).await;
    assert_eq!(
        numbers(&page(&house, &house.engineer.actor).await.happening),
        [held.clone(), running].concat(),
        "who waits for a decision is first"
    );
    let strangers = page(&house, &house.foreigner.actor).await;
    assert!(strangers.happening.lines.is_empty() && strangers.soon.lines.is_empty());
    // A vote is asked of the stakeholder, and of nobody who wrote it.
    let proposed = house.proposed(3).await.number;
    assert_eq!(numbers(&page(&house, &house.stakeholder.actor).await.waiting), [proposed]);
    assert_eq!(
        numbers(&page(&house, &house.engineer.actor).await.waiting),
        held,
        "what is held wants a decision of theirs, the proposal does not"
    );
}

#[tokio::test]
async fn what_failed_or_is_overdue_is_named_with_the_reason() {
    let house = House::new().await;
    set(&house, YOUNG_BACKUPS).await;
    let mut expected = Vec::new();
    // In the order of the page: what waits for longer than it should, what owes its text, what ended badly, the newest first.
    for (state, why) in [
        (W::Approved, "Its start has passed, and it has not begun."),
        (W::Hold, "It is held past its end, and its database with it: decide how it goes on."),
        (W::Validating, "Its validation list is open for more than 24 hours: tick it and close the window."),
        (W::Failed, "Failed. Write down what went wrong."),
        (W::Missed, "It was not started in time."),
        (W::Expired, "Nobody decided in time."),
    ] {
        let number = house.planted(house.target, state, &in_minutes(&house, -90), 60, 1).await[0];
        expected.push(look(number, why));
    }
    expected.swap(4, 5);
    // None of these: an end that was planned, a list that was just opened, a failure of last month.
    for state in [W::Completed, W::Cancelled, W::Running] {
        house.planted(house.target, state, &in_minutes(&house, -90), 60, 1).await;
    }
    set(&house, "UPDATE drydock.window SET state_at = now() - interval '25 hours' WHERE state = 'validating'").await;
    house.planted(house.target, W::Validating, &in_minutes(&house, -90), 60, 1).await;
    set(&house, "WITH old AS (SELECT w.id FROM drydock.window w WHERE w.state = 'completed') UPDATE drydock.window w SET state_at = now() - interval '15 days' FROM old WHERE w.id = old.id").await;
    assert_eq!(page(&house, &house.lead.actor).await.attention, expected);
    assert!(looks(&page(&house, &house.foreigner.actor).await).is_empty());
}

#[tokio::test]
async fn what_waits_stands_on_top_and_a_list_that_is_cut_says_so() {
    let house = House::new().await;
    set(&house, YOUNG_BACKUPS).await;
    let held = house.planted(house.target, W::Hold, &in_minutes(&house, -300), 60, 1).await[0];
    let owing = house.planted(house.target, W::RolledBack, &in_minutes(&house, -200), 60, 1).await[0];
    let mut missed = house.planted(house.target, W::Missed, &in_minutes(&house, -100), 60, 25).await;
    // The newest first.
    missed.reverse();
    missed.truncate(18);
    let mut expected = vec![
        look(held, "It is held past its end, and its database with it: decide how it goes on."),
        look(owing, "Rolled back. Write down what went wrong."),
    ];
    expected.extend(missed.iter().map(|number| look(*number, "It was not started in time.")));
    expected.push(Attention {
        what: "And more".into(),
        why: "These are the first 20 windows that need a look: the list has all of them.".into(),
        to: "/windows".into(),
    });
    assert_eq!(page(&house, &house.lead.actor).await.attention, expected);
    set(&house, "UPDATE drydock.window SET state_at = now() - interval '15 days' WHERE state = 'missed'").await;
    assert_eq!(page(&house, &house.lead.actor).await.attention, expected[..2], "exactly as many as there are: nothing was cut");
}

#[tokio::test]
async fn a_text_that_is_owed_is_asked_for_until_it_is_written() {
    let house = House::new().await;
    set(&house, YOUNG_BACKUPS).await;
    let failed = house.planted(house.target, W::Failed, &in_minutes(&house, -400 * 24 * 60), 60, 1).await[0];
    set(&house, "UPDATE drydock.window SET state_at = now() - interval '400 days' WHERE state = 'failed'").await;
    let owed = look(failed, "Failed. Write down what went wrong.");
    assert_eq!(page(&house, &house.lead.actor).await.attention, std::slice::from_ref(&owed));
    // However many fail afterwards: the one that is owed for longest is not pushed off the page.
    house.planted(house.target, W::RolledBack, &in_minutes(&house, -200), 60, 25).await;
    assert_eq!(page(&house, &house.lead.actor).await.attention[0], owed);
    set(&house, "UPDATE drydock.window SET issues_met = 'none', state_at = now() - interval '15 days' WHERE state = 'rolled_back'").await;
    set(&house, "UPDATE drydock.window SET issues_met = 'the disk was full' WHERE state = 'failed'").await;
    assert_eq!(page(&house, &house.lead.actor).await.attention, []);
    // A young one is still worth a look, but asks for nothing any more.
    set(&house, "UPDATE drydock.window SET state_at = now() - interval '13 days' WHERE state = 'failed'").await;
    assert_eq!(page(&house, &house.lead.actor).await.attention, [look(failed, "Failed.")]);
}

#[tokio::test]
async fn a_database_that_a_series_looks_after_is_not_due() {
    let house = House::new().await;
    set(&house, YOUNG_BACKUPS).await;
    set(&house, "UPDATE drydock.target SET created_at = now() - interval '40 days'").await;
    let due = async || looks(&page(&house, &house.engineer.actor).await);
    assert_eq!(due().await, ["prod-orders: Maintenance is due: registered 40 days ago, and none was done or planned."]);
    for sql in [
        "INSERT INTO drydock.account (person_id, password_hash) SELECT id, '$argon2id$x' FROM drydock.person WHERE name = 'Egon'",
        "WITH made AS (
             INSERT INTO drydock.series (id, team_id, target_id, author_id, title, form, rule, starts_at, zone, lead_days)
             SELECT gen_random_uuid(), t.team_id, t.id, p.id, 'monthly', '{}', 'FREQ=MONTHLY', '2031-01-01 02:00', 'Etc/UTC', 7 FROM drydock.target t, drydock.person p WHERE p.name = 'Egon'
             RETURNING id, author_id)
         INSERT INTO drydock.series_author (series_id, person_id) SELECT id, author_id FROM made",
    ] {
        set(&house, sql).await;
    }
    assert_eq!(due().await, Vec::<String>::new(), "it plans by itself");
    set(&house, "UPDATE drydock.series SET ended_at = now(), ended_by = author_id, ended_reason = ''").await;
    assert_eq!(due().await.len(), 1, "an ended one looks after nothing");
}

#[tokio::test]
async fn a_database_that_is_forgotten_is_due() {
    let house = House::new().await;
    set(&house, YOUNG_BACKUPS).await;
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

#[tokio::test]
async fn transaction_ids_that_near_their_end_are_said_before_anything_else_of_a_database() {
    let house = House::new().await;
    set(&house, YOUNG_BACKUPS).await;
    set(&house, "INSERT INTO drydock.load_reading (target_id, due_at, read_at, transactions, since, wraparound_per_mille, freeze_behind) SELECT id, now(), now(), 1, 'x', 120, false FROM drydock.target").await;
    assert_eq!(looks(&page(&house, &house.engineer.actor).await), [""; 0], "all is as it should be");
    set(&house, "UPDATE drydock.load_reading SET wraparound_per_mille = 155, freeze_behind = true").await;
    let behind = "prod-orders: Its transaction ids are 15 % of the way to wraparound, and the server's own freezing does not keep up: plan a weekly maintenance.";
    assert_eq!(looks(&page(&house, &house.engineer.actor).await), [behind]);
    set(&house, "UPDATE drydock.load_reading SET wraparound_per_mille = 710").await;
    let urgent = "prod-orders: Its transaction ids are 71 % of the way to wraparound, where the server refuses to write: freeze it now.";
    assert_eq!(looks(&page(&house, &house.engineer.actor).await), [urgent]);
    assert_eq!(looks(&page(&house, &house.foreigner.actor).await), [""; 0], "no business of other teams");
    set(&house, "UPDATE drydock.load_reading SET read_at = now() - interval '2 days'").await;
    assert_eq!(looks(&page(&house, &house.engineer.actor).await), [""; 0], "nobody has looked since: what is not known is not said");
}

/// A mail server that is down for a day parks nothing: what waits is said by then.
#[tokio::test]
async fn mail_that_does_not_go_out_is_said_to_administrators() {
    let house = House::new().await;
    let admin = crate::house::person(&house.admin, "Adele", None, &[domain::people::GlobalRole::Admin]).await;
    house.proposed(3).await;
    let mails = |page: HomePage| -> Vec<String> { looks(&page).into_iter().filter(|said| said.starts_with("Mail: ")).collect() };
    set(&house, "UPDATE drydock.outbox SET created_at = now() - interval '1 day'").await;
    assert_eq!(mails(page(&house, &admin.actor).await), [""; 0], "never tried: the worker says that it is not there");
    set(&house, "UPDATE drydock.outbox SET attempts = 9, last_error = 'connection refused'").await;
    let waits = "Mail: 3 messages did not go out yet: the mail server does not take them.";
    assert_eq!(mails(page(&house, &admin.actor).await), [waits]);
    set(&house, "UPDATE drydock.outbox SET state = 'parked' WHERE id = (SELECT id FROM drydock.outbox LIMIT 1)").await;
    let both = ["Mail: 1 message could not be delivered.", "Mail: 2 messages did not go out yet: the mail server does not take them."];
    assert_eq!(mails(page(&house, &admin.actor).await), both);
    assert_eq!(mails(page(&house, &house.lead.actor).await), [""; 0]);
    set(&house, "UPDATE drydock.outbox SET created_at = now()").await;
    assert_eq!(mails(page(&house, &admin.actor).await), both[..1], "greylisted");
}
