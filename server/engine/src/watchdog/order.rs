//! What a worker and its watchdog say to each other: one line each.

use super::SOCKET;
use crate::target::cancel::CancelRight;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// A statement that must end in time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// Name of its session on the target: for the log.
    pub session: String,
    /// How long it may still run, in milliseconds.
    pub left_ms: u64,
    /// The right to have it cancelled.
    pub right: CancelRight,
}

/// Asks whether somebody is there.
pub const PING: &[u8] = b"ping\n";
pub(super) const OVER: &[u8] = b"over\n";
/// An order with the certificates of an authority is some kilobytes long.
const MOST_BYTES: u64 = 256 * 1024;
/// A watchdog on this machine answers at once; one that is stuck must not keep a run waiting.
const WITHIN: Duration = Duration::from_millis(500);

/// One line of a worker.
pub(super) enum Said {
    Ping,
    Order(Box<Order>),
    Over,
    /// The connection ended.
    Gone,
}

pub(super) async fn read(lines: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Said> {
    let mut line = Vec::new();
    lines.take(MOST_BYTES).read_until(b'\n', &mut line).await?;
    match line.as_slice() {
        b"" => Ok(Said::Gone),
        PING => Ok(Said::Ping),
        OVER => Ok(Said::Over),
        json => serde_json::from_slice(json).map(|order| Said::Order(Box::new(order))).map_err(io::Error::other),
    }
}

/// Says one line to the watchdog of a folder and waits for its yes. The connection stays open: its end means something.
pub async fn client(folder: &Path, line: &[u8]) -> io::Result<UnixStream> {
    let said = async {
        let (path, _folder) = short(folder)?;
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(line).await?;
        let mut answer = String::new();
        BufReader::new(&mut stream).take(16).read_line(&mut answer).await?;
        if answer == "ok\n" { Ok(stream) } else { Err(io::Error::other("the watchdog did not say yes")) }
    };
    let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "the watchdog does not answer");
    tokio::time::timeout(WITHIN, said).await.map_err(slow)?
}

/// The socket by a path that is always short enough for the system: by way of the opened folder.
pub(super) fn short(folder: &Path) -> io::Result<(PathBuf, File)> {
    let opened = File::open(folder)?;
    Ok((PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", opened.as_raw_fd())), opened))
}
