//! Who watches what, and who wants no message about what.

use domain::ids::{PersonId, TargetId, WindowId};
use domain::notice::topics::{Channel, Off, Topic};
use domain::view::watchers::WatcherRow;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// One window.
    Window(WindowId),
    /// A database: all its windows.
    Target(TargetId),
}

/// Everybody who watches it, by name.
pub async fn rows(db: &mut PgConnection, watched: Watched) -> sqlx::Result<Vec<WatcherRow>> {
    let (window, target) = split(watched);
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.email, p.shared_address, a.person_id IS NOT NULL AS "account!", CASE WHEN w.added_by <> p.id THEN n.name END AS added_by
           FROM (SELECT x.person_id, x.added_by FROM drydock.watcher x WHERE x.window_id = $1
                 UNION ALL SELECT x.person_id, x.added_by FROM drydock.target_watcher x WHERE x.target_id = $2) w
           JOIN drydock.person p ON p.id = w.person_id JOIN drydock.person n ON n.id = w.added_by LEFT JOIN drydock.account a ON a.person_id = p.id
           WHERE p.active ORDER BY lower(p.name), p.id"#,
        window,
        target
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| WatcherRow {
            person: PersonId(row.id),
            name: row.name,
            email: row.email,
            account: row.account,
            shared: row.shared_address,
            added_by: row.added_by,
        })
        .collect())
}

fn split(watched: Watched) -> (Option<uuid::Uuid>, Option<uuid::Uuid>) {
    match watched {
        Watched::Window(window) => (Some(window.0), None),
        Watched::Target(target) => (None, Some(target.0)),
    }
}

/// Adds a watcher; false when they watch it already.
pub(crate) async fn add(db: &mut PgConnection, watched: Watched, person: PersonId, by: PersonId) -> sqlx::Result<bool> {
    let done = match watched {
        Watched::Window(window) => {
            sqlx::query!(
                "INSERT INTO drydock.watcher (window_id, person_id, added_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                window.0,
                person.0,
                by.0
            )
            .execute(db)
            .await?
        }
        Watched::Target(target) => {
            sqlx::query!(
                "INSERT INTO drydock.target_watcher (target_id, person_id, added_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                target.0,
                person.0,
                by.0
            )
            .execute(db)
            .await?
        }
    };
    Ok(done.rows_affected() == 1)
}

/// Takes a watcher away; false when there was none.
pub(crate) async fn remove(db: &mut PgConnection, watched: Watched, person: PersonId) -> sqlx::Result<bool> {
    let done = match watched {
        Watched::Window(window) => {
            sqlx::query!("DELETE FROM drydock.watcher AS w WHERE w.window_id = $1 AND w.person_id = $2", window.0, person.0)
                .execute(db)
                .await?
        }
        Watched::Target(target) => {
            sqlx::query!("DELETE FROM drydock.target_watcher AS w WHERE w.target_id = $1 AND w.person_id = $2", target.0, person.0)
                .execute(db)
                .await?
        }
    };
    Ok(done.rows_affected() == 1)
}

/// Who is told of a window because of watching it or its database: those who may still see the work of the team that planned it, and contacts,
/// whom the team added.
pub async fn told(db: &mut PgConnection, window: WindowId, target: TargetId) -> sqlx::Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        r#"SELECT p.id AS "id!" FROM drydock.person p JOIN drydock.window v ON v.id = $1
           WHERE p.active
             AND (EXISTS (SELECT FROM drydock.watcher w WHERE w.window_id = $1 AND w.person_id = p.id) OR EXISTS (SELECT FROM drydock.target_watcher w WHERE w.target_id = $2 AND w.person_id = p.id))
             AND (NOT EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id) OR drydock.sees_team(p.id, v.team_id))"#,
        window.0,
        target.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// Active people whom the database's on-call contact may name: identity, name, address, and the contact's text.
pub async fn on_call(db: &mut PgConnection, target: TargetId) -> sqlx::Result<BTreeSet<PersonId>> {
    let rows = sqlx::query!(
        "SELECT p.id, p.name, p.email, t.on_call FROM drydock.target t JOIN drydock.person p ON strpos(lower(t.on_call), lower(p.name)) > 0 OR strpos(lower(t.on_call), p.email) > 0
         WHERE t.id = $1 AND p.active",
        target.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter(|row| domain::people::names_person(&row.on_call, &row.name, &row.email))
        .map(|row| PersonId(row.id))
        .collect())
}

/// What each of these people switched off.
pub async fn off(db: &mut PgConnection, people: &[PersonId]) -> sqlx::Result<BTreeMap<PersonId, Off>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query!("SELECT o.person_id, o.channel, o.topic FROM drydock.notice_off o WHERE o.person_id = ANY ($1)", &ids)
        .fetch_all(db)
        .await?;
    let mut found: BTreeMap<PersonId, Off> = BTreeMap::new();
    for row in rows {
        found.entry(PersonId(row.person_id)).or_default().extend(Channel::from_word(&row.channel).zip(Topic::from_word(&row.topic)));
    }
    Ok(found)
}

/// Makes these the only messages a person does not get.
pub(crate) async fn put_off(db: &mut PgConnection, person: PersonId, off: &Off) -> sqlx::Result<()> {
    let (channels, topics): (Vec<String>, Vec<String>) =
        off.iter().map(|(channel, topic)| (channel.word().to_owned(), topic.word().to_owned())).unzip();
    sqlx::query!(
        "DELETE FROM drydock.notice_off AS o
         WHERE o.person_id = $1 AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS u (channel, topic) WHERE (u.channel, u.topic) = (o.channel, o.topic))",
        person.0,
        &channels,
        &topics
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO drydock.notice_off (person_id, channel, topic)
         SELECT $1, u.channel, u.topic FROM unnest($2::text[], $3::text[]) AS u (channel, topic) ON CONFLICT DO NOTHING",
        person.0,
        &channels,
        &topics
    )
    .execute(db)
    .await
    .map(drop)
}
