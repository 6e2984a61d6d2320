//! Who may approve the dates of a digest, and how each of them stands.

use super::digest::{DigestDate, DigestError, SeriesDigest};
use crate::approval::{Assurance, Electorates, Standing, StandingVote, VoteDecision, factor_needed, may_vote};
use crate::decision::Refusal;
use crate::ids::{PersonId, WindowId};
use crate::plan::Plan;
use jiff::Timestamp;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Most dates that are put together: one a day as far as a digest reaches.
pub const MOST_DATES: usize = 35;

/// Whether a digest is still what its series says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// It covers what its series proposes.
    Now,
    /// The series was saved anew since.
    Edited,
    /// Its last date has passed.
    Passed,
    /// The series was ended.
    Ended,
}

impl Stands {
    /// How a digest of revision `of` with that last start stands.
    #[must_use]
    pub fn of((digest, series): (i32, i32), ended: bool, last_start: Timestamp, now: Timestamp) -> Self {
        if ended {
            Self::Ended
        } else if digest != series {
            Self::Edited
        } else if last_start <= now {
            Self::Passed
        } else {
            Self::Now
        }
    }

    /// Why nobody votes on it any more; nothing while somebody may.
    #[must_use]
    pub fn said(self) -> Option<&'static str> {
        match self {
            Self::Now => None,
            Self::Edited => {
                Some("The series was saved anew since these dates were put together, so they cover nothing that it proposes from now on.")
            }
            Self::Passed => Some("The last of these dates has passed."),
            Self::Ended => Some("The series was ended, so it proposes nothing any more."),
        }
    }
}

/// Somebody who would approve a digest.
#[derive(Debug, Clone)]
pub struct Voter<'v> {
    /// Who.
    pub person: PersonId,
    /// How they are known.
    pub known: Assurance,
    /// Who asked for the approval.
    pub asked_by: PersonId,
    /// Who ever wrote the series.
    pub authors: &'v BTreeSet<PersonId>,
    /// What is counted so far.
    pub votes: &'v [StandingVote],
    /// The people behind the policy today.
    pub today: &'v Electorates,
    /// Now.
    pub now: Timestamp,
}

impl SeriesDigest {
    /// The plan of one of its dates while no window exists.
    pub fn nameless(&self, date: &DigestDate) -> Result<Plan, DigestError> {
        self.plan(date, WindowId(Uuid::nil()), 0)
    }

    /// How the votes count for one of its dates, with today's groups.
    pub fn standing(&self, date: &DigestDate, today: &Electorates, votes: &[StandingVote]) -> Result<Standing, DigestError> {
        Ok(self.nameless(date)?.today(today, &BTreeSet::new()).count(votes))
    }

    /// Whether any date after `since` asks for this person's approval, by today's groups.
    pub fn asks(&self, person: PersonId, today: &Electorates, since: Timestamp) -> Result<bool, DigestError> {
        for date in self.dates.iter().filter(|date| date.times.start > since) {
            if self.nameless(date)?.today(today, &BTreeSet::new()).asked().contains(&person) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The plan of the first date to come on which this person may vote now; else why there is none.
    pub fn may_approve(&self, voter: &Voter<'_>) -> Result<Result<Plan, Refusal>, DigestError> {
        if let Some(refusal) = four_eyes(voter) {
            return Ok(Err(refusal));
        }
        let already = voter.votes.iter().find(|vote| vote.person == voter.person);
        let mut refused = Refusal::new("passed", "The last of these dates has passed.", "Ask for the next ones on the page of the series.");
        for date in self.dates.iter().filter(|date| date.times.start > voter.now) {
            let plan = self.nameless(date)?;
            let (sealed, now) = (plan.as_sealed(&BTreeSet::new()), plan.today(voter.today, &BTreeSet::new()));
            let may = may_vote(voter.person, &BTreeSet::new(), &sealed.eligible(), already)
                .and_then(|()| sealed.in_turn(&now, voter.votes, voter.person, VoteDecision::Approve))
                .and_then(|()| {
                    // By today's groups, as votes are counted; as it was sealed where none asks them any more.
                    let asks = if now.asked().contains(&voter.person) { &now } else { &sealed };
                    if asks.must_be_known_better(voter.person, voter.known) { Err(factor_needed()) } else { Ok(()) }
                });
            match may {
                Ok(()) => return Ok(Ok(plan)),
                Err(refusal) => refused = refusal,
            }
        }
        Ok(Err(refused))
    }
}

/// Whoever wrote the series, or asks about it, does not approve it.
fn four_eyes(voter: &Voter<'_>) -> Option<Refusal> {
    let why = if voter.authors.contains(&voter.person) {
        "You wrote this series, so your vote does not count on it. This holds for administrators too."
    } else if voter.asked_by == voter.person {
        "You asked for this approval, so your vote does not count on it. You may vote on each window by itself."
    } else {
        return None;
    };
    Some(Refusal::new("four_eyes", why, "Ask the other approvers named on the page."))
}

#[cfg(test)]
#[path = "together_tests.rs"]
mod tests;
