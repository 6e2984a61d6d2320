//! Databases over time: I9's neighbours. Owners, deletion, and passwords that are being changed.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

fn target(yard: &Yard) -> String {
    format!("'{}'::uuid", yard.house.target.0)
}

fn a_secret(yard: &Yard, version: i32, state: &str) -> String {
    format!(
        "INSERT INTO drydock.sealed_secret (id, target_id, field, version, envelope, set_by, state) VALUES (gen_random_uuid(), {}, 'password', {version}, decode(repeat('01', 60), 'hex'), '{}', '{state}')",
        target(yard),
        yard.house.lead.actor.person
    )
}

#[tokio::test]
async fn a_database_with_windows_stays_where_it_is() {
    let yard = Yard::new().await;
    let id = target(&yard);
    let other = yard.house.foreigner.actor.teams[0].team;
    for by in [Web, Owner, Replica] {
        yard.refuses(&[
            (by, format!("UPDATE drydock.target SET team_id = '{other}' WHERE id = {id}"), "target_still_wanted"),
            (by, format!("UPDATE drydock.target SET state = 'retired' WHERE id = {id}"), "target_still_wanted"),
            (by, format!("UPDATE drydock.target SET environment = 'test' WHERE id = {id}"), "target_still_wanted"),
            (by, format!("UPDATE drydock.target SET state = 'deleted' WHERE id = {id}"), "target_retired_first"),
        ])
        .await;
    }
    yard.refuses(&[
        (Web, format!("DELETE FROM drydock.target WHERE id = {id}"), DENIED),
        (Owner, format!("DELETE FROM drydock.target WHERE id = {id}"), FIXED),
        (Owner, "TRUNCATE drydock.target CASCADE".into(), FIXED),
        (
            Owner,
            format!("INSERT INTO drydock.window_target (window_id, revision, target_id, team_id, during) VALUES ({}, 1, {id}, '{other}', '[2030-01-01,2030-01-02)')", yard.window),
            "window_target_owner",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_deleted_stays_deleted_and_its_name_is_free() {
    let yard = Yard::new().await;
    let team = yard.house.team;
    let person = yard.house.lead.actor.person;
    let new = format!(
        "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, created_by)
         VALUES (gen_random_uuid(), '{team}', 'old-one', 'Old', 'postgresql', 'h', 1, 'd', 'u', 'none', 'test', 'Etc/UTC', 'x', '{person}')"
    );
    let retired = format!("{new}; UPDATE drydock.target SET state = 'retired' WHERE short_name = 'old-one'");
    let deleted = format!("{retired}; UPDATE drydock.target SET state = 'deleted' WHERE short_name = 'old-one'");
    yard.allows(Web, &format!("{deleted}; {new}")).await;
    yard.allows(Web, &format!("{retired}; UPDATE drydock.target SET state = 'unverified' WHERE short_name = 'old-one'")).await;
    yard.refuses(&[
        (Web, format!("{retired}; {new}"), "target_short_name_once"),
        (Web, format!("{deleted}; UPDATE drydock.target SET state = 'retired' WHERE short_name = 'old-one'"), "target_deleted"),
        (Owner, format!("{deleted}; UPDATE drydock.target SET name = 'New' WHERE short_name = 'old-one'"), "target_deleted"),
        (Replica, format!("{deleted}; UPDATE drydock.target SET host = 'evil' WHERE short_name = 'old-one'"), "target_deleted"),
    ])
    .await;
}

#[tokio::test]
async fn a_password_is_changed_with_no_run_open_and_both_are_kept_until_one_is_proven() {
    let yard = Yard::new().await;
    let over = format!(
        "UPDATE drydock.run SET state = 'ended', ending = 'not_begun', ended_at = now(), (state_fact_id, state_fact_at) = ({}) WHERE id = {}",
        yard.fresh[0], yard.run
    );
    let (current, candidate) = (a_secret(&yard, 1, "current"), a_secret(&yard, 2, "candidate"));
    let promote = "UPDATE drydock.sealed_secret SET state = 'former' WHERE version = 1; UPDATE drydock.sealed_secret SET state = 'current' WHERE version = 2";
    yard.allows(Owner, &format!("{over}; {current}; {candidate}; {promote}")).await;
    yard.allows(Worker, &current).await;
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[(by, candidate.clone(), "rotation_under_run")]).await;
    }
    let run = yard.a_run("waiting", "gen_random_uuid()");
    yard.refuses(&[
        (Owner, format!("{over}; {candidate}; {run}"), "run_under_rotation"),
        (Replica, format!("{over}; {candidate}; {run}"), "run_under_rotation"),
        (Owner, format!("{over}; {candidate}; {}", a_secret(&yard, 3, "candidate")), "sealed_secret_one_candidate"),
        (Web, format!("{current}; {}", a_secret(&yard, 2, "current")), "sealed_secret_one_current"),
        (Web, a_secret(&yard, 1, "former"), "secret_fixed"),
        (Web, format!("{current}; UPDATE drydock.sealed_secret SET state = 'candidate'"), "secret_fixed"),
        (
            Web,
            format!("{current}; UPDATE drydock.sealed_secret SET state = 'former'; UPDATE drydock.sealed_secret SET state = 'current'"),
            "secret_fixed",
        ),
        (Web, format!("{current}; UPDATE drydock.sealed_secret SET envelope = decode(repeat('01', 61), 'hex')"), DENIED),
        (Owner, format!("{current}; UPDATE drydock.sealed_secret SET envelope = decode(repeat('01', 61), 'hex')"), "secret_fixed"),
        (Replica, format!("{current}; UPDATE drydock.sealed_secret SET version = 7"), "secret_fixed"),
        (Worker, format!("{current}; DELETE FROM drydock.sealed_secret"), DENIED),
        (Auditor, "SELECT * FROM drydock.sealed_secret".into(), DENIED),
    ])
    .await;
    yard.allows(Owner, &format!("{over}; {candidate}; {}", yard.a_rollback())).await;
}

#[tokio::test]
async fn two_databases_are_linked_once_and_none_with_itself() {
    let yard = Yard::new().await;
    let (one, person) = (target(&yard), yard.house.lead.actor.person);
    let other = format!("'{}'::uuid", yard.house.another("prod-crm", "production", None).await.0);
    let link = |from: &str, to: &str, kind: &str| {
        format!("INSERT INTO drydock.target_link (target_id, other_id, kind, added_by) VALUES ({from}, {to}, '{kind}', '{person}')")
    };
    let linked = link(&one, &other, "replica");
    yard.allows(Web, &format!("{linked}; DELETE FROM drydock.target_link; {}", link(&other, &one, "machine"))).await;
    yard.refuses(&[
        (Web, link(&one, &one, "machine"), "target_link_not_itself"),
        (Web, link(&one, &other, "friend"), "target_link_kind_check"),
        (Web, format!("{linked}; {linked}"), "target_link_pkey"),
        (Web, format!("{linked}; {}", link(&other, &one, "machine")), "target_link_once"),
        (Web, format!("{linked}; UPDATE drydock.target_link SET kind = 'machine'"), DENIED),
        (Worker, linked.clone(), DENIED),
        (Auditor, linked.clone(), DENIED),
    ])
    .await;
    yard.allows(Auditor, "SELECT kind FROM drydock.target_link").await;
}
