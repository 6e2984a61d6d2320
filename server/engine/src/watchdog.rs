//! The watchdog: a process that ends what must end when the worker that began it is frozen, or gone.
//!
//! It is told of each statement before that is sent: where, until when, and the right to cancel it, which is good for that one session. It
//! knows no password, no role and no state database; so it works when that is away, and can do no other harm when it is taken over. It
//! keeps what it was told in memory and counts time by its own monotonic clock: deadlines come as time left.
//!
//! A worker speaks to it by a socket in its own folder, one connection a statement. A connection that says "over" takes its order back; one
//! that just ends does not: its worker died, and the statement may still run.

mod order;

pub use order::{Order, PING, client};

use crate::error::{Error, Result};
use order::{OVER, Said, read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Name of the socket in a worker's folder.
const SOCKET: &str = "watchdog.sock";
/// A worker has eight runs at once at most, and a host few workers.
const MOST_ORDERS: usize = 256;
/// A statement that was asked to cancel is asked again after this time, as long as nobody says that it is over.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// After this time the watchdog has done what it can; what still runs is a person's to end.
const ASK_FOR: Duration = Duration::from_secs(120);

/// Where the socket of a worker's folder is.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join(SOCKET)
}

/// Watches until `stop`. What is watched then is left to the timers of the servers.
///
/// # Errors
/// When another watchdog has the folder, or the socket cannot be made.
pub async fn watch(folder: &Path, stop: CancellationToken) -> Result<()> {
    let (listener, _lock) = listen(folder)?;
    tracing::info!(socket = %socket(folder).display(), "watchdog started");
    let (tasks, room) = (TaskTracker::new(), Arc::new(Semaphore::new(MOST_ORDERS)));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a worker could not be listened to");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!(most = MOST_ORDERS, "too many statements at once: this one is left to its server's timers");
            continue;
        };
        let stop = stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = serve(stream) => {}
                // What runs on stays bounded by its server's own timers.
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }
    tasks.close();
    tasks.wait().await;
    tracing::info!("watchdog stopped");
    Ok(())
}

/// One watchdog a folder: a lock says so, and a socket of one that died is taken over.
fn listen(folder: &Path) -> Result<(UnixListener, std::fs::File)> {
    let say = |what: &str, error: std::io::Error| Error::internal(format!("{what} in {}: {error}", folder.display()));
    let lock = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("watchdog.lock"));
    let lock = lock.map_err(|error| say("cannot make the watchdog's lock", error))?;
    lock.try_lock().map_err(|_| Error::internal(format!("another watchdog already watches for {}", folder.display())))?;
    let (path, _folder) = order::short(folder).map_err(|error| say("cannot open the watchdog's folder", error))?;
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|error| say("cannot make the watchdog's socket", error))?;
    let private = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600));
    private.map_err(|error| say("cannot protect the watchdog's socket", error))?;
    Ok((listener, lock))
}

/// One connection: a question whether somebody is there, or an order until it is over.
async fn serve(stream: UnixStream) {
    let (lines, mut answers) = stream.into_split();
    let mut lines = BufReader::new(lines);
    let order = match read(&mut lines).await {
        Ok(Said::Ping) => {
            let _ = answers.write_all(b"ok\n").await;
            return;
        }
        Ok(Said::Order(order)) => order,
        Ok(Said::Over | Said::Gone) => return,
        Err(error) => return tracing::warn!(%error, "a worker was not understood"),
    };
    let deadline = Instant::now() + Duration::from_millis(order.left_ms);
    if answers.write_all(b"ok\n").await.is_err() {
        tracing::warn!(session = order.session, "the worker went away as it gave an order; the order stands");
    }
    tokio::select! {
        taken_back = taken_back(&mut lines) => {
            if taken_back {
                return;
            }
            tracing::warn!(session = order.session, "the worker is gone; its statement is watched to its deadline");
            tokio::time::sleep_until(deadline).await;
            cancel(&order).await;
        }
        () = tokio::time::sleep_until(deadline) => {
            tokio::select! {
                true = taken_back(&mut lines) => {}
                () = cancel(&order) => {}
            }
        }
    }
}

/// Waits for the end of the connection; true when the worker said that the statement is over.
async fn taken_back(lines: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> bool {
    matches!(read(lines).await, Ok(Said::Over))
}

/// Past its time: asked to cancel, again and again, until somebody says that it is over or enough was tried.
async fn cancel(order: &Order) {
    tracing::warn!(session = order.session, "past its time, and nobody said that it is over: the statement is cancelled on the server");
    let until = Instant::now() + ASK_FOR;
    while Instant::now() < until {
        if let Err(error) = order.right.ask().await {
            tracing::warn!(session = order.session, %error, "the server was not asked to cancel; it is tried again");
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    tracing::error!(
        session = order.session,
        seconds = ASK_FOR.as_secs(),
        "asked to cancel all this time, and nobody said that it is over: look at the server"
    );
}

/// What ends an order: sent by its worker once the statement is over.
pub(crate) const TAKEN_BACK: &[u8] = OVER;
