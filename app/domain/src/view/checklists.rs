//! The validation list as its page shows it.

use crate::checklist::{CheckState, PlannedCheck};
use crate::view::windows::{Blocker, Head, Offers};
use jiff::Timestamp;
use serde_json::Value;

/// One item with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// Order on the page.
    pub ordinal: i32,
    /// Stable key.
    pub key: String,
    /// As people read it.
    pub title: String,
    /// What counts as green, from the sealed plan; empty when the plan does not know the item.
    pub rule: String,
    /// A probe answers first.
    pub by_probe: bool,
    /// Where it stands.
    pub state: CheckState,
    /// Figures before and after, side by side.
    pub figures: Vec<Figure>,
    /// The probe's verdict in a sentence, where it gave one.
    pub verdict: Option<String>,
    /// When the probe ran.
    pub probed_at: Option<Timestamp>,
    /// Evidence, or the reason of an acceptance.
    pub note: String,
    /// Who answered; `None` when a probe did or nobody has.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// One figure of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// Before the first change.
    pub before: Option<String>,
    /// After the last.
    pub after: Option<String>,
}

/// The page `/windows/:n/checklist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecklistPage {
    /// Above everything.
    pub head: Head,
    /// What is in the way.
    pub blocked: Vec<Blocker>,
    /// What the reader may do.
    pub offers: Offers,
    /// The items.
    pub checks: Vec<CheckRow>,
    /// It did not go as planned: signing off needs the text "issues met".
    pub owes_issues: bool,
    /// How far the newest "probe again" is; `None` when nobody asked, or the answer is in the list.
    pub probing: Option<Probing>,
}

/// A probe that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probing {
    /// A worker measures, since this time.
    Waiting(Timestamp),
    /// It could not measure, and why.
    Failed(String),
}

/// The rule of an item as people approved it.
#[must_use]
pub fn rule_of(planned: &[PlannedCheck], key: &str) -> String {
    planned.iter().find(|check| check.key == key).map(|check| check.rule.clone()).unwrap_or_default()
}

/// Baseline and probe side by side: every leaf of both, by its path. The verdict's own words are left out.
#[must_use]
pub fn figures(baseline: Option<&Value>, probe: Option<&Value>) -> Vec<Figure> {
    let (before, after) = (baseline.map(leaves).unwrap_or_default(), probe.map(leaves).unwrap_or_default());
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in before.iter().chain(&after) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let find = |list: &[(String, String)], name: &str| list.iter().find(|(is, _)| is == name).map(|(_, value)| value.clone());
    names.into_iter().map(|name| Figure { name: called(name), before: find(&before, name), after: find(&after, name) }).collect()
}

/// Words of a probe that the page shows elsewhere or not at all.
const SHOWN_ELSEWHERE: &[&str] = &["sentence", "colour", "verdict", "plan_hash", "measured_at", "at", "oid"];

/// A path as people call it: without the parts that only hold others, and without the unit, which stands at the number.
fn called(path: &str) -> String {
    let path = ["queries: ", "state: "].iter().find_map(|holder| path.strip_prefix(holder)).unwrap_or(path);
    let (of, last) = path.rsplit_once(": ").map_or(("", path), |(of, last)| (of, last));
    let last = match last {
        "p50_us" => "median",
        "max_us" => "slowest",
        "bytes" => "size",
        name => UNITS.iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name),
    };
    let name = if of.is_empty() { last.to_owned() } else { format!("{of}: {last}") }.replace('_', " ");
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Ends of names that [`with_unit`] turns into a unit.
const UNITS: &[&str] = &["_us", "_ms", "_s", "_bytes", "_permille", "_percent"];

fn leaves(value: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

fn walk(value: &Value, path: &str, out: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}: {name}") };
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter().filter(|(key, _)| !SHOWN_ELSEWHERE.contains(&key.as_str())) {
                walk(inner, &below(key), out);
            }
        }
        Value::Array(items) => {
            for (position, inner) in items.iter().enumerate() {
                let name = inner.get("name").and_then(Value::as_str).map_or_else(|| (position + 1).to_string(), str::to_owned);
                walk(inner, &below(&name), out);
            }
        }
        Value::Null => {}
        Value::String(text) if path.ends_with("name") && !text.is_empty() => {}
        Value::String(text) => out.push((path.to_owned(), text.clone())),
        Value::Bool(yes) => out.push((path.to_owned(), if *yes { "yes" } else { "no" }.to_owned())),
        Value::Number(number) => out.push((path.to_owned(), with_unit(path, number))),
    }
}

/// A number with the unit that its name ends in.
fn with_unit(path: &str, number: &serde_json::Number) -> String {
    use crate::procedure::text::{count, duration_ms, permille, size};
    let Some(n) = number.as_u64() else { return number.to_string() };
    match path.rsplit(['_', ' ']).next().unwrap_or_default() {
        "us" if n < 1_000_000 => format!("{}.{} ms", n / 1000, n % 1000 / 100),
        "us" => duration_ms(n / 1000),
        "ms" => duration_ms(n),
        "s" => duration_ms(n.saturating_mul(1000)),
        "bytes" => size(n),
        "permille" => permille(u32::try_from(n).unwrap_or(u32::MAX)),
        "percent" => format!("{n} %"),
        _ => count(n),
    }
}

/// The sentence of a probe's verdict.
#[must_use]
pub fn verdict(probe: Option<&Value>) -> Option<String> {
    let probe = probe?;
    let sentence = |value: &Value| value.get("sentence").and_then(Value::as_str).map(str::to_owned);
    sentence(probe).or_else(|| probe.get("verdict").and_then(sentence)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_stand_side_by_side_with_units() {
        let before = json!({"queries": [{"name": "open orders", "p50_us": 4200}], "used": 12});
        let after = json!({"queries": [{"name": "open orders", "p50_us": 3100}], "used": 11, "verdict": {"colour": "pass", "sentence": "In time."}});
        let found = figures(Some(&before), Some(&after));
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].name, "Open orders: median");
        assert_eq!((found[0].before.as_deref(), found[0].after.as_deref()), (Some("4.2 ms"), Some("3.1 ms")));
        assert_eq!(verdict(Some(&after)).as_deref(), Some("In time."));
        assert_eq!(verdict(None), None);
        let index = figures(Some(&json!({"state": {"bytes": 17_293_312, "oid": 19_034, "dead_rows": 7, "age_s": 90}})), None);
        let said: Vec<_> = index.iter().map(|figure| (figure.name.as_str(), figure.before.as_deref().unwrap_or_default())).collect();
        assert_eq!(said, [("Age", "1 min 30 s"), ("Size", "16 MB"), ("Dead rows", "7")]);
    }
}
