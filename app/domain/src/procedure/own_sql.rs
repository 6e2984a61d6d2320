//! SQL of an own procedure: a text that two people agree on once, and that is proposed again and again, with places for values that are typed
//! each time. What is sealed in a plan is the text with its values, word by word, like any change of design.

use super::own_file::FIELD;
use super::quote;
use crate::change::{ChangeForm, KeepOut};
use crate::decision::FieldError;
use crate::people;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most values that are typed for one procedure.
pub const MOST_VALUES: usize = 10;

/// What the fields of these values begin with in a form.
pub const VALUE: &str = "value.";

/// Longest text that is typed as a value, in characters.
const MOST_TEXT: usize = 200;

/// Exact SQL, instead of steps of the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnSql {
    /// The statements, separated by semicolons; `{{name}}` stands for a value.
    pub statements: String,
    /// The role that sends them; without it the one Drydock signs in as.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub as_role: String,
    /// Accounts that are kept out while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep_out: Vec<String>,
    /// How long their transactions may take to end by themselves, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_out_min: Option<u32>,
    /// What has not ended by then is ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_out_ends: bool,
    /// The statements that take them back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub back: String,
    /// Why there is no way back; empty where there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub no_way_back: String,
    /// Whoever proposes the procedure has read the statements of which nobody can tell by their text what they do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_by_me: bool,
}

/// What a value may be, and how it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// A whole number from 0 on, as it is.
    Number,
    /// A day as YYYY-MM-DD, as a string constant.
    Date,
    /// One line, as a string constant.
    Text,
    /// The name of a table, a role or the like, as a delimited identifier.
    Name,
}

/// A value that is typed when a window, or a series, is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnValue {
    /// As the text has it between `{{` and `}}`: small letters, digits and underscores.
    pub name: String,
    /// As the form asks for it, 1 to 80 characters.
    pub label: String,
    /// What it may be.
    pub kind: ValueKind,
    /// Of a number the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
    /// Of a number the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
    /// What the form begins with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub usual: String,
}

impl OwnValue {
    /// The field of a form that takes it.
    #[must_use]
    pub fn field(&self) -> String {
        format!("{VALUE}{}", self.name)
    }

    /// What may be typed, in words.
    #[must_use]
    pub fn hint(&self) -> String {
        match (self.kind, self.least, self.most) {
            (ValueKind::Number, least, most) => {
                format!("A whole number from {} to {}.", least.unwrap_or(0), most.unwrap_or(i64::MAX.unsigned_abs()))
            }
            (ValueKind::Date, ..) => "A day as YYYY-MM-DD.".to_owned(),
            (ValueKind::Text, ..) => format!("One line, at most {MOST_TEXT} characters."),
            (ValueKind::Name, ..) => "A name as the server shows it, without quotes: at most 63 bytes.".to_owned(),
        }
    }

    /// What is typed, as SQL: always one token, so that it can be nothing but a value.
    fn sql(&self, typed: &str) -> Result<String, FieldError> {
        let typed = typed.trim();
        let wrong = || FieldError::new(&self.field(), format!("{}: {}", self.label, self.hint()));
        match self.kind {
            ValueKind::Number => {
                let digits = !typed.is_empty() && typed.bytes().all(|byte| byte.is_ascii_digit());
                let number = typed.parse::<u64>().ok().filter(|number| digits && *number <= i64::MAX.unsigned_abs());
                let within = |number: &u64| *number >= self.least.unwrap_or(0) && self.most.is_none_or(|most| *number <= most);
                number.filter(within).map(|number| number.to_string()).ok_or_else(wrong)
            }
            ValueKind::Date => typed.parse::<Date>().map(|day| format!("'{day}'")).map_err(|_| wrong()),
            ValueKind::Text => {
                let text = people::label("value", typed, MOST_TEXT).map_err(|_| wrong())?;
                if text.contains('\\') {
                    return Err(FieldError::new(
                        &self.field(),
                        format!("{}: no backslashes, which servers read in different ways.", self.label),
                    ));
                }
                quote::literal(&text).map_err(|_| wrong())
            }
            ValueKind::Name => {
                let plain = typed.len() <= 63 && !typed.chars().any(char::is_control);
                if plain { quote::identifier(typed).map_err(|_| wrong()) } else { Err(wrong()) }
            }
        }
    }

    /// A value that could be typed, as SQL.
    fn sample(&self) -> &'static str {
        match self.kind {
            ValueKind::Number => "1",
            ValueKind::Date => "'2026-01-31'",
            ValueKind::Text => "'a value'",
            ValueKind::Name => "\"a name\"",
        }
    }

    fn check(&self, place: &str, wrong: &mut impl FnMut(&str, &str)) {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=30).contains(&self.name.len())
            || !self.name.starts_with(|c: char| c.is_ascii_lowercase())
            || !self.name.chars().all(letters)
        {
            wrong(&format!("{place}, name"), "1 to 30 small letters, digits and underscores, a letter first. Example: keep_days.");
        }
        if let Err(error) = people::label(FIELD, &self.label, 80) {
            wrong(&format!("{place}, label"), &error.message);
        }
        if self.kind != ValueKind::Number && (self.least.is_some() || self.most.is_some()) {
            wrong(&format!("{place}, least and most"), "only a number has them.");
        }
        if self.least.zip(self.most).is_some_and(|(least, most)| least > most)
            || self.most.is_some_and(|most| most > i64::MAX.unsigned_abs())
        {
            wrong(&format!("{place}, least and most"), "the least is at most the most, and that a number the server can hold.");
        }
        if !self.usual.is_empty() && self.sql(&self.usual).is_err() {
            wrong(&format!("{place}, usual"), &format!("this could not be typed. {}", self.hint()));
        }
    }
}

impl OwnSql {
    /// Everything that is wrong with the text and its values, as far as it can be told without reading SQL.
    pub(super) fn check(&self, values: &[OwnValue], wrong: &mut impl FnMut(&str, &str)) {
        if values.len() > MOST_VALUES {
            wrong("value", &format!("at most {MOST_VALUES} values; this has {}.", values.len()));
        }
        let mut seen = BTreeSet::new();
        for (value, n) in values.iter().zip(1..) {
            value.check(&format!("value {n}"), wrong);
            if !seen.insert(value.name.as_str()) {
                wrong(&format!("value {n}, name"), "another value has this name.");
            }
        }
        let used: BTreeSet<&str> = places(&self.statements).chain(places(&self.back)).collect();
        for name in used.difference(&seen) {
            wrong("sql", &format!("{{{{{name}}}}} stands for no [[value]]. Give it one, or write the text itself there."));
        }
        for name in seen.difference(&used) {
            wrong("value", &format!("{name} stands nowhere in the text. Write {{{{{name}}}}} where it belongs, or leave it out."));
        }
    }

    /// What a person would have typed to propose it as a change of design.
    ///
    /// # Errors
    /// One [`FieldError`] for each value that cannot be taken, at its field.
    pub fn fill(&self, values: &[OwnValue], typed: &BTreeMap<String, String>) -> Result<ChangeForm, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut filled = BTreeMap::new();
        for value in values {
            match value.sql(typed.get(&value.name).map_or("", String::as_str)) {
                Ok(sql) => _ = filled.insert(value.name.as_str(), sql),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(self.with(&filled)) } else { Err(errors) }
    }

    /// Who is kept out while it runs; `None` for nobody, and for what cannot be taken.
    #[must_use]
    pub fn kept_out(&self) -> Option<KeepOut> {
        let form = self.with(&BTreeMap::new());
        KeepOut::parse(&form.keep_out, &form.keep_out_min, &form.keep_out_ends).ok().flatten()
    }

    /// The same with a sample for each value: what can be read of the text before anybody types one.
    #[must_use]
    pub fn sampled(&self, values: &[OwnValue]) -> ChangeForm {
        self.with(&samples(values))
    }

    /// Where the samples stand in the statements and in what takes them back: the name of the value, and the first byte and the one after the last.
    #[must_use]
    pub fn sampled_places<'v>(&self, values: &'v [OwnValue]) -> [Vec<(&'v str, usize, usize)>; 2] {
        let samples = samples(values);
        [fill(&self.statements, &samples).1, fill(&self.back, &samples).1]
    }

    fn with(&self, filled: &BTreeMap<&str, String>) -> ChangeForm {
        ChangeForm {
            change_sql: fill(&self.statements, filled).0,
            as_role: self.as_role.clone(),
            keep_out: self.keep_out.join("\n"),
            keep_out_min: self.keep_out_min.map(|minutes| minutes.to_string()).unwrap_or_default(),
            keep_out_ends: if self.keep_out_ends { "on".to_owned() } else { String::new() },
            back_sql: fill(&self.back, filled).0,
            no_way_back: self.no_way_back.clone(),
            read_by_me: if self.read_by_me { "on".to_owned() } else { String::new() },
            ..ChangeForm::default()
        }
    }
}

/// The names that stand between `{{` and `}}`, in their order, as often as they stand there.
fn places(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("{{").filter_map(|(at, _)| text[at + 2..].split_once("}}").map(|(name, _)| name)).filter(|name| is_name(name))
}

/// Braces around anything else are the text's own, such as those of an array.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn samples(values: &[OwnValue]) -> BTreeMap<&str, String> {
    values.iter().map(|value| (value.name.as_str(), value.sample().to_owned())).collect()
}

/// The text with each place filled, and where; what was filled in is not looked at again.
fn fill<'n>(text: &str, filled: &BTreeMap<&'n str, String>) -> (String, Vec<(&'n str, usize, usize)>) {
    let (mut out, mut places) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        match after.split_once("}}").and_then(|(name, next)| filled.get_key_value(name).map(|(name, sql)| (*name, sql, next))) {
            Some((name, sql, next)) => {
                places.push((name, out.len(), out.len() + sql.len()));
                out.push_str(sql);
                rest = next;
            }
            None => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    (out, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(name: &str, kind: ValueKind) -> OwnValue {
        OwnValue { name: name.into(), label: format!("The {name}"), kind, least: None, most: None, usual: String::new() }
    }

    fn filled(kind: ValueKind, typed: &str) -> Result<String, String> {
        let sql = OwnSql { statements: "SELECT {{v}}, '{{1,2},{3}}', {{v}}".into(), ..OwnSql::default() };
        let values = [value("v", kind)];
        sql.fill(&values, &BTreeMap::from([("v".into(), typed.into())]))
            .map(|form| form.change_sql)
            .map_err(|errors| errors.into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect())
    }

    #[test]
    fn a_value_stands_in_the_text_as_one_token() {
        for (kind, typed, token) in [
            (ValueKind::Number, " 30 ", "30"),
            (ValueKind::Number, "007", "7"),
            (ValueKind::Date, "2026-11-29", "'2026-11-29'"),
            (ValueKind::Text, "it's {{v}}", "'it''s {{v}}'"),
            (ValueKind::Name, "Odd \"Name\"; DROP", "\"Odd \"\"Name\"\"; DROP\""),
        ] {
            assert_eq!(filled(kind, typed), Ok(format!("SELECT {token}, '{{{{1,2}},{{3}}}}', {token}")), "{typed}");
        }
    }

    #[test]
    fn a_file_keeps_accounts_out_as_the_form_does() {
        let sql = OwnSql { statements: "SELECT 1".into(), no_way_back: "It is a test.".into(), ..OwnSql::default() };
        assert_eq!(sql.kept_out(), None);
        let sql = OwnSql { keep_out: vec!["shop_app".into(), "Odd Name".into()], keep_out_min: Some(5), keep_out_ends: true, ..sql };
        let typed = sql.fill(&[], &BTreeMap::new()).expect("no values").parse().expect("good");
        let wanted = KeepOut { accounts: vec!["shop_app".into(), "Odd Name".into()], wait_min: 5, ends: true };
        assert_eq!((typed.keep_out, sql.kept_out()), (Some(wanted.clone()), Some(wanted)));
    }

    #[test]
    fn what_is_no_such_value_is_refused_at_its_field() {
        for (kind, typed) in [
            (ValueKind::Number, ""),
            (ValueKind::Number, "-1"),
            (ValueKind::Number, "1;"),
            (ValueKind::Number, "9223372036854775808"),
            (ValueKind::Date, "29.11.2026"),
            (ValueKind::Text, "two\nlines"),
            (ValueKind::Text, "a\\"),
            (ValueKind::Text, ""),
            (ValueKind::Name, ""),
            (ValueKind::Name, "a\0b"),
            (ValueKind::Name, &"ä".repeat(32)),
        ] {
            let said = filled(kind, typed).expect_err(typed);
            assert!(said.starts_with("value.v: The v: "), "{typed:?}: {said}");
        }
        let bounded = OwnValue { least: Some(7), most: Some(90), ..value("days", ValueKind::Number) };
        assert!(["6", "91"].iter().all(|typed| bounded.sql(typed).is_err()) && bounded.sql("7").is_ok() && bounded.sql("90").is_ok());
        assert_eq!(bounded.hint(), "A whole number from 7 to 90.");
    }

    #[test]
    fn places_and_values_belong_together() {
        let said = |statements: &str, values: &[OwnValue]| {
            let mut said = Vec::new();
            let sql = OwnSql { statements: statements.into(), ..OwnSql::default() };
            sql.check(values, &mut |place, message| said.push(format!("{place}: {message}")));
            said
        };
        assert!(said("SELECT {{a}}, '{{1},{2}}'", &[value("a", ValueKind::Number)]).is_empty());
        assert!(said("SELECT {{b}}", &[])[0].starts_with("sql: {{b}} stands for no [[value]]"));
        assert!(said("SELECT 1", &[value("a", ValueKind::Number)])[0].starts_with("value: a stands nowhere"));
        let twice = [value("a", ValueKind::Number), value("a", ValueKind::Text)];
        assert!(said("SELECT {{a}}", &twice).iter().any(|said| said.starts_with("value 2, name: another")));
        for bad in [
            OwnValue { name: "A".into(), ..value("a", ValueKind::Number) },
            OwnValue { label: String::new(), ..value("a", ValueKind::Number) },
            OwnValue { least: Some(1), ..value("a", ValueKind::Text) },
            OwnValue { least: Some(2), most: Some(1), ..value("a", ValueKind::Number) },
            OwnValue { usual: "soon".into(), ..value("a", ValueKind::Date) },
        ] {
            assert!(!said("SELECT {{a}}", std::slice::from_ref(&bad)).is_empty(), "{bad:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn no_text_ends_its_constant(typed in "\\PC{1,60}") {
            if let Ok(sql) = value("v", ValueKind::Text).sql(&typed) {
                let inner = sql.strip_prefix('\'').and_then(|sql| sql.strip_suffix('\'')).expect("a constant");
                prop_assert!(!inner.replace("''", "").contains('\''), "{sql}");
            }
        }
    }
}
