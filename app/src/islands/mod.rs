//! The few parts of a page that also run in the browser. Everything works without them.

pub mod live_run;
mod relative_time;
mod times_check;

pub use live_run::LiveRun;
pub use relative_time::RelativeTime;
pub use times_check::TimesCheck;
