//! What hangs on a person: read before the account is closed, so that nothing is left without somebody.

use super::people::PersonRow;
use crate::approval::{self, Electorate, Policy, Standing};
use crate::ids::{PersonId, TargetId, TeamId};
use crate::window::WindowState;
use std::collections::BTreeSet;

/// Most lines of one kind; nobody holds more by hand.
pub const MOST_LINES: usize = 200;

/// The page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeparturePage {
    /// Who would go.
    pub person: PersonRow,
    /// Open windows they own or wrote.
    pub windows: Vec<OwnedWindow>,
    /// Open windows that ask for their vote or count it.
    pub votes: Vec<CountedVote>,
    /// Held runs they could decide.
    pub holds: Vec<HeldRun>,
    /// Databases whose on-call contact names them: id and short name.
    pub on_call: Vec<(TargetId, String)>,
    /// Teams whose only lead or deputy they are: id and name.
    pub teams: Vec<(TeamId, String)>,
    /// Databases they are stakeholder of, or whose owner team they lead.
    pub databases: Vec<LeftDatabase>,
    /// Nobody else administers this installation.
    pub last_admin: bool,
    /// The reader is this person.
    pub own: bool,
}

/// An open window that is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedWindow {
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: WindowState,
    /// Short name of its database.
    pub database: String,
    /// They answer for it: somebody else has to.
    pub owns: bool,
    /// Who of the owner team could take it over: id and name.
    pub heirs: Vec<(PersonId, String)>,
}

/// An open window and what becomes of its votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedVote {
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: WindowState,
    /// What they have to do with it.
    pub part: Part,
    /// What follows.
    pub follows: Follows,
}

/// What somebody has to do with the approval of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// They are asked, and have not decided.
    Asked,
    /// Their own vote stands on it.
    Voted,
    /// A vote stands on it that a delegate gave in their place.
    VotedInPlace,
    /// They are one of the two by whose break-glass it was approved.
    BrokeGlass,
}

impl Part {
    /// Whether the window counts on them.
    #[must_use]
    pub fn counts(self) -> bool {
        self != Self::Asked
    }
    /// As the page says it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Voted => "voted",
            Self::VotedInPlace => "a delegate voted in their place",
            Self::BrokeGlass => "broke the glass",
        }
    }
}

/// What a missing voter means for a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// The others suffice.
    Enough,
    /// Approved now; without this vote it waits for approval again.
    LosesQuorum,
    /// Approved by a break-glass that counts no more without them; the votes suffice, and it stands by those.
    StandsByVotes,
    /// A run is under way, and its next step asks for a quorum that is not there.
    StopsRun,
    /// It waits for others who could still approve.
    StillPossible,
    /// Nobody could approve it any more.
    Unreachable,
}

impl Follows {
    /// Whether the approval itself has to be given anew, or is lost.
    #[must_use]
    pub fn changes_state(self) -> bool {
        matches!(self, Self::LosesQuorum | Self::StandsByVotes)
    }
    /// As the page says it.
    #[must_use]
    pub fn say(self) -> &'static str {
        match self {
            Self::Enough => "The other votes are enough.",
            Self::LosesQuorum => "It loses its quorum and waits for approval again; those who have not decided get a mail.",
            Self::StandsByVotes => "Its break-glass counts no more; the votes on it suffice, and it stands by them.",
            Self::StopsRun => "It runs now. Its next step will not begin without a quorum: the run goes on hold.",
            Self::StillPossible => "Others can still approve it.",
            Self::Unreachable => "Nobody could approve it any more: name another stakeholder or deputy, and seal a new revision.",
        }
    }
}

/// What follows for a window in `state`, whose votes count as `before` with the person and as `after` without.
#[must_use]
pub fn follows(state: WindowState, before: &Standing, after: &Standing) -> Follows {
    match state {
        WindowState::Approved if before.approved && !after.approved => Follows::LosesQuorum,
        WindowState::Running | WindowState::Hold if before.approved && !after.approved => Follows::StopsRun,
        WindowState::Proposed if !after.reachable => Follows::Unreachable,
        WindowState::Proposed => Follows::StillPossible,
        _ => Follows::Enough,
    }
}

/// What follows for a window in `state` that was approved by a break-glass: it stands by both of the two. Without one of them it stands by the
/// votes, should they suffice by now, counted as `after` without the person.
#[must_use]
pub fn follows_glass(state: WindowState, one_of_the_two: bool, after: &Standing) -> Follows {
    match state {
        WindowState::Approved if one_of_the_two && after.suffices() => Follows::StandsByVotes,
        WindowState::Approved if one_of_the_two => Follows::LosesQuorum,
        WindowState::Running | WindowState::Hold if one_of_the_two => Follows::StopsRun,
        _ => Follows::Enough,
    }
}

/// A held run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRun {
    /// Number of its window.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// How many others of the team can decide.
    pub others: i64,
}

/// A database that loses a stakeholder or a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftDatabase {
    /// Which.
    pub id: TargetId,
    /// Its short name.
    pub short_name: String,
    /// They are a stakeholder of it.
    pub stakeholder: bool,
    /// Why its policy could not be met any more; `None` when it could.
    pub unmet: Option<String>,
}

/// Name of the field that names a window's new owner.
#[must_use]
pub fn heir_field(number: i64) -> String {
    format!("owner-{number}")
}

/// The people of a database without one of them.
#[must_use]
pub fn without(people: &Electorate, person: PersonId) -> Electorate {
    people.without(&BTreeSet::from([person]))
}

/// Why a policy could not be met on a database once this person is gone.
#[must_use]
pub fn unmet(policy: &Policy, proposers: &[(PersonId, String)], people: &Electorate, person: PersonId) -> Option<String> {
    let rest: Vec<_> = proposers.iter().filter(|(proposer, _)| *proposer != person).cloned().collect();
    approval::satisfiable(policy, &rest, &without(people, person)).err().map(|refusal| refusal.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Group;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn standing(approved: bool, reachable: bool) -> Standing {
        Standing { rules: vec![], stage: 0, rejected_by: vec![], changes_asked_by: vec![], approved, rejected: false, reachable }
    }

    #[test]
    fn what_a_missing_voter_means_depends_on_how_far_the_window_is() {
        let (yes, no) = (standing(true, true), standing(false, true));
        assert_eq!(follows(WindowState::Approved, &yes, &no), Follows::LosesQuorum);
        assert_eq!(follows(WindowState::Approved, &yes, &yes), Follows::Enough);
        assert_eq!(follows(WindowState::Running, &yes, &no), Follows::StopsRun);
        assert_eq!(follows(WindowState::Proposed, &no, &no), Follows::StillPossible);
        assert_eq!(follows(WindowState::Proposed, &no, &standing(false, false)), Follows::Unreachable);
        assert_eq!(follows_glass(WindowState::Approved, true, &no), Follows::LosesQuorum);
        assert_eq!(follows_glass(WindowState::Approved, true, &yes), Follows::StandsByVotes);
        assert_eq!(follows_glass(WindowState::Hold, true, &yes), Follows::StopsRun, "the gate asks the two");
        assert_eq!(follows_glass(WindowState::Approved, false, &no), Follows::Enough, "votes were not asked");
    }

    #[test]
    fn a_policy_that_nobody_else_can_meet_is_named() {
        let person = |n| PersonId(Uuid::from_u128(n));
        let set = |people: &[u128]| people.iter().map(|n| person(*n)).collect::<BTreeSet<_>>();
        let groups = BTreeMap::from([(Group::Stakeholders, set(&[1])), (Group::LeadsAndDeputies, set(&[2, 3]))]);
        let people = Electorate { groups, accounts: set(&[1, 2, 3]), ..Electorate::default() };
        let proposers = [(person(4), "Egon".to_owned())];
        let gone = unmet(&Policy::standard(), &proposers, &people, person(1)).expect("the only stakeholder");
        assert!(gone.contains("1 of the stakeholders of the database (0 there without Egon)"), "{gone}");
        assert_eq!(unmet(&Policy::standard(), &proposers, &people, person(2)), None);
    }
}
