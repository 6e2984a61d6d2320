//! Gives Drydock's role on a database another password. Whatever breaks off in between, one of the stored passwords works:
//!
//! 1. a candidate is sealed beside the password in use, and committed;
//! 2. the server is told, by a verifier made here;
//! 3. the candidate signs in, in a connection of its own;
//! 4. only then is the old one destroyed.
//!
//! Whoever takes the question up after a crash finds the candidate, and first asks the server which of the two it knows.

use super::connection::refused;
use crate::clock;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::examinations::{self, Claimed};
use crate::store::targets::{self, Target};
use crate::target::connect::{Address, Dialer};
use crate::target::fault::ConnectError;
use crate::target::identity::{StableIdentity, observe};
use crate::target::link::Link;
use crate::target::postgres::password;
use crate::worker::{WorkerContext, address, open_password};
use crate::{credentials, store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::SecretId;
use domain::permission::Permit;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::sync::Arc;

/// Name under which the sessions show on the server.
const NAME: &str = "drydock: password";

/// A password that is not proven yet.
struct Candidate {
    id: SecretId,
    version: i32,
    password: SecretString,
    /// Left over by somebody who did not finish: the server may know it already.
    left_over: bool,
}

/// Changes the password, or finishes what another worker began.
pub(super) async fn rotate(context: &WorkerContext, claimed: &Claimed) -> Result<()> {
    let (target, current) = address(context, claimed.target).await?;
    let candidate = match left_over(context, &target).await? {
        Some(candidate) => candidate,
        None => begin(context, claimed, &target).await?,
    };
    let proven = prove(&target, &current, &candidate).await;
    match proven {
        Ok(Proof::Works { old_refused }) => promote(context, claimed, &target, &candidate, old_refused).await,
        Ok(Proof::Void(why)) => {
            discard(context, claimed, &target, &candidate, &why).await?;
            Err(why.into())
        }
        Err(error) => Err(error),
    }
}

/// What became of the candidate; an error leaves it as it is, beside the password in use.
enum Proof {
    /// It signs in.
    Works {
        /// The old one no longer does.
        old_refused: bool,
    },
    /// It never will: the password in use stays.
    Void(Refusal),
}

async fn prove(target: &Target, current: &Address, candidate: &Candidate) -> Result<Proof> {
    let old = Dialer::new(current.clone()).await.map_err(refused)?;
    let new = Dialer::new(Address { password: Some(candidate.password.clone()), ..current.clone() }).await.map_err(refused)?;
    if candidate.left_over && signs_in(&new).await? && !signs_in(&old).await? {
        return Ok(Proof::Works { old_refused: true });
    }
    let link = match old.connect(NAME).await {
        Ok(link) => link,
        Err(ConnectError::BadPassword { .. }) if candidate.left_over => return Err(neither().into()),
        // Nothing was sent yet, and the password in use is not one.
        Err(error @ ConnectError::BadPassword { .. }) => return Ok(Proof::Void(Refusal::new("connection", error.to_string(), ""))),
        Err(error) => return Err(refused(error)),
    };
    if let Some(difference) = another(target, &link).await? {
        return Ok(Proof::Void(Refusal::new("another_database", difference, "Test the connection: nothing was changed.")));
    }
    if let Err(error) = password::set_own(&link, &candidate.password).await {
        if error.is_disconnect() || error.is_cancelled() || error.is_terminated() {
            return Err(unfinished(&error.to_string()).into());
        }
        return Ok(Proof::Void(Refusal::new(
            "not_changed",
            format!("The server did not change the password; it says: {error}."),
            "The old one stays in use.",
        )));
    }
    drop(link);
    if signs_in(&new).await? {
        return Ok(Proof::Works { old_refused: !signs_in(&old).await? });
    }
    if signs_in(&old).await? {
        return Ok(Proof::Void(Refusal::new(
            "not_in_use",
            "The server took the new password and does not sign in with it: somebody else checks this role's password, such as LDAP or PAM.",
            "The old one stays in use. Change it where it is checked, and type the new one here.",
        )));
    }
    Err(neither().into())
}

/// Whether the server lets the role in with this password. Anything but a plain yes or no is an error, and decides nothing.
async fn signs_in(dialer: &Dialer) -> Result<bool> {
    match dialer.connect(NAME).await {
        Ok(_) => Ok(true),
        Err(ConnectError::BadPassword { .. }) => Ok(false),
        Err(error) => Err(unfinished(&error.to_string()).into()),
    }
}

/// What differs from the registered database: nobody else's password is changed because a name leads elsewhere by now.
async fn another(target: &Target, link: &Link) -> Result<Option<String>> {
    let known: Option<StableIdentity> = target.identity.clone().map(serde_json::from_value).transpose()?;
    let Some(known) = known else { return Ok(None) };
    let seen = observe(link).await.map_err(|error| refused_statement(&error.to_string()))?;
    Ok(seen.difference(&known, None))
}

fn refused_statement(said: &str) -> Error {
    Refusal::new("connection", said.to_owned(), "").into()
}

fn unfinished(said: &str) -> Refusal {
    Refusal::new(
        "rotation_unfinished",
        format!("It is not known yet which password the server takes: {said}"),
        "Both are kept. Ask for the change again: it goes on where it stopped. Until then no run starts on this database.",
    )
}

fn neither() -> Refusal {
    Refusal::new(
        "rotation_neither",
        "The server takes neither the old nor the new password: somebody else changed it meanwhile.",
        "Both are kept. Give the role a password on the server and type it here: it replaces both.",
    )
}

/// The candidate that somebody left, opened.
async fn left_over(context: &WorkerContext, target: &Target) -> Result<Option<Candidate>> {
    let (id, worker) = (target.id, context.keyring.id());
    let stored = transaction::read(&context.pool, "rotation_candidate", move |db| {
        Box::pin(async move { store::secrets::candidate(db, id, worker).await })
    })
    .await?;
    stored
        .map(|(id, stored)| {
            let password = open_password(context, target, &stored)?;
            Ok(Candidate { id, version: stored.version, password, left_over: true })
        })
        .transpose()
}

/// Makes a password and seals it beside the one in use; refused while a run is open.
async fn begin(context: &WorkerContext, claimed: &Claimed, target: &Target) -> Result<Candidate> {
    let password = SecretString::from(hex::encode(clock::random::<32>()));
    let (examination, id, name, sealing) = (claimed.id, target.id, Arc::clone(&context.name), password.clone());
    let revision = target.revision;
    let (secret, version) = transaction::run(&context.pool, "begin_rotation", move |db| {
        let (name, sealing) = (Arc::clone(&name), sealing.clone());
        Box::pin(async move {
            targets::lock(db, id).await?;
            let target = targets::find(db, id).await?.filter(|target| target.revision == revision).ok_or(Error::NotFound)?;
            let by = examinations::asked_by(db, examination).await?.ok_or_else(|| Error::internal("a password is changed for somebody"))?;
            let (secret, version) = credentials::store_candidate(db, id, &target.registration.place, &sealing, by).await?;
            let permit = Permit::worker(&name);
            let request = format!("examination {examination}");
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("target.begin_rotation", "target", id).of_team(target.team).with("version", version)).await?;
            Ok((secret, version))
        })
    })
    .await?;
    Ok(Candidate { id: secret, version, password, left_over: false })
}

/// The candidate is the password in use from now on, and the old one can never be opened again.
async fn promote(context: &WorkerContext, claimed: &Claimed, target: &Target, candidate: &Candidate, old_refused: bool) -> Result<()> {
    let (examination, id, team, secret, version) = (claimed.id, target.id, target.team, candidate.id, candidate.version);
    let name = Arc::clone(&context.name);
    transaction::run(&context.pool, "promote_password", move |db| {
        let name = Arc::clone(&name);
        Box::pin(async move {
            targets::lock(db, id).await?;
            let answer = json!({ "version": version, "old_refused": old_refused });
            if !examinations::finish(db, examination, &name, Ok(&answer)).await? || !store::secrets::promote(db, id, secret).await? {
                return Err(Error::internal("the question was taken by another worker"));
            }
            let permit = Permit::worker(&name);
            let request = format!("examination {examination}");
            let mut ledger = Ledger::open(db, &permit, &request);
            let fact = NewFact::done("target.rotate_password", "target", id)
                .of_team(team)
                .with("version", version)
                .with("old_refused", old_refused);
            ledger.fact(fact).await?;
            Ok(())
        })
    })
    .await
}

/// The candidate is void: its keys are destroyed, and the password in use stays.
async fn discard(context: &WorkerContext, claimed: &Claimed, target: &Target, candidate: &Candidate, why: &Refusal) -> Result<()> {
    let (examination, id, team, secret, version) = (claimed.id, target.id, target.team, candidate.id, candidate.version);
    let (name, code) = (Arc::clone(&context.name), why.code.clone());
    transaction::run(&context.pool, "discard_password", move |db| {
        let (name, code) = (Arc::clone(&name), code.clone());
        Box::pin(async move {
            targets::lock(db, id).await?;
            store::secrets::put_away(db, secret).await?;
            let permit = Permit::worker(&name);
            let request = format!("examination {examination}");
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger
                .fact(NewFact::refused("target.rotate_password", "target", id).of_team(team).with("version", version).with("code", code))
                .await?;
            Ok(())
        })
    })
    .await
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Candidate(version {}, {} bytes)", self.version, self.password.expose_secret().len())
    }
}
