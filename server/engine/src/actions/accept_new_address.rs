//! Whoever reads the new address says so: from then on it is the person's. The old one is told, and votes rest.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger};
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::ids::PersonId;
use domain::notice::{NewNotice, NoticeKind};
use domain::people;
use domain::permission::Permit;
use domain::voice::Changed;
use serde_json::Map;

/// Makes the address the person's. [`Error::NotFound`] for every secret that opens nothing, whatever the reason.
pub async fn accept_new_address(engine: &Engine, secret: &str, request: &str) -> Result<String> {
    let (secret, request) = (zeroize::Zeroizing::new(secret.to_owned()), request.to_owned());
    let address = transaction::run(engine.pool(), "accept_new_address", move |db| {
        let (secret, request) = (secret.clone(), request.clone());
        Box::pin(async move {
            let found = store::new_addresses::waiting(db, &secret).await?.ok_or(Error::NotFound)?;
            // Taken before anything is read again: two who accept at once do it one after the other.
            let known = store::people::lock(db, found.person).await?.ok_or(Error::NotFound)?;
            let permit = Permit::link(found.person, found.link);
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.consume_link(found.link, None).await?;
            let fact = ledger.fact(NewFact::done("person.change_address", "person", found.person)).await?;
            moved(&mut ledger, found.person, &known.email, &found.address, None, fact).await?;
            store::people::pause_votes(ledger.db(), found.person, Changed::Address, found.person).await?;
            store::people::update(ledger.db(), found.person, &known.name, &found.address, &known.zone, known.shared).await?;
            Ok(found.address)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer, Wake::Runner]).await;
    Ok(address)
}

/// What every change of address owes: links to the old mailbox die, and it is told, with what to do about it.
pub(super) async fn moved(ledger: &mut Ledger<'_>, person: PersonId, old: &str, new: &str, by: Option<&str>, fact: FactRef) -> Result<()> {
    ledger.end_links_of(person, None, "The address it was sent to is not this person's any more.").await?;
    let payload = Map::from_iter([("to".to_owned(), people::masked(new).into()), ("by".to_owned(), by.into())]);
    let notice = NewNotice::new(NoticeKind::AddressChanged, person, payload);
    ledger.notice_to(&notice, old, None, fact).await.map(drop)
}
