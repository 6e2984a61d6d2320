//! What people change at run time.

use sqlx::PgConnection;

/// Settings whose key starts with `prefix`, by key.
pub async fn with_prefix(db: &mut PgConnection, prefix: &str) -> sqlx::Result<Vec<(String, serde_json::Value)>> {
    let rows = sqlx::query!("SELECT s.key, s.value FROM drydock.setting s WHERE starts_with(s.key, $1) ORDER BY s.key", prefix)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
}
