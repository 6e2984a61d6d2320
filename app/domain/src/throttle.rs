//! How often something may fail before it has to wait: for one account, one network, and the whole installation.

use jiff::{SignedDuration, Timestamp};

/// Failures of one account before it pauses.
const FREE_FAILURES: i32 = 5;
/// Longest pause of an account: a stranger who knows an address cannot lock its person out for longer.
const LONGEST_PAUSE_S: i64 = 300;

/// The same for the second factor. Only who knows the password gets there, and six digits are few: with three of them good at a time, a day of
/// tries finds one with a chance of one in ten thousand.
const LONGEST_FACTOR_PAUSE_S: i64 = 3600;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Sign-ins under one address, whether somebody has it or not.
    Account,
    /// The password typed again by somebody who is signed in.
    Confirm,
    /// Codes of the second factor, typed by somebody who knew the password.
    Factor,
    /// Sign-ins from one network.
    Network,
    /// Sign-ins at this installation.
    Total,
    /// Resets asked for from one network.
    AskNetwork,
    /// Resets asked for at this installation.
    AskTotal,
    /// Codes mailed for one link.
    CodeLink,
    /// Codes mailed to one person, whatever the link.
    CodePerson,
    /// Facts about failures of one address from one network: one a minute.
    Fact,
}

impl Limit {
    /// Part of what is hashed into the subject: no two limits share a count.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Confirm => "confirm",
            Self::Factor => "factor",
            Self::Network => "network",
            Self::Total => "total",
            Self::AskNetwork => "ask_network",
            Self::AskTotal => "ask_total",
            Self::CodeLink => "code_link",
            Self::CodePerson => "code_person",
            Self::Fact => "fact",
        }
    }

    /// A count that began longer ago begins anew.
    #[must_use]
    pub fn within(self) -> SignedDuration {
        match self {
            Self::Account | Self::Confirm | Self::Factor | Self::CodeLink | Self::CodePerson => SignedDuration::from_hours(24),
            Self::Network | Self::Total | Self::AskNetwork | Self::AskTotal => SignedDuration::from_mins(10),
            Self::Fact => SignedDuration::from_mins(1),
        }
    }

    /// Most failures within that time, where the count as a whole has to wait for its end.
    fn most(self) -> Option<i32> {
        match self {
            Self::Account | Self::Confirm | Self::Factor | Self::Fact => None,
            Self::Network => Some(30),
            Self::Total => Some(300),
            Self::AskNetwork => Some(20),
            Self::AskTotal => Some(200),
            Self::CodeLink => Some(10),
            Self::CodePerson => Some(50),
        }
    }

    /// Until when nothing more is tried, after so many failures since then; `None` while more may be tried at once.
    #[must_use]
    pub fn blocked_until(self, failures: i32, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Account | Self::Confirm | Self::Factor => {
                let beyond = u32::try_from(failures - FREE_FAILURES).ok()?.min(20);
                let longest_s = if self == Self::Factor { LONGEST_FACTOR_PAUSE_S } else { LONGEST_PAUSE_S };
                Some(now + SignedDuration::from_secs((1_i64 << beyond).min(longest_s)))
            }
            Self::Network | Self::Total | Self::AskNetwork | Self::AskTotal | Self::CodeLink | Self::CodePerson => {
                self.most().filter(|most| failures >= *most).map(|_| since + self.within())
            }
            Self::Fact => None,
        }
    }
}

/// Minutes or hours to wait, as people read them; at least a minute.
#[must_use]
pub fn wait(until: Timestamp, now: Timestamp) -> String {
    let minutes = (until.duration_since(now).as_secs().max(1) + 59) / 60;
    match minutes {
        1 => "a minute".to_owned(),
        ..=90 => format!("{minutes} minutes"),
        _ => format!("{} hours", (minutes + 59) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("in range")
    }

    #[test]
    fn pauses_of_an_account_double_and_end() {
        let paused = |failures| Limit::Account.blocked_until(failures, at(0), at(100)).map(|until| until.duration_since(at(100)).as_secs());
        assert_eq!([1, 4, 5, 6, 7, 13, 14, 1000].map(paused), [None, None, Some(1), Some(2), Some(4), Some(256), Some(300), Some(300)]);
    }

    #[test]
    fn codes_of_the_second_factor_are_guessed_for_years() {
        let paused = |failures| Limit::Factor.blocked_until(failures, at(0), at(0)).map(|until| until.duration_since(at(0)).as_secs());
        assert_eq!([4, 5, 13, 16, 17, 1000].map(paused), [None, Some(1), Some(256), Some(2048), Some(3600), Some(3600)]);
    }

    #[test]
    fn a_network_and_the_whole_wait_for_the_end_of_their_count() {
        for (limit, most, end) in [
            (Limit::Network, 30, 600),
            (Limit::Total, 300, 600),
            (Limit::AskNetwork, 20, 600),
            (Limit::AskTotal, 200, 600),
            (Limit::CodeLink, 10, 86_400),
            (Limit::CodePerson, 50, 86_400),
        ] {
            assert_eq!(limit.blocked_until(most - 1, at(0), at(100)), None, "{}", limit.word());
            assert_eq!(limit.blocked_until(most, at(0), at(100)), Some(at(end)), "{}", limit.word());
        }
        assert_eq!(Limit::Fact.blocked_until(1_000, at(0), at(1)), None);
    }

    #[test]
    fn a_wait_is_said_in_whole_minutes_or_hours() {
        assert_eq!(
            [wait(at(1), at(0)), wait(at(60), at(0)), wait(at(61), at(0)), wait(at(600), at(0)), wait(at(7201), at(0))],
            ["a minute", "a minute", "2 minutes", "10 minutes", "3 hours"]
        );
    }
}
