//! Which backup is the newest, whether all of it is there, and what its own list says.

use domain::people::visible;
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// How an archive of `pg_dump --format=custom` begins.
const CUSTOM: &[u8] = b"PGDMP";
/// In every directory of `pg_dump --format=directory`; written last.
const CONTENTS: &str = "toc.dat";
/// Of a file so much is looked at to tell what it is.
const HEAD_BYTES: u64 = 4096;
/// In the first lines of every plain dump of one database.
const PLAIN: &str = "PostgreSQL database dump";
/// What is being written has such an ending, or a name that begins with a dot.
const UNFINISHED: [&str; 2] = [".partial", ".tmp"];
/// Endings by which people name archives: such a file that is none is told, not passed over.
const NAMED: [&str; 5] = ["dump", "pgdump", "backup", "bak", "custom"];

/// The newest backup.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// How people know it.
    pub name: String,
    /// Size of all its files, bytes.
    pub size_bytes: u64,
    /// When it was last written to.
    pub changed_at: Timestamp,
    /// How many large objects it has files of; `None` for an archive in one file, which keeps them inside.
    pub large_objects: Option<u64>,
    is_directory: bool,
}

impl Found {
    /// Whether it is still what was found: a backup that is being written is looked at when it is done.
    pub(super) fn is_unchanged(&self) -> bool {
        let is = if self.is_directory { Is::Directory } else { Is::Custom };
        let size = if self.is_directory {
            files(&self.path).map(|files| files.iter().map(|(_, size)| size).sum())
        } else {
            fs::metadata(&self.path).map(|meta| meta.len())
        };
        changed(&self.path, &is).is_ok_and(|at| at == self.changed_at) && size.is_ok_and(|size: u64| size == self.size_bytes)
    }
}

/// What lies in the folder.
#[derive(Debug)]
pub(super) enum Newest {
    /// An archive.
    Found(Found),
    /// The newest is no archive that can be proven, or there is none.
    Unusable {
        /// Which, where there is one.
        path: Option<String>,
        /// Why, as a sentence.
        said: String,
    },
}

/// What an entry of the folder is, as far as backups go.
enum Is {
    Custom,
    Directory,
    /// Not to be proven, and why.
    Not(&'static str),
    /// Something else, such as a log.
    Nothing,
}

const PLAIN_SAID: &str = "It is a plain SQL dump, and such a file does not tell whether it is whole: cut off at the end of a line it restores without an error. Dump with --format=custom or --format=directory.";
const TAR_SAID: &str =
    "It is a tar archive, which does not tell whether its files are whole. Dump with --format=custom or --format=directory.";
const OTHER_SAID: &str = "It is named like a backup and is no archive of pg_dump: it may be empty, cut off at its beginning, or encrypted.";
const BEGUN_SAID: &str = "It has no toc.dat, which pg_dump writes last: the dump did not finish.";

/// The newest backup in a folder, by the time it was written.
///
/// # Errors
/// A sentence, where the folder cannot be read.
pub(super) fn newest(folder: &Path, known_as: &str) -> Result<Newest, String> {
    let broken = |error: io::Error| format!("The worker cannot read {known_as} ({error}).");
    if !folder.parent().is_some_and(Path::is_dir) {
        return Err(format!("The folder of backups, in which {known_as} would lie, is not there: is its disk mounted?"));
    }
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let said = format!("There is no folder {known_as} on the worker's machine, where the backups of this database would lie.");
            return Ok(Newest::Unusable { path: None, said });
        }
        Err(error) => return Err(broken(error)),
    };
    let mut newest: Option<(Timestamp, PathBuf, String, Is)> = None;
    for entry in entries {
        let entry = entry.map_err(broken)?;
        let file_name = entry.file_name().to_string_lossy().into_owned();
        if file_name.starts_with('.') || UNFINISHED.iter().any(|ending| file_name.ends_with(ending)) {
            continue;
        }
        let name = format!("{known_as}/{}", visible(&file_name));
        let unread = |error: io::Error| format!("The worker cannot read {name} ({error}).");
        let is = kind(&entry.path()).map_err(unread)?;
        if matches!(is, Is::Nothing) {
            continue;
        }
        let at = changed(&entry.path(), &is).map_err(unread)?;
        if newest.as_ref().is_none_or(|(newest, ..)| at > *newest) {
            newest = Some((at, entry.path(), name, is));
        }
    }
    let Some((changed_at, path, name, is)) = newest else {
        let said = format!("No backup lies in {known_as}: neither an archive of pg_dump --format=custom nor of --format=directory.");
        return Ok(Newest::Unusable { path: None, said });
    };
    let is_directory = match is {
        Is::Custom => false,
        Is::Directory => true,
        Is::Not(said) => return Ok(Newest::Unusable { path: Some(name), said: said.to_owned() }),
        Is::Nothing => return Err(format!("The worker cannot tell what {name} is.")),
    };
    let unread = |error: io::Error| format!("The worker cannot read {name} ({error}).");
    let (size_bytes, large_objects) = if is_directory {
        let files = files(&path).map_err(unread)?;
        let blobs = files.iter().filter(|(name, ..)| name.starts_with("blob_")).count();
        (files.iter().map(|(.., size)| size).sum(), Some(blobs.try_into().unwrap_or(u64::MAX)))
    } else {
        (fs::metadata(&path).map_err(unread)?.len(), None)
    };
    Ok(Newest::Found(Found { path, name, size_bytes, changed_at, large_objects, is_directory }))
}

fn kind(path: &Path) -> io::Result<Is> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        let names: BTreeSet<String> = files(path)?.into_iter().map(|(name, ..)| name).collect();
        let data = |name: &String| name.strip_suffix(".dat").is_some() || name.contains(".dat.");
        return Ok(match (names.contains(CONTENTS), names.iter().any(data)) {
            (true, _) => Is::Directory,
            (false, true) => Is::Not(BEGUN_SAID),
            (false, false) => Is::Nothing,
        });
    }
    if !meta.is_file() {
        return Ok(Is::Nothing);
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    if head.starts_with(CUSTOM) {
        return Ok(Is::Custom);
    }
    if head.get(257..262) == Some(b"ustar") && head.starts_with(CONTENTS.as_bytes()) {
        return Ok(Is::Not(TAR_SAID));
    }
    let text = if head.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        // What is cut off inside the first block is told by what could be read of it.
        let _ = MultiGzDecoder::new(head.as_slice()).take(HEAD_BYTES).read_to_end(&mut text);
        text
    } else {
        head
    };
    if String::from_utf8_lossy(&text).contains(PLAIN) {
        return Ok(Is::Not(PLAIN_SAID));
    }
    let named = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_named = named.split('.').skip(1).any(|part| NAMED.contains(&part));
    let is_sql =
        named.split('.').skip(1).any(|part| part == "sql") && !String::from_utf8_lossy(&text).contains("PostgreSQL database cluster dump");
    Ok(match (is_sql, is_named) {
        (true, _) => Is::Not(PLAIN_SAID),
        (_, true) => Is::Not(OTHER_SAID),
        _ => Is::Nothing,
    })
}

/// When it was last written to: of a directory, its newest file.
fn changed(path: &Path, is: &Is) -> io::Result<Timestamp> {
    let of = |path: &Path| -> io::Result<Timestamp> { Timestamp::try_from(fs::metadata(path)?.modified()?).map_err(io::Error::other) };
    if path.is_dir() && !matches!(is, Is::Nothing) {
        let mut newest = of(path)?;
        for (name, ..) in files(path)? {
            newest = newest.max(of(&path.join(name))?);
        }
        return Ok(newest);
    }
    of(path)
}

/// The plain files of a directory, with their sizes.
fn files(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = fs::metadata(entry.path())?;
        if meta.is_file() {
            found.push((entry.file_name().to_string_lossy().into_owned(), meta.len()));
        }
    }
    Ok(found)
}

/// What is wrong with the files of a directory archive, which `pg_restore` itself may not notice: it takes a compressed file that ends too early
/// for one that ends. A file that carries no check of its own could be cut off anywhere.
pub(super) async fn damage(found: &Found, stop: &CancellationToken) -> Result<Option<String>, String> {
    if !found.is_directory {
        return Ok(None);
    }
    let (path, name, stop) = (found.path.clone(), found.name.clone(), stop.clone());
    let looked = tokio::task::spawn_blocking(move || look(&path, &stop)).await;
    match looked {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(format!("The worker cannot read {name} ({error}).")),
        Err(error) => Err(format!("Looking at {name} broke off ({error}).")),
    }
}

fn look(folder: &Path, stop: &CancellationToken) -> io::Result<Option<String>> {
    for (name, _) in files(folder)? {
        let shown = visible(&name);
        // Lower case, as pg_dump writes them.
        let ends = |ending: &str| name.strip_suffix(ending).is_some();
        if name == CONTENTS || ends(".toc") {
            continue;
        }
        if ends(".dat.lz4") || ends(".dat.zst") {
            return Ok(Some(format!(
                "Its file {shown} is compressed in a way whose wholeness cannot be checked file by file here. Compress a directory with gzip, or dump with --format=custom."
            )));
        }
        if ends(".dat") {
            return Ok(Some(format!(
                "Its file {shown} is not compressed, and such a file does not tell whether it is whole. Compress the directory with gzip, or dump with --format=custom."
            )));
        }
        if ends(".dat.gz")
            && let Err(error) = read_through(&folder.join(&name), stop)
        {
            if error.kind() == io::ErrorKind::Interrupted {
                return Err(error);
            }
            return Ok(Some(format!("Its file {shown} is cut off or damaged ({error}).")));
        }
    }
    Ok(None)
}

/// Reads a compressed file to its end: length and checksum stand there.
fn read_through(path: &Path, stop: &CancellationToken) -> io::Result<()> {
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, File::open(path)?));
    let mut room = vec![0; 1 << 18];
    loop {
        if stop.is_cancelled() {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "the worker was stopped"));
        }
        match decoder.read(&mut room) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What an archive's own list says.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Of which database it is.
    pub database: Option<String>,
    /// When the dump began, by the clock of where it was taken, read in this machine's zone as `pg_restore` does.
    pub created: Option<Timestamp>,
    /// Oid of the database it is of.
    pub database_oid: Option<u32>,
    /// Oids of the tables it is of.
    pub tables: BTreeSet<u32>,
    /// Extensions it would make.
    pub extensions: BTreeSet<String>,
    entries: Vec<(String, String)>,
}

impl Listed {
    /// Reads what `pg_restore --list --create` wrote.
    pub(super) fn read(list: &str) -> Self {
        let mut read = Self::default();
        for line in list.lines() {
            if let Some(head) = line.strip_prefix(';') {
                let head = head.trim();
                if let Some(at) = head.strip_prefix("Archive created at ") {
                    read.created = read.created.or_else(|| instant(at));
                } else if let Some(name) = head.strip_prefix("dbname: ") {
                    read.database.get_or_insert_with(|| name.to_owned());
                }
                continue;
            }
            // "217; 1259 16390 TABLE shop orders shop_owner": catalog and oid of the object stand before it.
            let mut words = line.split_once("; ").map_or("", |(_, rest)| rest).splitn(3, ' ');
            let (catalog, oid, entry) = (words.next(), words.next().and_then(|oid| oid.parse().ok()), words.next());
            let Some(entry) = entry.filter(|_| line.starts_with(|c: char| c.is_ascii_digit())) else { continue };
            if entry.starts_with("DATABASE - ") && catalog == Some("1262") {
                read.database_oid = oid;
            } else if entry.starts_with("TABLE ") && catalog == Some("1259") {
                read.tables.extend(oid);
            }
            read.extensions.extend(entry.strip_prefix("EXTENSION - ").map(|name| name.trim().to_owned()));
            read.entries.push((line.to_owned(), entry.to_owned()));
        }
        read
    }

    /// Whether it makes a schema. Its owner's name follows without a mark, and may have blanks.
    pub(super) fn makes_schema(&self, name: &str) -> bool {
        let begins = format!("SCHEMA - {name} ");
        self.entries.iter().any(|(_, entry)| entry.starts_with(&begins))
    }

    /// Whether something of it leads to other servers.
    pub(super) fn reaches_out(&self) -> bool {
        self.entries.iter().any(|(_, entry)| is_away(entry))
    }

    /// The lines to restore, and what is left out of them as sentences. Extensions and schemas that were made before are left out silently.
    pub(super) fn kept(&self, made: &BTreeSet<String>, schemas: &BTreeSet<String>) -> (String, Vec<String>) {
        let (mut kept, mut unknown, mut event_triggers, mut unfilled, mut away) = (String::new(), BTreeSet::new(), 0_u64, 0_u64, 0_u64);
        for (line, entry) in &self.entries {
            let of = |kind: &str| entry.starts_with(kind) || entry.strip_prefix("COMMENT - ").is_some_and(|rest| rest.starts_with(kind));
            let extension = entry.strip_prefix("EXTENSION - ").or_else(|| entry.strip_prefix("COMMENT - EXTENSION ")).map(str::trim);
            let schema = entry.strip_prefix("SCHEMA - ");
            let is_made = |rest: &str| rest.starts_with("public ") || schemas.iter().any(|name| rest.starts_with(&format!("{name} ")));
            if let Some(extension) = extension {
                if !made.contains(extension) {
                    unknown.insert(visible(extension));
                }
            } else if of("EVENT TRIGGER ") {
                event_triggers += 1;
            } else if entry.starts_with("MATERIALIZED VIEW DATA ") {
                unfilled += 1;
            } else if is_away(entry) {
                away += 1;
            } else if of("DATABASE ")
                || of("PUBLICATION ")
                || of("SUBSCRIPTION ")
                || entry.starts_with("COMMENT - SCHEMA public ")
                || schema.is_some_and(is_made)
            {
                // Of the whole database, or there already.
            } else {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        let mut left_out = Vec::new();
        if away > 0 {
            left_out.push("Servers, user mappings and foreign tables were not restored: they lead to other servers.".to_owned());
        }
        if event_triggers > 0 {
            left_out.push("Event triggers were not restored: only a superuser makes them.".to_owned());
        }
        if unfilled > 0 {
            left_out.push("Materialized views were restored without rows: filling them could reach other servers.".to_owned());
        }
        if !unknown.is_empty() {
            let names: Vec<String> = unknown.into_iter().collect();
            left_out.push(format!("Extensions that the database no longer has were left out: {}.", names.join(", ")));
        }
        (kept, left_out)
    }
}

/// What leads to other servers. A comment on it comes with it.
fn is_away(entry: &str) -> bool {
    let entry = entry.strip_prefix("COMMENT - ").unwrap_or(entry);
    ["USER MAPPING ", "SERVER ", "FOREIGN TABLE ", "FOREIGN DATA WRAPPER "].iter().any(|kind| entry.starts_with(kind))
}

/// `2026-11-29 02:13:47 UTC`: the word at the end is this machine's, not the archive's.
fn instant(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.get(..19)?.parse().ok()?;
    TimeZone::system().to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = ";\n; Archive created at 2026-11-20 02:13:47 UTC\n;     dbname: shop\n;     TOC Entries: 9\n;\n1; 2615 1 SCHEMA - shop o\n2; 2615 2 SCHEMA - public o\n3; 3079 3 EXTENSION - citext \n4; 0 0 COMMENT - EXTENSION citext \n5; 3079 4 EXTENSION - gone \n6; 3466 5 EVENT TRIGGER - t o\n7; 1418 6 USER MAPPING - USER MAPPING o SERVER s o\n8; 1259 7 TABLE shop EVENT TRIGGER o\n9; 0 8 MATERIALIZED VIEW DATA shop m o\n10; 2615 9 SCHEMA - tools Domain Users\n11; 1262 16384 DATABASE - shop o\n12; 1417 20 SERVER - s o\n";

    #[test]
    fn a_list_says_of_which_database_it_is_and_when() {
        let listed = Listed::read(LIST);
        assert_eq!(listed.database.as_deref(), Some("shop"));
        let there = TimeZone::system().to_timestamp("2026-11-20T02:13:47".parse().expect("a time")).expect("exists");
        assert_eq!(listed.created, Some(there));
        let (kept, left_out) = listed.kept(&["citext".to_owned()].into(), &["tools".to_owned()].into());
        assert_eq!(kept.lines().collect::<Vec<_>>(), ["1; 2615 1 SCHEMA - shop o", "8; 1259 7 TABLE shop EVENT TRIGGER o"]);
        assert_eq!((listed.database_oid, listed.tables.clone()), (Some(16384), [7].into()));
        assert!(listed.makes_schema("tools") && !listed.makes_schema("tool") && listed.reaches_out());
        assert_eq!(listed.extensions, ["citext".to_owned(), "gone".to_owned()].into());
        assert_eq!(left_out.len(), 4, "{left_out:?}");
        assert!(left_out[3].ends_with("left out: gone."), "{left_out:?}");
    }

    #[test]
    fn a_forged_line_is_no_head() {
        let listed = Listed::read("1; 1259 7 TABLE shop ; dbname: other o\n;     dbname: shop\n;     dbname: other\n");
        assert_eq!(listed.database.as_deref(), Some("shop"));
        assert_eq!(instant("soon"), None);
    }
}
