//! The audit trail: what was done by whom, and how far that is proven.

mod fact;
mod list;

pub use fact::FactShowPage;
pub use list::AuditPage;
