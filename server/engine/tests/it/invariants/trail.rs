//! The trail's own rows: I16 for facts, I17 for batches.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

#[tokio::test]
async fn i16_facts_are_only_ever_added() {
    let yard = Yard::new().await;
    let fact = |leaf: &str| {
        format!(
            "INSERT INTO drydock.fact (system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf) VALUES ('t', 'system', 'a.b', 'c', 'd', 'done', 'x', {leaf})"
        )
    };
    yard.allows(Web, &fact("sha256('\\x0078'::bytea)")).await;
    yard.allows(Worker, &fact("sha256('\\x0078'::bytea)")).await;
    for by in [Web, Worker, Auditor] {
        yard.refuses(&[
            (by, "UPDATE drydock.fact SET result = 'refused'".into(), DENIED),
            (by, "DELETE FROM drydock.fact".into(), DENIED),
            (by, "TRUNCATE drydock.fact".into(), DENIED),
        ])
        .await;
    }
    for by in [Owner, Replica] {
        yard.refuses(&[
            (by, "UPDATE drydock.fact SET result = 'refused'".into(), FIXED),
            (by, "DELETE FROM drydock.fact".into(), FIXED),
            (by, "TRUNCATE drydock.fact CASCADE".into(), FIXED),
            (by, fact("sha256('x'::bytea)"), "fact_leaf_matches"),
        ])
        .await;
    }
    yard.refuses(&[(Auditor, fact("sha256('\\x0078'::bytea)"), DENIED)]).await;

    let parts: Vec<String> =
        sqlx::query_scalar("SELECT i.inhrelid::regclass::text FROM pg_inherits i WHERE i.inhparent = 'drydock.fact'::regclass ORDER BY 1")
            .fetch_all(&yard.house.admin)
            .await
            .expect("readable");
    assert!(parts.len() > 24, "two years ahead and the rest: {parts:?}");
    for part in parts {
        yard.refuses(&[
            (Owner, format!("TRUNCATE {part} CASCADE"), FIXED),
            (Web, format!("INSERT INTO {part} SELECT * FROM drydock.fact LIMIT 1"), DENIED),
            (Worker, format!("DELETE FROM {part}"), DENIED),
        ])
        .await;
    }
    yard.refuses(&[(Owner, "UPDATE drydock.fact_rest SET result = 'refused'; DELETE FROM drydock.fact".into(), FIXED)]).await;
}

/// A batch of one fact, as SQL; `count` and `previous` may lie.
fn batch(n: &str, count: i32, previous: &str) -> String {
    format!(
        "INSERT INTO drydock.seal_batch (n, count, first_fact_id, last_fact_id, root, previous, hash, header, signature, public_key, system_identifier, horizon)
         SELECT {n}, {count}, min(f.id), min(f.id), sha256('r'::bytea), {previous}, sha256(('h' || {n})::bytea), '{{}}', decode(repeat('00', 64), 'hex'), sha256('k'::bytea), 't', '0' FROM drydock.fact f"
    )
}

fn member(batch: i32, position: i32, pick: &str) -> String {
    format!(
        "INSERT INTO drydock.seal_member (fact_id, fact_at, batch, position, leaf) SELECT f.id, f.at, {batch}, {position}, f.leaf FROM drydock.fact f ORDER BY f.id {pick} LIMIT 1"
    )
}

#[tokio::test]
async fn i17_each_fact_is_in_one_batch_and_batches_form_one_gapless_chain() {
    let yard = Yard::new().await;
    let genesis = "decode(repeat('00', 32), 'hex')";
    let first = format!("{}; {}", batch("1", 1, genesis), member(1, 0, "ASC"));
    yard.allows(Worker, &first).await;
    yard.refuses(&[
        (Worker, batch("2", 1, genesis), "seal_batch_follows"),
        (Worker, batch("1", 1, "sha256('x'::bytea)"), "seal_batch_follows"),
        (Replica, batch("2", 1, genesis), "seal_batch_follows"),
        (Worker, batch("1", 1, genesis), "seal_batch_whole"),
        (Worker, format!("{}; {}", batch("1", 2, genesis), member(1, 0, "ASC")), "seal_batch_whole"),
        (Worker, format!("{}; {}", batch("1", 1, genesis), member(1, 0, "DESC")), "seal_batch_whole"),
        (Replica, format!("{}; {}", batch("1", 2, genesis), member(1, 0, "ASC")), "seal_batch_whole"),
        (Worker, batch("1", 0, genesis), "seal_batch_count_check"),
        (Worker, batch("1", 513, genesis), "seal_batch_count_check"),
        (Web, first.clone(), DENIED),
    ])
    .await;
    yard.set(&first).await;
    let next = "sha256(('h' || 1)::bytea)";
    yard.allows(Worker, &format!("{}; {}", batch("2", 1, next).replace("min(f.id)", "max(f.id)"), member(2, 0, "DESC"))).await;
    yard.refuses(&[
        (Worker, batch("3", 1, next), "seal_batch_follows"),
        (Worker, batch("2", 1, genesis), "seal_batch_follows"),
        (Owner, batch("1", 1, genesis), "seal_batch_follows"),
        (Worker, format!("{}; {}", batch("2", 1, next), member(2, 0, "ASC")), "seal_member_once"),
        (Replica, format!("{}; {}", batch("2", 1, next), member(2, 0, "ASC")), "seal_member_once"),
        (Worker, member(1, 1, "DESC"), "seal_member_fits"),
        (Worker, member(7, 0, "DESC"), "seal_member_fits"),
        (Worker, member(1, 0, "DESC"), "seal_member_pkey"),
        (Owner, "UPDATE drydock.seal_batch SET signature = decode(repeat('01', 64), 'hex')".into(), FIXED),
        (Owner, "UPDATE drydock.seal_member SET position = 5".into(), FIXED),
        (Replica, "DELETE FROM drydock.seal_member".into(), FIXED),
        (Replica, "DELETE FROM drydock.seal_batch".into(), FIXED),
        (Owner, "TRUNCATE drydock.seal_member".into(), FIXED),
        (Owner, "TRUNCATE drydock.seal_batch CASCADE".into(), FIXED),
        (Worker, "UPDATE drydock.seal_batch SET sealed_at = now()".into(), DENIED),
        (Worker, "DELETE FROM drydock.seal_member".into(), DENIED),
    ])
    .await;
}
