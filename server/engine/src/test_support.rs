//! Databases for tests: one cluster for all test processes, one database for each test.
//!
//! The first process that needs it starts the cluster below `target/test-cluster`; later ones find it running. It outlives
//! them all, so that a test costs a copy of a template and not a server start; `make test` stops it at the end. Nothing
//! in it is durable, and autovacuum is off: tests decide when statistics change.

pub mod fail_points;
pub mod notices;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::OnceCell;

pub use crate::cluster::ServiceRole;
use crate::{
    cluster::{Cluster, ClusterConfig, ServiceRoles, private_url, reachable_folder},
    migrate::{Roles, migrate},
};

/// A database of its own for one test, dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    server: &'static TestServer,
}

#[derive(Debug)]
struct TestServer {
    port: u16,
    superuser: SecretString,
    roles: ServiceRoles,
}

/// Any number that nothing else locks in these databases.
const TEMPLATE_LOCK: i64 = 0x0064_7279_646f_636b;

static SERVER: OnceCell<TestServer> = OnceCell::const_new();
static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    /// A database with the product's schema, as `drydock migrate` makes it.
    pub async fn new() -> Self {
        let server = server().await;
        let template = TEMPLATE.get_or_init(|| template(server)).await;
        Self::create(server, template).await
    }

    /// An empty database that `drydock_owner` owns, such as a target.
    pub async fn empty() -> Self {
        Self::create(server().await, "template1").await
    }

    /// An empty database like [`Self::empty`], on a cluster of the test's own: one that it may let crash.
    ///
    /// # Panics
    /// Where the cluster cannot be prepared.
    pub async fn empty_on(cluster: &Cluster) -> Self {
        let roles = ServiceRoles::load_or_create(cluster.folder()).expect("the cluster's folder can be written");
        cluster.prepare("drydock", &roles).await.expect("the cluster can be prepared");
        let superuser = crate::cluster::load_or_create_secret(&cluster.folder().join("superuser.password")).expect("it was just used");
        // Tests are short: what they leak ends with their process.
        let server: &'static TestServer = Box::leak(Box::new(TestServer { port: cluster.port(), superuser, roles }));
        Self::create(server, "template1").await
    }

    async fn create(server: &'static TestServer, template: &str) -> Self {
        // The process id in the name tells later processes which leftovers have no owner any more.
        let name = format!("t_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut admin = server.admin().await;
        run(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        run(&mut admin, format!("CREATE DATABASE {name} OWNER drydock_owner TEMPLATE {template}")).await;
        Self { name, server }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Connection URL of a service role, password included.
    pub fn url(&self, role: ServiceRole) -> String {
        private_url(self.server.port, &self.name, role.name(), self.server.roles.password(role)).expose_secret().to_owned()
    }

    /// Connection URL of the cluster's superuser, password included.
    pub fn superuser_url(&self) -> String {
        self.superuser_url_of(&self.name)
    }

    /// The same for another database of the cluster, such as `postgres`.
    pub fn superuser_url_of(&self, database: &str) -> String {
        private_url(self.server.port, database, crate::cluster::SUPERUSER, &self.server.superuser).expose_secret().to_owned()
    }

    /// Connect options of a service role.
    ///
    /// # Panics
    /// Never: the URL is our own.
    pub fn options(&self, role: ServiceRole) -> PgConnectOptions {
        self.url(role).parse().expect("our own URL is well formed")
    }

    /// A small pool of a service role.
    pub async fn pool(&self, role: ServiceRole) -> PgPool {
        pool(&self.url(role)).await
    }

    /// A small pool of the superuser, to look behind the curtain or to break things.
    pub async fn superuser(&self) -> PgPool {
        pool(&self.superuser_url()).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Drop cannot await, and the test's runtime may be the current thread: a runtime of its own on another one.
        let (name, server) = (self.name.clone(), self.server);
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(async {
                run(&mut server.admin().await, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        if dropped.join().is_err() && !std::thread::panicking() {
            eprintln!("{} was not dropped; a later test process will do it", self.name);
        }
    }
}

impl TestServer {
    async fn admin(&self) -> PgConnection {
        let url = private_url(self.port, "postgres", crate::cluster::SUPERUSER, &self.superuser);
        PgConnection::connect(url.expose_secret()).await.expect("the test cluster answers")
    }
}

async fn pool(url: &str) -> PgPool {
    // A machine that stands still for a minute, as when its disk has to write all it was given, fails no test: what hangs ends by the runner's limit.
    let options = PgPoolOptions::new().max_connections(8).acquire_timeout(std::time::Duration::from_secs(180));
    options.connect(url).await.expect("the test database answers")
}

/// Names here are made by this file: identifiers of letters, digits and underscores.
#[expect(clippy::disallowed_methods, reason = "no statement of a test holds a stranger's text")]
async fn run(connection: &mut PgConnection, statement: String) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(connection).await {
        panic!("{statement}: {error}");
    }
}

async fn server() -> &'static TestServer {
    SERVER.get_or_init(|| start_or_join("test-cluster", false)).await
}

/// For this process, another cluster than the one of the tests: it keeps what it committed, as people's servers do. For figures that are to
/// hold there too; to be called before anything else here.
///
/// # Panics
/// When a database of the other cluster is in use already.
pub async fn on_durable_server() {
    assert!(!SERVER.initialized(), "this process has begun to use the server of the tests");
    SERVER.get_or_init(|| start_or_join("durable-cluster", true)).await;
}

/// `name` is the folder's below `target`; one that is not `durable` loses everything when the machine stops.
async fn start_or_join(name: &str, durable: bool) -> TestServer {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    fs::create_dir_all(&target).expect("target can be written");
    let target = target.canonicalize().expect("target exists");
    let hash = hex::encode(&Sha256::digest(target.as_os_str().as_encoded_bytes())[..4]);
    let elsewhere = PathBuf::from(format!("/var/tmp/drydock-{name}-{hash}"));
    // It may be a link to somewhere that the server's user can enter.
    let wanted = target.join(name).canonicalize().unwrap_or_else(|_| target.join(name));
    let folder = reachable_folder(&wanted, &elsewhere).expect("a place for the test cluster").folder;
    // `make test` finds the server's process here to stop it.
    let _gate = tokio::task::spawn_blocking({
        let gate = target.join(format!("{name}.gate"));
        move || {
            let gate = File::create(gate).expect("target can be written");
            gate.lock().expect("the gate opens in turn");
            gate
        }
    })
    .await
    .expect("waiting cannot fail");
    fs::write(target.join(format!("{name}.place")), folder.as_os_str().as_encoded_bytes()).expect("target can be written");
    let mut config = ClusterConfig::new(&folder);
    config.durable = durable;
    config.settings =
        [("max_connections", "300"), ("autovacuum", "off"), ("shared_buffers", "64MB")].map(|(n, v)| (n.into(), v.into())).into();
    let cluster = Cluster::start(config).await.expect("the test cluster starts");
    let roles = ServiceRoles::load_or_create(&folder).expect("the test cluster's folder can be written");
    if !cluster.adopted() {
        cluster.prepare("drydock", &roles).await.expect("the test cluster can be prepared");
    }
    let server = TestServer {
        port: cluster.port(),
        superuser: crate::cluster::load_or_create_secret(&folder.join("superuser.password")).expect("it was just used"),
        roles,
    };
    drop_leftovers(&server).await;
    // The cluster is dropped here, which gives up the folder and leaves the server running for the next process.
    server
}

async fn drop_leftovers(server: &TestServer) {
    let mut admin = server.admin().await;
    let names: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_catalog.pg_database WHERE datname LIKE 't\\_%'")
        .fetch_all(&mut admin)
        .await
        .expect("the list of databases can be read");
    for name in names {
        let owner = name.split('_').nth(1).unwrap_or_default();
        if !Path::new("/proc").join(owner).exists() {
            run(&mut admin, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}

/// The database that tests copy: migrated once for each content of `migrations/`, by whoever needs it first.
async fn template(server: &TestServer) -> String {
    let name = format!("template_{}", hash_of_migrations());
    let mut admin = server.admin().await;
    run(&mut admin, format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    let names: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_catalog.pg_database WHERE datname LIKE 'template\\_%'")
        .fetch_all(&mut admin)
        .await
        .expect("the list of databases can be read");
    if !names.contains(&name) {
        for old in names {
            run(&mut admin, format!("DROP DATABASE IF EXISTS {old} WITH (FORCE)")).await;
        }
        run(&mut admin, "DROP DATABASE IF EXISTS making WITH (FORCE)".into()).await;
        run(&mut admin, "CREATE DATABASE making OWNER drydock_owner".into()).await;
        let owner = private_url(server.port, "making", "drydock_owner", server.roles.password(ServiceRole::Owner));
        let owner: PgConnectOptions = owner.expose_secret().parse().expect("our own URL is well formed");
        migrate(&owner, &Roles::default()).await.expect("the migrations apply to an empty database");
        // A database with sessions can be neither renamed nor copied, and a closed one lingers for a moment.
        run(&mut admin, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'making'".into()).await;
        run(&mut admin, format!("ALTER DATABASE making RENAME TO {name}")).await;
    }
    run(&mut admin, format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    name
}

fn hash_of_migrations() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("migrations/ is there").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "sql")) {
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update(fs::read(file).expect("a migration can be read"));
    }
    hex::encode(&hash.finalize()[..8])
}
