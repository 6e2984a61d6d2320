//! Messages owed: written with the decision that owes them.

use super::{FactRef, Ledger};
use crate::clock;
use crate::error::Result;
use crate::store::{Stamp, stamp};
use domain::canonical::Digest;
use domain::ids::{LinkId, MessageId, NoticeId, WindowId};
use domain::notice::NewNotice;
use domain::notice::topics::Channel;
use serde_json::Value;
use uuid::Uuid;

/// The personal link a message carries: its id, and its secret sealed to the notifier.
#[derive(Debug, Clone)]
pub struct LinkForMail {
    /// The link.
    pub id: LinkId,
    /// Its secret, sealed; erased after delivery.
    pub sealed_secret: Vec<u8>,
}

impl Ledger<'_> {
    /// Puts a message about no window into the outbox, for an address that is not the person's at this moment: the one they had, or the one they
    /// want to have.
    pub async fn notice_to(&mut self, notice: &NewNotice, address: &str, link: Option<&LinkForMail>, fact: FactRef) -> Result<NoticeId> {
        let id: NoticeId = clock::new_id();
        sqlx::query!(
            "INSERT INTO drydock.outbox (id, kind, person_id, address, payload, link_id, link_secret, message_id, fact_id, fact_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            id.0,
            notice.kind.word(),
            notice.person.0,
            address,
            serde_json::Value::Object(notice.payload.clone()),
            link.map(|link| link.id.0),
            link.map(|link| link.sealed_secret.clone()),
            format!("{id}@drydock"),
            fact.id,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        Ok(id)
    }

    /// Says one message, by each of its ways: into the outbox, and on the page of messages of whoever can sign in.
    pub async fn notice(
        &mut self,
        notice: &NewNotice,
        window: Option<WindowId>,
        digest: Option<Digest>,
        link: Option<&LinkForMail>,
        fact: FactRef,
    ) -> Result<()> {
        if notice.by.contains(&Channel::Page) {
            self.message(notice, window, fact).await?;
        }
        if notice.by.contains(&Channel::Mail) {
            self.mail(notice, window, digest, link, fact).await?;
        }
        Ok(())
    }

    /// Puts one message into the outbox. Its Message-ID is fixed here: a doubtful second sending carries the same.
    async fn mail(
        &mut self,
        notice: &NewNotice,
        window: Option<WindowId>,
        digest: Option<Digest>,
        link: Option<&LinkForMail>,
        fact: FactRef,
    ) -> Result<()> {
        let id: NoticeId = clock::new_id();
        let message_id = format!("{id}@drydock");
        sqlx::query!(
            "INSERT INTO drydock.outbox (id, kind, person_id, window_id, digest, payload, link_id, link_secret, message_id, fact_id, fact_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            id.0,
            notice.kind.word(),
            notice.person.0,
            window.map(|window| window.0),
            digest.map(|digest| digest.0.to_vec()),
            serde_json::Value::Object(notice.payload.clone()),
            link.map(|link| link.id.0),
            link.map(|link| link.sealed_secret.clone()),
            message_id,
            fact.id,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }

    /// Puts one message on its person's page, if they have an account. It keeps what its object is called now: whoever may not see that any
    /// more still reads what they were told.
    async fn message(&mut self, notice: &NewNotice, window: Option<WindowId>, fact: FactRef) -> Result<()> {
        let id: MessageId = clock::new_id();
        let named = |key: &str| notice.payload.get(key).and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
        sqlx::query!(
            "INSERT INTO drydock.message (id, person_id, kind, window_id, series_id, freeze_id, target_id, webhook_id, fact_id, fact_at, title)
             SELECT $1, a.person_id, $3, $4::uuid, $5::uuid, $6::uuid, $7::uuid, $8::uuid, $9, $10,
                    coalesce((SELECT r.title FROM drydock.window w JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision WHERE w.id = $4),
                             (SELECT s.title FROM drydock.series s WHERE s.id = $5), (SELECT f.reason FROM drydock.freeze f WHERE f.id = $6),
                             (SELECT t.short_name FROM drydock.target t WHERE t.id = $7), (SELECT h.name FROM drydock.webhook h WHERE h.id = $8), '')
             FROM drydock.account a WHERE a.person_id = $2",
            id.0,
            notice.person.0,
            notice.kind.word(),
            window.map(|window| window.0),
            named("together").or(named("series")),
            named("freeze"),
            named("target"),
            named("webhook"),
            fact.id,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        Ok(())
    }
}
