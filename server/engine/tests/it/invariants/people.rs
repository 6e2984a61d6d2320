//! Votes, links, policies, messages, secrets, teams: I10, I11, I14, I18, I20, I21, I22.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};
use domain::ids::PersonId;

fn vote(yard: &Yard, person: PersonId, more: (&str, &str)) -> String {
    let (columns, values) = more;
    format!(
        "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance{columns}) VALUES (gen_random_uuid(), {}, {}, '{person}', 'approve', 'account'{values})",
        yard.window, yard.plan
    )
}

#[tokio::test]
async fn i10_voters_are_distinct_eligible_people_who_wrote_nothing() {
    let yard = Yard::new().await;
    let (auditor, engineer, stakeholder) =
        (yard.house.auditor.actor.person, yard.house.engineer.actor.person, yard.house.stakeholder.actor.person);
    let plain = |person| vote(&yard, person, ("", ""));
    yard.allows(Web, &plain(auditor)).await;
    for by in [Web, Owner, Replica] {
        yard.refuses(&[(by, plain(stakeholder), "vote_once"), (by, plain(engineer), "vote_not_by_contributor")]).await;
    }
    for ineligible in ["active = false", "shared_address = true", "may_vote_from = now() + interval '1 hour'"] {
        let change = format!("UPDATE drydock.person SET {ineligible} WHERE id = '{auditor}'; {}", plain(auditor));
        yard.refuses(&[(Web, change.clone(), "vote_by_eligible_person"), (Replica, change, "vote_by_eligible_person")]).await;
    }
    yard.refuses(&[
        (Owner, plain(auditor).replace(&format!("'{auditor}'"), "NULL"), "vote_by_eligible_person"),
        (Worker, plain(auditor), DENIED),
        (Web, "DELETE FROM drydock.contributor".into(), DENIED),
        (Owner, "DELETE FROM drydock.contributor".into(), FIXED),
        (Owner, "UPDATE drydock.contributor SET since = now()".into(), FIXED),
        (Owner, "TRUNCATE drydock.contributor".into(), FIXED),
        (Web, "UPDATE drydock.vote SET decision = 'reject'".into(), DENIED),
        (Owner, "UPDATE drydock.vote SET decision = 'reject', comment = 'no'".into(), "vote_fixed"),
        (Owner, "UPDATE drydock.vote SET withdrawn_at = now(); UPDATE drydock.vote SET withdrawn_at = NULL".into(), "vote_fixed"),
        (Replica, "DELETE FROM drydock.vote".into(), FIXED),
        (Owner, "TRUNCATE drydock.vote".into(), FIXED),
        (Web, vote(&yard, auditor, ("", "")).replace("'approve'", "'reject'"), "vote_"),
    ])
    .await;
}

#[tokio::test]
async fn i11_votes_and_links_are_about_one_digest_that_exists() {
    let yard = Yard::new().await;
    let auditor = yard.house.auditor.actor.person;
    let link = |purpose: &str, about: &str| {
        format!(
            "INSERT INTO drydock.link (id, secret_hash, purpose, person_id, window_id, digest, expires_at) VALUES (gen_random_uuid(), sha256('s'::bytea), '{purpose}', '{auditor}', {about}, now() + interval '1 day')"
        )
    };
    let (window, plan) = (&yard.window, &yard.plan);
    yard.allows(Web, &link("approve", &format!("{window}, {plan}"))).await;
    yard.refuses(&[
        (Web, vote(&yard, auditor, ("", "")).replace(plan.as_str(), "sha256('x'::bytea)"), "vote_window_id_digest_fkey"),
        (Web, link("approve", &format!("{window}, sha256('x'::bytea)")), "link_window_id_digest_fkey"),
        (Web, link("approve", "NULL, NULL"), "link_about"),
        (Web, link("approve", &format!("{window}, NULL")), "link_about"),
        (Web, link("reset", &format!("{window}, {plan}")), "link_about"),
        (Replica, link("approve", "NULL, NULL"), "link_about"),
    ])
    .await;
}

#[tokio::test]
async fn i14_a_saved_policy_never_changes() {
    let yard = Yard::new().await;
    let (proposer, asked) = (yard.house.engineer.actor.person, yard.house.auditor.actor.person);
    let sealed = "sha256('policy'::bytea || '\\x00'::bytea || 'x'::bytea)";
    let of = "FROM drydock.policy_version ORDER BY policy_id LIMIT 1";
    let proposed = |who: PersonId| {
        format!(
            "INSERT INTO drydock.policy_change (id, policy_id, name, base_version, bytes, digest, proposed_by, needed, asked)
             SELECT '00000000-0000-0000-0000-000000000002', policy_id, 'Changed', 98, 'x', {sealed}, '{proposer}', 1, ARRAY['{who}'::uuid] {of}"
        )
    };
    let agreed = |who: PersonId| {
        format!(
            "{}; INSERT INTO drydock.policy_agreement (change_id, person_id) SELECT id, '{who}' FROM drydock.policy_change",
            proposed(asked)
        )
    };
    let adopt = format!("UPDATE drydock.policy_change SET ended_at = now(), ended_by = '{asked}', adopted = true");
    let version = format!(
        "INSERT INTO drydock.policy_version (policy_id, version, bytes, digest, created_by) SELECT policy_id, 99, 'x', {sealed}, '{proposer}' {of}"
    );
    let first =
        format!("INSERT INTO drydock.policy_version (policy_id, version, bytes, digest) SELECT policy_id, 1, 'x', sha256('x'::bytea) {of}");
    let whole = format!("{}; {adopt}; {version}", agreed(asked));
    yard.allows(Web, &whole).await;
    for by in [Web, Owner, Replica] {
        yard.refuses(&[
            (by, version.clone(), "policy_version_agreed"),
            (by, format!("{}; {version}", agreed(asked)), "policy_version_agreed"),
            (by, format!("{}; {adopt}", proposed(asked)), "policy_change_agreed"),
            (by, agreed(proposer), "policy_agreement_by_asked"),
            (by, proposed(proposer), "policy_change_never_alone"),
            (by, format!("{}; {adopt}; UPDATE drydock.policy_change SET ended_at = now()", agreed(asked)), "policy_change_fixed"),
            (by, first.clone(), "policy_digest_matches"),
        ])
        .await;
    }
    let ended = proposed(asked)
        .replace("needed, asked)", "needed, asked, ended_at, ended_by, adopted)")
        .replace(&format!("ARRAY['{asked}'::uuid]"), &format!("ARRAY['{asked}'::uuid], now(), '{asked}', true"));
    yard.refuses(&[
        (Web, ended.clone(), "policy_change_begins"),
        (Replica, ended, "policy_change_begins"),
        (Owner, format!("{}; UPDATE drydock.policy_change SET seats = '{{}}'", proposed(asked)), "policy_change_fixed"),
        (Web, "UPDATE drydock.revision_stage SET decide_by_at = now()".into(), DENIED),
        (Web, format!("{}; UPDATE drydock.policy_change SET needed = 0", proposed(asked)), DENIED),
        (Owner, format!("{}; UPDATE drydock.policy_change SET needed = 0", proposed(asked)), "policy_change_fixed"),
        (Replica, format!("{}; DELETE FROM drydock.policy_change", proposed(asked)), FIXED),
        (Replica, format!("{}; DELETE FROM drydock.policy_agreement", agreed(asked)), FIXED),
        (Owner, "TRUNCATE drydock.policy_change CASCADE".into(), FIXED),
        (Owner, "TRUNCATE drydock.policy_agreement".into(), FIXED),
        (Web, "UPDATE drydock.policy_version SET bytes = 'x'".into(), DENIED),
        (Owner, "UPDATE drydock.policy_version SET bytes = 'x'".into(), FIXED),
        (Replica, "DELETE FROM drydock.policy_version".into(), FIXED),
        (Owner, "TRUNCATE drydock.policy_version CASCADE".into(), FIXED),
        (Owner, "UPDATE drydock.revision SET policy_version = 99".into(), "revision_policy_id_policy_version_fkey"),
    ])
    .await;
}

#[tokio::test]
async fn i18_a_link_decides_once_for_one_person_and_one_plan() {
    let yard = Yard::new().await;
    let auditor = yard.house.auditor.actor.person;
    let link = format!(
        "INSERT INTO drydock.link (id, secret_hash, purpose, person_id, window_id, digest, expires_at) VALUES ('00000000-0000-0000-0000-000000000001', sha256('s'::bytea), 'approve', '{auditor}', {}, {}, now() + interval '1 day')",
        yard.window, yard.plan
    );
    yard.set(&link).await;
    yard.allows(Web, "UPDATE drydock.link SET used_at = now()").await;
    let by_link = |person| vote(&yard, person, (", link_id", ", '00000000-0000-0000-0000-000000000001'"));
    let withdrawn = "UPDATE drydock.vote SET withdrawn_at = now() WHERE link_id IS NOT NULL";
    yard.refuses(&[
        (Web, "UPDATE drydock.link SET used_at = now(); UPDATE drydock.link SET used_at = NULL".into(), "link_fixed"),
        (Owner, "UPDATE drydock.link SET ended_at = now(); UPDATE drydock.link SET ended_at = NULL".into(), "link_fixed"),
        (Replica, format!("UPDATE drydock.link SET person_id = '{}'", yard.house.lead.actor.person), "link_fixed"),
        (Web, format!("UPDATE drydock.link SET person_id = '{}'", yard.house.lead.actor.person), DENIED),
        (Owner, "UPDATE drydock.link SET expires_at = 'infinity'".into(), "link_fixed"),
        (Owner, link.replace("000001'", "000002'"), "link_secret_once"),
        (Owner, format!("{}; {withdrawn}; {}", by_link(auditor), by_link(auditor)), "vote_link_once"),
        (Owner, "TRUNCATE drydock.link CASCADE".into(), FIXED),
    ])
    .await;
}

#[tokio::test]
async fn i20_what_is_owed_stays_until_it_is_delivered() {
    let yard = Yard::new().await;
    let owed = yard.house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'waiting'").await;
    assert!(owed > 0, "a proposal owes messages");
    for by in [Worker, Owner, Replica] {
        yard.refuses(&[
            (by, "DELETE FROM drydock.outbox".into(), "outbox_unsent_stays"),
            (by, "UPDATE drydock.outbox SET state = 'parked'; DELETE FROM drydock.outbox".into(), "outbox_unsent_stays"),
        ])
        .await;
    }
    yard.allows(Worker, "UPDATE drydock.outbox SET state = 'sent', sent_at = now(), link_secret = NULL; DELETE FROM drydock.outbox").await;
    yard.refuses(&[
        (Web, "DELETE FROM drydock.outbox".into(), DENIED),
        (Owner, "TRUNCATE drydock.outbox CASCADE".into(), FIXED),
        (Worker, "UPDATE drydock.outbox SET state = 'sent', link_secret = NULL".into(), "outbox_sent"),
        (Worker, "UPDATE drydock.outbox SET state = 'sent', sent_at = now() WHERE link_secret IS NOT NULL".into(), "outbox_secret_erased"),
    ])
    .await;
}

#[tokio::test]
async fn i21_no_plain_secret_is_stored() {
    let yard = Yard::new().await;
    let secret = |envelope: &str| {
        format!(
            "INSERT INTO drydock.sealed_secret (id, target_id, field, version, envelope, set_by) VALUES (gen_random_uuid(), '{}', 'password', 7, {envelope}, '{}')",
            yard.house.target, yard.house.lead.actor.person
        )
    };
    yard.allows(Web, &secret("'\\x01'::bytea || decode(repeat('ab', 90), 'hex')")).await;
    for by in [Web, Owner, Replica] {
        yard.refuses(&[
            (by, secret("'hunter2hunter2'"), "sealed_secret_envelope_check"),
            (by, secret("convert_to(repeat('plain text ', 20), 'UTF8')"), "sealed_secret_envelope_check"),
        ])
        .await;
    }
    let account =
        format!("INSERT INTO drydock.account (person_id, password_hash) VALUES ('{}', 'hunter2')", yard.house.auditor.actor.person);
    yard.refuses(&[(Web, account.clone(), "account_password_hash_check"), (Owner, account, "account_password_hash_check")]).await;
    yard.refuses(&[(
        Owner,
        "INSERT INTO drydock.sealed_key (secret_id, worker_key_id, sealed) VALUES (gen_random_uuid(), gen_random_uuid(), 'hunter2')".into(),
        "sealed_key_sealed_check",
    )])
    .await;
}

#[tokio::test]
async fn i22_a_window_and_its_database_belong_to_one_team() {
    let yard = Yard::new().await;
    let foreign = "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, environment, zone, on_call, created_by)
        SELECT '00000000-0000-0000-0000-000000000002', (SELECT id FROM drydock.team WHERE short_name = 'billing'), 'prod-billing', 'Billing', dbms, host, port, database, username, tls, environment, zone, on_call, created_by FROM drydock.target";
    yard.set(foreign).await;
    let of = |team: &str| {
        format!(
            "INSERT INTO drydock.window_target (window_id, revision, target_id, team_id, during, position) VALUES ({}, 2, '00000000-0000-0000-0000-000000000002', (SELECT id FROM drydock.team WHERE short_name = '{team}'), tstzrange(now(), now() + interval '1 hour'), 2)",
            yard.window
        )
    };
    yard.refuses(&[
        (Web, of("orders"), "window_target_owner"),
        (Web, of("billing"), "window_target_window_id_team_id_fkey"),
        (Owner, of("orders"), "window_target_owner"),
        (Web, format!("UPDATE drydock.window SET team_id = (SELECT id FROM drydock.team WHERE short_name = 'billing') WHERE id = {}", yard.window), DENIED),
        (Owner, format!("UPDATE drydock.window SET team_id = (SELECT id FROM drydock.team WHERE short_name = 'billing') WHERE id = {}", yard.window), "identity of a window never changes"),
        (Owner, "UPDATE drydock.target SET team_id = (SELECT id FROM drydock.team WHERE short_name = 'billing') WHERE short_name = 'prod-orders'".into(), "target_still_wanted"),
        (Owner, format!("UPDATE drydock.window_target SET target_id = '00000000-0000-0000-0000-000000000002' WHERE window_id = {}", yard.window), "window_target_owner"),
        (Owner, yard.a_run("ended", "gen_random_uuid()").replace(&yard.house.target.to_string(), "00000000-0000-0000-0000-000000000002"), "run_window_id_revision_target_id_fkey"),
    ])
    .await;
}
