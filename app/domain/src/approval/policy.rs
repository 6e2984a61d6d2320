//! A policy as data: which windows it rules, and in which stages who must agree to them.
//!
//! Its bytes are sealed into plans and kept for ever. Fields are only added, each with a default that is left out of the bytes: a policy that
//! was saved before a field existed reads back, and has the same digest, in every later version.

use super::Assurance;
use crate::canonical::{self, CanonicalError, Digest};
use crate::ids::{PersonId, TeamId};
use crate::procedure::RiskClass;
use crate::rehearsal::Demand;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A group whose members a rule counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Stakeholders of the database, with or without account.
    Stakeholders,
    /// Leads and deputies of the owner team.
    LeadsAndDeputies,
    /// Engineers of the owner team.
    Engineers,
    /// These people.
    People(BTreeSet<PersonId>),
    /// Leads and deputies of this team, whoever owns the database.
    Team(TeamId),
}

impl Group {
    /// The word of its kind, in forms and in keys of rules.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Stakeholders => "stakeholder",
            Self::LeadsAndDeputies => "lead",
            Self::Engineers => "engineer",
            Self::People(_) => "people",
            Self::Team(_) => "team",
        }
    }
    /// The words people read, after "of the".
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Stakeholders => "stakeholders of the database",
            Self::LeadsAndDeputies => "leads and deputies of the owner team",
            Self::Engineers => "engineers of the owner team",
            Self::People(_) => "people named in the policy",
            Self::Team(_) => "leads and deputies of another team",
        }
    }
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One demand of a policy: so many different people of `group`, each known by at least `assurance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Stable key inside the policy.
    pub key: String,
    /// Whose votes count.
    pub group: Group,
    /// How many, 1 to 20; with a share, how many at least.
    pub need: u32,
    /// The least assurance a vote must have.
    pub assurance: Assurance,
    /// Share of the group in percent, rounded up; 100 is everybody, 0 counts by `need` alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub percent: u32,
    /// Its place in the order: people are asked once every earlier stage is met.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stage: u32,
    /// Rejections by people of this rule that end the window, besides the policy's own threshold; 0 adds nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deny: u32,
}

impl Rule {
    /// A rule of the first stage that asks for `need` people.
    #[must_use]
    pub fn new(key: &str, group: Group, need: u32, assurance: Assurance) -> Self {
        Self { key: key.to_owned(), group, need, assurance, percent: 0, stage: 0, deny: 0 }
    }
    /// How many people it asks for, of a group of this size. The group is the sealed one: nobody who leaves it later lowers the number.
    #[must_use]
    pub fn required(&self, group: usize) -> usize {
        let share = (group * self.percent as usize).div_ceil(100);
        share.max(self.need as usize)
    }
    /// How many, as people read it.
    #[must_use]
    pub fn how_many(&self) -> String {
        match (self.percent, self.need) {
            (0, need) => need.to_string(),
            (100, _) => "all".to_owned(),
            (percent, 1) => format!("{percent} %"),
            (percent, need) => format!("{percent} %, at least {need},"),
        }
    }
}

/// Which windows a policy rules. An empty list of tags, procedures or classes stands for all; without environment it rules nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Environments of the database.
    pub environments: BTreeSet<String>,
    /// Tags, of which the database has at least one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Keys of procedures.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub procedures: BTreeSet<String>,
    /// Risk classes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub risks: BTreeSet<RiskClass>,
    /// The plan may touch at least this much data, in MiB. It is the plan's own limit: what is measured at the start stays inside it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub at_least_mib: u64,
    /// The database holds at least this much, in MiB, as it was last measured. One that nobody could measure counts as large.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub database_at_least_mib: u64,
    /// Where several policies fit, the highest precedence rules.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub precedence: u32,
}

/// Who is asked too, when the quorum does not stand in time: they may take any seat that is still free. Nothing passes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Who.
    pub group: Group,
    /// How long they have, in minutes; without quorum the proposal expires then.
    pub within_min: u32,
}

/// Key of the people an escalation asks, among the sealed ones; no rule may bear it, or begin with it.
pub const ESCALATION: &str = "escalation";

/// Key of those whom a stage with terms of its own asks at its deadline.
#[must_use]
pub fn second_key(stage: u32) -> String {
    format!("{ESCALATION}_{}", stage + 1)
}

/// Until when the people of one stage decide, how often they are reminded, and what happens at their deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Which stage.
    pub stage: u32,
    /// It must be met this long before the latest start, in minutes.
    pub decide_before_start_min: u32,
    /// Whoever is waited for is asked again after this many minutes; 0 is never.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub remind_every_min: u32,
    /// What happens when it is not met in time; without it the proposal expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
}

impl Terms {
    /// How long before the latest start the proposal expires if the stage is not met, in minutes.
    #[must_use]
    pub fn ends_before_start_min(&self) -> u32 {
        self.decide_before_start_min.saturating_sub(self.escalation.as_ref().map_or(0, |second| second.within_min))
    }
}

/// Who must agree. A voter counts for one rule only, so the rules together ask for the sum of different people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The demands; all must be met.
    pub rules: Vec<Rule>,
    /// Rejections that end the window.
    pub deny_threshold: u32,
    /// The quorum must stand this long before the latest start, in minutes.
    pub decide_before_start_min: u32,
    /// What it rules; versions from before there was a choice rule whole environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What happens without quorum in time; without it the proposal expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
    /// Whoever is waited for is asked again after this many minutes; 0 is never.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub remind_every_min: u32,
    /// Windows of this risk class or a lower one are approved as they are proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_approved: Option<RiskClass>,
    /// Stages that have terms of their own, in their order; the others share those of the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stage_terms: Vec<Terms>,
    /// Whoever approved neither starts the run by hand nor lets it go on after a hold.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub separate_executor: bool,
    /// The rehearsal a window needs before it may be proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Demand>,
    /// A run starts only with a backup that a worker restored, at most so old, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_max_age_hours: Option<u32>,
}

impl Policy {
    /// A policy of these rules: one rejection ends a window, and decisions are possible until the latest start.
    #[must_use]
    pub fn of(rules: Vec<Rule>) -> Self {
        Self {
            rules,
            deny_threshold: 1,
            decide_before_start_min: 0,
            scope: None,
            escalation: None,
            remind_every_min: 0,
            pre_approved: None,
            stage_terms: vec![],
            separate_executor: false,
            rehearsal: None,
            proof_max_age_hours: None,
        }
    }
    /// Canonical bytes and digest.
    pub fn seal(&self) -> Result<(Vec<u8>, Digest), CanonicalError> {
        let bytes = canonical::bytes(self)?;
        let digest = canonical::digest("policy", &bytes);
        Ok((bytes, digest))
    }
    /// The first policy for development: one stakeholder.
    #[must_use]
    pub fn development() -> Self {
        Self::of(vec![Rule::new("stakeholder", Group::Stakeholders, 1, Assurance::Link)])
    }
    /// The first policy for everything else: one stakeholder and one other person who leads or stands in.
    #[must_use]
    pub fn standard() -> Self {
        let mut policy = Self::development();
        policy.rules.push(Rule::new("lead", Group::LeadsAndDeputies, 1, Assurance::Link));
        policy
    }
    /// Every group it speaks of.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<Group> {
        self.rules.iter().map(|rule| &rule.group).chain(self.seconds().map(|second| &second.group)).cloned().collect()
    }
    /// Every way in which others are asked at a deadline.
    pub fn seconds(&self) -> impl Iterator<Item = &Escalation> {
        self.escalation.iter().chain(self.stage_terms.iter().filter_map(|terms| terms.escalation.as_ref()))
    }
    /// What holds for a stage: its own terms, or else those of the policy.
    #[must_use]
    pub fn terms(&self, stage: u32) -> Terms {
        let own = self.stage_terms.iter().find(|own| own.stage == stage).cloned();
        own.unwrap_or_else(|| Terms {
            stage,
            decide_before_start_min: self.decide_before_start_min,
            remind_every_min: self.remind_every_min,
            escalation: self.escalation.clone(),
        })
    }
    /// The longest time before the latest start by which one of its stages has to be met, in minutes.
    #[must_use]
    pub fn lead_min(&self) -> u32 {
        self.stages().into_iter().map(|stage| self.terms(stage).decide_before_start_min).max().unwrap_or(0)
    }
    /// Its stages, in order.
    #[must_use]
    pub fn stages(&self) -> Vec<u32> {
        self.rules.iter().map(|rule| rule.stage).collect::<BTreeSet<_>>().into_iter().collect()
    }
    /// The least assurance with which somebody could take every seat: what the second group must be able to show.
    #[must_use]
    pub fn highest_assurance(&self) -> Assurance {
        self.rules.iter().map(|rule| rule.assurance).max().unwrap_or(Assurance::Link)
    }
    /// The same for the seats of one stage.
    #[must_use]
    pub fn assurance_of(&self, stage: u32) -> Assurance {
        self.rules.iter().filter(|rule| rule.stage == stage).map(|rule| rule.assurance).max().unwrap_or(Assurance::Link)
    }
    /// Whether a window of this class is approved as it is proposed.
    #[must_use]
    pub fn pre_approves(&self, risk: RiskClass) -> bool {
        self.pre_approved.is_some_and(|highest| risk <= highest)
    }
}

/// Who may vote on one plan, by rule: sealed into the plan. Removals count at once, additions only after sealing anew.
pub type Eligible = BTreeMap<String, BTreeSet<PersonId>>;

/// The people behind the groups of policies today.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Electorate {
    /// Who of each group may vote.
    pub groups: BTreeMap<Group, BTreeSet<PersonId>>,
    /// Who of them has an account; the others are known by a link and a code at most.
    pub accounts: BTreeSet<PersonId>,
    /// Who of them has a second factor.
    pub factors: BTreeSet<PersonId>,
}

impl Electorate {
    /// Who could vote for a rule: in its group, and able to be known as well as it asks.
    pub fn of<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = PersonId> + 'a {
        self.in_group(&rule.group, rule.assurance)
    }
    /// Who of a group is able to be known that well.
    pub fn in_group<'a>(&'a self, group: &Group, assurance: Assurance) -> impl Iterator<Item = PersonId> + 'a {
        self.groups.get(group).into_iter().flatten().filter(move |person| self.can_be_known(**person, assurance)).copied()
    }
    /// Whether somebody has what it takes to be known that well.
    #[must_use]
    pub fn can_be_known(&self, person: PersonId, assurance: Assurance) -> bool {
        match assurance {
            Assurance::Link | Assurance::LinkCode => true,
            Assurance::Account => self.accounts.contains(&person),
            Assurance::AccountFactor => self.factors.contains(&person),
        }
    }
    /// Everybody in any group.
    #[must_use]
    pub fn everybody(&self) -> BTreeSet<PersonId> {
        self.groups.values().flatten().copied().collect()
    }
    /// Those of these groups.
    #[must_use]
    pub fn among(&self, groups: &BTreeSet<Group>) -> Self {
        let kept = self.groups.iter().filter(|(group, _)| groups.contains(group));
        Self { groups: kept.map(|(group, people)| (group.clone(), people.clone())).collect(), ..self.clone() }
    }
    /// The same people without some.
    #[must_use]
    pub fn without(&self, gone: &BTreeSet<PersonId>) -> Self {
        let rest = |people: &BTreeSet<PersonId>| people.difference(gone).copied().collect();
        Self {
            groups: self.groups.iter().map(|(group, people)| (group.clone(), rest(people))).collect(),
            accounts: rest(&self.accounts),
            factors: rest(&self.factors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Environment;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_policies_from_before_there_were_stages_stay_what_they_were() {
        let text = r#"{"decide_before_start_min":60,"deny_threshold":1,"rules":[{"assurance":"link","group":"stakeholders","key":"stakeholder","need":1},{"assurance":"account","group":"leads_and_deputies","key":"lead","need":2}]}"#;
        let read: Policy = serde_json::from_str(text).expect("an old version");
        assert_eq!(String::from_utf8(read.seal().expect("integers").0).expect("text"), text);
        let (_, digest) = Policy::standard().seal().expect("integers");
        assert_eq!(digest, canonical::digest("policy", br#"{"decide_before_start_min":0,"deny_threshold":1,"rules":[{"assurance":"link","group":"stakeholders","key":"stakeholder","need":1},{"assurance":"link","group":"leads_and_deputies","key":"lead","need":1}]}"#));
    }

    #[test]
    fn every_field_survives_its_bytes() {
        let mut policy = Policy::standard();
        policy.rules[1] = Rule {
            percent: 50,
            stage: 1,
            deny: 2,
            ..Rule::new("team", Group::Team(TeamId(uuid::Uuid::from_u128(7))), 1, Assurance::Account)
        };
        policy.rules.push(Rule::new("people", Group::People(BTreeSet::from([PersonId(uuid::Uuid::from_u128(8))])), 1, Assurance::Link));
        policy.scope = Some(Scope { environments: BTreeSet::from(["production".into()]), at_least_mib: 5, ..Scope::default() });
        policy.escalation = Some(Escalation { group: Group::Engineers, within_min: 60 });
        policy.pre_approved = Some(RiskClass::R0);
        policy.remind_every_min = 240;
        policy.separate_executor = true;
        policy.rehearsal = Some(Demand { environments: BTreeSet::from([Environment::Staging]), max_age_days: 14 });
        policy.proof_max_age_hours = Some(26);
        let (bytes, _) = policy.seal().expect("integers");
        assert_eq!(serde_json::from_slice::<Policy>(&bytes).expect("read back"), policy);
    }

    proptest! {
        #[test]
        fn a_share_never_asks_for_less_than_its_part_nor_for_more_than_the_group(group in 1usize..40, percent in 1u32..=100) {
            let rule = Rule { percent, ..Rule::new("r", Group::Engineers, 1, Assurance::Link) };
            let required = rule.required(group);
            prop_assert!(required * 100 >= group * percent as usize && required <= group && required >= 1);
            prop_assert!((required - 1) * 100 < group * percent as usize, "one fewer would be too few");
        }
    }
}
