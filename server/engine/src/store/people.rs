//! People, their accounts and rights, and what this installation is.

use domain::ids::{PersonId, TeamId};
use domain::people::{GlobalRole, TeamRole};
use domain::permission::{Actor, Member};
use sqlx::PgConnection;
use uuid::Uuid;

/// What this installation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Shown in titles and mails.
    pub name: String,
    /// Base of every link: scheme, host, port; no path.
    pub public_url: String,
    /// IANA zone for people without one.
    pub zone: String,
    /// A demo: other people's servers refuse it.
    pub demo: bool,
}

/// The installation's row; `None` before the first run.
pub async fn installation(db: &mut PgConnection) -> sqlx::Result<Option<Installation>> {
    sqlx::query_as!(Installation, "SELECT i.name, i.public_url, i.zone, i.demo FROM drydock.installation i").fetch_optional(db).await
}

/// A person with today's rights; `None` for people without an account.
pub async fn actor(db: &mut PgConnection, person: PersonId, elevated: bool) -> sqlx::Result<Option<Actor>> {
    let row = sqlx::query!(
        r#"SELECT p.name, p.zone, p.active,
                  ARRAY(SELECT g.role FROM drydock.global_role g WHERE g.person_id = p.id ORDER BY g.role) AS "global!: Vec<String>",
                  ARRAY(SELECT m.team_id FROM drydock.membership m WHERE m.person_id = p.id ORDER BY m.team_id) AS "teams!: Vec<Uuid>",
                  ARRAY(SELECT m.role FROM drydock.membership m WHERE m.person_id = p.id ORDER BY m.team_id) AS "roles!: Vec<String>",
                  ARRAY(SELECT m.deputy FROM drydock.membership m WHERE m.person_id = p.id ORDER BY m.team_id) AS "deputies!: Vec<bool>",
                  ARRAY(SELECT DISTINCT t.team_id FROM drydock.target_stakeholder s JOIN drydock.target t ON t.id = s.target_id WHERE s.person_id = p.id) AS "stakeholder!: Vec<Uuid>"
           FROM drydock.person p JOIN drydock.account a ON a.person_id = p.id WHERE p.id = $1"#,
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Actor {
        person,
        name: row.name,
        zone: row.zone,
        active: row.active,
        global: row.global.iter().filter_map(|role| GlobalRole::from_word(role)).collect(),
        teams: row
            .teams
            .iter()
            .zip(&row.roles)
            .zip(&row.deputies)
            .filter_map(|((team, role), deputy)| Some(Member { team: TeamId(*team), role: TeamRole::from_word(role)?, deputy: *deputy }))
            .collect(),
        stakeholder_of_teams: row.stakeholder.into_iter().map(TeamId).collect(),
        elevated,
    }))
}

/// True once somebody can administer this installation.
pub async fn has_admin(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.global_role g JOIN drydock.account a ON a.person_id = g.person_id JOIN drydock.person p ON p.id = g.person_id
                          WHERE g.role = 'admin' AND p.active) AS "known!""#
    )
    .fetch_one(db)
    .await
}
