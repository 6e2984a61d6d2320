//! Stopping everything for a while: nothing starts by any path, until a named person resumes.

use crate::decision::{FieldError, FormCheck, Refusal};
use crate::gate::StartPath;
use crate::ids::PersonId;
use crate::people::{self, words};
use crate::permission::{self, Actor, Permit, Verb};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a pause reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseLevel {
    /// No run is opened, begun or resumed; runs in progress go on.
    StartNothing,
    /// The same, and every run is held before its next item. What makes things safe again still happens.
    HoldRunning,
}

words!(PauseLevel {
    PauseLevel::StartNothing = "start_nothing" / "Start nothing new",
    PauseLevel::HoldRunning = "hold_running" / "Also hold what runs",
});

/// Code of the refusal of everything that would start meanwhile; also the name of the database's own guard.
pub const PAUSED: &str = "paused";

/// A pause that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// How far it reaches.
    pub level: PauseLevel,
    /// Since when.
    pub since: Timestamp,
    /// Who paused: may resume.
    pub by: PersonId,
    /// Name of who paused.
    pub by_name: String,
    /// Why.
    pub reason: String,
}

impl Pause {
    /// True when this path is closed by it.
    #[must_use]
    pub fn stops(&self, path: StartPath) -> bool {
        match path {
            StartPath::Schedule | StartPath::ByHand | StartPath::Begin | StartPath::Wave | StartPath::Resume => true,
            StartPath::Item => self.level == PauseLevel::HoldRunning,
        }
    }
    /// Why something does not start.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::new(
            PAUSED,
            format!(
                "All maintenance is paused since {} by {}: {}",
                self.since.strftime("%Y-%m-%d %H:%M UTC"),
                self.by_name,
                sentence(&self.reason)
            ),
            format!("{} or an administrator resumes it on the page Pause.", self.by_name),
        )
    }
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// What was typed to pause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PauseForm {
    /// A [`PauseLevel`]'s word.
    pub level: String,
    /// Why, 1 to 2,000 characters.
    pub reason: String,
}

impl PauseForm {
    /// Reads the form.
    pub fn parse(&self) -> Result<(PauseLevel, String), Vec<FieldError>> {
        let mut form = FormCheck::default();
        let level = form.take(
            PauseLevel::from_word(self.level.trim())
                .ok_or_else(|| FieldError::new("level", "Choose whether runs in progress go on or are held too.")),
        );
        let reason = form.take(people::text("reason", &self.reason, 1, 2000));
        form.finish(level.zip(reason))
    }
}

/// Whoever paused may resume while still entitled to pause; administrators may always.
pub fn may_resume(actor: &Actor, paused_by: PersonId) -> Result<Permit, Refusal> {
    let own = (actor.person == paused_by).then(|| permission::authorize(actor, Verb::PauseAll, None).ok()).flatten();
    own.map_or_else(|| permission::authorize(actor, Verb::ResumeAll, None), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TeamId;
    use crate::people::{GlobalRole, TeamRole};
    use crate::permission::Member;
    use uuid::Uuid;

    fn actor(n: u128, global: &[GlobalRole], role: Option<TeamRole>) -> Actor {
        Actor {
            person: PersonId(Uuid::from_u128(n)),
            name: "Ana".into(),
            zone: "Etc/UTC".into(),
            active: true,
            global: global.to_vec(),
            teams: role.map(|role| Member { team: TeamId(Uuid::from_u128(7)), role, deputy: false }).into_iter().collect(),
            stakeholder_of_teams: vec![],
            elevated: false,
            factor: false,
        }
    }

    #[test]
    fn only_the_next_item_of_a_run_in_progress_depends_on_the_level() {
        let pause = |level| Pause {
            level,
            since: Timestamp::UNIX_EPOCH,
            by: PersonId(Uuid::nil()),
            by_name: "Ana".into(),
            reason: "storage is failing".into(),
        };
        for path in [StartPath::Schedule, StartPath::ByHand, StartPath::Begin, StartPath::Wave, StartPath::Resume] {
            assert!(pause(PauseLevel::StartNothing).stops(path) && pause(PauseLevel::HoldRunning).stops(path), "{path:?}");
        }
        assert!(!pause(PauseLevel::StartNothing).stops(StartPath::Item) && pause(PauseLevel::HoldRunning).stops(StartPath::Item));
        let refusal = pause(PauseLevel::StartNothing).refusal();
        assert_eq!(refusal.message, "All maintenance is paused since 1970-01-01 00:00 UTC by Ana: storage is failing.");
        assert_eq!(refusal.code, PAUSED);
    }

    #[test]
    fn leads_and_administrators_pause_and_the_one_who_did_or_an_administrator_resumes() {
        let lead = actor(1, &[], Some(TeamRole::Lead));
        let (other, admin) = (actor(2, &[], Some(TeamRole::Lead)), actor(3, &[GlobalRole::Admin], None));
        let engineer = actor(4, &[], Some(TeamRole::Engineer));
        let may_pause = |who: &Actor| permission::holds(who, Verb::PauseAll, None);
        assert_eq!([&lead, &other, &admin, &engineer].map(may_pause), [true, true, true, false]);
        assert_eq!([&lead, &other, &admin, &engineer].map(|who| may_resume(who, lead.person).is_ok()), [true, false, true, false]);
        // The right to resume ends with the right to pause.
        let former = Actor { teams: vec![], ..lead.clone() };
        assert_eq!(may_resume(&former, former.person).expect_err("no longer a lead").code, "not_permitted");
    }

    #[test]
    fn both_fields_are_asked_for() {
        let fields = |form: PauseForm| form.parse().err().unwrap_or_default().into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(fields(PauseForm::default()), ["level", "reason"]);
        assert_eq!(fields(PauseForm { level: "hold_running".into(), reason: "x".into() }), [""; 0]);
    }
}
