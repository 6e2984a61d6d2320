//! The private cluster: made, found again, never two on one folder.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use engine::cluster::{Cluster, ClusterConfig, ClusterError, Place, ServiceRole, ServiceRoles, reachable_folder};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

const HOLD: &str = "DRYDOCK_TEST_HOLD_CLUSTER";

fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("ours");
    folder
}

/// As `/root` is on Debian.
fn closed_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).expect("ours");
    folder
}

fn quick(folder: &Path) -> ClusterConfig {
    let mut config = ClusterConfig::new(folder);
    config.durable = false;
    config
}

async fn answer(cluster: &Cluster, sql: &'static str) -> String {
    let url = cluster.superuser_url("postgres");
    let mut connection = PgConnection::connect(url.expose_secret()).await.expect("the superuser may connect");
    sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("answered")
}

#[tokio::test]
async fn a_new_folder_becomes_a_cluster_and_keeps_its_port_and_data() {
    let home = open_folder();
    let folder = home.path().join("cluster");
    let first = Cluster::start(quick(&folder)).await.expect("starts");
    let (port, pid) = (first.port(), first.pid());
    assert!(!first.adopted());
    assert_eq!(answer(&first, "SHOW data_checksums").await, "on");
    assert_eq!(answer(&first, "SHOW listen_addresses").await, "127.0.0.1");
    assert_eq!(answer(&first, "SELECT 'made'::text FROM (SELECT set_config('x.y', 'z', false)) t").await, "made");
    first.stop().await.expect("stops");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the process is gone when stop returns");

    let second = Cluster::start(quick(&folder)).await.expect("starts again");
    assert_eq!(second.port(), port);
    assert_ne!(second.pid(), pid);
    second.stop().await.expect("stops");
}

#[tokio::test]
async fn secrets_lie_in_files_that_only_their_owner_reads_and_a_password_is_needed() {
    let home = open_folder();
    let folder = home.path().join("cluster");
    let cluster = Cluster::start(quick(&folder)).await.expect("starts");
    for file in ["superuser.password", "server.log"] {
        let mode = fs::metadata(folder.join(file)).expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    assert!(!folder.join("initdb.password").exists());
    let without = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres?sslmode=disable", cluster.port());
    let refused = PgConnection::connect(&without).await.expect_err("a wrong password is refused");
    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
    cluster.stop().await.expect("stops");
}

#[tokio::test]
async fn the_service_roles_can_connect_and_only_the_owner_can_create() {
    let home = open_folder();
    let cluster = Cluster::start(quick(&home.path().join("cluster"))).await.expect("starts");
    let roles = ServiceRoles::load_or_create(home.path()).expect("can be written");
    cluster.prepare("drydock", &roles).await.expect("prepared");
    cluster.prepare("drydock", &roles).await.expect("prepared twice is the same");
    for role in ServiceRole::ALL {
        let url = cluster.url("drydock", role.name(), roles.password(role));
        let mut connection = PgConnection::connect(url.expose_secret()).await.expect("may connect");
        let created = sqlx::query("CREATE SCHEMA drydock").execute(&mut connection).await;
        assert_eq!(created.is_ok(), role == ServiceRole::Owner, "{role:?}");
    }
    cluster.stop().await.expect("stops");
}

#[tokio::test]
async fn two_processes_never_share_a_folder() {
    let home = open_folder();
    let folder = home.path().join("cluster");
    let first = Cluster::start(quick(&folder)).await.expect("starts");
    let refused = Cluster::start(quick(&folder)).await.expect_err("the second is refused");
    let said = refused.to_string();
    assert!(matches!(refused, ClusterError::InUse { .. }), "{said}");
    assert!(said.contains(&format!("process {}", std::process::id())) && said.contains("--data-dir"), "{said}");
    first.stop().await.expect("stops");
}

#[tokio::test]
async fn the_cluster_of_a_killed_process_goes_on_and_is_adopted() {
    let home = open_folder();
    let folder = home.path().join("cluster");
    let (mut holder, pid) = hold_in_another_process(&folder);
    let refused = Cluster::start(quick(&folder)).await.expect_err("owned by the other process");
    assert!(refused.to_string().contains(&holder.id().to_string()), "{refused}");

    holder.kill().expect("kill -9");
    holder.wait().expect("reaped");
    let adopted = Cluster::start(quick(&folder)).await.expect("adopted");
    assert!(adopted.adopted());
    assert_eq!(adopted.pid(), pid, "the same server, not a second one");
    assert_eq!(answer(&adopted, "SELECT 'alive'::text").await, "alive");
    adopted.stop().await.expect("an adopted server is stopped too");
    assert!(!folder.join("data/postmaster.pid").exists());
}

#[tokio::test]
async fn a_killed_server_is_started_again_with_what_was_committed() {
    let home = open_folder();
    let folder = home.path().join("cluster");
    let cluster = Cluster::start(ClusterConfig::new(&folder)).await.expect("starts");
    let mut connection = PgConnection::connect(cluster.superuser_url("postgres").expose_secret()).await.expect("connects");
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)").execute(&mut connection).await.expect("committed");
    let kill = Command::new("kill").args(["-9", &cluster.pid().to_string()]).status().expect("kill runs");
    assert!(kill.success());
    // Dropping without reaping leaves a zombie under this process: the pid file must not take it for a server.
    drop(cluster);
    let again = Cluster::start(ClusterConfig::new(&folder)).await.expect("recovers");
    assert!(!again.adopted());
    assert_eq!(answer(&again, "SELECT n::text FROM kept").await, "42");
    again.stop().await.expect("stops");
}

#[tokio::test]
async fn a_pid_file_with_the_number_of_an_alien_process_does_not_stop_the_start() {
    let home = open_folder();
    let folder = home.path().join("cluster");
    Cluster::start(quick(&folder)).await.expect("starts").stop().await.expect("stops");
    let data = folder.join("data");
    let owner = fs::metadata(&data).expect("is there");
    let mut alien = as_the_owner_of(&data, "sleep", &["60"]);
    let text = format!("{}\n{}\n1\n1\n\n127.0.0.1\n1 1\nready\n", alien.id(), data.display());
    fs::write(data.join("postmaster.pid"), text).expect("root or the owner may write");
    std::os::unix::fs::chown(data.join("postmaster.pid"), Some(std::os::unix::fs::MetadataExt::uid(&owner)), None).expect("chown");
    let started = Cluster::start(quick(&folder)).await;
    alien.kill().expect("ours");
    alien.wait().expect("reaped");
    started.expect("starts").stop().await.expect("stops");
}

#[tokio::test]
async fn a_taken_port_makes_the_cluster_move() {
    let home = open_folder();
    let folder = home.path().join("cluster");
    let first = Cluster::start(quick(&folder)).await.expect("starts");
    let port = first.port();
    first.stop().await.expect("stops");
    let _thief = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port is free now");
    let second = Cluster::start(quick(&folder)).await.expect("starts elsewhere");
    assert_ne!(second.port(), port);
    second.stop().await.expect("stops");
}

#[test]
fn below_a_closed_parent_another_folder_is_used_and_named() {
    if !we_are_root() {
        return; // An ordinary user runs the server as himself: every folder he can write, the server can enter.
    }
    let closed = closed_folder();
    let open = open_folder();
    let wanted = closed.path().join("clone/.drydock");
    let place = reachable_folder(&wanted, open.path()).expect("the fallback is open");
    assert_eq!(place, Place { folder: open.path().to_owned(), instead_of: Some((wanted.clone(), "postgres".into())) });
    let nowhere = reachable_folder(&wanted, closed.path()).expect_err("neither");
    assert!(nowhere.to_string().contains("cannot enter"), "{nowhere}");
    assert_eq!(reachable_folder(open.path(), closed.path()).expect("open").instead_of, None);
}

#[tokio::test]
async fn a_closed_parent_is_a_sentence_not_a_failed_spawn() {
    if !we_are_root() {
        return;
    }
    let closed = closed_folder();
    let refused = Cluster::start(quick(&closed.path().join("cluster"))).await.expect_err("postgres cannot enter");
    assert!(matches!(refused, ClusterError::NotEnterable { .. }), "{refused}");
}

/// Not a test of its own: the process that the adoption test kills. It does nothing unless it is told a folder.
#[tokio::test]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a helper process talks to its test by environment and output")]
async fn helper_holds_a_cluster() {
    let Ok(folder) = std::env::var(HOLD) else { return };
    let cluster = Cluster::start(quick(&PathBuf::from(folder))).await.expect("starts");
    println!("\nholding {}", cluster.pid());
    std::future::pending::<()>().await;
}

fn hold_in_another_process(folder: &Path) -> (Child, u32) {
    let mut holder = Command::new(std::env::current_exe().expect("this test binary"))
        .args(["--exact", "cluster::helper_holds_a_cluster", "--nocapture"])
        .env(HOLD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawned");
    let lines = BufReader::new(holder.stdout.take().expect("piped")).lines();
    let pid = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("holding ").and_then(|pid| pid.trim().parse().ok()))
        .expect("it says when it holds");
    (holder, pid)
}

fn as_the_owner_of(path: &Path, program: &str, args: &[&str]) -> Child {
    use std::os::unix::{fs::MetadataExt, process::CommandExt};
    let owner = fs::metadata(path).expect("is there");
    let mut command = Command::new(program);
    command.args(args);
    if we_are_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().expect("spawned")
}

fn we_are_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}
