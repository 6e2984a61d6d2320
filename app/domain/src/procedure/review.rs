//! The monthly review: measured rows in, findings out. Nothing here changes anything; what to do about a finding is advice.

pub mod configuration;
pub mod indexes;
pub mod integrity;
pub mod keys;
pub mod plans;
pub mod queries;
pub mod security;

use super::{Finding, FindingLevel, Selection};

/// The findings of a step, as a selection without work.
fn found(findings: Vec<Finding>) -> Selection {
    Selection { findings, ..Selection::default() }
}

const NOTE: FindingLevel = FindingLevel::Note;
const ATTENTION: FindingLevel = FindingLevel::Attention;
const URGENT: FindingLevel = FindingLevel::Urgent;

#[cfg(test)]
#[path = "review/tests.rs"]
mod tests;
