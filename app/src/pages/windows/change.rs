//! A change of design: the fields it is typed in, and how people read it before they agree.

use super::frame::{foreign, foreign_lines};
use crate::door;
use crate::parts::form::{Check, Field, TextArea};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use domain::change::accounts::MOST_ACCOUNTS;
use domain::change::keep_out::{MOST_ACCOUNTS as MOST_ACCOUNTS_OUT, MOST_WAIT_MIN, USUAL_WAIT_MIN};
use domain::change::old_rows::MOST_RULES;
use domain::change::settings::MOST_SETTINGS;
use domain::change::{Change, ChangeForm, MOST_CHARACTERS, MOST_STATEMENTS, Reading, Remark, Statement, WayBack};
use domain::procedure::RiskClass;
use domain::procedure::text::count;
use leptos::prelude::*;

/// The text, its way back, and who has read what nobody can tell.
#[component]
pub fn ChangeFields(form: ChangeForm) -> impl IntoView {
    let asked = |field: &str| door::field_errors().iter().any(|error| error.field == field);
    let unread = asked("read_by_me") || !form.read_by_me.is_empty();
    let none = asked("no_way_back") || !form.no_way_back.is_empty();
    let kept = ["keep_out", "keep_out_min"].into_iter().any(asked) || !form.keep_out.is_empty();
    let limits = format!("At most {MOST_STATEMENTS} statements and {} characters.", count(MOST_CHARACTERS.try_into().unwrap_or(u64::MAX)));
    view! {
        <TextArea name="change_sql" label="Statements" required=true code=true rows=10 value=form.change_sql
            hint=format!("SQL, each statement ended by a semicolon. Without BEGIN and COMMIT: statements that can share a transaction do, all of them or none. {limits}")/>
        <Field name="as_role" label="Sent as role" value=form.as_role autocomplete="off"
            hint="The role that owns the tables, so that it owns what is made, too; the role Drydock signs in as must be a member of it. Empty: that role itself."/>
        <details open=kept>
            <summary>"Keep accounts out while it runs"</summary>
            <TextArea name="keep_out" label="Accounts" code=true rows=3 value=form.keep_out
                hint=format!("One a line, as the server shows it, such as the application's. They cannot sign in anywhere on the server, nor on its standbys, until the change is sent; their idle sessions in this database are ended first. Never the one that Drydock signs in as. At most {MOST_ACCOUNTS_OUT}.")/>
            <Field name="keep_out_min" label="Minutes for their transactions to end" value=form.keep_out_min kind="number"
                hint=format!("From 1 to {MOST_WAIT_MIN}; {USUAL_WAIT_MIN} where this is empty. They stay out meanwhile.")/>
            <Check name="keep_out_ends" label="End what has not ended by then (what it did since its last COMMIT is lost)" checked=!form.keep_out_ends.is_empty()/>
        </details>
        <TextArea name="back_sql" label="Way back" code=true rows=6 value=form.back_sql
            hint="The statements that take the change back. They are approved with it, and sent only when somebody decides to roll back."/>
        <details open=none>
            <summary>"There is no way back"</summary>
            <TextArea name="no_way_back" label="Why there is no way back" rows=2 value=form.no_way_back
                hint="Only if the change cannot be taken back by statements: whoever approves reads this and agrees to it. 10 to 1,000 characters."/>
        </details>
        {unread.then(|| view! {
            <Check name="read_by_me" label="I have read the statements of which nobody can tell what they do" checked=!form.read_by_me.is_empty()/>
        })}
    }
}

/// Settings of the server, one a line.
#[component]
pub fn SettingsFields(value: String) -> impl IntoView {
    view! {
        <TextArea name="settings" label="Settings" required=true code=true rows=6 value=value
            hint=format!("One a line, such as “work_mem = 64MB”; “work_mem = DEFAULT” takes back what ALTER SYSTEM wrote earlier. They count for the whole server, every database on it. At most {MOST_SETTINGS}, better one: then everybody sees what made the difference.")/>
    }
}

/// Accounts of the server, one change a line.
#[component]
pub fn AccountsFields(value: String) -> impl IntoView {
    view! {
        <TextArea name="accounts" label="Accounts" required=true code=true rows=6 value=value
            hint=format!("One a line: “lock NAME”, “unlock NAME”, “create NAME in GROUP”, “add NAME to GROUP”, “remove NAME from GROUP”, “drop NAME”. A name with spaces stands between double quotes. Dropping cannot be taken back and stands in a window of its own: lock first, drop some weeks later. At most {MOST_ACCOUNTS}.")/>
    }
}

/// Rules about old rows, one a line.
#[component]
pub fn OldRowsFields(value: String) -> impl IntoView {
    view! {
        <TextArea name="old_rows" label="Old rows" required=true code=true rows=6 value=value
            hint=format!("One table a line: “shop.log by logged_at older than 90 days, delete”, or “…, move to shop.log_archive”, a table with the same columns in the same order. Ages in days, weeks, months or years. Names with capitals or spaces stand between double quotes. At most {MOST_RULES}.")/>
    }
}

/// The change as it is approved, statement by statement.
#[component]
pub fn ChangePart(change: Change) -> impl IntoView {
    let back = match change.back.clone() {
        WayBack::Statements { statements } => view! {
            <p class="quiet">"Sent only when somebody decides to roll back: as it stands here, after what was done of the change."</p>
            <Statements statements/>
        }
        .into_any(),
        WayBack::Former => view! {
            <p>"Each setting that was changed gets the value it had, which the run puts on record before it writes anything. Sent only when somebody decides to roll back."</p>
        }
        .into_any(),
        WayBack::None { reason } => view! { <p class="message warn">"There is no way back: "{foreign(&reason)}</p> }.into_any(),
    };
    let role = change.role.as_ref().map(|role| view! { <p>"Sent as the role "<code>{foreign(role)}</code>"."</p> });
    let out = change.keep_out.as_ref().map(|out| view! { <h3>"Accounts kept out"</h3><p class="message warn">{foreign(&out.said())}</p> });
    let parts = change.scripts();
    let together = parts.iter().any(|part| part.texts.len() > 1 && !part.alone);
    let shared = together.then(|| {
        view! { <p class="quiet">"Statements between two that must stand alone share a transaction: all of them or none, and each lock is held until its end."</p> }
    });
    view! {
        {out}
        <h3>"Statements"</h3>
        {role}
        {shared}
        <Statements statements=change.statements/>
        <h3>"What takes it back"</h3>
        {back}
    }
}

/// The same in a card of its own, before it is sealed.
#[component]
pub fn ChangeCard(change: Change) -> impl IntoView {
    view! { <Card title="The change" id="change".to_owned()><ChangePart change/></Card> }
}

#[component]
fn Statements(statements: Vec<Statement>) -> impl IntoView {
    let rows = statements
        .into_iter()
        .map(|Statement { text, reading }| {
            view! {
                <li>
                    <pre class="statement">{foreign_lines(&text)}</pre>
                    <Read reading/>
                </li>
            }
        })
        .collect_view();
    view! { <ol class="statements">{rows}</ol> }
}

/// What was read out of a statement: class, lock, and what a reader should know.
#[component]
fn Read(reading: Reading) -> impl IntoView {
    let risk = reading.risk();
    let tone = match risk {
        RiskClass::R0 | RiskClass::R1 => Tone::Good,
        RiskClass::R2 => Tone::Quiet,
        RiskClass::R3 => Tone::Warn,
        RiskClass::R4 => Tone::Bad,
    };
    let of_server = reading.setting.is_some();
    let on = if reading.on.is_empty() { String::new() } else { format!(" on {}", foreign(&reading.on.join(", "))) };
    let alone = (reading.alone && reading.setting.is_none() && reading.old_rows.is_none())
        .then(|| view! { <p class="quiet">"Stands alone: PostgreSQL refuses it inside of a transaction."</p> });
    let locks =
        if of_server { "A setting of the whole server; locks nothing.".to_owned() } else { format!("{}{on}.", reading.lock_in_words()) };
    let gone = reading.destroys.as_ref().map(|what| view! { <p class="message warn">"Gone afterwards: "{foreign(what)}"."</p> });
    let opaque = reading.opaque.as_ref().map(|why| {
        view! { <p class="message warn">"Nobody can tell from its text what it does: "{foreign(why)}". Whoever wrote it says to have read it."</p> }
    });
    let remarks = reading
        .remarks
        .iter()
        .map(|Remark { sentence, advice }| view! { <li>{foreign(sentence)}" "<span class="quiet">{foreign(advice)}</span></li> })
        .collect_view();
    let has_remarks = !reading.remarks.is_empty();
    view! {
        <p><Pill tone label=risk.word()/>" "{locks}</p>
        {alone}
        {gone}
        {opaque}
        {has_remarks.then(|| view! { <ul class="remarks">{remarks}</ul> })}
    }
}
