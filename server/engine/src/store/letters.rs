//! What a message says, read when it is about to leave: nothing in a mail is older than its sending.

use super::windows::stages;
use super::{Stamp, stamp};
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::ids::{LinkId, PersonId, RunId, SeriesId, TargetId, TeamId, WindowId};
use domain::plan::Plan;
use domain::window::{Ending, RunState, WindowState};
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// What this installation is.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Shown in mails.
    pub name: String,
    /// Base of links; the process's configuration has the last word.
    pub public_url: String,
    /// IANA zone used where a person has none.
    pub zone: String,
    /// Mails are shown, not sent.
    pub demo: bool,
}

/// The one row that says what this installation is; `None` before the first run.
pub async fn find_installation(db: &mut PgConnection) -> Result<Option<Installation>> {
    let row = sqlx::query!("SELECT i.name, i.public_url, i.zone, i.demo FROM drydock.installation i").fetch_optional(db).await?;
    Ok(row.map(|row| Installation { name: row.name, public_url: row.public_url, zone: row.zone, demo: row.demo }))
}

/// The same where there is one for certain: a message is about something that exists.
pub async fn installation(db: &mut PgConnection) -> Result<Installation> {
    find_installation(db).await?.ok_or_else(|| Error::internal("this installation has not been set up yet"))
}

/// To whom a message goes.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// Who.
    pub id: PersonId,
    /// As people call them.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// IANA zone of their times.
    pub zone: String,
    /// Not deactivated.
    pub active: bool,
    /// Can sign in and sees nothing of the owner team's work: of its windows the page to decide on is theirs, and no other.
    pub outside: bool,
}

/// The recipient of a message that is about no window.
pub async fn recipient(db: &mut PgConnection, person: PersonId) -> Result<Recipient> {
    let row =
        sqlx::query!("SELECT p.name, p.email, p.zone, p.active FROM drydock.person p WHERE p.id = $1", person.0).fetch_one(db).await?;
    Ok(Recipient { id: person, name: row.name, email: row.email, zone: row.zone, active: row.active, outside: false })
}

/// The recipient of a message about a window.
pub async fn recipient_of(db: &mut PgConnection, person: PersonId, window: WindowId) -> Result<Recipient> {
    let outside = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.account a WHERE a.person_id = $1) AND NOT drydock.sees_team($1, w.team_id) AS "outside!"
           FROM drydock.window w WHERE w.id = $2"#,
        person.0,
        window.0
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(Recipient { outside, ..recipient(db, person).await? })
}

/// The window a message speaks about, and the plan it names.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The window.
    pub id: WindowId,
    /// Its number.
    pub number: i64,
    /// Its state now.
    pub state: WindowState,
    /// Why it is in that state.
    pub state_reason: Option<String>,
    /// Digest of the newest plan.
    pub newest: Digest,
    /// Digest of the plan spoken of.
    pub digest: Digest,
    /// That plan, read from its bytes.
    pub plan: Plan,
    /// Who asks: the author of that revision.
    pub author: String,
    /// The stage whose turn it is not met by then: expired.
    pub decide_by: Timestamp,
    /// Name of the owner team.
    pub team: String,
    /// What did not go as planned, once somebody wrote it.
    pub issues_met: Option<String>,
    /// Stages of that plan whose second group was asked.
    pub escalated: BTreeSet<u32>,
}

/// The window with the plan of `digest`, or with its newest one.
pub async fn subject(db: &mut PgConnection, window: WindowId, digest: Option<Digest>) -> Result<Subject> {
    let row = sqlx::query!(
        r#"SELECT w.number, w.state, w.state_reason, n.digest AS newest, p.digest, p.bytes, a.name AS author, coalesce(s.decide_by_at, r.decide_by_at) AS "decide_by_at!", t.name AS team, w.issues_met,
                CASE WHEN p.revision = w.revision THEN w.escalated_stages ELSE '{}' END AS "escalated_stages!"
         FROM drydock.window w
         JOIN drydock.plan n ON n.window_id = w.id AND n.revision = w.revision
         JOIN drydock.plan p ON p.window_id = w.id AND p.digest = coalesce($2, n.digest)
         JOIN drydock.revision r ON r.window_id = w.id AND r.number = p.revision
         JOIN drydock.person a ON a.id = r.created_by
         JOIN drydock.team t ON t.id = w.team_id
         LEFT JOIN drydock.revision_stage s ON s.window_id = w.id AND s.revision = r.number AND r.number = w.revision AND s.stage = w.stage
         WHERE w.id = $1"#,
        window.0,
        digest.map(|digest| digest.0.to_vec())
    )
    .fetch_one(db)
    .await?;
    let read = |raw: &[u8]| Digest::from_slice(raw).ok_or_else(|| Error::internal("a digest has 32 bytes"));
    let digest = read(&row.digest)?;
    Ok(Subject {
        id: window,
        number: row.number,
        state: WindowState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown window state {}", row.state)))?,
        state_reason: row.state_reason,
        newest: read(&row.newest)?,
        digest,
        plan: Plan::open(&row.bytes, digest).map_err(Error::internal)?,
        author: row.author,
        decide_by: row.decide_by_at.to_jiff(),
        team: row.team,
        issues_met: row.issues_met,
        escalated: stages(&row.escalated_stages),
    })
}

/// Short name and name of a database.
pub async fn database(db: &mut PgConnection, target: TargetId) -> sqlx::Result<(String, String)> {
    let row = sqlx::query!("SELECT t.short_name, t.name FROM drydock.target t WHERE t.id = $1", target.0).fetch_one(db).await?;
    Ok((row.short_name, row.name))
}

/// Title of a series, and short name of its database, with how many others there are.
pub async fn series(db: &mut PgConnection, series: SeriesId) -> sqlx::Result<(String, String)> {
    let row = sqlx::query!(
        r#"SELECT s.title, t.short_name || CASE o.n WHEN 0 THEN '' ELSE ' and ' || o.n || ' more' END AS "short_name!"
           FROM drydock.series s JOIN drydock.target t ON t.id = s.target_id
           CROSS JOIN LATERAL (SELECT count(*) AS n FROM drydock.series_target x WHERE x.series_id = s.id) o WHERE s.id = $1"#,
        series.0
    )
    .fetch_one(db)
    .await?;
    Ok((row.title, row.short_name))
}

/// Name of a team.
pub async fn team(db: &mut PgConnection, team: TeamId) -> sqlx::Result<String> {
    sqlx::query_scalar!("SELECT t.name FROM drydock.team t WHERE t.id = $1", team.0).fetch_one(db).await
}

/// State of a window, and digest of its newest plan.
pub async fn whereabouts(db: &mut PgConnection, window: WindowId) -> Result<(WindowState, Digest)> {
    let row = sqlx::query!(
        "SELECT w.state, p.digest FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision WHERE w.id = $1",
        window.0
    )
    .fetch_one(db)
    .await?;
    let state = WindowState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown window state {}", row.state)))?;
    Ok((state, Digest::from_slice(&row.digest).ok_or_else(|| Error::internal("a digest has 32 bytes"))?))
}

/// A vote as a message or a page tells it.
#[derive(Debug, Clone)]
pub struct ToldVote {
    /// Who.
    pub person: PersonId,
    /// Name of who.
    pub name: String,
    /// `approve`, `reject` or `request_changes`.
    pub decision: String,
    /// How the voter was known.
    pub assurance: String,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
    /// In whose place it was given, too.
    pub in_place_of: BTreeSet<PersonId>,
}

/// Votes on one plan that were not withdrawn, oldest first.
pub async fn votes(db: &mut PgConnection, window: WindowId, digest: Digest) -> Result<Vec<ToldVote>> {
    let rows = sqlx::query!(
        r#"SELECT v.person_id AS "person_id!", p.name, v.decision AS "decision!", v.assurance AS "assurance!", v.comment AS "comment!", v.cast_at AS "cast_at!: Stamp", v.in_place_of AS "in_place_of!" FROM drydock.plan_vote v JOIN drydock.person p ON p.id = v.person_id
         WHERE v.window_id = $1 AND v.digest = $2 AND v.withdrawn_at IS NULL ORDER BY v.cast_at"#,
        window.0,
        digest.0.as_slice()
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ToldVote {
            person: PersonId(row.person_id),
            name: row.name,
            decision: row.decision,
            assurance: row.assurance,
            comment: row.comment,
            at: row.cast_at.to_jiff(),
            in_place_of: row.in_place_of.into_iter().map(PersonId).collect(),
        })
        .collect())
}

/// A failed item of a validation list that somebody accepted.
#[derive(Debug, Clone)]
pub struct ToldAcceptance {
    /// The item.
    pub title: String,
    /// Name of who accepted it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Failed items of the window's newest list that were accepted, in order.
pub async fn accepted(db: &mut PgConnection, window: WindowId) -> Result<Vec<ToldAcceptance>> {
    let rows = sqlx::query!(
        "SELECT c.title, p.name, c.note FROM drydock.check_item c
         JOIN drydock.window w ON w.id = c.window_id AND w.revision = c.revision
         JOIN drydock.person p ON p.id = c.decided_by
         WHERE c.window_id = $1 AND c.state = 'accepted' ORDER BY c.ordinal",
        window.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| ToldAcceptance { title: row.title, by: row.name, reason: row.note }).collect())
}

/// Which of `people` are active now, with their names.
pub async fn active(db: &mut PgConnection, people: &[PersonId]) -> Result<Vec<(PersonId, String)>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query!("SELECT p.id, p.name FROM drydock.person p WHERE p.id = ANY ($1) AND p.active ORDER BY p.name", &ids)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.id), row.name)).collect())
}

/// What is known about the link in a message.
#[derive(Debug, Clone, Copy)]
pub struct LinkStanding {
    /// Decides something if opened now.
    pub alive: bool,
    /// Dead from then.
    pub expires_at: Timestamp,
}

/// How a link stands.
pub async fn link(db: &mut PgConnection, link: LinkId) -> Result<LinkStanding> {
    let row = sqlx::query!(
        r#"SELECT l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp() AS "alive!", l.expires_at FROM drydock.link l WHERE l.id = $1"#,
        link.0
    )
    .fetch_one(db)
    .await?;
    Ok(LinkStanding { alive: row.alive, expires_at: row.expires_at.to_jiff() })
}

/// Whether that instant lies ahead, by the state database's clock.
pub async fn in_time(db: &mut PgConnection, until: Timestamp) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT $1 > clock_timestamp() AS "ahead!""#, stamp(until) as Stamp).fetch_one(db).await?)
}

/// The newest seal of the trail: its number and hash.
pub async fn head(db: &mut PgConnection) -> Result<Option<(i64, Digest)>> {
    let row = sqlx::query!("SELECT b.n, b.hash FROM drydock.seal_batch b ORDER BY b.n DESC LIMIT 1").fetch_optional(db).await?;
    Ok(row.and_then(|row| Digest::from_slice(&row.hash).map(|hash| (row.n, hash))))
}

/// How many facts the window had when fact number `fact` was written: rises with every change, so it orders calendar updates.
pub async fn sequence(db: &mut PgConnection, window: WindowId, fact: i64) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM drydock.fact f WHERE f.window_id = $1 AND f.id <= $2"#, window.0, fact)
        .fetch_one(db)
        .await?)
}

/// The newest run of a window, as messages tell it.
#[derive(Debug, Clone)]
pub struct ToldRun {
    /// Which.
    pub id: RunId,
    /// On which database.
    pub target: TargetId,
    /// How far.
    pub state: RunState,
    /// How it ended.
    pub ending: Option<Ending>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What is known while it is held.
    pub hold_reason: Option<String>,
    /// Items by outcome word, in order of the word; `""` for those without outcome yet.
    pub outcomes: Vec<(String, i64)>,
}

/// The newest run of a window, if it has one; or `only` this one of it.
pub async fn run(db: &mut PgConnection, window: WindowId, only: Option<RunId>) -> Result<Option<ToldRun>> {
    let Some(row) = sqlx::query!(
        "SELECT r.id, r.target_id, r.state, r.ending, r.opened_at, r.hold_reason FROM drydock.run r
         WHERE r.window_id = $1 AND ($2::uuid IS NULL OR r.id = $2) ORDER BY r.opened_at DESC LIMIT 1",
        window.0,
        only.map(|run| run.0)
    )
    .fetch_optional(&mut *db)
    .await?
    else {
        return Ok(None);
    };
    let outcomes = sqlx::query!(
        r#"SELECT coalesce(i.outcome, '') AS "outcome!", count(*) AS "n!" FROM drydock.item i WHERE i.run_id = $1 GROUP BY 1 ORDER BY 1"#,
        row.id
    )
    .fetch_all(db)
    .await?;
    Ok(Some(ToldRun {
        id: RunId(row.id),
        target: TargetId(row.target_id),
        state: RunState::from_word(&row.state).ok_or_else(|| Error::internal(format!("unknown run state {}", row.state)))?,
        ending: row.ending.as_deref().and_then(Ending::from_word),
        opened_at: row.opened_at.to_jiff(),
        hold_reason: row.hold_reason,
        outcomes: outcomes.into_iter().map(|row| (row.outcome, row.n)).collect(),
    }))
}
