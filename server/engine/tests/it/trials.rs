//! Changes of design tried on an empty copy: what is said of them, and that nothing is left of the copy.

use crate::changes::change;
use crate::house::House;
use crate::inventory::{form, newest_preview, worker};
use crate::target_support::{MAINTAINER, PASSWORD, Target, run, until};
use domain::change::trial::{After, BackTried, DifferenceKind, Failure, Obstacle, Text, Trial, Tried};
use domain::change::{Change, ChangeForm, KeepOut};
use domain::examination::{PreviewAnswer, PreviewQuestion, Question};
use domain::procedure::library::DESIGN_CHANGE_POSTGRESQL;
use domain::procedure::{FindingLevel, Parameters};
use engine::actions::ask_examination::ask_examination;
use engine::actions::edit_target::{self, edit_target};
use engine::actions::register_target::register_target;
use engine::change::read_form;
use engine::cluster::program_folders;
use engine::examiner;
use engine::target::copy::{self, Asked};
use sqlx::{Connection as _, PgConnection};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Like the maintainer, and may make databases.
const TRIER: &str = "shop_trier";
/// A name that is text for programs, shells and readers of dumps.
const HOSTILE: &str = "\"a'; DROP ROLE x; -- \n-- Name: y; Type: TABLE; Schema: shop; Owner: z\n$(touch /tmp/x)\"";

struct Ground {
    target: Target,
    folders: Vec<PathBuf>,
    work: tempfile::TempDir,
}

impl Ground {
    async fn new() -> Self {
        let target = Target::new().await;
        let mut everywhere = PgConnection::connect(&target.db.superuser_url_of("postgres")).await.expect("the test cluster answers");
        let sql = format!(
            "DO $$ BEGIN
                 PERFORM pg_advisory_xact_lock(4711);
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{TRIER}') THEN
                     CREATE ROLE {TRIER} LOGIN CREATEDB PASSWORD '{PASSWORD}' IN ROLE shop_owner, pg_monitor;
                 END IF;
             END $$"
        );
        run(&mut everywhere, &sql).await;
        target
            .plant_as_owner(&format!(
                "CREATE TABLE shop.orders (id int PRIMARY KEY, note text DEFAULT 'secret-of-a-row');
                 CREATE TABLE shop.{HOSTILE} (id bigint GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (1 + 1) STORED);
                 CREATE FUNCTION shop.reaches() RETURNS int LANGUAGE plpgsql AS 'BEGIN CREATE ROLE intruder; RETURN 1; END';
                 CREATE VIEW shop.noted AS SELECT id, shop.reaches() FROM shop.orders WHERE note IS NOT NULL;
                 INSERT INTO shop.orders VALUES (1, 'x')"
            ))
            .await;
        Self { target, folders: program_folders(&[]), work: tempfile::tempdir().expect("a folder") }
    }

    async fn attempt(&self, user: &str, change: &Change) -> Trial {
        let dialer = self.target.dialer(user).await;
        dialer.connect("pins the address").await.expect("the role may connect");
        let (forth, back) = (change.scripts(), change.back_scripts());
        let asked = Asked { id: Uuid::now_v7(), forth: &forth, back: &back, folders: &self.folders, work: self.work.path(), recorded: &[] };
        let trial = copy::attempt(&dialer, &asked, &CancellationToken::new()).await;
        assert!(!format!("{trial:?}").contains(PASSWORD), "{trial:?}");
        assert_eq!(self.copies().await, Vec::<String>::new(), "nothing is left: {trial:?}");
        assert_eq!(std::fs::read_dir(self.work.path()).expect("readable").count(), 0, "no file is left");
        trial
    }

    async fn tried(&self, forth: &str, back: &str) -> Tried {
        match self.attempt(TRIER, &as_owner(forth, back)).await {
            Trial::Tried(tried) => *tried,
            other @ Trial::NotTried { .. } => panic!("{other:?}"),
        }
    }

    async fn obstacle(&self, user: &str, change: &Change) -> Obstacle {
        match self.attempt(user, change).await {
            Trial::NotTried { obstacle, left_over: None } => obstacle,
            other => panic!("{other:?}"),
        }
    }

    /// Copies of this database, by their comment, and those without one.
    async fn copies(&self) -> Vec<String> {
        let mut admin = self.target.admin().await;
        sqlx::query_scalar(
            "SELECT d.datname::text FROM pg_database d, pg_database me
              WHERE me.datname = current_database() AND d.datname LIKE 'drydock\\_dry\\_%'
                AND shobj_description(d.oid, 'pg_database') LIKE '% database ' || me.oid || ':%'",
        )
        .fetch_all(&mut admin)
        .await
        .expect("readable")
    }

    async fn roles(&self) -> i64 {
        let mut admin = self.target.admin().await;
        sqlx::query_scalar("SELECT count(*) FROM pg_roles WHERE rolname = 'intruder'").fetch_one(&mut admin).await.expect("readable")
    }
}

fn as_owner(forth: &str, back: &str) -> Change {
    let (change_sql, back_sql) = (forth.to_owned(), back.to_owned());
    let no_way_back = if back.is_empty() { "nobody will miss it".to_owned() } else { String::new() };
    let form =
        ChangeForm { change_sql, back_sql, no_way_back, read_by_me: "on".into(), as_role: "shop_owner".into(), ..ChangeForm::default() };
    read_form(&form).expect("good")
}

fn failed(tried: &Tried) -> Vec<(Text, usize, &str)> {
    tried.failures.iter().map(|failure: &Failure| (failure.text, failure.number, failure.sqlstate.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_and_its_way_back_are_tried_and_compared() {
    let ground = Ground::new().await;
    let forth = "ALTER TABLE shop.orders ADD COLUMN paid boolean DEFAULT lower('X') = 'x'; CREATE INDEX CONCURRENTLY orders_note ON shop.orders (lower(note)); INSERT INTO shop.orders VALUES (1, 'again'); CREATE TABLE shop.kept AS SELECT * FROM shop.noted";
    let back = "DROP TABLE shop.kept; DROP INDEX CONCURRENTLY shop.orders_note; ALTER TABLE shop.orders DROP COLUMN paid";
    let tried = ground.tried(forth, back).await;
    assert_eq!((failed(&tried), tried.back, &tried.after), (vec![], BackTried::Through, &After::Same), "{tried:?}");
    assert_eq!(tried.left_out, ["the extension pgstattuple"]);
    let read: Vec<_> = tried.not_run.iter().map(|other| (other.number, other.read)).collect();
    assert_eq!(read, [(3, true)], "rows are not tried: {tried:?}");

    // The way back forgets the table, and makes the index another one.
    let tried = ground.tried(forth, "DROP INDEX CONCURRENTLY shop.orders_note; ALTER TABLE shop.orders DROP COLUMN paid; CREATE INDEX orders_note ON shop.orders (id)").await;
    let After::Differs { objects, more: 0 } = &tried.after else { panic!("{tried:?}") };
    let said: Vec<_> = objects.iter().map(|object| (object.object.as_str(), object.kind)).collect();
    assert_eq!(
        said,
        [("INDEX shop.orders_note", DifferenceKind::LeftBehind), ("TABLE shop.kept", DifferenceKind::LeftBehind)],
        "{tried:?}"
    );
    let findings = Trial::Tried(Box::new(tried)).findings();
    assert!(
        findings.iter().any(|finding| finding.sentence.contains("is not as it was: INDEX shop.orders_note, TABLE shop.kept.")),
        "{findings:?}"
    );
    assert_eq!(ground.roles().await, 0, "the view was not run");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_that_fails_is_named() {
    let ground = Ground::new().await;
    let tried = ground
        .tried(
            "ALTER TABLE shop.orders ADD COLUMN paid boolean; ALTER TABLE shop.nowhere\nADD COLUMN x int; ALTER TABLE shop.orders ADD COLUMN id int; CREATE INDEX CONCURRENTLY i ON shop.orders (gone); INSERT INTO shop.orders (missing) VALUES (1)",
            "ALTER TABLE shop.orders DROP COLUMN paid",
        )
        .await;
    let expected = [(Text::Forth, 2, "42P01"), (Text::Forth, 3, "42701"), (Text::Forth, 4, "42703"), (Text::Forth, 5, "42703")];
    assert_eq!((failed(&tried), tried.back, &tried.after), (expected.to_vec(), BackTried::NotReached, &After::NotCompared), "{tried:?}");
    let findings = Trial::Tried(Box::new(tried)).findings();
    let urgent: Vec<_> = findings.iter().filter(|finding| finding.level == FindingLevel::Urgent).map(|finding| &finding.sentence).collect();
    assert_eq!(
        urgent[0], "Statement 3 fails on an empty copy: column \"id\" of relation \"orders\" already exists (42701).",
        "{findings:?}"
    );

    let tried = ground.tried("ALTER TABLE shop.orders ADD COLUMN paid boolean", "ALTER TABLE shop.orders DROP COLUMN payed").await;
    assert_eq!((failed(&tried), tried.back), (vec![(Text::Back, 1, "42703")], BackTried::Failed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_beyond_the_database_is_not_run() {
    let ground = Ground::new().await;
    let reaching = "DO $$ BEGIN CREATE ROLE intruder; END $$; ALTER TABLE shop.orders ADD COLUMN x int DEFAULT shop.reaches(); SELECT shop.reaches(); GRANT CONNECT ON DATABASE postgres TO shop_owner; COMMENT ON ROLE shop_owner IS 'copied'";
    let tried = ground
        .tried(&format!("{reaching}; ALTER TABLE shop.orders ADD COLUMN paid boolean"), "ALTER TABLE shop.orders DROP COLUMN paid")
        .await;
    let not_run: Vec<_> = tried.not_run.iter().map(|other| (other.number, other.read)).collect();
    assert_eq!((failed(&tried), not_run), (vec![], vec![(1, false), (2, false), (3, true), (4, false), (5, false)]), "{tried:?}");
    assert_eq!((tried.back, ground.roles().await), (BackTried::NotReached, 0), "{tried:?}");
    let mut admin = ground.target.admin().await;
    let comment: Option<String> =
        sqlx::query_scalar("SELECT shobj_description('shop_owner'::regrole, 'pg_authid')").fetch_one(&mut admin).await.expect("readable");
    assert_eq!(comment, None);
    let nothing =
        ground.obstacle(TRIER, &as_owner("DO $$ BEGIN CREATE ROLE intruder; END $$", "DO $$ BEGIN DROP ROLE intruder; END $$")).await;
    assert!(matches!(nothing, Obstacle::Beyond { .. }) && ground.roles().await == 0, "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_named_with_its_way_out() {
    let mut ground = Ground::new().await;
    let simple = change("ALTER TABLE shop.orders ADD COLUMN paid boolean", "ALTER TABLE shop.orders DROP COLUMN paid");
    let obstacle = ground.obstacle(MAINTAINER, &simple).await;
    assert!(obstacle.advice().contains("ALTER ROLE \"shop_maint\" CREATEDB;"), "{}", obstacle.advice());
    let strange = ChangeForm {
        as_role: "postgres".into(),
        change_sql: "CREATE TABLE shop.n ()".into(),
        back_sql: "DROP TABLE shop.n".into(),
        ..ChangeForm::default()
    };
    let obstacle = ground.obstacle(TRIER, &read_form(&strange).expect("good")).await;
    assert!(matches!(&obstacle, Obstacle::NoRole { role, .. } if role == "postgres"), "{obstacle:?}");

    ground.target.plant("CREATE SCHEMA \"pri vate\"; CREATE TABLE \"pri vate\".t ()").await;
    let obstacle = ground.obstacle(TRIER, &simple).await;
    assert!(obstacle.sentence().contains("may not read all of the schema: pri vate.t"), "{}", obstacle.sentence());
    assert!(obstacle.advice().contains("GRANT USAGE ON SCHEMA \"pri vate\" TO \"shop_trier\";"), "{}", obstacle.advice());
    ground.target.plant("DROP SCHEMA \"pri vate\" CASCADE; CREATE FUNCTION shop.made() RETURNS TABLE (a float8) LANGUAGE sql BEGIN ATOMIC SELECT index_size::float8 FROM tools.pgstatindex('shop.orders_pkey'); END").await;
    let obstacle = ground.obstacle(TRIER, &simple).await;
    assert!(
        obstacle.sentence().contains("could not be copied") && obstacle.sentence().contains("made without the extension pgstattuple"),
        "{}",
        obstacle.sentence()
    );

    ground.folders = vec![];
    let obstacle = ground.obstacle(TRIER, &simple).await;
    assert!(matches!(&obstacle, Obstacle::NoProgram { found, .. } if found.is_empty()), "{obstacle:?}");
    assert!(obstacle.advice().contains("postgresql-client-"), "{}", obstacle.advice());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_left_is_dropped_and_nothing_else() {
    let ground = Ground::new().await;
    let simple = change("ALTER TABLE shop.orders ADD COLUMN paid boolean", "ALTER TABLE shop.orders DROP COLUMN paid");
    let dialer = ground.target.dialer(TRIER).await;
    dialer.connect("pins the address").await.expect("the role may connect");
    let (forth, id, stop) = (simple.scripts(), Uuid::now_v7(), CancellationToken::new());
    let asked = Asked { id, forth: &forth, back: &[], folders: &ground.folders, work: ground.work.path(), recorded: &[] };
    {
        // As by SIGKILL: the sessions break off, and nobody drops the copy.
        let attempt = std::pin::pin!(copy::attempt(&dialer, &asked, &stop));
        tokio::select! {
            trial = attempt => panic!("it should not be over: {trial:?}"),
            () = async { while ground.copies().await.is_empty() { tokio::time::sleep(std::time::Duration::from_millis(2)).await } } => {}
        }
    }
    assert_eq!(ground.copies().await, [copy::name(id)]);
    // Not ours: another name, another owner, and no mark.
    let (longer, unmarked) = (format!("{}0", copy::name(Uuid::now_v7())), copy::name(Uuid::now_v7()));
    let mut admin = ground.target.admin().await;
    let oid: i64 = sqlx::query_scalar("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
        .fetch_one(&mut admin)
        .await
        .expect("readable");
    let foreign = copy::name(Uuid::now_v7());
    for (name, owner) in [(&longer, TRIER), (&unmarked, TRIER), (&foreign, "shop_owner")] {
        run(&mut admin, &format!("CREATE DATABASE {name} OWNER {owner} TEMPLATE template0")).await;
        if name != &unmarked {
            run(&mut admin, &format!("COMMENT ON DATABASE {name} IS 'Drydock''s empty copy of database {oid}: x'")).await;
        }
    }
    let swept = copy::sweep(&dialer, &[]).await.expect("it answers");
    let mut left = ground.copies().await;
    left.sort();
    let mut expected = vec![longer.clone(), foreign.clone()];
    expected.sort();
    assert_eq!((swept, left), (1, expected));
    // A question on record is a mark, too.
    assert_eq!(copy::sweep(&dialer, std::slice::from_ref(&unmarked)).await, Ok(1));
    for name in [longer, foreign] {
        run(&mut admin, &format!("DROP DATABASE {name}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tries_it_only_where_the_registration_says_so() {
    let (house, ground) = (House::new().await, Ground::new().await);
    let worker = worker(&house).await;
    let mut input = form(&house, &ground.target);
    input.draft.username = TRIER.into();
    let id = register_target(&house.engine, &house.engineer, &input).await.expect("a good form");
    assert!(examiner::answer_next(&worker).await.expect("the worker works"), "a test was asked for");
    let simple = as_owner("ALTER TABLE shop.orders ADD COLUMN paid boolean", "ALTER TABLE shop.orders DROP COLUMN paid");
    let question = PreviewQuestion {
        procedure: DESIGN_CHANGE_POSTGRESQL.into(),
        own: None,
        parameters: Parameters::default(),
        excluded: vec![],
        budget_ms: 3_600_000,
        scripts: simple.scripts(),
        back: simple.back_scripts(),
        keep_out: None,
        revision: None,
        form: None,
        also: std::collections::BTreeMap::new(),
    };
    let looked = async || {
        let question = Question::Preview { window: None, question: question.clone() };
        ask_examination(&house.engine, &house.engineer, id, question).await.expect("asked");
        assert!(examiner::answer_next(&worker).await.expect("works"));
        let answer = newest_preview(&house, id).await.answer.expect("answered");
        assert!(!answer.to_string().contains(PASSWORD));
        serde_json::from_value::<PreviewAnswer>(answer).expect("its own form")
    };
    let answer = looked().await;
    assert_eq!(answer.trial, Some(Trial::not_tried(Obstacle::Off)));
    assert!(answer.selection.findings[0].sentence.contains("this database does not allow it"), "{answer:?}");

    // Who is to be kept out is looked at long before the night.
    let keep_out = KeepOut { accounts: vec!["nobody here".into(), TRIER.into()], wait_min: 1, ends: false };
    let asked = PreviewQuestion { keep_out: Some(keep_out), ..question.clone() };
    ask_examination(&house.engine, &house.engineer, id, Question::Preview { window: None, question: asked }).await.expect("asked");
    assert!(examiner::answer_next(&worker).await.expect("works"));
    let answer: PreviewAnswer = serde_json::from_value(newest_preview(&house, id).await.answer.expect("answered")).expect("its own form");
    let found = answer.selection.findings.iter().find(|finding| finding.kind == "keep_out").expect("looked at");
    assert_eq!(found.level, FindingLevel::Urgent);
    for said in [
        "The run would not begin: There is no account \"nobody here\"",
        "is the account that Drydock signs in as: kept out, it could do nothing",
    ] {
        assert!(found.sentence.contains(said), "{}", found.sentence);
    }

    let draft = domain::target::Draft { trial_copy: "on".into(), ..input.draft.clone() };
    let edit = edit_target::Input { revision: 1, draft, password: String::new().into() };
    edit_target(&house.engine, &house.engineer, id, &edit).await.expect("a good form");
    let fact: i64 = house.count("SELECT count(*) FROM drydock.fact WHERE action = 'target.edit' AND convert_from(bytes, 'UTF8') LIKE '%\"trial_copy\":{\"after\":true,\"before\":false}%'").await;
    assert_eq!(fact, 1);
    // What the role has too much is judged anew.
    assert!(examiner::answer_next(&worker).await.expect("the worker works"), "a test was asked for");
    assert_eq!(
        house
            .count(
                "SELECT count(*) FROM drydock.target WHERE short_name = 'shop' AND report -> 'excess' @> '[{\"privilege\": \"createdb\"}]'"
            )
            .await,
        0
    );
    let answer = looked().await;
    let Some(Trial::Tried(tried)) = answer.trial else { panic!("{answer:?}") };
    assert_eq!((failed(&tried), &tried.after), (vec![], &After::Same));
    assert!(answer.selection.findings.is_empty(), "{:?}", answer.selection.findings);

    // A question that was given up because its workers died: whoever starts next looks for its copy, which nobody had the time to mark.
    let given_up = newest_preview(&house, id).await.id;
    sqlx::query("UPDATE drydock.examination SET state = 'failed', answer = NULL, failure = 'given up' WHERE id = $1")
        .bind(given_up.0)
        .execute(&house.admin)
        .await
        .expect("given up");
    let (mut admin, left) = (ground.target.admin().await, copy::name(given_up.0));
    run(&mut admin, &format!("CREATE DATABASE {left} OWNER {TRIER} TEMPLATE template0")).await;
    let running = worker.tasks.spawn(examiner::run(worker.clone()));
    until("the copy is dropped", async || {
        let there = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM pg_database WHERE datname = $1").bind(&left);
        there.fetch_one(&mut admin).await.expect("readable") == 0
    })
    .await;
    worker.stop.cancel();
    running.await.expect("no panic").expect("it ends");
}
