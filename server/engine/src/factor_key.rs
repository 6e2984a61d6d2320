//! The key that opens second factors. The web process has to check their codes, so unlike the secrets of databases these are sealed to a key of
//! its own: one file, beside the state database and never in it.

use crate::clock;
use crate::error::{Error, Result};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::ids::PersonId;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use zeroize::Zeroizing;

/// Name of the key's file.
pub const FILE: &str = "factor.key";
/// Format of what is sealed: its first byte.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;
/// Bytes of a factor's secret: as many as the hash of its codes gives.
pub(crate) const SECRET_BYTES: usize = 20;

/// The key, in web processes only.
pub struct FactorKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for FactorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FactorKey({})", hex::encode(self.id()))
    }
}

impl FactorKey {
    /// Reads the key from the folder, or makes it there (mode 0600, 32 bytes). Several web processes share one file.
    pub fn open(folder: &Path) -> Result<Self> {
        let raw = crate::keyfile::read_or_create(&folder.join(FILE), || Zeroizing::new(clock::random::<32>().to_vec()))?;
        let key = raw.as_slice().try_into().map_err(|_| Error::internal("factor.key is damaged: it has not 32 bytes"))?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Tells keys apart, and nothing of them.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        let hash = Sha256::new_with_prefix(b"drydock factor key\0").chain_update(self.0.as_slice()).finalize();
        std::array::from_fn(|at| hash[at])
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305> {
        XChaCha20Poly1305::new_from_slice(self.0.as_slice()).map_err(Error::internal)
    }

    /// Seals the secret of a person's factor: put into somebody else's row, it is opened by nobody.
    pub(crate) fn seal(&self, person: PersonId, secret: &[u8; SECRET_BYTES]) -> Result<Vec<u8>> {
        let nonce = clock::random::<NONCE_BYTES>();
        let sealed = self
            .cipher()?
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: &bound(person) })
            .map_err(|_| Error::internal("sealing failed"))?;
        Ok([[FORMAT].as_slice(), nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what [`FactorKey::seal`] sealed.
    pub(crate) fn unseal(&self, person: PersonId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let broken = || Error::internal("a stored second factor cannot be opened: it is damaged, or another key sealed it");
        let (format, rest) = sealed.split_first().ok_or_else(broken)?;
        if *format != FORMAT {
            return Err(broken());
        }
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).ok_or_else(broken)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| broken())?;
        let plain = self.cipher()?.decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: &bound(person) });
        plain.map(Zeroizing::new).map_err(|_| broken())
    }

    /// What a recovery code is stored as.
    pub(crate) fn recovery_mac(&self, person: PersonId, code: &str) -> Result<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).map_err(Error::internal)?;
        mac.update(b"drydock recovery code\0");
        mac.update(person.0.as_bytes());
        mac.update(code.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }
}

fn bound(person: PersonId) -> Vec<u8> {
    [b"drydock factor\0".as_slice(), person.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_opened_by_its_key_for_its_person() {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (key, stranger) = (FactorKey::open(one.path()).expect("made"), FactorKey::open(other.path()).expect("made"));
        let (person, secret) = (clock::new_person(), [7; SECRET_BYTES]);
        let sealed = key.seal(person, &secret).expect("sealed");
        assert_eq!(sealed.len(), 61);
        assert!(!sealed.windows(SECRET_BYTES).any(|part| part == secret));
        let again = FactorKey::open(one.path()).expect("read");
        assert_eq!(again.id(), key.id());
        assert_eq!(again.unseal(person, &sealed).expect("opened").as_slice(), secret);
        assert!(key.unseal(clock::new_person(), &sealed).is_err(), "of somebody else");
        assert!(stranger.unseal(person, &sealed).is_err() && stranger.id() != key.id());
        for cut in [0, 1, 24, 40] {
            assert!(key.unseal(person, &sealed[..cut]).is_err());
        }
        assert!(!format!("{key:?}").contains(&hex::encode(key.0.as_slice())));
        assert_ne!(key.recovery_mac(person, "a").expect("made"), stranger.recovery_mac(person, "a").expect("made"));
    }
}
