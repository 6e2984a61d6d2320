//! What pages show: plain structs that queries fill and pages render, with the rules that turn state into sentences.

pub mod absences;
pub mod address;
pub mod calendar;
pub mod checklists;
pub mod departures;
pub mod evidence;
pub mod factors;
pub mod feeds;
pub mod freezes;
pub mod gains;
pub mod links;
pub mod live;
pub mod mail;
pub mod pauses;
pub mod people;
pub mod policies;
pub mod procedures;
pub mod runs;
pub mod series;
pub mod sessions;
pub mod simulator;
pub mod targets;
pub mod trail;
pub mod watchers;
pub mod webhooks;
pub mod windows;
