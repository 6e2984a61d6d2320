//! Before and after: what a fact says it changed, read from its payload. Secrets are never in a fact, and what is personal only by name.

use crate::view::windows::diff::leaves_of;
use serde_json::{Map, Value as Json};

/// One side of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// There was nothing.
    Nothing,
    /// This.
    Is(String),
    /// Personal or secret: the trail says that it changed, not what it was.
    Withheld,
}

/// A field that a fact changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// As people read it.
    pub field: String,
    /// Before.
    pub before: Value,
    /// After.
    pub after: Value,
}

impl FieldChange {
    fn new(field: &str, before: Option<&Json>, after: Option<&Json>) -> Self {
        if is_secret(field) {
            return Self::withheld(field);
        }
        Self { field: words(field), before: side(before), after: side(after) }
    }
    fn withheld(field: &str) -> Self {
        Self { field: words(field), before: Value::Withheld, after: Value::Withheld }
    }
}

/// Names under which no value is ever shown, should one stand there by mistake.
const SECRETS: [&str; 4] = ["password", "secret", "token", "private_key"];

fn is_secret(field: &str) -> bool {
    SECRETS.iter().any(|secret| field.contains(secret))
}

fn words(field: &str) -> String {
    field.replace('_', " ")
}

fn side(value: Option<&Json>) -> Value {
    match value {
        None | Some(Json::Null) => Value::Nothing,
        Some(value) => Value::Is(spelled(value)),
    }
}

fn spelled(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Json::Array(items) if items.is_empty() => "none".to_owned(),
        Json::Array(items) => items.iter().map(spelled).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The field that plain `before` and `after`, or `from` and `to`, of an action are about.
fn about(action: &str) -> &'static str {
    match action {
        "target.set_stakeholders" => "stakeholders",
        "team.set_member" => "role",
        _ => "state",
    }
}

/// The fields that a fact says it changed, and only those that differ.
#[must_use]
pub fn payload_changes(action: &str, payload: &Map<String, Json>) -> Vec<FieldChange> {
    let mut found = Vec::new();
    for (key, value) in payload {
        match (key.as_str(), value) {
            ("changed", Json::Object(fields)) => found.extend(fields.iter().map(|(field, sides)| match sides {
                Json::Object(sides) => FieldChange::new(field, sides.get("before"), sides.get("after")),
                _ => FieldChange::withheld(field),
            })),
            ("changed", Json::Array(fields)) => {
                let named = fields.iter().filter_map(Json::as_str).filter(|field| !payload.contains_key(&format!("{field}_before")));
                found.extend(named.map(FieldChange::withheld));
            }
            ("password_replaced", Json::Bool(true)) => found.push(FieldChange::withheld("password")),
            ("before", before) if payload.contains_key("after") => {
                found.push(FieldChange::new(about(action), Some(before), payload.get("after")));
            }
            ("from", before @ Json::String(_)) if payload.contains_key("to") => {
                found.push(FieldChange::new(about(action), Some(before), payload.get("to")));
            }
            (key, before) => {
                if let Some(field) = key.strip_suffix("_before")
                    && let Some(after) = payload.get(field)
                {
                    found.push(FieldChange::new(field, Some(before), Some(after)));
                }
            }
        }
    }
    found.retain(|change| change.before != change.after || change.before == Value::Withheld);
    found
}

/// Everything else a fact says: name and value, in the order of the names. What [`payload_changes`] shows is left out.
#[must_use]
pub fn said(payload: &Map<String, Json>) -> Vec<(String, String)> {
    let has = |key: &str| payload.contains_key(key);
    let shown = |key: &str| match key {
        "changed" | "password_replaced" => true,
        "before" => has("after"),
        "after" => has("before"),
        "from" => has("to") && payload["from"].is_string(),
        "to" => has("from") && payload["from"].is_string(),
        key => key.ends_with("_before") || has(&format!("{key}_before")),
    };
    let rest: Map<String, Json> = payload
        .iter()
        .filter(|(key, value)| !shown(key) && !value.is_null())
        .map(|(key, value)| (key.clone(), if is_secret(key) && value.is_string() { Json::from("(not shown)") } else { value.clone() }))
        .collect();
    leaves_of(&Json::Object(rest)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changes(action: &str, payload: &Json) -> Vec<(String, String, String)> {
        let text = |value: Value| match value {
            Value::Nothing => "-".to_owned(),
            Value::Is(text) => text,
            Value::Withheld => "?".to_owned(),
        };
        let found = payload_changes(action, payload.as_object().expect("an object"));
        found.into_iter().map(|change| (change.field, text(change.before), text(change.after))).collect()
    }

    fn row(field: &str, before: &str, after: &str) -> (String, String, String) {
        (field.to_owned(), before.to_owned(), after.to_owned())
    }

    #[test]
    fn every_way_in_which_facts_say_a_change_is_read() {
        let edit = json!({"changed": {"host": {"before": "db1", "after": "db2"}, "port": {"before": 5432, "after": null}, "on_call": "changed"}, "password_replaced": true});
        assert_eq!(
            changes("target.edit", &edit),
            [row("host", "db1", "db2"), row("on call", "?", "?"), row("port", "5432", "-"), row("password", "?", "?")]
        );
        let person = json!({"changed": ["name", "global_roles"], "global_roles_before": [], "global_roles": ["auditor"]});
        assert_eq!(changes("person.edit", &person), [row("name", "?", "?"), row("global roles", "none", "auditor")]);
        assert_eq!(changes("team.set_member", &json!({"before": null, "after": "Lead"})), [row("role", "-", "Lead")]);
        assert_eq!(changes("check.tick", &json!({"item": "errors", "from": "open", "to": "passed"})), [row("state", "open", "passed")]);
        assert_eq!(changes("team.edit", &json!({"short_name_before": "shop", "short_name": "shop", "name": "Shop"})), []);
        assert_eq!(changes("trail.verify", &json!({"from_batch": 1, "batches": 3})), []);
    }

    #[test]
    fn what_would_be_a_secret_is_never_shown() {
        let wrong = json!({"changed": {"password": {"before": "hunter2", "after": "hunter3"}}, "secret": "s3cret", "reason": "because"});
        let shown = format!("{:?} {:?}", changes("target.edit", &wrong), said(wrong.as_object().expect("an object")));
        assert!(!shown.contains("hunter") && !shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("because"));
    }

    #[test]
    fn the_rest_is_said_once() {
        let payload = json!({"from": "open", "to": "passed", "item": "errors", "note": "looked", "rules": {"need": 2}, "nothing": null});
        let said = said(payload.as_object().expect("an object"));
        assert_eq!(
            said,
            [
                ("item".to_owned(), "errors".to_owned()),
                ("note".to_owned(), "looked".to_owned()),
                ("rules › need".to_owned(), "2".to_owned())
            ]
        );
    }
}
