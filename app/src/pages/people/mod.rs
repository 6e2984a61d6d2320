//! People.

mod absence;
mod deactivate;
mod edit;
mod list;
mod new;
mod show;
mod sign_in;

pub use absence::{OwnAbsencePage, PersonAbsencePage};
pub use deactivate::PersonDeactivatePage;
pub use edit::PersonEditPage;
pub use list::PeopleListPage;
pub use new::PersonNewPage;
pub use show::PersonShowPage;

use crate::parts::form::{Check, Group};
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::people::GlobalRole;
use domain::view::absences::AwayNow;
use domain::view::people::PersonRow;
use leptos::prelude::*;

/// What a person may do everywhere, as boxes to tick.
#[component]
fn GlobalRoles(#[prop(optional)] held: Vec<GlobalRole>) -> impl IntoView {
    let boxes = [
        (GlobalRole::Admin, "Manages people, teams, policies and settings. Does not propose or approve."),
        (GlobalRole::Auditor, "Sees everything, changes nothing."),
    ]
    .into_iter()
    .map(|(role, hint)| view! { <Check name="global" value=role.word() label=role.label() hint=hint checked=held.contains(&role)/> })
    .collect_view();
    view! { <Group legend="Rights everywhere" name="global">{boxes}</Group> }
}

/// What is special about a person, as pills.
#[component]
fn Marks(person: PersonRow) -> impl IntoView {
    let mut marks = Vec::new();
    if !person.active {
        marks.push((Tone::Bad, "Deactivated"));
    }
    marks.extend(person.global.iter().map(|role| (Tone::Good, role.label())));
    let away = person.away.map(|away| view! { <AwayNote away/> });
    if person.shared {
        marks.push((Tone::Warn, "Shared mailbox"));
    }
    if person.invited {
        marks.push((Tone::Waiting, "Invited"));
    } else if !person.account {
        marks.push((Tone::Quiet, "Mail only"));
    }
    view! { <span class="pills">{marks.into_iter().map(|(tone, label)| view! { <Pill tone label/> }).collect_view()}</span>{away} }
}

/// Until when somebody is away, and who votes meanwhile.
#[component]
pub(in crate::pages) fn AwayNote(away: AwayNow) -> impl IntoView {
    let votes = away.delegate.map(|name| format!(" {name} votes meanwhile."));
    view! { <p><Pill tone=Tone::Warn label="Away"/>" until "<Time at=away.until/>"."{votes}</p> }
}
