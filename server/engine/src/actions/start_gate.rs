//! Brings the gate what it asks for: every start path loads the same evidence in its own transaction.

use super::cast_vote::{standing, standing_by};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::{self, windows::Window};
use domain::approval::Standing;
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::freeze::Freeze;
use domain::gate::{self, Evidence, StartPath};
use domain::ids::{RunId, WindowId};
use domain::plan::Plan;

/// What only the asker knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// What wants to start.
    pub path: StartPath,
    /// Digest of the bytes that would be obeyed; `None` takes those of the newest revision.
    pub digest: Option<Digest>,
    /// The run that asks, once there is one.
    pub own: Option<RunId>,
    /// How the session differs from what was approved, where one was opened.
    pub identity_difference: Option<&'a str>,
    /// Red pre-checks.
    pub red_checks: &'a [String],
}

impl Asked<'_> {
    /// Nobody has opened a session yet.
    pub(crate) fn before_the_run(path: StartPath) -> Self {
        Self { path, digest: None, own: None, identity_difference: None, red_checks: &[] }
    }
}

/// What was loaded, and what is in the way; nothing means that the gate is open.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The window as it is now.
    pub window: Window,
    /// Its opened plan.
    pub plan: Plan,
    /// Everything in the way.
    pub in_the_way: Vec<Refusal>,
}

impl Answer {
    /// The refusal of a closed gate.
    pub(crate) fn into_open(self) -> Result<Self> {
        if self.in_the_way.is_empty() { Ok(self) } else { Err(gate::together(&self.in_the_way).into()) }
    }
}

/// Asks the gate. The caller has locked the window in this transaction.
pub(crate) async fn ask(ledger: &mut Ledger<'_>, id: WindowId, asked: Asked<'_>) -> Result<Answer> {
    let window = store::windows::load(ledger.db(), id).await?;
    let plan = window.plan()?;
    let now = store::runs::now(ledger.db()).await?;
    let clock_frozen = store::runs::clock_frozen(ledger.db()).await?;
    let pause = store::pauses::open(ledger.db()).await?;
    let obeyed = asked.digest.unwrap_or(window.digest);
    let freezes = store::freezes::over(ledger.db(), window.target, now, now, Some((id, obeyed))).await?;
    let freezes: Vec<String> = freezes.iter().map(Freeze::said).collect();
    let other_run = store::runs::in_the_way(ledger.db(), window.target, id, window.revision, asked.own).await?;
    let stop_asked = match asked.own {
        Some(run) => store::runs::load(ledger.db(), run).await?.stop_reason.is_some(),
        None => false,
    };
    let newest_backup_at = store::backups::newest(ledger.db(), window.target, 1).await?.first().map(|backup| backup.taken_at);
    let registered = registered_difference(ledger, &window, &plan).await?;
    let standings = standings(ledger, &window, &plan).await?;
    let evidence = Evidence {
        path: asked.path,
        now,
        state: window.state,
        revision: window.revision,
        digest: obeyed,
        newest_digest: Some(window.digest),
        plan: &plan,
        standings: &standings,
        freezes: &freezes,
        pause: pause.as_ref(),
        clock_frozen: clock_frozen.as_deref(),
        identity_difference: asked.identity_difference.or(registered.as_deref()),
        newest_backup_at,
        other_run: other_run.as_deref(),
        red_checks: asked.red_checks,
        stop_asked,
    };
    let in_the_way = gate::gate(&evidence).err().unwrap_or_default();
    Ok(Answer { window, plan, in_the_way })
}

/// The votes counted by the sealed policy, and by what rules the database today: the stricter of both counts.
async fn standings(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan) -> Result<Vec<Standing>> {
    let mut found = vec![standing(ledger, window, plan).await?];
    let today = store::policies::ruling_today(ledger.db(), window.target, plan).await?;
    if today.digest != plan.policy.digest {
        found.push(standing_by(ledger, window, plan, &today.rules).await?);
    }
    Ok(found)
}

/// What was changed on the registered database since the plan was sealed.
async fn registered_difference(ledger: &mut Ledger<'_>, window: &Window, plan: &Plan) -> Result<Option<String>> {
    let Some(target) = store::targets::find(ledger.db(), window.target).await? else {
        return Ok(Some("The database is no longer registered.".to_owned()));
    };
    let sealed = plan.target();
    let place = &target.registration.place;
    let moved = (place.host.as_str(), i32::from(place.port), place.database.as_str(), place.username.as_str())
        != (sealed.host.as_str(), sealed.port, sealed.database.as_str(), sealed.username.as_str());
    Ok(if target.state != domain::target::TargetState::Ready {
        Some(format!("The database is “{}”: its connection test has to pass first.", target.state.label()))
    } else if moved {
        Some("The database's address was changed since the plan was approved.".to_owned())
    } else if target.registration.environment.word() != sealed.environment {
        Some(format!("The database was in the environment “{}” when the plan was approved, and is not now.", sealed.environment))
    } else if target.identity.as_ref() != Some(&sealed.identity) {
        Some("The connection test found another database than the plan was approved for.".to_owned())
    } else {
        None
    })
}

/// Everything besides the time that keeps an approved window from starting, as sentences: the reason of a missed one.
pub(crate) async fn why_not(pool: &sqlx::PgPool, window: WindowId) -> Result<String> {
    crate::transaction::run(pool, "why_not", move |db| {
        Box::pin(async move {
            let permit = domain::permission::Permit::system();
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            // By hand: that path asks for the backup too.
            let answer = ask(&mut ledger, window, Asked::before_the_run(StartPath::ByHand)).await?;
            let reasons: Vec<_> =
                answer.in_the_way.into_iter().filter(|refusal| !matches!(refusal.code.as_str(), "missed" | "wrong_state")).collect();
            let mut said: Vec<String> = reasons.into_iter().map(|refusal| refusal.message).collect();
            if store::secrets::has_candidate(ledger.db(), answer.window.target).await? {
                said.push("The password of the database was being changed, and that was not finished.".to_owned());
            }
            Ok(said.join(" "))
        })
    })
    .await
}
