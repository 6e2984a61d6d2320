//! What messages say of runs: held, over, with reservations; and how to get at one without Drydock.

use super::{Material, on_call};
use crate::paper::letter::{Command, block, line};
use domain::notice::NoticeKind;

pub(super) fn held(m: &Material) -> (String, Vec<String>) {
    let plan = &m.subject.plan;
    let known = m.run.as_ref().and_then(|run| run.hold_reason.as_deref()).map(block);
    let mut more = known.map(|known| format!("What is known: {known}")).into_iter().collect::<Vec<_>>();
    more.extend(of_run(m));
    let lane = m.run.as_ref().filter(|_| plan.is_many()).and_then(|run| plan.lane(run.target));
    let Some(lane) = lane else {
        more.extend(on_call(plan));
        return ("The run stopped and waits for a person. Nothing more happens on the database until somebody decides.".to_owned(), more);
    };
    let name = line(&lane.short_name);
    more.push(format!("On call for {name}: {}.", line(&lane.on_call)));
    let lead = format!(
        "The run on {name} stopped and waits for a person. Nothing more happens on that database, and no further wave begins, until somebody decides; what runs on the others goes on."
    );
    (lead, more)
}

/// What the run did; of several databases what became of each.
pub(super) fn summary(m: &Material) -> Vec<String> {
    if m.lanes.is_empty() { of_run(m) } else { m.lanes.iter().map(|said| line(said)).collect() }
}

/// What the run did, by outcome.
fn of_run(m: &Material) -> Vec<String> {
    let Some(run) = &m.run else { return vec![] };
    let ending = run.ending.map(|ending| format!("The run ended: {}.", ending.label().to_lowercase()));
    let counts: Vec<String> = run
        .outcomes
        .iter()
        .map(|(word, n)| format!("{n} {}", if word.is_empty() { "not begun".to_owned() } else { word.replace('_', " ") }))
        .collect();
    let items = (!counts.is_empty()).then(|| format!("Items: {}.", counts.join(", ")));
    ending.into_iter().chain(items).collect()
}

/// What was not as it should be, and who said that it may stay so.
pub(super) fn reservations(m: &Material) -> Vec<String> {
    let accepted = m
        .accepted
        .iter()
        .map(|item| format!("Accepted although red by {}: {}. Reason: {}", line(&item.by), line(&item.title), block(&item.reason)));
    let issues = m.subject.issues_met.iter().map(|text| format!("Issues met: {}", block(text)));
    accepted.chain(issues).collect()
}

/// The way out by hand, for somebody who cannot reach Drydock while it works. Every session of a run bears the run's name.
pub(super) fn commands(m: &Material) -> Vec<Command> {
    // Of several databases a message says how to get at the one that it is about.
    let about_a_run = m.kind == NoticeKind::Held || (m.kind == NoticeKind::Started && !m.subject.plan.is_many());
    let (Some(run), true) = (&m.run, about_a_run) else { return vec![] };
    if m.subject.plan.target().dbms != "postgresql" {
        return vec![];
    }
    let ours = format!("FROM pg_stat_activity WHERE application_name LIKE '{}%'", run.id.session_prefix());
    let command = |what: &str, text: String| Command { what: what.to_owned(), text };
    vec![
        command("Without Drydock, see what it is doing on this database", format!("SELECT pid, state, query_start, query {ours};")),
        command("Stop its running statement", format!("SELECT pg_cancel_backend(pid) {ours};")),
        command("If that does not help, end its sessions", format!("SELECT pg_terminate_backend(pid) {ours};")),
        command(
            "See whether an interrupted index rebuild left something behind (DROP INDEX CONCURRENTLY removes it)",
            "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid;".to_owned(),
        ),
    ]
}
