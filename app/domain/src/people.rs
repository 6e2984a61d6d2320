//! People, their roles, and what an e-mail address may look like.

use crate::decision::{FieldError, Refusal};
pub use crate::reveal::{is_hidden as is_invisible_or_control, visible};
use serde::{Deserialize, Serialize};

/// What a person may do inside one team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeamRole {
    /// Leads the team: proposes, starts, signs off, decides on holds, manages the team's databases.
    Lead,
    /// Proposes windows, starts and stops approved ones, ticks items.
    Engineer,
    /// Is told and votes.
    Stakeholder,
}

/// What a person may do everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlobalRole {
    /// Manages people, teams, policies and settings.
    Admin,
    /// Sees everything, changes nothing.
    Auditor,
}

macro_rules! words {
    ($type:ty { $($variant:path = $word:literal / $label:literal),* $(,)? }) => {
        impl $type {
            /// The word stored in the database.
            #[must_use]
            pub fn word(self) -> &'static str { match self { $($variant => $word),* } }
            /// The word people read.
            #[must_use]
            pub fn label(self) -> &'static str { match self { $($variant => $label),* } }
            /// Reads the stored word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> { match word { $($word => Some($variant),)* _ => None } }
            /// Every value, in the order people expect.
            pub const ALL: &'static [Self] = &[$($variant),*];
        }
    };
}
pub(crate) use words;

words!(TeamRole { TeamRole::Lead = "lead" / "Lead", TeamRole::Engineer = "engineer" / "Engineer", TeamRole::Stakeholder = "stakeholder" / "Stakeholder" });
words!(GlobalRole { GlobalRole::Admin = "admin" / "Administrator", GlobalRole::Auditor = "auditor" / "Auditor" });

/// Role names that are read by several people: such mailboxes are told, but cannot vote (RFC 2142 and habit). A constraint of the table of
/// people has the same list.
pub const SHARED_NAMES: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "all",
    "dba",
    "dbas",
    "dev",
    "devops",
    "hostmaster",
    "info",
    "it",
    "noc",
    "noreply",
    "no-reply",
    "office",
    "oncall",
    "on-call",
    "ops",
    "postmaster",
    "root",
    "sales",
    "security",
    "service",
    "support",
    "sysadmin",
    "team",
    "webmaster",
];

/// Puts an address into the one form in which it is stored and compared, or says what is wrong with it.
///
/// Only lower-casing and trimming: sub-addresses (`ana+db@`) stay different people's business, the database compares people, not addresses.
pub fn email(field: &'static str, typed: &str) -> Result<String, FieldError> {
    let address = typed.trim().to_lowercase();
    let refuse = |why: &str| Err(FieldError::new(field, why));
    if address.len() > 254 {
        return refuse("An e-mail address has at most 254 characters.");
    }
    if address.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';' | '\\' | '(' | ')')) {
        return refuse("Type one plain address, such as ana@example.org.");
    }
    let Some((local, host)) = address.rsplit_once('@') else {
        return refuse("An e-mail address has an @, as in ana@example.org.");
    };
    if local.is_empty()
        || local.len() > 64
        || local.contains('@')
        || host.is_empty()
        || host.starts_with(['.', '-'])
        || host.ends_with(['.', '-'])
        || host.contains("..")
    {
        return refuse("Type one plain address, such as ana@example.org.");
    }
    Ok(address)
}

/// True when the local part names a function, not a human being.
#[must_use]
pub fn is_shared_address(address: &str) -> bool {
    let local = address.split(['@', '+']).next().unwrap_or_default();
    SHARED_NAMES.contains(&local)
}

/// Whether a lead may change this place in the own team. Leads and deputies approve windows, so nobody who proposes them makes or unmakes one.
pub fn lead_may_set(before: Option<(TeamRole, bool)>, wanted: Option<(TeamRole, bool)>) -> Result<(), Refusal> {
    let approves = |place: Option<(TeamRole, bool)>| place.is_some_and(|(role, deputy)| role == TeamRole::Lead || deputy);
    if !approves(before) && !approves(wanted) {
        return Ok(());
    }
    Err(Refusal::new(
        "approvers_by_admin",
        "Leads and deputies approve windows, so only an administrator gives or takes these roles.",
        "Ask an administrator.",
    ))
}

/// Whether a contact's text, such as "Lena, +49 30 1234", names this person: by address, or by name as a whole word.
#[must_use]
pub fn names_person(text: &str, name: &str, email: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let ends = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let whole = |word: &str, inside: fn(char) -> bool| {
        !word.is_empty()
            && text.match_indices(word).any(|(at, _)| {
                let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
                ends(before) && ends(after) && !before.is_some_and(inside) && !after.is_some_and(inside)
            })
    };
    whole(&name, |c| matches!(c, '@' | '-' | '_' | '+')) || whole(email, |c| matches!(c, '.' | '-' | '_' | '+' | '@'))
}

/// Whether an administrator may lose the right, the sign-in or the account: somebody must be able to put things right. The database asks
/// the same once more, one change after the other.
pub fn an_admin_stays(is_admin: bool, stays_admin: bool, others: i64) -> Result<(), Refusal> {
    if !is_admin || stays_admin || others > 0 {
        return Ok(());
    }
    Err(Refusal::new("last_admin", "This is the last administrator.", "Make somebody else an administrator first."))
}

/// An address as somebody else may see it: enough to recognise it, too little to write to it.
#[must_use]
pub fn masked(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, host)) => format!("{}…@{host}", local.chars().next().unwrap_or('…')),
        None => "…".to_owned(),
    }
}

/// A name people call each other by: trimmed, one line, 1 to `most` characters, no control or direction-changing characters.
pub fn label(field: &'static str, typed: &str, most: usize) -> Result<String, FieldError> {
    let name = typed.trim();
    let length = name.chars().count();
    if length == 0 {
        return Err(FieldError::new(field, "Type something here."));
    }
    if length > most {
        return Err(FieldError::new(field, format!("At most {most} characters; this has {length}.")));
    }
    if name.chars().any(is_invisible_or_control) {
        return Err(FieldError::new(field, "Use visible characters only, on one line."));
    }
    Ok(name.to_owned())
}

/// A text of several lines: trimmed, `least` to `most` characters, line breaks allowed.
pub fn text(field: &'static str, typed: &str, least: usize, most: usize) -> Result<String, FieldError> {
    let body = typed.trim().replace("\r\n", "\n");
    let length = body.chars().count();
    if length < least {
        return Err(FieldError::new(
            field,
            if least == 1 { "Type something here.".to_owned() } else { format!("At least {least} characters; this has {length}.") },
        ));
    }
    if length > most {
        return Err(FieldError::new(field, format!("At most {most} characters; this has {length}. Shorten it by {}.", length - most)));
    }
    if body.chars().any(|c| c == '\0') {
        return Err(FieldError::new(field, "The text contains a NUL character, which cannot be stored."));
    }
    Ok(body)
}

/// A short name that people can type to confirm: `a-z`, digits and hyphens, 2 to 31 characters, a letter first.
pub fn short_name(field: &'static str, typed: &str) -> Result<String, FieldError> {
    let name = typed.trim().to_lowercase();
    let good = (2..=31).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if good {
        Ok(name)
    } else {
        Err(FieldError::new(field, "2 to 31 characters: small letters, digits and hyphens, a letter first. Example: prod-orders."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_one_form() {
        assert_eq!(email("email", " Ana@Example.ORG "), Ok("ana@example.org".to_owned()));
        for bad in
            ["", "ana", "@example.org", "ana@", "a b@example.org", "ana@example.org\r\nBcc: x", "<ana@example.org>", "ana@.org", "ana@x..y"]
        {
            assert!(email("email", bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn role_mailboxes_are_recognised() {
        assert!(is_shared_address("dba@example.org"));
        assert!(is_shared_address("ops+db@example.org"));
        assert!(!is_shared_address("opsina@example.org"));
    }

    #[test]
    fn leads_place_engineers_and_stakeholders_and_no_approvers() {
        let (lead, deputy, engineer) = (Some((TeamRole::Lead, false)), Some((TeamRole::Engineer, true)), Some((TeamRole::Engineer, false)));
        assert!(lead_may_set(None, engineer).is_ok() && lead_may_set(engineer, None).is_ok());
        for (before, wanted) in [(None, lead), (lead, None), (engineer, deputy), (deputy, engineer)] {
            assert_eq!(lead_may_set(before, wanted).expect_err("approves").code, "approvers_by_admin");
        }
    }

    #[test]
    fn a_contact_names_whole_people() {
        let names = |text| names_person(text, "Ana", "ana@example.org");
        assert!(names("Ana, +49 30 1") && names("call ANA") && names("<ana@example.org>") && names("ana@example.org, +49"));
        assert!(!names("Anatol, +49 30 1") && !names("Diana") && !names("ops@example.org") && !names("x-ana@example.organic"));
    }

    #[test]
    fn only_the_last_administrator_is_held() {
        assert!(an_admin_stays(true, false, 1).is_ok() && an_admin_stays(true, true, 0).is_ok() && an_admin_stays(false, false, 0).is_ok());
        assert_eq!(an_admin_stays(true, false, 0).expect_err("the last one").code, "last_admin");
    }

    #[test]
    fn limits_name_themselves() {
        let error = text("reason", &"x".repeat(10_000), 1, 4000).expect_err("too long");
        assert!(error.message.contains("At most 4000 characters; this has 10000"), "{}", error.message);
    }

    #[test]
    fn a_masked_address_is_recognised_and_not_given_away() {
        assert_eq!(masked("ana.lopez@example.org"), "a…@example.org");
    }

    #[test]
    fn names_hold_visible_characters_only() {
        assert!(label("name", "Ana\u{202e}", 80).is_err());
        assert!(label("name", "Zoë Ünal 王", 80).is_ok());
    }
}
