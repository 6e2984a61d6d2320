//! Integration tests of the engine, on real servers. One binary: linking is what costs.

mod cluster;
mod test_support;
