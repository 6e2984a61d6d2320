//! Sealed work lists of earlier runs on a database: who waits, and how many had their turn.

use crate::error::Result;
use domain::canonical::digest;
use domain::ids::TargetId;
use domain::procedure::WorkList;
use domain::procedure::fair::Past;
use domain::run::Outcome;
use sqlx::PgConnection;

/// Windows that are looked back: an object that no list of these speaks of begins to wait anew.
pub const LOOKED_BACK: i64 = 12;

/// The lists of the newest runs of a database that ended, the newest first. They are advice: one whose bytes are not those that were sealed is left
/// out, and the log says so.
pub async fn newest(db: &mut PgConnection, target: TargetId, most: i64) -> Result<Vec<Past>> {
    let rows = sqlx::query!(
        r#"SELECT l.bytes, l.digest, ARRAY(SELECT i.outcome FROM drydock.item i WHERE i.run_id = r.id ORDER BY i.ordinal) AS "outcomes!: Vec<Option<String>>"
           FROM drydock.run r JOIN drydock.work_list l ON l.run_id = r.id
           WHERE r.target_id = $1 AND r.state = 'ended' ORDER BY r.ended_at DESC LIMIT $2"#,
        target.0,
        most
    )
    .fetch_all(db)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let sealed = digest("work_list", &row.bytes).0.as_slice() == row.digest;
        let Some(list) = WorkList::from_bytes(&row.bytes).ok().filter(|_| sealed) else {
            tracing::warn!(%target, "a stored work list is not the one that was sealed; it counts for nothing");
            continue;
        };
        let outcomes = row.outcomes.iter().map(|word| word.as_deref().and_then(Outcome::from_word)).collect();
        found.push(Past { list, outcomes });
    }
    Ok(found)
}
