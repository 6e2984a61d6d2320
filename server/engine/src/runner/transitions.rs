//! Changes of state of a run and its window, each with its fact, its line and the messages it owes.

use super::{Hand, Step, fail_point};
use crate::actions::end_waves::tell_of_end;
use crate::actions::start_gate::{Answer, Asked, ask};
use crate::actions::{audience, end_window};
use crate::error::{Error, Result};
use crate::ledger::{FactRef, Ledger, Line, Settled, Tenure};
use crate::metrics::metrics;
use crate::store::{self, checks::List, runs::Run, windows::Window};
use crate::target::identity::VolatileIdentity;
use crate::transaction;
use crate::wake::{Wake, wake};
use crate::worker::WorkerContext;
use domain::checklist::CheckState;
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::gate::StartPath;
use domain::hold::{HoldCause, HoldVerb};
use domain::ids::RunId;
use domain::notice::NoticeKind;
use domain::permission::Permit;
use domain::plan::Plan;
use domain::run::phase::is_clean;
use domain::run::{Outcome, Phase};
use domain::window::{Ending, WindowState};
use jiff::{SignedDuration, Timestamp};
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

fn about(action: &'static str, run: &Run, window: &Window, plan: &Plan) -> NewFact {
    let fact = NewFact::done(action, "run", run.id).of_window(run.window).of_team(window.team);
    database(plan, run).into_iter().fold(fact, |fact, (key, value)| fact.with(&key, value))
}

/// Which database a run is on, where its window has several.
fn database(plan: &Plan, run: &Run) -> Option<(String, Value)> {
    let lane = plan.lane(run.target).filter(|_| plan.is_many())?;
    Some(("database".to_owned(), lane.short_name.clone().into()))
}

/// The first change is next: the gate is asked for the last time before it, and the window runs. Of several databases the first to begin lets it
/// run; it is told once.
pub(super) async fn begin(hand: &Hand, volatile: &VolatileIdentity, begin_by: Timestamp) -> Result<()> {
    fail_point("before_begin");
    let (tenure, window_id) = (hand.tenure, hand.window);
    let volatile = serde_json::to_value(volatile)?;
    hand.write_with_window("begin_run", move |ledger| {
        let volatile = volatile.clone();
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let asked = Asked { digest: Some(run.digest), own: Some(run.id), ..Asked::before_the_run(StartPath::Begin) };
            let Answer { window, plan, .. } = ask(ledger, window_id, asked).await?.into_open()?;
            let fact =
                about("run.begin", &run, &window, &plan).with("plan_digest", run.digest.hex()).with("volatile_identity", volatile.clone());
            let fact = ledger.fact(fact).await?;
            ledger.begin_run(tenure, &volatile, begin_by).await?;
            let settled = ledger.settle(&window, None, fact).await?;
            if settled.before == WindowState::Approved {
                audience::tell(ledger, &window, &plan, NoticeKind::Started, Map::new(), fact).await?;
            }
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
            write_not_begun(ledger, tenure, &run, &window, &reason).await.map(drop)
        })
    })
    .await?;
    wake(&hand.context.pool, &[Wake::Sealer]).await;
    Ok(())
}

async fn write_not_begun(ledger: &mut Ledger<'_>, tenure: Tenure, run: &Run, window: &Window, reason: &str) -> Result<FactRef> {
    let fact = about("run.end", run, window, &window.plan()?).with("ending", Ending::NotBegun.word()).with("reason", reason);
    let fact = ledger.fact(fact).await?;
    ledger.line(tenure, &Line::new("phase", format!("Not begun: {reason}"))).await?;
    ledger.end_run(tenure, Ending::NotBegun, false, fact).await?;
    Ok(fact)
}

/// The latest start passed while something was red: the window is missed, and says why. Of several databases this one is left out.
pub(super) async fn missed(hand: &Hand, plan: &Plan, reason: &str) -> Result<()> {
    if plan.is_many() {
        return left_out(hand, reason, WindowState::Missed).await;
    }
    end_window::miss_window(&hand.context.pool, &Permit::worker(&hand.context.name), hand.window, reason).await?;
    not_begun(hand, reason).await
}

/// Somebody stopped it before it began: the window is called off. Of several databases this one is left out.
pub(super) async fn called_off(hand: &Hand, plan: &Plan, reason: &str) -> Result<()> {
    if plan.is_many() {
        return left_out(hand, reason, WindowState::Cancelled).await;
    }
    end_window::call_off_window(&hand.context.pool, &Permit::worker(&hand.context.name), hand.window, reason).await?;
    not_begun(hand, reason).await
}

/// One of several databases is not begun. Where none of them has begun and none is left that may, the window ends as `otherwise`.
async fn left_out(hand: &Hand, reason: &str, otherwise: WindowState) -> Result<()> {
    let (tenure, reason) = (hand.tenure, reason.to_owned());
    hand.write_with_window("end_run", move |ledger| {
        let reason = reason.clone();
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let window = store::windows::load(ledger.db(), run.window).await?;
            let fact = write_not_begun(ledger, tenure, &run, &window, &reason).await?;
            if window.revision != run.revision || !window.state.is_live() {
                return Ok(());
            }
            ledger.lane_not_begun(&window, run.target, &reason).await?;
            let settled = ledger.settle(&window, Some(&reason), fact).await?;
            if settled.state == WindowState::Approved && !settled.lanes.iter().any(|row| row.lane.state.is_open()) {
                let kind = if otherwise == WindowState::Missed { NoticeKind::Missed } else { NoticeKind::Cancelled };
                return end_window::finish(ledger, window.id, otherwise, &reason, kind, None).await;
            }
            tell_of_end(ledger, &window, &window.plan()?, &settled, (&reason, Some(Ending::NotBegun)), fact).await
        })
    })
    .await?;
    wake(&hand.context.pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
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

/// Notes that measurements are next. False where somebody asked to hold before: that is done first.
pub(super) async fn probing(hand: &Hand) -> Step<bool> {
    let tenure = hand.tenure;
    let done = hand.write("run_to_probing", move |ledger| {
        Box::pin(async move {
            let done = ledger.run_to_probing(tenure).await?;
            if done {
                ledger.line(tenure, &Line::new("phase", format!("{}.", Phase::Probing.label()))).await?;
            }
            Ok(done)
        })
    });
    Ok(done.await?)
}

/// Stops until a person decides, and tells those who can.
pub(super) async fn hold(hand: &Hand, cause: HoldCause, reason: &str) -> Result<()> {
    let (tenure, reason) = (hand.tenure, reason.to_owned());
    // What was planned is nothing that went wrong.
    let action = if cause == HoldCause::ByHand { "run.by_hand" } else { "run.hold" };
    hand.write_with_window("hold_run", move |ledger| {
        let reason = reason.clone();
        Box::pin(async move {
            let run = store::runs::load(ledger.db(), tenure.run).await?;
            let window = own_window(ledger, &run).await?;
            let plan = window.plan()?;
            let fact = ledger.fact(about(action, &run, &window, &plan).with("reason", reason.clone())).await?;
            ledger.line(tenure, &Line::new("warning", format!("On hold: {reason}"))).await?;
            // What is being undone is not taken up again: only the way to its end is open.
            let verbs: Vec<HoldVerb> = if run.rolling_back { vec![HoldVerb::RollBack, HoldVerb::Fail] } else { cause.verbs().to_vec() };
            ledger.hold_run(tenure, cause, &reason, &verbs, fact).await?;
            ledger.settle(&window, Some(&reason), fact).await?;
            let mut payload =
                Map::from_iter([("reason".to_owned(), Value::from(reason.clone())), ("run".to_owned(), Value::from(run.id.to_string()))]);
            payload.extend(database(&plan, &run));
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
            let plan = window.plan()?;
            match verb {
                HoldVerb::RollBack => ledger.rolling_back(tenure).await?,
                HoldVerb::Validate => ledger.run_phase(tenure, Phase::Probing).await?,
                HoldVerb::Continue | HoldVerb::Fail => {}
            }
            // Rolling back and failing are remembered until they are done: whoever takes over does them too.
            if matches!(verb, HoldVerb::Continue | HoldVerb::Validate) {
                ledger.take_up_decision(tenure).await?;
            }
            // A window of one that goes to its end moves when it is there.
            let moves = plan.is_many() || matches!(verb, HoldVerb::Continue | HoldVerb::RollBack);
            if moves && window.state == WindowState::Hold {
                // Leaving the rest and ending it begin nothing again.
                let action = if matches!(verb, HoldVerb::Continue | HoldVerb::RollBack) { "run.resume" } else { "run.take_up" };
                let fact = ledger.fact(about(action, &run, &window, &plan).with("decision", verb.word())).await?;
                ledger.settle(&window, None, fact).await?;
            }
            ledger.line(tenure, &Line::new("phase", format!("Decided: {}.", verb.label().to_lowercase()))).await
        })
    })
    .await
}

/// Its work is over: it is watched for the time that the plan wants before the next wave. Gives the instant until which.
pub(super) async fn soak(hand: &Hand, soak: SignedDuration, cut_off: Timestamp) -> Result<Timestamp> {
    let tenure = hand.tenure;
    hand.write("soak", move |ledger| {
        Box::pin(async move {
            let until = ledger.soak(tenure, soak.as_secs(), cut_off).await?;
            let words = format!("Watched until {} before the next wave.", until.strftime("%Y-%m-%d %H:%M UTC"));
            ledger.line(tenure, &Line::new("phase", words)).await?;
            Ok(until)
        })
    })
    .await
}

/// Ends the run; its window goes where its lanes put it. A stop that was accepted until then is its end: whether there is one is read under the
/// window's lock, which whoever asks for it takes too.
pub(super) async fn end(hand: &Hand, ending: Ending, reason: &str) -> Result<()> {
    fail_point("before_end");
    let (tenure, reason) = (hand.tenure, reason.to_owned());
    let ending = hand
        .write_with_window("end_run", move |ledger| {
            let reason = reason.clone();
            Box::pin(async move {
                let run = store::runs::load(ledger.db(), tenure.run).await?;
                let window = own_window(ledger, &run).await?;
                let plan = window.plan()?;
                let (ending, reason) = match &run.stop_reason {
                    Some(stop) if matches!(ending, Ending::Finished | Ending::CutOff | Ending::Stopped) => {
                        (Ending::Stopped, format!("{reason} Stopped: {stop}"))
                    }
                    _ => (ending, reason),
                };
                let (settled, fact) = write_end(ledger, tenure, &run, &window, &plan, ending, &reason).await?;
                tell_of_end(ledger, &window, &plan, &settled, (&reason, Some(ending)), fact).await?;
                Ok(ending)
            })
        })
        .await?;
    fail_point("after_end");
    metrics().runs_ended.get_or_create(&[("ending", ending.word())]).inc();
    wake(&hand.context.pool, &[Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

async fn write_end(
    ledger: &mut Ledger<'_>,
    tenure: Tenure,
    run: &Run,
    window: &Window,
    plan: &Plan,
    ending: Ending,
    reason: &str,
) -> Result<(Settled, FactRef)> {
    let items = store::runs::items(ledger.db(), run.id).await?;
    let mut outcomes: Map<String, Value> = Map::new();
    for item in &items {
        let word = item.outcome.map_or("open", Outcome::word);
        let count = outcomes.get(word).and_then(Value::as_u64).unwrap_or(0) + 1;
        outcomes.insert(word.to_owned(), count.into());
    }
    let list = List::of(plan, run.target);
    let checks = store::checks::list(ledger.db(), run.window, run.revision).await?;
    let red = checks.iter().any(|check| list.holds(check) && check.state == CheckState::Failed);
    let outcomes_of: Vec<Option<Outcome>> = items.iter().map(|item| item.outcome).collect();
    let outside = store::by_hand::done(ledger.db(), run.id).await?;
    let undone = plan.procedure.own.as_ref().is_some_and(|own| own.next_outside(None, &outside).is_some());
    let clean = is_clean(ending, &outcomes_of, red) && !undone;
    let fact = about("run.end", run, window, plan).with("ending", ending.word()).with("outcomes", outcomes).with("reason", reason);
    let fact = if plan.is_many() { fact.with("clean", clean) } else { fact };
    let fact = ledger.fact(fact).await?;
    ledger.line(tenure, &Line::new("phase", format!("{}. {reason}", ending.label()))).await?;
    ledger.end_run(tenure, ending, clean, fact).await?;
    let settled = ledger.settle(window, Some(reason), fact).await?;
    // Whoever waits for the end of this run is told of it, and a window of one has nothing else to wait for.
    if !plan.is_many() && !settled.moved() {
        return Err(Error::internal(format!("a run that ended left its window {}", window.state.word())));
    }
    Ok((settled, fact))
}
