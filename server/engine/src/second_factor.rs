//! Codes of an app by time (RFC 6238): the secret both sides share, and whether what was typed is a code of it.

use crate::clock;
use crate::error::{Error, Result};
use crate::factor_key::SECRET_BYTES;
use domain::factor::{SKEW_STEPS, STEP_S};
use jiff::Timestamp;
use secrecy::SecretString;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

/// A secret from random bytes.
pub(crate) fn new_secret() -> Zeroizing<[u8; SECRET_BYTES]> {
    Zeroizing::new(clock::random())
}

fn totp(secret: &[u8], label: Option<(&str, &str)>) -> Result<Totp> {
    // What every app knows without being told: SHA-1, six digits, half a minute.
    let mut builder = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(SKEW_STEPS)
        .with_step_duration(STEP_S)
        .with_secret(secret.to_vec());
    if let Some((issuer, account)) = label {
        // A colon separates the two in the address.
        builder = builder.with_issuer(Some(issuer.replace(':', " "))).with_account_name(account.replace(':', " "));
    }
    builder.build().map_err(Error::internal)
}

/// The step whose code this is, if it is one of now, of just before or of just after. Compared in constant time.
pub(crate) fn step_of(secret: &[u8], digits: &str, now: Timestamp) -> Result<Option<i64>> {
    let now = u64::try_from(now.as_second()).map_err(Error::internal)?;
    totp(secret, None)?.check(digits, now).map(|step| i64::try_from(step).map_err(Error::internal)).transpose()
}

/// The secret as it is typed into an app, and as an address that opens one.
pub(crate) fn to_show(secret: &[u8], issuer: &str, account: &str) -> Result<(SecretString, SecretString)> {
    let totp = totp(secret, Some((issuer, account)))?;
    Ok((totp.secret().to_base32().into(), totp.to_url().map_err(Error::internal)?.into()))
}

/// The code that an app would show: for tests alone.
///
/// # Panics
/// Where that is no secret, or the time is before 1970.
#[cfg(any(test, feature = "test-support"))]
pub fn code_at(base32: &str, at: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(base32).expect("a secret");
    let totp = totp(secret.as_bytes(), None).expect("a factor");
    totp.generate(u64::try_from(at.as_second()).expect("after 1970")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    /// The secret of the examples in RFC 6238, appendix B.
    const RFC: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // Its examples have eight digits; six are their end.
        for (second, digits) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")] {
            assert_eq!(step_of(RFC, digits, at(second)).expect("asked"), Some(second / 30));
        }
        assert_eq!(step_of(RFC, "287083", at(59)).expect("asked"), None);
    }

    #[test]
    fn a_clock_may_be_half_a_minute_off_and_no_more() {
        let taken = |second| step_of(RFC, "287082", at(second)).expect("asked");
        assert_eq!([taken(29), taken(30), taken(60), taken(89), taken(90)], [Some(1), Some(1), Some(1), Some(1), None]);
        assert_eq!(taken(0), Some(1), "half a minute before");
    }

    #[test]
    fn an_app_is_told_whose_and_where() {
        let (secret, address) = to_show(RFC, "Drydock: Harbour", "ana@example.org").expect("made");
        assert_eq!(secret.expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let address = address.expose_secret();
        assert!(
            address.starts_with("otpauth://totp/Drydock%20%20Harbour:ana%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{address}"
        );
    }
}
