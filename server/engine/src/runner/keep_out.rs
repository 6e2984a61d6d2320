//! Keeps accounts out while a change is sent, and lets them in again however the run ends.
//!
//! In this order: what each could do is on record; a guard runs on the server that lets them in when our control session is gone; they are shut;
//! their idle sessions are ended; their transactions end by themselves, or are ended where the plan says so; nobody is inside for a while. Only then
//! something is sent.
//!
//! How they come in again is told in `letting_in`.

use super::control::{Control, epoch, open_failed, statement};
use super::dispatcher::Work;
use super::{Halt, Step, calling, fail_point, letting_in};
use crate::error::Error;
use crate::ledger::Line;
use crate::store;
use crate::store::kept_out::KeptOut;
use crate::target::fault::StatementError;
use crate::target::fence;
use crate::target::keep_out::{self as target, Inside};
use crate::target::postgres::preflight::PreCheck;
use crate::target::session::{Session, SessionName};
use domain::change::KeepOut;
use domain::fact::NewFact;
use domain::hold::HoldCause;
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
/// A guard that is started is seen to run within this time.
const GUARDS_WITHIN: Duration = Duration::from_secs(10);
/// A guard beyond the end of the window, for what is taken back then: so long, and the time of waiting and of all its parts.
const BACK_WITHIN: Duration = Duration::from_hours(1);

pub(super) fn asked(work: &Work) -> Option<&KeepOut> {
    work.plan.change.as_ref().and_then(|change| change.keep_out.as_ref())
}

/// Those of this run that may be out.
pub(super) async fn left(work: &Work) -> Step<Vec<KeptOut>> {
    let mut db = work.hand.context.pool.acquire().await?;
    Ok(store::kept_out::left(&mut db, work.run.id).await?)
}

pub(super) fn oids(kept: &[KeptOut]) -> Vec<u32> {
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
        letting_in::let_in(work).await?;
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
    calling::line(work, said).await
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
