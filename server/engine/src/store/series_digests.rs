//! Dates of series that are approved together: what was asked, who approved it, and which windows it covers.

use super::{Day, Stamp};
use crate::error::{Error, Result};
use domain::approval::{Assurance, StandingVote, VoteDecision};
use domain::canonical::Digest;
use domain::ids::{PersonId, SeriesDigestId, SeriesId, VoteId, WindowId};
use domain::series::digest::{SeriesDigest, Uncovered};
use domain::view::windows::page::OfSeries;
use domain::window::WindowState;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Dates that somebody asked to be approved together.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Identity.
    pub id: SeriesDigestId,
    /// Of which revision of the series.
    pub revision: i32,
    /// What people approve.
    pub digest: Digest,
    /// Who asked.
    pub asked_by: PersonId,
    /// That person's name.
    pub asked_by_name: String,
    /// When.
    pub asked_at: Timestamp,
    /// When the last date starts.
    pub last_start: Timestamp,
    bytes: Vec<u8>,
}

impl Asked {
    /// What it says, read from its bytes and only if they have the approved digest.
    pub fn open(&self) -> Result<SeriesDigest> {
        SeriesDigest::open(&self.bytes, self.digest).map_err(Error::internal)
    }

    /// The bytes that have the digest.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

struct Row {
    id: Uuid,
    revision: i32,
    digest: Vec<u8>,
    bytes: Vec<u8>,
    asked_by: Uuid,
    asked_at: Stamp,
    last_start_at: Stamp,
    name: String,
}

impl Row {
    fn asked(self) -> Result<Asked> {
        Ok(Asked {
            id: SeriesDigestId(self.id),
            revision: self.revision,
            digest: Digest::from_slice(&self.digest).ok_or_else(|| Error::internal("a digest has 32 bytes"))?,
            asked_by: PersonId(self.asked_by),
            asked_by_name: self.name,
            asked_at: self.asked_at.to_jiff(),
            last_start: self.last_start_at.to_jiff(),
            bytes: self.bytes,
        })
    }
}

/// The newest one of a series, whether it still covers something or not.
pub async fn newest(db: &mut PgConnection, series: SeriesId) -> Result<Option<Asked>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT d.id, d.revision, d.digest, d.bytes, d.asked_by, d.asked_at AS "asked_at: Stamp", d.last_start_at AS "last_start_at: Stamp", p.name
           FROM drydock.series_digest d JOIN drydock.person p ON p.id = d.asked_by WHERE d.series_id = $1 ORDER BY d.asked_at DESC, d.id DESC LIMIT 1"#,
        series.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::asked).transpose()
}

async fn find(db: &mut PgConnection, id: SeriesDigestId) -> Result<Asked> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT d.id, d.revision, d.digest, d.bytes, d.asked_by, d.asked_at AS "asked_at: Stamp", d.last_start_at AS "last_start_at: Stamp", p.name
           FROM drydock.series_digest d JOIN drydock.person p ON p.id = d.asked_by WHERE d.id = $1"#,
        id.0
    )
    .fetch_one(db)
    .await?;
    row.asked()
}

/// What covers a window, and of which series that is: identity and title.
pub async fn covering(db: &mut PgConnection, window: WindowId) -> Result<Option<(SeriesId, String, Asked)>> {
    let row = sqlx::query!(
        "SELECT d.id, s.id AS series, s.title FROM drydock.series_cover c JOIN drydock.series_digest d ON d.id = c.series_digest_id
         JOIN drydock.series s ON s.id = d.series_id WHERE c.window_id = $1",
        window.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((SeriesId(row.series), row.title, find(db, SeriesDigestId(row.id)).await?)))
}

/// A vote on dates of a series together.
#[derive(Debug, Clone)]
pub struct SeriesVote {
    /// Identity.
    pub id: VoteId,
    /// Whose name.
    pub who: String,
    /// What it is counted as.
    pub vote: StandingVote,
    /// What the voter wanted to say.
    pub comment: String,
    /// When it was taken back, and why.
    pub withdrawn: Option<(Timestamp, String)>,
}

/// All votes on it, the newest first.
pub async fn votes(db: &mut PgConnection, asked: SeriesDigestId) -> Result<Vec<SeriesVote>> {
    let rows = sqlx::query!(
        r#"SELECT v.id, v.person_id, p.name, v.assurance, v.comment, v.cast_at, v.withdrawn_at AS "withdrawn_at: Stamp", v.withdrawn_reason
           FROM drydock.series_vote v JOIN drydock.person p ON p.id = v.person_id WHERE v.series_digest_id = $1 ORDER BY v.cast_at DESC"#,
        asked.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let assurance = Assurance::from_word(&row.assurance).ok_or_else(|| Error::internal("a vote has an unknown word"))?;
            let at = row.cast_at.to_jiff();
            Ok(SeriesVote {
                id: VoteId(row.id),
                who: row.name,
                vote: StandingVote { person: PersonId(row.person_id), decision: VoteDecision::Approve, assurance, at },
                comment: row.comment,
                withdrawn: row.withdrawn_at.map(|at| (at.to_jiff(), row.withdrawn_reason.unwrap_or_default())),
            })
        })
        .collect()
}

/// One vote, with what it is on and of which series.
pub async fn vote(db: &mut PgConnection, id: VoteId) -> Result<Option<(SeriesId, Asked, SeriesVote)>> {
    let row = sqlx::query!(
        "SELECT d.id, d.series_id FROM drydock.series_vote v JOIN drydock.series_digest d ON d.id = v.series_digest_id WHERE v.id = $1",
        id.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let asked = find(db, SeriesDigestId(row.id)).await?;
    let vote = votes(db, asked.id).await?.into_iter().find(|vote| vote.id == id);
    Ok(vote.map(|vote| (SeriesId(row.series_id), asked, vote)))
}

/// Those that count, oldest first.
pub async fn standing(db: &mut PgConnection, asked: SeriesDigestId) -> Result<Vec<StandingVote>> {
    let all = votes(db, asked).await?;
    Ok(all.into_iter().rev().filter(|vote| vote.withdrawn.is_none()).map(|vote| vote.vote).collect())
}

/// A vote of somebody's that stands.
#[derive(Debug, Clone, Copy)]
pub struct OwnVote {
    /// Identity.
    pub id: VoteId,
    /// On what.
    pub asked: SeriesDigestId,
    /// On which bytes.
    pub digest: Digest,
    /// Since when.
    pub at: Timestamp,
}

/// This person's votes on dates of a series that were not taken back, oldest first.
pub async fn own(db: &mut PgConnection, series: SeriesId, person: PersonId) -> Result<Vec<OwnVote>> {
    let rows = sqlx::query!(
        "SELECT v.id, v.series_digest_id, v.digest, v.cast_at FROM drydock.series_vote v JOIN drydock.series_digest d ON d.id = v.series_digest_id
         WHERE d.series_id = $1 AND v.person_id = $2 AND v.withdrawn_at IS NULL ORDER BY v.cast_at",
        series.0,
        person.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let digest = Digest::from_slice(&row.digest).ok_or_else(|| Error::internal("a digest has 32 bytes"))?;
            Ok(OwnVote { id: VoteId(row.id), asked: SeriesDigestId(row.series_digest_id), digest, at: row.cast_at.to_jiff() })
        })
        .collect()
}

/// Windows that it covers, as they were born, and that are in one of these states; in the order in which they are locked.
pub async fn covered(db: &mut PgConnection, asked: SeriesDigestId, states: &[WindowState]) -> Result<Vec<WindowId>> {
    let words: Vec<String> = states.iter().map(|state| state.word().to_owned()).collect();
    let rows = sqlx::query_scalar!(
        "SELECT w.id FROM drydock.series_cover c JOIN drydock.window w ON w.id = c.window_id AND w.revision = c.revision
         WHERE c.series_digest_id = $1 AND w.state = ANY ($2) ORDER BY w.id",
        asked.0,
        &words
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(WindowId).collect())
}

/// The series with which this person approved this plan, if that vote is the one that counts.
pub async fn voted_with(db: &mut PgConnection, window: WindowId, digest: Digest, person: PersonId) -> Result<Option<SeriesId>> {
    let found = sqlx::query_scalar!(
        r#"SELECT d.series_id AS "series!" FROM drydock.plan_vote v JOIN drydock.series_digest d ON d.id = v.series_digest_id
           WHERE v.window_id = $1 AND v.digest = $2 AND v.person_id = $3 AND v.withdrawn_at IS NULL"#,
        window.0,
        digest.0.as_slice(),
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(SeriesId))
}

/// Everybody who ever wrote a series.
pub async fn authors(db: &mut PgConnection, series: SeriesId) -> Result<BTreeSet<PersonId>> {
    let rows =
        sqlx::query_scalar!("SELECT a.person_id FROM drydock.series_author a WHERE a.series_id = $1", series.0).fetch_all(db).await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// What became of a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Number of its window.
    pub number: i64,
    /// How that stands.
    pub state: WindowState,
    /// It is covered by the dates that were put together, or was.
    covered: bool,
    /// It was edited.
    edited: bool,
    /// Why it asks by itself.
    why: Option<String>,
}

impl Fate {
    /// Why its window asks by itself; `None` for one that is covered.
    pub fn alone(&self) -> Option<String> {
        match (self.covered, self.edited) {
            (true, false) => None,
            (true, true) => Some(Uncovered::Edited.said()),
            (false, _) => Some(self.why.clone().unwrap_or_else(|| "It was proposed before these dates were put together.".to_owned())),
        }
    }
}

/// What became of the dates of a series from one day to another, by the day its rule gives.
pub async fn fates(
    db: &mut PgConnection,
    series: SeriesId,
    asked: SeriesDigestId,
    (from, to): (Date, Date),
) -> Result<BTreeMap<Date, Fate>> {
    let rows = sqlx::query!(
        r#"SELECT b.day, w.number, w.state, w.revision, b.uncovered,
                  EXISTS (SELECT FROM drydock.series_cover c WHERE c.window_id = b.window_id AND c.series_digest_id = $2) AS "covered!"
           FROM drydock.series_birth b JOIN drydock.window w ON w.id = b.window_id WHERE b.series_id = $1 AND b.day BETWEEN $3 AND $4"#,
        series.0,
        asked.0,
        from.to_sqlx() as Day,
        to.to_sqlx() as Day
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let state = super::targets::meaning(WindowState::from_word(&row.state), &row.state)?;
            let fate = Fate { number: row.number, state, covered: row.covered, edited: row.revision > 1, why: row.uncovered };
            Ok((row.day.to_jiff(), fate))
        })
        .collect()
}

/// Series whose newest dates name this person and have no vote of that person's; whether it is their turn is another question.
pub async fn perhaps_waiting(db: &mut PgConnection, person: PersonId) -> Result<Vec<SeriesId>> {
    let rows = sqlx::query_scalar!(
        "SELECT s.id FROM drydock.series_digest d JOIN drydock.series s ON s.id = d.series_id AND s.revision = d.revision
         WHERE d.asked_of @> ARRAY[$1::uuid] AND d.last_start_at > clock_timestamp() AND s.ended_at IS NULL
           AND NOT EXISTS (SELECT FROM drydock.series_digest n WHERE n.series_id = d.series_id AND (n.asked_at, n.id) > (d.asked_at, d.id))
           AND NOT EXISTS (SELECT FROM drydock.series_vote v WHERE v.series_digest_id = d.id AND v.person_id = $1 AND v.withdrawn_at IS NULL)
         ORDER BY d.last_start_at LIMIT 20",
        person.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(SeriesId).collect())
}

/// The series a window was born of, and how its newest plan stands towards the dates that were put together.
pub async fn of_window(db: &mut PgConnection, window: WindowId) -> Result<Option<OfSeries>> {
    let row = sqlx::query!(
        r#"SELECT s.id, s.title, b.uncovered, w.revision, EXISTS (SELECT FROM drydock.series_cover c WHERE c.window_id = w.id) AS "covered!"
           FROM drydock.series_birth b JOIN drydock.series s ON s.id = b.series_id JOIN drydock.window w ON w.id = b.window_id WHERE b.window_id = $1"#,
        window.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let edited = row.covered && row.revision > 1;
        let alone = if edited { Some(Uncovered::Edited.said()) } else { row.uncovered };
        OfSeries { id: SeriesId(row.id), title: row.title, covered: row.covered && !edited, alone }
    }))
}
