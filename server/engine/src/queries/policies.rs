//! Policies: who must approve what. Everybody with an account may read them; they are no secret.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::Result;
use crate::{store, transaction};
use domain::permission::{Verb, authorize};
use domain::view::policies::PolicyView;

/// All policies, by name.
pub async fn list(engine: &Engine, caller: &Caller) -> Result<Vec<PolicyView>> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    transaction::read(engine.pool(), "policies", |db| {
        Box::pin(async move {
            let rows = store::policies::all(db).await?;
            Ok(rows
                .into_iter()
                .map(|row| PolicyView {
                    id: row.id,
                    name: row.name,
                    environments: row.environments,
                    version: row.version,
                    rules: row.rules,
                    digest: row.digest,
                    saved_by: row.saved_by,
                    saved_at: row.saved_at,
                })
                .collect())
        })
    })
    .await
}
