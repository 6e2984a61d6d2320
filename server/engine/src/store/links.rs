//! Links, as those who ask for a fresh one need them.

use domain::ids::{PersonId, WindowId};
use sqlx::PgConnection;

/// Decision links made for one person about one window.
#[derive(Debug, Clone, Copy)]
pub struct Recent {
    /// Seconds since the newest was made; `None` when there was none.
    pub newest_s: Option<f64>,
    /// How many were made within the last 24 hours.
    pub in_a_day: i64,
}

/// How many decision links were made lately.
pub async fn recent(db: &mut PgConnection, window: WindowId, person: PersonId) -> sqlx::Result<Recent> {
    let row = sqlx::query!(
        r#"SELECT extract(epoch FROM clock_timestamp() - max(l.created_at))::float8 AS newest_s,
                  count(*) FILTER (WHERE l.created_at > clock_timestamp() - interval '24 hours') AS "in_a_day!"
           FROM drydock.link l WHERE l.window_id = $1 AND l.person_id = $2 AND l.purpose = 'approve'"#,
        window.0,
        person.0
    )
    .fetch_one(db)
    .await?;
    Ok(Recent { newest_s: row.newest_s, in_a_day: row.in_a_day })
}
