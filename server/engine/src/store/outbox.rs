//! Messages on their way out: claimed by one notifier at a time, kept until somebody took them.
//!
//! Only [`crate::ledger`] puts messages in. Here their delivery is recorded: a row never leaves but as sent or overtaken.

use super::Stamp;
use domain::canonical::Digest;
use domain::ids::{CommentId, LinkId, NoticeId, PersonId, VoteCodeId, WindowId};
use domain::notice::NoticeKind;
use domain::view::mail::OutboxRow;
use domain::window::certainty::Certainty;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// Why messages wait while no mail server is set up; they leave by themselves once there is one.
pub const NO_SERVER: &str = "No mail server is configured.";

/// What a message speaks of.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// To whom.
    pub person: PersonId,
    /// About which window.
    pub window: Option<WindowId>,
    /// About which plan.
    pub digest: Option<Digest>,
    /// The link it carries.
    pub link: Option<LinkId>,
    /// The comment it quotes.
    pub comment: Option<CommentId>,
    /// The code it carries.
    pub code: Option<VoteCodeId>,
}

/// The comment that a payload names.
fn comment(payload: &serde_json::Value) -> Option<CommentId> {
    payload.get("comment_id").and_then(serde_json::Value::as_str).and_then(|id| id.parse().ok())
}

/// The code that a payload names.
fn code(payload: &serde_json::Value) -> Option<VoteCodeId> {
    payload.get("code_id").and_then(serde_json::Value::as_str).and_then(|id| id.parse().ok())
}

/// A message that one notifier holds until `lease_s` seconds have passed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Identity.
    pub id: NoticeId,
    /// Which message, as stored.
    pub kind: String,
    /// What it speaks of.
    pub about: About,
    /// What it says beyond window and person.
    pub payload: serde_json::Value,
    /// The link's secret, sealed to the workers.
    pub link_secret: Option<Vec<u8>>,
    /// Stable over all tries.
    pub message_id: String,
    /// The fact that owes it: its number orders changes of the calendar entry.
    pub fact_id: i64,
    /// When it was owed.
    pub owed_at: Timestamp,
    /// Where it goes instead of the person's address.
    pub address: Option<String>,
    /// This try, from 1 since it was owed or last sent anew.
    pub attempt: i32,
    /// Another notifier held it and never said how it ended: it may have been delivered.
    pub left_behind: bool,
}

/// What the other side said to one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryResult {
    /// Took it.
    Accepted,
    /// Not now.
    Deferred,
    /// Never.
    Refused,
    /// Nobody knows: the answer was lost.
    Doubtful,
}

impl DeliveryResult {
    /// The word stored.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Doubtful => "doubtful",
        }
    }
}

/// Takes the message that has waited longest past its time, if there is one that nobody holds; of several, the one that was owed first.
pub async fn claim(db: &mut PgConnection, worker: &str, lease_s: f64) -> sqlx::Result<Option<Claimed>> {
    let row = sqlx::query!(
        r#"UPDATE drydock.outbox AS o
           SET state = 'sending', worker = $1, lease_until = clock_timestamp() + make_interval(secs => $2), attempts = o.attempts + 1
           FROM (SELECT c.id, c.state FROM drydock.outbox c
                 WHERE (c.state = 'waiting' AND c.next_at <= clock_timestamp()) OR (c.state = 'sending' AND c.lease_until < clock_timestamp())
                 ORDER BY c.next_at, c.fact_id, c.id LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
           WHERE o.id = due.id
           RETURNING o.id, o.kind, o.person_id, o.window_id, o.digest, o.payload, o.link_id, o.link_secret, o.message_id, o.fact_id, o.fact_at, o.address, o.attempts,
                     due.state = 'sending' AS "left_behind!""#,
        worker,
        lease_s
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Claimed {
        id: NoticeId(row.id),
        kind: row.kind,
        about: About {
            person: PersonId(row.person_id),
            window: row.window_id.map(WindowId),
            digest: row.digest.as_deref().and_then(Digest::from_slice),
            link: row.link_id.map(LinkId),
            comment: comment(&row.payload),
            code: code(&row.payload),
        },
        payload: row.payload,
        link_secret: row.link_secret,
        message_id: row.message_id,
        fact_id: row.fact_id,
        owed_at: row.fact_at.to_jiff(),
        address: row.address,
        attempt: row.attempts,
        left_behind: row.left_behind,
    }))
}

/// To whom a message went, or is on its way, that puts the window into a calendar. What was overtaken never left, unless a try before that was
/// taken, or may have been.
pub async fn invited(db: &mut PgConnection, window: WindowId) -> sqlx::Result<BTreeSet<PersonId>> {
    let inviting = |kind: &&NoticeKind| kind.event().is_some_and(|event| event != Certainty::Cancelled);
    let kinds: Vec<String> = NoticeKind::ALL.iter().filter(inviting).map(|kind| kind.word().to_owned()).collect();
    let people = sqlx::query_scalar!(
        "SELECT DISTINCT o.person_id FROM drydock.outbox o WHERE o.window_id = $1 AND o.kind = ANY ($2)
           AND (o.state <> 'superseded' OR EXISTS (SELECT FROM drydock.delivery d WHERE d.outbox_id = o.id AND d.result IN ('accepted', 'doubtful')))",
        window.0,
        &kinds
    )
    .fetch_all(db)
    .await?;
    Ok(people.into_iter().map(PersonId).collect())
}

/// Notes one try. `detail` is cut at 2,000 characters.
pub async fn record_try(db: &mut PgConnection, notice: NoticeId, result: DeliveryResult, detail: &str) -> sqlx::Result<()> {
    let detail: String = detail.chars().take(2000).collect();
    sqlx::query!(
        "INSERT INTO drydock.delivery (outbox_id, number, result, detail)
         VALUES ($1, coalesce((SELECT max(d.number) FROM drydock.delivery d WHERE d.outbox_id = $1), 0) + 1, $2, $3)",
        notice.0,
        result.word(),
        detail
    )
    .execute(db)
    .await
    .map(drop)
}

/// Delivered: the link's secret is erased with it. `false` when another notifier holds the message by now.
pub async fn sent(db: &mut PgConnection, notice: NoticeId, worker: &str) -> sqlx::Result<bool> {
    sqlx::query!(
        "UPDATE drydock.outbox SET state = 'sent', sent_at = clock_timestamp(), link_secret = NULL, last_error = NULL, lease_until = NULL
         WHERE id = $1 AND state = 'sending' AND worker = $2",
        notice.0,
        worker
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Tried again in `after_s` seconds; `unreached` when it only waits for the mail server to be there.
pub async fn later(db: &mut PgConnection, notice: NoticeId, worker: &str, after_s: f64, why: &str, unreached: bool) -> sqlx::Result<bool> {
    sqlx::query!(
        "UPDATE drydock.outbox SET state = 'waiting', next_at = clock_timestamp() + make_interval(secs => $3), last_error = $4, unreached = $5, lease_until = NULL
         WHERE id = $1 AND state = 'sending' AND worker = $2",
        notice.0,
        worker,
        after_s,
        why,
        unreached
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Not tried again until a person, or a newly configured mail server, says so.
pub async fn park(db: &mut PgConnection, notice: NoticeId, worker: &str, why: &str) -> sqlx::Result<bool> {
    sqlx::query!(
        "UPDATE drydock.outbox SET state = 'parked', last_error = $3, lease_until = NULL WHERE id = $1 AND state = 'sending' AND worker = $2",
        notice.0,
        worker,
        why
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Not sent at all, because it would mislead by now.
pub async fn supersede(db: &mut PgConnection, notice: NoticeId, why: &str) -> sqlx::Result<bool> {
    sqlx::query!(
        "UPDATE drydock.outbox SET state = 'superseded', link_secret = NULL, last_error = $2, lease_until = NULL
         WHERE id = $1 AND state IN ('sending', 'parked')",
        notice.0,
        why
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// Parked messages from the oldest on, at most `most`: to see which of them were overtaken.
pub async fn parked(db: &mut PgConnection, most: i64) -> sqlx::Result<Vec<(NoticeId, String, About)>> {
    let rows = sqlx::query!(
        "SELECT o.id, o.kind, o.person_id, o.window_id, o.digest, o.link_id, o.payload FROM drydock.outbox o WHERE o.state = 'parked' ORDER BY o.created_at LIMIT $1",
        most
    )
    .fetch_all(db)
    .await?;
    let about =
        |person, window: Option<uuid::Uuid>, digest: Option<Vec<u8>>, link: Option<uuid::Uuid>, payload: &serde_json::Value| About {
            person: PersonId(person),
            window: window.map(WindowId),
            digest: digest.as_deref().and_then(Digest::from_slice),
            link: link.map(LinkId),
            comment: comment(payload),
            code: code(payload),
        };
    Ok(rows
        .into_iter()
        .map(|row| (NoticeId(row.id), row.kind, about(row.person_id, row.window_id, row.digest, row.link_id, &row.payload)))
        .collect())
}

/// Lets those leave that only waited for a mail server, all due from one moment on: what was owed first leaves first. Gives their number.
pub async fn unpark_for_new_server(db: &mut PgConnection) -> sqlx::Result<u64> {
    sqlx::query!(
        "UPDATE drydock.outbox SET state = 'waiting', next_at = now(), attempts = 0 WHERE state = 'parked' AND last_error = $1",
        NO_SERVER
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}

/// The mail server is there again: what only waited for that, and what is due, leaves from this moment on, what was owed first before the rest.
/// Gives their number.
pub async fn release_unreached(db: &mut PgConnection) -> sqlx::Result<u64> {
    sqlx::query!("UPDATE drydock.outbox SET next_at = now() WHERE state = 'waiting' AND (unreached OR next_at <= now())")
        .execute(db)
        .await
        .map(|done| done.rows_affected())
}

/// Messages in some of the states, newest first, at most `most`, older than `before`. The two halves of the union have an index each.
pub async fn list(db: &mut PgConnection, states: &[&str], before: Option<NoticeId>, most: i64) -> sqlx::Result<Vec<OutboxRow>> {
    let states: Vec<String> = states.iter().map(|state| (*state).to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT o.id AS "id!", o.kind AS "kind!", p.name, p.email, w.number AS "number?", o.state AS "state!", o.created_at AS "created_at!", o.attempts AS "attempts!",
                  o.next_at AS "next_at!", o.sent_at, o.last_error
           FROM ((SELECT * FROM drydock.outbox a WHERE a.state IN ('waiting', 'sending', 'parked') AND a.state = ANY ($1) AND ($2::uuid IS NULL OR a.id < $2) ORDER BY a.id DESC LIMIT $3)
                 UNION ALL
                 (SELECT * FROM drydock.outbox b WHERE b.state IN ('sent', 'superseded') AND b.state = ANY ($1) AND ($2::uuid IS NULL OR b.id < $2) ORDER BY b.id DESC LIMIT $3)) AS o
           JOIN drydock.person p ON p.id = o.person_id LEFT JOIN drydock.window w ON w.id = o.window_id
           ORDER BY o.id DESC LIMIT $3"#,
        &states,
        before.map(|id| id.0),
        most
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| OutboxRow {
            id: NoticeId(row.id),
            kind: NoticeKind::from_word(&row.kind).map_or(row.kind, |kind| kind.label().to_owned()),
            to: row.name,
            email: row.email,
            window: row.number,
            state: row.state,
            created_at: row.created_at.to_jiff(),
            attempts: row.attempts,
            next_at: row.next_at.to_jiff(),
            sent_at: row.sent_at.map(Stamp::to_jiff),
            last_error: row.last_error,
        })
        .collect())
}

/// How many messages wait or are being sent, and how many are parked.
pub async fn counts(db: &mut PgConnection) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE o.state IN ('waiting', 'sending')) AS "waiting!", count(*) FILTER (WHERE o.state = 'parked') AS "parked!"
           FROM drydock.outbox o WHERE o.state IN ('waiting', 'sending', 'parked')"#
    )
    .fetch_one(db)
    .await?;
    Ok((row.waiting, row.parked))
}

/// Sends parked or waiting messages anew, now: one of them, or all that are parked, due from one moment on as above. Gives their number.
pub async fn resend(db: &mut PgConnection, only: Option<NoticeId>) -> sqlx::Result<u64> {
    sqlx::query!(
        "UPDATE drydock.outbox SET state = 'waiting', next_at = now(), attempts = 0
         WHERE (state = 'parked' AND $1::uuid IS NULL) OR (state IN ('parked', 'waiting') AND id = $1)",
        only.map(|id| id.0)
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}

/// Whether a message of this kind has not left yet.
pub async fn owed(db: &mut PgConnection, kind: &str, person: PersonId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM drydock.outbox o
           WHERE o.kind = $1 AND o.person_id = $2 AND o.state IN ('waiting', 'sending', 'parked')) AS "owed!""#,
        kind,
        person.0
    )
    .fetch_one(db)
    .await
}

/// Where one message is.
pub async fn state(db: &mut PgConnection, notice: NoticeId) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("SELECT o.state FROM drydock.outbox o WHERE o.id = $1", notice.0).fetch_optional(db).await
}
