//! "change of settings (PostgreSQL)": pre-checks, the approved settings, validation. Which may be changed is told by [`crate::change::settings`].

use super::{design_change, template, weekly};
use crate::procedure::select::step;
use crate::procedure::{Act, Dbms, Procedure, RiskClass, StepClass, StepKind, StepTemplate};

/// The key.
pub const KEY: &str = "settings_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    let steps = vec![design_change::preflight(), settings(), weekly::validate()];
    vec![Procedure {
        key: KEY.to_owned(),
        version: 1,
        dbms: Dbms::Postgresql,
        name: "change of settings (PostgreSQL)".to_owned(),
        steps,
        own: None,
    }]
}

fn settings() -> StepTemplate {
    template(
        step::SETTINGS,
        "Change of settings",
        (StepKind::Sql, StepClass::Resumable, RiskClass::R3),
        &[Act::ApplyAlone],
        "Writes the approved settings one by one with ALTER SYSTEM, and has the server read its files again after each. Its value before is put on record first. The server is not restarted: what counts only after a restart is said to wait for it. When one fails, no later one is written.",
        "The server shows the new value, or that it waits for a restart.",
        "Each setting that was changed gets the value it had, or loses what ALTER SYSTEM wrote, when a run that is done in part waits for a decision.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(versions()[0].digest().short(), "4729-254e-8b5c");
    }
}
