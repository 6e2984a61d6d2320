//! Moves the last day of an absence that is not over.

use super::say_absence::{fact, permit, zone};
use super::{Caller, audience, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::absences;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::absence::{Absence, moved_end, overlaps};
use domain::decision::Refusal;
use domain::ids::{AbsenceId, PersonId};
use domain::notice::NoticeKind;
use domain::permission::{Actor, Permit};
use jiff::Timestamp;
use sqlx::PgConnection;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// The last day away, in the zone of whoever is away.
    pub last_day: String,
}

/// Moves it; returns whose absence it is. Refused: one that is over, and a time that another absence of the person has.
pub async fn move_absence(engine: &Engine, caller: &Caller, id: AbsenceId, input: &Input) -> Result<PersonId> {
    let (caller, input) = (caller.clone(), input.clone());
    let person = transaction::run(engine.pool(), "move_absence", move |db| {
        let (caller, input) = (caller.clone(), input.clone());
        Box::pin(async move {
            let Open { permit, absence, now } = open(db, &caller.actor, id).await?;
            let ends = moved_end(&absence, &input.last_day, &zone(db, absence.person).await?, now).map_err(|error| vec![error])?;
            let others = absences::open(db, &[absence.person]).await?;
            if let Some(other) = others.iter().find(|other| other.id != id && other.starts < ends && absence.starts < other.ends) {
                return Err(overlaps(other).into());
            }
            let moved = Absence { ends, ..absence.clone() };
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let fact = ledger.fact(fact("absence.move", &moved).with("before", absence.ends.to_string())).await?;
            absences::move_end(ledger.db(), id, ends).await?;
            audience::tell_of_absence(&mut ledger, NoticeKind::AbsenceChanged, &moved, fact).await?;
            Ok(absence.person)
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(person)
}

/// An absence that somebody may change, and that nobody else changes before the transaction ends.
pub(super) struct Open {
    pub(super) permit: Permit,
    pub(super) absence: Absence,
    pub(super) now: Timestamp,
}

/// Authorizes and loads. Refused: somebody else's without the right, or without a password typed lately; one that is over.
pub(super) async fn open(db: &mut PgConnection, actor: &Actor, id: AbsenceId) -> Result<Open> {
    let known = absences::lock(db, id).await?;
    let permit = permit(db, actor, known.as_ref().map(|absence| absence.person)).await?;
    let absence = known.ok_or(Error::NotFound)?;
    if actor.person != absence.person {
        elevated(actor)?;
    }
    let now = store::runs::now(db).await?;
    not_over(&absence, now)?;
    Ok(Open { permit, absence, now })
}

/// Refuses to change what has passed.
fn not_over(absence: &Absence, now: Timestamp) -> Result<(), Refusal> {
    if now < absence.ends && absence.starts < absence.ends {
        return Ok(());
    }
    Err(Refusal::new("absence_over", "This absence is over already.", "Say a new one if somebody is away again."))
}
