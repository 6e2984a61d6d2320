//! What a person types to propose a window, and what it means.

pub mod several;
mod texts;

pub use texts::{ReadTyped, no_sql};

use crate::change::{Change, ChangeForm, is_sent};
use crate::decision::{FieldError, FormCheck};
use crate::people;
use crate::procedure::{ObjectRule, Parameters, Procedure, RiskClass, Shelf, own, own_sql};
use crate::schedule::{self, Fold, Times};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use several::Several;
use std::collections::BTreeMap;

/// The form as typed: kept with the revision, so that an edit starts from the person's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProposalForm {
    /// Short name of the database.
    pub target: String,
    /// Key of the procedure.
    pub procedure: String,
    /// A line for lists and subjects; blank takes the procedure's name.
    pub title: String,
    /// Why, 1 to 4,000 characters.
    pub reason: String,
    /// `YYYY-MM-DD`, in the database's zone.
    pub date: String,
    /// `HH:MM`, in the database's zone.
    pub time: String,
    /// `first` or `second` when the wall time happens twice.
    pub fold: String,
    /// Minutes from start to end.
    pub duration_min: String,
    /// Minutes before the end after which nothing new begins.
    pub cut_off_min: String,
    /// Minutes after the start by which it must have begun.
    pub latest_start_min: String,
    /// Most objects to work on.
    pub most_objects: String,
    /// Most data to touch, in MiB.
    pub most_mib: String,
    /// Objects left alone: one rule a line, `schema.table`, `schema.*`.
    pub excluded: String,
    /// Thresholds by name; blank keeps the default.
    pub parameters: BTreeMap<String, String>,
    /// Waves by short name, where it is about several databases; blank leaves a database out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub waves: BTreeMap<String, String>,
    /// How long each wave is watched before the next one begins, in minutes; blank is not at all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub soak_min: String,
    /// Why it has to be outside of the hours in which the database may be maintained; blank where it is not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub outside_hours: String,
    /// Number of the window that rehearsed it; blank takes the newest that counts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rehearsal: String,
    /// The text of a change of design, and what takes it back.
    #[serde(flatten)]
    pub change: ChangeForm,
}

/// The form understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Short name of the database.
    pub target: String,
    /// The procedure, in the version that counts.
    pub procedure: Procedure,
    /// A line for lists and subjects.
    pub title: String,
    /// Why.
    pub reason: String,
    /// Wall time in the database's zone.
    pub local_start: civil::DateTime,
    /// Which of two equal wall times.
    pub fold: Option<Fold>,
    /// Minutes from start to end.
    pub duration_min: i64,
    /// Minutes before the end.
    pub cut_off_min: i64,
    /// Minutes after the start.
    pub latest_start_min: i64,
    /// Most objects to work on.
    pub most_objects: u32,
    /// Most bytes to touch.
    pub most_bytes: u64,
    /// Objects left alone.
    pub excluded: Vec<ObjectRule>,
    /// Thresholds.
    pub parameters: Parameters,
    /// The order of several databases; `None` where it is about one.
    pub several: Option<Several>,
    /// Why it has to be outside of the allowed hours, 10 to 1,000 characters; `None` where nothing was said.
    pub outside_hours: Option<String>,
    /// Number of the window that rehearsed it; `None` takes the newest that counts.
    pub rehearsal: Option<i64>,
    /// The change of design, where it is one.
    pub change: Option<Change>,
}

impl ProposalForm {
    /// A blank form with the defaults people change least.
    #[must_use]
    pub fn blank() -> Self {
        Self {
            procedure: "weekly_postgresql".into(),
            time: "02:00".into(),
            duration_min: "120".into(),
            cut_off_min: "20".into(),
            latest_start_min: "30".into(),
            most_objects: "50".into(),
            most_mib: "102400".into(),
            ..Self::default()
        }
    }

    /// The form as far as its times go: what else is missing, or cannot be read, has its own place.
    #[must_use]
    pub fn for_times(&self) -> Self {
        Self {
            reason: "-".into(),
            title: "-".into(),
            procedure: Self::blank().procedure,
            change: ChangeForm::default(),
            parameters: BTreeMap::new(),
            ..self.clone()
        }
    }

    /// Reads the names and values of a sent form; a threshold goes by its own name, and names that mean nothing here are left out.
    #[must_use]
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            let value = value.to_owned();
            match name {
                "target" => form.target = value,
                "procedure" => form.procedure = value,
                "title" => form.title = value,
                "reason" => form.reason = value,
                "date" => form.date = value,
                "time" => form.time = value,
                "fold" => form.fold = value,
                "duration_min" => form.duration_min = value,
                "cut_off_min" => form.cut_off_min = value,
                "latest_start_min" => form.latest_start_min = value,
                "most_objects" => form.most_objects = value,
                "most_mib" => form.most_mib = value,
                "excluded" => form.excluded = value,
                "soak_min" => form.soak_min = value,
                "outside_hours" => form.outside_hours = value,
                "rehearsal" => form.rehearsal = value,
                "change_sql" => form.change.change_sql = value,
                "as_role" => form.change.as_role = value,
                "keep_out" => form.change.keep_out = value,
                "keep_out_min" => form.change.keep_out_min = value,
                "keep_out_ends" => form.change.keep_out_ends = value,
                "back_sql" => form.change.back_sql = value,
                "no_way_back" => form.change.no_way_back = value,
                "read_by_me" => form.change.read_by_me = value,
                "settings" => form.change.settings = value,
                "accounts" => form.change.accounts = value,
                "old_rows" => form.change.old_rows = value,
                wave if wave.starts_with(several::FIELD) => {
                    let database = wave[several::FIELD.len()..].to_owned();
                    if !value.trim().is_empty() {
                        form.waves.insert(database, value);
                    }
                }
                value_of if value_of.starts_with(own_sql::VALUE) => {
                    form.change.values.insert(value_of[own_sql::VALUE.len()..].to_owned(), value);
                }
                threshold if Parameters::SPECS.iter().any(|spec| spec.name == threshold) => {
                    form.parameters.insert(threshold.to_owned(), value);
                }
                _ => {}
            }
        }
        form
    }

    /// The same names and values again, for a page that sends them on unseen.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let plain = [
            ("target", &self.target),
            ("procedure", &self.procedure),
            ("title", &self.title),
            ("reason", &self.reason),
            ("date", &self.date),
            ("time", &self.time),
            ("fold", &self.fold),
            ("duration_min", &self.duration_min),
            ("cut_off_min", &self.cut_off_min),
            ("latest_start_min", &self.latest_start_min),
            ("most_objects", &self.most_objects),
            ("most_mib", &self.most_mib),
            ("excluded", &self.excluded),
            ("soak_min", &self.soak_min),
            ("outside_hours", &self.outside_hours),
            ("rehearsal", &self.rehearsal),
            ("change_sql", &self.change.change_sql),
            ("as_role", &self.change.as_role),
            ("keep_out", &self.change.keep_out),
            ("keep_out_min", &self.change.keep_out_min),
            ("keep_out_ends", &self.change.keep_out_ends),
            ("back_sql", &self.change.back_sql),
            ("no_way_back", &self.change.no_way_back),
            ("read_by_me", &self.change.read_by_me),
            ("settings", &self.change.settings),
            ("accounts", &self.change.accounts),
            ("old_rows", &self.change.old_rows),
        ];
        let plain = plain.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
        plain
            .chain(self.parameters.iter().map(|(name, value)| (name.clone(), value.clone())))
            .chain(self.change.values.iter().map(|(name, value)| (format!("{}{name}", own_sql::VALUE), value.clone())))
            .chain(self.waves.iter().map(|(database, wave)| (several::field(database), wave.clone())))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    /// Reads every field; all errors at once. `shelf` are the procedures there are, `read` reads what is typed for the one of this key.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(&self, shelf: &Shelf, read: &ReadTyped<'_>) -> Result<Proposal, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let target = form.take(people::short_name("target", &self.target).map_err(|_| FieldError::new("target", "Choose a database.")));
        let procedure = form.take(match shelf.by_key(self.procedure.trim()) {
            Some(procedure) => Ok(procedure),
            None if self.procedure.trim().starts_with(own::PREFIX) => {
                Err(FieldError::new("procedure", "This procedure counts no more. Choose another one from the list."))
            }
            None => Err(FieldError::new("procedure", "Choose a procedure from the list.")),
        });
        let title = if self.title.trim().is_empty() {
            procedure.as_ref().map(|procedure| procedure.name.clone())
        } else {
            form.take(people::label("title", &self.title, 200))
        };
        let reason = form.take(people::text("reason", &self.reason, 1, 4000));
        let date = form.take(
            self.date.trim().parse::<civil::Date>().map_err(|_| FieldError::new("date", "Give a date as YYYY-MM-DD, such as 2026-11-29.")),
        );
        let time =
            form.take(self.time.trim().parse::<civil::Time>().map_err(|_| FieldError::new("time", "Give a time as HH:MM, such as 02:00.")));
        let fold = match self.fold.trim() {
            "" => None,
            "first" => Some(Fold::First),
            "second" => Some(Fold::Second),
            _ => {
                form.refuse("fold", "Choose the first or the second occurrence.");
                None
            }
        };
        let duration_min = form.take(number("duration_min", &self.duration_min, 1, 100_000));
        let cut_off_min = form.take(number("cut_off_min", &self.cut_off_min, 0, 100_000));
        let latest_start_min = form.take(number("latest_start_min", &self.latest_start_min, 1, 100_000));
        let most_objects = form.take(number("most_objects", &self.most_objects, 1, 10_000));
        let most_mib = form.take(number("most_mib", &self.most_mib, 1, 1 << 30));
        let excluded = form.take(excluded(&self.excluded));
        // What steers no step of it is no part of the plan: nobody who approves would see it.
        let of_it = |name: &String| {
            let spec = Parameters::SPECS.iter().find(|spec| spec.name == name);
            procedure.as_ref().zip(spec).is_none_or(|(procedure, spec)| spec.is_of(procedure))
        };
        let typed = self.parameters.iter().filter(|(name, _)| of_it(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
        let parameters = match procedure.as_ref().map(Procedure::parameters).unwrap_or_default().parse(&typed) {
            Ok(parameters) => Some(parameters),
            Err(errors) => {
                form.refuse_all(errors);
                None
            }
        };
        let outside_hours = match self.outside_hours.trim() {
            "" => Some(None),
            _ => form.take(people::text("outside_hours", &self.outside_hours, 10, 1000)).map(Some),
        };
        let several = match several::parse(&self.target, &self.waves, &self.soak_min) {
            Ok(several) => Some(several),
            Err(errors) => {
                form.refuse_all(errors);
                None
            }
        };
        let rehearsal = match self.rehearsal.trim().trim_start_matches('#') {
            "" => Some(None),
            typed => form.take(number("rehearsal", typed, 1, i64::MAX).map(Some).map_err(|_| {
                FieldError::new(
                    "rehearsal",
                    "Give the number of a window, such as 142; or leave it empty, and the newest rehearsal that counts is taken.",
                )
            })),
        };
        let change = if let Some(procedure) = procedure.as_ref().filter(|procedure| procedure.sends_text()) {
            match self.text_of(procedure).and_then(|text| read(&procedure.key, &text)) {
                Ok(change) => Some(Some(change)),
                Err(errors) => {
                    form.refuse_all(errors);
                    None
                }
            }
        } else {
            // What was typed for another procedure stays in the form, and means nothing here.
            Some(None)
        };
        let proposal = (|| {
            Some(Proposal {
                target: target?,
                procedure: procedure?,
                title: title?,
                reason: reason?,
                local_start: civil::DateTime::from_parts(date?, time?),
                fold,
                duration_min: duration_min?,
                cut_off_min: cut_off_min?,
                latest_start_min: latest_start_min?,
                most_objects: u32::try_from(most_objects?).ok()?,
                most_bytes: u64::try_from(most_mib?).ok()? << 20,
                excluded: excluded?,
                parameters: parameters?,
                several: several?,
                outside_hours: outside_hours?,
                rehearsal: rehearsal?,
                change: change?,
            })
        })();
        form.finish(proposal)
    }
}

impl Proposal {
    /// The worst that may happen by it: what the procedure may do, where the step that sends a text may do what that text does.
    #[must_use]
    pub fn risk(&self) -> RiskClass {
        let Some(change) = &self.change else { return self.procedure.highest_risk() };
        let others = self.procedure.steps.iter().filter(|step| !is_sent(&step.key)).map(|step| step.risk).max();
        change.risk().max(others.unwrap_or(RiskClass::R0))
    }
    /// The instants of this proposal in `zone`, or what is wrong with its times.
    pub fn times(&self, zone: &TimeZone, zone_name: &str, tz_version: &str, now: Timestamp) -> Result<Times, Vec<FieldError>> {
        let start = schedule::instant("time", self.local_start, zone, self.fold).map_err(|error| vec![error])?;
        let (latest_start, cut_off, end) = schedule::timetable(start, now, self.duration_min, self.cut_off_min, self.latest_start_min)
            .map_err(|errors| {
                errors
                    .into_iter()
                    .map(|error| if error.field == "start" { FieldError::new("date", error.message) } else { error })
                    .collect::<Vec<_>>()
            })?;
        let wait_ms = self.change.as_ref().map_or(0, Change::wait_ms);
        let outside_min = self.procedure.outside_ms().saturating_add(wait_ms).div_ceil(60_000);
        let work_min = u64::try_from(cut_off.duration_since(start).as_mins()).unwrap_or(0);
        if outside_min >= work_min {
            let message = format!(
                "Steps by hand, calls, and waiting for accounts that are kept out are planned with {outside_min} minutes, and from the start to the cut-off there are {work_min}: nothing is left for the database. Make the window longer."
            );
            return Err(vec![FieldError::new("duration_min", message)]);
        }
        Ok(Times {
            local_start: self.local_start,
            zone: zone_name.to_owned(),
            tz_version: tz_version.to_owned(),
            start,
            latest_start,
            cut_off,
            end,
            extend_to: end,
        })
    }
}

/// A whole number within limits.
pub(crate) fn number(field: &str, typed: &str, least: i64, most: i64) -> Result<i64, FieldError> {
    match typed.trim().parse::<i64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(FieldError::new(field, format!("Give a whole number from {least} to {most}."))),
    }
}

fn excluded(typed: &str) -> Result<Vec<ObjectRule>, FieldError> {
    let mut rules = Vec::new();
    for line in typed.lines().map(str::trim).filter(|line| !line.is_empty()) {
        rules.push(
            ObjectRule::try_from(line.to_owned()).map_err(|error| FieldError::new("excluded", format!("{error}. One rule a line.")))?,
        );
    }
    if rules.len() > 500 {
        return Err(FieldError::new("excluded", "At most 500 objects can be left out."));
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> ProposalForm {
        ProposalForm { target: "prod-orders".into(), reason: "weekly".into(), date: "2026-11-29".into(), ..ProposalForm::blank() }
    }

    #[test]
    fn a_good_form_is_understood() {
        let proposal = good().parse(&Shelf::default()).expect("all fields are good");
        assert_eq!(proposal.title, "weekly (PostgreSQL)");
        let now = "2026-11-20T00:00:00Z".parse().expect("a time");
        let times = proposal.times(&TimeZone::UTC, "Etc/UTC", "2026a", now).expect("in the future");
        assert_eq!(times.cut_off.to_string(), "2026-11-29T03:40:00Z");
    }

    #[test]
    fn a_form_survives_being_sent_on() {
        let mut form = ProposalForm { excluded: "shop.*\n\"A b\".c".into(), ..good() };
        form.parameters.insert("lock_wait_max_ms".into(), "500".into());
        form.waves.insert("prod-invoices".into(), "2".into());
        form.soak_min = "30".into();
        form.rehearsal = "#12".into();
        let fields = form.fields();
        let again = ProposalForm::from_fields(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("_once", "x")]));
        assert_eq!(again, form);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let form = ProposalForm {
            reason: "x".repeat(10_000),
            date: "soon".into(),
            duration_min: "two".into(),
            excluded: "orders".into(),
            ..ProposalForm::default()
        };
        let fields: Vec<_> = form.parse(&Shelf::default()).expect_err("bad").into_iter().map(|error| error.field).collect();
        assert_eq!(
            fields,
            [
                "target",
                "procedure",
                "reason",
                "date",
                "time",
                "duration_min",
                "cut_off_min",
                "latest_start_min",
                "most_objects",
                "most_mib",
                "excluded"
            ]
        );
    }

    #[test]
    fn a_rehearsal_goes_by_its_number_or_by_nothing() {
        let typed = |rehearsal: &str| ProposalForm { rehearsal: rehearsal.into(), ..good() }.parse(&Shelf::default());
        assert_eq!(typed(" ").expect("the newest").rehearsal, None);
        for number in ["12", "#12", " #12 "] {
            assert_eq!(typed(number).expect("a number").rehearsal, Some(12), "{number}");
        }
        let errors = typed("the last one").expect_err("no number");
        assert!(errors.len() == 1 && errors[0].field == "rehearsal" && errors[0].message.contains("leave it empty"), "{errors:?}");
    }

    #[test]
    fn what_people_do_leaves_time_for_the_database() {
        let now = "2026-11-20T00:00:00Z".parse().expect("a time");
        let mut proposal = good().parse(&Shelf::default()).expect("good");
        let said = |proposal: &Proposal| proposal.times(&TimeZone::UTC, "Etc/UTC", "x", now).err().map(|errors| errors[0].clone());
        let by_hand = |minutes| crate::procedure::by_hand::ByHand {
            key: "by_hand_pool".into(),
            title: "The pool is paused".into(),
            does: "PAUSE.".into(),
            back: "RESUME.".into(),
            risk: RiskClass::R1,
            minutes,
        };
        let mut with = |minutes| {
            proposal.procedure.own = Some(crate::procedure::Own { by_hand: vec![by_hand(minutes)], ..crate::procedure::Own::default() });
            said(&proposal)
        };
        assert_eq!(with(99), None);
        let error = with(100).expect("nothing is left");
        assert_eq!(error.field, "duration_min");
        assert!(error.message.contains("planned with 100 minutes, and from the start to the cut-off there are 100"), "{}", error.message);
    }

    #[test]
    fn the_past_is_refused_at_the_date() {
        let now = "2027-01-01T00:00:00Z".parse().expect("a time");
        let errors = good().parse(&Shelf::default()).expect("good").times(&TimeZone::UTC, "Etc/UTC", "x", now).expect_err("past");
        assert_eq!(errors[0].field, "date");
    }
}
