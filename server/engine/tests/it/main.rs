//! Integration tests of the engine, on real servers. One binary: linking is what costs.

mod approval;
mod cluster;
mod house;
mod run_page;
mod inventory;
mod policies;
mod letters;
mod notifier;
mod smtp_sink;
mod target_connect;
mod target_support;
mod test_support;
mod window_pages;
mod trail;
