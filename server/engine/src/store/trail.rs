//! Reads of the trail.

use sqlx::PgConnection;

/// True when there is a fact of this action about this object.
pub async fn exists(db: &mut PgConnection, action: &str, object_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.fact f WHERE f.action = $1 AND f.object_id = $2) AS "exists!""#,
        action,
        object_id
    )
    .fetch_one(db)
    .await
}
