//! Series: make, change, and what is done to single dates.

use super::{At, Done, TypedForm};
use axum::response::Response;
use domain::ids::SeriesId;
use domain::procedure::text::plural;
use domain::series::form::SeriesForm;
use engine::actions::approve_series::{self, approve_series};
use engine::actions::ask_series::{self, Together, ask_series};
use engine::actions::edit_series::edit_series;
use engine::actions::end_series::{self, end_series};
use engine::actions::make_series::{Step, make_series};
use engine::actions::move_date::{self, move_date};
use engine::actions::restore_date::restore_date;
use engine::actions::skip_date::{self, skip_date};
use engine::actions::withdraw_series_vote::withdraw_series_vote;
use serde::Deserialize;

/// What the form of a series sends besides the series itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Around {
    seen: String,
    revision: i32,
    again: String,
}

impl TypedForm<Around> {
    fn series(&self) -> SeriesForm {
        SeriesForm::from_fields(self.fields().iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
    /// Whether the page shall only show what belongs to what is chosen.
    fn again(&self) -> bool {
        !self.input.again.is_empty()
    }
    /// On to the series once it is saved; before that back to the form, which shows its dates.
    async fn stepped(self, step: engine::Result<Step>, said: &str) -> Response {
        let saved = match step {
            Ok(Step::Look) => return self.looked_at().await,
            Ok(Step::Saved(id)) => Ok(id),
            Err(error) => Err(error),
        };
        self.answer(saved, |id| page(id, said)).await
    }
}

fn page(id: SeriesId, say: impl Into<String>) -> Done {
    Done::to(format!("/series/{id}"), say)
}

/// Shows the dates, then makes it.
pub async fn make(form: TypedForm<Around>) -> Response {
    if form.again() {
        return form.looked_at().await;
    }
    let step = make_series(&form.engine, &form.caller, &form.series(), &form.input.seen).await;
    form.stepped(step, "Saved. Each of its windows is proposed some days before its start.").await
}

/// Shows the dates, then saves it anew.
pub async fn edit(At(id): At<SeriesId>, form: TypedForm<Around>) -> Response {
    if form.again() {
        return form.looked_at().await;
    }
    let step = edit_series(&form.engine, &form.caller, id, form.input.revision, &form.series(), &form.input.seen).await;
    form.stepped(step, "Saved, for the dates that have no window yet. You answer for it from now on.").await
}

/// Leaves a date out.
pub async fn skip(At(id): At<SeriesId>, form: TypedForm<skip_date::Input>) -> Response {
    let done = skip_date(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |day| page(id, format!("{} is left out.", day.strftime("%a %-d %b %Y")))).await
}

/// Moves a date.
pub async fn move_to(At(id): At<SeriesId>, form: TypedForm<move_date::Input>) -> Response {
    let done = move_date(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |to| {
        let note = to.said().map(|said| format!(" {said}")).unwrap_or_default();
        page(id, format!("Moved to {}.{note}", to.local.strftime("%a %-d %b %Y, %H:%M")))
    })
    .await
}

/// Puts a date back to where the rule has it.
pub async fn restore(At(id): At<SeriesId>, form: TypedForm<skip_date::Input>) -> Response {
    let done = restore_date(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |day| page(id, format!("{} is back where the rule has it.", day.strftime("%a %-d %b %Y")))).await
}

/// Ends it.
pub async fn end(At(id): At<SeriesId>, form: TypedForm<end_series::Input>) -> Response {
    let done = end_series(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |()| page(id, "Ended: it proposes nothing any more.")).await
}

/// Puts its next dates together, to be approved at once.
pub async fn ask(At(id): At<SeriesId>, form: TypedForm<ask_series::Input>) -> Response {
    let done = ask_series(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |together| Done::to(format!("/series/{id}/approval"), asked(&together))).await
}

fn asked(together: &Together) -> String {
    let dates = plural(u64::try_from(together.dates).unwrap_or(0), "date is", "dates are");
    let left: Vec<String> =
        together.left_out.iter().map(|(day, why)| format!(" {} is left out: {why}", day.strftime("%a %-d %b"))).collect();
    let asked = plural(u64::try_from(together.asked).unwrap_or(0), "person is", "people are");
    format!("{dates} put together. {asked} asked by mail, to sign in and approve.{}", left.concat())
}

/// Approves the dates that were put together.
pub async fn approve(At(id): At<SeriesId>, form: TypedForm<approve_series::Input>) -> Response {
    let done = approve_series(&form.engine, &form.caller, id, &form.input).await;
    form.answer(done, |now| Done::to(format!("/series/{id}/approval"), followed("Your approval was recorded.", "Approved now", &now))).await
}

/// Takes the caller's approval of its dates back.
pub async fn take_back(At(id): At<SeriesId>, form: TypedForm<Around>) -> Response {
    let done = withdraw_series_vote(&form.engine, &form.caller, id).await;
    form.answer(done, |lost| {
        Done::to(format!("/series/{id}/approval"), followed("Your approval was taken back.", "Waiting for approval again", &lost))
    })
    .await
}

/// What it led to for windows that are there.
fn followed(said: &str, what: &str, numbers: &[i64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(|number| format!("#{number}")).collect();
    if numbers.is_empty() { said.to_owned() } else { format!("{said} {what}: {}.", numbers.join(", ")) }
}
