//! Whose vote is heard: whoever got another address, role or password, or lost the second factor to somebody else, does not vote for a day, and
//! never on windows of whoever changed it.
//!
//! The same stands in the database's guard of votes; here it says why, until when, and who else can decide.

use crate::decision::Refusal;
use crate::ids::PersonId;
use crate::people::words;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long no vote counts after a change.
pub const PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// What was changed about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Changed {
    /// Where mail goes and what signs in.
    Address,
    /// A place in a team, or a right everywhere.
    Role,
    /// What proves who they are.
    Password,
    /// What proves who they are beside the password: somebody else took it away.
    Factor,
    /// They were deactivated, and came back.
    Return,
}

words!(Changed {
    Changed::Address = "address" / "address",
    Changed::Role = "role" / "role",
    Changed::Password = "password" / "password",
    Changed::Factor = "factor" / "second factor",
    Changed::Return = "return" / "account",
});

/// A change made by somebody who wrote the window: it is never voted on by whom it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Name of who made the change and wrote a revision.
    pub by: String,
    /// What was changed.
    pub what: Changed,
    /// When.
    pub at: Timestamp,
}

/// What decides whether a person is heard on one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// Not deactivated.
    pub active: bool,
    /// The mailbox is read by several people.
    pub shared: bool,
    /// What was changed last, and until when votes rest; `None` when they do not.
    pub rests: Option<(Option<Changed>, Timestamp)>,
    /// The change that bars them from this window.
    pub bar: Option<Bar>,
}

impl Voice {
    /// Whether a vote would count now; the refusal speaks to the voter.
    pub fn heard(&self) -> Result<(), Refusal> {
        let Some(why) = self.why_not() else { return Ok(()) };
        let (code, way_out) = match (&self.bar, &self.rests) {
            _ if !self.active => ("deactivated", "Ask an administrator.".to_owned()),
            _ if self.shared => ("shared_address", "Ask an administrator to record an address that only you read.".to_owned()),
            (Some(_), _) => ("changed_by_author", "The others named on the page decide.".to_owned()),
            (None, Some((_, until))) => {
                ("votes_rest", format!("Decide after {}, or let the others named on the page decide.", utc(*until)))
            }
            (None, None) => ("not_eligible", String::new()),
        };
        Err(Refusal::new(code, format!("Your vote does not count: {why}."), way_out))
    }

    /// Why a vote would not count now, as half a sentence for anybody; `None` when it would.
    #[must_use]
    pub fn why_not(&self) -> Option<String> {
        self.reason().map(|(why, until)| match until {
            Some(until) => format!("{why}; counts from {}", utc(until)),
            None => why,
        })
    }

    /// The same in two: why, and from when it counts again, for pages that show times in the reader's zone.
    #[must_use]
    pub fn reason(&self) -> Option<(String, Option<Timestamp>)> {
        if !self.active {
            return Some(("deactivated".to_owned(), None));
        }
        if self.shared {
            return Some(("the mailbox is read by several people".to_owned(), None));
        }
        if let Some(bar) = &self.bar {
            return Some((format!("{}, who wrote a revision, changed the {} on {}", bar.by, bar.what.label(), utc(bar.at)), None));
        }
        self.rests.map(|(what, until)| {
            let why = match what {
                Some(Changed::Return) => "reactivated within the last 24 hours".to_owned(),
                Some(what) => format!("the {} was changed within the last 24 hours", what.label()),
                None => "address, role, password or second factor was changed within the last 24 hours".to_owned(),
            };
            (why, Some(until))
        })
    }
}

/// Who of these is not waited for. A bar keeps from voting, and leaves a vote that was cast before it.
#[must_use]
pub fn silent(voices: &BTreeMap<PersonId, Voice>, voted: &BTreeSet<PersonId>) -> BTreeSet<PersonId> {
    let silent = |person: &PersonId, voice: &Voice| {
        let free = Voice { bar: None, ..voice.clone() };
        free.heard().is_err() || (voice.bar.is_some() && !voted.contains(person))
    };
    voices.iter().filter(|(person, voice)| silent(person, voice)).map(|(person, _)| *person).collect()
}

/// An instant in words for sentences that have no reader's zone.
pub(crate) fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Voice = Voice { active: true, shared: false, rests: None, bar: None };

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_pause_says_why_and_until_when() {
        let rests = Voice { rests: Some((Some(Changed::Address), at("2026-11-27T10:00:00Z"))), ..FREE };
        let refusal = rests.heard().expect_err("rests");
        assert_eq!(refusal.code, "votes_rest");
        assert_eq!(
            refusal.to_string(),
            "Your vote does not count: the address was changed within the last 24 hours; counts from 2026-11-27 10:00 UTC. \
             Decide after 2026-11-27 10:00 UTC, or let the others named on the page decide."
        );
    }

    #[test]
    fn a_bar_outlives_the_pause_and_names_the_author() {
        let bar = Bar { by: "Adele".into(), what: Changed::Role, at: at("2026-11-20T10:00:00Z") };
        let refusal = Voice { bar: Some(bar), ..FREE }.heard().expect_err("barred");
        assert_eq!(refusal.code, "changed_by_author");
        assert!(refusal.message.contains("Adele, who wrote a revision, changed the role on 2026-11-20 10:00 UTC"), "{}", refusal.message);
    }

    #[test]
    fn a_bar_leaves_the_vote_that_was_there_before() {
        let person = PersonId(uuid::Uuid::from_u128(1));
        let bar = Bar { by: "Adele".into(), what: Changed::Role, at: at("2026-11-20T10:00:00Z") };
        let barred = BTreeMap::from([(person, Voice { bar: Some(bar), ..FREE })]);
        assert_eq!(silent(&barred, &BTreeSet::new()), BTreeSet::from([person]));
        assert!(silent(&barred, &BTreeSet::from([person])).is_empty());
        let resting = BTreeMap::from([(person, Voice { rests: Some((None, at("2026-11-27T10:00:00Z"))), ..FREE })]);
        assert_eq!(silent(&resting, &BTreeSet::from([person])), BTreeSet::from([person]), "a pause silences votes that were cast");
    }

    #[test]
    fn everybody_else_is_heard() {
        assert_eq!(FREE.heard(), Ok(()));
        for (silent, code) in [(Voice { active: false, ..FREE }, "deactivated"), (Voice { shared: true, ..FREE }, "shared_address")] {
            assert_eq!(silent.heard().expect_err("silent").code, code);
        }
    }
}
