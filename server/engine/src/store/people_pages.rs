//! People as their pages read them.

use domain::ids::{PersonId, TargetId, TeamId};
use domain::people::{GlobalRole, TeamRole};
use domain::view::people::{PeopleFilter, PersonRow, Place};
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// People by name behind `after`, at most `most`; the text is looked for in name and address.
pub async fn rows(db: &mut PgConnection, filter: &PeopleFilter, after: Option<PersonId>, most: i64) -> sqlx::Result<Vec<PersonRow>> {
    let pattern = format!("%{}%", escaped(&filter.text.to_lowercase()));
    let ids = sqlx::query_scalar!(
        "SELECT p.id FROM drydock.person p
         WHERE ($1 = '%%' OR lower(p.name) LIKE $1 OR p.email LIKE $1)
           AND ($2::uuid IS NULL OR (lower(p.name), p.id) > (SELECT lower(a.name), a.id FROM drydock.person a WHERE a.id = $2))
           AND ($4::uuid IS NULL OR EXISTS (SELECT FROM drydock.membership m WHERE m.team_id = $4 AND m.person_id = p.id)
                OR EXISTS (SELECT FROM drydock.target_stakeholder s JOIN drydock.target t ON t.id = s.target_id WHERE t.team_id = $4 AND s.person_id = p.id))
           AND CASE $5
               WHEN 'account' THEN p.active AND EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id)
               WHEN 'contact' THEN p.active AND NOT EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id)
               WHEN 'shared' THEN p.shared_address
               WHEN 'global' THEN EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = p.id)
               WHEN 'inactive' THEN NOT p.active
               ELSE true END
         ORDER BY lower(p.name), p.id LIMIT $3",
        pattern,
        after.map(|person| person.0),
        most,
        filter.team.map(|team| team.0),
        filter.kind.word()
    )
    .fetch_all(&mut *db)
    .await?;
    some(db, &ids).await
}

/// Names of all teams, for a choice.
pub async fn team_names(db: &mut PgConnection) -> sqlx::Result<Vec<(TeamId, String)>> {
    let rows = sqlx::query!("SELECT t.id, t.name FROM drydock.team t ORDER BY lower(t.name), t.id LIMIT 1000").fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (TeamId(row.id), row.name)).collect())
}

/// These people, by name.
pub async fn some(db: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<Vec<PersonRow>> {
    let places = sqlx::query!(
        "SELECT m.person_id, t.id, t.name, m.role, m.deputy FROM drydock.membership m JOIN drydock.team t ON t.id = m.team_id WHERE m.person_id = ANY ($1) ORDER BY t.name",
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.email, p.active, p.shared_address, a.person_id IS NOT NULL AS "account!",
                  a.person_id IS NULL AND EXISTS (SELECT FROM drydock.link l WHERE l.person_id = p.id AND l.purpose = 'invite' AND l.used_at IS NULL
                      AND l.ended_at IS NULL AND l.expires_at > clock_timestamp()) AS "invited!",
                  ARRAY(SELECT g.role FROM drydock.global_role g WHERE g.person_id = p.id ORDER BY g.role) AS "global!: Vec<String>"
           FROM drydock.person p LEFT JOIN drydock.account a ON a.person_id = p.id WHERE p.id = ANY ($1) ORDER BY lower(p.name), p.id"#,
        ids
    )
    .fetch_all(&mut *db)
    .await?;
    let mut away = super::absences::away(db, ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| PersonRow {
            away: away.remove(&PersonId(row.id)),
            id: PersonId(row.id),
            name: row.name,
            email: row.email,
            active: row.active,
            account: row.account,
            invited: row.invited,
            shared: row.shared_address,
            global: row.global.iter().filter_map(|word| GlobalRole::from_word(word)).collect(),
            places: places
                .iter()
                .filter(|place| place.person_id == row.id)
                .filter_map(|place| {
                    Some(Place {
                        team: TeamId(place.id),
                        name: place.name.clone(),
                        role: TeamRole::from_word(&place.role)?,
                        deputy: place.deputy,
                    })
                })
                .collect(),
        })
        .collect())
}

/// What a person's own page says beyond the list.
#[derive(Debug)]
pub struct More {
    /// Zone in which they read times.
    pub zone: String,
    /// When first recorded.
    pub since: Timestamp,
    /// In the future after a change of address or role.
    pub may_vote_from: Option<Timestamp>,
    /// Open sessions.
    pub sessions: i64,
}

/// What a person's own page says beyond the list.
pub async fn more(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Option<More>> {
    let row = sqlx::query!(
        r#"SELECT p.zone, p.created_at, CASE WHEN p.may_vote_from > clock_timestamp() THEN p.may_vote_from END AS may_vote_from,
                  (SELECT count(*) FROM drydock.session s WHERE s.person_id = p.id AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()) AS "sessions!"
           FROM drydock.person p WHERE p.id = $1"#,
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| More {
        zone: row.zone,
        since: row.created_at.to_jiff(),
        may_vote_from: row.may_vote_from.map(|at| at.to_jiff()),
        sessions: row.sessions,
    }))
}

/// Databases this person is stakeholder of: of these teams only (`None`: of all).
pub async fn stakeholder_of(db: &mut PgConnection, person: PersonId, teams: Option<&[Uuid]>) -> sqlx::Result<Vec<(TargetId, String)>> {
    let rows = sqlx::query!(
        "SELECT t.id, t.short_name FROM drydock.target_stakeholder s JOIN drydock.target t ON t.id = s.target_id
         WHERE s.person_id = $1 AND t.state IN ('unverified', 'ready') AND ($2::uuid[] IS NULL OR t.team_id = ANY ($2)) ORDER BY t.short_name",
        person.0,
        teams as Option<&[Uuid]>
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (TargetId(row.id), row.short_name)).collect())
}

/// Text that LIKE takes literally.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if matches!(c, '\\' | '%' | '_') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

/// Active people behind these addresses, which are written in lower case.
pub async fn by_address(db: &mut PgConnection, addresses: &BTreeSet<String>) -> sqlx::Result<BTreeMap<String, PersonId>> {
    let addresses: Vec<String> = addresses.iter().cloned().collect();
    let rows =
        sqlx::query!("SELECT p.id, p.email FROM drydock.person p WHERE p.email = ANY ($1) AND p.active", &addresses).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.email, PersonId(row.id))).collect())
}

/// Names and addresses of people.
pub async fn called(db: &mut PgConnection, people: &BTreeSet<PersonId>) -> sqlx::Result<BTreeMap<PersonId, (String, String)>> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query!("SELECT p.id, p.name, p.email FROM drydock.person p WHERE p.id = ANY ($1)", &ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.id), (row.name, row.email))).collect())
}
