//! Times in which nothing starts on a part of the installation: what they cover, who makes and lifts them, and who lets one window pass.

mod form;
pub mod import;
pub mod repeat;
mod span;

pub use form::{Covers, EndForm, FreezeForm, Wanted};

use crate::decision::Refusal;
use crate::ids::{FreezeId, PersonId, TargetId, TeamId};
use crate::permission::{self, Actor, Permit, Verb};
use crate::target::Environment;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Code of the refusal of everything that would start meanwhile; also the name of the database's own guard.
pub const FROZEN: &str = "freeze";

/// The longest freeze, in days: what lasts longer is no freeze but another plan.
pub const MOST_DAYS: i64 = 400;

/// What a freeze covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Every database.
    Everything,
    /// Every database of an environment.
    Environment(Environment),
    /// Every database that bears this tag at that time.
    Tag(String),
    /// Every database that a team owns at that time.
    Team(TeamId),
    /// One database, with the team that owns it.
    Target(TargetId, TeamId),
}

impl Scope {
    /// The word stored in the database.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Environment(_) => "environment",
            Self::Tag(_) => "tag",
            Self::Team(_) => "team",
            Self::Target(..) => "target",
        }
    }
    /// The team whose leads may freeze it; `None` where only administrators may.
    #[must_use]
    pub fn team(&self) -> Option<TeamId> {
        match self {
            Self::Everything | Self::Environment(_) | Self::Tag(_) => None,
            Self::Team(team) | Self::Target(_, team) => Some(*team),
        }
    }
}

/// A freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Identity.
    pub id: FreezeId,
    /// As people call it.
    pub name: String,
    /// Why.
    pub reason: String,
    /// What it covers.
    pub scope: Scope,
    /// IANA zone its times were typed in.
    pub zone: String,
    /// From then on.
    pub start: Timestamp,
    /// Until then, exclusive.
    pub end: Timestamp,
    /// Who made it.
    pub by: PersonId,
    /// Name of who made it.
    pub by_name: String,
    /// When it was lifted; `None` while it stands.
    pub lifted_at: Option<Timestamp>,
    /// Rises with every change of its end.
    pub revision: i32,
}

/// Where a freeze stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun.
    Coming,
    /// Nothing starts.
    Now,
    /// It has ended.
    Over,
    /// Somebody ended it early, or called it off.
    Lifted,
}

impl Phase {
    /// As people read it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Coming => "Coming",
            Self::Now => "In force",
            Self::Over => "Over",
            Self::Lifted => "Lifted",
        }
    }
}

impl Freeze {
    /// Where it stands at `now`.
    #[must_use]
    pub fn phase(&self, now: Timestamp) -> Phase {
        match (self.lifted_at, now) {
            (Some(_), _) => Phase::Lifted,
            (None, now) if now < self.start => Phase::Coming,
            (None, now) if now < self.end => Phase::Now,
            _ => Phase::Over,
        }
    }
    /// `“Year end” until 2027-01-03 08:00 UTC, by Ana: the books are closed.`, as the subject of a sentence about what it keeps.
    #[must_use]
    pub fn said(&self) -> String {
        let reason = self.reason.trim();
        let stop = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
        format!("“{}” until {}, by {}: {reason}{stop}", self.name, self.end.strftime("%Y-%m-%d %H:%M UTC"), self.by_name)
    }
    /// What it is told to whoever plans into it: `The freeze “Year end” covers this database from … to …: the books are closed.`
    #[must_use]
    pub fn in_the_way(&self) -> String {
        let reason = self.reason.trim();
        let stop = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
        let at = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        format!("The freeze “{}” covers this database from {} to {}: {reason}{stop}", self.name, at(self.start), at(self.end))
    }
    /// Why something does not start.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        gate_refusal(&self.said())
    }
}

/// Why something does not start, for a freeze as [`Freeze::said`] says it.
#[must_use]
pub fn gate_refusal(said: &str) -> Refusal {
    Refusal::new(
        FROZEN,
        format!("A freeze covers this database: {said}"),
        "Wait for its end, have it lifted on the page Freezes, or have somebody with that right let this window pass.",
    )
}

/// Whether the actor may make, move or lift a freeze of this scope.
pub fn may_freeze(actor: &Actor, scope: &Scope) -> Result<Permit, Refusal> {
    permission::authorize(actor, Verb::Freeze, scope.team())
}

/// Whether the actor may freeze anything at all: what exactly is looked up and judged afterwards.
pub fn may_freeze_something(actor: &Actor) -> Result<(), Refusal> {
    if actor.teams.iter().any(|member| permission::holds(actor, Verb::Freeze, Some(member.team))) {
        return Ok(());
    }
    permission::authorize(actor, Verb::Freeze, None).map(|_| ())
}

/// Whether the actor may take a database out of an environment over which these freezes stand: nobody leaves one in force, and what is to be
/// frozen later is let go only by who may lift that freeze.
pub fn may_leave_environment(actor: &Actor, standing: &[Freeze], now: Timestamp) -> Result<(), Refusal> {
    if let Some(freeze) = standing.iter().find(|freeze| freeze.phase(now) == Phase::Now) {
        return Err(Refusal::new(
            FROZEN,
            format!("A freeze covers this environment, and its databases stay in it meanwhile: {}", freeze.said()),
            "Wait for its end, or have it lifted on the page Freezes.",
        ));
    }
    match standing.iter().find(|freeze| freeze.phase(now) == Phase::Coming && may_freeze(actor, &freeze.scope).is_err()) {
        Some(freeze) => Err(Refusal::new(
            FROZEN,
            format!("A freeze is to cover this environment, and the database would not be kept by it any more: {}", freeze.said()),
            "Ask an administrator to lift the freeze, or change the environment once it is over.",
        )),
        None => Ok(()),
    }
}

/// Whether a database may lose a tag over which these freezes stand: not while one is in force. Whoever sets tags may lift what is only to come.
pub fn may_drop_tags(standing: &[Freeze], now: Timestamp) -> Result<(), Refusal> {
    match standing.iter().find(|freeze| freeze.phase(now) == Phase::Now) {
        Some(freeze) => Err(Refusal::new(
            FROZEN,
            format!("A freeze covers what bears one of these tags, and its databases keep it meanwhile: {}", freeze.said()),
            "Wait for its end, or have it lifted on the page Freezes.",
        )),
        None => Ok(()),
    }
}

/// Whether the actor may let a window pass a freeze of this scope. Who wrote a revision asks somebody else, as with votes.
pub fn may_override(actor: &Actor, scope: &Scope, contributors: &BTreeSet<PersonId>) -> Result<Permit, Refusal> {
    let permit = may_freeze(actor, scope)?;
    if contributors.contains(&actor.person) {
        return Err(Refusal::new(
            "four_eyes",
            "You wrote a revision of this window, so you do not let it pass a freeze.",
            match scope.team() {
                Some(_) => "Ask another lead or deputy of the team, or an administrator.",
                None => "Ask another administrator.",
            },
        ));
    }
    Ok(permit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{GlobalRole, TeamRole};
    use crate::permission::Member;
    use uuid::Uuid;

    fn team(n: u128) -> TeamId {
        TeamId(Uuid::from_u128(n))
    }

    fn actor(n: u128, global: &[GlobalRole], role: Option<(TeamRole, bool)>) -> Actor {
        Actor {
            person: PersonId(Uuid::from_u128(n)),
            name: "Ana".into(),
            zone: "Etc/UTC".into(),
            active: true,
            global: global.to_vec(),
            teams: role.map(|(role, deputy)| Member { team: team(7), role, deputy }).into_iter().collect(),
            stakeholder_of_teams: vec![],
            elevated: false,
            factor: false,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn a_freeze(scope: Scope) -> Freeze {
        Freeze {
            id: FreezeId(Uuid::nil()),
            name: "Year end".into(),
            reason: "the books are closed".into(),
            scope,
            zone: "Etc/UTC".into(),
            start: at(100),
            end: at(200),
            by: PersonId(Uuid::nil()),
            by_name: "Ana".into(),
            lifted_at: None,
            revision: 1,
        }
    }

    fn scopes() -> [Scope; 6] {
        let target = TargetId(Uuid::nil());
        [
            Scope::Everything,
            Scope::Environment(Environment::Production),
            Scope::Tag("payments".into()),
            Scope::Team(team(7)),
            Scope::Target(target, team(7)),
            Scope::Target(target, team(8)),
        ]
    }

    #[test]
    fn administrators_freeze_everywhere_and_leads_what_their_team_owns() {
        let held = |who: &Actor| scopes().map(|scope| may_freeze(who, &scope).is_ok());
        assert_eq!(held(&actor(1, &[GlobalRole::Admin], None)), [true; 6]);
        for lead in [actor(2, &[], Some((TeamRole::Lead, false))), actor(3, &[], Some((TeamRole::Engineer, true)))] {
            assert_eq!(held(&lead), [false, false, false, true, true, false]);
        }
        for other in [actor(4, &[], Some((TeamRole::Engineer, false))), actor(5, &[GlobalRole::Auditor], None)] {
            assert_eq!(held(&other), [false; 6]);
        }
    }

    #[test]
    fn whoever_wrote_a_revision_lets_nothing_pass() {
        let lead = actor(2, &[], Some((TeamRole::Lead, false)));
        let wrote = BTreeSet::from([lead.person]);
        assert_eq!(may_override(&lead, &Scope::Team(team(7)), &wrote).expect_err("an author").code, "four_eyes");
        assert!(may_override(&lead, &Scope::Team(team(7)), &BTreeSet::new()).is_ok());
        // Without the right it is the right that is missing, author or not.
        assert_eq!(may_override(&lead, &Scope::Everything, &wrote).expect_err("no administrator").code, "not_permitted");
    }

    #[test]
    fn an_environment_is_not_left_under_a_freeze_and_before_one_only_with_the_right_to_lift_it() {
        let (admin, lead) = (actor(1, &[GlobalRole::Admin], None), actor(2, &[], Some((TeamRole::Lead, false))));
        let freeze = a_freeze(Scope::Environment(Environment::Production));
        let code =
            |who: &Actor, second, standing: &[Freeze]| may_leave_environment(who, standing, at(second)).map_err(|refusal| refusal.code);
        for who in [&admin, &lead] {
            assert_eq!(code(who, 150, std::slice::from_ref(&freeze)), Err(FROZEN.to_owned()), "in force");
            assert_eq!(code(who, 200, std::slice::from_ref(&freeze)), Ok(()), "over");
            assert_eq!(code(who, 150, &[]), Ok(()));
        }
        assert_eq!(code(&admin, 50, std::slice::from_ref(&freeze)), Ok(()), "coming");
        assert_eq!(code(&lead, 50, &[freeze]), Err(FROZEN.to_owned()), "coming");
    }

    #[test]
    fn a_tag_is_kept_while_a_freeze_of_it_is_in_force() {
        let freeze = [a_freeze(Scope::Tag("payments".into()))];
        let may = |second, standing: &[Freeze]| may_drop_tags(standing, at(second)).map_err(|refusal| refusal.code);
        assert_eq!(may(150, &freeze), Err(FROZEN.to_owned()));
        assert_eq!((may(50, &freeze), may(200, &freeze), may(150, &[])), (Ok(()), Ok(()), Ok(())));
    }

    #[test]
    fn whoever_holds_the_right_somewhere_may_type_a_freeze() {
        for who in [actor(1, &[GlobalRole::Admin], None), actor(2, &[], Some((TeamRole::Lead, false)))] {
            assert!(may_freeze_something(&who).is_ok());
        }
        for who in [actor(4, &[], Some((TeamRole::Engineer, false))), actor(5, &[GlobalRole::Auditor], None)] {
            assert_eq!(may_freeze_something(&who).expect_err("no right").code, "not_permitted");
        }
    }

    #[test]
    fn a_freeze_begins_with_its_start_and_ends_before_its_end() {
        let freeze = a_freeze(Scope::Everything);
        assert_eq!([99, 100, 199, 200].map(|second| freeze.phase(at(second))), [Phase::Coming, Phase::Now, Phase::Now, Phase::Over]);
        assert_eq!(Freeze { lifted_at: Some(at(150)), ..freeze.clone() }.phase(at(160)), Phase::Lifted);
        assert_eq!(freeze.said(), "“Year end” until 1970-01-01 00:03 UTC, by Ana: the books are closed.");
        assert_eq!(freeze.refusal().code, FROZEN);
    }
}
