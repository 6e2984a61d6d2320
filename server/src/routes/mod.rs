//! What is neither page nor form.

pub mod health;
