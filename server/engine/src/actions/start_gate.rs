//! Brings the gate what it asks for: every start path loads the same evidence in its own transaction.

use super::cast_vote::{standing, standing_by, votes};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::store::{self, runs::Run, windows::Window};
use domain::approval::{Standing, executor};
use domain::backup;
use domain::canonical::Digest;
use domain::decision::Refusal;
use domain::freeze::Freeze;
use domain::gate::{self, Evidence, StartPath};
use domain::ids::{PersonId, RunId, WindowId};
use domain::plan::{Plan, PlanPolicy, PlanTarget};
use domain::rehearsal;
use jiff::Timestamp;
use sqlx::PgConnection;

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
    /// A later wave that would be opened, and since when it could have been.
    pub wave: Option<(u32, Timestamp)>,
}

impl Asked<'_> {
    /// Nobody has opened a session yet: every database of the plan is asked about.
    pub(crate) fn before_the_run(path: StartPath) -> Self {
        Self { path, digest: None, own: None, identity_difference: None, red_checks: &[], wave: None }
    }
    /// A later wave is to be opened: its databases are asked about.
    pub(crate) fn before_the_wave(wave: u32, since: Timestamp) -> Self {
        Self { wave: Some((wave, since)), ..Self::before_the_run(StartPath::Wave) }
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

/// Asks the gate, for each database that would start. The caller has locked the window in this transaction.
pub(crate) async fn ask(ledger: &mut Ledger<'_>, id: WindowId, asked: Asked<'_>) -> Result<Answer> {
    let window = store::windows::load(ledger.db(), id).await?;
    let plan = window.plan()?;
    let by = ledger.permit().person();
    let in_the_way = look(ledger.db(), &window, &plan, by, asked).await?;
    Ok(Answer { window, plan, in_the_way })
}

/// What is in the way of a start that this person asks for. It only reads: a page asks it for its reader, and offers what the gate would allow.
pub(crate) async fn look(
    db: &mut PgConnection,
    window: &Window,
    plan: &Plan,
    by: Option<PersonId>,
    asked: Asked<'_>,
) -> Result<Vec<Refusal>> {
    let now = store::runs::now(db).await?;
    let clock_frozen = store::runs::clock_frozen(db).await?;
    let pause = store::pauses::open(db).await?;
    let obeyed = asked.digest.unwrap_or(window.digest);
    let hold_asked = store::runs::hold_asked_beside(db, window.id, window.revision).await?;
    let today = store::policies::ruling_today(db, plan).await?;
    let standings = standings(db, window, plan, &today).await?;
    let another_executor = plan.wants_another_executor() || today.iter().flatten().any(|policy| policy.rules.separate_executor);
    let by = by.filter(|_| another_executor && matches!(asked.path, StartPath::ByHand | StartPath::Resume));
    let approver_executes = approver_executes(db, window, by).await?;
    let glass = store::glass::holds(db, window.id, obeyed).await?;
    let own = match asked.own {
        Some(run) => Some(store::runs::load(db, run).await?),
        None => None,
    };
    let mut answers = Vec::new();
    for lane in lanes(plan, own.as_ref(), asked.wave) {
        let freezes = store::freezes::over(db, lane.id, now, now, Some((window.id, obeyed))).await?;
        let freezes: Vec<String> = freezes.iter().map(Freeze::said).collect();
        let other_run = store::runs::in_the_way(db, lane.id, window.id, window.revision, asked.own).await?;
        let newest_backup_at = store::backups::newest(db, lane.id, 1).await?.first().map(|backup| backup.taken_at);
        let registered = store::registered::difference(db, lane).await?;
        let unrehearsed = unrehearsed(plan, lane, &today);
        let evidence = Evidence {
            path: asked.path,
            now,
            state: window.state,
            revision: window.revision,
            digest: obeyed,
            newest_digest: Some(window.digest),
            plan,
            standings: &standings,
            unrehearsed: unrehearsed.as_ref(),
            glass,
            freezes: &freezes,
            pause: pause.as_ref(),
            clock_frozen: clock_frozen.as_deref(),
            identity_difference: asked.identity_difference.or(registered.as_deref()),
            newest_backup_at,
            proof_max_age_hours: proof_max_age_hours(plan, lane, &today),
            newest_proven_at: store::backups::newest_proven(db, lane.id).await?,
            other_run: other_run.as_deref(),
            red_checks: asked.red_checks,
            stop_asked: own.as_ref().is_some_and(|run| run.stop_reason.is_some()),
            hold_asked,
            approver_executes,
            begin_by: begin_by(plan, own.as_ref(), asked.wave),
        };
        answers.push((lane.short_name.clone(), gate::gate(&evidence).err().unwrap_or_default()));
    }
    let mut found = gate::over_lanes(answers);
    // Where no policy rules any more, nobody can say whether today's is satisfied.
    found.extend(today.into_iter().filter_map(Ruled::err));
    found.dedup();
    Ok(found)
}

/// What rules a database today, or that nothing does.
type Ruled = std::result::Result<PlanPolicy, Refusal>;

/// The databases that would start: the run's own, those of a wave, or every one of the plan.
fn lanes<'p>(plan: &'p Plan, own: Option<&Run>, wave: Option<(u32, Timestamp)>) -> Vec<&'p PlanTarget> {
    let starts = |lane: &&PlanTarget| match (own, wave) {
        (Some(run), _) => run.target == lane.id,
        (None, Some((wave, _))) => plan.wave_of(lane.id) == wave,
        (None, None) => true,
    };
    plan.targets.iter().filter(starts).collect()
}

/// Until when a lane of a later wave has to begin.
fn begin_by(plan: &Plan, own: Option<&Run>, wave: Option<(u32, Timestamp)>) -> Option<Timestamp> {
    let (wave, since) = wave.or_else(|| own.map(|run| (plan.wave_of(run.target), run.opened_at)))?;
    (wave > 1).then(|| plan.begin_by(wave, since))
}

/// The votes counted by the sealed policies, and by what rules each database today: the stricter of both counts.
async fn standings(db: &mut PgConnection, window: &Window, plan: &Plan, today: &[Ruled]) -> Result<Vec<Standing>> {
    let mut found = vec![standing(db, window, plan).await?];
    for ((target, policy, eligible), today) in plan.asks().zip(today) {
        if let Some(today) = today.as_ref().ok().filter(|today| today.digest != policy.digest) {
            found.push(standing_by(db, window, plan, (target, eligible), &today.rules).await?);
        }
    }
    Ok(found)
}

/// Whether a person asks who approved this very plan, by a vote or by breaking the glass. The schedule and the workers are nobody.
async fn approver_executes(db: &mut PgConnection, window: &Window, by: Option<PersonId>) -> Result<bool> {
    match by {
        Some(person) => Ok(executor::approved(&votes(db, window).await?, person) || store::glass::is_by(db, window.id, person).await?),
        None => Ok(false),
    }
}

/// What the plan lacks of a rehearsal, by its sealed policy for this database or by what rules that today: the stricter of both.
pub(crate) fn unrehearsed(plan: &Plan, lane: &PlanTarget, today: &[Ruled]) -> Option<Refusal> {
    let ((_, sealed, _), now) = plan.asks().zip(today).find(|((target, ..), _)| target.id == lane.id)?;
    std::iter::once(sealed).chain(now).find_map(|policy| rehearsal::missing(plan, lane, &policy.rules))
}

/// Whether a backup that a worker restored is demanded for this database, and how old it may be: by its sealed policy and by what rules it today,
/// the stricter of both.
pub(crate) fn proof_max_age_hours(plan: &Plan, lane: &PlanTarget, today: &[Ruled]) -> Option<u32> {
    let ((_, sealed, _), now) = plan.asks().zip(today).find(|((target, ..), _)| target.id == lane.id)?;
    backup::demanded(std::iter::once(sealed).chain(now).map(|policy| &policy.rules))
}

/// Everything besides the time that keeps an approved window from starting, as sentences: the reason of a missed one.
pub(crate) async fn why_not(pool: &sqlx::PgPool, window: WindowId) -> Result<String> {
    // By hand: that path asks for the backup too.
    why(pool, window, Asked::before_the_run(StartPath::ByHand)).await
}

/// The same for a wave of a window that runs.
pub(crate) async fn why_not_the_wave(pool: &sqlx::PgPool, window: WindowId, wave: u32) -> Result<String> {
    why(pool, window, Asked::before_the_wave(wave, Timestamp::UNIX_EPOCH)).await
}

async fn why(pool: &sqlx::PgPool, window: WindowId, asked: Asked<'static>) -> Result<String> {
    crate::transaction::run(pool, "why_not", move |db| {
        Box::pin(async move {
            let permit = domain::permission::Permit::system();
            let mut ledger = Ledger::open(db, &permit, "scheduler");
            let answer = ask(&mut ledger, window, asked).await?;
            let reasons: Vec<_> =
                answer.in_the_way.into_iter().filter(|refusal| !matches!(refusal.code.as_str(), "missed" | "wrong_state")).collect();
            let mut said: Vec<String> = reasons.into_iter().map(|refusal| refusal.message).collect();
            for lane in lanes(&answer.plan, None, asked.wave) {
                if store::secrets::has_candidate(ledger.db(), lane.id).await? {
                    let which = if answer.plan.is_many() { format!("of {}", lane.short_name) } else { "of the database".to_owned() };
                    said.push(format!("The password {which} was being changed, and that was not finished."));
                }
            }
            Ok(said.join(" "))
        })
    })
    .await
}
