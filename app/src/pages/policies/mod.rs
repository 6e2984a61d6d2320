//! Policies: who must agree before a window may run.

mod edit;
mod list;
mod waiting;

pub use edit::{PolicyEditPage, PolicyNewPage};
pub use list::PoliciesPage;
