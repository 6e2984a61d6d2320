//! Takes a comment back: nobody is shown its text any more, and that it was written stays.

use super::{Caller, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::CommentId;
use domain::permission::{Verb, authorize};

/// Takes a comment back, at any time. Refused to everybody but its author.
pub async fn retract_comment(engine: &Engine, caller: &Caller, number: i64, comment: CommentId) -> Result<()> {
    let caller = caller.clone();
    transaction::run(engine.pool(), "retract_comment", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit =
                authorize(&caller.actor, Verb::Comment, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
            let written = store::comments::find(db, comment).await?.filter(|one| one.window == window.id).ok_or(Error::NotFound)?;
            if written.person != caller.actor.person {
                let message = format!("{} wrote this comment, and nobody else takes it back.", written.author);
                return Err(Refusal::new("not_author", message, "Ask the author, or write what is wrong with it.").into());
            }
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let fact = NewFact::done("comment.retract", "window", window.id)
                .of_window(window.id)
                .of_team(window.team)
                .with("written", written.fact);
            let fact = ledger.fact(fact).await?;
            if !store::comments::retract(ledger.db(), comment, fact).await? {
                return Err(Refusal::new("moved_on", "This comment was taken back already.", "Look at the page again.").into());
            }
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}
