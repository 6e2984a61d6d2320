//! Saves a new version of a policy. Windows that are under way keep the version sealed in their plan.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::approval::{self, Assurance, Group, Policy, Rule};
use domain::decision::{FieldError, FormCheck, Refusal};
use domain::fact::NewFact;
use domain::ids::PolicyId;
use domain::permission::{Verb, authorize};

/// What was typed: how many of each group, and by when.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Version the page showed.
    pub version: String,
    /// How many stakeholders of the database, 0 to 20.
    pub stakeholders: String,
    /// `link` or `account`.
    pub stakeholders_assurance: String,
    /// How many leads and deputies of the owner team, 0 to 20.
    pub leads: String,
    /// `link` or `account`.
    pub leads_assurance: String,
    /// Minutes before the latest start by which the quorum must stand, 0 to 20,160 (two weeks).
    pub decide_before_start_min: String,
}

/// Saves the next version.
///
/// Refused: nobody asked for, a version saved meanwhile, and rules that somebody who may propose on a database ruled by them could never
/// get through; the refusal names that person and database.
pub async fn save_policy(engine: &Engine, caller: &Caller, id: PolicyId, input: &Input) -> Result<i32> {
    let permit = authorize(&caller.actor, Verb::ManagePolicies, None)?;
    let (expected, policy) = check(input)?;
    let request = caller.request.clone();
    let version = transaction::run(engine.pool(), "save_policy", move |db| {
        let (permit, request, policy) = (permit.clone(), request.clone(), policy.clone());
        Box::pin(async move {
            let by = permit.person().ok_or_else(|| Error::internal("a policy is saved by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let current = store::policies::lock(ledger.db(), id).await?;
            if current != expected {
                let message = format!("Somebody saved version {current} meanwhile; your page showed version {expected}.");
                return Err(Refusal::new("moved_on", message, "Compare with what is there now, then save again.").into());
            }
            let before = store::policies::all(ledger.db()).await?.into_iter().find(|row| row.id == id).ok_or(Error::NotFound)?;
            for ruled in store::policies::ruled(ledger.db(), &before.environments).await? {
                approval::satisfiable(&policy, &ruled.proposers, &ruled.people)
                    .map_err(|refusal| Refusal { message: format!("On {}: {}", ruled.target, refusal.message), ..refusal })?;
            }
            let digest = store::policies::add_version(ledger.db(), id, current + 1, &policy, by).await?;
            let fact = NewFact::done("policy.save", "policy", id)
                .with("version", current + 1)
                .with("before", before.digest.hex())
                .with("digest", digest.hex())
                .with("rules", serde_json::to_value(&policy)?);
            ledger.fact(fact).await?;
            Ok(current + 1)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(version)
}

fn check(input: &Input) -> Result<(i32, Policy)> {
    let mut form = FormCheck::default();
    let mut number = |field: &str, typed: &str, most: u32| {
        let value = typed.trim().parse::<u32>().ok().filter(|value| *value <= most);
        form.take(value.ok_or_else(|| FieldError::new(field, format!("Give a whole number from 0 to {most}."))))
    };
    let expected = number("version", &input.version, i32::MAX.unsigned_abs());
    let stakeholders = number("stakeholders", &input.stakeholders, 20);
    let leads = number("leads", &input.leads, 20);
    let decide = number("decide_before_start_min", &input.decide_before_start_min, 20_160);
    let mut assurance = |field: &str, typed: &str| {
        let known = matches!(typed.trim(), "" | "link" | "account");
        let known = known.then(|| if typed.trim() == "account" { Assurance::Account } else { Assurance::Link });
        form.take(known.ok_or_else(|| FieldError::new(field, "Choose “by link” or “signed in”.")))
    };
    let (by_stakeholders, by_leads) =
        (assurance("stakeholders_assurance", &input.stakeholders_assurance), assurance("leads_assurance", &input.leads_assurance));
    if stakeholders == Some(0) && leads == Some(0) {
        form.refuse("stakeholders", "Somebody has to agree: ask for at least one stakeholder, lead or deputy.");
    }
    let parts = (|| {
        let rule = |key: &str, group, need, assurance| Rule { key: key.into(), group, need, assurance };
        let rules = [
            rule("stakeholder", Group::Stakeholders, stakeholders?, by_stakeholders?),
            rule("lead", Group::LeadsAndDeputies, leads?, by_leads?),
        ];
        let rules = rules.into_iter().filter(|rule| rule.need > 0).collect();
        Some((i32::try_from(expected?).ok()?, Policy { rules, deny_threshold: 1, decide_before_start_min: decide? }))
    })();
    Ok(form.finish(parts)?)
}
