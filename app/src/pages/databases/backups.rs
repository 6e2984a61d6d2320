//! Backups of a database: what is on record, and the proof that a worker makes by restoring the newest one.

use crate::parts::form::Form;
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::{Span, Time};
use domain::backup::{Proof, WAY_OUT};
use domain::examination::ExaminationState;
use domain::people::visible;
use domain::procedure::text::size;
use domain::view::targets::{BackupRow, ProofAsked};
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Meta;

/// What is on record, what the newest proof found, and how to ask for one.
#[component]
pub fn Backups(
    rows: Vec<BackupRow>,
    proof: Option<ProofAsked>,
    proves: bool,
    now: Timestamp,
    record: bool,
    ready: bool,
    #[prop(into)] here: String,
) -> impl IntoView {
    let empty = rows.is_empty();
    let rows = rows
        .into_iter()
        .map(|row| {
            let by = if row.proven { "Asked for by " } else { "Recorded by " };
            view! {
                <li>
                    <p><strong><Span from=now to=row.taken_at/></strong>", "<Time at=row.taken_at/>{row.proven.then(|| view! { " "<Pill tone=Tone::Good label="Proven"/> })}</p>
                    <p>{row.location}</p>
                    <p class="quiet">{row.verified_how}" "{by}{row.recorded_by}"."</p>
                </li>
            }
        })
        .collect_view();
    let open = proof.as_ref().is_some_and(|proof| proof.state.is_open());
    let ask = (record && ready && !open).then(|| {
        if proves {
            view! { <Form action=format!("{here}/backups/prove") submit="Prove the newest backup" secondary=true prefix="prove-">""</Form> }.into_any()
        } else {
            view! {
                <p class="quiet">"A worker can prove the newest backup: it restores it into a throwaway server of its own and compares it with the database. None that runs has a folder of backups: start one with DRYDOCK_BACKUPS_DIR."</p>
            }
            .into_any()
        }
    });
    let said = proof.map(|proof| asked(proof, now));
    view! {
        <Card title="Backups" id="backups">
            {empty.then(|| view! { <p>"None on record. A window starts only with a recent one."</p> })}
            <ul class="entries">{rows}</ul>
            {said}
            {ask}
            {record.then(|| view! { <p class="actions"><a class="button small" href=format!("{here}/backups")>"Record a backup"</a></p> })}
        </Card>
    }
}

fn asked(asked: ProofAsked, now: Timestamp) -> AnyView {
    if asked.state.is_open() {
        let sentence = if asked.state == ExaminationState::Asked {
            "Waiting for a worker with a folder of backups."
        } else {
            "A worker restores the newest backup and compares it with the database. A large one takes hours."
        };
        return view! {
            <Meta http_equiv="refresh" content=asked.refresh_s(now).to_string()/>
            <p role="status"><Pill tone=Tone::Waiting label="Proving"/>" "{sentence}</p>
            <p class="quiet">"Asked "{asked.asked_by.map(|by| format!("by {by} "))}<Span from=now to=asked.asked_at/>". This page looks again by itself."</p>
        }
        .into_any();
    }
    let when = asked.answered_at.unwrap_or(asked.asked_at);
    let (tone, label) = match (&asked.proof, &asked.failure) {
        (Some(proof), None) if proof.holds() => (Tone::Good, "Proven"),
        (Some(_), None) => (Tone::Bad, "Not proven"),
        _ => (Tone::Warn, "Not tried"),
    };
    let failure = asked.failure.map(|failure| view! { <div class="message warn"><p>{visible(&failure)}</p></div> });
    let found = asked.proof.map(found);
    view! {
        <h3>"Newest proof"</h3>
        <p><Pill tone label/>" "<Span from=now to=when/>", "<Time at=when/></p>
        {failure}{found}
    }
    .into_any()
}

fn found(proof: Proof) -> impl IntoView {
    let holds = proof.holds();
    let archive = proof.archive.map(|archive| {
        let size = (archive.size_bytes > 0).then(|| format!(", {}", size(archive.size_bytes)));
        let taken = archive.taken_at.map(|at| view! { ", taken "<Time at/> });
        view! { <p>{archive.path}{size}{taken}</p> }
    });
    let faults = (!holds).then(|| {
        let sentences = proof.faults.iter().map(|fault| view! { <li>{fault.sentence()}</li> }).collect_view();
        view! { <div class="message refused"><ul>{sentences}</ul><p>{WAY_OUT}</p></div> }
    });
    let not_compared = (!proof.not_compared.is_empty()).then(|| {
        let sentences = proof.not_compared.iter().map(|sentence| view! { <li>{visible(sentence)}</li> }).collect_view();
        view! { <p class="quiet">"Not compared:"</p><ul class="entries quiet">{sentences}</ul> }
    });
    // What was done stands with the record.
    view! { {archive}{faults}{not_compared} }
}
