//! What is done outlives the server: the commits of a lot wait for its disk once, and nothing of the lot is called done before.

use crate::run_stage::RunStage;
use crate::target_own_server::with_server_of;
use crate::target_support::{MAINTAINER, Target, until};
use engine::cluster::Cluster;
use engine::target::durable;
use engine::target::link::Link;
use engine::test_support::TestDatabase;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};

/// A server that writes to its disk what a commit waits for, and by itself nothing for ten seconds.
async fn with_lazy_server(test: impl AsyncFnOnce(&Cluster)) {
    with_server_of(true, &[("wal_writer_delay", "10s"), ("wal_writer_flush_after", "1GB"), ("autovacuum", "off")], test).await;
}

async fn crash(target: &Target) {
    let (mut victim, mut witness) = (target.admin().await, target.admin().await);
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut victim).await.expect("a session");
    kill_process(Pid::from_raw(pid).expect("not 0"), Signal::KILL).expect("ours to kill");
    until("the server ends all sessions", async || witness.ping().await.is_err()).await;
    until("the server is back", async || PgConnection::connect(&target.db.superuser_url()).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_that_is_done_outlives_the_server() {
    with_lazy_server(async |cluster| {
        let stage = RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await;
        for n in 0..60 {
            stage.dead_rows(&format!("t{n}"), 400).await;
        }
        stage
            .due(|plan| {
                plan.envelope.steps = vec!["analyze".to_owned()];
                plan.envelope.most_objects = 200;
            })
            .await;
        let worker = stage.worker();
        stage.until(90, "SELECT count(*) = 60 FROM drydock.item WHERE outcome = 'done'").await;
        crash(&stage.target).await;
        let known =
            "SELECT count(DISTINCT s.starelid) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid WHERE c.relname ~ '^t[0-9]+$'";
        let known: i64 = sqlx::query_scalar(known).fetch_one(&mut stage.target.admin().await).await.expect("readable");
        assert_eq!(known, 60, "what is on record as done is there\n{}", stage.page().await);
        worker.stop().await;
    })
    .await;
}

async fn waits(link: &Link) -> String {
    link.row("SELECT pg_catalog.current_setting('synchronous_commit')", &[]).await.expect("a setting").get(0)
}

#[tokio::test]
async fn a_login_that_may_not_wait_later_waits_at_once() {
    with_lazy_server(async |cluster| {
        let target = Target::on(TestDatabase::empty_on(cluster).await).await;
        let link = target.link(MAINTAINER).await;
        assert!(durable::later(&link).await.expect("an answer"), "everybody may, unless somebody took it away");
        assert_eq!(waits(&link).await, "off");
        durable::wait(&target.link(MAINTAINER).await).await.expect("it waits");
        target.plant("REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) FROM PUBLIC").await;
        let link = target.link(MAINTAINER).await;
        assert!(!durable::later(&link).await.expect("an answer"));
        assert_eq!(waits(&link).await, "on");
    })
    .await;
}
