//! A run, as it happens: big state, what it does now, what is done and what is left. The island `LiveRun` draws what changes by itself.

mod acts;
mod gains;
mod kept_out;
mod left;
mod now;
mod outside;

pub use now::RunPage;
