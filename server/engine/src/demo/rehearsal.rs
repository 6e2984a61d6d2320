//! A rehearsal that is over, and the window it was for: what locks a table of the shop is tried on the copy first, because a policy says so.
//!
//! It runs as any window does: people approve it, the demo's worker sends its text and measures, and people sign it off. So the first half is
//! made before the processes start, and the second once they run; an interrupted start goes on where the window stands.

use super::{approve, billing, local, people, shop, wall};
use crate::actions::{Caller, close_window, probe_again, propose_window, tick_item};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::queries;
use domain::approval::{Policy, Scope};
use domain::change::ChangeForm;
use domain::checklist::CheckState;
use domain::procedure::RiskClass;
use domain::procedure::library::design_change;
use domain::proposal::ProposalForm;
use domain::rehearsal::Demand;
use domain::target::Environment;
use domain::view::checklists::{CheckRow, ChecklistPage, Probing};
use domain::view::windows::list::{Filter, Row};
use domain::window::WindowState;
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const POLICY: &str = "Shop, what locks";
/// By which both windows are found again.
const TITLE: &str = "Stock only of products that exist";
const FORTH: &str = "ALTER TABLE shop.stock_movement
    ADD CONSTRAINT stock_movement_product_fkey FOREIGN KEY (product_id) REFERENCES shop.product (id);";
const BACK: &str = "ALTER TABLE shop.stock_movement DROP CONSTRAINT stock_movement_product_fkey;";

/// Ahead of now when it is proposed, in s: no longer than the processes need to start. Where the machine is so busy that this has passed when it
/// is sealed, further.
const START_IN_S: [i64; 2] = [2, 20];
/// The start of the demo waits no longer for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at how it stands.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// On a busy machine a probe may be red: it measures again so often.
const MOST_PROBES: usize = 5;

/// The policy that demands it.
pub(super) async fn policy(engine: &Engine) -> Result<()> {
    let admin = people::caller(engine, people::ADMIN).await?;
    let scope = Scope {
        environments: BTreeSet::from([Environment::Production.word().to_owned()]),
        tags: BTreeSet::from([shop::DATABASE.to_owned()]),
        procedures: BTreeSet::from([design_change::KEY.to_owned()]),
        risks: BTreeSet::from([RiskClass::R3]),
        precedence: 25,
        ..Scope::default()
    };
    let demand = Demand { environments: BTreeSet::from([Environment::Staging]), max_age_days: 30 };
    let policy = Policy { rehearsal: Some(demand), scope: Some(scope), ..Policy::standard() };
    billing::adopt(engine, &admin, POLICY, &policy).await
}

/// The same text for both: what is rehearsed is what runs.
fn form(target: &str, reason: &str, date: String, time: String) -> ProposalForm {
    ProposalForm {
        target: target.into(),
        procedure: design_change::KEY.into(),
        title: TITLE.into(),
        reason: reason.into(),
        date,
        time,
        // In the night in which the clocks go back, the first of the two.
        fold: "first".into(),
        duration_min: "60".into(),
        change: ChangeForm { change_sql: FORTH.into(), as_role: shop::OWNER.into(), back_sql: BACK.into(), ..ChangeForm::default() },
        ..ProposalForm::blank()
    }
}

/// The window on the copy, which starts in a moment.
pub(super) async fn propose(engine: &Engine) -> Result<()> {
    let engineer = people::caller(engine, people::ENGINEER).await?;
    let reason =
        "A movement once named a product that nobody knew. How long the table is locked while all of its rows are checked is tried here.";
    let mut proposed = Err(Error::internal("no start to try"));
    for ahead in START_IN_S {
        let at = local(engine, SignedDuration::from_secs(ahead))?;
        let form = form(shop::STAGING, reason, at.date().to_string(), at.strftime("%H:%M:%S").to_string());
        proposed = propose_window::propose_window(engine, &engineer, &form, None).await;
        if !matches!(proposed, Err(Error::Invalid(_))) {
            break;
        }
    }
    proposed.map(drop)
}

/// Waits until it is over, signs it off, and proposes the window it was for. Where it takes too long, or did not end well, the demo does without,
/// and what is missing is told.
pub(super) async fn complete(engine: &Engine) -> Result<Option<String>> {
    let engineer = people::caller(engine, people::ENGINEER).await?;
    let Some(rehearsal) = found(engine, &engineer, shop::STAGING).await? else { return Ok(None) };
    if found(engine, &engineer, shop::DATABASE).await?.is_some() {
        return Ok(None);
    }
    if rehearsal.state == WindowState::Proposed {
        for who in [people::STAKEHOLDER, people::LEAD] {
            let offers = queries::windows::decide(engine, &people::caller(engine, who).await?.actor, rehearsal.number).await?.offers;
            if offers.vote.is_open() {
                approve(engine, who, rehearsal.number, shop::STAGING, "").await?;
            }
        }
    }
    let number = rehearsal.number;
    if !completed(engine, &engineer, number).await? {
        return Ok(Some(format!(
            "The demo's rehearsal, window #{number}, did not end well in time: the window it is for was not proposed."
        )));
    }
    let (date, _) = wall(engine, SignedDuration::from_hours(24 * 10))?;
    let reason = "A movement once named a product that nobody knew. On the copy the check of all rows took a moment, and nothing had to wait for it.";
    let form = form(shop::DATABASE, reason, date, "22:30".into());
    propose_window::propose_window(engine, &engineer, &form, None).await?;
    Ok(None)
}

/// The demo's window about it on one of the databases; whatever people made since, it is there once or not at all.
async fn found(engine: &Engine, reader: &Caller, database: &str) -> Result<Option<Row>> {
    let mut filter = Filter { database: database.to_owned(), ..Filter::default() };
    loop {
        let page = queries::windows::list(engine, &reader.actor, &filter).await?;
        let row = page.rows.into_iter().find(|row| row.title == TITLE && row.database == database);
        if row.is_some() || page.next.is_none() {
            return Ok(row);
        }
        filter.before = page.next;
    }
}

/// Waits for the end of its run, answers what people answer, and signs it off. Says whether it is completed.
async fn completed(engine: &Engine, engineer: &Caller, number: i64) -> Result<bool> {
    let (end, mut probes) = (Instant::now() + PATIENCE, 0);
    while Instant::now() < end {
        let page = queries::windows::checklist(engine, &engineer.actor, number).await?;
        match page.head.state {
            WindowState::Completed => return Ok(true),
            state if state.is_terminal() || matches!(state, WindowState::Hold | WindowState::Draft) => return Ok(false),
            WindowState::Validating if answered(engine, engineer, &page).await? => {
                let lead = people::caller(engine, people::LEAD).await?;
                close_window::close_window(engine, &lead, number, &close_window::Input::default()).await?;
                return Ok(true);
            }
            WindowState::Validating if is_red(&page) && probes < MOST_PROBES => {
                probes += 1;
                probe_again::probe_again(engine, engineer, number).await?;
            }
            _ => {}
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(false)
}

/// Whether a probe said red, and none measures at present.
fn is_red(page: &ChecklistPage) -> bool {
    let measures = matches!(page.probing, Some(Probing::Waiting(_)));
    !measures && page.checks.iter().any(|check| check.state == CheckState::Failed)
}

/// Answers what waits for a person. Says whether everything is green by then.
async fn answered(engine: &Engine, engineer: &Caller, page: &ChecklistPage) -> Result<bool> {
    for check in page.checks.iter().filter(|check| check.state == CheckState::Open && !check.by_probe) {
        let (ordinal, state, note) = (check.ordinal.to_string(), CheckState::Passed.word().to_owned(), evidence(check)?.to_owned());
        tick_item::tick_item(engine, engineer, page.head.number, &tick_item::Input { ordinal, state, note }).await?;
    }
    Ok(page.checks.iter().filter(|check| check.by_probe).all(|check| check.state == CheckState::Passed))
}

/// What somebody would have looked at on a copy that no customer uses.
fn evidence(check: &CheckRow) -> Result<&'static str> {
    match check.key.as_str() {
        "errors" => Ok("The warehouse booked its movements of yesterday once more on the copy, and the log has no error."),
        "metrics" => Ok("Watched the sessions of the copy meanwhile: nobody waited for a lock."),
        "backups" => Ok("The copy is made anew from the nightly backup, and that job is on for tonight."),
        other => Err(Error::internal(format!("the demo has no evidence for “{other}”"))),
    }
}
