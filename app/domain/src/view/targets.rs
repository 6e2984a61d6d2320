//! Databases as pages show them: the list, one database, and what a waiting page may honestly say.

use crate::backup::Proof;
use crate::decision::Refusal;
use crate::examination::ExaminationState;
use crate::ids::{TargetId, TeamId};
use crate::procedure::LeftOut;
use crate::procedure::fair::Coverage;
use crate::target::{Draft, Environment, Linked, Registration, TargetState, Tls};
use crate::view::watchers::Watchers;
use crate::window::WindowState;
use jiff::Timestamp;

mod report;
pub use report::{Excess, Extension, Missing, Report};

/// Rows of one page of the list.
pub const PAGE_ROWS: usize = 50;

/// What the list is narrowed to; empty means everything, but retired and deleted databases are shown only when asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Part of a name.
    pub text: String,
    /// One of [`Environment`].
    pub environment: Option<Environment>,
    /// Short name of the owner team.
    pub team: String,
    /// One of [`TargetState`].
    pub state: Option<TargetState>,
    /// Short name after which the page begins.
    pub after: String,
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Identity.
    pub id: TargetId,
    /// What people type.
    pub short_name: String,
    /// As people call it.
    pub name: String,
    /// What it is for.
    pub environment: Environment,
    /// Owner team.
    pub team: String,
    /// Where the registration stands.
    pub state: TargetState,
    /// The newest connection test: how far, whether it passed, when.
    pub test: Option<(ExaminationState, bool, Timestamp)>,
    /// When the newest recorded backup ended.
    pub backup_at: Option<Timestamp>,
    /// When the newest backup that a worker restored was taken.
    pub proven_at: Option<Timestamp>,
    /// The next window, or the one that runs: number, state, start.
    pub next_window: Option<(i64, WindowState, Timestamp)>,
}

/// The page `/databases`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// At most [`PAGE_ROWS`].
    pub rows: Vec<Row>,
    /// Short name after which the next page begins.
    pub next: Option<String>,
    /// Teams to filter by: short name and name.
    pub teams: Vec<(String, String)>,
    /// The reader may register databases for some team.
    pub may_register: bool,
    /// What was asked for.
    pub filter: Filter,
    /// The moment this is of.
    pub now: Timestamp,
}

/// Whether a worker is there to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerPresence {
    /// No worker was ever started on this installation.
    Never,
    /// Workers have announced keys, and an administrator has admitted none that is alive.
    NotAdmitted,
    /// Heard of within the last seconds.
    Alive,
    /// Not heard of since then.
    Silent {
        /// When the last one looked for questions.
        since: Timestamp,
    },
}

/// Seconds without a sign after which a worker counts as silent: three of its signs.
pub const SILENT_AFTER_S: i64 = 15;

impl WorkerPresence {
    /// From the admission and last sign of each key.
    #[must_use]
    pub fn of(keys: &[(bool, Timestamp)], now: Timestamp) -> Self {
        let newest = |admitted: bool| keys.iter().filter(|(is, _)| *is == admitted).map(|(_, seen)| *seen).max();
        let alive = |seen: Timestamp| now.duration_since(seen).as_secs() <= SILENT_AFTER_S;
        match (newest(true), newest(false)) {
            (Some(seen), _) if alive(seen) => Self::Alive,
            (_, Some(seen)) if alive(seen) => Self::NotAdmitted,
            (Some(since), _) => Self::Silent { since },
            (None, Some(_)) => Self::NotAdmitted,
            (None, None) => Self::Never,
        }
    }

    /// What stands in the way of an answer; `None` when a worker is there.
    #[must_use]
    pub fn problem(self) -> Option<&'static str> {
        match self {
            Self::Alive => None,
            Self::Never => Some(
                "No worker has ever been started on this installation, so nobody can answer. Start one: drydock worker, or drydock serve without --no-worker.",
            ),
            Self::NotAdmitted => {
                Some("A worker is there, but no administrator has admitted its key yet, so it cannot open passwords. Ask an administrator.")
            }
            Self::Silent { .. } => Some(
                "No worker has been heard of lately, so nobody can answer now. Check that one runs (drydock worker, or drydock serve); the question waits for it.",
            ),
        }
    }
}

/// The newest connection test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// How far it is.
    pub state: ExaminationState,
    /// Who asked.
    pub asked_by: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the answer or failure came.
    pub answered_at: Option<Timestamp>,
    /// Why there is no answer.
    pub failure: Option<String>,
    /// Why the database did not become ready although it was reached.
    pub refusal: Option<Refusal>,
}

/// The newest change of Drydock's own password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// How far it is.
    pub state: ExaminationState,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it was done, or failed.
    pub answered_at: Option<Timestamp>,
    /// Why it was not done.
    pub failure: Option<String>,
    /// The server does not let the old password in any more; `None` while it is not done.
    pub old_refused: Option<bool>,
    /// A new password is kept that is not proven: no run starts until it is.
    pub unfinished: bool,
}

/// What the page does while a test is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// One sentence.
    pub sentence: &'static str,
    /// What stands in the way.
    pub problem: Option<&'static str>,
    /// The page loads itself again after so many seconds.
    pub refresh_s: u32,
}

impl Test {
    /// True when the database was reached and became ready.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.state == ExaminationState::Answered && self.refusal.is_none()
    }

    /// What to say while there is no answer; `None` once there is one. The page looks again every 2 s, and slower after two minutes.
    #[must_use]
    pub fn waiting(&self, worker: WorkerPresence, now: Timestamp) -> Option<Waiting> {
        let refresh_s = if now.duration_since(self.asked_at).as_secs() < 120 { 2 } else { 15 };
        let (sentence, problem) = match self.state {
            ExaminationState::Asked => ("Waiting for a worker to take the connection test.", worker.problem()),
            ExaminationState::Working => ("A worker is testing the connection now.", None),
            ExaminationState::Answered | ExaminationState::Failed => return None,
        };
        Some(Waiting { sentence, problem, refresh_s })
    }
}

/// A recorded backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRow {
    /// When it ended.
    pub taken_at: Timestamp,
    /// Where it lies.
    pub location: String,
    /// How somebody made sure that it restores.
    pub verified_how: String,
    /// Who vouches, or who asked for the proof.
    pub recorded_by: String,
    /// A worker restored it.
    pub proven: bool,
}

/// The newest question for the proof of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofAsked {
    /// How far it is.
    pub state: ExaminationState,
    /// Who asked.
    pub asked_by: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the answer or failure came.
    pub answered_at: Option<Timestamp>,
    /// Why it could not be tried.
    pub failure: Option<String>,
    /// What was found.
    pub proof: Option<Proof>,
}

impl ProofAsked {
    /// The page loads itself again after so many seconds while it waits: a restoration takes minutes to hours.
    #[must_use]
    pub fn refresh_s(&self, now: Timestamp) -> u32 {
        if now.duration_since(self.asked_at).as_secs() < 60 { 2 } else { 15 }
    }
}

/// A registered critical query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRow {
    /// Identity, as the retire form sends it.
    pub id: String,
    /// As people call it.
    pub name: String,
    /// One SELECT.
    pub sql: String,
    /// Expected time at most, ms.
    pub limit_ms: i32,
}

/// A stakeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StakeholderRow {
    /// As people call them.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// A mailbox of several people: told, cannot vote.
    pub shared: bool,
    /// False after deactivation.
    pub active: bool,
}

impl StakeholderRow {
    /// One line of the stakeholders' form.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} <{}>", self.name.replace(['<', '>'], " "), self.email)
    }
}

/// A window of the database's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRow {
    /// Its number.
    pub number: i64,
    /// Short description.
    pub title: String,
    /// Where it is in its life.
    pub state: WindowState,
    /// When it starts.
    pub start: Timestamp,
}

/// The page that gives a database to another team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferPage {
    /// Identity.
    pub id: TargetId,
    /// As people call it.
    pub name: String,
    /// What is typed to confirm.
    pub short_name: String,
    /// Name of the present owner.
    pub owner: String,
    /// Teams it could go to.
    pub teams: Vec<(TeamId, String)>,
    /// Windows that are not over, with their states: they keep it where it is.
    pub wanted: Vec<(i64, WindowState)>,
}

/// The page `/databases/:id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowPage {
    /// The newest change of Drydock's own password.
    pub rotation: Option<Rotation>,
    /// The newest test after a change of address found the database that was there before; `None` where nothing was known.
    pub same_as_before: Option<bool>,
    /// Identity.
    pub id: TargetId,
    /// Owner team.
    pub team: TeamId,
    /// Its name.
    pub team_name: String,
    /// What was registered.
    pub registration: Registration,
    /// Why a superuser's role was accepted.
    pub superuser_reason: Option<String>,
    /// Where the registration stands.
    pub state: TargetState,
    /// The newest connection test.
    pub test: Option<Test>,
    /// Whether somebody is there to answer.
    pub worker: WorkerPresence,
    /// What the last test that reached the database found.
    pub report: Option<Report>,
    /// When that was.
    pub verified_at: Option<Timestamp>,
    /// When the stored password was set, and by whom; never the password.
    pub password: Option<(Timestamp, String)>,
    /// The newest recorded backups.
    pub backups: Vec<BackupRow>,
    /// The newest question for the proof of one.
    pub proof: Option<ProofAsked>,
    /// A worker is there that has a folder of backups.
    pub proves_backups: bool,
    /// Queries timed before and after a window.
    pub queries: Vec<QueryRow>,
    /// How many of what was in need had a turn in the last windows; `None` before the first.
    pub coverage: Option<Coverage>,
    /// What the last window left out.
    pub left_out: Vec<LeftOut>,
    /// Who depends on it.
    pub stakeholders: Vec<StakeholderRow>,
    /// Words by which policies choose.
    pub tags: Vec<String>,
    /// When it may be maintained, by its zone's clock; empty is always.
    pub hours: String,
    /// Its quietest hours of the week with their transactions a minute, the quietest first, and those of its usual hour; `None` while too little
    /// is known.
    pub load: Option<(Vec<(String, i64)>, i64)>,
    /// What it is linked with.
    pub links: Vec<LinkRow>,
    /// Who watches it.
    pub watchers: Watchers,
    /// Its newest windows.
    pub windows: Vec<WindowRow>,
    /// When it was registered, and by whom.
    pub registered: (Timestamp, String),
    /// The moment this is of.
    pub now: Timestamp,
}

/// A database that is linked with another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// The other one.
    pub other: TargetId,
    /// Its short name, for readers who see that team's work.
    pub name: Option<String>,
    /// Name of its team.
    pub team: String,
    /// How, read from this side.
    pub how: Linked,
}

/// The page `/databases/new`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// Teams the reader may register for: identity and name.
    pub teams: Vec<(TeamId, String)>,
    /// What stands in the way of storing a password.
    pub problem: Option<&'static str>,
}

/// The pages that change one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditPage {
    /// Identity.
    pub id: TargetId,
    /// As people call it.
    pub name: String,
    /// What people type.
    pub short_name: String,
    /// What the form was filled from.
    pub revision: i32,
    /// As registered, with the stakeholders by line.
    pub draft: Draft,
}

impl EditPage {
    /// The form as it was filled the last time.
    #[must_use]
    pub fn draft(registration: &Registration, stakeholders: &[StakeholderRow]) -> Draft {
        let place = &registration.place;
        Draft {
            name: registration.name.clone(),
            short_name: registration.short_name.clone(),
            host: place.host.clone(),
            port: place.port.to_string(),
            database: place.database.clone(),
            username: place.username.clone(),
            tls: place.tls.word().to_owned(),
            tls_reason: registration.tls_reason.clone().unwrap_or_default(),
            ca_pem: place.ca_pem.clone().unwrap_or_default(),
            environment: registration.environment.word().to_owned(),
            zone: registration.zone.clone(),
            on_call: registration.on_call.clone(),
            stakeholders: stakeholders.iter().map(StakeholderRow::line).collect::<Vec<_>>().join("\n"),
            trial_copy: if registration.trial_copy { "on".to_owned() } else { String::new() },
        }
    }
}

/// True where everything on the way can be read: each page about the database says so.
#[must_use]
pub fn readable_on_the_way(registration: &Registration) -> bool {
    registration.place.tls == Tls::None && !crate::target::is_near(&registration.place.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("in range")
    }

    #[test]
    fn a_waiting_page_says_honestly_who_is_missing() {
        let presence = |keys: &[(bool, Timestamp)]| WorkerPresence::of(keys, at(100));
        assert_eq!(presence(&[]), WorkerPresence::Never);
        assert_eq!(presence(&[(true, at(95))]), WorkerPresence::Alive);
        assert_eq!(presence(&[(true, at(20)), (true, at(60))]), WorkerPresence::Silent { since: at(60) });
        assert_eq!(presence(&[(true, at(20)), (false, at(99))]), WorkerPresence::NotAdmitted);
        assert_eq!(presence(&[(true, at(99)), (false, at(99))]), WorkerPresence::Alive);
        let test =
            Test { state: ExaminationState::Asked, asked_by: None, asked_at: at(90), answered_at: None, failure: None, refusal: None };
        let waiting = test.waiting(WorkerPresence::Never, at(100)).expect("open");
        assert!(waiting.problem.is_some_and(|problem| problem.contains("No worker has ever been started")) && waiting.refresh_s == 2);
        assert_eq!(test.waiting(WorkerPresence::Alive, at(400)).expect("open").refresh_s, 15);
        let failed = Test { state: ExaminationState::Failed, ..test };
        assert_eq!(failed.waiting(WorkerPresence::Never, at(100)), None);
    }

    #[test]
    fn stakeholders_survive_the_form() {
        let row = StakeholderRow { name: "Ana <x> Ruiz".into(), email: "ana@example.org".into(), shared: false, active: true };
        let read = crate::target::stakeholders(&row.line()).expect("its own form");
        assert_eq!(read[0].email, "ana@example.org");
    }
}
