//! Inside a freeze nothing starts, whoever asks and however; and one plan passes it by somebody else's approval alone.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

/// A freeze over everything, or over what `scope` says, from an hour ago (which becomes: from now) until then.
fn a_freeze(yard: &Yard, scope: &str, until: &str) -> String {
    let what = match scope {
        "environment" => "'production', NULL, NULL".to_owned(),
        "staging" => "'staging', NULL, NULL".to_owned(),
        "team" => format!("NULL, '{}', NULL", yard.house.team),
        "target" => format!("NULL, NULL, '{}'", yard.house.target),
        _ => "NULL, NULL, NULL".to_owned(),
    };
    let scope = if scope == "staging" { "environment" } else { scope };
    format!(
        "INSERT INTO drydock.freeze (id, name, reason, scope, environment, team_id, target_id, zone, start_at, end_at, created_by)
         VALUES ('00000000-0000-7000-8000-0000000000f0', 'Year end', 'closed', '{scope}', {what}, 'Etc/UTC', now() - interval '1 hour', {until}, '{}')",
        yard.house.lead.actor.person
    )
}

const LATER: &str = "now() + interval '1 hour'";

fn lifted(yard: &Yard) -> String {
    format!("UPDATE drydock.freeze SET lifted_at = now(), lifted_by = '{}', lift_reason = 'early'", yard.house.lead.actor.person)
}

fn pass(yard: &Yard, by: domain::ids::PersonId) -> String {
    format!(
        "INSERT INTO drydock.freeze_override (id, freeze_id, window_id, digest, reason, granted_by)
         VALUES (gen_random_uuid(), '00000000-0000-7000-8000-0000000000f0', {}, {}, 'it cannot wait', '{by}')",
        yard.window, yard.plan
    )
}

#[tokio::test]
async fn a_freeze_gets_another_end_or_is_lifted_and_is_never_rewritten() {
    let yard = Yard::new().await;
    let all = a_freeze(&yard, "everything", LATER);
    let end = "UPDATE drydock.freeze SET end_at = now() + interval '2 hours', revision = 2";
    yard.allows(Web, &format!("{all}; {end}; {}", lifted(&yard))).await;
    // It begins when it is written, not before: what started until then is outside.
    yard.allows(Owner, &format!("{all}; DO $$ BEGIN ASSERT (SELECT start_at >= now() FROM drydock.freeze); END $$")).await;
    yard.refuses(&[
        (Worker, all.clone(), DENIED),
        (Auditor, all.clone(), DENIED),
        (Web, format!("{all}; UPDATE drydock.freeze SET reason = 'another'"), DENIED),
        (Owner, format!("{all}; UPDATE drydock.freeze SET reason = 'another'"), "freeze_fixed"),
        (Owner, format!("{all}; UPDATE drydock.freeze SET start_at = start_at + interval '1 minute'"), "freeze_fixed"),
        (Replica, format!("{all}; {}; {end}", lifted(&yard)), "freeze_fixed"),
        (Replica, format!("{all}; UPDATE drydock.freeze SET end_at = clock_timestamp()"), "freeze_over"),
        (Owner, format!("{all}; UPDATE drydock.freeze SET lifted_at = now()"), "freeze_lifted"),
        (Owner, a_freeze(&yard, "everything", "now() - interval '1 minute'"), "freeze_order"),
        (Owner, a_freeze(&yard, "everything", "now() + interval '500 days'"), "freeze_order"),
        (Owner, a_freeze(&yard, "team", LATER).replace("'team'", "'everything'"), "freeze_scope"),
        (Owner, a_freeze(&yard, "everything", LATER).replace("'everything'", "'target'"), "freeze_scope"),
        (Web, format!("{all}; DELETE FROM drydock.freeze"), DENIED),
        (Owner, format!("{all}; DELETE FROM drydock.freeze"), FIXED),
        (Owner, "TRUNCATE drydock.freeze CASCADE".into(), FIXED),
    ])
    .await;
}

#[tokio::test]
async fn no_path_gets_past_a_freeze() {
    let yard = Yard::new().await;
    let begin = format!("UPDATE drydock.run SET phase = 'baseline' WHERE id = {}", yard.run);
    let go_on = format!("UPDATE drydock.run SET decision = 'continue' WHERE id = {}", yard.run);
    let opened = format!(
        "UPDATE drydock.run SET state = 'ended', ending = 'not_begun', ended_at = now(), (state_fact_id, state_fact_at) = ({}) WHERE id = {}",
        yard.fresh[0], yard.run
    );
    let again = yard.a_run("waiting", "gen_random_uuid()");
    let intent = yard.an_attempt(1, 1, "intent");
    let soon = a_freeze(&yard, "everything", LATER).replace("now() - interval '1 hour'", "now() + interval '1 minute'");
    for by in [Owner, Replica] {
        for scope in ["everything", "environment", "team", "target"] {
            let freeze = a_freeze(&yard, scope, LATER);
            for way in [&begin, &go_on, &yard.window_to("running"), &intent] {
                yard.allows(by, way).await;
                yard.refuses(&[(by, format!("{freeze}; {way}"), "freeze")]).await;
                yard.allows(by, &format!("{freeze}; {}; {way}", lifted(&yard))).await;
            }
            // The guard speaks before the rule that a revision runs once.
            yard.refuses(&[(by, format!("{freeze}; {opened}; {again}"), "freeze")]).await;
        }
        for other in [&a_freeze(&yard, "staging", LATER), &soon] {
            yard.allows(by, &format!("{other}; {begin}; {intent}")).await;
        }
    }
    // What makes things safe again is never stopped.
    let all = a_freeze(&yard, "everything", LATER);
    let safing = format!("UPDATE drydock.item SET class = 'safing' WHERE run_id = {} AND ordinal = 1", yard.run);
    yard.allows(Owner, &format!("{safing}; {all}; {intent}")).await;
    yard.allows(Owner, &format!("{all}; UPDATE drydock.run SET decision = 'roll_back' WHERE id = {}", yard.run)).await;
    yard.allows(Owner, &format!("{all}; {}", yard.a_rollback())).await;
    yard.allows(Worker, &intent).await;
}

#[tokio::test]
async fn no_database_leaves_an_environment_under_its_freeze() {
    let yard = Yard::new().await;
    // No window is in its way: that has a guard of its own.
    let free = "UPDATE drydock.target SET short_name = 'x' || left(id::text, 8); INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, created_by)
        SELECT gen_random_uuid(), team_id, 'alone', 'Alone', dbms, host, port, 'alone', username, tls, environment, zone, on_call, created_by FROM drydock.target LIMIT 1";
    let leave = "UPDATE drydock.target SET environment = 'development' WHERE short_name = 'alone'";
    let frozen = a_freeze(&yard, "environment", LATER);
    for by in [Owner, Replica] {
        yard.refuses(&[(by, format!("{free}; {frozen}; {leave}"), "target_frozen")]).await;
        yard.allows(by, &format!("{free}; {frozen}; {}; {leave}", lifted(&yard))).await;
        // Staying, and the freeze of another environment, are nobody's business.
        yard.allows(by, &format!("{free}; {frozen}; UPDATE drydock.target SET name = 'Other' WHERE short_name = 'alone'")).await;
        yard.allows(by, &format!("{free}; {}; {leave}", a_freeze(&yard, "staging", LATER))).await;
        yard.allows(by, &format!("{free}; {}; {leave}", a_freeze(&yard, "everything", LATER))).await;
    }
}

#[tokio::test]
async fn one_plan_passes_by_somebody_else_and_only_while_that_stands() {
    let yard = Yard::new().await;
    let (lead, engineer) = (yard.house.lead.actor.person, yard.house.engineer.actor.person);
    let all = a_freeze(&yard, "team", LATER);
    let begin = format!("UPDATE drydock.run SET phase = 'baseline' WHERE id = {}", yard.run);
    let passed = format!("{all}; {}", pass(&yard, lead));
    let back = format!("UPDATE drydock.freeze_override SET withdrawn_at = now(), withdrawn_by = '{lead}', withdraw_reason = 'it can'");
    yard.allows(Web, &passed).await;
    yard.allows(Owner, &format!("{passed}; {begin}; {}", yard.window_to("running"))).await;
    // An older revision of the same window has another digest: an approval for that one lets nothing pass.
    let older =
        passed.replace(&yard.plan, &format!("(SELECT digest FROM drydock.plan WHERE window_id = {} AND revision = 1)", yard.window));
    yard.refuses(&[
        (Owner, format!("{older}; {begin}"), "freeze"),
        (Owner, format!("{passed}; {back}; {begin}"), "freeze"),
        (Owner, format!("{passed}; UPDATE drydock.person SET active = false WHERE id = '{lead}'; {begin}"), "freeze"),
        (Web, format!("{all}; {}", pass(&yard, engineer)), "freeze_override_not_by_contributor"),
        (Replica, format!("{all}; {}", pass(&yard, engineer)), "freeze_override_not_by_contributor"),
        (Owner, format!("{passed}; UPDATE drydock.membership SET role = 'stakeholder' WHERE person_id = '{lead}'; {begin}"), "freeze"),
        (Owner, format!("UPDATE drydock.person SET active = false WHERE id = '{lead}'; {passed}"), "freeze_override_by_right"),
        (
            Owner,
            format!("UPDATE drydock.membership SET role = 'stakeholder' WHERE person_id = '{lead}'; {passed}"),
            "freeze_override_by_right",
        ),
        (Web, format!("{}; {}", a_freeze(&yard, "everything", LATER), pass(&yard, lead)), "freeze_override_by_right"),
        (Web, format!("{passed}; {}", pass(&yard, lead)), "freeze_override_once"),
        (Worker, pass(&yard, lead), DENIED),
        (Auditor, pass(&yard, lead), DENIED),
        (Owner, format!("{passed}; UPDATE drydock.freeze_override SET reason = 'another'"), "freeze_override_fixed"),
        (Replica, format!("{passed}; {back}; {back}"), "freeze_override_fixed"),
        (Owner, format!("{passed}; DELETE FROM drydock.freeze_override"), FIXED),
        (Owner, "TRUNCATE drydock.freeze_override".into(), FIXED),
    ])
    .await;
}

#[tokio::test]
async fn an_event_of_a_calendar_is_one_freeze_a_scope_for_ever() {
    let yard = Yard::new().await;
    let from = |id: u32, scope: &str, uid: &str| {
        let sql = a_freeze(&yard, scope, LATER).replace("end_at, created_by)", "end_at, created_by, source_uid)");
        sql.replace("0000000000f0", &format!("{id:012}"))
            .replace(&format!("'{}')", yard.house.lead.actor.person), &format!("'{}', '{uid}')", yard.house.lead.actor.person))
    };
    let one = from(1, "everything", "day@x");
    yard.allows(Web, &format!("{one}; {}; {}; {}", from(2, "team", "day@x"), from(3, "everything", "other@x"), from(4, "target", "day@x")))
        .await;
    let kept = format!(
        "INSERT INTO drydock.freeze_import (id, person_id, scope, zone, ics) VALUES (gen_random_uuid(), '{}', 'everything', 'Etc/UTC', 'x')",
        yard.house.lead.actor.person
    );
    yard.allows(Web, &format!("{kept}; DELETE FROM drydock.freeze_import; {kept}")).await;
    yard.refuses(&[
        (Web, format!("{one}; {}", from(2, "everything", "day@x")), "freeze_source_once"),
        (Owner, format!("{one}; {}; {}", lifted(&yard), from(2, "everything", "day@x")), "freeze_source_once"),
        (Owner, format!("{one}; UPDATE drydock.freeze SET source_uid = 'another'"), "freeze_fixed"),
        (Web, format!("{kept}; {kept}"), "freeze_import_one_a_person"),
        (Worker, kept.clone(), DENIED),
        (Auditor, "SELECT FROM drydock.freeze_import".into(), DENIED),
    ])
    .await;
}
