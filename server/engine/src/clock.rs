//! The one clock and the one source of ids and random bytes. Rules get time and ids as arguments.

use domain::ids::PersonId;
use jiff::Timestamp;
use rand::Rng as _;
use uuid::Uuid;

/// Wall time of this process: for pages, sessions and mails. Leases and deadlines use the state database's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one home of the wall clock")]
    pub fn now(self) -> Timestamp {
        Timestamp::now()
    }
}

/// A new time-ordered id: rows made together lie together in the index.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one home of random ids")]
pub fn new_id<T: From<Uuid>>() -> T {
    T::from(Uuid::now_v7())
}

/// `N` bytes from the operating system's generator, by way of a reseeding ChaCha stream.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one home of randomness")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A new person's id.
#[must_use]
pub fn new_person() -> PersonId {
    new_id()
}
