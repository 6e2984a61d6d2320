//! Sessions on our own table: the cookie's id is never stored, and no save brings an ended session back.
//!
//! The data map holds messages and typed text only. Who signed in is a column, written once when the session is made.

use crate::guard::hosts::Hosts;
use crate::visit::Client;
use app::door::Visit;
use async_trait::async_trait;
use axum::response::Response;
use domain::ids::PersonId;
use engine::Engine;
use engine::actions::keep_session::{self, Gain};
use engine::actions::sign_in::SignedIn;
use engine::store::sessions;
use engine::store::sign_ins::Origin;
use http::StatusCode;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use std::sync::Arc;
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Session, SessionManagerLayer, SessionStore};

/// The store on `drydock.session`.
#[derive(Debug, Clone)]
pub struct Sessions(PgPool);

/// What a session is stored under: SHA-256 of its id.
pub fn key(id: &Id) -> [u8; 32] {
    Sha256::digest(id.0.to_be_bytes()).into()
}

fn backend(error: impl std::fmt::Display) -> Error {
    // The layer above answers with a bare 500: the cause would be told nowhere.
    tracing::error!(%error, "the session could not be read or written");
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let data = serde_json::to_value(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        while !sessions::create(&self.0, &key(&record.id), &data).await.map_err(backend)? {
            record.id = Id::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let data = serde_json::to_value(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        sessions::save(&self.0, &key(&record.id), &data).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(stored) = sessions::load(&self.0, &key(id)).await.map_err(backend)? else { return Ok(None) };
        let data = match stored.data {
            Value::Object(map) => map.into_iter().collect(),
            _ => return Err(Error::Decode("session data is no object".into())),
        };
        let expiry_date =
            OffsetDateTime::from_unix_timestamp(stored.expires_at.as_second()).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sessions::delete(&self.0, &key(id)).await.map_err(backend)
    }
}

/// The layer. Lax, or a click in a mail would arrive signed out; a cookie of the browser's session, its ends are ours to keep.
pub fn layer(engine: &Engine, hosts: &Hosts) -> SessionManagerLayer<Sessions> {
    let https = hosts.is_https();
    SessionManagerLayer::new(Sessions(engine.pool().clone()))
        .with_name(if https { "__Host-drydock" } else { "drydock" })
        .with_secure(https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
}

/// The session layer answers with a bare 500 when its table does not answer: that is no defect of ours, it passes. Whatever came from
/// inside bears its visit.
pub async fn say_unavailable(mut response: Response) -> Response {
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR && response.extensions().get::<Arc<Visit>>().is_none() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Signs `signed_in` in: a new id, so that one planted before is worth nothing, and the person written into the new row.
pub async fn sign_in(session: &Session, engine: &Engine, signed_in: SignedIn, client: &Client) -> engine::Result<()> {
    let origin = Origin { address: client.address.to_canonical().to_string(), agent: client.agent.clone() };
    keep_session::begin(engine, renewed(session).await?, signed_in, origin).await
}

/// Remembers whose password was typed, under a new id, while the second factor is waited for: this session is nobody's yet.
pub async fn wait_for_factor(session: &Session, engine: &Engine, person: PersonId, epoch: i64) -> engine::Result<()> {
    keep_session::wait_for_factor(engine, renewed(session).await?, person, epoch).await
}

/// Gives the person's session a new id, with some minutes of control if asked for; its absolute end stays where it was.
pub async fn rotate(session: &Session, engine: &Engine, person: PersonId, control: bool) -> engine::Result<()> {
    renew(session, engine, person, Gain { control, factor: false }).await
}

/// Gives the person's session a new id: the second factor was shown in it.
pub async fn shown_factor(session: &Session, engine: &Engine, person: PersonId) -> engine::Result<()> {
    renew(session, engine, person, Gain { control: false, factor: true }).await
}

async fn renew(session: &Session, engine: &Engine, person: PersonId, gain: Gain) -> engine::Result<()> {
    let old = session.id().ok_or_else(|| engine::Error::internal("a signed-in session has no id"))?;
    // What lies in it goes along: it is read before its row moves away from the old id.
    session.get_value("").await.map_err(engine::Error::internal)?;
    let parked = keep_session::park(engine, key(&old), person).await?;
    keep_session::unpark(engine, parked, renewed(session).await?, gain).await
}

/// A new id with a row of its own; the old one's row is gone.
async fn renewed(session: &Session) -> engine::Result<[u8; 32]> {
    session.cycle_id().await.map_err(engine::Error::internal)?;
    session.save().await.map_err(engine::Error::internal)?;
    session.id().map(|id| key(&id)).ok_or_else(|| engine::Error::internal("a saved session has no id"))
}
