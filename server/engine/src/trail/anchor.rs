//! The anchor file: heads of the chain kept outside the database, so that a lost tail or a restored past is noticed.
//!
//! One JSON object a line, appended and synced after each sealing: batch, hash, facts so far, time, key. Lines are never changed. A line
//! that was cut off by a crash has no line break and counts for nothing.

use crate::error::{Error, Result};
use crate::store::seals;
use domain::canonical::Digest;
use domain::decision::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The head of the chain at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Batch at the head.
    pub n: i64,
    /// Its hash, 64 hex digits.
    pub hash: Digest,
    /// Facts sealed up to and with it.
    pub facts: i64,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// Ed25519 key that signed it, 64 hex digits.
    pub public_key: Digest,
}

/// Name of the anchor file in a worker's data folder.
pub const FILE: &str = "anchors.jsonl";

/// Bytes read from the end of the file to find the newest head: some dozens of lines.
const TAIL_BYTES: u64 = 16 * 1024;

/// The file beside a worker.
#[derive(Debug, Clone)]
pub struct AnchorFile {
    path: PathBuf,
}

impl AnchorFile {
    /// The file in `data_dir`; it need not exist.
    #[must_use]
    pub fn in_folder(data_dir: &Path) -> Self {
        Self { path: data_dir.join(FILE) }
    }
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest head in it; `None` when there is no file or no head yet.
    pub fn newest(&self) -> Result<Option<Anchor>> {
        let mut file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.say("cannot be opened", &error)),
        };
        let mut tail = Vec::new();
        let length = file.metadata().map_err(|error| self.say("cannot be read", &error))?.len();
        let from = length.saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut tail)).map_err(|error| self.say("cannot be read", &error))?;
        let newest = parse(&tail).last();
        if newest.is_none() && length > TAIL_BYTES {
            return Err(Error::internal(format!(
                "the end of the anchor file {} is not readable as heads of the chain",
                self.path.display()
            )));
        }
        Ok(newest)
    }

    /// Appends a head and returns when it is on the disk. Blocking: for a thread that may wait.
    pub fn append(&self, anchor: &Anchor) -> Result<()> {
        let mut line = serde_json::to_vec(anchor)?;
        line.push(b'\n');
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(|error| self.say("cannot be opened for writing", &error))?;
        let new = (|| {
            let length = file.metadata()?.len();
            if length > 0 {
                // A crash may have left half a line: it must not swallow the next one.
                let mut last = [0];
                file.seek(SeekFrom::Start(length - 1))?;
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    line.insert(0, b'\n');
                }
            }
            file.write_all(&line)?;
            file.sync_all()?;
            Ok(length == 0)
        })()
        .map_err(|error: std::io::Error| self.say("cannot be written", &error))?;
        if new {
            // The name of a new file is in its folder, which has to reach the disk as well.
            let folder = self.path.parent().unwrap_or(Path::new("."));
            std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| self.say("cannot be made durable", &error))?;
        }
        Ok(())
    }

    fn say(&self, what: &str, error: &std::io::Error) -> Error {
        Error::internal(format!("the anchor file {} {what}: {error}", self.path.display()))
    }
}

/// The whole lines of an anchor file that are heads, in order.
pub fn parse(bytes: &[u8]) -> impl Iterator<Item = Anchor> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
    whole.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// What the anchor file of this worker and the state database say about each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnchorState {
    /// There is no anchor yet: a new worker, or its file was taken away.
    None,
    /// The database holds the anchored head, and perhaps more.
    Held(Anchor),
    /// The database ends before the anchored head: it was restored from the past, or lost its tail.
    Ahead {
        /// What the file knows.
        anchor: Anchor,
        /// Where the database ends; 0 without any batch.
        newest: i64,
    },
    /// The database holds another batch in the anchored place: the chain was rewritten, or this is another installation's file.
    Forked(Anchor),
}

impl AnchorState {
    /// Stable word: `ok`, `anchor_ahead`, `anchor_forked`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::None | Self::Held(_) => "ok",
            Self::Ahead { .. } => "anchor_ahead",
            Self::Forked(_) => "anchor_forked",
        }
    }

    /// Why nothing may run, and who must mend it; `None` when all is well.
    #[must_use]
    pub fn refusal(&self, file: &Path) -> Option<Refusal> {
        let file = file.display();
        let way_out = format!(
            "Nothing runs until this is reconciled, by two people who note what they found: bring back the database that holds the newer \
             facts; or, if the loss is accepted, find out what ran meanwhile, move {file} aside, keep it as evidence, and start the worker \
             again. The new beginning will be a fact in the trail."
        );
        let message = match self {
            Self::None | Self::Held(_) => return None,
            Self::Ahead { anchor, newest } => format!(
                "The anchor file {file} knows batch {} with {} facts, sealed {}, but the trail in the state database ends with batch \
                 {newest}: the database was restored from an older backup, or lost its newest part.",
                anchor.n, anchor.facts, anchor.sealed_at
            ),
            Self::Forked(anchor) => format!(
                "The anchor file {file} knows batch {} as {}, but the state database holds another batch in its place: the trail was \
                 rewritten, or this file belongs to another installation.",
                anchor.n,
                anchor.hash.short()
            ),
        };
        Some(Refusal::new(self.word(), message, way_out))
    }
}

/// Compares the newest head in the anchor file with the state database.
pub async fn compare(db: &mut PgConnection, file: &AnchorFile) -> Result<AnchorState> {
    let Some(anchor) = file.newest()? else { return Ok(AnchorState::None) };
    Ok(match seals::hash_of(db, anchor.n).await? {
        Some(hash) if hash == anchor.hash.0 => AnchorState::Held(anchor),
        Some(_) => AnchorState::Forked(anchor),
        None => AnchorState::Ahead { newest: seals::newest(db).await?.map_or(0, |newest| newest.n), anchor },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(n: i64) -> Anchor {
        Anchor { n, hash: Digest([1; 32]), facts: n * 3, sealed_at: Timestamp::UNIX_EPOCH, public_key: Digest([2; 32]) }
    }

    #[test]
    fn heads_are_appended_and_the_newest_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AnchorFile::in_folder(folder.path());
        assert_eq!(file.newest().expect("nothing yet"), None);
        for n in 1..=500 {
            file.append(&anchor(n)).expect("written");
        }
        assert_eq!(file.newest().expect("read"), Some(anchor(500)));
        assert_eq!(parse(&std::fs::read(file.path()).expect("read")).count(), 500);
    }

    #[test]
    fn a_line_cut_off_by_a_crash_neither_counts_nor_swallows_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = AnchorFile::in_folder(folder.path());
        file.append(&anchor(1)).expect("written");
        let mut bytes = std::fs::read(file.path()).expect("read");
        let whole = bytes.clone();
        bytes.extend_from_slice(&whole[..whole.len() - 1]);
        std::fs::write(file.path(), &bytes).expect("torn");
        assert_eq!(parse(&bytes).count(), 1, "without its line break it is not whole");
        file.append(&anchor(2)).expect("written");
        assert_eq!(file.newest().expect("read"), Some(anchor(2)));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = AnchorFile::in_folder(Path::new("/proc/self"));
        let said = file.append(&anchor(1)).expect_err("proc is no place for files").to_string();
        assert!(said.contains("/proc/self/anchors.jsonl"), "{said}");
    }
}
