//! Measuring a whole database for a procedure: for the preview, and again at the start of the run.

use super::measure::{self, Rates};
use crate::target::fault::StatementError;
use crate::target::link::Link;
use crate::target::report;
use crate::target::session::{Guards, guard};
use domain::procedure::select::{self, AnalyzeRow, DebrisRow, IndexRow, Selection, VacuumRow, step};
use domain::procedure::{Object, Parameters};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Everything the selectors decide on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The server's major version.
    pub major: u16,
    /// Tables with dead rows.
    pub vacuum: Vec<VacuumRow>,
    /// B-tree indexes, measured as far as time allowed.
    pub indexes: Vec<IndexRow>,
    /// Tables whose statistics may be stale.
    pub analyze: Vec<AnalyzeRow>,
    /// Invalid indexes.
    pub debris: Vec<DebrisRow>,
}

/// Measures the database. `admits` leaves objects out before they cost anything; `exact_within` is what page-by-page
/// measuring of indexes may take.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn survey(
    link: &Link,
    parameters: &Parameters,
    rates: &Rates,
    admits: impl Fn(&Object) -> bool,
    exact_within: Duration,
) -> Result<Survey, StatementError> {
    let major = report::major(link).await?;
    guard(link, &Guards::reading(), major).await?;
    let mut survey = Survey {
        major,
        vacuum: measure::vacuum_rows(link, major, rates).await?,
        indexes: measure::index_rows(link, major, rates).await?,
        analyze: measure::analyze_rows(link, major, rates).await?,
        debris: measure::debris_rows(link, major).await?,
    };
    survey.vacuum.retain(|row| admits(&row.object));
    survey.indexes.retain(|row| admits(&row.object) && select::worth_measuring(row, parameters));
    survey.analyze.retain(|row| admits(&row.object));
    survey.debris.retain(|row| admits(&row.object));
    measure::estimate_waste(link, &mut survey.indexes).await?;
    measure_exactly(link, major, &mut survey.indexes, exact_within).await?;
    Ok(survey)
}

/// Page by page, those with the most to win first; an estimate that cannot be trusted counts as "all of it".
async fn measure_exactly(link: &Link, major: u16, indexes: &mut [IndexRow], within: Duration) -> Result<(), StatementError> {
    let Some(schema) = measure::pgstattuple_schema(link).await? else {
        for index in indexes {
            index.not_measured = Some("the extension pgstattuple is not installed in this database".to_owned());
        }
        return Ok(());
    };
    let promise = |index: &IndexRow| u128::from(index.bytes) * u128::from(index.estimated_waste_permille.unwrap_or(1000));
    indexes.sort_by_key(|index| std::cmp::Reverse(promise(index)));
    let until = Instant::now() + within;
    for index in indexes {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            index.not_measured = Some("there was no time left to measure it".to_owned());
            continue;
        }
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, 86_400_000);
        guard(link, &Guards { statement_timeout_ms: left_ms, ..Guards::reading() }, major).await?;
        match measure::exact_waste(link, index.object.oid, &schema).await {
            Ok(waste) => index.exact_waste_permille = Some(waste),
            Err(error) if error.is_disconnect() => return Err(error),
            Err(error) if error.is_cancelled() => index.not_measured = Some("there was no time left to measure it".to_owned()),
            Err(error) => index.not_measured = Some(format!("it could not be measured ({error})")),
        }
    }
    guard(link, &Guards::reading(), major).await
}

impl Survey {
    /// Selects by need, in the order of execution; only for the steps named. `budget_ms` is the time for all the work.
    pub fn select(&self, steps: &[String], parameters: &Parameters, budget_ms: u64) -> Selection {
        let wants = |key: &str| steps.iter().any(|step| step == key);
        let mut found = Selection::default();
        if wants(step::VACUUM) {
            found.merge(select::select_vacuum(&self.vacuum, parameters));
        }
        if wants(step::REINDEX) {
            found.merge(select::select_reindex(&self.indexes, parameters));
        }
        if wants(step::CLEANUP) {
            found.merge(select::select_cleanup(&self.debris));
        }
        if wants(step::ANALYZE) {
            found.merge(select::select_analyze(&self.analyze, parameters, self.major));
        }
        found.items = select::order(found.items, steps, budget_ms, parameters.jobs);
        found
    }
}
