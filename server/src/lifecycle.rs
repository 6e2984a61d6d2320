//! Two-stage stop. The first signal asks softly: nothing new is taken, what runs reaches a safe point. The second is
//! hard: what still runs is dropped, and the next start finds out what is true.

use std::{future::Future, io::Read, time::Duration};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// After a soft stop a supervised process ends within this time, also when its supervisor is gone and nobody can ask again.
pub const SOFT_STOP_AT_MOST: Duration = Duration::from_secs(30);

const ONE_KEY_PRESS: Duration = Duration::from_millis(300);

/// The stop signals of this process and the tasks that must finish before it ends. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Take nothing new, reach a safe point.
    pub soft: CancellationToken,
    /// Drop what you hold.
    pub hard: CancellationToken,
    /// Everything that must finish is spawned here.
    pub tasks: TaskTracker,
}

impl Lifecycle {
    /// Listen for SIGINT and SIGTERM from now on.
    #[expect(clippy::disallowed_methods, reason = "the listener has nothing to finish: it ends with the process")]
    pub fn start() -> std::io::Result<Self> {
        let lifecycle = Self::default();
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let me = lifecycle.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                me.ask_to_stop();
                // A terminal and the program that started us may both pass on the same key press.
                tokio::time::sleep(ONE_KEY_PRESS).await;
                while tokio::time::timeout(Duration::ZERO, interrupt.recv()).await.is_ok() {}
            }
        });
        Ok(lifecycle)
    }

    /// The supervisor holds the other end of our standard input. When it closes, by a request to stop or because the
    /// supervisor died, this process stops softly, and for certain within [`SOFT_STOP_AT_MOST`].
    ///
    /// A thread of its own: it must work when the runtime is stuck.
    pub fn stop_with_supervisor(&self) {
        let me = self.clone();
        std::thread::spawn(move || {
            let mut byte = [0];
            while matches!(std::io::stdin().read(&mut byte), Ok(n) if n > 0) {}
            tracing::info!("the supervisor asks to stop, or is gone");
            me.soft.cancel();
            std::thread::sleep(SOFT_STOP_AT_MOST);
            tracing::warn!(seconds = SOFT_STOP_AT_MOST.as_secs(), "not stopped in time; ending hard");
            std::process::exit(1);
        });
    }

    /// One step further: soft first, hard when it was soft already.
    pub fn ask_to_stop(&self) {
        if self.soft.is_cancelled() {
            tracing::warn!("second signal: stopping hard");
            self.hard.cancel();
        } else {
            tracing::info!("stopping; a second signal stops hard");
            self.soft.cancel();
        }
    }

    /// Wait for the tracked tasks, or for the hard stop.
    pub async fn finish(self) {
        self.soft.cancel();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = self.hard.cancelled() => {}
        }
    }

    /// Run until done, or until the hard stop drops it.
    pub async fn until_hard<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.hard.cancelled() => None,
        }
    }
}
