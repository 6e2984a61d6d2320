//! What an edit changes, for people to read.

use super::Plan;
use crate::canonical::CanonicalError;
use crate::change::{KeepOut, Statement, WayBack};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of the difference between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Dotted path of the field.
    pub path: String,
    /// Before; empty when it was not there.
    pub before: String,
    /// After; empty when it is gone.
    pub after: String,
}

/// What changed between two plans, field by field, as people read it. Revision numbers are left out.
pub fn differences(before: &Plan, after: &Plan) -> Result<Vec<Difference>, CanonicalError> {
    let mut found = Vec::new();
    let read = |plan: &Plan| -> Result<Value, CanonicalError> { Ok(readable(serde_json::to_value(plan)?, plan)) };
    compare("", &read(before)?, &read(after)?, &mut found);
    found.retain(|line| line.path != "revision");
    Ok(found)
}

/// A change of design as its two texts: what was read out of them follows from them, and so does what is sent.
fn readable(mut value: Value, plan: &Plan) -> Value {
    if let (Some(change), Value::Object(fields)) = (&plan.change, &mut value) {
        let text =
            |statements: &[Statement]| statements.iter().map(|statement| format!("{};", statement.text)).collect::<Vec<_>>().join("\n");
        let back = match &change.back {
            WayBack::Statements { statements } => text(statements),
            WayBack::Former => "The values that the settings had.".to_owned(),
            WayBack::None { reason } => format!("There is none: {reason}"),
        };
        let role = change.role.clone().unwrap_or_default();
        let kept_out = change.keep_out.as_ref().map(KeepOut::said).unwrap_or_default();
        fields.insert(
            "change".to_owned(),
            serde_json::json!({ "kept out": kept_out, "role": role, "statements": text(&change.statements), "way back": back }),
        );
        if let Some(Value::Object(envelope)) = fields.get_mut("envelope") {
            envelope.remove("scripts");
        }
    }
    value
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (before, after) {
        let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null), found);
        }
        return;
    }
    let say = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    found.push(Difference { path: path.to_owned(), before: say(before), after: say(after) });
}
