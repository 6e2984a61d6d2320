//! The environment as it was at the start, and the reader that collects problems.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use url::Url;

use super::Problems;

/// A copy of what the process was given at its start.
#[derive(Clone)]
pub struct Environment {
    values: BTreeMap<String, String>,
    working_folder: PathBuf,
    executable: Option<PathBuf>,
}

impl Environment {
    /// The one read of the process environment.
    #[expect(clippy::disallowed_methods, reason = "the one home of environment reads")]
    pub fn capture() -> Self {
        let values = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
        Self { values, working_folder: std::env::current_dir().unwrap_or_else(|_| "/".into()), executable: std::env::current_exe().ok() }
    }

    /// Relative paths start here.
    pub fn working_folder(&self) -> &Path {
        &self.working_folder
    }

    /// The program itself: children are made of it, and the site may lie beside it.
    pub fn executable(&self) -> Option<&Path> {
        self.executable.as_deref()
    }

    /// What children inherit: everything that is not ours to hand on by name.
    pub fn without_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().filter(|(name, _)| !is_ours(name)).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Our own settings that hold no connection URL and no person's password: children read them as we did.
    pub fn plain_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let kept_back = |name: &str| name.ends_with("DATABASE_URL") || name == "DRYDOCK_ADMIN_PASSWORD";
        let plain = move |name: &str| is_ours(name) && !kept_back(name.strip_suffix("_FILE").unwrap_or(name));
        self.values.iter().filter(move |(name, _)| plain(name)).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Who sits at the shell, as far as it says so: for the trail.
    pub fn operator(&self) -> &str {
        let said = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| self.values.get(*name));
        said.map(String::as_str).filter(|name| !name.is_empty()).unwrap_or("unnamed")
    }

    pub(super) fn program_folders(&self) -> Vec<PathBuf> {
        self.values.get("PATH").map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn of(values: &[(&str, &str)]) -> Self {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { values, working_folder: "/somewhere".into(), executable: None }
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("DRYDOCK_") || name == "DATABASE_URL" || name == "DATABASE_URL_FILE"
}

impl std::fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Reads settings by name and remembers what was wrong and which names it knows.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    known: BTreeSet<&'static str>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self { environment, known: BTreeSet::new(), problems: Vec::new() }
    }

    pub(super) fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    /// The value of `NAME`, or the content of the file that `NAME_FILE` names. An empty value counts as absent.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        debug_assert!(super::table::SETTINGS.iter().any(|setting| setting.name == name), "{name} is missing in the table of settings");
        self.known.insert(name);
        let get = |name: &str| self.environment.values.get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        match (get(name), get(&format!("{name}_FILE"))) {
            (Some(_), Some(_)) => {
                self.problem(format!("{name} and {name}_FILE are both set: keep one"));
                None
            }
            (Some(value), None) => Some(value),
            (None, Some(file)) => match fs::read_to_string(&file) {
                Ok(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
                Err(error) => {
                    self.problem(format!("{name}_FILE names {file}, which cannot be read: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    pub(super) fn judge<T>(&mut self, name: &str, text: Option<String>, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        parse(&text?).map_err(|why| self.problem(format!("{name} {why}"))).ok()
    }

    /// The value may hold a password: no message repeats it.
    pub(super) fn database_url(&mut self, name: &'static str) -> Option<SecretString> {
        let text = self.text(name)?;
        let sound = Url::parse(&text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.path().len() > 1);
        if !sound {
            self.problem(format!("{name} is not a connection URL with a database, such as postgres://user:password@host:5432/drydock"));
            return None;
        }
        Some(text.into())
    }

    pub(super) fn finish(mut self) -> Result<(), Problems> {
        let names = self.environment.values.keys().filter(|name| name.starts_with("DRYDOCK_"));
        let strangers: Vec<&String> = names.filter(|name| !self.known.contains(name.strip_suffix("_FILE").unwrap_or(name))).collect();
        for name in strangers {
            let near = self.known.iter().map(|known| (distance(known, name), known)).min().filter(|(far, _)| *far <= 3);
            let hint = near.map(|(_, known)| format!("; did you mean {known}?")).unwrap_or_default();
            self.problems.push(format!("{name} is no setting of Drydock{hint}"));
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }
}

/// Letters to change, insert or leave out, to turn one name into the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
