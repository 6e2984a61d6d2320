//! Signal to be fast, poll to be right: a wake-up carries no data, and every loop polls as well.

use sqlx::PgPool;

/// Loops that can be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Examinations are asked.
    Examiner,
    /// Messages wait in the outbox.
    Notifier,
    /// A window became due, or a run was opened, stopped or decided on.
    Runner,
    /// Facts wait for a seal.
    Sealer,
}

impl Wake {
    /// Name of the channel.
    #[must_use]
    pub fn channel(self) -> &'static str {
        match self {
            Self::Examiner => "drydock_examiner",
            Self::Notifier => "drydock_notifier",
            Self::Runner => "drydock_runner",
            Self::Sealer => "drydock_sealer",
        }
    }
}

/// Wakes the loops named. Called after the commit; a failure only costs the time until the next poll, so it is logged and forgotten.
pub async fn wake(pool: &PgPool, loops: &[Wake]) {
    for which in loops {
        if let Err(error) = crate::store::notify(pool, which.channel()).await {
            tracing::debug!(channel = which.channel(), %error, "wake-up not sent; the loop polls");
        }
    }
}
