//! Who is away, and who votes in their place.

use super::{Stamp, stamp, voices};
use crate::error::{Error, Result};
use domain::absence::{Absence, Candidate};
use domain::approval::StandIn;
use domain::approval::stand_in::{self, Standing};
use domain::canonical::Digest;
use domain::ids::{AbsenceId, PersonId, TeamId, WindowId};
use domain::view::absences::AwayNow;
use domain::voice;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
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

/// A plan whose votes are counted.
#[derive(Debug, Clone, Copy)]
pub struct Counting<'a> {
    /// The window.
    pub window: WindowId,
    /// Its plan.
    pub digest: Digest,
    /// Its owner team.
    pub team: TeamId,
    /// Everybody whose seat the plan holds, by the policy of any of its databases.
    pub voters: &'a BTreeSet<PersonId>,
}

/// Who votes in whose place on one plan: those whose vote says so, and those who may now. Whoever had a hand in the window, or in naming the
/// delegate of somebody else, gives and gets nothing.
pub async fn stand_ins(db: &mut PgConnection, plan: &Counting<'_>) -> Result<Vec<StandIn>> {
    let voters: Vec<Uuid> = plan.voters.iter().map(|person| person.0).collect();
    let rows = sqlx::query!(
        r#"SELECT o.person_id AS "absent!", v.person_id AS "delegate!", true AS "voted!"
           FROM drydock.vote v, unnest(v.in_place_of) o (person_id) WHERE v.window_id = $1 AND v.digest = $2 AND v.withdrawn_at IS NULL
           UNION ALL
           SELECT a.person_id, a.delegate_id, false FROM drydock.absence a
           WHERE a.person_id = ANY ($3) AND a.delegate_id IS NOT NULL AND a.during @> clock_timestamp()
             AND NOT EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = $1
                             AND (c.person_id IN (a.person_id, a.delegate_id) OR (c.person_id = a.said_by AND a.said_by <> a.person_id)))"#,
        plan.window.0,
        plan.digest.0.as_slice(),
        &voters
    )
    .fetch_all(&mut *db)
    .await?;
    if rows.is_empty() {
        return Ok(vec![]);
    }
    let voted: BTreeSet<PersonId> =
        super::votes::standing(db, plan.window, plan.digest).await?.iter().map(|(_, vote)| vote.person).collect();
    let people: BTreeSet<PersonId> = rows.iter().flat_map(|row| [PersonId(row.absent), PersonId(row.delegate)]).collect();
    let heard: BTreeSet<PersonId> =
        rows.iter().filter(|row| row.voted).flat_map(|row| [PersonId(row.absent), PersonId(row.delegate)]).collect();
    let silent = voice::silent(&voices::of(db, plan.window, &people).await?, &heard);
    let standings = standings(db, plan.team, &people).await?;
    let mut found: BTreeMap<bool, Vec<StandIn>> = BTreeMap::new();
    for row in rows {
        let (absent, delegate) = (PersonId(row.absent), PersonId(row.delegate));
        if silent.contains(&absent) || silent.contains(&delegate) {
            continue;
        }
        let standing = standings.get(&delegate).copied().unwrap_or_default();
        found.entry(row.voted).or_default().push(StandIn { absent, delegate, standing });
    }
    let mut of = |voted| found.remove(&voted).unwrap_or_default();
    Ok(stand_in::on_one_plan(of(true), of(false), &voted))
}

/// Which of these windows have a vote that was given in somebody's place.
pub async fn voted_in_place(db: &mut PgConnection, windows: &[Uuid]) -> sqlx::Result<BTreeSet<WindowId>> {
    let rows = sqlx::query_scalar!(
        "SELECT DISTINCT v.window_id FROM drydock.vote v WHERE v.window_id = ANY ($1) AND v.withdrawn_at IS NULL AND v.in_place_of <> '{}'",
        windows
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(WindowId).collect())
}

/// What these people would bring as delegates on windows of this team.
async fn standings(db: &mut PgConnection, team: TeamId, people: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, Standing>> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query!(
        r#"SELECT p.id,
                  EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id)
                      AND (EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = p.id AND m.team_id = $2)
                           OR EXISTS (SELECT FROM drydock.target_stakeholder s JOIN drydock.target t ON t.id = s.target_id WHERE s.person_id = p.id AND t.team_id = $2)) AS "signs_in!",
                  EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = p.id AND f.confirmed_at IS NOT NULL) AS "factor!",
                  EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = p.id AND (m.role = 'lead' OR m.deputy)) AS "leads!",
                  EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = p.id AND m.role = 'engineer') AS "works!"
           FROM drydock.person p WHERE p.id = ANY ($1)"#,
        &ids,
        team.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (PersonId(row.id), Standing { signs_in: row.signs_in, factor: row.factor, leads: row.leads, works: row.works }))
        .collect())
}

/// A plan that waits, and an absence by which its delegate may have to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Unasked {
    /// The window.
    pub window: WindowId,
    /// The absence.
    pub absence: AbsenceId,
    /// Who is away.
    pub absent: PersonId,
    /// Who votes meanwhile.
    pub delegate: PersonId,
}

/// Delegates of people who are away now and have a seat in a plan that waits, and who were not asked about it; of one window, or of all.
pub async fn unasked(db: &mut PgConnection, window: Option<WindowId>) -> Result<Vec<Unasked>> {
    let rows = sqlx::query!(
        r#"SELECT w.id, a.id AS absence, a.person_id, a.delegate_id AS "delegate_id!"
           FROM drydock.absence a
           JOIN drydock.window w ON w.state = 'proposed' AND ($1::uuid IS NULL OR w.id = $1)
           JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
           WHERE a.delegate_id IS NOT NULL AND a.during @> clock_timestamp()
             AND EXISTS (SELECT FROM drydock.plan_rolls(p.bytes) e WHERE e.people ? a.person_id::text)
             AND NOT EXISTS (SELECT FROM drydock.asked_in_place q WHERE q.window_id = w.id AND q.digest = p.digest AND q.absence_id = a.id)
           ORDER BY w.id, a.id"#,
        window.map(|window| window.0)
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Unasked {
            window: WindowId(row.id),
            absence: AbsenceId(row.absence),
            absent: PersonId(row.person_id),
            delegate: PersonId(row.delegate_id),
        })
        .collect())
}

/// Notes that a delegate was asked.
pub(crate) async fn mark_asked(db: &mut PgConnection, window: WindowId, digest: Digest, absence: AbsenceId) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.asked_in_place (window_id, digest, absence_id) VALUES ($1, $2, $3)",
        window.0,
        digest.0.as_slice(),
        absence.0
    )
    .execute(db)
    .await
    .map(drop)
}

/// Who of these people is away now, until when, and who votes meanwhile.
pub async fn now(db: &mut PgConnection, people: &[PersonId]) -> Result<BTreeMap<PersonId, Absence>> {
    let now = super::runs::now(db).await?;
    Ok(open(db, people).await?.into_iter().filter(|absence| absence.holds(now)).map(|absence| (absence.person, absence)).collect())
}

/// The same as pages say it.
pub async fn away(db: &mut PgConnection, people: &[Uuid]) -> sqlx::Result<BTreeMap<PersonId, AwayNow>> {
    let rows = sqlx::query!(
        r#"SELECT a.person_id, upper(a.during) AS "until!: Stamp", d.name AS "delegate?" FROM drydock.absence a LEFT JOIN drydock.person d ON d.id = a.delegate_id
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
