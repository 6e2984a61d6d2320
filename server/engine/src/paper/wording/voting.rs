//! What messages say of votes: asked for, given, given in somebody's place, or done without.

use super::{Material, moved};
use crate::paper::letter::{block, line};
use crate::paper::when::Zone;
use crate::store::letters::ToldVote;
use domain::approval::{Assurance, VoteDecision};
use secrecy::ExposeSecret as _;

pub(super) fn ask(m: &Material, zone: &Zone) -> (String, Vec<String>) {
    let lead = if m.moved_from.is_some() {
        moved(m, zone, ", so votes on the old time no longer count, and asks for your decision on the new one.")
    } else if m.reminder {
        format!("{} asked for your decision on this maintenance window, and it is still missing.", line(&m.subject.author))
    } else {
        format!("{} asks for your decision on this maintenance window.", line(&m.subject.author))
    };
    let mut more = vec![
        format!("Why: {}", block(&m.subject.plan.reason)),
        format!("If something goes wrong: {}", block(&m.subject.plan.rollback.summary)),
        "Opening the link decides nothing; you decide on the page behind it. Accepting the calendar entry does not approve the window."
            .to_owned(),
    ];
    if !m.in_place_of.is_empty() {
        more.insert(0, in_place_of(m));
    }
    if let Some((delegate, _)) = &m.delegate {
        more.insert(0, format!("You let {} decide in your place. Your own decision counts instead of theirs.", line(delegate)));
    }
    if let Some((_, until)) = &m.link {
        more.push(format!("The link is for you alone: whoever has it can decide in your name. It works until {}.", zone.long(*until)));
    }
    (lead, more)
}

fn names<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    domain::view::windows::blocked::both(&names.into_iter().map(|name| line(name)).collect::<Vec<_>>())
}

fn in_place_of(m: &Material) -> String {
    let away: Vec<&String> = m.in_place_of.iter().filter(|name| !m.given_by.contains(name)).collect();
    let mut said = Vec::new();
    if !away.is_empty() {
        let are = if away.len() == 1 { "is" } else { "are" };
        said.push(format!("in the place of {}, who {are} away: you were named as who votes meanwhile", names(away)));
    }
    if !m.given_by.is_empty() {
        let let_you = if m.given_by.len() == 1 { "lets" } else { "let" };
        said.push(format!("in the place of {}, who {let_you} you decide on this plan", names(&m.given_by)));
    }
    format!("You are asked {}. Your decision counts once, and it is yours alone.", said.join("; and "))
}

/// To whoever gave their seat away by the link that was mailed to them.
pub(super) fn delegated(m: &Material, zone: &Zone) -> (String, Vec<String>) {
    let Some((delegate, at)) = &m.delegate else {
        return ("You had let somebody else decide in your place, and that was taken back since.".to_owned(), vec![]);
    };
    let mut more = vec![format!(
        "{} was asked by a mail of their own. You may still decide yourself, by the link that was mailed to you before: your decision counts instead then.",
        line(delegate)
    )];
    if m.link.is_some() {
        more.push("If you did not say this, open the link above and say so: it is taken back, with what was decided by it.".to_owned());
    }
    (format!("{} decides on this plan in your place: the holder of your link said so, {}.", line(delegate), zone.long(*at)), more)
}

/// What a break-glass means, for people who are to know at once. The two and their reason stand in the window's own words.
pub(super) fn broken(m: &Material, zone: &Zone) -> (String, Vec<String>) {
    let lead = "Two people broke the glass: this window runs without the approvals that its policy asks for.".to_owned();
    let mut more = m
        .broken
        .iter()
        .flat_map(|glass| {
            let (due, confirmed) = glass.confirmed.as_ref().map_or((String::new(), String::new()), |confirmed| {
                (zone.long(confirmed.review_due), format!("{} confirmed it, {}.", line(&confirmed.name), Zone::utc(confirmed.at)))
            });
            [
                format!("{} asked for it, {}. {confirmed}", line(&glass.asked_name), Zone::utc(glass.asked_at)),
                format!("Why: {}", block(&glass.reason)),
                format!("A lead or deputy of the owner team, or an administrator, who had no part in it owes a review until {due}."),
            ]
        })
        .collect::<Vec<_>>();
    more.push(format!(
        "The work starts by itself at its time, and not later than {}. Freezes, pauses and every check before it hold as always. If it must not run, the owner team cancels the window, and administrators pause all maintenance.",
        zone.long(m.subject.plan.times.latest_start)
    ));
    (lead, more)
}

pub(super) fn code(m: &Material, zone: &Zone) -> (String, Vec<String>) {
    let Some((digits, until)) = &m.link else {
        return ("The code that this message was to carry is erased: have a new one mailed.".to_owned(), vec![]);
    };
    let digits = digits.expose_secret();
    let (one, two) = digits.split_at_checked(digits.len() / 2).unwrap_or((digits, ""));
    (
        format!("Your code to approve this maintenance window: {one} {two}"),
        vec![
            format!(
                "Type it on the page where you asked for it, until {}. It works once, in that browser, for the plan with the digest below.",
                zone.long(*until)
            ),
            format!(
                "If you did not ask for it, somebody else holds the link that was mailed to you, and this code is what they lack to approve in your name: give it to nobody, and tell {}.",
                line(&m.subject.author)
            ),
        ],
    )
}

pub(super) fn recorded(m: &Material, zone: &Zone) -> (String, Vec<String>) {
    let Some(vote) = m.votes.iter().rev().find(|vote| vote.person == m.recipient.id) else {
        return ("Your decision was recorded, and has been withdrawn since.".to_owned(), vec![]);
    };
    let (decision, how, mut more) = decided(vote);
    if !m.in_place_of.is_empty() {
        more.push(format!("It counts in the place of {} too: once, wherever it is needed.", names(&m.in_place_of)));
    }
    if m.link.is_some() {
        more.push("If you did not decide this, open the link and say so: the vote is withdrawn, and a window that was approved by it is not approved any more.".to_owned());
    }
    (format!("A decision in your name was recorded: {decision}, {how}, {}.", zone.long(vote.at)), more)
}

/// What was decided, how the voter was known, and the comment as a sentence.
fn decided(vote: &ToldVote) -> (String, &'static str, Vec<String>) {
    let decision = VoteDecision::from_word(&vote.decision).map_or("decided", VoteDecision::label).to_lowercase();
    let how = Assurance::from_word(&vote.assurance).map_or("", Assurance::label);
    let comment = block(&vote.comment);
    (decision, how, if comment.is_empty() { vec![] } else { vec![format!("Comment: “{comment}”")] })
}

pub(super) fn in_your_place(m: &Material, zone: &Zone) -> (String, Vec<String>) {
    let Some(vote) = m.votes.iter().rev().find(|vote| vote.in_place_of.contains(&m.recipient.id)) else {
        return ("A decision was given in your place, and has been withdrawn since.".to_owned(), vec![]);
    };
    let (decision, how, mut more) = decided(vote);
    more.push(match &m.delegate {
        Some(_) => "You let them decide in your place on this plan.".to_owned(),
        None => "You are away, and they vote in your place meanwhile. What they decided stays when you are back.".to_owned(),
    });
    more.push("You may still decide yourself, as long as there is something to decide: your decision counts instead then. Use the link that was mailed to you, or sign in.".to_owned());
    (format!("{} decided in your place: {decision}, {how}, {}.", line(&vote.name), zone.long(vote.at)), more)
}

/// What people decided, one sentence each; `only` leaves the others out.
pub(super) fn opinions(m: &Material, only: Option<VoteDecision>) -> Vec<String> {
    m.votes
        .iter()
        .filter(|vote| only.is_none_or(|only| vote.decision == only.word()))
        .map(|vote| {
            let decision = VoteDecision::from_word(&vote.decision).map_or("Decided", VoteDecision::label);
            let how = Assurance::from_word(&vote.assurance).map_or("", Assurance::label);
            let comment = block(&vote.comment);
            let said = if comment.is_empty() { String::new() } else { format!(" “{comment}”") };
            format!("{}: {}, {how}, {}.{said}", line(&vote.name), decision.to_lowercase(), Zone::utc(vote.at))
        })
        .collect()
}
