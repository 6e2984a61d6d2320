//! The parts pages are made of. No inline style, no script: classes and attributes only.

pub mod confirm;
pub mod details;
pub mod errors;
pub mod form;
pub mod layout;
pub mod status;
pub mod table;
pub mod time;
pub mod watchers;

pub use confirm::Confirm;
pub use details::{CopyId, Detail, Details, DigestShort};
pub use form::{Check, Field, Form, Group, Radios, Select, TextArea, Username};
pub use layout::{Card, Heading};
pub use status::{Pill, Tone};
pub use table::{Empty, Table};
pub use time::{Span, Time};
