//! A credential that can do one thing: ask a server to cancel what one of our sessions runs.
//!
//! Every PostgreSQL session has a secret of its own for that. Whoever knows it needs no role and no password, can end no other session, and
//! can do nothing at all once this one is over: so it may be given to a process that must not be able to sign in.

use super::connect::tls_config;
use super::link::Link;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Length, code, process, secret.
const REQUEST_BYTES: usize = 16;
/// What asks a PostgreSQL server for TLS: length and code.
const ASK_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// A server that does not answer within this is asked again later.
const WITHIN: Duration = Duration::from_secs(5);

/// Where a session's server is, as it was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A socket file on this machine.
    Socket(PathBuf),
    /// The address that was resolved and pinned when the run's sessions were opened.
    Tcp {
        /// Address.
        ip: IpAddr,
        /// Port.
        port: u16,
    },
}

/// The right to have one session's statement cancelled.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRight {
    place: Place,
    /// Host and authority, where the server is spoken to by TLS alone.
    tls: Option<(String, Option<String>)>,
    request: [u8; REQUEST_BYTES],
}

impl std::fmt::Debug for CancelRight {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CancelRight").field("place", &self.place).finish_non_exhaustive()
    }
}

impl CancelRight {
    /// Takes the right over the session of `link`. The driver writes the request itself; nothing is sent to the server.
    pub(super) async fn of(link: &Link, place: Place, tls: Option<(String, Option<String>)>) -> io::Result<Self> {
        let (ours, mut server) = tokio::io::duplex(64);
        // Where the session is by TLS the driver asks for that first.
        server.write_all(b"S").await?;
        link.cancel_token().cancel_query_raw(ours, AsIs).await.map_err(io::Error::other)?;
        let mut written = Vec::new();
        server.read_to_end(&mut written).await?;
        let request = written.last_chunk::<REQUEST_BYTES>().copied();
        let request = request.ok_or_else(|| io::Error::other("the driver wrote no request to cancel"))?;
        Ok(Self { place, tls, request })
    }

    /// Asks the server to cancel. It never says whether something was there to be cancelled.
    ///
    /// # Errors
    /// When the server cannot be reached, or is not who it should be.
    pub async fn ask(&self) -> io::Result<()> {
        let slow = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", WITHIN.as_secs()));
        tokio::time::timeout(WITHIN, self.ask_untimed()).await.map_err(slow)?
    }

    async fn ask_untimed(&self) -> io::Result<()> {
        match &self.place {
            Place::Socket(file) => self.write(UnixStream::connect(file).await?).await,
            Place::Tcp { ip, port } => {
                let mut stream = TcpStream::connect((*ip, *port)).await?;
                let Some((host, ca_pem)) = &self.tls else { return self.write(stream).await };
                stream.write_all(&ASK_FOR_TLS).await?;
                if stream.read_u8().await? != b'S' {
                    return Err(io::Error::other("the server offers no TLS any more"));
                }
                let mut tls = MakeRustlsConnect::new(tls_config(ca_pem.as_deref()).map_err(io::Error::other)?);
                let connector = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, host).map_err(io::Error::other)?;
                self.write(connector.connect(stream).await.map_err(io::Error::other)?).await
            }
        }
    }

    async fn write(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        stream.write_all(&self.request).await?;
        stream.flush().await?;
        // The server closes once it has passed the request on.
        let mut rest = [0; 1];
        let _ = stream.read(&mut rest).await;
        Ok(())
    }
}

/// "TLS" that changes nothing: the request is written into memory, to be sent by somebody else.
struct AsIs;
struct Plain(DuplexStream);

impl TlsConnect<DuplexStream> for AsIs {
    type Stream = Plain;
    type Error = Infallible;
    type Future = Ready<Result<Plain, Infallible>>;
    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Plain(stream)))
    }
}

impl TlsStream for Plain {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Plain {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_shown() {
        let place = Place::Tcp { ip: [127, 0, 0, 1].into(), port: 5432 };
        let right = CancelRight { place, tls: None, request: [200; REQUEST_BYTES] };
        let shown = format!("{right:?}");
        assert!(shown.contains("127.0.0.1") && !shown.contains("200"), "{shown}");
    }
}
