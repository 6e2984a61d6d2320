//! Integration tests of the engine, on real servers. One binary: linking is what costs.
#![expect(clippy::disallowed_methods, reason = "tests make ids and statements of their own, and wait for what they spawn")]

mod approval;
mod cluster;
mod cuts;
mod gated;
mod holds;
mod house;
mod invariants;
mod inventory;
mod issues_met;
mod kills;
mod letters;
mod limits;
mod notifier;
mod opening;
mod outbox;
mod policies;
mod proposal_pages;
mod run_page;
mod run_stage;
mod running;
mod smtp_sink;
mod stage;
mod stops;
mod takeover;
mod target_connect;
mod target_fence;
mod target_items;
mod target_own_server;
mod target_probe;
mod target_support;
mod target_survey;
mod test_support;
mod trail;
mod window_pages;
mod worker_process;
