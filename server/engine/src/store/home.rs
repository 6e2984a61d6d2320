//! What the first page gathers from everywhere.

use crate::error::{Error, Result};
use crate::store::{Stamp, stamp};
use domain::ids::{PersonId, RunId};
use domain::people::TeamRole;
use domain::target::ages;
use domain::view::people::{Attention, DUE_AFTER_DAYS, VALIDATION_OVERDUE_H, WindowLine};
use domain::window::WindowState;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// Lines of one list: the first page is for a glance, the lists behind it for the rest.
pub const ROOM: usize = 20;
/// One more than there is room for says that there are more.
const MOST: i64 = 21;
/// A mail server that greylists takes a message within this time; one that takes longer is worth a look.
const MAIL_HANGS_MIN: i32 = 15;

/// Which windows a list wants.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Teams whose windows the reader sees; `None` for all.
    pub teams: Option<&'a [Uuid]>,
    /// States.
    pub states: &'a [WindowState],
    /// Only those that start before.
    pub before: Option<Timestamp>,
}

/// Windows whose run is held first: somebody has to decide there. Then those that begin soonest.
pub async fn windows(db: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<WindowLine>> {
    let states: Vec<String> = wanted.states.iter().map(|state| state.word().to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT w.number, r.title, w.state, t.short_name || drydock.more_databases(w.id, w.revision) AS "short_name!", drydock.environments(w.id, w.revision) AS "environments!", r.start_at, r.end_at,
                  (SELECT n.id FROM drydock.run n WHERE n.window_id = w.id AND n.revision = w.revision AND n.state <> 'ended' ORDER BY n.opened_at DESC LIMIT 1) AS run
           FROM drydock.window w
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           WHERE w.state = ANY ($1) AND ($2::uuid[] IS NULL OR w.team_id = ANY ($2)) AND ($3::timestamptz IS NULL OR r.start_at < $3)
           ORDER BY w.state <> 'hold', r.start_at, w.number LIMIT $4"#,
        &states,
        wanted.teams as Option<&[Uuid]>,
        wanted.before.map(stamp) as Option<Stamp>,
        MOST
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            line(
                row.number,
                row.title,
                &row.state,
                row.short_name,
                row.environments,
                (row.start_at.to_jiff(), row.end_at.to_jiff()),
                String::new(),
            )
            .map(|line| WindowLine { run: row.run.map(RunId), ..line })
        })
        .collect()
}

/// Windows on which the reader is asked for something: a vote, a decision on a hold, a tick, a new revision.
pub async fn waiting(db: &mut PgConnection, reader: PersonId) -> Result<Vec<WindowLine>> {
    let rows = sqlx::query!(
        r#"SELECT w.number, r.title, w.state, t.short_name || drydock.more_databases(w.id, w.revision) AS "short_name!", drydock.environments(w.id, w.revision) AS "environments!", r.start_at, r.end_at, m.role AS "role?", m.deputy AS "deputy?", i.names AS "in_place_of?",
                  drydock.sees_team($1, w.team_id) AS "reads!"
           FROM drydock.window w
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           LEFT JOIN drydock.membership m ON m.team_id = w.team_id AND m.person_id = $1
           -- Asked in the place of whoever is away, or let them decide.
           LEFT JOIN LATERAL (SELECT string_agg(n.name, ' and ' ORDER BY n.name) AS names
                              FROM drydock.plan p CROSS JOIN LATERAL drydock.asked_for($1, p.window_id, p.digest, w.team_id) o (person_id)
                              JOIN drydock.person n ON n.id = o.person_id
                              WHERE w.state = 'proposed' AND p.window_id = w.id AND p.revision = w.revision) i ON true
           WHERE w.state IN ('proposed', 'hold', 'validating', 'draft') AND CASE w.state
               WHEN 'proposed' THEN (i.names IS NOT NULL
                                     OR EXISTS (SELECT FROM drydock.plan p CROSS JOIN LATERAL drydock.plan_asks(p.bytes) e
                                                WHERE p.window_id = w.id AND p.revision = w.revision AND e.people ? $1::uuid::text
                                                  -- Later stages and the second group wait until they were asked.
                                                  AND ((e.key NOT LIKE 'escalation%' AND NOT e.staged)
                                                       OR EXISTS (SELECT FROM drydock.link l WHERE l.window_id = w.id AND l.digest = p.digest AND l.person_id = $1 AND l.purpose = 'approve')
                                                       OR EXISTS (SELECT FROM drydock.message g WHERE g.window_id = w.id AND g.person_id = $1 AND g.kind = 'approval_needed' AND g.at >= p.sealed_at))))
                                AND NOT EXISTS (SELECT FROM drydock.plan_vote v JOIN drydock.plan p ON p.window_id = v.window_id AND p.digest = v.digest
                                                WHERE v.window_id = w.id AND p.revision = w.revision AND v.person_id = $1 AND v.withdrawn_at IS NULL)
               WHEN 'hold' THEN m.person_id IS NOT NULL AND (m.role IN ('lead', 'engineer') OR m.deputy)
               WHEN 'validating' THEN m.person_id IS NOT NULL AND (m.role IN ('lead', 'engineer') OR m.deputy)
               ELSE w.owner_id = $1 END
           ORDER BY r.start_at, w.number LIMIT $2"#,
        reader.0,
        MOST
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let lead = row.role.as_deref().and_then(TeamRole::from_word) == Some(TeamRole::Lead) || row.deputy == Some(true);
            let in_place_of = row.in_place_of.map(|names| format!("Your decision is needed, in the place of {names}."));
            let asked = match row.state.as_str() {
                "proposed" => "Your decision is needed.",
                "hold" if lead => "The run is stopped: decide how it goes on.",
                "hold" => "The run is stopped: decide with your lead how it goes on.",
                "validating" => "The work is over: tick the validation list.",
                _ => "Sent back to you: change it and propose it again, or withdraw it.",
            };
            let times = (row.start_at.to_jiff(), row.end_at.to_jiff());
            line(
                row.number,
                row.title,
                &row.state,
                row.short_name,
                row.environments,
                times,
                in_place_of.unwrap_or_else(|| asked.to_owned()),
            )
            .map(|line| WindowLine { outside: !row.reads, ..line })
        })
        .collect()
}

fn line(
    number: i64,
    title: String,
    state: &str,
    database: String,
    environments: String,
    times: (Timestamp, Timestamp),
    asked: String,
) -> Result<WindowLine> {
    let state = WindowState::from_word(state).ok_or_else(|| Error::internal(format!("unknown window state {state}")))?;
    Ok(WindowLine { number, title, state, database, environments, start: times.0, end: times.1, asked, run: None, outside: false })
}

/// Databases whose connection is unproven or whose newest backup record is a week old or missing. A week is the default age a plan demands.
pub async fn databases_in_need(db: &mut PgConnection, teams: Option<&[Uuid]>) -> Result<Vec<Attention>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.short_name, t.state, b.taken_at AS "taken_at?", (b.taken_at < clock_timestamp() - interval '7 days') AS old,
                  extract(day FROM clock_timestamp() - b.taken_at)::int AS days
           FROM drydock.target t
           LEFT JOIN LATERAL (SELECT b.taken_at FROM drydock.backup_record b WHERE b.target_id = t.id ORDER BY b.taken_at DESC LIMIT 1) b ON true
           WHERE t.state IN ('unverified', 'ready') AND ($1::uuid[] IS NULL OR t.team_id = ANY ($1))
             AND (t.state = 'unverified' OR b.taken_at IS NULL OR b.taken_at < clock_timestamp() - interval '7 days')
           ORDER BY t.state DESC, b.taken_at NULLS FIRST, t.short_name LIMIT $2"#,
        teams as Option<&[Uuid]>,
        MOST
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let why = if row.state == "unverified" {
                "The connection is not proven yet: test it.".to_owned()
            } else {
                row.days
                    .map_or_else(|| "No backup is recorded.".to_owned(), |days| format!("The newest recorded backup is {days} days old."))
            };
            Attention { what: row.short_name, why, to: format!("/databases/{}", row.id) }
        })
        .collect())
}

/// Databases whose transaction ids come near their end, the nearest first.
pub async fn databases_aging(db: &mut PgConnection, teams: Option<&[Uuid]>) -> Result<Vec<Attention>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.short_name, r.wraparound_per_mille AS "per_mille!", r.freeze_behind AS "behind!"
           FROM drydock.load_reading r JOIN drydock.target t ON t.id = r.target_id
           WHERE t.state = 'ready' AND ($1::uuid[] IS NULL OR t.team_id = ANY ($1)) AND (r.freeze_behind OR r.wraparound_per_mille >= $2)
             AND r.read_at > clock_timestamp() - interval '1 day'
           ORDER BY r.wraparound_per_mille DESC, t.short_name LIMIT $3"#,
        teams as Option<&[Uuid]>,
        ages::URGENT_PER_MILLE,
        MOST
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let why = ages::said(row.per_mille, row.behind)?;
            Some(Attention { what: row.short_name, why, to: format!("/databases/{}", row.id) })
        })
        .collect())
}

/// Databases on which nothing ended well for long and nothing is planned: maintenance is forgotten quietly. What a series looks after is not
/// forgotten: it plans by itself, and says so where it cannot.
pub async fn databases_due(db: &mut PgConnection, teams: Option<&[Uuid]>) -> Result<Vec<Attention>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.short_name, d.last AS "last?", extract(day FROM clock_timestamp() - coalesce(d.last, t.created_at))::int AS "days!"
           FROM (SELECT t.id, t.short_name, t.created_at FROM drydock.target t
                 WHERE t.state = 'ready' AND ($1::uuid[] IS NULL OR t.team_id = ANY ($1)) AND t.created_at < clock_timestamp() - make_interval(days => $2::int)
                   AND NOT EXISTS (SELECT FROM drydock.series s WHERE s.ended_at IS NULL
                                   AND (s.target_id = t.id OR EXISTS (SELECT FROM drydock.series_target o WHERE o.series_id = s.id AND o.target_id = t.id)))
                   AND NOT EXISTS (SELECT FROM drydock.revision r
                                   JOIN drydock.window w ON w.id = r.window_id AND w.revision = r.number
                                   JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision
                                   WHERE wt.target_id = t.id AND r.start_at > clock_timestamp() - make_interval(days => $2::int)
                                     AND w.state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back', 'completed'))
                 ORDER BY t.created_at, t.short_name LIMIT $3) t
           CROSS JOIN LATERAL (SELECT max(r.end_at) AS last FROM drydock.window_target wt
                               JOIN drydock.window w ON w.id = wt.window_id AND w.revision = wt.revision AND w.state = 'completed'
                               JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
                               WHERE wt.target_id = t.id) d
           ORDER BY coalesce(d.last, t.created_at), t.short_name"#,
        teams as Option<&[Uuid]>,
        i32::try_from(DUE_AFTER_DAYS).map_err(Error::internal)?,
        MOST
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let why = match row.last {
                Some(_) => format!("Maintenance is due: the last one that ended well was {} days ago, and none is planned.", row.days),
                None => format!("Maintenance is due: registered {} days ago, and none was done or planned.", row.days),
            };
            Attention { what: row.short_name, why, to: format!("/databases/{}", row.id) }
        })
        .collect())
}

/// Windows that wait for longer than they should, the longest on top; then those that owe their text, the oldest on top, however old; then those
/// that ended badly within two weeks, the newest on top.
pub async fn windows_in_need(db: &mut PgConnection, teams: Option<&[Uuid]>) -> Result<Vec<Attention>> {
    let rows = sqlx::query!(
        r#"SELECT w.number, w.state, w.issues_met, t.short_name || drydock.more_databases(w.id, w.revision) AS "short_name!"
           FROM drydock.window w
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           WHERE ($1::uuid[] IS NULL OR w.team_id = ANY ($1))
             AND ((w.state IN ('failed', 'rolled_back') AND w.issues_met IS NULL)
                  OR (w.state IN ('failed', 'missed', 'rolled_back', 'expired') AND w.state_at > clock_timestamp() - interval '14 days')
                  OR (w.state = 'approved' AND r.start_at < clock_timestamp() - interval '2 minutes')
                  OR (w.state = 'hold' AND r.end_at < clock_timestamp())
                  OR (w.state = 'validating' AND w.state_at < clock_timestamp() - make_interval(hours => $2::int)))
           ORDER BY CASE WHEN w.state IN ('approved', 'hold', 'validating') THEN 0 WHEN w.state IN ('failed', 'rolled_back') AND w.issues_met IS NULL THEN 1 ELSE 2 END,
                    CASE WHEN w.state IN ('approved', 'hold', 'validating') THEN r.start_at WHEN w.state IN ('failed', 'rolled_back') AND w.issues_met IS NULL THEN w.state_at END,
                    w.state_at DESC, w.number
           LIMIT $3"#,
        teams as Option<&[Uuid]>,
        i32::try_from(VALIDATION_OVERDUE_H).map_err(Error::internal)?,
        MOST
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let state = WindowState::from_word(&row.state)?;
            let owes = state.went_wrong() && row.issues_met.is_none();
            let why = match (state, owes) {
                (WindowState::Missed, _) => "It was not started in time.".to_owned(),
                (WindowState::Expired, _) => "Nobody decided in time.".to_owned(),
                (WindowState::Approved, _) => "Its start has passed, and it has not begun.".to_owned(),
                (WindowState::Hold, _) => "It is held past its end, and its database with it: decide how it goes on.".to_owned(),
                (WindowState::Validating, _) => {
                    format!("Its validation list is open for more than {VALIDATION_OVERDUE_H} hours: tick it and close the window.")
                }
                (_, true) => format!("{}. Write down what went wrong.", state.label()),
                _ => format!("{}.", state.label()),
            };
            Some(Attention { what: format!("#{} {}", row.number, row.short_name), why, to: format!("/windows/{}", row.number) })
        })
        .collect())
}

/// Messages nobody took, and those that were tried and wait for longer than [`MAIL_HANGS_MIN`] minutes.
pub async fn hanging_messages(db: &mut PgConnection) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE o.state = 'parked') AS "parked!",
                  count(*) FILTER (WHERE o.state <> 'parked' AND o.attempts > 0 AND o.created_at < clock_timestamp() - make_interval(mins => $1)) AS "waiting!"
           FROM drydock.outbox o WHERE o.state IN ('waiting', 'sending', 'parked')"#,
        MAIL_HANGS_MIN
    )
    .fetch_one(db)
    .await?;
    Ok((row.parked, row.waiting))
}

/// How many databases the reader sees, and how many teams there are.
pub async fn counts(db: &mut PgConnection, teams: Option<&[Uuid]>) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM drydock.target t WHERE t.state IN ('unverified', 'ready') AND ($1::uuid[] IS NULL OR t.team_id = ANY ($1))) AS "databases!",
                  (SELECT count(*) FROM drydock.team) AS "teams!""#,
        teams as Option<&[Uuid]>
    )
    .fetch_one(db)
    .await?;
    Ok((row.databases, row.teams))
}
