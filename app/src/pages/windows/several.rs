//! Several databases in one proposal: which ones, and in which order.

use super::frame::environment;
use crate::door;
use crate::parts::form::{Field, Group, Select};
use domain::lanes::waves::{SOAK_MAX_MIN, TARGETS_MAX, WAVE_MAX};
use domain::proposal::{ProposalForm, several};
use domain::view::windows::propose::Candidate;
use leptos::prelude::*;

/// Nothing where the team has no other database of this kind. Folded, unless others are chosen or a field of them is wrong.
#[component]
pub fn SeveralFields(database: String, environment_of: String, candidates: Vec<Candidate>, form: ProposalForm) -> impl IntoView {
    (!candidates.is_empty()).then(|| {
        let wrong = door::field_errors().iter().any(|error| error.field.starts_with(several::FIELD) || matches!(error.field.as_str(), "waves" | "soak_min"));
        let typed = door::typed().is_some_and(|typed| candidates.iter().any(|other| typed.get(&several::field(&other.short_name)).is_some_and(|wave| !wave.is_empty())));
        let chosen = candidates.iter().any(|other| form.waves.contains_key(&other.short_name));
        let limit = door::field_errors().iter().find(|error| error.field == "waves").map(|error| {
            view! { <p class="message refused" id="waves">{error.message.clone()}</p> }
        });
        let own = form.waves.get(&database).cloned().unwrap_or_else(|| "1".to_owned());
        let first = Candidate { short_name: database, name: String::new(), environment: environment_of, tags: vec![] };
        let rows = candidates.into_iter().map(|other| {
            let wave = form.waves.get(&other.short_name).cloned().unwrap_or_default();
            row(other, wave, false)
        });
        let rows = std::iter::once(row(first, own, true)).chain(rows).collect_view();
        let hint = format!(
            "A wave begins when every database of the one before ended clean. One that does not end clean, or whose checks are red, stops the waves behind it. At most {TARGETS_MAX} databases, {WAVE_MAX} in one wave."
        );
        view! {
            <details open=chosen || typed || wrong>
                <summary>"More databases"</summary>
                <Group legend="Databases and their order" hint=hint>
                    {limit}
                    {rows}
                    <Field name="soak_min" label="Watch each wave, minutes" kind="number" mode="numeric" value=form.soak_min.clone()
                        hint=format!("Before the next one begins, its databases are measured once more. 0 to {SOAK_MAX_MIN}; empty is not at all. The window has to last long enough.")/>
                </Group>
            </details>
        }
    })
}

fn row(of: Candidate, wave: String, first: bool) -> impl IntoView + use<> {
    let out = (!first).then(|| (String::new(), "Not in this window".to_owned()));
    // What was sealed with more waves than the list offers keeps its own.
    let most = wave.parse::<usize>().unwrap_or(0).clamp(4, TARGETS_MAX);
    let options: Vec<(String, String)> = out.into_iter().chain((1..=most).map(|n| (n.to_string(), format!("Wave {n}")))).collect();
    let tags = if of.tags.is_empty() { String::new() } else { format!("; tagged {}", of.tags.join(", ")) };
    let hint =
        if first { "This form was begun on it: its zone and its short name count.".to_owned() } else { format!("{}{tags}", of.name) };
    view! {
        <div class="row">
            <Select name=several::field(&of.short_name) label=of.short_name.clone() hint=hint value=wave options required=first/>
            <p class="quiet">{environment(&of.environment)}</p>
        </div>
    }
}
