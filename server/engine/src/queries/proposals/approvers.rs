//! Who would have to approve what is typed so far.

use crate::actions::seal_revision::case;
use crate::change;
use crate::error::Result;
use crate::store;
use crate::store::window_page;
use crate::store::windows::{self, ProposalTarget};
use domain::glass;
use domain::ids::WindowId;
use domain::permission::Actor;
use domain::procedure;
use domain::proposal::ProposalForm;
use domain::view::windows::propose::Approvers;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// Who would have to approve it on one database: `window` is the one that is edited, whose authors are never asked.
async fn approvers(
    db: &mut PgConnection,
    actor: &Actor,
    target: &ProposalTarget,
    form: &ProposalForm,
    window: Option<WindowId>,
) -> Result<Approvers> {
    // What is typed so far chooses the policy; a field that cannot be read yet says so where it stands.
    let shelf = store::own_procedures::shelf(db).await?;
    let procedure = shelf.by_key(form.procedure.trim()).unwrap_or_else(procedure::weekly_postgresql);
    let most_mib: u64 = form.most_mib.trim().parse().unwrap_or_default();
    // A text that cannot be read yet may do the worst.
    let change = change::of_form(&procedure, form);
    let risk = change.map_or_else(|| procedure.highest_risk(), |change| change.risk());
    let policy = store::policies::ruling(db, &case(target, &procedure, risk, most_mib.saturating_mul(1 << 20))).await?;
    let electorate = store::groups::eligible(db, target.plan.id, target.plan.team, &policy.rules.groups()).await?;
    let mut authors = match window {
        Some(window) => windows::contributors(db, window).await?,
        None => BTreeSet::new(),
    };
    authors.insert(actor.person);
    let debts = store::glass::debts(db, target.plan.team).await?;
    let policy = glass::raise(&policy, risk, &debts, &electorate, &authors);
    let names = window_page::names(db, &electorate.everybody()).await?;
    Ok(Approvers::of(&policy, risk, &electorate, &authors, &names))
}

/// The same on several databases: those that ask the same people alike are named together.
pub(in crate::queries) async fn approvers_of_all(
    db: &mut PgConnection,
    actor: &Actor,
    targets: &[ProposalTarget],
    form: &ProposalForm,
    window: Option<WindowId>,
) -> Result<Vec<Approvers>> {
    let mut found: Vec<Approvers> = Vec::new();
    for target in targets {
        let one = approvers(db, actor, target, form, window).await?;
        match found.iter_mut().find(|known| Approvers { on: vec![], ..(*known).clone() } == one) {
            Some(known) => known.on.push(target.plan.short_name.clone()),
            None => found.push(Approvers { on: vec![target.plan.short_name.clone()], ..one }),
        }
    }
    if targets.len() == 1 {
        found.iter_mut().for_each(|one| one.on.clear());
    }
    Ok(found)
}
