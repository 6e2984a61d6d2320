//! Who is away, from when to when, and whom they named.

use super::{Stamp, stamp};
use crate::error::{Error, Result};
use domain::absence::{Absence, Candidate};
use domain::ids::{AbsenceId, PersonId, TeamId};
use domain::view::absences::AwayNow;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Absences of these people that are not over, soonest first.
pub async fn open(db: &mut PgConnection, people: &[PersonId]) -> sqlx::Result<Vec<Absence>> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id, a.person_id, a.starts_at, upper(a.during) AS "ends_at!: Stamp", a.delegate_id, a.said_by FROM drydock.absence a
           WHERE a.person_id = ANY ($1) AND NOT isempty(a.during) AND upper(a.during) > clock_timestamp() ORDER BY a.starts_at"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Absence {
            id: AbsenceId(row.id),
            person: PersonId(row.person_id),
            starts: row.starts_at.to_jiff(),
            ends: row.ends_at.to_jiff(),
            delegate: row.delegate_id.map(PersonId),
            said_by: PersonId(row.said_by),
        })
        .collect())
}

/// One absence, over or not; its row is taken for this transaction.
pub(crate) async fn lock(db: &mut PgConnection, id: AbsenceId) -> sqlx::Result<Option<Absence>> {
    sqlx::query_scalar!("SELECT a.id FROM drydock.absence a WHERE a.id = $1 FOR UPDATE", id.0).fetch_optional(&mut *db).await?;
    find(db, id).await
}

/// One absence, over or not.
pub async fn find(db: &mut PgConnection, id: AbsenceId) -> sqlx::Result<Option<Absence>> {
    let row = sqlx::query!(
        r#"SELECT a.person_id, a.starts_at, least(a.ends_at, a.ended_at) AS "ends_at!: Stamp", a.delegate_id, a.said_by FROM drydock.absence a WHERE a.id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Absence {
        id,
        person: PersonId(row.person_id),
        starts: row.starts_at.to_jiff(),
        ends: row.ends_at.to_jiff(),
        delegate: row.delegate_id.map(PersonId),
        said_by: PersonId(row.said_by),
    }))
}

/// Writes one. [`Error::Database`] with `absence_no_overlap` where another one is in that time.
pub(crate) async fn insert(db: &mut PgConnection, absence: &Absence) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.absence (id, person_id, starts_at, ends_at, delegate_id, said_by) VALUES ($1, $2, $3, $4, $5, $6)",
        absence.id.0,
        absence.person.0,
        stamp(absence.starts) as Stamp,
        stamp(absence.ends) as Stamp,
        absence.delegate.map(|person| person.0),
        absence.said_by.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// Moves its end.
pub(crate) async fn move_end(db: &mut PgConnection, id: AbsenceId, ends: Timestamp) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.absence AS a SET ends_at = $2 WHERE a.id = $1", id.0, stamp(ends) as Stamp).execute(db).await.map(drop)
}

/// Ends it now.
pub(crate) async fn end(db: &mut PgConnection, id: AbsenceId, by: PersonId) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.absence AS a SET ended_at = clock_timestamp(), ended_by = $2 WHERE a.id = $1", id.0, by.0)
        .execute(db)
        .await
        .map(drop)
}

/// Somebody by address, as a delegate is named.
pub async fn candidate(db: &mut PgConnection, email: &str) -> sqlx::Result<Option<Candidate>> {
    let row = sqlx::query!("SELECT p.id, p.name, p.active, p.shared_address FROM drydock.person p WHERE p.email = $1", email)
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| Candidate { person: PersonId(row.id), name: row.name, active: row.active, shared: row.shared_address }))
}

/// Who of these people is away now, until when, and who votes meanwhile.
pub async fn now(db: &mut PgConnection, people: &[PersonId]) -> Result<BTreeMap<PersonId, Absence>> {
    let now = super::runs::now(db).await?;
    Ok(open(db, people).await?.into_iter().filter(|absence| absence.holds(now)).map(|absence| (absence.person, absence)).collect())
}

/// The same as pages say it.
pub async fn away(db: &mut PgConnection, people: &[Uuid]) -> sqlx::Result<BTreeMap<PersonId, AwayNow>> {
    let rows = sqlx::query!(
        r#"SELECT a.person_id, upper(a.during) AS "until!: Stamp", d.name AS "delegate?" FROM drydock.absence a LEFT JOIN drydock.person d ON d.id = a.delegate_id AND d.active
           WHERE a.person_id = ANY ($1) AND a.during @> clock_timestamp()"#,
        people
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.person_id), AwayNow { until: row.until.to_jiff(), delegate: row.delegate })).collect())
}

/// The refusal of the database for two absences in one time.
pub(crate) fn is_overlap(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) == Some("absence_no_overlap")
}

/// Zone in which somebody counts days.
pub async fn zone(db: &mut PgConnection, person: PersonId) -> Result<String> {
    sqlx::query_scalar!("SELECT p.zone FROM drydock.person p WHERE p.id = $1", person.0).fetch_optional(db).await?.ok_or(Error::NotFound)
}

/// Teams a person has a place in.
pub async fn teams_of(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<TeamId>> {
    let rows = sqlx::query_scalar!("SELECT m.team_id FROM drydock.membership m WHERE m.person_id = $1 ORDER BY m.team_id", person.0)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(TeamId).collect())
}

/// Addresses of people who are likely delegates: those in the same teams, by name.
pub async fn colleagues(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT p.email FROM drydock.person p
         WHERE p.active AND NOT p.shared_address AND p.id <> $1
           AND p.id IN (SELECT o.person_id FROM drydock.membership m JOIN drydock.membership o ON o.team_id = m.team_id WHERE m.person_id = $1)
         ORDER BY lower(p.name), p.id LIMIT 100",
        person.0
    )
    .fetch_all(db)
    .await
}

/// Absences in which somebody votes for others, that are not over.
pub async fn standing_in(db: &mut PgConnection, delegate: PersonId) -> sqlx::Result<Vec<Absence>> {
    let people = sqlx::query_scalar!(
        "SELECT a.person_id FROM drydock.absence a WHERE a.delegate_id = $1 AND NOT isempty(a.during) AND upper(a.during) > clock_timestamp()",
        delegate.0
    )
    .fetch_all(&mut *db)
    .await?;
    let people: Vec<PersonId> = people.into_iter().map(PersonId).collect();
    Ok(open(db, &people).await?.into_iter().filter(|absence| absence.delegate == Some(delegate)).collect())
}
