//! What the page knows of a run, and how fresh that is.

use domain::view::live::{Head, Item, Line, MOST_LINES, Message, News, Over};
use leptos::prelude::*;

/// How the page stands to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only browsers follow a stream"))]
pub enum Link {
    /// No stream: a page without script, or before it begins.
    Still,
    /// News come.
    On,
    /// Nothing was heard for this many seconds.
    Silent(i64),
    /// Nobody looks at the page, so nothing is asked.
    Hidden,
    /// The stream said why it ended.
    Over(Over),
    /// The run is another than this page is made for, and somebody types on it.
    Outdated,
}

/// The signals that everything drawn hangs on.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    pub head: RwSignal<Head>,
    pub items: RwSignal<Vec<Item>>,
    /// Oldest first.
    pub lines: RwSignal<Vec<Line>>,
    /// The state database's time, as far as it is known.
    pub now_ms: RwSignal<i64>,
    pub link: RwSignal<Link>,
}

impl Watched {
    pub fn new(news: News) -> Self {
        Self {
            now_ms: RwSignal::new(news.head.now_ms),
            head: RwSignal::new(news.head),
            items: RwSignal::new(news.items),
            lines: RwSignal::new(news.lines),
            link: RwSignal::new(Link::Still),
        }
    }

    /// The items that are worked on, in the order of work.
    pub fn running(&self) -> Vec<Item> {
        self.items.with(|items| items.iter().filter(|item| item.open().is_some()).cloned().collect())
    }

    /// Takes what a stream said; says until when it is true.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only browsers follow a stream"))]
    pub fn take(&self, message: Message) -> Option<i64> {
        match message {
            Message::News(news) => {
                let now_ms = news.head.now_ms;
                if news.whole {
                    if self.items.with_untracked(|items| *items != news.items) {
                        self.items.set(news.items);
                    }
                } else if !news.items.is_empty() {
                    self.items.update(|items| merge(items, news.items));
                }
                if !news.lines.is_empty() {
                    self.lines.update(|lines| append(lines, news.lines));
                }
                self.head.set(news.head);
                Some(now_ms)
            }
            Message::Lines { whole, lines: new } => {
                self.lines.update(|lines| {
                    if whole {
                        lines.clear();
                    }
                    append(lines, new);
                });
                None
            }
            Message::Beat { now_ms } => Some(now_ms),
            Message::Over(_) => None,
        }
    }
}

fn merge(items: &mut Vec<Item>, changed: Vec<Item>) {
    for item in changed {
        match items.iter_mut().find(|known| known.ordinal == item.ordinal) {
            Some(known) => *known = item,
            None => items.push(item),
        }
    }
    items.sort_by_key(|item| item.ordinal);
}

/// Lines come in order; what is known already is not taken twice.
fn append(lines: &mut Vec<Line>, new: Vec<Line>) {
    let last = lines.last().map_or(0, |line| line.seq);
    lines.extend(new.into_iter().filter(|line| line.seq > last));
    lines.drain(..lines.len().saturating_sub(MOST_LINES));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: i64) -> Line {
        Line { seq, at_ms: 0, ordinal: None, kind: "phase".into(), message: String::new() }
    }

    #[test]
    fn lines_are_taken_once_and_the_oldest_are_let_go() {
        let mut lines = vec![line(1), line(2)];
        append(&mut lines, vec![line(2), line(4)]);
        assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2, 4]);
        append(&mut lines, (5..500).map(line).collect());
        assert_eq!((lines.len(), lines[0].seq, lines.last().map(|line| line.seq)), (MOST_LINES, 300, Some(499)));
    }

    #[test]
    fn a_changed_item_takes_the_place_of_the_old_one() {
        let item = |ordinal, detail: &str| Item {
            ordinal,
            step: String::new(),
            object: String::new(),
            statement: String::new(),
            why: String::new(),
            low_ms: 0,
            high_ms: 0,
            outcome: None,
            detail: Some(detail.into()),
            tries: vec![],
        };
        let mut items = vec![item(1, "old"), item(3, "old")];
        merge(&mut items, vec![item(2, "new"), item(3, "new")]);
        let seen: Vec<_> = items.iter().map(|item| (item.ordinal, item.detail.as_deref().unwrap_or_default())).collect();
        assert_eq!(seen, [(1, "old"), (2, "new"), (3, "new")]);
    }
}
