//! One pill for every state: colour, icon, and always text.

use domain::window::{RunState, WindowState};
use leptos::prelude::*;

/// What a state means for the person who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to do, nothing wrong.
    Quiet,
    /// Waits for somebody.
    Waiting,
    /// Happens now.
    Live,
    /// As it should be.
    Good,
    /// Look at it.
    Warn,
    /// Wrong.
    Bad,
}

impl Tone {
    /// The word that style sheets know it by.
    pub fn word(self) -> &'static str {
        self.class().trim_start_matches("pill ")
    }
    fn class(self) -> &'static str {
        match self {
            Self::Quiet => "pill quiet",
            Self::Waiting => "pill waiting",
            Self::Live => "pill live",
            Self::Good => "pill good",
            Self::Warn => "pill warn",
            Self::Bad => "pill bad",
        }
    }
    /// Shape inside the pill, so that colour is never the only sign.
    fn icon(self) -> &'static str {
        match self {
            Self::Quiet => "M3 8h10",
            Self::Waiting => "M8 3v5l3 2M8 14a6 6 0 1 1 0-12 6 6 0 0 1 0 12",
            Self::Live => "M5 3l8 5-8 5z",
            Self::Good => "M3 8.5l3.5 3.5L13 4.5",
            Self::Warn => "M8 2l6.5 12h-13zM8 6.5v3.5M8 12v.5",
            Self::Bad => "M4 4l8 8M12 4l-8 8",
        }
    }
}

impl From<WindowState> for Tone {
    fn from(state: WindowState) -> Self {
        use WindowState as W;
        match state {
            W::Draft | W::Withdrawn | W::Cancelled => Self::Quiet,
            W::Proposed => Self::Waiting,
            W::Running | W::Validating => Self::Live,
            W::Approved | W::Completed => Self::Good,
            W::Hold | W::RollingBack | W::RolledBack | W::Expired | W::Missed => Self::Warn,
            W::Rejected | W::Failed => Self::Bad,
        }
    }
}

impl From<RunState> for Tone {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Waiting => Self::Waiting,
            RunState::Leased => Self::Live,
            RunState::Held => Self::Warn,
            RunState::Ended => Self::Quiet,
        }
    }
}

/// A state as people read it.
#[component]
pub fn Pill(#[prop(into)] tone: Tone, #[prop(into)] label: String) -> impl IntoView {
    view! {
        <span class=tone.class()>
            <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true"><path d=tone.icon() fill="none" stroke="currentColor" stroke-width="2"/></svg>
            {label}
        </span>
    }
}
