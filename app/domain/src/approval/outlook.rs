//! Whether a plan that waits can still be approved in time, by people who are there: asked all the time, so that its owner hears at once. Of
//! several databases each is looked at by its own policy, because one that is out of reach keeps all of them.

use super::policy::{Electorate, Eligible, Policy};
use super::{Roll, Rule, StageTimes, StandIn, StandingVote, count};
use crate::absence::Absence;
use crate::ids::PersonId;
use crate::procedure::RiskClass;
use crate::view::absences::back;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// Most sentences: whoever reads more of them knows no more.
const MOST_SENTENCES: usize = 20;

/// How somebody stands towards a plan that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// Why no vote of theirs counts now, and from when it does; `None` when it does.
    pub mute: Option<(String, Option<Timestamp>)>,
    /// Away at this moment.
    pub away: Option<Absence>,
}

/// What one database asks, and who there is for it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Its short name, where the plan has several databases.
    pub name: Option<&'a str>,
    /// The policy that was sealed for it.
    pub policy: &'a Policy,
    /// The people who were sealed for it.
    pub sealed: &'a Eligible,
    /// Who belongs to its groups today, whether they may vote at this moment or not.
    pub today: &'a Electorate,
}

/// Everything that decides it.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// What each database asks.
    pub asks: &'a [Ask<'a>],
    /// The worst class of the plan.
    pub risk: RiskClass,
    /// Who wrote a revision.
    pub contributors: &'a BTreeSet<PersonId>,
    /// Who votes in whose place.
    pub stand_ins: &'a [StandIn],
    /// Votes that stand.
    pub votes: &'a [StandingVote],
    /// When each stage has to be met, whichever database asks in it.
    pub deadlines: &'a [StageTimes],
    /// How everybody named stands.
    pub people: &'a BTreeMap<PersonId, Presence>,
    /// Now.
    pub now: Timestamp,
}

impl Waiting<'_> {
    fn times(&self, stage: u32) -> Option<&StageTimes> {
        self.deadlines.iter().find(|times| times.stage == stage)
    }
    fn deadline(&self, stage: u32) -> Timestamp {
        self.times(stage).map_or(self.now, |times| times.decide_by)
    }
    fn has_voted(&self, person: PersonId) -> bool {
        self.votes.iter().any(|vote| vote.person == person)
    }
}

/// What cannot be met in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Too few are left for one rule.
    Rule {
        /// The rule.
        rule: Rule,
        /// How many it asks for.
        need: usize,
        /// How many have approved, or still can in time.
        can: usize,
        /// Who cannot, and why, as half a sentence.
        out: Vec<(PersonId, String)>,
    },
    /// Enough are left for each rule alone, and the same few would have to fill the seats of several.
    SameFew,
}

/// What is short, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Short names of the databases whose policy it is, where the plan has several.
    pub of: Vec<String>,
    /// What.
    pub lack: Lack,
}

/// What is short; nothing while the plan can be approved in time. What is the same for several databases is said once, with the names of all.
#[must_use]
pub fn outlook(w: &Waiting<'_>, zone: &TimeZone) -> Vec<Short> {
    let mut found: Vec<Short> = Vec::new();
    // Where the policy asks nobody about this class, nobody has to be there.
    for ask in w.asks.iter().filter(|ask| !ask.policy.pre_approves(w.risk)) {
        let of = || ask.name.map(str::to_owned);
        for lack in lacks(w, ask, zone) {
            match found.iter_mut().find(|known| known.lack == lack) {
                Some(known) => known.of.extend(of()),
                None => found.push(Short { of: of().into_iter().collect(), lack }),
            }
        }
    }
    found
}

/// Who of the people of one database cannot vote in time.
struct Out {
    /// Their votes do not count.
    mute: BTreeSet<PersonId>,
    /// They are away, and have not voted.
    away: BTreeSet<PersonId>,
}

impl Out {
    fn of(w: &Waiting<'_>, policy: &Policy, roll: &Roll) -> Self {
        let last_of = |person: PersonId| {
            let seats = policy.rules.iter().filter(|rule| roll.may(rule, person));
            seats.map(|rule| w.deadline(rule.stage)).max().unwrap_or(w.now)
        };
        let mut found = Self { mute: BTreeSet::new(), away: BTreeSet::new() };
        for person in roll.asked().into_values().flatten() {
            let Some(presence) = w.people.get(&person) else { continue };
            let until = last_of(person);
            if presence.mute.as_ref().is_some_and(|(_, from)| from.is_none_or(|from| from >= until)) {
                found.mute.insert(person);
            }
            if !w.has_voted(person) && presence.away.as_ref().is_some_and(|absence| absence.covers(w.now, until)) {
                found.away.insert(person);
            }
        }
        found
    }
}

/// What one database lacks; nothing while its policy can be satisfied in time.
fn lacks(w: &Waiting<'_>, ask: &Ask<'_>, zone: &TimeZone) -> Vec<Lack> {
    let policy = ask.policy;
    // Whoever a deadline brings in may still take a seat: the proposal lives until then. Where it expires before, nobody is brought in.
    let brings_in =
        |stage: &u32| policy.terms(*stage).escalation.is_some() && w.times(*stage).is_some_and(|times| times.escalate_at.is_some());
    let escalated = policy.stages().into_iter().filter(brings_in).collect();
    let roll = Roll::today(policy, ask.sealed, ask.today, &escalated).with_stand_ins(policy, w.stand_ins);
    let gone = Out::of(w, policy, &roll);
    let roll = roll.without(&gone.mute).with_away(gone.away.clone());
    let standing = count(policy, &roll, w.votes);
    if standing.reachable || standing.rejected {
        return vec![];
    }
    let could = |rule: &Rule, person: PersonId| {
        let there = !w.has_voted(person) && !gone.away.contains(&person);
        there && (roll.holds(rule, person) || roll.for_others(rule, person, |absent| gone.away.contains(&absent)))
    };
    let everybody: BTreeSet<PersonId> = roll.asked().into_values().flatten().collect();
    let short = standing.rules.iter().filter_map(|of| {
        let more = everybody.iter().filter(|person| !of.have.contains(person) && could(&of.rule, **person)).count();
        let can = of.have.len() + more;
        (can < of.need).then(|| Lack::Rule { rule: of.rule.clone(), need: of.need, can, out: out(w, ask, &of.rule, &of.have, &gone, zone) })
    });
    let short: Vec<Lack> = short.collect();
    if short.is_empty() { vec![Lack::SameFew] } else { short }
}

/// Who of a rule's people cannot, and why.
fn out(w: &Waiting<'_>, ask: &Ask<'_>, rule: &Rule, have: &[PersonId], gone: &Out, zone: &TimeZone) -> Vec<(PersonId, String)> {
    let today: BTreeSet<PersonId> = ask.today.of(rule).collect();
    let nobody = BTreeSet::new();
    let sealed = ask.sealed.get(&rule.key).unwrap_or(&nobody);
    let of_sealed = sealed.iter().filter(|person| !have.contains(person)).filter_map(|person| {
        let presence = w.people.get(person);
        let why = if let Some(vote) = w.votes.iter().find(|vote| vote.person == *person) {
            format!("decided already: {}", vote.decision.label().to_lowercase())
        } else if gone.mute.contains(person) {
            let (why, from) = presence.and_then(|presence| presence.mute.clone())?;
            from.map_or(why.clone(), |from| format!("{why}, and counts from {} only", back(from, zone)))
        } else if !today.contains(person) {
            "no longer one of them".to_owned()
        } else if gone.away.contains(person) {
            let absence = presence?.away.as_ref()?;
            let until = format!("away until {}", back(absence.ends, zone));
            match absence.delegate {
                None => format!("{until}, and nobody votes meanwhile"),
                Some(_) => format!("{until}, and who votes meanwhile cannot take this seat"),
            }
        } else {
            return None;
        };
        Some((*person, why))
    });
    let authors = today.iter().filter(|person| w.contributors.contains(person)).map(|person| (*person, "wrote a revision".to_owned()));
    let later = today.iter().filter(|person| !sealed.contains(person) && !w.contributors.contains(person));
    let later = later.map(|person| (*person, "joined after the plan was sealed".to_owned()));
    of_sealed.chain(authors).chain(later).collect()
}

impl Short {
    /// Who is named in it.
    pub fn people(&self) -> impl Iterator<Item = PersonId> {
        let out = match &self.lack {
            Lack::Rule { out, .. } => out.as_slice(),
            Lack::SameFew => &[],
        };
        out.iter().map(|(person, _)| *person)
    }
    /// As its owner reads it, with names.
    #[must_use]
    pub fn says(&self, names: &BTreeMap<PersonId, String>) -> String {
        let of = self.of.join(", ");
        match &self.lack {
            Lack::SameFew if of.is_empty() => "Different people have to approve, and the same few could for several rules.".to_owned(),
            Lack::SameFew => format!("For {of} different people have to approve, and the same few could for several rules."),
            Lack::Rule { rule, need, can, out } => {
                let named = |person: &PersonId| names.get(person).map_or("somebody unknown", String::as_str);
                let reasons: Vec<String> = out.iter().map(|(person, why)| format!("{} ({why})", named(person))).collect();
                let who = if reasons.is_empty() { "nobody else is asked".to_owned() } else { reasons.join("; ") };
                let on = if of.is_empty() { of } else { format!(" ({of})") };
                let verb = if *need == 1 { "has" } else { "have" };
                format!("{need} of the {}{on} {verb} to approve, and {can} can in time. Not: {who}.", rule.group.label())
            }
        }
    }
}

/// What an owner is told, a sentence each.
#[must_use]
pub fn sentences(short: &[Short], names: &BTreeMap<PersonId, String>) -> Vec<String> {
    if short.len() <= MOST_SENTENCES {
        return short.iter().map(|one| one.says(names)).collect();
    }
    let said = short.iter().take(MOST_SENTENCES - 1).map(|one| one.says(names));
    said.chain([format!("{} more demands cannot be met in time either.", short.len() - (MOST_SENTENCES - 1))]).collect()
}

#[cfg(test)]
#[path = "outlook_tests.rs"]
mod tests;
