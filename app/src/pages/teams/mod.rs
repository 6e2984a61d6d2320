//! Teams.

mod list;
mod new;
mod show;

pub use list::TeamsListPage;
pub use new::TeamNewPage;
pub use show::{TeamEditPage, TeamShowPage};

use domain::people::TeamRole;

/// The roles of a team, for a choice.
pub fn role_options() -> Vec<(String, String)> {
    TeamRole::ALL.iter().map(|role| (role.word().to_owned(), role.label().to_owned())).collect()
}
