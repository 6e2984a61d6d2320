//! Which run counts as the rehearsal of a proposal.

use super::demand::{Part, either, uncovered};
use crate::canonical::Digest;
use crate::decision::FieldError;
use crate::ids::{RunId, TargetId, WindowId};
use crate::plan::PlanProcedure;
use crate::procedure::Parameters;
use crate::procedure::text::{count, plural};
use crate::target::Environment;
use crate::window::WindowState;
use jiff::Timestamp;

/// A run that is over, on another database of the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its window.
    pub window: WindowId,
    /// What people say.
    pub number: i64,
    /// Where the window is in its life.
    pub state: WindowState,
    /// The run.
    pub run: RunId,
    /// On which database.
    pub target: TargetId,
    /// What that is called.
    pub short_name: String,
    /// Where that belonged, as its plan says.
    pub environment: Environment,
    /// Every run of its window ended finished, without a failed item and without a red probe.
    pub clean: bool,
    /// A red item of its validation list was accepted.
    pub accepted_red: bool,
    /// What ran.
    pub procedure: PlanProcedure,
    /// With which thresholds.
    pub parameters: Parameters,
    /// The text of a change of design, as [`crate::change::Change::texts`] gives it; empty where it was none.
    pub texts: Vec<String>,
    /// When the run was opened.
    pub opened_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The plan it obeyed.
    pub plan_digest: Digest,
}

/// What a rehearsal is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The databases of the proposal.
    pub parts: &'a [Part<'a>],
    /// What shall run.
    pub procedure: &'a PlanProcedure,
    /// With which thresholds.
    pub parameters: &'a Parameters,
    /// The text of a change of design; empty where it is none.
    pub texts: &'a [String],
    /// When.
    pub start: Timestamp,
    /// The window that was typed; `None` takes the newest that counts.
    pub number: Option<i64>,
    /// Short names of databases on which it could be rehearsed.
    pub nearby: &'a [String],
}

/// Most differing thresholds that a sentence names.
const MOST_NAMED: usize = 3;

impl Candidate {
    /// Why it is no rehearsal for this database, as the rest of a sentence that begins with the window; `None` where it is one.
    #[must_use]
    fn lacks(&self, asked: &Asked<'_>, part: &Part<'_>) -> Option<String> {
        let demand = part.measure();
        if self.target == part.target {
            return Some(format!("ran on {} itself", part.name));
        }
        if !demand.takes(self.environment, part.environment) {
            return Some(format!("ran on a {} database, and a {} counts for {}", self.environment.word(), demand.of_which(), part.name));
        }
        let (theirs, ours) = (&self.procedure, asked.procedure);
        if (&theirs.key, theirs.version, theirs.digest) != (&ours.key, ours.version, ours.digest) {
            return Some(format!(
                "ran the procedure {} version {}, and this is {} version {}",
                theirs.name, theirs.version, ours.name, ours.version
            ));
        }
        if self.parameters != *asked.parameters {
            return Some(format!("ran with other thresholds: {}", differing(&self.parameters, asked.parameters)));
        }
        if self.texts != asked.texts {
            return Some("ran another text: a change of design is rehearsed word by word, with its way back".to_owned());
        }
        if self.state == WindowState::Validating {
            return Some("has ended, and its validation is not signed off yet".to_owned());
        }
        if self.state != WindowState::Completed {
            return Some(format!("is “{}”, not completed", self.state.label().to_lowercase()));
        }
        if !self.clean {
            return Some("was completed with failures".to_owned());
        }
        if self.accepted_red {
            return Some("was completed with a red check that somebody accepted".to_owned());
        }
        (!demand.is_young(self.ended_at, asked.start)).then(|| {
            format!(
                "ended on {}, more than {} before the start",
                self.ended_at.strftime("%Y-%m-%d at %H:%M UTC"),
                plural(demand.max_age_days.into(), "day", "days")
            )
        })
    }
}

/// Thresholds that differ, by their labels.
fn differing(theirs: &Parameters, ours: &Parameters) -> String {
    let differ = Parameters::SPECS.iter().filter_map(|spec| {
        let (there, here) = (theirs.get(spec.name)?, ours.get(spec.name)?);
        (there != here).then(|| format!("{} was {} {}, here it is {}", spec.label, count(there), spec.unit, count(here)))
    });
    let all: Vec<String> = differ.collect();
    let more = all.len().saturating_sub(MOST_NAMED);
    let named = all[..all.len() - more].join("; ");
    if more > 0 { format!("{named}; and {more} more") } else { named }
}

/// The rehearsal of a proposal: the newest run that counts for every database that needs one, or of the window that was typed.
///
/// Nothing is refused where no policy demands one and no window was typed; then there may be none.
///
/// # Errors
/// The field `rehearsal`: what is demanded, why the newest run does not count, and the way out.
pub fn choose<'c>(asked: &Asked<'_>, candidates: &'c [Candidate]) -> Result<Option<&'c Candidate>, FieldError> {
    let open = uncovered(asked.parts);
    let of_window = |candidate: &&Candidate| asked.number.is_none_or(|number| number == candidate.number);
    let mut known: Vec<&Candidate> = candidates.iter().filter(of_window).collect();
    known.sort_by_key(|candidate| std::cmp::Reverse((candidate.ended_at, candidate.run)));
    let lacks = |candidate: &Candidate| open.iter().find_map(|part| candidate.lacks(asked, part));
    if open.is_empty() && asked.number.is_none() {
        return Ok(None);
    }
    if !open.is_empty()
        && let Some(found) = known.iter().copied().find(|candidate| lacks(candidate).is_none())
    {
        return Ok(Some(found));
    }
    let demanding = open.iter().find(|part| part.demand.is_some());
    if demanding.is_none() && asked.number.is_none() {
        return Ok(None);
    }
    let newest = known.first().copied();
    let why = match (newest.and_then(|newest| Some((newest, lacks(newest)?))), asked.number) {
        (Some((newest, lack)), _) => format!("#{} on {} {lack}.", newest.number, newest.short_name),
        (None, Some(_)) if open.is_empty() => "Every database of this window is rehearsed by an earlier wave of it.".to_owned(),
        (None, Some(number)) => format!("Window #{number} has no run that is over on a lower database of this team."),
        (None, None) => "Nothing like it has run on a lower database of the team.".to_owned(),
    };
    let demanded = demanding.map_or_else(
        || "This is no rehearsal.".to_owned(),
        |part| format!("The policy “{}” demands a rehearsal for {}: {}.", part.policy, part.name, part.measure().said()),
    );
    Err(FieldError::new("rehearsal", format!("{demanded} {why} {}", way_out(asked, demanding.copied()))))
}

fn way_out(asked: &Asked<'_>, demanding: Option<&Part<'_>>) -> String {
    const EMPTY: &str = "Leave the field empty: the newest rehearsal that counts is taken, if there is one.";
    let Some(part) = demanding else { return EMPTY.to_owned() };
    if asked.number.is_some() {
        return format!("{EMPTY} Otherwise rehearse it first.");
    }
    let names: Vec<&str> = asked.nearby.iter().map(String::as_str).collect();
    if names.is_empty() {
        return format!("Register a {} for the team of {}, and propose it there first.", part.measure().of_which(), part.name);
    }
    format!(
        "Propose it on {} first, with the same thresholds, and sign off its validation; or put that database into an earlier wave of this window.",
        either(&names)
    )
}
