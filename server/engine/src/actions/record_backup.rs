//! Records an outside backup of a database that an engineer vouches for.

use super::{Caller, scope};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::wake::{Wake, wake};
use crate::{clock, store, transaction};
use domain::decision::FormCheck;
use domain::fact::NewFact;
use domain::ids::TargetId;
use domain::people;
use domain::permission::Verb;
use domain::target::TargetState;
use jiff::Timestamp;

/// What was typed.
#[derive(Debug, Clone, Default, serde::Deserialize, serde::Serialize)]
pub struct Input {
    /// When the backup ended: RFC 3339, or `YYYY-MM-DDTHH:MM` in UTC.
    pub taken_at: String,
    /// Where it lies.
    pub location: String,
    /// How somebody made sure that it restores.
    pub verified_how: String,
}

/// Records the backup. Refused for people outside the owner team, for a retired database, for times in the future, and for records older than a year.
pub async fn record_backup(engine: &Engine, caller: &Caller, target: TargetId, input: &Input) -> Result<()> {
    let (loaded, permit) = scope::target(engine, caller, target, Verb::RecordBackup).await?;
    if loaded.state == TargetState::Retired {
        return Err(super::retire_target::retired());
    }
    let team = loaded.team;
    let (taken_at, location, verified_how) = check(input, engine.clock().now())?;
    let request = caller.request.clone();
    transaction::run(engine.pool(), "record_backup", move |db| {
        let (permit, request, location, verified_how) = (permit.clone(), request.clone(), location.clone(), verified_how.clone());
        Box::pin(async move {
            let by = permit.person().ok_or_else(|| Error::internal("a backup is recorded by a person"))?;
            let mut ledger = Ledger::open(db, &permit, &request);
            ledger
                .fact(
                    NewFact::done("backup.record", "target", target)
                        .of_team(team)
                        .with("taken_at", taken_at.to_string())
                        .with("location", location.clone())
                        .with("verified_how", verified_how.clone()),
                )
                .await?;
            store::backups::insert(ledger.db(), clock::new_id(), target, taken_at, &location, &verified_how, by).await?;
            Ok(())
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    Ok(())
}

fn check(input: &Input, now: Timestamp) -> Result<(Timestamp, String, String)> {
    let mut form = FormCheck::default();
    let typed = input.taken_at.trim();
    let taken_at = typed.parse::<Timestamp>().or_else(|_| format!("{typed}:00Z").parse()).or_else(|_| format!("{typed}Z").parse()).ok();
    match taken_at {
        None => form.refuse("taken_at", "Give date and time in UTC, such as 2026-11-20T02:15."),
        Some(at) if at > now => form.refuse("taken_at", "The backup would lie in the future. Check date and zone: the time is in UTC."),
        Some(at) if now.duration_since(at).as_hours() > 24 * 366 => {
            form.refuse("taken_at", "A backup older than a year helps nobody here. Record a newer one.");
        }
        Some(_) => {}
    }
    let location = form.take(people::text("location", &input.location, 1, 500));
    let verified_how = form.take(people::text("verified_how", &input.verified_how, 1, 2000));
    Ok(form.finish(taken_at.zip(location).zip(verified_how).map(|((at, location), how)| (at, location, how)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a time");
        let Err(Error::Invalid(errors)) = check(&Input { taken_at: "2026-11-21T00:00".into(), ..Input::default() }, now) else {
            panic!("accepted")
        };
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["taken_at", "location", "verified_how"]);
    }

    #[test]
    fn the_browsers_form_of_a_time_is_understood() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a time");
        let input = Input { taken_at: "2026-11-20T02:15".into(), location: "s3://b/x".into(), verified_how: "restored on Monday".into() };
        assert_eq!(check(&input, now).expect("good").0.to_string(), "2026-11-20T02:15:00Z");
    }
}
