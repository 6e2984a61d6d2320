//! Freezes: which there are, a new one, and one with the windows it meets.

mod import;
mod list;
mod new;
mod show;

pub use import::{FreezeImportPage, FreezeImportShowPage};
pub use list::FreezesListPage;
pub use new::FreezeNewPage;
pub use show::FreezeShowPage;

use crate::parts::status::Tone;
use domain::freeze::Phase;

/// The colour of where a freeze stands.
fn tone(phase: Phase) -> Tone {
    match phase {
        Phase::Coming => Tone::Waiting,
        Phase::Now => Tone::Warn,
        Phase::Over | Phase::Lifted => Tone::Quiet,
    }
}
