//! From an empty database to a served page, as the README says: by one role for everything, or by one for each service.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use engine::test_support::{ServiceRole, TestDatabase};
use rustix::process::Signal;
use sqlx::PgPool;
use tempfile::TempDir;

use crate::program::{data_folder, drydock, empty_site, get, run, send, until};

/// No role has this suffix: the roles that all test databases share are not found by their usual names.
const NOBODY: (&str, &str) = ("DRYDOCK_ROLE_SUFFIX", "_nobody");

/// A started `drydock serve`.
struct Served {
    process: Child,
    address: String,
    /// What it and its processes said.
    said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
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
        let said = Arc::new(Mutex::new(said));
        let more = Arc::clone(&said);
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut said = more.lock().expect("no panic");
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self { process, address, said, reader: Some(reader) }
    }

    fn stop(self) -> i32 {
        send(self.process.id(), Signal::INT);
        self.ended()
    }

    /// Waits until it ends.
    fn ended(mut self) -> i32 {
        let code = self.process.wait().expect("ours").code().expect("it ends by itself");
        self.reader.take().expect("one").join().expect("read to the end");
        code
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
    let site = empty_site(home.path());
    let settings = [settings[0], settings[1], ("DRYDOCK_SITE_DIR", site.to_str().expect("plain"))];
    let (code, said) = told(&["doctor"], &settings);
    assert!(said.contains("note  Web and worker share the role drydock_owner"), "what that gives up: {said}");
    assert_eq!(code, 0, "it works, so nothing is WRONG: {said}");
}

#[tokio::test]
async fn roles_of_their_own_are_tried_and_what_they_may_do_beyond_is_told() {
    let database = TestDatabase::empty().await;
    let [owner, web, worker] = [ServiceRole::Owner, ServiceRole::Web, ServiceRole::Worker].map(|role| database.url(role));
    let home = data_folder();
    let site = empty_site(home.path());
    let settings = [
        ("DRYDOCK_OWNER_DATABASE_URL", owner.as_str()),
        ("DRYDOCK_WEB_DATABASE_URL", web.as_str()),
        ("DRYDOCK_WORKER_DATABASE_URL", worker.as_str()),
        ("DRYDOCK_SITE_DIR", site.to_str().expect("plain")),
        ("DRYDOCK_DATA_DIR", home.path().to_str().expect("plain")),
    ];
    let (code, said) = told(&["doctor"], &settings);
    assert_eq!((code, said.contains("run `drydock migrate`")), (1, true), "nothing is there yet: {said}");
    assert_eq!(told(&["migrate"], &settings).0, 0);
    let (code, said) = told(&["doctor"], &settings);
    assert_eq!(code, 0, "{said}");
    for role in ["drydock_web cannot change facts", "drydock_worker cannot change facts"] {
        assert!(said.contains(role) && said.contains("each was tried"), "{role}: {said}");
    }
    for looked in ["tzdata", "months ahead", "ms apart", "Mail:", "No worker has spoken", "GiB are free"] {
        assert!(said.contains(looked), "{looked}: {said}");
    }
    let superuser = database.superuser().await;
    sqlx::query("GRANT UPDATE ON drydock.attempt TO drydock_web").execute(&superuser).await.expect("too much");
    let (code, said) = told(&["doctor"], &settings);
    assert!(code == 0 && said.contains("note  drydock_web may write what only a run may write"), "{said}");
}

#[tokio::test]
async fn a_state_that_was_never_migrated_is_said_once_and_nothing_is_started() {
    let database = TestDatabase::empty().await;
    let url = database.url(ServiceRole::Owner);
    let home = data_folder();
    let mut command = drydock(&["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(home.path().join("data")).env("DRYDOCK_SITE_DIR", empty_site(home.path())).env("DATABASE_URL", &url);
    let (code, said) = run(command);
    assert_eq!((code, said.lines().count()), (78, 1), "one sentence: {said}");
    assert!(said.contains("this database holds no Drydock yet") && said.contains("run `drydock migrate`"), "{said}");
}

#[tokio::test]
async fn each_process_tells_its_figures_at_its_own_door_and_logs_one_object_a_request() {
    let database = TestDatabase::empty().await;
    let url = database.url(ServiceRole::Owner);
    let free = || std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").to_string();
    let (web_door, worker_door) = (free(), free());
    let settings = [
        ("DATABASE_URL", url.as_str()),
        NOBODY,
        ("DRYDOCK_METRICS_LISTEN", web_door.as_str()),
        ("DRYDOCK_WORKER_METRICS_LISTEN", worker_door.as_str()),
        ("DRYDOCK_LOG_FORMAT", "json"),
    ];
    assert_eq!(told(&["migrate"], &settings).0, 0);
    let home = data_folder();
    let served = Served::start(&home, &settings);
    assert_eq!(get(&served.address, "/a/a-secret-of-a-link").as_deref(), Some("HTTP/1.1 404 Not Found"));
    assert_eq!(get(&served.address, "/metrics").as_deref(), Some("HTTP/1.1 404 Not Found"), "not beside the pages without a token");
    until("the worker's door opens", || get(&worker_door, "/metrics").as_deref() == Some("HTTP/1.1 200 OK"));
    assert_eq!(get(&web_door, "/metrics").as_deref(), Some("HTTP/1.1 200 OK"));
    let said = std::sync::Arc::clone(&served.said);
    assert_eq!(served.stop(), 0);
    let said = said.lock().expect("no panic").clone();
    let line = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let line =
        line.into_iter().find(|line| line["http.route"] == "/a/{secret}").unwrap_or_else(|| panic!("no line of the request: {said}"));
    for (field, value) in [("http.method", "GET"), ("outcome", "not_found"), ("level", "INFO"), ("actor", "-")] {
        assert_eq!(line[field], value, "{line}");
    }
    assert_eq!(line["request.id"].as_str().map(str::len), Some(16), "{line}");
    assert!(line["duration_ms"].is_u64() && line["db.queries"].as_u64().is_some_and(|queries| queries > 0), "{line}");
    assert!(!said.contains("a-secret-of-a-link"), "the path of a link is a secret: {said}");
    for told in ["Stopping: nothing new is begun; Ctrl-C again stops hard.", "Stopping: waiting for "] {
        assert!(said.contains(told), "{told}: {said}");
    }
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

#[tokio::test]
async fn migrate_runs_once_at_a_time_and_older_processes_step_aside() {
    let database = TestDatabase::empty().await;
    let url = database.url(ServiceRole::Owner);
    let migrate = || {
        let mut command = drydock(&["migrate"]);
        command.env("DATABASE_URL", &url).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    };
    let together: Vec<Child> = (0..3).map(|_| migrate()).collect();
    for child in together {
        let output = child.wait_with_output().expect("ours");
        assert!(output.status.success(), "by a lock, one after the other: {}", String::from_utf8_lossy(&output.stderr));
    }
    let home = data_folder();
    let served = Served::start(&home, &[("DATABASE_URL", url.as_str()), NOBODY]);
    let superuser = database.superuser().await;
    let newer = "INSERT INTO drydock.schema_version (version, description, success, checksum, execution_time) VALUES (999999, 'later', true, '\\x00', 0)";
    sqlx::query(newer).execute(&superuser).await.expect("migrated by a newer program");
    let said = Arc::clone(&served.said);
    assert_eq!(served.ended(), 78, "no restart helps, so nothing is started again for ever");
    let said = said.lock().expect("no panic").clone();
    assert!(said.contains("start the newer drydock") && said.contains("cannot run like this, so everything was stopped"), "{said}");
}
