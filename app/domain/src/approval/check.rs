//! Whether a policy can be met at all: four eyes need other people.

use super::policy::{ESCALATION, Electorate, Policy, Terms};
use super::{Assurance, Roll, count};
use crate::backup::MOST_AGE_H;
use crate::decision::Refusal;
use crate::ids::PersonId;
use crate::rehearsal::MAX_AGE_DAYS;
use crate::target::Environment;
use std::collections::BTreeSet;

/// Refuses rules that mean nothing, or too much.
pub fn sound(policy: &Policy) -> Result<(), Refusal> {
    if policy.rules.is_empty() {
        return Err(Refusal::new(
            "policy_empty",
            "A policy without a rule would let a window pass that nobody approved.",
            "Add at least one rule.",
        ));
    }
    if policy.rules.iter().any(|rule| rule.need == 0 || rule.need > 20 || rule.percent > 100) {
        return Err(Refusal::new("policy_need", "Each rule asks for 1 to 20 people, or for 1 to 100 % of them.", "Change the number."));
    }
    let keys: BTreeSet<&str> = policy.rules.iter().map(|rule| rule.key.as_str()).collect();
    if keys.len() != policy.rules.len() || keys.iter().any(|key| key.starts_with(ESCALATION)) {
        return Err(Refusal::new("policy_keys", "Two rules have the same name.", "Name each rule differently."));
    }
    rehearsable(policy)?;
    if policy.proof_max_age_hours.is_some_and(|hours| !(1..=MOST_AGE_H).contains(&hours)) {
        return Err(Refusal::new(
            "policy_proof",
            format!("A backup that a worker restored counts for 1 to {MOST_AGE_H} hours."),
            "Change the number.",
        ));
    }
    in_order(policy)
}

/// Code of the refusal of a rehearsal that could not be had.
pub const REHEARSAL: &str = "policy_rehearsal";

/// Every environment that it rules has a lower one where a rehearsal would count; otherwise nothing could ever be proposed there.
fn rehearsable(policy: &Policy) -> Result<(), Refusal> {
    let Some(demand) = &policy.rehearsal else { return Ok(()) };
    if !(1..=MAX_AGE_DAYS).contains(&demand.max_age_days) {
        return Err(Refusal::new(REHEARSAL, format!("A rehearsal counts for 1 to {MAX_AGE_DAYS} days."), "Change the number."));
    }
    let mut ruled = policy.scope.iter().flat_map(|scope| &scope.environments).filter_map(|word| Environment::from_word(word));
    match ruled.find(|of| demand.places(*of).is_empty()) {
        None => Ok(()),
        Some(of) => Err(Refusal::new(
            REHEARSAL,
            format!("It rules the environment {}, and no rehearsal could count there: it has to run on a lower one.", of.label()),
            format!("Allow one that is lower, or leave {} to another policy.", of.label()),
        )),
    }
}

/// Terms belong to stages that are there, once each, and no stage may take longer than the one that waits for it.
fn in_order(policy: &Policy) -> Result<(), Refusal> {
    let stages = policy.stages();
    let own: BTreeSet<u32> = policy.stage_terms.iter().map(|terms| terms.stage).collect();
    if own.len() != policy.stage_terms.len() || !own.iter().all(|stage| stages.contains(stage)) {
        return Err(Refusal::new(
            "policy_stages",
            "A stage has terms of its own, and no rule.",
            "Give the stage a rule, or leave its terms out.",
        ));
    }
    let late = |one: &Terms, next: &Terms| {
        one.decide_before_start_min < next.decide_before_start_min || one.ends_before_start_min() < next.ends_before_start_min()
    };
    let pairs = stages.iter().zip(stages.iter().skip(1)).map(|(one, next)| (policy.terms(*one), policy.terms(*next)));
    match pairs.into_iter().find(|(one, next)| late(one, next)) {
        None => Ok(()),
        Some((one, next)) => Err(Refusal::new(
            "policy_stages",
            format!("Stage {} could take longer than stage {}, which waits for it.", one.stage + 1, next.stage + 1),
            format!(
                "Let stage {} be decided at least as long before the latest start as stage {}, and end no later.",
                one.stage + 1,
                next.stage + 1
            ),
        )),
    }
}

/// Refuses a policy that somebody who may propose could never get through.
///
/// `proposers` may propose; `people` may vote today. The proposer never counts.
pub fn satisfiable(policy: &Policy, proposers: &[(PersonId, String)], people: &Electorate) -> Result<(), Refusal> {
    sound(policy)?;
    for (proposer, name) in proposers {
        let roll = Roll::fresh(policy, people, &BTreeSet::from([*proposer]));
        if !count(policy, &roll, &[]).reachable {
            return Err(Refusal::new(
                "policy_unsatisfiable",
                format!(
                    "{name} may propose windows here, and nobody could ever approve them: the policy needs {}, all different people.",
                    short_of(policy, &roll, name).join(" and ")
                ),
                "Name more stakeholders or deputies, give them accounts where votes must be signed in, have them set up a second factor where that is asked for, or ask for fewer people.",
            ));
        }
        if roll.seconds(policy).iter().any(|(_, people)| people.is_empty()) {
            return Err(Refusal::new(
                "policy_unsatisfiable",
                format!("{name} may propose windows here, and when nobody decides in time there is nobody else to ask without {name}."),
                "Choose another group for the deadline, or let the proposal expire.",
            ));
        }
    }
    Ok(())
}

/// Each rule with the number of people who are there for it, as half a sentence. `out` names who does not count.
#[must_use]
pub fn short_of(policy: &Policy, roll: &Roll, out: &str) -> Vec<String> {
    policy
        .rules
        .iter()
        .map(|rule| {
            format!(
                "{} of the {} ({} {} without {out})",
                rule.how_many(),
                rule.group.label(),
                roll.present.get(&rule.key).map_or(0, BTreeSet::len),
                match rule.assurance {
                    Assurance::Link | Assurance::LinkCode => "there",
                    Assurance::Account => "with an account",
                    Assurance::AccountFactor => "with a second factor",
                }
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Escalation, Group, Rule, Scope};
    use crate::rehearsal::Demand;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn electorate(stakeholders: &[u128], leads: &[u128], accounts: &[u128]) -> Electorate {
        let set = |people: &[u128]| people.iter().map(|n| person(*n)).collect::<BTreeSet<_>>();
        let groups = BTreeMap::from([(Group::Stakeholders, set(stakeholders)), (Group::LeadsAndDeputies, set(leads))]);
        Electorate { groups, accounts: set(accounts), factors: BTreeSet::new() }
    }

    #[test]
    fn a_policy_that_its_proposer_could_never_pass_is_refused_with_the_reason() {
        let people = electorate(&[3], &[1], &[1]);
        let refusal = satisfiable(&Policy::standard(), &[(person(1), "Lena".into())], &people).expect_err("Lena is the only lead");
        assert!(refusal.message.contains("Lena"), "{}", refusal.message);
        assert!(satisfiable(&Policy::standard(), &[(person(2), "Egon".into())], &people).is_ok());
    }

    #[test]
    fn somebody_without_account_never_fills_a_seat_that_asks_for_one() {
        let mut policy = Policy::development();
        policy.rules[0].assurance = Assurance::Account;
        let egon = [(person(2), "Egon".to_owned())];
        let refusal = satisfiable(&policy, &egon, &electorate(&[3], &[], &[])).expect_err("3 cannot sign in");
        assert!(refusal.message.contains("0 with an account"), "{}", refusal.message);
        assert!(satisfiable(&policy, &egon, &electorate(&[3, 4], &[], &[4])).is_ok());
    }

    #[test]
    fn a_rule_that_only_the_proposer_could_fill_breaks_four_eyes() {
        let egon = Group::People(BTreeSet::from([person(2)]));
        let policy = Policy::of(vec![Rule::new("people", egon.clone(), 1, Assurance::Link)]);
        let people = Electorate { groups: BTreeMap::from([(egon, BTreeSet::from([person(2)]))]), ..Electorate::default() };
        assert_eq!(satisfiable(&policy, &[(person(2), "Egon".into())], &people).expect_err("his own eyes").code, "policy_unsatisfiable");
        assert!(satisfiable(&policy, &[(person(3), "Ana".into())], &people).is_ok());
    }

    #[test]
    fn all_of_a_group_that_is_empty_without_the_proposer_is_nobody() {
        let mut policy = Policy::of(vec![Rule::new("lead", Group::LeadsAndDeputies, 1, Assurance::Link)]);
        policy.rules[0].percent = 100;
        assert!(satisfiable(&policy, &[(person(1), "Lena".into())], &electorate(&[], &[1], &[])).is_err());
        assert!(satisfiable(&policy, &[(person(1), "Lena".into())], &electorate(&[], &[1, 2], &[])).is_ok());
    }

    #[test]
    fn a_deadline_that_escalates_to_nobody_is_refused() {
        let mut policy = Policy::development();
        policy.escalation = Some(Escalation { group: Group::LeadsAndDeputies, within_min: 60 });
        let refusal = satisfiable(&policy, &[(person(1), "Lena".into())], &electorate(&[3], &[1], &[])).expect_err("nobody else leads");
        assert!(refusal.message.contains("nobody else to ask"), "{}", refusal.message);
    }

    #[test]
    fn somebody_without_second_factor_never_fills_a_seat_that_asks_for_one() {
        let mut policy = Policy::development();
        policy.rules[0].assurance = Assurance::AccountFactor;
        let egon = [(person(2), "Egon".to_owned())];
        let people = electorate(&[3, 4], &[], &[3, 4]);
        let refusal = satisfiable(&policy, &egon, &people).expect_err("nobody has a factor");
        assert!(refusal.message.contains("0 with a second factor"), "{}", refusal.message);
        let factors = BTreeSet::from([person(4)]);
        assert!(satisfiable(&policy, &egon, &Electorate { factors, ..people }).is_ok());
    }

    #[test]
    fn a_rehearsal_is_demanded_only_where_there_is_something_lower() {
        let demanding = |ruled: &[&str], allowed: &[Environment]| {
            let mut policy = Policy::development();
            policy.scope = Some(Scope { environments: ruled.iter().map(|word| (*word).to_owned()).collect(), ..Scope::default() });
            policy.rehearsal = Some(Demand { environments: allowed.iter().copied().collect(), max_age_days: 14 });
            sound(&policy).map_err(|refusal| refusal.code)
        };
        let refused = Err(REHEARSAL.to_owned());
        assert_eq!(demanding(&["production", "staging"], &[]), Ok(()));
        assert_eq!(demanding(&["production"], &[Environment::Staging]), Ok(()));
        assert_eq!(demanding(&["production", "staging"], &[Environment::Staging]), refused, "staging has nothing lower that counts");
        assert_eq!(demanding(&["development"], &[]), refused);
        let mut policy = Policy::development();
        for (days, fine) in [(0, false), (1, true), (MAX_AGE_DAYS, true), (MAX_AGE_DAYS + 1, false)] {
            policy.rehearsal = Some(Demand { environments: BTreeSet::new(), max_age_days: days });
            assert_eq!(sound(&policy).is_ok(), fine, "{days}");
        }
    }

    #[test]
    fn whoever_holds_a_link_can_be_known_by_a_code() {
        let mut policy = Policy::development();
        policy.rules[0].assurance = Assurance::LinkCode;
        assert!(satisfiable(&policy, &[(person(2), "Egon".to_owned())], &electorate(&[3], &[], &[])).is_ok());
    }
}
