//! What a connection may cost, with real sockets: slow, silent and greedy clients are dropped in time, long answers live.

use crate::browser::{HOST, ORIGIN, Place};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream::unfold;
use server::listener::{Limits, listen, serve};
use server::router::router_within;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take before the test says that it never came.
const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// Times that no test waits for.
const LONG: Limits =
    Limits { head: PATIENCE, unread: PATIENCE, linger: PATIENCE, farewell: PATIENCE, connections: 64, headers: 100, head_bytes: 32 * 1024 };

struct Server {
    address: SocketAddr,
    soft: CancellationToken,
    served: JoinHandle<()>,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    fn start(router: Router, limits: Limits) -> Self {
        let listener = listen("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let (address, soft) = (listener.local_addr().expect("bound"), CancellationToken::new());
        Self { address, served: tokio::spawn(serve(listener, router, limits, soft.clone())), soft }
    }
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }
    /// A connection over which this was sent.
    async fn told(&self, text: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }
    async fn stopped(self) {
        tokio::time::timeout(PATIENCE, self.served).await.expect("it stops").expect("no panic");
    }
}

/// All that comes until the server closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    // A connection that is reset while we still send has said what it had to say.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the server closes");
    String::from_utf8_lossy(&said).into_owned()
}

/// The next piece that comes.
async fn piece(stream: &mut TcpStream) -> String {
    let mut said = vec![0; 64 * 1024];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut said)).await.expect("an answer").expect("no error");
    String::from_utf8_lossy(&said[..read]).into_owned()
}

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// Says when it is dropped.
struct News(Arc<Notify>);

impl Drop for News {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A door whose answer the test feeds, and the news that the answer was dropped.
fn stream() -> (Router, mpsc::Sender<Bytes>, Arc<Notify>) {
    let (feed, fed) = mpsc::channel::<Bytes>(1);
    let dropped = Arc::new(Notify::new());
    let body = Arc::new(Mutex::new(Some((fed, News(dropped.clone())))));
    let open = move || async move {
        let state = body.lock().expect("nobody panicked").take().expect("asked once");
        Body::from_stream(unfold(state, |(mut fed, news)| async move {
            let bytes = fed.recv().await?;
            Some((Ok::<_, Infallible>(bytes), (fed, news)))
        }))
    };
    (Router::new().route("/events", get(open)), feed, dropped)
}

#[tokio::test]
async fn who_does_not_finish_a_head_is_dropped_in_time() {
    let server = Server::start(hello(), Limits { head: SHORT, ..LONG });
    for begun in ["", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "PRI * HTTP/2.0\r\n"] {
        let asked = Instant::now();
        let stream = server.told(begun).await;
        let said = rest(stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{begun:?}: {said}");
        assert!(asked.elapsed() < PATIENCE / 2, "{begun:?}");
    }
    // Drop by drop is no better than not at all.
    let mut slow = server.told("GET / HTTP/1.1\r\n").await;
    let begun = Instant::now();
    while slow.write_all(b"X: y\r\n").await.is_ok() {
        assert!(begun.elapsed() < PATIENCE, "a head without end is read for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut idle = server.told(&ask("/")).await;
    assert!(piece(&mut idle).await.ends_with("hello"));
    assert_eq!(rest(idle).await, "", "a connection that asks nothing more is closed");
}

#[tokio::test]
async fn header_bombs_get_431() {
    let server = Server::start(hello(), LONG);
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "y".repeat(64 * 1024));
    for bomb in [many, long] {
        let said = rest(server.told(&format!("GET / HTTP/1.1\r\nHost: x\r\n{bomb}\r\n")).await).await;
        assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    }
    assert!(piece(&mut server.told(&ask("/")).await).await.ends_with("hello"), "others are served");
}

#[tokio::test]
async fn large_heads_and_bodies_are_refused_in_words_and_slow_ones_given_up() {
    let place = Place::new().await;
    let server = Server::start(router_within(place.web.clone(), Router::new(), Duration::from_secs(2)), LONG);
    let post = format!(
        "POST /setup HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/html\r\nOrigin: {ORIGIN}\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n"
    );
    let head = format!("Host: {HOST}\r\nAccept: text/html\r\nConnection: close\r\n");
    let chunk = format!("{:x}\r\n{}\r\n", 100_000, "a".repeat(100_000));
    let cases = [
        ("431 ", "Too many cookies", format!("GET /setup HTTP/1.1\r\n{head}Cookie: {}\r\n\r\n", "c".repeat(20_000))),
        ("414 ", "Too long an address", format!("GET /setup?q={} HTTP/1.1\r\n{head}\r\n", "q".repeat(20_000))),
        ("413 ", "Too much text", format!("{post}Content-Length: 300000\r\n\r\n")),
        ("413 ", "Too much text", format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}0\r\n\r\n")),
        ("408 ", "This took too long", format!("{post}Content-Length: 1000\r\n\r\nname=")),
    ];
    for (status, words, sent) in cases {
        let said = rest(server.told(&sent).await).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")) && said.contains(words), "{status}: {said}");
        for header in ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff", "cache-control: no-store"] {
            assert!(said.contains(header), "{status} without {header}");
        }
    }
    assert_eq!(place.count("SELECT count(*) FROM drydock.person").await, 0);
}

/// A router that answers without reading a word of the request.
fn hasty() -> Router {
    Router::new().fallback(|| async { (http::StatusCode::SERVICE_UNAVAILABLE, "too many") })
}

#[tokio::test]
async fn an_early_answer_reaches_who_is_still_sending() {
    let server = Server::start(hasty(), LONG);
    let mut sender = server.told("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n").await;
    // The answer is in the client's system by now, unread; what is sent after it must not make the system throw it away.
    sender.readable().await.expect("answered");
    for _ in 0..3 {
        sender.write_all(&[b'a'; 1000]).await.expect("somebody takes it");
        sender.flush().await.expect("sent");
    }
    sender.shutdown().await.expect("all was sent");
    let mut said = String::new();
    tokio::time::timeout(PATIENCE, sender.read_to_string(&mut said)).await.expect("the server closes").expect("no reset");
    assert!(said.starts_with("HTTP/1.1 503 ") && said.ends_with("too many"), "{said}");
}

#[tokio::test]
async fn who_goes_on_sending_after_the_answer_is_dropped_in_time() {
    let server = Server::start(hasty(), Limits { linger: SHORT, ..LONG });
    let mut sender = server.told("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let endless = async { while sender.write_all(b"1\r\na\r\n").await.is_ok() {} };
    tokio::time::timeout(PATIENCE, endless).await.expect("it is cut off");
}

#[tokio::test]
async fn a_long_answer_lives_as_long_as_it_is_read() {
    let (events, feed, _) = stream();
    let limits = Limits { head: SHORT, unread: SHORT, ..LONG };
    let server = Server::start(events.layer(server::guard::patience::layer(SHORT)), limits);
    let mut reader = server.told(&ask("/events")).await;
    assert!(piece(&mut reader).await.starts_with("HTTP/1.1 200"));
    // Longer than every other time, in silence and in speech.
    for n in 0..4 {
        tokio::time::sleep(SHORT / 2).await;
        feed.send(Bytes::from(format!("event {n}\n"))).await.expect("somebody listens");
        assert!(piece(&mut reader).await.contains(&format!("event {n}")));
    }
    drop(feed);
    assert!(piece(&mut reader).await.ends_with("0\r\n\r\n"), "it ends as it should");
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_dropped() {
    let (events, feed, dropped) = stream();
    let server = Server::start(events, Limits { unread: SHORT, ..LONG });
    let _deaf = server.told(&ask("/events")).await;
    let flood = async { while feed.send(Bytes::from(vec![b'x'; 256 * 1024])).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, flood).await.expect("what nobody reads is kept for ever");
    tokio::time::timeout(PATIENCE, dropped.notified()).await.expect("dropped");
}

#[tokio::test]
async fn a_crowd_that_comes_while_nobody_looks_is_kept() {
    let listener = listen("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = listener.local_addr().expect("bound");
    let allowed: usize = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux says so").trim().parse().expect("a number");
    // More than the 128 that a listener keeps when nobody says anything, as far as the system allows it.
    let crowd = allowed.min(600);
    let mut waiting = Vec::new();
    for _ in 0..crowd {
        waiting.push(tokio::time::timeout(SHORT, TcpStream::connect(address)).await.expect("kept at once").expect("connected"));
    }
    for _ in 0..crowd {
        tokio::time::timeout(PATIENCE, listener.accept()).await.expect("each of them is there").expect("accepted");
    }
}

#[tokio::test]
async fn no_more_connections_than_there_are_places() {
    let server = Server::start(hello(), Limits { connections: 2, ..LONG });
    let (mut first, mut second) = (server.told(&ask("/")).await, server.told(&ask("/")).await);
    for open in [&mut first, &mut second] {
        assert!(piece(open).await.ends_with("hello"));
    }
    let mut third = server.told(&ask("/")).await;
    let early = tokio::time::timeout(SHORT, third.read_u8()).await;
    assert!(early.is_err(), "a third connection was served beside the two");
    drop(first);
    assert!(piece(&mut third).await.ends_with("hello"), "it waited for its place");
}

#[tokio::test]
async fn the_soft_stop_lets_answers_end_and_cuts_what_never_does() {
    let (events, feed, dropped) = stream();
    let server = Server::start(hello().merge(events), Limits { farewell: SHORT, ..LONG });
    let mut idle = server.told(&ask("/")).await;
    assert!(piece(&mut idle).await.ends_with("hello"));
    let mut reader = server.told(&ask("/events")).await;
    assert!(piece(&mut reader).await.starts_with("HTTP/1.1 200"));
    let address = server.address;
    server.soft.cancel();
    assert_eq!(rest(idle).await, "", "who waits for nothing is sent off at once");
    feed.send(Bytes::from_static(b"last words")).await.expect("an answer under way goes on");
    assert!(piece(&mut reader).await.contains("last words"));
    server.stopped().await;
    tokio::time::timeout(PATIENCE, dropped.notified()).await.expect("and is cut when the farewell is over");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn the_hard_stop_drops_everything() {
    let (events, _feed, dropped) = stream();
    let server = Server::start(events, LONG);
    let mut reader = server.told(&ask("/events")).await;
    assert!(piece(&mut reader).await.starts_with("HTTP/1.1 200"));
    server.served.abort();
    tokio::time::timeout(PATIENCE, dropped.notified()).await.expect("connections end with who serves them");
}
