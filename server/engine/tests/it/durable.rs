//! What is done outlives the server: the commits of a lot wait for its disk once, and nothing of the lot is called done before.

use crate::run_stage::RunStage;
use crate::target_own_server::with_server_of;
use crate::target_support::{MAINTAINER, Target, run, until};
use domain::hold::HoldVerb;
use engine::cluster::Cluster;
use engine::target::durable;
use engine::target::link::Link;
use engine::test_support::TestDatabase;
use engine::test_support::fail_points::Deed;
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};
use std::time::Duration;

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

/// Sixty tables to analyse, in one lot.
async fn sixty(cluster: &Cluster) -> RunStage {
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
    stage
}

/// As soon as all of them are on record as done the server crashes.
async fn done_and_there(stage: &RunStage) {
    stage.until(90, "SELECT count(*) = 60 FROM drydock.item WHERE outcome = 'done'").await;
    crash(&stage.target).await;
    let known = "SELECT count(DISTINCT s.starelid) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid WHERE c.relname ~ '^t[0-9]+$'";
    let known: i64 = sqlx::query_scalar(known).fetch_one(&mut stage.target.admin().await).await.expect("readable");
    let page = stage.page().await;
    assert_eq!(known, 60, "what is on record as done is there\n{page}");
    assert_eq!(stage.house.count("SELECT count(DISTINCT session_name) FROM drydock.attempt").await, 1, "a lot\n{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lot_that_is_done_outlives_the_server() {
    with_lazy_server(async |cluster| {
        let stage = sixty(cluster).await;
        let worker = stage.worker();
        done_and_there(&stage).await;
        worker.stop().await;
    })
    .await;
}

/// Whoever comes after a dead worker sees what its lot did before that is on the disk, and does not call it done before.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_did_outlives_the_server_too() {
    with_lazy_server(async |cluster| {
        let stage = sixty(cluster).await;
        let first = stage.worker_process_with("after_execute", 1, Deed::Die);
        first.died(Duration::from_secs(90)).await.expect("it dies there");
        stage.expire_lease().await;
        let second = stage.worker();
        done_and_there(&stage).await;
        second.stop().await;
    })
    .await;
}

/// A standby that commits wait for is gone: nothing is called done, nothing is left waiting on the server, and a person decides; once the server
/// has what it needs the run goes on to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_lot_whose_standby_is_gone_waits_for_a_person() {
    with_lazy_server(async |cluster| {
        let stage = sixty(cluster).await;
        let mut set = stage.target.admin().await;
        run(&mut set, "ALTER SYSTEM SET synchronous_standby_names = 'gone'").await;
        run(&mut set, "SELECT pg_reload_conf()").await;
        let worker = stage.worker();
        stage.until(120, "SELECT EXISTS (SELECT FROM drydock.run WHERE state = 'held')").await;
        let page = stage.page().await;
        assert!(stage.text("SELECT hold_reason FROM drydock.run").await.contains("on its synchronous standbys"), "{page}");
        assert_eq!(stage.house.count("SELECT count(*) FROM drydock.item WHERE outcome IS NOT NULL").await, 0, "{page}");
        let left = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        assert_eq!(stage.on_target(left).await, 0, "{page}");
        run(&mut set, "ALTER SYSTEM RESET synchronous_standby_names").await;
        run(&mut set, "SELECT pg_reload_conf()").await;
        stage.decide(&stage.house.engineer, HoldVerb::Continue, "", "the standby is back").await.expect("a decision");
        done_and_there(&stage).await;
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
        // Its arguments differ from version to version.
        let revoke = "DO $$ DECLARE f regprocedure; BEGIN
                          FOR f IN SELECT oid FROM pg_proc WHERE proname = 'pg_logical_emit_message' LOOP
                              EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
                          END LOOP;
                      END $$";
        target.plant(revoke).await;
        let link = target.link(MAINTAINER).await;
        assert!(!durable::later(&link).await.expect("an answer"));
        assert_eq!(waits(&link).await, "on");
    })
    .await;
}

/// A standby that commits wait for is gone: the wait does not end by itself, and whoever cancels it does not make it a yes.
#[tokio::test]
async fn a_wait_that_is_cancelled_is_no_yes() {
    with_lazy_server(async |cluster| {
        let target = Target::on(TestDatabase::empty_on(cluster).await).await;
        let (link, mut admin) = (target.link(MAINTAINER).await, target.admin().await);
        let mut set = target.admin().await;
        run(&mut set, "ALTER SYSTEM SET synchronous_standby_names = 'gone'").await;
        run(&mut set, "SELECT pg_reload_conf()").await;
        // The server hears of it a moment later; what is said before that is a yes.
        let wait = async {
            loop {
                if let Err(error) = durable::wait(&link).await {
                    return error;
                }
            }
        };
        let cancel = async {
            let waits = "SELECT count(pid) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
            until("it waits", async || sqlx::query_scalar(waits).fetch_one(&mut admin).await.expect("readable")).await;
            run(&mut admin, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").await;
        };
        let (error, ()) = futures_util::future::join(wait, cancel).await;
        run(&mut set, "ALTER SYSTEM RESET synchronous_standby_names").await;
        run(&mut set, "SELECT pg_reload_conf()").await;
        assert!(error.said.contains("not proven to outlive a crash"), "{error}");
    })
    .await;
}
