//! Codes to approve: used once, in time, and never said to be shown where none was.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

const LINK: &str = "00000000-0000-0000-0000-000000000001";
const OTHER: &str = "00000000-0000-0000-0000-000000000002";
const CODE: &str = "00000000-0000-0000-0000-00000000000c";

#[tokio::test]
async fn a_code_confirms_one_vote_by_its_own_link_in_time() {
    let yard = Yard::new().await;
    let auditor = yard.house.auditor.actor.person;
    let link = |id: &str| {
        format!(
            "INSERT INTO drydock.link (id, secret_hash, purpose, person_id, window_id, digest, expires_at) VALUES ('{id}', sha256('{id}'::bytea), 'approve', '{auditor}', {}, {}, now() + interval '1 day')",
            yard.window, yard.plan
        )
    };
    let code = |id: &str, link: &str| {
        format!(
            "INSERT INTO drydock.vote_code (id, link_id, digest, browser_hash, mac) VALUES ({id}, '{link}', {}, sha256('b'), sha256('m'))",
            yard.plan
        )
    };
    yard.set(&format!("{}; {}; {}", link(LINK), link(OTHER), code(&format!("'{CODE}'"), LINK))).await;
    let vote = |assurance: &str, link: &str, code: &str| {
        format!(
            "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance, link_id, code_id) VALUES (gen_random_uuid(), {}, {}, '{auditor}', 'approve', '{assurance}', '{link}', {code})",
            yard.window, yard.plan
        )
    };
    let (using, shown) = ("UPDATE drydock.vote_code SET used_at = now()", format!("'{CODE}'"));
    let withdrawn = "UPDATE drydock.vote SET withdrawn_at = now()";
    yard.allows(Web, &format!("{using}; {}", vote("link_code", LINK, &shown))).await;
    yard.allows(Web, "UPDATE drydock.vote_code SET tries = tries + 1").await;
    yard.refuses(&[
        (Web, vote("link_code", LINK, "NULL"), "vote_code_known"),
        (Owner, format!("{using}; {}", vote("link", LINK, &shown)), "vote_code_known"),
        (Web, vote("link_code", LINK, &shown), "vote_code_used"),
        (Replica, vote("link_code", LINK, &shown), "vote_code_used"),
        (Owner, format!("{using}; {}", vote("link_code", OTHER, &shown)), "vote_code_id_link_id_digest_fkey"),
        (Owner, format!("{using}; {}; {withdrawn}; {}", vote("link_code", LINK, &shown), vote("link_code", LINK, &shown)), "_once"),
        (Web, format!("{using}; {using}"), "vote_code_fixed"),
        (Owner, format!("{using}; UPDATE drydock.vote_code SET used_at = NULL"), "vote_code_fixed"),
        (Web, "UPDATE drydock.vote_code SET tries = tries + 1; UPDATE drydock.vote_code SET tries = 0".into(), "vote_code_fixed"),
        (Web, "UPDATE drydock.vote_code SET used_at = now(), tries = 1".into(), "vote_code_fixed"),
        (Owner, "UPDATE drydock.vote_code SET mac = sha256('x')".into(), "vote_code_fixed"),
        (Owner, "UPDATE drydock.vote_code SET expires_at = now() + interval '1 hour'".into(), "vote_code_fixed"),
        (Owner, "INSERT INTO drydock.vote_code SELECT gen_random_uuid(), link_id, digest, browser_hash, mac, 5, now(), now() + interval '10 min' FROM drydock.vote_code".into(), "vote_code_dies_of_tries"),
        (Owner, "INSERT INTO drydock.vote_code SELECT gen_random_uuid(), link_id, digest, browser_hash, mac, 0, now(), now() + interval '1 hour' FROM drydock.vote_code".into(), "vote_code_short"),
        (Web, code("gen_random_uuid()", LINK), "vote_code_one_alive"),
        (Web, "DELETE FROM drydock.vote_code".into(), DENIED),
        (Owner, "DELETE FROM drydock.vote_code".into(), FIXED),
        (Owner, "TRUNCATE drydock.vote_code CASCADE".into(), FIXED),
        (Worker, "SELECT mac FROM drydock.vote_code".into(), DENIED),
    ])
    .await;
    yard.allows(Worker, "SELECT id, used_at, ended_at, expires_at FROM drydock.vote_code").await;
    let late = format!(
        "ALTER TABLE drydock.vote_code DISABLE TRIGGER vote_code_guard; UPDATE drydock.vote_code SET created_at = now() - interval '20 min', expires_at = now() - interval '10 min'; ALTER TABLE drydock.vote_code ENABLE ALWAYS TRIGGER vote_code_guard; {using}"
    );
    yard.refuses(&[(Owner, late, "vote_code_fixed")]).await;
}
