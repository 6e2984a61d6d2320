//! Messages owed: written with the decision that owes them.

use super::{FactRef, Ledger};
use crate::clock;
use crate::error::Result;
use crate::store::{Stamp, stamp};
use domain::canonical::Digest;
use domain::ids::{LinkId, NoticeId, WindowId};
use domain::notice::NewNotice;

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

    /// Puts one message into the outbox. Its Message-ID is fixed here: a doubtful second sending carries the same.
    pub async fn notice(
        &mut self,
        notice: &NewNotice,
        window: Option<WindowId>,
        digest: Option<Digest>,
        link: Option<&LinkForMail>,
        fact: FactRef,
    ) -> Result<NoticeId> {
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
        Ok(id)
    }
}
