//! What messages say of runs: held, over, with reservations; and how to get at one without Drydock.

use super::{Material, on_call};
use crate::paper::letter::{Command, block, line};
use domain::change::settings::ServerSetting;
use domain::change::{Change, KeepOut, WayBack};
use domain::notice::NoticeKind;
use domain::procedure::quote;

pub(super) fn held(m: &Material) -> (String, Vec<String>) {
    let plan = &m.subject.plan;
    let known = m.run.as_ref().and_then(|run| run.hold_reason.as_deref()).map(block);
    let mut more = known.map(|known| format!("What is known: {known}")).into_iter().collect::<Vec<_>>();
    more.extend(m.said.iter().map(|said| block(said)));
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

/// The way out by hand, for somebody who cannot reach Drydock while it works. Every session of a run bears the run's name; of several databases
/// the message about the start concerns every one, each until its part has ended.
pub(super) fn commands(m: &Material) -> Vec<Command> {
    let plan = &m.subject.plan;
    let starts = m.kind == NoticeKind::Started;
    let (Some(run), true) = (&m.run, starts || m.kind == NoticeKind::Held) else { return vec![] };
    if plan.target().dbms != "postgresql" {
        return vec![];
    }
    let (prefix, here) = if starts && plan.is_many() {
        (ANY_RUN.to_owned(), "each of these databases, until its part has ended".to_owned())
    } else {
        (run.id.session_prefix(), "this database".to_owned())
    };
    let ours = format!("FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '{prefix}%'");
    let command = |what: &str, text: String| Command { what: what.to_owned(), text };
    let mut all = vec![
        command(&format!("Without Drydock, see what it is doing on {here}"), format!("SELECT pid, state, query_start, query {ours};")),
        command("Stop its running statement", format!("SELECT pg_cancel_backend(pid) {ours};")),
        command("If that does not help, end its sessions", format!("SELECT pg_terminate_backend(pid) {ours};")),
        command(
            "See whether an interrupted index rebuild left something behind (DROP INDEX CONCURRENTLY removes it)",
            "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid;".to_owned(),
        ),
    ];
    all.extend(plan.change.as_ref().and_then(|change| change.keep_out.as_ref()).map(|out| {
        command("Let the accounts in that are kept out, where one could sign in before and cannot now", KeepOut::by_hand(&out.accounts))
    }));
    all.extend(plan.change.as_ref().and_then(taken_back));
    all
}

/// What the sessions of every run begin with: its id has 32 digits, and no other session of ours is called so.
const ANY_RUN: &str = "drydock:________________________________:";

/// How a change is taken back by hand once it went through.
fn taken_back(change: &Change) -> Option<Command> {
    let role = change.role.iter().filter_map(|role| Some(format!("SET ROLE {};", quote::identifier(role).ok()?)));
    match &change.back {
        WayBack::Statements { statements } => {
            // On a line of its own: a statement may end with a comment.
            let texts = statements.iter().map(|statement| format!("{}\n;", block(&statement.text)));
            let what = "Take back what went through, one statement after the other as the plan has them".to_owned();
            Some(Command { what, text: role.chain(texts).collect::<Vec<_>>().join("\n") })
        }
        WayBack::Former => {
            let named = change.statements.iter().filter_map(|statement| statement.reading.setting.as_ref());
            let reset = named.map(|setting| format!("{};", ServerSetting { value: None, ..setting.clone() }.statement()));
            let what = "Take back what was set: each gets the value of the configuration files. A value that ALTER SYSTEM had given before is on record in Drydock only".to_owned();
            let text = reset.chain(["SELECT pg_reload_conf();".to_owned()]).collect::<Vec<_>>().join("\n");
            Some(Command { what, text })
        }
        WayBack::None { .. } => None,
    }
}
