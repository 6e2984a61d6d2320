//! What rehearses a proposal, before it is sealed.

use crate::actions::seal_revision::case;
use crate::error::{Error, Result};
use crate::rehearsals;
use crate::store;
use crate::store::windows::ProposalTarget;
use domain::decision::FieldError;
use domain::proposal::Proposal;
use domain::rehearsal::Rehearsal;
use jiff::Timestamp;
use sqlx::PgConnection;

/// The run that would be sealed as its rehearsal, or why it could not be sealed.
pub(super) async fn rehearsed(
    db: &mut PgConnection,
    proposal: &Proposal,
    targets: &[ProposalTarget],
    start: Timestamp,
) -> Result<std::result::Result<Option<Rehearsal>, Vec<FieldError>>> {
    let cases = targets.iter().map(|target| case(target, &proposal.procedure, proposal.risk(), proposal.most_bytes));
    let known = store::policies::known(db).await?;
    let policies = store::policies::ruling_each(&known, cases)?;
    let ruled: Vec<_> = targets.iter().zip(&policies).collect();
    match rehearsals::find(db, proposal, &ruled, start).await {
        Err(Error::Invalid(errors)) => Ok(Err(errors)),
        other => Ok(Ok(other?)),
    }
}
