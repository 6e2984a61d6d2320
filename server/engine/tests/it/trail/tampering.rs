//! Whatever a superuser does to the trail with every trigger switched off is found, and the first bad entry is named.

use super::Scene;
use domain::trail::verify::Flaw;
use engine::trail::verify::Known;

/// Four batches: facts 1, 2 to 4, 5 to 7, 8 to 10. Tampered with, then verified with the anchor file.
struct Trial {
    scene: Scene,
    known: Known,
}

impl Trial {
    async fn new() -> Self {
        let scene = Scene::sealed(3).await;
        let known = scene.known();
        let before = scene.verify(&known).await;
        assert_eq!(before.exit_code(), 0, "sound before: {:?}", before.flaw);
        Self { scene, known }
    }

    async fn found(&self, statements: &str) -> Flaw {
        let report = self.scene.tampered(&self.known, statements).await;
        assert_eq!(report.exit_code(), 1, "not found: {statements}");
        assert!(report.sentences()[0].starts_with("TAMPERED: "), "{:?}", report.sentences());
        report.flaw.expect("named")
    }

    async fn named(&self, statements: &str) -> (&'static str, Option<i64>, Option<i64>) {
        let flaw = self.found(statements).await;
        (flaw.code, flaw.batch, flaw.fact)
    }
}

#[tokio::test]
async fn an_edited_column_is_named() {
    let trial = Trial::new().await;
    for (column, value) in [
        ("at", "at + interval '1 second'"),
        ("system_identifier", "'1'"),
        ("actor_kind", "'worker'"),
        ("actor_id", "gen_random_uuid()"),
        ("team_id", "gen_random_uuid()"),
        ("window_id", "gen_random_uuid()"),
        ("action", "'vote.cast'"),
        ("object_kind", "'vote'"),
        ("object_id", "'7'"),
        ("result", "'refused'"),
    ] {
        let also =
            if column == "at" { "; UPDATE drydock.seal_member SET fact_at = fact_at + interval '1 second' WHERE fact_id = 6" } else { "" };
        let flaw = trial.found(&format!("UPDATE drydock.fact SET {column} = {value} WHERE id = 6{also}")).await;
        assert_eq!((flaw.code, flaw.batch, flaw.fact), ("fact_columns", Some(3), Some(6)), "{column}");
        assert!(flaw.says.contains(&format!("column {column} ")), "{}", flaw.says);
    }
}

#[tokio::test]
async fn edited_bytes_are_named_with_and_without_their_leaf() {
    let trial = Trial::new().await;
    let edit = "bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '\"n\":1', '\"n\":9'), 'UTF8')";
    let leaf = "leaf = sha256('\\x00'::bytea || convert_to(replace(convert_from(bytes, 'UTF8'), '\"n\":1', '\"n\":9'), 'UTF8'))";
    assert_eq!(trial.named(&format!("UPDATE drydock.fact SET {edit}, {leaf} WHERE id = 6")).await, ("fact_bytes", Some(3), Some(6)));
    assert_eq!(
        trial
            .named(&format!("ALTER TABLE drydock.fact DROP CONSTRAINT fact_leaf_matches; UPDATE drydock.fact SET {edit} WHERE id = 6"))
            .await,
        ("fact_bytes", Some(3), Some(6))
    );
    let everywhere = format!(
        "UPDATE drydock.fact SET {edit}, {leaf} WHERE id = 6; UPDATE drydock.seal_member m SET leaf = f.leaf FROM drydock.fact f WHERE f.id = 6 AND m.fact_id = 6"
    );
    assert_eq!(trial.named(&everywhere).await, ("batch_root", Some(3), None));
}

#[tokio::test]
async fn a_deleted_fact_is_named() {
    let trial = Trial::new().await;
    assert_eq!(trial.named("DELETE FROM drydock.fact WHERE id = 6").await, ("fact_missing", Some(3), Some(6)));
    assert_eq!(
        trial.named("DELETE FROM drydock.fact WHERE id = 6; DELETE FROM drydock.seal_member WHERE fact_id = 6").await,
        ("batch_places", Some(3), None)
    );
    assert_eq!(trial.named("DELETE FROM drydock.seal_member WHERE fact_id = 6").await, ("batch_places", Some(3), None));
}

#[tokio::test]
async fn an_inserted_fact_is_named() {
    let trial = Trial::new().await;
    let copy = |id: &str, xid: &str| {
        format!("INSERT INTO drydock.fact (id, at, system_identifier, xid, actor_kind, action, object_kind, object_id, result, bytes, leaf)
                 SELECT {id}, at + interval '1 microsecond', system_identifier, {xid}, actor_kind, action, object_kind, object_id, result, bytes, leaf FROM drydock.fact WHERE id = 6")
    };
    assert_eq!(trial.named(&copy("6", "pg_current_xact_id()")).await, ("fact_twice", None, Some(6)));
    assert_eq!(trial.named(&copy("100", "xid")).await, ("fact_unsealed", None, Some(100)));
    assert_eq!(trial.named(&copy("100", "pg_current_xact_id()")).await, ("fact_columns", None, Some(100)));
    let sealed = "INSERT INTO drydock.seal_member (fact_id, fact_at, batch, position, leaf) SELECT id, at, 3, 3, leaf FROM drydock.fact WHERE id = 100";
    assert_eq!(trial.named(&format!("{}; {sealed}", copy("100", "xid"))).await, ("batch_places", Some(3), None));
}

#[tokio::test]
async fn a_changed_order_is_named() {
    let trial = Trial::new().await;
    let swap = "UPDATE drydock.seal_member SET position = 90 WHERE fact_id = 6; UPDATE drydock.seal_member SET position = 1 WHERE fact_id = 7; UPDATE drydock.seal_member SET position = 2 WHERE fact_id = 6";
    assert_eq!(trial.named(swap).await, ("batch_order", Some(3), Some(6)));
}

#[tokio::test]
async fn swapped_batches_are_named() {
    let trial = Trial::new().await;
    let swap = "ALTER TABLE drydock.seal_member DROP CONSTRAINT seal_member_batch_fkey;
        UPDATE drydock.seal_batch SET n = 90 WHERE n = 3; UPDATE drydock.seal_batch SET n = 3 WHERE n = 4; UPDATE drydock.seal_batch SET n = 4 WHERE n = 90;
        UPDATE drydock.seal_member SET batch = 90 WHERE batch = 3; UPDATE drydock.seal_member SET batch = 3 WHERE batch = 4; UPDATE drydock.seal_member SET batch = 4 WHERE batch = 90";
    assert_eq!(trial.named(swap).await, ("batch_columns", Some(3), None));
}

#[tokio::test]
async fn a_batch_taken_out_of_the_middle_is_named() {
    let trial = Trial::new().await;
    let out = "DELETE FROM drydock.fact f USING drydock.seal_member m WHERE m.fact_id = f.id AND m.batch = 3; DELETE FROM drydock.seal_member WHERE batch = 3; DELETE FROM drydock.seal_batch WHERE n = 3";
    assert_eq!(trial.named(out).await, ("batch_gap", Some(4), None));
    let closed_up =
        format!("{out}; UPDATE drydock.seal_batch SET n = 3 WHERE n = 4; UPDATE drydock.seal_member SET batch = 3 WHERE batch = 4");
    assert_eq!(trial.named(&closed_up).await, ("batch_columns", Some(3), None));
}

#[tokio::test]
async fn a_cut_off_tail_is_named_by_the_anchor_alone() {
    let trial = Trial::new().await;
    let cut = "DELETE FROM drydock.fact WHERE id >= 8; DELETE FROM drydock.seal_member WHERE batch = 4; DELETE FROM drydock.seal_batch WHERE n = 4";
    let flaw = trial.found(cut).await;
    assert_eq!(flaw.code, "anchor_ahead");
    assert!(flaw.says.contains("ends with batch 3") && flaw.says.contains("knows batch 4"), "{}", flaw.says);

    let scene = Scene::sealed(3).await;
    let head = scene.anchors().newest().expect("read").expect("there").hash;
    scene.tamper(cut).await;
    assert_eq!(scene.verify(&Known::nothing()).await.exit_code(), 3, "without an anchor nobody can know, and it says so");
    let by_head = scene.verify(&Known::head(head)).await;
    assert_eq!(by_head.flaw.map(|flaw| flaw.code), Some("head_unknown"));

    assert_eq!(trial.named("DELETE FROM drydock.seal_batch WHERE n = 4").await.0, "fact_places", "places of a batch that is gone");
}

#[tokio::test]
async fn a_chain_signed_anew_with_another_key_is_named() {
    let trial = Trial::new().await;
    let scene = Scene::sealed(3).await;
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let batches: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT b.n, b.hash FROM drydock.seal_batch b").fetch_all(&scene.worker).await.expect("readable");
    let anew: String = batches
        .iter()
        .map(|(n, hash)| {
            let signature = ed25519_dalek::Signer::sign(&key, hash);
            format!(
                "UPDATE drydock.seal_batch SET signature = '\\x{}', public_key = '\\x{}' WHERE n = {n};",
                hex::encode(signature.to_bytes()),
                hex::encode(key.verifying_key().to_bytes())
            )
        })
        .collect();
    scene.tamper(&anew).await;
    let flaw = scene.verify(&scene.known()).await.flaw.expect("the anchor pins the key");
    assert_eq!((flaw.code, flaw.batch), ("batch_key", Some(1)));
    assert_eq!(
        trial.named("UPDATE drydock.seal_batch SET signature = set_byte(signature, 5, get_byte(signature, 5) # 1) WHERE n = 3").await,
        ("batch_signature", Some(3), None)
    );
    assert_eq!(
        trial.named("UPDATE drydock.seal_batch SET public_key = set_byte(public_key, 5, get_byte(public_key, 5) # 1) WHERE n = 3").await,
        ("batch_signature", Some(3), None)
    );
}

#[tokio::test]
async fn a_chain_rebuilt_from_the_second_batch_on_is_named_by_the_anchor() {
    let scene = Scene::sealed(3).await;
    let known = scene.known();
    // Whoever has the database and the key file can rebuild; the file on the other server still knows better.
    scene
        .tamper("DELETE FROM drydock.seal_member WHERE batch >= 3; DELETE FROM drydock.seal_batch WHERE n >= 3; DELETE FROM drydock.fact WHERE id = 6")
        .await;
    scene.tamper("ALTER TABLE drydock.seal_batch ENABLE TRIGGER USER; ALTER TABLE drydock.fact ENABLE TRIGGER USER").await;
    std::fs::remove_file(scene.anchors().path()).expect("the attacker's own server forgets");
    scene.seal().await;
    assert_eq!(scene.verify(&scene.known()).await.exit_code(), 0, "its own new anchor knows nothing else");
    let flaw = scene.verify(&known).await.flaw.expect("the other anchor does");
    assert_eq!((flaw.code, flaw.batch), ("anchor_differs", Some(3)));
}

#[tokio::test]
async fn every_byte_of_header_and_root_counts() {
    let trial = Trial::new().await;
    for (statement, code) in [
        (
            "UPDATE drydock.seal_batch SET header = convert_to(replace(convert_from(header, 'UTF8'), '\"count\":3', '\"count\":4'), 'UTF8') WHERE n = 3",
            "batch_hash",
        ),
        ("UPDATE drydock.seal_batch SET root = set_byte(root, 0, get_byte(root, 0) # 1) WHERE n = 3", "batch_columns"),
        ("UPDATE drydock.seal_batch SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1) WHERE n = 3", "batch_hash"),
        ("UPDATE drydock.seal_batch SET previous = set_byte(previous, 0, get_byte(previous, 0) # 1) WHERE n = 3", "batch_columns"),
        ("UPDATE drydock.seal_batch SET sealed_at = sealed_at + interval '1 second' WHERE n = 3", "batch_columns"),
        ("UPDATE drydock.seal_batch SET count = 2 WHERE n = 3", "batch_columns"),
    ] {
        assert_eq!(trial.named(statement).await, (code, Some(3), None), "{statement}");
    }
}
