//! Quoting for targets. The rules are pure and live in the domain; this is the name by which target code knows them.

pub use domain::procedure::quote::{QuoteError, for_people, identifier, literal};
