//! Takes a vote back, until the run opens: by the voter, or through "this was not me".

use super::{Caller, audience, cast_vote::standing, end_waves::leave_out, open_runs, stop_run::may_stop};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger};
use crate::store::{self, delegations, windows::Window};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::approval::{Standing, StandingVote, VoteDecision};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::hold::ask_hold;
use domain::ids::{PersonId, TargetId, WindowId};
use domain::lanes::LaneState;
use domain::notice::NoticeKind;
use domain::permission::{Permit, Verb, authorize};
use domain::plan::Plan;
use domain::window::{RunState, WindowState};
use serde_json::Map;
use std::collections::BTreeSet;

/// Takes the caller's own vote back. Approved windows that lose their quorum wait for approval again.
pub async fn withdraw_vote(engine: &Engine, caller: &Caller, number: i64) -> Result<WindowState> {
    let caller = caller.clone();
    let state = transaction::run(engine.pool(), "withdraw_vote", move |db| {
        let caller = caller.clone();
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            // No role in the team is asked for: whoever left it would otherwise leave a vote behind.
            let permit = authorize(&caller.actor, Verb::TakeBackVote, None)?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let own = |(_, vote): &(_, StandingVote)| vote.person == caller.actor.person;
            if !store::votes::standing(ledger.db(), window.id, window.digest).await?.iter().any(own) {
                return Err(super::hide(&caller.actor, window.team, no_vote()));
            }
            let window = before_the_run(&mut ledger, window.id).await?;
            let reason = "withdrawn by the voter";
            let (_, fact) = withdraw(&mut ledger, &window, caller.actor.person, reason).await?;
            recount(&mut ledger, &window, reason, fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(state)
}

/// What was typed to object.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Objection {
    /// Short name of the database: mail scanners open links and press buttons, but do not type it.
    pub short_name: String,
}

const NOT_ME: &str = "the holder of the mailbox says: this was not me";

/// "This was not me": withdraws the vote the confirmation mail spoke of, and says so to everybody concerned. What runs already by that vote holds after
/// its current item.
///
/// An unknown secret is [`Error::NotFound`], whatever was typed.
pub async fn object_to_vote(engine: &Engine, secret: &str, objection: &Objection, request: &str) -> Result<WindowState> {
    let (secret, objection, request) = (secret.to_owned(), objection.clone(), request.to_owned());
    let state = transaction::run(engine.pool(), "object_to_vote", move |db| {
        let (secret, objection, request) = (secret.clone(), objection.clone(), request.clone());
        Box::pin(async move {
            let link = store::votes::link(db, &secret).await?.filter(|link| link.purpose == "object").ok_or(Error::NotFound)?;
            let (window, digest) = link.window.zip(link.digest).ok_or(Error::NotFound)?;
            let window = store::windows::load(db, window).await?;
            check(&objection, &window.plan()?.target().short_name)?;
            let permit = Permit::link(link.person, link.id);
            let mut ledger = Ledger::open(db, &permit, &request);
            let (state, _) = ledger.lock_window(window.id).await?;
            ledger.consume_link(link.id, Some((window.id, digest))).await?;
            if matches!(state, WindowState::Running | WindowState::Hold) {
                return disown(&mut ledger, window.id, link.person).await;
            }
            let window = before_the_run(&mut ledger, window.id).await?;
            let (_, fact) = take_off(&mut ledger, &window, link.person).await?;
            recount(&mut ledger, &window, NOT_ME, fact).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(state)
}

fn check(objection: &Objection, short_name: &str) -> Result<()> {
    if objection.short_name.trim().eq_ignore_ascii_case(short_name) {
        return Ok(());
    }
    Err(Error::field("short_name", format!("To take it back, type the database's short name: {short_name}.")))
}

fn no_vote() -> Refusal {
    Refusal::new("no_vote", "There is no vote of yours on the current plan.", "")
}

/// The window, locked, as long as nothing runs by the votes on it.
async fn before_the_run(ledger: &mut Ledger<'_>, window: WindowId) -> Result<Window> {
    let (state, _) = ledger.lock_window(window).await?;
    if !matches!(state, WindowState::Proposed | WindowState::Approved) {
        return Err(Refusal::new(
            "moved_on",
            format!("This window is “{}”: the vote can no longer be taken back.", state.label()),
            "Stop the run on its page if it must not go on, and tell the on-call contact.",
        )
        .into());
    }
    store::windows::load(ledger.db(), window).await
}

/// The vote by which a window runs stops counting, and each of its runs holds after its current item, whether the other votes suffice or not: who
/// let it run is in doubt, and a person decides how it goes on. A run that is not in the middle of its work is stopped instead, and where nothing holds,
/// what waits for its wave does not begin. A held run goes on by a decision alone, whose gate counts the votes; whoever decides is told.
///
/// A vote that let nothing run is taken off the count, and nothing else: a no, and any vote where two people broke the glass.
async fn disown(ledger: &mut Ledger<'_>, window: WindowId, person: PersonId) -> Result<WindowState> {
    let window = store::windows::load(ledger.db(), window).await?;
    let (votes, fact) = take_off(ledger, &window, person).await?;
    if votes.iter().all(|vote| vote.decision != VoteDecision::Approve)
        || store::glass::holds(ledger.db(), window.id, window.digest).await?.is_some()
    {
        return Ok(window.state);
    }
    let reason = "Somebody whose approval let it run says that it was not theirs.";
    let lanes = store::lanes::of(ledger.db(), window.id, window.revision).await?;
    let mut held = window.state == WindowState::Hold;
    for (run, name) in open_runs::of(ledger.db(), &lanes).await? {
        held |= run.state == RunState::Held;
        let action = if ask_hold(run.state, run.phase, run.decision, run.stop_reason.is_some(), run.hold_asked).is_ok()
            && ledger.ask_hold(run.id, person, reason).await?
        {
            held = true;
            "run.ask_hold"
        } else if may_stop(run.state, run.phase, run.stop_reason.is_some(), run.soak_until.is_some()).is_ok()
            && ledger.ask_stop(run.id, person, reason).await?
        {
            "run.stop"
        } else {
            continue;
        };
        let fact = NewFact::done(action, "run", run.id).of_window(window.id).of_team(window.team);
        ledger.fact(fact.with("reason", reason).with("database", name)).await?;
    }
    let waiting: Vec<TargetId> =
        lanes.iter().filter(|row| row.lane.state == LaneState::Waiting && !held).map(|row| row.lane.target).collect();
    if !waiting.is_empty() {
        leave_out(ledger, &window, &waiting, reason).await?;
    } else if window.state == WindowState::Hold {
        let payload = Map::from_iter([("said".to_owned(), vec![reason].into())]);
        audience::tell(ledger, &window, &window.plan()?, NoticeKind::Held, payload, fact).await?;
    }
    Ok(window.state)
}

/// Takes off the count whatever stands in the name of somebody who says that it was not them: their vote; and where somebody else was let decide,
/// that, with the vote that was given by it. Gives the votes that went, and the last fact.
async fn take_off(ledger: &mut Ledger<'_>, window: &Window, person: PersonId) -> Result<(Vec<StandingVote>, FactRef)> {
    let Some(given) = delegations::of(ledger.db(), window.id, window.digest, person).await? else {
        let (vote, fact) = withdraw(ledger, window, person, NOT_ME).await?;
        return Ok((vec![vote], fact));
    };
    let votes = store::votes::standing(ledger.db(), window.id, window.digest).await?;
    let own = votes.iter().any(|(_, vote)| vote.person == person).then_some(person);
    let by_it = delegations::vote_in_place(ledger.db(), window.id, window.digest, person).await?.map(|(_, voter)| voter);
    let mut last = ledger.fact(delegation_ends(window, person, given.delegate, NOT_ME)).await?;
    ledger.end_delegation(given.id, NOT_ME).await?;
    let mut gone = Vec::new();
    for voter in own.into_iter().chain(by_it) {
        let (vote, fact) = withdraw(ledger, window, voter, NOT_ME).await?;
        if voter != person {
            // It was theirs too, and nobody else says so to them.
            audience::tell_one(ledger, window, NoticeKind::VoteRecorded, voter, fact).await?;
        }
        gone.push(vote);
        last = fact;
    }
    Ok((gone, last))
}

/// The fact that somebody decides in another's place no more.
pub(super) fn delegation_ends(window: &Window, person: PersonId, delegate: PersonId, reason: &str) -> NewFact {
    NewFact::done("vote.delegate_end", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("person", person.to_string())
        .with("delegate", delegate.to_string())
        .with("reason", reason)
}

/// Takes a person's vote that stands on the newest plan off the count; gives it with the fact.
async fn withdraw(ledger: &mut Ledger<'_>, window: &Window, person: PersonId, reason: &str) -> Result<(StandingVote, FactRef)> {
    let votes = store::votes::standing(ledger.db(), window.id, window.digest).await?;
    let Some((id, vote)) = votes.into_iter().find(|(_, vote)| vote.person == person) else {
        return Err(no_vote().into());
    };
    if store::series_digests::voted_with(ledger.db(), window.id, window.digest, person).await?.is_some() {
        return Err(Refusal::new(
            "with_series",
            "You approved this window with its series, together with its other dates.",
            "Take that back on the page of the series, for all of them; or, while this window waits, reject it by itself.",
        )
        .into());
    }
    let fact = NewFact::done("vote.withdraw", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("vote", id.to_string())
        .with("reason", reason);
    let fact = ledger.fact(fact).await?;
    ledger.withdraw_vote(id, reason).await?;
    Ok((vote, fact))
}

/// Counts a window that has not started, after a vote on it was taken back: an approved one whose votes no longer suffice waits again; and one
/// that waited is approved where a rejection went and the approvals suffice now.
pub(super) async fn recount(ledger: &mut Ledger<'_>, window: &Window, reason: &str, fact: FactRef) -> Result<WindowState> {
    let plan = window.plan()?;
    let left = standing(ledger.db(), window, &plan).await?;
    // A stage that is open again has its own deadline again.
    ledger.turn(window.id, left.stage, fact).await?;
    // What two people approved by breaking the glass never stood on votes.
    let by_votes = store::glass::holds(ledger.db(), window.id, window.digest).await?.is_none();
    if window.state == WindowState::Approved && by_votes && !left.approved {
        let votes = store::votes::standing(ledger.db(), window.id, window.digest).await?;
        // Whoever took it back is not asked for it by mail at once.
        let voted: BTreeSet<PersonId> = votes.iter().map(|(_, vote)| vote.person).chain(ledger.permit().person()).collect();
        ledger.move_window(window.id, window.revision, WindowState::Approved, WindowState::Proposed, Some(reason), fact).await?;
        ledger.end_links(window.id, "A vote was taken back; a new mail was sent.").await?;
        let asked = audience::ask_the_others(ledger, window, &plan, &voted, fact).await?;
        audience::tell_but(ledger, window, &plan, NoticeKind::ApprovalLost, Map::new(), fact, &asked).await?;
        return Ok(WindowState::Proposed);
    }
    if window.state == WindowState::Proposed && left.suffices() && store::runs::now(ledger.db()).await? < window.decide_by_at {
        approve(ledger, window, &plan, &left, &format!("A vote was taken back, and the others suffice. {reason}")).await?;
        return Ok(WindowState::Approved);
    }
    Ok(window.state)
}

/// Approves a window that waits, because the votes on it suffice although nobody has just given one; `why` says what changed.
pub(super) async fn approve(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan, by: &Standing, why: &str) -> Result<()> {
    let voters: Vec<String> = by.voters().iter().map(ToString::to_string).collect();
    let approved = NewFact::done("window.approve", "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("voters", voters);
    let fact = ledger.fact(approved).await?;
    ledger.move_window(window.id, window.revision, WindowState::Proposed, WindowState::Approved, Some(why), fact).await?;
    audience::tell(ledger, window, plan, NoticeKind::Approved, Map::new(), fact).await.map(drop)
}
