//! What the pages of series read besides the series themselves.

use super::{Day, Stamp, Wall};
use crate::error::Result;
use domain::ids::SeriesId;
use domain::view::people::Attention;
use domain::view::series::{Birth, Changed, Stuck};
use domain::window::WindowState;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Series of these teams, the newest first; `None` for all teams.
pub async fn ids(db: &mut PgConnection, teams: Option<&[Uuid]>, before: Option<SeriesId>, most: i64) -> Result<Vec<SeriesId>> {
    let rows = sqlx::query_scalar!(
        "SELECT s.id FROM drydock.series s WHERE ($1::uuid[] IS NULL OR s.team_id = ANY ($1)) AND ($2::uuid IS NULL OR s.id < $2) ORDER BY s.id DESC LIMIT $3",
        teams as Option<&[Uuid]>,
        before.map(|id| id.0),
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(SeriesId).collect())
}

/// Which of these have a date without a window that somebody should look at: one to come, or one that passed within two weeks.
pub async fn with_stuck(db: &mut PgConnection, ids: &[SeriesId]) -> Result<BTreeSet<SeriesId>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_scalar!(
        "SELECT DISTINCT k.series_id FROM drydock.series_stuck k WHERE k.series_id = ANY ($1) AND k.start_at > clock_timestamp() - interval '14 days'",
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(SeriesId).collect())
}

/// Dates without a window, the latest first; of the days from `between.0` to `between.1` where that is given.
pub async fn stuck(db: &mut PgConnection, id: SeriesId, between: Option<(Date, Date)>, most: Option<i64>) -> Result<Vec<Stuck>> {
    let (from, to) = between.unzip();
    let rows = sqlx::query!(
        "SELECT k.day, k.start_at, k.code, k.message, k.since FROM drydock.series_stuck k
         WHERE k.series_id = $1 AND ($2::date IS NULL OR k.day >= $2) AND ($3::date IS NULL OR k.day <= $3) ORDER BY k.start_at DESC LIMIT $4",
        id.0,
        from.map(|day| day.to_sqlx()) as Option<Day>,
        to.map(|day| day.to_sqlx()) as Option<Day>,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Stuck {
            day: row.day.to_jiff(),
            start: row.start_at.to_jiff(),
            passed: row.code == "passed",
            message: row.message,
            since: row.since.to_jiff(),
        })
        .collect())
}

/// Windows born of a series, the latest date first; of the days from `between.0` to `between.1` where that is given.
pub async fn births(db: &mut PgConnection, id: SeriesId, between: Option<(Date, Date)>, most: Option<i64>) -> Result<Vec<Birth>> {
    let (from, to) = between.unzip();
    let rows = sqlx::query!(
        "SELECT b.day, b.born_at, w.number, w.state, r.title, r.start_at
         FROM drydock.series_birth b JOIN drydock.window w ON w.id = b.window_id
         JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
         WHERE b.series_id = $1 AND ($2::date IS NULL OR b.day >= $2) AND ($3::date IS NULL OR b.day <= $3) ORDER BY b.day DESC LIMIT $4",
        id.0,
        from.map(|day| day.to_sqlx()) as Option<Day>,
        to.map(|day| day.to_sqlx()) as Option<Day>,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Birth {
                day: row.day.to_jiff(),
                number: row.number,
                title: row.title,
                state: super::targets::meaning(WindowState::from_word(&row.state), &row.state)?,
                start: row.start_at.to_jiff(),
                born_at: row.born_at.to_jiff(),
            })
        })
        .collect()
}

/// Who changed a date, and why.
pub async fn changed(db: &mut PgConnection, id: SeriesId, day: Date) -> Result<Option<Changed>> {
    let row = sqlx::query!(
        r#"SELECT c.moved_to AS "moved_to: Wall", c.reason, c.changed_at, p.name FROM drydock.series_change c JOIN drydock.person p ON p.id = c.changed_by
           WHERE c.series_id = $1 AND c.day = $2"#,
        id.0,
        day.to_sqlx() as Day
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Changed { moved_to: row.moved_to.map(Wall::to_jiff), reason: row.reason, by: row.name, at: row.changed_at.to_jiff() }))
}

/// Series that wait for a person, for the first page: one more than there is room for says that there are more.
pub async fn in_need(db: &mut PgConnection, teams: Option<&[Uuid]>) -> Result<Vec<Attention>> {
    let rows = sqlx::query!(
        r#"SELECT s.id, s.title, coalesce(s.trouble, k.message) AS "why!", CASE WHEN s.trouble IS NULL THEN k.start_at END AS "start_at?: Stamp", s.zone
           FROM drydock.series s
           LEFT JOIN LATERAL (SELECT k.message, k.start_at FROM drydock.series_stuck k
                              WHERE k.series_id = s.id AND k.start_at > clock_timestamp() - interval '14 days' ORDER BY k.start_at DESC LIMIT 1) k ON true
           WHERE s.ended_at IS NULL AND ($1::uuid[] IS NULL OR s.team_id = ANY ($1)) AND (s.trouble IS NOT NULL OR k.message IS NOT NULL)
           ORDER BY s.id DESC LIMIT 21"#,
        teams as Option<&[Uuid]>
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let zone = jiff::tz::TimeZone::get(&row.zone).unwrap_or(jiff::tz::TimeZone::UTC);
            let date = row.start_at.map(|at| at.to_jiff().to_zoned(zone).strftime("%-d %b: ").to_string()).unwrap_or_default();
            Attention { what: format!("Series {}", row.title), why: format!("{date}{}", row.why), to: format!("/series/{}", row.id) }
        })
        .collect())
}
