//! Registered databases: the list, one database with what its connection test says, and the forms that change it.

mod backups;
mod forms;
mod later;
mod links;
mod list;
mod register;
mod rights;
mod show;
mod transfer;

pub use forms::{BackupPage, EditPage, PasswordPage, QueryPage, StakeholdersPage};
pub use list::ListPage;
pub use register::RegisterPage;
pub use show::ShowPage;
pub use transfer::TransferPage;

use crate::parts::status::Tone;
use domain::target::TargetState;

impl From<TargetState> for Tone {
    fn from(state: TargetState) -> Self {
        match state {
            TargetState::Unverified => Self::Warn,
            TargetState::Ready => Self::Good,
            TargetState::Retired | TargetState::Deleted => Self::Quiet,
        }
    }
}
