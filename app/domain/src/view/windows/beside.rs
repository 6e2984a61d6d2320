//! Windows on other databases of the same server, or linked with it, at the same time: nothing forbids them, and they share disks, memory and
//! cores, or the data.

use crate::window::WindowState;
use jiff::Timestamp;

/// What two databases share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The cluster: one server process, or a replica of it.
    Cluster,
    /// The host of their registered address.
    Host,
    /// The machine, as people said.
    Machine,
    /// The data: the other one is a replica, as people said.
    Replica,
    /// The data: the other one is what this one replicates from, as people said.
    Primary,
}

impl Shared {
    /// From the word that the state database gives it.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "cluster" => Some(Self::Cluster),
            "host" => Some(Self::Host),
            "machine" => Some(Self::Machine),
            "replica" => Some(Self::Replica),
            "primary" => Some(Self::Primary),
            _ => None,
        }
    }
    /// As the end of a sentence.
    #[must_use]
    pub fn said(self) -> &'static str {
        match self {
            Self::Cluster => "on the same server, or a replica of it",
            Self::Host => "on the same host",
            Self::Machine => "on the same machine",
            Self::Replica => "that is a replica of what is worked on here",
            Self::Primary => "whose replica is worked on here",
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
        let replica = Beside { shared: Shared::Replica, ..beside.clone() };
        assert_eq!(replica.said(), "#143 “weekly” of Billing takes prod-billing that is a replica of what is worked on here");
        let primary = Beside { seen: None, shared: Shared::Primary, ..beside.clone() };
        assert_eq!(primary.said(), "A window of Billing takes another database whose replica is worked on here");
        let foreign = Beside { seen: None, state: WindowState::Proposed, shared: Shared::Cluster, ..beside };
        assert_eq!(foreign.said(), "A window of Billing asks for another database on the same server, or a replica of it");
    }
}
