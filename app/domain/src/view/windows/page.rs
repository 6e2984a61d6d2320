//! The page of one window.

use super::beside::Beside;
use super::glass::GlassPart;
use super::offers::Whole;
use super::{Blocker, Change, Countdown, Moments, Offers};
use crate::approval::{Assurance, Standing, VoteDecision};
use crate::canonical::Digest;
use crate::change::trial::Trial;
use crate::checklist::CheckState;
use crate::ids::{PersonId, RunId, SeriesId, TargetId, TeamId, WindowId};
use crate::lanes::Lane;
use crate::plan::Plan;
use crate::procedure::{WorkList, envelope};
use crate::view::checklists::CheckRow;
use crate::view::freezes::FreezeOver;
use crate::view::watchers::Watchers;
use crate::window::{Ending, RunState, WindowState};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What stands above every page about one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Identity.
    pub id: WindowId,
    /// What people say: #142.
    pub number: i64,
    /// Short description.
    pub title: String,
    /// Where it is in its life.
    pub state: WindowState,
    /// Since when.
    pub state_at: Timestamp,
    /// Why, where somebody said so.
    pub state_reason: Option<String>,
    /// Newest revision.
    pub revision: i32,
    /// Digest of its plan.
    pub digest: Digest,
    /// Owner team.
    pub team: TeamId,
    /// Its name.
    pub team_name: String,
    /// The database.
    pub target: TargetId,
    /// Its short name: what is typed to confirm.
    pub database: String,
    /// How many more databases the window has.
    pub more_databases: usize,
    /// Its name.
    pub database_name: String,
    /// It was deleted: only its history is left.
    pub database_deleted: bool,
    /// Environment words of its databases, each once, production first, with commas between.
    pub environments: String,
    /// Its zone.
    pub zone: String,
    /// Whom to call.
    pub on_call: String,
    /// Its instants.
    pub moments: Moments,
    /// Who proposed it first.
    pub created_by: String,
    /// Who answers for it.
    pub owner: String,
    /// When.
    pub created_at: Timestamp,
    /// What did not go as planned, once written.
    pub issues_met: Option<String>,
    /// The two who broke the glass, where it was approved so and by no votes.
    pub glass: Option<(String, String)>,
    /// Now, by the state database's clock.
    pub now: Timestamp,
}

/// One of several databases of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLine {
    /// How far it is.
    pub lane: Lane,
    /// Its short name.
    pub name: String,
    /// Its run, once its wave was opened.
    pub run: Option<RunId>,
    /// Why it is never started.
    pub not_started: Option<String>,
    /// Until when it is watched before the next wave.
    pub soak_until: Option<Timestamp>,
}

impl LaneLine {
    /// Something went otherwise than planned.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.lane.state.is_over() && !self.lane.state.is_clean()
    }
}

/// What went otherwise than planned, each database by its name; `None` when nothing has.
#[must_use]
pub fn failures_named(lanes: &[LaneLine]) -> Option<String> {
    let named: Vec<String> = lanes
        .iter()
        .filter(|line| line.failed())
        .map(|line| format!("{}: {}", line.name, line.lane.state.label().to_lowercase()))
        .collect();
    (!named.is_empty()).then(|| named.join("; "))
}

/// A vote as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteRow {
    /// Who.
    pub person: PersonId,
    /// Name.
    pub who: String,
    /// What.
    pub decision: VoteDecision,
    /// How the voter was known.
    pub assurance: Assurance,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
    /// On which revision.
    pub revision: i32,
    /// It was given on dates of the window's series together.
    pub with_series: bool,
    /// When it was taken back, and why.
    pub withdrawn: Option<(Timestamp, String)>,
    /// In whose place it was given, too, with their names.
    pub in_place_of: Vec<(PersonId, String)>,
}

/// The series a window was born of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfSeries {
    /// Which.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// Votes on its dates together count for the newest plan.
    pub covered: bool,
    /// Why they do not, where dates were put together.
    pub alone: Option<String>,
}

/// Why somebody who is asked does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// As half a sentence.
    pub why: String,
    /// When the person counts again; `None` when not on this window.
    pub until: Option<Timestamp>,
}

/// A run in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Identity.
    pub id: RunId,
    /// How far it is.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Of which revision.
    pub revision: i32,
    /// On which database, where its window has several.
    pub database: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom; `None` by the schedule.
    pub opened_by: Option<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Items on its work list.
    pub items: i64,
    /// Items with an outcome.
    pub answered: i64,
    /// Items that reached what they were meant to.
    pub reached: i64,
    /// A stop was asked for.
    pub stop_asked: bool,
    /// Why it is held.
    pub hold_reason: Option<String>,
    /// Red findings of its pre-checks.
    pub red_checks: Vec<String>,
}

/// One try to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: Timestamp,
    /// `accepted`, `deferred`, `refused` or `doubtful`.
    pub result: String,
    /// In the mail server's words.
    pub detail: String,
}

/// A message about the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// As people read it.
    pub kind: String,
    /// To whom.
    pub to: String,
    /// `waiting`, `sending`, `sent`, `parked` or `superseded`.
    pub state: String,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When the mail server took it.
    pub sent_at: Option<Timestamp>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it is tried again, while it waits.
    pub next_at: Timestamp,
    /// Tries, oldest first.
    pub tries: Vec<Delivery>,
}

/// A revision in the list of revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    /// Counts up.
    pub number: i32,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Digest of its plan.
    pub digest: Digest,
}

/// What changed between two revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionDiff {
    /// Before.
    pub from: i32,
    /// After.
    pub to: i32,
    /// Every field that differs.
    pub changes: Vec<Change>,
}

/// A fact about the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailRow {
    /// Number of the fact.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who, as far as known.
    pub who: String,
    /// `noun.verb`.
    pub action: String,
    /// False for what was tried and refused.
    pub done: bool,
    /// Batch it is sealed in; `None` until the next seal.
    pub batch: Option<i64>,
}

/// What a worker found when it looked before the start: information, not the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// When the database was measured.
    pub measured_at: String,
    /// What would be done, inside the plan's limits, and what is left out.
    pub work: WorkList,
    /// Limits that something was left out for because it would raise the risk.
    pub raises_risk: bool,
    /// What came of trying a change of design on an empty copy.
    pub trial: Option<Trial>,
}

impl Preview {
    /// What of a preview lies inside a plan's limits.
    #[must_use]
    pub fn inside(limits: &envelope::Envelope, answer: crate::examination::PreviewAnswer) -> Self {
        let (work, violations) = envelope::trim(limits, answer.selection);
        let raises_risk = violations.iter().any(envelope::Violation::raises_risk);
        Self { measured_at: answer.measured_at, work, raises_risk, trial: answer.trial }
    }

    /// What was found on each of a plan's several databases, inside its limits; nothing for a plan of one.
    #[must_use]
    pub fn of_lanes(plan: &Plan, kept: &serde_json::Value) -> Vec<(String, Self)> {
        let lanes = crate::examination::Lanes::read(kept);
        let found =
            |target: &crate::plan::PlanTarget| Some((target.short_name.clone(), Self::inside(&plan.envelope, lanes.answer(target.id)?)));
        plan.targets.iter().filter(|_| plan.is_many()).filter_map(found).collect()
    }
}

/// Whether somebody owes the text "issues met": the window failed or was rolled back, or a run was cut off, stopped or `held`, or a failed
/// item was accepted. A run that never began owes nothing, but of several databases each that did not go as planned does.
#[must_use]
pub fn owes_issues(runs: &[RunRow], lanes: &[LaneLine], checks: &[CheckRow], state: WindowState, held: bool) -> bool {
    let early = |ending| !matches!(ending, Ending::Finished | Ending::NotBegun);
    held || state.went_wrong()
        || lanes.iter().any(LaneLine::failed)
        || runs.iter().any(|run| run.hold_reason.is_some() || run.ending.is_some_and(early))
        || checks.iter().any(|check| check.state == CheckState::Accepted)
}

/// What a decision needs, and nothing else of the owner team's work: the page `/windows/:n/decide`, and the part about approvals of the window's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidePage {
    /// The reader sees the owner team's work; otherwise they are asked by this plan.
    pub sees_team: bool,
    /// Above everything.
    pub head: Head,
    /// The series it was born of.
    pub series: Option<OfSeries>,
    /// What the reader may do.
    pub offers: Offers,
    /// The sealed plan, read from its bytes.
    pub plan: Plan,
    /// Names of everybody the plan and the votes speak of.
    pub names: BTreeMap<PersonId, String>,
    /// The same for those who are waited for: who is away, and for whom somebody votes.
    pub waited: BTreeMap<PersonId, String>,
    /// Names of those in whose place the reader votes.
    pub speaks_for: Vec<String>,
    /// Where the votes stand.
    pub standing: Standing,
    /// Who is asked and does not count now.
    pub silent: BTreeMap<PersonId, Silent>,
    /// Votes, newest first: of a reader outside the team those on the newest plan alone, as behind a mailed link.
    pub votes: Vec<VoteRow>,
    /// What a worker found before.
    pub preview: Option<Preview>,
    /// The same on each of several databases where somebody looked, by short name.
    pub previews: Vec<(String, Preview)>,
}

/// The page `/windows/:n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowPage {
    /// Above everything.
    pub head: Head,
    /// The series it was born of.
    pub series: Option<OfSeries>,
    /// What comes next, and how far away it is.
    pub countdown: Option<Countdown>,
    /// What is in the way.
    pub blocked: Vec<Blocker>,
    /// Break-glass: what was asked, confirmed and found.
    pub glass: GlassPart,
    /// Freezes over its time.
    pub freezes: Vec<FreezeOver>,
    /// Windows on other databases of the same server at its time, while it is to come or under way.
    pub beside: Vec<Beside>,
    /// What the reader may do.
    pub offers: Offers,
    /// The sealed plan, read from its bytes.
    pub plan: Plan,
    /// Names of everybody the plan and the votes speak of.
    pub names: BTreeMap<PersonId, String>,
    /// The same for those who are waited for: who is away, and for whom somebody votes.
    pub waited: BTreeMap<PersonId, String>,
    /// Names of those in whose place the reader votes.
    pub speaks_for: Vec<String>,
    /// Where the votes stand.
    pub standing: Standing,
    /// Who is asked and does not count now.
    pub silent: BTreeMap<PersonId, Silent>,
    /// Votes on all revisions, newest first.
    pub votes: Vec<VoteRow>,
    /// What a worker found before.
    pub preview: Option<Preview>,
    /// The same on each of several databases where somebody looked, by short name.
    pub previews: Vec<(String, Preview)>,
    /// The validation list.
    pub checks: Vec<CheckRow>,
    /// Its databases, where it has several.
    pub lanes: Vec<LaneLine>,
    /// What may be done to all of their runs at once.
    pub whole: Option<Whole>,
    /// Its runs, newest first.
    pub runs: Vec<RunRow>,
    /// Who watches it.
    pub watchers: Watchers,
    /// Messages about it, newest first.
    pub messages: Vec<Message>,
    /// Its revisions, newest first.
    pub revisions: Vec<RevisionRow>,
    /// What the newest, or the asked for, revision changed.
    pub diff: Option<RevisionDiff>,
    /// Facts about it, newest first.
    pub trail: Vec<TrailRow>,
}

impl ShowPage {
    /// The part about approvals.
    #[must_use]
    pub fn deciding(&self) -> DecidePage {
        DecidePage {
            sees_team: true,
            head: self.head.clone(),
            series: self.series.clone(),
            offers: self.offers.clone(),
            plan: self.plan.clone(),
            names: self.names.clone(),
            waited: self.waited.clone(),
            speaks_for: self.speaks_for.clone(),
            standing: self.standing.clone(),
            silent: self.silent.clone(),
            votes: self.votes.clone(),
            preview: self.preview.clone(),
            previews: self.previews.clone(),
        }
    }
}
