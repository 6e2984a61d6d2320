//! Integration tests of the program as a whole. One binary: linking is what costs.

mod demo;
mod program;
mod settings;
