//! Looks whether the run may begin, again and again until the latest start. Nothing is changed meanwhile, and the window stays approved.

use super::control::{self, Control, statement};
use super::dispatcher::Work;
use super::{Halt, Step, keep_out, transitions};
use crate::actions::start_gate;
use crate::error::Error;
use crate::store;
use crate::target::identity::VolatileIdentity;
use crate::target::postgres::preflight::{PreCheck, preflight};
use domain::backup;
use domain::gate::backup_problem;
use domain::procedure::probe::Colour;
use domain::procedure::text::plural;
use domain::window::WindowState;
use serde_json::{Value, json};
use std::time::Duration;

/// How often red pre-checks are looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What one look found.
struct Look {
    checks: Vec<PreCheck>,
    /// Seen at the first gate, once the database answered.
    volatile: Option<VolatileIdentity>,
}

impl Look {
    fn red(&self) -> Vec<String> {
        self.checks.iter().filter(|check| check.colour == Colour::Fail).map(|check| check.sentence.clone()).collect()
    }
}

/// True when the run has begun; false when it ended without having begun.
pub(super) async fn run(work: &mut Work) -> Step<bool> {
    let mut written = None;
    let begin_by = work.plan.begin_by(work.plan.wave_of(work.run.target), work.run.opened_at);
    loop {
        work.go_on()?;
        if let Some(over) = over(work).await? {
            over.end(work).await?;
            return Ok(false);
        }
        let look = look(work).await?;
        let mut red = look.red();
        if let (true, Some(volatile)) = (red.is_empty(), &look.volatile) {
            match transitions::begin(&work.hand, volatile, begin_by).await {
                Ok(()) => {
                    write(work, &look.checks, &[], &mut written).await?;
                    return Ok(true);
                }
                Err(Error::Refused(refusal)) if refusal.code != crate::ledger::LEASE_LOST => red.push(refusal.message),
                Err(error) => return Err(error.into()),
            }
        }
        write(work, &look.checks, &red, &mut written).await?;
        if work.now().await? > begin_by {
            let reason = format!("Its pre-checks were still red at the latest start: {}", red.join(" "));
            transitions::missed(&work.hand, &work.plan, &reason).await?;
            return Ok(false);
        }
        work.lease.pause(LOOK_EVERY).await;
    }
}

/// Why it need not be looked at any more.
enum Over {
    /// The window is no longer approved at this revision.
    Moved(String),
    /// Somebody asked to stop.
    Stopped(String),
}

impl Over {
    async fn end(self, work: &Work) -> Step<()> {
        match self {
            Self::Moved(reason) => transitions::not_begun(&work.hand, &reason).await?,
            Self::Stopped(reason) => transitions::called_off(&work.hand, &work.plan, &format!("Stopped before it began: {reason}")).await?,
        }
        Ok(())
    }
}

async fn over(work: &Work) -> Step<Option<Over>> {
    let mut db = work.hand.context.pool.acquire().await?;
    let run = store::runs::load(&mut db, work.run.id).await?;
    let window = store::windows::load(&mut db, work.run.window).await?;
    // Other databases of the window may have begun, and may wait for a person.
    let beside = work.plan.is_many() && matches!(window.state, WindowState::Running | WindowState::Hold);
    if (window.state != WindowState::Approved && !beside) || window.revision != work.run.revision {
        return Ok(Some(Over::Moved(format!("The window is “{}” now.", window.state.label()))));
    }
    Ok(run.stop_reason.map(Over::Stopped))
}

async fn look(work: &Work) -> Step<Look> {
    let mut checks = vec![recorded(work).await?];
    checks.extend(proof(work).await?);
    let looked = match control::establish(work).await {
        Ok(control) => target(work, &control).await,
        Err(halt) => Err(halt),
    };
    let volatile = match looked {
        Ok((found, volatile)) => {
            checks.extend(found);
            Some(volatile)
        }
        Err(Halt::Hold(_, difference)) => {
            checks.push(red("identity", difference));
            None
        }
        Err(Halt::Again(Error::Refused(refusal))) => {
            let key = if refusal.code == control::FENCED { "fence" } else { "connection" };
            checks.push(red(key, refusal.to_string()));
            None
        }
        Err(halt) => return Err(halt),
    };
    Ok(Look { checks, volatile })
}

async fn target(work: &Work, control: &Control) -> Step<(Vec<PreCheck>, VolatileIdentity)> {
    let found = preflight(&control.session.link, &work.plan.parameters, Some(&work.approved));
    let mut found = work.unless_over(found).await?.map_err(|error| statement(&error))?;
    found.checks.extend(keep_out::check(work, control).await?);
    Ok((found.checks, found.identity.volatile))
}

fn red(key: &str, sentence: String) -> PreCheck {
    PreCheck { key: key.to_owned(), colour: Colour::Fail, sentence }
}

async fn recorded(work: &Work) -> Step<PreCheck> {
    let mut db = work.hand.context.pool.acquire().await?;
    let newest = store::backups::newest(&mut db, work.run.target, 1).await?.into_iter().next();
    let now = store::runs::now(&mut db).await?;
    let problem = backup_problem(work.plan.backup_max_age_hours, newest.as_ref().map(|backup| backup.taken_at), now);
    Ok(match (problem, newest) {
        (Some(problem), _) => red("backup", problem.to_string()),
        (None, Some(backup)) => PreCheck {
            key: "backup".to_owned(),
            colour: Colour::Pass,
            sentence: format!(
                "The newest backup on record ended {} ago ({}).",
                plural(u64::try_from(now.duration_since(backup.taken_at).as_hours()).unwrap_or(0), "hour", "hours"),
                backup.location
            ),
        },
        (None, None) => red("backup", "No backup of this database is on record.".to_owned()),
    })
}

/// The backup that a worker restored, where a policy demands one.
async fn proof(work: &Work) -> Step<Option<PreCheck>> {
    let mut db = work.hand.context.pool.acquire().await?;
    let Some(lane) = work.plan.targets.iter().find(|target| target.id == work.run.target) else { return Ok(None) };
    let today = store::policies::ruling_today(&mut db, &work.plan).await?;
    let Some(hours) = start_gate::proof_max_age_hours(&work.plan, lane, &today) else { return Ok(None) };
    let proven_at = store::backups::newest_proven(&mut db, lane.id).await?;
    let now = store::runs::now(&mut db).await?;
    Ok(Some(match (backup::unproven(Some(hours), proven_at, now), proven_at) {
        (None, Some(at)) => PreCheck {
            key: "backup_proof".to_owned(),
            colour: Colour::Pass,
            sentence: format!(
                "A worker restored the backup that was taken {} ago.",
                plural(u64::try_from(now.duration_since(at).as_hours()).unwrap_or(0), "hour", "hours")
            ),
        },
        (problem, _) => red("backup_proof", problem.map(|problem| problem.to_string()).unwrap_or_default()),
    }))
}

/// Titles as people read them; a key without one shows itself.
const TITLES: &[(&str, &str)] = &[
    ("backup", "Backup"),
    ("backup_proof", "Restored backup"),
    ("connection", "Connection"),
    ("fence", "Other runs"),
    ("version", "Server version"),
    ("identity", "Identity"),
    ("primary", "Primary server"),
    ("privileges", "Privileges"),
    ("transactions", "Old transactions"),
    ("prepared", "Prepared transactions"),
    ("replication", "Replication"),
    ("connections", "Connections"),
    ("invalid_indexes", "Invalid indexes"),
    ("keep_out", "Accounts kept out"),
    ("gate", "Gate"),
];

/// Writes the findings when they changed. Refusals of the gate that no check names are findings too.
async fn write(work: &Work, checks: &[PreCheck], refused: &[String], written: &mut Option<Value>) -> Step<()> {
    let mut list: Vec<Value> = checks.iter().map(|check| finding(&check.key, check.colour, &check.sentence)).collect();
    let known: Vec<&str> = checks.iter().map(|check| check.sentence.as_str()).collect();
    list.extend(
        refused.iter().filter(|sentence| !known.contains(&sentence.as_str())).map(|sentence| finding("gate", Colour::Fail, sentence)),
    );
    let findings = Value::Array(list);
    if written.as_ref() != Some(&findings) {
        let (tenure, now) = (work.hand.tenure, findings.clone());
        work.hand
            .write("run_pre_checks", move |ledger| {
                let now = now.clone();
                Box::pin(async move { ledger.run_pre_checks(tenure, &now).await })
            })
            .await?;
        *written = Some(findings);
    }
    Ok(())
}

fn finding(key: &str, colour: Colour, sentence: &str) -> Value {
    let title = TITLES.iter().find(|(name, _)| *name == key).map_or(key, |(_, title)| title);
    json!({"key": key, "title": title, "colour": colour, "sentence": sentence})
}
