//! Server functions: only what islands ask. They read; forms write.
#![allow(clippy::too_many_arguments, reason = "an island sends what the fields hold, each by its name")]

use leptos::prelude::*;
use leptos::server;
use serde::{Deserialize, Serialize};

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Said {
    /// `good`, `warn` or `bad`.
    pub tone: String,
    /// A sentence.
    pub text: String,
}

impl Said {
    /// The class that colours it.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self.tone.as_str() {
            "bad" => "said bad",
            "warn" => "said warn",
            _ => "said good",
        }
    }
}

/// What the chosen time is in the reader's zone and in UTC, what is wrong with it, and which freezes and windows are there then.
#[server(endpoint = "check_times", prefix = "/api")]
pub async fn check_times(
    database: String,
    edits: Option<i64>,
    date: String,
    time: String,
    fold: String,
    duration_min: String,
    #[server(default)] latest_start_min: String,
    #[server(default)] procedure: String,
    #[server(default)] others: Vec<String>,
) -> Result<Vec<Said>, ServerFnError> {
    use crate::door;
    use domain::lanes::waves::WAVE_MAX;
    use domain::proposal::ProposalForm;
    let (engine, caller, zone) = (door::engine(), door::caller(), door::zone());
    // In which wave means nothing for the times.
    let waves = others.into_iter().enumerate().map(|(n, name)| (name, (n / WAVE_MAX + 2).to_string())).collect();
    let mut form = ProposalForm { target: database, date, time, fold, duration_min, waves, ..ProposalForm::blank() };
    // On pages without these fields, and while they are empty, a form's own beginning holds.
    for (field, typed) in [(&mut form.latest_start_min, latest_start_min), (&mut form.procedure, procedure)] {
        if !typed.trim().is_empty() {
            *field = typed;
        }
    }
    let visit = door::visit();
    let found = async { engine::queries::proposals::check_times(&engine, &caller?.actor, &form, edits).await }.await;
    if let Err(error) = &found {
        visit.note(error);
    }
    // What cannot be answered is not worth a word here: sealing says it.
    Ok(found.map(|found| said::lines(&found, &zone)).unwrap_or_default())
}

#[cfg(feature = "ssr")]
mod said {
    use super::Said;
    use crate::parts::time::{in_zone, utc_beside};
    use domain::view::windows::propose::TimesCheck;
    use jiff::Timestamp;

    fn say(tone: &str, text: String) -> Said {
        Said { tone: tone.to_owned(), text }
    }

    fn at(at: Timestamp, zone: &str) -> String {
        utc_beside(at, zone).map_or_else(|| in_zone(at, zone), |utc| format!("{}, {utc}", in_zone(at, zone)))
    }

    /// The answer in sentences, times in the reader's zone.
    pub fn lines(found: &TimesCheck, zone: &str) -> Vec<Said> {
        let (start, end) = match &found.times {
            Ok(times) => *times,
            Err(errors) => return errors.iter().map(|error| say("bad", error.message.clone())).collect(),
        };
        let mut said = vec![say("good", format!("From {} to {}.", at(start, zone), at(end, zone)))];
        for freeze in &found.freezes {
            said.push(say(
                "bad",
                format!(
                    "The freeze “{}” covers the database from {} to {}: {}",
                    freeze.name,
                    at(freeze.start, zone),
                    at(freeze.end, zone),
                    freeze.reason
                ),
            ));
        }
        if found.overlaps.is_empty() && found.freezes.is_empty() {
            said.push(say("good", "The database is free then.".to_owned()));
        }
        for (database, hours) in &found.outside {
            said.push(say("warn", format!("{database} may be maintained {hours}: if it has to be at this time, say why.")));
        }
        for other in &found.beside {
            said.push(say("warn", format!("{}, from {} to {}.", other.said(), at(other.start, zone), at(other.end, zone))));
        }
        for other in &found.overlaps {
            let (tone, verb) = if other.state.is_live() { ("bad", "takes") } else { ("warn", "asks for") };
            said.push(say(
                tone,
                format!(
                    "#{} “{}” {verb} the database from {} to {}.",
                    other.number,
                    other.title,
                    at(other.start, zone),
                    at(other.end, zone)
                ),
            ));
        }
        said.extend(found.free.iter().map(|free| say("good", free.clone())));
        said
    }
}
