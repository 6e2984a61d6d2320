//! What leaves as a document: mails (text and HTML of the same letter), the calendar entry in them, the page behind a link.
//!
//! A [`Letter`] is written once, in words; text and HTML are two renderings of it and cannot disagree. Foreign text passes
//! [`domain::people::visible`] before it enters a letter, headers are built by typed builders from single lines only.

mod account;
pub mod account_page;
mod address;
pub mod address_page;
pub mod approval;
pub mod bulletin;
mod calendar;
pub mod evidence;
pub mod factor_page;
mod feed;
mod frame;
mod letter;
mod mail;
pub mod webhook_page;
mod when;
mod wording;

pub use account::{AccountMaterial, FactorNews, write_account};
pub use address::{AddressMaterial, write_address};
pub use bulletin::{AskedSeries, Away, Bulletin, News, OwnerChange, Silence, StuckSeries, VotedSeries};
pub use calendar::CalendarPart;
pub use feed::{feed, shown as feed_shown};
pub use frame::Frame;
pub use letter::{Button, Letter};
pub use mail::Mail;
pub use when::Zone;
pub use wording::{Material, write};

#[cfg(test)]
mod hostile_tests;
