//! The program `drydock` as a process under test.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything here may take before the test says that it never came.
const PATIENCE: Duration = Duration::from_mins(1);

/// A data folder that PostgreSQL's user can enter.
pub fn data_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("ours");
    folder
}

/// A site with nothing in it: these tests look at processes, not at pages.
pub fn empty_site(below: &Path) -> PathBuf {
    let site = below.join("site");
    fs::create_dir_all(site.join("pkg")).expect("made");
    let names: serde_json::Map<String, Value> =
        app::assets::Assets::NEEDED.iter().map(|name| ((*name).to_owned(), Value::from(*name))).collect();
    for name in names.keys() {
        fs::write(site.join("pkg").join(name), "").expect("written");
    }
    fs::write(site.join("manifest.json"), Value::Object(names).to_string()).expect("written");
    site
}

/// The program with a clean environment.
pub fn drydock(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drydock"));
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
    command
}

/// Run it to its end: exit code, what it said.
pub fn run(mut command: Command) -> (i32, String) {
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    (status.code().expect("it ends by itself"), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// A running demo.
pub struct Demo {
    pub process: Child,
    pub ready: Value,
    pub data_dir: PathBuf,
    _stdout: BufReader<ChildStdout>,
}

impl Demo {
    /// Start it and wait for its line.
    pub fn start(home: &TempDir) -> Self {
        let data_dir = home.path().join("data");
        let mut command = drydock(&["demo", "--json", "--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(&data_dir).env("DRYDOCK_SITE_DIR", empty_site(home.path()));
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut stdout = BufReader::new(process.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("readable");
        let ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: the line was {line:?}"));
        Self { process, ready, data_dir, _stdout: stdout }
    }

    pub fn address(&self) -> String {
        self.ready["address"].as_str().expect("text").trim_start_matches("http://").to_owned()
    }

    /// Process ids of the children by name: `web`, `worker`.
    pub fn child(&self, name: &str) -> Option<u32> {
        children_of(self.process.id()).into_iter().find(|pid| arguments_of(*pid).get(1).is_some_and(|a| a == name))
    }

    pub fn postmaster(&self) -> u32 {
        let text = fs::read_to_string(self.data_dir.join("cluster/data/postmaster.pid")).expect("a server runs");
        text.lines().next().expect("a first line").parse().expect("a number")
    }

    pub fn signal(&self, signal: Signal) {
        send(self.process.id(), signal);
    }

    /// Ask softly and wait for the end.
    pub fn stop(mut self) -> i32 {
        self.signal(Signal::INT);
        self.process.wait().expect("ours").code().expect("it ends by itself")
    }
}

impl Drop for Demo {
    /// A failed test leaves nothing running.
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.signal(Signal::INT);
            let _ = self.process.wait();
        }
    }
}

pub fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("small")).expect("not 0");
    kill_process(pid, signal).expect("it lives");
}

pub fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, after)| !after.trim_start().starts_with(['Z', 'X']))
}

/// Look again until it is so; the machine decides how long that takes.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Status line of a GET, or nothing when nobody answers.
pub fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.lines().next().map(str::to_owned)
}

fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("linux").flatten().filter_map(|p| p.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.rsplit_once(')').map_or("", |(_, after)| after);
            fields.split_whitespace().nth(1).and_then(|p| p.parse().ok()) == Some(parent) && lives(*pid)
        })
        .collect()
}

fn arguments_of(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}
