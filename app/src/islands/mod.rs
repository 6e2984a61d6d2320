//! The few parts of a page that also run in the browser. Everything works without them.

mod relative_time;

pub use relative_time::RelativeTime;
