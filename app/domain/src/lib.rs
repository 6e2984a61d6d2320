//! The rules of Drydock, pure: no input or output, no clock, no randomness. Time and ids are arguments.
#![warn(missing_docs)]

pub mod account_link;
pub mod approval;
pub mod canonical;
pub mod checklist;
pub mod conversation;
pub mod csv;
pub mod decision;
pub mod examination;
pub mod fact;
pub mod factor;
pub mod freeze;
pub mod gate;
pub mod hold;
pub mod ids;
pub mod lanes;
pub mod network;
pub mod notice;
pub mod pause;
pub mod people;
pub mod permission;
pub mod plan;
pub mod procedure;
pub mod proposal;
pub mod recurrence;
pub mod reveal;
pub mod run;
pub mod schedule;
pub mod series;
pub mod target;
pub mod throttle;
pub mod trail;
pub mod view;
pub mod voice;
pub mod webhook;
pub mod window;
