//! Freezes, what they cover, and the windows they meet.

use super::targets::meaning;
use super::{Stamp, stamp};
use crate::error::{Error, Result};
use domain::canonical::Digest;
use domain::freeze::{Freeze, Scope};
use domain::ids::{FreezeId, PersonId, TargetId, TeamId, WindowId};
use domain::target::Environment;
use domain::view::freezes::{FreezeRow, MetWindow, covers};
use domain::view::windows::list::Filter;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most freezes a page lists of one kind: where there are more, it says so.
const MOST_ROWS: usize = 200;
/// One more says that there are more.
const MOST: i64 = 201;

/// What a page has room for, and whether there are more.
fn cut(mut rows: Vec<FreezeRow>) -> (Vec<FreezeRow>, bool) {
    let more = rows.len() > MOST_ROWS;
    rows.truncate(MOST_ROWS);
    (rows, more)
}

struct Row {
    id: Uuid,
    name: String,
    reason: String,
    scope: String,
    environment: Option<String>,
    tag: Option<String>,
    team_id: Option<Uuid>,
    target_id: Option<Uuid>,
    owner: Option<Uuid>,
    scope_name: Option<String>,
    zone: String,
    start_at: Stamp,
    end_at: Stamp,
    revision: i32,
    created_by: Uuid,
    by_name: String,
    lifted_at: Option<Stamp>,
    lifted_by: Option<String>,
    lift_reason: Option<String>,
}

/// A freeze as lists and sentences need it, from `drydock.freeze f` on.
macro_rules! freezes {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT f.id, f.name, f.reason, f.scope, f.environment, f.tag, f.team_id, f.target_id, t.team_id AS "owner?",
                      coalesce(m.name, t.short_name) AS scope_name, f.zone, f.start_at, f.end_at, f.revision, f.created_by, p.name AS by_name,
                      f.lifted_at AS "lifted_at: Stamp", l.name AS "lifted_by?", f.lift_reason
               FROM drydock.freeze f JOIN drydock.person p ON p.id = f.created_by LEFT JOIN drydock.person l ON l.id = f.lifted_by
               LEFT JOIN drydock.team m ON m.id = f.team_id LEFT JOIN drydock.target t ON t.id = f.target_id "# + $rest
            $(, $argument)*
        )
    };
}

impl Row {
    fn read(self) -> Result<FreezeRow> {
        let scope = scope_of(&self.scope, self.environment.or(self.tag), self.team_id, self.target_id.zip(self.owner))?;
        Ok(FreezeRow {
            covers: covers(&scope, self.scope_name.as_deref()),
            freeze: Freeze {
                id: FreezeId(self.id),
                name: self.name,
                reason: self.reason,
                scope,
                zone: self.zone,
                start: self.start_at.to_jiff(),
                end: self.end_at.to_jiff(),
                by: PersonId(self.created_by),
                by_name: self.by_name,
                lifted_at: self.lifted_at.map(Stamp::to_jiff),
                revision: self.revision,
            },
            lifted: self.lifted_by.zip(self.lift_reason),
        })
    }
}

/// What the columns of a scope say: `named` is its environment or its tag; a target comes with its owner.
pub(super) fn scope_of(word: &str, named: Option<String>, team: Option<Uuid>, target: Option<(Uuid, Uuid)>) -> Result<Scope> {
    let missing = || Error::internal("a freeze that does not say what it covers");
    Ok(match word {
        "everything" => Scope::Everything,
        "environment" => {
            let word = named.ok_or_else(missing)?;
            Scope::Environment(meaning(Environment::from_word(&word), &word)?)
        }
        "tag" => Scope::Tag(named.ok_or_else(missing)?),
        "team" => Scope::Team(TeamId(team.ok_or_else(missing)?)),
        _ => {
            let (target, owner) = target.ok_or_else(missing)?;
            Scope::Target(TargetId(target), TeamId(owner))
        }
    })
}

/// The columns of a scope.
#[derive(Debug, Default)]
pub(super) struct Columns<'s> {
    pub environment: Option<&'static str>,
    pub tag: Option<&'s str>,
    pub team: Option<Uuid>,
    pub target: Option<Uuid>,
}

pub(super) fn columns(scope: &Scope) -> Columns<'_> {
    let none = Columns::default();
    match scope {
        Scope::Everything => none,
        Scope::Environment(environment) => Columns { environment: Some(environment.word()), ..none },
        Scope::Tag(tag) => Columns { tag: Some(tag), ..none },
        Scope::Team(team) => Columns { team: Some(team.0), ..none },
        Scope::Target(target, _) => Columns { target: Some(target.0), ..none },
    }
}

fn read(rows: Vec<Row>) -> Result<Vec<FreezeRow>> {
    rows.into_iter().map(Row::read).collect()
}

/// One freeze.
pub async fn find(db: &mut PgConnection, id: FreezeId) -> Result<Option<FreezeRow>> {
    freezes!("WHERE f.id = $1", id.0).fetch_optional(db).await?.map(Row::read).transpose()
}

/// The same, its row taken until the transaction ends.
pub async fn lock(db: &mut PgConnection, id: FreezeId) -> Result<FreezeRow> {
    freezes!("WHERE f.id = $1 FOR NO KEY UPDATE OF f", id.0).fetch_optional(db).await?.ok_or(Error::NotFound)?.read()
}

/// Freezes in force and coming that these teams see (`None`: all teams), those that begin first on top, and whether there are more than a page
/// lists; those behind this one on the list, where one is given. What covers a whole environment is seen by everybody.
pub async fn standing(db: &mut PgConnection, teams: Option<&[TeamId]>, after: Option<FreezeId>) -> Result<(Vec<FreezeRow>, bool)> {
    let teams = super::window_list::ids(teams);
    let rows = freezes!(
        "WHERE f.lifted_at IS NULL AND f.end_at > clock_timestamp()
           AND ($1::uuid[] IS NULL OR f.scope IN ('everything', 'environment', 'tag') OR f.team_id = ANY ($1) OR t.team_id = ANY ($1))
           AND ($3::uuid IS NULL OR (f.start_at, f.id) > (SELECT a.start_at, a.id FROM drydock.freeze a WHERE a.id = $3))
         ORDER BY f.start_at, f.id LIMIT $2",
        teams.as_deref() as Option<&[Uuid]>,
        MOST,
        after.map(|id| id.0)
    );
    Ok(cut(read(rows.fetch_all(db).await?)?))
}

/// Freezes that are over or were lifted, newest first; those after this one on the list, where one is given.
pub async fn past(db: &mut PgConnection, teams: Option<&[TeamId]>, before: Option<FreezeId>, most: i64) -> Result<Vec<FreezeRow>> {
    let teams = super::window_list::ids(teams);
    let rows = freezes!(
        "WHERE (f.lifted_at IS NOT NULL OR f.end_at <= clock_timestamp())
           AND ($1::uuid[] IS NULL OR f.scope IN ('everything', 'environment', 'tag') OR f.team_id = ANY ($1) OR t.team_id = ANY ($1))
           AND ($3::uuid IS NULL OR (f.start_at, f.id) < (SELECT b.start_at, b.id FROM drydock.freeze b WHERE b.id = $3))
         ORDER BY f.start_at DESC, f.id DESC LIMIT $2",
        teams.as_deref() as Option<&[Uuid]>,
        most,
        before.map(|id| id.0)
    );
    read(rows.fetch_all(db).await?)
}

/// Freezes between two instants that these teams see and nobody lifted, those that begin first on top, and whether there are more than a page
/// shows. Where a filter leaves databases out, a freeze has to hold one that is left and that these teams see.
pub async fn between(
    db: &mut PgConnection,
    teams: Option<&[TeamId]>,
    filter: &Filter,
    from: Timestamp,
    until: Timestamp,
) -> Result<(Vec<FreezeRow>, bool)> {
    let teams = super::window_list::ids(teams);
    let rows = freezes!(
        "WHERE f.lifted_at IS NULL AND f.end_at > $2 AND f.start_at < $3
           AND ($1::uuid[] IS NULL OR f.scope IN ('everything', 'environment', 'tag') OR f.team_id = ANY ($1) OR t.team_id = ANY ($1))
           AND ($4 = '' AND $5 = '' AND $6 = ''
                OR EXISTS (SELECT FROM drydock.target x JOIN drydock.team y ON y.id = x.team_id
                           WHERE x.state <> 'deleted' AND ($1::uuid[] IS NULL OR x.team_id = ANY ($1))
                             AND ($4 = '' OR x.environment = $4) AND ($5 = '' OR x.short_name = $5) AND ($6 = '' OR y.short_name = $6)
                             AND drydock.freeze_covers(f, x)))
         ORDER BY f.start_at, f.id LIMIT $7",
        teams.as_deref() as Option<&[Uuid]>,
        stamp(from) as Stamp,
        stamp(until) as Stamp,
        filter.environment,
        filter.database,
        filter.team,
        MOST
    );
    Ok(cut(read(rows.fetch_all(db).await?)?))
}

/// Freezes over a database between two instants, those that begin first on top; without those that this plan may pass, where one is given.
/// One instant is asked for as `from` = `until`.
pub async fn over(
    db: &mut PgConnection,
    target: TargetId,
    from: Timestamp,
    until: Timestamp,
    plan: Option<(WindowId, Digest)>,
) -> Result<Vec<Freeze>> {
    let rows = freezes!(
        "WHERE f.id IN (SELECT b.id FROM drydock.freeze_between($1, $2::uuid, $3::bytea, $4, $5) b) ORDER BY f.start_at, f.id LIMIT 50",
        target.0,
        plan.map(|(window, _)| window.0),
        plan.as_ref().map(|(_, digest)| digest.0.as_slice()),
        stamp(from) as Stamp,
        stamp(until) as Stamp
    );
    Ok(read(rows.fetch_all(db).await?)?.into_iter().map(|row| row.freeze).collect())
}

/// Freezes of an environment that are in force or coming, those that begin first on top.
pub async fn over_environment(db: &mut PgConnection, environment: Environment) -> Result<Vec<Freeze>> {
    let rows = freezes!(
        "WHERE f.lifted_at IS NULL AND f.end_at > clock_timestamp() AND f.environment = $1 ORDER BY f.start_at, f.id LIMIT 50",
        environment.word()
    );
    Ok(read(rows.fetch_all(db).await?)?.into_iter().map(|row| row.freeze).collect())
}

/// Freezes of these tags that are in force or coming, those that begin first on top.
pub async fn over_tags(db: &mut PgConnection, tags: &[String]) -> Result<Vec<Freeze>> {
    let rows = freezes!(
        "WHERE f.lifted_at IS NULL AND f.end_at > clock_timestamp() AND f.tag = ANY ($1) ORDER BY f.start_at, f.id LIMIT 50",
        tags
    );
    Ok(read(rows.fetch_all(db).await?)?.into_iter().map(|row| row.freeze).collect())
}

/// Whom a message about met windows goes to, and which windows a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Windows of these teams.
    Teams(&'a [TeamId]),
    /// Windows of this owner.
    Owner(PersonId),
    /// All of them.
    Everybody,
}

/// Open windows whose time a freeze meets, those that begin first on top; at most 100.
pub async fn met(db: &mut PgConnection, id: FreezeId, whose: Whose<'_>) -> Result<Vec<MetWindow>> {
    let (teams, owner) = match whose {
        Whose::Teams(teams) => (super::window_list::ids(Some(teams)), None),
        Whose::Owner(person) => (None, Some(person.0)),
        Whose::Everybody => (None, None),
    };
    let rows = sqlx::query!(
        r#"SELECT w.number, r.title, w.state, string_agg(t.short_name, ', ' ORDER BY wt.position) AS "short_name!", r.start_at, r.end_at, g.name AS "granted_by?", o.reason AS "reason?"
           FROM drydock.freeze f
           JOIN drydock.window w ON w.state IN ('proposed', 'approved', 'running', 'hold')
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.during && tstzrange(f.start_at, f.end_at)
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
           JOIN drydock.target t ON t.id = wt.target_id AND drydock.freeze_covers(f, t)
           LEFT JOIN (drydock.freeze_override o JOIN drydock.person g ON g.id = o.granted_by)
             ON o.freeze_id = f.id AND o.window_id = w.id AND o.digest = p.digest AND o.withdrawn_at IS NULL AND drydock.may_freeze(o.granted_by, f)
           WHERE f.id = $1 AND ($2::uuid[] IS NULL OR w.team_id = ANY ($2)) AND ($3::uuid IS NULL OR coalesce(w.owner_id, w.created_by) = $3)
           GROUP BY w.number, r.title, w.state, r.start_at, r.end_at, g.name, o.reason
           ORDER BY r.start_at, w.number LIMIT 100"#,
        id.0,
        teams.as_deref() as Option<&[Uuid]>,
        owner
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(MetWindow {
                number: row.number,
                title: row.title,
                state: super::window_list::state(&row.state)?,
                database: row.short_name,
                start: row.start_at.to_jiff(),
                end: row.end_at.to_jiff(),
                passes: row.granted_by.zip(row.reason),
            })
        })
        .collect()
}

/// Active owners of the open windows whose time a freeze meets.
pub async fn owners_met(db: &mut PgConnection, id: FreezeId) -> Result<BTreeSet<PersonId>> {
    Ok(owners_met_by(db, &[id]).await?.remove(&id).unwrap_or_default())
}

/// Active owners of the open windows on one database whose time a freeze meets.
pub async fn owners_met_on(db: &mut PgConnection, id: FreezeId, target: TargetId) -> Result<BTreeSet<PersonId>> {
    let rows = sqlx::query_scalar!(
        "SELECT DISTINCT n.id FROM drydock.freeze f
         JOIN drydock.window w ON w.state IN ('proposed', 'approved', 'running', 'hold')
         JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.target_id = $2 AND wt.during && tstzrange(f.start_at, f.end_at)
         JOIN drydock.person n ON n.id = coalesce(w.owner_id, w.created_by) AND n.active
         WHERE f.id = $1",
        id.0,
        target.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(PersonId).collect())
}

/// The same for many freezes; those that meet nobody's are left out.
pub async fn owners_met_by(db: &mut PgConnection, freezes: &[FreezeId]) -> Result<BTreeMap<FreezeId, BTreeSet<PersonId>>> {
    let ids: Vec<Uuid> = freezes.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT DISTINCT f.id, n.id AS owner FROM drydock.freeze f
         JOIN drydock.window w ON w.state IN ('proposed', 'approved', 'running', 'hold')
         JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.during && tstzrange(f.start_at, f.end_at)
         JOIN drydock.target t ON t.id = wt.target_id AND drydock.freeze_covers(f, t)
         JOIN drydock.person n ON n.id = coalesce(w.owner_id, w.created_by) AND n.active
         WHERE f.id = ANY ($1)",
        &ids
    )
    .fetch_all(db)
    .await?;
    let mut found: BTreeMap<FreezeId, BTreeSet<PersonId>> = BTreeMap::new();
    for row in rows {
        found.entry(FreezeId(row.id)).or_default().insert(PersonId(row.owner));
    }
    Ok(found)
}

/// Lets freezes that are made at this moment wait for the transaction's end: they see then what it wrote.
pub async fn hold_off(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock_shared(482671424357) IS NULL AS held").fetch_one(db).await?;
    Ok(())
}

/// Lets everything that starts, or is planned, wait for the transaction's end: as when a freeze begins.
pub async fn hold_all(db: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(482671424357) IS NULL AS held").fetch_one(db).await?;
    Ok(())
}

/// Writes a freeze and says from when on it holds: never before this moment. Waits until what is starting now has started; nothing starts after
/// the commit.
pub async fn insert(db: &mut PgConnection, new: &Freeze) -> Result<Timestamp> {
    let of = columns(&new.scope);
    let start = sqlx::query_scalar!(
        r#"INSERT INTO drydock.freeze (id, name, reason, scope, environment, team_id, target_id, zone, start_at, end_at, created_by, tag)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING start_at AS "start_at: Stamp""#,
        new.id.0,
        new.name,
        new.reason,
        new.scope.word(),
        of.environment,
        of.team,
        of.target,
        new.zone,
        stamp(new.start) as Stamp,
        stamp(new.end) as Stamp,
        new.by.0,
        of.tag
    )
    .fetch_one(db)
    .await?;
    Ok(start.to_jiff())
}

/// The same for the events of a calendar file, each with its identity there: all in one statement, so that starts wait once, and not for as long
/// as it takes to write hundreds one after the other. They cover the same, and one person makes them. Says from when on each holds.
pub async fn insert_all(db: &mut PgConnection, all: &[(Freeze, String)]) -> Result<BTreeMap<FreezeId, Timestamp>> {
    let Some((first, _)) = all.first() else { return Ok(BTreeMap::new()) };
    let of = columns(&first.scope);
    let ids: Vec<Uuid> = all.iter().map(|(new, _)| new.id.0).collect();
    let names: Vec<String> = all.iter().map(|(new, _)| new.name.clone()).collect();
    let reasons: Vec<String> = all.iter().map(|(new, _)| new.reason.clone()).collect();
    let starts: Vec<Stamp> = all.iter().map(|(new, _)| stamp(new.start)).collect();
    let ends: Vec<Stamp> = all.iter().map(|(new, _)| stamp(new.end)).collect();
    let sources: Vec<String> = all.iter().map(|(_, source)| source.clone()).collect();
    let rows = sqlx::query!(
        r#"INSERT INTO drydock.freeze (id, name, reason, scope, environment, team_id, target_id, zone, start_at, end_at, created_by, source_uid, tag)
         SELECT e.id, e.name, e.reason, $7, $8, $9, $10, $11, e.start_at, e.end_at, $12, e.source, $13
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[]) e (id, name, reason, start_at, end_at, source)
         RETURNING id, start_at AS "start_at: Stamp""#,
        &ids,
        &names,
        &reasons,
        starts.as_slice() as &[Stamp],
        ends.as_slice() as &[Stamp],
        &sources,
        first.scope.word(),
        of.environment,
        of.team,
        of.target,
        first.zone,
        first.by.0,
        of.tag
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (FreezeId(row.id), row.start_at.to_jiff())).collect())
}

/// Gives a freeze another end; false when somebody changed it meanwhile.
pub async fn move_end(db: &mut PgConnection, id: FreezeId, revision: i32, end: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.freeze SET end_at = $3, revision = revision + 1 WHERE id = $1 AND revision = $2 AND lifted_at IS NULL",
        id.0,
        revision,
        stamp(end) as Stamp
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lifts a freeze; false when that was done before.
pub async fn lift(db: &mut PgConnection, id: FreezeId, by: PersonId, reason: &str) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.freeze SET lifted_at = clock_timestamp(), lifted_by = $2, lift_reason = $3 WHERE id = $1 AND lifted_at IS NULL",
        id.0,
        by.0,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
