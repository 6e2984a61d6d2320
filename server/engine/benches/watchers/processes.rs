//! The program under load: a web and a worker process.

use crate::run_stage::RunStage;
use engine::test_support::ServiceRole;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Both; dropping it ends them.
pub struct Processes {
    pub address: SocketAddr,
    children: Vec<Child>,
    _data: tempfile::TempDir,
}

impl Processes {
    /// Starts them and waits until both are ready.
    pub async fn start(program: &Path, stage: &RunStage) -> Self {
        // Let go of right before it is taken: nobody else asks for ports on a machine that measures.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("UPDATE drydock.installation SET public_url = 'http://{address}'");
        sqlx::query(sqlx::AssertSqlSafe(url)).execute(&stage.house.admin).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        // The worker finds its key, to which the password of the target is sealed.
        let keys = data.path().join("worker");
        std::fs::create_dir(&keys).unwrap();
        for entry in std::fs::read_dir(stage.house.keys.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), keys.join(entry.file_name())).unwrap();
        }
        let start = |name: &str, role: ServiceRole| {
            let log = std::fs::File::create(data.path().join(format!("{name}.log"))).unwrap();
            let mut child = Command::new(program)
                .args([name, "--listen", &address.to_string(), "--data-dir"])
                .arg(data.path())
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .env(
                    "DRYDOCK_SITE_DIR",
                    std::fs::canonicalize("target/site").or_else(|_| std::fs::canonicalize("../../target/site")).expect("a built site"),
                )
                .env("DATABASE_URL", stage.house.database.url(role))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(log)
                .spawn()
                .unwrap();
            let mut said = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
            let log = || std::fs::read_to_string(data.path().join(format!("{name}.log"))).unwrap_or_default();
            assert_eq!(said.trim(), "ready", "{name}: {}", log());
            child
        };
        let children = vec![start("web", ServiceRole::Web), start("worker", ServiceRole::Worker)];
        Self { address, children, _data: data }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
