//! The own choice of what comes by mail and what on the page of messages. What protects somebody, or what only they can decide, has no topic
//! and always comes by both.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::notice::topics::{Channel, Off, Topic};
use domain::permission::{Verb, authorize};

/// What was ticked.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Words of the topics that come by mail; the others do not.
    pub mail: Vec<String>,
    /// Words of the topics that the page of messages shows; the others it does not.
    pub page: Vec<String>,
}

/// Keeps the choice. Messages that wait already still leave.
pub async fn edit_notices(engine: &Engine, caller: &Caller, input: &Input) -> Result<()> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let ticked = |channel| if channel == Channel::Mail { &input.mail } else { &input.page };
    let choices = Channel::ALL.iter().flat_map(|channel| Topic::ALL.iter().map(|topic| (*channel, *topic)));
    let off: Off = choices.filter(|(channel, topic)| !ticked(*channel).iter().any(|word| word == topic.word())).collect();
    let (request, person) = (caller.request.clone(), caller.actor.person);
    transaction::run(engine.pool(), "edit_notices", move |db| {
        let (permit, request, off) = (permit.clone(), request.clone(), off.clone());
        Box::pin(async move {
            let before = store::watchers::off(db, &[person]).await?.remove(&person).unwrap_or_default();
            if before == off {
                return Ok(());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done("person.set_notices", "person", person)
                .with("off_before", words(&before, Channel::Mail))
                .with("off", words(&off, Channel::Mail))
                .with("page_off_before", words(&before, Channel::Page))
                .with("page_off", words(&off, Channel::Page));
            ledger.fact(fact).await?;
            Ok(store::watchers::put_off(ledger.db(), person, &off).await?)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

fn words(off: &Off, of: Channel) -> Vec<&'static str> {
    off.iter().filter(|(channel, _)| *channel == of).map(|(_, topic)| topic.word()).collect()
}
