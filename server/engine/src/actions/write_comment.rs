//! Writes about a window, and tells whoever is named, and whoever owns, wrote or watches it and wants to hear.

use super::{Caller, audience, hide};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::comments::NewComment;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::conversation::{MOST_COMMENTS, commitment, read};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::CommentId;
use domain::permission::{Verb, authorize};
use domain::view::windows::conversation::WRITE;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// 1 to 4,000 characters; `@` and a name or an address tells somebody who may see the window.
    pub text: String,
}

/// Writes a comment, and says how many people are told of it. Refused: what the reader may not see, a name that fits two people, too many.
pub async fn write_comment(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<usize> {
    let (caller, typed) = (caller.clone(), input.text.clone());
    let told = transaction::run(engine.pool(), "write_comment", move |db| {
        let (caller, typed) = (caller.clone(), typed.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit =
                authorize(&caller.actor, Verb::Comment, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let readers = store::comments::readers(db, window.id, &window.targets, None).await?;
            let (text, mut mentions) = read("text", &typed, &readers).map_err(|error| vec![error])?;
            mentions.remove(&caller.actor.person);
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            // One after the other, so that the limit holds.
            let (_, revision) = ledger.lock_window(window.id).await?;
            if store::comments::count(ledger.db(), window.id).await? >= MOST_COMMENTS {
                let message = format!("A window takes at most {MOST_COMMENTS} comments, and this one has them.");
                return Err(Refusal::new("too_many", message, "Go on in a ticket, and name it in the reason of the next window.").into());
            }
            let id: CommentId = clock::new_id();
            let named: Vec<String> = mentions.iter().map(ToString::to_string).collect();
            let fact = NewFact::done(WRITE, "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                // Not its id, which salts the digest: whoever has the trail could try texts.
                .with("revision", revision)
                .with("text_sha256", commitment(id, &text).hex())
                .with("mentions", named);
            let fact = ledger.fact(fact).await?;
            let new = NewComment { id, window: window.id, revision, person: caller.actor.person, text: &text, mentions: &mentions };
            store::comments::add(ledger.db(), &new, fact).await?;
            audience::tell_of_comment(&mut ledger, &window, id, &mentions, fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(told)
}
