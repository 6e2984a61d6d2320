//! Who is away, for the page on which it is said.

use crate::actions::say_absence::permit;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::{absences, letters, runs, window_page};
use crate::transaction;
use domain::ids::PersonId;
use domain::permission::Actor;
use domain::view::absences::{AbsencePage, AbsenceRow, StandsIn};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};

/// Absences of one person that are not over: for the person, leads of their team, and administrators.
pub async fn page(engine: &Engine, actor: &Actor, person: PersonId) -> Result<AbsencePage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "absences_page", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            permit(db, &actor, Some(person)).await?;
            let zone = absences::zone(db, person).await?;
            let name = letters::recipient(db, person).await?.name;
            let (open, stands_in) = (absences::open(db, &[person]).await?, absences::standing_in(db, person).await?);
            let delegates: Vec<PersonId> = open.iter().filter_map(|absence| absence.delegate).collect();
            let theirs = absences::open(db, &delegates).await?;
            // Whoever was deactivated votes for nobody any more.
            let there: BTreeMap<PersonId, String> = letters::active(db, &delegates).await?.into_iter().collect();
            let people: BTreeSet<PersonId> = open
                .iter()
                .flat_map(|one| [one.said_by, one.delegate.unwrap_or(one.person)])
                .chain(stands_in.iter().map(|one| one.person))
                .collect();
            let names = window_page::names(db, &people).await?;
            let named = |person: PersonId| names.get(&person).cloned().unwrap_or_default();
            let (now, days) = (runs::now(db).await?, TimeZone::get(&zone).map_err(Error::internal)?);
            let rows = open
                .iter()
                .map(|absence| AbsenceRow {
                    id: absence.id,
                    starts: absence.starts,
                    ends: absence.ends,
                    last_day: absence.last_day(&days).to_string(),
                    delegate: absence.delegate.and_then(|delegate| there.get(&delegate).cloned()),
                    delegate_back: theirs
                        .iter()
                        .find(|own| Some(own.person) == absence.delegate && own.starts < absence.ends && absence.starts < own.ends)
                        .map(|own| own.ends),
                    said_by: named(absence.said_by),
                    begun: absence.holds(now),
                })
                .collect();
            Ok(AbsencePage {
                person,
                name,
                own: actor.person == person,
                rows,
                stands_in: stands_in
                    .into_iter()
                    .map(|one| StandsIn { name: named(one.person), starts: one.starts, ends: one.ends })
                    .collect(),
                colleagues: absences::colleagues(db, person).await?,
                zone,
            })
        })
    })
    .await
}
