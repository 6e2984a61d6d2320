//! Other people's databases: the only SQL that is not on our own schema.
//!
//! Nothing here knows our tables. A worker hands in structs (an [`Address`](connect::Address), a work item, guards) and
//! gets structs back (a report, measured rows, an execution with its notices). Whatever a target says is hostile text:
//! it is shown, never interpreted, and every list and message has an upper bound.

pub mod cancel;
pub mod connect;
pub mod copy;
pub mod durable;
pub mod fault;
pub mod fence;
pub mod guarded;
pub mod identity;
pub mod keep_out;
pub mod link;
pub mod postgres;
pub mod privileges;
pub mod probe;
pub(crate) mod programs;
pub mod proof;
pub mod quote;
pub mod report;
pub mod session;
