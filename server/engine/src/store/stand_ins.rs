//! Who votes in the place of whoever is away, or lets them decide, on one plan; and who is still to be asked.

use super::voices;
use crate::error::Result;
use domain::approval::stand_in::{self, Standing};
use domain::approval::{Assurance, StandIn};
use domain::canonical::Digest;
use domain::ids::{AbsenceId, PersonId, TeamId, WindowId};
use domain::voice;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

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
/// delegate of somebody else, gives and gets nothing; and a lead speaks of members on windows of the own team alone.
pub async fn of(db: &mut PgConnection, plan: &Counting<'_>) -> Result<Vec<StandIn>> {
    let voters: Vec<Uuid> = plan.voters.iter().map(|person| person.0).collect();
    let rows = sqlx::query!(
        // A seat that was given by a link counts for no more than a link does, or a link and a code, also when it was voted for.
        r#"SELECT o.person_id AS "absent!", v.person_id AS "delegate!", true AS "voted!",
                  (SELECT d.code_id IS NOT NULL FROM drydock.delegation d WHERE d.window_id = $1 AND d.digest = $2 AND d.person_id = o.person_id AND d.delegate_id = v.person_id
                   ORDER BY d.at DESC LIMIT 1) AS "with_code?"
           FROM drydock.vote v, unnest(v.in_place_of) o (person_id) WHERE v.window_id = $1 AND v.digest = $2 AND v.withdrawn_at IS NULL
           UNION ALL
           SELECT d.person_id, d.delegate_id, false, d.code_id IS NOT NULL FROM drydock.delegation d WHERE d.window_id = $1 AND d.digest = $2 AND d.ended_at IS NULL
           UNION ALL
           SELECT a.person_id, a.delegate_id, false, NULL::boolean FROM drydock.absence a
           WHERE a.person_id = ANY ($3) AND a.delegate_id IS NOT NULL AND a.during @> clock_timestamp() AND drydock.may_speak_of(a, $4)
             AND NOT EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = $1
                             AND (c.person_id IN (a.person_id, a.delegate_id) OR (c.person_id = a.said_by AND a.said_by <> a.person_id)))
             -- Whom they named for this plan comes first.
             AND NOT EXISTS (SELECT FROM drydock.delegation d WHERE d.window_id = $1 AND d.digest = $2 AND d.person_id = a.person_id AND d.ended_at IS NULL)"#,
        plan.window.0,
        plan.digest.0.as_slice(),
        &voters,
        plan.team.0
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
    let standings = standings(db, &people).await?;
    let mut found: BTreeMap<bool, Vec<StandIn>> = BTreeMap::new();
    for row in rows {
        let (absent, delegate) = (PersonId(row.absent), PersonId(row.delegate));
        if silent.contains(&absent) || silent.contains(&delegate) {
            continue;
        }
        let standing = standings.get(&delegate).copied().unwrap_or_default();
        let given = match row.with_code {
            Some(false) => Assurance::Link,
            Some(true) => Assurance::LinkCode,
            None => Assurance::AccountFactor,
        };
        found.entry(row.voted).or_default().push(StandIn { absent, delegate, standing, given });
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

/// What these people would bring as delegates. Whoever is asked may decide signed in, whatever team they are in.
async fn standings(db: &mut PgConnection, people: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, Standing>> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query!(
        r#"SELECT p.id,
                  EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id) AS "signs_in!",
                  EXISTS (SELECT FROM drydock.factor f WHERE f.person_id = p.id AND f.confirmed_at IS NOT NULL) AS "factor!",
                  EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = p.id AND (m.role = 'lead' OR m.deputy)) AS "leads!",
                  EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = p.id AND m.role = 'engineer') AS "works!"
           FROM drydock.person p WHERE p.id = ANY ($1)"#,
        &ids
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
    /// They hold a link to decide on this plan already.
    pub holds_link: bool,
}

/// Delegates of people who are away now and have a seat in a plan that waits, and who were not asked about it; of one window, or of all.
pub async fn unasked(db: &mut PgConnection, window: Option<WindowId>) -> Result<Vec<Unasked>> {
    let rows = sqlx::query!(
        // Each plan is read once, and none while nobody is away.
        r#"WITH away AS MATERIALIZED (
               SELECT a.id, a.person_id, a.delegate_id FROM drydock.absence a WHERE a.delegate_id IS NOT NULL AND a.during @> clock_timestamp()
           ), seat AS MATERIALIZED (
               SELECT w.id, p.digest, e.people FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
               CROSS JOIN LATERAL drydock.plan_rolls(p.bytes) e
               WHERE w.state = 'proposed' AND ($1::uuid IS NULL OR w.id = $1) AND EXISTS (SELECT FROM away)
           )
           SELECT DISTINCT s.id AS "window!", a.id AS "absence!", a.person_id AS "person_id!", a.delegate_id AS "delegate_id!",
                  EXISTS (SELECT FROM drydock.link l WHERE l.window_id = s.id AND l.digest = s.digest AND l.person_id = a.delegate_id AND l.purpose = 'approve'
                            AND l.used_at IS NULL AND l.ended_at IS NULL AND l.expires_at > clock_timestamp()) AS "holds_link!"
           FROM seat s JOIN away a ON s.people ? a.person_id::text
           WHERE NOT EXISTS (SELECT FROM drydock.asked_in_place q WHERE q.window_id = s.id AND q.digest = s.digest AND q.absence_id = a.id)
           ORDER BY 1, 2"#,
        window.map(|window| window.0)
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Unasked {
            window: WindowId(row.window),
            absence: AbsenceId(row.absence),
            absent: PersonId(row.person_id),
            delegate: PersonId(row.delegate_id),
            holds_link: row.holds_link,
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
