//! Key files: made once, readable by their owner only, never an argument.

use crate::error::{Error, Result};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// What is wrong with a key file, without reading or changing it; `None` when it is well, or was not made yet.
pub(crate) fn trouble(path: &Path) -> Option<String> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => return Some(format!("The key file {} cannot be looked at: {error}.", path.display())),
    };
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Some(format!("The key file {} can be read by others (mode {mode:o}): make it 0600.", path.display()));
    }
    std::fs::File::open(path).err().map(|error| format!("The key file {} cannot be read by this user: {error}.", path.display()))
}

/// Reads the file, or makes it with `fresh` bytes, mode 0600, synced. Refuses a file that others can read.
pub(crate) fn read_or_create(path: &Path, fresh: impl FnOnce() -> Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
    let say = |what: &str, error: std::io::Error| Error::internal(format!("{what} {}: {error}", path.display()));
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let bytes = fresh();
            file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| say("cannot write the key file", error))?;
            Ok(bytes)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let mut file = std::fs::File::open(path).map_err(|error| say("cannot open the key file", error))?;
            let mode = file.metadata().map_err(|error| say("cannot look at the key file", error))?.mode();
            if mode & 0o077 != 0 {
                return Err(Error::internal(format!(
                    "the key file {} can be read by others (mode {:o}): make it 0600",
                    path.display(),
                    mode & 0o777
                )));
            }
            let mut bytes = Zeroizing::new(Vec::new());
            file.read_to_end(&mut bytes).map_err(|error| say("cannot read the key file", error))?;
            Ok(bytes)
        }
        Err(error) => Err(say("cannot make the key file", error)),
    }
}
