//! What was written stays as it was written: it is taken back once, and never removed.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

#[tokio::test]
async fn a_comment_is_taken_back_or_stays_as_it_is() {
    let yard = Yard::new().await;
    let person = yard.house.lead.actor.person;
    let written = format!(
        "INSERT INTO drydock.comment (id, window_id, revision, person_id, text, fact_id, fact_at) VALUES (gen_random_uuid(), {}, 2, '{person}', 'so', {})",
        yard.window, yard.fact
    );
    let back = "UPDATE drydock.comment SET retracted_at = clock_timestamp()";
    let named = format!("INSERT INTO drydock.mention SELECT c.id, '{person}' FROM drydock.comment c");
    yard.allows(Web, &format!("{written}; {named}; {back}")).await;
    let mut tries = vec![
        (Worker, written.clone(), DENIED),
        (Auditor, written.clone(), DENIED),
        (Web, format!("{written}; UPDATE drydock.comment SET text = 'other'"), DENIED),
        (Web, format!("{written}; DELETE FROM drydock.comment"), DENIED),
        (Web, format!("{written}; {named}; DELETE FROM drydock.mention"), DENIED),
        (Owner, written.replace("'so'", "''"), "comment_text_check"),
        (Owner, "TRUNCATE drydock.comment CASCADE".into(), FIXED),
        (Owner, "TRUNCATE drydock.mention".into(), FIXED),
    ];
    for by in [Owner, Replica] {
        tries.extend([
            (by, format!("{written}; UPDATE drydock.comment SET text = 'other'"), "comment_fixed"),
            (by, format!("{written}; UPDATE drydock.comment SET text = 'other', retracted_at = clock_timestamp()"), "comment_fixed"),
            (by, format!("{written}; {back}; UPDATE drydock.comment SET retracted_at = NULL"), "comment_fixed"),
            (by, format!("{written}; {back}; {back}"), "comment_fixed"),
            (by, format!("{written}; DELETE FROM drydock.comment"), "comment_fixed"),
            (by, format!("{written}; {named}; DELETE FROM drydock.mention"), FIXED),
        ]);
    }
    yard.refuses(&tries).await;
}
