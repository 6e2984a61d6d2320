//! Says that somebody is away, and perhaps who votes in their place meanwhile.

use super::{Caller, audience, elevated};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::absences;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::absence::{Absence, Candidate, Form, MOST_OPEN, Span, may_stand_in, overlaps};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::{AbsenceId, PersonId};
use domain::notice::NoticeKind;
use domain::permission::{Actor, Permit, Verb, authorize, holds};
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// Everybody says it of themselves; leads of members of their team, and administrators of anyone, after their password.
///
/// Refused: two absences in one time, a delegate who is away then or could not vote, oneself as the delegate of somebody else, and somebody
/// who was deactivated. A delegate is asked
/// about everything that waits as soon as the absence begins.
pub async fn say_absence(engine: &Engine, caller: &Caller, person: PersonId, form: &Form) -> Result<AbsenceId> {
    let (caller, form) = (caller.clone(), form.clone());
    let id = transaction::run(engine.pool(), "say_absence", move |db| {
        let (caller, form) = (caller.clone(), form.clone());
        Box::pin(async move {
            let permit = permit(db, &caller.actor, Some(person)).await?;
            let by = caller.actor.person;
            if by != person {
                elevated(&caller.actor)?;
            }
            let known = store::people::lock(db, person).await?.ok_or(Error::NotFound)?;
            if !known.active {
                return Err(Refusal::new("inactive", "This person was deactivated.", "").into());
            }
            let zone = zone(db, person).await?;
            let (span, address) = form.parse(&zone, store::runs::now(db).await?)?;
            let open = absences::open(db, &[person]).await?;
            room(&open, span)?;
            let delegate = match &address {
                Some(address) => Some(delegate(db, (person, by), address, span).await?),
                None => None,
            };
            let absence = Absence {
                id: clock::new_id(),
                person,
                starts: span.starts,
                ends: span.ends,
                delegate: delegate.map(|delegate| delegate.person),
                said_by: by,
            };
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let fact = ledger.fact(fact("absence.say", &absence)).await?;
            absences::insert(ledger.db(), &absence).await?;
            audience::tell_of_absence(&mut ledger, NoticeKind::AbsenceSaid, &absence, fact).await?;
            Ok(absence.id)
        })
    })
    .await
    .map_err(|error| match error {
        // Somebody else was faster.
        Error::Database(error) if absences::is_overlap(&error) => {
            Refusal::new("absence_overlaps", "There is an absence in that time already.", "Look at the page again.").into()
        }
        other => other,
    })?;
    wake(engine.pool(), &[Wake::Runner, Wake::Notifier, Wake::Sealer]).await;
    Ok(id)
}

/// The proof that the actor may speak of this person's absences: of oneself, of members of a team that one leads, or as an administrator. Of
/// nobody who is known, only administrators learn that there is no such thing.
pub(crate) async fn permit(db: &mut PgConnection, actor: &Actor, person: Option<PersonId>) -> Result<Permit> {
    let Some(person) = person else { return Ok(authorize(actor, Verb::SayAbsence, None)?) };
    if person == actor.person {
        return Ok(authorize(actor, Verb::SeeOwn, None)?);
    }
    let teams = absences::teams_of(db, person).await?;
    let team = teams.into_iter().find(|team| holds(actor, Verb::SayAbsence, Some(*team)));
    Ok(authorize(actor, Verb::SayAbsence, team)?)
}

/// The zone in which somebody counts days.
pub(super) async fn zone(db: &mut PgConnection, person: PersonId) -> Result<TimeZone> {
    let name = absences::zone(db, person).await?;
    TimeZone::get(&name).map_err(|_| Error::internal(format!("unknown zone {name}")))
}

/// What is written down of an absence.
pub(super) fn fact(action: &'static str, absence: &Absence) -> NewFact {
    NewFact::done(action, "absence", absence.id)
        .with("person", absence.person.to_string())
        .with("starts", absence.starts.to_string())
        .with("ends", absence.ends.to_string())
        .with("delegate", absence.delegate.map(|delegate| delegate.to_string()))
}

fn room(open: &[Absence], span: Span) -> Result<(), Refusal> {
    if let Some(other) = open.iter().find(|other| other.starts < span.ends && span.starts < other.ends) {
        return Err(overlaps(other));
    }
    if open.len() >= MOST_OPEN {
        return Err(Refusal::new(
            "too_many_absences",
            format!("At most {MOST_OPEN} absences of one person are planned at a time."),
            "End one that is not needed first.",
        ));
    }
    Ok(())
}

async fn delegate(db: &mut PgConnection, (absent, said_by): (PersonId, PersonId), address: &str, span: Span) -> Result<Candidate> {
    let unknown = || Error::field("delegate", "Nobody here has this address. Name somebody who is on the list of people.");
    let candidate = absences::candidate(db, address).await?.ok_or_else(unknown)?;
    let away = absences::open(db, &[candidate.person]).await?;
    may_stand_in(absent, said_by, &candidate, span, &away).map_err(|error| vec![error])?;
    Ok(candidate)
}
