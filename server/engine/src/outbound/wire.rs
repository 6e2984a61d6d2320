//! HTTP/1.1 as far as one call needs it: one request, one answer, and the connection is over. Heads and chunks are read by `httparse`.

use super::{Call, Fault, Reply};
use domain::people::visible;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use url::{Position, Url};

/// Most bytes of an answer's head, and most headers in it.
const HEAD_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// Most bytes of an answer's body that are read; the rest is not waited for.
const BODY_BYTES: usize = 4 * 1024;
/// How long what follows the head is waited for.
const BODY_WITHIN: Duration = Duration::from_secs(1);
/// Parts of an address that are shorter than so many bytes are no secrets, and may be words of an answer.
const SHORTEST_SECRET: usize = 6;
/// Most characters of an answer that are kept.
const EXCERPT: usize = 2_000;

/// One question and its answer over an open connection, which is closed afterwards.
pub(super) async fn talk<T: AsyncRead + AsyncWrite + Unpin>(mut stream: T, call: Call<'_>) -> Result<Reply, Fault> {
    let question = question(&call)?;
    // A receiver may answer and hang up before it has read everything: what it says counts.
    let _ = stream.write_all(&question).await;
    // TLS keeps what it has not sent until it is told to send it.
    let _ = stream.flush().await;
    let mut read = Vec::new();
    let head = loop {
        if let Some(head) = head(&read)? {
            if head.status >= 200 {
                break head;
            }
            // An interim answer; the one that counts follows it.
            read.drain(..head.length);
            continue;
        }
        if !more(&mut stream, &mut read).await {
            return Err(Fault::Garbled);
        }
    };
    let mut body = read.split_off(head.length);
    // What of the body does not come in time is left out: the status is known.
    let rest = async { while !head.framing.is_enough(&body) && more(&mut stream, &mut body).await {} };
    let _ = tokio::time::timeout(BODY_WITHIN, rest).await;
    let body = head.framing.contents(&body);
    let said = without_address(&String::from_utf8_lossy(&body[..body.len().min(BODY_BYTES)]), call.url);
    let excerpt = visible(said.trim()).chars().take(EXCERPT).collect();
    Ok(Reply { status: head.status, excerpt })
}

/// What an answer says, without the parts of the address it was asked at: receivers like to repeat it, and a chat's address is its password.
fn without_address(said: &str, url: &Url) -> String {
    let typed: Vec<&str> = url[Position::BeforePath..Position::AfterQuery].split(['/', '?', '&', '=']).collect();
    let decoded = typed.iter().flat_map(|part| url::form_urlencoded::parse(part.as_bytes())).map(|(part, _)| part.into_owned());
    let mut parts: Vec<String> = typed.iter().map(|part| (*part).to_owned()).chain(decoded).collect();
    parts.retain(|part| part.len() >= SHORTEST_SECRET);
    // The longest first: one may be the beginning of another.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.iter().fold(said.to_owned(), |said, part| said.replace(part, "…"))
}

/// The request. Every part of it is ours or came out of a parser that leaves no line break in it; that is looked at once more.
fn question(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let target = &call.url[Position::BeforePath..Position::AfterQuery];
    let authority = &call.url[Position::BeforeHost..Position::AfterPort];
    let own = [
        ("host", authority.to_owned()),
        ("user-agent", concat!("Drydock/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("content-type", call.media_type.to_owned()),
        ("content-length", call.body.len().to_string()),
        ("connection", "close".to_owned()),
    ];
    let mut lines = vec![format!("POST {target} HTTP/1.1")];
    lines.extend(own.iter().chain(call.headers).map(|(name, value)| format!("{name}: {value}")));
    if target.contains(' ') || !lines.iter().all(|line| line.bytes().all(|byte| (b' '..=b'~').contains(&byte))) {
        return Err(Fault::NotAllowed);
    }
    let mut question = lines.join("\r\n").into_bytes();
    question.extend_from_slice(b"\r\n\r\n");
    question.extend_from_slice(&call.body);
    Ok(question)
}

/// Reads some more; false when the other side has ended.
async fn more<T: AsyncRead + Unpin>(stream: &mut T, read: &mut Vec<u8>) -> bool {
    read.reserve(2_048);
    stream.read_buf(read).await.is_ok_and(|bytes| bytes > 0)
}

/// The head of an answer.
struct Head {
    status: u16,
    length: usize,
    framing: Framing,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
    Closed,
}

/// The head, once it is whole.
fn head(read: &[u8]) -> Result<Option<Head>, Fault> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    match answer.parse(read) {
        Ok(httparse::Status::Complete(length)) => {
            let status = answer.code.ok_or(Fault::Garbled)?;
            let value = |name: &str| answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
            let chunked = value("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
            let length_said = value("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok());
            let framing = match (status, length_said) {
                (204 | 304, _) => Framing::Length(0),
                _ if chunked => Framing::Chunked,
                (_, Some(bytes)) => Framing::Length(bytes),
                (_, None) => Framing::Closed,
            };
            Ok(Some(Head { status, length, framing }))
        }
        Ok(httparse::Status::Partial) if read.len() < HEAD_BYTES => Ok(None),
        _ => Err(Fault::Garbled),
    }
}

impl Framing {
    /// Whether no more of a body is needed: it is whole, or as much of it as is kept.
    fn is_enough(self, body: &[u8]) -> bool {
        match self {
            Self::Length(bytes) => body.len() >= bytes.min(BODY_BYTES),
            Self::Chunked => body.len() >= BODY_BYTES || body.starts_with(b"0\r\n") || body.windows(5).any(|five| five == b"\r\n0\r\n"),
            Self::Closed => body.len() >= BODY_BYTES,
        }
    }

    /// The body without what only frames it.
    fn contents(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Length(bytes) => body[..body.len().min(bytes)].to_vec(),
            Self::Closed => body.to_vec(),
            Self::Chunked => {
                let (mut whole, mut rest) = (Vec::new(), body);
                while let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(rest) {
                    let size = usize::try_from(size).unwrap_or(usize::MAX);
                    let data = &rest[start..];
                    whole.extend_from_slice(&data[..size.min(data.len())]);
                    match size.checked_add(2).and_then(|end| data.get(end..)) {
                        Some(after) if size > 0 => rest = after,
                        _ => break,
                    }
                }
                whole
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::address;

    #[test]
    fn a_request_is_one_request() {
        let url = address("url", "https://hooks.example.org:8443/a b?c=d".replace(' ', "%20").as_str()).expect("good");
        let headers = [("webhook-id", "msg_1".to_owned())];
        let call = |headers| Call { url: &url, media_type: "application/json", headers, body: b"{}".to_vec() };
        let text = String::from_utf8(question(&call(&headers)).expect("a request")).expect("text");
        assert!(text.starts_with("POST /a%20b?c=d HTTP/1.1\r\nhost: hooks.example.org:8443\r\n"), "{text}");
        assert!(text.contains("\r\ncontent-length: 2\r\nconnection: close\r\nwebhook-id: msg_1\r\n\r\n{}"), "{text}");
        let split = [("webhook-id", "x\r\nevil: 1".to_owned())];
        assert_eq!(question(&call(&split)), Err(Fault::NotAllowed));
    }

    #[test]
    fn an_answer_does_not_repeat_the_address() {
        let url = address("url", "https://hooks.example.org/services/T0/B%2Fsecret/abcdefgh?key=canary%20one&n=1").expect("good");
        let said = "Cannot POST /services/T0/B%2Fsecret/abcdefgh?key=canary%20one&n=1, that is /services/T0/B/secret/abcdefgh, canary one; n=1 was wrong";
        let shown = without_address(said, &url);
        for secret in ["services", "secret", "abcdefgh", "canary"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("T0") && shown.ends_with("n=1 was wrong"), "{shown}");
    }

    #[test]
    fn what_frames_a_body_is_no_part_of_it() {
        let read = |head: &[u8]| super::head(head).expect("a head").expect("whole").framing;
        let chunked = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
        assert_eq!(chunked.contents(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), b"abcde");
        assert_eq!(chunked.contents(b"5\r\nabc"), b"abc", "cut off");
        assert_eq!(chunked.contents(b"ffffffffffff\r\nabc"), b"abc");
        assert!(chunked.is_enough(b"0\r\n\r\n") && !chunked.is_enough(b"3\r\nabc\r\n"));
        let short = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        assert!(short.is_enough(b"ab") && short.contents(b"abc") == b"ab");
        assert!(read(b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n").is_enough(b""));
    }
}
