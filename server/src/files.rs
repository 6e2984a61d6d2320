//! How many files and connections this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than that is not asked for, so that programs that walk through every number they may use stay quick.
const ENOUGH: u64 = 65_536;

/// Raises the soft limit on open files as far as the system allows, up to [`ENOUGH`]: the low one is kept for programs that use `select`, and
/// every stream of a live page is an open file. Where it cannot be raised it stays, and fewer connections are served at once.
pub fn raise() {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if now.current.is_some_and(|current| current < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum });
    }
}

/// Most connections at once: each may hold a body and its answer in memory, and the files of a big machine say nothing about that.
const MOST_CONNECTIONS: u64 = 4_096;

/// Connections that may be open at once: half of the files, since others than browsers need some too, up to [`MOST_CONNECTIONS`].
#[must_use]
pub fn connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH).min(ENOUGH);
    usize::try_from((files / 2).min(MOST_CONNECTIONS)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_never_lowered() {
        let before = getrlimit(Resource::Nofile);
        raise();
        let after = getrlimit(Resource::Nofile);
        assert_eq!(after.maximum, before.maximum, "what was allowed at most stays");
        assert!(after.current.unwrap_or(u64::MAX) >= before.current.unwrap_or(u64::MAX), "{before:?}, {after:?}");
        assert!(after.current.unwrap_or(u64::MAX) >= after.maximum.unwrap_or(ENOUGH).min(ENOUGH), "{after:?}");
        assert_eq!(connections() as u64, (after.current.unwrap_or(ENOUGH).min(ENOUGH) / 2).min(MOST_CONNECTIONS));
    }
}
