//! The cluster's folder: made, owned by one process at a time, and filled by `initdb`.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    process::Stdio,
};

use secrecy::{ExposeSecret, SecretString};

use super::{ClusterConfig, ClusterError, Programs, SUPERUSER, account::Account, secrets};

pub(super) fn make_folder(folder: &Path, account: &Account) -> Result<(), ClusterError> {
    let mode = if account.is_another() { 0o711 } else { 0o700 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(ClusterError::io(format!("make {}", folder.display())))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).map_err(ClusterError::io(format!("close {} to others", folder.display())))
}

pub(super) fn lock(folder: &Path) -> Result<File, ClusterError> {
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
pub(super) fn made_by(data: &Path) -> Result<Option<u16>, ClusterError> {
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
pub(super) fn initdb(config: &ClusterConfig, programs: &Programs, account: &Account, password: &SecretString) -> Result<(), ClusterError> {
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
