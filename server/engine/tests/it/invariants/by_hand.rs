//! Steps by hand, as the database keeps them: asked for by whoever works on the run, done by people, once, while it waits.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

#[tokio::test]
async fn a_step_by_hand_is_done_once_while_its_run_waits_for_it() {
    let yard = Yard::new().await;
    let person = yard.house.engineer.actor.person;
    let ask = format!("INSERT INTO drydock.by_hand (run_id, step) VALUES ({}, 'by_hand_pool'); ", yard.run);
    let did = format!("UPDATE drydock.by_hand SET done_at = clock_timestamp(), done_by = '{person}', said = 'seen'; ");
    yard.refuses(&[(Worker, ask.clone(), "by_hand_asked"), (Owner, ask.clone(), "by_hand_asked"), (Replica, ask.clone(), "by_hand_asked")])
        .await;
    yard.set(&yard.run_to("leased", ", owner = 'w', lease_until = now() + interval '1 minute', epoch = 1")).await;
    yard.allows(Worker, &ask).await;
    yard.refuses(&[
        (Web, ask.clone(), DENIED),
        (Worker, ask.clone() + &did, DENIED),
        (Owner, ask.replace("by_hand_pool", "vacuum"), "by_hand_step_check"),
        (Owner, ask.clone() + &did, "by_hand_waits"),
        (Replica, ask.clone() + &did, "by_hand_waits"),
    ])
    .await;
    yard.set(&ask).await;
    let held = yard.run_to("held", ", owner = NULL, lease_until = NULL, hold_reason = 'so', hold_verbs = '{continue}'");
    let held_for = "UPDATE drydock.run SET hold_step = 'by_hand_pool'; ".to_owned();
    yard.set(&held.replace(&yard.fresh[0], &yard.fresh[1])).await;
    yard.refuses(&[(Web, did.clone(), "by_hand_waits"), (Owner, did.clone(), "by_hand_waits")]).await;
    yard.set(&held_for).await;
    yard.allows(Web, &did).await;
    yard.refuses(&[
        (Web, did.clone() + &did, "by_hand_fixed"),
        (Web, "UPDATE drydock.by_hand SET step = 'by_hand_other'".into(), DENIED),
        (Owner, "UPDATE drydock.by_hand SET step = 'by_hand_other'".into(), "by_hand_fixed"),
        (Owner, "UPDATE drydock.by_hand SET done_at = now()".into(), "by_hand_done"),
        (Replica, did.clone() + &did, "by_hand_fixed"),
        (Web, "DELETE FROM drydock.by_hand".into(), DENIED),
        (Owner, "DELETE FROM drydock.by_hand".into(), FIXED),
        (Owner, "TRUNCATE drydock.by_hand".into(), FIXED),
    ])
    .await;
}
