//! Series, their dates that are not as the rule says, and what was born of them.

use super::{Day, Stamp, Wall, stamp};
use crate::error::{Error, Result};
use domain::ids::{PersonId, SeriesId, TargetId, TeamId, WindowId};
use domain::recurrence::Rule;
use domain::series::form::SeriesForm;
use domain::series::{Change, Schedule, Trouble};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A series with its database as it is now.
#[derive(Debug, Clone)]
pub struct Series {
    /// Identity.
    pub id: SeriesId,
    /// Owner team.
    pub team: TeamId,
    /// Its name.
    pub team_name: String,
    /// The database.
    pub target: TargetId,
    /// Its short name now.
    pub database: String,
    /// Its environment word.
    pub environment: String,
    /// Its state word.
    pub database_state: String,
    /// Its owner team now.
    pub database_team: TeamId,
    /// Its zone now.
    pub database_zone: String,
    /// Who saved the series last.
    pub author: PersonId,
    /// That person's name.
    pub author_name: String,
    /// Short description.
    pub title: String,
    /// What was typed.
    pub form: SeriesForm,
    /// When it happens.
    pub schedule: Schedule,
    /// Zone of its wall times.
    pub zone: String,
    /// Days before its start on which each window is proposed.
    pub lead_days: i64,
    /// Counts up with every edit.
    pub revision: i32,
    /// Dates that start before this are settled.
    pub looked_at: Timestamp,
    /// What keeps every date from being proposed, and since when.
    pub trouble: Option<(Trouble, Timestamp)>,
    /// When and by whom it was ended, and why.
    pub ended: Option<(Timestamp, String, String)>,
}

impl Series {
    /// The zone its dates are placed in.
    pub fn zone(&self) -> Result<TimeZone> {
        TimeZone::get(&self.zone).map_err(|_| Error::internal(format!("unknown zone {}", self.zone)))
    }
}

/// What is saved of a series.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Short description.
    pub title: String,
    /// What was typed.
    pub form: serde_json::Value,
    /// The rule and the first wall time.
    pub schedule: Schedule,
    /// Zone of its wall times.
    pub zone: String,
    /// Days of lead.
    pub lead_days: i32,
}

/// The series with this identity.
pub async fn find(db: &mut PgConnection, id: SeriesId) -> Result<Option<Series>> {
    Ok(many(db, &[id]).await?.pop())
}

/// Several of them, the newest first.
pub async fn many(db: &mut PgConnection, ids: &[SeriesId]) -> Result<Vec<Series>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT s.id, s.team_id, s.target_id, s.author_id, s.title, s.form, s.rule, s.starts_at, s.zone, s.lead_days, s.revision, s.looked_at,
                  s.trouble_code, s.trouble, s.trouble_since AS "trouble_since: Stamp", s.ended_at AS "ended_at: Stamp", s.ended_reason,
                  a.name AS author, e.name AS "ended_by?", m.name AS team, t.short_name, t.state, t.team_id AS target_team, t.zone AS target_zone, t.environment
           FROM drydock.series s
           JOIN drydock.target t ON t.id = s.target_id
           JOIN drydock.team m ON m.id = s.team_id
           JOIN drydock.person a ON a.id = s.author_id
           LEFT JOIN drydock.person e ON e.id = s.ended_by
           WHERE s.id = ANY ($1) ORDER BY s.id DESC"#,
        &ids
    )
    .fetch_all(&mut *db)
    .await?;
    let mut changes = changes(db, &ids).await?;
    let read = |text: &str| Rule::parse(text).map_err(|errors| Error::internal(format!("the rule {text} cannot be read: {errors:?}")));
    rows.into_iter()
        .map(|row| {
            let id = SeriesId(row.id);
            let trouble = row.trouble_code.zip(row.trouble).map(|(code, message)| Trouble { code, message });
            let ended = row.ended_at.zip(row.ended_by);
            Ok(Series {
                id,
                team: TeamId(row.team_id),
                team_name: row.team,
                target: TargetId(row.target_id),
                database: row.short_name,
                environment: row.environment,
                database_state: row.state,
                database_team: TeamId(row.target_team),
                database_zone: row.target_zone,
                author: PersonId(row.author_id),
                author_name: row.author,
                title: row.title,
                form: serde_json::from_value(row.form)?,
                schedule: Schedule {
                    start: row.starts_at.to_jiff(),
                    rule: read(&row.rule)?,
                    changes: changes.remove(&id).unwrap_or_default(),
                },
                zone: row.zone,
                lead_days: row.lead_days.into(),
                revision: row.revision,
                looked_at: row.looked_at.to_jiff(),
                trouble: trouble.zip(row.trouble_since.map(Stamp::to_jiff)),
                ended: ended.map(|(at, by)| (at.to_jiff(), by, row.ended_reason.unwrap_or_default())),
            })
        })
        .collect()
}

async fn changes(db: &mut PgConnection, ids: &[Uuid]) -> Result<BTreeMap<SeriesId, BTreeMap<Date, Change>>> {
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

/// The series, its row taken until the transaction ends: births and changes happen one after the other.
pub async fn lock(db: &mut PgConnection, id: SeriesId) -> Result<Option<Series>> {
    sqlx::query!("SELECT s.id FROM drydock.series s WHERE s.id = $1 FOR NO KEY UPDATE", id.0).fetch_optional(&mut *db).await?;
    find(db, id).await
}

/// The same for a series whose look is due, unless another worker has it.
pub async fn lock_due(db: &mut PgConnection, id: SeriesId) -> Result<Option<Series>> {
    let due = sqlx::query!(
        "SELECT s.id FROM drydock.series s WHERE s.id = $1 AND s.ended_at IS NULL AND s.next_look_at <= clock_timestamp() FOR NO KEY UPDATE SKIP LOCKED",
        id.0
    )
    .fetch_optional(&mut *db)
    .await?;
    if due.is_some() { find(db, id).await } else { Ok(None) }
}

/// Series whose look is due, the longest overdue first.
pub async fn due(db: &mut PgConnection, most: i64) -> Result<Vec<SeriesId>> {
    let rows = sqlx::query_scalar!(
        "SELECT s.id FROM drydock.series s WHERE s.ended_at IS NULL AND s.next_look_at <= clock_timestamp() ORDER BY s.next_look_at LIMIT $1",
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(SeriesId).collect())
}

/// Makes a series. Refused by the table for a database that is not the team's.
pub async fn insert(db: &mut PgConnection, id: SeriesId, team: TeamId, target: TargetId, by: PersonId, new: &Saved) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.series (id, team_id, target_id, author_id, title, form, rule, starts_at, zone, lead_days) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id.0,
        team.0,
        target.0,
        by.0,
        new.title,
        new.form,
        new.schedule.rule.to_string(),
        new.schedule.start.to_sqlx() as Wall,
        new.zone,
        new.lead_days
    )
    .execute(&mut *db)
    .await?;
    add_author(db, id, by).await
}

async fn add_author(db: &mut PgConnection, id: SeriesId, by: PersonId) -> Result<()> {
    sqlx::query!("INSERT INTO drydock.series_author (series_id, person_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", id.0, by.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Saves a series anew, by its new author, if it is still at the expected revision; a worker looks at it at once.
pub async fn update(db: &mut PgConnection, id: SeriesId, expected: i32, by: PersonId, new: &Saved) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.series SET author_id = $3, title = $4, form = $5, rule = $6, starts_at = $7, zone = $8, lead_days = $9, revision = $2 + 1, next_look_at = clock_timestamp()
         WHERE id = $1 AND revision = $2",
        id.0,
        expected,
        by.0,
        new.title,
        new.form,
        new.schedule.rule.to_string(),
        new.schedule.start.to_sqlx() as Wall,
        new.zone,
        new.lead_days
    )
    .execute(&mut *db)
    .await?;
    add_author(db, id, by).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a series.
pub async fn end(db: &mut PgConnection, id: SeriesId, by: PersonId, reason: &str, at: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.series SET ended_at = $3, ended_by = $2, ended_reason = $4 WHERE id = $1",
        id.0,
        by.0,
        stamp(at) as Stamp,
        reason
    )
    .execute(db)
    .await?;
    Ok(())
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

/// Writes down which window was proposed for which day. Refused by the table: a second one, the past, a day that is left out.
pub async fn insert_birth(db: &mut PgConnection, of: &Series, day: Date, window: WindowId, start: Timestamp) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.series_birth (series_id, day, team_id, window_id, start_at) VALUES ($1, $2, $3, $4, $5)",
        of.id.0,
        day.to_sqlx() as Day,
        of.team.0,
        window.0,
        stamp(start) as Stamp
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

/// A look was taken: what started before `at` is settled, and the next look is due `next`.
pub async fn looked(db: &mut PgConnection, id: SeriesId, at: Timestamp, next: Timestamp, trouble: Option<&Trouble>) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.series AS s SET looked_at = greatest(s.looked_at, $2), next_look_at = $3, trouble_code = $4, trouble = $5,
             trouble_since = CASE WHEN $4::text IS NULL THEN NULL WHEN s.trouble_code = $4 THEN s.trouble_since ELSE clock_timestamp() END
         WHERE s.id = $1",
        id.0,
        stamp(at) as Stamp,
        stamp(next) as Stamp,
        trouble.map(|trouble| trouble.code.as_str()),
        trouble.map(|trouble| trouble.message.as_str())
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Everything that was due was proposed: the next look is due `next`, unless somebody changed the series meanwhile.
pub async fn settled(db: &mut PgConnection, id: SeriesId, revision: i32, next: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.series AS s SET next_look_at = $3 WHERE s.id = $1 AND s.revision = $2 AND s.ended_at IS NULL AND s.next_look_at > clock_timestamp()",
        id.0,
        revision,
        stamp(next) as Stamp
    )
    .execute(db)
    .await?;
    Ok(())
}
