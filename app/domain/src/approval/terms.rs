//! When each stage of a plan has to be met: its policy's terms, laid on the plan's times.

use super::Policy;
use jiff::{SignedDuration, Timestamp};

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
}
