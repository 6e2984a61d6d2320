//! Wake-ups inside the process: one listening connection rings the bell of each loop. A ring carries no data, and every loop polls too.

use crate::wake::Wake;
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const ALL: [Wake; 4] = [Wake::Examiner, Wake::Notifier, Wake::Runner, Wake::Sealer];

/// One bell for each kind of wake-up.
#[derive(Debug, Default)]
pub struct Bells {
    rings: [watch::Sender<()>; ALL.len()],
}

impl Bells {
    /// A bell that has not rung yet.
    #[must_use]
    pub fn bell(&self, which: Wake, stop: CancellationToken) -> Bell {
        Bell { rings: self.sender(which).subscribe(), stop }
    }

    /// Rings inside this process.
    pub fn ring(&self, which: Wake) {
        self.sender(which).send_replace(());
    }

    fn sender(&self, which: Wake) -> &watch::Sender<()> {
        let position = ALL.iter().position(|each| *each == which).unwrap_or_default();
        &self.rings[position]
    }

    /// Listens until `stop`. While there is no connection the loops live on their polls.
    pub(super) async fn listen(self: std::sync::Arc<Self>, pool: PgPool, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                ended = self.listen_once(&pool) => {
                    if let Err(error) = ended {
                        tracing::warn!(%error, "no wake-ups from the state database for now; the loops poll");
                    }
                }
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn listen_once(&self, pool: &PgPool) -> sqlx::Result<()> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen_all(ALL.map(Wake::channel)).await?;
        loop {
            // Anything may have been missed before this moment, and when the connection was lost (`None`): ring them all.
            for which in ALL {
                self.ring(which);
            }
            while let Some(notification) = listener.try_recv().await? {
                if let Some(which) = ALL.into_iter().find(|each| each.channel() == notification.channel()) {
                    self.ring(which);
                }
            }
        }
    }
}

/// What a loop waits on between two looks at its tables.
#[derive(Debug)]
pub struct Bell {
    rings: watch::Receiver<()>,
    stop: CancellationToken,
}

impl Bell {
    /// Waits for a ring, or for `poll` to pass. False when the soft stop was asked for: then the loop returns.
    pub async fn wait(&mut self, poll: Duration) -> bool {
        tokio::select! {
            // The bells outlive the loops, so an error cannot happen; the poll would cover it.
            _ = self.rings.changed() => {}
            () = tokio::time::sleep(poll) => {}
            () = self.stop.cancelled() => {}
        }
        !self.stop.is_cancelled()
    }

    /// Waits for a ring only, whether or not the soft stop was asked for.
    pub async fn rung(&mut self) {
        if self.rings.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_between_two_waits_is_not_lost() {
        let bells = Bells::default();
        let mut bell = bells.bell(Wake::Runner, CancellationToken::new());
        bells.ring(Wake::Runner);
        bells.ring(Wake::Sealer);
        assert!(bell.wait(Duration::from_secs(3600)).await, "it rang before the wait began");
    }

    #[tokio::test]
    async fn the_stop_ends_the_wait() {
        let stop = CancellationToken::new();
        let mut bell = Bells::default().bell(Wake::Sealer, stop.clone());
        stop.cancel();
        assert!(!bell.wait(Duration::from_secs(3600)).await);
    }
}
