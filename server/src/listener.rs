//! Connections, before there is a request: how many, how long each part of one may take, and how they end.
//!
//! axum's own `serve` waits for ever for the rest of a request's head and for a reader that does not read. Here a connection is dropped when
//! its head does not arrive in time or is too large, when nobody takes the answer, and when the stop has waited long enough. What a request may
//! take once its head is there is [`crate::guard::patience`]'s business. A long answer, such as a stream of events, is limited by neither: only by
//! a reader who stops reading.
//!
//! An answer given before the whole request was read, such as a refusal, would be lost if the connection were closed at once: what then arrives is
//! answered by the system with a reset, and a reset makes the client throw away what it has not read yet. So where something of a request is still
//! to come, a close says first that nothing more will be sent, and takes for a moment what comes.
//!
//! HTTP/1.1 alone: a proxy speaks HTTP/2 with browsers and this with us, and a connection that first has to say which it speaks could be silent
//! for ever.

use axum::body::HttpBody;
use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{future::Future as _, io};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::{Layer as _, ServiceExt as _};

/// What a connection may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections; more wait in the system's queue until one ends.
    pub connections: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Bytes of a request's head; more, as more headers, is answered with 431 and nothing else.
    pub head_bytes: usize,
    /// From the connection's begin, or the end of its last answer, to the end of a request's head: proxies keep connections for later, so not too
    /// short.
    pub head: Duration,
    /// How long a piece of an answer may wait for its reader.
    pub unread: Duration,
    /// How long a closing connection waits for its client to have read the answer and to close too.
    pub linger: Duration,
    /// How long connections may go on after the soft stop.
    pub farewell: Duration,
}

impl Default for Limits {
    /// Half of the files that the process may open; heads as nginx and Apache take them, and room for a proxy's additions; nginx's
    /// `lingering_timeout`.
    fn default() -> Self {
        Self {
            connections: crate::files::connections(),
            headers: 100,
            head_bytes: 32 * 1024,
            head: Duration::from_secs(30),
            unread: Duration::from_secs(30),
            linger: Duration::from_secs(5),
            farewell: Duration::from_secs(20),
        }
    }
}

/// Connections the system keeps for us while all hands are busy; it takes fewer where `net.core.somaxconn` says so. Where they do not fit, the
/// system forgets them silently, and who waits for an answer gets a reset half a minute later: 128, the libraries' own choice, is one office that
/// presses a button.
const QUEUE: u32 = 4_096;

/// Listens at this address.
///
/// # Errors
/// The address is taken, or none of this machine.
pub fn listen(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As every server does: connections of a former process that still say goodbye do not keep the address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Serves until the soft stop, then lets the requests that run finish, within [`Limits::farewell`]. Dropping it drops every connection.
pub async fn serve(mut listener: tokio::net::TcpListener, router: Router, limits: Limits, soft: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            // axum's `accept` waits a moment and tries again where the system has no file left.
            let (stream, peer) = axum::serve::Listener::accept(&mut listener).await;
            (place, stream, peer)
        };
        let (place, stream, peer) = tokio::select! {
            next = next => next,
            () = soft.cancelled() => break,
        };
        while connections.try_join_next().is_some() {}
        let (router, soft) = (router.clone(), soft.clone());
        connections.spawn(async move {
            let _place = place;
            connection(stream, peer, router, limits, soft).await;
        });
    }
    // Closed first: a load balancer learns at once that nobody takes more.
    drop(listener);
    if timeout(limits.farewell, async { while connections.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(open = connections.len(), "connections are cut: their answers did not end after the stop");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, limits: Limits, soft: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let owed = Arc::new(AtomicBool::new(false));
    let owes = Arc::clone(&owed);
    let router = Extension(ConnectInfo(peer)).layer(router);
    let service =
        TowerToHyperService::new(router.map_request(move |request: Request<Incoming>| request.map(|body| Watched::new(body, &owes))));
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_headers(limits.headers).max_buf_size(limits.head_bytes);
    let mut serving = pin!(http.serve_connection(TokioIo::new(Impatient::new(stream, limits, owed)), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = soft.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The body of a request, which tells its connection whether it was read to its end.
struct Watched {
    body: Incoming,
    owed: Arc<AtomicBool>,
}

impl Watched {
    fn new(body: Incoming, owed: &Arc<AtomicBool>) -> Self {
        owed.store(!body.is_end_stream(), Ordering::Relaxed);
        Self { body, owed: Arc::clone(owed) }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.owed.store(false, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that breaks when its other end takes nothing for a while, and that closes without losing its last answer.
struct Impatient {
    stream: TcpStream,
    unread: Duration,
    linger: Duration,
    /// Whether the client may still be sending: only then is a close worth waiting for.
    owed: Arc<AtomicBool>,
    /// Running while something waits to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Running since the client was told that nothing more will be sent.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    fn new(stream: TcpStream, limits: Limits, owed: Arc<AtomicBool>) -> Self {
        Self { stream, unread: limits.unread, linger: limits.linger, owed, waiting: None, lingering: None }
    }

    /// Takes and forgets what still comes, until the client closes, breaks off or has had its time.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; 4096];
        loop {
            if self.lingering.as_mut().is_none_or(|lingering| lingering.as_mut().poll(context).is_ready()) {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn judged<T>(&mut self, context: &mut Context<'_>, taken: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if taken.is_ready() {
            self.waiting = None;
            return taken;
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.unread)));
        waiting.as_mut().poll(context).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads the answer")))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judged(context, taken)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.judged(context, taken)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judged(context, flushed)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            if !self.owed.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            self.lingering = Some(Box::pin(sleep(self.linger)));
        }
        self.poll_linger(context)
    }
}
