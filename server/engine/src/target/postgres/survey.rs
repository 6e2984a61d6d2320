//! Measuring a whole database for a procedure: for the preview, and again at the start of the run.

use super::detect::{Look, detect};
use super::measure::Rates;
use crate::target::fault::StatementError;
use crate::target::link::Link;
use crate::target::report;
use crate::target::session::{Guards, guard};
use domain::plan::PlanQuery;
use domain::procedure::memory::{Measurement, Memory};
use domain::procedure::{Object, Parameters, Selection, freeze, select};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a survey is asked.
pub struct Asked<'a> {
    /// Keys of the steps to look for, in the order of execution; nothing is measured for others.
    pub steps: &'a [String],
    /// The thresholds.
    pub parameters: &'a Parameters,
    /// Rates of earlier runs.
    pub rates: &'a Rates,
    /// Whether an object may be looked at; it is asked before an object costs anything.
    pub admits: &'a (dyn Fn(&Object) -> bool + Send + Sync),
    /// The critical queries of the database.
    pub queries: &'a [PlanQuery],
    /// What was measured earlier.
    pub memory: &'a Memory,
    /// What page-by-page measuring may take.
    pub exact_within: Duration,
    /// The time for all the work: the quickest items come first until they fill half of it.
    pub budget_ms: u64,
}

impl std::fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("steps", &self.steps).field("budget_ms", &self.budget_ms).finish_non_exhaustive()
    }
}

/// What a survey found, and what it measured for later ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surveyed {
    /// Work, findings, and what is passed over.
    pub selection: Selection,
    /// To be remembered.
    pub measured: Vec<Measurement>,
}

/// Measures the database for the steps that were asked for, and selects by need, in the order of execution. What could not be looked at is among
/// the findings.
///
/// # Errors
/// When the connection broke, or the server does not tell its version.
pub async fn survey(link: &Link, asked: &Asked<'_>) -> Result<Surveyed, StatementError> {
    let major = report::major(link).await?;
    let Asked { parameters, rates, admits, exact_within, queries, memory, .. } = *asked;
    let look = Look { link, major, parameters, rates, admits, exact_within, queries, memory, measured: Mutex::default() };
    let mut found = Selection::default();
    for step in asked.steps {
        // Each begins with the same guards, whatever the one before did to them.
        guard(link, &Guards::reading(), major).await?;
        found.merge(detect(step, &look).await?);
    }
    guard(link, &Guards::reading(), major).await?;
    let mut found = freeze::before_all_other(found);
    found.items = select::order(found.items, asked.steps, asked.budget_ms, parameters.jobs);
    let measured = look.measured.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Surveyed { selection: found.bounded(), measured })
}
