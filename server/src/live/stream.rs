//! One open page. Dropping the stream, as the server does when the page goes away, takes it off the list at once.

use super::Live;
use super::feed::{Feed, Frame, event};
use bytes::{Bytes, BytesMut};
use domain::view::live::{BEAT_MS, Message, Over};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What the browser is told first: how long it waits before it comes back by itself, should the page's own script be gone.
const PREFACE: &[u8] = b"retry: 3000\n\n";
/// Keeps proxies from closing what is silent only because the state database does not answer. It is no sign of life for the page.
const SILENCE: &[u8] = b": the state database does not answer\n\n";

/// Where a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing was sent; the page has the lines up to this one.
    Before(i64),
    /// This change was the last that was sent.
    At(u64),
    /// The last message was sent.
    After,
}

/// What a page reads.
#[derive(Debug)]
pub struct Stream {
    live: Live,
    id: u64,
    feed: Arc<Feed>,
    frames: watch::Receiver<Option<Arc<Frame>>>,
    closing: watch::Receiver<Option<Over>>,
    place: Place,
    beat_at: Instant,
    told_ms: i64,
    seq: i64,
}

impl Stream {
    pub(super) fn new(live: Live, id: u64, feed: Arc<Feed>, closing: watch::Receiver<Option<Over>>, after: Option<i64>) -> Self {
        let (frames, place, beat_at) = (feed.subscribe(), Place::Before(after.unwrap_or(0)), next_beat());
        Self { live, id, feed, frames, closing, place, beat_at, told_ms: 0, seq: after.unwrap_or(0) }
    }

    /// The next piece; `None` when nothing more comes.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.place == Place::After {
                return None;
            }
            let closing = *self.closing.borrow();
            if let Some(over) = closing {
                return Some(self.end(over));
            }
            let frame = self.frames.borrow_and_update().clone();
            if let Some(piece) = frame.and_then(|frame| self.piece(&frame)) {
                return Some(piece);
            }
            tokio::select! {
                // The feed lives as long as its streams do, and the list ends no stream without a word.
                _ = self.frames.changed() => {}
                _ = self.closing.changed() => {}
                () = self.live.0.lifecycle.soft.cancelled() => return Some(self.end(Over::Restart)),
                () = sleep_until(self.beat_at) => return Some(self.beat()),
            }
        }
    }

    /// What this stream does not have of a frame.
    fn piece(&mut self, frame: &Frame) -> Option<Bytes> {
        let mut piece = BytesMut::new();
        match self.place {
            Place::At(number) if number == frame.number => return frame.ended.then(|| self.end(Over::Ended)),
            Place::At(number) if frame.since(number).is_some() => {
                frame.since(number).into_iter().flatten().for_each(|change| piece.extend_from_slice(&change));
            }
            Place::Before(_) | Place::At(_) => {
                if matches!(self.place, Place::Before(_)) {
                    piece.extend_from_slice(PREFACE);
                }
                piece.extend_from_slice(&frame.whole);
                piece.extend_from_slice(&frame.lines_after(self.seq).unwrap_or_default());
            }
            Place::After => return None,
        }
        (self.place, self.seq, self.told_ms) = (Place::At(frame.number), frame.seq, self.feed.now_ms());
        self.beat_at = next_beat();
        Some(piece.freeze())
    }

    /// A sign of life, but only if there was one.
    fn beat(&mut self) -> Bytes {
        self.beat_at = next_beat();
        let now_ms = self.feed.now_ms();
        if now_ms <= self.told_ms || self.place == Place::After {
            return Bytes::from_static(SILENCE);
        }
        self.told_ms = now_ms;
        event(self.seq, &Message::Beat { now_ms })
    }

    fn end(&mut self, over: Over) -> Bytes {
        self.place = Place::After;
        event(self.seq, &Message::Over(over))
    }
}

fn next_beat() -> Instant {
    Instant::now() + Duration::from_millis(BEAT_MS)
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.live.left(self.id);
    }
}
