//! Sees that every island in the source is in the wasm. One that is not hydrates nowhere, and no compiler says so.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

/// `islands`: the source folder; `glue`: the script made by wasm-bindgen.
pub fn check(islands: &Path, glue: &str) -> anyhow::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(islands).with_context(|| format!("read {}", islands.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "rs") {
            names.extend(declared(&fs::read_to_string(&path)?));
        }
    }
    ensure!(!names.is_empty(), "no island is declared in {}", islands.display());
    let absent = missing(&names, glue);
    ensure!(
        absent.is_empty(),
        "declared, but not in the wasm: {}. Is the island public, and exported from app::islands?",
        absent.join(", ")
    );
    Ok(())
}

/// Names of the functions below `#[island]`, also with arguments: `#[island(lazy)]`.
fn declared(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut below = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[island") {
            below = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| below) {
            names.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned());
            below = false;
        }
    }
    names
}

/// Leptos exports an island as its name and a hash: `Counter_959076799286099187`.
fn missing<'a>(names: &'a [String], glue: &str) -> Vec<&'a str> {
    let exported = |name: &str| {
        glue.match_indices(&format!("export function {name}_"))
            .any(|(at, found)| glue[at + found.len()..].starts_with(|c: char| c.is_ascii_digit()))
    };
    names.iter().map(String::as_str).filter(|name| !exported(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "/// Text\n#[island]\n#[expect(x)]\npub fn Counter(start: i32) -> impl IntoView {}\nfn helper() {}\n#[island(lazy)]\npub fn Log() -> impl IntoView {}";

    #[test]
    fn finds_what_is_declared() {
        assert_eq!(declared(SOURCE), ["Counter", "Log"]);
    }

    #[test]
    fn names_what_is_not_in_the_script() {
        let glue = "export function Counter_959076799286099187(el) {}\nexport function Log_entry() {}";
        assert_eq!(missing(&declared(SOURCE), glue), ["Log"]);
    }
}
