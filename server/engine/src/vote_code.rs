//! Codes to approve: six digits for the mailbox, and a secret for the browser that asked.
//!
//! The digits are stored as a code of authentication under the browser's secret, and that secret is not stored at all. So the table of codes
//! alone does not give a code, however fast somebody tries all million of them, and a code read in the mail opens nothing in another browser.

use crate::clock;
use crate::error::{Error, Result};
use crate::store::votes::secret_hash;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::approval::code::DIGITS;
use domain::canonical::Digest;
use domain::ids::LinkId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Numbers of six digits.
const CODES: u32 = 1_000_000;

/// A code that was just made.
#[derive(Debug, Clone)]
pub(crate) struct Fresh {
    /// For the mailbox.
    pub(crate) digits: SecretString,
    /// For the browser.
    pub(crate) browser: SecretString,
}

impl Fresh {
    /// Both halves, by chance.
    pub(crate) fn make() -> Self {
        Self { digits: digits().into(), browser: BASE64_URL_SAFE_NO_PAD.encode(clock::random::<32>()).into() }
    }
    /// What is stored of it: the hash of the browser's half, and the code of authentication.
    pub(crate) fn stored(&self, link: LinkId, digest: Digest) -> Result<([u8; 32], [u8; 32])> {
        let mac = mac(&self.browser, link, digest, self.digits.expose_secret())?.finalize().into_bytes();
        Ok((secret_hash(self.browser.expose_secret()), mac.into()))
    }
}

/// Each number is as likely as every other: those beyond the last full million are drawn again.
fn digits() -> String {
    loop {
        let drawn = u32::from_be_bytes(clock::random());
        if drawn < u32::MAX - u32::MAX % CODES {
            return format!("{:0width$}", drawn % CODES, width = DIGITS);
        }
    }
}

fn mac(browser: &SecretString, link: LinkId, digest: Digest, digits: &str) -> Result<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(browser.expose_secret().as_bytes()).map_err(Error::internal)?;
    mac.update(b"drydock vote code\0");
    mac.update(link.0.as_bytes());
    mac.update(&digest.0);
    mac.update(digits.as_bytes());
    Ok(mac)
}

/// Whether these are the digits that were mailed; compared in constant time.
pub(crate) fn is_right(browser: &SecretString, link: LinkId, digest: Digest, digits: &str, stored: &[u8]) -> Result<bool> {
    Ok(mac(browser, link, digest, digits)?.verify_slice(stored).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_right_for_its_link_its_plan_and_its_browser_alone() {
        let (fresh, link, digest) = (Fresh::make(), clock::new_id::<LinkId>(), Digest([7; 32]));
        let (_, stored) = fresh.stored(link, digest).expect("made");
        let digits = fresh.digits.expose_secret();
        let right = |browser: &SecretString, link, digest, digits: &str| is_right(browser, link, digest, digits, &stored).expect("asked");
        assert!(right(&fresh.browser, link, digest, digits));
        assert!(!right(&Fresh::make().browser, link, digest, digits));
        assert!(!right(&fresh.browser, clock::new_id(), digest, digits));
        assert!(!right(&fresh.browser, link, Digest([8; 32]), digits));
        let other = format!("{:06}", (digits.parse::<u32>().expect("a number") + 1) % CODES);
        assert!(!right(&fresh.browser, link, digest, &other));
        assert!(!is_right(&fresh.browser, link, digest, digits, &stored[..16]).expect("asked"), "a part is not enough");
    }

    #[test]
    fn a_code_has_six_digits_and_is_seldom_the_same() {
        assert_eq!(CODES.to_string().len(), DIGITS + 1);
        let drawn: std::collections::BTreeSet<String> = (0..64).map(|_| digits()).collect();
        assert!(drawn.len() > 60 && drawn.iter().all(|code| code.len() == DIGITS && code.bytes().all(|c| c.is_ascii_digit())));
    }
}
