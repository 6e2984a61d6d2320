//! The system's PostgreSQL server programs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::OLDEST_MAJOR;

/// A folder with `initdb` and `postgres` of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
    /// Such as 15.
    pub major: u16,
}

impl Programs {
    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The programs of `wanted`, or the newest when there is no wish. `Err(Some(major))`: there are some, but none of
    /// that version; `Err(None)`: none at all.
    pub(crate) fn find(first: &[PathBuf], wanted: Option<u16>) -> Result<Self, Option<u16>> {
        let mut found: Vec<Self> = candidates(first).into_iter().filter_map(|folder| Self::at(&folder)).collect();
        if let Some(major) = wanted {
            return found.into_iter().find(|p| p.major == major).ok_or(Some(major));
        }
        found.sort_by_key(|p| p.major);
        found.pop().filter(|p| p.major >= OLDEST_MAJOR).ok_or(None)
    }

    /// Whether any usable programs are installed; `doctor` and the first run ask.
    pub fn newest(first: &[PathBuf]) -> Option<Self> {
        Self::find(first, None).ok()
    }

    fn at(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").is_file() || !folder.join("postgres").is_file() {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder: folder.to_owned(), major })
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    /// Whether a loadable library such as `pg_stat_statements` is installed for this version.
    pub(super) fn has_library(&self, name: &str) -> bool {
        let file = format!("{name}.so");
        ["../lib", "../lib/postgresql"].iter().any(|lib| self.folder.join(lib).join(&file).is_file())
    }
}

/// Where programs of PostgreSQL lie: where the packages of its versions put them, then elsewhere.
#[must_use]
pub fn folders(last: &[PathBuf]) -> Vec<PathBuf> {
    candidates(&[]).into_iter().chain(last.iter().cloned()).collect()
}

/// The versions whose server programs are installed, and that a private cluster may run on.
#[must_use]
pub fn server_majors(first: &[PathBuf]) -> BTreeSet<u16> {
    candidates(first)
        .into_iter()
        .filter_map(|folder| Programs::at(&folder))
        .map(|found| found.major)
        .filter(|major| *major >= OLDEST_MAJOR)
        .collect()
}

/// The versions of `pg_dump` and `pg_restore` that are installed: what a worker here can copy a schema with.
#[must_use]
pub fn dump_majors(last: &[PathBuf]) -> BTreeSet<u16> {
    let version = |folder: PathBuf| {
        let there = folder.join("pg_dump").is_file() && folder.join("pg_restore").is_file();
        let output = there.then(|| Command::new(folder.join("pg_dump")).arg("--version").output().ok())??;
        major_of(&String::from_utf8_lossy(&output.stdout))
    };
    folders(last).into_iter().filter_map(version).collect()
}

fn candidates(first: &[PathBuf]) -> Vec<PathBuf> {
    let mut folders = first.to_vec();
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|v| v.path().join("bin")));
    }
    if let Ok(entries) = fs::read_dir("/usr") {
        let named = entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with("pgsql-"));
        folders.extend(named.map(|e| e.path().join("bin")));
    }
    folders
}

/// "postgres (PostgreSQL) 15.18 (Debian …)" → 15; also "17beta2" and "18devel".
pub(crate) fn major_of(version: &str) -> Option<u16> {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 17beta2"), Some(17));
        assert_eq!(major_of("postgres (PostgreSQL)"), None);
    }

    #[test]
    fn a_version_that_is_not_installed_is_named() {
        assert_eq!(Programs::find(&[], Some(9)), Err(Some(9)));
    }
}
