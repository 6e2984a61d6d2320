//! Windows on other databases of the same server at the same time: nothing forbids them, and they share its disks, memory and cores.

use crate::window::WindowState;
use jiff::Timestamp;

/// What two databases share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The cluster: one server process, or a replica of it.
    Cluster,
    /// The host of their registered address.
    Host,
}

impl Shared {
    /// As the end of a sentence.
    #[must_use]
    pub fn said(self) -> &'static str {
        match self {
            Self::Cluster => "on the same server, or a replica of it",
            Self::Host => "on the same host",
        }
    }
}

/// A window beside another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Number, title and database, for readers who see that team's work.
    pub seen: Option<Seen>,
    /// Name of the team whose window it is.
    pub team: String,
    /// Its state.
    pub state: WindowState,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// What they share.
    pub shared: Shared,
}

/// What only some readers see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub number: i64,
    /// Its short description.
    pub title: String,
    /// Short name of its database.
    pub database: String,
}

impl Beside {
    /// `#143 “weekly” of Billing takes prod-billing on the same host`; of windows that the reader does not see, only whose they are.
    #[must_use]
    pub fn said(&self) -> String {
        let verb = if self.state.is_live() { "takes" } else { "asks for" };
        let shared = self.shared.said();
        match &self.seen {
            Some(seen) => format!("#{} “{}” of {} {verb} {} {shared}", seen.number, seen.title, self.team, seen.database),
            None => format!("A window of {} {verb} another database {shared}", self.team),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_it_is_is_told_to_everybody_and_the_rest_to_those_who_see_it() {
        let seen = Seen { number: 143, title: "weekly".into(), database: "prod-billing".into() };
        let beside = Beside {
            seen: Some(seen),
            team: "Billing".into(),
            state: WindowState::Approved,
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::MAX,
            shared: Shared::Host,
        };
        assert_eq!(beside.said(), "#143 “weekly” of Billing takes prod-billing on the same host");
        let foreign = Beside { seen: None, state: WindowState::Proposed, shared: Shared::Cluster, ..beside };
        assert_eq!(foreign.said(), "A window of Billing asks for another database on the same server, or a replica of it");
    }
}
