//! Puts the next dates of a series together, to be approved by one vote a person.

use super::bear_window::author;
use super::seal_revision::{self, Found, Identity};
use super::{Caller, audience, series};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, NewSeriesDigest};
use crate::store::series::Series;
use crate::store::{series_digests, window_forms};
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::{PersonId, SeriesId, WindowId};
use domain::permission::Actor;
use domain::plan::Plan;
use domain::series::Occurrence;
use domain::series::digest::{DigestError, MOST_DAYS, SeriesDigest};
use domain::series::together::{MOST_DATES, Stands};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// How many.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Input {
    /// How many of the next dates.
    pub dates: String,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Together {
    /// How many dates.
    pub dates: usize,
    /// How many people are asked by mail.
    pub asked: usize,
    /// Dates that cannot be planned now, with the reason: they ask by themselves.
    pub left_out: Vec<(Date, String)>,
}

/// Puts them together, as they would be proposed now. What was put together before covers nothing that is proposed from now on.
///
/// # Errors
/// No right in its team; no date within 35 days that has no window yet; what keeps the whole series; a policy that asks nobody; the same as is
/// asked about already.
pub async fn ask_series(engine: &Engine, caller: &Caller, id: SeriesId, input: &Input) -> Result<Together> {
    let (wanted, engine_of_work, caller) = (wanted(&input.dates)?, engine.clone(), caller.clone());
    let together = transaction::run(engine.pool(), "ask_series", move |db| {
        let (engine, caller) = (engine_of_work.clone(), caller.clone());
        Box::pin(async move {
            let (of, permit, by) = series::lock(db, &caller, id).await?;
            let author = author(db, &of).await?;
            let now = window_forms::now(db).await?;
            // A freeze that is made at this moment waits.
            store::freezes::hold_off(db).await?;
            let (mut plans, mut left_out): (Vec<(Date, Plan)>, _) = (Vec::new(), Vec::new());
            for date in ahead(db, &of, now, wanted).await? {
                match planned(&engine, db, &of, &author, &date).await {
                    Ok(plan) if plans.first().is_some_and(|(_, first)| SeriesDigest::alike(first, &plan) != Ok(true)) => {
                        left_out.push((date.day, "Its plan differs from that of the first date.".to_owned()));
                    }
                    Ok(plan) => plans.push((date.day, plan)),
                    Err(error) => left_out.push((date.day, said(error)?)),
                }
            }
            let digest =
                SeriesDigest::assemble(id, of.revision, of.schedule.text(&of.zone), &plans).map_err(|error| refused(&error, &left_out))?;
            if plans.iter().any(|(_, plan)| plan.is_pre_approved()) {
                return Err(Refusal::new("pre_approved", "The policy approves these windows beforehand: nobody is asked.", "").into());
            }
            let (bytes, sealed) = digest.seal()?;
            asked_before(db, &of, sealed, now).await?;
            let starts = || digest.dates.iter().map(|date| date.times.start);
            let starts = starts().min().zip(starts().max()).ok_or_else(|| Error::internal("a digest has dates"))?;
            let mut ledger = Ledger::open(db, &permit, &caller.request);
            let fact = NewFact::done("series.ask", "series", id)
                .of_team(of.team)
                .with("revision", of.revision)
                .with("digest", sealed.hex())
                .with("dates", digest.dates.iter().map(|date| date.times.start.to_string()).collect::<Vec<_>>());
            let fact = ledger.fact(fact).await?;
            ledger
                .ask_series(&NewSeriesDigest { series: id, team: of.team, revision: of.revision, digest: sealed, bytes, starts, by })
                .await?;
            let mut asked: BTreeSet<PersonId> = plans.iter().flat_map(|(_, plan)| plan.first_asked()).collect();
            asked.remove(&by);
            let starts: Vec<Timestamp> = digest.dates.iter().map(|date| date.times.start).collect();
            let asked = audience::ask_together(&mut ledger, &of, &caller.actor.name, &starts, asked, fact).await?;
            Ok(Together { dates: starts.len(), asked, left_out })
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    Ok(together)
}

fn wanted(typed: &str) -> Result<usize> {
    let most = MOST_DATES;
    typed
        .trim()
        .parse()
        .ok()
        .filter(|wanted| (1..=most).contains(wanted))
        .ok_or_else(|| Error::field("dates", format!("Give a whole number of dates from 1 to {most}.")))
}

/// The next dates that have no window, are not left out, and start within the days that people may decide on.
async fn ahead(db: &mut PgConnection, of: &Series, now: Timestamp, wanted: usize) -> Result<Vec<Occurrence>> {
    let zone = of.zone()?;
    let born =
        store::series_dates::born_from(db, of.id, now.to_zoned(zone.clone()).date().saturating_sub(jiff::Span::new().days(40))).await?;
    let until = now + SignedDuration::from_hours(24 * MOST_DAYS);
    let dates = of.schedule.next(&zone, now, MOST_DATES + of.schedule.changes.len() + born.len());
    let open = |date: &Occurrence| !date.is_skipped() && !born.contains(&date.day) && date.placed.start <= until;
    Ok(dates.into_iter().filter(open).take(wanted).collect())
}

/// The plan that would be sealed for this date now.
async fn planned(engine: &Engine, db: &mut PgConnection, of: &Series, author: &Actor, date: &Occurrence) -> Result<Plan> {
    let form = date.form(&of.form_today().proposal);
    let mut draft = seal_revision::read(engine, db, author, &form, Found::Look(None)).await?;
    // Nobody chooses another time here, and a freeze that is made meanwhile waits.
    draft.offers = false;
    draft.check(db, None).await?;
    let mut writers = store::series_dates::writers(db, of.id, date.day).await?;
    writers.insert(of.author);
    let nobody = Identity { window: WindowId(Uuid::nil()), number: 0, revision: 1 };
    Ok(draft.seal(db, nobody, of.author, &writers, None).await?.plan)
}

/// Why a date is left out; what is no question of the date stays an error.
fn said(error: Error) -> Result<String> {
    match error {
        Error::Refused(refusal) => Ok(format!("{} {}", refusal.message, refusal.way_out).trim().to_owned()),
        Error::Invalid(fields) => Ok(fields.into_iter().map(|field| field.message).collect::<Vec<_>>().join(" ")),
        other => Err(other),
    }
}

fn refused(error: &DigestError, left_out: &[(Date, String)]) -> Error {
    let message = match (error, left_out.first()) {
        (DigestError::NoDate, Some((day, why))) => format!("None of its dates can be planned now. {}: {why}", day.strftime("%a %-d %b")),
        (DigestError::NoDate, None) => format!("It has no date without a window within the next {MOST_DAYS} days."),
        (DigestError::Bytes(_) | DigestError::Unreadable(_), _) => return Error::internal(error),
        _ => format!("These dates cannot be approved together: {error}."),
    };
    Refusal::new("no_dates", message, "Windows that were proposed already ask by themselves; the others will, when they are proposed.")
        .into()
}

/// Asking the same again would throw away the votes on it.
async fn asked_before(db: &mut PgConnection, of: &Series, sealed: domain::canonical::Digest, now: Timestamp) -> Result<()> {
    let Some(known) = series_digests::newest(db, of.id).await? else { return Ok(()) };
    let stands = Stands::of((known.revision, of.revision), of.ended.is_some(), known.last_start, now);
    if stands != Stands::Now || known.digest != sealed {
        return Ok(());
    }
    let message = format!("{} asked for exactly these dates on {}.", known.asked_by_name, known.asked_at.strftime("%Y-%m-%d %H:%M UTC"));
    Err(Refusal::new("asked_already", message, "The page of the series says who has approved them.").into())
}
