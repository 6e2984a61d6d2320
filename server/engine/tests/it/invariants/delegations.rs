//! Letting somebody else decide on one plan: I10 and I14, as the database keeps them.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};
use domain::ids::PersonId;

/// By the newest link to decide on a window that waits.
fn given(number: i64, person: PersonId, delegate: PersonId) -> String {
    format!(
        "INSERT INTO drydock.delegation (id, window_id, digest, person_id, delegate_id, link_id)
         SELECT gen_random_uuid(), l.window_id, l.digest, '{person}', '{delegate}', l.id FROM drydock.link l JOIN drydock.window w ON w.id = l.window_id
         WHERE w.number = {number} AND l.person_id = '{person}' AND l.purpose = 'approve' ORDER BY l.id DESC LIMIT 1; "
    )
}

fn vote(number: i64, voter: PersonId, place: PersonId) -> String {
    format!(
        "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance, in_place_of)
         SELECT gen_random_uuid(), w.id, p.digest, '{voter}', 'approve', 'account', ARRAY['{place}'::uuid] FROM drydock.window w
         JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision WHERE w.number = {number}; "
    )
}

#[tokio::test]
async fn i10_a_seat_is_given_by_a_link_that_decides_and_only_to_whom_it_names() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let number = house.proposed(9).await.number;
    let (sten, lena, egon) = (house.stakeholder.actor.person, house.lead.actor.person, house.engineer.actor.person);
    let mara = crate::house::person(&house.admin, "Mara", None, &[]).await.actor.person;
    let nora = crate::house::person(&house.admin, "Nora", None, &[]).await.actor.person;
    let give = given(number, sten, mara);
    let end = "UPDATE drydock.delegation SET ended_at = clock_timestamp(), ended_reason = 'so' WHERE ended_at IS NULL; ".to_owned();
    let used = format!("UPDATE drydock.link SET used_at = clock_timestamp() WHERE person_id = '{sten}' AND used_at IS NULL; ");
    let another = format!(
        "INSERT INTO drydock.delegation (id, window_id, digest, person_id, delegate_id, link_id)
         SELECT gen_random_uuid(), l.window_id, l.digest, '{lena}', '{mara}', l.id FROM drydock.link l WHERE l.person_id = '{sten}' AND l.purpose = 'approve' LIMIT 1; "
    );
    yard.allows(Web, &(give.clone() + &vote(number, mara, sten))).await;
    yard.allows(Web, &(give.clone() + &end + &given(number, sten, nora) + &vote(number, nora, sten))).await;
    for by in [Web, Owner, Replica] {
        let cases = [
            (used.clone() + &give, "delegation_by_link"),
            (another.clone(), "delegation_by_link"),
            (given(number, sten, egon), "delegation_not_by_author"),
            (given(number, sten, sten), "delegation_to_another"),
            (give.clone() + &given(number, sten, nora), "delegation_one_a_seat"),
            (give.clone() + &end + &end + "UPDATE drydock.delegation SET ended_reason = 'other'", "delegation_fixed"),
            (vote(number, mara, sten), "vote_in_place_by_delegate"),
            (give.clone() + &vote(number, nora, sten), "vote_in_place_by_delegate"),
            (give.clone() + &end + &vote(number, mara, sten), "vote_in_place_by_delegate"),
            (give.clone() + &vote(number, mara, sten) + &end + &given(number, sten, nora) + &vote(number, nora, sten), "vote_one_a_seat"),
        ];
        yard.refuses(&cases.map(|(statements, expected)| (by, statements, expected))).await;
    }
    yard.set(&give).await;
    yard.refuses(&[
        (Web, format!("UPDATE drydock.delegation SET delegate_id = '{nora}'"), DENIED),
        (Owner, format!("UPDATE drydock.delegation SET delegate_id = '{nora}'"), "delegation_fixed"),
        (Owner, "UPDATE drydock.delegation SET ended_at = now()".into(), "delegation_ended"),
        (Web, "DELETE FROM drydock.delegation".into(), DENIED),
        (Owner, "DELETE FROM drydock.delegation".into(), FIXED),
        (Owner, "TRUNCATE drydock.delegation CASCADE".into(), FIXED),
        (Worker, given(number, lena, nora), DENIED),
    ])
    .await;
}
