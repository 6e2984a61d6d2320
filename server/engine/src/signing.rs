//! Secrets of webhooks, and what is signed with them: Standard Webhooks, so that receivers find a library in their own language.
//!
//! Addresses and secrets are sealed to the workers by whoever types or makes them; the web process can open neither again.

use crate::clock;
use crate::error::{Error, Result};
use crate::vault::{Keyring, WorkerPublicKey, seal_for_workers};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::decision::Refusal;
use domain::ids::WebhookId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use std::borrow::Cow;
use zeroize::Zeroizing;

/// What a secret begins with, so that it is known for one wherever it is found.
const PREFIX: &str = "whsec_";

/// What a sealed value says of itself: put into another row, it is opened by nobody.
#[derive(serde::Serialize, serde::Deserialize)]
struct Bound<'v> {
    webhook: WebhookId,
    field: Cow<'v, str>,
    value: Cow<'v, str>,
}

/// The name under which a secret of a version is sealed.
#[must_use]
pub fn secret_field(version: i32) -> String {
    format!("secret {version}")
}

/// The name under which an address is sealed.
pub const URL_FIELD: &str = "url";

/// Seals a value of a webhook to every worker.
pub fn seal(webhook: WebhookId, field: &str, value: &SecretString, workers: &[WorkerPublicKey]) -> Result<Vec<u8>> {
    if workers.is_empty() {
        return Err(Refusal::new(
            "no_worker_key",
            "No worker has announced its key yet, so an address cannot be stored safely.",
            "Start a worker (drydock worker, or drydock serve), wait a few seconds and try again.",
        )
        .into());
    }
    let bound = Bound { webhook, field: field.into(), value: value.expose_secret().into() };
    let plain = Zeroizing::new(serde_json::to_vec(&bound)?);
    seal_for_workers(&plain, workers)
}

/// Opens what [`seal`] sealed, if it is what it is said to be.
pub fn open(keyring: &Keyring, sealed: &[u8], webhook: WebhookId, field: &str) -> Result<SecretString> {
    let plain = keyring.open_small(sealed)?;
    let bound: Bound<'_> = serde_json::from_slice(plain.expose_secret()).map_err(|_| Error::internal("a sealed value is damaged"))?;
    if bound.webhook != webhook || bound.field != field {
        return Err(Error::internal("a sealed value belongs to something else"));
    }
    Ok(SecretString::from(bound.value.into_owned()))
}

/// A secret of 256 random bits, as receivers type it.
#[must_use]
pub fn new_secret() -> SecretString {
    let raw = Zeroizing::new(clock::random::<32>());
    SecretString::from(format!("{PREFIX}{}", STANDARD.encode(raw.as_slice())))
}

/// The value of `webhook-signature`: one signature for each secret, the newest first.
pub fn signature(secrets: &[SecretString], id: &str, timestamp: i64, body: &[u8]) -> Result<String> {
    let one = |secret: &SecretString| -> Result<String> {
        let typed = secret.expose_secret().strip_prefix(PREFIX).ok_or_else(|| Error::internal("a secret does not begin as one"))?;
        let key = Zeroizing::new(STANDARD.decode(typed).map_err(Error::internal)?);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(Error::internal)?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    Ok(secrets.iter().map(one).collect::<Result<Vec<_>>>()?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_standard() {
        // The example of the specification, by its published libraries.
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = signature(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).expect("signed");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs_and_no_two_are_alike() {
        let (one, two) = (new_secret(), new_secret());
        assert!(one.expose_secret().starts_with("whsec_") && one.expose_secret() != two.expose_secret());
        let both = signature(&[one, two], "msg_1", 1, b"{}").expect("signed");
        let parts: Vec<&str> = both.split(' ').collect();
        assert!(parts.len() == 2 && parts[0] != parts[1] && parts.iter().all(|part| part.starts_with("v1,")), "{both}");
    }

    #[test]
    fn a_sealed_value_opens_as_what_it_is_and_as_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let ring = Keyring::open(folder.path()).expect("a key");
        let workers = [WorkerPublicKey { id: ring.id(), key: ring.public_key() }];
        let (webhook, other): (WebhookId, WebhookId) = (clock::new_id(), clock::new_id());
        let typed = SecretString::from("https://hooks.example.org/a\"b\\c/grüße");
        let sealed = seal(webhook, URL_FIELD, &typed, &workers).expect("sealed");
        assert_eq!(open(&ring, &sealed, webhook, URL_FIELD).expect("opened").expose_secret(), typed.expose_secret());
        assert!(open(&ring, &sealed, other, URL_FIELD).is_err() && open(&ring, &sealed, webhook, &secret_field(1)).is_err());
        assert!(seal(webhook, URL_FIELD, &typed, &[]).is_err(), "nobody could open it");
    }
}
