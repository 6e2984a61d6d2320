//! What people write about a window: how much, whom it names, and how the trail vouches for it.

use crate::canonical::{Digest, digest};
use crate::decision::FieldError;
use crate::ids::{CommentId, PersonId};
use crate::people;
use std::collections::BTreeSet;

/// Longest comment, in characters.
pub const LONGEST_COMMENT: usize = 4_000;
/// Most comments on one window; what needs more belongs into a ticket that the window's reason names.
pub const MOST_COMMENTS: i64 = 1_000;
/// Most people whom one comment tells by naming them.
pub const MOST_MENTIONS: usize = 20;

/// Somebody who may see the window, and so may be named in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who.
    pub person: PersonId,
    /// As people call them.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// The text, as it is kept, and whom it names among those who may see the window.
pub fn read(field: &'static str, typed: &str, readers: &[Reader]) -> Result<(String, BTreeSet<PersonId>), FieldError> {
    let text = people::text(field, typed, 1, LONGEST_COMMENT)?;
    let named = mentions(field, &text, readers)?;
    Ok((text, named))
}

/// Whom a text names: `@` and a name, an address, or the part of an address before its `@`. The longest that fits counts; what fits nobody
/// is text like any other, and what fits two is asked for again.
pub fn mentions(field: &'static str, text: &str, readers: &[Reader]) -> Result<BTreeSet<PersonId>, FieldError> {
    let text = text.to_lowercase();
    let handles: Vec<(String, &Reader)> = readers.iter().flat_map(|reader| handles(reader).map(move |handle| (handle, reader))).collect();
    let mut named = BTreeSet::new();
    for (at, _) in text.match_indices('@') {
        if text[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || "._+-@".contains(before)) {
            continue;
        }
        let rest = &text[at + 1..];
        let fitting = || handles.iter().filter(|(handle, _)| rest.strip_prefix(handle.as_str()).is_some_and(ends));
        let Some(longest) = fitting().map(|(handle, _)| handle.len()).max() else { continue };
        let people: BTreeSet<_> = fitting()
            .filter(|(handle, _)| handle.len() == longest)
            .map(|(_, reader)| (reader.person, &reader.name, &reader.email))
            .collect();
        if people.len() > 1 {
            let written = &rest[..longest];
            let who: Vec<String> = people.iter().map(|(_, name, email)| format!("{name} (@{email})")).collect();
            let message = format!("@{written} can be {}. Write the whole address of the one you mean.", who.join(" or "));
            return Err(FieldError::new(field, message));
        }
        named.extend(people.iter().map(|(person, ..)| *person));
    }
    if named.len() > MOST_MENTIONS {
        let message = format!(
            "At most {MOST_MENTIONS} people are told by one comment; this names {}. Leave some out, or write a second comment.",
            named.len()
        );
        return Err(FieldError::new(field, message));
    }
    Ok(named)
}

/// How somebody can be named, in small letters: longest first is not needed, the longest fit is looked for.
fn handles(reader: &Reader) -> impl Iterator<Item = String> {
    let (email, name) = (reader.email.to_lowercase(), reader.name.to_lowercase());
    let local = email.rsplit_once('@').map(|(local, _)| local.to_owned());
    let first = name.split_whitespace().next().filter(|first| first.len() < name.len()).map(str::to_owned);
    [Some(email), local, first, Some(name)].into_iter().flatten().filter(|handle| !handle.is_empty())
}

/// Whether a name may end here: what follows is no part of a longer name or address. A full stop may end a sentence.
fn ends(rest: &str) -> bool {
    let mut after = rest.chars();
    match after.next() {
        None => true,
        Some('.') => after.next().is_none_or(|next| !next.is_alphanumeric()),
        Some(next) => !next.is_alphanumeric() && !"@_+-".contains(next),
    }
}

/// What the trail keeps of a comment: a digest over its id, which stands in no fact and whose random part cannot be guessed, and its text. So the trail
/// proves what was said to those who have the comment, and does not say it to those who may not see the window.
#[must_use]
pub fn commitment(id: CommentId, text: &str) -> Digest {
    digest("comment", format!("{id}\n{text}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn reader(n: u128, name: &str, email: &str) -> Reader {
        Reader { person: PersonId(Uuid::from_u128(n)), name: name.into(), email: email.into() }
    }

    fn company() -> Vec<Reader> {
        vec![
            reader(1, "Ana Petrova", "ana@example.org"),
            reader(2, "Ana Kiel", "ana.kiel@example.org"),
            reader(3, "Lena Ott", "lena@example.org"),
            reader(4, "Müller", "dba+night@example.org"),
        ]
    }

    fn named(text: &str) -> Vec<u128> {
        mentions("text", text, &company()).expect("nobody is ambiguous").into_iter().map(|person| person.0.as_u128()).collect()
    }

    #[test]
    fn people_are_named_by_address_name_or_its_part() {
        assert_eq!(named("@ana@example.org, and @LENA: look. (@müller)"), [1, 3, 4]);
        assert_eq!(named("@Ana Kiel please, @ana.kiel."), [2]);
        assert_eq!(named("Ask @lena."), [3]);
        assert_eq!(named("@dba+night"), [4]);
    }

    #[test]
    fn what_names_nobody_is_text() {
        let text = "mail lena@example.org, @@server_uid, @lenas, @lena_x, @lena-b, @lena.b, foo@lena, @nobody, @";
        assert_eq!(named(text), [0_u128; 0]);
    }

    #[test]
    fn two_people_of_one_name_are_told_apart_by_address() {
        let twins = [reader(1, "Ana Petrova", "ana.p@example.org"), reader(2, "Ana Kiel", "ana.k@example.org")];
        let error = mentions("text", "thanks @ana!", &twins).expect_err("ambiguous");
        assert_eq!(
            error.message,
            "@ana can be Ana Petrova (@ana.p@example.org) or Ana Kiel (@ana.k@example.org). Write the whole address of the one you mean."
        );
        // The part of one's address that is another's first name.
        assert!(mentions("text", "@ana", &company()).is_err());
    }

    #[test]
    fn a_comment_tells_so_many_and_no_more() {
        let many: Vec<Reader> = (1..=21).map(|n| reader(n, &format!("p{n}"), &format!("q{n}@example.org"))).collect();
        let text = |n: u128| (1..=n).map(|n| format!("@p{n} ")).collect::<Vec<_>>().concat();
        assert_eq!(mentions("text", &text(20), &many).expect("the most").len(), 20);
        assert!(mentions("text", &text(21), &many).expect_err("one too many").message.contains("names 21"));
    }

    #[test]
    fn the_trail_s_digest_is_frozen_and_differs_with_id_and_text() {
        let id = CommentId(Uuid::from_u128(7));
        assert_eq!(commitment(id, "a").hex(), "fd9d55c19ec1ec2ee55b440c2d182200e6a3b1e973b132af88aa3665eab04975");
        assert_ne!(commitment(id, "a"), commitment(id, "b"));
        assert_ne!(commitment(id, "a"), commitment(CommentId(Uuid::from_u128(8)), "a"));
    }

    proptest! {
        #[test]
        fn only_readers_are_ever_named(text in ".{0,200}", at in 0_usize..40) {
            let mut text = text;
            let place = text.char_indices().map(|(place, _)| place).nth(at).unwrap_or(text.len());
            text.insert_str(place, " @Lena Ott ");
            let company = company();
            if let Ok(named) = mentions("text", &text, &company) {
                prop_assert!(named.iter().all(|person| company.iter().any(|reader| reader.person == *person)));
                prop_assert!(named.contains(&company[2].person));
            }
        }
    }
}
