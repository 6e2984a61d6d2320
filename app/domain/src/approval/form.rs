//! A policy as it is typed: a fixed number of rows for rules, so that it works as a plain form.

use super::policy::{Escalation, Group, Policy, Rule, Scope, Terms};
use super::{Assurance, check};
use crate::backup::MOST_AGE_H;
use crate::decision::{FieldError, FormCheck};
use crate::ids::{PersonId, TeamId};
use crate::procedure::{self, RiskClass};
use crate::rehearsal::{Demand, MAX_AGE_DAYS};
use crate::target::Environment;
use std::collections::{BTreeMap, BTreeSet};

/// Names of the fields of one group: its kind, and what says more.
#[derive(Debug, Clone, Copy)]
pub struct GroupNames {
    /// Kind of group; empty for a row that is not used.
    pub who: &'static str,
    /// Addresses of named people.
    pub people: &'static str,
    /// Another team.
    pub team: &'static str,
}

/// Names of the fields of one rule.
#[derive(Debug, Clone, Copy)]
pub struct RowNames {
    /// Whose votes count.
    pub group: GroupNames,
    /// `number`, `percent` or `all`.
    pub how: &'static str,
    /// How many, or how many at least.
    pub count: &'static str,
    /// Share in percent.
    pub percent: &'static str,
    /// Stage, from 1.
    pub stage: &'static str,
    /// Least assurance.
    pub known: &'static str,
    /// Rejections that end the window.
    pub deny: &'static str,
}

macro_rules! rows {
    ($($n:literal),*) => {
        /// The rows of the form: as many rules as a policy may have.
        pub const ROWS: &[RowNames] = &[$(RowNames {
            group: GroupNames { who: concat!("rule", $n, "_who"), people: concat!("rule", $n, "_people"), team: concat!("rule", $n, "_team") },
            how: concat!("rule", $n, "_how"),
            count: concat!("rule", $n, "_count"),
            percent: concat!("rule", $n, "_percent"),
            stage: concat!("rule", $n, "_stage"),
            known: concat!("rule", $n, "_known"),
            deny: concat!("rule", $n, "_deny"),
        }),*];
    };
}
rows!(1, 2, 3, 4, 5, 6);

/// Names of the fields of a stage's own terms.
#[derive(Debug, Clone, Copy)]
pub struct StageNames {
    /// Lead time; empty where the stage has no terms of its own.
    pub before: &'static str,
    /// Pause between reminders.
    pub remind: &'static str,
    /// `expire` or `escalate`.
    pub deadline: &'static str,
    /// Who is asked at the deadline.
    pub second: GroupNames,
    /// How long they have.
    pub within: &'static str,
}

macro_rules! stages {
    ($($n:literal),*) => {
        /// The stages of the form: as many as a policy may have.
        pub const STAGES: &[StageNames] = &[$(StageNames {
            before: concat!("stage", $n, "_before_min"),
            remind: concat!("stage", $n, "_remind_min"),
            deadline: concat!("stage", $n, "_deadline"),
            second: GroupNames { who: concat!("stage", $n, "_who"), people: concat!("stage", $n, "_people"), team: concat!("stage", $n, "_team") },
            within: concat!("stage", $n, "_within_min"),
        }),*];
    };
}
stages!(1, 2, 3, 4, 5, 6);

/// Names of the fields of the terms that hold for every stage without its own.
const SHARED: StageNames = StageNames {
    before: "decide_before_start_min",
    remind: "remind_every_min",
    deadline: "deadline",
    second: SECOND,
    within: "escalation_within_min",
};

/// Names of the fields that say who is asked at the deadline.
pub const SECOND: GroupNames = GroupNames { who: "escalation_who", people: "escalation_people", team: "escalation_team" };

/// Longest time before the latest start, and longest pause between reminders, in minutes: two weeks.
pub const MOST_MIN: u32 = 20_160;
/// Shortest pause between reminders, in minutes.
pub const LEAST_REMINDER_MIN: u32 = 60;
/// Shortest time a second group gets, in minutes.
pub const LEAST_ESCALATION_MIN: u32 = 15;

/// Everything that was typed, by field.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a>(pub &'a [(String, String)]);

impl<'a> Typed<'a> {
    /// One field, trimmed; empty when it was not sent.
    #[must_use]
    pub fn get(&self, name: &str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }
    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let (fields, name) = (self.0, name.to_owned());
        fields.iter().filter(move |(field, _)| *field == name).map(|(_, value)| value.trim())
    }
    /// Every address of a person that was typed.
    #[must_use]
    pub fn addresses(&self) -> BTreeSet<String> {
        groups().flat_map(|names| addresses(self.get(names.people))).collect()
    }
    /// Every team that is asked, with its field.
    #[must_use]
    pub fn teams(&self) -> Vec<(&'static str, TeamId)> {
        let asked = groups().filter(|names| self.get(names.who) == "team");
        asked.filter_map(|names| Some((names.team, self.get(names.team).parse().ok()?))).collect()
    }
    /// The policy it means. `people` are those of the typed addresses who are known.
    pub fn parse(&self, people: &BTreeMap<String, PersonId>) -> Result<Policy, Vec<FieldError>> {
        let mut form = FormCheck::default();
        let rules: Vec<Option<Rule>> =
            ROWS.iter().filter(|row| !self.get(row.group.who).is_empty()).map(|row| self.rule(&mut form, row, people)).collect();
        if rules.is_empty() {
            form.refuse(ROWS[0].group.who, "Somebody has to agree: choose who in at least one rule.");
        }
        let number = |form: &mut FormCheck, field: &str, least: u32, most: u32| form.take(whole(field, self.get(field), least, most));
        let deny_threshold = number(&mut form, "deny_threshold", 1, 20);
        let shared = self.terms(&mut form, &SHARED, 0, people);
        let own: Vec<Option<Terms>> = (0u32..)
            .zip(STAGES)
            .filter(|(_, names)| !self.get(names.before).is_empty())
            .map(|(stage, names)| self.terms(&mut form, names, stage, people))
            .collect();
        let pre_approved = match self.get("pre_approved") {
            "" => None,
            "R0" => Some(RiskClass::R0),
            "R1" => Some(RiskClass::R1),
            _ => {
                form.refuse("pre_approved", "Only what reads, or what stands in nobody's way, may be approved beforehand: R0 or R1.");
                None
            }
        };
        let scope = self.scope(&mut form);
        let rehearsal = self.rehearsal(&mut form);
        let proof = match self.get("proof_max_age_hours") {
            "" => Some(None),
            typed => form.take(whole("proof_max_age_hours", typed, 1, MOST_AGE_H)).map(Some),
        };
        let parts = (|| {
            let shared = shared?;
            let mut policy = Policy {
                rules: rules.into_iter().collect::<Option<Vec<_>>>()?,
                deny_threshold: deny_threshold?,
                decide_before_start_min: shared.decide_before_start_min,
                scope: Some(scope?),
                escalation: shared.escalation,
                remind_every_min: shared.remind_every_min,
                pre_approved,
                stage_terms: own.into_iter().collect::<Option<Vec<_>>>()?,
                separate_executor: self.get("separate_executor") == "on",
                rehearsal: rehearsal?,
                proof_max_age_hours: proof?,
            };
            name_rules(&mut policy.rules);
            Some(policy)
        })();
        let policy = form.finish(parts)?;
        check::sound(&policy).map_err(|refusal| {
            let terms = policy.stage_terms.first().filter(|_| refusal.code == "policy_stages").map(|terms| terms.stage as usize);
            let rows = if refusal.code == check::REHEARSAL { "rehearsal" } else { ROWS[0].group.who };
            let field = terms.and_then(|stage| STAGES.get(stage)).map_or(rows, |names| names.before);
            vec![FieldError::new(field, refusal.to_string())]
        })?;
        Ok(policy)
    }

    fn rule(&self, form: &mut FormCheck, row: &RowNames, people: &BTreeMap<String, PersonId>) -> Option<Rule> {
        let group = self.group(form, row.group, people);
        let by_share = self.get(row.how) == "percent";
        let percent = match self.get(row.how) {
            "number" | "" => Some(0),
            "all" => Some(100),
            "percent" => form.take(whole(row.percent, self.get(row.percent), 1, 100)),
            _ => {
                form.refuse(row.how, "Choose a number, a share, or everybody.");
                None
            }
        };
        // With a share the number is what it asks for at least, and may be left out.
        let need = if percent == Some(100) || (by_share && self.get(row.count).is_empty()) {
            Some(1)
        } else {
            form.take(whole(row.count, self.get(row.count), 1, 20))
        };
        let stage = match self.get(row.stage) {
            "" => Some(1),
            typed => form.take(whole(row.stage, typed, 1, 6)),
        };
        let deny = match self.get(row.deny) {
            "" => Some(0),
            typed => form.take(whole(row.deny, typed, 0, 20)),
        };
        let assurance = match Assurance::from_word(self.get(row.known)) {
            Some(known) => Some(known),
            None => form.take(Err(FieldError::new(row.known, "Choose how well a voter must be known."))),
        };
        Some(Rule { percent: percent?, stage: stage? - 1, deny: deny?, ..Rule::new("", group?, need?, assurance?) })
    }

    fn group(&self, form: &mut FormCheck, names: GroupNames, people: &BTreeMap<String, PersonId>) -> Option<Group> {
        let found = match self.get(names.who) {
            "stakeholder" => Ok(Group::Stakeholders),
            "lead" => Ok(Group::LeadsAndDeputies),
            "engineer" => Ok(Group::Engineers),
            "people" => named(names.people, self.get(names.people), people).map(Group::People),
            "team" => {
                let team = self.get(names.team).parse().map(Group::Team);
                team.map_err(|_| FieldError::new(names.team, "Choose the team whose leads and deputies are asked."))
            }
            _ => Err(FieldError::new(names.who, "Choose who is asked.")),
        };
        form.take(found)
    }

    fn terms(&self, form: &mut FormCheck, names: &StageNames, stage: u32, people: &BTreeMap<String, PersonId>) -> Option<Terms> {
        let before = form.take(whole(names.before, self.get(names.before), 0, MOST_MIN));
        let remind = match self.get(names.remind) {
            "" if names.remind != SHARED.remind => Some(0),
            typed => form.take(whole(names.remind, typed, 0, MOST_MIN)),
        };
        if remind.is_some_and(|every| every > 0 && every < LEAST_REMINDER_MIN) {
            form.refuse(names.remind, format!("Ask again after {LEAST_REMINDER_MIN} minutes at the soonest, or give 0 for never."));
        }
        let escalation = self.escalation(form, names, before, people);
        Some(Terms { stage, decide_before_start_min: before?, remind_every_min: remind?, escalation: escalation? })
    }

    /// `Some(None)` where the proposal simply expires.
    #[expect(clippy::option_option, reason = "what was typed wrongly is one thing, asking nobody another")]
    fn escalation(
        &self,
        form: &mut FormCheck,
        names: &StageNames,
        before: Option<u32>,
        people: &BTreeMap<String, PersonId>,
    ) -> Option<Option<Escalation>> {
        match self.get(names.deadline) {
            "expire" => Some(None),
            "escalate" => {
                let most = before.unwrap_or(MOST_MIN);
                let group = self.group(form, names.second, people);
                let typed = self.get(names.within);
                let within = if most < LEAST_ESCALATION_MIN {
                    form.take(Err(FieldError::new(
                        names.before,
                        format!("The second group needs time too: let the others decide at least {LEAST_ESCALATION_MIN} minutes before the latest start."),
                    )))
                } else {
                    form.take(whole(names.within, typed, LEAST_ESCALATION_MIN, most))
                };
                Some(Some(Escalation { group: group?, within_min: within? }))
            }
            _ => form.take(Err(FieldError::new(names.deadline, "Choose what happens when nobody decides in time."))),
        }
    }

    /// `Some(None)` where none is demanded.
    #[expect(clippy::option_option, reason = "what was typed wrongly is one thing, demanding none another")]
    fn rehearsal(&self, form: &mut FormCheck) -> Option<Option<Demand>> {
        match self.get("rehearsal") {
            "" => return Some(None),
            "needed" => {}
            _ => {
                form.refuse("rehearsal", "Choose whether a window needs a rehearsal.");
                return None;
            }
        }
        let chosen = self.all("rehearsal_environments").filter(|word| !word.is_empty());
        let environments: Option<BTreeSet<Environment>> = chosen.map(Environment::from_word).collect();
        if environments.is_none() {
            form.refuse("rehearsal_environments", "Choose environments from the list.");
        }
        let max_age_days = form.take(whole("rehearsal_max_age_days", self.get("rehearsal_max_age_days"), 1, MAX_AGE_DAYS));
        Some(Some(Demand { environments: environments?, max_age_days: max_age_days? }))
    }

    fn scope(&self, form: &mut FormCheck) -> Option<Scope> {
        let words = |name: &str| self.all(name).filter(|word| !word.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
        let environments = words("environments");
        if environments.iter().any(|word| Environment::from_word(word).is_none()) {
            form.refuse("environments", "Choose environments from the list.");
        }
        let procedures = words("procedures");
        if procedures.iter().any(|key| procedure::by_key(key).is_none()) {
            form.refuse("procedures", "Choose procedures from the list.");
        }
        let risks: Option<BTreeSet<RiskClass>> = words("risks").iter().map(|word| RiskClass::from_word(word)).collect();
        if risks.is_none() {
            form.refuse("risks", "Choose risk classes from the list.");
        }
        let tags = form.take(tags("tags", self.get("tags")));
        let at_least_mib = form.take(match self.get("at_least_mib") {
            "" => Ok(0),
            typed => whole("at_least_mib", typed, 0, 1_000_000_000).map(u64::from),
        });
        let database_at_least_mib = form.take(match self.get("database_at_least_mib") {
            "" => Ok(0),
            typed => whole("database_at_least_mib", typed, 0, 1_000_000_000).map(u64::from),
        });
        let precedence = form.take(whole("precedence", self.get("precedence"), 0, 100));
        Some(Scope {
            environments,
            tags: tags?,
            procedures,
            risks: risks?,
            at_least_mib: at_least_mib?,
            database_at_least_mib: database_at_least_mib?,
            precedence: precedence?,
        })
    }
}

/// Every place where a group is typed.
fn groups() -> impl Iterator<Item = GroupNames> {
    ROWS.iter().map(|row| row.group).chain([SECOND]).chain(STAGES.iter().map(|names| names.second))
}

fn whole(field: &str, typed: &str, least: u32, most: u32) -> Result<u32, FieldError> {
    let value = typed.trim().parse::<u32>().ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| FieldError::new(field, format!("Give a whole number from {least} to {most}.")))
}

fn addresses(typed: &str) -> impl Iterator<Item = String> + '_ {
    typed.split([',', ';', ' ', '\n', '\r', '\t']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_lowercase)
}

fn named(field: &str, typed: &str, people: &BTreeMap<String, PersonId>) -> Result<BTreeSet<PersonId>, FieldError> {
    let typed: BTreeSet<String> = addresses(typed).collect();
    if typed.is_empty() || typed.len() > 50 {
        return Err(FieldError::new(field, "Give the addresses of 1 to 50 people, separated by commas."));
    }
    let unknown: Vec<&str> = typed.iter().filter(|address| !people.contains_key(*address)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let message = format!("Nobody here has the address {}. Add the person first, or correct it.", unknown.join(", "));
        return Err(FieldError::new(field, message));
    }
    Ok(typed.iter().filter_map(|address| people.get(address)).copied().collect())
}

/// Tags as they are typed: lower case letters, digits and hyphens, separated by commas or spaces.
pub fn tags(field: &str, typed: &str) -> Result<BTreeSet<String>, FieldError> {
    let found: BTreeSet<String> =
        typed.split([',', ' ', '\n', '\r', '\t']).map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect();
    let plain = |tag: &String| tag.len() <= 40 && tag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if found.len() > 20 || !found.iter().all(plain) {
        let message = "Give at most 20 tags of letters, digits and hyphens, at most 40 characters each, separated by commas.";
        return Err(FieldError::new(field, message));
    }
    Ok(found)
}

/// Keys that stay as rules come and go: the kind of group, and a number where it is there twice.
fn name_rules(rules: &mut [Rule]) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in rules {
        let word = rule.group.word();
        let times = seen.entry(word).or_default();
        *times += 1;
        rule.key = if *times == 1 { word.to_owned() } else { format!("{word}_{times}") };
    }
}

/// What the fields of a policy hold before anything is typed, by name; `addresses` are those of the people it names.
#[must_use]
pub fn filled(policy: &Policy, scope: &Scope, addresses: &BTreeMap<PersonId, String>) -> BTreeMap<&'static str, String> {
    let mut fields = BTreeMap::new();
    let group = |fields: &mut BTreeMap<_, _>, names: GroupNames, group: &Group| {
        fields.insert(names.who, group.word().to_owned());
        match group {
            Group::People(people) => {
                let typed: Vec<&str> = people.iter().filter_map(|person| addresses.get(person)).map(String::as_str).collect();
                fields.insert(names.people, typed.join(", "));
            }
            Group::Team(team) => {
                fields.insert(names.team, team.to_string());
            }
            _ => {}
        }
    };
    for (row, rule) in ROWS.iter().zip(&policy.rules) {
        group(&mut fields, row.group, &rule.group);
        fields.insert(
            row.how,
            if rule.percent == 0 {
                "number"
            } else if rule.percent == 100 {
                "all"
            } else {
                "percent"
            }
            .to_owned(),
        );
        fields.insert(row.count, rule.need.to_string());
        fields.insert(row.percent, if rule.percent == 0 { String::new() } else { rule.percent.to_string() });
        fields.insert(row.stage, (rule.stage + 1).to_string());
        fields.insert(row.known, rule.assurance.word().to_owned());
        fields.insert(row.deny, if rule.deny == 0 { String::new() } else { rule.deny.to_string() });
    }
    let shared = Terms {
        stage: 0,
        decide_before_start_min: policy.decide_before_start_min,
        remind_every_min: policy.remind_every_min,
        escalation: policy.escalation.clone(),
    };
    let own = policy.stage_terms.iter().filter_map(|terms| Some((STAGES.get(terms.stage as usize)?, terms)));
    for (names, terms) in [(&SHARED, &shared)].into_iter().chain(own) {
        fields.insert(names.before, terms.decide_before_start_min.to_string());
        fields.insert(names.remind, terms.remind_every_min.to_string());
        fields.insert(names.deadline, if terms.escalation.is_some() { "escalate" } else { "expire" }.to_owned());
        if let Some(second) = &terms.escalation {
            group(&mut fields, names.second, &second.group);
            fields.insert(names.within, second.within_min.to_string());
        }
    }
    fields.insert("deny_threshold", policy.deny_threshold.to_string());
    fields.insert("separate_executor", if policy.separate_executor { "on".to_owned() } else { String::new() });
    fields.insert("pre_approved", policy.pre_approved.map(|risk| risk.word().to_owned()).unwrap_or_default());
    fields.insert("proof_max_age_hours", policy.proof_max_age_hours.map(|hours| hours.to_string()).unwrap_or_default());
    fields.insert("rehearsal", if policy.rehearsal.is_some() { "needed" } else { "" }.to_owned());
    if let Some(demand) = &policy.rehearsal {
        fields.insert("rehearsal_max_age_days", demand.max_age_days.to_string());
    }
    let size = |mib: u64| if mib == 0 { String::new() } else { mib.to_string() };
    fields.insert("at_least_mib", size(scope.at_least_mib));
    fields.insert("database_at_least_mib", size(scope.database_at_least_mib));
    fields.insert("precedence", scope.precedence.to_string());
    fields.insert("tags", scope.tags.iter().cloned().collect::<Vec<_>>().join(", "));
    fields
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
