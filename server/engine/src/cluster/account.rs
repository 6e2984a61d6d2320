//! Whom the server runs as: ourselves, or the user `postgres` when we are root (PostgreSQL refuses root).

use std::{
    io,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use super::ClusterError;

const SERVER_USER: &str = "postgres";

#[derive(Debug, Clone)]
pub(super) enum Account {
    Ourselves,
    Another { uid: u32, gid: u32 },
}

impl Account {
    pub(super) fn for_the_server() -> Result<Self, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        match (id_of("-u"), id_of("-g")) {
            (Some(uid), Some(gid)) => Ok(Self::Another { uid, gid }),
            _ => Err(ClusterError::NoServerUser),
        }
    }

    pub(super) fn is_another(&self) -> bool {
        matches!(self, Self::Another { .. })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ourselves => "running Drydock",
            Self::Another { .. } => SERVER_USER,
        }
    }

    /// A command as this user, in `folder`, with nothing of our environment: a `LANG` that is not installed stops initdb.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("PATH", "/usr/bin:/bin");
        if let Self::Another { uid, gid } = self {
            // The standard library also drops the supplementary groups of root here.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Another { uid, gid } => chown(path, Some(*uid), Some(*gid)),
        }
    }

    /// Asked by doing it, so that access lists and mount options count too. A folder that does not exist is judged by
    /// its nearest existing parent.
    pub(super) fn can_enter(&self, folder: &Path) -> bool {
        let Some(existing) = folder.ancestors().find(|p| p.is_dir()) else { return false };
        self.command(Path::new("/bin/true"), existing)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    }
}

/// `id` asks the name service, so that users of a directory are found as well as those of `/etc/passwd`.
fn id_of(which: &str) -> Option<u32> {
    let output = Command::new("id").arg(which).arg(SERVER_USER).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().parse().ok())?
}
