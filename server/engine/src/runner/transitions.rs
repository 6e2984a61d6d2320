//! Changes of state of a run and its window, each with its fact, its line and the messages it owes.

use super::{Hand, Step, fail_point};
use crate::actions::start_gate::{Answer, Asked, ask};
use crate::actions::{audience, end_window};
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger, Line, Tenure};
use crate::metrics::metrics;
use crate::store::{self, runs::Run, windows::Window};
use crate::target::identity::VolatileIdentity;
use crate::transaction;
use crate::wake::{Wake, wake};
use crate::worker::WorkerContext;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::gate::StartPath;
use domain::hold::{HoldCause, HoldVerb};
use domain::ids::RunId;
use domain::notice::NoticeKind;
use domain::permission::Permit;
use domain::run::Phase;
use domain::window::{Ending, WindowState};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::time::Instant;

/// A run that was just taken.
#[derive(Debug)]
pub(super) struct Claimed {
    /// Under which epoch.
    pub tenure: Tenure,
    /// When the claim was sent: the trust counts from there.
    pub sent: Instant,
    /// The run as it was found.
    pub run: Run,
}

/// Takes a run under the next epoch; `None` when somebody was faster.
pub(super) async fn claim(context: &WorkerContext, id: RunId) -> Result<Option<Claimed>> {
    let (name, sent) = (Arc::clone(&context.name), Instant::now());
    let claimed = transaction::run(&context.pool, "claim_run", move |db| {
        let name = Arc::clone(&name);
        Box::pin(async move {
            let permit = Permit::worker(&name);
            let mut ledger = Ledger::open(db, &permit, "claim");
            let Some(epoch) = ledger.lock_claimable(id).await? else { return Ok(None) };
            let run = store::runs::load(ledger.db(), id).await?;
            let window = store::windows::load(ledger.db(), run.window).await?;
            let fact = NewFact::done("run.claim", "run", id)
                .of_window(run.window)
                .of_team(window.team)
                .with("epoch", epoch + 1)
                .with("found", run.state.word());
            let fact = ledger.fact(fact).await?;
            let tenure = ledger.claim_run(id, epoch, &name, fact).await?;
            let line = match epoch {
                0 => format!("Worker {name} has taken the run."),
                _ => format!("Worker {name} has taken the run over (epoch {}).", tenure.epoch),
            };
            ledger.line(tenure, &Line::new("session", line)).await?;
            fail_point("in_claim");
            Ok(Some((tenure, run)))
        })
    })
    .await?;
    fail_point("after_claim");
    if let Some((tenure, _)) = &claimed {
        let how = if tenure.epoch == 1 { "fresh" } else { "taken_over" };
        metrics().claims.get_or_create(&[("how", how)]).inc();
    }
    Ok(claimed.map(|(tenure, run)| Claimed { tenure, sent, run }))
}

/// The window of a run while it is held by [`Ledger::keep`], and only if it is still at the run's revision.
async fn own_window(ledger: &mut Ledger<'_>, run: &Run) -> Result<Window> {
    let window = store::windows::load(ledger.db(), run.window).await?;
    if window.revision != run.revision {
        return Err(Refusal::new("moved_on", "The window was edited meanwhile.", "").into());
    }
    Ok(window)
}

fn about(action: &'static str, run: &Run, window: &Window) -> NewFact {
    NewFact::done(action, "run", run.id).of_window(run.window).of_team(window.team)
}

/// The first change is next: the gate is asked for the last time before it, and the window runs.
pub(super) async fn begin(hand: &Hand, volatile: &VolatileIdentity, difference: Option<String>, red: Vec<String>) -> Result<()> {
    fail_point("before_begin");
    let (tenure, window_id) = (hand.tenure, hand.window);
    let volatile = serde_json::to_value(volatile)?;
    hand.write_with_window("begin_run", move |ledger| {
        let (volatile, difference, red) = (volatile.clone(), difference.clone(), red.clone());
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let asked = Asked {
                path: StartPath::Begin,
                digest: Some(run.digest),
                own: Some(run.id),
                identity_difference: difference.as_deref(),
                red_checks: &red,
            };
            let Answer { window, plan, .. } = ask(ledger, window_id, asked).await?.into_open()?;
            let fact = about("run.begin", &run, &window).with("plan_digest", run.digest.hex()).with("volatile_identity", volatile.clone());
            let fact = ledger.fact(fact).await?;
            ledger.begin_run(tenure, &volatile).await?;
            ledger.move_window(window.id, window.revision, WindowState::Approved, WindowState::Running, None, fact).await?;
            audience::tell(ledger, &window, &plan, NoticeKind::Started, Map::new(), fact).await?;
            ledger.line(tenure, &Line::new("phase", "The pre-checks are green; the run begins.")).await
        })
    })
    .await?;
    fail_point("after_begin");
    wake(&hand.context.pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

/// The run never began: its window was missed, called off or edited. Nothing was changed on the database.
pub(super) async fn not_begun(hand: &Hand, reason: &str) -> Result<()> {
    let (tenure, reason) = (hand.tenure, reason.to_owned());
    hand.write("end_run", move |ledger| {
        let reason = reason.clone();
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let window = store::windows::load(ledger.db(), run.window).await?;
            let fact =
                ledger.fact(about("run.end", &run, &window).with("ending", Ending::NotBegun.word()).with("reason", reason.clone())).await?;
            ledger.line(tenure, &Line::new("phase", format!("Not begun: {reason}"))).await?;
            ledger.end_run(tenure, Ending::NotBegun, fact).await
        })
    })
    .await?;
    wake(&hand.context.pool, &[Wake::Sealer]).await;
    Ok(())
}

/// The latest start passed while something was red: the window is missed, and says why.
pub(super) async fn missed(hand: &Hand, reason: &str) -> Result<()> {
    end_window::miss_window(&hand.context.pool, &Permit::worker(&hand.context.name), hand.window, reason).await?;
    not_begun(hand, reason).await
}

/// Somebody stopped it before it began: the window is called off.
pub(super) async fn called_off(hand: &Hand, reason: &str) -> Result<()> {
    end_window::call_off_window(&hand.context.pool, &Permit::worker(&hand.context.name), hand.window, reason).await?;
    not_begun(hand, reason).await
}

/// Notes the next phase.
pub(super) async fn phase(hand: &Hand, phase: Phase) -> Step<()> {
    let tenure = hand.tenure;
    let done = hand.write("run_phase", move |ledger| {
        Box::pin(async move {
            ledger.run_phase(tenure, phase).await?;
            ledger.line(tenure, &Line::new("phase", format!("{}.", phase.label()))).await
        })
    });
    Ok(done.await?)
}

/// Stops until a person decides, and tells those who can.
pub(super) async fn hold(hand: &Hand, cause: HoldCause, reason: &str) -> Result<()> {
    let (tenure, reason) = (hand.tenure, reason.to_owned());
    hand.write_with_window("hold_run", move |ledger| {
        let reason = reason.clone();
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let window = own_window(ledger, &run).await?;
            let plan = window.plan()?;
            let fact = ledger.fact(about("run.hold", &run, &window).with("reason", reason.clone())).await?;
            ledger.line(tenure, &Line::new("warning", format!("On hold: {reason}"))).await?;
            // What is being undone is not taken up again: only the way to its end is open.
            let verbs: Vec<HoldVerb> = match window.state {
                WindowState::RollingBack => vec![HoldVerb::RollBack, HoldVerb::Fail],
                _ => cause.verbs().to_vec(),
            };
            ledger.hold_run(tenure, &reason, &verbs, fact).await?;
            if window.state == WindowState::Running {
                ledger.move_window(window.id, window.revision, WindowState::Running, WindowState::Hold, Some(&reason), fact).await?;
            }
            let payload =
                Map::from_iter([("reason".to_owned(), Value::from(reason.clone())), ("run".to_owned(), Value::from(run.id.to_string()))]);
            audience::tell(ledger, &window, &plan, NoticeKind::Held, payload, fact).await?;
            Ok(())
        })
    })
    .await?;
    wake(&hand.context.pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

/// Takes up what a person decided on a held run; says what it was.
pub(super) async fn take_up(hand: &Hand, verb: HoldVerb) -> Result<()> {
    let tenure = hand.tenure;
    hand.write_with_window("take_up_decision", move |ledger| {
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let window = own_window(ledger, &run).await?;
            let to = match verb {
                HoldVerb::Continue => Some(WindowState::Running),
                HoldVerb::RollBack => Some(WindowState::RollingBack),
                HoldVerb::Validate | HoldVerb::Fail => None,
            };
            if let Some(to) = to
                && window.state == WindowState::Hold
            {
                let fact = ledger.fact(about("run.resume", &run, &window).with("decision", verb.word())).await?;
                ledger.move_window(window.id, window.revision, WindowState::Hold, to, None, fact).await?;
            }
            if verb == HoldVerb::Validate {
                ledger.run_phase(tenure, Phase::Probing).await?;
            }
            ledger.line(tenure, &Line::new("phase", format!("Decided: {}.", verb.label().to_lowercase()))).await?;
            // Rolling back and failing are remembered until they are done: whoever takes over does them too.
            if matches!(verb, HoldVerb::Continue | HoldVerb::Validate) {
                ledger.take_up_decision(tenure).await?;
            }
            Ok(())
        })
    })
    .await
}

/// How a run ends, and where its window goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The run's ending.
    pub ending: Ending,
    /// The window's next state.
    pub to: WindowState,
    /// What people are told.
    pub kind: NoticeKind,
}

impl End {
    /// The work is over; the list is ticked next.
    pub(super) fn validate(ending: Ending) -> Self {
        Self { ending, to: WindowState::Validating, kind: NoticeKind::Validating }
    }
    /// It failed.
    pub(super) const FAILED: Self = Self { ending: Ending::Failed, to: WindowState::Failed, kind: NoticeKind::Failed };
    /// It was cleaned up and rolled back.
    pub(super) const ROLLED_BACK: Self = Self { ending: Ending::RolledBack, to: WindowState::RolledBack, kind: NoticeKind::Failed };
}

/// Ends the run and moves its window on.
pub(super) async fn end(hand: &Hand, end: End, reason: &str) -> Result<()> {
    fail_point("before_end");
    let (tenure, reason) = (hand.tenure, reason.to_owned());
    hand.write_with_window("end_run", move |ledger| {
        let reason = reason.clone();
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let window = own_window(ledger, &run).await?;
            let plan = window.plan()?;
            let fact = write_end(ledger, tenure, &run, &window, end, &reason).await?;
            let payload =
                Map::from_iter([("reason".to_owned(), Value::from(reason.clone())), ("ending".to_owned(), Value::from(end.ending.word()))]);
            audience::tell(ledger, &window, &plan, end.kind, payload, fact).await?;
            Ok(())
        })
    })
    .await?;
    fail_point("after_end");
    metrics().runs_ended.get_or_create(&[("ending", end.ending.word())]).inc();
    wake(&hand.context.pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

async fn write_end(ledger: &mut Ledger<'_>, tenure: Tenure, run: &Run, window: &Window, end: End, reason: &str) -> Result<FactRef> {
    let items = store::runs::items(ledger.db(), run.id).await?;
    let mut outcomes: Map<String, Value> = Map::new();
    for item in &items {
        let word = item.outcome.map_or("open", domain::run::Outcome::word);
        let count = outcomes.get(word).and_then(Value::as_u64).unwrap_or(0) + 1;
        outcomes.insert(word.to_owned(), count.into());
    }
    let fact = about("run.end", run, window).with("ending", end.ending.word()).with("outcomes", outcomes).with("reason", reason);
    let fact = ledger.fact(fact).await?;
    ledger.line(tenure, &Line::new("phase", format!("{}. {reason}", end.ending.label()))).await?;
    ledger.end_run(tenure, end.ending, fact).await?;
    if !window.state.moves().contains(&end.to) {
        return Err(Error::internal(format!("a window that is {} cannot become {}", window.state.word(), end.to.word())));
    }
    ledger.move_window(window.id, window.revision, window.state, end.to, Some(reason), fact).await?;
    Ok(fact)
}
