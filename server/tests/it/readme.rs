//! The README is followed to the letter: its statements are run on a real server, its commands against a real installation, in the order
//! in which they stand. A command that this test does not know fails it.
#![expect(clippy::disallowed_methods, reason = "statements of the README, with the names and passwords of this test in them")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use engine::cluster::Programs;
use engine::test_support::{ServiceRole, TestDatabase};
use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::program::{Demo, data_folder, empty_site, send, until};
use crate::source::root;

/// A fenced block with its language.
#[derive(Debug)]
struct Block {
    language: String,
    text: String,
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("there is a README")
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut found, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some(Block { language: language.to_owned(), text: String::new() }),
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line.trim_start());
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

#[test]
fn the_table_of_settings_is_that_of_the_code() {
    let text = readme();
    let (_, after) = text.split_once("<!-- settings").and_then(|(_, rest)| rest.split_once("-->\n")).expect("a table");
    let (table, _) = after.split_once("<!-- end of settings -->").expect("its end");
    assert_eq!(table, server::config::table::markdown());
}

#[test]
fn every_picture_is_taken_by_the_script() {
    let script = fs::read_to_string(root().join("end2end/pictures/take.spec.ts")).expect("there is a script");
    let text = readme();
    let shown: Vec<&str> = text.split("(end2end/pictures/").skip(1).filter_map(|rest| rest.split(".png)").next()).collect();
    assert!(shown.len() >= 4, "{shown:?}");
    for name in shown {
        assert!(script.contains(&format!("take(page, \"{name}\")")), "make pictures takes no {name}");
    }
}

#[test]
fn links_within_the_page_lead_somewhere() {
    let text = readme();
    let heading = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-').collect::<String>().replace(' ', "-")
    };
    let headings: Vec<String> = text.lines().filter(|line| line.starts_with('#')).map(heading).collect();
    for link in text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(headings.iter().any(|heading| heading == link), "#{link} is in none of {headings:?}");
    }
}

/// Somebody who follows the README.
struct Reader {
    /// The cluster in which roles and databases are made.
    cluster: TestDatabase,
    home: TempDir,
    /// What makes the names of this test differ from those of others in the same cluster.
    suffix: String,
    port: u16,
    exported: BTreeMap<String, String>,
    running: Vec<(String, Child)>,
    demo: Option<(Demo, TempDir)>,
    /// How `serve` was started last, and whether something was exported since.
    served: String,
    stale: bool,
    ran: usize,
}

const PASSWORD: &str = "only-in-tests";
const ROLES: [&str; 6] = ["drydock_owner", "drydock_web", "drydock_worker", "drydock_auditor", "drydock_maintainer", "app_owner"];

impl Reader {
    async fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
        let reader = Self {
            cluster: TestDatabase::empty().await,
            home: data_folder(),
            suffix: format!("_readme_{}", std::process::id()),
            port,
            exported: BTreeMap::new(),
            running: Vec::new(),
            demo: None,
            served: String::new(),
            stale: false,
            ran: 0,
        };
        let bin = reader.home.path().join("bin");
        fs::create_dir(&bin).expect("made");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_drydock"), bin.join("drydock")).expect("linked");
        empty_site(reader.home.path());
        reader.sql(&format!("CREATE ROLE app_owner{0} NOLOGIN; CREATE SCHEMA app AUTHORIZATION app_owner{0}", reader.suffix)).await;
        reader
    }

    fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The text with this test's own names, places and passwords.
    fn own(&self, text: &str) -> String {
        let mut text = text.replace(":…@db/drydock", &format!(":{PASSWORD}@127.0.0.1:{}/drydock{}", self.cluster.port(), self.suffix));
        text = text.replace("'…'", &format!("'{PASSWORD}'"));
        text = text.replace("DATABASE drydock OWNER", &format!("DATABASE drydock{} OWNER", self.suffix));
        for role in ROLES {
            text = text.replace(role, &format!("{role}{}", self.suffix));
        }
        text = text.replace("/var/lib/drydock", &self.data_dir().display().to_string());
        text = text.replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.port));
        text = text.replace("127.0.0.1:9465", "127.0.0.1:0");
        text = text.replace("drydock.dump", &self.home.path().join("drydock.dump").display().to_string());
        text.replace("drydock-keys.tar", &self.home.path().join("drydock-keys.tar").display().to_string())
    }

    async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.cluster.superuser_url()).await.expect("the cluster answers")
    }

    async fn sql(&self, sql: &str) {
        let mut admin = self.admin().await;
        for statement in statements(sql) {
            if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut admin).await {
                panic!("{statement}: {error}");
            }
        }
    }

    /// Runs a block of SQL. One that is meant for a newer server than this may fail for what is new there, and for nothing else.
    async fn run_sql(&mut self, text: &str) {
        let mut admin = self.admin().await;
        let version: i32 =
            sqlx::query_scalar("SELECT current_setting('server_version_num')::int / 10000").fetch_one(&mut admin).await.expect("known");
        let meant: i32 =
            text.lines().find_map(|line| line.strip_prefix("-- postgresql ")).map_or(0, |major| major.parse().expect("a version"));
        for statement in statements(&self.own(text)) {
            self.ran += 1;
            // The two ways to grant follow each other here, and make the same role.
            if statement.starts_with("CREATE ROLE drydock_maintainer") {
                let _ = sqlx::raw_sql(AssertSqlSafe(format!("DROP ROLE IF EXISTS drydock_maintainer{}", self.suffix)))
                    .execute(&mut admin)
                    .await;
                self.release(&mut admin, "drydock_maintainer").await;
            }
            if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut admin).await {
                let said = error.to_string();
                let newer =
                    version < meant && (said.contains("\"pg_maintain\" does not exist") || said.contains("syntax error at or near"));
                assert!(newer, "{statement}: {said}");
            }
        }
    }

    /// Drops a role with everything granted to it in this database.
    async fn release(&self, admin: &mut PgConnection, role: &str) {
        let role = format!("{role}{}", self.suffix);
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(&role)
            .fetch_one(&mut *admin)
            .await
            .expect("known");
        if there {
            sqlx::raw_sql(AssertSqlSafe(format!("DROP OWNED BY {role}; DROP ROLE {role}"))).execute(admin).await.expect("dropped");
        }
    }

    async fn run_sh(&mut self, text: &str) {
        for line in text.replace("\\\n", " ").lines() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            if !line.is_empty() && !line.starts_with('#') {
                self.ran += 1;
                self.command(line).await;
            }
        }
    }

    async fn command(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["make", target] => self.says("make", &["-n", target], &root()),
            ["cargo", "nextest", "run", "-p", package] => {
                assert!(fs::read_to_string(root().join("Cargo.toml")).expect("there").contains(&format!("{package} = {{ path")), "{line}");
            }
            ["export", assignment] => {
                let (name, value) = assignment.split_once('=').expect("a value");
                let known = server::config::table::SETTINGS.iter().any(|setting| setting.name == name);
                assert!(known, "{line}: no such setting");
                let value = self.own(value);
                self.exported.insert(name.to_owned(), value);
                self.stale = true;
            }
            ["curl", .., url] => self.get(line, url),
            ["pg_dump" | "pg_restore" | "tar", ..] => self.tool(&words).await,
            [program, rest @ ..] if *program == "drydock" || program.ends_with("/drydock") => self.drydock(rest),
            _ => panic!("README.md names a command that this test does not know: {line}"),
        }
    }

    fn shell(&self, line: &str, folder: &Path) -> Command {
        let programs = Programs::newest(&[]).expect("PostgreSQL's programs are installed");
        let path = [self.home.path().join("bin"), programs.folder().to_owned(), "/usr/bin".into(), "/bin".into()];
        let mut command = Command::new("/bin/sh");
        command.args(["-eu", "-c", line]).current_dir(folder).env_clear();
        command.env("PATH", std::env::join_paths(path).expect("plain")).env("DRYDOCK_SITE_DIR", self.home.path().join("site"));
        // Where this test serves and keeps its data, as an installation off the defaults would say it.
        command.env("DRYDOCK_LISTEN", format!("127.0.0.1:{}", self.port)).env("DRYDOCK_DATA_DIR", self.data_dir());
        command.envs(&self.exported);
        command
    }

    fn says(&self, program: &str, arguments: &[&str], folder: &Path) {
        self.must(&format!("{program} {}", arguments.join(" ")), folder);
    }

    fn must(&self, line: &str, folder: &Path) -> String {
        let output = self.shell(line, folder).output().expect("it runs");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}: {}\n{said}", output.status);
        said
    }

    fn drydock(&mut self, words: &[&str]) {
        let line = self.own(&format!("drydock {}", words.join(" ")));
        match words {
            ["trail", ..] if line.contains(".drydock") => self.verify_demo(words),
            ["serve", ..] => {
                self.stop_all();
                self.start("serve", &line, "Drydock is ready");
                self.served = line;
            }
            [name @ ("web" | "worker" | "watchdog"), ..] => {
                if self.running.iter().any(|(running, _)| running == "serve") {
                    self.stop_all();
                }
                self.start(name, &line, "ready");
            }
            ["migrate" | "create-admin" | "config" | "doctor" | "healthcheck" | "trail", ..] => {
                let said = self.must(&line, self.home.path());
                assert!(!said.contains("WRONG"), "{line}\n{said}");
            }
            _ => panic!("README.md names a command that this test does not know: {line}"),
        }
    }

    /// Starts a process that stays, and waits until it says that it is ready.
    fn start(&mut self, name: &str, line: &str, ready: &str) {
        let home = self.home.path().to_owned();
        let mut child = self
            .shell(&format!("exec {line}"), &home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (tell, told) = std::sync::mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        for stream in streams {
            let tell = tell.clone();
            // Goes on reading to the end, so that the process never waits for a reader.
            std::thread::spawn(move || BufReader::new(stream).lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        }
        let end = Instant::now() + Duration::from_mins(1);
        let mut said = String::new();
        while !said.lines().any(|line| line.starts_with(ready)) {
            let line_said = told.recv_timeout(end.saturating_duration_since(Instant::now()));
            said.push_str(&line_said.unwrap_or_else(|_| panic!("{line} is not ready:\n{said}")));
            said.push('\n');
        }
        self.stale = false;
        self.running.push((name.to_owned(), child));
    }

    fn stop_all(&mut self) {
        for (name, child) in &mut self.running {
            send(child.id(), Signal::INT);
            let status = child.wait().expect("ours");
            assert!(status.success(), "{name} stops well: {status}");
        }
        self.running.clear();
    }

    fn get(&mut self, line: &str, url: &str) {
        let url = self.own(url);
        let (address, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address with a path");
        let header = line.split('"').nth(1).map(|header| header.replace("$DRYDOCK_METRICS_TOKEN", &self.exported["DRYDOCK_METRICS_TOKEN"]));
        if header.is_some() && self.stale {
            // What was exported counts from the next start on.
            let served = self.served.clone();
            self.stop_all();
            self.start("serve", &served, "Drydock is ready");
        }
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("set");
        let header = header.map_or(String::new(), |header| format!("{header}\r\n"));
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n{header}Connection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{line}: {answer}");
    }

    async fn tool(&mut self, words: &[&str]) {
        let line = self.own(&words.join(" "));
        self.stop_all();
        if words[0] == "pg_restore" {
            // "Make an empty database for the same owner."
            let mut admin = self.admin().await;
            for statement in [
                format!("DROP DATABASE drydock{} WITH (FORCE)", self.suffix),
                format!("CREATE DATABASE drydock{0} OWNER drydock_owner{0}", self.suffix),
            ] {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.expect("anew");
            }
        }
        self.must(&line, self.home.path());
    }

    fn verify_demo(&mut self, words: &[&str]) {
        let (demo, _) = self.demo.get_or_insert_with(|| {
            let home = data_folder();
            (Demo::start(&home), home)
        });
        let folder = demo.data_dir.clone();
        until("the demo's worker has anchored something", || folder.join("worker/anchors.jsonl").exists());
        let line = format!("drydock {}", words.join(" ")).replace(".drydock", &folder.display().to_string());
        self.must(&line, self.home.path());
        if let Some((demo, _home)) = self.demo.take() {
            assert_eq!(demo.stop(), 0);
        }
    }

    async fn leave(mut self) {
        self.stop_all();
        let mut admin = self.admin().await;
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS drydock{} WITH (FORCE)", self.suffix)))
            .execute(&mut admin)
            .await
            .expect("dropped");
        for role in ROLES.iter().rev() {
            self.release(&mut admin, role).await;
        }
    }
}

impl Drop for Reader {
    /// A failed test leaves no process running.
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The statements of a block, without its comments.
fn statements(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    code.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(|statement| format!("{statement};")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_statement_is_run() {
    let mut reader = Reader::new().await;
    for block in blocks(&readme()) {
        match block.language.as_str() {
            "sh" => reader.run_sh(&block.text).await,
            "sql" => reader.run_sql(&block.text).await,
            other => panic!("README.md has a block in a language that this test does not know: {other:?}"),
        }
    }
    assert!(reader.ran > 40, "only {} commands were found", reader.ran);
    reader.leave().await;
}

#[tokio::test]
#[should_panic(expected = "does not know")]
async fn a_command_that_nobody_runs_is_noticed() {
    Reader::new().await.run_sh("drydock frobnicate\n").await;
}

#[tokio::test]
async fn roles_of_the_test_cluster_are_left_alone() {
    let reader = Reader::new().await;
    let own = reader.own("CREATE ROLE drydock_owner LOGIN PASSWORD '…'; postgres://drydock_web:…@db/drydock");
    assert!(!own.contains('…') && own.contains(&format!("drydock_owner{}", reader.suffix)) && own.contains("127.0.0.1"), "{own}");
    assert!(reader.cluster.url(ServiceRole::Owner).contains("drydock_owner:"), "the others' owner keeps its name");
    reader.leave().await;
}
