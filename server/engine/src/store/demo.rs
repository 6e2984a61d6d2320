//! Rows a demo begins with, and how far its making has come.

use domain::ids::{PersonId, TargetId, TeamId};
use domain::people::{GlobalRole, TeamRole};
use sqlx::PgConnection;

/// What exists already, so that an interrupted start goes on where it ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// The demo's people are there.
    pub people: bool,
    /// Its database is registered.
    pub target: Option<TargetId>,
    /// Windows it has.
    pub windows: i64,
}

/// Looks how far it is.
pub async fn progress(db: &mut PgConnection, short_name: &str) -> sqlx::Result<Progress> {
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM drydock.team) AS "people!", (SELECT t.id FROM drydock.target t WHERE t.short_name = $1) AS target, (SELECT count(*) FROM drydock.window) AS "windows!""#,
        short_name
    )
    .fetch_one(db)
    .await?;
    Ok(Progress { people: row.people, target: row.target.map(TargetId), windows: row.windows })
}

/// Adds the team.
pub async fn add_team(db: &mut PgConnection, id: TeamId, short_name: &str, name: &str) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO drydock.team (id, short_name, name) VALUES ($1, $2, $3)", id.0, short_name, name).execute(db).await.map(drop)
}

/// Adds five weeks of load: busy days, quiet nights, a quiet Sunday.
pub async fn add_load(db: &mut PgConnection, target: TargetId) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.load_hour (target_id, hour, transactions, seconds)
         SELECT $1, h.hour, (60 * (20 + CASE WHEN extract(isodow FROM h.hour) = 7 THEN 100 ELSE 900 END * (1 - cos(2 * pi() * (extract(hour FROM h.hour)::float8 - 2) / 24))))::bigint, 3600
         FROM generate_series(date_trunc('hour', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '34 days', clock_timestamp() - interval '1 hour', interval '1 hour') AS h (hour)
         ON CONFLICT DO NOTHING",
        target.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// A person to add.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Identity.
    pub id: PersonId,
    /// As people call them.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// IANA zone.
    pub zone: String,
    /// Hash of the password; without one there is no account.
    pub password_hash: Option<String>,
    /// Place in the team.
    pub place: Option<(TeamRole, bool)>,
    /// Right everywhere.
    pub global: Option<GlobalRole>,
}

/// Adds a person.
pub async fn add_person(db: &mut PgConnection, team: TeamId, person: &NewPerson) -> sqlx::Result<()> {
    let id = person.id.0;
    sqlx::query!("INSERT INTO drydock.person (id, name, email, zone) VALUES ($1, $2, $3, $4)", id, person.name, person.email, person.zone)
        .execute(&mut *db)
        .await?;
    if let Some(hash) = &person.password_hash {
        sqlx::query!("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)", id, hash).execute(&mut *db).await?;
    }
    if let Some((role, deputy)) = person.place {
        sqlx::query!(
            "INSERT INTO drydock.membership (team_id, person_id, role, deputy) VALUES ($1, $2, $3, $4)",
            team.0,
            id,
            role.word(),
            deputy
        )
        .execute(&mut *db)
        .await?;
    }
    if let Some(role) = person.global {
        sqlx::query!("INSERT INTO drydock.global_role (person_id, role) VALUES ($1, $2)", id, role.word()).execute(db).await?;
    }
    Ok(())
}

/// Gives somebody who is there a place in another team, too.
pub async fn add_member(db: &mut PgConnection, team: TeamId, person: PersonId, role: TeamRole) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.membership (team_id, person_id, role, deputy) VALUES ($1, $2, $3, false)",
        team.0,
        person.0,
        role.word()
    )
    .execute(db)
    .await
    .map(drop)
}

/// A person by address.
pub async fn person_by_email(db: &mut PgConnection, email: &str) -> sqlx::Result<Option<PersonId>> {
    Ok(sqlx::query_scalar!("SELECT p.id FROM drydock.person p WHERE p.email = $1", email).fetch_optional(db).await?.map(PersonId))
}

/// The team of a demo.
pub async fn team(db: &mut PgConnection) -> sqlx::Result<TeamId> {
    sqlx::query_scalar!("SELECT t.id FROM drydock.team t ORDER BY t.created_at LIMIT 1").fetch_one(db).await.map(TeamId)
}
