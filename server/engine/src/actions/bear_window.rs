//! Proposes the window of one date of a series, as its author would: exactly once, never for the past, never against a rule that a person
//! would have to keep.

use super::propose_window::Proposed;
use super::{covered, new_window, seal_revision};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::series::Series;
use crate::store::window_forms;
use crate::wake::{Wake, wake};
use crate::{store, transaction};
use domain::decision::Refusal;
use domain::fact::NewFact;
use domain::ids::SeriesId;
use domain::permission::{Actor, Permit, Verb, holds};
use domain::series::{OtherStanding, Standing};
use jiff::civil::Date;
use sqlx::PgConnection;

/// Proposes it; `None` when somebody did already, left the date out, or ended the series.
///
/// # Errors
/// Whatever a proposal by a person is refused for; a start that has passed; nobody who could still decide in time.
pub async fn bear_window(engine: &Engine, id: SeriesId, day: Date) -> Result<Option<Proposed>> {
    let engine_of_work = engine.clone();
    let born = transaction::run(engine.pool(), "bear_window", move |db| {
        let engine = engine_of_work.clone();
        Box::pin(async move {
            let Some(of) = store::series::lock(db, id).await?.filter(|of| of.ended.is_none()) else { return Ok(None) };
            if store::series_dates::born(db, id, day).await?.is_some() {
                return Ok(None);
            }
            if let Some(why) = store::runs::clock_frozen(db).await? {
                return Err(clock_frozen(&why));
            }
            let Some(date) = of.schedule.on(&of.zone()?, day).filter(|date| !date.is_skipped()) else { return Ok(None) };
            let now = window_forms::now(db).await?;
            if date.placed.start <= now {
                return Err(Refusal::new("passed", "Its start has passed.", "Propose a window for another time by hand.").into());
            }
            let author = author(db, &of).await?;
            // Somebody may have saved it anew since the look: with a shorter lead the date is not due yet.
            if !of.schedule.due(&of.zone()?, of.lead_days, now, now).contains(&date) {
                return Ok(None);
            }
            let form = date.form(&of.form_today().proposal);
            let draft = seal_revision::read(&engine, db, &author, &form, seal_revision::Found::Look(None)).await?;
            // A freeze that is made at this moment waits, and tells this window's owner.
            store::freezes::hold_off(db).await?;
            draft.check(db, None).await?;
            let writers = store::series_dates::writers(db, id, day).await?;
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, "series");
            let born = new_window::propose(&mut ledger, &draft, of.author, &writers, Some(id)).await?;
            if born.sealed.decide_by <= now {
                return Err(too_late(born.sealed.decide_by));
            }
            let window = &born.window;
            let found = covered::look(ledger.db(), &of, &born.sealed, now).await?;
            store::series_dates::insert_birth(ledger.db(), &of, day, window.id, date.placed.start, found.alone()).await?;
            store::series_dates::unstick(ledger.db(), id, day).await?;
            let fact = NewFact::done("series.bear", "series", id)
                .of_team(of.team)
                .of_window(window.id)
                .with("day", day.to_string())
                .with("start", date.placed.start.to_string());
            let fact = match found.alone() {
                Some(why) => fact.with("asks_by_itself", why),
                None => fact,
            };
            ledger.fact(fact).await?;
            let asked = covered::ask(&mut ledger, window, &born.sealed.plan, &found, born.fact).await?;
            Ok(Some(Proposed { id: window.id, number: window.number, asked, approved: born.sealed.plan.is_pre_approved() }))
        })
    })
    .await?;
    if born.is_some() {
        wake(engine.pool(), &[Wake::Notifier, Wake::Sealer]).await;
    }
    Ok(born)
}

/// Code of the refusal while nobody can say what time it is.
pub(crate) const CLOCK_FROZEN: &str = "clock";

fn clock_frozen(why: &str) -> Error {
    let way_out = "An administrator finds out why and acknowledges it on the settings page.";
    Refusal::new(CLOCK_FROZEN, format!("Nothing is proposed: {why}"), way_out).into()
}

fn too_late(decide_by: jiff::Timestamp) -> Error {
    Refusal::new(
        "too_late",
        format!("Nobody could decide in time any more: the policy wants the decision by {}.", decide_by.strftime("%Y-%m-%d %H:%M UTC")),
        "Give the series a longer lead time, or propose a window for another time by hand.",
    )
    .into()
}

/// The person who proposes, with today's rights; refused when something keeps the whole series.
pub(super) async fn author(db: &mut PgConnection, of: &Series) -> Result<Actor> {
    let author = store::people::actor(db, of.author, false).await?;
    match (standing(of, author.as_ref()).trouble(), author) {
        (None, Some(author)) => Ok(author),
        (Some(trouble), _) => Err(Refusal::new(&trouble.code, trouble.message, "").into()),
        (None, None) => Err(Error::internal("an author without an account may propose nothing")),
    }
}

/// How a series stands today.
pub(crate) fn standing(of: &Series, author: Option<&Actor>) -> Standing {
    Standing {
        author: of.author_name.clone(),
        author_may_propose: author.is_some_and(|author| holds(author, Verb::ProposeWindow, Some(of.team))),
        database_state: of.database_state.clone(),
        same_team: of.database_team == of.team,
        zone: of.zone.clone(),
        database_zone: of.database_zone.clone(),
        others: of
            .others
            .iter()
            .map(|other| OtherStanding { name: other.short_name.clone(), state: other.state.clone(), same_team: other.team == of.team })
            .collect(),
    }
}
