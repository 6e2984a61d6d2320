//! The rules of Drydock, pure: no input or output, no clock, no randomness. Time and ids are arguments.
#![warn(missing_docs)]

pub mod canonical;
pub mod ids;
