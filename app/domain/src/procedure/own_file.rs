//! Own procedures as files: how one is written, what is wrong with one, and the procedure that it means.

use super::by_hand::{self, ByHand};
use super::call::{self, Call};
use super::own::{MOST_CHECKS, Own, OwnCheck, PREFIX, catalogue};
use super::own_sql::{OwnSql, OwnValue};
use super::select::step;
use super::{Dbms, Parameters, Procedure, StepTemplate, library};
use crate::change::is_sent;
use crate::checklist;
use crate::decision::FieldError;
use crate::people;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the SQL of a procedure is called among its steps.
pub const SQL: &str = "sql";

/// The field that all errors of a file stand at.
pub const FIELD: &str = "text";

/// A file as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Stable over all versions: [`PREFIX`], then small letters, digits and `_`.
    pub key: String,
    /// As people call it.
    pub name: String,
    /// What it is for, in one sentence.
    pub about: String,
    /// `postgresql`.
    pub dbms: String,
    /// Keys of the steps between the pre-checks and the validation, in their order. Where there is SQL none, or among them [`SQL`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// Thresholds that differ from the library's, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<String, u64>,
    /// Exact SQL, alone or beside steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<OwnSql>,
    /// Values that are typed each time, for the SQL.
    #[serde(default, rename = "value", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<OwnValue>,
    /// Steps that people do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<ByHand>,
    /// Steps that other programs do, when they are called.
    #[serde(default, rename = "webhook", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Questions for the validation list.
    #[serde(default, rename = "check", skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<OwnCheck>,
}

/// What has to come before what, where both are there, and why.
pub(super) const ORDER: &[(&str, &str, &str)] = &[
    (step::VACUUM, step::REINDEX, "dead rows would be read again while indexes are rebuilt"),
    (step::VACUUM, step::SIZED, "dead rows would be read again while indexes are rebuilt"),
    (step::REINDEX, step::CLEANUP, "it drops what an interrupted rebuild left behind"),
    (step::SIZED, step::CLEANUP, "it drops what an interrupted rebuild left behind"),
    (step::REINDEX, step::ANALYZE, "a rebuild leaves the statistics of expression indexes empty"),
    (step::SIZED, step::ANALYZE, "a rebuild leaves the statistics of expression indexes empty"),
];

impl File {
    /// A procedure as a file: an own one as it was written, and one of the library as the beginning of an own one. `None` for what is typed
    /// anew each time.
    #[must_use]
    pub fn of(procedure: &Procedure) -> Option<Self> {
        if library::is_typed(&procedure.key) {
            return None;
        }
        let (key, name, about) = match &procedure.own {
            Some(own) => (procedure.key.clone(), procedure.name.clone(), own.about.clone()),
            None => (
                format!("{PREFIX}{}", procedure.key.trim_end_matches("_postgresql")),
                format!("own {}", procedure.name),
                library::about(&procedure.key).to_owned(),
            ),
        };
        let own = procedure.own.clone();
        Some(Self {
            key,
            name,
            about,
            dbms: DBMS.to_owned(),
            steps: written(procedure),
            thresholds: own.as_ref().map(|own| own.thresholds.clone()).unwrap_or_default(),
            sql: own.as_ref().and_then(|own| own.sql.clone()),
            values: own.as_ref().map(|own| own.values.clone()).unwrap_or_default(),
            by_hand: own.as_ref().map(|own| own.by_hand.clone()).unwrap_or_default(),
            calls: own.as_ref().map(|own| own.calls.clone()).unwrap_or_default(),
            checks: own.map(|own| own.checks).unwrap_or_default(),
        })
    }

    /// The procedure that the file means, as this version; `taken` are the names of other procedures.
    ///
    /// # Errors
    /// Everything that is wrong, each beginning with the place in the file.
    pub fn read(&self, version: u32, taken: &BTreeSet<String>) -> Result<Procedure, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wrong = |place: &str, message: &str| errors.push(FieldError::new(FIELD, format!("{place}: {message}")));
        if !is_key(&self.key) {
            wrong("key", "begin with own_, then give 2 to 50 small letters, digits and underscores. Example: own_shop_nightly.");
        }
        let line = |typed: &str, most| people::label(FIELD, typed, most).map_err(|error| error.message);
        let name = line(&self.name, 80).map_err(|message| wrong("name", &message)).unwrap_or_default();
        if name.split(' ').any(|word| word.is_empty() || word.contains(char::is_whitespace)) {
            wrong("name", "put single, ordinary spaces between its words.");
        }
        if taken.iter().any(|other| other.to_lowercase() == name.to_lowercase()) {
            wrong("name", &format!("another procedure is called “{name}”. Choose a name of its own."));
        }
        let about = line(&self.about, 300).map_err(|message| wrong("about", &message)).unwrap_or_default();
        if self.dbms != DBMS {
            wrong("dbms", "write \"postgresql\": there are steps for no other database software.");
        }
        let steps = self.sent(&mut wrong).unwrap_or_else(|| self.chosen(&mut wrong));
        by_hand::check(&self.by_hand, &self.steps, &mut wrong);
        call::check(&self.calls, &self.steps, &mut wrong);
        let checks = self.asked(&mut wrong);
        let (sql, values, by_hand, calls) = (self.sql.clone(), self.values.clone(), self.by_hand.clone(), self.calls.clone());
        let own = Own { about, thresholds: self.thresholds.clone(), checks, sql, values, by_hand, calls };
        let procedure = composed(&self.key, version, name, steps, own);
        errors.extend(misplaced(&procedure));
        if errors.is_empty() { Ok(procedure) } else { Err(errors) }
    }

    /// The steps where one sends its SQL; `None` where it has none.
    fn sent(&self, wrong: &mut impl FnMut(&str, &str)) -> Option<Vec<StepTemplate>> {
        let Some(sql) = &self.sql else {
            if !self.values.is_empty() {
                wrong("value", "only SQL has places for values. Leave it out, or give [sql].");
            }
            return None;
        };
        sql.check(&self.values, wrong);
        let whole = library::by_key(library::DESIGN_CHANGE_POSTGRESQL).map(|one| one.steps).unwrap_or_default();
        if self.steps.is_empty() {
            return Some(whole);
        }
        if self.steps.iter().filter(|key| *key == SQL).count() != 1 {
            wrong("steps", "write sql once among them, where the SQL is sent; or leave steps out, and nothing else is done.");
        }
        let mut chosen = Some(self.chosen(wrong));
        Some(
            whole
                .into_iter()
                .flat_map(|step| if step.key == step::CHANGE { chosen.take().unwrap_or_default() } else { vec![step] })
                .collect(),
        )
    }

    /// The step by hand, or the call, with this key.
    fn outside(&self, key: &str, wrong: &mut impl FnMut(&str, &str)) -> Option<StepTemplate> {
        let by_hand = self.by_hand.iter().find(|one| one.key == *key).map(ByHand::template);
        let found = by_hand.or_else(|| self.calls.iter().find(|one| one.key == *key).map(Call::template));
        if found.is_none() && is_outside(key) {
            let shown: String = key.chars().take(60).collect();
            let table = if key.starts_with(call::PREFIX) { "[[webhook]]" } else { "[[by_hand]]" };
            wrong("steps", &format!("{shown} stands for no {table}. Say there what is done, or leave it out."));
        }
        found
    }

    fn chosen(&self, wrong: &mut impl FnMut(&str, &str)) -> Vec<StepTemplate> {
        let catalogue = catalogue();
        let (mut seen, mut chosen) = (BTreeSet::new(), Vec::new());
        if self.steps.is_empty() {
            wrong("steps", "name at least one step of the catalogue, or give [sql].");
        }
        let sends = self.sql.as_ref().and_then(|_| library::by_key(library::DESIGN_CHANGE_POSTGRESQL)?.step(step::CHANGE).cloned());
        for key in &self.steps {
            let shown: String = key.chars().take(60).collect();
            if *key == SQL && sends.is_some() {
                chosen.extend(sends.clone().filter(|_| seen.insert(key)));
            } else if !seen.insert(key) {
                wrong("steps", &format!("{shown} is there twice. Once is enough."));
            } else if ["preflight", "validate"].contains(&key.as_str()) {
                wrong("steps", &format!("leave {shown} out: pre-checks come first and the validation last, always."));
            } else if is_outside(key) {
                chosen.extend(self.outside(key, wrong));
            } else if let Some(step) = catalogue.iter().find(|step| step.key == *key) {
                chosen.push(step.clone());
            } else if let Some(typed) = typed_by(key) {
                wrong("steps", &format!("{shown} sends what is typed for one occasion. Propose a window with “{typed}” for that."));
            } else {
                let all: Vec<&str> = catalogue.iter().map(|step| step.key.as_str()).collect();
                wrong("steps", &format!("there is no step “{shown}”. There are: {}.", all.join(", ")));
            }
        }
        if !chosen.is_empty() && chosen.iter().all(StepTemplate::is_outside) {
            wrong("steps", "name at least one step of the catalogue: what happens outside a database alone needs no window on it.");
        }
        // What happens outside the database may come before anything.
        let at = |key: &str| chosen.iter().filter(|step: &&StepTemplate| !step.is_outside()).position(|step| step.key == key);
        if at(step::FREEZE).is_some_and(|at| at > 0) {
            wrong("steps", "put freeze first: close to wraparound nothing else is done.");
        }
        for (before, after, why) in ORDER {
            if at(before).zip(at(after)).is_some_and(|(before, after)| before > after) {
                wrong("steps", &format!("put {before} before {after}: {why}."));
            }
        }
        if chosen.iter().any(|step| !step.acts.is_empty() && !is_sent(&step.key)) && at(step::FREEZE).is_none() {
            let why = "it does nothing unless a table is close to wraparound, and then nothing else may come before";
            wrong("steps", &format!("add freeze as the first one: {why}."));
        }
        for rebuild in [step::REINDEX, step::SIZED] {
            if at(rebuild).is_some() && at(step::ANALYZE).is_none() {
                wrong("steps", &format!("add analyze after {rebuild}: a rebuild leaves the statistics of expression indexes empty."));
            }
            if at(rebuild).is_some() && at(step::CLEANUP).is_none() {
                wrong(
                    "steps",
                    &format!("add cleanup after {rebuild}: an interrupted rebuild leaves an invalid index, which is dropped there."),
                );
            }
        }
        chosen
    }

    fn asked(&self, wrong: &mut impl FnMut(&str, &str)) -> Vec<OwnCheck> {
        let mut titles: BTreeSet<String> = checklist::standard().into_iter().map(|item| item.title.to_lowercase()).collect();
        if self.checks.len() > MOST_CHECKS {
            wrong("check", &format!("at most {MOST_CHECKS} questions; this has {}.", self.checks.len()));
        }
        let mut asked = Vec::new();
        for (check, n) in self.checks.iter().zip(1..) {
            let title = people::label(FIELD, &check.title, 80).map_err(|error| wrong(&format!("check {n}, title"), &error.message));
            let rule = people::text(FIELD, &check.rule, 1, 500).map_err(|error| wrong(&format!("check {n}, rule"), &error.message));
            let (Ok(title), Ok(rule)) = (title, rule) else { continue };
            if !titles.insert(title.to_lowercase()) {
                wrong(&format!("check {n}, title"), &format!("“{title}” is on the list already."));
            }
            asked.push(OwnCheck { title, rule });
        }
        asked
    }
}

/// Whether a key is one of what people or other programs do.
fn is_outside(key: &str) -> bool {
    [by_hand::PREFIX, call::PREFIX].iter().any(|prefix| key.starts_with(prefix))
}

/// The keys of a procedure's steps, as a file has them.
fn written(procedure: &Procedure) -> Vec<String> {
    let sends = procedure.own_sql().is_some();
    if sends && !procedure.selects() && procedure.outside().next().is_none() {
        return vec![];
    }
    let keys = procedure.steps.iter().filter(|step| step.is_surveyed() || step.is_outside());
    keys.map(|step| if sends && step.key == step::CHANGE { SQL.to_owned() } else { step.key.clone() }).collect()
}

const DBMS: &str = "postgresql";

fn is_key(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(|rest| {
        (2..=50).contains(&rest.len())
            && rest.starts_with(|c: char| c.is_ascii_lowercase())
            && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

/// The name of the procedure whose step this is, where what it sends is typed.
fn typed_by(key: &str) -> Option<String> {
    library::all().into_iter().find(|one| library::is_typed(&one.key) && one.step(key).is_some()).map(|one| one.name)
}

/// The steps between pre-checks and validation, as the weekly procedure has them.
fn composed(key: &str, version: u32, name: String, steps: Vec<StepTemplate>, own: Own) -> Procedure {
    let weekly = library::weekly_postgresql();
    let ends = |key: &str| weekly.step(key).cloned();
    // A text is sent between pre-checks and validation of its own.
    let whole = own.sql.is_some();
    let steps = if whole { steps } else { ends("preflight").into_iter().chain(steps).chain(ends("validate")).collect() };
    Procedure { key: key.to_owned(), version, dbms: Dbms::Postgresql, name, steps, own: Some(own) }
}

/// Thresholds that cannot be, or that steer nothing here.
fn misplaced(procedure: &Procedure) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let thresholds = procedure.own.as_ref().map(|own| &own.thresholds).into_iter().flatten();
    for (name, _) in thresholds {
        let shown: String = name.chars().take(60).collect();
        let said = match Parameters::SPECS.iter().find(|spec| spec.name == *name) {
            None => {
                let all: Vec<&str> = Parameters::specs_of(Some(procedure)).map(|spec| spec.name).collect();
                format!("there is none of the name “{shown}”. Here there are: {}.", all.join(", "))
            }
            Some(spec) if !spec.is_of(procedure) => format!("{shown} steers none of these steps. Leave it out."),
            Some(_) => continue,
        };
        errors.push(FieldError::new(FIELD, format!("thresholds: {said}")));
    }
    if errors.is_empty() {
        let out_of_range = procedure.parameters().validate().err().unwrap_or_default();
        errors.extend(
            out_of_range.into_iter().map(|error| FieldError::new(FIELD, format!("thresholds, {}: {}", error.field, error.message))),
        );
    }
    errors
}
