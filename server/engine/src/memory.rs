//! What looks at a database remember for later ones: read before a survey, kept after it.

use crate::error::Result;
use crate::store::measurements;
use crate::transaction;
use domain::ids::TargetId;
use domain::procedure::memory::{Measurement, Memory};
use sqlx::{PgConnection, PgPool};

/// Everything that was measured on a database.
pub(crate) async fn recall(db: &mut PgConnection, target: TargetId) -> Result<Memory> {
    Ok(Memory::of(measurements::known(db, target).await?))
}

/// Keeps what a look measured, for the next one.
pub(crate) async fn remember(pool: &PgPool, target: TargetId, measured: Vec<Measurement>) -> Result<()> {
    if measured.is_empty() {
        return Ok(());
    }
    transaction::run(pool, "remember", move |db| {
        let measured = measured.clone();
        Box::pin(async move { measurements::keep(db, target, &measured).await })
    })
    .await
}
