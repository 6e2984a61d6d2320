//! While everything is paused, nothing starts, whoever asks and however.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

fn a_pause(yard: &Yard, level: &str) -> String {
    format!(
        "INSERT INTO drydock.pause (id, level, reason, paused_by) VALUES (gen_random_uuid(), '{level}', 'storage', '{}')",
        yard.house.lead.actor.person
    )
}

fn ended(yard: &Yard) -> String {
    format!("UPDATE drydock.pause SET resumed_at = now(), resumed_by = '{}', resume_reason = 'replaced'", yard.house.lead.actor.person)
}

#[tokio::test]
async fn a_pause_lasts_until_somebody_ends_it_and_is_never_rewritten() {
    let yard = Yard::new().await;
    let (soft, hard) = (a_pause(&yard, "start_nothing"), a_pause(&yard, "hold_running"));
    yard.allows(Web, &format!("{soft}; UPDATE drydock.pause SET level = 'hold_running'; {}", ended(&yard))).await;
    yard.refuses(&[
        (Worker, soft.clone(), DENIED),
        (Auditor, soft.clone(), DENIED),
        (Web, format!("{soft}; {hard}"), "pause_one_open"),
        (Web, format!("{hard}; UPDATE drydock.pause SET level = 'start_nothing'"), "pause_fixed"),
        (Web, format!("{soft}; UPDATE drydock.pause SET reason = 'another'"), DENIED),
        (Owner, format!("{soft}; UPDATE drydock.pause SET reason = 'another'"), "pause_fixed"),
        (
            Replica,
            format!("{soft}; {}; UPDATE drydock.pause SET resumed_at = NULL, resumed_by = NULL, resume_reason = NULL", ended(&yard)),
            "pause_fixed",
        ),
        (Owner, format!("{soft}; UPDATE drydock.pause SET resumed_at = now()"), "pause_resumed"),
        (Web, format!("{soft}; DELETE FROM drydock.pause"), DENIED),
        (Owner, format!("{soft}; DELETE FROM drydock.pause"), FIXED),
        (Owner, "TRUNCATE drydock.pause".into(), FIXED),
    ])
    .await;
}

#[tokio::test]
async fn no_path_gets_past_a_pause() {
    let yard = Yard::new().await;
    let (soft, hard) = (a_pause(&yard, "start_nothing"), a_pause(&yard, "hold_running"));
    let begin = format!("UPDATE drydock.run SET phase = 'baseline' WHERE id = {}", yard.run);
    let go_on = format!("UPDATE drydock.run SET decision = 'continue' WHERE id = {}", yard.run);
    let opened = format!(
        "UPDATE drydock.run SET state = 'ended', ending = 'not_begun', ended_at = now(), (state_fact_id, state_fact_at) = ({}) WHERE id = {}",
        yard.fresh[0], yard.run
    );
    let again = yard.a_run("waiting", "gen_random_uuid()");
    let intent = yard.an_attempt(1, 1, "intent");
    for by in [Owner, Replica] {
        for way in [&begin, &go_on, &yard.window_to("running"), &intent] {
            yard.allows(by, way).await;
        }
        for way in [&begin, &go_on, &yard.window_to("running")] {
            yard.refuses(&[(by, format!("{soft}; {way}"), "paused"), (by, format!("{hard}; {way}"), "paused")]).await;
        }
        // The guard speaks before the rule that a revision runs once.
        yard.refuses(&[(by, format!("{soft}; {opened}; {again}"), "paused")]).await;
        // Runs in progress go on, unless the pause holds them too.
        yard.allows(by, &format!("{soft}; {intent}")).await;
        yard.refuses(&[(by, format!("{hard}; {intent}"), "paused")]).await;
        yard.allows(by, &format!("{hard}; {}; {intent}", ended(&yard))).await;
    }
    // What makes things safe again is never stopped.
    let safing = format!("UPDATE drydock.item SET class = 'safing' WHERE run_id = {} AND ordinal = 1", yard.run);
    yard.allows(Owner, &format!("{hard}; {safing}; {intent}")).await;
    yard.allows(Owner, &format!("{hard}; UPDATE drydock.run SET decision = 'roll_back' WHERE id = {}", yard.run)).await;
    yard.allows(Owner, &format!("{hard}; {}", yard.a_rollback())).await;
    yard.allows(Worker, &intent).await;
}
