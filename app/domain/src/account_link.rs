//! The two links that lead to a password: an invitation, and a reset.

use crate::people::words;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What a link about somebody's own account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountLink {
    /// Makes the account: the person chooses their password.
    Invite,
    /// Sets a new password.
    Reset,
}

words!(AccountLink { AccountLink::Invite = "invite" / "Invitation", AccountLink::Reset = "reset" / "New password" });

impl AccountLink {
    /// How long it works. Somebody invited may be away for days; somebody who asks for a reset sits there and waits.
    #[must_use]
    pub fn life(self) -> SignedDuration {
        match self {
            Self::Invite => SignedDuration::from_hours(7 * 24),
            Self::Reset => SignedDuration::from_mins(30),
        }
    }

    /// As in "this link works for …".
    #[must_use]
    pub fn life_label(self) -> &'static str {
        match self {
            Self::Invite => "7 days",
            Self::Reset => "30 minutes",
        }
    }

    /// Path of its page, without the secret.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Invite => "/invite/",
            Self::Reset => "/reset/",
        }
    }
}

/// How a link about an account reaches its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By mail: nobody else sees it.
    Mail,
    /// Shown once to the administrator, who hands it over: for installations that send no mail.
    Show,
}

words!(Way { Way::Mail = "mail" / "by mail", Way::Show = "show" / "shown once" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_are_told_is_how_long_it_works() {
        assert_eq!(AccountLink::Invite.life().as_hours(), 168);
        assert_eq!(AccountLink::Reset.life().as_mins(), 30);
        for link in AccountLink::ALL {
            let (number, unit) = link.life_label().split_once(' ').expect("a number and its unit");
            let minutes = number.parse::<i64>().expect("a number") * if unit == "days" { 24 * 60 } else { 1 };
            assert_eq!(link.life().as_mins(), minutes);
            assert_eq!(AccountLink::from_word(link.word()), Some(*link));
        }
    }
}
