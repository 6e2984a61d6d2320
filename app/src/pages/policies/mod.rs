//! Policies: who must agree before a window may run.

mod edit;
mod list;
mod simulator;
mod waiting;

pub use edit::{PolicyEditPage, PolicyNewPage};
pub use list::PoliciesPage;
pub use simulator::WhoPage;
