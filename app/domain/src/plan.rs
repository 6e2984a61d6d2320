//! The plan: the sealed envelope of one window revision. Its bytes are what people approve and what the runner obeys.

mod asks;
mod differences;

pub use differences::{Difference, differences};

use crate::approval::{Eligible, Policy};
use crate::canonical::{self, CanonicalError, Digest};
use crate::change::Change;
use crate::checklist::{self, PlannedCheck};
use crate::glass::Raised;
use crate::ids::{PolicyId, TargetId, TeamId, WindowId};
use crate::lanes::{self, Waves, waves};
use crate::procedure::{Envelope, Own, Parameters, Procedure, RiskClass, library, own};
use crate::proposal::Proposal;
use crate::rehearsal::Rehearsal;
use crate::schedule::Times;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Version of the byte format. Old plans stay readable: fields are only added, each with a default.
pub const PLAN_FORMAT: u32 = 1;

/// A database as the plan names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTarget {
    /// Registered identity.
    pub id: TargetId,
    /// What people type to confirm.
    pub short_name: String,
    /// As people call it.
    pub name: String,
    /// `postgresql` or `mariadb`.
    pub dbms: String,
    /// Chooses the policy.
    pub environment: String,
    /// Where it answers.
    pub host: String,
    /// Where it answers.
    pub port: i32,
    /// Which database there.
    pub database: String,
    /// Role used for the work.
    pub username: String,
    /// Owner team.
    pub team: TeamId,
    /// Whom to call.
    pub on_call: String,
    /// Stable identity evidence of the last passed connection test; the executing session must show the same.
    pub identity: Value,
    /// Queries timed before and after, in a plan of several databases; those of the one database of a plan stand in the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical_queries: Vec<PlanQuery>,
}

/// The procedure, by version and digest of its step templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanProcedure {
    /// Key.
    pub key: String,
    /// Name, for people.
    pub name: String,
    /// Version.
    pub version: u32,
    /// Digest of its templates: a program that lacks these bytes refuses the start.
    pub digest: Digest,
    /// The whole procedure, where people composed it: what they change later changes nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<Procedure>>,
}

impl PlanProcedure {
    /// A procedure as this program carries it.
    #[must_use]
    pub fn of(procedure: &Procedure) -> Self {
        Self {
            key: procedure.key.clone(),
            name: procedure.name.clone(),
            version: procedure.version,
            digest: procedure.digest(),
            own: procedure.is_own().then(|| Box::new(procedure.clone())),
        }
    }

    /// Those of the library whose work it does, where people composed it.
    #[must_use]
    pub fn alike(&self) -> BTreeSet<String> {
        self.own.as_deref().map(own::alike).unwrap_or_default()
    }

    /// What it is called where people decide: with its version, and whether people composed it, whatever it is named after.
    #[must_use]
    pub fn said(&self) -> String {
        let composed = if self.own.is_some() { format!(", composed here as {}", self.key) } else { String::new() };
        format!("{} version {}{composed}", self.name, self.version)
    }

    /// The procedure itself, in exactly the version that was approved; `None` when this program does not carry its bytes, or those of a step of
    /// an own one.
    #[must_use]
    pub fn known(&self) -> Option<Procedure> {
        match &self.own {
            None => library::find(&self.key, self.version, self.digest),
            Some(own) => {
                let same = (&own.key, own.version, own.digest()) == (&self.key, self.version, self.digest);
                (same && own::is_carried(own)).then(|| (**own).clone())
            }
        }
    }
}

/// A query whose speed is compared before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanQuery {
    /// As people call it.
    pub name: String,
    /// One SELECT.
    pub sql: String,
    /// Expected time at most, ms.
    pub limit_ms: i32,
}

/// The policy that rules this plan, whole: weakening it later changes nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPolicy {
    /// Which policy.
    pub id: PolicyId,
    /// Its version.
    pub version: i32,
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// Its rules; raised where that is said.
    pub rules: Policy,
    /// Why they ask for more than this version does: a review is overdue. The digest stays that of the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised: Option<Raised>,
}

/// What one further database of a plan asks for: its own policy, and who may vote by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// Which database.
    pub target: TargetId,
    /// Who must agree.
    pub policy: PlanPolicy,
    /// Who may vote, by rule.
    pub eligible: Eligible,
}

/// A time outside of the hours in which a database may be maintained, which whoever approves the plan agrees to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideHours {
    /// The hours of each database that the time does not keep to, by short name, as they were when the plan was sealed.
    pub hours: BTreeMap<String, String>,
    /// Why it has to be then.
    pub reason: String,
}

impl OutsideHours {
    /// When each of them may be maintained.
    #[must_use]
    pub fn each(&self) -> String {
        self.hours.iter().map(|(name, hours)| format!("{name} may be maintained {hours}")).collect::<Vec<_>>().join(", ")
    }
    /// In one sentence, with the reason.
    #[must_use]
    pub fn said(&self) -> String {
        format!("{}, and this window is at another time. Why: {}", self.each(), self.reason)
    }
}

/// How the work is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRollback {
    /// In a sentence.
    pub summary: String,
    /// Per step, as the procedure says it.
    pub steps: Vec<String>,
}

/// Everything that is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The window.
    pub window: WindowId,
    /// Its number.
    pub number: i64,
    /// Its revision.
    pub revision: i32,
    /// A line for lists and subjects.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Databases, each once.
    pub targets: Vec<PlanTarget>,
    /// In which order they are worked on; only where there are several. Plans of one keep the bytes they always had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves: Option<Waves>,
    /// What is done.
    pub procedure: PlanProcedure,
    /// Thresholds.
    pub parameters: Parameters,
    /// Limits within which work is selected.
    pub envelope: Envelope,
    /// When.
    pub times: Times,
    /// The time is one at which a database is not maintained otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_hours: Option<OutsideHours>,
    /// The newest recorded backup may be at most this old at the start, in hours.
    pub backup_max_age_hours: u64,
    /// How it is undone.
    pub rollback: PlanRollback,
    /// What must be true before it closes.
    pub checklist: Vec<PlannedCheck>,
    /// Queries timed before and after.
    pub critical_queries: Vec<PlanQuery>,
    /// Who must agree; of several databases for the first one.
    pub policy: PlanPolicy,
    /// Who may vote, by rule.
    pub eligible: Eligible,
    /// What the others of several databases ask for, in their order: each has to be satisfied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bars: Vec<Bar>,
    /// The run that rehearsed it; `None` where there is none and nobody demands one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// What each database held when the plan was sealed, in MiB, where policies are chosen by it; null for one that nobody could measure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measured_mib: BTreeMap<TargetId, Option<u64>>,
    /// The text that is sent, and what takes it back, where the plan is a change of design.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// What a plan is made of besides the proposal.
#[derive(Debug, Clone)]
pub struct PlanParts {
    /// The window.
    pub window: WindowId,
    /// Its number.
    pub number: i64,
    /// The revision to seal.
    pub revision: i32,
    /// The database.
    pub target: PlanTarget,
    /// When.
    pub times: Times,
    /// The time is one at which a database is not maintained otherwise.
    pub outside_hours: Option<OutsideHours>,
    /// Who must agree.
    pub policy: PlanPolicy,
    /// Who may vote.
    pub eligible: Eligible,
    /// Queries timed before and after.
    pub critical_queries: Vec<PlanQuery>,
    /// The other databases of several, each with the queries timed on it, and what it asks for.
    pub more: Vec<(PlanTarget, Bar)>,
    /// In which order they are worked on, where there are several.
    pub waves: Option<Waves>,
    /// The run that rehearsed it.
    pub rehearsal: Option<Rehearsal>,
    /// What each database holds, in MiB, where policies are chosen by it; `None` for one that nobody could measure.
    pub measured_mib: BTreeMap<TargetId, Option<u64>>,
}

impl Plan {
    /// Puts the plan together.
    #[must_use]
    pub fn assemble(proposal: &Proposal, parts: PlanParts) -> Self {
        let procedure = &proposal.procedure;
        let working: Vec<_> = procedure.steps.iter().filter(|step| !step.acts.is_empty()).collect();
        let (more, bars): (Vec<_>, Vec<_>) = parts.more.into_iter().unzip();
        let (mut first, mut critical_queries) = (parts.target, parts.critical_queries);
        if !more.is_empty() {
            first.critical_queries = std::mem::take(&mut critical_queries);
        }
        Self {
            format: PLAN_FORMAT,
            window: parts.window,
            number: parts.number,
            revision: parts.revision,
            title: proposal.title.clone(),
            reason: proposal.reason.clone(),
            targets: std::iter::once(first).chain(more).collect(),
            waves: parts.waves,
            procedure: PlanProcedure::of(procedure),
            backup_max_age_hours: proposal.parameters.backup_max_age_hours,
            parameters: proposal.parameters.clone(),
            envelope: limits(proposal),
            times: parts.times,
            outside_hours: parts.outside_hours,
            rollback: PlanRollback {
                summary: match &proposal.change {
                    Some(change) if procedure.selects() => format!("{} {NOTHING_ELSE_TO_RESTORE}", change.undone()),
                    Some(change) => change.undone(),
                    None if working.is_empty() => ONLY_READS.into(),
                    None => NOTHING_TO_RESTORE.into(),
                },
                steps: working.iter().map(|step| format!("{}: {}", step.name, step.rollback)).collect(),
            },
            checklist: checklist::standard().into_iter().chain(procedure.own.iter().flat_map(Own::checks)).collect(),
            critical_queries,
            policy: parts.policy,
            eligible: parts.eligible,
            bars,
            rehearsal: parts.rehearsal,
            measured_mib: parts.measured_mib,
            change: proposal.change.clone(),
        }
    }

    /// Canonical bytes and digest.
    pub fn seal(&self) -> Result<(Vec<u8>, Digest), CanonicalError> {
        let bytes = canonical::bytes(self)?;
        let digest = canonical::digest("plan", &bytes);
        Ok((bytes, digest))
    }

    /// Reads sealed bytes, and only if they have the digest that was approved.
    pub fn open(bytes: &[u8], digest: Digest) -> Result<Self, PlanError> {
        if canonical::digest("plan", bytes) != digest {
            return Err(PlanError::Digest);
        }
        let plan: Self = serde_json::from_slice(bytes).map_err(|error| PlanError::Unreadable(error.to_string()))?;
        if plan.format != PLAN_FORMAT || plan.targets.is_empty() {
            return Err(PlanError::Unreadable(format!("format {}", plan.format)));
        }
        let targets: Vec<TargetId> = plan.targets.iter().map(|target| target.id).collect();
        waves::check(&targets, plan.waves.as_ref()).map_err(|error| PlanError::Unreadable(error.to_string()))?;
        if !plan.bars.iter().map(|bar| bar.target).eq(targets.into_iter().skip(1)) {
            return Err(PlanError::Unreadable("every database after the first has a policy of its own".into()));
        }
        Ok(plan)
    }

    /// What a database counts as when it is asked again what rules the plan, in MiB: the most of what was sealed and of what it holds `today`.
    /// So growing asks for more, and shrinking for nobody else. One that could not be measured when the plan was sealed counts as large for good.
    #[must_use]
    pub fn counts_mib(&self, target: TargetId, today: Option<u64>) -> Option<u64> {
        match self.measured_mib.get(&target) {
            None => today,
            Some(sealed) => sealed.map(|sealed| today.map_or(sealed, |today| today.max(sealed))),
        }
    }

    /// The one database of the plan, or the first of several.
    #[must_use]
    pub fn target(&self) -> &PlanTarget {
        &self.targets[0]
    }

    /// Whether it is about several databases.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.targets.len() > 1
    }

    /// Its databases for a line: the first by its short name, and how many more.
    #[must_use]
    pub fn databases(&self) -> String {
        let first = &self.target().short_name;
        if self.is_many() { format!("{first} and {} more", self.targets.len() - 1) } else { first.clone() }
    }

    /// The database of one lane; `None` for one that the plan does not name.
    #[must_use]
    pub fn lane(&self, target: TargetId) -> Option<&PlanTarget> {
        self.targets.iter().find(|each| each.id == target)
    }

    /// The wave of a database, from 1.
    #[must_use]
    pub fn wave_of(&self, target: TargetId) -> u32 {
        self.waves.as_ref().and_then(|waves| waves.of(target)).unwrap_or(1)
    }

    /// How long a database is watched after its work; `None` where no wave follows its own.
    #[must_use]
    pub fn soak(&self, target: TargetId) -> Option<SignedDuration> {
        let waves = self.waves.as_ref().filter(|waves| waves.soak_min > 0 && self.wave_of(target) < waves.last())?;
        Some(SignedDuration::from_mins(i64::from(waves.soak_min)))
    }

    /// Queries timed on a database before and after.
    #[must_use]
    pub fn queries_of(&self, target: TargetId) -> &[PlanQuery] {
        match self.lane(target) {
            Some(lane) if self.is_many() => &lane.critical_queries,
            _ => &self.critical_queries,
        }
    }

    /// Until when a lane of this wave has to begin that was opened, or could have been, at `since`.
    #[must_use]
    pub fn begin_by(&self, wave: u32, since: Timestamp) -> Timestamp {
        lanes::begin_by((self.times.start, self.times.latest_start, self.times.cut_off), wave, since)
    }

    /// Whether work is selected by need; otherwise all that is sent was approved word by word.
    #[must_use]
    pub fn selects(&self) -> bool {
        self.envelope.selects()
    }

    /// The worst class the plan allows.
    #[must_use]
    pub fn risk(&self) -> RiskClass {
        self.envelope.highest_risk
    }

    /// What it means for the people who use the database, in a sentence.
    #[must_use]
    pub fn impact(&self) -> String {
        if let Some(change) = self.change.as_ref().filter(|_| !self.selects()) {
            return change.impact().to_owned();
        }
        match self.risk() {
            RiskClass::R0 => "Nothing changes; the database is only looked at.".into(),
            RiskClass::R1 => "The database stays available; reads and writes go on, the disk is busier than usual.".into(),
            RiskClass::R2 => "The database stays available, with waits of a few seconds when a lock is taken.".into(),
            RiskClass::R3 => "Writes are blocked while the work runs: connections are drained first.".into(),
            RiskClass::R4 => "Data is changed in a way that only the backup can undo.".into(),
        }
    }
}

const ONLY_READS: &str = "This procedure changes nothing, so there is nothing to undo.";
const NOTHING_ELSE_TO_RESTORE: &str = "The other steps change no data: what an interrupted one left behind is cleaned up.";
const NOTHING_TO_RESTORE: &str = "No step of this procedure changes data, so there is nothing to restore: settings are put back, and what an interrupted step left behind is cleaned up.";

/// The limits within which work is selected, as a plan of this proposal holds them.
#[must_use]
pub fn limits(proposal: &Proposal) -> Envelope {
    let scripts = proposal.change.as_ref().map(Change::scripts).unwrap_or_default();
    Envelope {
        steps: proposal.procedure.surveyed(),
        allowed: vec![],
        // A change of design is sent whole: nothing of it is left out for the sake of a limit.
        excluded: if proposal.procedure.selects() { proposal.excluded.clone() } else { vec![] },
        highest_risk: proposal.risk(),
        most_objects: scripts.len().try_into().unwrap_or(u32::MAX).max(proposal.most_objects),
        most_bytes: proposal.most_bytes,
        scripts,
    }
}

/// Why sealed bytes are not obeyed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not the bytes that were approved.
    #[error("the stored plan is not the one that was approved: its digest differs")]
    Digest,
    /// A format this program does not know.
    #[error("the stored plan cannot be read by this program ({0}): start the version that sealed it")]
    Unreadable(String),
}

#[cfg(test)]
pub(crate) mod tests;
