//! When each stage of a plan has to be met: its policy's terms, laid on the plan's times.

use super::Policy;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// The deadlines of one stage of one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageTimes {
    /// Which stage.
    pub stage: u32,
    /// Not met by then: the second group is asked; `None` where there is none.
    pub escalate_at: Option<Timestamp>,
    /// Not met by then: the proposal expires.
    pub decide_by: Timestamp,
    /// Whoever is waited for is asked again after this many minutes; 0 is never.
    pub remind_every_min: u32,
}

/// The deadlines of every stage, in order. Without a lead time, votes may come until the latest start: later ones could not start anything.
///
/// `Err` holds a stage whose people could not be asked in time any more, with its lead time in minutes.
pub fn deadlines(policy: &Policy, latest_start: Timestamp, now: Timestamp) -> Result<Vec<StageTimes>, (u32, u32)> {
    let minutes = |count: u32| SignedDuration::from_mins(i64::from(count));
    let of = |stage: u32| {
        let terms = policy.terms(stage);
        let due = latest_start - minutes(terms.decide_before_start_min);
        if due <= now {
            return Err((stage, terms.decide_before_start_min));
        }
        let (escalate_at, decide_by) = match &terms.escalation {
            None => (None, due),
            Some(second) => (Some(due), latest_start.min(due + minutes(second.within_min))),
        };
        Ok(StageTimes { stage, escalate_at, decide_by, remind_every_min: terms.remind_every_min })
    };
    policy.stages().into_iter().map(of).collect()
}

/// The deadlines of a plan with several policies: of each stage the earliest, and the most frequent reminder. Where a proposal expires before a
/// second group would be asked, none is.
#[must_use]
pub fn strictest(policies: &[Vec<StageTimes>]) -> Vec<StageTimes> {
    let mut found: BTreeMap<u32, StageTimes> = BTreeMap::new();
    for times in policies.iter().flatten() {
        let known = found.entry(times.stage).or_insert(*times);
        known.decide_by = known.decide_by.min(times.decide_by);
        known.escalate_at = [known.escalate_at, times.escalate_at].into_iter().flatten().min();
        known.remind_every_min = [known.remind_every_min, times.remind_every_min].into_iter().filter(|every| *every > 0).min().unwrap_or(0);
    }
    for times in found.values_mut() {
        let decide_by = times.decide_by;
        times.escalate_at = times.escalate_at.filter(|at| *at < decide_by);
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Escalation, Group, Terms};

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    #[test]
    fn each_stage_has_its_own_deadline_and_others_share_the_policys() {
        let mut policy = Policy::standard();
        policy.rules[1].stage = 1;
        policy.decide_before_start_min = 60;
        policy.remind_every_min = 120;
        let second = Some(Escalation { group: Group::Engineers, within_min: 30 });
        policy.stage_terms = vec![Terms { stage: 0, decide_before_start_min: 300, remind_every_min: 0, escalation: second }];
        let found = deadlines(&policy, at(1000), at(0)).expect("in time");
        let first = StageTimes { stage: 0, escalate_at: Some(at(700)), decide_by: at(730), remind_every_min: 0 };
        let last = StageTimes { stage: 1, escalate_at: None, decide_by: at(940), remind_every_min: 120 };
        assert_eq!(found, [first, last]);
        assert_eq!(deadlines(&policy, at(1000), at(700)), Err((0, 300)), "nobody of the first stage could decide in time");
    }

    #[test]
    fn of_several_policies_the_earliest_deadline_holds() {
        let of = |stage, escalate_at: Option<i64>, decide_by, remind_every_min| StageTimes {
            stage,
            escalate_at: escalate_at.map(at),
            decide_by: at(decide_by),
            remind_every_min,
        };
        assert_eq!(strictest(&[vec![of(0, Some(50), 80, 0)]]), [of(0, Some(50), 80, 0)]);
        let both = strictest(&[vec![of(0, Some(50), 80, 120), of(1, None, 90, 0)], vec![of(0, Some(60), 70, 60)]]);
        assert_eq!(both, [of(0, Some(50), 70, 60), of(1, None, 90, 0)]);
        assert_eq!(strictest(&[vec![of(0, Some(50), 80, 0)], vec![of(0, None, 40, 0)]]), [of(0, None, 40, 0)], "it expires before");
    }
}
