//! The parts pages are made of. No inline style, no script: classes and attributes only. Islands use the few that ask for nothing.

#[cfg(feature = "ssr")]
pub mod confirm;
#[cfg(feature = "ssr")]
pub mod details;
#[cfg(feature = "ssr")]
pub mod errors;
#[cfg(feature = "ssr")]
pub mod findings;
#[cfg(feature = "ssr")]
pub mod form;
#[cfg(feature = "ssr")]
pub mod layout;
pub mod status;
pub mod table;
#[cfg(feature = "ssr")]
pub mod time;
#[cfg(feature = "ssr")]
pub mod watchers;

#[cfg(feature = "ssr")]
pub use confirm::Confirm;
#[cfg(feature = "ssr")]
pub use details::{CopyId, Detail, Details, DigestShort};
#[cfg(feature = "ssr")]
pub use form::{Check, Field, Form, Group, Radios, Select, TextArea, Username};
#[cfg(feature = "ssr")]
pub use layout::{Card, Heading};
pub use status::{Pill, Tone};
pub use table::{Empty, Table};
#[cfg(feature = "ssr")]
pub use time::{Span, Time};
