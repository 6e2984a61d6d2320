//! Teams and who belongs to them.

use domain::ids::{PersonId, TargetId, TeamId};
use domain::people::TeamRole;
use domain::view::people::{MemberRow, TeamRow};
use sqlx::PgConnection;

/// A team's handle and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Handle.
    pub short_name: String,
    /// As people call it.
    pub name: String,
}

/// All teams, by name, at most 1,000: more than any house has.
pub async fn rows(db: &mut PgConnection) -> sqlx::Result<Vec<TeamRow>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.short_name, t.name,
                  ARRAY(SELECT p.name FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id
                        WHERE m.team_id = t.id AND p.active AND (m.role = 'lead' OR m.deputy) ORDER BY m.role DESC, p.name) AS "leads!: Vec<String>",
                  (SELECT count(*) FROM drydock.membership m WHERE m.team_id = t.id) AS "members!",
                  (SELECT count(*) FROM drydock.target g WHERE g.team_id = t.id AND g.state IN ('unverified', 'ready')) AS "databases!"
           FROM drydock.team t ORDER BY lower(t.name), t.id LIMIT 1000"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TeamRow {
            id: TeamId(row.id),
            short_name: row.short_name,
            name: row.name,
            leads: row.leads,
            members: row.members,
            databases: row.databases,
        })
        .collect())
}

/// One team.
pub async fn one(db: &mut PgConnection, team: TeamId) -> sqlx::Result<Option<Team>> {
    sqlx::query_as!(Team, "SELECT t.short_name, t.name FROM drydock.team t WHERE t.id = $1", team.0).fetch_optional(db).await
}

/// Adds a team.
pub(crate) async fn insert(db: &mut PgConnection, id: TeamId, short_name: &str, name: &str) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO drydock.team (id, short_name, name) VALUES ($1, $2, $3)", id.0, short_name, name).execute(db).await.map(drop)
}

/// Renames a team; false when there is none.
pub(crate) async fn update(db: &mut PgConnection, id: TeamId, short_name: &str, name: &str) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("UPDATE drydock.team AS t SET short_name = $2, name = $3 WHERE t.id = $1", id.0, short_name, name).execute(db).await?;
    Ok(done.rows_affected() == 1)
}

/// Everybody in a team.
pub async fn exists(db: &mut PgConnection, team: TeamId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM drydock.team t WHERE t.id = $1) AS "there!""#, team.0).fetch_one(db).await
}

/// Who belongs to a team, by name.
pub async fn members(db: &mut PgConnection, team: TeamId) -> sqlx::Result<Vec<MemberRow>> {
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.email, p.active, m.role, m.deputy, a.person_id IS NOT NULL AS "account!"
           FROM drydock.membership m JOIN drydock.person p ON p.id = m.person_id LEFT JOIN drydock.account a ON a.person_id = p.id
           WHERE m.team_id = $1 ORDER BY array_position(ARRAY['lead', 'engineer', 'stakeholder'], m.role), lower(p.name)"#,
        team.0
    )
    .fetch_all(&mut *db)
    .await?;
    let mut away = super::absences::away(db, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(MemberRow {
                away: away.remove(&PersonId(row.id)),
                person: PersonId(row.id),
                name: row.name,
                email: row.email,
                role: TeamRole::from_word(&row.role)?,
                deputy: row.deputy,
                account: row.account,
                active: row.active,
            })
        })
        .collect())
}

/// Databases of a team: id, short name, environment.
pub async fn databases(db: &mut PgConnection, team: TeamId) -> sqlx::Result<Vec<(TargetId, String, String)>> {
    let rows = sqlx::query!(
        "SELECT t.id, t.short_name, t.environment FROM drydock.target t WHERE t.team_id = $1 AND t.state IN ('unverified', 'ready') ORDER BY t.short_name LIMIT 1000",
        team.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (TargetId(row.id), row.short_name, row.environment)).collect())
}

/// Active people who are not in a team yet: id and name with address, at most 1,000.
pub async fn candidates(db: &mut PgConnection, team: TeamId) -> sqlx::Result<Vec<(PersonId, String)>> {
    let rows = sqlx::query!(
        "SELECT p.id, p.name, p.email FROM drydock.person p WHERE p.active AND NOT EXISTS (SELECT FROM drydock.membership m WHERE m.team_id = $1 AND m.person_id = p.id)
         ORDER BY lower(p.name) LIMIT 1000",
        team.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.id), format!("{} ({})", row.name, row.email))).collect())
}

/// A person's role in a team.
pub(crate) async fn role(db: &mut PgConnection, team: TeamId, person: PersonId) -> sqlx::Result<Option<(TeamRole, bool)>> {
    let row = sqlx::query!(
        "SELECT m.role, m.deputy FROM drydock.membership m WHERE m.team_id = $1 AND m.person_id = $2 FOR UPDATE",
        team.0,
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| Some((TeamRole::from_word(&row.role)?, row.deputy))))
}

/// Gives a person a role in a team, or another one.
pub(crate) async fn put_member(db: &mut PgConnection, team: TeamId, person: PersonId, role: TeamRole, deputy: bool) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.membership (team_id, person_id, role, deputy) VALUES ($1, $2, $3, $4)
         ON CONFLICT (team_id, person_id) DO UPDATE SET role = EXCLUDED.role, deputy = EXCLUDED.deputy, since = clock_timestamp()",
        team.0,
        person.0,
        role.word(),
        deputy
    )
    .execute(db)
    .await
    .map(drop)
}

/// Takes a person out of a team.
pub(crate) async fn remove_member(db: &mut PgConnection, team: TeamId, person: PersonId) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM drydock.membership AS m WHERE m.team_id = $1 AND m.person_id = $2", team.0, person.0)
        .execute(db)
        .await
        .map(drop)
}
