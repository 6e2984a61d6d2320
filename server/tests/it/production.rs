//! From an empty database to a served page, as the README says: by one role for everything, or by one for each service.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use engine::test_support::{ServiceRole, TestDatabase};
use rustix::process::Signal;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::program::{data_folder, drydock, empty_site, get, run, send};

/// No role has this suffix: the roles that all test databases share are not found by their usual names.
const NOBODY: (&str, &str) = ("DRYDOCK_ROLE_SUFFIX", "_nobody");

/// A started `drydock serve`.
struct Served {
    process: Child,
    address: String,
}

impl Served {
    fn start(home: &TempDir, settings: &[(&str, &str)]) -> Self {
        let mut command = drydock(&["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(home.path().join("data")).env("DRYDOCK_SITE_DIR", empty_site(home.path())).envs(settings.iter().copied());
        let mut process = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut said = String::new();
        let mut lines = BufReader::new(process.stderr.take().expect("piped")).lines();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("it ended: {said}") };
            if let Some(address) = line.strip_prefix("Drydock is ready: http://") {
                break address.trim_end_matches('/').to_owned();
            }
            said.push_str(&line);
            said.push('\n');
        };
        // What the processes go on saying must find a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    fn stop(mut self) -> i32 {
        send(self.process.id(), Signal::INT);
        self.process.wait().expect("ours").code().expect("it ends by itself")
    }
}

impl Drop for Served {
    /// A failed test leaves nothing running.
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            send(self.process.id(), Signal::INT);
            let _ = self.process.wait();
        }
    }
}

fn told(words: &[&str], settings: &[(&str, &str)]) -> (i32, String) {
    let mut command = drydock(words);
    command.envs(settings.iter().copied());
    run(command)
}

async fn holds(pool: &PgPool, role: &str, table: &str, right: &str) -> bool {
    let held = sqlx::query_scalar("SELECT has_table_privilege($1, $2, $3)").bind(role).bind(table).bind(right);
    held.fetch_one(pool).await.expect("the catalog is readable")
}

#[tokio::test]
async fn one_role_for_everything_is_enough() {
    let database = TestDatabase::empty().await;
    let url = database.url(ServiceRole::Owner);
    let settings = [("DATABASE_URL", url.as_str()), NOBODY];
    for time in ["first", "second"] {
        let (code, said) = told(&["migrate"], &settings);
        assert_eq!((code, said.contains("up to date")), (0, true), "{time}: {said}");
    }
    let home = data_folder();
    let served = Served::start(&home, &settings);
    for (path, answer) in [("/readyz", "HTTP/1.1 200 OK"), ("/setup", "HTTP/1.1 200 OK"), ("/login", "HTTP/1.1 303 See Other")] {
        assert_eq!(get(&served.address, path).as_deref(), Some(answer), "{path} before the first run");
    }
    let (code, said) = told(&["create-admin", "--email", "ada@example.org"], &settings);
    assert_eq!(code, 0, "{said}");
    assert_eq!(get(&served.address, "/login").as_deref(), Some("HTTP/1.1 200 OK"), "the first run is over");
    // The worker works too: it made itself known, and sealed what create-admin wrote.
    let superuser = database.superuser().await;
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let works: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM drydock.worker_key) AND EXISTS (SELECT FROM drydock.seal_member)")
            .fetch_one(&superuser)
            .await
            .expect("readable");
        if works {
            break;
        }
        assert!(Instant::now() < end, "the worker does nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served.stop(), 0);
    let (_, said) = told(&["doctor"], &settings);
    assert!(said.contains("share the role drydock_owner"), "what that gives up: {said}");
}

#[tokio::test]
async fn a_role_with_a_url_of_its_own_gets_its_own_rights_and_must_exist() {
    let database = TestDatabase::empty().await;
    let [owner, web, worker] = [ServiceRole::Owner, ServiceRole::Web, ServiceRole::Worker].map(|role| database.url(role));
    let missing = web.replace("drydock_web", "drydock_missing");
    let (owner, worker) = (("DRYDOCK_OWNER_DATABASE_URL", owner.as_str()), ("DRYDOCK_WORKER_DATABASE_URL", worker.as_str()));
    let (code, said) = told(&["migrate"], &[owner, worker, ("DRYDOCK_WEB_DATABASE_URL", &missing)]);
    assert_eq!((code, said.contains("CREATE ROLE \"drydock_missing\"")), (1, true), "{said}");
    let (code, said) = told(&["migrate"], &[owner, NOBODY]);
    assert_eq!((code, said.contains("CREATE ROLE \"drydock_web_nobody\"")), (1, true), "nobody would serve: {said}");

    let (code, said) = told(&["migrate"], &[owner, worker, ("DRYDOCK_WEB_DATABASE_URL", &web)]);
    assert_eq!(code, 0, "{said}");
    let superuser = database.superuser().await;
    for (role, table, right, held) in [
        ("drydock_web", "drydock.person", "INSERT", true),
        ("drydock_web", "drydock.attempt", "INSERT", false),
        ("drydock_worker", "drydock.attempt", "INSERT", true),
        ("drydock_worker", "drydock.session", "SELECT", false),
        ("drydock_auditor", "drydock.fact", "SELECT", true),
        ("drydock_auditor", "drydock.session", "SELECT", false),
    ] {
        assert_eq!(holds(&superuser, role, table, right).await, held, "{role}: {right} on {table}");
    }
}

#[tokio::test]
async fn one_role_beside_the_owner_gets_the_sum_of_the_rights() {
    let database = TestDatabase::empty().await;
    let (owner, one) = (database.url(ServiceRole::Owner), database.url(ServiceRole::Auditor));
    let settings = [("DRYDOCK_OWNER_DATABASE_URL", owner.as_str()), ("DATABASE_URL", one.as_str()), NOBODY];
    for time in ["first", "second"] {
        let (code, said) = told(&["migrate"], &settings);
        assert_eq!(code, 0, "{time}: {said}");
    }
    let superuser = database.superuser().await;
    for (table, right, held) in [
        ("drydock.session", "SELECT", true),
        ("drydock.person", "INSERT", true),
        ("drydock.attempt", "INSERT", true),
        ("drydock.fact", "UPDATE", false),
        ("drydock.fact", "TRUNCATE", false),
    ] {
        assert_eq!(holds(&superuser, "drydock_auditor", table, right).await, held, "{right} on {table}");
    }
    assert!(!holds(&superuser, "drydock_web", "drydock.person", "SELECT").await, "others of the cluster get nothing");
    let (code, said) = told(&["create-admin", "--email", "ada@example.org"], &settings);
    assert_eq!(code, 0, "{said}");
}
