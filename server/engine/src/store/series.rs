//! Series, and the looks that are taken at them.

use super::{Stamp, Wall, series_dates, stamp};
use crate::error::{Error, Result};
use domain::ids::{PersonId, SeriesId, TargetId, TeamId};
use domain::proposal::several::in_todays_names;
use domain::recurrence::Rule;
use domain::series::form::SeriesForm;
use domain::series::{Schedule, Trouble};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use std::collections::BTreeMap;
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
    /// The databases besides the first one, by name.
    pub others: Vec<Other>,
    /// Zone of its wall times.
    pub zone: String,
    /// Days before its start on which each window is proposed.
    pub lead_days: i64,
    /// Counts up with every edit.
    pub revision: i32,
    /// Dates that start before this are settled: somebody looked, or they were none of its dates before it was last saved.
    pub settled_at: Timestamp,
    /// What keeps every date from being proposed, and since when.
    pub trouble: Option<(Trouble, Timestamp)>,
    /// When and by whom it was ended, and why.
    pub ended: Option<(Timestamp, String, String)>,
}

/// Another database of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The database.
    pub target: TargetId,
    /// As the form names it.
    typed_name: String,
    /// Its short name now.
    pub short_name: String,
    /// Its environment word.
    pub environment: String,
    /// Its state word.
    pub state: String,
    /// Its owner team now.
    pub team: TeamId,
}

impl Series {
    /// What was typed, with the names that its databases bear today.
    #[must_use]
    pub fn form_today(&self) -> SeriesForm {
        let mut form = self.form.clone();
        let before = form.proposal.target.trim().to_lowercase();
        let mut today: BTreeMap<String, String> =
            self.others.iter().map(|other| (other.typed_name.clone(), other.short_name.clone())).collect();
        today.insert(before, self.database.clone());
        form.proposal.waves = in_todays_names(form.proposal.waves, &today);
        form.proposal.target.clone_from(&self.database);
        form
    }
    /// Short name of its first database, and how many others there are.
    #[must_use]
    pub fn databases(&self) -> String {
        if self.others.is_empty() { self.database.clone() } else { format!("{} and {} more", self.database, self.others.len()) }
    }
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
    /// The databases besides the first one, with their short names.
    pub others: Vec<(TargetId, String)>,
}

/// The series with this identity.
pub async fn find(db: &mut PgConnection, id: SeriesId) -> Result<Option<Series>> {
    Ok(many(db, &[id]).await?.pop())
}

/// Several of them, the newest first.
pub async fn many(db: &mut PgConnection, ids: &[SeriesId]) -> Result<Vec<Series>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT s.id, s.team_id, s.target_id, s.author_id, s.title, s.form, s.rule, s.starts_at, s.zone, s.lead_days, s.revision,
                  greatest(s.looked_at, s.edited_at) AS "settled_at!: Stamp",
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
    let mut changes = series_dates::changes(db, &ids).await?;
    let mut others = others(db, &ids).await?;
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
                others: others.remove(&id).unwrap_or_default(),
                zone: row.zone,
                lead_days: row.lead_days.into(),
                revision: row.revision,
                settled_at: row.settled_at.to_jiff(),
                trouble: trouble.zip(row.trouble_since.map(Stamp::to_jiff)),
                ended: ended.map(|(at, by)| (at.to_jiff(), by, row.ended_reason.unwrap_or_default())),
            })
        })
        .collect()
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

/// The databases of these series besides their first ones.
async fn others(db: &mut PgConnection, ids: &[Uuid]) -> Result<BTreeMap<SeriesId, Vec<Other>>> {
    let rows = sqlx::query!(
        "SELECT o.series_id, o.target_id, o.typed_name, t.short_name, t.environment, t.state, t.team_id
         FROM drydock.series_target o JOIN drydock.target t ON t.id = o.target_id WHERE o.series_id = ANY ($1) ORDER BY t.short_name",
        ids
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<SeriesId, Vec<Other>> = BTreeMap::new();
    for row in rows {
        found.entry(SeriesId(row.series_id)).or_default().push(Other {
            target: TargetId(row.target_id),
            typed_name: row.typed_name,
            short_name: row.short_name,
            environment: row.environment,
            state: row.state,
            team: TeamId(row.team_id),
        });
    }
    Ok(found)
}

/// Keeps which other databases a series is about from now on.
async fn put_others(db: &mut PgConnection, id: SeriesId, others: &[(TargetId, String)]) -> Result<()> {
    let (targets, names): (Vec<Uuid>, Vec<String>) = others.iter().map(|(target, name)| (target.0, name.clone())).unzip();
    sqlx::query!("DELETE FROM drydock.series_target o WHERE o.series_id = $1", id.0).execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO drydock.series_target (series_id, target_id, typed_name) SELECT $1, o.id, o.name FROM unnest($2::uuid[], $3::text[]) AS o (id, name)",
        id.0,
        &targets,
        &names
    )
    .execute(db)
    .await?;
    Ok(())
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
    put_others(db, id, &new.others).await?;
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
        "UPDATE drydock.series SET author_id = $3, title = $4, form = $5, rule = $6, starts_at = $7, zone = $8, lead_days = $9, revision = $2 + 1, edited_at = clock_timestamp(), next_look_at = clock_timestamp()
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
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    put_others(db, id, &new.others).await?;
    add_author(db, id, by).await?;
    series_dates::unstick_all(db, id).await?;
    Ok(true)
}

/// Ends a series: what was in the way of its dates is nobody's business any more.
pub async fn end(db: &mut PgConnection, id: SeriesId, by: PersonId, reason: &str, at: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.series SET ended_at = $3, ended_by = $2, ended_reason = $4 WHERE id = $1",
        id.0,
        by.0,
        stamp(at) as Stamp,
        reason
    )
    .execute(&mut *db)
    .await?;
    series_dates::unstick_all(db, id).await
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

/// A look failed: it is taken again after a while, so that the others get theirs.
pub async fn postpone(db: &mut PgConnection, id: SeriesId, for_s: i32) -> Result<()> {
    sqlx::query!("UPDATE drydock.series SET next_look_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1 AND ended_at IS NULL AND next_look_at <= clock_timestamp()", id.0, f64::from(for_s))
        .execute(db)
        .await?;
    Ok(())
}
