//! The private PostgreSQL cluster: made from the system's server programs, without a container and without a network.
//!
//! One folder is one cluster, and one process at a time owns it (a file lock says who). The postmaster is *not* tied to
//! our life: after `kill -9` of Drydock it goes on, and the next start finds it by its `postmaster.pid` and adopts it.
//! It listens on a loopback port only, no socket file: a socket's path has a length limit, a port has none. Every
//! connection needs a password (scram), also a local one.
//!
//! ```text
//! FOLDER/                 ours, 0711 as root (the server's user must pass through), else 0700
//!   lock                  held while a Drydock process owns the folder; its process id inside
//!   port                  the port of the last start, asked for again at the next
//!   superuser.password    0600
//!   server.log            what PostgreSQL says; the one before it in server.log.1
//!   data/                 the server's own folder, 0700, of the server's user
//! ```

mod account;
mod pid_file;
mod place;
mod programs;
mod roles;
mod secrets;

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use secrecy::{ExposeSecret, SecretString};

use self::{account::Account, pid_file::PidFile};
pub use self::{
    place::{Place, reachable_folder},
    programs::Programs,
    roles::{ServiceRole, ServiceRoles},
    secrets::load_or_create_secret,
};

/// The cluster's superuser. Only the demo's seed, tests and the preparation of databases use it.
pub const SUPERUSER: &str = "postgres";

/// Oldest major version whose programs may run the state database.
pub const OLDEST_MAJOR: u16 = 14;

/// From spawn to "ready": a start normally takes 0.1 s, a recovery after `kill -9` some seconds.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// A fast shutdown ends with a checkpoint; beyond this the server is told to stop at once, and recovers at its next start.
const STOPPED_WITHIN: Duration = Duration::from_mins(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(15);
/// Stands in the log where each start begins.
const START_MARK: &str = "--- start by process";
const LOG_MOVES_BEYOND_BYTES: u64 = 10 * 1024 * 1024;

/// What to start, and where.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// Absolute path of the cluster's folder; made when absent. Its parents must be open to the server's user
    /// (see [`reachable_folder`]).
    pub folder: PathBuf,
    /// Folders searched for the server programs before the usual places, such as those of `PATH`.
    pub program_folders: Vec<PathBuf>,
    /// `false` only for data that may vanish with the machine: no fsync, no full-page writes.
    pub durable: bool,
    /// Further server settings, as `name`, `value`.
    pub settings: Vec<(String, String)>,
}

impl ClusterConfig {
    /// A durable cluster in `folder` with the default settings.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), program_folders: Vec::new(), durable: true, settings: Vec::new() }
    }
}

/// Why there is no cluster. Each sentence is written for the person who started Drydock.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Another process of ours owns the folder.
    #[error("{} is in use by another Drydock (process {owner}). Stop that one first, or give this one its own folder with --data-dir.", folder.display())]
    InUse {
        /// The folder both want.
        folder: PathBuf,
        /// What the lock file says about its holder.
        owner: String,
    },
    /// No PostgreSQL server programs of a usable version.
    #[error(
        "no PostgreSQL server programs of version {OLDEST_MAJOR} or later were found (looked in /usr/lib/postgresql, /usr/pgsql-* and PATH). On Debian or Ubuntu: apt-get install postgresql postgresql-contrib"
    )]
    NoPrograms,
    /// The data belong to a major version that is not installed.
    #[error("the data in {} were made by PostgreSQL {major}, whose server programs are not installed. Install them (apt-get install postgresql-{major}), or start with another --data-dir.", folder.display())]
    WrongMajor {
        /// The cluster's folder.
        folder: PathBuf,
        /// The major version that made the data.
        major: u16,
    },
    /// We are root and there is nobody the server could run as.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has no user `postgres` it could run as. Install Debian's package postgresql, or start Drydock as an ordinary user."
    )]
    NoServerUser,
    /// The server's user cannot enter the folder.
    #[error("the user {user} cannot enter {}: a folder above it is closed to others. Choose another folder with --data-dir.", folder.display())]
    NotEnterable {
        /// The folder.
        folder: PathBuf,
        /// The user PostgreSQL would run as.
        user: String,
    },
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with its path.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb could not make a database cluster in {}:\n{said}", folder.display())]
    Initdb {
        /// The cluster's folder.
        folder: PathBuf,
        /// What it wrote.
        said: String,
    },
    /// The server did not come up.
    #[error("PostgreSQL did not start in {}. Its last words:\n{said}", folder.display())]
    NotStarted {
        /// The cluster's folder.
        folder: PathBuf,
        /// The end of its log.
        said: String,
    },
    /// A statement on the new cluster failed.
    #[error("the private cluster refused to be prepared: {0}")]
    Sql(#[from] sqlx::Error),
}

impl ClusterError {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// A running cluster that this process owns. Dropping it gives up the folder and leaves the server running, as a
/// killed process would; [`Cluster::stop`] stops it.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    pid: u32,
    password: SecretString,
    /// Absent for an adopted server: somebody else is its parent.
    child: Option<Child>,
    adopted: bool,
    _lock: File,
}

impl Cluster {
    /// Start the cluster of a folder, make it first when the folder is new, or adopt it when it still runs.
    pub async fn start(config: ClusterConfig) -> Result<Self, ClusterError> {
        tokio::task::spawn_blocking(move || Self::start_blocking(&config))
            .await
            .map_err(|e| ClusterError::Io { what: "start the private cluster".into(), source: io::Error::other(e) })?
    }

    fn start_blocking(config: &ClusterConfig) -> Result<Self, ClusterError> {
        let account = Account::for_the_server()?;
        make_folder(&config.folder, &account)?;
        if !account.can_enter(&config.folder) {
            return Err(ClusterError::NotEnterable { folder: config.folder.clone(), user: account.name().into() });
        }
        let lock = lock(&config.folder)?;
        let data = config.folder.join("data");
        let programs = Programs::find(&config.program_folders, made_by(&data)?).map_err(|major| {
            major.map_or(ClusterError::NoPrograms, |major| ClusterError::WrongMajor { folder: config.folder.clone(), major })
        })?;
        let password = load_or_create_secret(&config.folder.join("superuser.password"))
            .map_err(ClusterError::io(format!("keep the superuser's password in {}", config.folder.display())))?;
        if made_by(&data)?.is_none() {
            initdb(config, &programs, &account, &password)?;
        }
        let (pid, port, child) = match adopt(&data) {
            Some(running) => (running.pid, running.port, None),
            None => spawn_until_ready(config, &programs, &account)?,
        };
        let adopted = child.is_none();
        tracing::info!(folder = %config.folder.display(), port, pid, adopted, major = programs.major, "private cluster is ready");
        Ok(Self { folder: config.folder.clone(), port, pid, password, child, adopted, _lock: lock })
    }

    /// The loopback port. It stays the same from start to start while nobody else takes it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the server was already running when we came.
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Whether its server is there still.
    #[must_use]
    pub fn is_running(&self) -> bool {
        PidFile::is_postmaster(self.pid, &self.folder.join("data"))
    }
    /// The cluster's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Connection URL of the superuser. Holds the password: never print it.
    pub fn superuser_url(&self, database: &str) -> SecretString {
        self.url(database, SUPERUSER, &self.password)
    }

    /// Connection URL of any role. Holds the password: never print it.
    pub fn url(&self, database: &str, role: &str, password: &SecretString) -> SecretString {
        private_url(self.port, database, role, password)
    }

    /// Make the service roles and one database that `drydock_owner` owns; both stay as they are when they exist, but
    /// for the passwords, which are set to what `roles` holds.
    pub async fn prepare(&self, database: &str, roles: &ServiceRoles) -> Result<(), ClusterError> {
        roles::ensure(&self.superuser_url("postgres"), database, roles).await?;
        Ok(())
    }

    /// Fast shutdown: sessions end, the state is written, the process is gone when this returns.
    pub async fn stop(self) -> Result<(), ClusterError> {
        tokio::task::spawn_blocking(move || self.stop_blocking())
            .await
            .map_err(|e| ClusterError::Io { what: "stop the private cluster".into(), source: io::Error::other(e) })?
    }

    fn stop_blocking(mut self) -> Result<(), ClusterError> {
        let data = self.folder.join("data");
        for (signal, patience) in [(Signal::INT, STOPPED_WITHIN), (Signal::QUIT, STOPPED_WITHIN)] {
            if self.is_gone(&data) {
                return Ok(());
            }
            send(self.pid, signal).map_err(ClusterError::io("stop the private cluster"))?;
            let until = Instant::now() + patience;
            while Instant::now() < until {
                if self.is_gone(&data) {
                    return Ok(());
                }
                std::thread::sleep(LOOK_AGAIN_AFTER);
            }
            tracing::warn!(pid = self.pid, "the private cluster does not stop; asking again, harder");
        }
        Err(ClusterError::NotStarted { folder: self.folder.clone(), said: format!("process {} does not stop", self.pid) })
    }

    fn is_gone(&mut self, data: &Path) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(Some(_)) | Err(_)),
            None => !PidFile::is_postmaster(self.pid, data),
        }
    }
}

/// The port of a cluster that runs in `folder` now, whoever owns it.
pub fn running_port(folder: &Path) -> Option<u16> {
    let data = folder.join("data");
    PidFile::read(&data).filter(|found| found.ready && PidFile::is_postmaster(found.pid, &data)).map(|found| found.port)
}

/// Connection URL for a private cluster's loopback port, without TLS (it has none). Holds the password: never print it.
pub fn private_url(port: u16, database: &str, role: &str, password: &SecretString) -> SecretString {
    // Passwords are hexadecimal and names are ours: nothing needs escaping.
    format!("postgres://{role}:{}@127.0.0.1:{port}/{database}?sslmode=disable", password.expose_secret()).into()
}

fn send(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("no such process id"))?;
    match rustix::process::kill_process(pid, signal) {
        Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

fn make_folder(folder: &Path, account: &Account) -> Result<(), ClusterError> {
    let mode = if account.is_another() { 0o711 } else { 0o700 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(ClusterError::io(format!("make {}", folder.display())))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).map_err(ClusterError::io(format!("close {} to others", folder.display())))
}

fn lock(folder: &Path) -> Result<File, ClusterError> {
    let path = folder.join("lock");
    let failed = || ClusterError::io(format!("lock {}", path.display()));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut owner = String::new();
            file.read_to_string(&mut owner).map_err(failed())?;
            return Err(ClusterError::InUse { folder: folder.to_owned(), owner: owner.trim().to_owned() });
        }
        Err(fs::TryLockError::Error(e)) => return Err(failed()(e)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed())?;
    Ok(file)
}

/// The major version that made the data folder, or `None` when there is none yet.
fn made_by(data: &Path) -> Result<Option<u16>, ClusterError> {
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| ClusterError::Io {
            what: format!("read {}", data.join("PG_VERSION").display()),
            source: io::Error::other("this is not the data folder of a PostgreSQL this program knows"),
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(ClusterError::io(format!("read {}", data.display()))(e)),
    }
}

/// Make the data folder under another name and rename it at the end: a half-made one is never taken for a cluster.
fn initdb(config: &ClusterConfig, programs: &Programs, account: &Account, password: &SecretString) -> Result<(), ClusterError> {
    let making = config.folder.join("data.making");
    match fs::remove_dir_all(&making) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(ClusterError::io(format!("remove {}", making.display()))(e)),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(&making).map_err(ClusterError::io(format!("make {}", making.display())))?;
    account.give(&making).map_err(ClusterError::io(format!("give {} to {}", making.display(), account.name())))?;
    // initdb reads the password as the server's user, and ours is closed to him: a copy for this moment.
    let copy = config.folder.join("initdb.password");
    secrets::write_private(&copy, password.expose_secret())
        .and_then(|()| account.give(&copy))
        .map_err(ClusterError::io(format!("write {}", copy.display())))?;
    let mut command = account.command(&programs.initdb(), &config.folder);
    command.args(["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--auth=scram-sha-256"]);
    command.arg(format!("--username={SUPERUSER}")).arg("--pwfile").arg(&copy).arg("--pgdata").arg(&making);
    if !config.durable {
        command.arg("--no-sync");
    }
    let output = command.stdin(Stdio::null()).output();
    let removed = fs::remove_file(&copy);
    let output = output.map_err(ClusterError::io(format!("run {}", programs.initdb().display())))?;
    removed.map_err(ClusterError::io(format!("remove {}", copy.display())))?;
    if !output.status.success() {
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        return Err(ClusterError::Initdb { folder: config.folder.clone(), said });
    }
    let data = config.folder.join("data");
    fs::rename(&making, &data).map_err(ClusterError::io(format!("rename {} to {}", making.display(), data.display())))
}

/// A server that runs on `data`, waited for until it is ready. `None` when there is none, or when it was just going.
fn adopt(data: &Path) -> Option<PidFile> {
    let until = Instant::now() + READY_WITHIN;
    while Instant::now() < until {
        let found = PidFile::read(data)?;
        if !PidFile::is_postmaster(found.pid, data) {
            return None;
        }
        if found.ready {
            return Some(found);
        }
        std::thread::sleep(LOOK_AGAIN_AFTER);
    }
    None
}

/// Spawn, and spawn again while what is left of a killed server (its backends, its shared memory, its port) goes away.
fn spawn_until_ready(config: &ClusterConfig, programs: &Programs, account: &Account) -> Result<(u32, u16, Option<Child>), ClusterError> {
    let data = config.folder.join("data");
    let until = Instant::now() + READY_WITHIN;
    loop {
        PidFile::remove_if_alien(&data).map_err(ClusterError::io(format!("remove a stale postmaster.pid from {}", data.display())))?;
        let port = choose_port(&config.folder)?;
        let mut child = spawn(config, programs, account, port)?;
        loop {
            if let Some(status) = child.try_wait().map_err(ClusterError::io("wait for PostgreSQL"))? {
                tracing::debug!(%status, "PostgreSQL ended before it was ready");
                break;
            }
            if PidFile::read(&data).is_some_and(|p| p.ready && p.pid == child.id()) {
                return Ok((child.id(), port, Some(child)));
            }
            if Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                break;
            }
            std::thread::sleep(LOOK_AGAIN_AFTER);
        }
        // What cannot pass by waiting is told after a few tries, not after a minute.
        if Instant::now() > until || !log_names_a_passing_trouble(&config.folder) {
            return Err(ClusterError::NotStarted { folder: config.folder.clone(), said: end_of_log(&config.folder) });
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn spawn(config: &ClusterConfig, programs: &Programs, account: &Account, port: u16) -> Result<Child, ClusterError> {
    use std::os::unix::process::CommandExt;
    let path = config.folder.join("server.log");
    let mut log = private_log(&path).map_err(ClusterError::io(format!("open {}", path.display())))?;
    writeln!(log, "{START_MARK} {}", std::process::id()).map_err(ClusterError::io(format!("write {}", path.display())))?;
    let log_too = log.try_clone().map_err(ClusterError::io("open server.log twice"))?;
    let mut command = account.command(&programs.postgres(), &config.folder);
    command.arg("-D").arg(config.folder.join("data"));
    for (name, value) in settings(config, programs, port) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // Its own process group: Ctrl-C in the terminal reaches Drydock, which stops the cluster last.
    command.stdin(Stdio::null()).stdout(log).stderr(log_too).process_group(0);
    command.spawn().map_err(ClusterError::io(format!("run {}", programs.postgres().display())))
}

fn settings(config: &ClusterConfig, programs: &Programs, port: u16) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("cluster_name", "drydock"),
        ("logging_collector", "off"),
        ("log_line_prefix", "%m [%p] %u@%d "),
        ("log_timezone", "UTC"),
        ("timezone", "UTC"),
        ("password_encryption", "scram-sha-256"),
        ("track_io_timing", "on"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    all.push(("port".into(), port.to_string()));
    if programs.has_library("pg_stat_statements") {
        all.push(("shared_preload_libraries".into(), "pg_stat_statements".into()));
    }
    if !config.durable {
        all.extend(["fsync", "full_page_writes", "synchronous_commit"].map(|name| (name.into(), "off".into())));
    }
    all.extend(config.settings.iter().cloned());
    all
}

/// The port of the last start while it is free, else a free one: registered targets and bookmarks keep their address.
fn choose_port(folder: &Path) -> Result<u16, ClusterError> {
    let path = folder.join("port");
    let last = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u16>().ok());
    if let Some(port) = last
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    {
        return Ok(port);
    }
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|l| l.local_addr())
        .map_err(ClusterError::io("find a free port on 127.0.0.1"))?
        .port();
    if let Some(last) = last {
        tracing::warn!(last, port, "the private cluster's port is taken by another program; it moves");
    }
    fs::write(&path, format!("{port}\n")).map_err(ClusterError::io(format!("write {}", path.display())))?;
    Ok(port)
}

/// A log that only we read, opened for appending; beyond 10 MB what was there moves to `NAME.1`.
pub fn private_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|m| m.len() > LOG_MOVES_BEYOND_BYTES) {
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(path, old)?;
    }
    secrets::private_file().create(true).append(true).open(path)
}

/// The log since the last start, at most its last 4 kB.
fn end_of_log(folder: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(folder.join("server.log"))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    text.rsplit(START_MARK).next().unwrap_or_default().trim().to_owned()
}

/// A dead predecessor's backends, memory or port: gone in seconds. The server's own messages, in English by `LC_ALL`.
fn log_names_a_passing_trouble(folder: &Path) -> bool {
    let said = end_of_log(folder);
    ["pre-existing shared memory block", "is another postmaster", "Is another postmaster", "could not bind", "Address already in use"]
        .iter()
        .any(|words| said.contains(words))
}
