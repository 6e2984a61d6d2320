//! Whose vote is heard on one window, and whose agreement on a change of a policy: what the guards ask, with their reasons.

use super::Stamp;
use crate::error::{Error, Result};
use domain::ids::{PersonId, SeriesDigestId, SeriesId, WindowId};
use domain::voice::{Bar, Changed, Voice};
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

struct Row {
    id: uuid::Uuid,
    active: bool,
    shared_address: bool,
    until: Option<Stamp>,
    what: Option<String>,
    bar_what: Option<String>,
    bar_at: Option<Stamp>,
    bar_by: Option<String>,
}

fn voices(rows: Vec<Row>) -> Result<BTreeMap<PersonId, Voice>> {
    rows.into_iter()
        .map(|row| {
            let word = |word: &str| Changed::from_word(word).ok_or_else(|| Error::internal(format!("unknown change {word}")));
            let what = row.what.as_deref().map(word).transpose()?;
            let bar = match (row.bar_what, row.bar_at, row.bar_by) {
                (Some(what), Some(at), Some(by)) => Some(Bar { by, what: word(&what)?, at: at.to_jiff() }),
                _ => None,
            };
            let rests = row.until.map(|until| (what, until.to_jiff()));
            Ok((PersonId(row.id), Voice { active: row.active, shared: row.shared_address, rests, bar }))
        })
        .collect()
}

/// How these people stand towards voting on this window; people who are not known are left out.
pub async fn of(db: &mut PgConnection, window: WindowId, people: &BTreeSet<PersonId>) -> Result<BTreeMap<PersonId, Voice>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT p.id, p.active, p.shared_address, CASE WHEN p.may_vote_from > clock_timestamp() THEN p.may_vote_from END AS "until: Stamp",
                  (SELECT i.what FROM drydock.identity_change i WHERE i.person_id = p.id ORDER BY i.id DESC LIMIT 1) AS what,
                  b.what AS "bar_what?", b.at AS "bar_at?: Stamp", b.name AS "bar_by?"
           FROM drydock.person p
           LEFT JOIN LATERAL (
               SELECT i.what, i.at, n.name FROM drydock.identity_change i
               JOIN drydock.contributor c ON c.person_id = i.changed_by AND c.window_id = $2
               JOIN drydock.window w ON w.id = c.window_id
               JOIN drydock.person n ON n.id = i.changed_by
               WHERE i.person_id = p.id AND i.changed_by <> p.id AND w.created_at < i.at + interval '24 hours' ORDER BY i.id DESC LIMIT 1) b ON true
           WHERE p.id = ANY ($1)"#,
        &ids,
        window.0
    )
    .fetch_all(db)
    .await?;
    voices(rows)
}

/// How these people stand towards a change of a policy that `proposer` proposed at that time; people who are not known are left out.
pub async fn towards(
    db: &mut PgConnection,
    proposer: PersonId,
    proposed_at: Timestamp,
    people: &BTreeSet<PersonId>,
) -> Result<BTreeMap<PersonId, Voice>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT p.id, p.active, p.shared_address, CASE WHEN p.may_vote_from > clock_timestamp() THEN p.may_vote_from END AS "until: Stamp",
                  (SELECT i.what FROM drydock.identity_change i WHERE i.person_id = p.id ORDER BY i.id DESC LIMIT 1) AS what,
                  b.what AS "bar_what?", b.at AS "bar_at?: Stamp", b.name AS "bar_by?"
           FROM drydock.person p
           LEFT JOIN LATERAL (
               SELECT i.what, i.at, n.name FROM drydock.identity_change i JOIN drydock.person n ON n.id = i.changed_by
               WHERE i.person_id = p.id AND i.changed_by = $2 AND i.changed_by <> p.id AND $3 < i.at + interval '24 hours'
               ORDER BY i.id DESC LIMIT 1) b ON true
           WHERE p.id = ANY ($1)"#,
        &ids,
        proposer.0,
        super::stamp(proposed_at) as Stamp
    )
    .fetch_all(db)
    .await?;
    voices(rows)
}

/// How one person stands towards voting on this window.
pub async fn one(db: &mut PgConnection, window: WindowId, person: PersonId) -> Result<Voice> {
    of(db, window, &BTreeSet::from([person])).await?.remove(&person).ok_or(Error::NotFound)
}

/// How one person stands towards voting on dates of a series together: what the guard of those votes asks.
pub async fn on_series(db: &mut PgConnection, series: SeriesId, asked: SeriesDigestId, person: PersonId) -> Result<Voice> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT p.id, p.active, p.shared_address, CASE WHEN p.may_vote_from > clock_timestamp() THEN p.may_vote_from END AS "until: Stamp",
                  (SELECT i.what FROM drydock.identity_change i WHERE i.person_id = p.id ORDER BY i.id DESC LIMIT 1) AS what,
                  b.what AS "bar_what?", b.at AS "bar_at?: Stamp", b.name AS "bar_by?"
           FROM drydock.person p
           LEFT JOIN LATERAL (
               SELECT i.what, i.at, n.name FROM drydock.identity_change i
               JOIN drydock.series_digest d ON d.id = $3
               JOIN drydock.person n ON n.id = i.changed_by
               WHERE i.person_id = p.id AND i.changed_by <> p.id AND d.asked_at < i.at + interval '24 hours'
                 AND (i.changed_by = d.asked_by OR EXISTS (SELECT FROM drydock.series_author a WHERE a.series_id = $2 AND a.person_id = i.changed_by))
               ORDER BY i.id DESC LIMIT 1) b ON true
           WHERE p.id = $1"#,
        person.0,
        series.0,
        asked.0
    )
    .fetch_all(db)
    .await?;
    voices(rows)?.remove(&person).ok_or(Error::NotFound)
}

/// Who was changed by any of `authors` within the last day, or after `since`: they never vote on a window of theirs that was there then.
pub async fn barred(db: &mut PgConnection, authors: &BTreeSet<PersonId>, since: Option<Timestamp>) -> Result<BTreeSet<PersonId>> {
    let ids: Vec<uuid::Uuid> = authors.iter().map(|person| person.0).collect();
    let rows = sqlx::query_scalar!(
        "SELECT DISTINCT i.person_id FROM drydock.identity_change i
         WHERE i.changed_by = ANY ($1) AND i.changed_by <> i.person_id AND i.at > coalesce($2, clock_timestamp()) - interval '24 hours'",
        &ids,
        since.map(super::stamp) as Option<Stamp>
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}
