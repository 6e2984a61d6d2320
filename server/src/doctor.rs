//! `drydock doctor`: what is well, what is worth knowing, what is wrong, and what to do about it.

mod database;
mod machine;

use crate::{
    config::{Environment, Settings},
    state::State,
};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As it should be.
    Well,
    /// It works; this is what it gives up, or what to keep an eye on.
    Note,
    /// It does not work, or soon will not.
    Wrong,
}

impl Weight {
    /// As it is printed, all of one width.
    pub fn word(self) -> &'static str {
        match self {
            Self::Well => "well ",
            Self::Note => "note ",
            Self::Wrong => "WRONG",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// A sentence; when it is not well, with the way out.
    pub text: String,
}

fn well(text: impl Into<String>) -> Finding {
    Finding { weight: Weight::Well, text: text.into() }
}

fn note(text: impl Into<String>) -> Finding {
    Finding { weight: Weight::Note, text: text.into() }
}

fn wrong(text: impl Into<String>) -> Finding {
    Finding { weight: Weight::Wrong, text: text.into() }
}

/// Look at everything a start needs. Starts the private cluster for the look when nobody runs it, and stops it again.
pub async fn examine(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    let mut findings = machine::look(settings, environment);
    if !settings.database.is_external() && !settings.cluster_dir().join("data").is_dir() {
        findings.push(well(format!("There is no state in {} yet; the first start makes it.", settings.data_dir.display())));
        return findings;
    }
    match State::reach(settings).await {
        Ok(state) => {
            database::look(&state, settings, &mut findings).await;
            if let Err(error) = state.close().await {
                findings.push(wrong(error.to_string()));
            }
        }
        Err(error) => findings.push(wrong(format!("{error:#}"))),
    }
    findings
}
