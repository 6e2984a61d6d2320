//! Asks a worker to give Drydock's role on a database another password: made there, strong, and known to no person.

use super::{Caller, ask_examination, elevated, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::examination::Question;
use domain::ids::{ExaminationId, TargetId};
use domain::permission::Verb;
use domain::target;

/// Asks, and gives the question's identity. One that was left unfinished is taken up again.
///
/// # Errors
/// A database that is not ready, or without a stored password; an open run; no right in that team.
pub async fn rotate_password(engine: &Engine, caller: &Caller, id: TargetId) -> Result<ExaminationId> {
    let (_, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    elevated(&caller.actor)?;
    let request = caller.request.clone();
    let asked = transaction::run(engine.pool(), "rotate_password", move |db| {
        let (permit, request) = (permit.clone(), request.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            let target = store::targets::find(db, id).await?.ok_or(Error::NotFound)?;
            let unfinished = store::secrets::has_candidate(db, id).await?;
            target::may_rotate(target.state, unfinished, store::secrets::has_current(db, id).await?)?;
            if store::targets::has_open_run(db, id).await? {
                return Err(Refusal::new(
                    "run_open",
                    "A run on this database is not over: its password is not changed under it.",
                    "Wait for the run, or decide on it if it is on hold.",
                )
                .into());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ask_examination::apply(&mut ledger, id, target.team, &Question::PasswordRotation).await
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(asked)
}

/// While a worker is at it, nobody else touches the password or the address: the worker would not know, and the new password be lost.
pub(super) async fn refuse_while_rotating(db: &mut sqlx::PgConnection, id: TargetId) -> Result<()> {
    if !store::examinations::is_rotating(db, id).await? {
        return Ok(());
    }
    Err(Refusal::new(
        "rotating",
        "A worker is changing this database's password at this moment.",
        "Wait a minute, and look at its page again.",
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::target::TargetState;

    #[test]
    fn only_a_ready_database_with_a_password_gets_another_one() {
        let code = |state, unfinished, stored| target::may_rotate(state, unfinished, stored).err().map(|refusal| refusal.code);
        assert_eq!(code(TargetState::Ready, false, true), None);
        assert_eq!(code(TargetState::Unverified, false, true).as_deref(), Some("not_ready"));
        assert_eq!(code(TargetState::Unverified, true, true), None, "what was begun is finished");
        assert_eq!(code(TargetState::Ready, false, false).as_deref(), Some("no_password"));
        assert_eq!(code(TargetState::Retired, true, false).as_deref(), Some("retired"));
    }
}
