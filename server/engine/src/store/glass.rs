//! Break-glass: who asked, who confirmed, and what was found afterwards.

use super::window_list::state;
use super::{Stamp, stamp};
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::glass::{Confirmed, Debt, Glass, Review};
use domain::ids::{GlassId, PersonId, TeamId, WindowId};
use domain::view::people::{Attention, WindowLine};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// One more than the first page has room for.
const MOST: i64 = 21;

/// Every request about a window, newest first.
pub async fn of(db: &mut PgConnection, window: WindowId) -> Result<Vec<Glass>> {
    let rows = sqlx::query!(
        r#"SELECT g.id, g.digest, g.reason, g.asked_by, a.name AS asked_name, g.asked_at, g.expires_at, g.ended_at IS NOT NULL AS "ended!",
                  g.confirmed_by, c.name AS "confirmed_name?", g.confirmed_at AS "confirmed_at: Stamp", g.review_due_at AS "review_due_at: Stamp",
                  r.justified AS "justified?", r.outcome AS "outcome?", r.reviewed_at AS "reviewed_at?: Stamp", n.name AS "reviewed_name?"
           FROM drydock.break_glass g JOIN drydock.person a ON a.id = g.asked_by LEFT JOIN drydock.person c ON c.id = g.confirmed_by
           LEFT JOIN drydock.glass_review r ON r.glass_id = g.id LEFT JOIN drydock.person n ON n.id = r.reviewed_by
           WHERE g.window_id = $1 ORDER BY g.asked_at DESC LIMIT 100"#,
        window.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let confirmed = match (row.confirmed_by, row.confirmed_name, row.confirmed_at, row.review_due_at) {
                (Some(by), Some(name), Some(at), Some(due)) => {
                    Some(Confirmed { by: PersonId(by), name, at: at.to_jiff(), review_due: due.to_jiff() })
                }
                _ => None,
            };
            let review = match (row.justified, row.outcome, row.reviewed_name, row.reviewed_at) {
                (Some(justified), Some(outcome), Some(by), Some(at)) => Some(Review { justified, outcome, by, at: at.to_jiff() }),
                _ => None,
            };
            Ok(Glass {
                id: GlassId(row.id),
                digest: Digest::from_slice(&row.digest).ok_or_else(|| Error::internal("a digest has 32 bytes"))?,
                reason: row.reason,
                asked_by: PersonId(row.asked_by),
                asked_name: row.asked_name,
                asked_at: row.asked_at.to_jiff(),
                expires_at: row.expires_at.to_jiff(),
                ended: row.ended,
                confirmed,
                review,
            })
        })
        .collect()
}

/// The break-glass by whose mark the window stands approved, or ran; `None` once it waits for votes again.
pub async fn broken(db: &mut PgConnection, window: WindowId) -> Result<Option<Glass>> {
    let mark =
        sqlx::query_scalar!("SELECT w.glass_id FROM drydock.window w WHERE w.id = $1", window.0).fetch_optional(&mut *db).await?.flatten();
    let Some(mark) = mark else { return Ok(None) };
    Ok(of(db, window).await?.into_iter().find(|glass| glass.id.0 == mark))
}

/// Whether somebody is one of the two by whose break-glass the window stands approved.
pub async fn is_by(db: &mut PgConnection, window: WindowId, person: PersonId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.window w JOIN drydock.break_glass g ON g.id = w.glass_id
                          WHERE w.id = $1 AND $2 IN (g.asked_by, g.confirmed_by)) AS "is!""#,
        window.0,
        person.0
    )
    .fetch_one(db)
    .await
}

/// Whether the break-glass counts that approved a window, for exactly these bytes; `None` where votes did, or its policy.
pub async fn holds(db: &mut PgConnection, window: WindowId, digest: Digest) -> sqlx::Result<Option<bool>> {
    let found = sqlx::query_scalar!(
        r#"SELECT drydock.glass_holds(w.id, $2) AS "holds!" FROM drydock.window w WHERE w.id = $1 AND w.glass_id IS NOT NULL"#,
        window.0,
        digest.0.as_slice()
    )
    .fetch_optional(db)
    .await?;
    Ok(found)
}

/// A request about to be written.
#[derive(Debug, Clone)]
pub struct NewGlass {
    /// Identity.
    pub id: GlassId,
    /// Which window.
    pub window: WindowId,
    /// Exactly this plan of it.
    pub digest: Digest,
    /// Why it cannot wait.
    pub reason: String,
    /// Both have to have shown a second factor.
    pub needs_factor: bool,
    /// Who asks.
    pub by: PersonId,
    /// They have shown theirs.
    pub factor: bool,
    /// Nobody can confirm it any more from then on.
    pub expires: Timestamp,
}

/// Writes a request; older ones that nobody confirmed in time, or that were about another plan, make room.
pub async fn ask(db: &mut PgConnection, new: &NewGlass) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.break_glass AS g SET ended_at = clock_timestamp()
         WHERE g.window_id = $1 AND g.confirmed_at IS NULL AND g.ended_at IS NULL AND (g.expires_at <= clock_timestamp() OR g.digest <> $2)",
        new.window.0,
        new.digest.0.as_slice()
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO drydock.break_glass (id, window_id, digest, reason, needs_factor, asked_by, asked_factor, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id.0,
        new.window.0,
        new.digest.0.as_slice(),
        new.reason,
        new.needs_factor,
        new.by.0,
        new.factor,
        stamp(new.expires) as Stamp
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Confirms a request. The table refuses what is too late, and whoever may not.
pub async fn confirm(db: &mut PgConnection, id: GlassId, by: PersonId, factor: bool, at: Timestamp, due: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE drydock.break_glass AS g SET confirmed_by = $2, confirmed_factor = $3, confirmed_at = $4, review_due_at = $5 WHERE g.id = $1",
        id.0,
        by.0,
        factor,
        stamp(at) as Stamp,
        stamp(due) as Stamp
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes a review, once.
pub async fn review(db: &mut PgConnection, id: GlassId, justified: bool, outcome: &str, by: PersonId) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.glass_review (glass_id, justified, outcome, reviewed_by) VALUES ($1, $2, $3, $4)",
        id.0,
        justified,
        outcome,
        by.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reviews that the break-glasses of a team owe, and that are overdue.
pub async fn debts(db: &mut PgConnection, team: TeamId) -> sqlx::Result<Vec<Debt>> {
    let rows = sqlx::query!(
        "SELECT w.number, g.review_due_at FROM drydock.break_glass g JOIN drydock.window w ON w.id = g.window_id
         WHERE w.team_id = $1 AND g.review_due_at <= clock_timestamp() AND NOT EXISTS (SELECT FROM drydock.glass_review r WHERE r.glass_id = g.id)
         ORDER BY g.review_due_at, w.number LIMIT 20",
        team.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter_map(|row| Some(Debt { since: row.review_due_at?.to_jiff(), window: row.number })).collect())
}

/// What a break-glass of this reader's teams owes: windows to review, the one that is due first on top; never to whoever had a part in it.
pub async fn to_review(db: &mut PgConnection, reader: PersonId) -> Result<Vec<WindowLine>> {
    let rows = sqlx::query!(
        r#"SELECT w.number, r.title, w.state, t.short_name, drydock.environments(w.id, w.revision) AS "environments!", r.start_at, r.end_at, g.review_due_at AS "due!: Stamp"
           FROM drydock.break_glass g JOIN drydock.window w ON w.id = g.window_id
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           WHERE g.confirmed_at IS NOT NULL AND NOT EXISTS (SELECT FROM drydock.glass_review v WHERE v.glass_id = g.id)
             AND $1 NOT IN (g.asked_by, g.confirmed_by) AND NOT EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = w.id AND c.person_id = $1)
             AND drydock.may_break_glass($1, w.team_id, true)
           ORDER BY g.review_due_at, w.number LIMIT $2"#,
        reader.0,
        MOST
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(WindowLine {
                number: row.number,
                title: row.title,
                state: state(&row.state)?,
                database: row.short_name,
                environments: row.environments,
                start: row.start_at.to_jiff(),
                end: row.end_at.to_jiff(),
                asked: format!("The glass was broken: review it by {}.", utc(row.due.to_jiff())),
                run: None,
                outside: false,
            })
        })
        .collect()
}

/// Windows of these teams (`None`: of all) whose review is overdue, the longest on top.
pub async fn overdue(db: &mut PgConnection, teams: Option<&[Uuid]>) -> Result<Vec<Attention>> {
    let rows = sqlx::query!(
        r#"SELECT w.number, t.short_name, g.review_due_at AS "due!: Stamp"
           FROM drydock.break_glass g JOIN drydock.window w ON w.id = g.window_id
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           WHERE g.review_due_at <= clock_timestamp() AND ($1::uuid[] IS NULL OR w.team_id = ANY ($1))
             AND NOT EXISTS (SELECT FROM drydock.glass_review v WHERE v.glass_id = g.id)
           ORDER BY g.review_due_at, w.number LIMIT $2"#,
        teams as Option<&[Uuid]>,
        MOST
    )
    .fetch_all(db)
    .await?;
    let line = |number: i64, name: String, due: Timestamp| Attention {
        what: format!("#{number} {name}"),
        why: format!(
            "The review of its break-glass is overdue since {}: until it is done, each plan sealed for the team asks for one more approver.",
            utc(due)
        ),
        to: format!("/windows/{number}#glass"),
    };
    Ok(rows.into_iter().map(|row| line(row.number, row.short_name, row.due.to_jiff())).collect())
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
