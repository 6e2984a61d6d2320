//! The page of messages: rows that [`crate::ledger`] wrote, and what was read of them.

use crate::error::{Error, Result};
use domain::ids::{FreezeId, MessageId, PersonId, SeriesId, TargetId, WebhookId};
use domain::notice::NoticeKind;
use domain::view::messages::{About, MOST_COUNTED, MessageRow};
use domain::window::WindowState;
use sqlx::PgConnection;

/// Messages to one person, newest first, at most `most`, older than `before`; only this one, where it is named. Kinds that this program does not
/// know are left out: a newer one wrote them.
pub async fn rows(
    db: &mut PgConnection,
    reader: PersonId,
    only: Option<MessageId>,
    only_unread: bool,
    before: Option<MessageId>,
    most: i64,
) -> Result<Vec<MessageRow>> {
    let kinds: Vec<String> = NoticeKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT m.id, m.kind, m.title, m.at, m.read_at, w.number AS "number?", CASE WHEN drydock.sees_team(m.person_id, w.team_id) THEN w.state END AS state,
                  m.series_id, m.freeze_id, m.target_id, m.webhook_id
           FROM drydock.message m LEFT JOIN drydock.window w ON w.id = m.window_id
           WHERE m.person_id = $1 AND ($2::uuid IS NULL OR m.id = $2) AND (NOT $3 OR m.read_at IS NULL) AND ($4::uuid IS NULL OR m.id < $4) AND m.kind = ANY ($5)
           ORDER BY m.id DESC LIMIT $6"#,
        reader.0,
        only.map(|id| id.0),
        only_unread,
        before.map(|id| id.0),
        &kinds,
        most
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = NoticeKind::from_word(&row.kind).ok_or_else(|| Error::internal(format!("unknown message {}", row.kind)))?;
            let state = row.state.as_deref().and_then(WindowState::from_word);
            let window = row.number.map(|number| About::Window { number, state });
            let about = window
                .or_else(|| row.series_id.map(|id| About::Series(SeriesId(id))))
                .or_else(|| row.freeze_id.map(|id| About::Freeze(FreezeId(id))))
                .or_else(|| row.target_id.map(|id| About::Database(TargetId(id))))
                .or_else(|| row.webhook_id.map(|id| About::Webhook(WebhookId(id))))
                .unwrap_or_else(|| About::of_kind(kind));
            Ok(MessageRow { id: MessageId(row.id), kind, title: row.title, about, at: row.at.to_jiff(), unread: row.read_at.is_none() })
        })
        .collect()
}

/// How many are unread, without those about the window of the number `looked_at`; at most one more than [`MOST_COUNTED`].
pub async fn unread(db: &mut PgConnection, reader: PersonId, looked_at: Option<i64>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM (SELECT FROM drydock.message m
           WHERE m.person_id = $1 AND m.read_at IS NULL
             AND ($3::bigint IS NULL OR m.window_id IS DISTINCT FROM (SELECT w.id FROM drydock.window w WHERE w.number = $3)) LIMIT $2) x"#,
        reader.0,
        MOST_COUNTED + 1,
        looked_at
    )
    .fetch_one(db)
    .await
}

/// What of the unread messages was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// This one.
    One(MessageId),
    /// All from the oldest up to this one.
    UpTo(MessageId),
    /// What they tell of this window, by its number.
    Window(i64),
}

/// Marks messages to one person as read; gives how many were not.
pub(crate) async fn mark_read(db: &mut PgConnection, reader: PersonId, seen: Seen) -> sqlx::Result<u64> {
    let (one, up_to, window) = match seen {
        Seen::One(id) => (Some(id.0), None, None),
        Seen::UpTo(id) => (None, Some(id.0), None),
        Seen::Window(number) => (None, None, Some(number)),
    };
    sqlx::query!(
        "UPDATE drydock.message AS m SET read_at = clock_timestamp()
         WHERE m.person_id = $1 AND m.read_at IS NULL AND ($2::uuid IS NULL OR m.id = $2) AND ($3::uuid IS NULL OR m.id <= $3)
           AND ($4::bigint IS NULL OR m.window_id = (SELECT w.id FROM drydock.window w WHERE w.number = $4))",
        reader.0,
        one,
        up_to,
        window
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}
