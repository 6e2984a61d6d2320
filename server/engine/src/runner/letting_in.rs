//! Lets in again whom a run kept out, however it ends.
//!
//! A pass over a run begins and ends with everybody in: so a hold, a hand-over and an interruption let them in, and whoever goes on shuts them
//! anew. Where the server could not be reached for that, whichever worker is there tries it again until it is done.

use super::control::epoch;
use super::dispatcher::Work;
use super::keep_out::{asked, left, oids};
use super::{Halt, Step, fail_point};
use crate::error::{Error, Result};
use crate::ledger::{Ledger, Line, Tenure};
use crate::store;
use crate::store::kept_out::KeptOut;
use crate::target::connect::Dialer;
use crate::target::fence;
use crate::target::identity::StableIdentity;
use crate::target::keep_out as target;
use crate::target::postgres::stop;
use crate::target::session::{Session, SessionName};
use crate::transaction;
use crate::wake::Wake;
use crate::worker::{WorkerContext, address};
use domain::change::KeepOut;
use domain::fact::NewFact;
use domain::ids::{RunId, TargetId};
use domain::permission::Permit;
use domain::procedure::text::plural;
use std::time::Duration;
use tokio::time::Instant;

/// Letting everybody in is tried this often before the run goes on without it.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// One try takes no longer: its run's row may be kept meanwhile, and a connection to the state database that idles so is cut after 10 s.
const TRY_WITHIN: Duration = Duration::from_secs(8);
/// The one try where something else is wrong already, or this worker stops: others go on trying.
const ONCE_WITHIN: Duration = Duration::from_secs(2);
/// A session of ours that is told to end is gone within this time.
const ENDS_SOON: Duration = Duration::from_secs(3);
/// How often it is looked for those whom nobody has let in.
const MIND_EVERY: Duration = Duration::from_secs(5);

/// Lets in whom this run keeps out, and puts on record that they are. Where that fails, the next pass tries it again.
pub(super) async fn let_in(work: &Work) -> Step<()> {
    let_in_by(work, 1, TRY_WITHIN).await
}

async fn let_in_by(work: &Work, tries: u32, within: Duration) -> Step<()> {
    if asked(work).is_none() {
        return Ok(());
    }
    let kept = left(work).await?;
    if kept.is_empty() {
        return Ok(());
    }
    fail_point("before_let_in");
    let mut why = String::new();
    for number in 1..=tries {
        if !work.lease.is_trusted() {
            return Err(Halt::Lost);
        }
        let place = Place { run: work.run.id, epoch: epoch(work), target: work.run.target, approved: &work.approved };
        let tried = tokio::select! {
            tried = place.let_in(&work.hand.context, &kept, within) => tried,
            () = work.lease.lost() => return Err(Halt::Lost),
        };
        match tried {
            Ok(said) => {
                fail_point("after_let_in");
                return record(work, said).await;
            }
            Err(error) => why = error.to_string(),
        }
        if number < tries {
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
    Err(Halt::Again(Error::internal(not_in(&kept, &why))))
}

/// What is said where they are still out.
fn not_in(kept: &[KeptOut], why: &str) -> String {
    let names: Vec<String> = kept.iter().filter(|account| account.could_sign_in).map(|account| account.account.clone()).collect();
    let out = KeepOut { accounts: names.clone(), wait_min: 1, ends: false };
    format!(
        "Accounts that were kept out could NOT be let in yet: {}. {why} It is tried again until it is done. By hand: {}",
        domain::people::visible(&out.names()),
        domain::people::visible(&KeepOut::by_hand(&names))
    )
}

async fn record(work: &Work, said: Vec<(KeptOut, String)>) -> Step<()> {
    let (tenure, run, team) = (work.hand.tenure, work.run.clone(), work.plan.target().team);
    let written = work.hand.write("let_in", move |ledger| {
        let (run, said) = (run.clone(), said.clone());
        Box::pin(async move {
            let fact = NewFact::done("run.let_in", "run", run.id).of_window(run.window).of_team(team);
            let line = write(ledger, fact, run.id, &said).await?;
            ledger.line(tenure, &Line::new("phase", line)).await
        })
    });
    Ok(written.await?)
}

/// The rows and the fact; gives the line for the page.
async fn write(ledger: &mut Ledger<'_>, fact: NewFact, run: RunId, said: &[(KeptOut, String)]) -> Result<String> {
    let words: Vec<String> = said.iter().map(|(account, said)| format!("{}: {said}", account.account)).collect();
    ledger.fact(fact.with("accounts", words.join("; "))).await?;
    for (account, said) in said {
        ledger.let_in(run, account, said).await?;
    }
    Ok(format!("As before: {}.", domain::people::visible(&words.join("; "))))
}

/// Where somebody is let in.
struct Place<'p> {
    run: RunId,
    epoch: u64,
    target: TargetId,
    approved: &'p StableIdentity,
}

impl Place<'_> {
    /// Gives each what it could do before, sees that it can, and ends the guard. Says of each how that came.
    async fn let_in(&self, context: &WorkerContext, kept: &[KeptOut], within: Duration) -> Result<Vec<(KeptOut, String)>> {
        let trying = tokio::time::timeout(within, self.try_to_let_in(context, kept));
        trying.await.unwrap_or_else(|_| {
            Err(Error::internal(format!("The server did not answer within {}.", plural(within.as_secs(), "second", "seconds"))))
        })
    }

    async fn try_to_let_in(&self, context: &WorkerContext, kept: &[KeptOut]) -> Result<Vec<(KeptOut, String)>> {
        let (_, address) = address(context, self.target).await?;
        let dialer = Dialer::new(address).await.map_err(Error::internal)?;
        let name = SessionName::door(self.run, self.epoch).map_err(Error::internal)?;
        let session = Session::open(&dialer, name, &target::short_statements()).await.map_err(Error::internal)?;
        // Accounts belong to the server: its database may be another one by now.
        if session.identity.stable.system_identifier != self.approved.system_identifier {
            return Err(Error::internal("Another server than the one of the plan answers."));
        }
        if session.identity.volatile.in_recovery {
            return Err(Error::internal("A standby answers, which shows what was, and changes nothing."));
        }
        let later = |old: &fence::OldSession| old.name.epoch() > self.epoch;
        if fence::sessions_of(&session.link, self.run).await.map_err(Error::internal)?.iter().any(later) {
            return Err(Error::internal("Another worker has the run now."));
        }
        // One that still shuts somebody would do so after we have looked.
        self.end(&session, |name| !name.is_guard() && name.is_door()).await?;
        let before = target::can_sign_in(&session.link, &oids(kept)).await.map_err(Error::internal)?;
        let mut failed = None;
        for (oid, name, can) in &before {
            if !can && kept.iter().any(|account| account.oid == *oid && account.could_sign_in) {
                // One that cannot be let in keeps out no other one.
                failed = failed.or(target::let_in(&session.link, name).await.err());
            }
        }
        if let Some(error) = failed {
            return Err(Error::internal(error));
        }
        let after = target::can_sign_in(&session.link, &oids(kept)).await.map_err(Error::internal)?;
        let can = |of: &[(u32, String, bool)], oid: u32| of.iter().find(|(one, ..)| *one == oid).map(|(_, _, can)| *can);
        let mut said = Vec::new();
        for account in kept {
            let words = match (account.could_sign_in, can(&before, account.oid), can(&after, account.oid)) {
                (_, _, None) => "is gone from the server",
                (false, ..) => "could not sign in before, and was left so",
                (true, Some(true), Some(true)) => "was let in already",
                (true, _, Some(true)) => "let in",
                (true, _, Some(false)) => return Err(Error::internal(format!("{} still cannot sign in.", account.account))),
            };
            said.push((account.clone(), words.to_owned()));
        }
        // What is shut next must not be let in by a guard of the time before.
        self.end(&session, |name| name.is_guard()).await?;
        Ok(said)
    }

    /// Ends these sessions of the run, and sees that they are gone; those of a later owner are not touched.
    async fn end(&self, session: &Session, which: impl Fn(&SessionName) -> bool) -> Result<()> {
        for old in fence::sessions_of(&session.link, self.run).await.map_err(Error::internal)? {
            let meant = which(&old.name) && old.name.epoch() <= self.epoch;
            if meant && !stop::end(&session.link, old.backend, ENDS_SOON).await.map_err(Error::internal)? {
                return Err(Error::internal(format!("A session of an earlier time (process {}) does not end.", old.backend.pid)));
            }
        }
        Ok(())
    }
}

/// The end of a pass: everybody is in before a person is asked, before another worker goes on, and before it is tried again.
pub(super) async fn after(work: &Work, done: Step<()>) -> Step<()> {
    // Whoever has the lease now lets them in; until then the guard does.
    if asked(work).is_none() || matches!(done, Err(Halt::Lost)) {
        return done;
    }
    let (tries, within) = match done {
        Err(Halt::Again(_) | Halt::HandOver) => (1, ONCE_WITHIN),
        _ => (TRIES, TRY_WITHIN),
    };
    match (let_in_by(work, tries, within).await, done) {
        (Err(Halt::Again(error)), Err(Halt::Hold(cause, reason))) => Err(Halt::Hold(cause, format!("{reason} {error}"))),
        // The run is over: what is left is done by whoever minds those.
        (Err(halt), Ok(())) => {
            tracing::error!(run = %work.run.id, ?halt, "accounts that were kept out are not let in yet");
            Ok(())
        }
        (_, done) => done,
    }
}

/// What a run says that ends and could not let everybody in; empty where all are in.
pub(super) async fn still_out(work: &Work) -> Step<Option<String>> {
    match let_in_by(work, TRIES, TRY_WITHIN).await {
        Ok(()) => Ok(None),
        Err(Halt::Again(error)) => Ok(Some(error.to_string())),
        Err(halt) => Err(halt),
    }
}

/// The loop: lets in whom runs keep out that nobody works on, as often as it takes.
pub async fn mind(context: WorkerContext) -> Result<()> {
    let mut bell = context.bell(Wake::Runner);
    let mut next: Option<Instant> = None;
    loop {
        // Wake-ups of the runner are many; servers that do not answer are not asked at each of them.
        if next.is_none_or(|next| Instant::now() >= next) {
            next = Some(Instant::now() + MIND_EVERY);
            let mut db = context.pool.acquire().await?;
            let forgotten = store::kept_out::forgotten(&mut db).await?;
            drop(db);
            for (run, target) in forgotten {
                if let Err(error) = remember(&context, run, target).await {
                    tracing::warn!(%run, %error, "accounts that a run kept out could not be let in; it is tried again");
                }
            }
        }
        if !bell.wait(MIND_EVERY).await {
            return Ok(());
        }
    }
}

/// The run's row is kept meanwhile: nobody begins to work on it, and shuts them anew, while they are let in.
async fn remember(context: &WorkerContext, run: RunId, target: TargetId) -> Result<()> {
    let (own, name) = (context.clone(), context.name.clone());
    transaction::run(&context.pool, "let_in_late", move |db| {
        let (context, name) = (own.clone(), name.clone());
        Box::pin(async move {
            if !store::kept_out::take(db, run).await? {
                return Ok(());
            }
            let kept = store::kept_out::left(db, run).await?;
            let loaded = store::runs::load(db, run).await?;
            let bytes = store::runs::plan_bytes(db, loaded.window, loaded.digest).await?;
            let plan = domain::plan::Plan::open(&bytes, loaded.digest).map_err(Error::internal)?;
            let approved: StableIdentity = match plan.lane(target) {
                Some(lane) => serde_json::from_value(lane.identity.clone())?,
                None => return Err(Error::internal("a run on a database that its plan does not name")),
            };
            let place = Place { run, epoch: u64::try_from(loaded.epoch).unwrap_or_default(), target, approved: &approved };
            let said = place.let_in(&context, &kept, TRY_WITHIN).await?;
            let permit = Permit::worker(&name);
            let request = format!("run {run}");
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done("run.let_in", "run", run).of_window(loaded.window).of_team(plan.target().team);
            let line = write(&mut ledger, fact, run, &said).await?;
            // The run's row is ours: nobody else writes a line meanwhile.
            ledger.line(Tenure { run, epoch: loaded.epoch }, &Line::new("phase", line)).await
        })
    })
    .await
}
