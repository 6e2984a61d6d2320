//! An administrator takes an invitation back before it is accepted.

use super::{Caller, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::account_link::AccountLink;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::permission::{Verb, authorize};

/// Ends the invitation: its link opens nothing any more, and a mail that has not left stays.
pub async fn withdraw_invite(engine: &Engine, caller: &Caller, person: PersonId) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::ManagePeople, None)?;
    elevated(&caller.actor)?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "withdraw_invite", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            let mut ledger = Ledger::open(db, &permit, &request);
            if ledger.end_account_links(AccountLink::Invite, person, "It was withdrawn.").await? == 0 {
                return Err(Refusal::new("moved_on", "There is no invitation to withdraw: it was accepted, or has expired.", "").into());
            }
            ledger.fact(NewFact::done("person.withdraw_invite", "person", person)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
