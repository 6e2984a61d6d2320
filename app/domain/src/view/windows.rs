//! Windows as pages show them: the list, the page of one window, what blocks it, and what the reader may do about it.

pub mod beside;
pub mod blocked;
pub mod conversation;
pub mod diff;
pub mod glass;
pub mod list;
pub mod many;
pub mod offers;
pub mod page;
pub mod propose;
pub mod waits;
pub mod when;

pub use blocked::{Blocker, Overlap, Situation, blocked};
pub use diff::{Change, changes};
pub use list::{Filter, ListPage, Row, StateFilter};
pub use offers::{Offer, Offers, OffersInput, offers};
pub use page::{DecidePage, Head, Preview, ShowPage, owes_issues};
pub use when::{Countdown, Moments, countdown};
