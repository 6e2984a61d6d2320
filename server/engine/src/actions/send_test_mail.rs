//! Sends a mail to whoever asks for it, by the way every message goes: what an administrator does after naming a mail server.

use super::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::notice::{NewNotice, NoticeKind};
use domain::permission::{Verb, authorize};
use serde_json::Map;

/// Puts the mail into the outbox, to the caller's own address and to no other, and gives that address.
///
/// # Errors
/// No right to the outbox; the last test mail has not left yet.
pub async fn send_test_mail(engine: &Engine, caller: &Caller) -> Result<String> {
    let permit = authorize(&caller.actor, Verb::ManageOutbox, None)?;
    let (request, person) = (caller.request.clone(), caller.actor.person);
    let address = transaction::run(engine.pool(), "send_test_mail", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            // One at a time: the person's row is locked, so that a second press sees the first one's message.
            let known = store::people::lock(db, person).await?.ok_or(crate::error::Error::NotFound)?;
            if store::outbox::owed(db, NoticeKind::TestMail.word(), person).await? {
                return Err(Refusal::new(
                    "test_mail_waits",
                    "Your last test mail has not left yet.",
                    "Its row on the outbox page says why. Mend that and send it again, or wait for its next try.",
                )
                .into());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = ledger.fact(NewFact::done("notice.test", "person", person)).await?;
            ledger.notice(&NewNotice::new(NoticeKind::TestMail, person, Map::new()), None, None, None, fact).await?;
            Ok(known.email)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(address)
}
