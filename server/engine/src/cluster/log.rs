//! What PostgreSQL says, in a file that only we read.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use super::secrets;

/// Stands in the log where each start begins.
pub(super) const START_MARK: &str = "--- start by process";
const LOG_MOVES_BEYOND_BYTES: u64 = 10 * 1024 * 1024;

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
pub(super) fn end_of_log(folder: &Path) -> String {
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
pub(super) fn names_a_passing_trouble(folder: &Path) -> bool {
    let said = end_of_log(folder);
    ["pre-existing shared memory block", "is another postmaster", "Is another postmaster", "could not bind", "Address already in use"]
        .iter()
        .any(|words| said.contains(words))
}
