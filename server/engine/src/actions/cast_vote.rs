//! Votes: by people who are signed in, and by holders of a mailed link. Both end in the same transaction.

use super::ballot::{self, Admitted, Ballot};
use super::show_code::{self, Shown};
use super::{Caller, audience, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger, NewVote, vote_fact};
use crate::store::stand_ins::Counting;
use crate::store::{self, windows::Window};
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::approval::{self, Assurance, Eligible, Policy, Polls, Roll, RuleStanding, StandIn, Standing, StandingVote, VoteDecision};
use domain::decision::FieldError;
use domain::fact::NewFact;
use domain::ids::{LinkId, VoteCodeId};
use domain::notice::NoticeKind;
use domain::people;
use domain::plan::{Plan, PlanTarget};
use domain::window::WindowState;
use secrecy::SecretString;
use serde_json::Map;
use sqlx::PgConnection;

/// What was typed to decide.
#[derive(Debug, Clone, Default, serde::Deserialize)]
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
    /// The code from the mail, where an approval by link is given with one.
    pub code: SecretString,
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

/// How somebody is known who decides.
#[derive(Debug, Clone, Copy)]
struct Known {
    assurance: Assurance,
    link: Option<LinkId>,
    code: Option<VoteCodeId>,
}

/// A vote by somebody who is signed in.
pub async fn cast_vote(engine: &Engine, caller: &Caller, number: i64, input: &Input) -> Result<Outcome> {
    let (caller, input) = (caller.clone(), input.clone());
    let outcome = transaction::run(engine.pool(), "cast_vote", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = store::windows::by_number(db, number).await?;
            let permit = scope::voter(db, &caller, &window).await?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let ballot = Ballot::lock(&mut ledger, window).await?;
            let (decision, comment) = check(&input, &ballot.plan)?;
            let admitted = ballot.admit(&mut ledger, &input.digest, decision).await?;
            if decision == VoteDecision::Approve {
                show_code::signed_in_well_enough(&admitted, caller.actor.known())?;
            }
            let known = Known { assurance: caller.actor.known(), link: None, code: None };
            record(&mut ledger, &ballot, &admitted, known, decision, comment).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    Ok(outcome)
}

/// A vote by whoever holds the secret of a mailed link. One transaction consumes the link and the code, writes vote, facts and messages.
///
/// `browser` is the secret that the browser got when it asked for a code. An unknown secret is [`Error::NotFound`]; what is wrong with a known
/// link is said in a refusal. A wrong code is counted, and nothing else is written.
pub async fn cast_vote_by_link(
    engine: &Engine,
    secret: &str,
    browser: Option<&SecretString>,
    input: &Input,
    request: &str,
) -> Result<Outcome> {
    let (secret, browser, input, request) = (secret.to_owned(), browser.cloned(), input.clone(), request.to_owned());
    let outcome = transaction::run(engine.pool(), "cast_vote_by_link", move |db| {
        let (secret, browser, input, request) = (secret.clone(), browser.clone(), input.clone(), request.clone());
        Box::pin(async move {
            let (link, window, permit) = ballot::of_link(db, &secret).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            let ballot = Ballot::lock(&mut ledger, window).await?;
            let (decision, comment) = check(&input, &ballot.plan)?;
            let admitted = ballot.admit(&mut ledger, &input.digest, decision).await?;
            let known = match decision {
                VoteDecision::Approve => show_code::known(&mut ledger, &ballot, &admitted, link.id, &input.code, browser.as_ref()).await?,
                _ => Shown::Nothing,
            };
            let (assurance, code) = match known {
                Shown::Nothing => (Assurance::Link, None),
                Shown::Right(code) => (Assurance::LinkCode, Some(code)),
                Shown::Wrong(error) => return Ok(Err(error)),
            };
            let known = Known { assurance, link: Some(link.id), code };
            record(&mut ledger, &ballot, &admitted, known, decision, comment).await.map(Ok)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Runner, Wake::Sealer]).await;
    outcome.map_err(|wrong| Error::Invalid(vec![wrong]))
}

async fn record(
    ledger: &mut Ledger<'_>,
    ballot: &Ballot,
    admitted: &Admitted<'_>,
    known: Known,
    decision: VoteDecision,
    comment: String,
) -> Result<Outcome> {
    let (window, plan) = (&ballot.window, &ballot.plan);
    if let Some(link) = known.link {
        ledger.consume_link(link, Some((window.id, window.digest))).await?;
    }
    if let Some(code) = known.code {
        ledger.use_vote_code(code).await?;
    }
    let Known { assurance, link, code } = known;
    let vote = NewVote {
        window: window.id,
        digest: window.digest,
        person: admitted.person,
        decision,
        assurance,
        comment,
        link,
        code,
        in_place_of: admitted.polls.in_place_of(admitted.person),
    };
    let fact = ledger.fact(vote_fact(&vote, window.team)).await?;
    ledger.vote(&vote).await?;
    audience::tell(ledger, window, plan, NoticeKind::VoteRecorded, Map::from_iter([("decision".to_owned(), decision.word().into())]), fact)
        .await?;
    audience::tell_absent(ledger, window, &vote.in_place_of, fact).await?;
    let standing = standing(ledger.db(), window, plan).await?;
    let state = follow(ledger, window, plan, &standing, &vote).await?;
    // Of several policies each has stages of its own: one may go on while another, whose deadline holds, does not.
    let turned = state == WindowState::Proposed && ledger.turn(window.id, standing.stage, fact).await?;
    if turned || (state == WindowState::Proposed && plan.is_many()) {
        // Delegates are asked by the loop that knows their absences, once for each.
        let newly = standing.newly_asked(&admitted.before).intersection(&plan.voters()).copied().collect();
        audience::ask(ledger, window, plan, newly, Map::new(), fact).await?;
    }
    Ok(Outcome { number: window.number, state, decision, message: sentence(state, decision, &standing) })
}

/// Counts the votes with today's groups: who left a group no longer counts, who joined counts only after sealing anew.
pub(crate) async fn standing(db: &mut PgConnection, window: &Window, plan: &Plan) -> Result<Standing> {
    Ok(tally(db, window, plan).await?.1)
}

/// The same, with those who could vote by each policy of the plan.
pub(crate) async fn tally<'p>(db: &mut PgConnection, window: &Window, plan: &'p Plan) -> Result<(Polls<'p>, Standing)> {
    let today = store::groups::of_plan(db, plan, None).await?;
    let stand_ins = stand_ins(db, window, plan).await?;
    let votes = votes(db, window).await?;
    let polls = plan.today(&today, &window.escalated).with_stand_ins(&stand_ins);
    let standing = polls.count(&votes);
    Ok((polls, standing))
}

/// Who votes in whose place on the newest plan.
pub(super) async fn stand_ins(db: &mut PgConnection, window: &Window, plan: &Plan) -> Result<Vec<StandIn>> {
    let voters = plan.voters();
    let plan = Counting { window: window.id, digest: window.digest, team: window.team, voters: &voters };
    store::stand_ins::of(db, &plan).await
}

/// Counts the same votes on one database by another policy than the one that was sealed for it.
pub(crate) async fn standing_by(
    db: &mut PgConnection,
    window: &Window,
    plan: &Plan,
    (target, eligible): (&PlanTarget, &Eligible),
    policy: &Policy,
) -> Result<Standing> {
    let today = store::groups::eligible(db, target.id, window.team, &policy.groups()).await?;
    let contributors = store::windows::contributors(db, window.id).await?;
    let stand_ins = stand_ins(db, window, plan).await?;
    let roll = Roll::against(policy, eligible, &today, &contributors, &window.escalated).with_stand_ins(policy, &stand_ins);
    let votes = votes(db, window).await?;
    Ok(approval::count(policy, &roll, &votes).or_pre_approved(policy, plan.risk()))
}

/// The votes that stand on the newest plan.
pub(super) async fn votes(db: &mut PgConnection, window: &Window) -> Result<Vec<StandingVote>> {
    Ok(store::votes::standing(db, window.id, window.digest).await?.into_iter().map(|(_, vote)| vote).collect())
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
    let voters: Vec<String> = standing.voters().iter().map(ToString::to_string).collect();
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

fn sentence(state: WindowState, decision: VoteDecision, standing: &Standing) -> String {
    match (state, decision) {
        (WindowState::Approved, _) => "Your approval was the last one needed: the window is approved.".into(),
        (WindowState::Rejected, _) => "You rejected this window; it will not run.".into(),
        (WindowState::Draft, _) => "Your wish for changes went back to the proposer; nothing runs until a new plan is approved.".into(),
        _ => {
            let missing: usize = standing.lines().iter().map(RuleStanding::missing).sum();
            format!("Your approval was recorded; {missing} more {} needed.", if missing == 1 { "is" } else { "are" })
        }
    }
}
