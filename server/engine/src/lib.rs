//! Every effect of Drydock but HTTP: the database, the clock, mail, the targets.

pub mod cluster;
#[cfg(feature = "test-support")]
pub mod test_support;
