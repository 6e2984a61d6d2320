//! Calendar feeds: whose, of what, and the windows in them.

use super::votes::secret_hash;
use super::window_list::{ids, state};
use super::{Stamp, stamp};
use crate::error::{Error, Result};
use domain::ids::{FeedId, PersonId, TargetId, TeamId, WindowId};
use domain::view::feeds::{About, DAYS_BACK, FeedKind, FeedRow, MOST_EVENTS};
use domain::window::WindowState;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

/// What a feed is of, found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Its person.
    Person,
    /// A team.
    Team(TeamId),
    /// A database, and the team that owns it now.
    Database(TargetId, TeamId),
}

impl Of {
    /// The team whose work it shows, if it is of one.
    #[must_use]
    pub fn team(self) -> Option<TeamId> {
        match self {
            Self::Person => None,
            Self::Team(team) | Self::Database(_, team) => Some(team),
        }
    }
}

/// A feed that was not revoked.
#[derive(Debug, Clone)]
pub struct Living {
    /// Which.
    pub id: FeedId,
    /// Whose.
    pub person: PersonId,
    /// Of what.
    pub of: Of,
    /// The same as people read it.
    pub about: About,
}

/// The team or database that was named, whoever may see it.
pub async fn find(db: &mut PgConnection, about: &About) -> Result<Option<Of>> {
    match about.kind {
        FeedKind::Person => Ok(Some(Of::Person)),
        FeedKind::Team => {
            let team =
                sqlx::query_scalar!("SELECT m.id FROM drydock.team m WHERE m.short_name = $1", about.name).fetch_optional(db).await?;
            Ok(team.map(|team| Of::Team(TeamId(team))))
        }
        FeedKind::Database => {
            let row =
                sqlx::query!("SELECT t.id, t.team_id FROM drydock.target t WHERE t.short_name = $1 AND t.state <> 'deleted'", about.name)
                    .fetch_optional(db)
                    .await?;
            Ok(row.map(|row| Of::Database(TargetId(row.id), TeamId(row.team_id))))
        }
    }
}

/// Makes a feed. Of the secret only its hash is kept.
pub async fn make(db: &mut PgConnection, id: FeedId, person: PersonId, of: Of, secret: &str) -> sqlx::Result<()> {
    let (kind, team, target) = match of {
        Of::Person => (FeedKind::Person, None, None),
        Of::Team(team) => (FeedKind::Team, Some(team.0), None),
        Of::Database(target, _) => (FeedKind::Database, None, Some(target.0)),
    };
    let hash = secret_hash(secret);
    sqlx::query!(
        "INSERT INTO drydock.calendar_feed (id, secret_hash, person_id, about, team_id, target_id) VALUES ($1, $2, $3, $4, $5, $6)",
        id.0,
        hash.as_slice(),
        person.0,
        kind.word(),
        team,
        target
    )
    .execute(db)
    .await
    .map(drop)
}

/// Revokes a feed of this person for ever; false when there is none that was not revoked.
pub async fn revoke(db: &mut PgConnection, person: PersonId, feed: FeedId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.calendar_feed AS f SET revoked_at = clock_timestamp() WHERE f.id = $1 AND f.person_id = $2 AND f.revoked_at IS NULL",
        feed.0,
        person.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Revokes all feeds of this person for ever; gives those that were not revoked before.
pub async fn revoke_all(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<FeedId>> {
    let feeds = sqlx::query_scalar!(
        "UPDATE drydock.calendar_feed AS f SET revoked_at = clock_timestamp() WHERE f.person_id = $1 AND f.revoked_at IS NULL RETURNING f.id",
        person.0
    )
    .fetch_all(db)
    .await?;
    Ok(feeds.into_iter().map(FeedId).collect())
}

/// Notes that a feed was asked, at most once an hour: programs ask often, and nobody needs it more exactly.
pub async fn mark_used(db: &mut PgConnection, feed: FeedId) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.calendar_feed AS f SET used_at = clock_timestamp()
         WHERE f.id = $1 AND f.revoked_at IS NULL AND (f.used_at IS NULL OR f.used_at < clock_timestamp() - interval '1 hour')",
        feed.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// The feed behind a secret; `None` for every secret that opens none, whatever the reason.
pub async fn living(db: &mut PgConnection, secret: &str) -> Result<Option<Living>> {
    let hash = secret_hash(secret);
    let row = sqlx::query!(
        r#"SELECT f.id, f.person_id, f.about, f.team_id, f.target_id, t.team_id AS "owner?", m.short_name AS "team?", t.short_name AS "database?"
           FROM drydock.calendar_feed f
           LEFT JOIN drydock.team m ON m.id = f.team_id
           LEFT JOIN drydock.target t ON t.id = f.target_id
           WHERE f.secret_hash = $1 AND f.revoked_at IS NULL"#,
        hash.as_slice()
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let (of, about) = read(&row.about, row.team_id, row.target_id.zip(row.owner), row.team.or(row.database))?;
        Ok(Living { id: FeedId(row.id), person: PersonId(row.person_id), of, about })
    })
    .transpose()
}

fn read(about: &str, team: Option<Uuid>, database: Option<(Uuid, Uuid)>, name: Option<String>) -> Result<(Of, About)> {
    let kind = FeedKind::from_word(about).ok_or_else(|| Error::internal(format!("unknown kind of feed {about}")))?;
    let of = match (kind, team, database) {
        (FeedKind::Person, ..) => Of::Person,
        (FeedKind::Team, Some(team), _) => Of::Team(TeamId(team)),
        (FeedKind::Database, _, Some((target, owner))) => Of::Database(TargetId(target), TeamId(owner)),
        _ => return Err(Error::internal("a feed of nothing")),
    };
    Ok((of, About { kind, name: name.unwrap_or_default() }))
}

/// A person's feeds that were not revoked, newest first, and what each is of.
pub async fn list(db: &mut PgConnection, person: PersonId) -> Result<Vec<(FeedRow, Of)>> {
    let rows = sqlx::query!(
        r#"SELECT f.id, f.about, f.team_id, f.target_id, f.made_at, f.used_at, t.team_id AS "owner?", m.short_name AS "team?", t.short_name AS "database?"
           FROM drydock.calendar_feed f
           LEFT JOIN drydock.team m ON m.id = f.team_id
           LEFT JOIN drydock.target t ON t.id = f.target_id
           WHERE f.person_id = $1 AND f.revoked_at IS NULL ORDER BY f.made_at DESC, f.id"#,
        person.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let (of, about) = read(&row.about, row.team_id, row.target_id.zip(row.owner), row.team.or(row.database))?;
            let feed =
                FeedRow { id: FeedId(row.id), about, made: row.made_at.to_jiff(), used: row.used_at.map(|at| at.to_jiff()), barred: false };
            Ok((feed, of))
        })
        .collect()
}

/// A window in a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEvent {
    /// Which.
    pub window: WindowId,
    /// What people say: #142.
    pub number: i64,
    /// Where it is in its life.
    pub state: WindowState,
    /// Short description.
    pub title: String,
    /// Short name of the database that the feed is of, else of its first one, and how many more there are.
    pub database: String,
    /// Environment words of its databases, each once, production first, with commas between.
    pub environments: String,
    /// Name of the owner team.
    pub team: String,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// When it changed last.
    pub changed: Timestamp,
    /// How many facts there are about it: rises with every change, as in mails.
    pub sequence: i64,
}

/// Windows of a feed that were proposed once, from some weeks ago on, by their start; those nearest to now when there are too many.
pub async fn events(db: &mut PgConnection, feed: &Living, teams: Option<&[TeamId]>, now: Timestamp) -> Result<Vec<FeedEvent>> {
    // One of three conditions stays, the others are constant.
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    let teams = ids(teams);
    let (team, target) = match feed.of {
        Of::Person => (None, None),
        Of::Team(team) => (Some(team.0), None),
        Of::Database(target, _) => (None, Some(target.0)),
    };
    let rows = sqlx::query!(
        r#"SELECT e.id AS "id!", e.number AS "number!", e.state AS "state!", e.title AS "title!", e.short_name AS "short_name!", drydock.environments(e.id, e.revision) AS "environments!",
                  e.team AS "team!", e.start_at AS "start_at!", e.end_at AS "end_at!", e.changed_at AS "changed_at!",
                  (SELECT count(*) FROM drydock.fact f WHERE f.window_id = e.id) AS "sequence!"
           FROM (SELECT w.id, w.number, w.revision, w.state, r.title, t.short_name || drydock.more_databases(w.id, w.revision) AS short_name, m.name AS team, r.start_at, r.end_at, greatest(w.state_at, r.created_at) AS changed_at
                 FROM drydock.revision r
                 JOIN drydock.window w ON w.id = r.window_id AND w.revision = r.number
                 JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
                      AND (($4::uuid IS NULL AND wt.position = 1) OR wt.target_id = $4)
                 JOIN drydock.target t ON t.id = wt.target_id
                 JOIN drydock.team m ON m.id = w.team_id
                 WHERE r.start_at > $1 AND w.state <> 'draft' AND ($2::uuid[] IS NULL OR w.team_id = ANY ($2))
                   AND ($3::uuid IS NULL OR w.team_id = $3)
                   AND ($5::uuid IS NULL OR w.owner_id = $5
                        OR w.id IN (SELECT c.window_id FROM drydock.contributor c WHERE c.person_id = $5)
                        OR w.id IN (SELECT o.window_id FROM drydock.watcher o WHERE o.person_id = $5)
                        OR (w.id, w.revision) IN (SELECT x.window_id, x.revision FROM drydock.target_watcher o
                                                  JOIN drydock.window_target x ON x.target_id = o.target_id WHERE o.person_id = $5)
                        OR (w.id, w.revision) IN (SELECT x.window_id, x.revision FROM drydock.target_stakeholder s
                                                  JOIN drydock.window_target x ON x.target_id = s.target_id WHERE s.person_id = $5)
                        OR w.team_id IN (SELECT p.team_id FROM drydock.membership p WHERE p.person_id = $5 AND (p.role = 'lead' OR p.deputy)))
                 ORDER BY abs(extract(epoch FROM r.start_at - $6::timestamptz)), w.number LIMIT $7) e
           ORDER BY e.start_at, e.number"#,
        stamp(now - SignedDuration::from_hours(24 * DAYS_BACK)) as Stamp,
        teams.as_deref() as Option<&[Uuid]>,
        team,
        target,
        (feed.of == Of::Person).then_some(feed.person.0),
        stamp(now) as Stamp,
        i64::try_from(MOST_EVENTS).map_err(Error::internal)?
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(FeedEvent {
                window: WindowId(row.id),
                number: row.number,
                state: state(&row.state)?,
                title: row.title,
                database: row.short_name,
                environments: row.environments,
                team: row.team,
                start: row.start_at.to_jiff(),
                end: row.end_at.to_jiff(),
                changed: row.changed_at.to_jiff(),
                sequence: row.sequence,
            })
        })
        .collect()
}
