//! The one client against addresses that lead inside, names that change, and receivers that misbehave: nothing inside is ever reached.

use crate::hook_sink::{HookSink, Says};
use domain::network::Network;
use engine::outbound::{Call, Fault, Limits, Outbound, Reply, Resolve, Rules, address};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SHORT: Limits = Limits { connect: Duration::from_millis(500), total: Duration::from_millis(1_500) };

fn rules(allowed: &[&str]) -> Rules {
    let allowed = allowed.iter().map(|network| network.parse::<Network>().expect("a network")).collect();
    Rules { plain_http: true, allowed }
}

fn client(allowed: &[&str]) -> Outbound {
    Outbound::trusting(rules(allowed), vec![]).expect("a client").within(SHORT)
}

/// Answers with each list in turn, the last one for ever; counts how often it was asked.
fn resolver(answers: &'static [&'static [&'static str]]) -> (Resolve, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let resolve: Resolve = Arc::new(move |_| {
        let n = counter.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let found = answers[n].iter().map(|text| text.parse().expect("an address")).collect();
        Box::pin(async move { Ok(found) })
    });
    (resolve, asked)
}

async fn post(client: &Outbound, url: &str) -> Result<Reply, Fault> {
    let url = address("url", url).expect("an address that can be typed");
    client.post(Call { url: &url, media_type: "application/json", headers: &[], body: b"{}".to_vec() }).await
}

/// Counts whoever connects, on every address of this machine.
async fn canary() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("[::]:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    // Where one socket does not take both families.
    let second = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.ok();
    let hits = Arc::new(AtomicUsize::new(0));
    for listener in std::iter::once(listener).chain(second) {
        let hits = hits.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                hits.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    (port, hits)
}

/// Every way to write an IPv4 address into the host of a URL that some reader of addresses understands.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let (dotted, whole) = (address.to_string(), u32::from(address));
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{a}.{b}.{c}.{d}."),
        format!("{whole}"),
        format!("0x{whole:x}"),
        format!("0X{whole:08X}"),
        format!("0{whole:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0{a:o}.{b}.0x{c:x}.{d}"),
        format!("{a}.{b}.{}", u16::from_be_bytes([c, d])),
        format!("{a}.{}", u32::from_be_bytes([0, b, c, d])),
        format!("0x{a:x}.{}", u32::from_be_bytes([0, b, c, d])),
        format!("%{:02x}{}", dotted.as_bytes()[0], &dotted[1..]),
        format!("{a}。{b}。{c}。{d}"),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
        format!("[::{a}.{b}.{c}.{d}]"),
        format!("[::ffff:0:{a}.{b}.{c}.{d}]"),
        format!("[64:ff9b::{high:x}:{low:x}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:{high:x}:{low:x}::1]"),
    ]
}

#[tokio::test]
async fn no_spelling_of_an_internal_address_reaches_anything() {
    let (port, hits) = canary().await;
    // Whatever is asked of a name, it leads to this machine.
    let (resolve, _) = resolver(&[&["127.0.0.1", "::1"]]);
    let client = client(&[]).resolving(resolve);
    let mut hosts: Vec<String> = ["127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1"]
        .iter()
        .flat_map(|text| spellings(text.parse().expect("an address")))
        .collect();
    hosts.extend(
        [
            "[::1]",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[fc00::1]",
            "[ff02::1]",
            "[::1%25lo]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "127.0.0.1.nip.io",
            "localtest.me",
            "metadata.google.internal",
            "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
            "①②⑦.⓪.⓪.①",
            "１２７.０.０.１",
            "0",
            "0x0",
            "127.1",
            "127.0.1",
            "2130706433",
            "017700000001",
        ]
        .map(str::to_owned),
    );
    let mut urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/")).collect();
    urls.extend(
        [
            "http://1.1.1.1@127.0.0.1:PORT/",
            "http://1.1.1.1\\@127.0.0.1:PORT/",
            "http://127.0.0.1:PORT#@1.1.1.1/",
            "http://127.0.0.1:PORT\\.example.org/",
            "http:127.0.0.1:PORT/",
            "http:///127.0.0.1:PORT/",
            "http://\t127.0.0.1:PORT/",
            "http://127.0.0.1\n:PORT/",
            "http://127.0.0.1\u{200b}:PORT/",
            "http://user:pass@localhost:PORT/",
            "HTTP://127.0.0.1:PORT/",
            "http://localhost:PORT?@example.org/",
            "https://127.0.0.1:PORT/",
            "https://localhost:PORT/",
            "https://[::ffff:127.0.0.1]:PORT/",
            "gopher://127.0.0.1:PORT/",
            "file://127.0.0.1/etc/passwd",
            "ftp://127.0.0.1:PORT/",
        ]
        .map(|url| url.replace("PORT", &port.to_string())),
    );
    assert!(urls.len() >= 190, "{}", urls.len());
    let mut typed = 0;
    for url in &urls {
        let Ok(parsed) = address("url", url) else { continue };
        typed += 1;
        let call = Call { url: &parsed, media_type: "application/json", headers: &[], body: vec![] };
        assert_eq!(client.post(call).await, Err(Fault::NotAllowed), "{url}");
    }
    assert!(typed > 120, "only {typed} of them could be typed: the client was hardly asked");
    assert_eq!(hits.load(Ordering::SeqCst), 0);
    // It would be seen.
    let inside = self::client(&["127.0.0.0/8"]);
    assert!(post(&inside, &format!("http://127.0.0.1:{port}/")).await.is_err());
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_changes_is_asked_once_and_the_judged_address_is_the_one_called() {
    let (port, hits) = canary().await;
    let public = HookSink::at(Ipv4Addr::new(127, 0, 0, 2)).await;
    let (resolve, asked) = resolver(&[&["127.0.0.2"], &["127.0.0.1"]]);
    let client = client(&["127.0.0.2/32"]).resolving(resolve);
    let reply = post(&client, &format!("http://rebind.example:{}/", public.address.port())).await.expect("taken");
    assert_eq!((reply.status, asked.load(Ordering::SeqCst)), (204, 1));
    assert_eq!(public.got()[0].header("host"), format!("rebind.example:{}", public.address.port()));
    // The second call resolves anew, and finds what may not be called.
    assert_eq!(post(&client, &format!("http://rebind.example:{port}/")).await, Err(Fault::NotAllowed));
    // One bad address among good ones spoils the name.
    let (resolve, _) = resolver(&[&["127.0.0.2", "10.0.0.1"], &[]]);
    let mixed = self::client(&["127.0.0.2/32"]).resolving(resolve);
    for _ in 0..2 {
        assert_eq!(post(&mixed, &format!("http://mixed.example:{port}/")).await, Err(Fault::NotAllowed));
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn redirects_lead_nowhere_and_answers_are_cut_short() {
    let (port, hits) = canary().await;
    let sink = HookSink::start().await;
    let client = client(&["127.0.0.1/32"]);
    for status in ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"] {
        sink.say(Says::Raw(format!("HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n").into_bytes()));
        let reply = post(&client, &sink.url("/")).await.expect("an answer");
        assert!((301..309).contains(&reply.status));
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);

    // An answer without end, and one that hides: the beginning is kept, harmless.
    let mut endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n\x1b[2J\0\xff".to_vec();
    endless.extend(std::iter::repeat_n(b'x', 100_000));
    sink.say(Says::Raw(endless));
    let reply = post(&client, &sink.url("/")).await.expect("an answer");
    assert!(
        reply.status == 200 && reply.excerpt.starts_with("⟨U+001B⟩[2J⟨U+0000⟩") && reply.excerpt.chars().count() == 2_000,
        "{}",
        reply.excerpt
    );
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_vec();
    sink.say(Says::Raw(chunked));
    assert_eq!(post(&client, &sink.url("/")).await.expect("an answer").excerpt, "hello");

    let mut huge = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
    huge.extend(std::iter::repeat_n(b'y', 200_000));
    for says in [Says::HangUp, Says::Raw(b"SSH-2.0-OpenSSH_9\r\n".to_vec()), Says::Raw(huge)] {
        sink.say(says.clone());
        assert_eq!(post(&client, &sink.url("/")).await, Err(Fault::Garbled), "{says:?}");
    }
    sink.say(Says::Silence);
    assert_eq!(post(&client, &sink.url("/")).await, Err(Fault::Silent(1)));
}

#[tokio::test]
async fn plain_http_needs_leave_and_tls_a_name_that_is_proven() {
    let sink = HookSink::start().await;
    let strict = Outbound::trusting(Rules { plain_http: false, ..rules(&["127.0.0.0/8"]) }, vec![]).expect("a client").within(SHORT);
    assert_eq!(post(&strict, &sink.url("/")).await, Err(Fault::Plain));
    assert!(sink.got().is_empty());

    let key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(vec![]).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = ca.self_signed(&key).expect("a root");
    let issuer = Issuer::new(ca, key);
    let address = tls_receiver(&issuer, "hooks.example").await;
    let (resolve, _) = resolver(&[&["127.0.0.1"]]);
    let client = |trusted: bool| {
        let roots = if trusted { vec![root.der().clone()] } else { vec![] };
        Outbound::trusting(Rules { plain_http: false, ..rules(&["127.0.0.1/32"]) }, roots)
            .expect("a client")
            .within(SHORT)
            .resolving(resolve.clone())
    };
    let url = |host: &str| format!("https://{host}:{}/", address.port());
    assert_eq!(post(&client(true), &url("hooks.example")).await.expect("taken").status, 200);
    for (trusted, host) in [(false, "hooks.example"), (true, "other.example"), (true, "127.0.0.1")] {
        assert!(matches!(post(&client(trusted), &url(host)).await, Err(Fault::Tls(_))), "{host}");
    }
}

/// Answers 200 to whoever speaks TLS with it.
async fn tls_receiver(issuer: &Issuer<'_, KeyPair>, name: &str) -> SocketAddr {
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec![name.to_owned()]).expect("parameters").signed_by(&key, issuer).expect("a certificate");
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
        .expect("a server");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    address
}
