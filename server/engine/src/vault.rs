//! Secrets at rest: sealed by whoever stores them, opened by workers only.
//!
//! Per secret a random data key, XChaCha20-Poly1305 with the address bound as additional data; the data key is sealed (X25519) to every
//! admitted worker key. The web process has public keys only: it can store credentials and cannot open them.

use crate::clock;
use crate::error::{Error, Result};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use crypto_box::aead::OsRng;
use crypto_box::{PublicKey, SecretKey};
use domain::ids::{TargetId, WorkerKeyId};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use std::path::Path;
use zeroize::Zeroizing;

/// Format of the envelope: its first byte.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// What a credential is bound to: opened with anything else it fails, so nobody repoints a database to harvest its password.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Binding {
    /// The database.
    pub target: TargetId,
    /// Which credential.
    pub field: String,
    /// Version of the credential.
    pub version: i32,
    /// Host, port, database, TLS mode and certificate authority it may be sent to.
    pub host: String,
    /// See `host`.
    pub port: i32,
    /// See `host`.
    pub database: String,
    /// See `host`.
    pub username: String,
    /// See `host`.
    pub tls: String,
    /// See `host`.
    pub ca_pem: Option<String>,
}

/// A public key of a worker, as stored.
#[derive(Debug, Clone)]
pub struct WorkerPublicKey {
    /// Identity of the key.
    pub id: WorkerKeyId,
    /// The key.
    pub key: [u8; 32],
}

/// A sealed credential: the envelope, and its data key for each worker.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// Format byte, nonce, cipher text.
    pub envelope: Vec<u8>,
    /// The data key, sealed to each worker.
    pub keys: Vec<(WorkerKeyId, Vec<u8>)>,
}

/// Seals `secret`, bound to `binding`, to every worker in `workers`.
pub fn seal(secret: &SecretString, binding: &Binding, workers: &[WorkerPublicKey]) -> Result<Sealed> {
    if workers.is_empty() {
        return Err(domain::decision::Refusal::new(
            "no_worker_key",
            "No worker has announced its key yet, so a password cannot be stored safely.",
            "Start a worker (drydock worker, or drydock serve), wait a few seconds and try again.",
        )
        .into());
    }
    let data_key = Zeroizing::new(clock::random::<32>());
    let nonce = clock::random::<NONCE_BYTES>();
    let aad = domain::canonical::bytes(binding)?;
    let cipher = XChaCha20Poly1305::new_from_slice(data_key.as_slice()).map_err(Error::internal)?;
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: secret.expose_secret().as_bytes(), aad: &aad })
        .map_err(|_| Error::internal("sealing failed"))?;
    let mut envelope = vec![FORMAT];
    envelope.extend_from_slice(&nonce);
    envelope.extend_from_slice(&sealed);
    let keys = workers.iter().map(|worker| Ok((worker.id, seal_bytes(data_key.as_slice(), &worker.key)?))).collect::<Result<_>>()?;
    Ok(Sealed { envelope, keys })
}

fn seal_bytes(plain: &[u8], key: &[u8; 32]) -> Result<Vec<u8>> {
    PublicKey::from_bytes(*key).seal(&mut OsRng, plain).map_err(|_| Error::internal("sealing to a worker key failed"))
}

/// Seals something small (a link's secret) to every worker, in one value: `[count, (id 16, length 2, sealed)…]`.
pub fn seal_for_workers(plain: &[u8], workers: &[WorkerPublicKey]) -> Result<Vec<u8>> {
    let count = u8::try_from(workers.len()).map_err(|_| Error::internal("more than 255 worker keys"))?;
    let mut out = vec![count];
    for worker in workers {
        let sealed = seal_bytes(plain, &worker.key)?;
        out.extend_from_slice(worker.id.0.as_bytes());
        out.extend_from_slice(&u16::try_from(sealed.len()).map_err(Error::internal)?.to_be_bytes());
        out.extend_from_slice(&sealed);
    }
    Ok(out)
}

/// The opening half, in worker processes only. Its key comes from a file that only its owner can read.
pub struct Keyring {
    id: WorkerKeyId,
    secret: SecretKey,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({})", self.id)
    }
}

impl Keyring {
    /// Reads the key from `folder/worker.key`, or makes it there (mode 0600). The file holds id and key, 48 bytes.
    pub fn open(folder: &Path) -> Result<Self> {
        let raw = crate::keyfile::read_or_create(&folder.join("worker.key"), || {
            let mut bytes = Zeroizing::new(Vec::with_capacity(48));
            bytes.extend_from_slice(clock::new_id::<WorkerKeyId>().0.as_bytes());
            bytes.extend_from_slice(&clock::random::<32>());
            bytes
        })?;
        let raw: &[u8; 48] = raw.as_slice().try_into().map_err(|_| Error::internal("worker.key is damaged: it has not 48 bytes"))?;
        let (id, key) = raw.split_at(16);
        let id = uuid::Uuid::from_slice(id).map_err(Error::internal)?.into();
        let secret = SecretKey::from_slice(key).map_err(|_| Error::internal("worker.key is damaged"))?;
        Ok(Self { id, secret })
    }

    /// Identity of this worker's key.
    #[must_use]
    pub fn id(&self) -> WorkerKeyId {
        self.id
    }

    /// The public half, to be announced.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.secret.public_key().to_bytes()
    }

    /// Opens a credential; fails if anything it is bound to has changed.
    pub fn open_secret(&self, envelope: &[u8], sealed_key: &[u8], binding: &Binding) -> Result<SecretString> {
        let broken = || {
            Error::internal(
                "a stored credential cannot be opened: it is damaged, or its database's address was changed without typing the password again",
            )
        };
        let data_key = Zeroizing::new(self.secret.unseal(sealed_key).map_err(|_| broken())?);
        let (format, rest) = envelope.split_first().ok_or_else(broken)?;
        if *format != FORMAT || rest.len() < NONCE_BYTES {
            return Err(broken());
        }
        let (nonce, sealed) = rest.split_at(NONCE_BYTES);
        let aad = domain::canonical::bytes(binding)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| broken())?;
        let cipher = XChaCha20Poly1305::new_from_slice(&data_key).map_err(|_| broken())?;
        let plain = Zeroizing::new(cipher.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: &aad }).map_err(|_| broken())?);
        Ok(SecretString::from(std::str::from_utf8(&plain).map_err(|_| broken())?.to_owned()))
    }

    /// Opens what [`seal_for_workers`] sealed.
    pub fn open_small(&self, sealed: &[u8]) -> Result<SecretSlice<u8>> {
        let broken = || Error::internal("a sealed value has no part for this worker's key");
        let mut rest = sealed.get(1..).ok_or_else(broken)?;
        while rest.len() >= 18 {
            let (head, tail) = rest.split_at(18);
            let length = usize::from(u16::from_be_bytes([head[16], head[17]]));
            let part = tail.get(..length).ok_or_else(broken)?;
            if head[..16] == *self.id.0.as_bytes() {
                return Ok(SecretSlice::from(self.secret.unseal(part).map_err(|_| broken())?));
            }
            rest = &tail[length..];
        }
        Err(broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> (Keyring, WorkerPublicKey) {
        let secret = SecretKey::generate(&mut OsRng);
        let id: WorkerKeyId = clock::new_id();
        let key = secret.public_key().to_bytes();
        (Keyring { id, secret }, WorkerPublicKey { id, key })
    }
    fn binding() -> Binding {
        Binding {
            target: clock::new_id(),
            field: "password".into(),
            version: 1,
            host: "db".into(),
            port: 5432,
            database: "shop".into(),
            username: "m".into(),
            tls: "verify_full".into(),
            ca_pem: None,
        }
    }

    #[test]
    fn a_worker_opens_what_was_sealed_to_it() {
        let (ring, public) = ring();
        let sealed = seal(&SecretString::from("s3cret"), &binding_of(&public), std::slice::from_ref(&public)).expect("sealed");
        let open = ring.open_secret(&sealed.envelope, &sealed.keys[0].1, &binding_of(&public)).expect("opened");
        assert_eq!(open.expose_secret(), "s3cret");
        assert!(!sealed.envelope.windows(6).any(|part| part == b"s3cret"));
    }

    fn binding_of(public: &WorkerPublicKey) -> Binding {
        Binding { target: TargetId(public.id.0), ..binding() }
    }

    #[test]
    fn another_address_or_another_worker_opens_nothing() {
        let (ring, public) = ring();
        let (stranger, _) = self::ring();
        let bound = binding();
        let sealed = seal(&SecretString::from("s3cret"), &bound, &[public]).expect("sealed");
        let moved = Binding { host: "evil".into(), ..bound.clone() };
        assert!(ring.open_secret(&sealed.envelope, &sealed.keys[0].1, &moved).is_err());
        assert!(stranger.open_secret(&sealed.envelope, &sealed.keys[0].1, &bound).is_err());
    }

    #[test]
    fn small_secrets_reach_each_worker() {
        let (one, public_one) = ring();
        let (two, public_two) = ring();
        let sealed = seal_for_workers(b"link", &[public_one, public_two]).expect("sealed");
        assert_eq!(one.open_small(&sealed).expect("first").expose_secret(), b"link");
        assert_eq!(two.open_small(&sealed).expect("second").expose_secret(), b"link");
        assert!(ring().0.open_small(&sealed).is_err());
    }
}
