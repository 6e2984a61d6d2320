//! Every page of a window's life, one small file each.

mod acts;
mod approvals;
mod cancel;
mod checks;
mod choice;
mod compare;
mod conversation;
mod edit;
mod evidence;
mod evidence_run;
mod form;
mod frame;
mod frozen;
mod history;
mod lanes;
mod list;
mod messages;
mod new;
mod plan;
mod preview;
mod reschedule;
mod seal;
mod show;

pub use cancel::CancelPage;
pub use checks::ChecklistPage;
pub(super) use choice::DatabaseChoice;
pub(crate) use compare::Changes;
pub use edit::EditPage;
pub use evidence::EvidencePage;
pub(super) use form::{AboutDatabase, ApproversCard, Limits};
pub(super) use frame::{environment, foreign, pill_of};
pub use list::ListPage;
pub(super) use list::{filter_or, state_choices};
pub use new::NewPage;
pub use reschedule::MovePage;
pub use show::ShowPage;
