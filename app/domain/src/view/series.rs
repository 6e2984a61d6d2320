//! The pages of series: the list, the form with its dates, and one series.

use crate::approval::Assurance;
use crate::canonical::Digest;
use crate::ids::{SeriesId, TargetId};
use crate::plan::Plan;
use crate::procedure::Shelf;
use crate::series::Occurrence;
use crate::series::form::SeriesForm;
use crate::series::together::Stands;
use crate::view::windows::Offer;
use crate::view::windows::propose::{Approvers, Candidate, Database};
use crate::window::WindowState;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

/// How a series stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesState {
    /// It proposes its windows by itself.
    Active,
    /// Something waits for a person.
    NeedsAttention,
    /// Its rule has no date to come.
    Over,
    /// Somebody ended it.
    Ended,
}

impl SeriesState {
    /// As people read it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::NeedsAttention => "Needs attention",
            Self::Over => "No more dates",
            Self::Ended => "Ended",
        }
    }
}

/// One series in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRow {
    /// Which.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// Its rule in words.
    pub words: String,
    /// Short name of its database.
    pub database: String,
    /// Environment word of that.
    pub environment: String,
    /// Owner team's name.
    pub team: String,
    /// Who answers for it.
    pub author: String,
    /// How it stands.
    pub state: SeriesState,
    /// Its next date.
    pub next: Option<Timestamp>,
}

/// The list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// Newest first.
    pub rows: Vec<SeriesRow>,
    /// There are older ones: go on after this.
    pub older: Option<SeriesId>,
    /// The reader may make one.
    pub may_make: bool,
}

/// A date as it is shown before anything is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownDate {
    /// The date.
    pub date: Occurrence,
    /// Its window, where one was proposed before.
    pub window: Option<i64>,
    /// Another window that takes the database then: number and title.
    pub taken: Option<(i64, String)>,
}

/// The dates of what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    /// The rule in words.
    pub words: String,
    /// The next ones.
    pub lines: Vec<ShownDate>,
    /// The first ones are proposed as soon as it is saved.
    pub at_once: bool,
    /// Days of lead.
    pub lead_days: i64,
    /// What the form sends back, so that nothing else is saved than what was shown.
    pub seen: String,
}

/// The series a form changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditOf {
    /// Which.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// Its revision.
    pub revision: i32,
    /// Who answers for it so far.
    pub author: String,
}

/// The form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPage {
    /// About which database.
    pub database: Database,
    /// What the fields hold before anything is typed.
    pub form: SeriesForm,
    /// The procedures that can be chosen.
    pub shelf: Shelf,
    /// Its dates, once what was typed can be read.
    pub dates: Option<Dates>,
    /// Who must approve each window; databases that ask the same people alike are named together.
    pub approvers: Vec<Approvers>,
    /// Other databases that it may be about, too.
    pub candidates: Vec<Candidate>,
    /// The series that is changed; `None` for a new one.
    pub edit: Option<EditOf>,
    /// Now.
    pub now: Timestamp,
}

/// A date to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateLine {
    /// The date.
    pub date: Occurrence,
    /// Its window, and how that stands.
    pub window: Option<(i64, WindowState)>,
    /// Why it has none.
    pub stuck: Option<String>,
    /// When it is proposed.
    pub proposed_at: Timestamp,
}

/// What was done to a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The wall time instead; `None`: left out.
    pub moved_to: Option<DateTime>,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The date somebody wants to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateCard {
    /// The date.
    pub date: Occurrence,
    /// What was done to it before.
    pub changed: Option<Changed>,
}

/// A date without a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The day the rule gives.
    pub day: Date,
    /// When it starts, or started.
    pub start: Timestamp,
    /// It passed.
    pub passed: bool,
    /// Why, and what to do.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
}

/// A window that was born of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// The day the rule gives.
    pub day: Date,
    /// Its number.
    pub number: i64,
    /// Its title now.
    pub title: String,
    /// How it stands.
    pub state: WindowState,
    /// When it starts by now.
    pub start: Timestamp,
    /// When it was proposed.
    pub born_at: Timestamp,
}

/// A date of several that are approved together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestLine {
    /// When it starts.
    pub start: Timestamp,
    /// That has passed.
    pub passed: bool,
    /// Its window, and how that stands.
    pub window: Option<(i64, WindowState)>,
    /// The reader may look at that: whoever is asked from outside the owner team is let in only where it asks them, or they decided on it.
    pub may_read: bool,
    /// Why that asks by itself.
    pub alone: Option<String>,
    /// The votes suffice for it.
    pub approved: bool,
    /// How many more are needed.
    pub missing: usize,
}

/// What the policy asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRule {
    /// Of whom.
    pub who: String,
    /// How many.
    pub need: usize,
    /// Who approved.
    pub have: Vec<String>,
    /// Who could; of somebody who is away, until when.
    pub waiting_for: Vec<String>,
    /// Who votes in the place of whom of them: on windows, and never on dates that are put together.
    pub in_place: Vec<InPlace>,
    /// Its turn has not come.
    pub later: bool,
    /// How well voters must be known.
    pub known: Assurance,
}

/// Somebody who is away, and has somebody else vote meanwhile.
///
/// Such a voice ends with the absence, and dates that are put together reach beyond it: whoever votes in somebody's place does so on each window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPlace {
    /// Name of who is away.
    pub absent: String,
    /// Name of who votes meanwhile.
    pub delegate: String,
}

impl InPlace {
    /// As a sentence beside the name of who is away.
    #[must_use]
    pub fn said(&self) -> String {
        let Self { absent, delegate } = self;
        format!("{delegate} votes in the place of {absent} until then, and is asked about each window by itself, not about these dates.")
    }
}

/// An approval of several dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestVote {
    /// Whose.
    pub who: String,
    /// How the voter was known.
    pub assurance: Assurance,
    /// When.
    pub at: Timestamp,
    /// What the voter wanted to say.
    pub comment: String,
    /// When it was taken back, and why.
    pub withdrawn: Option<(Timestamp, String)>,
}

/// Dates of a series that were put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestCard {
    /// What people approve.
    pub digest: Digest,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Whether they still cover anything.
    pub stands: Stands,
    /// In order.
    pub dates: Vec<DigestLine>,
    /// What the policy asks for, counted on the next of them.
    pub rules: Vec<DigestRule>,
    /// The newest first.
    pub votes: Vec<DigestVote>,
    /// An approval of the reader's stands, on these dates or on earlier ones.
    pub own: bool,
    /// Whether the reader may approve.
    pub offer: Offer,
}

/// The page on which dates are approved together.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalPage {
    /// Of which series.
    pub id: SeriesId,
    /// The reader sees the owner team's work; otherwise they are asked, and read what they decide on.
    pub sees_team: bool,
    /// Its title.
    pub title: String,
    /// Its rule in words.
    pub words: String,
    /// Short name of its database.
    pub database: String,
    /// Zone of its wall times.
    pub zone: String,
    /// Owner team's name.
    pub team: String,
    /// Who answers for it.
    pub author: String,
    /// What was put together; nothing as long as nobody asked.
    pub card: Option<DigestCard>,
    /// The plan of the next date.
    pub plan: Option<Plan>,
}

/// What somebody reads of dates they approved, who sees nothing of the team any more: enough to take it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftApproval {
    /// Of which series.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// Short name of its database.
    pub database: String,
    /// What they approved and when, oldest first.
    pub votes: Vec<(Digest, Timestamp)>,
}

/// The page on which dates are approved together, or what is left of it for a reader.
#[derive(Debug, Clone, PartialEq)]
pub enum Approval {
    /// For whoever sees the team's work.
    Whole(Box<ApprovalPage>),
    /// For whoever approved and left.
    Left(LeftApproval),
}

/// One series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowPage {
    /// Which.
    pub id: SeriesId,
    /// Its title.
    pub title: String,
    /// How it stands.
    pub state: SeriesState,
    /// Its rule in words.
    pub words: String,
    /// The same as calendars write it.
    pub text: String,
    /// The database.
    pub target: TargetId,
    /// Short name of the database.
    pub database: String,
    /// The other ones, with short name and environment word.
    pub others: Vec<(TargetId, String, String)>,
    /// Environment word of that.
    pub environment: String,
    /// Zone of its wall times.
    pub zone: String,
    /// Owner team's name.
    pub team: String,
    /// Who answers for it.
    pub author: String,
    /// What each window does: the procedure's name.
    pub procedure: String,
    /// The lines that each carries out, where people wrote some; else empty.
    pub lines: String,
    /// Why each window is needed.
    pub reason: String,
    /// Minutes each lasts.
    pub duration_min: String,
    /// Days of lead.
    pub lead_days: i64,
    /// What keeps every date from being proposed, and since when.
    pub trouble: Option<(String, Timestamp)>,
    /// When and by whom it was ended, and why.
    pub ended: Option<(Timestamp, String, String)>,
    /// The dates to come.
    pub next: Vec<DateLine>,
    /// The date somebody wants to change.
    pub card: Option<DateCard>,
    /// Other dates that have no window.
    pub without: Vec<Stuck>,
    /// Windows born of it.
    pub births: Vec<Birth>,
    /// The dates that were put together last, to be approved at once.
    pub together: Option<DigestCard>,
    /// The reader may change it.
    pub may_change: bool,
    /// Now.
    pub now: Timestamp,
}
