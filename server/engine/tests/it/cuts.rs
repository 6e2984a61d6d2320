//! The way to the target is cut in the middle of a statement, or the target itself crashes.

use crate::kills::nothing_twice_and_nothing_lost;
use crate::run_stage::RunStage;
use crate::target_own_server::with_server;
use crate::target_support::Target;
use engine::test_support::TestDatabase;
use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Stands between worker and target, and cuts all connections when it is told to. New ones pass.
struct Proxy {
    port: u16,
    cuts: Arc<watch::Sender<u32>>,
}

impl Proxy {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let cuts = Arc::new(watch::channel(0).0);
        let told = Arc::clone(&cuts);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = told.subscribe();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", server)).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { port, cuts }
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_is_no_reason_for_a_second_statement() {
    let target = Target::new().await;
    let proxy = Proxy::to(target.db.port()).await;
    let stage = RunStage::with(target, proxy.port).await;
    stage.gated_index("invoices").await;
    let gate = stage.hold_gate().await;
    stage.due(|_| ()).await;
    let worker = stage.worker_process();
    let pid = stage.at_the_gate().await;
    proxy.cut();
    let told = format!(
        "SELECT EXISTS (SELECT FROM drydock.run_event WHERE message LIKE 'A statement sent earlier still runs on the server (process {pid})%')"
    );
    stage.until_text(30, &told).await;
    // Once more, while it is only observed.
    proxy.cut();
    stage.until(30, "SELECT count(*) = 2 FROM drydock.run_event WHERE message LIKE '%and is observed%'").await;
    assert_eq!(stage.at_the_gate().await, pid);
    drop(gate);
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    worker.terminate().await;
    nothing_twice_and_nothing_lost(&stage, "cut").await;
    let page = stage.page().await;
    assert_eq!((stage.builds().await, stage.house.count("SELECT count(*) FROM drydock.attempt").await), (1, 1), "{page}");
    assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "done", "{page}");
    assert_eq!(stage.house.count("SELECT epoch FROM drydock.run").await, 1, "the lease was never lost\n{page}");
}

/// kill -9 of the server process that executes: the whole server goes down and recovers. What the statement left is named, dropped and done
/// again, by the same worker.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_target_is_found_cleaned_and_taken_up_again() {
    with_server(async |cluster| {
        let stage = RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await;
        stage.gated_index("invoices").await;
        let gate = stage.hold_gate().await;
        stage.due(|_| ()).await;
        let worker = stage.worker_process();
        let pid = stage.at_the_gate().await;
        // Nothing in a test's server is durable by itself: what the statement committed so far must survive the crash.
        stage.target.plant("CHECKPOINT").await;
        kill_process(Pid::from_raw(pid).expect("not 0"), Signal::KILL).expect("the server runs on this machine");
        drop(gate);
        stage.until(90, "SELECT state = 'validating' FROM drydock.window").await;
        worker.terminate().await;
        nothing_twice_and_nothing_lost(&stage, "crash").await;
        let page = stage.page().await;
        assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{page}");
        assert_eq!(stage.text("SELECT outcome FROM drydock.item").await, "done", "{page}");
        assert_eq!(stage.house.count("SELECT count(*) FROM drydock.attempt").await, 2, "{page}");
        assert!(page.contains("DROP INDEX CONCURRENTLY") && page.contains("invoices_note_ccnew"), "what was left is named\n{page}");
        assert_eq!(stage.house.count("SELECT count(*) FROM drydock.fact WHERE action = 'debris.drop'").await, 1, "{page}");
    })
    .await;
}
