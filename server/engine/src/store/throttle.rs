//! What was tried in vain lately, counted over all web processes. The rules are [`domain::throttle`]'s.

use super::{Stamp, stamp};
use jiff::{SignedDuration, Timestamp};
use sqlx::{PgConnection, PgPool};

/// What is counted: a hash, so that no address that was typed can be read from it.
pub(crate) type Subject = [u8; 32];

/// A count after a failure was added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) failures: i32,
    pub(crate) since: Timestamp,
    pub(crate) now: Timestamp,
}

/// Which of the subjects have to wait: with until when, and what time it is.
pub(crate) async fn blocked(pool: &PgPool, subjects: &[Subject]) -> sqlx::Result<Vec<(Vec<u8>, Timestamp, Timestamp)>> {
    let subjects: Vec<Vec<u8>> = subjects.iter().map(|subject| subject.to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT t.subject, t.blocked_until, clock_timestamp() AS "now!" FROM drydock.throttle t WHERE t.subject = ANY ($1) AND t.blocked_until > clock_timestamp()"#,
        &subjects
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.subject, row.blocked_until.to_jiff(), row.now.to_jiff())).collect())
}

/// Adds `step` failures to a count, which begins anew when it began longer ago than `within`. A step of 0 writes as much and adds nothing.
pub(crate) async fn count(db: &mut PgConnection, subject: &Subject, within: SignedDuration, step: i32) -> sqlx::Result<Count> {
    let row = sqlx::query!(
        r#"INSERT INTO drydock.throttle AS t (subject, failures, since) VALUES ($1, 1, clock_timestamp())
           ON CONFLICT (subject) DO UPDATE SET
               failures = CASE WHEN t.since < clock_timestamp() - make_interval(secs => $2) THEN 1 ELSE least(t.failures + $3, 1000000) END,
               since = CASE WHEN t.since < clock_timestamp() - make_interval(secs => $2) THEN clock_timestamp() ELSE t.since END
           RETURNING t.failures, t.since, clock_timestamp() AS "now!""#,
        subject.as_slice(),
        within.as_secs_f64(),
        step
    )
    .fetch_one(db)
    .await?;
    Ok(Count { failures: row.failures, since: row.since.to_jiff(), now: row.now.to_jiff() })
}

/// Lets a subject wait.
pub(crate) async fn block(db: &mut PgConnection, subject: &Subject, until: Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.throttle AS t SET blocked_until = greatest(t.blocked_until, $2) WHERE t.subject = $1",
        subject.as_slice(),
        stamp(until) as Stamp
    )
    .execute(db)
    .await
    .map(drop)
}

/// Forgets failures, unless the subject has to wait: false then.
pub(crate) async fn forget_unless_blocked(db: &mut PgConnection, subject: &Subject) -> sqlx::Result<bool> {
    let blocked = sqlx::query_scalar!(
        r#"SELECT t.blocked_until > clock_timestamp() AS "blocked!" FROM drydock.throttle t WHERE t.subject = $1 FOR UPDATE"#,
        subject.as_slice()
    )
    .fetch_optional(&mut *db)
    .await?;
    if blocked == Some(true) {
        return Ok(false);
    }
    forget(db, subject).await?;
    Ok(true)
}

/// Forgets failures: the person proved who they are in another way.
pub(crate) async fn forget(db: &mut PgConnection, subject: &Subject) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM drydock.throttle AS t WHERE t.subject = $1", subject.as_slice()).execute(db).await.map(drop)
}

/// Forgets counts that mean nothing any more.
pub(crate) async fn sweep(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM drydock.throttle AS t WHERE t.since < clock_timestamp() - interval '1 day' AND t.blocked_until < clock_timestamp()"
    )
    .execute(db)
    .await
    .map(drop)
}
