//! Who may know whom, checked over the whole source tree. The crate graph, grants and lints hold the same rules where they can; what only
//! the text shows is held here. Exceptions are listed with their reasons, and the list may only shrink.

use std::collections::BTreeSet;

use crate::source::{Source, below};

const ENGINE: &str = "server/engine/src";
/// The loops of a worker, which meet in tables.
const LOOPS: [&str; 5] = ["scheduler", "runner", "notifier", "sealer", "sampler"];

/// Files of the engine outside `places`.
fn engine_outside(places: &[&str]) -> Vec<Source> {
    let inside = |source: &Source| places.iter().any(|place| source.is_in(&format!("{ENGINE}/{place}")));
    below(ENGINE).into_iter().filter(|source| !inside(source)).collect()
}

/// `file names path` for every forbidden path that a file names.
fn found(sources: &[Source], forbidden: &[&str]) -> Vec<String> {
    let one = |source: &Source| -> Vec<String> {
        let names = forbidden.iter().flat_map(|path| source.naming(path));
        names.map(|name| format!("{} names {name}", source.path)).collect()
    };
    sources.iter().flat_map(one).collect()
}

fn none(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn the_domain_is_pure() {
    let sources = below("app/domain/src");
    let forbidden = [
        "tokio",
        "async_std",
        "futures_util",
        "futures",
        "sqlx",
        "tokio_postgres",
        "axum",
        "http",
        "hyper",
        "leptos",
        "tracing",
        "std::fs",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "std::time::SystemTime",
        "std::time::Instant",
        "std::net::TcpStream",
        "std::net::TcpListener",
        "std::net::UdpSocket",
        "std::net::ToSocketAddrs",
        "Timestamp::now",
        "jiff::Timestamp::now",
        "Zoned::now",
        "jiff::Zoned::now",
        "SystemTime::now",
        "Instant::now",
        "rand",
        "getrandom",
        "Uuid::new_v4",
        "Uuid::now_v7",
        "uuid::Uuid::new_v4",
        "uuid::Uuid::now_v7",
    ];
    none("rules take time, ids and everything else as arguments", found(&sources, &forbidden));
    let unordered = |source: &Source| ["HashMap", "HashSet", "async", "unsafe"].into_iter().any(|word| source.words.contains(word));
    let unordered = sources.iter().filter(|source| unordered(source)).map(|source| source.path.clone()).collect();
    none("bytes are hashed here: every map has an order; and nothing waits", unordered);
}

#[test]
fn the_engine_knows_no_page_and_no_header() {
    let forbidden = [
        "axum",
        "axum_extra",
        "http",
        "hyper",
        "tower",
        "tower_http",
        "tower_sessions",
        "leptos",
        "leptos_axum",
        "leptos_meta",
        "leptos_router",
        "app",
        "server",
    ];
    none("HTTP, sessions and pages end at the doors", found(&below(ENGINE), &forbidden));
    // Whoever calls out judges where to first: the client for that is one.
    none(
        "calls to the outside leave by the one client",
        found(&engine_outside(&["outbound"]), &["httparse", "reqwest", "ureq", "tokio_rustls"]),
    );
}

#[test]
fn pages_read_by_queries_alone() {
    let mut sources = below("app/src/pages");
    sources.extend(below("app/src/parts"));
    sources.extend(below("app/src/islands"));
    let forbidden =
        ["engine::store", "engine::ledger", "engine::target", "engine::transaction", "engine::runner", "sqlx", "tokio_postgres"];
    none("a page names no row, no ledger and no target", found(&sources, &forbidden));
    // No GET changes business state. What a page may call besides queries writes a mark of its own, excepted by name.
    let marks: BTreeSet<&str> =
        ["engine::actions", "engine::actions::Caller", "engine::actions::read_trail", "engine::actions::read_evidence"].into();
    let actions = found(&sources, &["engine::actions", "actions"]);
    let allowed = |line: &String| {
        marks.iter().any(|mark| line.ends_with(&format!(" names {mark}")))
            || line.contains(" names actions::read_trail")
            || line.contains(" names engine::actions::read_evidence::")
    };
    none("a page is read, so it calls no action", actions.into_iter().filter(|line| !allowed(line)).collect());
}

#[test]
fn what_islands_ask_writes_nothing() {
    let asked: Vec<Source> = below("app/src").into_iter().filter(|source| source.is_in("app/src/api")).collect();
    assert!(!asked.is_empty(), "the server functions were not found");
    let forbidden = ["engine::actions", "engine::store", "engine::ledger", "engine::transaction"];
    none("server functions only read: forms write", found(&asked, &forbidden));
}

#[test]
fn queries_cannot_write() {
    let sources = below(&format!("{ENGINE}/queries"));
    none(
        "queries run in READ ONLY transactions",
        found(&sources, &["crate::ledger", "crate::transaction::run", "transaction::run", "crate::actions::read_trail"]),
    );
    none("queries hold no SQL that writes", writes(&sources, |_, _| true));
}

#[test]
fn our_own_state_and_other_people_s_databases_meet_in_workers_only() {
    let store = below(&format!("{ENGINE}/store"));
    none("our own state knows no target", found(&store, &["crate::target", "tokio_postgres", "mysql_async"]));
    let targets: Vec<Source> = below(ENGINE).into_iter().filter(|source| source.is_in(&format!("{ENGINE}/target"))).collect();
    assert!(targets.len() > 10, "the target side was not found");
    none(
        "the target side knows nothing of our own state",
        found(&targets, &["crate::store", "crate::ledger", "crate::transaction", "sqlx"]),
    );
    // The watchdog has a right to cancel and nothing else of a target.
    let others = engine_outside(&["target", "worker", "runner", "sampler", "examiner", "watchdog", "demo", "lib"]);
    // Judges a text as the worker will, and opens nothing.
    let judged = "server/engine/src/actions/add_critical_query.rs names crate::target::probe::check_query".to_owned();
    assert_eq!(found(&others, &["crate::target", "tokio_postgres", "mysql_async"]), [judged], "only workers reach a target");
    let mut doors = below("server/src");
    doors.extend(below("app/src"));
    none("the web side asks by a row and reaches no target", found(&doors, &["engine::target", "tokio_postgres", "mysql_async"]));
}

#[test]
fn the_loops_of_a_worker_meet_in_tables() {
    for one in LOOPS {
        // The loop that is not there yet has no file; the others must be found.
        let sources: Vec<Source> = below(ENGINE).into_iter().filter(|source| source.is_in(&format!("{ENGINE}/{one}"))).collect();
        assert!(!sources.is_empty() || one == "sampler", "{one} was not found");
        let others: Vec<String> = LOOPS.iter().filter(|other| **other != one).map(|other| format!("crate::{other}")).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        none("no loop calls another", found(&sources, &others));
    }
}

/// `file: VERB table` for statements that write, where `judged(verb, table)`.
fn writes(sources: &[Source], judged: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for text in &source.strings {
            let words: Vec<&str> = text.split_whitespace().collect();
            for (n, word) in words.iter().enumerate() {
                let Some(table) = word.strip_prefix("drydock.") else { continue };
                let table = table.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
                let before = |back: usize| n.checked_sub(back).map_or("", |at| words[at].trim_start_matches('('));
                let verb = match (before(2), before(1)) {
                    (_, "UPDATE") | ("UPDATE", "ONLY") => "UPDATE",
                    ("INSERT", "INTO") => "INSERT",
                    ("DELETE", "FROM") => "DELETE",
                    (_, "TRUNCATE") => "TRUNCATE",
                    _ => continue,
                };
                if judged(verb, table) {
                    found.push(format!("{}: {verb} {table}", source.path));
                }
            }
        }
    }
    found
}

#[test]
fn only_the_ledger_changes_windows_votes_and_runs_and_writes_facts_and_messages() {
    // Statements that stand elsewhere, each with its reason. An entry that is no longer needed fails the test: take it out.
    let exceptions: BTreeSet<&str> = [
        // What the doctor tries must be refused to the services; it touches no row and is undone.
        "server/engine/src/checkup.rs: UPDATE fact",
        "server/engine/src/checkup.rs: DELETE fact",
        "server/engine/src/checkup.rs: UPDATE attempt",
        "server/engine/src/checkup.rs: UPDATE run",
        "server/engine/src/checkup.rs: UPDATE plan",
        "server/engine/src/checkup.rs: INSERT vote",
    ]
    .into();
    let guarded = |verb: &str, table: &str| match table {
        "window" | "window_target" | "vote" | "run" | "fact" | "plan" | "contributor" | "work_list" | "item" | "attempt" => true,
        // A message or an event is only ever added with what it tells; sending it is the notifier's own bookkeeping.
        "outbox" | "webhook_event" | "webhook_delivery" => verb == "INSERT",
        _ => false,
    };
    let elsewhere: BTreeSet<String> = writes(&engine_outside(&["ledger", "demo"]), guarded).into_iter().collect();
    let expected: BTreeSet<String> = exceptions.into_iter().map(str::to_owned).collect();
    assert_eq!(elsewhere, expected);
    let inside: Vec<Source> = below(ENGINE).into_iter().filter(|source| source.is_in(&format!("{ENGINE}/ledger"))).collect();
    assert!(writes(&inside, guarded).len() > 15, "the ledger's own statements are not seen: the rule would find nothing elsewhere");
}

#[test]
fn doors_and_pages_hold_no_sql_on_our_state() {
    let mut sources = below("server/src");
    sources.extend(below("app/src"));
    sources.extend(below("app/domain/src"));
    let speaks = |source: &Source| {
        source.strings.iter().any(|text| text.contains(" drydock.") && (text.contains("SELECT") || text.contains("INTO")))
    };
    let speaking = sources.iter().filter(|source| speaks(source)).map(|source| source.path.clone()).collect();
    none("SQL on our own state stands in the engine", speaking);
    none("SQL on our own state stands in the engine", writes(&sources, |_, _| true));
}

#[test]
fn one_place_reads_the_environment() {
    let mut sources = below(ENGINE);
    for place in ["server/src", "app/src", "app/domain/src", "app/hydrate/src"] {
        sources.extend(below(place));
    }
    let home = |source: &Source| source.is_in("server/src/config");
    assert!(sources.iter().any(|source| home(source) && !source.naming("std::env").is_empty()), "its one home was not found");
    sources.retain(|source| !home(source));
    none("settings come by the configuration", found(&sources, &["std::env", "env", "dotenvy", "dotenv"]));
}

#[test]
fn a_breach_is_found() {
    let source = Source::of(
        "server/engine/src/store/x.rs",
        "use crate::{error::Result, target::connect};\nfn f() { sqlx::query(\"WITH a AS (UPDATE drydock.run SET x = 1) INSERT INTO drydock.fact (id) VALUES (1)\"); }",
    );
    assert_eq!(found(std::slice::from_ref(&source), &["crate::target"]), ["server/engine/src/store/x.rs names crate::target::connect"]);
    let written = writes(std::slice::from_ref(&source), |_, _| true);
    assert_eq!(written, ["server/engine/src/store/x.rs: UPDATE run", "server/engine/src/store/x.rs: INSERT fact"]);
}

/// Ways by which data could become markup, a script or a style, in Rust and in templates.
const RAW_SINKS: [&str; 14] = [
    "inner_html",
    "insert_adjacent_html",
    "document.write",
    "outer_html",
    "InertElement",
    "|safe",
    "| safe",
    "|escape(",
    "escape = \"none\"",
    "<script",
    "<style",
    "<textarea",
    "style=",
    "javascript:",
];

#[test]
fn text_becomes_markup_nowhere() {
    // file: what it may hold, each with its reason. An entry that is no longer needed fails the test: take it out.
    let exceptions: BTreeSet<(&str, &str)> = [
        // The one text area: its content is escaped there, since the renderer does not, and a test attacks it.
        ("app/src/parts/form.rs", "inner_html"),
        ("app/src/parts/form.rs", "<textarea"),
        // Our own start script, by address.
        ("app/src/shell.rs", "<script"),
        // The template of the text part, which is no markup.
        ("server/engine/src/paper/letter.rs", "escape = \"none\""),
        // What hostile people type: the attack of a test.
        ("server/engine/src/paper/hostile_tests.rs", "<script"),
        // A constant style sheet in the one answer that a link is: the page's policy knows it by its hash.
        ("server/engine/src/paper/templates/approval.html", "<style"),
        // A constant style sheet, which is inlined before a mail is sent.
        ("server/engine/src/paper/templates/letter.html", "<style"),
        // What a person typed comes back, escaped by the template.
        ("server/engine/src/paper/templates/approval_decide.html", "<textarea"),
    ]
    .into();
    let mut found = BTreeSet::new();
    let mut looked = 0;
    for place in ["app/src", "server/src", "server/engine/src/paper"] {
        for (path, text) in crate::source::texts(place, &["rs", "html", "txt"]) {
            looked += 1;
            found.extend(RAW_SINKS.iter().filter(|sink| text.contains(**sink)).map(|sink| (path.clone(), (*sink).to_owned())));
        }
    }
    assert!(looked > 100, "only {looked} files were looked at: the rule would find nothing");
    let expected: BTreeSet<_> = exceptions.into_iter().map(|(path, sink)| (path.to_owned(), sink.to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_leaves_as_a_document_passes_the_one_sink() {
    // Templates show what their views hold: every text that comes from elsewhere passes `line` or `block`, which end in the sink.
    let letter = crate::source::texts("server/engine/src/paper/letter.rs", &["rs"]).pop().expect("there").1;
    assert!(
        letter.contains("visible(&text.split_whitespace()") && letter.contains("visible(text).replace("),
        "line and block end in the sink"
    );
    // Pages pass it last, all at once, whatever they are.
    let router = crate::source::texts("server/src/router.rs", &["rs"]).pop().expect("there").1;
    let order: Vec<usize> =
        ["words::dress", "reveal::reveal", "guard::frame"].iter().map(|layer| router.find(layer).expect("a layer")).collect();
    assert!(order.is_sorted(), "the sink stands outside every page and every error in words");
    let csv = crate::source::texts("app/domain/src/csv.rs", &["rs"]).pop().expect("there").1;
    assert!(csv.contains("visible(field)"));
}
