//! What a person types to make a series, and what it means.

use super::{Schedule, Series};
use crate::decision::{FieldError, FormCheck};
use crate::procedure::Shelf;
use crate::proposal::{ProposalForm, ReadTyped, number};
use crate::recurrence::text::weekday;
use crate::recurrence::{ByDay, End, Frequency, MOST_TIMES, Parts, Rule, RuleError};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeriesForm {
    /// What is proposed each time; its date and time are those of the first.
    pub proposal: ProposalForm,
    /// `daily`, `weekly`, `weekday_of_month`, `day_of_month` or `rule`.
    pub repeat: String,
    /// Every so many days, weeks or months.
    pub every: String,
    /// Days of the week, two letters each; none is the first date's own.
    pub weekdays: Vec<String>,
    /// Which one of the month: `1` to `5`, `-1`.
    pub nth: String,
    /// Its weekday, in two letters.
    pub nth_weekday: String,
    /// Days of the month, such as `1, 15, -1`; none is the first date's own.
    pub month_days: String,
    /// A rule as calendars write it.
    pub rule: String,
    /// `never`, `count` or `until`.
    pub ends: String,
    /// After so many.
    pub count: String,
    /// Last day, `YYYY-MM-DD`.
    pub until: String,
    /// Days before its start on which each window is proposed.
    pub lead_days: String,
}

/// Limits of the lead time, in days.
pub const LEAD_DAYS: (i64, i64) = (1, 30);
/// A series begins in this year or later: its dates are counted from the first one on.
pub const FIRST_YEAR: i16 = 2000;

impl SeriesForm {
    /// A blank form with the defaults people change least.
    #[must_use]
    pub fn blank() -> Self {
        Self {
            proposal: ProposalForm::blank(),
            repeat: "weekly".into(),
            every: "1".into(),
            nth: "1".into(),
            nth_weekday: "SU".into(),
            ends: "never".into(),
            lead_days: "7".into(),
            ..Self::default()
        }
    }

    /// Reads the names and values of a sent form.
    #[must_use]
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut form = Self { proposal: ProposalForm::from_fields(fields.clone()), ..Self::default() };
        for (name, value) in fields {
            let value = value.to_owned();
            match name {
                "repeat" => form.repeat = value,
                "every" => form.every = value,
                "weekday" => form.weekdays.push(value),
                "nth" => form.nth = value,
                "nth_weekday" => form.nth_weekday = value,
                "month_days" => form.month_days = value,
                "rule" => form.rule = value,
                "ends" => form.ends = value,
                "count" => form.count = value,
                "until" => form.until = value,
                "lead_days" => form.lead_days = value,
                _ => {}
            }
        }
        form
    }

    /// Reads every field; all errors at once. `shelf` are the procedures there are, `read` reads the text that one of them sends; what is meant
    /// for one occasion is refused.
    pub fn parse(&self, shelf: &Shelf, read: &ReadTyped<'_>) -> Result<Series, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let proposal = match self.proposal.parse_again_and_again(shelf, read) {
            Ok(proposal) => Some(proposal),
            Err(errors) => {
                form.refuse_all(errors);
                None
            }
        };
        if proposal.as_ref().is_some_and(|proposal| proposal.local_start.second() != 0 || proposal.local_start.subsec_nanosecond() != 0) {
            form.refuse("time", "Give a time of whole minutes as HH:MM, such as 02:00.");
        }
        let too_old = proposal.as_ref().is_some_and(|proposal| proposal.local_start.year() < FIRST_YEAR);
        if too_old {
            form.refuse(
                "date",
                format!("The first day is {FIRST_YEAR}-01-01 or later. Give the day it really begins, such as next Sunday."),
            );
        }
        let (least, most) = LEAD_DAYS;
        let lead_days = form.take(number("lead_days", &self.lead_days, least, most));
        let rule = match self.rule() {
            Ok(rule) => Some(rule),
            Err(errors) => {
                form.refuse_all(errors);
                None
            }
        };
        if let (Some(proposal), Some(rule), false) = (&proposal, &rule, too_old)
            && let Err(error) = rule.check_from(proposal.local_start)
        {
            form.refuse_all([self.at(error)]);
        }
        let series = (|| {
            let (proposal, rule) = (proposal?, rule?);
            let schedule = Schedule { start: proposal.local_start, rule, changes: BTreeMap::new() };
            Some(Series {
                title: proposal.title,
                target: proposal.target,
                duration_min: proposal.duration_min,
                schedule,
                lead_days: lead_days?,
                several: proposal.several,
            })
        })();
        form.finish(series)
    }

    fn rule(&self) -> Result<Rule, Vec<FieldError>> {
        if self.repeat == "rule" {
            return Rule::parse(&self.rule).map_err(|errors| errors.into_iter().map(|error| self.at(error)).collect());
        }
        let mut form = FormCheck::default();
        let mut parts = Parts::every(1, Frequency::Weekly);
        match self.repeat.as_str() {
            "daily" => parts.frequency = Frequency::Daily,
            "weekly" => {
                let days = self.weekdays.iter().filter_map(|day| weekday(day));
                parts.by_day = days.map(|weekday| ByDay { nth: 0, weekday }).collect();
            }
            "weekday_of_month" => {
                parts.frequency = Frequency::Monthly;
                let nth = form.take(number("nth", &self.nth, -1, 5)).and_then(|nth| i8::try_from(nth).ok()).filter(|nth| *nth != 0);
                match (nth, weekday(&self.nth_weekday)) {
                    (Some(nth), Some(weekday)) => parts.by_day.push(ByDay { nth, weekday }),
                    (None, _) => form.refuse("nth", "Choose which one of the month."),
                    (_, None) => form.refuse("nth_weekday", "Choose a day of the week."),
                }
            }
            "day_of_month" => {
                parts.frequency = Frequency::Monthly;
                for item in self.month_days.split([',', ' ']).filter(|item| !item.is_empty()) {
                    match item.parse() {
                        Ok(day) => parts.by_month_day.push(day),
                        Err(_) => {
                            form.refuse("month_days", "Give days of the month from 1 to 31, with commas between; -1 is the last one.");
                        }
                    }
                }
            }
            _ => form.refuse("repeat", "Choose how often it repeats."),
        }
        let whole = |form: &mut FormCheck, field, typed: &str, most| form.take(number(field, typed, 1, most));
        if let Some(every) = whole(&mut form, "every", &self.every, i64::from(parts.frequency.most_interval())) {
            parts.interval = i32::try_from(every).unwrap_or(i32::MAX);
        }
        match self.ends.as_str() {
            "" | "never" => {}
            "count" => {
                if let Some(times) = whole(&mut form, "count", &self.count, i64::from(MOST_TIMES)) {
                    parts.end = End::Count(u32::try_from(times).unwrap_or(u32::MAX));
                }
            }
            "until" => match self.until.trim().parse::<Date>() {
                Ok(day) => parts.end = End::Until(day.at(23, 59, 59, 0)),
                Err(_) => form.refuse("until", "Give the last day as YYYY-MM-DD, such as 2027-12-31."),
            },
            _ => form.refuse("ends", "Choose whether it ends."),
        }
        form.finish(Some(parts))
            .and_then(|parts| Rule::new(parts).map_err(|errors| errors.into_iter().map(|error| self.at(error)).collect()))
    }

    /// An error of the rule at the field it was typed into.
    fn at(&self, error: RuleError) -> FieldError {
        if self.repeat == "rule" {
            return FieldError::new("rule", format!("{}: {}", error.part, error.message));
        }
        let field = match (error.part, self.repeat.as_str()) {
            ("INTERVAL", _) => "every",
            ("BYMONTHDAY", _) => "month_days",
            ("BYDAY", "weekday_of_month") => "nth",
            ("COUNT", _) => "count",
            ("UNTIL", _) => "until",
            _ => "repeat",
        };
        FieldError::new(field, error.message)
    }
}
