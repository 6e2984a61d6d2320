//! Accepts, with a reason, that a database outside production is maintained by a superuser's role.

use super::{Caller, ask_examination, scope};
use crate::engine::Engine;
use crate::error::Result;
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::examination::Question;
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::people;
use domain::permission::Verb;
use domain::target::Environment;

/// Records the reason and tests the connection again, which then may pass.
///
/// # Errors
/// No reason; a production or retired database; no right in that team.
pub async fn acknowledge_superuser(engine: &Engine, caller: &Caller, id: TargetId, reason: &str) -> Result<()> {
    let (target, permit) = scope::target(engine, caller, id, Verb::ManageTarget).await?;
    let reason = people::text("reason", reason, 10, 500).map_err(|error| vec![error])?;
    if target.registration.environment == Environment::Production {
        return Err(Refusal::new(
            "superuser",
            "A superuser's role is never accepted for production.",
            "Create a role of its own, then edit the registration and give its name and password.",
        )
        .into());
    }
    let request = caller.request.clone();
    transaction::run(engine.pool(), "acknowledge_superuser", move |db| {
        let (permit, request, reason) = (permit.clone(), request.clone(), reason.clone());
        Box::pin(async move {
            store::targets::lock(db, id).await?;
            if !store::targets::acknowledge_superuser(db, id, &reason).await? {
                return Err(scope::moved_on());
            }
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("target.acknowledge_superuser", "target", id).of_team(target.team).with("reason", reason)).await?;
            ask_examination::apply(&mut ledger, id, target.team, &Question::ConnectionTest).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Examiner, Wake::Sealer]).await;
    Ok(())
}
