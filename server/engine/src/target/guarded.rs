//! A stream that breaks off when the server asks for the password in clear text.
//!
//! The driver answers such a request and has no switch against it. On a connection without TLS that leaves this machine
//! the answer would be readable on the way, so the stream ends before the driver sees the question.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug, thiserror::Error)]
#[error("the server asked for the password in clear text")]
struct ClearTextAsked;

/// Whether this error is ours.
pub fn is_clear_text(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<ClearTextAsked>)
}

/// Wraps a stream until authentication is over.
#[derive(Debug)]
pub struct Guarded<S> {
    inner: S,
    watch: Watch,
}

impl<S> Guarded<S> {
    /// Watches `inner` from its first byte.
    pub fn new(inner: S) -> Self {
        Self { inner, watch: Watch::default() }
    }
}

/// Follows the server's messages up to the end of authentication.
#[derive(Debug, Default)]
struct Watch {
    /// Type, length and, of an authentication message, its kind: nine bytes at most.
    head: Vec<u8>,
    /// Bytes of the present message still to pass by.
    skip: usize,
    over: bool,
}

const AUTHENTICATION: u8 = b'R';
const OK: u32 = 0;
const CLEAR_TEXT: u32 = 3;

impl Watch {
    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), ClearTextAsked> {
        while !self.over && !bytes.is_empty() {
            let passing = self.skip.min(bytes.len());
            self.skip -= passing;
            bytes = &bytes[passing..];
            let Some((&byte, rest)) = bytes.split_first() else { break };
            self.head.push(byte);
            bytes = rest;
            self.look()?;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), ClearTextAsked> {
        let number = |at: &[u8]| at.iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
        let wanted = if self.head[0] == AUTHENTICATION { 9 } else { 5 };
        if self.head.len() < wanted {
            return Ok(());
        }
        // The length counts itself but not the type.
        let length = number(&self.head[1..5]) as usize;
        match (self.head[0], self.head.get(5..9).map(number)) {
            (AUTHENTICATION, Some(CLEAR_TEXT)) => return Err(ClearTextAsked),
            (AUTHENTICATION, Some(OK)) => self.over = true,
            _ => {}
        }
        self.skip = (1 + length).saturating_sub(self.head.len());
        self.head.clear();
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        let asked = self.watch.feed(&buf.filled()[before..]);
        if asked.is_err() {
            // The driver must not see the question, not even half of it.
            buf.set_filled(before);
        }
        Poll::Ready(asked.map_err(|asked| io::Error::new(io::ErrorKind::PermissionDenied, asked)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("short");
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    fn feed(pieces: &[&[u8]]) -> Result<(), ClearTextAsked> {
        let mut watch = Watch::default();
        pieces.iter().try_for_each(|piece| watch.feed(piece))
    }

    #[test]
    fn a_clear_text_request_is_found_behind_other_messages() {
        let stream = [message(b'N', b"a notice"), message(b'R', &[0, 0, 0, 10, 1, 2, 3]), message(b'R', &[0, 0, 0, 3])].concat();
        assert!(feed(&[&stream]).is_err());
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert!(feed(&bytes).is_err(), "byte by byte");
    }

    #[test]
    fn after_authentication_nothing_is_read_any_more() {
        let stream = [message(b'R', &[0, 0, 0, 0]), message(b'R', &[0, 0, 0, 3])].concat();
        assert!(feed(&[&stream]).is_ok());
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = feed(&[&bytes]);
        }

        #[test]
        fn cuts_do_not_matter(bodies in proptest::collection::vec((prop_oneof![Just(b'N'), Just(b'R'), Just(b'S')], proptest::collection::vec(any::<u8>(), 4..12)), 0..5), size in 1_usize..7) {
            let stream = bodies.iter().flat_map(|(kind, body)| message(*kind, body)).collect::<Vec<_>>();
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(feed(&[&stream]).is_err(), feed(&pieces).is_err());
        }
    }
}
