//! What the times of a proposal mean, what is in their way, and which others are free.

use super::around::{Around, around};
use super::{of_target, proposable, with_others};
use crate::actions::seal_revision::tz_version;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::slots::{self, Free, Like};
use crate::store::windows::{self, ProposalTarget};
use crate::{change, store, transaction};
use domain::decision::FieldError;
use domain::ids::{TargetId, WindowId};
use domain::permission::Actor;
use domain::procedure::Shelf;
use domain::proposal::{Proposal, ProposalForm};
use domain::schedule::Times;
use domain::schedule::slots::Slot;
use domain::view::windows::propose::TimesCheck;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

/// What the times of a half-filled form mean, and who else takes the database then. `edits` is the number of the window that is edited.
pub async fn check_times(engine: &Engine, actor: &Actor, form: &ProposalForm, edits: Option<i64>) -> Result<TimesCheck> {
    let (actor, form, now) = (actor.clone(), form.clone(), engine.clock().now());
    transaction::read(engine.pool(), "proposals_check_times", move |db| {
        let (actor, form) = (actor.clone(), form.clone());
        Box::pin(async move {
            let target = proposable(db, &actor, &form.target).await?;
            let proposal = timed(db, &form).await?;
            let times = match &proposal {
                Ok(proposal) => times_of(proposal, &target, now)?,
                Err(errors) => Err(errors.clone()),
            };
            // Cut-off and latest start are not asked here: a short window makes their defaults wrong, which is no answer to this question.
            let times = times.map(|times| (times.start, times.end)).map_err(|mut errors| {
                errors.retain(|error| matches!(error.field.as_str(), "date" | "time" | "fold" | "duration_min" | "start"));
                errors
            });
            let window = match edits {
                Some(number) => {
                    let window = windows::by_number(db, number).await?;
                    of_target(&target, window.target)?;
                    Some(window.id)
                }
                None => None,
            };
            let targets = with_others(db, &actor, target, &form).await?;
            let (Around { overlaps, freezes, beside }, outside) = match &times {
                Ok(between) => (around(db, &actor, &targets, *between, window).await?, outside(&targets, *between)?),
                Err(_) => (Around::default(), vec![]),
            };
            let taken = overlaps.iter().any(|other| other.state.is_live()) || !freezes.is_empty() || !outside.is_empty();
            let free = match (&proposal, targets.first()) {
                (Ok(proposal), Some(first)) if taken => {
                    let ids: Vec<TargetId> = targets.iter().map(|target| target.plan.id).collect();
                    Some(slots::said(&slots::next_free(db, &ids, &first.zone, proposal, window).await?, &first.zone))
                }
                _ => None,
            };
            Ok(TimesCheck { times, overlaps, freezes, beside, outside, free })
        })
    })
    .await
}

/// The form as far as its times go, what else is missing has its own place; with the procedure that is chosen, which says what rules it. A text
/// that cannot be read yet may do the worst.
async fn timed(db: &mut PgConnection, form: &ProposalForm) -> Result<std::result::Result<Proposal, Vec<FieldError>>> {
    let Some(procedure) = store::own_procedures::shelf(db).await?.by_key(form.procedure.trim()) else {
        return Ok(form.for_times().parse(&Shelf::default()));
    };
    Ok(form.for_times().parse(&Shelf::default()).map(|proposal| {
        let change = change::of_form(&procedure, form);
        Proposal { change, procedure, ..proposal }
    }))
}

/// The databases whose hours a time does not keep to.
fn outside(targets: &[ProposalTarget], (start, end): (Timestamp, Timestamp)) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for target in targets {
        let zone = TimeZone::get(&target.zone).map_err(|_| Error::internal(format!("unknown zone {}", target.zone)))?;
        if !target.hours.cover(start, end, &zone) {
            found.push((target.plan.short_name.clone(), format!("{} ({})", target.hours, target.zone)));
        }
    }
    Ok(found)
}

/// The instants of a proposal on its database.
pub(super) fn times_of(
    proposal: &Proposal,
    target: &ProposalTarget,
    now: Timestamp,
) -> Result<std::result::Result<Times, Vec<FieldError>>> {
    let zone = TimeZone::get(&target.zone).map_err(|_| Error::internal(format!("unknown zone {}", target.zone)))?;
    Ok(proposal.times(&zone, &target.zone, tz_version(), now))
}

/// The form's time of day every `step_days` days, and which of those are free on all of these databases.
pub(super) async fn slots_like(
    db: &mut PgConnection,
    targets: &[ProposalTarget],
    form: &ProposalForm,
    step_days: i32,
    count: i32,
    except: Option<WindowId>,
) -> Result<Like> {
    let ids: Vec<TargetId> = targets.iter().map(|target| target.plan.id).collect();
    match (timed(db, form).await?, targets) {
        (Ok(proposal), [first, ..]) => slots::like(db, &ids, &first.zone, &proposal, (step_days, count), except).await,
        _ => Ok(Like { any: vec![], free: vec![] }),
    }
}

/// These times, with other hours where they are none or busy.
pub(super) async fn other_hours(
    db: &mut PgConnection,
    targets: &[ProposalTarget],
    form: &ProposalForm,
    (same, except): (Vec<Slot>, Option<WindowId>),
) -> Result<Free> {
    let ids: Vec<TargetId> = targets.iter().map(|target| target.plan.id).collect();
    match (timed(db, form).await?, targets) {
        (Ok(proposal), [first, ..]) => slots::with_other_hours(db, &ids, &first.zone, &proposal, (same, except)).await,
        _ => Ok(Free { same, others: vec![] }),
    }
}
