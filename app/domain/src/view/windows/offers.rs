//! What the reader of a window's page may do, and why not.

use super::when::Moments;
use crate::approval::{self, Eligible, StandingVote, executor};
use crate::checklist::CheckState;
use crate::decision::Refusal;
use crate::gate;
use crate::ids::{PersonId, TeamId};
use crate::lanes::{Lane, LaneState, fold};
use crate::permission::{self, Actor, Verb};
use crate::schedule::{self, Due};
use crate::voice::Voice;
use crate::window::WindowState;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One verb as the page offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// The form is there.
    Yes,
    /// It would be possible for somebody else or at another time; the reader is told why not now.
    No(Refusal),
    /// It makes no sense in this state: nothing is shown.
    Absent,
}

impl Offer {
    /// True when the form is shown.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Yes)
    }
    /// The sentence for a reader who may not.
    #[must_use]
    pub fn why_not(&self) -> Option<&Refusal> {
        match self {
            Self::No(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// What the page offers. The actions behind it check everything again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offers {
    /// Approve, reject, request changes.
    pub vote: Offer,
    /// Approve, among those: a no is heard however somebody is known.
    pub approve: Offer,
    /// Take the own vote back.
    pub take_back: Offer,
    /// Write a new revision.
    pub edit: Offer,
    /// Change its times, and nothing else.
    pub reschedule: Offer,
    /// Fill a new proposal from it.
    pub again: Offer,
    /// Take back a draft or proposal.
    pub withdraw: Offer,
    /// Call off an approved window.
    pub cancel: Offer,
    /// Start now.
    pub start: Offer,
    /// Stop the open run.
    pub stop: Offer,
    /// Decide on a held run.
    pub resolve: Offer,
    /// Answer items of the validation list.
    pub tick: Offer,
    /// Accept a failed item.
    pub accept_red: Offer,
    /// Sign off.
    pub close: Offer,
    /// Write what went wrong, once it is over.
    pub write_issues: Offer,
}

/// What the offers are computed from.
#[derive(Debug)]
pub struct OffersInput<'a> {
    /// The reader.
    pub actor: &'a Actor,
    /// Owner team of the window.
    pub team: TeamId,
    /// Its state.
    pub state: WindowState,
    /// Now.
    pub now: Timestamp,
    /// Its instants.
    pub moments: Moments,
    /// Who wrote a revision.
    pub contributors: &'a BTreeSet<PersonId>,
    /// Who may vote, as sealed; `None` without a sealed plan.
    pub eligible: Option<&'a Eligible>,
    /// An approval would count for nothing: the reader is asked, and every rule that asks wants to know better who they are.
    pub known_too_little: bool,
    /// A rule asks the reader's group for a second factor.
    pub wants_factor: bool,
    /// The reader's own vote on this plan.
    pub own_vote: Option<&'a StandingVote>,
    /// Whether the reader is heard at all; `None` for somebody who is not asked.
    pub voice: Option<&'a Voice>,
    /// The window's own run is open and not held.
    pub own_run: bool,
    /// A stop was asked for already.
    pub stop_asked: bool,
    /// The validation list.
    pub checks: &'a [CheckState],
    /// The text "issues met" is there.
    pub issues_written: bool,
    /// What the gate says to a start of an approved window by this reader.
    pub gate: &'a [Refusal],
}

/// What the reader may do now.
#[must_use]
pub fn offers(input: &OffersInput<'_>) -> Offers {
    use WindowState as W;
    let asked = input.wants_factor || input.eligible.is_some_and(|asked| asked.values().any(|people| people.contains(&input.actor.person)));
    let right = |verb| permission::authorize_asked(input.actor, verb, input.team, asked).map(drop);
    let given = |states: &[W], verb, extra: Result<(), Refusal>| {
        if !states.contains(&input.state) {
            return Offer::Absent;
        }
        match right(verb).and(extra) {
            Ok(()) => Offer::Yes,
            Err(refusal) => Offer::No(refusal),
        }
    };
    Offers {
        vote: given(&[W::Proposed], Verb::Vote, may_vote(input)),
        approve: given(&[W::Proposed], Verb::Vote, may_approve(input)),
        take_back: if input.own_vote.is_some() { given(&[W::Proposed, W::Approved], Verb::TakeBackVote, Ok(())) } else { Offer::Absent },
        edit: given(&[W::Draft, W::Proposed, W::Approved], Verb::ProposeWindow, Ok(())),
        reschedule: given(&[W::Proposed, W::Approved], Verb::ProposeWindow, Ok(())),
        again: given(W::ALL, Verb::ProposeWindow, Ok(())),
        withdraw: given(&[W::Draft, W::Proposed], Verb::CancelWindow, Ok(())),
        cancel: given(&[W::Approved], Verb::CancelWindow, Ok(())),
        start: given(&[W::Approved], Verb::StartRun, may_start(input)),
        stop: if input.own_run { given(&[W::Approved, W::Running], Verb::StopRun, may_stop(input)) } else { Offer::Absent },
        resolve: given(&[W::Hold], Verb::ResolveHold, Ok(())),
        tick: given(&[W::Validating], Verb::TickItem, Ok(())),
        accept_red: if input.checks.contains(&CheckState::Failed) {
            given(&[W::Validating], Verb::AcceptRed, Ok(()))
        } else {
            Offer::Absent
        },
        close: given(&[W::Validating], Verb::CloseWindow, may_close(input)),
        write_issues: if input.state.went_wrong() && !input.issues_written {
            given(&[input.state], Verb::CloseWindow, Ok(()))
        } else {
            Offer::Absent
        },
    }
}

/// What the reader may do to every run of a window of several databases at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Let each wait after its current item.
    pub hold: Offer,
    /// Stop each, and begin no further wave.
    pub stop: Offer,
}

impl Whole {
    /// `None` where nothing runs, and for a window of one database: its run has these acts itself.
    #[must_use]
    pub fn of(actor: &Actor, team: TeamId, lanes: &[Lane]) -> Option<Self> {
        let any = |states: &[LaneState]| lanes.iter().any(|lane| states.contains(&lane.state));
        let offer = |sensible: bool, verb| match permission::authorize(actor, verb, Some(team)) {
            _ if !sensible => Offer::Absent,
            Ok(_) => Offer::Yes,
            Err(refusal) => Offer::No(refusal),
        };
        // Between two waves, while the last measurements of one are taken, and while one waits for a person, the next is kept from beginning.
        let follows = any(&[LaneState::Waiting]) && matches!(fold(lanes), Some(WindowState::Running | WindowState::Hold));
        (lanes.len() > 1).then(|| Self {
            hold: offer(any(&[LaneState::Working]), Verb::HoldRun),
            stop: offer(follows || any(&[LaneState::Opened, LaneState::Working]), Verb::StopRun),
        })
    }
}

fn may_vote(input: &OffersInput<'_>) -> Result<(), Refusal> {
    let eligible = input.eligible.ok_or_else(|| Refusal::new("no_plan", "There is no sealed plan to vote on.", ""))?;
    let asked = approval::may_vote(input.actor.person, input.contributors, eligible, input.own_vote);
    // Whoever lacks the factor alone was not sealed as asked, and is told what is missing.
    asked.map_err(|refusal| if refusal.code == "not_eligible" && input.wants_factor { approval::factor_needed() } else { refusal })?;
    input.voice.map_or(Ok(()), Voice::heard)
}

fn may_approve(input: &OffersInput<'_>) -> Result<(), Refusal> {
    may_vote(input)?;
    if input.known_too_little { Err(approval::factor_needed()) } else { Ok(()) }
}

fn may_start(input: &OffersInput<'_>) -> Result<(), Refusal> {
    // Whoever approved had better know it before the hour, and ask somebody else.
    if let Some(separate) = input.gate.iter().find(|refusal| refusal.code == executor::SEPARATE) {
        return Err(separate.clone());
    }
    if input.own_run {
        return Err(Refusal::new("run_open", "It was started already: a worker does the pre-checks.", "Look at its run."));
    }
    match schedule::due(input.moments.start, input.moments.latest_start, input.now) {
        Due::Now if input.gate.is_empty() => Ok(()),
        Due::Now => Err(gate::together(input.gate)),
        Due::Early => Err(Refusal::new(
            "too_early",
            "It can be started from its start on, not before: that is the time people agreed to.",
            "Edit the window if it must be earlier; that asks for the votes anew.",
        )),
        Due::Missed => Err(Refusal::new("too_late", "Its latest start has passed.", "Propose it again for a later time.")),
    }
}

fn may_stop(input: &OffersInput<'_>) -> Result<(), Refusal> {
    if input.stop_asked {
        return Err(Refusal::new("stop_asked", "A stop was asked for already.", "The run's page says what has really stopped."));
    }
    Ok(())
}

fn may_close(input: &OffersInput<'_>) -> Result<(), Refusal> {
    if input.checks.is_empty() || input.checks.iter().any(|state| !state.is_settled()) {
        return Err(Refusal::new(
            "list_not_done",
            "The validation list is not done.",
            "Answer what is open; a failed item needs a lead who accepts it with a reason.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TargetId;
    use crate::people::TeamRole;
    use crate::permission::Member;
    use crate::window::Ending;
    use uuid::Uuid;

    fn actor(n: u128, role: Option<TeamRole>) -> Actor {
        Actor {
            person: PersonId(Uuid::from_u128(n)),
            name: "Ana".into(),
            zone: "Etc/UTC".into(),
            active: true,
            global: vec![],
            teams: role.map(|role| Member { team: TeamId(Uuid::from_u128(7)), role, deputy: false }).into_iter().collect(),
            stakeholder_of_teams: vec![],
            elevated: false,
            factor: false,
        }
    }

    fn at(min: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + min * 60).expect("in range")
    }

    fn ask(actor: &Actor, state: WindowState, now: i64, checks: &[CheckState]) -> Offers {
        ask_known(actor, state, now, checks, (false, false))
    }

    /// The same where an approval would count for nothing, and where a second factor is wanted.
    fn ask_known(actor: &Actor, state: WindowState, now: i64, checks: &[CheckState], known: (bool, bool)) -> Offers {
        ask_gated(actor, state, now, checks, known, &[])
    }

    /// The same with what the gate says.
    fn ask_gated(
        actor: &Actor,
        state: WindowState,
        now: i64,
        checks: &[CheckState],
        (little, factor): (bool, bool),
        gate: &[Refusal],
    ) -> Offers {
        let contributors = [PersonId(Uuid::from_u128(1))].into();
        let eligible: Eligible = [("stakeholder".to_owned(), [PersonId(Uuid::from_u128(2))].into())].into();
        offers(&OffersInput {
            actor,
            team: TeamId(Uuid::from_u128(7)),
            state,
            now: at(now),
            moments: Moments { start: at(60), latest_start: at(90), cut_off: at(110), end: at(120), decide_by: at(30) },
            contributors: &contributors,
            eligible: Some(&eligible),
            known_too_little: little,
            wants_factor: factor,
            own_vote: None,
            voice: None,
            own_run: false,
            stop_asked: false,
            checks,
            issues_written: false,
            gate,
        })
    }

    #[test]
    fn whatever_works_on_any_database_is_held_and_stopped_at_once() {
        let lane = |state| Lane { target: TargetId(Uuid::nil()), wave: 1, state };
        let of = |role, states: &[LaneState]| {
            let lanes: Vec<Lane> = states.iter().copied().map(lane).collect();
            Whole::of(&actor(1, role), TeamId(Uuid::from_u128(7)), &lanes).map(|whole| (whole.hold.is_open(), whole.stop.is_open()))
        };
        let engineer = Some(TeamRole::Engineer);
        assert_eq!(of(engineer, &[LaneState::Working]), None, "a window of one");
        assert_eq!(of(engineer, &[LaneState::Working, LaneState::Waiting]), Some((true, true)));
        assert_eq!(of(engineer, &[LaneState::Settling, LaneState::Waiting]), Some((false, true)), "the next wave is kept from beginning");
        assert_eq!(of(engineer, &[LaneState::Held, LaneState::Waiting]), Some((false, true)), "the same");
        assert_eq!(of(engineer, &[LaneState::Held, LaneState::NotStarted]), Some((false, false)));
        assert_eq!(of(engineer, &[LaneState::Settling, LaneState::NotStarted]), Some((false, false)), "only measurements are left");
        let ended = LaneState::Ended { ending: Ending::Finished, clean: true };
        assert_eq!(of(engineer, &[ended, LaneState::Waiting]), Some((false, true)), "between two waves");
        assert_eq!(of(engineer, &[LaneState::Waiting, LaneState::Waiting]), Some((false, false)), "it has not begun: it is called off");
        assert_eq!(of(Some(TeamRole::Stakeholder), &[ended, LaneState::Waiting]), Some((false, false)));
        assert_eq!(of(Some(TeamRole::Stakeholder), &[LaneState::Working, LaneState::Waiting]), Some((false, false)));
    }

    #[test]
    fn the_author_never_votes_and_the_stakeholder_does() {
        let author = ask(&actor(1, Some(TeamRole::Engineer)), WindowState::Proposed, 0, &[]);
        assert_eq!(author.vote.why_not().map(|refusal| refusal.code.as_str()), Some("four_eyes"));
        assert!(author.edit.is_open() && author.reschedule.is_open() && author.withdraw.is_open() && author.cancel == Offer::Absent);
        let stakeholder = ask(&actor(2, Some(TeamRole::Stakeholder)), WindowState::Proposed, 0, &[]);
        assert!(stakeholder.vote.is_open() && !stakeholder.edit.is_open());
    }

    #[test]
    fn whoever_lacks_the_second_factor_is_told_that_and_may_still_say_no() {
        let stakeholder = |n, known| ask_known(&actor(n, Some(TeamRole::Stakeholder)), WindowState::Proposed, 0, &[], known);
        let code = |offer: &Offer| offer.why_not().map(|refusal| refusal.code.clone());
        let shown = stakeholder(2, (false, true));
        assert!(shown.vote.is_open() && shown.approve.is_open());
        let bare = stakeholder(2, (true, true));
        assert_eq!((bare.vote.is_open(), code(&bare.approve).as_deref()), (true, Some("factor_needed")));
        let unsealed = stakeholder(3, (false, true));
        assert_eq!(code(&unsealed.vote).as_deref(), Some("factor_needed"), "not sealed for want of it");
        assert_eq!(code(&stakeholder(3, (false, false)).vote).as_deref(), Some("not_eligible"));
        assert_eq!(code(&stakeholder(1, (false, true)).vote).as_deref(), Some("four_eyes"), "it would not help the author");
    }

    #[test]
    fn starting_is_offered_between_start_and_latest_start_only() {
        let engineer = actor(1, Some(TeamRole::Engineer));
        let code = |now| ask(&engineer, WindowState::Approved, now, &[]).start.why_not().map(|refusal| refusal.code.clone());
        assert_eq!([code(0), code(60), code(90), code(91)], [Some("too_early".into()), None, None, Some("too_late".into())]);
    }

    #[test]
    fn a_red_item_is_offered_to_leads_and_blocks_the_sign_off() {
        let checks = [CheckState::Failed, CheckState::Passed];
        let lead = ask(&actor(1, Some(TeamRole::Lead)), WindowState::Validating, 100, &checks);
        assert!(lead.accept_red.is_open() && !lead.close.is_open() && lead.tick.is_open());
        let engineer = ask(&actor(1, Some(TeamRole::Engineer)), WindowState::Validating, 100, &[CheckState::Accepted]);
        assert!(engineer.close.is_open() && engineer.accept_red == Offer::Absent);
    }

    #[test]
    fn what_went_wrong_is_written_by_the_owner_team() {
        let offer = |actor, state| ask(&actor, state, 300, &[]).write_issues;
        assert!(offer(actor(1, Some(TeamRole::Engineer)), WindowState::Failed).is_open());
        assert!(offer(actor(1, Some(TeamRole::Lead)), WindowState::RolledBack).is_open());
        assert!(offer(actor(2, Some(TeamRole::Stakeholder)), WindowState::Failed).why_not().is_some());
        assert_eq!(offer(actor(1, Some(TeamRole::Lead)), WindowState::Completed), Offer::Absent);
    }

    #[test]
    fn what_is_over_is_proposed_again_and_not_moved() {
        let engineer = actor(1, Some(TeamRole::Engineer));
        for state in WindowState::ALL {
            assert!(ask(&engineer, *state, 0, &[]).again.is_open(), "{}", state.word());
        }
        let moves = |state| ask(&engineer, state, 0, &[]).reschedule.is_open();
        let movable: Vec<_> = WindowState::ALL.iter().filter(|state| moves(**state)).map(|state| state.word()).collect();
        assert_eq!(movable, ["proposed", "approved"]);
    }

    #[test]
    fn a_start_that_the_gate_refuses_is_not_offered_and_the_page_says_why() {
        let engineer = actor(1, Some(TeamRole::Engineer));
        let code = |now, gate: &[Refusal]| {
            let offer = ask_gated(&engineer, WindowState::Approved, now, &[], (false, false), gate).start;
            offer.why_not().map(|refusal| (refusal.code.clone(), refusal.message.clone()))
        };
        let refusal = |code: &str| Refusal::new(code, format!("Not for the {code}."), "");
        assert_eq!(code(60, &[]), None);
        assert_eq!(
            code(60, &[refusal("quorum"), refusal("backup")]),
            Some(("quorum".to_owned(), "Not for the quorum. Not for the backup.".to_owned()))
        );
        let early = |gate: &[Refusal]| code(0, gate).map(|(code, _)| code);
        assert_eq!(early(&[refusal("quorum")]).as_deref(), Some("too_early"), "there is time to mend it");
        assert_eq!(early(&[refusal(executor::SEPARATE)]).as_deref(), Some(executor::SEPARATE), "somebody else is asked in time");
    }

    #[test]
    fn strangers_are_offered_nothing() {
        let stranger = ask(&actor(9, None), WindowState::Proposed, 0, &[]);
        assert!(![&stranger.vote, &stranger.edit, &stranger.withdraw].iter().any(|offer| offer.is_open()));
    }
}
