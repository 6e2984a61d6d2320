//! Before a decision is written: the window is locked, its plan read, and everything is asked that speaks against a decision of this person now.

use super::cast_vote::stand_ins;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store;
use crate::store::votes::Link;
use crate::store::windows::Window;
use domain::approval::{self, Polls, Standing, StandingVote, VoteDecision};
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::ids::PersonId;
use domain::permission::Permit;
use domain::plan::Plan;
use domain::window::WindowState;
use jiff::Timestamp;
use sqlx::PgConnection;

/// What is decided on: nobody changes it before this transaction ends.
pub(super) struct Ballot {
    /// The window as it stands.
    pub(super) window: Window,
    /// Its newest plan.
    pub(super) plan: Plan,
    state: WindowState,
}

/// The link with this secret, what it decides on, and the right that it gives; [`Error::NotFound`] for every other secret.
pub(super) async fn of_link(db: &mut PgConnection, secret: &str) -> Result<(Link, Window, Permit)> {
    let link = store::votes::link(db, secret).await?.filter(|link| link.purpose == "approve").ok_or(Error::NotFound)?;
    let window = store::windows::load(db, link.window.ok_or(Error::NotFound)?).await?;
    let permit = Permit::link(link.person, link.id);
    Ok((link, window, permit))
}

/// Somebody who may decide.
pub(super) struct Admitted<'b> {
    /// Who.
    pub(super) person: PersonId,
    /// By which policies of the plan their vote counts, also in the place of somebody else, as the page shows it: by today's groups; as it was
    /// sealed where none asks them any more.
    pub(super) polls: Polls<'b>,
    /// The count before.
    pub(super) before: Standing,
}

impl Ballot {
    pub(super) async fn lock(ledger: &mut Ledger<'_>, window: Window) -> Result<Self> {
        let (state, revision) = ledger.lock_window(window.id).await?;
        let same = revision == window.revision && state == window.state;
        let window = if same { window } else { store::windows::load(ledger.db(), window.id).await? };
        let plan = window.plan()?;
        Ok(Self { window, plan, state })
    }

    /// Refused with what stands against it. `digest` is the one of the page that was looked at.
    pub(super) async fn admit(&self, ledger: &mut Ledger<'_>, digest: &str, decision: VoteDecision) -> Result<Admitted<'_>> {
        let person = ledger.permit().person().ok_or_else(|| Error::internal("a vote is cast by a person"))?;
        let Self { window, plan, state } = self;
        if let Err(refusal) = may_decide(*state, window, digest) {
            return Err(self.after(ledger, person, decision, refusal).await?.into());
        }
        in_time(window, decision, store::runs::now(ledger.db()).await?)?;
        let contributors = store::windows::contributors(ledger.db(), window.id).await?;
        let mut votes = store::votes::standing(ledger.db(), window.id, window.digest).await?;
        // A no to one window is heard from whoever approved the dates of its series together, and stands in the place of that approval.
        if decision != VoteDecision::Approve
            && store::series_digests::voted_with(ledger.db(), window.id, window.digest, person).await?.is_some()
        {
            votes.retain(|(_, vote)| vote.person != person);
        }
        let already = votes.iter().map(|(_, vote)| vote).find(|vote| vote.person == person);
        let stand_ins = stand_ins(ledger.db(), window, plan).await?;
        let polls = plan.as_sealed(&window.escalated).with_stand_ins(&stand_ins);
        approval::may_vote(person, &contributors, &polls.eligible(), already)?;
        store::voices::one(ledger.db(), window.id, person).await?.heard()?;
        let today = store::groups::of_plan(ledger.db(), plan, None).await?;
        let cast: Vec<StandingVote> = votes.into_iter().map(|(_, vote)| vote).collect();
        let now = plan.today(&today, &window.escalated).with_stand_ins(&stand_ins);
        polls.in_turn(&now, &cast, person, decision)?;
        let before = now.count(&cast);
        Ok(Admitted { person, polls: if now.asked().contains(&person) { now } else { polls }, before })
    }

    /// What somebody reads who comes too late: that this decision was counted already, or that another one of theirs was.
    async fn after(&self, ledger: &mut Ledger<'_>, person: PersonId, decision: VoteDecision, refusal: Refusal) -> Result<Refusal> {
        let votes = store::votes::standing(ledger.db(), self.window.id, self.window.digest).await?;
        let Some((_, vote)) = votes.iter().find(|(_, vote)| vote.person == person).filter(|_| refusal.code == "moved_on") else {
            return Ok(refusal);
        };
        let now = self.state.label();
        if vote.decision == decision {
            let message = format!("Your decision was counted already, and this window is “{now}” now.");
            return Ok(Refusal::new("already_voted", message, "Its page shows your decision with the others."));
        }
        let stands = vote.decision.label().to_lowercase();
        let message = format!("This was not counted: you have “{stands}” on record, and this window is “{now}” now.");
        Ok(Refusal::new("moved_on", message, "If it must not go on, its page says what can still be done about it."))
    }
}

fn may_decide(state: WindowState, window: &Window, digest: &str) -> Result<(), Refusal> {
    if Digest::from_hex(digest.trim()) != Some(window.digest) {
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
