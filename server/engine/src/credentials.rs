//! Storing a database's password: sealed to every admitted worker, bound to the address it may be sent to. Nothing here can open one.

use crate::clock;
use crate::error::Result;
use crate::store;
use crate::vault::{self, Binding};
use domain::ids::{PersonId, SecretId, TargetId};
use domain::target::Place;
use secrecy::SecretString;
use sqlx::PgConnection;

/// What version `version` of the password of `target` is bound to while the database is registered at `place`.
#[must_use]
pub fn binding(target: TargetId, place: &Place, version: i32) -> Binding {
    Binding {
        target,
        field: store::secrets::PASSWORD.into(),
        version,
        host: place.host.clone(),
        port: i32::from(place.port),
        database: place.database.clone(),
        username: place.username.clone(),
        tls: place.tls.word().into(),
        ca_pem: place.ca_pem.clone(),
    }
}

/// Seals and stores a password, and destroys the one before. Gives the new version.
pub async fn store_password(db: &mut PgConnection, target: TargetId, place: &Place, password: &SecretString, by: PersonId) -> Result<i32> {
    let workers = store::secrets::admitted_keys(db).await?;
    let version = store::secrets::next_version(db, target).await?;
    let sealed = vault::seal(password, &binding(target, place, version), &workers)?;
    store::secrets::replace(db, clock::new_id(), target, version, &sealed, by).await?;
    Ok(version)
}

/// Seals a password beside the one in use: it counts once a worker has proven that it signs in. Refused while a run is open.
pub async fn store_candidate(
    db: &mut PgConnection,
    target: TargetId,
    place: &Place,
    password: &SecretString,
    by: PersonId,
) -> Result<(SecretId, i32)> {
    let workers = store::secrets::admitted_keys(db).await?;
    let version = store::secrets::next_version(db, target).await?;
    let sealed = vault::seal(password, &binding(target, place, version), &workers)?;
    let id: SecretId = clock::new_id();
    store::secrets::add_candidate(db, id, target, version, &sealed, by).await?;
    Ok((id, version))
}
