//! A receiver for tests: plain HTTP on loopback, says what it is told to, and keeps what it got.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A call as it arrived.
#[derive(Debug, Clone)]
pub struct Got {
    pub head: String,
    pub body: Vec<u8>,
}

impl Got {
    pub fn header(&self, name: &str) -> String {
        let found = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What it answers.
#[derive(Debug, Clone)]
pub enum Says {
    /// These bytes.
    Raw(Vec<u8>),
    /// Nothing, and keeps the connection.
    Silence,
    /// Hangs up.
    HangUp,
}

#[derive(Debug, Clone)]
pub struct HookSink {
    pub address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    says: Arc<Mutex<Says>>,
}

impl HookSink {
    pub async fn start() -> Self {
        Self::at(Ipv4Addr::LOCALHOST).await
    }

    pub async fn at(ip: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.expect("a port");
        let sink = Self {
            address: listener.local_addr().expect("bound"),
            got: Arc::default(),
            says: Arc::new(Mutex::new(Says::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()))),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        sink
    }

    pub fn answer(&self, status: &str, body: &str) {
        self.say(Says::Raw(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()));
    }

    pub fn say(&self, says: Says) {
        *self.says.lock().expect("not poisoned") = says;
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().expect("not poisoned").clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        let head = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let text = String::from_utf8_lossy(&read[..head]).into_owned();
        let length = text.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<usize>().expect("a length"))
        });
        while read.len() < head + length.unwrap_or(0) {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        self.got.lock().expect("not poisoned").push(Got { head: text, body: read[head..].to_vec() });
        let says = self.says.lock().expect("not poisoned").clone();
        match says {
            Says::Raw(bytes) => drop(stream.write_all(&bytes).await),
            Says::Silence => std::future::pending().await,
            Says::HangUp => {}
        }
    }
}
