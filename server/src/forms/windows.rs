//! Windows: look, propose, edit, vote, start, call off.

use super::{At, Done, TypedForm};
use axum::response::Response;
use domain::ids::ExaminationId;
use domain::procedure::text::plural;
use domain::proposal::ProposalForm;
use domain::window::WindowState;
use engine::actions::amend_window::amend_window;
use engine::actions::call_off_window::{self, call_off_window};
use engine::actions::cancel_many::{self, cancel_many};
use engine::actions::cast_vote::{self, cast_vote};
use engine::actions::hold_window::{self, hold_window};
use engine::actions::move_window::{self, move_window};
use engine::actions::open_run::{self, start_now};
use engine::actions::preview_proposal::preview_proposal;
use engine::actions::propose_window::propose_window;
use engine::actions::stop_window::{self, Stopped, stop_window};
use engine::actions::withdraw_vote::withdraw_vote;
use engine::actions::write_issues_met::{self, write_issues_met};
use engine::queries::windows;
use serde::Deserialize;

/// What a proposal's forms send besides the proposal itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Around {
    look: String,
    revision: i32,
    again: String,
}

impl TypedForm<Around> {
    /// The proposal among the fields.
    fn proposal(&self) -> ProposalForm {
        ProposalForm::from_fields(self.fields().iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
    /// Whether the page shall only show what belongs to what is chosen.
    fn again(&self) -> bool {
        !self.input.again.is_empty()
    }
    /// The look it was sealed after, if there was one.
    fn look(&self) -> Option<ExaminationId> {
        self.input.look.parse().ok()
    }
}

fn page(number: i64, say: impl Into<String>) -> Done {
    Done::to(format!("/windows/{number}"), say)
}

/// Asks a worker what a new window would do.
pub async fn look(form: TypedForm<Around>) -> Response {
    if form.again() {
        return form.looked_at().await;
    }
    let done = preview_proposal(&form.engine, &form.caller, &form.proposal(), None).await;
    form.answer(done, |look| Done::to(format!("/windows/new?look={look}"), "")).await
}

/// Seals and proposes.
pub async fn propose(form: TypedForm<Around>) -> Response {
    let done = propose_window(&form.engine, &form.caller, &form.proposal(), form.look()).await;
    form.answer(done, |new| {
        let asked = plural(u64::try_from(new.asked).unwrap_or(u64::MAX), "person was", "people were");
        let said = if new.approved {
            "Proposed, and approved beforehand by its policy: nobody was asked.".to_owned()
        } else {
            format!("Proposed. {asked} asked for their decision.")
        };
        page(new.number, said)
    })
    .await
}

/// Asks a worker what a new revision would do.
pub async fn look_again(At(number): At<i64>, form: TypedForm<Around>) -> Response {
    if form.again() {
        return form.looked_at().await;
    }
    let done = preview_proposal(&form.engine, &form.caller, &form.proposal(), Some(number)).await;
    let revision = form.input.revision;
    form.answer(done, |look| Done::to(format!("/windows/{number}/edit?look={look}&revision={revision}"), "")).await
}

/// Seals a new revision.
pub async fn amend(At(number): At<i64>, form: TypedForm<Around>) -> Response {
    let done = amend_window(&form.engine, &form.caller, number, form.input.revision, &form.proposal(), form.look()).await;
    form.answer(done, |revision| page(number, format!("Sealed as revision {revision}. All votes are asked for anew."))).await
}

/// Changes the times, and nothing else.
pub async fn reschedule(At(number): At<i64>, form: TypedForm<move_window::Input>) -> Response {
    let done = move_window(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |revision| page(number, format!("Moved: sealed as revision {revision}. All votes are asked for anew."))).await
}

/// Whoever decides on the page that shows nothing else stays there: the window's own page may not be theirs to see.
fn from<T>(form: &TypedForm<T>, number: i64) -> String {
    let decide = format!("/windows/{number}/decide");
    if form.page() == decide { decide } else { format!("/windows/{number}") }
}

/// Decides.
pub async fn vote(At(number): At<i64>, form: TypedForm<cast_vote::Input>) -> Response {
    let done = cast_vote(&form.engine, &form.caller, number, &form.input).await;
    let to = from(&form, number);
    form.answer(done, |outcome| Done::to(to, outcome.message)).await
}

/// Takes the own vote back.
pub async fn take_back(At(number): At<i64>, form: TypedForm<Around>) -> Response {
    let done = withdraw_vote(&form.engine, &form.caller, number).await;
    let mut to = from(&form, number);
    // Whoever is not asked any more saw the page for the sake of that vote alone.
    if to.ends_with("/decide") && done.is_ok() && windows::decide(&form.engine, &form.caller.actor, number).await.is_err() {
        to = "/".into();
    }
    form.answer(done, |state| Done::to(to, taken_back(state))).await
}

fn taken_back(state: WindowState) -> &'static str {
    if state == WindowState::Approved { "Your vote was taken back; the others still suffice." } else { "Your vote was taken back." }
}

/// Starts now.
pub async fn start(At(number): At<i64>, form: TypedForm<open_run::Input>) -> Response {
    let done = start_now(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |run| Done::to(format!("/runs/{run}"), "Opened. A worker takes it within seconds.")).await
}

/// Asks every run of the window to hold after its current item.
pub async fn hold(At(number): At<i64>, form: TypedForm<hold_window::Input>) -> Response {
    let done = hold_window(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |asked| page(number, format!("Asked {} to hold. What runs now ends first.", runs(asked)))).await
}

/// Asks every run of the window to stop.
pub async fn stop(At(number): At<i64>, form: TypedForm<stop_window::Input>) -> Response {
    let done = stop_window(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |stopped| page(number, said(stopped))).await
}

fn said(Stopped { asked, not_started }: Stopped) -> String {
    let stops = format!("Asked {} to stop. Each run's page says what has really stopped.", runs(asked));
    let left = plural(u64::try_from(not_started).unwrap_or(u64::MAX), "database", "databases");
    match (asked, not_started) {
        (_, 0) => stops,
        (0, _) => format!("Nothing runs any more, and no further wave begins: {left} not started."),
        _ => format!("{stops} No further wave begins: {left} not started."),
    }
}

fn runs(asked: usize) -> String {
    plural(u64::try_from(asked).unwrap_or(u64::MAX), "run", "runs")
}

/// Withdraws or cancels.
pub async fn call_off(At(number): At<i64>, form: TypedForm<call_off_window::Input>) -> Response {
    let done = call_off_window(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |state| page(number, format!("{}. Everybody concerned is told.", state.label()))).await
}

/// A reason and a number.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Several {
    reason: String,
    confirm: String,
}

/// Calls several off at once.
pub async fn cancel_several(form: TypedForm<Several>) -> Response {
    let windows = form.fields().iter().filter(|(name, _)| name == "window").map(|(_, value)| value.clone()).collect();
    let input = cancel_many::Input { windows, reason: form.input.reason.clone(), confirm: form.input.confirm.clone() };
    let done = cancel_many(&form.engine, &form.caller, &input).await;
    form.answer(done, |batch| Done::to(format!("/windows/cancel?batch={batch}"), "")).await
}

/// Writes what went wrong.
pub async fn issues_met(At(number): At<i64>, form: TypedForm<write_issues_met::Input>) -> Response {
    let done = write_issues_met(&form.engine, &form.caller, number, &form.input).await;
    form.answer(done, |()| page(number, "Written down. It stays with the window and in the trail.")).await
}
