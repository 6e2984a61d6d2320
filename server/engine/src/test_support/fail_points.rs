//! Points at which a test lets its process die as kill -9 would (nothing is closed, nothing is written, nobody is told), freeze as
//! SIGSTOP would, or come late.

use std::sync::Mutex;
use std::time::Duration;

/// Every point, in the order in which a run passes them. A test goes through them all.
pub const ALL: &[&str] = &[
    "in_claim",
    "after_claim",
    "before_begin",
    "after_begin",
    "before_baseline",
    "before_seal",
    "after_seal",
    "after_ask_by_hand",
    "after_ask_call",
    "after_call",
    "after_keep_out_intent",
    "after_guard",
    "in_shut",
    "after_shut",
    "after_empty",
    "after_intent",
    "after_open",
    "after_start",
    "before_send",
    "after_execute",
    "after_debris_intent",
    "after_debris_drop",
    "after_undo_intent",
    "after_undo_start",
    "after_undo_execute",
    "before_done",
    "after_done",
    "before_let_in",
    "after_let_in",
    "before_probe",
    "before_end",
    "after_end",
];

/// What happens to the process at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is gone at once.
    Die,
    /// It stands still until somebody sends SIGCONT.
    Freeze,
    /// It goes on later.
    Wait(Duration),
}

static ARMED: Mutex<Option<(String, u32, Deed)>> = Mutex::new(None);

/// Does this to the process when it reaches the point of this name for the `nth` time, from 1.
///
/// # Panics
/// When there is no such point: the test would wait for something that never happens.
pub fn arm(name: &str, nth: u32, deed: Deed) {
    assert!(ALL.contains(&name), "no fail point is called {name}");
    if let Ok(mut armed) = ARMED.lock() {
        *armed = Some((name.to_owned(), nth, deed));
    }
}

/// A point is reached.
pub(crate) fn reach(name: &str) {
    debug_assert!(ALL.contains(&name), "{name} is not on the list of fail points");
    let Some(deed) = due(name) else { return };
    eprintln!("fail point {name}: {deed:?}");
    match deed {
        Deed::Die => std::process::abort(),
        Deed::Freeze => {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
            // The stop reaches the other threads within moments; this one must not run ahead of it.
            std::thread::sleep(Duration::from_millis(50));
        }
        Deed::Wait(time) => std::thread::sleep(time),
    }
}

/// What is due at this point; it happens once.
fn due(name: &str) -> Option<Deed> {
    let mut armed = ARMED.lock().ok()?;
    let (_, left, deed) = armed.as_mut().filter(|(point, ..)| point == name)?;
    *left = left.saturating_sub(1);
    let (over, deed) = (*left == 0, *deed);
    if over {
        *armed = None;
    }
    over.then_some(deed)
}
