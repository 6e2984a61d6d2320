//! The monthly review on a real database with planted defects: each is found, blindness is said, and hostile names harm nothing.

use crate::run_stage::RunStage;
use crate::target_support::{MAINTAINER, STRANGER, Target};
use crate::target_survey::look_for;
use domain::plan::PlanProcedure;
use domain::procedure::finding::FindingLevel;
use domain::procedure::library::{by_key, monthly};
use domain::procedure::select::{Selection, step};
use domain::procedure::{Envelope, RiskClass};

async fn reviewed(target: &Target, user: &str) -> Selection {
    let steps = by_key(monthly::KEY).expect("on the shelf").surveyed();
    look_for(target, user, &steps, &|_| true).await
}

/// The objects of one kind of finding.
fn of<'a>(found: &'a Selection, kind: &str) -> Vec<&'a str> {
    found.findings.iter().filter(|finding| finding.kind == kind).map(|finding| finding.object.as_deref().unwrap_or("-")).collect()
}

fn blind(found: &Selection, key: &str) -> Vec<String> {
    found.findings.iter().filter(|finding| finding.is_blind() && finding.step == key).map(|finding| finding.sentence.clone()).collect()
}

#[tokio::test]
async fn indexes_are_compared_column_by_column() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int PRIMARY KEY, a int, b text, c text);
             CREATE INDEX orders_ab ON shop.orders (a, b);
             CREATE INDEX orders_ab_again ON shop.orders (a, b);
             CREATE INDEX orders_a ON shop.orders (a);
             CREATE INDEX orders_a_down ON shop.orders (a DESC);
             CREATE INDEX orders_a_some ON shop.orders (a) WHERE b IS NOT NULL;
             CREATE INDEX orders_b_lower ON shop.orders (lower(b));
             CREATE INDEX orders_id ON shop.orders (id);
             CREATE UNIQUE INDEX orders_c ON shop.orders (c);
             CREATE INDEX orders_c_plain ON shop.orders (c);
             CREATE INDEX orders_a_with ON shop.orders (a) INCLUDE (c);
             CREATE TABLE shop.line (order_id int REFERENCES shop.orders ON DELETE CASCADE, n int);
             CREATE TABLE shop.note (order_id int REFERENCES shop.orders ON DELETE CASCADE, n int, PRIMARY KEY (order_id, n))",
        )
        .await;
    let found = reviewed(&target, MAINTAINER).await;
    let duplicates = of(&found, "duplicate_index");
    assert!(duplicates.contains(&"shop.orders_ab_again") && !duplicates.contains(&"shop.orders_ab"), "{duplicates:?}");
    let prefixes = of(&found, "prefix_index");
    assert!(prefixes.contains(&"shop.orders_a") && !prefixes.contains(&"shop.orders_a_down"), "{prefixes:?}");
    let superfluous: Vec<_> = duplicates.into_iter().chain(prefixes).collect();
    assert!(superfluous.contains(&"shop.orders_id") && superfluous.contains(&"shop.orders_c_plain"), "{superfluous:?}");
    for kept in ["shop.orders_pkey", "shop.orders_c", "shop.orders_a_some", "shop.orders_b_lower", "shop.orders_a_with"] {
        assert!(!superfluous.contains(&kept), "{kept} of {superfluous:?}");
    }
    assert_eq!(of(&found, "foreign_key_without_index"), ["shop.line (line_order_id_fkey)"]);
}

/// The counters of a test server are young: nothing may be called unused.
#[tokio::test]
async fn young_counters_call_nothing_unused() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.orders (id int PRIMARY KEY, a text);
             INSERT INTO shop.orders SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 60000) n;
             CREATE INDEX orders_a ON shop.orders (a, id)",
        )
        .await;
    target.plant("VACUUM ANALYZE shop.orders").await;
    let found = reviewed(&target, MAINTAINER).await;
    assert_eq!(of(&found, "unused_index"), [""; 0]);
    let said = blind(&found, step::INDEX_REVIEW);
    assert!(said.iter().any(|said| said.contains("observed for") && said.contains("30 days are needed")), "{said:?}");
}

/// What the server does not count is not unused, however long it does not count it.
#[tokio::test]
async fn without_counters_nothing_is_called_unused() {
    let target = Target::new().await;
    target.plant_as_owner("CREATE TABLE shop.orders (id int PRIMARY KEY, a int); CREATE INDEX orders_a ON shop.orders (a)").await;
    target.plant(&format!("ALTER ROLE {MAINTAINER} IN DATABASE {} SET track_counts = off", target.db.name())).await;
    let said = blind(&reviewed(&target, MAINTAINER).await, step::INDEX_REVIEW);
    assert!(said.iter().any(|said| said.contains("1 index without a scan") && said.contains("track_counts is off")), "{said:?}");
}

#[tokio::test]
async fn sequences_are_measured_against_their_columns() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE SEQUENCE shop.wide AS bigint;
             CREATE TABLE shop.orders (id int PRIMARY KEY DEFAULT nextval('shop.wide'));
             ALTER SEQUENCE shop.wide OWNED BY shop.orders.id;
             SELECT setval('shop.wide', 2000000000);
             CREATE TABLE shop.fine (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
             CREATE TABLE shop.keyless (n int)",
        )
        .await;
    let found = reviewed(&target, MAINTAINER).await;
    assert_eq!(of(&found, "sequence_near_end"), ["shop.wide"]);
    let near = found.findings.iter().find(|finding| finding.kind == "sequence_near_end").expect("found");
    assert!(near.level == FindingLevel::Urgent && near.sentence.contains("shop.orders.id"), "{near:?}");
    assert_eq!(of(&found, "no_primary_key"), ["shop.keyless"]);
    // The server answers NULL to a role that may not read: that is not "unused".
    let said = blind(&reviewed(&target, STRANGER).await, step::KEY_REVIEW);
    assert!(said.iter().any(|said| said.contains("2 sequences")), "{said:?}");
}

#[tokio::test]
async fn rights_of_everybody_and_ways_around_are_named() {
    let target = Target::new().await;
    target
        .plant_as_owner(
            "CREATE TABLE shop.open (id int PRIMARY KEY); GRANT SELECT, UPDATE ON shop.open TO PUBLIC; GRANT CREATE ON SCHEMA shop TO PUBLIC;
             CREATE FUNCTION shop.risky(int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
             CREATE FUNCTION shop.safe() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'",
        )
        .await;
    let found = reviewed(&target, MAINTAINER).await;
    assert_eq!(of(&found, "public_right"), ["shop.open"]);
    assert_eq!(of(&found, "public_creates"), ["shop"]);
    assert_eq!(of(&found, "definer_without_path"), ["shop.risky(integer)"]);
    assert!(!of(&found, "powerful_login").is_empty(), "the server has a superuser");
    // The maintainer may not read pg_hba.conf: that is said.
    assert!(!blind(&found, step::SECURITY_REVIEW).is_empty(), "{found:?}");
}

/// How passwords are stored is seen without seeing them, and not through a function that anybody made.
#[tokio::test]
async fn passwords_are_looked_at_without_being_seen() {
    let target = Target::new().await;
    // Roles are of the whole cluster: their names are this database's own.
    let (old, ending) = (format!("{}_old", target.db.name()), format!("{}_ending", target.db.name()));
    target
        .plant(&format!(
            "SET password_encryption = 'md5'; CREATE ROLE {old} LOGIN PASSWORD 'x'; RESET password_encryption;
             CREATE ROLE {ending} LOGIN PASSWORD 'x'"
        ))
        .await;
    target.plant(&format!("DO $$ BEGIN EXECUTE format('ALTER ROLE {ending} VALID UNTIL %L', now() + interval '36 hours'); END $$")).await;
    let found = reviewed(&target, MAINTAINER).await;
    let unseen = found.findings.iter().find(|finding| finding.advice.contains("drydock_password_kinds")).expect("said");
    assert!(unseen.is_blind() && unseen.advice.ends_with(&format!("TO {MAINTAINER};")), "{unseen:?}");
    let ends = found.findings.iter().find(|finding| finding.object.as_deref() == Some(&ending)).expect("found");
    assert_eq!((ends.kind.as_str(), ends.sentence.as_str()), ("password_ends", "Its password ends in 1 day."));
    // Somebody else's function of this name is not asked.
    target
        .plant_as_owner("CREATE FUNCTION shop.drydock_password_kinds() RETURNS TABLE (rolname name, kind text, iterations bigint) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT ''liar''::name, ''md5'', 1::bigint'; GRANT EXECUTE ON FUNCTION shop.drydock_password_kinds() TO PUBLIC")
        .await;
    assert_eq!(of(&reviewed(&target, MAINTAINER).await, "password_md5"), [""; 0]);
    let make = unseen.advice.split_once("run: ").expect("the statements").1;
    target.plant(&format!("SET search_path = tools; {make}; RESET search_path")).await;
    let found = reviewed(&target, MAINTAINER).await;
    assert!(of(&found, "password_md5").contains(&old.as_str()), "{found:?}");
    assert!(
        !found
            .findings
            .iter()
            .any(|finding| finding.object.as_deref() == Some("liar") || finding.advice.contains("drydock_password_kinds"))
    );
    let told = serde_json::to_string(&found.findings).expect("findings");
    assert!(!told.contains("SCRAM-SHA-256$4096:"), "no verifier leaves the server");
    target.plant(&format!("DROP ROLE {old}; DROP ROLE {ending}")).await;
}

/// An index that is silently wrong: the function it rests on was changed.
#[tokio::test]
async fn a_silently_wrong_index_is_found_and_is_urgent() {
    let target = Target::new().await;
    let without = reviewed(&target, MAINTAINER).await;
    assert!(blind(&without, step::INTEGRITY).iter().any(|said| said.contains("amcheck is not installed")), "{without:?}");
    target.plant("CREATE EXTENSION amcheck SCHEMA tools; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tools TO shop_maint").await;
    target
        .plant_as_owner(
            "CREATE FUNCTION shop.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
             CREATE TABLE shop.orders (id int PRIMARY KEY);
             INSERT INTO shop.orders SELECT generate_series(1, 1000);
             CREATE UNIQUE INDEX orders_f ON shop.orders (shop.f(id));
             CREATE OR REPLACE FUNCTION shop.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1000000'",
        )
        .await;
    let found = reviewed(&target, MAINTAINER).await;
    assert_eq!(of(&found, "damaged_index"), ["shop.orders_f"], "{found:?}");
    assert_eq!(of(&found, "sound_indexes"), ["-"], "the key is sound");
    let unprivileged = reviewed(&target, STRANGER).await;
    assert!(blind(&unprivileged, step::INTEGRITY).iter().any(|said| said.contains("could not be checked")), "{unprivileged:?}");
}

#[tokio::test]
async fn settings_that_lose_data_are_urgent() {
    let target = Target::new().await;
    let found = reviewed(&target, MAINTAINER).await;
    // The test cluster trades safety for speed, and the review says so.
    let fsync = found.findings.iter().find(|finding| finding.object.as_deref() == Some("fsync"));
    assert!(fsync.is_none_or(|finding| finding.level == FindingLevel::Urgent), "{fsync:?}");
    assert!(found.findings.iter().any(|finding| finding.step == step::CONFIGURATION_REVIEW), "{found:?}");
}

#[tokio::test]
async fn hostile_names_are_only_names() {
    let target = Target::new().await;
    let mut sql = String::new();
    for (n, name) in ["a\"b", "semi;colon", "new\nline", "ünïcode", "select", "dot.ted", "sp ace", "q'uote", "$$", "%s", "back\\slash"]
        .iter()
        .enumerate()
    {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let [one, two] = ["i1", "i2"].map(|prefix| format!("\"{prefix}{}\"", name.replace('"', "\"\"")));
        sql.push_str(&format!(
            "CREATE TABLE shop.{quoted} ({quoted} int REFERENCES shop.parent ON DELETE CASCADE, s{n} serial);
             CREATE INDEX {one} ON shop.{quoted} ({quoted}, s{n}); CREATE INDEX {two} ON shop.{quoted} ({quoted}, s{n});
             GRANT SELECT ON shop.{quoted} TO PUBLIC;",
        ));
    }
    let long = "x".repeat(63);
    target.plant_as_owner(&format!("CREATE TABLE shop.parent (id int PRIMARY KEY); {sql} CREATE TABLE shop.{long} (id int)")).await;
    let found = reviewed(&target, MAINTAINER).await;
    assert_eq!(of(&found, "duplicate_index").len(), 11, "{found:?}");
    assert_eq!((of(&found, "public_right").len(), of(&found, "no_primary_key").len()), (11, 12), "{found:?}");
    assert!(of(&found, "duplicate_index").contains(&"shop.\"i2new\nline\""), "{found:?}");
}

/// A window that only looks: it is approved like any other, seals its findings and ends clean.
#[tokio::test(flavor = "multi_thread")]
async fn a_review_runs_in_a_window_and_changes_nothing() {
    let stage = RunStage::new().await;
    stage.dead_rows("orders", 4_000).await;
    let procedure = by_key(monthly::KEY).expect("on the shelf");
    stage
        .due(|plan| {
            plan.procedure = PlanProcedure::of(&procedure);
            plan.envelope = Envelope { steps: procedure.surveyed(), highest_risk: RiskClass::R0, ..plan.envelope.clone() };
        })
        .await;
    let worker = stage.worker();
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item").await, 0, "{page}");
    assert!(page.contains("Sealed the work list") && page.contains("finding"), "{page}");
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{page}");
}
