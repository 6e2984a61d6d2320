//! Windows that get another time, are proposed again, or are called off by the dozen.

use crate::house::{House, code};
use domain::view::windows::many::Filter;
use domain::window::WindowState;
use engine::actions::cancel_many::{self, cancel_many};
use engine::actions::end_window::cancel_window;
use engine::actions::move_window::{Input, move_window};
use engine::queries::{cancellations, proposals};

fn to(house: &House, days: i64, revision: i32) -> Input {
    let form = house.form(days);
    Input { revision, date: form.date, time: form.time, ..Input::default() }
}

#[tokio::test]
async fn a_moved_window_is_asked_for_anew_and_says_where_it_was() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    sqlx::query("UPDATE drydock.revision SET preview = '{\"kept\": true}'").execute(&house.admin).await.expect("a preview");
    let before = house.digest(number).await;
    assert_eq!(code(move_window(&house.engine, &house.engineer, number, &to(&house, 3, 1)).await), "date", "it is there already");
    assert_eq!(code(move_window(&house.engine, &house.engineer, number, &to(&house, -3, 1)).await), "date", "the past");
    assert_eq!(code(move_window(&house.engine, &house.stakeholder, number, &to(&house, 5, 1)).await), "not_permitted");
    assert_eq!(code(move_window(&house.engine, &house.foreigner, number, &to(&house, 5, 1)).await), "not_found");
    assert_eq!(code(move_window(&house.engine, &house.engineer, number, &to(&house, 5, 9)).await), "moved_on");
    let revision = move_window(&house.engine, &house.engineer, number, &to(&house, 5, 1)).await.expect("moved");
    assert_eq!((revision, house.state(number).await.as_str()), (2, "proposed"));
    assert_ne!(house.digest(number).await, before, "another plan, with no votes");
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.revision WHERE number = 2 AND preview = '{\"kept\": true}'").await,
        1,
        "what was seen stands"
    );
    let asked = "SELECT count(*) FROM drydock.outbox WHERE kind = 'approval_needed' AND payload ->> 'moved_from' IS NOT NULL";
    assert!(house.count(asked).await >= 2, "everybody who decides is asked again");
    let dead = "SELECT count(*) FROM drydock.link WHERE purpose = 'approve' AND ended_reason LIKE 'The window was moved after%'";
    assert!(house.count(dead).await >= 2, "links to the old plan are dead");
    let fact: String = sqlx::query_scalar("SELECT convert_from(bytes, 'UTF8') FROM drydock.fact WHERE action = 'window.move'")
        .fetch_one(&house.admin)
        .await
        .expect("a fact");
    assert!(fact.contains("\"moved_from\":\""), "{fact}");
}

#[tokio::test]
async fn an_approved_window_waits_for_approval_again_and_whoever_was_told_is_told() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    let (id, digest) = (window(&house, number).await, house.digest(number).await);
    for who in [&house.stakeholder, &house.lead] {
        sqlx::query("INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance) VALUES (gen_random_uuid(), $1, $2, $3, 'approve', 'account')")
            .bind(id.0)
            .bind(digest.0.as_slice())
            .bind(who.actor.person.0)
            .execute(&house.admin)
            .await
            .expect("a vote");
    }
    house.put(id, 1, WindowState::Approved).await;
    move_window(&house.engine, &house.engineer, number, &to(&house, 4, 1)).await.expect("moved");
    assert_eq!(house.state(number).await, "proposed");
    assert_eq!(house.count("SELECT count(*) FROM drydock.window_target WHERE live").await, 0, "the old time is free");
    // The engineer wrote it: he decides nothing, and had it in his calendar.
    let told: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT person_id FROM drydock.outbox WHERE kind = 'moved'").fetch_all(&house.admin).await.expect("messages");
    assert_eq!(told, [house.engineer.actor.person.0]);
    house.put(id, 2, WindowState::Withdrawn).await;
    assert_eq!(code(move_window(&house.engine, &house.engineer, number, &to(&house, 6, 2)).await), "not_movable");
}

async fn window(house: &House, number: i64) -> domain::ids::WindowId {
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.window WHERE number = $1").bind(number).fetch_one(&house.admin).await.expect("a window");
    id.into()
}

#[tokio::test]
async fn a_finished_window_is_proposed_again_a_week_later_where_the_database_is_free() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    cancel_window(&house.engine, &house.engineer, number, "the release was moved").await.expect("withdrawn");
    let page = proposals::again_form(&house.engine, &house.lead.actor, number).await.expect("a form");
    let again = page.again.expect("it says from where");
    assert!(again.free && again.number == number);
    assert_eq!(
        (page.form.date.as_str(), page.form.reason.as_str()),
        (house.form(3).date.as_str(), "weekly work"),
        "its own night is free again"
    );
    house.proposed(3).await;
    let page = proposals::again_form(&house.engine, &house.lead.actor, number).await.expect("a form");
    assert_eq!(page.form.date, house.form(10).date, "the week after");
    let foreign = proposals::again_form(&house.engine, &house.foreigner.actor, number).await.map(|_| ());
    assert_eq!(code(foreign), "not_found");
}

#[tokio::test]
async fn free_times_pass_over_what_is_taken() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    house.proposed(5).await;
    let page = proposals::move_form(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    let dates: Vec<String> = page.slots.iter().map(|slot| slot.date()).collect();
    assert!(!dates.contains(&house.form(3).date) && !dates.contains(&house.form(5).date), "{dates:?}");
    assert!(dates.contains(&house.form(4).date) && dates.contains(&house.form(6).date), "{dates:?}");
    let picked = proposals::move_form(&house.engine, &house.engineer.actor, number, Some((house.form(6).date, "02:00".into())))
        .await
        .expect("a page");
    assert_eq!(picked.form.date, house.form(6).date);
}

fn range(house: &House, from_days: i64, to_days: i64) -> Filter {
    let at = |days| format!("{}T00:00", house.form(days).date);
    Filter { from: at(from_days), to: at(to_days), ..Filter::default() }
}

#[tokio::test]
async fn many_are_called_off_at_once_and_what_moved_on_is_left() {
    let house = House::new().await;
    let (one, two, three, far) =
        (house.proposed(3).await.number, house.proposed(4).await.number, house.proposed(5).await.number, house.proposed(20).await.number);
    let listed = cancellations::page(&house.engine, &house.engineer.actor, &range(&house, 2, 7), None).await.expect("a page");
    assert_eq!(listed.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [one, two, three]);
    let elsewhere = Filter { environment: "test".into(), ..range(&house, 2, 7) };
    let nothing = cancellations::page(&house.engine, &house.engineer.actor, &elsewhere, None);
    assert_eq!(nothing.await.expect("a page").rows, []);
    assert_eq!(
        code(cancellations::page(&house.engine, &house.stakeholder.actor, &Filter::default(), None).await.map(|_| ())),
        "not_permitted"
    );
    assert!(
        cancellations::page(&house.engine, &house.foreigner.actor, &range(&house, 2, 7), None)
            .await
            .expect("his own teams")
            .rows
            .is_empty()
    );

    move_window(&house.engine, &house.engineer, two, &to(&house, 6, 1)).await.expect("moved meanwhile");
    cancel_window(&house.engine, &house.engineer, three, "done before").await.expect("gone meanwhile");
    let windows: Vec<String> = listed.rows.iter().map(domain::view::windows::many::ManyRow::value).collect();
    let mut input = cancel_many::Input { windows, reason: "the storage is failing".into(), confirm: "2".into() };
    assert_eq!(code(cancel_many(&house.engine, &house.engineer, &input).await), "confirm");
    assert_eq!(code(cancel_many(&house.engine, &house.stakeholder, &input).await), "not_permitted");
    input.confirm = "3".into();
    let batch = cancel_many(&house.engine, &house.engineer, &input).await.expect("done, as far as it goes").to_string();
    let shown = cancellations::page(&house.engine, &house.engineer.actor, &Filter::default(), Some(&batch)).await.expect("a page");
    let outcomes = shown.outcomes.expect("what came of each");
    assert_eq!(outcomes.reason, "the storage is failing");
    let done: Vec<(i64, bool)> = outcomes.list.iter().map(|outcome| (outcome.number, outcome.done)).collect();
    assert_eq!(done, [(one, true), (two, false), (three, false)]);
    assert!(outcomes.list[1].said.contains("edited meanwhile") && outcomes.list[2].said.contains("Withdrawn"), "{outcomes:?}");
    assert_eq!([house.state(one).await, house.state(two).await, house.state(far).await], ["withdrawn", "proposed", "proposed"]);
    let of_others = cancellations::page(&house.engine, &house.lead.actor, &Filter::default(), Some(&batch)).await.expect("a page");
    assert!(of_others.outcomes.is_none(), "each reads the outcomes of the own acts; the trail has them all");
    let told =
        format!("SELECT count(*) FROM drydock.fact WHERE action = 'window.withdraw' AND convert_from(bytes, 'UTF8') LIKE '%{batch}%'");
    let facts: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(told)).fetch_one(&house.admin).await.expect("a number");
    assert_eq!(facts, 1);
    let mails = "SELECT count(*) FROM drydock.outbox o JOIN drydock.window w ON w.id = o.window_id WHERE o.kind = 'cancelled' AND o.payload ->> 'reason' = 'the storage is failing'";
    assert!(house.count(mails).await >= 3, "everybody who was told of it");
}
