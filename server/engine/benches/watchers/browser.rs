//! The least of a browser: a cookie, plain HTTP, and a stream that is read as it comes.

use crate::figures::Figures;
use domain::view::live::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

pub const PASSWORD: &str = "harbour violet seven drumsticks";

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Browser {
    address: SocketAddr,
    cookie: String,
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Status, headers and body of one exchange, after which the server closes.
async fn exchange(address: SocketAddr, request: String) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

impl Browser {
    pub async fn sign_in(address: SocketAddr, email: &str) -> Self {
        let fields = url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("email", email), ("password", PASSWORD)]).finish();
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{fields}",
            fields.len()
        );
        let answer = exchange(address, request).await.unwrap();
        let cookie =
            answer.lines().find_map(|line| line.strip_prefix("set-cookie: drydock=")).unwrap_or_else(|| panic!("no session: {answer}"));
        Self { address, cookie: cookie.split(';').next().unwrap_or_default().to_owned() }
    }

    fn get(&self, path: &str, accept: &str, connection: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: drydock={}\r\nAccept: {accept}\r\nSec-Fetch-Site: same-origin\r\nConnection: {connection}\r\n\r\n",
            self.address, self.cookie
        )
    }
}

/// Reads a stream until the end of the measurement; notes how old each progress is when it comes.
pub async fn listen(browser: Browser, path: String, figures: Arc<Figures>, stop: CancellationToken) {
    tokio::select! {
        ended = follow(&browser, &path, &figures) => figures.error(format!("a stream ended: {ended:?}")),
        () = stop.cancelled() => {}
    }
}

async fn follow(browser: &Browser, path: &str, figures: &Figures) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(browser.address).await?;
    stream.write_all(browser.get(path, "text/event-stream", "keep-alive").as_bytes()).await?;
    let mut lines = BufReader::new(stream);
    let (mut line, mut newest_ms, mut first) = (String::new(), 0, true);
    while lines.read_line(&mut line).await? > 0 {
        if line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.1 200") {
            return Ok(line);
        }
        // Between the lines stand the sizes of chunks; a message is one line and comes whole.
        if let Some(message) = line.strip_prefix("data: ").and_then(|data| serde_json::from_str(data.trim_end()).ok()) {
            match message {
                Message::News(news) => {
                    let seen = news.head.progress.iter().map(|doing| doing.at_ms).chain(news.lines.iter().map(|line| line.at_ms)).max();
                    if let Some(at_ms) = seen.filter(|at_ms| *at_ms > newest_ms) {
                        newest_ms = at_ms;
                        if !first {
                            figures.delay(now_ms() - at_ms);
                        }
                    }
                }
                Message::Over(why) => return Ok(format!("{why:?}")),
                Message::Lines { .. } | Message::Beat { .. } => {}
            }
            if std::mem::take(&mut first) {
                figures.open();
            }
        }
        line.clear();
    }
    Ok("closed".to_owned())
}

/// Opens one page after the other, as somebody does who reads a little of each.
pub async fn click(browser: Browser, paths: Arc<Vec<String>>, n: usize, figures: Arc<Figures>, stop: CancellationToken) {
    for turn in n.. {
        // Different for each person and turn, the same in each measurement.
        let pause = Duration::from_millis(1_000 + u64::try_from(turn * 7_919 % 2_000).unwrap());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        let path = &paths[turn % paths.len()];
        let asked = Instant::now();
        match exchange(browser.address, browser.get(path, "text/html", "close")).await {
            Ok(page) if page.starts_with("HTTP/1.1 200") && page.contains("</html>") => figures.page(asked.elapsed()),
            Ok(page) => figures.error(format!("{path}: {}", page.lines().next().unwrap_or_default())),
            Err(error) => figures.error(format!("{path}: {error}")),
        }
    }
}
