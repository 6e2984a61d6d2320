//! Accounts that are kept out of a database while a change runs: they can begin no session, and those they have end. They are let in again
//! however the run ends.

use super::MOST_NAME_BYTES;
use crate::decision::{FieldError, FormCheck};
use crate::procedure::quote;
use crate::proposal::number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most accounts that are kept out at once.
pub const MOST_ACCOUNTS: usize = 20;
/// Longest time for transactions to end by themselves, in minutes. Nobody gets in meanwhile.
pub const MOST_WAIT_MIN: i64 = 60;
/// The same where nobody says another, in minutes.
pub const USUAL_WAIT_MIN: u32 = 2;

/// Which accounts are kept out, and what becomes of what they still do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepOut {
    /// Names as the catalog spells them, 1 to [`MOST_ACCOUNTS`].
    pub accounts: Vec<String>,
    /// How long their transactions may take to end by themselves, in minutes, 1 to [`MOST_WAIT_MIN`].
    pub wait_min: u32,
    /// Whether what has not ended by then is ended; otherwise nothing is sent, and a person decides.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends: bool,
}

impl KeepOut {
    /// Reads what a person typed: accounts one a line, minutes, and a box that is ticked or not. Nothing where no account is named.
    ///
    /// # Errors
    /// One [`FieldError`] for each field that cannot be taken.
    pub fn parse(accounts: &str, wait_min: &str, ends: &str) -> Result<Option<Self>, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let names = form.take(names(accounts));
        let wait_min = match wait_min.trim() {
            "" => Some(i64::from(USUAL_WAIT_MIN)),
            typed => form.take(number("keep_out_min", typed, 1, MOST_WAIT_MIN)),
        };
        let ends = !ends.trim().is_empty();
        if ends && accounts.trim().is_empty() {
            form.refuse("keep_out", "Name the accounts whose sessions are ended; or clear the box below.");
        }
        let read = (|| {
            let (accounts, wait_min) = (names?, u32::try_from(wait_min?).ok()?);
            Some((!accounts.is_empty()).then_some(Self { accounts, wait_min, ends }))
        })();
        form.finish(read)
    }

    /// How long it may take before anything is sent, in milliseconds.
    #[must_use]
    pub fn wait_ms(&self) -> u64 {
        u64::from(self.wait_min) * 60_000
    }

    /// The accounts as people write them, separated by commas.
    #[must_use]
    pub fn names(&self) -> String {
        self.accounts.iter().map(|name| quote::for_people(name)).collect::<Vec<_>>().join(", ")
    }

    /// What it means, in sentences.
    #[must_use]
    pub fn said(&self) -> String {
        let minutes = crate::procedure::text::plural(self.wait_min.into(), "minute", "minutes");
        let then = if self.ends {
            "What has not ended by then is ended, and what it did since its last COMMIT is lost."
        } else {
            "If one has not ended by then, they are let in again, nothing more is sent, and a person decides."
        };
        format!(
            "While it runs, these accounts cannot sign in anywhere on the server, nor on its standbys: {}. Their idle sessions in this database are ended; transactions have {minutes} to end by themselves. {then} They are let in again as soon as it is done, and also when the run fails, is held, or Drydock itself dies.",
            self.names()
        )
    }

    /// What lets them in again by hand, as SQL: one statement an account.
    #[must_use]
    pub fn by_hand(accounts: &[String]) -> String {
        accounts
            .iter()
            .filter_map(|name| Some(format!("ALTER ROLE {} LOGIN;", quote::identifier(name).ok()?)))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn names(typed: &str) -> Result<Vec<String>, FieldError> {
    let mut names: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, n) in typed.lines().zip(1..).map(|(line, n): (&str, u32)| (line.trim(), n)).filter(|(name, _)| !name.is_empty()) {
        if name.len() > MOST_NAME_BYTES || name.chars().any(char::is_control) {
            let message = format!("Line {n}: a name has at most {MOST_NAME_BYTES} bytes. Write it as the server shows it, without quotes.");
            return Err(FieldError::new("keep_out", message));
        }
        if !seen.insert(name) {
            return Err(FieldError::new("keep_out", format!("Line {n}: this account is named twice.")));
        }
        names.push(name.to_owned());
    }
    if names.len() > MOST_ACCOUNTS {
        let found = names.len();
        return Err(FieldError::new("keep_out", format!("These are {found} accounts; at most {MOST_ACCOUNTS} can be kept out at once.")));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(accounts: &str, wait_min: &str, ends: &str) -> Vec<String> {
        KeepOut::parse(accounts, wait_min, ends).expect_err("refused").into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn accounts_are_one_a_line_as_the_server_shows_them() {
        assert_eq!(KeepOut::parse(" \n", "", ""), Ok(None));
        let read = KeepOut::parse(" shop_app\n\nOdd \"Name\"\r\n", "", "").expect("good").expect("named");
        assert_eq!(read, KeepOut { accounts: vec!["shop_app".into(), "Odd \"Name\"".into()], wait_min: USUAL_WAIT_MIN, ends: false });
        assert_eq!(read.names(), "shop_app, \"Odd \"\"Name\"\"\"");
        assert_eq!(KeepOut::by_hand(&read.accounts), "ALTER ROLE \"shop_app\" LOGIN; ALTER ROLE \"Odd \"\"Name\"\"\" LOGIN;");
        assert!(read.said().contains("have 2 minutes to end by themselves. If one has not ended by then"), "{}", read.said());
        let ends = KeepOut::parse("shop_app", "1", "on").expect("good").expect("named");
        assert!((ends.wait_ms(), ends.ends) == (60_000, true) && ends.said().contains("have 1 minute to"), "{}", ends.said());
    }

    #[test]
    fn what_cannot_be_taken_is_refused_at_its_field() {
        assert_eq!(fields(&"ä".repeat(32), "", ""), ["keep_out"]);
        assert_eq!(fields("a\nb\na", "0", ""), ["keep_out", "keep_out_min"]);
        assert_eq!(fields("a", "61", ""), ["keep_out_min"]);
        assert_eq!(fields("", "", "on"), ["keep_out"]);
        let many: Vec<String> = (0..=MOST_ACCOUNTS).map(|n| format!("a{n}")).collect();
        assert_eq!(fields(&many.join("\n"), "soon", ""), ["keep_out", "keep_out_min"]);
    }
}
