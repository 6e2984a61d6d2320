//! The list of windows and its filters, which live in the address.

use crate::ids::WindowId;
use crate::window::WindowState;
use jiff::Timestamp;

/// Rows on one page of the list.
pub const PAGE_ROWS: usize = 50;

/// Which states the list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateFilter {
    /// All of them.
    #[default]
    Any,
    /// Those that are not over: draft to rolling back.
    Open,
    /// Those that are over.
    Over,
    /// One.
    One(WindowState),
}

impl StateFilter {
    /// Reads the address; what is unknown filters nothing.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "open" => Self::Open,
            "over" => Self::Over,
            other => WindowState::from_word(other).map_or(Self::Any, Self::One),
        }
    }
    /// As it stands in the address.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Open => "open",
            Self::Over => "over",
            Self::One(state) => state.word(),
        }
    }
    /// The states it lets through; `None` for all.
    #[must_use]
    pub fn states(self) -> Option<Vec<WindowState>> {
        let pick = |over| WindowState::ALL.iter().copied().filter(|state| state.is_terminal() == over).collect();
        match self {
            Self::Any => None,
            Self::Open => Some(pick(false)),
            Self::Over => Some(pick(true)),
            Self::One(state) => Some(vec![state]),
        }
    }
}

/// What the list is filtered by. Empty text filters nothing; unknown text finds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// States.
    pub state: StateFilter,
    /// Environment word.
    pub environment: String,
    /// Short name of a database.
    pub database: String,
    /// Short name of a team.
    pub team: String,
    /// Only windows with a smaller number: the next page begins there.
    pub before: Option<i64>,
}

impl Filter {
    /// True when nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state == StateFilter::Any && self.environment.is_empty() && self.database.is_empty() && self.team.is_empty()
    }
    /// The query string of this filter beginning before window `before`; values are words and short names, so nothing needs escaping.
    #[must_use]
    pub fn address(&self, before: Option<i64>) -> String {
        let pairs = [("state", self.state.word()), ("environment", &self.environment), ("database", &self.database), ("team", &self.team)];
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let mut parts: Vec<String> =
            pairs.iter().filter(|(_, value)| !value.is_empty() && plain(value)).map(|(key, value)| format!("{key}={value}")).collect();
        parts.extend(before.map(|number| format!("before={number}")));
        if parts.is_empty() { "/windows".to_owned() } else { format!("/windows?{}", parts.join("&")) }
    }
}

/// One window in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Identity.
    pub id: WindowId,
    /// What people say: #142.
    pub number: i64,
    /// Short description.
    pub title: String,
    /// Where it is in its life.
    pub state: WindowState,
    /// Short name of its database.
    pub database: String,
    /// Environment words of its databases, each once, production first, with commas between.
    pub environments: String,
    /// Name of the owner team.
    pub team: String,
    /// Zone its database is planned in.
    pub zone: String,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// The reader may vote on it and has not: it is sealed for him.
    pub waits_for_reader: bool,
    /// Whose votes it waits for, in words, while it does.
    pub waiting_for: Option<String>,
    /// Two people broke the glass for it.
    pub glass: bool,
    /// Name of a freeze over its time that it may not pass.
    pub frozen: Option<String>,
}

/// A choice of a filter: value and what people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Stands in the address.
    pub value: String,
    /// What people read.
    pub label: String,
}

/// The page `/windows`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// What was asked.
    pub filter: Filter,
    /// Newest first, at most [`PAGE_ROWS`].
    pub rows: Vec<Row>,
    /// Where the next page begins, if there is one.
    pub next: Option<i64>,
    /// Teams the reader sees.
    pub teams: Vec<Choice>,
    /// Databases the reader sees; the first 200 by short name.
    pub databases: Vec<Choice>,
    /// The reader may propose windows somewhere.
    pub may_propose: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_survive_the_address() {
        for state in ["open", "over", "", "validating"] {
            assert_eq!(StateFilter::from_word(state).word(), state);
        }
        assert_eq!(StateFilter::from_word("nonsense"), StateFilter::Any);
        let filter = Filter { state: StateFilter::Open, database: "prod-orders".into(), team: "x&y=<".into(), ..Filter::default() };
        assert_eq!(filter.address(Some(7)), "/windows?state=open&database=prod-orders&before=7");
        assert_eq!(Filter::default().address(None), "/windows");
    }

    #[test]
    fn open_and_over_share_nothing_and_miss_nothing() {
        let (open, over) = (StateFilter::Open.states().expect("some"), StateFilter::Over.states().expect("some"));
        assert_eq!(open.len() + over.len(), WindowState::ALL.len());
        assert!(open.contains(&WindowState::Draft) && over.contains(&WindowState::Completed));
    }
}
