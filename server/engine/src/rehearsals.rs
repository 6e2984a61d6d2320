//! The rehearsal of a proposal: found among the runs of the team, for whoever seals, and for the page before that.

use crate::error::Result;
use crate::store::rehearsals::{candidates, nearby, seen};
use crate::store::windows::ProposalTarget;
use domain::change::Change;
use domain::plan::{PlanPolicy, PlanProcedure};
use domain::proposal::Proposal;
use domain::rehearsal::{Asked, Part, Rehearsal, choose, uncovered};
use domain::target::Environment;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// The run that counts as rehearsal of this proposal; `targets` are its databases, the first one first, each with the policy that rules it.
///
/// # Errors
/// The field `rehearsal`, where a policy demands one and none counts, or where the one that was typed does not.
pub(crate) async fn find(
    db: &mut PgConnection,
    proposal: &Proposal,
    targets: &[(&ProposalTarget, &PlanPolicy)],
    start: Timestamp,
) -> Result<Option<Rehearsal>> {
    let Some((first, _)) = targets.first() else { return Ok(None) };
    let parts: Vec<Part<'_>> = targets.iter().map(|(target, policy)| part(proposal, target, policy)).collect();
    let open = uncovered(&parts);
    // Where nothing is lower, there is nothing to look for.
    let places: BTreeSet<Environment> = open.iter().flat_map(|part| part.measure().places(part.environment)).collect();
    if places.is_empty() && proposal.rehearsal.is_none() {
        return Ok(None);
    }
    let places: Vec<String> = places.into_iter().map(|place| place.word().to_owned()).collect();
    // One that was typed is looked for anywhere, so that the refusal can say what is wrong with it.
    let everywhere: Vec<String> = Environment::ALL.iter().map(|place| place.word().to_owned()).collect();
    let looked_at = if proposal.rehearsal.is_some() { &everywhere } else { &places };
    let (team, procedure) = (first.plan.team, PlanProcedure::of(&proposal.procedure));
    let found = candidates(db, team, &procedure.key, looked_at, proposal.rehearsal).await?;
    let nearby = nearby(db, team, &first.plan.dbms, &places).await?;
    let texts = proposal.change.as_ref().map(Change::texts).unwrap_or_default();
    let asked = Asked {
        parts: &parts,
        procedure: &procedure,
        parameters: &proposal.parameters,
        texts: &texts,
        start,
        number: proposal.rehearsal,
        nearby: &nearby,
    };
    match choose(&asked, &found).map_err(|error| vec![error])? {
        Some(chosen) => Ok(Some(Rehearsal::of(chosen, seen(db, chosen).await?))),
        None => Ok(None),
    }
}

fn part<'a>(proposal: &Proposal, target: &'a ProposalTarget, policy: &'a PlanPolicy) -> Part<'a> {
    let name = target.plan.short_name.as_str();
    Part {
        target: target.plan.id,
        name,
        environment: Environment::from_word(&target.plan.environment).unwrap_or(Environment::Production),
        wave: proposal.several.as_ref().and_then(|several| several.wave_of(name)).unwrap_or(1),
        policy: &policy.name,
        demand: policy.rules.rehearsal.as_ref(),
    }
}
