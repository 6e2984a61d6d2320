//! Asks for another address of one's own: it counts once whoever reads it says so, by a link that works once.

use super::Caller;
use super::sign_in::confirm_password;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::fact::NewFact;
use domain::notice::{NewNotice, NoticeKind};
use domain::people;
use domain::permission::{Verb, authorize};
use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::Map;
use std::net::IpAddr;

/// How long the link works.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The new address.
    pub email: String,
    /// The password, once more: a browser left open is not enough.
    pub password: SecretString,
}

/// Mails the link to the new address, and gives that address. An earlier link dies.
pub async fn ask_new_address(engine: &Engine, caller: &Caller, input: &Input, from: IpAddr) -> Result<String> {
    let permit = authorize(&caller.actor, Verb::SeeOwn, None)?;
    let email = people::email("email", &input.email).map_err(|error| vec![error])?;
    if people::is_shared_address(&email) {
        return Err(Error::field(
            "email",
            "This address is named after a function, so several people read it. Give one that only you read.",
        ));
    }
    confirm_password(engine, caller, "password", &input.password, from).await?;
    let (request, person, address) = (caller.request.clone(), caller.actor.person, email.clone());
    transaction::run(engine.pool(), "ask_new_address", move |db| {
        let (permit, request, address) = (permit.clone(), request.clone(), address.clone());
        Box::pin(async move {
            let known = store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            if known.email == address {
                return Err(Error::field("email", "This is your address already. Type the new one."));
            }
            if store::people::by_email(db, &address).await?.is_some() {
                return Err(Error::field(
                    "email",
                    "Somebody with this address is known already. Give another one, or ask an administrator.",
                ));
            }
            let workers = store::votes::worker_keys(db).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = ledger.fact(NewFact::done("person.ask_new_address", "person", person)).await?;
            ledger.end_address_links(person, "A newer link was mailed; use that one.").await?;
            let link = ledger.link("address", person, None, fact.at() + LINK_LIFE, &workers).await?;
            store::new_addresses::put(ledger.db(), link.id, &address).await?;
            let notice = NewNotice::new(NoticeKind::ConfirmAddress, person, Map::new());
            ledger.notice_to(&notice, &address, Some(&link), fact).await.map(drop)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(email)
}
