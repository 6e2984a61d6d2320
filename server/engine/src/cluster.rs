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
mod error;
mod folder;
mod log;
mod pid_file;
mod place;
mod postmaster;
mod programs;
mod roles;
mod secrets;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use secrecy::{ExposeSecret, SecretString};

use self::{account::Account, pid_file::PidFile, postmaster::LOOK_AGAIN_AFTER};
pub use self::{
    error::ClusterError,
    log::private_log,
    place::{Place, reachable_folder},
    programs::{Programs, dump_majors, folders as program_folders, server_majors},
    roles::{ServiceRole, ServiceRoles},
    secrets::load_or_create_secret,
};
pub(crate) use programs::major_of;

/// The cluster's superuser. Only the demo's seed, tests and the preparation of databases use it.
pub const SUPERUSER: &str = "postgres";

/// Oldest major version whose programs may run the state database.
pub const OLDEST_MAJOR: u16 = 14;

/// A fast shutdown ends with a checkpoint; beyond this the server is told to stop at once, and recovers at its next start.
const STOPPED_WITHIN: Duration = Duration::from_mins(1);

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
    /// Major version of the programs that make a new folder; the newest where there is no wish.
    pub major: Option<u16>,
}

impl ClusterConfig {
    /// A durable cluster in `folder` with the default settings.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), program_folders: Vec::new(), durable: true, settings: Vec::new(), major: None }
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
        folder::make_folder(&config.folder, &account)?;
        if !account.can_enter(&config.folder) {
            return Err(ClusterError::NotEnterable { folder: config.folder.clone(), user: account.name().into() });
        }
        let lock = folder::lock(&config.folder)?;
        let data = config.folder.join("data");
        let programs = Programs::find(&config.program_folders, folder::made_by(&data)?.or(config.major)).map_err(|major| {
            major.map_or(ClusterError::NoPrograms, |major| ClusterError::WrongMajor { folder: config.folder.clone(), major })
        })?;
        let password = load_or_create_secret(&config.folder.join("superuser.password"))
            .map_err(ClusterError::io(format!("keep the superuser's password in {}", config.folder.display())))?;
        if folder::made_by(&data)?.is_none() {
            folder::initdb(config, &programs, &account, &password)?;
        }
        let (pid, port, child) = match postmaster::adopt(&data) {
            Some(running) => (running.pid, running.port, None),
            None => postmaster::spawn_until_ready(config, &programs, &account)?,
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

    /// Password of the superuser.
    pub fn superuser_password(&self) -> &SecretString {
        &self.password
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

    /// Stops it without a word to its sessions, and removes its folder: for a cluster that was made to be thrown away.
    pub async fn discard(self) -> Result<(), ClusterError> {
        tokio::task::spawn_blocking(move || self.discard_blocking())
            .await
            .map_err(|e| ClusterError::Io { what: "throw a private cluster away".into(), source: io::Error::other(e) })?
    }

    fn discard_blocking(mut self) -> Result<(), ClusterError> {
        self.signal_until_gone(&[Signal::QUIT])?;
        // The lock is held until the folder is gone.
        std::fs::remove_dir_all(&self.folder).map_err(ClusterError::io(format!("remove {}", self.folder.display())))
    }

    fn stop_blocking(mut self) -> Result<(), ClusterError> {
        self.signal_until_gone(&[Signal::INT, Signal::QUIT])
    }

    fn signal_until_gone(&mut self, signals: &[Signal]) -> Result<(), ClusterError> {
        let data = self.folder.join("data");
        for (signal, patience) in signals.iter().map(|signal| (*signal, STOPPED_WITHIN)) {
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

/// Throws away what a process that is gone left in a folder: its server is stopped, the folder removed. False where somebody owns it.
///
/// # Errors
/// The folder cannot be locked or removed, or its server does not stop.
pub fn discard_left_over(folder: &Path) -> Result<bool, ClusterError> {
    let lock = match folder::lock(folder) {
        Ok(lock) => lock,
        Err(ClusterError::InUse { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    if let Some(running) = postmaster::adopt(&folder.join("data")) {
        let (port, pid) = (running.port, running.pid);
        let cluster =
            Cluster { folder: folder.to_owned(), port, pid, password: String::new().into(), child: None, adopted: true, _lock: lock };
        cluster.discard_blocking()?;
    } else {
        std::fs::remove_dir_all(folder).map_err(ClusterError::io(format!("remove {}", folder.display())))?;
    }
    Ok(true)
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
