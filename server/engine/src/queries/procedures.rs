//! Procedures: everybody with an account may read them; they are no secret.

use crate::actions::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::own_procedures::{self, Version};
use crate::{procedure_file, store, transaction};
use domain::decision::Refusal;
use domain::permission::{Actor, Verb, authorize, holds};
use domain::procedure::own::{PREFIX, changes, may_agree};
use domain::procedure::own_file::File;
use domain::procedure::{Procedure, library};
use domain::view::procedures::{PastVersion, ProcedureForm, ProcedurePage, ProcedureRow, WaitingVersion};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// All procedures: the library's, then the own ones by name.
pub async fn list(engine: &Engine, caller: &Caller) -> Result<Vec<ProcedureRow>> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    transaction::read(engine.pool(), "procedures", |db| {
        Box::pin(async move {
            let mut rows: Vec<ProcedureRow> =
                library::all().into_iter().map(|procedure| ProcedureRow { procedure, counts: true, waits: None }).collect();
            // Of one procedure the version that waits comes before the one that counts.
            for version in own_procedures::versions(db, None).await? {
                let (counts, waits) = (version.counts(), version.waits().then_some(version.procedure.version));
                match rows.iter_mut().find(|row| row.procedure.key == version.procedure.key) {
                    Some(row) if counts => (row.procedure, row.counts) = (version.procedure, true),
                    Some(row) => row.waits = waits,
                    None => rows.push(ProcedureRow { procedure: version.procedure, counts, waits }),
                }
            }
            Ok(rows)
        })
    })
    .await
}

/// One of them, with its versions.
pub async fn show(engine: &Engine, caller: &Caller, key: &str) -> Result<ProcedurePage> {
    authorize(&caller.actor, Verb::SeeOwn, None)?;
    let (actor, key) = (caller.actor.clone(), key.to_owned());
    transaction::read(engine.pool(), "procedure", move |db| {
        let (actor, key) = (actor.clone(), key.clone());
        Box::pin(async move {
            let may_manage = holds(&actor, Verb::ManageProcedures, None);
            if !key.starts_with(PREFIX) {
                let current = library::by_key(&key).ok_or(Error::NotFound)?;
                let file = written(&current)?;
                return Ok(ProcedurePage { versions: carried(&key), current: Some((None, current)), key, waiting: None, file, may_manage });
            }
            let versions = own_procedures::versions(db, Some(&key)).await?;
            if versions.is_empty() {
                return Err(Error::NotFound);
            }
            let current = versions.iter().find(|version| version.counts());
            let waiting = match versions.iter().find(|version| version.waits()) {
                Some(waits) => Some(waiting(db, &actor, waits, current.map(|version| &version.procedure)).await?),
                None => None,
            };
            let shown = current.map(|version| &version.procedure).or(waiting.as_ref().map(|waiting| &waiting.procedure));
            let file = shown.or(versions.first().map(|version| &version.procedure)).map(written).transpose()?.flatten();
            let current = current.map(|version| (Some(version.id), version.procedure.clone()));
            Ok(ProcedurePage { current, waiting, file, versions: versions.into_iter().map(past).collect(), key, may_manage })
        })
    })
    .await
}

/// The form of a new version: of this procedure, or of a new one that begins with it.
pub async fn form(engine: &Engine, caller: &Caller, from: Option<&str>) -> Result<ProcedureForm> {
    authorize(&caller.actor, Verb::ManageProcedures, None)?;
    let Some(from) = from.filter(|from| !from.is_empty()) else {
        return Ok(ProcedureForm { text: String::new(), of: None, base: None, from: None });
    };
    let page = show(engine, caller, from).await?;
    let name = page.name().to_owned();
    let base = page.current.as_ref().filter(|(_, procedure)| procedure.is_own()).map(|(_, procedure)| procedure.version);
    let of = Some(page.key).filter(|key| key.starts_with(PREFIX));
    Ok(ProcedureForm { text: page.file.unwrap_or_default(), of, base, from: Some(name) })
}

fn written(procedure: &Procedure) -> Result<Option<String>> {
    File::of(procedure).map(|file| procedure_file::write(&file).map_err(Error::internal)).transpose()
}

/// The versions of one of the library's, the newest first.
fn carried(key: &str) -> Vec<PastVersion> {
    let mut found: Vec<PastVersion> = library::carried()
        .into_iter()
        .filter(|procedure| procedure.key == key)
        .map(|one| PastVersion { version: one.version, digest: one.digest(), proposed: None, agreed: None, ended: None })
        .collect();
    found.reverse();
    found
}

fn past(version: Version) -> PastVersion {
    PastVersion {
        version: version.procedure.version,
        digest: version.digest,
        proposed: Some((version.proposer, version.proposed_at)),
        agreed: version.agreed,
        ended: version.ended,
    }
}

async fn waiting(db: &mut PgConnection, actor: &Actor, waits: &Version, current: Option<&Procedure>) -> Result<WaitingVersion> {
    let may = match authorize(actor, Verb::ManageProcedures, None) {
        Ok(_) => {
            let voices = store::voices::towards(db, waits.proposed_by, waits.proposed_at, &BTreeSet::from([actor.person])).await?;
            let gone = || Refusal::new("deactivated", "Your account has been deactivated.", "Ask an administrator.");
            voices.get(&actor.person).ok_or_else(gone).and_then(|voice| may_agree(actor.person, waits.proposed_by, voice, &waits.procedure))
        }
        Err(refusal) => Err(refusal),
    };
    Ok(WaitingVersion {
        id: waits.id,
        procedure: waits.procedure.clone(),
        digest: waits.digest,
        by: waits.proposer.clone(),
        at: waits.proposed_at,
        changes: current.map(|current| changes(current, &waits.procedure)),
        may_agree: may,
    })
}
