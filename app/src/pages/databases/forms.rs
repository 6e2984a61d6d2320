//! The small forms of one database: edit, password, stakeholders, backup, critical query.

use super::register::{Address, Naming, OnCall, Trials};
use crate::door;
use crate::parts::form::{Field, Form, Group, TextArea, Username};
use crate::parts::layout::Heading;
use domain::ids::TargetId;
use domain::permission::Verb;
use domain::view::targets;
use engine::queries;
use leptos::prelude::*;

/// Loads what a form is filled with, and shows it.
fn filled(verb: Verb, form: impl FnOnce(targets::EditPage, String) -> AnyView + Send + 'static) -> impl IntoView {
    let id = door::path_parameter::<TargetId>("id");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::targets::edit(&engine, &caller?, id?, verb).await }.await;
        door::show(answer, |page| {
            let here = format!("/databases/{}", page.id);
            view! { <div class="narrow">{form(page, here)}</div> }.into_any()
        })
    })
}

/// Edits a registration.
#[component]
pub fn EditPage() -> impl IntoView {
    filled(Verb::ManageTarget, |page, here| {
        let (naming, address, trials, on_call) = (page.draft.clone(), page.draft.clone(), page.draft.clone(), page.draft);
        view! {
            <Heading title=format!("Edit {}", page.name) lead="A new address, role or password is tested at once; until the test has passed no window can be proposed."/>
            <Form action=format!("{here}/edit") submit="Save" cancel=here>
                <input type="hidden" name="revision" value=page.revision/>
                <Group legend="What it is"><Naming draft=naming/></Group>
                <Address draft=address password_hint="Leave it empty to keep the stored one. A changed address, role or protection needs it again: the stored one may be sent to the old address only."/>
                <Group legend="What else workers may do there"><Trials draft=trials/></Group>
                <Group legend="Whom it concerns"><OnCall draft=on_call/></Group>
            </Form>
        }
        .into_any()
    })
}

/// Replaces the stored password.
#[component]
pub fn PasswordPage() -> impl IntoView {
    filled(Verb::ManageTarget, |page, here| {
        let lead = format!(
            "Role {} at {}:{}. The old password is destroyed, and the connection is tested with the new one.",
            page.draft.username, page.draft.host, page.draft.port
        );
        view! {
            <Heading title=format!("New password for {}", page.name) lead=lead/>
            <Form action=format!("{here}/password") submit="Replace and test" cancel=here>
                <Username value=page.draft.username/>
                <Field name="password" label="New password" kind="password" required=true autocomplete="new-password"
                    hint="Sealed at once so that only workers can open it, for this address only. It is never shown again."/>
            </Form>
        }
        .into_any()
    })
}

/// Says who depends on the database.
#[component]
pub fn StakeholdersPage() -> impl IntoView {
    filled(Verb::ManageTarget, |page, here| {
        view! {
            <Heading title=format!("Stakeholders of {}", page.name) lead="They are told about each window and asked to approve it. Votes on windows that are already proposed stay with the people named in their plan."/>
            <Form action=format!("{here}/stakeholders") submit="Save" cancel=here>
                <TextArea name="stakeholders" label="Stakeholders" rows=8 required=true value=page.draft.stakeholders
                    hint="One a line, an address or Name <address>. Unknown addresses become contacts without an account. Shared mailboxes are told and cannot vote."/>
            </Form>
        }
        .into_any()
    })
}

/// Records an outside backup.
#[component]
pub fn BackupPage() -> impl IntoView {
    filled(Verb::RecordBackup, |page, here| {
        view! {
            <Heading title=format!("Record a backup of {}", page.name) lead="Windows start only with a recent backup on record. You vouch for it with your name."/>
            <Form action=format!("{here}/backups") submit="Record" cancel=here>
                <Field name="taken_at" label="Ended at (UTC)" kind="datetime-local" required=true hint="When the backup was complete, in UTC."/>
                <Field name="location" label="Where it lies" required=true hint="A path, bucket or tape that somebody else finds at night."/>
                <TextArea name="verified_how" label="How you know that it restores" rows=3 required=true hint="A backup counts once it was restored: when, where, and what was looked at."/>
            </Form>
        }
        .into_any()
    })
}

/// Registers a critical query.
#[component]
pub fn QueryPage() -> impl IntoView {
    filled(Verb::ManageTarget, |page, here| {
        view! {
            <Heading title=format!("Critical query on {}", page.name) lead="It is timed five times before the first change of a window and five times after it. Slower than before is red, and blocks closing."/>
            <Form action=format!("{here}/queries") submit="Register" cancel=here>
                <Field name="name" label="Name" required=true hint="What it serves, such as Open orders on the dashboard."/>
                <TextArea name="sql" label="Query" rows=8 code=true required=true hint="Exactly one SELECT that only reads, with values instead of placeholders. It runs as the maintenance role, which needs SELECT on the tables."/>
                <Field name="limit_ms" label="Expected time at most, ms" value="1000" mode="numeric" required=true hint="1 to 600,000. Slower than this is red whatever it took before."/>
            </Form>
        }
        .into_any()
    })
}
