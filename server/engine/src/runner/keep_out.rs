//! Keeps accounts out while a change is sent, and lets them in again however the run ends.
//!
//! In this order: what each could do is on record; a guard runs on the server that lets them in when our control session is gone; they are shut;
//! their idle sessions are ended; their transactions end by themselves, or are ended where the plan says so; nobody is inside for a while. Only then
//! something is sent.
//!
//! A pass over a run begins and ends with everybody in: so a hold, a hand-over and an interruption let them in, and whoever goes on shuts them
//! anew. Where the server could not be reached for that, whichever worker is there tries it again until it is done.

use super::control::{Control, epoch, open_failed, statement};
use super::dispatcher::Work;
use super::{Halt, Step, fail_point};
use crate::error::{Error, Result};
use crate::ledger::{Ledger, Line, Tenure};
use crate::store;
use crate::store::kept_out::KeptOut;
use crate::target::connect::Dialer;
use crate::target::fault::StatementError;
use crate::target::fence;
use crate::target::identity::StableIdentity;
use crate::target::keep_out::{self as target, Inside};
use crate::target::postgres::preflight::PreCheck;
use crate::target::postgres::stop;
use crate::target::session::{Session, SessionName};
use crate::transaction;
use crate::wake::Wake;
use crate::worker::{WorkerContext, address};
use domain::change::KeepOut;
use domain::fact::NewFact;
use domain::hold::HoldCause;
use domain::ids::{RunId, TargetId};
use domain::permission::Permit;
use domain::procedure::WorkItem;
use domain::procedure::text::plural;
use domain::run::{fits, reserve_ms};
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked who is inside.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Nobody has to be inside for this long: whoever was signing in when the door was shut is seen by then.
const EMPTY_FOR: Duration = Duration::from_secs(5);
/// What was told to end has this long for it.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// What is waited for is told this often.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Most sessions in one line.
const MOST_TOLD: usize = 5;
/// Shutting one account takes no longer.
const SHUT_WITHIN: Duration = Duration::from_secs(15);
/// Letting everybody in is tried this often before the run goes on without it.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// One try takes no longer: its run's row may be kept meanwhile, and a connection to the state database that idles so is cut after 10 s.
const TRY_WITHIN: Duration = Duration::from_secs(8);
/// The one try where something else is wrong already, or this worker stops: others go on trying.
const ONCE_WITHIN: Duration = Duration::from_secs(2);
/// A guard that is started is seen to run within this time.
const GUARDS_WITHIN: Duration = Duration::from_secs(10);
/// A guard beyond the end of the window, for what is taken back then: so long, and the time of waiting and of all its parts.
const BACK_WITHIN: Duration = Duration::from_hours(1);
/// A session of ours that is told to end is gone within this time.
const ENDS_SOON: Duration = Duration::from_secs(3);
/// How often it is looked for those whom nobody has let in.
const MIND_EVERY: Duration = Duration::from_secs(5);

fn asked(work: &Work) -> Option<&KeepOut> {
    work.plan.change.as_ref().and_then(|change| change.keep_out.as_ref())
}

/// Those of this run that may be out.
async fn left(work: &Work) -> Step<Vec<KeptOut>> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(store::kept_out::left(&mut db, work.run.id).await?)
}

fn oids(kept: &[KeptOut]) -> Vec<u32> {
    kept.iter().map(|account| account.oid).collect()
}

/// The accounts as they are now, and why they cannot be kept out.
async fn look(work: &Work, control: &Control, out: &KeepOut) -> Step<target::Looked> {
    let mut db = work.hand.context.pool.acquire().await?;
    let ours = store::kept_out::our_accounts(&mut db, &work.approved.system_identifier, &out.accounts).await?;
    drop(db);
    target::look(&control.session.link, control.session.major, &out.accounts, &ours).await.map_err(|error| statement(&error))
}

/// Before the run begins: whether these accounts could be kept out.
pub(super) async fn check(work: &Work, control: &Control) -> Step<Option<PreCheck>> {
    let Some(out) = asked(work) else { return Ok(None) };
    let (colour, sentence) = look(work, control, out).await?.said();
    Ok(Some(PreCheck { key: "keep_out".to_owned(), colour, sentence }))
}

/// Makes sure that they are out before this is sent. Where that cannot be, a person is asked, and they are in again; and nobody is kept out for
/// what would not begin any more.
pub(super) async fn keep_out(work: &Work, control: &Control, item: &WorkItem) -> Step<()> {
    let Some(out) = asked(work) else { return Ok(()) };
    if !work.run.rolling_back && !may_begin(work, item).await? {
        return Ok(());
    }
    let kept = left(work).await?;
    if !kept.is_empty() {
        let Some(why) = changed(work, control, &kept).await? else {
            if target::inside(&control.session.link, &oids(&kept)).await.map_err(|error| statement(&error))?.is_empty() {
                return Ok(());
            }
            return empty(work, control, out, &kept, item).await;
        };
        work.feed.line(Line::new("warning", format!("{why} It begins anew.")));
        let_in(work).await?;
    }
    let kept = intend(work, control, out).await?;
    fail_point("after_keep_out_intent");
    guard(work, control, &kept).await?;
    fail_point("after_guard");
    shut(work, control, &kept).await?;
    fail_point("after_shut");
    empty(work, control, out, &kept, item).await?;
    fail_point("after_empty");
    Ok(())
}

/// Whether there is time for it; a way back has all it needs.
async fn may_begin(work: &Work, item: &WorkItem) -> Step<bool> {
    let times = &work.plan.times;
    let fit = fits(work.now().await?, item.estimate, reserve_ms(times.start, times.end), times.end, times.cut_off);
    Ok(fit.refusal().is_none())
}

/// What is not as this pass left it: an account that can sign in again, or no guard any more. Nothing where all is.
async fn changed(work: &Work, control: &Control, kept: &[KeptOut]) -> Step<Option<String>> {
    let link = &control.session.link;
    let look = async {
        let open = target::can_sign_in(link, &oids(kept)).await?.into_iter().find(|(_, _, can)| *can);
        if let Some((_, name, _)) = open {
            return Ok(Some(format!("{} was let in by somebody else.", domain::people::visible(&name))));
        }
        let guarded = fence::sessions_of(link, work.run.id).await?.iter().any(|old| old.name.is_guard() && old.is_active());
        Ok::<_, StatementError>(
            (!guarded).then(|| "The guard on the server, which lets them in when Drydock is gone, was ended.".to_owned()),
        )
    };
    look.await.map_err(|error| statement(&error))
}

/// Puts on record what each can do, before anything is changed.
async fn intend(work: &Work, control: &Control, out: &KeepOut) -> Step<Vec<KeptOut>> {
    let target::Looked { accounts: found, mut problems } = look(work, control, out).await?;
    if work.run.rolling_back {
        // What the change itself dropped, or calls otherwise now, keeps nobody from taking it back.
        let gone: Vec<String> = found.iter().filter(|account| account.known.is_none()).filter_map(target::Account::problem).collect();
        problems.retain(|problem| !gone.contains(problem));
    }
    if !problems.is_empty() {
        return Err(Halt::Hold(HoldCause::Blocked, format!("Nobody was kept out, and nothing more was sent. {}", problems.join(" "))));
    }
    let server = work.approved.system_identifier.clone();
    let mut db = work.hand.context.pool.acquire().await?;
    let number = store::kept_out::times(&mut db, work.run.id).await? + 1;
    let kept: Vec<KeptOut> = found
        .iter()
        .filter_map(|account| account.known.as_ref().map(|known| (account, known)))
        .map(|(account, known)| KeptOut { number, oid: known.oid, account: account.name.clone(), could_sign_in: known.can_sign_in })
        .collect();
    let numbers: Vec<i64> = kept.iter().map(|account| i64::from(account.oid)).collect();
    let others = store::kept_out::elsewhere(&mut db, work.run.id, &server, &numbers).await?;
    drop(db);
    if !others.is_empty() {
        let windows = others.iter().map(|number| format!("#{number}")).collect::<Vec<_>>().join(", ");
        let reason = format!(
            "Nobody was kept out, and nothing more was sent: the run of {windows} keeps one of these accounts out, and has to let it in first."
        );
        return Err(Halt::Hold(HoldCause::Blocked, reason));
    }
    let (tenure, run, team, accounts) = (work.hand.tenure, work.run.clone(), work.plan.target().team, kept.clone());
    let written = work.hand.write("keep_out", move |ledger| {
        let (run, server, accounts) = (run.clone(), server.clone(), accounts.clone());
        Box::pin(async move {
            let (open, shut): (Vec<_>, Vec<_>) = accounts.iter().partition(|account| account.could_sign_in);
            let names = |of: &[&KeptOut]| of.iter().map(|account| account.account.clone()).collect::<Vec<_>>();
            let fact = NewFact::done("run.keep_out", "run", run.id)
                .of_window(run.window)
                .of_team(team)
                .with("accounts", names(&open).join(", "))
                .with("shut_before", names(&shut).join(", "));
            ledger.fact(fact).await?;
            ledger.keep_out(tenure, &server, &accounts).await?;
            let mut said = format!("Keeps out: {}.", domain::people::visible(&names(&open).join(", ")));
            if !shut.is_empty() {
                said.push_str(&format!(" Could not sign in before, and stay so: {}.", domain::people::visible(&names(&shut).join(", "))));
            }
            ledger.line(tenure, &Line::new("phase", said)).await
        })
    });
    written.await?;
    Ok(kept)
}

/// Starts the guard on the server, and sees it run. From then on nobody stays out because we are gone.
async fn guard(work: &Work, control: &Control, kept: &[KeptOut]) -> Step<()> {
    let number = kept.first().map_or(1, |account| account.number).unsigned_abs();
    let left = Duration::from_millis(work.left_ms().await?);
    let part = Duration::from_mins(work.plan.parameters.change_part_max_min);
    let wait = Duration::from_millis(asked(work).map_or(0, KeepOut::wait_ms));
    let parts = work.plan.change.as_ref().map_or(1, |change| change.back_scripts().len()).try_into().unwrap_or(u32::MAX);
    let within = if work.run.rolling_back { left.max(BACK_WITHIN + wait + part.saturating_mul(parts)) } else { left };
    // Whoever is cut off with this worker is not waited for until the end.
    target::ends_when_cut_off(&control.session.link).await.map_err(|error| statement(&error))?;
    let name = SessionName::guard(work.run.id, epoch(work), number).map_err(Error::internal)?;
    let session = Session::open(&control.dialer, name, &target::guard_session()).await.map_err(|error| open_failed(&error))?;
    same(work, &session)?;
    target::outlives_us(&session.link, session.major).await.map_err(|error| statement(&error))?;
    let back = oids(&kept.iter().filter(|account| account.could_sign_in).cloned().collect::<Vec<_>>());
    let text = target::guard(control.session.backend, &back, within.as_secs().max(1));
    // Its answer comes when it is over; nobody waits for that. The connection is closed with this process, and the server does not mind.
    let runs = session.link.execute(&text);
    let seen = async {
        let until = Instant::now() + GUARDS_WITHIN;
        while Instant::now() < until {
            let found = fence::sessions_of(&control.session.link, work.run.id).await?;
            if found.iter().any(|old| old.backend == session.backend && old.is_active() && old.statement.starts_with("DO ")) {
                return Ok(true);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(false)
    };
    let why = tokio::select! {
        seen = seen => match seen.map_err(|error: StatementError| statement(&error))? {
            true => return Ok(()),
            false => "it was not seen to run".to_owned(),
        },
        ended = runs => ended.err().map_or_else(|| "it ended at once".to_owned(), |error| error.to_string()),
    };
    Err(Halt::Hold(
        HoldCause::Blocked,
        format!(
            "Nobody was kept out, and nothing more was sent: the guard that lets accounts in when Drydock is gone could not be started on the server: {why}."
        ),
    ))
}

/// The very server of the plan, or nothing is done there.
fn same(work: &Work, session: &Session) -> Step<()> {
    match session.identity.difference(&work.approved, work.volatile()?.as_ref()) {
        Some(difference) => Err(Halt::Hold(HoldCause::Blocked, difference)),
        None => Ok(()),
    }
}

async fn shut(work: &Work, control: &Control, kept: &[KeptOut]) -> Step<()> {
    let name = SessionName::door(work.run.id, epoch(work)).map_err(Error::internal)?;
    let session = Session::open(&control.dialer, name, &target::short_statements()).await.map_err(|error| open_failed(&error))?;
    same(work, &session)?;
    control.assert(work).await?;
    work.go_on()?;
    for account in kept.iter().filter(|account| account.could_sign_in) {
        let name = domain::people::visible(&account.account);
        let no = |why: String| Err(Halt::Hold(HoldCause::Blocked, format!("Nothing more was sent: {name} could not be kept out: {why}.")));
        match tokio::time::timeout(SHUT_WITHIN, target::shut(&session.link, &account.account)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_disconnect() => return Err(statement(&error)),
            Ok(Err(error)) => return no(error.to_string()),
            Err(_) => return no(format!("the server did not answer within {}", plural(SHUT_WITHIN.as_secs(), "second", "seconds"))),
        }
        fail_point("in_shut");
    }
    Ok(())
}

/// Ends idle sessions, waits for transactions, and ends those where the plan says so; until nobody is inside for a while.
async fn empty(work: &Work, control: &Control, out: &KeepOut, kept: &[KeptOut], item: &WorkItem) -> Step<()> {
    let (link, oids) = (&control.session.link, oids(kept));
    let began = Instant::now();
    let until = began + Duration::from_millis(out.wait_ms());
    let (mut ended, mut cut, mut empty_since, mut told) = (0, 0, None::<Instant>, None::<Instant>);
    let back = work.run.rolling_back;
    loop {
        work.go_on()?;
        // What is asked for is done where the next item would have begun, and what has no time any more does not begin; a way back is not
        // hindered.
        let asked = work.lease.stop_asked() || work.lease.hold_asked() || work.lease.is_barred()();
        if !back && (asked || !may_begin(work, item).await?) {
            return Ok(());
        }
        if let Some(why) = changed(work, control, kept).await? {
            return Err(Halt::Hold(
                HoldCause::Blocked,
                format!("Nothing more was sent: {why} Choose to go on, and they are kept out anew."),
            ));
        }
        let inside = target::inside(link, &oids).await.map_err(|error| statement(&error))?;
        if inside.is_empty() {
            if empty_since.get_or_insert_with(Instant::now).elapsed() >= EMPTY_FOR {
                break;
            }
            work.lease.pause(LOOK_EVERY).await;
            continue;
        }
        empty_since = None;
        let (idle, busy): (Vec<&Inside>, Vec<&Inside>) = inside.iter().partition(|session| session.is_idle());
        if !idle.is_empty() {
            ended += end(link, &idle, true).await?;
        }
        let late = Instant::now() >= until;
        // What was told to end has a moment for it, also then.
        if late && !out.ends && !busy.is_empty() || Instant::now() >= until + ENDS_WITHIN {
            return Err(given_up(out, if busy.is_empty() { &idle } else { &busy }, began.elapsed()));
        }
        if late && !busy.is_empty() {
            cut += end(link, &busy, false).await?;
        }
        if !busy.is_empty() && told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            told = Some(Instant::now());
            work.feed.line(Line::new("session", format!("Waits for {}.", named(&busy))));
        }
        work.lease.pause(LOOK_EVERY).await;
    }
    let mut said = format!("Nobody of them is inside: {} ended", plural(ended, "idle session was", "idle sessions were"));
    if cut > 0 {
        said.push_str(&format!(
            ", and {} ended after {}",
            plural(cut, "transaction was", "transactions were"),
            plural(out.wait_min.into(), "minute", "minutes")
        ));
    }
    said.push_str(&format!("; it took {}.", plural(began.elapsed().as_secs(), "second", "seconds")));
    let tenure = work.hand.tenure;
    let written = work.hand.write("kept_out", move |ledger| {
        let line = Line::new("phase", said.clone());
        Box::pin(async move { ledger.line(tenure, &line).await })
    });
    Ok(written.await?)
}

async fn end(link: &crate::target::link::Link, sessions: &[&Inside], idle_only: bool) -> Step<u64> {
    match target::end(link, sessions, idle_only).await {
        Ok(told) => Ok(told),
        Err(error) if error.is_disconnect() => Err(statement(&error)),
        Err(error) => {
            Err(Halt::Hold(HoldCause::Blocked, format!("Nothing more was sent: sessions of the accounts could not be ended: {error}.")))
        }
    }
}

fn named(sessions: &[&Inside]) -> String {
    let mut names: Vec<String> = sessions.iter().take(MOST_TOLD).map(|session| session.said()).collect();
    if sessions.len() > MOST_TOLD {
        names.push(format!("{} more", sessions.len() - MOST_TOLD));
    }
    names.join("; ")
}

fn given_up(out: &KeepOut, sessions: &[&Inside], after: Duration) -> Halt {
    let way_out = if out.ends {
        "They were told to end, and did not: look at the server."
    } else {
        "Have it ended, or propose the window anew with the box that lets Drydock end it. Then choose to go on: it begins anew."
    };
    let (count, s) = (sessions.len() as u64, after.as_secs());
    Halt::Hold(
        HoldCause::Blocked,
        format!(
            "Nothing more was sent: after {} {} still inside: {}. {way_out}",
            plural(s, "second", "seconds"),
            plural(count, "session is", "sessions are"),
            named(sessions)
        ),
    )
}

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
