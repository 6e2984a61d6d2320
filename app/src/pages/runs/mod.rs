//! A run, as it happens: big state, what it does now, what is done and what is left. Loads itself again while it is live.

mod acts;
mod items;
mod now;

pub use now::RunPage;
