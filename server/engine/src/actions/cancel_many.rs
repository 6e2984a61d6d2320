//! Calls many windows off, one transaction each: what moved on meanwhile is left and said, the others are done all the same.

use super::Caller;
use super::end_window::{Seen, cancel_seen};
use crate::clock;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::decision::FormCheck;
use domain::fact::NewFact;
use domain::people;
use domain::permission::{Permit, Verb, authorize};
use domain::view::windows::many::{MOST_AT_ONCE, Outcome, chosen};
use serde_json::{Value, json};
use uuid::Uuid;

/// What was typed.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The boxes that were ticked: `number:revision`.
    pub windows: Vec<String>,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
    /// How many windows, typed as confirmation.
    pub confirm: String,
}

/// Calls them off and gives the batch under which what came of each is kept.
///
/// Refused: nothing chosen, too many, another number typed, a missing reason. A window that the caller may not call off, or that moved on,
/// is no error: it is left, and the outcome says so.
pub async fn cancel_many(engine: &Engine, caller: &Caller, input: &Input) -> Result<Uuid> {
    let may = caller.actor.teams.iter().find_map(|member| authorize(&caller.actor, Verb::CancelWindow, Some(member.team)).ok());
    let permit = match may {
        Some(permit) => permit,
        None => authorize(&caller.actor, Verb::CancelWindow, None)?,
    };
    let (windows, reason) = check(input)?;
    let batch: Uuid = clock::new_id();
    let mut outcomes = Vec::with_capacity(windows.len());
    for (number, revision) in windows {
        let done = cancel_seen(engine, caller, number, &reason, Some(Seen { revision, batch })).await;
        outcomes.push(outcome(number, done)?);
    }
    record(engine, caller, permit, batch, &reason, &outcomes).await?;
    Ok(batch)
}

fn check(input: &Input) -> Result<(Vec<(i64, i32)>, String)> {
    let mut form = FormCheck::default();
    let mut windows: Vec<(i64, i32)> = input.windows.iter().filter_map(|value| chosen(value)).collect();
    windows.dedup();
    if windows.is_empty() {
        form.refuse("window", "Choose at least one window.");
    } else if windows.len() > MOST_AT_ONCE {
        form.refuse("window", format!("At most {MOST_AT_ONCE} windows at once; these are {}. Narrow the list.", windows.len()));
    }
    let reason = form.take(people::text("reason", &input.reason, 1, 2000));
    if input.confirm.trim() != windows.len().to_string() {
        form.refuse("confirm", format!("Type how many windows are chosen to confirm: {}.", windows.len()));
    }
    Ok(form.finish(reason.map(|reason| (windows, reason)))?)
}

/// Only a broken database ends it early; what was done by then stands in the trail window by window.
fn outcome(number: i64, done: Result<domain::window::WindowState>) -> Result<Outcome> {
    let left = |said: String| Outcome { number, done: false, said };
    Ok(match done {
        Ok(state) => Outcome { number, done: true, said: state.label().to_owned() },
        Err(Error::Refused(refusal)) => left(refusal.to_string()),
        Err(Error::NotFound | Error::Hidden) => left("There is no such window, or not for you.".to_owned()),
        Err(error @ Error::Database(_)) => return Err(error),
        Err(error) => {
            tracing::error!(window = number, %error, "a window of a batch was not called off");
            left("Something broke, and it was not called off. Try it on its own page.".to_owned())
        }
    })
}

/// One fact for all of them: the page of outcomes reads it, and an auditor sees that it was one act.
async fn record(engine: &Engine, caller: &Caller, permit: Permit, batch: Uuid, reason: &str, outcomes: &[Outcome]) -> Result<()> {
    let list: Vec<Value> = outcomes.iter().map(|one| json!({ "number": one.number, "done": one.done, "said": one.said })).collect();
    let (request, reason) = (caller.request.clone(), reason.to_owned());
    transaction::run(engine.pool(), "record_cancel_many", move |db| {
        let (permit, request, reason, list) = (permit.clone(), request.clone(), reason.clone(), list.clone());
        Box::pin(async move {
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger.fact(NewFact::done("windows.cancel", "batch", batch).with("reason", reason).with("windows", list)).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_and_the_number_is_that_of_the_windows() {
        let Err(Error::Invalid(errors)) = check(&Input::default()) else { panic!("accepted") };
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["window", "reason", "confirm"]);
        let input = Input { windows: vec!["7:1".into(), "9:2".into(), "x".into()], reason: "release".into(), confirm: " 2 ".into() };
        assert_eq!(check(&input).expect("good").0, [(7, 1), (9, 2)]);
        let many = Input { windows: (0..101).map(|n| format!("{n}:1")).collect(), reason: "x".into(), confirm: "101".into() };
        assert!(matches!(check(&many), Err(Error::Invalid(errors)) if errors.len() == 1 && errors[0].message.contains("At most 100")));
    }
}
