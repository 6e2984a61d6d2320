//! What changed between two revisions, found in the sealed bytes themselves: nothing that is approved can change unseen.

use serde_json::Value;
use std::collections::BTreeMap;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where, as people read it: `times › start`.
    pub place: String,
    /// Before; `None` where it did not exist.
    pub before: Option<String>,
    /// After; `None` where it is gone.
    pub after: Option<String>,
}

/// Every leaf that differs between two plans, in the order of their places.
#[must_use]
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let (old, new) = (leaves_of(before), leaves_of(after));
    let mut places: Vec<&String> = old.keys().chain(new.keys()).collect();
    places.sort_unstable();
    places.dedup();
    places
        .into_iter()
        .filter(|place| old.get(*place) != new.get(*place))
        .map(|place| Change { place: place.clone(), before: old.get(place).cloned(), after: new.get(place).cloned() })
        .collect()
}

/// Every leaf of a value, by its place as people read it.
#[must_use]
pub fn leaves_of(value: &Value) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    leaves(value, &mut Vec::new(), &mut out);
    out
}

fn leaves(value: &Value, path: &mut Vec<String>, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                // The words of the library's steps in an own procedure: its version, thresholds, questions and steps stand apart.
                if *path == ["procedure", "own"] && key == "steps" {
                    let keys: Vec<String> = inner.as_array().into_iter().flatten().filter_map(entry_name).collect();
                    put(&["procedure".to_owned(), "steps".to_owned()], keys.join(", "), out);
                    continue;
                }
                path.push(key.replace('_', " "));
                leaves(inner, path, out);
                path.pop();
            }
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let words: Vec<String> = items.iter().map(scalar).collect();
            put(path, if words.is_empty() { "none".to_owned() } else { words.join(", ") }, out);
        }
        Value::Array(items) => {
            for (position, inner) in items.iter().enumerate() {
                path.push(entry_name(inner).unwrap_or_else(|| format!("no. {}", position + 1)));
                leaves(inner, path, out);
                path.pop();
            }
        }
        leaf => put(path, scalar(leaf), out),
    }
}

/// Two entries of one name keep both their values: a change must not hide behind a namesake.
fn put(path: &[String], value: String, out: &mut BTreeMap<String, String>) {
    let place = path.join(" › ");
    let free = (1..=u32::MAX).map(|n| if n == 1 { place.clone() } else { format!("{place} ({n})") }).find(|place| !out.contains_key(place));
    out.insert(free.unwrap_or(place), value);
}

/// Entries of a list are named by what identifies them, so that an insertion does not show every later entry as changed.
fn entry_name(entry: &Value) -> Option<String> {
    ["key", "short_name", "name", "id"].iter().find_map(|field| entry.get(field)?.as_str().map(str::to_owned))
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_shown_and_nothing_of_it_is_missed() {
        let before = json!({"times": {"start": "a", "end": "z"}, "rules": [{"key": "one", "need": 1}], "allowed": []});
        let after = json!({"times": {"start": "b", "end": "z"}, "rules": [{"key": "zero", "need": 2}, {"key": "one", "need": 1}], "allowed": ["shop.*"]});
        let found = changes(&before, &after);
        let places: Vec<_> = found.iter().map(|change| change.place.as_str()).collect();
        assert_eq!(places, ["allowed", "rules › zero › key", "rules › zero › need", "times › start"]);
        assert_eq!((found[0].before.as_deref(), found[0].after.as_deref()), (Some("none"), Some("shop.*")));
        assert_eq!(found[1].before, None);
        assert!(changes(&after, &after).is_empty());
    }

    #[test]
    fn namesakes_do_not_hide_each_other() {
        let list = |second: i64| json!({"rules": [{"key": "a", "need": 1}, {"key": "a", "need": second}]});
        assert_eq!(changes(&list(2), &list(3)).len(), 1);
    }
}
