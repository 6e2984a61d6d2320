//! Calls other programs, where the procedure says so.
//!
//! That a call is made is on record before the first try, with the id that all tries have: a receiver knows a second one for the same. A worker
//! that dies in between leaves a call that may have had its effect, and whoever takes over makes it again under that id. What nobody answers is
//! not taken for done: a person finds out. What a call began is taken back by another one, however the run ends.

use super::dispatcher::Work;
use super::{Step, fail_point};
use crate::clock;
use crate::error::Error;
use crate::ledger::Line;
use crate::outbound::Outbound;
use crate::receiver::{self, To};
use crate::store::{self, webhooks::Receiver};
use domain::fact::NewFact;
use domain::procedure::Procedure;
use domain::procedure::call::{Call, MOST_TRIES};
use domain::webhook::format::Called;
use std::time::Duration;
use tokio::time::Instant;

/// Between two tries, longer each time.
const PAUSE: Duration = Duration::from_secs(2);

/// Why a step is not done for which another program is called.
#[derive(Debug)]
pub(super) struct No {
    /// It may have had its effect all the same.
    called: bool,
    why: String,
}

impl No {
    /// What the hold for it says.
    pub(super) fn said(&self, call: &Call) -> String {
        let Self { called, why } = self;
        let (receiver, title) = (&call.receiver, &call.title);
        let first = if *called {
            format!("“{receiver}” was called for the step “{title}” and did not say yes. {why}")
        } else {
            format!("“{receiver}” was not called for the step “{title}”. {why}")
        };
        format!("{first} Find out whether it is done: {} Then choose to go on, and say whether it is to be called again.", call.does)
    }
}

/// Makes a call until the receiver says yes, at most [`MOST_TRIES`] times. The inner error says why it did not.
pub(super) async fn call(work: &Work, call: &Call) -> Step<Result<(), No>> {
    let receiver = {
        let mut db = work.hand.context.pool.acquire().await?;
        receiver::registered(store::webhooks::receivers(&mut db, &call.receiver).await?, call).and_then(|receiver| meant(work, receiver))
    };
    // Also where nobody can be called: whoever finds out may say that it is done.
    ask(work, call).await?;
    fail_point("after_ask_call");
    let receiver = match receiver {
        Ok(receiver) => receiver,
        Err(why) => return Ok(Err(No { called: false, why })),
    };
    let outbound = match Outbound::new(work.hand.context.config.outbound.clone()) {
        Ok(outbound) => outbound,
        Err(error) => return Ok(Err(No { called: false, why: format!("This worker calls nobody: {error}.") })),
    };
    line(work, format!("“{}”: calls “{}” at {}.", call.title, call.receiver, call.origin)).await?;
    let mut why = String::new();
    for number in 1..=MOST_TRIES {
        work.go_on()?;
        let answer = once(work, call, &receiver, &outbound).await?;
        let taken = answer.as_ref().is_ok_and(|status| (200..300).contains(status));
        why = match &answer {
            Ok(status) => receiver::verdict(*status),
            Err(fault) => fault.clone(),
        };
        if taken {
            fail_point("after_call");
            done(work, call, &why).await?;
            return Ok(Ok(()));
        }
        work.feed.line(Line::new("warning", format!("“{}”, try {number} of {MOST_TRIES}: {why}", call.title)));
        // A refusal is an answer: asking again changes nothing.
        if answer.is_ok_and(|status| (300..500).contains(&status) && status != 408 && status != 429) {
            break;
        }
        if work.lease.stop_asked() && call.closes.is_none() {
            break;
        }
        if number < MOST_TRIES {
            pause(work, PAUSE * number).await?;
        }
    }
    Ok(Err(No { called: true, why }))
}

/// Makes the calls that take back what was begun. Gives a sentence for each that nobody answered.
pub(super) async fn close(work: &Work, procedure: &Procedure) -> Step<Vec<String>> {
    let calls = {
        let mut db = work.hand.context.pool.acquire().await?;
        store::run_calls::calls(&mut db, work.run.id).await?
    };
    let mut said = Vec::new();
    for one in procedure.calls_to_close(&calls.asked, &calls.done) {
        if let Err(No { called, why }) = call(work, one).await? {
            let verb = if called { "did not say yes" } else { "was not called" };
            said.push(format!("NOT taken back: “{}” {verb} for “{}”. {why} By hand: {}", one.receiver, one.title, one.back));
        }
    }
    Ok(said)
}

/// A receiver that an administrator keeps for one team or environment is called for no other one: a rehearsal on a copy closes no shop.
fn meant(work: &Work, receiver: Receiver) -> Result<Receiver, String> {
    let lane = work.plan.lane(work.run.target);
    let of_team = receiver.filter.team.is_none_or(|team| lane.is_some_and(|lane| lane.team == team));
    let of_environment = receiver.filter.environment.as_ref().is_none_or(|word| lane.is_some_and(|lane| lane.environment == *word));
    if of_team && of_environment {
        return Ok(receiver);
    }
    Err(format!("It is kept for windows of another {}.", if of_team { "environment" } else { "team" }))
}

/// One try: the status that came back, or why none did.
async fn once(work: &Work, call: &Call, receiver: &Receiver, outbound: &Outbound) -> Step<Result<u16, String>> {
    let context = &work.hand.context;
    let (id, window) = {
        let mut db = context.pool.acquire().await?;
        let id = store::run_calls::id(&mut db, work.run.id, &call.key).await?;
        (format!("msg_{}", id.simple()), store::windows::load(&mut db, work.run.window).await?)
    };
    let lane = work.plan.lane(work.run.target).ok_or_else(|| Error::internal("a run on a database that its plan does not name"))?;
    let called = Called {
        id: &id,
        at: work.now().await?,
        base: context.config.public_url.as_str().trim_end_matches('/'),
        run: &work.run.id.to_string(),
        step: &call.key,
        title: &call.title,
        window: window.number,
        end_at: work.plan.times.end,
        database: &lane.short_name,
        environment: &lane.environment,
    };
    let body = serde_json::to_vec(&called.body()).map_err(Error::from)?;
    let to = To { webhook: receiver.id, url: &receiver.url, format: receiver.format };
    match work.unless_over(receiver::post(context, outbound, to, &id, body)).await? {
        Ok(answer) => Ok(answer.map(|reply| reply.status)),
        Err(Error::Database(error)) => Err(Error::Database(error).into()),
        Err(error) => {
            tracing::warn!(run = %work.run.id, step = call.key, %error, "a receiver could not be called");
            Ok(Err(
                "This worker cannot open its address or its secret. Type the address again and make a new secret, on the page Webhooks."
                    .to_owned(),
            ))
        }
    }
}

/// On record before the first try.
async fn ask(work: &Work, call: &Call) -> Step<()> {
    let (tenure, key, id) = (work.hand.tenure, call.key.clone(), clock::new_id::<uuid::Uuid>());
    let written = work.hand.write("ask_call", move |ledger| {
        let key = key.clone();
        Box::pin(async move { ledger.ask_call(tenure, &key, id).await })
    });
    Ok(written.await?)
}

/// A line of the run's page, in its place among the others.
pub(super) async fn line(work: &Work, said: String) -> Step<()> {
    let tenure = work.hand.tenure;
    let written = work.hand.write("run_line", move |ledger| {
        let line = Line::new("phase", said.clone());
        Box::pin(async move { ledger.line(tenure, &line).await })
    });
    Ok(written.await?)
}

/// The receiver said yes.
async fn done(work: &Work, call: &Call, said: &str) -> Step<()> {
    let (tenure, run, team) = (work.hand.tenure, work.run.clone(), work.plan.target().team);
    let (call, said) = (call.clone(), said.to_owned());
    let written = work.hand.write("call_done", move |ledger| {
        let (run, call, said) = (run.clone(), call.clone(), said.clone());
        Box::pin(async move {
            let fact = NewFact::done("run.call", "run", run.id)
                .of_window(run.window)
                .of_team(team)
                .with("step", call.title.clone())
                .with("receiver", call.receiver.clone())
                .with("origin", call.origin.clone())
                .with("said", said.clone());
            ledger.fact(fact).await?;
            ledger.call_done(run.id, &call.key, &said).await?;
            ledger.line(tenure, &Line::new("outcome", format!("“{}”: {said}", call.title))).await
        })
    });
    Ok(written.await?)
}

async fn pause(work: &Work, pause: Duration) -> Step<()> {
    let until = Instant::now() + pause;
    while Instant::now() < until {
        work.go_on()?;
        work.lease.pause(until.saturating_duration_since(Instant::now()).min(Duration::from_secs(1))).await;
    }
    Ok(())
}
