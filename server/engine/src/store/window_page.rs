//! Everything the page of one window shows, each kind of thing in one statement.

use super::Stamp;
use super::window_list::state;
use super::windows::stages;
use crate::error::{Error, Result};
use domain::approval::{Assurance, VoteDecision};
use domain::canonical::Digest;
use domain::checklist::CheckState;
use domain::examination::{ExaminationKind, ExaminationState};
use domain::ids::{PersonId, RunId, TargetId, TeamId, WindowId};
use domain::notice::NoticeKind;
use domain::plan::Plan;
use domain::view::checklists::{CheckRow, Probing, figures, rule_of, verdict};
use domain::view::runs::{PreCheck, pre_checks};
use domain::view::windows::page::{Delivery, Message, RevisionRow, RunRow, TrailRow, VoteRow};
use domain::view::windows::{Head, Moments, Overlap};
use domain::window::{Ending, RunState};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most lines of one kind on the page; the trail and the outbox have pages of their own for more.
pub const MOST_LINES: i64 = 100;

/// A window at its newest revision, as every page about it needs it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What stands above the page.
    pub head: Head,
    /// Its database.
    pub target: TargetId,
    /// Canonical bytes of its plan.
    pub bytes: Vec<u8>,
    /// What was typed.
    pub form: Value,
    /// What a worker found before.
    pub preview: Option<Value>,
    /// Stages of the newest revision whose second group was asked.
    pub escalated: BTreeSet<u32>,
}

impl Loaded {
    /// The plan, read from its bytes and only if they have the approved digest.
    pub fn plan(&self) -> Result<Plan> {
        Plan::open(&self.bytes, self.head.digest).map_err(Error::internal)
    }
}

/// Which window a page is about.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// By its number.
    Number(i64),
    /// By its id.
    Id(WindowId),
}

/// The window, or [`Error::NotFound`].
pub async fn load(db: &mut PgConnection, which: Which) -> Result<Loaded> {
    let (number, id) = match which {
        Which::Number(number) => (Some(number), None),
        Which::Id(id) => (None, Some(id.0)),
    };
    let row = sqlx::query!(
        r#"SELECT w.id, w.number, w.state, w.state_at, w.state_reason, w.revision, w.team_id, w.issues_met, w.created_at, c.name AS created_by, o.name AS owner, m.name AS team_name,
                  r.title, r.form, r.preview, r.start_at, r.latest_start_at, r.cut_off_at, r.end_at, coalesce(s.decide_by_at, r.decide_by_at) AS "decide_by_at!", p.digest, p.bytes,
                  t.id AS target_id, t.short_name, t.name AS target_name, drydock.environments(w.id, w.revision) AS "environments!", t.zone, t.on_call, t.state = 'deleted' AS "database_deleted!",
                  w.escalated_stages, clock_timestamp() AS "now!",
                  (SELECT count(*) FROM drydock.window_target o WHERE o.window_id = w.id AND o.revision = w.revision AND o.position > 1) AS "more!",
                  b.asked AS "glass_asked?", b.confirmed AS "glass_confirmed?"
           FROM drydock.window w
           JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
           JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
           JOIN drydock.window_target wt ON wt.window_id = w.id AND wt.revision = w.revision AND wt.position = 1
           JOIN drydock.target t ON t.id = wt.target_id
           JOIN drydock.team m ON m.id = w.team_id
           JOIN drydock.person c ON c.id = w.created_by
           JOIN drydock.person o ON o.id = coalesce(w.owner_id, w.created_by)
           LEFT JOIN drydock.revision_stage s ON s.window_id = w.id AND s.revision = w.revision AND s.stage = w.stage
           LEFT JOIN LATERAL (SELECT one.name AS asked, two.name AS confirmed FROM drydock.break_glass g
                              JOIN drydock.person one ON one.id = g.asked_by JOIN drydock.person two ON two.id = g.confirmed_by WHERE g.id = w.glass_id) b ON true
           WHERE w.number = $1 OR w.id = $2"#,
        number,
        id
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)?;
    Ok(Loaded {
        head: Head {
            id: WindowId(row.id),
            number: row.number,
            title: row.title,
            state: state(&row.state)?,
            state_at: row.state_at.to_jiff(),
            state_reason: row.state_reason,
            revision: row.revision,
            digest: digest(&row.digest)?,
            team: TeamId(row.team_id),
            team_name: row.team_name,
            target: TargetId(row.target_id),
            database: row.short_name,
            more_databases: usize::try_from(row.more).map_err(Error::internal)?,
            database_name: row.target_name,
            database_deleted: row.database_deleted,
            environments: row.environments,
            zone: row.zone,
            on_call: row.on_call,
            moments: Moments {
                start: row.start_at.to_jiff(),
                latest_start: row.latest_start_at.to_jiff(),
                cut_off: row.cut_off_at.to_jiff(),
                end: row.end_at.to_jiff(),
                decide_by: row.decide_by_at.to_jiff(),
            },
            created_by: row.created_by,
            owner: row.owner,
            created_at: row.created_at.to_jiff(),
            issues_met: row.issues_met,
            glass: row.glass_asked.zip(row.glass_confirmed),
            now: row.now.to_jiff(),
        },
        target: TargetId(row.target_id),
        bytes: row.bytes,
        form: row.form,
        preview: row.preview,
        escalated: stages(&row.escalated_stages),
    })
}

fn digest(raw: &[u8]) -> Result<Digest> {
    Digest::from_slice(raw).ok_or_else(|| Error::internal("a digest has 32 bytes"))
}

fn word<T>(word: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::internal(format!("unknown word {word}")))
}

/// Votes on every revision, newest first, at most `most`.
pub async fn votes(db: &mut PgConnection, window: WindowId, most: i64) -> Result<Vec<VoteRow>> {
    let rows = sqlx::query!(
        r#"SELECT v.person_id AS "person_id!", n.name, v.decision AS "decision!", v.assurance AS "assurance!", v.comment AS "comment!", v.cast_at AS "cast_at!: Stamp",
                  p.revision, v.withdrawn_at AS "withdrawn_at: Stamp", v.withdrawn_reason, v.series_digest_id IS NOT NULL AS "with_series!", o.ids AS "absent!", o.names AS "absent_names!"
           FROM drydock.plan_vote v JOIN drydock.plan p ON p.window_id = v.window_id AND p.digest = v.digest JOIN drydock.person n ON n.id = v.person_id
           CROSS JOIN LATERAL (SELECT coalesce(array_agg(a.id ORDER BY a.name, a.id), '{}') AS ids, coalesce(array_agg(a.name ORDER BY a.name, a.id), '{}') AS names
                               FROM drydock.person a WHERE a.id = ANY (v.in_place_of)) o
           WHERE v.window_id = $1 ORDER BY v.cast_at DESC LIMIT $2"#,
        window.0,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(VoteRow {
                person: PersonId(row.person_id),
                who: row.name,
                decision: word(&row.decision, VoteDecision::from_word(&row.decision))?,
                assurance: word(&row.assurance, Assurance::from_word(&row.assurance))?,
                comment: row.comment,
                at: row.cast_at.to_jiff(),
                in_place_of: row.absent.into_iter().map(PersonId).zip(row.absent_names).collect(),
                revision: row.revision,
                with_series: row.with_series,
                withdrawn: row.withdrawn_at.map(|at| (at.to_jiff(), row.withdrawn_reason.unwrap_or_default())),
            })
        })
        .collect()
}

/// Names of these people.
pub async fn names(db: &mut PgConnection, people: &BTreeSet<PersonId>) -> sqlx::Result<BTreeMap<PersonId, String>> {
    let ids: Vec<Uuid> = people.iter().map(|person| person.0).collect();
    let rows = sqlx::query!("SELECT n.id, n.name FROM drydock.person n WHERE n.id = ANY ($1)", &ids).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.id), row.name)).collect())
}

/// Windows that overlap this one on its databases, as sentences need them.
pub async fn overlaps(db: &mut PgConnection, head: &Head, plan: &Plan) -> Result<Vec<Overlap>> {
    let mut found = Vec::new();
    for target in &plan.targets {
        let on = plan.is_many().then(|| target.short_name.clone());
        let here = super::windows::neighbours(db, target.id, head.moments.start, head.moments.end, Some(head.id)).await?;
        found.extend(here.into_iter().map(|other| Overlap {
            number: other.number,
            title: other.title,
            state: other.state,
            start: other.start_at,
            end: other.end_at,
            on: on.clone(),
        }));
    }
    Ok(found)
}

/// The validation list of the newest revision.
pub async fn checks(db: &mut PgConnection, head: &Head, plan: &Plan) -> Result<Vec<CheckRow>> {
    let rows = sqlx::query!(
        r#"SELECT c.ordinal, c.key, c.title, c.by_probe, c.state, c.baseline, c.probe, c.probed_at AS "probed_at: Stamp", c.note, n.name AS "decided_by?", c.decided_at AS "decided_at: Stamp"
           FROM drydock.check_item c LEFT JOIN drydock.person n ON n.id = c.decided_by WHERE c.window_id = $1 AND c.revision = $2 ORDER BY c.ordinal"#,
        head.id.0,
        head.revision
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(CheckRow {
                ordinal: row.ordinal,
                rule: rule_of(&plan.checklist, &row.key),
                key: row.key,
                title: row.title,
                by_probe: row.by_probe,
                state: word(&row.state, CheckState::from_word(&row.state))?,
                figures: figures(row.baseline.as_ref(), row.probe.as_ref()),
                verdict: verdict(row.probe.as_ref()),
                probed_at: row.probed_at.map(|at| at.to_jiff()),
                note: row.note,
                decided_by: row.decided_by,
                decided_at: row.decided_at.map(|at| at.to_jiff()),
            })
        })
        .collect()
}

/// Its runs, newest first.
pub async fn runs(db: &mut PgConnection, window: WindowId) -> Result<Vec<RunRow>> {
    let rows = sqlx::query!(
        r#"SELECT u.id, u.state, u.ending, u.revision, d.short_name AS "database?", u.opened_at, n.name AS "opened_by?", u.ended_at AS "ended_at: Stamp", u.stop_asked_at IS NOT NULL AS "stop_asked!", u.hold_reason, u.pre_checks,
                  i.items AS "items!", i.answered AS "answered!", i.reached AS "reached!"
           FROM drydock.run u LEFT JOIN drydock.person n ON n.id = u.opened_by
           LEFT JOIN drydock.target d ON d.id = u.target_id
               AND EXISTS (SELECT FROM drydock.window_target o WHERE o.window_id = u.window_id AND o.revision = u.revision AND o.position > 1)
           CROSS JOIN LATERAL (SELECT count(*) AS items, count(i.outcome) AS answered, count(*) FILTER (WHERE i.outcome IN ('done', 'skipped')) AS reached
                               FROM drydock.item i WHERE i.run_id = u.id) i
           WHERE u.window_id = $1 ORDER BY u.opened_at DESC LIMIT $2"#,
        window.0,
        MOST_LINES
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(RunRow {
                id: RunId(row.id),
                state: word(&row.state, RunState::from_word(&row.state))?,
                ending: row.ending.as_deref().and_then(Ending::from_word),
                revision: row.revision,
                database: row.database,
                opened_at: row.opened_at.to_jiff(),
                opened_by: row.opened_by,
                ended_at: row.ended_at.map(|at| at.to_jiff()),
                items: row.items,
                answered: row.answered,
                reached: row.reached,
                stop_asked: row.stop_asked,
                hold_reason: row.hold_reason,
                red_checks: row
                    .pre_checks
                    .as_ref()
                    .map(pre_checks)
                    .unwrap_or_default()
                    .into_iter()
                    .filter(PreCheck::is_red)
                    .map(|check| check.says)
                    .collect(),
            })
        })
        .collect()
}

/// Messages about it with every try to deliver them, newest first, at most `most`.
pub async fn messages(db: &mut PgConnection, window: WindowId, most: i64) -> Result<Vec<Message>> {
    let rows = sqlx::query!(
        r#"SELECT o.id, o.kind, n.name, o.state, o.created_at, o.sent_at AS "sent_at: Stamp", o.last_error, o.next_at
           FROM drydock.outbox o JOIN drydock.person n ON n.id = o.person_id WHERE o.window_id = $1 ORDER BY o.created_at DESC, o.id LIMIT $2"#,
        window.0,
        most
    )
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut tries: BTreeMap<Uuid, Vec<Delivery>> = BTreeMap::new();
    let found = sqlx::query!(
        "SELECT d.outbox_id, d.at, d.result, d.detail FROM drydock.delivery d WHERE d.outbox_id = ANY ($1) ORDER BY d.outbox_id, d.number",
        &ids
    )
    .fetch_all(db)
    .await?;
    for row in found {
        tries.entry(row.outbox_id).or_default().push(Delivery { at: row.at.to_jiff(), result: row.result, detail: row.detail });
    }
    Ok(rows
        .into_iter()
        .map(|row| Message {
            kind: NoticeKind::from_word(&row.kind).map_or(row.kind, |kind| kind.label().to_owned()),
            to: row.name,
            state: row.state,
            created_at: row.created_at.to_jiff(),
            sent_at: row.sent_at.map(|at| at.to_jiff()),
            last_error: row.last_error,
            next_at: row.next_at.to_jiff(),
            tries: tries.remove(&row.id).unwrap_or_default(),
        })
        .collect())
}

/// Its revisions, newest first.
pub async fn revisions(db: &mut PgConnection, window: WindowId) -> Result<Vec<RevisionRow>> {
    let rows = sqlx::query!(
        "SELECT r.number, n.name, r.created_at, p.digest FROM drydock.revision r JOIN drydock.plan p ON p.window_id = r.window_id AND p.revision = r.number
         JOIN drydock.person n ON n.id = r.created_by WHERE r.window_id = $1 ORDER BY r.number DESC LIMIT $2",
        window.0,
        MOST_LINES
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| Ok(RevisionRow { number: row.number, by: row.name, at: row.created_at.to_jiff(), digest: digest(&row.digest)? }))
        .collect()
}

/// The sealed bytes of one revision, as JSON.
pub async fn plan_value(db: &mut PgConnection, window: WindowId, revision: i32) -> Result<Option<Value>> {
    let bytes = sqlx::query_scalar!("SELECT p.bytes FROM drydock.plan p WHERE p.window_id = $1 AND p.revision = $2", window.0, revision)
        .fetch_optional(db)
        .await?;
    Ok(bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose()?)
}

/// Facts about it, newest first.
pub async fn trail(db: &mut PgConnection, window: WindowId) -> sqlx::Result<Vec<TrailRow>> {
    let rows = sqlx::query!(
        r#"SELECT f.id, f.at, f.actor_kind, n.name AS "name?", f.action, f.result, s.batch AS "batch?"
           FROM drydock.fact f LEFT JOIN drydock.person n ON n.id = f.actor_id LEFT JOIN drydock.seal_member s ON s.fact_id = f.id
           WHERE f.window_id = $1 ORDER BY f.id DESC LIMIT $2"#,
        window.0,
        MOST_LINES
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TrailRow {
            id: row.id,
            at: row.at.to_jiff(),
            who: actor(&row.actor_kind, row.name),
            action: row.action,
            done: row.result == "done",
            batch: row.batch,
        })
        .collect())
}

/// Who acted, as far as known.
pub(super) fn actor(kind: &str, name: Option<String>) -> String {
    match (kind, name) {
        ("person", Some(name)) => name,
        ("link", Some(name)) => format!("holder of the link to {name}"),
        ("system", _) => "the schedule".to_owned(),
        (kind, _) => format!("a {kind}"),
    }
}

/// The newest "probe again" of a window, unless its answer is in the list already.
pub async fn probing(db: &mut PgConnection, window: WindowId) -> Result<Option<Probing>> {
    let newest = super::examinations::newest_of_window(db, window, ExaminationKind::Probe).await?;
    Ok(newest.and_then(|asked| match asked.state {
        ExaminationState::Asked | ExaminationState::Working => Some(Probing::Waiting(asked.asked_at)),
        ExaminationState::Failed => Some(Probing::Failed(asked.failure.unwrap_or_else(|| "The worker gave no reason.".to_owned()))),
        ExaminationState::Answered => None,
    }))
}
