//! Proof that a worker process is gone, for the workers of its own folder.
//!
//! Each worker holds a lock on a file of its own, which the kernel takes from it when it ends, however it ends; a frozen process keeps it.
//! Whoever gets the lock of another knows that this one can do nothing any more, and ends its leases as it would have ended them itself:
//! a restarted worker takes its runs up at once. Without that proof, as from another machine, a lease is waited for to its end.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const FOLDER: &str = "alive";
/// Files looked at in one round; more of them are leftovers for the next ones.
const MOST_FILES: usize = 64;

/// The lock of this process. Dropping it says that the process is gone.
#[derive(Debug)]
pub(super) struct Alive {
    path: PathBuf,
    _locked: File,
}

/// What stands in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Who {
    name: String,
    /// Locks prove something on the kernel that holds them only: a folder that several machines share proves nothing.
    boot: String,
}

fn boot() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn file_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{plain}.lock")
}

impl Alive {
    /// Takes the lock of the process called `name` in a worker's folder.
    pub(super) fn hold(data_dir: &Path, name: &str) -> Result<Self> {
        let folder = data_dir.join(FOLDER);
        let held = (|| {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let path = folder.join(file_name(name));
            // Locked before it has its name: nobody finds it unlocked while its process lives.
            let fresh = path.with_extension("new");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.try_lock().map_err(io::Error::from)?;
            file.write_all(&serde_json::to_vec(&Who { name: name.to_owned(), boot: boot()? })?)?;
            std::fs::rename(&fresh, &path)?;
            Ok(Self { path, _locked: file })
        })();
        held.map_err(|error: io::Error| Error::internal(format!("cannot hold a lock in {}: {error}", folder.display())))
    }

    /// Names of processes of this folder that are proven to be gone. A name is forgotten by [`forget`], once its leases are ended.
    pub(super) fn gone(&self) -> Vec<String> {
        let Some(folder) = self.path.parent() else { return Vec::new() };
        let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
        let others =
            files.flatten().map(|file| file.path()).filter(|path| *path != self.path && path.extension().is_some_and(|e| e == "lock"));
        others.take(MOST_FILES).filter_map(|path| is_gone(&path).ok().flatten()).collect()
    }

    /// Removes the file of a process that is gone.
    pub(super) fn forget(&self, name: &str) {
        if let Some(folder) = self.path.parent() {
            let _ = std::fs::remove_file(folder.join(file_name(name)));
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The name in a file whose lock is to be had; `None` while its process lives, or where a lock proves nothing.
fn is_gone(path: &Path) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    let who: Who = serde_json::from_slice(&std::fs::read(path)?)?;
    Ok((who.boot == boot()?).then_some(who.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lock_of_a_process_that_ended_is_to_be_had() {
        let folder = tempfile::tempdir().expect("a folder");
        let me = Alive::hold(folder.path(), "host/1/aa").expect("held");
        let other = Alive::hold(folder.path(), "host/2/bb").expect("held");
        assert_eq!(me.gone(), [] as [String; 0], "both live");
        // As kill -9 would: the lock goes, the file stays.
        let file = other.path.clone();
        let content = std::fs::read(&file).expect("there");
        drop(other);
        std::fs::write(&file, &content).expect("left behind");
        assert_eq!(me.gone(), ["host/2/bb"]);
        me.forget("host/2/bb");
        assert_eq!(me.gone(), [] as [String; 0]);
        // A file of another machine, or of before the last start of this one, proves nothing.
        let foreign = String::from_utf8(content).expect("text").replace(&boot().expect("linux"), "another");
        std::fs::write(&file, foreign).expect("left behind");
        assert_eq!(me.gone(), [] as [String; 0]);
    }
}
