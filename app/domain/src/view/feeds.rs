//! Calendar feeds: what a person's calendar program may ask for, and what it gets.

use super::windows::list::Choice;
use crate::ids::FeedId;
use crate::people::words;
use jiff::Timestamp;

/// Feeds that one person has at once: a phone, a desk, a few teams and databases.
pub const MOST_FEEDS: usize = 20;
/// Windows in one feed: calendar programs read the whole of it each time.
pub const MOST_EVENTS: usize = 1000;
/// Days back that a feed reaches.
pub const DAYS_BACK: i64 = 60;

/// What a feed gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeedKind {
    /// What concerns its person.
    Person,
    /// A team's windows.
    Team,
    /// A database's windows.
    Database,
}

words!(FeedKind {
    FeedKind::Person = "person" / "What concerns me",
    FeedKind::Team = "team" / "Team",
    FeedKind::Database = "database" / "Database",
});

/// What somebody wants a feed of: its kind, and the short name of the team or the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What it gives.
    pub kind: FeedKind,
    /// Short name; empty for the own one.
    pub name: String,
}

impl About {
    /// Reads `person`, `team:orders` or `database:prod-orders`.
    #[must_use]
    pub fn from_word(typed: &str) -> Option<Self> {
        let (kind, name) = typed.trim().split_once(':').unwrap_or((typed.trim(), ""));
        let kind = FeedKind::from_word(kind)?;
        ((kind == FeedKind::Person) == name.is_empty()).then(|| Self { kind, name: name.to_owned() })
    }
    /// As a form sends it.
    #[must_use]
    pub fn word(&self) -> String {
        if self.name.is_empty() { self.kind.word().to_owned() } else { format!("{}:{}", self.kind.word(), self.name) }
    }
    /// As people read it, and as their calendar program calls it.
    #[must_use]
    pub fn label(&self) -> String {
        if self.name.is_empty() { self.kind.label().to_owned() } else { format!("{} {}", self.kind.label(), self.name) }
    }
}

/// A feed on its person's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// Which.
    pub id: FeedId,
    /// Of what.
    pub about: About,
    /// When it was made.
    pub made: Timestamp,
    /// When it was asked last.
    pub used: Option<Timestamp>,
    /// It gives nothing although it was not revoked: the person lost the right to see that team.
    pub barred: bool,
}

/// The page about the own feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedsPage {
    /// Those that were not revoked, newest first.
    pub rows: Vec<FeedRow>,
    /// Teams the reader sees.
    pub teams: Vec<Choice>,
    /// Databases the reader sees; the first 200 by short name.
    pub databases: Vec<Choice>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_survives_the_form() {
        for typed in ["person", "team:orders", "database:prod-orders"] {
            assert_eq!(About::from_word(typed).expect("known").word(), typed);
        }
        for wrong in ["", "team", "team:", "person:orders", "everything", "database"] {
            assert_eq!(About::from_word(wrong), None, "{wrong}");
        }
        assert_eq!(About::from_word("team:orders").expect("known").label(), "Team orders");
    }
}
