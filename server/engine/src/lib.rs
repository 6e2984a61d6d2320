//! Every effect except HTTP: the state database, targets, mail, keys. No web type is named here.
#![warn(missing_docs)]

pub mod actions;
pub mod change;
pub mod checkup;
pub mod clock;
pub mod cluster;
pub mod credentials;
pub mod demo;
pub mod engine;
pub mod error;
pub mod examiner;
pub mod factor_key;
mod ics;
mod keyfile;
pub mod ledger;
mod memory;
pub mod metrics;
pub mod migrate;
pub mod notifier;
pub mod outbound;
pub mod paper;
pub mod passwords;
pub mod procedure_file;
pub mod queries;
mod receiver;
mod rehearsals;
pub mod runner;
pub mod sampler;
pub mod scheduler;
pub mod sealer;
pub mod second_factor;
pub mod signing;
mod slots;
pub mod store;
pub mod target;
#[cfg(feature = "test-support")]
pub mod test_support;
mod throttle;
pub mod trail;
pub mod transaction;
pub mod vault;
pub mod vitals;
mod vote_code;
pub mod wake;
pub mod watchdog;
pub mod worker;
pub mod zones;

pub use engine::Engine;
pub use error::{Error, Result};
