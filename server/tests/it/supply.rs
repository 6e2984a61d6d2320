//! What may come into the build: `deny.toml`, held without cargo-deny. Bans and sources are read from Cargo.lock, licences from what the
//! packages say of themselves. Needs no network: what is built was downloaded before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use serde_json::Value;

use crate::source::root;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package of Cargo.lock.
#[derive(Debug, Default, Clone)]
struct Locked {
    name: String,
    source: Option<String>,
    checksum: bool,
    dependencies: Vec<String>,
}

fn locked(text: &str) -> Vec<Locked> {
    let one = |block: &str| {
        let mut package = Locked::default();
        for line in block.lines() {
            match line.split_once(" = ") {
                Some(("name", name)) => name.trim_matches('"').clone_into(&mut package.name),
                Some(("source", source)) => package.source = Some(source.trim_matches('"').to_owned()),
                Some(("checksum", _)) => package.checksum = true,
                _ => {
                    // ` "name version",` in the list of dependencies.
                    let name = line.strip_prefix(" \"").and_then(|line| line.split(['"', ' ']).next());
                    package.dependencies.extend(name.map(str::to_owned));
                }
            }
        }
        package
    };
    text.split("[[package]]").skip(1).map(one).collect()
}

fn lock() -> Vec<Locked> {
    let packages = locked(&fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed"));
    assert!(packages.len() > 100, "Cargo.lock was not understood");
    packages
}

/// What `deny.toml` bans: the crate, and who alone may use it.
fn bans() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml is committed");
    let quoted = |text: &str| -> Vec<String> { text.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \""));
    let bans: BTreeMap<_, _> = lines
        .map(|line| {
            let name = line.split('"').next().unwrap_or_default().to_owned();
            let wrappers = line.split_once("wrappers = [").and_then(|(_, rest)| rest.split_once(']')).map(|(inside, _)| quoted(inside));
            (name, wrappers.unwrap_or_default())
        })
        .collect();
    for name in ["openssl", "native-tls", "aws-lc-rs", "rsa"] {
        assert_eq!(bans.get(name), Some(&Vec::new()), "{name} is banned");
    }
    assert!(bans["axum"].contains(&"server".to_owned()), "the users of axum were not understood: {bans:?}");
    bans
}

fn banned(packages: &[Locked], bans: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        if bans.get(&package.name).is_some_and(Vec::is_empty) {
            found.push(format!("{} is in Cargo.lock", package.name));
        }
        let forbidden = |name: &&String| bans.get(*name).is_some_and(|users| !users.is_empty() && !users.contains(&package.name));
        found.extend(package.dependencies.iter().filter(forbidden).map(|name| format!("{} uses {name}", package.name)));
    }
    found
}

#[test]
fn banned_crates_are_not_locked_and_the_others_are_used_where_they_belong() {
    assert_eq!(banned(&lock(), &bans()), [] as [String; 0]);
    // It would be seen.
    let breach = locked(
        "[[package]]\nname = \"domain\"\nversion = \"0.1.0\"\ndependencies = [\n \"axum\",\n \"openssl 0.10.1\",\n]\n\n[[package]]\nname = \"openssl\"\n",
    );
    assert_eq!(banned(&breach, &bans()), ["domain uses axum", "openssl is in Cargo.lock"]);
}

#[test]
fn every_package_comes_from_the_registry_with_its_checksum() {
    let mut own = BTreeSet::new();
    for package in lock() {
        match &package.source {
            None => assert!(own.insert(package.name.clone()), "{} stands twice", package.name),
            Some(source) => {
                assert_eq!(source, CRATES_IO, "{}", package.name);
                assert!(package.checksum, "{} has no checksum", package.name);
            }
        }
    }
    assert_eq!(
        own,
        ["app", "bundle", "domain", "engine", "hydrate", "server"].map(str::to_owned).into(),
        "a package without a source is ours"
    );
}

/// What cargo knows of the packages that this machine builds.
fn metadata() -> Value {
    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "cargo {arguments:?} (`cargo fetch` downloads what is missing): {said}");
        String::from_utf8(output.stdout).expect("text")
    };
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let text = cargo(&["metadata", "--offline", "--locked", "--format-version=1", "--all-features", "--filter-platform", host]);
    serde_json::from_str(&text).expect("JSON")
}

/// The licences that `deny.toml` allows.
fn allowed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml is committed");
    let list =
        text.split_once("[licenses]").and_then(|(_, after)| after.split_once("allow = [")).and_then(|(_, after)| after.split_once(']'));
    let (list, _) = list.expect("a list of licences");
    let allowed: BTreeSet<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(allowed.contains("MIT") && allowed.len() > 5, "{allowed:?}");
    allowed
}

/// Whether an SPDX expression can be met with allowed licences: `AND` needs both sides, `OR` (and the old `/`) one.
fn may(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&tokens, &mut at, allowed);
    met && at == tokens.len()
}

fn either(tokens: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = both(tokens, at, allowed);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(tokens, at, allowed);
    }
    met
}

fn both(tokens: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(tokens, at, allowed);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(tokens, at, allowed);
    }
    met
}

fn one(tokens: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(token) = tokens.get(*at) else { return false };
    *at += 1;
    if *token == "(" {
        let met = either(tokens, at, allowed);
        let closed = tokens.get(*at) == Some(&")");
        *at += 1;
        return met && closed;
    }
    let mut name = (*token).to_owned();
    if let (Some(&"WITH"), Some(exception)) = (tokens.get(*at), tokens.get(*at + 1)) {
        name = format!("{name} WITH {exception}");
        *at += 2;
    }
    allowed.contains(&name)
}

#[test]
fn every_package_that_is_built_has_a_licence_we_may_use() {
    let allowed = allowed();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-2.0-only", false),
        ("GPL-2.0-only OR MIT", true),
        ("MIT/SSPL-1.0", true),
        ("MIT AND SSPL-1.0", false),
        ("(SSPL-1.0 OR MIT) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0-only WITH Classpath-exception-2.0", false),
        ("MIT OR", true),
        ("", false),
        ("MIT Apache-2.0", false),
    ] {
        assert_eq!(may(expression, &allowed), expected, "{expression:?}");
    }
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "the packages were not understood");
    let wrong: Vec<String> = packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap_or_default(), package["license"].as_str().unwrap_or_default()))
        .filter(|(_, licence)| !may(licence, &allowed))
        .map(|(name, licence)| format!("{name}: {licence:?}"))
        .collect();
    assert_eq!(wrong, [] as [String; 0], "add the licence to deny.toml if it may go into a work under the AGPL, or do without the package");
}

#[test]
fn the_domain_stands_on_nothing_that_acts() {
    let metadata = metadata();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (package["id"].as_str().expect("an id"), package["name"].as_str().expect("a name")))
        .collect();
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
        let dependencies = node["deps"].as_array().expect("dependencies").iter();
        let normal = dependencies.filter(|one| one["dep_kinds"].as_array().expect("kinds").iter().any(|kind| kind["kind"].is_null()));
        let normal = normal.map(|one| names[one["pkg"].as_str().expect("an id")]);
        // Several versions of a crate count as one.
        uses.entry(names[node["id"].as_str().expect("an id")]).or_default().extend(normal);
    }
    let direct: BTreeSet<&str> = uses["domain"].iter().copied().collect();
    // Another one needs a reason here: rules have no use for anything that acts.
    assert_eq!(direct, ["hex", "jiff", "serde", "serde_json", "sha2", "thiserror", "uuid"].into());
    let (mut reached, mut open) = (BTreeSet::new(), vec!["domain"]);
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(&uses[name]);
        }
    }
    for acting in
        ["tokio", "mio", "sqlx", "sqlx-core", "tokio-postgres", "axum", "hyper", "http", "leptos", "lettre", "rand", "rustls", "tracing"]
    {
        assert!(!reached.contains(acting), "the domain reaches {acting}");
    }
    let engine: BTreeSet<&str> = uses["engine"].iter().copied().collect();
    for outside in ["axum", "axum-extra", "http", "hyper", "tower", "tower-http", "tower-sessions", "leptos", "app", "server"] {
        assert!(!engine.contains(outside), "the engine uses {outside}");
    }
}
