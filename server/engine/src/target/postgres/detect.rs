//! Detectors: one file a step, each with one entry point. A detector measures, lets the domain select, and says what it could not see.
//!
//! A new step is a file here, a row in [`detector`], and a step template in the procedure library that asks for it.

mod analyze;
mod autovacuum;
mod cleanup;
mod configuration;
mod freeze;
mod indexes;
mod integrity;
mod keys;
mod partitions;
mod plans;
mod queries;
mod reindex;
mod security;
mod sized;
mod space;
mod upkeep;
mod vacuum;

use super::measure::Rates;
use crate::target::fault::StatementError;
use crate::target::link::Link;
use domain::plan::PlanQuery;
use domain::procedure::memory::{Measurement, Memory};
use domain::procedure::select::step;
use domain::procedure::{Finding, Object, Parameters, Selection};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What every detector is given.
pub struct Look<'a> {
    /// The connection; it only reads, and each statement gives up after a minute, or after a second behind a lock.
    pub link: &'a Link,
    /// The server's major version.
    pub major: u16,
    /// The thresholds of the plan.
    pub parameters: &'a Parameters,
    /// Rates of earlier runs.
    pub rates: &'a Rates,
    /// Whether the plan lets an object be looked at; asked before an object costs anything.
    pub admits: &'a (dyn Fn(&Object) -> bool + Send + Sync),
    /// What page-by-page measuring may take.
    pub exact_within: Duration,
    /// The critical queries of the database.
    pub queries: &'a [PlanQuery],
    /// What was measured earlier.
    pub memory: &'a Memory,
    /// What is to be remembered of this look.
    pub measured: Mutex<Vec<Measurement>>,
}

impl Look<'_> {
    /// Remembers a measurement for later looks.
    pub fn keep(&self, measurement: Measurement) {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner).push(measurement);
    }
}

impl std::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").field("major", &self.major).field("exact_within", &self.exact_within).finish_non_exhaustive()
    }
}

/// What a detector found, or what the server, or the connection, said.
type Found<'a> = Pin<Box<dyn Future<Output = Result<Selection, StatementError>> + Send + 'a>>;
type Detector = for<'a> fn(&'a Look<'a>) -> Found<'a>;

/// Whether the detector of a step may compare what it sees with what was seen before: for those that never do nothing is remembered.
pub(crate) fn remembers(key: &str) -> bool {
    !matches!(key, step::FREEZE | step::VACUUM | step::REINDEX | step::CLEANUP | step::ANALYZE)
}

/// The detector of a step.
fn detector(key: &str) -> Option<Detector> {
    let found: Detector = match key {
        step::FREEZE => |look| Box::pin(freeze::detect(look)),
        step::VACUUM => |look| Box::pin(vacuum::detect(look)),
        step::REINDEX => |look| Box::pin(reindex::detect(look)),
        step::UPKEEP => |look| Box::pin(upkeep::detect(look)),
        step::SIZED => |look| Box::pin(sized::detect(look)),
        step::CLEANUP => |look| Box::pin(cleanup::detect(look)),
        step::ANALYZE => |look| Box::pin(analyze::detect(look)),
        step::AUTOVACUUM => |look| Box::pin(autovacuum::detect(look)),
        step::SPACE => |look| Box::pin(space::detect(look)),
        step::QUERY_REVIEW => |look| Box::pin(queries::detect(look)),
        step::PLAN_REVIEW => |look| Box::pin(plans::detect(look)),
        step::INDEX_REVIEW => |look| Box::pin(indexes::detect(look)),
        step::KEY_REVIEW => |look| Box::pin(keys::detect(look)),
        step::CONFIGURATION_REVIEW => |look| Box::pin(configuration::detect(look)),
        step::SECURITY_REVIEW => |look| Box::pin(security::detect(look)),
        step::INTEGRITY => |look| Box::pin(integrity::detect(look)),
        _ => return None,
    };
    Some(found)
}

/// Looks for one step. What keeps it from looking becomes a finding, never silence.
///
/// # Errors
/// When the connection broke.
pub async fn detect(key: &str, look: &Look<'_>) -> Result<Selection, StatementError> {
    let Some(detector) = detector(key) else {
        let blind = Finding::cannot_see(
            key,
            "This program does not know how to look for this step.",
            "Run it with the program version that sealed the plan, or edit the window.",
        );
        return Ok(Selection { findings: vec![blind], ..Selection::default() });
    };
    match detector(look).await {
        Err(error) if !error.is_disconnect() && !error.is_terminated() => {
            Ok(Selection { findings: vec![blind(key, &error)], ..Selection::default() })
        }
        found => found,
    }
}

/// The parts of a step together: what one of them could not see is a finding, and does not hide the others.
fn parts<const N: usize>(key: &str, parts: [Result<Selection, StatementError>; N]) -> Result<Selection, StatementError> {
    let mut found = Selection::default();
    for part in parts {
        match part {
            Ok(part) => found.merge(part),
            Err(error) if error.is_disconnect() => return Err(error),
            Err(error) => found.findings.push(blind(key, &error)),
        }
    }
    Ok(found)
}

/// What a refusal of the server means for what was not seen.
pub(super) fn blind(key: &str, error: &StatementError) -> Finding {
    Finding::cannot_see(key, format!("This could not be looked at: {error}."), way_out(error))
}

/// What helps against a refusal of the server.
pub(super) fn way_out(error: &StatementError) -> &'static str {
    match error.sqlstate.as_str() {
        "42501" => "Give the role pg_monitor, and the right that the server names.",
        "42883" | "42P01" | "42703" => "This server or extension is too old for it, or the extension is not installed: update it.",
        "57014" => "It took longer than a minute: look at a quieter time.",
        "55P03" => "Somebody holds a lock on it: look again once that transaction is over.",
        _ => "Look into the server's log at this time, then look again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::procedure::library;

    #[test]
    fn every_step_that_is_surveyed_has_its_detector() {
        for procedure in library::carried() {
            // What was typed is sent as it is: nothing is looked for.
            for key in procedure.surveyed().into_iter().filter(|_| !procedure.sends_text()) {
                assert!(detector(&key).is_some(), "{key} of {}", procedure.name);
            }
        }
    }
}
