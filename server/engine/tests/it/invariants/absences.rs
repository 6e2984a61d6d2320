//! Absences and votes in somebody's place: I10 and I14, as the database keeps them.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};
use domain::ids::PersonId;

/// Says that somebody is away, from so far ahead until so far ahead.
fn away(person: PersonId, delegate: Option<PersonId>, said_by: PersonId, from: &str, to: &str) -> String {
    let delegate = delegate.map_or_else(|| "NULL".to_owned(), |delegate| format!("'{delegate}'"));
    format!(
        "INSERT INTO drydock.absence (id, person_id, starts_at, ends_at, delegate_id, said_by)
         VALUES (gen_random_uuid(), '{person}', clock_timestamp() + interval '{from}', clock_timestamp() + interval '{to}', {delegate}, '{said_by}'); "
    )
}

fn vote(yard: &Yard, voter: PersonId, absent: PersonId) -> String {
    format!(
        "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance, in_place_of)
         VALUES (gen_random_uuid(), {}, {}, '{voter}', 'approve', 'account', ARRAY['{absent}'::uuid]); ",
        yard.window, yard.plan
    )
}

#[tokio::test]
async fn i10_a_vote_in_somebodys_place_is_their_delegates_while_they_are_away() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let (absent, delegate, author) = (house.foreigner.actor.person, house.auditor.actor.person, house.engineer.actor.person);
    let adele = crate::house::person(&house.admin, "Adele", None, &[]).await.actor.person;
    let now = |said_by| away(absent, Some(delegate), said_by, "0", "5 days");
    let over = format!("UPDATE drydock.absence SET ended_at = clock_timestamp(), ended_by = '{absent}'; ");
    let changed = format!("INSERT INTO drydock.identity_change (person_id, what, changed_by) VALUES ('{absent}', 'address', '{author}'); ");
    yard.allows(Web, &(now(absent) + &vote(&yard, delegate, absent))).await;
    for by in [Web, Owner, Replica] {
        let cases = [
            (vote(&yard, delegate, absent), "vote_in_place_by_delegate"),
            (away(absent, Some(delegate), absent, "1 hour", "5 days") + &vote(&yard, delegate, absent), "vote_in_place_by_delegate"),
            (now(absent) + &over + &vote(&yard, delegate, absent), "vote_in_place_by_delegate"),
            (now(absent) + &vote(&yard, adele, absent), "vote_in_place_by_delegate"),
            (now(author) + &vote(&yard, delegate, absent), "vote_in_place_not_by_author"),
            (changed.clone() + &now(absent) + &vote(&yard, delegate, absent), "vote_in_place_not_by_author"),
            (away(author, Some(delegate), author, "0", "5 days") + &vote(&yard, delegate, author), "vote_in_place_not_by_author"),
            // Whoever leads another team speaks for that one.
            (away(adele, Some(delegate), absent, "0", "5 days") + &vote(&yard, delegate, adele), "vote_in_place_by_delegate"),
            // Away once more, with another delegate: the seat was voted for.
            (
                now(absent)
                    + &vote(&yard, delegate, absent)
                    + &over
                    + &away(absent, Some(adele), absent, "0", "5 days")
                    + &vote(&yard, adele, absent),
                "vote_one_a_seat",
            ),
        ];
        yard.refuses(&cases.map(|(statements, expected)| (by, statements, expected))).await;
    }
    let cast = now(absent) + &vote(&yard, delegate, absent);
    let gone = format!("UPDATE drydock.person SET active = false WHERE id = '{absent}'; ");
    yard.refuses(&[
        (Owner, now(absent) + &gone + &vote(&yard, delegate, absent), "vote_in_place_by_delegate"),
        (Owner, format!("{cast} UPDATE drydock.vote SET in_place_of = '{{}}' WHERE in_place_of <> '{{}}'"), "vote_fixed"),
        (Replica, format!("{cast} UPDATE drydock.vote SET in_place_of = '{{}}' WHERE in_place_of <> '{{}}'"), "vote_fixed"),
        (Web, "UPDATE drydock.vote SET in_place_of = '{}'".into(), DENIED),
    ])
    .await;
}

#[tokio::test]
async fn an_absence_lies_ahead_overlaps_no_other_and_only_its_end_moves() {
    let yard = Yard::new().await;
    let (lead, deputy) = (yard.house.lead.actor.person, yard.house.deputy.actor.person);
    let own = |from: &str, to: &str| away(lead, None, lead, from, to);
    let held = own("1 day", "3 days");
    let end = format!("UPDATE drydock.absence SET ended_at = clock_timestamp(), ended_by = '{lead}'; ");
    yard.allows(Web, &(held.clone() + &own("3 days 1 minute", "4 days"))).await;
    yard.allows(Web, &(held.clone() + &end + &own("2 days", "4 days"))).await;
    yard.allows(Web, &(held.clone() + "UPDATE drydock.absence SET ends_at = ends_at + interval '1 day'")).await;
    for by in [Web, Owner, Replica] {
        let cases = [
            (held.clone() + &own("2 days", "4 days"), "absence_no_overlap"),
            (away(lead, Some(lead), lead, "5 days", "6 days"), "absence_other_delegate"),
            (away(deputy, Some(lead), lead, "5 days", "6 days"), "absence_not_to_oneself"),
            (own("6 days", "5 days"), "absence_order"),
            (own("5 days", "96 days"), "absence_length"),
            (own("-2 days", "1 day"), "absence_not_backdated"),
            (held.clone() + &end + &end, "absence_fixed"),
        ];
        yard.refuses(&cases.map(|(statements, expected)| (by, statements, expected))).await;
    }
    yard.set(&held).await;
    yard.refuses(&[
        (Web, format!("UPDATE drydock.absence SET delegate_id = '{deputy}'"), DENIED),
        (Owner, format!("UPDATE drydock.absence SET delegate_id = '{deputy}'"), "absence_fixed"),
        (Owner, "UPDATE drydock.absence SET ended_at = now()".into(), "absence_ended"),
        (Web, "DELETE FROM drydock.absence".into(), DENIED),
        (Owner, "DELETE FROM drydock.absence".into(), FIXED),
        (Owner, "TRUNCATE drydock.absence CASCADE".into(), FIXED),
        (Worker, own("8 days", "9 days"), DENIED),
        (Web, "INSERT INTO drydock.asked_in_place (window_id, digest, absence_id) SELECT p.window_id, p.digest, a.id FROM drydock.plan p, drydock.absence a".into(), DENIED),
        (
            Owner,
            "INSERT INTO drydock.asked_in_place (window_id, digest, absence_id) SELECT p.window_id, p.digest, a.id FROM drydock.plan p, drydock.absence a LIMIT 1; DELETE FROM drydock.asked_in_place".into(),
            FIXED,
        ),
    ])
    .await;
}
