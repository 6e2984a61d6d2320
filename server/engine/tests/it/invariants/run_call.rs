//! Calls, as the database keeps them: on record by whoever works on the run, done once, and settled by people while the run waits.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

#[tokio::test]
async fn a_call_is_done_once_by_its_answer_or_by_a_person_whom_its_run_waits_for() {
    let yard = Yard::new().await;
    let person = yard.house.engineer.actor.person;
    let ask =
        format!("INSERT INTO drydock.run_call (run_id, step, id) VALUES ({}, 'webhook_pause', '{}'); ", yard.run, uuid::Uuid::now_v7());
    let yes = "UPDATE drydock.run_call SET done_at = clock_timestamp(), answered_at = clock_timestamp(), said = 'yes'; ".to_owned();
    let nobody = "UPDATE drydock.run_call SET done_at = clock_timestamp(), said = 'yes'; ".to_owned();
    let settle = format!("UPDATE drydock.run_call SET done_at = clock_timestamp(), settled_by = '{person}', said = 'seen'; ");
    yard.refuses(&[
        (Worker, ask.clone(), "run_call_asked"),
        (Owner, ask.clone(), "run_call_asked"),
        (Replica, ask.clone(), "run_call_asked"),
    ])
    .await;
    yard.set(&yard.run_to("leased", ", owner = 'w', lease_until = now() + interval '1 minute', epoch = 1")).await;
    yard.allows(Worker, &(ask.clone() + &yes)).await;
    yard.refuses(&[
        (Web, ask.clone(), DENIED),
        (Worker, ask.clone() + &settle, DENIED),
        (Owner, ask.replace("webhook_pause", "vacuum"), "run_call_step_check"),
        (Owner, ask.clone() + &settle, "run_call_waits"),
        (Replica, ask.clone() + &settle, "run_call_waits"),
        (Owner, ask.clone() + "UPDATE drydock.run_call SET done_at = now()", "run_call_done"),
        (Owner, ask.clone() + &nobody, "run_call_said_by_one"),
        (Owner, ask.clone() + &yes + &yes, "run_call_fixed"),
    ])
    .await;
    yard.set(&ask).await;
    yard.refuses(&[(Web, yes.clone(), DENIED), (Web, nobody.clone(), "run_call_said_by_one")]).await;
    let held = yard.run_to("held", ", owner = NULL, lease_until = NULL, hold_reason = 'so', hold_verbs = '{continue}'");
    yard.set(&held.replace(&yard.fresh[0], &yard.fresh[1])).await;
    yard.refuses(&[
        (Web, settle.clone(), "run_call_waits"),
        (Owner, settle.clone(), "run_call_waits"),
        (Worker, yes.clone(), "run_call_waits"),
    ])
    .await;
    yard.set("UPDATE drydock.run SET hold_step = 'webhook_pause'; ").await;
    yard.allows(Web, &settle).await;
    yard.refuses(&[
        (Web, settle.clone() + &settle, "run_call_fixed"),
        (Web, "UPDATE drydock.run_call SET step = 'webhook_other'".into(), DENIED),
        (Owner, "UPDATE drydock.run_call SET step = 'webhook_other'".into(), "run_call_fixed"),
        (Replica, settle.clone() + &settle, "run_call_fixed"),
        (Web, "DELETE FROM drydock.run_call".into(), DENIED),
        (Owner, "DELETE FROM drydock.run_call".into(), FIXED),
        (Owner, "TRUNCATE drydock.run_call".into(), FIXED),
    ])
    .await;
}
