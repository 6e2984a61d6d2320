//! Break-glass on a window's page: what was asked and confirmed, what the reader may do about it, and what is owed.

use super::offers::Offer;
use crate::decision::Refusal;
use crate::glass::{About, Glass, is_for, may_ask, may_confirm, may_review, needs_factor, once};
use crate::ids::PersonId;
use crate::permission::{Actor, Permit};
use crate::voice::Voice;
use crate::window::WindowState;
use std::collections::BTreeSet;

/// A break-glass that was confirmed, and whether the reader may review it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// What happened.
    pub glass: Glass,
    /// It approved the window as it stands now.
    pub stands: bool,
    /// The review is owed for longer than it may take.
    pub overdue: bool,
    /// Review it.
    pub review: Offer,
}

/// Everything about it on one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlassPart {
    /// Waits for the second person.
    pub open: Option<Glass>,
    /// Confirmed ones, newest first.
    pub broken: Vec<Broken>,
    /// Ask.
    pub ask: Offer,
    /// Confirm what was asked.
    pub confirm: Offer,
    /// Both have to show a second factor.
    pub needs_factor: bool,
}

impl GlassPart {
    /// What the reader sees; `voice` is the reader's own on this window.
    #[must_use]
    pub fn of(actor: &Actor, about: &About<'_>, all: Vec<Glass>, contributors: &BTreeSet<PersonId>, voice: Option<&Voice>) -> Self {
        let open = all.iter().find(|glass| glass.is_open(about.digest, about.now)).cloned();
        let fits = is_for(about).is_ok();
        let ask = if fits && open.is_none() {
            offer(may_ask(actor, about).and_then(|permit| once(&all, about.digest).map(|()| permit)))
        } else {
            Offer::Absent
        };
        let confirm = match (&open, voice) {
            (Some(open), Some(voice)) if fits => offer(may_confirm(actor, about, open, contributors, voice)),
            _ => Offer::Absent,
        };
        let broken = all.into_iter().filter(|glass| glass.confirmed.is_some()).map(|glass| Broken {
            // A window that waits for votes again bears no mark of it.
            stands: glass.digest == about.digest && !matches!(about.state, WindowState::Draft | WindowState::Proposed),
            overdue: glass.owed().is_some_and(|due| due <= about.now),
            review: if glass.owed().is_some() { offer(may_review(actor, about.team, &glass, contributors)) } else { Offer::Absent },
            glass,
        });
        Self { open, ask, confirm, needs_factor: needs_factor(about.plan), broken: broken.collect() }
    }

    /// Nothing has happened: it is only offered.
    #[must_use]
    pub fn is_offer_only(&self) -> bool {
        self.open.is_none() && self.broken.is_empty()
    }

    /// Whether there is anything to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_none() && self.broken.is_empty() && self.ask.is_absent_for_reader()
    }
}

fn offer(may: Result<Permit, Refusal>) -> Offer {
    may.map_or_else(Offer::No, |_| Offer::Yes)
}

impl Offer {
    /// Nothing is shown: it makes no sense now, or is somebody else's right.
    #[must_use]
    pub fn is_absent_for_reader(&self) -> bool {
        match self {
            Self::Yes => false,
            Self::No(refusal) => refusal.code == "not_permitted",
            Self::Absent => true,
        }
    }
}
