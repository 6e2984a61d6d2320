//! The pages about freezes, and what a freeze means for one window.

use super::windows::Offer;
use crate::freeze::import::{During, Verdict};
use crate::freeze::{Freeze, Scope};
use crate::ids::{FreezeId, TeamId};
use crate::target::Environment;
use crate::window::WindowState;
use jiff::Timestamp;

/// What people read of a freeze's scope; `name` is the team's or the database's, where it has one.
#[must_use]
pub fn covers(scope: &Scope, name: Option<&str>) -> String {
    let name = name.unwrap_or("unknown");
    match scope {
        Scope::Everything => "Everything".to_owned(),
        Scope::Environment(environment) => format!("Environment {}", environment.label()),
        Scope::Tag(tag) => format!("Databases tagged {tag}"),
        Scope::Team(_) => format!("Databases of {name}"),
        Scope::Target(..) => format!("Database {name}"),
    }
}

/// A freeze in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeRow {
    /// The freeze.
    pub freeze: Freeze,
    /// What it covers, as people read it.
    pub covers: String,
    /// Who lifted it, and why.
    pub lifted: Option<(String, String)>,
}

/// Which part of the freezes a page lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// The first ones in force and coming, and the newest past ones.
    #[default]
    First,
    /// Those in force and coming behind this one.
    After(FreezeId),
    /// Past ones behind this one.
    Before(FreezeId),
}

/// The page `/freezes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezesPage {
    /// In force, those that end first on top.
    pub now: Vec<FreezeRow>,
    /// Coming, the next one on top.
    pub coming: Vec<FreezeRow>,
    /// The last of those in force and coming, when others begin after it.
    pub later: Option<FreezeId>,
    /// Over or lifted, newest first.
    pub past: Vec<FreezeRow>,
    /// The last of these, when older ones follow it.
    pub older: Option<FreezeId>,
    /// The reader may freeze something.
    pub may_freeze: bool,
    /// The moment this is of.
    pub at: Timestamp,
}

/// What the reader may freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFreezePage {
    /// Everything, and whole environments.
    pub everywhere: bool,
    /// Tags that databases bear, in order.
    pub tags: Vec<String>,
    /// Teams, by name.
    pub teams: Vec<(TeamId, String)>,
}

impl NewFreezePage {
    /// The choices of the form: value and what people read.
    #[must_use]
    pub fn choices(&self) -> Vec<(String, String)> {
        let mut found = vec![(String::new(), "Choose".to_owned())];
        if self.everywhere {
            found.push(("everything".to_owned(), covers(&Scope::Everything, None)));
            found.extend(Environment::ALL.iter().map(|is| (format!("environment:{}", is.word()), covers(&Scope::Environment(*is), None))));
            found.extend(self.tags.iter().map(|tag| (format!("tag:{tag}"), covers(&Scope::Tag(tag.clone()), None))));
        }
        found.extend(self.teams.iter().map(|(id, name)| (format!("team:{id}"), covers(&Scope::Team(*id), Some(name)))));
        found.push(("database".to_owned(), "One database, named below".to_owned()));
        found
    }
}

/// What becomes of an event of a calendar file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// Its name, fit to be shown and stored.
    pub name: String,
    /// Its identity in the file.
    pub uid: String,
    /// When it is, where that can be said.
    pub during: Option<During>,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// A calendar file before it becomes freezes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPage {
    /// The file.
    pub id: uuid::Uuid,
    /// What its freezes would cover, as people read it.
    pub covers: String,
    /// IANA zone of its whole days.
    pub zone: String,
    /// Its events, in their order.
    pub rows: Vec<ImportRow>,
}

/// A window that a freeze meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetWindow {
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: WindowState,
    /// Short name of its database.
    pub database: String,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// Who let it pass, and why.
    pub passes: Option<(String, String)>,
}

/// The page of one freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezePage {
    /// The freeze.
    pub row: FreezeRow,
    /// Windows it meets that the reader sees, those that begin first on top.
    pub windows: Vec<MetWindow>,
    /// The reader may move its end and lift it.
    pub may_change: bool,
    /// The moment this is of.
    pub at: Timestamp,
}

/// A freeze over a window, as the window's page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeOver {
    /// The freeze.
    pub freeze: Freeze,
    /// Who let this plan pass, why and when; `None` while it holds.
    pub passed: Option<Passed>,
    /// Let it pass, or take that back.
    pub offer: Offer,
}

/// An override that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Who granted it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// That one window was let pass a freeze, or not any more: what a message about it says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Passing {
    /// Number of the window.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Short name of its database.
    pub database: String,
    /// Who decided.
    pub by: String,
    /// Why.
    pub reason: String,
    /// True when it may pass, false when that was taken back.
    pub granted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_form_offers_what_the_reader_may_freeze() {
        let team = TeamId(Uuid::from_u128(7));
        let lead = NewFreezePage { everywhere: false, tags: vec![], teams: vec![(team, "Orders".into())] };
        let labels: Vec<_> = lead.choices().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["Choose", "Databases of Orders", "One database, named below"]);
        let admin = NewFreezePage { everywhere: true, tags: vec!["payments".into()], teams: vec![] };
        assert!(admin.choices().iter().any(|(value, _)| value == "environment:production"));
        assert!(admin.choices().contains(&("tag:payments".into(), "Databases tagged payments".into())));
    }
}
