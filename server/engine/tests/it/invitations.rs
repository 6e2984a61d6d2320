//! What mails put into calendars, they move and take out again, for everybody who has it and in the order of the changes.

use crate::house::{House, person};
use crate::voices::administrator;
use domain::ids::WindowId;
use domain::people::TeamRole;
use engine::actions::Caller;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input, cast_vote};
use engine::actions::deactivate_person::{Heirs, Input as Leaving, deactivate_person};
use engine::actions::end_window::cancel_window;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::store::letters::sequence;
use secrecy::SecretString;

/// Names of those who are told, by kind, in order.
async fn told(house: &House, kind: &str) -> Vec<String> {
    let sql =
        "SELECT p.name FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = $1 ORDER BY o.fact_id, p.name";
    sqlx::query_scalar(sql).bind(kind).fetch_all(&house.admin).await.expect("names")
}

async fn approve(house: &House, who: &Caller, number: i64) {
    let input = Input {
        decision: "approve".into(),
        digest: house.digest(number).await.hex(),
        short_name: "prod-orders".into(),
        comment: String::new(),
        code: SecretString::default(),
    };
    cast_vote(&house.engine, who, number, &input).await.expect("a good vote");
}

/// Everything that waits is delivered.
async fn delivered(house: &House) {
    sqlx::query("UPDATE drydock.outbox SET state = 'sent', sent_at = now(), link_secret = NULL").execute(&house.admin).await.expect("sent");
}

/// Nobody depends on the database any more.
async fn without_stakeholders(house: &House) {
    for sql in ["DELETE FROM drydock.target_stakeholder", "DELETE FROM drydock.membership WHERE role = 'stakeholder'"] {
        sqlx::query(sql).execute(&house.admin).await.expect("left");
    }
}

/// The numbers that order a window's calendar entries, in the order in which its messages came to be owed.
async fn sequences(house: &House, number: i64) -> Vec<(String, i64)> {
    let rows: Vec<(uuid::Uuid, String, i64)> = sqlx::query_as(
        "SELECT DISTINCT o.window_id, o.kind, o.fact_id FROM drydock.outbox o JOIN drydock.window w ON w.id = o.window_id WHERE w.number = $1 ORDER BY o.fact_id, o.kind",
    )
    .bind(number)
    .fetch_all(&house.admin)
    .await
    .expect("messages");
    let mut db = house.admin.acquire().await.expect("connects");
    let mut found = Vec::new();
    for (window, kind, fact) in rows {
        found.push((kind, sequence(&mut db, WindowId(window), fact).await.expect("a number")));
    }
    found
}

#[tokio::test]
async fn whoever_has_it_in_a_calendar_learns_that_it_is_off() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    assert_eq!(told(&house, "approval_needed").await, ["Dario", "Lena", "Sten"]);
    delivered(&house).await;
    // He depends on the database no more, and still has the window in his calendar.
    without_stakeholders(&house).await;
    cancel_window(&house.engine, &house.engineer, number, "not this week").await.expect("withdrawn");
    assert_eq!(told(&house, "cancelled").await, ["Dario", "Egon", "Lena", "Sten"]);
}

#[tokio::test]
async fn what_somebody_switched_off_does_not_come_by_way_of_the_calendar() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    delivered(&house).await;
    without_stakeholders(&house).await;
    sqlx::query("INSERT INTO drydock.notice_off (person_id, topic) VALUES ($1, 'outcome')")
        .bind(house.stakeholder.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("off");
    cancel_window(&house.engine, &house.engineer, number, "not this week").await.expect("withdrawn");
    assert_eq!(told(&house, "cancelled").await, ["Dario", "Egon", "Lena"]);
}

#[tokio::test]
async fn what_never_left_needs_no_taking_back() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    without_stakeholders(&house).await;
    cancel_window(&house.engine, &house.engineer, number, "not this week").await.expect("withdrawn");
    assert_eq!(told(&house, "cancelled").await, ["Dario", "Egon", "Lena"], "the request to him was overtaken");
}

#[tokio::test]
async fn what_may_have_left_before_it_was_overtaken_is_taken_back() {
    for (result, is_told) in [("accepted", true), ("doubtful", true), ("deferred", false), ("refused", false)] {
        let house = House::new().await;
        let number = house.proposed(3).await.number;
        sqlx::query("INSERT INTO drydock.delivery (outbox_id, number, result, detail) SELECT o.id, 1, $1, 'the answer' FROM drydock.outbox o WHERE o.person_id = $2")
            .bind(result)
            .bind(house.stakeholder.actor.person.0)
            .execute(&house.admin)
            .await
            .expect("a try");
        without_stakeholders(&house).await;
        cancel_window(&house.engine, &house.engineer, number, "not this week").await.expect("withdrawn");
        let sql = "SELECT count(*) FROM drydock.outbox WHERE kind = 'approval_needed' AND state = 'superseded'";
        assert_eq!(house.count(sql).await, 3, "{result}: overtaken");
        assert_eq!(told(&house, "cancelled").await.contains(&"Sten".to_owned()), is_told, "{result}");
    }
}

/// Somebody else depends on the database from now on.
async fn nora_in_place_of_sten(house: &House) {
    without_stakeholders(house).await;
    let nora = person(&house.admin, "Nora", Some((house.team, TeamRole::Stakeholder, false)), &[]).await;
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
        .bind(house.target.0)
        .bind(nora.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a stakeholder");
}

#[tokio::test]
async fn other_times_of_a_proposal_are_told_to_those_alone_who_have_it_and_are_not_asked() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    delivered(&house).await;
    nora_in_place_of_sten(&house).await;
    let mut form = house.form(3);
    form.reason = "weekly work, as ever".into();
    amend_window(&house.engine, &house.engineer, number, 1, &form, None).await.expect("an edit");
    assert_eq!(told(&house, "approval_needed").await, ["Dario", "Lena", "Sten", "Dario", "Lena", "Nora"]);
    assert_eq!(told(&house, "moved").await, Vec::<String>::new(), "his entry is right as it stands");
    delivered(&house).await;
    form.duration_min = "180".into();
    amend_window(&house.engine, &house.engineer, number, 2, &form, None).await.expect("an edit");
    assert_eq!(told(&house, "moved").await, ["Sten"], "the others are asked, and to the owner it was never announced");
    let payload: serde_json::Value =
        sqlx::query_scalar("SELECT o.payload FROM drydock.outbox o WHERE o.kind = 'moved'").fetch_one(&house.admin).await.expect("one");
    assert!(payload["moved_from"].is_string() && payload["moved_from_end"].is_string(), "{payload}");
}

#[tokio::test]
async fn whoever_wants_no_requests_still_learns_that_an_approval_was_lost() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    approve(&house, &house.stakeholder, number).await;
    approve(&house, &house.lead, number).await;
    delivered(&house).await;
    sqlx::query("INSERT INTO drydock.notice_off (person_id, topic) VALUES ($1, 'asked')")
        .bind(house.deputy.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("off");
    withdraw_vote(&house.engine, &house.lead, number).await.expect("taken back");
    assert_eq!(told(&house, "approval_lost").await, ["Dario", "Egon", "Lena", "Sten"], "nobody asks him by mail, and his entry changes");
}

#[tokio::test]
async fn who_is_asked_again_because_a_voter_left_is_told_once() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    approve(&house, &house.stakeholder, number).await;
    approve(&house, &house.lead, number).await;
    delivered(&house).await;
    let adele = administrator(&house, "Adele").await;
    let why = Leaving { reason: "left the company".into() };
    deactivate_person(&house.engine, &adele, house.lead.actor.person, &why, &Heirs::new()).await.expect("deactivated");
    assert_eq!(told(&house, "approval_needed").await, ["Dario", "Lena", "Sten", "Dario"]);
    assert_eq!(told(&house, "approval_lost").await, ["Egon", "Sten"], "Dario is asked, by a message that says the same");
}

#[tokio::test]
async fn an_approval_that_is_lost_is_pencilled_in_again_for_everybody() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    approve(&house, &house.stakeholder, number).await;
    approve(&house, &house.lead, number).await;
    assert_eq!(told(&house, "approved").await, ["Dario", "Egon", "Lena", "Sten"]);
    withdraw_vote(&house.engine, &house.lead, number).await.expect("taken back");
    // Dario is asked anew; the others have their say or none.
    assert_eq!(told(&house, "approval_lost").await, ["Egon", "Lena", "Sten"]);
    approve(&house, &house.deputy, number).await;
    let mut form = house.form(3);
    form.duration_min = "180".into();
    amend_window(&house.engine, &house.engineer, number, 1, &form, None).await.expect("an edit");
    assert_eq!(told(&house, "approval_lost").await, ["Egon", "Lena", "Sten", "Egon"], "all others are asked about the new plan");
    cancel_window(&house.engine, &house.engineer, number, "not this week").await.expect("withdrawn");
    let found = sequences(&house, number).await;
    let of = |kind: &str| found.iter().filter(|(is, _)| is == kind).map(|(_, n)| *n).collect::<Vec<_>>();
    let all: Vec<i64> = found.iter().map(|(_, n)| *n).collect();
    assert!(all.is_sorted(), "{found:?}");
    let order = [
        of("approval_needed")[0],
        of("approved")[0],
        of("approval_lost")[0],
        of("approved")[1],
        of("approval_lost")[1],
        of("cancelled")[0],
    ];
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "every change has a number of its own: {found:?}");
}
