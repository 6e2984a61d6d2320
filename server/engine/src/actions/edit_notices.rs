//! The own choice of what comes by mail. What protects somebody, or what only they can decide, has no topic and always comes.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::notice::topics::Topic;
use domain::permission::{Verb, authorize};

/// What was ticked.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Words of the topics that come by mail; the others do not.
    pub on: Vec<String>,
}

/// Keeps the choice. Messages that wait already still leave.
pub async fn edit_notices(engine: &Engine, caller: &Caller, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let off: Vec<Topic> = Topic::ALL.iter().copied().filter(|topic| !input.on.iter().any(|word| word == topic.word())).collect();
    let (request, person) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "edit_notices", move |db| {
        let (permit, request, off) = (permit.clone(), request.clone(), off.clone());
        Box::pin(async move {
            let before = store::watchers::off(db, &[person]).await?.remove(&person).unwrap_or_default();
            if before.iter().eq(off.iter()) {
                return Ok(());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done("person.set_notices", "person", person)
                .with("off_before", words(before.iter()))
                .with("off", words(off.iter()));
            ledger.fact(fact).await?;
            Ok(store::watchers::put_off(ledger.db(), person, &off).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

fn words<'t>(topics: impl Iterator<Item = &'t Topic>) -> Vec<&'static str> {
    topics.map(|topic| topic.word()).collect()
}
