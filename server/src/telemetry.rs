//! Logs of the process, to standard error.

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogSettings;

/// Set up once, before anything else speaks. Standard output stays free for what was asked for.
pub fn start(settings: &LogSettings) {
    let filter = EnvFilter::new(&settings.filter);
    let subscriber = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call, as in tests, keeps the first subscriber.
    let _ = if settings.json {
        subscriber.json().flatten_event(true).with_current_span(true).try_init().is_ok()
    } else {
        subscriber.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init().is_ok()
    };
}
