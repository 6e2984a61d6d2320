//! Two descriptions of a schema as `pg_dump` writes them, object by object. Order does not count: only what is described.

use super::super::fault::clean;
use domain::change::trial::{After, Difference, DifferenceKind, MOST_DIFFERENCES};
use std::collections::BTreeMap;

/// Lines shown of one object.
const MOST_LINES: usize = 6;
/// Characters shown of one line.
const MOST_CHARACTERS: usize = 160;
/// Kinds whose lines are shown: of code, of servers and of what else may hold anything only the name is.
const SHOWN: &[&str] = &[
    "TABLE",
    "TABLE ATTACH",
    "INDEX",
    "INDEX ATTACH",
    "CONSTRAINT",
    "FK CONSTRAINT",
    "CHECK CONSTRAINT",
    "SEQUENCE",
    "SEQUENCE OWNED BY",
    "DEFAULT",
    "SCHEMA",
    "TYPE",
    "STATISTICS",
    "TRIGGER",
    "ACL",
    "COMMENT",
];

/// What an object is, for sorting and for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: String,
    schema: String,
    name: String,
}

impl Key {
    /// Reads the line above an object: `-- Name: orders; Type: TABLE; Schema: shop; Owner: shop_owner`.
    fn read(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("-- Name: ")?;
        // From the end: a name may hold anything.
        let (rest, _owner) = rest.rsplit_once("; Owner: ")?;
        let (rest, schema) = rest.rsplit_once("; Schema: ")?;
        let (name, kind) = rest.rsplit_once("; Type: ")?;
        Some(Self { kind: kind.to_owned(), schema: schema.to_owned(), name: name.to_owned() })
    }

    fn label(&self) -> String {
        let schema = if self.schema == "-" { String::new() } else { format!("{}.", self.schema) };
        clean(&format!("{} {schema}{}", self.kind, self.name))
    }
}

fn objects(dump: &str) -> BTreeMap<Key, Vec<&str>> {
    let mut found: BTreeMap<Key, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in dump.lines() {
        if let Some(key) = Key::read(line) {
            found.entry(key.clone()).or_default();
            current = Some(key);
            continue;
        }
        // These come between objects, by their order.
        let between = line.trim().is_empty() || line == "--" || line.starts_with("SET default_") || line.starts_with('\\');
        if let Some(lines) = current.as_ref().and_then(|key| found.get_mut(key))
            && !between
        {
            lines.push(line);
        }
    }
    found
}

/// What differs between before and after.
pub(super) fn compare(before: &str, after: &str) -> After {
    let (before, after) = (objects(before), objects(after));
    let mut differences = Vec::new();
    for (key, lines) in &before {
        match after.get(key) {
            None => differences.push(difference(key, DifferenceKind::Gone, lines, &[])),
            Some(now) if now != lines => differences.push(difference(key, DifferenceKind::Changed, lines, now)),
            Some(_) => {}
        }
    }
    let made = after.iter().filter(|(key, _)| !before.contains_key(key));
    differences.extend(made.map(|(key, lines)| difference(key, DifferenceKind::LeftBehind, &[], lines)));
    if differences.is_empty() {
        return After::Same;
    }
    let more = differences.len().saturating_sub(MOST_DIFFERENCES) as u64;
    differences.truncate(MOST_DIFFERENCES);
    After::Differs { objects: differences, more }
}

fn difference(key: &Key, kind: DifferenceKind, before: &[&str], after: &[&str]) -> Difference {
    let mut lines = Vec::new();
    if kind == DifferenceKind::Changed && SHOWN.contains(&key.kind.as_str()) {
        lines.extend(without(before, after).map(|line| shown('-', line)));
        lines.extend(without(after, before).map(|line| shown('+', line)));
        if lines.is_empty() {
            lines.push("the same lines in another order".to_owned());
        }
        let more = lines.len().saturating_sub(MOST_LINES);
        if more > 0 {
            lines.truncate(MOST_LINES);
            lines.push(format!("and {more} more"));
        }
    }
    Difference { object: key.label(), kind, lines }
}

/// The lines of one that the other does not have. The last column of a table has no comma behind it, which is no difference.
fn without<'a>(of: &'a [&str], other: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let plain = |line: &'a str| line.trim().trim_end_matches(',');
    of.iter().copied().map(plain).filter(move |line| !other.iter().any(|have| plain(have) == *line))
}

fn shown(sign: char, line: &str) -> String {
    clean(&format!("{sign} {}", line.chars().take(MOST_CHARACTERS).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "\\restrict abc\n--\n-- Name: orders; Type: TABLE; Schema: shop; Owner: o\n--\n\nCREATE TABLE shop.orders (\n    id integer NOT NULL,\n    note text\n);\n\n--\n-- Name: f(); Type: FUNCTION; Schema: shop; Owner: o\n--\n\nCREATE FUNCTION shop.f() 'secret one';\n\n\\unrestrict abc\n";

    #[test]
    fn order_and_the_password_of_the_script_do_not_count() {
        let parts: Vec<&str> = BEFORE.split("--\n-- Name: ").collect();
        let turned = format!("\\restrict other\n--\n-- Name: {}--\n-- Name: {}", parts[2].replace("\\unrestrict abc\n", ""), parts[1]);
        assert_eq!(compare(BEFORE, &turned), After::Same);
    }

    #[test]
    fn what_differs_is_named_and_code_is_not_shown() {
        let after = BEFORE.replace("note text", "note text,\n    paid boolean").replace("secret one", "secret two");
        let after = format!("{after}--\n-- Name: evil; Type: X; Schema: y; Type: INDEX; Schema: shop; Owner: o\n--\nCREATE INDEX x;\n");
        let After::Differs { objects, more } = compare(BEFORE, &after) else { panic!("differs") };
        let said: Vec<_> = objects.iter().map(|object| (object.object.as_str(), object.kind, object.lines.join("|"))).collect();
        assert_eq!(
            said,
            [
                ("FUNCTION shop.f()", DifferenceKind::Changed, String::new()),
                ("TABLE shop.orders", DifferenceKind::Changed, "+ paid boolean".to_owned()),
                ("INDEX shop.evil; Type: X; Schema: y", DifferenceKind::LeftBehind, String::new()),
            ]
        );
        assert_eq!(more, 0);
    }
}
