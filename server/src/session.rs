//! Sessions on our own table: the cookie's id is never stored, and no save brings an ended session back.
//!
//! The data map holds messages and typed text only. Who signed in is a column, written once when the session is made.

use crate::guard::hosts::Hosts;
use async_trait::async_trait;
use domain::ids::PersonId;
use engine::Engine;
use engine::store::sessions;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
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

/// Gives the session some minutes of control under a new id; its absolute end stays where it was.
pub async fn elevate(session: &Session, engine: &Engine, person: PersonId) -> engine::Result<()> {
    let old = session.id().ok_or_else(|| engine::Error::internal("a signed-in session has no id"))?;
    let origin = sessions::origin(engine.pool(), &key(&old)).await?.ok_or(engine::Error::NotFound)?;
    sign_in(session, engine, person, &origin.address, &origin.agent).await?;
    if let Some(id) = session.id() {
        sessions::end_by(engine.pool(), &key(&id), origin.absolute_end_at).await?;
    }
    Ok(())
}

/// Signs `person` in: a new id, the old one ended, the person written into the new row.
pub async fn sign_in(session: &Session, engine: &Engine, person: PersonId, address: &str, agent: &str) -> engine::Result<()> {
    session.cycle_id().await.map_err(engine::Error::internal)?;
    session.save().await.map_err(engine::Error::internal)?;
    let id = session.id().ok_or_else(|| engine::Error::internal("a saved session has no id"))?;
    sessions::bind(engine.pool(), &key(&id), person, address, agent).await?;
    Ok(())
}
