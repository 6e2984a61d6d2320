//! What every change of a policy has to pass, as it is proposed and again as it is adopted: the people meanwhile may be others.

use crate::error::Result;
use crate::store::policies::{self, Ruled};
use crate::store::policy_cases;
use domain::approval::change::{self, Agreement, Concerned};
use domain::approval::choose::{self, Known};
use domain::approval::example::{self, Verdict};
use domain::approval::{self, Group};
use domain::decision::Refusal;
use domain::ids::PersonId;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// All policies as they are, with the databases that the change could concern.
pub(super) struct Outlook {
    before: Vec<Known>,
    ruled: Vec<Ruled>,
}

/// Refuses a change after which nobody could tell what rules, a database were ruled by nothing, or somebody could never get a window approved.
pub(super) async fn check(db: &mut PgConnection, before: Vec<Known>, changed: &Known) -> Result<Outlook> {
    choose::distinct(&before, changed)?;
    let own = |one: &&Known| one.policy.id == changed.policy.id;
    let mut environments: BTreeSet<String> = changed.scope().environments;
    environments.extend(before.iter().filter(own).flat_map(|one| one.scope().environments));
    let mut after: Vec<Known> = before.iter().filter(|one| !own(one)).cloned().collect();
    after.push(changed.clone());
    let groups: BTreeSet<Group> = before.iter().chain([changed]).flat_map(|one| one.policy.rules.groups()).collect();
    let ruled = policies::ruled(db, &environments, &groups).await?;
    let scopes: Vec<_> = after.iter().map(Known::scope).collect();
    for database in &ruled {
        let mut rules_here = false;
        for case in choose::cases(&database.environment, &database.tags, &scopes) {
            let on = |refusal: Refusal| Refusal { message: format!("On {}: {}", database.short_name, refusal.message), ..refusal };
            let ruling = choose::ruling(&after, &case).ok_or_else(|| on(choose::ruled_by_none(&case)))?;
            if ruling.policy.id == changed.policy.id && !rules_here {
                rules_here = true;
                approval::satisfiable(&changed.policy.rules, &database.proposers, &database.people).map_err(on)?;
            }
        }
    }
    keeps_examples(db, &before, &after, &ruled).await?;
    Ok(Outlook { before, ruled })
}

/// Refuses a change after which an example that is true now would not be.
async fn keeps_examples(db: &mut PgConnection, before: &[Known], after: &[Known], ruled: &[Ruled]) -> Result<()> {
    let mut broken = Vec::new();
    for example in policy_cases::all(db).await? {
        // Databases of other environments are ruled as before.
        let Some(database) = ruled.iter().find(|database| database.id == example.target) else { continue };
        let verdict = |known| example::answer(known, &example.question, &database.people).map(|answer| answer.verdict());
        let holds = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(|verdict| example.expected.agrees(verdict));
        let (now, then) = (verdict(before), verdict(after));
        if holds(&now) && !holds(&then) {
            let then = then.map_or_else(|| "ruled by no policy".to_owned(), |verdict| verdict.says());
            broken.push(format!("“{}” expects {}; it would be {then}.", example.name, example.expected.says()));
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        "policy_example",
        format!("The change breaks an example that is kept with the policies: {}", broken.join(" ")),
        "Change the rules, or forget the example on the page “Who must approve?” if it is no longer meant.",
    )
    .into())
}

impl Outlook {
    /// Whose agreement the change needs. Every database of the environments it speaks of is concerned, whatever its tags: those may be given later.
    pub(super) fn agreement(&self, holders: &BTreeSet<PersonId>, proposer: PersonId) -> Result<Agreement> {
        let scopes: Vec<_> = self.before.iter().map(Known::scope).collect();
        let mut concerned = Vec::new();
        for database in &self.ruled {
            let cases = choose::cases(&database.environment, &database.tags, &scopes);
            let mut ruling: Vec<&Known> = cases.iter().filter_map(|case| choose::ruling(&self.before, case)).collect();
            ruling.dedup_by_key(|one| one.policy.id);
            concerned.extend(ruling.into_iter().map(|one| (&one.policy, database.people.among(&one.policy.rules.groups()))));
        }
        let concerned: Vec<Concerned<'_>> =
            concerned.iter().map(|(policy, people)| Concerned { id: policy.id, policy: &policy.rules, people }).collect();
        Ok(change::agreement(&concerned, holders, proposer)?)
    }
}
