//! Puts a registration away: no more windows, and its password is destroyed.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::freeze::may_drop_tags;
use domain::ids::TargetId;
use domain::permission::Verb;
use domain::window::WindowState;

/// Retires the database after its short name was typed.
///
/// # Errors
/// Another name typed; windows that still want it, each named; a freeze in force over one of its tags; no right in that team.
pub async fn retire_target(engine: &Engine, caller: &Caller, id: TargetId, typed: &str) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    let short_name = target.registration.short_name;
    if typed.trim() != short_name {
        return Err(Error::field("confirm", format!("Type {short_name} to confirm: retiring destroys the stored password.")));
    }
    let request = caller.request.clone();
    transaction::run(engine.pool(), "retire_target", move |db| {
        let (permit, request, short_name) = (permit.clone(), request.clone(), short_name.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            super::rotate_password::refuse_while_rotating(db, id).await?;
            refuse_wanted(&store::targets::open_windows(db, id).await?)?;
            // Registered anew it would bear no tag, and be kept by no freeze of one.
            let tags = store::policies::tags(db, id).await?;
            may_drop_tags(&store::freezes::over_tags(db, &tags).await?, store::runs::now(db).await?)?;
            if !store::targets::retire(db, id).await? {
                return Err(retired());
            }
            store::secrets::destroy(db, id).await?;
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("target.retire", "target", id).of_team(target.team).with("short_name", short_name)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

pub(super) fn refuse_wanted(windows: &[(i64, String)]) -> Result<()> {
    if windows.is_empty() {
        return Ok(());
    }
    let label = |state: &str| WindowState::from_word(state).map_or_else(|| state.to_owned(), |state| state.label().to_lowercase());
    let list: Vec<_> = windows.iter().map(|(number, state)| format!("#{number} ({})", label(state))).collect();
    Err(Refusal::new(
        "still_wanted",
        format!("Windows on this database are not over: {}.", list.join(", ")),
        "Withdraw, cancel or finish them first.",
    )
    .into())
}

/// What an action on a database answers that was put away meanwhile.
pub(super) fn retired() -> Error {
    Refusal::new("retired", "This database was retired, and its password destroyed.", "Take it back on its page if it is in use again.")
        .into()
}
