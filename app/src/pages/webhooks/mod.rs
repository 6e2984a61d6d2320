//! Receivers of events.

mod form;
mod list;
mod log;
mod show;

pub use form::{EditPage, NewPage};
pub use list::ListPage;
pub use show::ShowPage;

use crate::parts::status::{Pill, Tone};
use domain::view::webhooks::WebhookRow;
use leptos::prelude::*;

/// What becomes of the runs of so many procedures that call a receiver, where it is not any more what they name.
fn held(procedures: usize) -> String {
    let whose = if procedures == 1 { "this procedure" } else { "these procedures" };
    format!(
        "Renamed, moved to another host, kept for another team or environment, paused or deleted, it is not called: runs of {whose} wait there for a person, until that is undone or a new version names it anew."
    )
}

/// How a receiver does, as a pill.
#[component]
fn Health(webhook: WebhookRow) -> impl IntoView {
    let (tone, label) = if webhook.paused.is_some() {
        (Tone::Bad, "Paused")
    } else if webhook.failing_since.is_some() {
        (Tone::Warn, "Failing")
    } else {
        (Tone::Good, "Active")
    };
    view! { <Pill tone label/> }
}
