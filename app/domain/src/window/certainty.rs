//! How sure a window's time is, as calendars tell it.

use super::WindowState;

/// How sure a window is, for a calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// Proposed: pencilled in.
    Tentative,
    /// Approved, running, or over.
    Confirmed,
    /// Will not happen, or did not.
    Cancelled,
}

impl From<WindowState> for Certainty {
    fn from(state: WindowState) -> Self {
        use WindowState as W;
        match state {
            W::Draft | W::Proposed => Self::Tentative,
            W::Approved | W::Running | W::Hold | W::Validating | W::RollingBack | W::Completed | W::RolledBack | W::Failed => {
                Self::Confirmed
            }
            W::Withdrawn | W::Rejected | W::Expired | W::Cancelled | W::Missed => Self::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_sure_from_its_approval_on_and_never_after_it_was_called_off() {
        for state in WindowState::ALL {
            let certainty = Certainty::from(*state);
            assert!(!state.is_live() || certainty == Certainty::Confirmed, "{}", state.word());
            assert!(certainty != Certainty::Cancelled || state.is_terminal(), "{}", state.word());
        }
        assert_eq!(Certainty::from(WindowState::Proposed), Certainty::Tentative);
        assert_eq!(Certainty::from(WindowState::Missed), Certainty::Cancelled);
    }
}
