//! Whom a plan asks: each of its databases by the policy that was sealed for it.

use super::{Plan, PlanPolicy, PlanTarget};
use crate::approval::polls::everybody;
use crate::approval::{Assurance, Electorate, Electorates, Eligible, Policy, Poll, Polls, Roll};
use crate::backup;
use crate::glass::Raised;
use crate::ids::PersonId;
use std::collections::BTreeSet;

impl Plan {
    /// What each database asks for, in order: its policy, and who may vote by it.
    pub fn asks(&self) -> impl Iterator<Item = (&PlanTarget, &PlanPolicy, &Eligible)> {
        let first = std::iter::once((&self.policy, &self.eligible));
        let asked = first.chain(self.bars.iter().map(|bar| (&bar.policy, &bar.eligible)));
        self.targets.iter().zip(asked).map(|(target, (policy, eligible))| (target, policy, eligible))
    }

    fn polls(&self, roll: impl Fn(&PlanTarget, &Policy, &Eligible) -> Roll) -> Polls<'_> {
        let poll = |(target, policy, eligible): (&'_ PlanTarget, &'_ PlanPolicy, &'_ Eligible)| roll(target, &policy.rules, eligible);
        let rolls: Vec<Roll> = self.asks().map(poll).collect();
        let each = self.asks().zip(rolls).map(|((target, policy, _), roll)| Poll {
            target: target.id,
            name: self.is_many().then_some(target.short_name.as_str()),
            policy: &policy.rules,
            roll,
            risk: self.risk(),
        });
        Polls(each.collect())
    }

    /// Its policies with everybody who was sealed. `escalated` are the stages whose second group was asked.
    #[must_use]
    pub fn as_sealed(&self, escalated: &BTreeSet<u32>) -> Polls<'_> {
        self.polls(|_, _, eligible| {
            let mut roll = Roll::as_sealed(eligible);
            roll.escalated.clone_from(escalated);
            roll
        })
    }

    /// Its policies with today's groups: who left a group no longer counts, who joined counts only after sealing anew.
    #[must_use]
    pub fn today(&self, people: &Electorates, escalated: &BTreeSet<u32>) -> Polls<'_> {
        let nobody = Electorate::default();
        self.polls(|target, policy, eligible| Roll::today(policy, eligible, people.get(&target.id).unwrap_or(&nobody), escalated))
    }

    /// Whether a policy asks for this person's approval with a second factor: the group is theirs, whether they had a factor when it was sealed or not.
    #[must_use]
    pub fn wants_factor_of(&self, people: &Electorates, person: PersonId) -> bool {
        self.asks().filter_map(|(target, policy, _)| people.get(&target.id).zip(Some(policy))).any(|(today, policy)| {
            let mut rules = policy.rules.rules.iter().filter(|rule| rule.assurance == Assurance::AccountFactor);
            rules.any(|rule| today.in_group(&rule.group, Assurance::Account).any(|one| one == person))
        })
    }

    /// Whom it asks first: the people of the earliest stage.
    #[must_use]
    pub fn first_asked(&self) -> BTreeSet<PersonId> {
        self.as_sealed(&BTreeSet::new()).count(&[]).waiting_for()
    }

    /// It was approved as it was proposed: no policy asks anybody about this class.
    #[must_use]
    pub fn is_pre_approved(&self) -> bool {
        self.asks().all(|(_, policy, _)| policy.rules.pre_approves(self.risk()))
    }

    /// Which policies approve it beforehand, and why they may, as a sentence; nothing where somebody is asked.
    #[must_use]
    pub fn pre_approved_by(&self) -> Option<String> {
        let policies = self.policies();
        let named: Vec<String> = policies.iter().map(|(policy, _)| format!("“{}”, version {}", policy.name, policy.version)).collect();
        let noun = if named.len() == 1 { "policy" } else { "policies" };
        let (named, risk) = (named.join(" and "), self.risk());
        self.is_pre_approved().then(|| format!("Approved beforehand by the {noun} {named}: risk {}, {}.", risk.word(), risk.label()))
    }

    /// A policy of it keeps whoever approved from starting it.
    #[must_use]
    pub fn wants_another_executor(&self) -> bool {
        self.asks().any(|(_, policy, _)| policy.rules.separate_executor)
    }

    /// A backup that a worker restored and that is at most so many hours old is demanded for each of these databases, by their sealed policies.
    #[must_use]
    pub fn proofs_demanded(&self) -> Vec<(&PlanTarget, u32)> {
        self.asks().filter_map(|(target, policy, _)| Some((target, backup::demanded([&policy.rules])?))).collect()
    }

    /// Why it asks for more than its policies do; of several databases all are raised alike.
    #[must_use]
    pub fn raised(&self) -> Option<&Raised> {
        self.asks().find_map(|(_, policy, _)| policy.raised.as_ref())
    }

    /// Everybody whose vote it may ask for, sooner or later.
    #[must_use]
    pub fn voters(&self) -> BTreeSet<PersonId> {
        everybody(self.asks().map(|(_, _, eligible)| eligible))
    }

    /// Its policies by name and version, each once, with the databases that they rule.
    #[must_use]
    pub fn policies(&self) -> Vec<(&PlanPolicy, Vec<&str>)> {
        let mut found: Vec<(&PlanPolicy, Vec<&str>)> = Vec::new();
        for (target, policy, _) in self.asks() {
            match found.iter_mut().find(|(known, _)| known.id == policy.id && known.version == policy.version) {
                Some((_, named)) => named.push(&target.short_name),
                None => found.push((policy, vec![&target.short_name])),
            }
        }
        found
    }
}
