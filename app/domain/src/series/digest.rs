//! The series digest: what people approve when they approve the next dates of a series together.
//!
//! Its bytes hold the template, which is a plan without what belongs to one window, and each date with its times and with who may vote on it.
//! A window is covered when the bytes of its first revision are what the digest gives for its date. Only the identity of the window, its
//! `window` and `number`, is put in, for no window exists when people decide. Everything else counts: words, limits, thresholds, the
//! procedure's version, the database's address and identity, the policy, the zone data, who may vote. What differs asks by itself and is said.

use crate::approval::Eligible;
use crate::canonical::{self, CanonicalError, Digest};
use crate::ids::{SeriesId, WindowId};
use crate::plan::{Difference, Plan, differences};
use crate::schedule::Times;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version of the byte format.
pub const DIGEST_FORMAT: u32 = 1;
/// Dates lie at most so many days ahead: what people saw longer ago they do not approve.
pub const MOST_DAYS: i64 = 35;
/// Differences named in one sentence at most; the page of the window shows them all.
const NAMED: usize = 3;

/// The parts of a plan that the template leaves out: the first two belong to one window, the next two stand with each date, and each date finds
/// its own rehearsal: the newest that counts, which the policy and the gate ask for as ever. So it is with what its databases hold by then: a
/// size that brings another policy is another policy in the plan. Of the bars of several databases those who may vote stand with each date, too.
const OWN: [&str; 6] = ["window", "number", "times", "eligible", "rehearsal", "measured_mib"];

/// Where a plan holds what its further databases ask for, and the part of each that stands with the date.
const BARS: &str = "bars";
const VOTERS: &str = "eligible";

/// One date of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestDate {
    /// The day the rule gives.
    pub day: Date,
    /// When.
    pub times: Times,
    /// Who may vote on its window, by rule.
    pub eligible: Eligible,
    /// The same for each further database, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bars: Vec<Eligible>,
}

/// Everything that is approved with a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesDigest {
    /// [`DIGEST_FORMAT`].
    pub format: u32,
    /// The series.
    pub series: SeriesId,
    /// Its revision.
    pub revision: i32,
    /// Its rule as calendars write it, with its zone.
    pub rule: String,
    /// The plan of each date, without what [`DigestDate`] holds and without the identity of a window.
    pub template: Map<String, Value>,
    /// Its dates, in order.
    pub dates: Vec<DigestDate>,
}

/// Why dates are not approved together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// None at all.
    #[error("there is no date to approve")]
    NoDate,
    /// Too far ahead.
    #[error("the dates lie more than {MOST_DAYS} days apart")]
    TooFar,
    /// Not all alike.
    #[error("the plan of {0} differs from the others")]
    Unlike(Date),
    /// Not to be written.
    #[error("the digest cannot be written: {0}")]
    Bytes(String),
    /// Not to be read.
    #[error("the stored digest cannot be read: {0}")]
    Unreadable(String),
}

impl From<CanonicalError> for DigestError {
    fn from(error: CanonicalError) -> Self {
        Self::Bytes(error.to_string())
    }
}

/// Why a window is not approved with its series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uncovered {
    /// It was edited: another revision asks by itself.
    Edited,
    /// The digest has no date with this start.
    NoDate,
    /// Its plan is another one.
    Differs(Vec<Difference>),
}

impl Uncovered {
    /// As a sentence.
    #[must_use]
    pub fn said(&self) -> String {
        match self {
            Self::Edited => "It was edited after it was proposed, so what was approved with the series is not what it says.".to_owned(),
            Self::NoDate => "Its start is none of those that were approved with the series.".to_owned(),
            Self::Differs(lines) => {
                let named: Vec<&str> = lines.iter().take(NAMED).map(|line| line.path.as_str()).collect();
                let more = lines.len().saturating_sub(named.len());
                let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                format!("It differs from what was approved with the series: {}{more}.", named.join(", "))
            }
        }
    }
}

impl SeriesDigest {
    /// Puts the digest of these plans together; each is what would be sealed for its day, under any identity.
    pub fn assemble(series: SeriesId, revision: i32, rule: String, plans: &[(Date, Plan)]) -> Result<Self, DigestError> {
        let (first, last) = plans.first().zip(plans.last()).ok_or(DigestError::NoDate)?;
        if last.1.times.start.duration_since(first.1.times.start).as_hours() > MOST_DAYS * 24 {
            return Err(DigestError::TooFar);
        }
        let template = template(&first.1)?;
        let mut dates = Vec::new();
        for (day, plan) in plans {
            if self::template(plan)? != template {
                return Err(DigestError::Unlike(*day));
            }
            dates.push(DigestDate {
                day: *day,
                times: plan.times.clone(),
                eligible: plan.eligible.clone(),
                bars: plan.bars.iter().map(|bar| bar.eligible.clone()).collect(),
            });
        }
        Ok(Self { format: DIGEST_FORMAT, series, revision, rule, template, dates })
    }

    /// Whether two plans of a series can be approved together.
    pub fn alike(one: &Plan, other: &Plan) -> Result<bool, DigestError> {
        Ok(template(one)? == template(other)?)
    }

    /// Canonical bytes and digest.
    pub fn seal(&self) -> Result<(Vec<u8>, Digest), CanonicalError> {
        let bytes = canonical::bytes(self)?;
        let digest = canonical::digest("series", &bytes);
        Ok((bytes, digest))
    }

    /// Reads sealed bytes, and only if they have the digest that was approved.
    pub fn open(bytes: &[u8], digest: Digest) -> Result<Self, DigestError> {
        if canonical::digest("series", bytes) != digest {
            return Err(DigestError::Unreadable("its digest differs".to_owned()));
        }
        let read: Self = serde_json::from_slice(bytes).map_err(|error| DigestError::Unreadable(error.to_string()))?;
        if read.format != DIGEST_FORMAT {
            return Err(DigestError::Unreadable(format!("format {}", read.format)));
        }
        Ok(read)
    }

    /// The plan of one of its dates, for a window of this identity.
    pub fn plan(&self, date: &DigestDate, window: WindowId, number: i64) -> Result<Plan, DigestError> {
        let unreadable = |error: serde_json::Error| DigestError::Unreadable(error.to_string());
        let mut whole = self.template.clone();
        whole.insert("window".to_owned(), serde_json::to_value(window).map_err(unreadable)?);
        whole.insert("number".to_owned(), number.into());
        whole.insert("times".to_owned(), serde_json::to_value(&date.times).map_err(unreadable)?);
        whole.insert("eligible".to_owned(), serde_json::to_value(&date.eligible).map_err(unreadable)?);
        let bars = whole.get_mut(BARS).and_then(Value::as_array_mut);
        for (bar, eligible) in bars.into_iter().flatten().filter_map(Value::as_object_mut).zip(&date.bars) {
            bar.insert(VOTERS.to_owned(), serde_json::to_value(eligible).map_err(unreadable)?);
        }
        serde_json::from_value(Value::Object(whole)).map_err(unreadable)
    }

    /// The date of a window whose sealed bytes are what the digest gives for it; else why it asks by itself.
    pub fn covers(&self, sealed: &[u8], plan: &Plan) -> Result<Result<&DigestDate, Uncovered>, DigestError> {
        if plan.revision != 1 {
            return Ok(Err(Uncovered::Edited));
        }
        let Some(date) = self.dates.iter().find(|date| date.times.start == plan.times.start) else { return Ok(Err(Uncovered::NoDate)) };
        let given = Plan {
            rehearsal: plan.rehearsal.clone(),
            measured_mib: plan.measured_mib.clone(),
            ..self.plan(date, plan.window, plan.number)?
        };
        if canonical::bytes(&given)? == sealed {
            return Ok(Ok(date));
        }
        Ok(Err(Uncovered::Differs(differences(&given, plan)?)))
    }
}

/// What of a plan is the same for every date.
fn template(plan: &Plan) -> Result<Map<String, Value>, DigestError> {
    match serde_json::to_value(plan).map_err(CanonicalError::from)? {
        Value::Object(mut whole) => {
            whole.retain(|name, _| !OWN.contains(&name.as_str()));
            let bars = whole.get_mut(BARS).and_then(Value::as_array_mut);
            for bar in bars.into_iter().flatten().filter_map(Value::as_object_mut) {
                bar.remove(VOTERS);
            }
            Ok(whole)
        }
        _ => Err(DigestError::Unreadable("a plan is an object".to_owned())),
    }
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
