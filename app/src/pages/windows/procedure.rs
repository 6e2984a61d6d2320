//! Which procedure a form is about: what each does, and the worst of it.

use crate::door;
use crate::parts::form::{Field, Group, Radios};
use domain::people::visible;
use domain::procedure::library::{ACCOUNTS_POSTGRESQL, DESIGN_CHANGE_POSTGRESQL, OLD_ROWS_POSTGRESQL, SETTINGS_POSTGRESQL, is_for_once};
use domain::procedure::own_sql::{OwnValue, ValueKind};
use domain::procedure::{Procedure, Shelf};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// Label of the button that shows the fields that belong to the chosen procedure.
pub const SHOW_ITS_OWN: &str = "Show its fields";

/// The procedure that is chosen: what was typed last, or what the form begins with.
pub fn chosen(form: &str, shelf: &Shelf) -> Option<Procedure> {
    let typed = door::typed().and_then(|typed| typed.get("procedure").map(str::to_owned));
    shelf.by_key(typed.as_deref().unwrap_or(form))
}

/// What is typed for the procedure that is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedAs {
    /// Nothing: it selects its work by need.
    Nothing,
    /// SQL, and what takes it back.
    Sql,
    /// Settings of the server.
    Settings,
    /// Accounts of the server.
    Accounts,
    /// Rules about old rows.
    OldRows,
    /// Values for a text that people agreed on.
    Values,
}

/// What the form asks to be typed.
pub fn typed_as(form: &str, shelf: &Shelf) -> TypedAs {
    let chosen = chosen(form, shelf);
    if chosen.as_ref().is_some_and(|procedure| procedure.own_sql().is_some()) {
        return TypedAs::Values;
    }
    match chosen.as_ref().map(|procedure| procedure.key.as_str()) {
        Some(DESIGN_CHANGE_POSTGRESQL) => TypedAs::Sql,
        Some(SETTINGS_POSTGRESQL) => TypedAs::Settings,
        Some(ACCOUNTS_POSTGRESQL) => TypedAs::Accounts,
        Some(OLD_ROWS_POSTGRESQL) => TypedAs::OldRows,
        _ => TypedAs::Nothing,
    }
}

/// The text that a procedure of people's own sends, and a field for each value that stands in it.
#[component]
pub fn ValueFields(form: String, shelf: Shelf, values: BTreeMap<String, String>) -> impl IntoView {
    let chosen = chosen(&form, &shelf);
    let (sql, asked) = chosen.as_ref().and_then(Procedure::own_sql).map(|(sql, asked)| (sql.clone(), asked.to_vec())).unzip();
    let asked: Vec<OwnValue> = asked.unwrap_or_default();
    let none = asked.is_empty();
    let fields = asked
        .into_iter()
        .map(|one| {
            let value = values.get(&one.name).cloned().unwrap_or_else(|| one.usual.clone());
            let (kind, mode) = match one.kind {
                ValueKind::Number => ("text", "numeric"),
                ValueKind::Date => ("date", ""),
                ValueKind::Text | ValueKind::Name => ("text", ""),
            };
            view! { <Field name=one.field() hint=one.hint() label=one.label value=value kind mode required=true autocomplete="off"/> }
        })
        .collect_view();
    view! {
        <Group legend="What it sends" hint="Two people agreed on this text. With its values it is read, shown and approved word by word.">
            <pre class="statement">{sql.map(|sql| visible(sql.statements.trim()))}</pre>
            {none.then(|| view! { <p class="quiet">"Nothing is typed for it."</p> })}
            {fields}
        </Group>
    }
}

/// Every procedure, all in sight; of a series only those that make sense more than once.
#[component]
pub fn ProcedureChoice(value: String, shelf: Shelf, #[prop(optional)] repeats: bool) -> impl IntoView {
    let options = shelf
        .all()
        .into_iter()
        .filter(|one| !repeats || !is_for_once(&one.key))
        .map(|one| {
            let risk = one.highest_risk();
            let own = if one.is_own() { format!(" Your own, version {}.", one.version) } else { String::new() };
            let follows = format!("{}{own} Highest risk: {}, {}.", one.about(), risk.word(), risk.label());
            (one.key, one.name, follows)
        })
        .collect();
    view! {
        <Radios name="procedure" legend="Procedure" value=value options=options
            hint=format!("Fields, thresholds and approvers below are those of the one that is chosen; after another choice, “{SHOW_ITS_OWN}” at the end of the form shows its own.")/>
    }
}
