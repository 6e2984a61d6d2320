//! Objects in a target database: names that are safe to put into a statement, and rules that match them.

use super::quote::{self, QuoteError};
use serde::{Deserialize, Serialize};

/// A schema-qualified name that has been checked: it can always be quoted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct ObjectName {
    schema: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    schema: String,
    name: String,
}

impl TryFrom<Parts> for ObjectName {
    type Error = QuoteError;
    fn try_from(parts: Parts) -> Result<Self, QuoteError> {
        Self::new(parts.schema, parts.name)
    }
}

impl From<ObjectName> for Parts {
    fn from(from: ObjectName) -> Self {
        Self { schema: from.schema, name: from.name }
    }
}

impl ObjectName {
    /// Takes both parts as the catalog spells them, unquoted.
    ///
    /// # Errors
    /// [`QuoteError`] for a part no PostgreSQL catalog can hold.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Result<Self, QuoteError> {
        let (schema, name) = (schema.into(), name.into());
        quote::identifier(&schema)?;
        quote::identifier(&name)?;
        Ok(Self { schema, name })
    }
    /// The schema, as the catalog spells it.
    pub fn schema(&self) -> &str {
        &self.schema
    }
    /// The name, as the catalog spells it.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// `"schema"."name"`, for statements.
    ///
    /// # Panics
    /// Never: both parts were checked when the name was made.
    pub fn quoted(&self) -> String {
        let part = |text| quote::identifier(text).expect("checked by new");
        format!("{}.{}", part(&self.schema), part(&self.name))
    }
}

/// `schema.name` as people write it, quoted only where it must be.
impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", quote::for_people(&self.schema), quote::for_people(&self.name))
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// An ordinary table or a partition.
    Table,
    /// The parent of partitions; holds no rows itself.
    PartitionedTable,
    /// A materialized view.
    MaterializedView,
    /// An index.
    Index,
    /// A part of a text that people approved; its name says which statements.
    Script,
}

/// One object as measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its oid when it was measured; REINDEX CONCURRENTLY gives an index a new one.
    pub oid: u32,
    /// Its name.
    pub name: ObjectName,
    /// For an index: the table it belongs to, so that rules on the table reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<ObjectName>,
}

/// A rule that names objects: both parts, or a whole schema, or everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectRule {
    schema: Option<String>,
    name: Option<String>,
}

/// Why a rule cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no object rule: write schema.table, schema.* or *; put a part with capitals, dots or spaces in double quotes")]
pub struct RuleError(String);

impl ObjectRule {
    /// Matches everything.
    pub const fn all() -> Self {
        Self { schema: None, name: None }
    }
    /// Matches one object, and the indexes of it when it is a table.
    pub fn exactly(name: &ObjectName) -> Self {
        Self { schema: Some(name.schema.clone()), name: Some(name.name.clone()) }
    }
    /// Whether the rule names this object, or the table this index belongs to.
    pub fn matches(&self, object: &Object) -> bool {
        self.names(&object.name) || object.table.as_ref().is_some_and(|table| self.names(table))
    }
    fn names(&self, name: &ObjectName) -> bool {
        self.schema.as_deref().is_none_or(|schema| schema == name.schema) && self.name.as_deref().is_none_or(|own| own == name.name)
    }
}

/// Reads one part of a rule; returns it (`None` for `*`) and what follows.
pub(crate) fn part(text: &str) -> Option<(Option<String>, &str)> {
    if let Some(rest) = text.strip_prefix('*') {
        return Some((None, rest));
    }
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let word = &text[..end];
        let plain = !word.is_empty() && quote::for_people(word) == word;
        return plain.then(|| (Some(word.to_owned()), &text[end..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return quote::identifier(&name).is_ok().then(|| (Some(name), &quoted[at + 1..]));
        }
    }
    None
}

impl std::str::FromStr for ObjectRule {
    type Err = RuleError;
    fn from_str(text: &str) -> Result<Self, RuleError> {
        let fail = || RuleError(text.to_owned());
        let (schema, rest) = part(text.trim()).ok_or_else(fail)?;
        if schema.is_none() && rest.is_empty() {
            return Ok(Self::all());
        }
        let (name, rest) = part(rest.strip_prefix('.').ok_or_else(fail)?).ok_or_else(fail)?;
        if rest.is_empty() { Ok(Self { schema, name }) } else { Err(fail()) }
    }
}

impl std::str::FromStr for ObjectName {
    type Err = RuleError;
    /// Reads `schema.name` as [`ObjectRule`] does, without wildcards.
    fn from_str(text: &str) -> Result<Self, RuleError> {
        match text.parse()? {
            ObjectRule { schema: Some(schema), name: Some(name) } => Self::new(schema, name).map_err(|_| RuleError(text.to_owned())),
            _ => Err(RuleError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ObjectRule {
    type Error = RuleError;
    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl std::fmt::Display for ObjectRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |part: &Option<String>| part.as_deref().map_or_else(|| "*".to_owned(), quote::for_people);
        if self.schema.is_none() && self.name.is_none() {
            f.write_str("*")
        } else {
            write!(f, "{}.{}", show(&self.schema), show(&self.name))
        }
    }
}

impl From<ObjectRule> for String {
    fn from(rule: ObjectRule) -> Self {
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(schema: &str, name: &str) -> ObjectName {
        ObjectName::new(schema, name).expect("no NUL")
    }

    #[test]
    fn names_show_and_quote() {
        let odd = name("Odd Name", r#"Mixed "Q" Tab"#);
        assert_eq!(odd.quoted(), r#""Odd Name"."Mixed ""Q"" Tab""#);
        assert_eq!(odd.to_string(), odd.quoted());
        assert_eq!(name("shop", "orders").to_string(), "shop.orders");
        assert!(serde_json::from_str::<ObjectName>(r#"{"schema":"a","name":"b\u0000"}"#).is_err());
    }

    #[test]
    fn rules_reach_the_indexes_of_a_table() {
        let index = Object { kind: ObjectKind::Index, oid: 7, name: name("shop", "orders_pkey"), table: Some(name("shop", "orders")) };
        for (rule, expected) in [
            ("*", true),
            ("shop.*", true),
            ("shop.orders", true),
            ("shop.orders_pkey", true),
            ("shop.other", false),
            ("*.orders", true),
            ("web.*", false),
        ] {
            assert_eq!(rule.parse::<ObjectRule>().expect("well-formed").matches(&index), expected, "{rule}");
        }
    }

    #[test]
    fn malformed_rules_say_how_to_write_them() {
        for text in ["", "orders", "Shop.orders", "a.b.c", "\"a.b", "a.", ".b", "a.\"\""] {
            let error = text.parse::<ObjectRule>().expect_err(text);
            assert!(error.to_string().contains("schema.table"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn rules_come_back(schema in "[^\0]{1,20}", own in "[^\0]{1,20}") {
            let rule = ObjectRule::exactly(&name(&schema, &own));
            prop_assert_eq!(rule.to_string().parse::<ObjectRule>(), Ok(rule));
        }
    }
}
