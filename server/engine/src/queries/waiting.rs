//! Whom the windows of a list wait for: counted by today's groups, in a few queries for all of them.

use crate::error::Result;
use crate::store::absences;
use crate::store::stand_ins::{self, Counting};
use crate::store::{departures, groups, window_page};
use domain::approval::Group;
use domain::ids::{PersonId, TargetId};
use domain::view::absences::waited;
use domain::view::windows::Row;
use domain::view::windows::waits::waits_for;
use domain::window::WindowState;
use jiff::tz::TimeZone;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Says of each proposal whose votes it waits for; days are those of the reader's zone.
pub(super) async fn say(db: &mut PgConnection, rows: &mut [Row], zone: &str) -> Result<()> {
    let ids: Vec<Uuid> = rows.iter().filter(|row| row.state == WindowState::Proposed).map(|row| row.id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let counted = departures::counted_of(db, &ids, None).await?;
    let asks = || counted.iter().flat_map(|window| window.plan.asks());
    let targets: Vec<TargetId> = asks().map(|(target, ..)| target.id).collect::<BTreeSet<_>>().into_iter().collect();
    let asked: BTreeSet<Group> = asks().flat_map(|(_, policy, _)| policy.rules.groups()).collect();
    let today = groups::electorates(db, &targets, &asked).await?;
    let voters: BTreeSet<PersonId> = counted.iter().flat_map(|window| window.plan.voters()).collect();
    let absent = absences::now(db, &voters.into_iter().collect::<Vec<_>>()).await?;
    let in_place = stand_ins::voted_in_place(db, &ids).await?;
    let mut found = Vec::with_capacity(counted.len());
    for window in &counted {
        let voters = window.plan.voters();
        // A query of its own only where somebody stands in.
        let stood_in = |person: &PersonId| absent.get(person).is_some_and(|absence| absence.delegate.is_some());
        let stand_ins = if in_place.contains(&window.id) || voters.iter().any(stood_in) {
            let counting = Counting { window: window.id, digest: window.digest, team: window.plan.target().team, voters: &voters };
            stand_ins::of(db, &counting).await?
        } else {
            vec![]
        };
        let standing = window.plan.today(&today, &window.escalated).with_stand_ins(&stand_ins).count(&window.votes);
        found.push((window.id, standing, stand_ins));
    }
    let named = found.iter().flat_map(|(_, standing, stand_ins)| {
        let absent = stand_ins.iter().map(|one| one.absent);
        standing.waiting_for().into_iter().chain(absent)
    });
    let people: BTreeSet<PersonId> = named.collect();
    let names = window_page::names(db, &people).await?;
    let away = absences::now(db, &people.into_iter().collect::<Vec<_>>()).await?;
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    for (id, standing, stand_ins) in found {
        if let Some(row) = rows.iter_mut().find(|row| row.id == id) {
            row.waiting_for = waits_for(&standing, &waited(&names, &away, &stand_ins, &zone));
        }
    }
    Ok(())
}
