use super::*;
use crate::procedure::ObjectName;
use std::collections::BTreeMap;

fn name(own: &str) -> ObjectName {
    ObjectName::new("shop", own).expect("no NUL")
}

fn kinds(selection: &Selection) -> Vec<(&str, FindingLevel)> {
    assert!(selection.items.is_empty(), "a review selects no work");
    selection.findings.iter().map(|finding| (finding.kind.as_str(), finding.level)).collect()
}

fn unused_row(bytes: u64) -> indexes::UnusedRow {
    indexes::UnusedRow { index: name("i"), bytes, writes_rows: 5, definition: "CREATE INDEX i ON shop.t USING btree (a)".into() }
}

#[test]
fn an_unused_index_is_only_named_when_it_was_watched_long_enough_everywhere() {
    let large = [unused_row(indexes::UNUSED_MIN_BYTES)];
    let month = Some(indexes::OBSERVED_AT_LEAST_S);
    assert_eq!(kinds(&indexes::unused(&large, month, 0)), [("unused_index", ATTENTION)]);
    assert_eq!(kinds(&indexes::unused(&[unused_row(1)], month, 0)), []);
    for (observed, standbys) in [(Some(indexes::OBSERVED_AT_LEAST_S - 1), 0), (None, 0), (month, 1)] {
        assert_eq!(kinds(&indexes::unused(&large, observed, standbys)), [("cannot_see", ATTENTION)], "{observed:?} {standbys}");
    }
    let said = &indexes::unused(&large, Some(60), 0).findings[0].sentence;
    assert!(said.contains("observed for 0 days"), "{said}");
}

#[test]
fn duplicates_are_acted_on_and_prefixes_are_advice() {
    let row = |exact| indexes::DuplicateRow { index: name("a"), covered_by: name("b"), exact, bytes: 1, definition: "CREATE INDEX".into() };
    assert_eq!(kinds(&indexes::duplicates(&[row(true), row(false)])), [("duplicate_index", ATTENTION), ("prefix_index", NOTE)]);
}

#[test]
fn a_foreign_key_matters_by_size_or_by_its_action() {
    let row = |child_bytes, parent_changes_rows, acts| indexes::ForeignKeyRow {
        child: name("line"),
        parent: name("orders"),
        constraint: "line_order".into(),
        columns: "order_id".into(),
        child_bytes,
        parent_changes_rows,
        acts,
    };
    let large = indexes::CHILD_MIN_BYTES;
    let found = indexes::foreign_keys(&[row(large, 1, false), row(large, 0, false), row(1, 9, false), row(1, 0, true)]);
    assert_eq!(kinds(&found), [("foreign_key_without_index", ATTENTION), ("foreign_key_without_index", NOTE)]);
}

#[test]
fn sequences_are_named_from_half_on_and_blindness_is_said() {
    let row =
        |used_permille, readable| keys::SequenceRow { sequence: name("s"), column: Some("shop.t.id".into()), used_permille, readable };
    let found = keys::sequences(&[
        row(Some(499), true),
        row(Some(500), true),
        row(Some(750), true),
        row(Some(930), true),
        row(None, true),
        row(None, false),
    ]);
    let near = "sequence_near_end";
    assert_eq!(kinds(&found), [(near, NOTE), (near, ATTENTION), (near, URGENT), ("cannot_see", ATTENTION)]);
    assert!(found.findings[2].sentence.starts_with("93.0 % of shop.t.id"), "{:?}", found.findings[2]);
}

#[test]
fn damage_is_urgent_and_what_was_not_checked_is_said() {
    use integrity::{CheckRow, Checked};
    let row = |checked| CheckRow { index: name("i"), checked };
    let rows = [row(Checked::Sound), row(Checked::Damaged("item order".into())), row(Checked::NotChecked("no right".into()))];
    let found = integrity::indexes(&rows, 2);
    assert_eq!(kinds(&found), [("damaged_index", URGENT), ("cannot_see", ATTENTION), ("sound_indexes", NOTE), ("cannot_see", ATTENTION)]);
    assert_eq!(kinds(&integrity::checksums(Some(0))), []);
    assert_eq!(kinds(&integrity::checksums(Some(1))), [("checksum_failures", URGENT)]);
    assert_eq!(kinds(&integrity::checksums(None)), [("no_checksums", NOTE)]);
}

#[test]
fn ways_in_are_judged_by_what_they_ask_and_from_where() {
    let row = |kind: &str, address: &str, method: &str| security::HbaRow {
        line: 1,
        kind: kind.into(),
        address: address.into(),
        method: method.into(),
        error: None,
    };
    let found = security::hba(&[
        row("local", "", "peer"),
        row("host", "127.0.0.1", "scram-sha-256"),
        row("host", "0.0.0.0", "trust"),
        row("local", "", "trust"),
        row("host", "10.0.0.0", "password"),
        row("hostssl", "10.0.0.0", "password"),
        row("host", "10.0.0.0", "md5"),
        row("host", "all", "scram-sha-256"),
        security::HbaRow { error: Some("end of line".into()), ..row("host", "", "trust") },
    ]);
    let expected = [
        ("hba_trust", URGENT),
        ("hba_trust", ATTENTION),
        ("hba_clear_text", ATTENTION),
        ("hba_md5", NOTE),
        ("hba_everywhere", NOTE),
        ("hba_error", ATTENTION),
    ];
    assert_eq!(kinds(&found), expected);
    assert_eq!(kinds(&security::encoding("SQL_ASCII")), [("sql_ascii", ATTENTION)]);
    assert_eq!(kinds(&security::encoding("UTF8")), []);
}

#[test]
fn passwords_are_judged_by_how_they_are_stored_and_when_they_end() {
    let stored = |kind: &str, iterations| security::PasswordRow { role: "app".into(), kind: kind.into(), iterations };
    let found = security::stored(&[stored("md5", None), stored("scram", Some(4_096)), stored("scram", Some(4_095)), stored("other", None)]);
    assert_eq!(kinds(&found), [("password_md5", ATTENTION), ("password_few_rounds", NOTE)]);
    let login = |role: &str, left_days| security::LoginRow { role: role.into(), left_days };
    let found = security::ends(&[login("old", Some(-1)), login("soon", Some(14)), login("later", Some(15)), login("ever", None)]);
    assert_eq!(kinds(&found), [("password_ended", NOTE), ("password_ends", ATTENTION), ("password_without_end", NOTE)]);
    assert!(found.findings[2].sentence.contains("no end: ever."), "{found:?}");
    let many: Vec<_> = (0..12).map(|n| login(&format!("r{n}"), None)).collect();
    assert!(security::ends(&many).findings[0].sentence.contains("r9 and 2 more."));
    assert_eq!(kinds(&security::ends(&[])), []);
}

#[test]
fn settings_are_compared_with_rules() {
    use configuration::{Figures, Setting, review};
    let setting = |value: &str| Setting { value: value.into(), source: "configuration file".into(), pending_restart: false };
    let settings = |all: &[(&str, &str)]| all.iter().map(|(name, value)| ((*name).to_owned(), setting(value))).collect::<BTreeMap<_, _>>();
    let good = Figures { settings: settings(&[("fsync", "on"), ("autovacuum", "on"), ("log_lock_waits", "on")]), ..Figures::default() };
    assert_eq!(kinds(&review(&good)), []);
    let mut bad = Figures {
        settings: settings(&[("fsync", "off"), ("log_lock_waits", "off"), ("shared_buffers", "16384"), ("work_mem", "4096")]),
        checkpoints: Some((5, 16)),
        connections: Some((80, 100)),
        deadlocks: Some(2),
        archiver_fails: Some(true),
        idle_slots: vec![("old".into(), false), ("lost".into(), true)],
        file_errors: vec![("postgresql.conf:3".into(), "invalid value".into())],
        overrides: vec!["role app: work_mem=1GB".into()],
    };
    bad.settings.get_mut("work_mem").expect("set").pending_restart = true;
    let found = review(&bad);
    let expected = [
        ("setting", URGENT),
        ("setting", NOTE),
        ("pending_restart", ATTENTION),
        ("setting", NOTE),
        ("requested_checkpoints", ATTENTION),
        ("connections", ATTENTION),
        ("deadlocks", NOTE),
        ("archiver_fails", URGENT),
        ("idle_slot", ATTENTION),
        ("idle_slot", URGENT),
        ("configuration_error", ATTENTION),
        ("overrides", NOTE),
    ];
    assert_eq!(kinds(&found), expected);
    let few = Figures { checkpoints: Some((1, 9)), ..Figures::default() };
    assert_eq!(kinds(&review(&few)), [], "ten checkpoints say nothing");
}

#[test]
fn every_finding_says_what_to_do() {
    let roles = security::roles(&[security::RoleRow { role: "boss".into(), superuser: true, powers: vec![], expires: false }]);
    let public = security::public(&[security::PublicRow { object: "shop".into(), rights: String::new(), creates: true }]);
    let definers = security::definers(&["shop.f()".into()]);
    let extensions =
        security::extensions(&[security::ExtensionRow { name: "postgis".into(), installed: "3.3".into(), available: "3.5".into() }]);
    let (keyless, collations) = (keys::keyless(&[keys::KeylessRow { table: name("t"), bytes: 8192 }]), integrity::collations(&[name("i")]));
    for selection in [roles, public, definers, extensions, keyless, collations, integrity::no_amcheck()] {
        for finding in &selection.findings {
            assert!(finding.sentence.ends_with('.') && finding.advice.ends_with('.'), "{finding:?}");
        }
        assert_eq!(selection.findings.len(), 1);
    }
}
