//! A person begins to set up a second factor: a secret for their app, which counts for nothing before its first code was typed.

use super::{Caller, elevated, factor};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{second_factor, store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::permission::{Verb, authorize};

/// Makes the secret; one that was made before and never used is forgotten. Refused: without the password typed lately, and over a factor that
/// is there.
pub async fn begin_factor(engine: &Engine, caller: &Caller) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    elevated(&caller.actor)?;
    let key = factor::key(engine)?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    let (sealed, id) = (key.seal(person, &second_factor::new_secret())?, key.id());
    transaction::run(engine.pool(), "begin_factor", move |db| {
        let (permit, request, sealed) = (permit.clone(), request.clone(), sealed.clone());
        Box::pin(async move {
            if !store::factors::begin(db, person, id, &sealed).await? {
                return Err(Refusal::new("factor_there", "You have a second factor.", "Remove it before you set up another one.").into());
            }
            Ledger::open(db, &permit, &request).fact(NewFact::done("factor.begin", "person", person)).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
