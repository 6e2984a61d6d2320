//! Series: windows that are proposed again and again.

mod approval;
mod dates;
mod edit;
mod form;
mod list;
mod new;
mod show;
mod together;

pub use approval::SeriesApprovalPage;
pub use edit::SeriesEditPage;
pub use list::SeriesListPage;
pub use new::SeriesNewPage;
pub use show::SeriesShowPage;

use crate::parts::status::{Pill, Tone};
use domain::view::series::SeriesState;
use leptos::prelude::*;

/// A series' state.
fn pill(state: SeriesState) -> AnyView {
    let tone = match state {
        SeriesState::Active => Tone::Good,
        SeriesState::NeedsAttention => Tone::Warn,
        SeriesState::Over | SeriesState::Ended => Tone::Quiet,
    };
    view! { <Pill tone=tone label=state.label()/> }.into_any()
}
