//! Who may do what to the tables at all, read from the catalog: so that a new table is asked too.

use engine::test_support::{ServiceRole, TestDatabase};
use sqlx::PgPool;

const SERVICES: [&str; 3] = ["drydock_web", "drydock_worker", "drydock_auditor"];

async fn list(pool: &PgPool, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(pool).await.expect("the catalog is readable")
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is() {
    let database = TestDatabase::new().await;
    let silent = list(
        &database.superuser().await,
        "SELECT c.relname || coalesce('.' || a.attname, '') FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'drydock'
         LEFT JOIN LATERAL (SELECT NULL::name AS attname, 0::int2 AS attnum UNION ALL SELECT a.attname, a.attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) a ON true
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_version' AND col_description(c.oid, a.attnum) IS NULL AND (a.attnum > 0 OR obj_description(c.oid, 'pg_class') IS NULL)
         ORDER BY 1",
    )
    .await;
    assert_eq!(silent, [] as [&str; 0], "each needs a COMMENT that says what and why");
}

#[tokio::test]
async fn no_service_owns_anything_and_nobody_else_may_enter() {
    let database = TestDatabase::new().await;
    let pool = database.superuser().await;
    let owned = list(
        &pool,
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'drydock' AND c.relowner <> 'drydock_owner'::regrole
         UNION ALL SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'drydock' AND p.proowner <> 'drydock_owner'::regrole
         UNION ALL SELECT n.nspname FROM pg_namespace n WHERE n.nspname = 'drydock' AND n.nspowner <> 'drydock_owner'::regrole",
    )
    .await;
    assert_eq!(owned, [] as [&str; 0]);
    let public = list(
        &pool,
        "SELECT c.relname || ': ' || x.privilege_type FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x WHERE n.nspname = 'drydock' AND x.grantee = 0
         UNION ALL SELECT p.proname || ': ' || x.privilege_type FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE n.nspname = 'drydock' AND x.grantee = 0",
    )
    .await;
    assert_eq!(public, [] as [&str; 0], "nothing is everybody's");
    for service in SERVICES {
        let may: bool = sqlx::query_scalar("SELECT has_schema_privilege($1, 'drydock', 'CREATE') OR (SELECT r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication FROM pg_roles r WHERE r.rolname = $1)")
            .bind(service)
            .fetch_one(&pool)
            .await
            .expect("readable");
        assert!(!may, "{service} makes nothing and is nothing special");
    }
}

#[tokio::test]
async fn guards_hold_in_every_session() {
    let database = TestDatabase::new().await;
    let weak = list(
        &database.superuser().await,
        "SELECT c.relname || '.' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'drydock' AND NOT t.tgisinternal AND t.tgenabled <> 'A' ORDER BY 1",
    )
    .await;
    assert_eq!(weak, [] as [&str; 0], "a trigger that is not ENABLE ALWAYS sleeps in a replica's session");
    let open = list(
        &database.superuser().await,
        "SELECT DISTINCT c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid
         WHERE n.nspname = 'drydock' AND p.proname = 'refuse_change' AND NOT EXISTS (SELECT FROM pg_trigger x WHERE x.tgrelid = c.oid AND x.tgtype & 32 > 0) ORDER BY 1",
    )
    .await;
    assert_eq!(open, [] as [&str; 0], "what is never changed is never emptied either");
}

/// Privileges of a role on a table and on any of its columns, as one word each.
async fn rights(pool: &PgPool, role: &str) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT c.relname::text, p.word FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (word)
         WHERE n.nspname = 'drydock' AND c.relkind IN ('r', 'p') AND (has_table_privilege($1, c.oid, p.word) OR (p.word IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege($1, c.oid, p.word)))",
    )
    .bind(role)
    .fetch_all(pool)
    .await
    .expect("the catalog is readable")
}

#[tokio::test]
async fn the_web_does_not_write_what_only_a_worker_may_write() {
    let database = TestDatabase::new().await;
    let pool = database.superuser().await;
    let writes: Vec<String> = rights(&pool, "drydock_web")
        .await
        .into_iter()
        .filter(|(_, word)| word != "SELECT")
        .map(|(table, word)| format!("{word} {table}"))
        .collect();
    for table in [
        "work_list",
        "item",
        "attempt",
        "run_event",
        "seal_batch",
        "seal_member",
        "service_lease",
        "service_state",
        "delivery",
        "mailbox",
        "transition",
    ] {
        for word in ["INSERT", "UPDATE", "DELETE"] {
            assert!(!writes.contains(&format!("{word} {table}")), "the web process may {word} {table}");
        }
    }
    for column in ["epoch", "owner", "lease_until", "volatile", "pre_checks", "plan_digest", "window_id", "revision", "target_id", "kind"] {
        let may: bool = sqlx::query_scalar("SELECT has_column_privilege('drydock_web', 'drydock.run', $1, 'UPDATE')")
            .bind(column)
            .fetch_one(&pool)
            .await
            .expect("readable");
        assert!(!may, "the web process may change run.{column}");
    }
    for column in ["epoch", "owner", "lease_until", "volatile", "pre_checks", "state", "ending", "kind"] {
        let may: bool = sqlx::query_scalar("SELECT has_column_privilege('drydock_web', 'drydock.run', $1, 'INSERT')")
            .bind(column)
            .fetch_one(&pool)
            .await
            .expect("readable");
        assert!(!may, "the web process may open a run with its own {column}");
    }
}

#[tokio::test]
async fn nobody_empties_a_table_and_facts_are_only_added() {
    let database = TestDatabase::new().await;
    let pool = database.superuser().await;
    for service in SERVICES {
        let rights = rights(&pool, service).await;
        for (table, word) in &rights {
            assert!(!matches!(word.as_str(), "TRUNCATE" | "REFERENCES" | "TRIGGER"), "{service} may {word} {table}");
            let fixed =
                ["fact", "seal_batch", "seal_member", "plan", "work_list", "policy_version", "contributor", "resolution", "transition"];
            let changes = matches!(word.as_str(), "UPDATE" | "DELETE");
            assert!(!(changes && (fixed.contains(&table.as_str()) || table.starts_with("fact_"))), "{service} may {word} {table}");
        }
    }
}

#[tokio::test]
async fn each_process_reads_no_more_than_it_needs() {
    let database = TestDatabase::new().await;
    let pool = database.superuser().await;
    for (role, hidden) in [
        (ServiceRole::Worker, &["session"][..]),
        (ServiceRole::Auditor, &["account", "session", "sealed_secret", "sealed_key", "link", "outbox", "mailbox", "setting"][..]),
    ] {
        let rights = rights(&pool, role.name()).await;
        for table in hidden {
            assert!(!rights.iter().any(|(readable, word)| readable == table && word == "SELECT"), "{} reads {table}", role.name());
        }
    }
    let readable: Vec<String> = sqlx::query_scalar(
        "SELECT a.attname::text FROM pg_attribute a
         WHERE a.attrelid = 'drydock.account'::regclass AND a.attnum > 0 AND has_column_privilege('drydock_worker', a.attrelid, a.attnum, 'SELECT')",
    )
    .fetch_all(&pool)
    .await
    .expect("columns");
    assert_eq!(readable, ["person_id"], "the worker learns who has an account, and nothing of it");
    let writes: Vec<_> = rights(&pool, "drydock_auditor").await.into_iter().filter(|(_, word)| word != "SELECT").collect();
    assert_eq!(writes, [], "the auditor changes nothing");
}
