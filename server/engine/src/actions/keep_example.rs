//! Keeps an imagined window as an example: what is answered about it now is what every change of policy has to keep true.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::queries::simulator::{imagine, people_at};
use crate::store::policy_cases;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::approval::choose::ruled_by_none;
use domain::approval::example;
use domain::fact::NewFact;
use domain::ids::PolicyCaseId;
use domain::people;
use domain::permission::{Verb, authorize};
use domain::view::simulator::Asked;

/// What was sent: the question as the page showed it, and what to call it.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// As people call it, 1 to 80 characters.
    pub name: String,
    /// Short name of the database.
    pub database: String,
    /// Key of the procedure.
    pub procedure: String,
    /// Risk class.
    pub risk: String,
    /// Most data the plan may touch, in MiB.
    pub most_mib: String,
    /// What the database would hold, in MiB; empty is what it does.
    pub database_mib: String,
    /// Who proposes.
    pub proposer: String,
    /// Who is not there.
    pub absent: Vec<String>,
}

/// Keeps it. Refused: fields, a name that is taken, and a case that no policy rules.
pub async fn keep_example(engine: &Engine, caller: &Caller, input: &Input) -> Result<PolicyCaseId> {
    let permit = authorize(&caller.actor, Verb::ManagePolicies, None)?;
    let name = people::text("name", &input.name, 1, 80).map_err(|error| vec![error])?;
    let (request, input) = (caller.request.clone(), input.clone());
    let id = transaction::run(engine.pool(), "keep_example", move |db| {
        let (permit, request, input, name) = (permit.clone(), request.clone(), input.clone(), name.clone());
        Box::pin(async move {
            let by = permit.person().ok_or_else(|| Error::internal("an example is kept by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let places = policy_cases::places(ledger.db(), None).await?;
            let Input { database, procedure, risk, most_mib, database_mib, proposer, absent, .. } = input;
            let mut asked = Asked { database, procedure, risk, most_mib, database_mib, proposer, absent };
            let (place, question) = imagine(ledger.db(), &places, &mut asked, &mut Vec::new()).await?;
            let known = store::policies::known(ledger.db()).await?;
            let people = people_at(ledger.db(), &place, &known).await?;
            let answer = example::answer(&known, &question, &people).ok_or_else(|| ruled_by_none(&question.case))?;
            let (id, verdict): (PolicyCaseId, _) = (clock::new_id(), answer.verdict());
            if !policy_cases::insert(ledger.db(), id, &name, place.id, &question, &verdict, by).await? {
                return Err(Error::field("name", "There is an example of this name. Choose another one, or forget that one first."));
            }
            let fact = NewFact::done("policy.keep_example", "policy", verdict.policy)
                .with("name", name)
                .with("target", place.id.to_string())
                .with("expected", verdict.says());
            ledger.fact(fact).await?;
            Ok(id)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(id)
}
