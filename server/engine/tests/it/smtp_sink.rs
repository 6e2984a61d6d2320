//! A mail server for tests that misbehaves on demand, and remembers what it was given.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// How the server behaves from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Takes everything.
    Ok,
    /// `451` to every recipient.
    Later,
    /// `550` to every recipient.
    Refuse,
    /// `554` after the message.
    RefuseAfterData,
    /// Reads the whole message, keeps it, and hangs up without a word.
    CutAfterData,
    /// Hangs up at the first MAIL.
    CutBeforeData,
    /// `535` to every sign-in.
    NoSignIn,
    /// Accepts the connection and never says anything.
    Silent,
}

/// The server; it ends with the test's runtime.
pub struct SmtpSink {
    pub port: u16,
    mode: Arc<Mutex<Mode>>,
    mails: Arc<Mutex<Vec<String>>>,
}

/// The place of a server that is not there: connections are refused until it opens, and nobody else can take its port.
pub struct Closed {
    pub port: u16,
    socket: TcpSocket,
}

impl Closed {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        Self { port: socket.local_addr().expect("bound").port(), socket }
    }

    pub fn open(self) -> SmtpSink {
        let (port, listener) = (self.port, self.socket.listen(128).expect("listens"));
        let (mode, mails) = (Arc::new(Mutex::new(Mode::Ok)), Arc::new(Mutex::new(Vec::new())));
        let (with, into) = (mode.clone(), mails.clone());
        tokio::task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn(serve(stream, with.clone(), into.clone()));
            }
        });
        SmtpSink { port, mode, mails }
    }
}

impl SmtpSink {
    pub fn start() -> Self {
        Closed::new().open()
    }

    pub fn behave(&self, mode: Mode) {
        *self.mode.lock().expect("not poisoned") = mode;
    }

    /// Everything that reached the server whole, also what it then refused or kept quiet about.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("not poisoned").clone()
    }
}

async fn serve(stream: TcpStream, mode: Arc<Mutex<Mode>>, mails: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let now = || *mode.lock().expect("not poisoned");
    let mut stream = BufReader::new(stream);
    if now() == Mode::Silent {
        // Waits for the client to give up.
        return stream.read_to_end(&mut Vec::new()).await.ok().map(drop);
    }
    say(&mut stream, "220 sink ESMTP").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        match (word.as_str(), now()) {
            ("EHLO", _) => say(&mut stream, "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN").await?,
            ("AUTH", Mode::NoSignIn) => say(&mut stream, "535 5.7.8 bad credentials").await?,
            ("AUTH", _) => say(&mut stream, "235 welcome").await?,
            ("MAIL", Mode::CutBeforeData) => return None,
            ("RCPT", Mode::Later) => say(&mut stream, "451 4.3.2 mailbox busy\u{7}, come back").await?,
            ("RCPT", Mode::Refuse) => say(&mut stream, "550 5.1.1 no such person here").await?,
            ("DATA", _) => {
                say(&mut stream, "354 go on").await?;
                let mail = message(&mut stream).await?;
                mails.lock().expect("not poisoned").push(mail);
                match now() {
                    Mode::CutAfterData => return None,
                    Mode::RefuseAfterData => say(&mut stream, "554 5.7.1 looks like spam").await?,
                    _ => say(&mut stream, "250 queued").await?,
                }
            }
            ("QUIT", _) => return say(&mut stream, "221 bye").await,
            _ => say(&mut stream, "250 fine").await?,
        }
    }
}

async fn message(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(mail);
        }
        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> Option<()> {
    stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await.ok()
}
