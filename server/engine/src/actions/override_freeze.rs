//! Lets one window pass one freeze: the approval of a second person, for exactly the plan that the page showed.

use super::{Caller, audience, hide};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::windows::Window;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::canonical::Digest;
use domain::decision::{FieldError, FormCheck, Refusal};
use domain::fact::NewFact;
use domain::freeze::{Freeze, may_override};
use domain::ids::{FreezeId, OverrideId};
use domain::notice::NoticeKind;
use domain::people;
use domain::permission::{Verb, authorize};
use domain::view::freezes::Passing;
use domain::window::WindowState;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// Digest of the plan that the page showed, 64 hex digits.
    pub digest: String,
    /// Short name of the database, typed as confirmation.
    pub short_name: String,
    /// Why it may happen all the same.
    pub reason: String,
}

/// Grants the override. Refused: no right over what the freeze covers; whoever wrote a revision; another plan than the page showed; a freeze
/// that does not cover the window; fields.
pub async fn override_freeze(engine: &Engine, caller: &Caller, number: i64, freeze: FreezeId, input: &Input) -> Result<()> {
    let (caller, input) = (caller.clone(), input.clone());
    transaction::run(engine.pool(), "override_freeze", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let window = visible(db, &caller, number).await?;
            let freeze = covering(db, &window, freeze).await?;
            let contributors = store::windows::contributors(db, window.id).await?;
            let permit = may_override(&caller.actor, &freeze.scope, &contributors)?;
            let by = permit.person().ok_or_else(|| Error::internal("an override is granted by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            // After this nobody seals another revision before the commit.
            let (state, revision) = ledger.lock_window(window.id).await?;
            may_pass(state, revision, &window, &input)?;
            let reason = typed(&input, &window.plan()?.target().short_name)?;
            let id: OverrideId = clock::new_id();
            store::freeze_overrides::grant(ledger.db(), id, freeze.id, (window.id, window.digest), by, &reason).await?;
            tell(&mut ledger, &caller, Change::Granted, &window, &freeze, reason).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(())
}

/// The window, for people who may freeze in its team; what the freeze itself asks for comes on top.
pub(super) async fn visible(db: &mut PgConnection, caller: &Caller, number: i64) -> Result<Window> {
    let window = store::windows::by_number(db, number).await?;
    authorize(&caller.actor, Verb::Freeze, Some(window.team)).map_err(|refusal| hide(&caller.actor, window.team, refusal))?;
    Ok(window)
}

/// The named freeze, if it covers the window's time and the plan may not pass it yet.
async fn covering(db: &mut PgConnection, window: &Window, id: FreezeId) -> Result<Freeze> {
    let mut over = Vec::new();
    for target in &window.targets {
        over.extend(store::freezes::over(db, *target, window.start_at, window.end_at, Some((window.id, window.digest))).await?);
    }
    over.into_iter().find(|freeze| freeze.id == id).ok_or_else(|| {
        Refusal::new(
            "no_freeze",
            "This freeze does not keep this window: it was lifted, moved, or the window may pass it already.",
            "Look at the page again.",
        )
        .into()
    })
}

fn may_pass(state: WindowState, revision: i32, window: &Window, input: &Input) -> Result<(), Refusal> {
    if revision != window.revision || Digest::from_hex(input.digest.trim()) != Some(window.digest) {
        return Err(Refusal::new(
            "stale_plan",
            format!("The plan was edited after your page was made: it is now revision {revision}."),
            "Look at the new plan, and decide on that one.",
        ));
    }
    if !matches!(state, WindowState::Proposed | WindowState::Approved | WindowState::Running | WindowState::Hold) {
        return Err(Refusal::new("moved_on", format!("This window is “{}”: no freeze keeps it.", state.label()), "Look at its page."));
    }
    Ok(())
}

fn typed(input: &Input, short_name: &str) -> Result<String, Vec<FieldError>> {
    let mut form = FormCheck::default();
    let reason = form.take(people::text("reason", &input.reason, 1, 2000));
    if !input.short_name.trim().eq_ignore_ascii_case(short_name) {
        form.refuse("short_name", format!("Type the short name of the database to confirm: {short_name}"));
    }
    form.finish(reason)
}

/// What becomes of an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The window may pass.
    Granted,
    /// It may not any more.
    Withdrawn,
}

/// Records it, and tells the owner of the window and whoever made the freeze.
pub(super) async fn tell(
    ledger: &mut Ledger<'_>,
    caller: &Caller,
    change: Change,
    window: &Window,
    freeze: &Freeze,
    reason: String,
) -> Result<()> {
    let action = if change == Change::Granted { "window.override_freeze" } else { "window.withdraw_override" };
    let fact = NewFact::done(action, "window", window.id)
        .of_window(window.id)
        .of_team(window.team)
        .with("freeze", freeze.id.to_string())
        .with("name", freeze.name.clone())
        .with("digest", window.digest.hex())
        .with("reason", reason.clone());
    let fact = ledger.fact(fact).await?;
    let plan = window.plan()?;
    let passing = Passing {
        number: window.number,
        title: plan.title.clone(),
        database: plan.databases(),
        by: caller.actor.name.clone(),
        reason,
        granted: change == Change::Granted,
    };
    let people = BTreeSet::from([window.owner, freeze.by]);
    audience::tell_owners(ledger, &people, NoticeKind::FreezeChanged, freeze.id, Some(passing), fact).await
}
