//! `postmaster.pid`: who serves a data folder, on which port, and whether it is ready.

use std::{fs, io, path::Path};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    pub(super) port: u16,
    /// The server's own word for "accepts connections"; a standby or a stopping server says something else.
    pub(super) ready: bool,
}

impl PidFile {
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data.join("postmaster.pid")).ok()?)
    }

    /// Lines: process id, data folder, start time, port, socket folder, listen address, shared memory key, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            port: lines.get(3).and_then(|p| p.parse().ok()).unwrap_or(0),
            ready: lines.get(7) == Some(&"ready"),
        })
    }

    /// Whether `pid` is a living server whose working folder is `data`. A zombie is dead; a process that merely got the
    /// same number, or serves another folder, is not ours.
    pub(super) fn is_postmaster(pid: u32, data: &Path) -> bool {
        let process = Path::new("/proc").join(pid.to_string());
        let Ok(stat) = fs::read_to_string(process.join("stat")) else { return false };
        // "pid (comm) state …", and comm may itself hold brackets and blanks.
        let Some((before, after)) = stat.rsplit_once(')') else { return false };
        let comm = before.split_once('(').map_or("", |(_, comm)| comm);
        let dead = matches!(after.trim_start().chars().next(), Some('Z' | 'X') | None);
        let at_home = match (fs::read_link(process.join("cwd")), fs::canonicalize(data)) {
            (Ok(folder), Ok(data)) => folder == data,
            _ => false,
        };
        !dead && comm == "postgres" && at_home
    }

    /// After a container restart a small process id of an alien process stands in the file, and PostgreSQL, which only
    /// asks whether the number lives, would refuse for ever.
    pub(super) fn remove_if_alien(data: &Path) -> io::Result<()> {
        match Self::read(data) {
            Some(found) if !Self::is_postmaster(found.pid, data) => match fs::remove_file(data.join("postmaster.pid")) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_servers_own_lines() {
        let text = "4711\n/var/lib/x/data\n1763667000\n54321\n\n127.0.0.1\n   1234    65536\nready   \n";
        assert_eq!(PidFile::parse(text), Some(PidFile { pid: 4711, port: 54321, ready: true }));
        let starting = text.replace("ready   ", "starting");
        assert_eq!(PidFile::parse(&starting), Some(PidFile { pid: 4711, port: 54321, ready: false }));
        assert_eq!(PidFile::parse("4711\n/var"), Some(PidFile { pid: 4711, port: 0, ready: false }));
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn a_living_process_of_another_kind_is_no_postmaster() {
        assert!(!PidFile::is_postmaster(std::process::id(), Path::new("/tmp")));
        assert!(!PidFile::is_postmaster(u32::MAX, Path::new("/tmp")));
    }
}
