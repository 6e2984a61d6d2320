//! The browser's end of the stream: opens it while somebody looks, comes back after a cut, and knows how long it heard nothing.
//!
//! Time is the state database's, as the newest message said it; the local clock only counts from there, and stops where news are missing.

use super::watched::{Link, Watched};
use domain::view::live::{Message, NO_NEWS_MS, Over};
use leptos::prelude::*;
use leptos::web_sys::wasm_bindgen::closure::Closure;
use leptos::web_sys::wasm_bindgen::{JsCast as _, JsValue};
use leptos::web_sys::{Event, EventSource, HtmlElement, MessageEvent};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// First wait after a cut, doubled with every failure up to the longest; each is stretched or shortened by half at random, so that
/// pages that were cut together do not come back together.
const FIRST_WAIT_MS: f64 = 800.0;
const LONGEST_WAIT_MS: f64 = 30_000.0;
/// A page that was asked to make room for another one gives it so long to come before it believes that it stays: then it was a download.
const LEAVE: Duration = Duration::from_secs(10);
/// After so many failures in a row the stream may be what does not work: the page itself is asked.
const ASK_THE_PAGE_AFTER: u32 = 4;
const TICK: Duration = Duration::from_millis(500);

/// An open stream with what hears it.
struct Open {
    source: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut(Event)>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.source.set_onmessage(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

struct Follower {
    run: String,
    watched: Watched,
    /// A form was opened to be typed into.
    typing: bool,
    shape: (bool, bool, bool, bool, bool, bool),
    open: RefCell<Option<Open>>,
    wait: Cell<Option<TimeoutHandle>>,
    failures: Cell<u32>,
    /// When the newest message came, by the local clock that only counts on.
    heard_at: Cell<f64>,
    /// When the stream was asked for, by the same clock.
    opened_at: Cell<f64>,
    /// Until when it was true.
    known_ms: Cell<i64>,
    /// Nothing more is asked.
    over: Cell<bool>,
    /// When the reader went on to another page, or sent a form, by the local clock.
    left_at: Cell<Option<f64>>,
}

/// Follows the run of this page for as long as the page lives.
pub fn follow(run: String, watched: Watched, typing: bool) {
    let head = watched.head.get_untracked();
    let follower = Rc::new(Follower {
        run,
        watched,
        typing,
        shape: head.shape(),
        open: RefCell::new(None),
        wait: Cell::new(None),
        failures: Cell::new(0),
        heard_at: Cell::new(local_ms()),
        opened_at: Cell::new(0.0),
        known_ms: Cell::new(head.now_ms),
        over: Cell::new(head.ended_ms.is_some()),
        left_at: Cell::new(None),
    });
    forget_automatic();
    if follower.over.get() {
        return;
    }
    let me = Rc::clone(&follower);
    let _ = set_interval_with_handle(move || me.tick(), TICK);
    let me = Rc::clone(&follower);
    // A page lives as long as its document, and so does this.
    window_event_listener_untyped("visibilitychange", move |_| me.seen());
    let me = Rc::clone(&follower);
    window_event_listener_untyped("beforeunload", move |_| me.left_at.set(Some(local_ms())));
    if document().hidden() { follower.seen() } else { follower.connect() }
}

impl Follower {
    /// The page was hidden or shown.
    fn seen(self: &Rc<Self>) {
        if self.over.get() {
            return;
        }
        self.rest();
        if document().hidden() {
            self.watched.link.set(Link::Hidden);
        } else {
            self.failures.set(0);
            self.connect();
        }
    }

    /// Closes what is open and forgets what was planned.
    fn rest(&self) {
        self.open.borrow_mut().take();
        if let Some(wait) = self.wait.take() {
            wait.clear();
        }
    }

    fn connect(self: &Rc<Self>) {
        self.rest();
        self.opened_at.set(local_ms());
        let after = self.watched.head.with_untracked(|head| head.seq);
        let Ok(source) = EventSource::new(&format!("/runs/{}/events?after={after}", self.run)) else { return };
        let me = Rc::clone(self);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(message) = event.data().as_string().and_then(|text| serde_json::from_str(&text).ok()) {
                me.take(message);
            }
        });
        let me = Rc::clone(self);
        let error = Closure::<dyn FnMut(Event)>::new(move |_| me.cut());
        source.set_onmessage(Some(message.as_ref().unchecked_ref()));
        source.set_onerror(Some(error.as_ref().unchecked_ref()));
        *self.open.borrow_mut() = Some(Open { source, _message: message, _error: error });
    }

    fn take(self: &Rc<Self>, message: Message) {
        self.failures.set(0);
        if let Message::Over(why) = message {
            return self.ended(why);
        }
        let first = self.watched.link.get_untracked() != Link::On;
        if let Some(now_ms) = self.watched.take(message) {
            self.heard_at.set(local_ms());
            self.known_ms.set(now_ms);
            if first && self.watched.link.get_untracked() != Link::Outdated {
                self.watched.link.set(Link::On);
            }
            self.tick();
        }
        if self.watched.head.with_untracked(|head| head.shape()) != self.shape {
            self.outdated();
        }
    }

    fn ended(self: &Rc<Self>, why: Over) {
        // The last news changed what may be done: this page is about to be loaded again, and that must not be called off.
        if self.over.get() {
            return;
        }
        // Whoever types was told that the page is outdated, and still has to know it.
        if why != Over::Ended || self.watched.link.get_untracked() != Link::Outdated {
            self.watched.link.set(Link::Over(why));
        }
        match why {
            Over::Ended | Over::Refused => {
                self.over.set(true);
                self.later(Duration::ZERO, |me| me.rest());
            }
            Over::Restart | Over::Unproven => self.cut(),
        }
    }

    /// The stream is gone: it is asked for again, later each time.
    fn cut(self: &Rc<Self>) {
        if self.over.get() || document().hidden() {
            return;
        }
        let failures = self.failures.get() + 1;
        self.failures.set(failures);
        let wait =
            (FIRST_WAIT_MS * f64::from(1_u32 << failures.min(10).saturating_sub(1))).min(LONGEST_WAIT_MS) * (0.5 + js_sys::Math::random());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 400 and 45,000")]
        let wait = Duration::from_millis(wait as u64);
        // This may be the source's own event: it is closed now, so that it does not come back by itself, and let go of later.
        if let Some(open) = self.open.borrow().as_ref() {
            open.source.close();
        }
        let again: fn(&Rc<Self>) = if failures >= ASK_THE_PAGE_AFTER { Self::ask_the_page } else { Self::connect };
        self.later(wait, again);
    }

    fn later(self: &Rc<Self>, wait: Duration, then: fn(&Rc<Self>)) {
        let me = Rc::clone(self);
        if let Some(planned) = self.wait.replace(set_timeout_with_handle(move || then(&me), wait).ok()) {
            planned.clear();
        }
    }

    /// The stream does not come. Where the page itself does, it is loaded again: that is the slow way to the same truth.
    fn ask_the_page(self: &Rc<Self>) {
        self.rest();
        let me = Rc::clone(self);
        leptos::task::spawn_local(async move {
            if reachable(&format!("/runs/{}?auto=1", me.run)).await && !me.is_typed_on() {
                me.load_again();
            } else {
                me.connect();
            }
        });
    }

    /// What may be done about the run has changed.
    fn outdated(self: &Rc<Self>) {
        if self.is_typed_on() {
            self.watched.link.set(Link::Outdated);
        } else {
            self.over.set(true);
            self.later(Duration::ZERO, |me| {
                me.rest();
                me.load_again();
            });
        }
    }

    /// Loads the page again, unless the reader is on the way to another one: that would call off a click or a form just sent.
    fn load_again(self: &Rc<Self>) {
        let leaving = self.left_at.get().is_some_and(|at| local_ms() - at < LEAVE.as_secs_f64() * 1000.0);
        if leaving {
            self.later(LEAVE, Self::load_again);
        } else {
            load_again();
        }
    }

    /// Whether something would be lost by loading the page again.
    fn is_typed_on(&self) -> bool {
        let focused = document().active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok());
        self.typing || focused.is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
    }

    /// Lets time go on, and sees that news are missing.
    fn tick(self: &Rc<Self>) {
        let link = self.watched.link.get_untracked();
        if matches!(link, Link::Hidden | Link::Over(Over::Ended | Over::Refused)) {
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds that a page is open")]
        let since_ms = (local_ms() - self.heard_at.get()) as i64;
        if since_ms <= NO_NEWS_MS {
            self.watched.now_ms.set(self.known_ms.get() + since_ms);
            return;
        }
        self.watched.now_ms.set(self.known_ms.get());
        if link != Link::Outdated {
            self.watched.link.set(Link::Silent(since_ms / 1000));
        }
        // A connection that says nothing at all is dead, whatever it believes.
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        if self.open.borrow().is_some() && local_ms() - self.opened_at.get() > NO_NEWS_MS as f64 {
            self.rest();
            self.cut();
        }
    }
}

/// Milliseconds of a clock that nobody sets.
fn local_ms() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// A page that loaded itself again has that in its address; whoever looks at it later comes by themselves.
fn forget_automatic() {
    let location = window().location();
    if location.search().is_ok_and(|search| search.contains("auto=1"))
        && let (Ok(path), Ok(history)) = (location.pathname(), window().history())
    {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&path));
    }
}

/// Loads the page again at the same place, marked as its own doing: that does not keep the session alive.
fn load_again() {
    let location = window().location();
    if let (Ok(path), Ok(history)) = (location.pathname(), window().history()) {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("{path}?auto=1")));
    }
    let _ = location.reload();
}

async fn reachable(url: &str) -> bool {
    wasm_bindgen_futures::JsFuture::from(window().fetch_with_str(url)).await.is_ok()
}
