//! What is neither page nor form.

pub mod account_links;
pub mod address;
pub mod api;
pub mod approval;
mod code_cookie;
pub mod evidence;
pub mod feed;
pub mod health;
pub mod mailbox;
pub mod messages;
pub mod metrics;
pub mod procedures;
pub mod run_events;
