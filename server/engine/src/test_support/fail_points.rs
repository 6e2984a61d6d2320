//! Points at which a test lets its process die, as kill -9 would: nothing is closed, nothing is written, nobody is told.

use std::sync::Mutex;

static ARMED: Mutex<Option<(String, u32)>> = Mutex::new(None);

/// Lets the process die when it reaches the point of this name for the `nth` time, from 1.
pub fn arm(name: &str, nth: u32) {
    if let Ok(mut armed) = ARMED.lock() {
        *armed = Some((name.to_owned(), nth));
    }
}

/// A point is reached.
pub(crate) fn reach(name: &str) {
    let Ok(mut armed) = ARMED.lock() else { return };
    let Some((point, left)) = armed.as_mut().filter(|(point, _)| point == name) else { return };
    *left = left.saturating_sub(1);
    if *left == 0 {
        eprintln!("fail point {point}: the process dies here");
        std::process::abort();
    }
}
