//! Plans, runs, attempts: I1 to I5, I8, I9, I15, I16, I24, and the closing of a window.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

#[tokio::test]
async fn i1_a_step_obeys_the_bytes_that_were_approved() {
    let yard = Yard::new().await;
    let (run, plan, list, fact) = (&yard.run, &yard.plan, &yard.list, &yard.fact);
    let other = "sha256('other'::bytea)";
    let attempt = |plan: &str, list: &str| {
        format!(
            "INSERT INTO drydock.attempt (id, run_id, ordinal, number, epoch, plan_digest, work_list_digest, state, session_name, fact_id, fact_at) VALUES (gen_random_uuid(), {run}, 1, 1, 0, {plan}, {list}, 'intent', 's', {fact})"
        )
    };
    let person = format!("'{}'", yard.house.lead.actor.person);
    yard.allows(Worker, &attempt(plan, list)).await;
    yard.refuses(&[
        (Owner, format!("INSERT INTO drydock.plan (window_id, digest, revision, bytes, sealed_by) VALUES ({}, {other}, 9, 'x', {person})", yard.window), "plan_digest_matches"),
        (Replica, format!("INSERT INTO drydock.plan (window_id, digest, revision, bytes, sealed_by) VALUES ({}, {other}, 9, 'x', {person})", yard.window), "plan_digest_matches"),
        (Web, "UPDATE drydock.plan SET bytes = 'x'".into(), DENIED),
        (Owner, "UPDATE drydock.plan SET bytes = 'x'".into(), FIXED),
        (Replica, "UPDATE drydock.plan SET bytes = 'x'".into(), FIXED),
        (Owner, "DELETE FROM drydock.plan".into(), FIXED),
        (Owner, "TRUNCATE drydock.plan CASCADE".into(), FIXED),
        (Owner, yard.a_rollback().replace(plan.as_str(), other), "run_window_id_revision_plan_digest_fkey"),
        (Worker, attempt(other, list), "attempt_run_id_plan_digest_fkey"),
        (Worker, attempt(plan, other), "attempt_run_id_work_list_digest_fkey"),
        (Owner, format!("INSERT INTO drydock.work_list (run_id, digest, plan_digest, bytes) VALUES ({run}, {other}, {plan}, 'x')"), "work_list_digest_matches"),
        (Worker, "UPDATE drydock.work_list SET bytes = 'x'".into(), DENIED),
        (Owner, "UPDATE drydock.work_list SET bytes = 'x'".into(), FIXED),
        (Owner, format!("INSERT INTO drydock.work_list (run_id, digest, plan_digest, bytes) VALUES ({run}, sha256('work_list'::bytea || '\\x00'::bytea || 'x'::bytea), {plan}, 'x')"), "work_list_one_a_run"),
        (Owner, format!("UPDATE drydock.run SET plan_digest = {other} WHERE id = {run}"), "identity of a run never changes"),
    ])
    .await;
}

#[tokio::test]
async fn i2_an_approved_revision_runs_once_on_a_target() {
    let yard = Yard::new().await;
    yard.refuses(&[
        (Worker, yard.a_run("waiting", "gen_random_uuid()"), "run_once"),
        (Owner, yard.a_run("ended", "gen_random_uuid()"), "run_once"),
        (Replica, yard.a_run("ended", "gen_random_uuid()"), "run_once"),
    ])
    .await;
}

#[tokio::test]
async fn i3_an_owner_comes_with_an_epoch_one_higher() {
    let yard = Yard::new().await;
    let run = &yard.run;
    let lease = |epoch: &str| yard.run_to("leased", &format!(", owner = 'a', lease_until = now() + interval '15 s', epoch = {epoch}"));
    yard.allows(Worker, &lease("epoch + 1")).await;
    yard.refuses(&[
        (Worker, lease("epoch + 2"), "run_epoch_step"),
        (Owner, lease("epoch - 1"), "run_epoch_step"),
        (Replica, lease("epoch + 2"), "run_epoch_step"),
        (Worker, lease("epoch"), "run_epoch_owner"),
        (Owner, format!("{}; UPDATE drydock.run SET owner = 'b' WHERE id = {run}", lease("epoch + 1")), "run_epoch_owner"),
        (Worker, format!("UPDATE drydock.run SET owner = 'a', epoch = epoch + 1 WHERE id = {run}"), "run_lease"),
        (Web, format!("UPDATE drydock.run SET epoch = epoch + 1 WHERE id = {run}"), DENIED),
        (Web, format!("UPDATE drydock.run SET lease_until = now() WHERE id = {run}"), DENIED),
    ])
    .await;
}

#[tokio::test]
async fn i4_an_item_has_one_open_attempt() {
    let yard = Yard::new().await;
    for state in ["intent", "started", "unknown"] {
        let two = format!("{}; {}", yard.an_attempt(1, 1, state), yard.an_attempt(1, 2, "intent"));
        yard.refuses(&[
            (Worker, two.clone(), "attempt_one_open"),
            (Owner, two.clone(), "attempt_one_open"),
            (Replica, two, "attempt_one_open"),
        ])
        .await;
    }
    yard.allows(Worker, &format!("{}; {}", yard.an_attempt(1, 1, "done"), yard.an_attempt(1, 2, "intent"))).await;
    let again = format!("{}; {}", yard.an_attempt(1, 1, "done"), yard.an_attempt(1, 1, "intent"));
    yard.refuses(&[(Worker, again, "attempt_once")]).await;
}

#[tokio::test]
async fn items_at_once_have_a_slot_and_a_table_each_and_no_more_than_the_plan_lets() {
    let yard = Yard::new().await;
    let at = |ordinal, state: &str, session: &str, slot: i32, relation: &str| {
        let attempt = yard.an_attempt(ordinal, 1, state).replace("fact_id, fact_at)", "fact_id, fact_at, slot, relation)");
        attempt.replace(", 's', ", &format!(", '{session}', ")).replacen(
            &format!("{})", yard.fact),
            &format!("{}, {slot}, '{relation}')", yard.fact),
            1,
        )
    };
    // A third item of the first one's step.
    let third = format!(
        "INSERT INTO drydock.item (run_id, ordinal, work_list_digest, step, class, object, statement, detail) VALUES ({}, 3, {}, 'vacuum', 'repeatable', 'u', 'VACUUM u', '{{}}')",
        yard.run, yard.list
    );
    yard.set(&third).await;
    let both = |one: String, other: String| format!("{one}; {other}");
    yard.allows(Worker, &both(at(1, "started", "a", 1, "t"), at(3, "intent", "b", 2, "u"))).await;
    yard.allows(Worker, &both(at(1, "started", "a", 1, "t"), at(3, "started", "a", 1, "u"))).await;
    yard.allows(Worker, &both(at(1, "done", "a", 1, "t"), at(2, "intent", "b", 1, "t"))).await;
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[
            (by, both(at(1, "started", "a", 1, "t"), at(3, "intent", "b", 1, "u")), "attempt_slot"),
            (by, both(at(1, "unknown", "a", 1, "t"), at(3, "intent", "b", 2, "t")), "attempt_one_a_relation"),
            (by, both(at(1, "intent", "a", 1, "t"), at(2, "intent", "b", 2, "u")), "attempt_step"),
            (by, both(at(1, "started", "a", 1, "t"), at(3, "done", "b", 1, "u")), "attempt_slot"),
            (by, both(at(1, "intent", "a", 1, "t"), at(2, "done", "b", 2, "u")), "attempt_step"),
            (by, at(1, "intent", "a", 3, "t"), "attempt_jobs"),
            (by, at(1, "intent", "a", 0, "t"), "attempt_slot_check"),
            (by, format!("{}; UPDATE drydock.attempt SET slot = 2", at(1, "intent", "a", 1, "t")), "attempt_slot_fixed"),
        ])
        .await;
    }
}

#[tokio::test]
async fn i5_a_once_only_step_is_not_tried_again_without_two_people() {
    let yard = Yard::new().await;
    let two = format!("{}; {}", yard.an_attempt(2, 1, "done"), yard.an_attempt(2, 2, "intent"));
    yard.refuses(&[
        (Worker, two.clone(), "attempt_once_only"),
        (Owner, two.clone(), "attempt_once_only"),
        (Replica, two, "attempt_once_only"),
    ])
    .await;
    let (lead, deputy) = (yard.house.lead.actor.person, yard.house.deputy.actor.person);
    let resolved = |second: &str, found: &str| {
        format!(
            "{}; INSERT INTO drydock.resolution (attempt_id, person_id, second_person_id, found, reason) SELECT id, '{lead}', {second}, '{found}', 'looked' FROM drydock.attempt; {}",
            yard.an_attempt(2, 1, "done"),
            yard.an_attempt(2, 2, "intent")
        )
    };
    yard.refuses(&[
        (Owner, resolved("NULL", "did_not_run"), "attempt_once_only"),
        (Owner, resolved(&format!("'{lead}'"), "did_not_run"), "resolution_two_people"),
        (Owner, resolved(&format!("'{deputy}'"), "ran"), "attempt_once_only"),
        (Owner, format!("{}; UPDATE drydock.resolution SET found = 'did_not_run'", resolved(&format!("'{deputy}'"), "did_not_run")), FIXED),
    ])
    .await;
    yard.allows(Owner, &resolved(&format!("'{deputy}'"), "did_not_run")).await;
    // The first try is known never to have begun: proof enough.
    let never_began = yard.an_attempt(2, 1, "done").replace("now(), '{}', '{}'", "NULL, NULL, NULL");
    yard.allows(Worker, &format!("{never_began}; {}", yard.an_attempt(2, 2, "intent"))).await;
}

#[tokio::test]
async fn i8_nothing_starts_without_the_identity_that_was_seen() {
    let yard = Yard::new().await;
    let start = |set: &str| format!("{}; UPDATE drydock.attempt SET state = 'started', {set}", yard.an_attempt(1, 1, "intent"));
    yard.allows(Worker, &start("started_at = now(), backend = '{}', observed = '{}'")).await;
    yard.refuses(&[
        (Worker, start("backend = '{}', observed = '{}'"), "attempt_started"),
        (Worker, start("started_at = now(), backend = '{}'"), "attempt_started"),
        (Worker, start("started_at = now(), observed = '{}'"), "attempt_started"),
        (Owner, start("started_at = now(), backend = '{}'"), "attempt_started"),
        (Replica, start("started_at = now(), backend = '{}'"), "attempt_started"),
        (Worker, format!("{}; UPDATE drydock.attempt SET outcome_detail = 'better'", yard.an_attempt(1, 1, "done")), "attempt_fixed"),
        (Replica, format!("{}; UPDATE drydock.attempt SET outcome = 'done'", yard.an_attempt(1, 1, "done")), "attempt_fixed"),
        (
            Worker,
            "UPDATE drydock.attempt SET state = 'done'".replace("UPDATE", &format!("{}; UPDATE", yard.an_attempt(1, 1, "intent"))),
            "attempt_done",
        ),
    ])
    .await;
}

#[tokio::test]
async fn i9_no_two_live_windows_and_no_two_open_runs_share_a_target() {
    let yard = Yard::new().await;
    let second = yard.house.proposed(9).await;
    let second = format!("'{}'::uuid", second.id);
    let live = |by| {
        (
            by,
            format!(
                "UPDATE drydock.window_target SET live = true, during = (SELECT during FROM drydock.window_target WHERE window_id = {} AND revision = 2) WHERE window_id = {second}",
                yard.window
            ),
            "window_target_no_overlap",
        )
    };
    yard.refuses(&[live(Owner), live(Replica)]).await;
    yard.refuses(&[
        (Web, "UPDATE drydock.window_target SET during = 'empty'".into(), DENIED),
        (Owner, "UPDATE drydock.window_target SET during = 'empty'".into(), "window_target_during_check"),
    ])
    .await;
    let run = format!(
        "INSERT INTO drydock.run (id, window_id, revision, target_id, plan_digest, state_fact_id, state_fact_at)
         SELECT gen_random_uuid(), {second}, 1, t.target_id, p.digest, {} FROM drydock.window_target t JOIN drydock.plan p ON p.window_id = t.window_id WHERE t.window_id = {second}",
        yard.fact
    );
    yard.refuses(&[
        (Worker, run.clone(), "run_one_open_a_target"),
        (Web, run.clone(), "run_one_open_a_target"),
        (Replica, run, "run_one_open_a_target"),
    ])
    .await;
}

#[tokio::test]
async fn i15_only_listed_transitions_exist_and_terminal_states_stay() {
    let yard = Yard::new().await;
    let window = |to: &str| yard.window_to(to);
    let run = |to: &str| yard.run_to(to, "");
    yard.allows(Worker, &window("running")).await;
    for by in [Web, Worker, Owner, Replica] {
        yard.refuses(&[
            (by, window("rolled_back"), "window_transition"),
            (by, window("draft"), "window_transition"),
            (by, window("validating"), "window_transition"),
        ])
        .await;
    }
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[(by, run("held"), "run_transition")]).await;
    }
    for terminal in ["withdrawn", "rejected", "expired", "cancelled", "missed", "completed", "rolled_back", "failed"] {
        let from: i64 = sqlx::query_scalar("SELECT count(*) FROM drydock.transition t WHERE t.thing = 'window' AND t.from_state = $1")
            .bind(terminal)
            .fetch_one(&yard.house.admin)
            .await
            .expect("counted");
        assert_eq!(from, 0, "{terminal} is terminal");
    }
    yard.refuses(&[
        (Web, "INSERT INTO drydock.transition VALUES ('window', 'failed', 'approved')".into(), DENIED),
        (Worker, "INSERT INTO drydock.transition VALUES ('window', 'failed', 'approved')".into(), DENIED),
        (Owner, "UPDATE drydock.transition SET to_state = 'completed'".into(), FIXED),
        (Owner, "DELETE FROM drydock.transition".into(), FIXED),
        (Owner, format!("UPDATE drydock.window SET revision = 1 WHERE id = {}", yard.window), "identity of a window never changes"),
        (
            Owner,
            format!("UPDATE drydock.window SET created_by = '{}' WHERE id = {}", yard.house.auditor.actor.person, yard.window),
            "identity of a window never changes",
        ),
    ])
    .await;
}

#[tokio::test]
async fn i15_a_window_closes_only_when_its_list_is_done() {
    let yard = Yard::new().await;
    let to = |state: &str| yard.window_to(state);
    let item = |state: &str, note: &str| {
        format!(
            "DELETE FROM drydock.check_item WHERE window_id = {0}; INSERT INTO drydock.check_item (window_id, revision, ordinal, key, title, by_probe, state, note) VALUES ({0}, 2, 1, 'errors', 'Errors', false, '{state}', '{note}')",
            yard.window
        )
    };
    yard.set(&format!("{}; {}", to("running"), to("validating"))).await;
    let to = |state: &str| to(state).replace(&yard.fresh[1], &yard.fact);
    yard.set("DELETE FROM drydock.check_item").await;
    yard.refuses(&[(Web, to("completed"), "window_closes_when_checked"), (Replica, to("completed"), "window_closes_when_checked")]).await;
    for state in ["open", "failed"] {
        yard.set(&item(state, "seen")).await;
        yard.refuses(&[(Web, to("completed"), "window_closes_when_checked"), (Owner, to("completed"), "window_closes_when_checked")]).await;
    }
    yard.refuses(&[(Owner, item("passed", ""), "check_item_evidence"), (Owner, item("accepted", "so be it"), "check_item_accepted")]).await;
    yard.set(&item("passed", "seen")).await;
    yard.allows(Web, &to("completed")).await;
}

#[tokio::test]
async fn i16_every_transition_and_intent_comes_with_its_fact() {
    let yard = Yard::new().await;
    let person = yard.house.lead.actor.person;
    yard.refuses(&[
        (Worker, format!("UPDATE drydock.window SET state = 'running' WHERE id = {}", yard.window), "window_transition_fact"),
        (Replica, format!("UPDATE drydock.window SET state = 'running' WHERE id = {}", yard.window), "window_transition_fact"),
        (Worker, format!("UPDATE drydock.run SET state = 'ended', ending = 'failed', ended_at = now() WHERE id = {}", yard.run), "run_transition_fact"),
        (Worker, format!("UPDATE drydock.window SET state = 'running', state_fact_id = 999999 WHERE id = {}", yard.window), "window_state_fact_id_state_fact_at_fkey"),
        (Web, format!("INSERT INTO drydock.window (id, team_id, created_by, state_fact_id, state_fact_at) VALUES (gen_random_uuid(), '{}', '{person}', NULL, now())", yard.house.team), "null value in column \"state_fact_id\""),
        (Worker, yard.an_attempt(1, 1, "intent").replace(&yard.fact, "NULL, NULL"), "null value in column \"fact_id\""),
        (Worker, yard.an_attempt(1, 1, "intent").replace(&yard.fact, "999999, now()"), "attempt_fact_id_fact_at_fkey"),
        (Web, format!("INSERT INTO drydock.outbox (id, kind, person_id, message_id, fact_id, fact_at) VALUES (gen_random_uuid(), 'approved', '{person}', 'm', NULL, NULL)"), "null value in column \"fact_id\""),
    ])
    .await;
}

#[tokio::test]
async fn i24_a_run_is_rolled_back_once() {
    let yard = Yard::new().await;
    let rollback = yard.a_rollback();
    yard.allows(Worker, &rollback).await;
    let twice = format!("{rollback}; {rollback}");
    yard.refuses(&[(Worker, twice.clone(), "run_once"), (Owner, twice.clone(), "run_once"), (Replica, twice, "run_once")]).await;
    yard.refuses(&[(
        Owner,
        format!("UPDATE drydock.run SET kind = 'rollback' WHERE id = {}", yard.run),
        "identity of a run never changes",
    )])
    .await;
}
