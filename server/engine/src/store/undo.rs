//! What is on record of a run's way back.

use crate::error::{Error, Result};
use domain::ids::RunId;
use domain::run::Outcome;
use serde_json::Value;
use sqlx::PgConnection;

/// The newest try of one part.
#[derive(Debug, Clone)]
pub struct UndoPart {
    /// Which try, from 1.
    pub number: i32,
    /// Its session was on record: it may have run.
    pub started: bool,
    /// What tells whether it ran, once it was started.
    pub evidence: Option<Value>,
    /// How it ended; `None` while nobody knows.
    pub outcome: Option<Outcome>,
    /// The same in a sentence.
    pub detail: String,
}

/// The newest try of a part; `None` when there was none.
pub async fn newest(db: &mut PgConnection, run: RunId, ordinal: i32) -> Result<Option<UndoPart>> {
    let row = sqlx::query!(
        "SELECT number, state, evidence, outcome, detail FROM drydock.undo_part WHERE run_id = $1 AND ordinal = $2 ORDER BY number DESC LIMIT 1",
        run.0,
        ordinal
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let outcome =
            row.outcome.as_deref().map(|word| Outcome::from_word(word).ok_or_else(|| Error::internal(format!("unknown outcome {word}"))));
        Ok(UndoPart {
            number: row.number,
            started: row.state != "intent",
            evidence: row.evidence,
            outcome: outcome.transpose()?,
            detail: row.detail,
        })
    })
    .transpose()
}
