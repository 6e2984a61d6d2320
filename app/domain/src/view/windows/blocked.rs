//! Why a window does not move on, as sentences: what is in the way, and who can take it away.

use super::when::Moments;
use crate::approval::{Group, RuleStanding, Standing, executor};
use crate::backup;
use crate::checklist::CheckState;
use crate::decision::Refusal;
use crate::freeze::{self, Freeze, Phase};
use crate::ids::PersonId;
use crate::pause::{self, Pause, PauseLevel};
use crate::procedure::text::plural;
use crate::schedule::{self, Due};
use crate::window::WindowState;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One thing in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// What is missing or in the way, as a sentence.
    pub what: String,
    /// Who can supply it, or what to do.
    pub way_out: String,
    /// The instant it is about, which the page shows in the reader's zone.
    pub at: Option<Timestamp>,
}

impl Blocker {
    fn new(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { what: what.into(), way_out: way_out.into(), at: None }
    }
    fn at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }
}

/// Another window on the same database at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Its number.
    pub number: i64,
    /// Its short description.
    pub title: String,
    /// Its state.
    pub state: WindowState,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// On which database, where several are spoken of.
    pub on: Option<String>,
}

/// A wave that could begin: every database of the waves before ended clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextWave {
    /// Which, from 1.
    pub number: u32,
    /// Short names of its databases.
    pub databases: Vec<String>,
    /// What the gate says against it.
    pub in_the_way: Vec<Refusal>,
    /// Until when it has to begin; afterwards it is left out.
    pub begin_by: Timestamp,
}

/// What is known about a window at one moment.
#[derive(Debug)]
pub struct Situation<'a> {
    /// Its state.
    pub state: WindowState,
    /// Why it is in this state, where somebody said so.
    pub state_reason: Option<&'a str>,
    /// Now, by the state database's clock.
    pub now: Timestamp,
    /// Its instants.
    pub moments: Moments,
    /// Where the votes stand; `None` for a draft that was never sealed.
    pub standing: Option<&'a Standing>,
    /// Names of everybody who is spoken of.
    pub names: &'a BTreeMap<PersonId, String>,
    /// The same for those who are waited for: who is away, and for whom somebody votes.
    pub waited: &'a BTreeMap<PersonId, String>,
    /// What is missing, where it cannot be approved in time any more.
    pub short: Option<&'a [String]>,
    /// Windows that take the same database at the same time.
    pub overlaps: &'a [Overlap],
    /// Between two waves of several databases: the next one.
    pub next_wave: Option<&'a NextWave>,
    /// Why its own run is held.
    pub hold_reason: Option<&'a str>,
    /// Its own run is open: `Some(true)` when a worker holds it.
    pub own_run: Option<bool>,
    /// All maintenance is paused.
    pub pause: Option<&'a Pause>,
    /// Freezes over its time that this plan may not pass.
    pub freezes: &'a [Freeze],
    /// What the gate says to a start by hand, where it is approved; what it will say of its rehearsal, while it waits for votes.
    pub gate: &'a [Refusal],
    /// Red pre-checks of an open run.
    pub red_checks: &'a [String],
    /// The validation list: title and state.
    pub checks: &'a [(String, CheckState)],
    /// A window that did not go as planned, and nobody has written down the issues met.
    pub owes_issues: bool,
}

/// Everything in the way of the window's next step; empty means that nothing is.
#[must_use]
pub fn blocked(s: &Situation<'_>) -> Vec<Blocker> {
    let mut found = match s.state {
        WindowState::Draft => vec![draft(s)],
        WindowState::Proposed => votes(s).into_iter().chain(gate(s)).collect(),
        WindowState::Approved => start(s),
        WindowState::Running => running(s),
        WindowState::Hold => vec![held(s)],
        WindowState::Validating => validation(s.checks),
        _ => vec![],
    };
    if matches!(s.state, WindowState::Proposed | WindowState::Approved | WindowState::Running | WindowState::Hold) {
        // Between two waves the gate has said what is in force now.
        let ahead = s.freezes.iter().filter(|freeze| s.next_wave.is_none() || freeze.phase(s.now) == Phase::Coming);
        found.splice(0..0, ahead.filter_map(|freeze| frozen(freeze, s)));
    }
    // First: nothing else matters meanwhile.
    if let Some(pause) = s.pause.filter(|pause| s.next_wave.is_none() && paused(pause, s.state)) {
        let refusal = pause.refusal();
        found.insert(0, Blocker::new(refusal.message, refusal.way_out));
    }
    if s.owes_issues {
        found.push(Blocker::new(
            "It did not go as planned, and the text “issues met” is not written.",
            "A lead or engineer of the owner team writes what happened, for whoever plans the next one.",
        ));
    }
    found
}

/// A freeze that keeps the window, now or before it ends.
fn frozen(freeze: &Freeze, s: &Situation<'_>) -> Option<Blocker> {
    let reason = freeze.reason.trim();
    let stop = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
    let what = format!("The freeze “{}” of {} covers this database: {reason}{stop}", freeze.name, freeze.by_name);
    let out = "have the freeze lifted, or have somebody with that right let this window pass.";
    let (way_out, at) = match (freeze.phase(s.now), s.state) {
        (Phase::Now, WindowState::Running) => {
            (format!("The run is held before its next item, and afterwards waits until somebody decides. Wait, {out}"), freeze.end)
        }
        (Phase::Coming, WindowState::Running) => {
            (format!("The run is held before its next item from then on, and waits until somebody decides. Wait, {out}"), freeze.start)
        }
        (Phase::Now, WindowState::Hold) => {
            (format!("It cannot go on until then, and waits for a decision afterwards too. Wait, {out}"), freeze.end)
        }
        (Phase::Now, _) => (format!("Nothing starts until then. Move the window, {out}"), freeze.end),
        (Phase::Coming, _) => (format!("Nothing starts from then on. Move the window, {out}"), freeze.start),
        (Phase::Over | Phase::Lifted, _) => return None,
    };
    Some(Blocker::new(what, way_out).at(at))
}

/// Whether a pause keeps a window in this state from its next step.
fn paused(pause: &Pause, state: WindowState) -> bool {
    match state {
        WindowState::Approved | WindowState::Hold => true,
        WindowState::Running => pause.level == PauseLevel::HoldRunning,
        _ => false,
    }
}

fn draft(s: &Situation<'_>) -> Blocker {
    match s.state_reason.filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => Blocker::new(
            format!("It was sent back: {reason}"),
            "A lead or engineer of the owner team edits it and proposes it again; all votes are asked for anew.",
        ),
        None => Blocker::new(
            "It is a draft: nobody has been asked to approve it.",
            "A lead or engineer of the owner team seals and proposes it.",
        ),
    }
}

fn votes(s: &Situation<'_>) -> Vec<Blocker> {
    let Some(standing) = s.standing else {
        return vec![Blocker::new("It has no sealed plan to vote on.", "Edit it and propose it again.")];
    };
    let mut found: Vec<Blocker> = standing.lines().iter().filter_map(|rule| rule_short(rule, s.waited)).collect();
    if !standing.changes_asked_by.is_empty() {
        found.push(Blocker::new(
            format!("{} asked for changes.", people(&standing.changes_asked_by, s.names)),
            "A lead or engineer of the owner team edits it.",
        ));
    }
    if let Some(short) = s.short {
        let way_out = "Let those who are away name somebody who votes meanwhile, or edit the window, so that today's people are asked.";
        found.extend(short.iter().map(|said| Blocker::new(format!("It cannot be approved in time: {said}"), way_out)));
    } else if !standing.reachable && !standing.rejected {
        found.push(Blocker::new(
            "The votes can no longer suffice: too few of the people named in the plan may still vote.",
            "Edit the window, so that today's people are asked; a new revision starts with no votes.",
        ));
    }
    if s.now >= s.moments.decide_by {
        found.push(Blocker::new("The time to decide has passed.", "Edit the window and choose a later time.").at(s.moments.decide_by));
    }
    found.extend(overlaps(s.overlaps));
    found
}

fn rule_short(rule: &RuleStanding, names: &BTreeMap<PersonId, String>) -> Option<Blocker> {
    let (have, need, missing) = (rule.have.len(), rule.need, rule.missing());
    if missing == 0 {
        return None;
    }
    let what = match (&rule.rule.group, missing) {
        (Group::Stakeholders, 1) => "One stakeholder of the database has to approve.".to_owned(),
        (Group::LeadsAndDeputies, 1) => "One lead or deputy of the owner team has to approve.".to_owned(),
        (group, 1) => format!("One of the {} has to approve.", group.label()),
        (group, n) => format!("{n} {} have to approve.", group.label()),
    };
    let what = if rule.of.is_empty() { what } else { format!("{}: {what}", rule.of.join(", ")) };
    let count = if have > 0 { format!(" {have} of {need} have.") } else { String::new() };
    let way_out = if rule.later {
        "They are asked once the stage before is complete.".to_owned()
    } else if rule.waiting_for.is_empty() {
        "Nobody who could is left: everybody else voted already or may not vote today.".to_owned()
    } else {
        format!("Waiting for {}.", people_or(&rule.waiting_for, names))
    };
    Some(Blocker::new(format!("{what}{count}"), way_out))
}

fn overlaps(found: &[Overlap]) -> Vec<Blocker> {
    found
        .iter()
        .map(|other| {
            let on = other.on.as_ref().map(|on| format!("{on}: ")).unwrap_or_default();
            let (what, way_out) = if other.state.is_live() {
                (
                    format!("{on}Window #{} ({}) takes the same database at the same time and is approved.", other.number, other.title),
                    "It cannot be approved while that one stands: choose another time, or cancel the other window.",
                )
            } else {
                (
                    format!("{on}Window #{} ({}) is proposed for the same database at the same time.", other.number, other.title),
                    "Whichever is approved first takes the time.",
                )
            };
            Blocker::new(what, way_out).at(other.start)
        })
        .collect()
}

/// What the gate says to a person and not to the schedule; the backup is one of the pre-checks there.
const NOT_OF_THE_SCHEDULE: [&str; 3] = [executor::SEPARATE, "backup", backup::UNPROVEN];

/// What is said by itself, with an instant or a better way out.
const SAID_OTHERWISE: [&str; 4] = ["too_early", "missed", pause::PAUSED, freeze::FROZEN];

/// What the gate says, as far as it keeps the schedule.
fn gate(s: &Situation<'_>) -> Vec<Blocker> {
    let said =
        |code: &str| NOT_OF_THE_SCHEDULE.contains(&code) || SAID_OTHERWISE.contains(&code) || (code == "run_open" && s.own_run.is_some());
    let left = s.gate.iter().filter(|refusal| !said(&refusal.code));
    left.map(|refusal| Blocker::new(refusal.message.clone(), refusal.way_out.clone())).collect()
}

fn start(s: &Situation<'_>) -> Vec<Blocker> {
    let mut found = gate(s);
    if s.own_run.is_some() {
        found.extend(running(s));
        if found.is_empty() {
            found.push(Blocker::new(
                "A worker does the pre-checks; nothing was changed yet.",
                "Nothing to do: it goes on by itself as soon as they are green.",
            ));
        }
        return found;
    }
    match schedule::due(s.moments.start, s.moments.latest_start, s.now) {
        Due::Early => found.push(
            Blocker::new("It is not time yet.", "Nothing to do: it starts by itself. Nobody can start it earlier.").at(s.moments.start),
        ),
        // A freeze or a pause is said by itself.
        Due::Now if s.gate.iter().all(|refusal| NOT_OF_THE_SCHEDULE.contains(&refusal.code.as_str())) => found.push(Blocker::new(
            "It is due, and no worker has taken it yet.",
            "A worker takes it within seconds; if this stays, an administrator looks whether a worker runs.",
        )),
        Due::Now => {}
        Due::Missed => found.push(
            Blocker::new("Its latest start has passed without a start.", "Propose it again for a later time.").at(s.moments.latest_start),
        ),
    }
    found
}

fn running(s: &Situation<'_>) -> Vec<Blocker> {
    let mut found: Vec<Blocker> = s.next_wave.map(between_waves).unwrap_or_default();
    if !s.red_checks.is_empty() {
        found.push(
            Blocker::new(
                format!("Pre-checks are red: {}.", s.red_checks.join("; ")),
                "Nothing was changed. They are looked at again until the latest start.",
            )
            .at(s.moments.latest_start),
        );
    }
    if s.own_run == Some(false) {
        found.push(Blocker::new(
            "No worker holds the run at the moment.",
            "Another worker takes it over within 20 seconds; if this stays, an administrator looks whether a worker runs.",
        ));
    }
    found
}

/// Why nothing runs between two waves, and until when the next one may still begin.
fn between_waves(next: &NextWave) -> Vec<Blocker> {
    let wave = format!("Wave {} ({})", next.number, next.databases.join(", "));
    if next.in_the_way.is_empty() {
        let way_out = "It is opened within seconds; if this stays, an administrator looks whether a worker runs.";
        return vec![Blocker::new(format!("{wave} is next, and has not been opened yet."), way_out)];
    }
    let said = |refusal: &Refusal| {
        Blocker::new(
            format!("{wave} does not begin. {} It is left out unless it begins by then:", refusal.message),
            refusal.way_out.clone(),
        )
        .at(next.begin_by)
    };
    next.in_the_way.iter().map(said).collect()
}

fn held(s: &Situation<'_>) -> Blocker {
    let why = s.hold_reason.or(s.state_reason).filter(|reason| !reason.trim().is_empty());
    Blocker::new(
        why.map_or_else(|| "The run waits for a person's decision.".to_owned(), |why| format!("The run waits for a person: {why}")),
        "A lead or engineer of the owner team decides on the run's page, with a reason.",
    )
}

fn validation(checks: &[(String, CheckState)]) -> Vec<Blocker> {
    let titles = |state| checks.iter().filter(|(_, is)| *is == state).map(|(title, _)| title.as_str()).collect::<Vec<_>>();
    let (red, open) = (titles(CheckState::Failed), titles(CheckState::Open));
    let mut found = Vec::new();
    if !red.is_empty() {
        found.push(Blocker::new(
            format!("{} failed: {}.", plural(red.len() as u64, "item", "items"), red.join("; ")),
            "Mend the cause and probe again, or a lead accepts it with a reason.",
        ));
    }
    if !open.is_empty() {
        found.push(Blocker::new(
            format!("{} still open: {}.", plural(open.len() as u64, "item is", "items are"), open.join("; ")),
            "Somebody of the owner team, or a stakeholder, answers them on the checklist.",
        ));
    }
    if found.is_empty() {
        found.push(Blocker::new(
            if checks.is_empty() { "The validation list is not there yet." } else { "Every item is answered; the sign-off is missing." },
            if checks.is_empty() {
                "It appears when the run has ended."
            } else {
                "A lead or engineer of the owner team signs off on the checklist."
            },
        ));
    }
    found
}

/// `Ana`, `Ana and Ben`, `Ana, Ben and Cem`.
#[must_use]
pub fn people(ids: &[PersonId], names: &BTreeMap<PersonId, String>) -> String {
    joined(ids, names, "and")
}

/// `Ana or Ben`.
fn people_or(ids: &[PersonId], names: &BTreeMap<PersonId, String>) -> String {
    joined(ids, names, "or")
}

/// `Ana and Ben`, from names.
#[must_use]
pub fn both(names: &[String]) -> String {
    join(&names.iter().map(String::as_str).collect::<Vec<_>>(), "and")
}

/// `Ana or Ben`, from names.
#[must_use]
pub fn either(names: &[String]) -> String {
    join(&names.iter().map(String::as_str).collect::<Vec<_>>(), "or")
}

fn joined(ids: &[PersonId], names: &BTreeMap<PersonId, String>, last: &str) -> String {
    join(&ids.iter().map(|id| names.get(id).map_or("somebody unknown", String::as_str)).collect::<Vec<_>>(), last)
}

fn join(words: &[&str], last: &str) -> String {
    match words {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [start @ .., end] => format!("{} {last} {end}", start.join(", ")),
    }
}

#[cfg(test)]
#[path = "blocked_tests.rs"]
mod tests;
