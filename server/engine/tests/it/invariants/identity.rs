//! Who somebody is, and who administers: changes let votes rest, bars stand, the last administrator stays.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};
use crate::house::person;
use domain::people::{GlobalRole, SHARED_NAMES};

const PAUSED: &str = "may_vote_from = now() + interval '24 hours'";

#[tokio::test]
async fn a_change_of_address_or_role_comes_with_its_pause() {
    let yard = Yard::new().await;
    let lead = yard.house.lead.actor.person;
    let person = |set: &str| format!("UPDATE drydock.person SET {set} WHERE id = '{lead}'");
    let place = format!("UPDATE drydock.membership SET role = 'engineer' WHERE person_id = '{lead}'");
    yard.allows(Web, &person(&format!("email = 'new@example.org', {PAUSED}"))).await;
    yard.allows(Web, &format!("{}; {place}", person(PAUSED))).await;
    let gone = format!("{}; ", person("active = false"));
    let shared = format!("{}; ", person("shared_address = true"));
    for by in [Web, Owner, Replica] {
        yard.refuses(&[
            (by, person("email = 'new@example.org'"), "person_change_pauses_votes"),
            (by, gone.clone() + &person("active = true"), "person_change_pauses_votes"),
            (by, shared.clone() + &person("shared_address = false"), "person_change_pauses_votes"),
            (by, format!("{}; {}", person(PAUSED), person("may_vote_from = '-infinity'")), "person_pause_stays"),
            (by, place.clone(), "membership_change_pauses_votes"),
        ])
        .await;
    }
    yard.refuses(&[(Worker, person("email = 'new@example.org'"), DENIED)]).await;
}

#[tokio::test]
async fn whom_an_author_changed_never_votes_on_that_window() {
    let yard = Yard::new().await;
    let (engineer, auditor, lead) = (yard.house.engineer.actor.person, yard.house.auditor.actor.person, yard.house.lead.actor.person);
    let change = |by| format!("INSERT INTO drydock.identity_change (person_id, what, changed_by) VALUES ('{auditor}', 'role', '{by}'); ");
    let vote = format!(
        "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance) VALUES (gen_random_uuid(), {}, {}, '{auditor}', 'approve', 'account')",
        yard.window, yard.plan
    );
    yard.allows(Web, &(change(lead) + &vote)).await;
    let long_ago = change(engineer).replace("changed_by)", "changed_by, at)").replace("')", "', now() - interval '2 days')");
    yard.allows(Web, &(long_ago + &vote)).await;
    for by in [Web, Owner, Replica] {
        yard.refuses(&[(by, change(engineer) + &vote, "vote_not_by_whom_an_author_changed")]).await;
    }
    yard.set(&change(engineer)).await;
    yard.refuses(&[
        (Web, "DELETE FROM drydock.identity_change".into(), DENIED),
        (Owner, "DELETE FROM drydock.identity_change".into(), FIXED),
        (Replica, "UPDATE drydock.identity_change SET changed_by = NULL".into(), FIXED),
        (Owner, "TRUNCATE drydock.identity_change".into(), FIXED),
    ])
    .await;
}

#[tokio::test]
async fn whom_the_proposer_changed_and_whose_votes_rest_never_agree_to_a_change_of_policy() {
    let yard = Yard::new().await;
    let (proposer, auditor, lead) = (yard.house.engineer.actor.person, yard.house.auditor.actor.person, yard.house.lead.actor.person);
    let change = |seats: &str| {
        format!(
            "INSERT INTO drydock.policy_change (id, policy_id, name, base_version, bytes, digest, proposed_by, needed, asked, seats)
             SELECT '00000000-0000-0000-0000-000000000002', policy_id, 'Changed', 98, 'x', sha256('policy'::bytea || '\\x00'::bytea || 'x'::bytea),
                    '{proposer}', 1, ARRAY['{auditor}'::uuid], '{{\"policies\": [[{seats}]]}}'
             FROM drydock.policy_version ORDER BY policy_id LIMIT 1; "
        )
    };
    let seats = |factor: bool| change(&format!("{{\"need\": 1, \"by\": [\"{auditor}\"], \"factor\": {factor}}}"));
    let (plain, with_factor) = (seats(false), seats(true));
    let agreed = format!("INSERT INTO drydock.policy_agreement (change_id, person_id) SELECT id, '{auditor}' FROM drydock.policy_change");
    let changed =
        |by| format!("INSERT INTO drydock.identity_change (person_id, what, changed_by) VALUES ('{auditor}', 'factor', '{by}'); ");
    let rests = format!("UPDATE drydock.person SET {PAUSED} WHERE id = '{auditor}'; ");
    let long_ago = changed(proposer).replace("changed_by)", "changed_by, at)").replace("')", "', now() - interval '2 days')");
    yard.allows(Web, &format!("{}{long_ago}{plain}{agreed}", changed(lead))).await;
    let set = format!(
        "INSERT INTO drydock.account (person_id, password_hash) VALUES ('{auditor}', '$argon2id$x');
         INSERT INTO drydock.factor (person_id, key_id, sealed, confirmed_at, last_step)
         VALUES ('{auditor}', '\\x0102030405060708', '\\x01'::bytea || decode(repeat('ab', 60), 'hex'), now(), 7); "
    );
    yard.allows(Web, &format!("{set}{with_factor}{agreed}")).await;
    for by in [Web, Owner, Replica] {
        yard.refuses(&[
            (by, format!("{rests}{plain}{agreed}"), "policy_agreement_heard"),
            (by, format!("{plain}{}{agreed}", changed(proposer)), "policy_agreement_not_by_whom_the_proposer_changed"),
            (by, format!("{}{plain}{agreed}", changed(proposer)), "policy_agreement_not_by_whom_the_proposer_changed"),
            (by, format!("{with_factor}{agreed}"), "policy_agreement_with_factor"),
        ])
        .await;
    }
}

#[tokio::test]
async fn names_of_functions_are_shared_mailboxes() {
    let yard = Yard::new().await;
    let insert = |local: &str, shared: bool| {
        format!(
            "INSERT INTO drydock.person (id, name, email, shared_address) VALUES (gen_random_uuid(), 'P', '{local}@example.org', {shared})"
        )
    };
    for name in SHARED_NAMES {
        yard.refuses(&[(Web, insert(name, false), "person_role_name_is_shared")]).await;
    }
    yard.refuses(&[(Owner, insert("dba+orders", false), "person_role_name_is_shared")]).await;
    yard.allows(Web, &insert("dba", true)).await;
    yard.allows(Web, &insert("dbatova", false)).await;
    let listed: i64 = yard
        .house
        .count("SELECT count(*) FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''[a-z-]+''::text', 'g') WHERE c.conname = 'person_role_name_is_shared'")
        .await;
    assert_eq!(listed, i64::try_from(SHARED_NAMES.len()).expect("few"), "one list in two places");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let yard = Yard::new().await;
    let adele = person(&yard.house.admin, "Adele", None, &[GlobalRole::Admin]).await.actor.person;
    yard.set(&format!("INSERT INTO drydock.account (person_id, password_hash) VALUES ('{adele}', '$argon2id$x')")).await;
    let (role, activity) = (
        format!("DELETE FROM drydock.global_role WHERE person_id = '{adele}' AND role = 'admin'"),
        format!("UPDATE drydock.person SET active = false WHERE id = '{adele}'"),
    );
    for by in [Web, Owner, Replica] {
        yard.refuses(&[(by, role.clone(), "last_admin_stays"), (by, activity.clone(), "last_admin_stays")]).await;
    }
    yard.refuses(&[
        (Owner, format!("DELETE FROM drydock.account WHERE person_id = '{adele}'"), "last_admin_stays"),
        (Owner, "UPDATE drydock.global_role SET role = 'auditor' WHERE role = 'admin'".into(), FIXED),
        (Owner, "TRUNCATE drydock.global_role".into(), FIXED),
    ])
    .await;
    let bert = person(&yard.house.admin, "Bert", None, &[GlobalRole::Admin]).await.actor.person;
    yard.refuses(&[(Web, role.clone(), "last_admin_stays")]).await;
    yard.set(&format!("INSERT INTO drydock.account (person_id, password_hash) VALUES ('{bert}', '$argon2id$x')")).await;
    yard.allows(Web, &role).await;
    yard.allows(Web, &activity).await;
    yard.refuses(&[(Web, "DELETE FROM drydock.global_role".into(), "last_admin_stays")]).await;
}
