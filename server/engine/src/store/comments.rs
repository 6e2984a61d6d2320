//! Comments on windows: who may read them, and what was written.

use super::{Stamp, stamp};
use crate::ledger::FactRef;
use domain::conversation::Reader;
use domain::fact::FactBytes;
use domain::ids::{CommentId, PersonId, TargetId, WindowId};
use domain::view::windows::conversation::{ACTIONS, Comment, Entry, Said, WRITE, said};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Active people who may see a window, which belongs to the team that planned it, whoever owns its database by now: by account what `team.see` says, and contacts whom the team made stakeholders or watchers of it.
/// With `only`, those of them alone.
pub async fn readers(
    db: &mut PgConnection,
    window: WindowId,
    targets: &[TargetId],
    only: Option<&BTreeSet<PersonId>>,
) -> sqlx::Result<Vec<Reader>> {
    let targets: Vec<Uuid> = targets.iter().map(|target| target.0).collect();
    let only: Option<Vec<Uuid>> = only.map(|people| people.iter().map(|person| person.0).collect());
    let rows = sqlx::query!(
        r#"SELECT p.id AS "id!", p.name AS "name!", p.email AS "email!" FROM drydock.person p JOIN drydock.window v ON v.id = $1
           WHERE p.active AND ($3::uuid[] IS NULL OR p.id = ANY ($3))
             AND (EXISTS (SELECT FROM drydock.membership m WHERE m.team_id = v.team_id AND m.person_id = p.id)
                  OR EXISTS (SELECT FROM drydock.global_role g WHERE g.person_id = p.id)
                  OR EXISTS (SELECT FROM drydock.target_stakeholder s JOIN drydock.target o ON o.id = s.target_id WHERE s.person_id = p.id AND o.team_id = v.team_id)
                  OR NOT EXISTS (SELECT FROM drydock.account a WHERE a.person_id = p.id)
                     AND (EXISTS (SELECT FROM drydock.watcher w WHERE w.window_id = $1 AND w.person_id = p.id)
                          OR EXISTS (SELECT FROM drydock.target_watcher w WHERE w.target_id = ANY ($2) AND w.person_id = p.id)))"#,
        window.0,
        &targets,
        only.as_deref()
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| Reader { person: PersonId(row.id), name: row.name, email: row.email }).collect())
}

/// How many comments a window has, those taken back included.
pub async fn count(db: &mut PgConnection, window: WindowId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM drydock.comment c WHERE c.window_id = $1"#, window.0).fetch_one(db).await
}

/// Where, what and by whom.
#[derive(Debug)]
pub(crate) struct NewComment<'t> {
    pub(crate) id: CommentId,
    pub(crate) window: WindowId,
    pub(crate) revision: i32,
    pub(crate) person: PersonId,
    pub(crate) text: &'t str,
    pub(crate) mentions: &'t BTreeSet<PersonId>,
}

/// Keeps a comment with whom it names.
pub(crate) async fn add(db: &mut PgConnection, new: &NewComment<'_>, fact: FactRef) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.comment (id, window_id, revision, person_id, text, fact_id, fact_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new.id.0,
        new.window.0,
        new.revision,
        new.person.0,
        new.text,
        fact.id,
        stamp(fact.at) as Stamp
    )
    .execute(&mut *db)
    .await?;
    let people: Vec<Uuid> = new.mentions.iter().map(|person| person.0).collect();
    sqlx::query!("INSERT INTO drydock.mention (comment_id, person_id) SELECT $1, p FROM unnest($2::uuid[]) p", new.id.0, &people)
        .execute(db)
        .await
        .map(drop)
}

/// A comment as taking it back and telling of it need it.
#[derive(Debug, Clone)]
pub struct Written {
    /// On which window.
    pub window: WindowId,
    /// The fact of its writing.
    pub fact: i64,
    /// By whom.
    pub person: PersonId,
    /// Their name.
    pub author: String,
    /// What.
    pub text: String,
    /// It was taken back.
    pub retracted: bool,
}

/// One comment.
pub async fn find(db: &mut PgConnection, comment: CommentId) -> sqlx::Result<Option<Written>> {
    let row = sqlx::query!(
        r#"SELECT c.window_id, c.fact_id, c.person_id, p.name, c.text, c.retracted_at IS NOT NULL AS "retracted!" FROM drydock.comment c JOIN drydock.person p ON p.id = c.person_id WHERE c.id = $1"#,
        comment.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Written {
        window: WindowId(row.window_id),
        fact: row.fact_id,
        person: PersonId(row.person_id),
        author: row.name,
        text: row.text,
        retracted: row.retracted,
    }))
}

/// Takes a comment back; false when it was taken back already.
pub(crate) async fn retract(db: &mut PgConnection, comment: CommentId, fact: FactRef) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.comment AS c SET retracted_at = $2 WHERE c.id = $1 AND c.retracted_at IS NULL",
        comment.0,
        stamp(fact.at) as Stamp
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What was said about a window before fact `before`, newest first, at most `most`.
pub async fn said_before(
    db: &mut PgConnection,
    window: WindowId,
    reader: PersonId,
    before: Option<i64>,
    most: i64,
) -> crate::error::Result<Vec<Entry>> {
    let actions: Vec<String> = ACTIONS.iter().map(|action| (*action).to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT f.id, f.at, f.actor_kind, n.name AS "name?", f.action, f.bytes, c.id AS "comment?", c.person_id AS "author?", CASE WHEN c.retracted_at IS NULL THEN c.text END AS text, c.retracted_at AS "retracted_at?: Stamp"
           FROM drydock.fact f LEFT JOIN drydock.person n ON n.id = f.actor_id LEFT JOIN drydock.comment c ON c.fact_id = f.id
           WHERE f.window_id = $1 AND f.result = 'done' AND f.action = ANY ($2) AND ($3::bigint IS NULL OR f.id < $3)
           ORDER BY f.id DESC LIMIT $4"#,
        window.0,
        &actions,
        before,
        most
    )
    .fetch_all(&mut *db)
    .await?;
    let comments: Vec<Uuid> = rows.iter().filter_map(|row| row.comment).collect();
    let mut mentions = mentioned(db, &comments).await?;
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let said = match row.comment.filter(|_| row.action == WRITE) {
            Some(id) => Some(Said::Comment(Comment {
                id: CommentId(id),
                text: row.text,
                retracted_at: row.retracted_at.map(Stamp::to_jiff),
                mentions: mentions.remove(&id).unwrap_or_default(),
                own: row.author == Some(reader.0),
            })),
            None => said(&row.action, &serde_json::from_slice::<FactBytes>(&row.bytes)?.payload),
        };
        let who = super::window_page::actor(&row.actor_kind, row.name);
        entries.extend(said.map(|said| Entry { fact: row.id, at: row.at.to_jiff(), who, said }));
    }
    Ok(entries)
}

/// Names of those whom each of these comments names.
async fn mentioned(db: &mut PgConnection, comments: &[Uuid]) -> sqlx::Result<BTreeMap<Uuid, Vec<String>>> {
    let rows = sqlx::query!(
        "SELECT m.comment_id, p.name FROM drydock.mention m JOIN drydock.person p ON p.id = m.person_id WHERE m.comment_id = ANY ($1) ORDER BY p.name",
        comments
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for row in rows {
        found.entry(row.comment_id).or_default().push(row.name);
    }
    Ok(found)
}
