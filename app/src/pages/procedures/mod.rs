//! Procedures: what the library has, and what people composed of it.

mod list;
mod new;
mod show;

pub use list::ProceduresPage;
pub use new::ProcedureNewPage;
pub use show::ProcedureShowPage;
