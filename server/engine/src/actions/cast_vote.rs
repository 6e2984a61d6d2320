//! Votes: by people who are signed in, and by holders of a mailed link. Both end in the same transaction.

use super::{Caller, audience};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger, NewVote, vote_fact};
use crate::store::{self, windows::Window};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::approval::{self, Assurance, Policy, Roll, RuleStanding, Standing, StandingVote, VoteDecision};
use domain::canonical::Digest;
use domain::decision::{FieldError, Refusal};
use domain::fact::NewFact;
use domain::ids::LinkId;
use domain::notice::NoticeKind;
use domain::people;
use domain::permission::{Permit, Verb, authorize};
use domain::plan::Plan;
use domain::window::WindowState;
use jiff::Timestamp;
use serde_json::Map;

/// What was typed to decide.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// `approve`, `reject` or `request_changes`.
    pub decision: String,
    /// Digest of the plan the page showed, 64 hex digits.
    pub digest: String,
    /// Short name of the database, typed to approve.
    pub short_name: String,
    /// Why; required to reject or to ask for changes.
    pub comment: String,
}

/// What a vote led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Number of the window.
    pub number: i64,
    /// Its state now.
    pub state: WindowState,
    /// What was decided.
    pub decision: VoteDecision,
    /// A sentence for the voter.
    pub message: String,
}

/// A vote by somebody who is signed in.
pub async fn cast_vote(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<Outcome> {
    let (caller, input) = (caller.clone(), input.clone());
    let outcome = transaction::run(engine.pool(), "cast_vote", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = authorize(&caller.actor, Verb::Vote, Some(window.team))
                .map_err(|refusal| super::hide(&caller.actor, window.team, refusal))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            decide(&mut ledger, window, &input, Assurance::Account, None).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(outcome)
}

/// A vote by whoever holds the secret of a mailed link. One transaction consumes the link, writes vote, facts and messages.
///
/// An unknown secret is [`Error::NotFound`]; what is wrong with a known link is said in a refusal.
pub async fn cast_vote_by_link(engine: &Engine, secret: &str, input: &Input, request: &str) -> Result<Outcome> {
    let (secret, input, request) = (secret.to_owned(), input.clone(), request.to_owned());
    let outcome = transaction::run(engine.pool(), "cast_vote_by_link", move |db| {
        let (secret, input, request) = (secret.clone(), input.clone(), request.clone());
        Box::pin(async move {
            let link = store::votes::link(db, &secret).await?.filter(|link| link.purpose == "approve").ok_or(Error::NotFound)?;
            let window = store::windows::load(db, link.window.ok_or(Error::NotFound)?).await?;
            let permit = Permit::link(link.person, link.id);
            let mut ledger = Ledger::open(db, &permit, &request);
            decide(&mut ledger, window, &input, Assurance::Link, Some(link.id)).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(outcome)
}

async fn decide(ledger: &mut Ledger<'_>, window: Window, input: &Input, assurance: Assurance, link: Option<LinkId>) -> Result<Outcome> {
    let person = ledger.permit().person().ok_or_else(|| Error::internal("a vote is cast by a person"))?;
    let (state, revision) = ledger.lock_window(window.id).await?;
    let window =
        if revision == window.revision && state == window.state { window } else { store::windows::load(ledger.db(), window.id).await? };
    let plan = window.plan()?;
    let (decision, comment) = check(input, &plan)?;
    may_decide(state, &window, input)?;
    in_time(&window, decision, store::runs::now(ledger.db()).await?)?;
    let contributors = store::windows::contributors(ledger.db(), window.id).await?;
    let votes = store::votes::standing(ledger.db(), window.id, window.digest).await?;
    let already = votes.iter().map(|(_, vote)| vote).find(|vote| vote.person == person);
    let roll = Roll { escalated: window.escalated.clone(), ..Roll::as_sealed(&plan.eligible) };
    approval::may_vote(person, &contributors, &roll.asked(), already)?;
    store::voices::one(ledger.db(), window.id, person).await?.heard()?;
    let before = standing(ledger, &window, &plan).await?;
    approval::in_turn(&plan.policy.rules, &roll, &before, person, decision)?;
    if decision == VoteDecision::Approve && approval::must_be_known_better(&plan.policy.rules, &roll, person, assurance) {
        return Err(Refusal::new(
            "sign_in_needed",
            "The policy of this plan counts your approval only when you are signed in, so by this link it would count for nothing.",
            format!("Sign in and approve on the page of window #{}.", window.number),
        )
        .into());
    }
    if let Some(link) = link {
        ledger.consume_link(link, Some((window.id, window.digest))).await?;
    }
    let vote = NewVote { window: window.id, digest: window.digest, person, decision, assurance, comment, link };
    let fact = ledger.fact(vote_fact(&vote, window.team)).await?;
    ledger.vote(&vote).await?;
    audience::tell(
        ledger,
        &window,
        &plan,
        NoticeKind::VoteRecorded,
        Map::from_iter([("decision".to_owned(), decision.word().into())]),
        fact,
    )
    .await?;
    let standing = standing(ledger, &window, &plan).await?;
    let state = follow(ledger, &window, &plan, &standing, &vote).await?;
    if state == WindowState::Proposed && ledger.turn(window.id, standing.stage, fact).await? && standing.stage > before.stage {
        audience::ask(ledger, &window, &plan, standing.waiting_for(), Map::new(), fact).await?;
    }
    Ok(Outcome { number: window.number, state, decision, message: sentence(state, decision, &standing) })
}

/// Counts the votes with today's groups: who left a group no longer counts, who joined counts only after sealing anew.
pub(crate) async fn standing(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan) -> Result<Standing> {
    let rules = &plan.policy.rules;
    let today = store::groups::eligible(ledger.db(), window.target, window.team, &rules.groups()).await?;
    let roll = Roll::today(rules, &plan.eligible, &today, &window.escalated);
    let votes = votes(ledger, window).await?;
    Ok(approval::count(rules, &roll, &votes).or_pre_approved(rules, plan.risk()))
}

/// Counts the same votes by another policy than the sealed one.
pub(crate) async fn standing_by(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan, policy: &Policy) -> Result<Standing> {
    let today = store::groups::eligible(ledger.db(), window.target, window.team, &policy.groups()).await?;
    let contributors = store::windows::contributors(ledger.db(), window.id).await?;
    let roll = Roll::against(policy, &plan.eligible, &today, &contributors, &window.escalated);
    let votes = votes(ledger, window).await?;
    Ok(approval::count(policy, &roll, &votes).or_pre_approved(policy, plan.risk()))
}

async fn votes(ledger: &mut Ledger<'_>, window: &Window) -> Result<Vec<StandingVote>> {
    Ok(store::votes::standing(ledger.db(), window.id, window.digest).await?.into_iter().map(|(_, vote)| vote).collect())
}

/// What the count leads to.
async fn follow(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan, standing: &Standing, vote: &NewVote) -> Result<WindowState> {
    let (to, action, kind) = if standing.rejected {
        (WindowState::Rejected, "window.reject", NoticeKind::Rejected)
    } else if !standing.changes_asked_by.is_empty() {
        (WindowState::Draft, "window.send_back", NoticeKind::ChangesAsked)
    } else if standing.approved {
        (WindowState::Approved, "window.approve", NoticeKind::Approved)
    } else {
        return Ok(window.state);
    };
    let voters: Vec<String> = standing.rules.iter().flat_map(|rule| &rule.have).map(ToString::to_string).collect();
    let fact = NewFact::done(action, "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("digest", window.digest.hex())
        .with("voters", voters);
    let fact: FactRef = ledger.fact(fact).await?;
    let reason = (!vote.comment.is_empty()).then_some(vote.comment.as_str());
    ledger.move_window(window.id, window.revision, window.state, to, reason, fact).await?;
    if to != WindowState::Approved {
        ledger.end_links(window.id, "This plan was decided on already.").await?;
    }
    let payload = Map::from_iter([("comment".to_owned(), vote.comment.clone().into())]);
    audience::tell(ledger, window, plan, kind, payload, fact).await?;
    Ok(to)
}

fn check(input: &Input, plan: &Plan) -> Result<(VoteDecision, String)> {
    let decision = VoteDecision::from_word(input.decision.trim())
        .ok_or_else(|| Error::field("decision", "Choose approve, reject or request changes."))?;
    let mut errors: Vec<FieldError> = Vec::new();
    let short_name = &plan.target().short_name;
    if decision == VoteDecision::Approve && !input.short_name.trim().eq_ignore_ascii_case(short_name) {
        errors.push(FieldError::new("short_name", format!("To approve, type the database's short name: {short_name}.")));
    }
    let least = usize::from(decision != VoteDecision::Approve);
    let comment = people::text("comment", &input.comment, least, 4000).map_err(|error| {
        if input.comment.trim().is_empty() {
            FieldError::new("comment", "Say why: whoever proposed it needs to know what to change.")
        } else {
            error
        }
    });
    match (comment, errors.is_empty()) {
        (Ok(comment), true) => Ok((decision, comment)),
        (Ok(_), false) => Err(errors.into()),
        (Err(error), _) => {
            errors.push(error);
            Err(errors.into())
        }
    }
}

fn may_decide(state: WindowState, window: &Window, input: &Input) -> Result<(), Refusal> {
    if Digest::from_hex(input.digest.trim()) != Some(window.digest) {
        return Err(Refusal::new(
            "stale_plan",
            format!("The plan was edited after your page was made: it is now revision {}, {}.", window.revision, window.digest.short()),
            "Read the new plan and decide on that.",
        ));
    }
    if state != WindowState::Proposed {
        return Err(Refusal::new("moved_on", format!("There is nothing to decide any more: this window is “{}”.", state.label()), ""));
    }
    Ok(())
}

/// An approval after the deadline counts for nothing, also before the scheduler has come by; a no is heard at any time.
fn in_time(window: &Window, decision: VoteDecision, now: Timestamp) -> Result<(), Refusal> {
    if decision != VoteDecision::Approve || now < window.decide_by_at {
        return Ok(());
    }
    let by = window.decide_by_at.strftime("%Y-%m-%d %H:%M UTC");
    Err(Refusal::new(
        "too_late",
        format!("The policy wanted the decision by {by}, and that has passed: the proposal expires."),
        "Whoever proposed it can propose it again for a later time.",
    ))
}

fn sentence(state: WindowState, decision: VoteDecision, standing: &Standing) -> String {
    match (state, decision) {
        (WindowState::Approved, _) => "Your approval was the last one needed: the window is approved.".into(),
        (WindowState::Rejected, _) => "You rejected this window; it will not run.".into(),
        (WindowState::Draft, _) => "Your wish for changes went back to the proposer; nothing runs until a new plan is approved.".into(),
        _ => {
            let missing: usize = standing.rules.iter().map(RuleStanding::missing).sum();
            format!("Your approval was recorded; {missing} more {} needed.", if missing == 1 { "is" } else { "are" })
        }
    }
}
