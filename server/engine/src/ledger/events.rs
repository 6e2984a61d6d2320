//! Events for receivers: owed in the transition's own transaction, as it was in that moment.

use super::{FactRef, Ledger};
use crate::clock;
use crate::error::Result;
use crate::store::{Stamp, stamp};
use domain::ids::{EventId, WebhookId, WindowId};
use domain::webhook::Event;
use domain::webhook::format::{About, Happening};
use domain::window::WindowState;

impl Ledger<'_> {
    /// Owes the event of a transition to every receiver that is called of it; nothing is written where there is none.
    pub(super) async fn event(&mut self, window: WindowId, from: WindowState, to: WindowState, reason: &str, fact: FactRef) -> Result<()> {
        match Event::of(from, to) {
            Some(event) => self.owe_to_callers(event, window, (from, to), reason, fact).await,
            None => Ok(()),
        }
    }

    /// Owes one event to every receiver that is called of it.
    pub(super) async fn owe_to_callers(
        &mut self,
        event: Event,
        window: WindowId,
        (from, to): (WindowState, WindowState),
        reason: &str,
        fact: FactRef,
    ) -> Result<()> {
        let receivers = sqlx::query_scalar!(
            "SELECT h.id FROM drydock.webhook h
             WHERE h.state = 'active' AND (h.events = '{}' OR $2 = ANY (h.events))
               AND EXISTS (SELECT FROM drydock.window w
                           JOIN drydock.window_target t ON t.window_id = w.id AND t.revision = w.revision JOIN drydock.target d ON d.id = t.target_id
                           WHERE w.id = $1 AND (h.team_id IS NULL OR h.team_id = w.team_id) AND (h.environment IS NULL OR h.environment = d.environment))
             ORDER BY h.id",
            window.0,
            event.word()
        )
        .fetch_all(&mut *self.db)
        .await?;
        if receivers.is_empty() {
            return Ok(());
        }
        let happening = Happening { window: Some(self.about(window, from, to).await?), reason: reason.to_owned(), fact: fact.id };
        self.owe(event, Some(window), &happening, &receivers.into_iter().map(WebhookId).collect::<Vec<_>>(), fact).await
    }

    /// Owes an event to these receivers.
    pub async fn owe(
        &mut self,
        event: Event,
        window: Option<WindowId>,
        happening: &Happening,
        receivers: &[WebhookId],
        fact: FactRef,
    ) -> Result<()> {
        let id: EventId = clock::new_id();
        sqlx::query!(
            "INSERT INTO drydock.webhook_event (id, event, window_id, happening, fact_id, fact_at) VALUES ($1, $2, $3, $4, $5, $6)",
            id.0,
            event.word(),
            window.map(|window| window.0),
            serde_json::to_value(happening)?,
            fact.id,
            stamp(fact.at) as Stamp
        )
        .execute(&mut *self.db)
        .await?;
        for receiver in receivers {
            sqlx::query!(
                "INSERT INTO drydock.webhook_delivery (id, webhook_id, event_id) VALUES ($1, $2, $3)",
                clock::new_id::<domain::ids::DeliveryId>().0,
                receiver.0,
                id.0
            )
            .execute(&mut *self.db)
            .await?;
        }
        Ok(())
    }

    async fn about(&mut self, window: WindowId, from: WindowState, to: WindowState) -> Result<About> {
        let row = sqlx::query!(
            r#"SELECT w.number, w.revision, r.title, r.start_at, r.end_at, p.digest, t.databases AS "database!", t.environments AS "environment!", m.short_name AS team, o.name AS owner
             FROM drydock.window w
             JOIN drydock.revision r ON r.window_id = w.id AND r.number = w.revision
             JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision
             CROSS JOIN LATERAL (SELECT string_agg(d.short_name, ', ' ORDER BY t.position) AS databases, string_agg(DISTINCT d.environment, ', ') AS environments
                                 FROM drydock.window_target t JOIN drydock.target d ON d.id = t.target_id WHERE t.window_id = w.id AND t.revision = w.revision) t
             JOIN drydock.team m ON m.id = w.team_id
             JOIN drydock.person o ON o.id = coalesce(w.owner_id, w.created_by)
             WHERE w.id = $1"#,
            window.0
        )
        .fetch_one(&mut *self.db)
        .await?;
        Ok(About {
            number: row.number,
            title: row.title,
            from,
            to,
            revision: row.revision,
            digest: hex::encode(row.digest),
            start_at: row.start_at.to_jiff(),
            end_at: row.end_at.to_jiff(),
            database: row.database,
            environment: row.environment,
            team: row.team,
            owner: row.owner,
        })
    }
}
