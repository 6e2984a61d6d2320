//! Series: the list, the form with its dates, and one series with what became of its dates.

use super::proposals::{approvers_of_all, database, overlaps, proposable, with_others};
use super::{holding, scope, series_together, visible_teams};
use crate::actions::series_over as over;
use crate::change;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::series::{self, Series};
use crate::store::windows::ProposalTarget;
use crate::store::{own_procedures, series_pages, window_forms};
use crate::transaction;
use domain::ids::SeriesId;
use domain::permission::{Actor, Verb, authorize, holds};
use domain::procedure::Shelf;
use domain::series::Occurrence;
use domain::series::form::SeriesForm;
use domain::view::series::{DateCard, DateLine, Dates, EditOf, FormPage, ListPage, SeriesRow, SeriesState, ShowPage, ShownDate};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Series on one page.
const PAGE: i64 = 30;
/// Dates shown ahead.
const AHEAD: usize = 5;
/// Windows and troubles shown of one series.
const MOST: i64 = 20;

/// Series of the teams whose work the reader sees.
pub async fn list(engine: &Engine, actor: &Actor, before: Option<SeriesId>) -> Result<ListPage> {
    authorize(actor, Verb::SeeOwn, None)?;
    let actor = actor.clone();
    transaction::read(engine.pool(), "series_list", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let teams: Option<Vec<Uuid>> = visible_teams(&actor).map(|teams| teams.into_iter().map(|team| team.0).collect());
            let mut ids = series_pages::ids(db, teams.as_deref(), before, PAGE + 1).await?;
            let more = i64::try_from(ids.len()).is_ok_and(|found| found > PAGE);
            ids.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
            let (stuck, now) = (series_pages::with_stuck(db, &ids).await?, window_forms::now(db).await?);
            let rows = series::many(db, &ids).await?.into_iter().map(|of| row(&of, stuck.contains(&of.id), now)).collect::<Result<_>>()?;
            Ok(ListPage { rows, older: ids.last().copied().filter(|_| more), may_make: !holding(&actor, Verb::ProposeWindow).is_empty() })
        })
    })
    .await
}

fn row(of: &Series, stuck: bool, now: Timestamp) -> Result<SeriesRow> {
    let next = next_of(of, now)?.map(|date| date.placed.start);
    Ok(SeriesRow {
        id: of.id,
        title: of.title.clone(),
        words: of.schedule.rule.words(of.schedule.start),
        database: of.databases(),
        environment: of.environment.clone(),
        team: of.team_name.clone(),
        author: of.author_name.clone(),
        state: state(of, stuck, next.is_some()),
        next: next.filter(|_| of.ended.is_none()),
    })
}

fn state(of: &Series, stuck: bool, to_come: bool) -> SeriesState {
    match (of.ended.is_some(), of.trouble.is_some() || stuck, to_come) {
        (true, ..) => SeriesState::Ended,
        (_, true, _) => SeriesState::NeedsAttention,
        (.., true) => SeriesState::Active,
        _ => SeriesState::Over,
    }
}

/// The next date that is not left out.
fn next_of(of: &Series, now: Timestamp) -> Result<Option<Occurrence>> {
    let dates = of.schedule.next(&of.zone()?, now, 1 + of.schedule.changes.len());
    Ok(dates.into_iter().find(|date| !date.is_skipped()))
}

/// The form of a new series on a database; with its dates, once what was typed can be read.
pub async fn new_form(engine: &Engine, actor: &Actor, name: &str, typed: Option<SeriesForm>) -> Result<FormPage> {
    let (actor, name) = (actor.clone(), name.to_owned());
    transaction::read(engine.pool(), "series_form", move |db| {
        let (actor, name, typed) = (actor.clone(), name.clone(), typed.clone());
        Box::pin(async move {
            let target = proposable(db, &actor, &name).await?;
            let mut form = SeriesForm::blank();
            form.proposal.target.clone_from(&target.plan.short_name);
            form_page(db, &actor, &target, form, typed, None).await
        })
    })
    .await
}

/// The form that changes a series.
pub async fn edit_form(engine: &Engine, actor: &Actor, id: SeriesId, typed: Option<SeriesForm>) -> Result<FormPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "series_edit", move |db| {
        let (actor, typed) = (actor.clone(), typed.clone());
        Box::pin(async move {
            let of = of_reader(db, &actor, id).await?;
            authorize(&actor, Verb::ProposeWindow, Some(of.team))?;
            if of.ended.is_some() {
                return Err(over().into());
            }
            let target = proposable(db, &actor, &of.database).await?;
            let form = of.form_today();
            form_page(db, &actor, &target, form, typed, Some(&of)).await
        })
    })
    .await
}

async fn form_page(
    db: &mut PgConnection,
    actor: &Actor,
    target: &ProposalTarget,
    form: SeriesForm,
    typed: Option<SeriesForm>,
    edits: Option<&Series>,
) -> Result<FormPage> {
    let now = window_forms::now(db).await?;
    // Who is asked follows from what is chosen now, not from what is saved.
    let template = typed.as_ref().map_or_else(|| form.proposal.clone(), |typed| typed.proposal.clone());
    let shelf = own_procedures::shelf(db).await?;
    let targets = with_others(db, actor, target.clone(), &template).await?;
    let dates = match typed {
        Some(typed) => dates(db, &targets, &typed, &shelf, edits, now).await?,
        None => None,
    };
    let chosen = form.proposal.waves.keys().cloned().collect();
    Ok(FormPage {
        database: database(target),
        candidates: window_forms::beside_in_team(db, target, &chosen).await?,
        approvers: approvers_of_all(db, actor, &targets, &template, None).await?,
        form,
        shelf,
        dates,
        edit: edits.map(|of| EditOf { id: of.id, title: of.title.clone(), revision: of.revision, author: of.author_name.clone() }),
        now,
    })
}

/// The next dates of what was typed, with who else takes the database then; `None` while something is wrong with it.
async fn dates(
    db: &mut PgConnection,
    targets: &[ProposalTarget],
    typed: &SeriesForm,
    shelf: &Shelf,
    edits: Option<&Series>,
    now: Timestamp,
) -> Result<Option<Dates>> {
    let (Ok(mut parsed), Some(target)) = (typed.parse(shelf, &change::read_typed), targets.first()) else { return Ok(None) };
    let zone = TimeZone::get(&target.zone).map_err(|_| Error::internal(format!("unknown zone {}", target.zone)))?;
    let seen = parsed.seen(&target.zone);
    if let Some(of) = edits {
        parsed.schedule.changes.clone_from(&of.schedule.changes);
    }
    let shown = parsed.schedule.next(&zone, now, AHEAD);
    let born: BTreeMap<Date, i64> = match (edits, days(&shown)) {
        (Some(of), Some(days)) => {
            let births = series_pages::births(db, of.id, Some(days), None).await?;
            births.into_iter().map(|birth| (birth.day, birth.number)).collect()
        }
        _ => BTreeMap::new(),
    };
    let mut lines = Vec::new();
    for date in shown {
        let end = date.placed.start + SignedDuration::from_mins(parsed.duration_min);
        let window = born.get(&date.day).copied();
        // Its own window is no stranger.
        let mut taken = None;
        for target in targets {
            let found = overlaps(db, target.plan.id, date.placed.start, end, None).await?;
            taken = found.into_iter().find(|other| Some(other.number) != window);
            if taken.is_some() {
                break;
            }
        }
        lines.push(ShownDate { date, window, taken: taken.map(|other| (other.number, other.title)) });
    }
    let lead = SignedDuration::from_hours(24 * parsed.lead_days);
    let at_once = lines.iter().any(|line| line.window.is_none() && !line.date.is_skipped() && line.date.placed.start - lead <= now);
    Ok(Some(Dates { words: parsed.schedule.rule.words(parsed.schedule.start), lines, at_once, lead_days: parsed.lead_days, seen }))
}

/// First and last day of what is shown.
fn days(shown: &[Occurrence]) -> Option<(Date, Date)> {
    let days = || shown.iter().map(|date| date.day);
    days().min().zip(days().max())
}

pub(super) async fn of_reader(db: &mut PgConnection, actor: &Actor, id: SeriesId) -> Result<Series> {
    let of = series::find(db, id).await?.ok_or(Error::NotFound)?;
    scope(actor, of.team)?;
    Ok(of)
}

/// One series; `chosen` is the date somebody wants to change.
pub async fn show(engine: &Engine, actor: &Actor, id: SeriesId, chosen: Option<Date>) -> Result<ShowPage> {
    let actor = actor.clone();
    transaction::read(engine.pool(), "series_page", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let of = of_reader(db, &actor, id).await?;
            let (now, zone) = (window_forms::now(db).await?, of.zone()?);
            let (births, stuck) =
                (series_pages::births(db, id, None, Some(MOST)).await?, series_pages::stuck(db, id, None, Some(MOST)).await?);
            let shown = if of.ended.is_some() { vec![] } else { of.schedule.next(&zone, now, AHEAD) };
            let (born_then, stuck_then) = match days(&shown) {
                Some(days) => (series_pages::births(db, id, Some(days), None).await?, series_pages::stuck(db, id, Some(days), None).await?),
                None => (vec![], vec![]),
            };
            let next: Vec<DateLine> = shown
                .into_iter()
                .map(|date| DateLine {
                    window: born_then.iter().find(|birth| birth.day == date.day).map(|birth| (birth.number, birth.state)),
                    stuck: stuck_then.iter().find(|stuck| stuck.day == date.day).map(|stuck| stuck.message.clone()),
                    proposed_at: date.placed.start - SignedDuration::from_hours(24 * of.lead_days),
                    date,
                })
                .collect();
            let may_change = of.ended.is_none() && holds(&actor, Verb::ProposeWindow, Some(of.team));
            let line = chosen.and_then(|day| next.iter().find(|line| line.date.day == day));
            let card = match line.filter(|line| may_change && line.window.is_none()) {
                Some(line) => Some(DateCard { date: line.date, changed: series_pages::changed(db, id, line.date.day).await? }),
                None => None,
            };
            let without = stuck.into_iter().filter(|stuck| next.iter().all(|line| line.date.day != stuck.day)).collect::<Vec<_>>();
            let recent = without.iter().any(|stuck| stuck.start > now - SignedDuration::from_hours(24 * 14));
            let together = series_together::card(db, &actor, &of, now).await?;
            let attention = recent || next.iter().any(|line| line.stuck.is_some());
            Ok(ShowPage {
                state: state(&of, attention, !next.is_empty()),
                words: of.schedule.rule.words(of.schedule.start),
                text: of.schedule.text(&of.zone),
                title: of.title,
                id,
                target: of.target,
                database: of.database,
                others: of.others.iter().map(|other| (other.target, other.short_name.clone(), other.environment.clone())).collect(),
                environment: of.environment,
                zone: of.zone,
                team: of.team_name,
                author: of.author_name,
                procedure: own_procedures::shelf(db).await?.name(&of.form.proposal.procedure),
                lines: of.form.proposal.lines().to_owned(),
                reason: of.form.proposal.reason.clone(),
                duration_min: of.form.proposal.duration_min.clone(),
                lead_days: of.lead_days,
                trouble: of.trouble.map(|(trouble, since)| (trouble.message, since)),
                ended: of.ended,
                next,
                card,
                without,
                births,
                together,
                may_change,
                now,
            })
        })
    })
    .await
}
