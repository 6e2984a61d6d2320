//! What needs a server of its own: TLS, prepared transactions, and a pooler in between.

use super::changes::change;
use super::target_support::{MAINTAINER, Target, item, name, run, until};
use domain::change::trial::Trial;
use domain::procedure::{Act, Parameters};
use domain::run::Outcome;
use engine::cluster::{Cluster, ClusterConfig, SUPERUSER, load_or_create_secret, program_folders};
use engine::target::connect::{Address, Dialer, TlsMode};
use engine::target::copy::{self, Asked};
use engine::target::fault::ConnectError;
use engine::target::postgres::{self, blockers, blockers::Blocker, preflight::preflight, progress};
use engine::target::report::{ConnectionReport, examine};
use engine::target::session::{Guards, Session, SessionName};
use futures_util::FutureExt as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SignatureAlgorithm,
};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Starts a cluster, gives it to the test, and stops it whatever the test does.
pub async fn with_server(test: impl AsyncFnOnce(&Cluster)) {
    with_server_of(false, &[("max_prepared_transactions", "5")], test).await;
}

/// The same with settings, and where it is `durable` keeping what it committed when it crashes.
pub async fn with_server_of(durable: bool, settings: &[(&str, &str)], test: impl AsyncFnOnce(&Cluster)) {
    let home = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o711)).expect("ours");
    let mut config = ClusterConfig::new(home.path().join("cluster"));
    config.durable = durable;
    config.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let cluster = Cluster::start(config).await.expect("starts");
    let outcome = AssertUnwindSafe(test(&cluster)).catch_unwind().await;
    cluster.stop().await.expect("stops");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

fn address(cluster: &Cluster, host: &str, tls: TlsMode) -> Address {
    let password = load_or_create_secret(&cluster.folder().join("superuser.password")).expect("it was just used");
    Address {
        host: host.to_owned(),
        port: cluster.port(),
        database: "postgres".to_owned(),
        user: SUPERUSER.to_owned(),
        password: Some(password),
        tls,
    }
}

async fn admin(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(cluster.superuser_url("postgres").expose_secret()).await.expect("the superuser may connect")
}

/// An authority that signs with this algorithm.
fn authority(algorithm: &'static SignatureAlgorithm) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate_for(algorithm).expect("a key")).expect("signs itself")
}

/// Gives the server a certificate for `localhost`, expired or not, and waits until it uses it.
async fn certify(cluster: &Cluster, issuer: &CertifiedIssuer<'static, KeyPair>, expired: bool) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    // Named as its issuer, OpenSSL would take it for one that signed itself.
    params.distinguished_name.push(DnType::CommonName, "localhost");
    if expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let certificate = params.signed_by(&key, issuer).expect("signs");
    let data = cluster.folder().join("data");
    write(&data, "server.crt", &certificate.pem());
    write(&data, "server.key", &key.serialize_pem());
    let mut admin = admin(cluster).await;
    run(&mut admin, "ALTER SYSTEM SET ssl = on").await;
    let before: String = sqlx::query_scalar("SELECT pg_conf_load_time()::text").fetch_one(&mut admin).await.expect("readable");
    run(&mut admin, "SELECT pg_reload_conf()").await;
    until("the server has read its settings again", async || {
        let mut fresh = self::admin(cluster).await;
        let now: (String, String) =
            sqlx::query_as("SELECT pg_conf_load_time()::text, current_setting('ssl')").fetch_one(&mut fresh).await.expect("readable");
        now.0 != before && now.1 == "on"
    })
    .await;
}

/// As the server's user, whoever that is, and for nobody else.
fn write(data: &Path, file: &str, text: &str) {
    let owner = std::fs::metadata(data).expect("the server's folder");
    let path = data.join(file);
    std::fs::write(&path, text).expect("ours to write");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
    std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid())).expect("ours to give");
}

async fn test(address: Address) -> Result<ConnectionReport, ConnectError> {
    examine(&Dialer::new(address).await?).await
}

/// The programs that copy a schema go the same way as the dialer.
async fn tried(address: Address) {
    let dialer = Dialer::new(address).await.expect("resolves");
    dialer.connect("pins the address").await.expect("connects");
    let change = change("CREATE TABLE n ()", "DROP TABLE n");
    let (forth, back, work) = (change.scripts(), change.back_scripts(), tempfile::tempdir().expect("a folder"));
    let folders = program_folders(&[]);
    let asked = Asked { id: uuid::Uuid::now_v7(), forth: &forth, back: &back, folders: &folders, work: work.path(), recorded: &[] };
    let trial = copy::attempt(&dialer, &asked, &CancellationToken::new()).await;
    assert!(matches!(&trial, Trial::Tried(tried) if tried.is_whole()), "{trial:?}");
}

#[tokio::test]
async fn tls_verifies_name_authority_and_date_and_binds_the_channel() {
    with_server(async |cluster| {
        let (known, unknown) = (authority(&PKCS_ECDSA_P256_SHA256), authority(&PKCS_ECDSA_P256_SHA256));
        let verify = |issuer: &CertifiedIssuer<'static, KeyPair>| TlsMode::VerifyFull { ca_pem: Some(issuer.pem()) };
        certify(cluster, &known, false).await;

        let report = test(address(cluster, "localhost", verify(&known))).await.expect("everything is right");
        assert!(report.tls.encrypted && report.tls.channel_bound, "{report:?}");
        tried(address(cluster, "localhost", verify(&known))).await;
        let error = test(address(cluster, "localhost", verify(&unknown))).await.expect_err("another authority");
        assert!(matches!(error, ConnectError::NotTrusted { .. }), "{error}");
        let error =
            test(address(cluster, "localhost", TlsMode::VerifyFull { ca_pem: None })).await.expect_err("not an authority of this machine");
        assert!(matches!(error, ConnectError::NotTrusted { .. } | ConnectError::BadCa { .. }), "{error}");
        let error = test(address(cluster, "127.0.0.1", verify(&known))).await.expect_err("the certificate names localhost only");
        assert!(matches!(error, ConnectError::WrongName { .. }), "{error}");

        // A signature without a digest cannot be bound to: the connection stands, and the report says what is missing.
        let modern = authority(&PKCS_ED25519);
        certify(cluster, &modern, false).await;
        let report = test(address(cluster, "localhost", verify(&modern))).await.expect("verified all the same");
        assert!(report.tls.encrypted && !report.tls.channel_bound, "{report:?}");
        assert!(report.warnings.iter().any(|warning| warning.contains("channel binding")), "{:?}", report.warnings);
        tried(address(cluster, "localhost", verify(&modern))).await;
        let wrong = Address { password: Some("wrong".into()), ..address(cluster, "localhost", verify(&modern)) };
        assert!(matches!(test(wrong).await, Err(ConnectError::BadPassword { .. })));

        certify(cluster, &known, true).await;
        let error = test(address(cluster, "localhost", verify(&known))).await.expect_err("since 2020");
        assert!(matches!(error, ConnectError::Expired { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_statement_over_tls_can_be_cancelled_by_its_token() {
    with_server(async |cluster| {
        let known = authority(&PKCS_ECDSA_P256_SHA256);
        certify(cluster, &known, false).await;
        let dialer = Dialer::new(address(cluster, "localhost", TlsMode::VerifyFull { ca_pem: Some(known.pem()) })).await.expect("resolves");
        let link = dialer.connect("sleeper").await.expect("connects");
        let token = link.cancel_token();
        let sleeper = tokio::spawn(async move { link.execute("SELECT pg_catalog.pg_sleep(600)").await });
        let mut admin = admin(cluster).await;
        until("it sleeps", async || {
            let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'sleeper' AND wait_event = 'PgSleep')";
            sqlx::query_scalar(sql).fetch_one(&mut admin).await.expect("readable")
        })
        .await;
        dialer.cancel(&token).await.expect("asked");
        assert!(sleeper.await.expect("no panic").expect_err("cancelled").is_cancelled());
    })
    .await;
}

/// The right that the watchdog gets: it survives being written down, needs no sign-in, and is used over TLS where the session was.
#[tokio::test]
async fn a_right_to_cancel_can_be_handed_on_and_works_over_tls() {
    with_server(async |cluster| {
        let known = authority(&PKCS_ECDSA_P256_SHA256);
        certify(cluster, &known, false).await;
        let mut admin = admin(cluster).await;
        for tls in [TlsMode::VerifyFull { ca_pem: Some(known.pem()) }, TlsMode::None { acknowledged: false }] {
            let dialer = Dialer::new(address(cluster, "localhost", tls.clone())).await.expect("resolves");
            let link = dialer.connect("sleeper").await.expect("connects");
            let right = dialer.cancel_right(&link).await.expect("a right");
            let written = serde_json::to_string(&right).expect("plain");
            let sleeper = tokio::spawn(async move { link.execute("SELECT pg_catalog.pg_sleep(600)").await });
            until("it sleeps", async || {
                let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'sleeper' AND wait_event = 'PgSleep')";
                sqlx::query_scalar(sql).fetch_one(&mut admin).await.expect("readable")
            })
            .await;
            serde_json::from_str::<engine::target::cancel::CancelRight>(&written).expect("read").ask().await.expect("asked");
            assert!(sleeper.await.expect("no panic").expect_err("cancelled").is_cancelled(), "{tls:?}");
        }
        let foreign =
            Dialer::new(address(cluster, "localhost", TlsMode::VerifyFull { ca_pem: Some(known.pem()) })).await.expect("resolves");
        let link = foreign.connect("sleeper").await.expect("connects");
        let right = serde_json::to_string(&foreign.cancel_right(&link).await.expect("a right")).expect("plain");
        let other = serde_json::to_string(&authority(&PKCS_ECDSA_P256_SHA256).pem()).expect("plain");
        let right = right.replace(&serde_json::to_string(&known.pem()).expect("plain"), &other);
        let right: engine::target::cancel::CancelRight = serde_json::from_str(&right).expect("read");
        assert!(right.ask().await.is_err(), "a server that the authority does not vouch for is told nothing");
    })
    .await;
}

#[tokio::test]
async fn a_prepared_transaction_is_named_and_never_called_a_process() {
    with_server(async |cluster| {
        let dialer = Dialer::new(address(cluster, "127.0.0.1", TlsMode::None { acknowledged: false })).await.expect("resolves");
        let mut admin = admin(cluster).await;
        run(
            &mut admin,
            "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int PRIMARY KEY); INSERT INTO shop.orders SELECT generate_series(1, 1000)",
        )
        .await;
        run(&mut admin, "BEGIN; LOCK TABLE shop.orders IN SHARE UPDATE EXCLUSIVE MODE; PREPARE TRANSACTION 'half a payment'").await;
        let control = dialer.connect("test").await.expect("connects");
        let orders = name("shop", "orders");
        let parameters = Parameters { lock_wait_max_ms: 100, ..Parameters::default() };
        let run_id = domain::ids::RunId(uuid::Uuid::now_v7());
        let open = async |act, parameters: &Parameters| {
            let name = SessionName::new(run_id, 1, 1, 1).expect("short");
            Session::open(&dialer, name, &Guards::acting(act, 60_000, parameters)).await.expect("connects")
        };

        let vacuum = item(Act::Vacuum, orders.clone(), None);
        let session = open(Act::Vacuum, &parameters).await;
        let before = postgres::evidence(&control, &vacuum).await.expect("readable");
        let tried = postgres::execute(&session, &vacuum, &parameters, &|| true).await.expect("the looks work");
        let result = postgres::judge(&control, &vacuum, before, tried, &parameters).await;
        assert_eq!(result.verdict.outcome, Outcome::SkippedLock, "{result:?}");
        assert!(
            result.verdict.sentence.contains("\"half a payment\"") && result.verdict.sentence.contains("ROLLBACK PREPARED"),
            "{}",
            result.verdict.sentence
        );
        assert!(matches!(result.blockers.as_slice(), [Blocker::Prepared { gid, .. }] if gid == "half a payment"));

        // While it waits, its blocker is process 0: there is no such process to end.
        let patient = open(Act::Vacuum, &Parameters { lock_wait_max_ms: 60_000, ..Parameters::default() }).await;
        let pid = patient.backend.pid;
        let waiting = tokio::spawn(async move { patient.execute(&vacuum.statement).await });
        until("VACUUM waits for the prepared transaction", async || {
            let seen = progress::progress(&control, pid).await.expect("readable");
            seen.is_some_and(|seen| matches!(seen.blockers.as_slice(), [Blocker::Prepared { .. }]))
        })
        .await;
        let horizon = blockers::horizon(&control).await.expect("readable");
        assert!(horizon.iter().any(|holder| matches!(holder, Blocker::Prepared { .. })), "{horizon:?}");
        let found = preflight(&control, &Parameters { prepared_max_age_s: 0, ..Parameters::default() }, None).await.expect("readable");
        assert_eq!(found.red().map(|check| check.key.as_str()), Some("prepared"), "{found:?}");
        run(&mut admin, "ROLLBACK PREPARED 'half a payment'").await;
        assert_eq!(waiting.await.expect("no panic").error, None);
    })
    .await;
}

/// A pooler in transaction mode, small: the first client signs in through it, later ones are waved in, and every query
/// goes to the one server connection.
async fn pooler(server_port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let mut shared: Option<Arc<Mutex<TcpStream>>> = None;
        while let Ok((mut client, _)) = listener.accept().await {
            let startup = packet(&mut client, false).await.expect("a startup packet");
            let server = match &shared {
                Some(server) => {
                    client.write_all(b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I").await.expect("open");
                    Arc::clone(server)
                }
                None => {
                    let mut server = TcpStream::connect(("127.0.0.1", server_port)).await.expect("the server listens");
                    server.write_all(&startup).await.expect("open");
                    sign_in(&mut client, &mut server).await;
                    Arc::clone(shared.insert(Arc::new(Mutex::new(server))))
                }
            };
            tokio::spawn(async move {
                while let Some(query) = packet(&mut client, true).await.filter(|packet| packet[0] == b'Q') {
                    let mut server = server.lock().await;
                    server.write_all(&query).await.expect("open");
                    forward_until_ready(&mut server, &mut client).await;
                }
            });
        }
    });
    port
}

/// Passes the server's questions on to the client and the answers back, until the server is ready.
async fn sign_in(client: &mut TcpStream, server: &mut TcpStream) {
    loop {
        let message = packet(server, true).await.expect("the server talks");
        client.write_all(&message).await.expect("open");
        let asks = message[0] == b'R' && matches!(message[8], 3 | 5 | 10 | 11);
        if asks {
            let answer = packet(client, true).await.expect("the client answers");
            server.write_all(&answer).await.expect("open");
        }
        if message[0] == b'Z' {
            return;
        }
    }
}

async fn forward_until_ready(server: &mut TcpStream, client: &mut TcpStream) {
    loop {
        let Some(message) = packet(server, true).await else { return };
        if client.write_all(&message).await.is_err() || message[0] == b'Z' {
            return;
        }
    }
}

/// One message, with its type byte or (the startup packet) without.
async fn packet(stream: &mut TcpStream, typed: bool) -> Option<Vec<u8>> {
    let mut head = vec![0; if typed { 5 } else { 4 }];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes(head[head.len() - 4..].try_into().ok()?) as usize;
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body).await.ok()?;
    head.extend(body);
    Some(head)
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused() {
    let target = Target::new().await;
    let port = pooler(target.db.port()).await;
    let error = test(Address { port, ..target.address(MAINTAINER) }).await.expect_err("one backend for two connections");
    assert!(matches!(error, ConnectError::Pooler { .. }), "{error}");
    assert!(test(target.address(MAINTAINER)).await.is_ok(), "the server itself is fine");
}
