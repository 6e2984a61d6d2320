//! One run as all its streams share it: what is new is put into bytes once, not once for each page.

use bytes::Bytes;
use domain::ids::RunId;
use domain::view::live::{Head, Item, Line, MOST_LINES, Message, News};
use domain::window::RunState;
use engine::queries::live::{Fresh, Known};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::watch;

/// Changes that are kept for streams that are slow: at two a second, more than ten seconds. Whoever is slower gets the whole again.
const KEPT: usize = 32;

/// A watched run.
#[derive(Debug, Default)]
pub struct Feed {
    /// Until when nothing else is known, by the state database's clock; 0 before the first look.
    now_ms: AtomicI64,
    frames: watch::Sender<Option<Arc<Frame>>>,
}

/// A run at one moment, with the way from the moments before.
#[derive(Debug)]
pub struct Frame {
    /// Counts changes.
    pub number: u64,
    /// Number of the newest line.
    pub seq: i64,
    /// It has ended: nothing follows.
    pub ended: bool,
    /// A message with everything but the lines.
    pub whole: Bytes,
    version: i64,
    head: Head,
    items: Vec<Item>,
    lines: VecDeque<Line>,
    changes: VecDeque<(u64, Bytes)>,
}

impl Feed {
    /// What it has.
    pub fn known(&self, run: RunId) -> Known {
        match self.frames.borrow().as_ref() {
            Some(frame) => Known { run, seq: Some(frame.seq), version: frame.version },
            None => Known { run, seq: None, version: 0 },
        }
    }

    /// Takes what a look found, and wakes the streams when something changed.
    pub fn take(&self, fresh: Fresh) {
        let now_ms = fresh.head.now_ms;
        let next = match self.frames.borrow().as_deref() {
            Some(frame) => frame.next(fresh),
            None => Some(Frame::first(fresh)),
        };
        self.now_ms.store(now_ms, Ordering::Release);
        if let Some(frame) = next {
            self.frames.send_replace(Some(Arc::new(frame)));
        }
    }

    /// Until when what the streams have is known to be true.
    pub fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Acquire)
    }

    /// What a stream waits on.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Frame>>> {
        self.frames.subscribe()
    }
}

impl Frame {
    fn first(fresh: Fresh) -> Self {
        let items = fresh.items.unwrap_or_default();
        let lines = fresh.lines.into();
        Self::new(1, fresh.version, fresh.head, items, lines, VecDeque::new())
    }

    fn new(number: u64, version: i64, mut head: Head, items: Vec<Item>, lines: VecDeque<Line>, changes: VecDeque<(u64, Bytes)>) -> Self {
        clear_progress(&mut head, &items);
        let news = News { head: head.clone(), whole: true, items: items.clone(), lines: Vec::new() };
        let (seq, ended, whole) = (head.seq, head.state == RunState::Ended, event(head.seq, &Message::News(news)));
        Self { number, seq, ended, whole, version, head, items, lines, changes }
    }

    /// The frame after this one; `None` when nothing changed but the time.
    fn next(&self, mut fresh: Fresh) -> Option<Self> {
        let items = fresh.items.take().unwrap_or_else(|| self.items.clone());
        clear_progress(&mut fresh.head, &items);
        let changed: Vec<Item> = items.iter().filter(|item| !self.items.contains(item)).cloned().collect();
        let same = Head { now_ms: self.head.now_ms, ..fresh.head.clone() } == self.head;
        if same && changed.is_empty() && fresh.lines.is_empty() {
            return None;
        }
        let number = self.number + 1;
        let mut lines = self.lines.clone();
        lines.extend(fresh.lines.iter().cloned());
        lines.drain(..lines.len().saturating_sub(MOST_LINES));
        let news = News { head: fresh.head.clone(), whole: false, items: changed, lines: fresh.lines };
        let mut changes = self.changes.clone();
        changes.push_back((number, event(fresh.head.seq, &Message::News(news))));
        changes.drain(..changes.len().saturating_sub(KEPT));
        Some(Self::new(number, fresh.version, fresh.head, items, lines, changes))
    }

    /// The changes after change `number`, if all of them are still kept.
    pub fn since(&self, number: u64) -> Option<Vec<Bytes>> {
        let missing = usize::try_from(self.number.checked_sub(number)?).ok()?;
        let from = self.changes.len().checked_sub(missing)?;
        Some(self.changes.iter().skip(from).map(|(_, bytes)| bytes.clone()).collect())
    }

    /// The lines after `seq` as a message; `None` when there are none.
    pub fn lines_after(&self, seq: i64) -> Option<Bytes> {
        let lines: Vec<Line> = self.lines.iter().filter(|line| line.seq > seq).cloned().collect();
        // All that is kept is newer, and nothing shows how much came before: it replaces what the page has.
        let whole = lines.len() == self.lines.len() && self.lines.len() >= MOST_LINES;
        (!lines.is_empty()).then(|| event(self.seq, &Message::Lines { whole, lines }))
    }
}

/// A progress line is about the item it names while that is worked on, not after.
fn clear_progress(head: &mut Head, items: &[Item]) {
    let open = |ordinal| items.iter().any(|item| item.ordinal == ordinal && item.open().is_some());
    head.progress.retain(|progress| open(progress.ordinal));
}

/// A message on the wire: its number is that of the newest line, so that a browser that comes back says how far it got.
pub fn event(seq: i64, message: &Message) -> Bytes {
    // Plain structs of text and numbers: this cannot fail, and JSON holds no line break.
    let json = serde_json::to_string(message).unwrap_or_default();
    Bytes::from(format!("id: {seq}\ndata: {json}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::run::Phase;

    fn fresh(seq: i64, now_ms: i64, lines: &[i64]) -> Fresh {
        let head = Head {
            now_ms,
            seq,
            state: RunState::Leased,
            ending: None,
            phase: Phase::Working,
            selected: true,
            stop_asked: false,
            hold_asked: false,
            decided: false,
            opened_ms: 0,
            ended_ms: None,
            cut_off_ms: 1,
            end_ms: 2,
            heard_ms: 0,
            owner: None,
            progress: vec![],
        };
        let line = |seq: &i64| Line { seq: *seq, at_ms: 0, ordinal: None, kind: "phase".into(), message: format!("line {seq}") };
        Fresh { run: RunId(uuid::Uuid::nil()), head, version: 1, items: None, lines: lines.iter().map(line).collect() }
    }

    #[test]
    fn time_alone_is_no_news() {
        let frame = Frame::first(fresh(1, 10, &[1]));
        assert!(frame.next(fresh(1, 20, &[])).is_none());
        let next = frame.next(fresh(2, 20, &[2])).expect("a line is news");
        assert_eq!((next.number, next.since(1).map(|changes| changes.len())), (2, Some(1)));
        assert_eq!(next.since(2).map(|changes| changes.len()), Some(0));
        let text = String::from_utf8(next.since(1).expect("kept").remove(0).to_vec()).expect("text");
        assert!(text.starts_with("id: 2\ndata: {\"news\":") && text.ends_with("}\n\n") && text.contains("line 2"), "{text}");
        assert!(!text.contains("\"items\""), "nothing of it changed: {text}");
    }

    #[test]
    fn who_was_away_too_long_gets_the_whole() {
        let mut frame = Frame::first(fresh(1, 0, &[1]));
        for seq in 2..=300 {
            frame = frame.next(fresh(seq, seq, &[seq])).expect("news");
        }
        assert!(frame.since(100).is_none() && frame.since(290).is_some_and(|changes| changes.len() == 10));
        let lines = |after| frame.lines_after(after).map(|bytes| String::from_utf8(bytes.to_vec()).expect("text")).unwrap_or_default();
        assert!(lines(300).is_empty());
        assert!(lines(298).contains("\"whole\":false") && lines(298).matches("\"seq\"").count() == 2);
        assert!(lines(5).contains("\"whole\":true") && lines(5).matches("\"seq\"").count() == MOST_LINES);
    }
}
