//! The source tree as text: what a file imports and names, and what its strings say. Good enough for rules about who may know whom.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// One Rust file, without its comments and its unit tests.
pub struct Source {
    /// Relative to the root of the repository.
    pub path: String,
    /// Every path it imports or names in full: `std::fs::File`, `crate::store::people`.
    pub names: BTreeSet<String>,
    /// Its string literals.
    pub strings: Vec<String>,
    /// Identifiers in the order of the text.
    pub words: BTreeSet<String>,
}

/// Root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("server/ lies in the repository").to_owned()
}

/// Every Rust file below a folder of the repository, or the one file.
pub fn below(place: &str) -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join(place), &mut files);
    files.sort();
    assert!(!files.is_empty(), "{place} holds no Rust file: the rule would check nothing");
    files.iter().map(|file| Source::read(file)).collect()
}

/// Files with one of these endings below a folder, or the one file: path and text without unit tests at the end.
pub fn texts(place: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut places = vec![root().join(place)];
    while let Some(next) = places.pop() {
        if next.is_dir() {
            places.extend(fs::read_dir(&next).expect("readable").flatten().map(|entry| entry.path()));
        } else if next.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| endings.contains(&ending)) {
            let path = next.strip_prefix(root()).expect("below the root").to_str().expect("plain").to_owned();
            let text = fs::read_to_string(&next).expect("readable");
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            found.push((path, code.to_owned()));
        }
    }
    found.sort();
    found
}

fn collect(place: &Path, files: &mut Vec<PathBuf>) {
    if place.is_dir() {
        for entry in fs::read_dir(place).expect("readable").flatten() {
            collect(&entry.path(), files);
        }
    } else if place.extension().is_some_and(|extension| extension == "rs") {
        files.push(place.to_owned());
    }
}

impl Source {
    fn read(file: &Path) -> Self {
        let path = file.strip_prefix(root()).expect("below the root").to_str().expect("plain").to_owned();
        Self::of(&path, &fs::read_to_string(file).expect("readable"))
    }

    /// The file `path` with this content.
    pub fn of(path: &str, text: &str) -> Self {
        let (code, strings) = split(text);
        let code = without_unit_tests(&code);
        let strings =
            strings.into_iter().enumerate().filter(|(n, _)| code.contains(&format!("\"{n}\""))).map(|(_, string)| string).collect();
        let module = module_of(path);
        let tokens = tokens(&code);
        let names = names(&tokens).into_iter().map(|name| absolute(&module, &name)).collect();
        let words = tokens.into_iter().filter(|token| is_word(token)).collect();
        Self { path: path.to_owned(), names, strings, words }
    }

    /// The paths of this file that are `of` or lie below it.
    pub fn naming(&self, of: &str) -> Vec<&str> {
        let below = format!("{of}::");
        self.names.iter().filter(|name| *name == of || name.starts_with(&below)).map(String::as_str).collect()
    }

    /// True for the file `place`, or a file in the folder `place`; `runner` is `runner.rs` and `runner/`.
    pub fn is_in(&self, place: &str) -> bool {
        self.path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    }
}

/// `server/engine/src/runner/lease.rs` → `[runner, lease]`; crate roots are empty.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.rsplit_once("src/").map_or(path, |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs");
    let parts = inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    parts.map(str::to_owned).collect()
}

/// `super::x` and `self::x` as paths from the crate's root.
fn absolute(module: &[String], name: &str) -> String {
    let mut at = module.len();
    let mut parts = name.split("::").peekable();
    if !matches!(parts.peek(), Some(&("super" | "self"))) {
        return name.to_owned();
    }
    while let Some(word @ ("super" | "self")) = parts.peek().copied() {
        at = if word == "super" { at.saturating_sub(1) } else { at };
        parts.next();
    }
    let all: Vec<&str> = std::iter::once("crate").chain(module[..at].iter().map(String::as_str)).chain(parts).collect();
    all.join("::")
}

/// Code with comments left out and numbers in the place of the insides of strings, and those insides.
fn split(text: &str) -> (String, Vec<String>) {
    let bytes: Vec<char> = text.chars().collect();
    let (mut code, mut strings, mut i) = (String::new(), Vec::new(), 0);
    let at = |i: usize| bytes.get(i).copied().unwrap_or('\0');
    while i < bytes.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < bytes.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            ('/', '*') => {
                let mut depth = 0;
                while i < bytes.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            ('r', '"' | '#') if !is_word_char(if i == 0 { '\0' } else { at(i - 1) }) && raw_string(&bytes, i).is_some() => {
                let (inside, end) = raw_string(&bytes, i).expect("just seen");
                let _ = write!(code, "\"{}\"", strings.len());
                strings.push(inside);
                i = end;
            }
            ('"', _) => {
                let mut inside = String::new();
                i += 1;
                while i < bytes.len() && at(i) != '"' {
                    if at(i) == '\\' {
                        i += 1;
                    }
                    inside.push(at(i));
                    i += 1;
                }
                i += 1;
                let _ = write!(code, "\"{}\"", strings.len());
                strings.push(inside);
            }
            // A character, not a lifetime.
            ('\'', '\\') => {
                i += 3;
                while i < bytes.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (other, _) => {
                code.push(other);
                i += 1;
            }
        }
    }
    (code, strings)
}

/// The inside of `r"…"` or `r#"…"#` that begins at `start`, and where it ends.
fn raw_string(text: &[char], start: usize) -> Option<(String, usize)> {
    let fences = text[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + fences;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let mut end = open + 1;
    while end < text.len() && !(text[end] == '"' && text[end + 1..].iter().take_while(|c| **c == '#').count() >= fences) {
        end += 1;
    }
    Some((text[open + 1..end.min(text.len())].iter().collect(), end + 1 + fences))
}

/// Leaves out `#[cfg(test)] mod x { … }` of the outermost level, which ends with a brace at the beginning of a line.
fn without_unit_tests(code: &str) -> String {
    let (mut kept, mut rest) = (String::new(), code);
    while let Some((before, after)) = rest.split_once("#[cfg(test)]\nmod ") {
        kept.push_str(before);
        let line = after.lines().next().unwrap_or_default();
        rest = if line.ends_with('{') { after.split_once("\n}").map_or("", |(_, after)| after) } else { &after[line.len()..] };
    }
    kept.push_str(rest);
    kept
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_word(token: &str) -> bool {
    token.chars().next().is_some_and(is_word_char)
}

fn tokens(code: &str) -> Vec<String> {
    let (mut tokens, mut chars) = (Vec::new(), code.chars().peekable());
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            continue;
        }
        let mut token = c.to_string();
        if is_word_char(c) {
            while let Some(next) = chars.next_if(|next| is_word_char(*next)) {
                token.push(next);
            }
        } else if c == ':' && chars.next_if_eq(&':').is_some() {
            token.push(':');
        }
        tokens.push(token);
    }
    tokens
}

/// Paths of two and more parts, and everything that a `use` brings in: groups are spread out.
fn names(tokens: &[String]) -> BTreeSet<String> {
    let (mut names, mut i) = (BTreeSet::new(), 0);
    while i < tokens.len() {
        let word = tokens[i].as_str();
        let after_path = i > 0 && tokens[i - 1] == "::";
        if word == "use" && !after_path {
            i = spread(tokens, i + 1, "", &mut names);
        } else if is_word(word) && !after_path && tokens.get(i + 1).is_some_and(|next| next == "::") {
            let mut name = word.to_owned();
            while tokens.get(i + 1).is_some_and(|next| next == "::") && tokens.get(i + 2).is_some_and(|next| is_word(next)) {
                name = format!("{name}::{}", tokens[i + 2]);
                i += 2;
            }
            names.insert(name);
            i += 1;
        } else {
            i += 1;
        }
    }
    names
}

/// One tree of a `use`, from token `i`; returns where it ends.
fn spread(tokens: &[String], mut i: usize, prefix: &str, names: &mut BTreeSet<String>) -> usize {
    let mut name = prefix.to_owned();
    while let Some(token) = tokens.get(i) {
        match token.as_str() {
            "{" => {
                i += 1;
                while tokens.get(i).is_some_and(|token| !matches!(token.as_str(), "}" | ";")) {
                    i = spread(tokens, i, &name, names);
                    if tokens.get(i).is_some_and(|token| token == ",") {
                        i += 1;
                    }
                }
                return i + 1;
            }
            ";" | "," | "}" => break,
            "as" => i += 2,
            "::" => i += 1,
            "self" if !name.is_empty() => i += 1,
            word => {
                name = if name.is_empty() { word.to_owned() } else { format!("{name}::{word}") };
                i += 1;
            }
        }
    }
    names.insert(name);
    i
}

#[test]
fn imports_and_names_are_seen_and_comments_and_strings_are_not() {
    let text = r##"
        //! use tokio::spawn;
        use std::{collections::{BTreeMap, HashMap as Map}, fs::{self, File}};
        use super::super::store::people;
        pub(crate) use self::inner::*;
        /* std::env::var */
        fn f<'a>(x: &'a str) -> char { let _ = "sqlx::query"; let _ = r#"a " UPDATE drydock.run"#; tokio::spawn(x); ['\'', '"'] }
#[cfg(test)]
mod tests {
    use axum::Router;
    const SQL: &str = "DELETE FROM drydock.fact";
}
        fn g() { rand::rng(); }
    "##;
    let source = Source::of("server/engine/src/runner/lease.rs", text);
    for name in ["std::collections::BTreeMap", "std::collections::HashMap", "std::fs", "std::fs::File", "tokio::spawn", "rand::rng"] {
        assert!(source.names.contains(name), "{name}: {:?}", source.names);
    }
    assert_eq!(source.naming("crate::store"), ["crate::store::people"]);
    assert_eq!(source.naming("crate::runner"), ["crate::runner::lease::inner::*"]);
    for absent in ["sqlx", "axum", "std::env"] {
        assert!(source.naming(absent).is_empty(), "{absent}: {:?}", source.names);
    }
    assert_eq!(source.strings, ["sqlx::query", "a \" UPDATE drydock.run"]);
    assert!(source.is_in("server/engine/src/runner") && !source.is_in("server/engine/src/run"));
}
