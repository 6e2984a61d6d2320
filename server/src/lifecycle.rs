//! Two-stage stop. The first signal asks softly: nothing new is taken, what runs reaches a safe point. The second is
//! hard: what still runs is dropped, and the next start finds out what is true.
//!
//! A web process drains before its soft stop: it still serves, `/readyz` fails, and every page says that this server is stopping.

use std::{
    future::Future,
    io::Read,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// After a soft stop a supervised process ends within this time, also when its supervisor is gone and nobody can ask again.
pub const SOFT_STOP_AT_MOST: Duration = Duration::from_secs(30);

/// What a supervisor writes to a child that shall drain; closing the pipe asks for the soft stop.
pub const DRAIN: u8 = b'd';

const ONE_KEY_PRESS: Duration = Duration::from_millis(300);

/// The stop signals of this process and the tasks that must finish before it ends. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Somebody asked to stop; what is asked now is still answered.
    pub draining: CancellationToken,
    /// Take nothing new, reach a safe point.
    pub soft: CancellationToken,
    /// Drop what you hold.
    pub hard: CancellationToken,
    /// Everything that must finish is spawned here.
    pub tasks: TaskTracker,
    /// Why this program may not go on, once a newer one has changed the schema.
    pub outdated: Arc<OnceLock<String>>,
    /// Time between draining and the soft stop.
    drain: Duration,
}

impl Lifecycle {
    /// Listen for SIGINT and SIGTERM from now on.
    pub fn start() -> std::io::Result<Self> {
        Self::draining_for(Duration::ZERO)
    }

    /// The same for a process that still serves for this long after it was asked to stop.
    #[expect(clippy::disallowed_methods, reason = "the listener has nothing to finish: it ends with the process")]
    pub fn draining_for(drain: Duration) -> std::io::Result<Self> {
        let lifecycle = Self { drain, ..Self::default() };
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
            while matches!(std::io::stdin().read(&mut byte), Ok(n) if n > 0) {
                if byte[0] == DRAIN {
                    me.draining.cancel();
                }
            }
            tracing::info!("the supervisor asks to stop, or is gone");
            me.draining.cancel();
            me.soft.cancel();
            std::thread::sleep(SOFT_STOP_AT_MOST);
            tracing::warn!(seconds = SOFT_STOP_AT_MOST.as_secs(), "not stopped in time; ending hard");
            std::process::exit(1);
        });
    }

    /// One step further: soft first, by way of draining; hard when that was asked for already.
    pub fn ask_to_stop(&self) {
        if self.draining.is_cancelled() {
            tracing::warn!("second signal: stopping hard");
            self.soft.cancel();
            self.hard.cancel();
        } else {
            tracing::info!("stopping; a second signal stops hard");
            self.drain();
        }
    }

    /// Drains, and stops softly after that.
    #[expect(clippy::disallowed_methods, reason = "the wait has nothing to finish: it ends with the process")]
    pub fn drain(&self) {
        self.draining.cancel();
        if self.drain.is_zero() {
            return self.soft.cancel();
        }
        let (soft, drain) = (self.soft.clone(), self.drain);
        tokio::spawn(async move {
            tokio::time::sleep(drain).await;
            soft.cancel();
        });
    }

    /// Wait for the tracked tasks, or for the hard stop.
    pub async fn finish(self) {
        self.draining.cancel();
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
