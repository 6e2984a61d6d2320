//! The doors and the composition: HTTP, processes, settings. No SQL and no transition of state stands here.

pub mod config;
pub mod create_admin;
pub mod demo;
pub mod doctor;
mod drain;
pub mod embedded;
pub mod files;
mod folders;
pub mod forms;
pub mod guard;
pub mod lifecycle;
pub mod listener;
pub mod live;
pub mod metrics;
pub mod router;
pub mod routes;
pub mod serve;
pub mod session;
pub mod state;
pub mod supervisor;
pub mod telemetry;
pub mod tools;
pub mod trail;
pub mod visit;
pub mod watchdog;
pub mod web;
pub mod worker;
