//! Lanes: the order of waves, what is not started stays so, and a window whose work is over has no lane that is not.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, Yard};

const SECOND: &str = "'00000000-0000-0000-0000-000000000002'::uuid";

/// The yard's window with a second database, whose wave follows the first.
async fn of_two() -> Yard {
    let yard = Yard::new().await;
    yard.set(&format!(
        "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, state, created_by)
         SELECT {SECOND}, team_id, 'prod-b', 'B', dbms, host, port, 'b', username, tls, environment, zone, on_call, state, created_by FROM drydock.target;
         INSERT INTO drydock.window_target (window_id, revision, target_id, team_id, during, live, wave, position)
         SELECT window_id, revision, {SECOND}, team_id, during, live, 2, 2 FROM drydock.window_target WHERE window_id = {} AND revision = 2",
        yard.window
    ))
    .await;
    yard
}

impl Yard {
    /// The run of the second wave.
    fn second_run(&self) -> String {
        let first = format!("'{}'::uuid", self.house.target.0);
        self.a_run("waiting", "gen_random_uuid()").replace(&first, SECOND)
    }

    /// The first run is over.
    fn first_over(&self, ending: &str, clean: &str) -> String {
        self.run_to("ended", &format!(", ending = '{ending}', ended_at = now(), clean = {clean}"))
    }
}

#[tokio::test]
async fn a_wave_is_opened_when_everything_before_it_ended_clean() {
    let yard = of_two().await;
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[(by, yard.second_run(), "run_wave_order")]).await;
    }
    for over in [yard.first_over("finished", "false"), yard.first_over("stopped", "false"), yard.first_over("finished", "NULL")] {
        yard.refuses(&[(Worker, format!("{over}; {}", yard.second_run()), "run_wave_order")]).await;
    }
    yard.allows(Worker, &format!("{}; {}", yard.first_over("finished", "true"), yard.second_run())).await;
    yard.refuses(&[
        (Worker, yard.first_over("cut_off", "true"), "run_clean"),
        (Owner, yard.first_over("stopped", "true"), "run_clean"),
        (Worker, format!("UPDATE drydock.run SET clean = true WHERE id = {}", yard.run), "run_clean"),
        (Web, format!("UPDATE drydock.run SET clean = true WHERE id = {}", yard.run), DENIED),
    ])
    .await;
}

#[tokio::test]
async fn what_is_not_started_stays_so_and_keeps_its_place() {
    let yard = of_two().await;
    let not_started =
        |of: &str, why: &str| format!("UPDATE drydock.window_target SET not_started = {why} WHERE target_id = {of} AND revision = 2");
    let (first, lost) = (format!("'{}'::uuid", yard.house.target.0), not_started(SECOND, "'the first failed'"));
    yard.allows(Worker, &lost).await;
    yard.allows(Web, &lost).await;
    let clean = yard.first_over("finished", "true");
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[
            (by, format!("{lost}; {clean}; {}", yard.second_run()), "run_not_started"),
            (by, format!("{lost}; {}", not_started(SECOND, "NULL")), "window_target_fixed"),
            (by, format!("{lost}; {}", not_started(SECOND, "'another reason'")), "window_target_fixed"),
            (by, not_started(&first, "'it runs'"), "window_target_started"),
        ])
        .await;
    }
    yard.refuses(&[
        (Owner, not_started(SECOND, "' '"), "window_target_not_started_check"),
        (Owner, format!("UPDATE drydock.window_target SET wave = 1 WHERE target_id = {SECOND}"), "window_target_fixed"),
        (Worker, format!("UPDATE drydock.window_target SET wave = 1 WHERE target_id = {SECOND}"), DENIED),
    ])
    .await;
}

#[tokio::test]
async fn the_work_of_a_window_is_over_when_that_of_every_lane_is() {
    let yard = of_two().await;
    let running = yard.window_to("running");
    let lost = format!("UPDATE drydock.window_target SET not_started = 'the first failed' WHERE target_id = {SECOND} AND revision = 2");
    let over = yard.first_over("failed", "false");
    for by in [Web, Worker, Owner, Replica] {
        for state in ["validating", "failed", "rolled_back"] {
            yard.refuses(&[(by, format!("{running}; {}", yard.window_to(state)), "window_lanes")]).await;
        }
    }
    for state in ["validating", "failed"] {
        let end = yard.window_to(state);
        yard.refuses(&[
            (Worker, format!("{running}; {lost}; {end}"), "window_lanes"),
            (Worker, format!("{running}; {over}; {end}"), "window_lanes"),
        ])
        .await;
        yard.allows(Worker, &format!("{running}; {over}; {lost}; {end}")).await;
    }
}

#[tokio::test]
async fn a_window_of_one_database_that_is_rolled_back_is_not_validated() {
    let yard = Yard::new().await;
    let back = yard.window_to("validating").replace(&yard.fresh[1], &yard.fresh[0]);
    let steps = format!("{}; {}; {back}", yard.window_to("running"), yard.window_to("rolling_back"));
    for by in [Web, Worker, Owner, Replica] {
        yard.refuses(&[(by, steps.clone(), "window_lanes")]).await;
    }
    let at_once = format!("{}; {}", yard.window_to("running"), yard.window_to("rolled_back"));
    yard.refuses(&[(Worker, at_once, "window_lanes")]).await;
}

#[tokio::test]
async fn a_lane_goes_on_only_while_nothing_is_paused() {
    let yard = of_two().await;
    let fact = |n: usize| format!("(state_fact_id, state_fact_at) = ({})", yard.fresh[n]);
    yard.set(&format!(
        "UPDATE drydock.run SET state = 'leased', owner = 'a', lease_until = now(), epoch = 1, {} WHERE id = {1};
         UPDATE drydock.run SET state = 'held', owner = NULL, lease_until = NULL, decision = 'continue', phase = 'working', {2} WHERE id = {1}",
        fact(0),
        yard.run,
        fact(1)
    ))
    .await;
    let go_on = format!(
        "UPDATE drydock.run SET state = 'leased', owner = 'b', lease_until = now() + interval '9 s', epoch = 2, decision = NULL, {} WHERE id = {}",
        fact(0),
        yard.run
    );
    yard.allows(Worker, &go_on).await;
    let pause = format!(
        "INSERT INTO drydock.pause (id, level, reason, paused_by) VALUES (gen_random_uuid(), 'start_nothing', 'storage', '{}')",
        yard.house.lead.actor.person
    );
    yard.set(&pause).await;
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[(by, go_on.clone(), "paused")]).await;
    }
}
