//! Tells the watchdog of each statement before it is sent, and when it is over.

use super::dispatcher::Work;
use crate::target::connect::Dialer;
use crate::target::session::Session;
use crate::watchdog::{Order, TAKEN_BACK, client};
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The server's own timer comes first; the watchdog is for the statement that outlives it.
const AFTER_TIMER: Duration = Duration::from_secs(2);
/// A watchdog that went away is looked for again after this time.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// An order that stands. Dropped without [`Self::over`] it goes on standing: nobody knows what became of the statement.
#[derive(Debug)]
pub(super) struct Guarded {
    over: CancellationToken,
}

impl Guarded {
    /// The statement is over: the order is taken back.
    pub(super) fn over(self) {
        self.over.cancel();
    }
}

/// Gives the order for a session whose statement may run for `budget`, and not beyond `left` of the window. Waits until the watchdog has it,
/// or is known not to be there: then the server's own timers stand alone, and the run goes on.
pub(super) async fn give(work: &Work, dialer: &Dialer, session: &Session, budget: Duration, left: Duration) -> Guarded {
    let guarded = Guarded { over: CancellationToken::new() };
    let right = match dialer.cancel_right(&session.link).await {
        Ok(right) => right,
        Err(error) => {
            tracing::warn!(session = %session.name, %error, "the watchdog was given no right to cancel");
            return guarded;
        }
    };
    let deadline = Instant::now() + (budget + AFTER_TIMER).min(left);
    let order = Order { session: session.name.to_string(), left_ms: 0, right };
    let (given, known) = oneshot::channel();
    let folder = work.hand.context.config.data_dir.clone();
    TaskTracker::new().spawn(keep(folder, order, deadline, given, guarded.over.clone()));
    // It always says something, at once or when it gives up asking.
    let _ = known.await;
    guarded
}

/// Keeps the order standing: gives it again to a watchdog that was started anew.
async fn keep(folder: PathBuf, mut order: Order, deadline: Instant, given: oneshot::Sender<()>, over: CancellationToken) {
    let mut given = Some(given);
    // Past the deadline the watchdog that has the order does what can be done.
    while !over.is_cancelled() && (given.is_some() || Instant::now() < deadline) {
        order.left_ms = u64::try_from(deadline.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX);
        let stream = match serde_json::to_vec(&order) {
            Ok(mut line) => {
                line.push(b'\n');
                client(&folder, &line).await
            }
            Err(error) => Err(error.into()),
        };
        if let (Err(error), Some(_)) = (&stream, &given) {
            tracing::warn!(session = order.session, %error, "no watchdog: the server's own timers stand alone");
        }
        if let Some(given) = given.take() {
            // Nobody waits any more when the run was given up meanwhile.
            let _ = given.send(());
        }
        if let Ok(stream) = stream {
            stand(stream, &over).await;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = over.cancelled() => {}
        }
    }
}

/// Holds the connection until the statement is over, and says so; or until the watchdog goes away.
async fn stand(mut stream: UnixStream, over: &CancellationToken) {
    let mut nothing = [0; 1];
    tokio::select! {
        () = over.cancelled() => {
            if let Err(error) = stream.write_all(TAKEN_BACK).await {
                tracing::debug!(%error, "the watchdog went away before it heard that a statement is over");
            }
        }
        _ = stream.read(&mut nothing) => {}
    }
}
