//! A thousand tables whose names do their worst: a run works on each of them, and on nothing else.

use crate::run_stage::RunStage;
use crate::target_support::{MAINTAINER, Target, item, name};
use domain::procedure::{Act, ObjectRule, Parameters};
use domain::run::Outcome;
use engine::target::postgres;
use std::collections::BTreeSet;

/// How many tables; as many names again are their indexes'.
const TABLES: usize = 1_000;
/// Longest name that PostgreSQL keeps.
const MOST_BYTES: usize = 63;

/// What names are put together from: what ends a name or a string, comments, parameters and places of other languages, keywords, patterns, white
/// space, letters of several bytes, marks that join, and marks that turn the line around.
const PIECES: &[&str] = &[
    "\"",
    "\"\"",
    "'",
    "''",
    "\\",
    "\\\"",
    ";",
    "--",
    "/*",
    "*/",
    "$$",
    "$1",
    "%s",
    "%",
    "_",
    "{}",
    "${x}",
    "`",
    "\n",
    "\r\n",
    "\t",
    " ",
    "  ",
    ".",
    "..",
    ",",
    "(",
    ")",
    "[0]",
    "::text",
    "select",
    "TABLE",
    "user",
    "pg_catalog",
    "shop",
    "*",
    "Mixed",
    "UPPER",
    "lower",
    "0",
    "42",
    "E'\\'",
    "U&",
    "ß",
    "İ",
    "ı",
    "é",
    "e\u{301}",
    "王",
    "✓",
    "🦀",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\u{1}",
    "\u{7f}",
    "<b>",
    "&amp;",
    "; DROP SCHEMA twins;",
];

/// Different names, the same at every run.
fn names(many: usize) -> Vec<String> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("below")
    };
    let mut found = BTreeSet::new();
    while found.len() < many {
        let mut made = String::new();
        // One in four is as long as a name may be, to the byte where its letters allow it.
        let pieces = if random(4) == 0 { MOST_BYTES } else { 1 + random(6) };
        for _ in 0..pieces {
            let piece = PIECES[random(PIECES.len())];
            if made.len() + piece.len() <= MOST_BYTES {
                made.push_str(piece);
            }
        }
        found.insert(made);
    }
    found.into_iter().collect()
}

/// Tables of `tables` in a schema, with dead rows and an index each.
async fn made(target: &Target, schema: &str, tables: &[String], indexes: &[String]) {
    for part in tables.iter().zip(indexes).collect::<Vec<_>>().chunks(100) {
        let sql: String = part
            .iter()
            .map(|(table, index)| {
                let (table, index) = (name(schema, table).quoted(), domain::procedure::quote::identifier(index).expect("a name"));
                format!(
                    "CREATE TABLE {table} (id int, note text) WITH (autovacuum_enabled = off);
                     INSERT INTO {table} SELECT n, n::text FROM generate_series(1, 40) n;
                     CREATE INDEX {index} ON {table} (note);
                     DELETE FROM {table} WHERE id % 4 <> 0;"
                )
            })
            .collect();
        target.plant_as_owner(&sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hostile_names_break_nothing_and_reach_nothing_else() {
    let all = names(2 * TABLES);
    assert!(all.iter().filter(|name| name.len() == MOST_BYTES).count() > 100, "names of full length");
    // Sorted, so that names that look alike stand together: every second one is an index's.
    let (tables, indexes): (Vec<_>, Vec<_>) = all.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).unzip();
    let stage = RunStage::new().await;
    stage.target.plant("CREATE SCHEMA twins AUTHORIZATION shop_owner").await;
    made(&stage.target, "shop", &tables, &indexes).await;
    // The same names where the plan does not allow anything, and first on every search path.
    made(&stage.target, "twins", &tables[..200], &indexes[..200]).await;
    stage.target.plant(&format!("ALTER ROLE {MAINTAINER} IN DATABASE {} SET search_path = twins, public", stage.target.db.name())).await;
    stage
        .due(|plan| {
            plan.parameters.vacuum_min_dead_rows = 10;
            plan.parameters.jobs = 2;
            plan.envelope.steps = ["vacuum", "analyze"].map(str::to_owned).to_vec();
            plan.envelope.allowed = vec!["shop.*".parse::<ObjectRule>().expect("a rule")];
            plan.envelope.most_objects = 10_000;
        })
        .await;
    let worker = stage.worker();
    stage.until(180, "SELECT state = 'validating' FROM drydock.window").await;
    worker.stop().await;
    let done = stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome = 'done'").await;
    assert_eq!(done, 2 * 1_000, "{}", stage.page().await);
    let each_once = "SELECT count(*) FROM pg_stat_user_tables WHERE schemaname = 'shop' AND vacuum_count = 1 AND analyze_count = 1";
    assert_eq!(stage.on_target(each_once).await, 1_000);
    let touched = "SELECT count(*) FROM pg_stat_user_tables WHERE schemaname = 'twins' AND (vacuum_count, analyze_count) <> (0, 0)";
    assert_eq!(stage.on_target(touched).await, 0);
    assert_eq!(stage.on_target("SELECT count(*) FROM pg_class WHERE relnamespace = 'twins'::regnamespace AND relkind = 'r'").await, 200);

    rebuilt(&stage, &tables, &indexes).await;
}

/// Each index by its own statement: new, and none besides.
async fn rebuilt(stage: &RunStage, tables: &[String], indexes: &[String]) {
    stage.target.plant("CREATE TABLE public.nodes AS SELECT oid, relnamespace, relfilenode FROM pg_class WHERE relkind = 'i'").await;
    let parameters = Parameters::default();
    let (session, control) =
        (stage.target.session(MAINTAINER, Act::ReindexConcurrently, 60_000, &parameters).await, stage.target.link(MAINTAINER).await);
    for (table, index) in tables.iter().zip(indexes) {
        let work = item(Act::ReindexConcurrently, name("shop", index), Some(name("shop", table)));
        let before = postgres::evidence(&control, &work).await.expect("readable");
        let tried = postgres::execute(&session, &work, &parameters, &|| true).await.expect("the looks around the statement work");
        let result = postgres::judge(&control, &work, before, tried, &parameters).await;
        assert!(result.execution.as_ref().is_some_and(|sent| sent.error.is_none()), "{}: {result:?}", work.statement);
        assert_ne!(result.verdict.outcome, Outcome::Failed, "{}: {result:?}", work.statement);
    }
    let changed = |schema: &str, op: &str| {
        format!(
            "SELECT count(*) FROM public.nodes n WHERE n.relnamespace {op} '{schema}'::regnamespace
               AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = n.oid AND c.relfilenode = n.relfilenode)"
        )
    };
    assert_eq!(stage.on_target(&changed("shop", "=")).await, 1_000, "a rebuild makes a new file");
    assert_eq!(stage.on_target(&changed("shop", "<>")).await, 0, "of nothing else");
    let left = "SELECT count(*) FROM pg_class c JOIN pg_index x ON x.indexrelid = c.oid WHERE c.relnamespace = 'shop'::regnamespace AND NOT x.indisvalid";
    assert_eq!(stage.on_target(left).await, 0);
    assert_eq!(stage.on_target("SELECT count(*) FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind = 'i'").await, 1_000);
}

/// An expression whose function finds another one by the database's search path: maintained where the server goes by that path. Where it keeps to a safe
/// one (from 17 on), the rebuild says what was not found, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_expression_that_needs_the_search_path_is_rebuilt_or_says_why() {
    let stage = RunStage::new().await;
    let table = r#""Odd Name"."Mixed ""Q"" Tab""#;
    let path = format!(r#"ALTER DATABASE {} SET search_path = "Odd Name", public"#, stage.target.db.name());
    stage.target.plant(&format!(r#"CREATE SCHEMA "Odd Name" AUTHORIZATION shop_owner; {path}"#)).await;
    stage
        .target
        .plant_as_owner(&format!(
            r#"CREATE FUNCTION helper(note text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(note)';
               CREATE FUNCTION norm(note text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN helper(note); END';
               CREATE TABLE {table} (id int, note text) WITH (autovacuum_enabled = off);
               CREATE INDEX "by.note" ON {table} (norm(note), id);
               INSERT INTO {table} SELECT n, md5(n::text) FROM generate_series(1, 10000) n;
               DELETE FROM {table} WHERE id > 2000"#
        ))
        .await;
    stage.target.settled().await;
    stage.target.plant(&format!("VACUUM {table}")).await;
    stage.due(|_| ()).await;
    let worker = stage.worker();
    stage.until(60, "SELECT state IN ('validating', 'hold') FROM drydock.window").await;
    worker.stop().await;
    let page = stage.page().await;
    let sent: Vec<(String, String, String)> =
        sqlx::query_as("SELECT statement, outcome, coalesce(outcome_detail, '') FROM drydock.item ORDER BY ordinal")
            .fetch_all(&stage.house.admin)
            .await
            .expect("items");
    let of =
        |begins: &str| sent.iter().find(|(statement, ..)| statement.starts_with(begins)).unwrap_or_else(|| panic!("no {begins}\n{page}"));
    let (rebuilt, analyzed) = (of(r#"REINDEX INDEX CONCURRENTLY "Odd Name"."by.note""#), of("ANALYZE"));
    if stage.on_target("SELECT current_setting('server_version_num')::bigint").await < 170_000 {
        assert_eq!((rebuilt.1.as_str(), analyzed.1.as_str()), ("done", "done"), "{page}");
    } else {
        assert!(rebuilt.1 == "failed" && rebuilt.2.contains("helper"), "{page}");
    }
    assert_eq!(stage.on_target("SELECT count(*) FROM pg_index WHERE NOT indisvalid").await, 0, "{page}");
    let indexes = "SELECT count(*) FROM pg_class WHERE relnamespace = '\"Odd Name\"'::regnamespace AND relkind = 'i'";
    assert_eq!(stage.on_target(indexes).await, 1, "{page}");
}
