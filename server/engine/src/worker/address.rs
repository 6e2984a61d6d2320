//! The address of a database with its opened password: the one way from a stored registration to a connection. Workers only.

use super::WorkerContext;
use crate::credentials::binding;
use crate::error::{Error, Result};
use crate::store::secrets::Stored;
use crate::store::targets::{self, Target};
use crate::target::connect::{Address, TlsMode};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::ids::TargetId;
use domain::target::Tls;
use secrecy::SecretString;

/// The registration of a database as it is now, and the address that opens it. Fetch it for each step and drop it after.
///
/// # Errors
/// A database that is not registered any more or was retired; a password that is missing, was sealed to other workers only, or belongs
/// to another address. Each is a sentence that says what to do.
pub async fn address(context: &WorkerContext, id: TargetId) -> Result<(Target, Address)> {
    let worker = context.keyring.id();
    let (target, stored) = transaction::read(&context.pool, "address", move |db| {
        Box::pin(async move {
            let target = targets::find(db, id).await?.ok_or(Error::NotFound)?;
            let stored = store::secrets::newest(db, id, worker).await?;
            Ok((target, stored))
        })
    })
    .await?;
    domain::target::in_use(target.state)?;
    let place = &target.registration.place;
    let password = match stored {
        None => None,
        Some(stored) => Some(open_password(context, &target, &stored)?),
    };
    let address = Address {
        host: place.host.clone(),
        port: place.port,
        database: place.database.clone(),
        user: place.username.clone(),
        password,
        tls: match place.tls {
            Tls::VerifyFull => TlsMode::VerifyFull { ca_pem: place.ca_pem.clone() },
            Tls::None => TlsMode::None { acknowledged: target.registration.tls_reason.is_some() },
        },
    };
    Ok((target, address))
}

/// Opens one of a database's passwords: the one in use, or one that is not proven yet.
///
/// # Errors
/// It was sealed to other workers only, or belongs to another address.
pub(crate) fn open_password(context: &WorkerContext, target: &Target, stored: &Stored) -> Result<SecretString> {
    let key = stored.sealed_key.as_ref().ok_or_else(no_key)?;
    let bound = binding(target.id, &target.registration.place, stored.version);
    context.keyring.open_secret(&stored.envelope, key, &bound).map_err(|error| {
        tracing::warn!(target = %target.id, %error, "a stored password was not opened");
        unusable()
    })
}

fn unusable() -> Error {
    Refusal::new(
        "password_unusable",
        "The stored password was not used: it belongs to another address than the one registered now, or was damaged.",
        "Check the address, and type the password again on the database's page.",
    )
    .into()
}

fn no_key() -> Error {
    Refusal::new(
        "password_not_for_worker",
        "The stored password was not sealed to this worker's key.",
        "Type the password again on the database's page: it is then sealed to every admitted worker.",
    )
    .into()
}
