//! Own procedures as files: TOML, as people write it. What it means is told by [`domain::procedure::own`].

use domain::decision::FieldError;
use domain::procedure::own_file::{FIELD, File};

/// The largest file, in bytes.
pub const MOST_BYTES: usize = 64 * 1024;

/// What a file says.
///
/// # Errors
/// It is empty, too large, or no such file: with the line.
pub fn read(text: &str) -> Result<File, FieldError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(FieldError::new(FIELD, "Choose a file, or paste its text."));
    }
    if text.len() > MOST_BYTES {
        return Err(FieldError::new(FIELD, format!("At most {} KiB; this has {}.", MOST_BYTES / 1024, text.len().div_ceil(1024))));
    }
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let place = line.map(|line| format!("Line {line}: ")).unwrap_or_default();
        let said: String = error.message().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        FieldError::new(FIELD, format!("{place}{said}."))
    })
}

/// A file as text, with a word on how it is read.
///
/// # Errors
/// Never: it holds text and whole numbers.
pub fn write(file: &File) -> Result<String, toml::ser::Error> {
    let body = toml::to_string_pretty(file)?;
    Ok(format!(
        "# A procedure of Drydock. Steps are those of its catalogue, in the order of execution; pre-checks come first and the validation last,\n\
         # always. Thresholds are those of the steps, where they differ; [[check]] asks people something on the validation list.\n\n{body}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::procedure::RiskClass;
    use domain::procedure::by_hand::ByHand;
    use domain::procedure::own_sql::{OwnSql, OwnValue, ValueKind};
    use domain::procedure::{library, own::OwnCheck};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let hostile = "'''\"\"\" \\ \u{1F980} # [[check]]\nkey = \"x\"";
        let file = File {
            key: "own_shop".into(),
            name: "shop".into(),
            about: "It's \"it\".".into(),
            dbms: "postgresql".into(),
            steps: vec!["vacuum".into(), "analyze".into()],
            thresholds: BTreeMap::from([("jobs".into(), 1)]),
            sql: None,
            values: vec![],
            by_hand: vec![],
            calls: vec![],
            checks: vec![OwnCheck { title: "a".into(), rule: hostile.into() }, OwnCheck { title: "b".into(), rule: "c".into() }],
        };
        assert_eq!(read(&write(&file).expect("text")), Ok(file.clone()));
        let by_hand = ByHand {
            key: "by_hand_pool".into(),
            title: hostile.into(),
            does: hostile.into(),
            back: hostile.into(),
            risk: RiskClass::R2,
            minutes: 10,
        };
        let people = File { by_hand: vec![by_hand.clone(), by_hand], ..file.clone() };
        assert_eq!(read(&write(&people).expect("text")), Ok(people));
        let value =
            OwnValue { name: "v".into(), label: hostile.into(), kind: ValueKind::Text, least: None, most: None, usual: hostile.into() };
        let sql = OwnSql { statements: hostile.into(), back: hostile.into(), read_by_me: true, ..OwnSql::default() };
        let file = File { steps: vec![], sql: Some(sql), values: vec![value], ..file };
        assert_eq!(read(&write(&file).expect("text")), Ok(file));
        for file in library::all().iter().filter_map(File::of) {
            let text = write(&file).expect("text");
            let again = read(&text).expect("its own text");
            assert_eq!(again, file, "{text}");
            again.read(1, &BTreeSet::new()).expect("a procedure");
        }
    }

    #[test]
    fn what_cannot_be_read_says_in_which_line() {
        let said = |text: &str| read(text).expect_err("no such file").message;
        assert!(said(" \n").contains("paste its text"));
        assert!(said("key = 1\n").starts_with("Line 1: invalid type"), "{}", said("key = 1\n"));
        assert!(said("key = \"own_a\"\nname =\n").starts_with("Line 2: "), "{}", said("key = \"own_a\"\nname =\n"));
        assert!(said("# one\n\nkey = \"own_a\"\ncolour = 3\n").starts_with("Line 4: unknown field `colour`"));
        assert!(said("key = \"own_a\"").contains("missing field `name`"));
        assert!(said("[thresholds]\njobs = -1\n").contains("Line 2"));
        assert!(said(&"#".repeat(MOST_BYTES + 1)).contains("At most 64 KiB; this has 65"));
        assert!(said("key = \"\u{7}").lines().count() == 1);
    }
}
