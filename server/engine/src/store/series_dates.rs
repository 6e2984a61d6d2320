//! Dates of series: those that are not as the rule says, those that have their window, and those that cannot have it.

use super::series::Series;
use super::{Day, Stamp, Wall, stamp};
use crate::error::Result;
use domain::ids::{PersonId, SeriesId, WindowId};
use domain::series::{Change, Trouble};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What was done to dates of these series.
pub(super) async fn changes(db: &mut PgConnection, ids: &[Uuid]) -> Result<BTreeMap<SeriesId, BTreeMap<Date, Change>>> {
    let rows = sqlx::query!(
        r#"SELECT c.series_id, c.day, c.moved_to AS "moved_to: Wall" FROM drydock.series_change c WHERE c.series_id = ANY ($1)"#,
        ids
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<SeriesId, BTreeMap<Date, Change>> = BTreeMap::new();
    for row in rows {
        let change = row.moved_to.map_or(Change::Skipped, |to| Change::Moved(to.to_jiff()));
        found.entry(SeriesId(row.series_id)).or_default().insert(row.day.to_jiff(), change);
    }
    Ok(found)
}

/// Leaves a date out, or moves it; a worker looks at the series at once.
pub async fn change(db: &mut PgConnection, id: SeriesId, day: Date, to: Option<DateTime>, reason: &str, by: PersonId) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.series_change (series_id, day, moved_to, reason, changed_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (series_id, day) DO UPDATE SET moved_to = excluded.moved_to, reason = excluded.reason, changed_by = excluded.changed_by, changed_at = clock_timestamp()",
        id.0,
        day.to_sqlx() as Day,
        to.map(|to| to.to_sqlx()) as Option<Wall>,
        reason,
        by.0
    )
    .execute(&mut *db)
    .await?;
    forget(db, id, day).await
}

/// Puts a date back to where the rule has it; false when it is there.
pub async fn restore(db: &mut PgConnection, id: SeriesId, day: Date) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM drydock.series_change WHERE series_id = $1 AND day = $2", id.0, day.to_sqlx() as Day)
        .execute(&mut *db)
        .await?;
    forget(db, id, day).await?;
    Ok(done.rows_affected() == 1)
}

/// What was in the way of a date is asked anew.
async fn forget(db: &mut PgConnection, id: SeriesId, day: Date) -> Result<()> {
    unstick(db, id, day).await?;
    sqlx::query!("UPDATE drydock.series SET next_look_at = clock_timestamp() WHERE id = $1", id.0).execute(db).await?;
    Ok(())
}

/// Nothing is in the way of this date any more.
pub async fn unstick(db: &mut PgConnection, id: SeriesId, day: Date) -> Result<()> {
    sqlx::query!("DELETE FROM drydock.series_stuck WHERE series_id = $1 AND day = $2", id.0, day.to_sqlx() as Day).execute(db).await?;
    Ok(())
}

/// Nothing is in the way of any date to come: what kept the old ones says nothing about the new ones. What passed stays readable.
pub async fn unstick_all(db: &mut PgConnection, id: SeriesId) -> Result<()> {
    sqlx::query!("DELETE FROM drydock.series_stuck WHERE series_id = $1 AND code <> 'passed'", id.0).execute(db).await?;
    Ok(())
}

/// What is in the way of this date, and the stable word for it.
pub async fn stuck(db: &mut PgConnection, id: SeriesId, day: Date) -> Result<Option<Trouble>> {
    let row = sqlx::query!(
        "SELECT s.code, s.message FROM drydock.series_stuck s WHERE s.series_id = $1 AND s.day = $2",
        id.0,
        day.to_sqlx() as Day
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Trouble { code: row.code, message: row.message }))
}

/// Remembers what is in the way of a date; since when, where that is new.
pub async fn stick(db: &mut PgConnection, id: SeriesId, day: Date, start: Timestamp, trouble: &Trouble) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.series_stuck AS s (series_id, day, start_at, code, message) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (series_id, day) DO UPDATE SET start_at = excluded.start_at, code = excluded.code, message = excluded.message,
             since = CASE WHEN s.code = excluded.code THEN s.since ELSE clock_timestamp() END",
        id.0,
        day.to_sqlx() as Day,
        stamp(start) as Stamp,
        trouble.code,
        trouble.message
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Days from `from` on that have their window.
pub async fn born_from(db: &mut PgConnection, id: SeriesId, from: Date) -> Result<BTreeSet<Date>> {
    let days =
        sqlx::query_scalar!("SELECT b.day FROM drydock.series_birth b WHERE b.series_id = $1 AND b.day >= $2", id.0, from.to_sqlx() as Day)
            .fetch_all(db)
            .await?;
    Ok(days.into_iter().map(Day::to_jiff).collect())
}

/// The window of this day, by number.
pub async fn born(db: &mut PgConnection, id: SeriesId, day: Date) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "SELECT w.number FROM drydock.series_birth b JOIN drydock.window w ON w.id = b.window_id WHERE b.series_id = $1 AND b.day = $2",
        id.0,
        day.to_sqlx() as Day
    )
    .fetch_optional(db)
    .await?)
}

/// Writes down which window was proposed for which day, and why it asks by itself where dates were put together to be approved. Refused by the
/// table: a second one, the past, a day that is left out.
pub async fn insert_birth(
    db: &mut PgConnection,
    of: &Series,
    day: Date,
    window: WindowId,
    start: Timestamp,
    uncovered: Option<&str>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.series_birth (series_id, day, team_id, window_id, start_at, uncovered) VALUES ($1, $2, $3, $4, $5, $6)",
        of.id.0,
        day.to_sqlx() as Day,
        of.team.0,
        window.0,
        stamp(start) as Stamp,
        uncovered
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Everybody who wrote what a window of this day says: who ever saved the series, and who moved the day.
pub async fn writers(db: &mut PgConnection, id: SeriesId, day: Date) -> Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT a.person_id AS "person!" FROM drydock.series_author a WHERE a.series_id = $1
           UNION SELECT c.changed_by FROM drydock.series_change c WHERE c.series_id = $1 AND c.day = $2"#,
        id.0,
        day.to_sqlx() as Day
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}
