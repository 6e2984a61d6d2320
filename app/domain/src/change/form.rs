//! What a person types to propose a change of design, and which of it is taken.

use super::{Change, KeepOut, MOST_NAME_BYTES, Statement, WayBack};
use crate::decision::{FieldError, FormCheck};
use crate::people;
use crate::procedure::quote;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change has no more statements than somebody reads before agreeing to it.
pub const MOST_STATEMENTS: usize = 200;
/// Each of both texts, in characters.
pub const MOST_CHARACTERS: usize = 100_000;

/// The fields of the form, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeForm {
    /// The statements, separated by semicolons.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub change_sql: String,
    /// The role that sends them, which owns what they make; blank is the role Drydock signs in as.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub as_role: String,
    /// The statements that take them back.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub back_sql: String,
    /// Why there is no way back; blank where there is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub no_way_back: String,
    /// Ticked by whoever has read the statements of which nobody can tell what they do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub read_by_me: String,
    /// Accounts that are kept out while it runs, one a line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub keep_out: String,
    /// How long their transactions may take to end by themselves, in minutes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub keep_out_min: String,
    /// Ticked where what has not ended by then is ended.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub keep_out_ends: String,
    /// Settings of the server, one a line, where the procedure is about them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub settings: String,
    /// Accounts of the server, one change a line, where the procedure is about them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub accounts: String,
    /// Rules about old rows, one a line, where the procedure is about them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub old_rows: String,
    /// Values for the SQL of an own procedure, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// Why there is no way back, 10 to 1,000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoWayBack(String);

/// Both texts, not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The statements.
    pub change_sql: String,
    /// The role that sends them, as the catalog spells it.
    pub role: Option<String>,
    /// The statements that take them back, or why there are none.
    pub back: Result<String, NoWayBack>,
    /// Who is kept out meanwhile.
    pub keep_out: Option<KeepOut>,
    /// The person says to have read what nobody can tell by its text.
    pub read_by_me: bool,
}

impl ChangeForm {
    /// Whether nothing of it is filled in.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let fields = [
            &self.change_sql,
            &self.as_role,
            &self.back_sql,
            &self.no_way_back,
            &self.read_by_me,
            &self.keep_out,
            &self.keep_out_min,
            &self.keep_out_ends,
            &self.settings,
            &self.accounts,
            &self.old_rows,
        ];
        fields.iter().all(|field| field.trim().is_empty()) && self.values.values().all(|value| value.trim().is_empty())
    }

    /// Reads the fields; the SQL in them is read by the engine.
    ///
    /// # Errors
    /// One [`FieldError`] for each field that cannot be taken.
    pub fn parse(&self) -> Result<Typed, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let change_sql = form.take(people::text("change_sql", &self.change_sql, 1, MOST_CHARACTERS));
        let (back_sql, why) = (self.back_sql.trim(), self.no_way_back.trim());
        let back = match (back_sql.is_empty(), why.is_empty()) {
            (false, true) => form.take(people::text("back_sql", back_sql, 1, MOST_CHARACTERS)).map(Ok),
            (true, false) => form.take(people::text("no_way_back", why, 10, 1000)).map(|reason| Err(NoWayBack(reason))),
            (true, true) => {
                form.refuse("back_sql", "Give the statements that take the change back; or say below why there is no way back.");
                None
            }
            (false, false) => {
                form.refuse("no_way_back", "There are statements that take it back, so there is a way. Clear one of the two fields.");
                None
            }
        };
        let role = form.take(role(self.as_role.trim()));
        let keep_out = match KeepOut::parse(&self.keep_out, &self.keep_out_min, &self.keep_out_ends) {
            Ok(keep_out) => Some(keep_out),
            Err(errors) => {
                form.refuse_all(errors);
                None
            }
        };
        let read_by_me = !self.read_by_me.trim().is_empty();
        let typed = (|| Some(Typed { change_sql: change_sql?, role: role?, keep_out: keep_out?, back: back?, read_by_me }))();
        form.finish(typed)
    }
}

impl Typed {
    /// Puts the change together from both texts as the engine read them.
    ///
    /// # Errors
    /// One [`FieldError`] for each text that cannot be proposed.
    pub fn into_change(self, statements: Vec<Statement>, back: Vec<Statement>) -> Result<Change, Vec<FieldError>> {
        let mut form = FormCheck::default();
        count(&mut form, "change_sql", &statements);
        let back = match self.back {
            Ok(_) => {
                count(&mut form, "back_sql", &back);
                WayBack::Statements { statements: back }
            }
            Err(NoWayBack(reason)) => WayBack::None { reason },
        };
        let back_statements = if let WayBack::Statements { statements } = &back { statements.as_slice() } else { &[] };
        let opaque: Vec<String> = [opaque(&statements, ""), opaque(back_statements, " of the way back")].into_iter().flatten().collect();
        if !opaque.is_empty() && !self.read_by_me {
            let which = opaque.join(" and ");
            form.refuse(
                "read_by_me",
                format!("Nobody can tell from its text what {which} will do. Read it, and tick this box; whoever approves sees it marked."),
            );
        }
        form.finish(Some(Change { statements, role: self.role, keep_out: self.keep_out, back }))
    }
}

/// A role's name as the catalog spells it.
fn role(typed: &str) -> Result<Option<String>, FieldError> {
    if typed.is_empty() {
        return Ok(None);
    }
    if typed.len() > MOST_NAME_BYTES || quote::identifier(typed).is_err() {
        let message = format!("A role's name has at most {MOST_NAME_BYTES} bytes. Write it as the server shows it, without quotes.");
        return Err(FieldError::new("as_role", message));
    }
    if typed == "none" {
        return Err(FieldError::new(
            "as_role",
            "In SQL, none means no other role. Leave the field blank to send the change as the role Drydock signs in as.",
        ));
    }
    Ok(Some(typed.to_owned()))
}

/// Which statements nobody can tell, in words; `None` where there is none.
fn opaque(statements: &[Statement], of: &str) -> Option<String> {
    let found = statements.iter().zip(1..).filter(|(one, _)| one.reading.opaque.is_some()).map(|(_, number)| number.to_string());
    match found.collect::<Vec<String>>().as_slice() {
        [] => None,
        [one] => Some(format!("statement {one}{of}")),
        more => Some(format!("statements {}{of}", more.join(", "))),
    }
}

fn count(form: &mut FormCheck, field: &str, statements: &[Statement]) {
    if statements.is_empty() {
        form.refuse(field, "There is no statement in this text. Write SQL, each statement ended by a semicolon.");
    } else if statements.len() > MOST_STATEMENTS {
        let found = statements.len();
        form.refuse(
            field,
            format!(
                "These are {found} statements; at most {MOST_STATEMENTS} can be approved at once. Split the change into several windows."
            ),
        );
    }
}
