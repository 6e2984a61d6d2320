//! The code that is mailed to whoever holds a link: whose approval needs it, and how it is typed.

use super::{Assurance, Policy, Roll, Rule};
use crate::decision::FieldError;
use crate::ids::PersonId;

/// How long a code is good for.
pub const LIFE_MIN: i64 = 10;
/// Wrong codes after which it is dead: of a million, five are guessed once in two hundred thousand codes.
pub const MOST_TRIES: i32 = 5;
/// Digits of a code.
pub const DIGITS: usize = 6;

/// What a mailed code does for somebody's approval by link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeNeed<'p> {
    /// Rules that count the approval only with a code.
    pub with: Vec<&'p Rule>,
    /// Rules that count it by the link alone.
    pub without: Vec<&'p Rule>,
}

impl<'p> CodeNeed<'p> {
    /// What the rules that ask this person want.
    #[must_use]
    pub fn of(policy: &'p Policy, roll: &Roll, person: PersonId) -> Self {
        let asking = || policy.rules.iter().filter(|rule| roll.may(rule, person));
        Self {
            with: asking().filter(|rule| rule.assurance == Assurance::LinkCode).collect(),
            without: asking().filter(|rule| rule.assurance == Assurance::Link).collect(),
        }
    }
    /// A code adds nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.with.is_empty()
    }
    /// Without a code the approval would count for nothing.
    #[must_use]
    pub fn is_must(&self) -> bool {
        !self.with.is_empty() && self.without.is_empty()
    }
}

/// The digits of a code as typed: spaces and hyphens are for the eye. `Ok(None)` where nothing was typed.
///
/// # Errors
/// When it cannot be a code; that is a slip, and no try.
pub fn typed(text: &str) -> Result<Option<String>, FieldError> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if digits.is_empty() {
        return Ok(None);
    }
    if digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(Some(digits));
    }
    Err(FieldError::new("code", format!("The code in the mail has {DIGITS} digits. This was not counted as a try.")))
}

/// What is said of a wrong code after which so many tries are left.
#[must_use]
pub fn wrong(left: i32) -> FieldError {
    let text = match left {
        ..=0 => "This is not the code that was mailed, and it was the last try: this code is dead. Have a new one mailed.".to_owned(),
        1 => "This is not the code that was mailed. One try is left.".to_owned(),
        left => format!("This is not the code that was mailed. {left} tries are left."),
    };
    FieldError::new("code", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Electorate, Group, must_be_known_better};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    const KNOWN: [Assurance; 4] = [Assurance::Link, Assurance::LinkCode, Assurance::Account, Assurance::AccountFactor];

    fn asked_by(known: &[Assurance]) -> (Policy, Roll, PersonId) {
        let person = PersonId(uuid::Uuid::from_u128(1));
        let rule = |(n, known): (usize, &Assurance)| Rule::new(&format!("r{n}"), Group::Stakeholders, 1, *known);
        let policy = Policy::of(known.iter().enumerate().map(rule).collect());
        let people = BTreeSet::from([person]);
        let today =
            Electorate { groups: BTreeMap::from([(Group::Stakeholders, people.clone())]), accounts: people, ..Electorate::default() };
        let roll = Roll::fresh(&policy, &today, &BTreeSet::new());
        (policy, roll, person)
    }

    #[test]
    fn a_code_is_offered_where_a_rule_wants_it_and_demanded_where_nothing_less_counts() {
        let need = |known: &[Assurance]| {
            let (policy, roll, person) = asked_by(known);
            let need = CodeNeed::of(&policy, &roll, person);
            (need.is_none(), need.is_must())
        };
        assert_eq!(need(&[Assurance::Link]), (true, false));
        assert_eq!(need(&[Assurance::LinkCode]), (false, true));
        assert_eq!(need(&[Assurance::Link, Assurance::LinkCode]), (false, false), "it counts for the first alone");
        assert_eq!(need(&[Assurance::Account]), (true, false), "a code does not help there");
        assert_eq!(need(&[Assurance::LinkCode, Assurance::Account]), (false, true));
    }

    #[test]
    fn slips_are_told_and_a_wrong_code_says_what_is_left() {
        assert_eq!(typed("  "), Ok(None));
        assert_eq!(typed(" 012 345 "), Ok(Some("012345".into())));
        assert_eq!(typed("012-345"), Ok(Some("012345".into())));
        for slip in ["12345", "1234567", "12345a", "１２３４５６"] {
            assert!(typed(slip).is_err(), "{slip}");
        }
        assert!(wrong(4).message.contains("4 tries") && wrong(1).message.contains("One try") && wrong(0).message.contains("dead"));
    }

    proptest! {
        /// By a link a code is demanded exactly where the link alone counts for nothing and link and code count for something.
        #[test]
        fn what_is_demanded_is_what_makes_it_count(known in proptest::collection::vec(proptest::sample::select(&KNOWN[..3]), 1..5)) {
            let (policy, roll, person) = asked_by(&known);
            let counts = |assurance| !must_be_known_better(&policy, &roll, person, assurance);
            let need = CodeNeed::of(&policy, &roll, person);
            prop_assert_eq!(need.is_must(), !counts(Assurance::Link) && counts(Assurance::LinkCode));
        }
    }
}
