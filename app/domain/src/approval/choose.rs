//! Which policy rules a window: the first that fits, by precedence.

use super::policy::Scope;
use crate::decision::Refusal;
use crate::plan::PlanPolicy;
use crate::procedure::{self, RiskClass};
use std::collections::BTreeSet;

/// What a policy is chosen by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Environment of the database.
    pub environment: String,
    /// Tags of the database.
    pub tags: BTreeSet<String>,
    /// Key of the procedure.
    pub procedure: String,
    /// Of an own procedure those of the library whose work it does: what names them rules it, too.
    pub alike: BTreeSet<String>,
    /// The worst class the plan allows.
    pub risk: RiskClass,
    /// Most data the plan may touch, in MiB.
    pub most_mib: u64,
    /// What the database holds, in MiB, as it was measured; `None` where it was not.
    pub database_mib: Option<u64>,
}

/// A policy at its current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// As it enters a plan.
    pub policy: PlanPolicy,
    /// Environments it rules, where its version does not say more.
    pub environments: BTreeSet<String>,
}

impl Known {
    /// What it rules.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let whole = || Scope { environments: self.environments.clone(), ..Scope::default() };
        self.policy.rules.scope.clone().unwrap_or_else(whole)
    }
}

impl Scope {
    /// Whether it covers this case.
    #[must_use]
    pub fn covers(&self, case: &Case) -> bool {
        self.environments.contains(&case.environment)
            && (self.tags.is_empty() || !self.tags.is_disjoint(&case.tags))
            && (self.procedures.is_empty() || self.procedures.contains(&case.procedure) || !self.procedures.is_disjoint(&case.alike))
            && (self.risks.is_empty() || self.risks.contains(&case.risk))
            && case.most_mib >= self.at_least_mib
            && case.database_mib.is_none_or(|mib| mib >= self.database_at_least_mib)
    }
}

/// Whether any of them asks how large a database is.
#[must_use]
pub fn by_size(known: &[Known]) -> bool {
    known.iter().any(|one| one.scope().database_at_least_mib > 0)
}

/// The policy that rules this case; `None` when none covers it.
#[must_use]
pub fn ruling<'k>(known: &'k [Known], case: &Case) -> Option<&'k Known> {
    let rank = |one: &Known| (std::cmp::Reverse(one.scope().precedence), one.policy.name.clone());
    known.iter().filter(|one| one.scope().covers(case)).min_by_key(|one| rank(one))
}

/// The refusal where none does.
#[must_use]
pub fn ruled_by_none(case: &Case) -> Refusal {
    Refusal::new(
        "no_policy",
        format!("No policy rules {} windows with this procedure in the environment “{}”.", case.risk.word(), case.environment),
        "An administrator has to add them to a policy.",
    )
}

/// Refuses two policies of equal precedence in one environment: where both fit, nobody could tell which one rules.
pub fn distinct(known: &[Known], changed: &Known) -> Result<(), Refusal> {
    let scope = changed.scope();
    let clash = known.iter().filter(|other| other.policy.id != changed.policy.id).find(|other| {
        let theirs = other.scope();
        theirs.precedence == scope.precedence && !theirs.environments.is_disjoint(&scope.environments)
    });
    clash.map_or(Ok(()), |other| {
        Err(Refusal::new(
            "policy_precedence",
            format!(
                "“{}” has the precedence {} in one of these environments too, so where both fit nobody could tell which one rules.",
                other.policy.name, scope.precedence
            ),
            "Give this policy another precedence; the highest one that fits rules.",
        ))
    })
}

/// Every case in which the choice could differ on a database of this environment with these tags.
#[must_use]
pub fn cases(environment: &str, tags: &BTreeSet<String>, scopes: &[Scope]) -> Vec<Case> {
    let limits: BTreeSet<u64> = scopes.iter().map(|scope| scope.at_least_mib).chain([0]).collect();
    // A database grows: those of every size are looked at, whatever this one holds today.
    let held: BTreeSet<u64> = scopes.iter().map(|scope| scope.database_at_least_mib).chain([0]).collect();
    let mut found = Vec::new();
    for procedure in procedure::library::all() {
        for (most_mib, database_mib) in limits.iter().flat_map(|limit| held.iter().map(move |held| (*limit, Some(*held)))) {
            found.push(Case {
                environment: environment.to_owned(),
                tags: tags.clone(),
                procedure: procedure.key.clone(),
                alike: BTreeSet::new(),
                risk: procedure.highest_risk(),
                most_mib,
                database_mib,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Policy;
    use crate::canonical;
    use crate::ids::PolicyId;
    use uuid::Uuid;

    fn known(n: u128, name: &str, scope: Option<Scope>) -> Known {
        let rules = Policy { scope, ..Policy::standard() };
        let policy = PlanPolicy {
            id: PolicyId(Uuid::from_u128(n)),
            version: 1,
            name: name.into(),
            digest: canonical::digest("policy", b""),
            rules,
            raised: None,
        };
        Known { policy, environments: BTreeSet::from(["production".to_owned()]) }
    }

    fn scope(precedence: u32) -> Scope {
        Scope { environments: BTreeSet::from(["production".to_owned()]), precedence, ..Scope::default() }
    }

    fn case() -> Case {
        Case {
            environment: "production".into(),
            tags: BTreeSet::from(["payments".to_owned()]),
            procedure: procedure::library::WEEKLY_POSTGRESQL.into(),
            alike: BTreeSet::new(),
            risk: RiskClass::R1,
            most_mib: 1_000,
            database_mib: Some(500),
        }
    }

    /// A composed procedure is no way round a policy for the library's.
    #[test]
    fn what_does_the_work_of_a_procedure_is_ruled_as_that_is() {
        let weekly = Scope { procedures: BTreeSet::from([procedure::library::WEEKLY_POSTGRESQL.to_owned()]), ..scope(10) };
        let both = [known(1, "Standard", None), known(2, "Weekly", Some(weekly))];
        let name = |alike: &[&str]| {
            let alike = alike.iter().map(|key| (*key).to_owned()).collect();
            let case = Case { procedure: "own_nightly".into(), alike, ..case() };
            ruling(&both, &case).map(|one| one.policy.name.clone())
        };
        assert_eq!(name(&[procedure::library::WEEKLY_POSTGRESQL]), Some("Weekly".into()));
        assert_eq!(name(&["space_review_postgresql"]), Some("Standard".into()));
    }

    #[test]
    fn the_highest_precedence_that_fits_rules() {
        let tagged = |tag: &str| Scope { tags: BTreeSet::from([tag.to_owned()]), ..scope(10) };
        let chosen = |special: Scope| {
            let both = [known(1, "Standard", None), known(2, "Special", Some(special))];
            ruling(&both, &case()).map(|one| one.policy.name.clone())
        };
        let special = Some("Special".to_owned());
        let standard = Some("Standard".to_owned());
        assert_eq!(chosen(tagged("payments")), special);
        assert_eq!(chosen(tagged("other")), standard);
        assert_eq!(chosen(Scope { risks: BTreeSet::from([RiskClass::R3, RiskClass::R1]), ..scope(10) }), special);
        assert_eq!(chosen(Scope { risks: BTreeSet::from([RiskClass::R4]), ..scope(10) }), standard);
        assert_eq!(chosen(Scope { at_least_mib: 1_000, ..scope(10) }), special);
        assert_eq!(chosen(Scope { at_least_mib: 1_001, ..scope(10) }), standard);
        assert_eq!(chosen(Scope { database_at_least_mib: 500, ..scope(10) }), special);
        assert_eq!(chosen(Scope { database_at_least_mib: 501, ..scope(10) }), standard);
        assert_eq!(chosen(Scope { procedures: BTreeSet::from(["another".to_owned()]), ..scope(10) }), standard);
        assert_eq!(chosen(Scope { environments: BTreeSet::new(), ..scope(10) }), standard, "switched off");
    }

    #[test]
    fn a_database_that_nobody_could_measure_counts_as_large() {
        let large = [known(1, "Standard", None), known(2, "Large", Some(Scope { database_at_least_mib: 1 << 40, ..scope(10) }))];
        let name = |database_mib| ruling(&large, &Case { database_mib, ..case() }).map(|one| one.policy.name.clone());
        assert_eq!((name(None), name(Some(7))), (Some("Large".to_owned()), Some("Standard".to_owned())));
        assert!(by_size(&large) && !by_size(&large[..1]));
    }

    #[test]
    fn every_size_at_which_the_choice_changes_is_a_case() {
        let scopes = [Scope { at_least_mib: 5, database_at_least_mib: 9, ..scope(1) }];
        let cases = cases("production", &BTreeSet::new(), &scopes);
        let of_one: Vec<_> =
            cases.iter().filter(|case| case.procedure == cases[0].procedure).map(|case| (case.most_mib, case.database_mib)).collect();
        assert_eq!(of_one, [(0, Some(0)), (0, Some(9)), (5, Some(0)), (5, Some(9))]);
    }

    #[test]
    fn two_of_equal_precedence_in_one_environment_are_refused() {
        let standard = known(1, "Standard", None);
        assert!(distinct(std::slice::from_ref(&standard), &known(2, "Special", Some(scope(0)))).is_err());
        assert!(distinct(std::slice::from_ref(&standard), &known(2, "Special", Some(scope(1)))).is_ok());
        assert!(distinct(std::slice::from_ref(&standard), &known(1, "Standard", Some(scope(0)))).is_ok(), "its own next version");
    }
}
