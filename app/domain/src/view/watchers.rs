//! Who watches a window or a database: is told, and never votes.

use crate::ids::PersonId;

/// At most so many watchers of one thing: each gets every mail.
pub const MOST_WATCHERS: usize = 100;

/// Somebody who watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatcherRow {
    /// Who.
    pub person: PersonId,
    /// As people call them.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// Can sign in.
    pub account: bool,
    /// A mailbox of several people.
    pub shared: bool,
    /// Who added them; `None` when they did it themselves.
    pub added_by: Option<String>,
}

/// The watchers of one thing, as its page shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watchers {
    /// Everybody, by name.
    pub rows: Vec<WatcherRow>,
    /// The reader is among them.
    pub own: bool,
    /// The reader may add and remove others.
    pub may_add: bool,
    /// The reader.
    pub reader: PersonId,
}
