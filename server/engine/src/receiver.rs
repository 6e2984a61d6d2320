//! Sends something to a registered receiver: its address is opened, and what it checks is signed.

use crate::error::{Error, Result};
use crate::outbound::{Call, Outbound, Reply};
use crate::signing;
use crate::store::webhooks::{self, Receiver};
use crate::worker::WorkerContext;
use domain::ids::WebhookId;
use domain::procedure::call;
use domain::webhook::Format;
use secrecy::ExposeSecret as _;

/// Whom something is sent to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct To<'t> {
    /// Which receiver.
    pub webhook: WebhookId,
    /// Its address, sealed.
    pub url: &'t [u8],
    /// What it understands.
    pub format: Format,
}

/// Sends a body under an id that is the same over all tries. The inner error is for people: why nobody answered.
pub(crate) async fn post(
    context: &WorkerContext,
    outbound: &Outbound,
    to: To<'_>,
    id: &str,
    body: Vec<u8>,
) -> Result<std::result::Result<Reply, String>> {
    let keyring = &context.keyring;
    let url = signing::open(keyring, to.url, to.webhook, signing::URL_FIELD)?;
    let url = url::Url::parse(url.expose_secret()).map_err(|_| Error::internal("the stored address is none"))?;
    let mut headers = vec![];
    if to.format.is_signed() {
        let sealed = {
            let mut db = context.pool.acquire().await?;
            webhooks::secrets(&mut db, to.webhook).await?
        };
        let secrets = sealed
            .iter()
            .map(|(version, sealed)| signing::open(keyring, sealed, to.webhook, &signing::secret_field(*version)))
            .collect::<Result<Vec<_>>>()?;
        let timestamp = context.clock.now().as_second();
        let signature = signing::signature(&secrets, id, timestamp, &body)?;
        headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp.to_string()), ("webhook-signature", signature)];
    }
    let call = Call { url: &url, media_type: to.format.media_type(), headers: &headers, body };
    Ok(outbound.post(call).await.map_err(|fault| fault.to_string()))
}

/// The receiver that the procedure means, if it is as people saw it when they agreed.
pub(crate) fn registered(found: Vec<Receiver>, call: &call::Call) -> Result<Receiver, String> {
    let many = found.len() > 1;
    let Some(receiver) = found.into_iter().find(|receiver| receiver.origin == call.origin) else {
        return Err(format!(
            "No receiver is called “{}” at {}: an administrator registers it on the page Webhooks.",
            call.receiver, call.origin
        ));
    };
    if many {
        return Err(format!("More than one receiver is called “{}”. Give them names of their own on the page Webhooks.", call.receiver));
    }
    if !receiver.format.is_signed() {
        return Err(format!("“{}” is a chat. Only a program is called: CloudEvents 1.0, signed.", call.receiver));
    }
    match &receiver.paused {
        Some(why) => Err(format!("“{}” is paused, and nothing is sent to it: {why}", call.receiver)),
        None => Ok(receiver),
    }
}

/// What a status means to us.
pub(crate) fn verdict(status: u16) -> String {
    match status {
        200..=299 => format!("Taken, with {status}."),
        300..=399 => format!("It answered {status}, a redirect: none is followed. Type the address it leads to."),
        410 => "It says that it is gone for good (410).".to_owned(),
        400..=499 => format!("It refused the call with {status}."),
        _ => format!("It could not take the call: {status}."),
    }
}
