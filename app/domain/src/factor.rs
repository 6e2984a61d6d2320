//! The second factor of a sign-in: codes of an app by time (RFC 6238), and recovery codes for whoever lost it.

use crate::decision::FieldError;
use crate::people::words;
use std::fmt;

/// Recovery codes that are made with a factor; each works once.
pub const RECOVERY_CODES: usize = 10;
/// How long a factor may wait for its first code.
pub const SET_UP_MIN: i64 = 15;
/// How long somebody may take for the code after the password.
pub const BETWEEN_MIN: i64 = 5;
/// Seconds for which an app shows a code.
pub const STEP_S: u64 = 30;
/// Steps before and after the present one whose code is taken, for clocks that are not quite right.
pub const SKEW_STEPS: u16 = 1;

/// Letters and digits of a recovery code: none that is taken for another one.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a recovery code: 50 bits, which nobody guesses where five wrong ones make a pause.
const RECOVERY_LENGTH: usize = 10;

/// What happened to somebody's factor, for the mail that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// They set it up.
    Set,
    /// They removed it.
    Removed,
    /// An administrator removed it.
    TakenAway,
    /// Somebody signed in with a recovery code.
    Recovered,
}

words!(Happened {
    Happened::Set = "set" / "Second factor set up",
    Happened::Removed = "removed" / "Second factor removed",
    Happened::TakenAway = "taken_away" / "Second factor removed by an administrator",
    Happened::Recovered = "recovered" / "Recovery code used",
});

/// What was typed where a code is asked for; printed without the code.
#[derive(Clone, PartialEq, Eq)]
pub enum Typed {
    /// Six digits of the app.
    Code(String),
    /// A recovery code, in the form in which it is compared.
    Recovery(String),
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code(_) => "Code",
            Self::Recovery(_) => "Recovery",
        })
    }
}

/// Reads it; spaces and hyphens are for the eye.
///
/// # Errors
/// When it can be neither; that is a slip, and no try.
pub fn typed(field: &str, text: &str) -> Result<Typed, FieldError> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect();
    if plain.len() == 6 && plain.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(Typed::Code(plain));
    }
    if plain.len() == RECOVERY_LENGTH && plain.bytes().all(|c| ALPHABET.contains(&c)) {
        return Ok(Typed::Recovery(plain));
    }
    let message = if plain.is_empty() {
        "Type the six digits that your app shows now."
    } else {
        "A code of the app has six digits, a recovery code ten letters and digits. This was not counted as a try."
    };
    Err(FieldError::new(field, message))
}

/// A recovery code from random bytes: as it is compared.
#[must_use]
pub fn recovery_code(random: [u8; RECOVERY_LENGTH]) -> String {
    // 256 is a multiple of 32: each character is as likely as every other.
    random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// A recovery code as people copy it: `4c2kd-9xw0t`.
#[must_use]
pub fn shown(code: &str) -> String {
    code.split_at_checked(RECOVERY_LENGTH / 2).map_or_else(|| code.to_owned(), |(one, two)| format!("{one}-{two}"))
}

/// A secret as people type it into an app: groups of four.
#[must_use]
pub fn grouped(secret: &str) -> String {
    secret.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_typed_is_a_code_a_recovery_code_or_a_slip() {
        assert_eq!(typed("code", " 012 345"), Ok(Typed::Code("012345".into())));
        assert_eq!(typed("code", "4C2KD-9XW0T "), Ok(Typed::Recovery("4c2kd9xw0t".into())));
        for slip in ["", "12345", "1234567", "4c2kd-9xw0", "4c2kd-9xwil", "１２３４５６"] {
            assert!(typed("code", slip).is_err(), "{slip}");
        }
        assert_eq!(format!("{:?}", typed("code", "012345")), "Ok(Code)", "no log can show it");
        assert_eq!(grouped("JBSWY3DPEHPK3PXP"), "JBSW Y3DP EHPK 3PXP");
    }

    proptest! {
        #[test]
        fn a_recovery_code_is_read_as_it_was_shown(random in any::<[u8; RECOVERY_LENGTH]>()) {
            let code = recovery_code(random);
            prop_assert_eq!(typed("code", &shown(&code)), Ok(Typed::Recovery(code.clone())));
            prop_assert_eq!(typed("code", &shown(&code).to_uppercase()), Ok(Typed::Recovery(code)));
        }
    }
}
