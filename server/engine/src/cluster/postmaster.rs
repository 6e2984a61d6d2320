//! The server process: found running, or started until it answers.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use super::{
    ClusterConfig, ClusterError, Programs,
    account::Account,
    log::{self, START_MARK},
    pid_file::PidFile,
};

/// From spawn to "ready": a start normally takes 0.1 s, a recovery after `kill -9` some seconds.
const READY_WITHIN: Duration = Duration::from_mins(1);
pub(super) const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(15);

/// A server that runs on `data`, waited for until it is ready. `None` when there is none, or when it was just going.
pub(super) fn adopt(data: &Path) -> Option<PidFile> {
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
pub(super) fn spawn_until_ready(
    config: &ClusterConfig,
    programs: &Programs,
    account: &Account,
) -> Result<(u32, u16, Option<Child>), ClusterError> {
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
        if Instant::now() > until || !log::names_a_passing_trouble(&config.folder) {
            return Err(ClusterError::NotStarted { folder: config.folder.clone(), said: log::end_of_log(&config.folder) });
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn spawn(config: &ClusterConfig, programs: &Programs, account: &Account, port: u16) -> Result<Child, ClusterError> {
    use std::os::unix::process::CommandExt;
    let path = config.folder.join("server.log");
    let mut file = log::private_log(&path).map_err(ClusterError::io(format!("open {}", path.display())))?;
    writeln!(file, "{START_MARK} {}", std::process::id()).map_err(ClusterError::io(format!("write {}", path.display())))?;
    let file_too = file.try_clone().map_err(ClusterError::io("open server.log twice"))?;
    let mut command = account.command(&programs.postgres(), &config.folder);
    command.arg("-D").arg(config.folder.join("data"));
    for (name, value) in settings(config, programs, port) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // Its own process group: Ctrl-C in the terminal reaches Drydock, which stops the cluster last.
    command.stdin(Stdio::null()).stdout(file).stderr(file_too).process_group(0);
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
