//! Facts are sealed once each, in one chain, whoever seals and however slowly they are written.

use super::{Scene, rest, write_fact};
use domain::fact::NewFact;
use domain::permission::Permit;
use engine::error::Error;
use engine::ledger::Ledger;
use engine::sealer::Sealer;
use engine::store::{seals, service_states};
use engine::test_support::ServiceRole;
use engine::trail::anchor::{Anchor, parse};
use engine::trail::report::End;
use engine::trail::verify::{Known, Scope, verify};
use engine::trail::{ANCHOR_JOB, check_anchor};
use std::time::Instant;

#[tokio::test]
async fn what_was_written_is_sealed_anchored_and_proven() {
    let scene = Scene::sealed(3).await;
    let report = scene.verify(&scene.known()).await;
    assert_eq!(
        (report.flaw.clone(), report.batches, report.facts, report.unsealed),
        (None, 4, 10, 0),
        "the fact about the key, and nine more"
    );
    assert_eq!(report.end, End::Proven { n: 4, heads: 4 });
    assert_eq!(report.exit_code(), 0);
    let head = scene.anchors().newest().expect("read").expect("written");
    assert_eq!((head.n, head.facts), (4, 10));

    let by_head = scene.verify(&Known::head(head.hash)).await;
    assert_eq!((by_head.end, by_head.flaw), (End::Proven { n: 4, heads: 1 }, None));
}

#[tokio::test]
async fn without_an_anchor_the_end_is_not_proven() {
    let scene = Scene::sealed(1).await;
    scene.write(2).await;
    let report = scene.verify(&Known::nothing()).await;
    assert_eq!((report.exit_code(), report.unsealed), (3, 2));
    assert!(report.sentences().last().expect("words").starts_with("End of chain not proven"), "{:?}", report.sentences());
}

#[tokio::test]
async fn batches_after_the_anchor_are_counted_not_called_proven() {
    let scene = Scene::sealed(2).await;
    let known = scene.known();
    scene.write(1).await;
    scene.seal().await;
    let report = scene.verify(&known).await;
    assert_eq!((report.exit_code(), report.end.clone()), (0, End::Proven { n: 3, heads: 3 }));
    assert!(
        report.sentences().iter().any(|line| line.contains("the 1 batch after it is signed by a known key")),
        "{:?}",
        report.sentences()
    );
}

#[tokio::test]
async fn a_fact_of_a_slow_transaction_is_not_lost() {
    let scene = Scene::new().await;
    let web = scene.database.pool(ServiceRole::Web).await;
    let mut slow = web.begin().await.expect("begins");
    let early =
        Ledger::open(&mut slow, &Permit::system(), "slow").fact(NewFact::done("thing.happen", "thing", "slow")).await.expect("written");
    for n in 0..3 {
        write_fact(&scene.worker, n).await;
    }
    let mut sealer = scene.sealer().await;
    rest(&mut sealer).await;
    let sealed = scene.verify(&Known::nothing()).await;
    assert_eq!(sealed.flaw, None);
    assert!(sealed.facts <= 1, "the quick facts wait, because a slower one may come before them");
    slow.commit().await.expect("commits late");
    scene.settle().await;
    rest(&mut sealer).await;
    let report = scene.verify(&scene.known()).await;
    assert_eq!((report.flaw, report.facts, report.unsealed), (None, 5, 0));
    let batch: i64 = sqlx::query_scalar("SELECT m.batch FROM drydock.seal_member m WHERE m.fact_id = $1")
        .bind(early.id())
        .fetch_one(&scene.worker)
        .await
        .expect("sealed");
    assert!(batch >= 1);
}

#[tokio::test]
async fn only_one_of_two_sealers_has_the_job_and_the_other_takes_over() {
    let scene = Scene::new().await;
    let other_folder = tempfile::tempdir().expect("a folder");
    let mut one = scene.sealer().await;
    rest(&mut one).await;
    let mut two = Sealer::open(scene.worker.clone(), other_folder.path(), "other").await.expect("opens");
    scene.write(5).await;
    rest(&mut two).await;
    assert!(one.has_job() && !two.has_job());
    scene.settle().await;
    rest(&mut one).await;
    rest(&mut two).await;
    let heads = |folder: &std::path::Path| {
        std::fs::read(folder.join("anchors.jsonl")).map(|bytes| parse(&bytes).collect::<Vec<Anchor>>()).expect("anchors")
    };
    assert_eq!(heads(scene.folder.path()).last(), heads(other_folder.path()).last(), "both servers keep the head");

    one.stop().await.expect("gives up the job");
    scene.write(2).await;
    rest(&mut two).await;
    assert!(two.has_job());
    scene.settle().await;
    rest(&mut two).await;
    let known = Known::from_anchor_file(&other_folder.path().join("anchors.jsonl")).expect("anchors");
    let report = scene.verify(&known).await;
    assert_eq!((report.flaw, report.unsealed), (None, 0));
    assert_eq!(report.keys.len(), 2, "each server has its own key, and the chain goes on");
}

#[tokio::test]
async fn two_sealers_at_once_keep_one_chain() {
    let scene = Scene::new().await;
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for folder in &folders {
        let (pool, path) = (scene.worker.clone(), folder.path().to_owned());
        tasks.spawn(async move {
            // The same name: each start of it takes the job from the one before, as a restarted worker does from its own past.
            let mut sealer = Sealer::open(pool.clone(), &path, "twin").await.expect("opens");
            for n in 0..60 {
                write_fact(&pool, n).await;
                if n % 10 == 9 {
                    sealer = Sealer::open(pool.clone(), &path, "twin").await.expect("opens again");
                }
                sealer.turn().await.expect("a lost lease is no error");
            }
            sealer.stop().await.expect("gives up the job if it has it");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("both finish");
    }
    scene.seal().await;
    let report = scene.verify(&Known::nothing()).await;
    assert_eq!((report.flaw, report.unsealed), (None, 0));
    let (facts, members): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM drydock.fact), (SELECT count(*) FROM drydock.seal_member)")
            .fetch_one(&scene.worker)
            .await
            .expect("counted");
    assert_eq!(facts, members, "each fact in exactly one batch");
}

#[tokio::test]
async fn an_anchor_ahead_of_the_database_stops_the_start_and_is_seen_on_pages() {
    let scene = Scene::sealed(3).await;
    scene.tamper("DELETE FROM drydock.seal_member WHERE batch = 4; DELETE FROM drydock.seal_batch WHERE n = 4").await;
    let refused = check_anchor(&scene.worker, scene.folder.path()).await.expect_err("the file knows batch 4");
    let Error::Refused(refusal) = refused else { panic!("{refused}") };
    assert_eq!(refusal.code, "anchor_ahead");
    assert!(refusal.message.contains("ends with batch 3") && refusal.way_out.contains("two people"), "{refusal}");
    let web = scene.database.pool(ServiceRole::Web).await;
    let troubles = service_states::troubles(&mut web.acquire().await.expect("connects"), ANCHOR_JOB).await.expect("readable");
    assert_eq!(troubles.iter().map(|trouble| trouble.state.as_str()).collect::<Vec<_>>(), ["anchor_ahead"]);
    assert!(Sealer::open(scene.worker.clone(), scene.folder.path(), "test").await.is_err(), "nothing is sealed on top of it");

    std::fs::rename(scene.anchors().path(), scene.folder.path().join("anchors.kept")).expect("moved aside by people");
    scene.seal().await;
    let begun: i64 = sqlx::query_scalar("SELECT count(*) FROM drydock.fact f WHERE f.action = 'trail.anchor_begun'")
        .fetch_one(&scene.worker)
        .await
        .expect("counted");
    assert_eq!(begun, 1, "the new beginning is a fact");
}

#[tokio::test]
async fn a_chain_that_was_put_back_while_we_ran_is_not_sealed_upon() {
    let scene = Scene::sealed(2).await;
    let mut sealer = scene.sealer().await;
    rest(&mut sealer).await;
    scene.tamper("DELETE FROM drydock.seal_member WHERE batch = 3; DELETE FROM drydock.seal_batch WHERE n = 3").await;
    scene.write(1).await;
    let refused = sealer.turn().await.expect_err("what was anchored is gone");
    assert!(refused.to_string().contains("knows batch 3"), "{refused}");
    let newest = seals::newest(&mut scene.worker.acquire().await.expect("connects")).await.expect("readable").expect("one");
    assert_eq!(newest.n, 2);
}

#[tokio::test]
async fn an_anchor_file_that_cannot_be_written_is_named_and_sealing_goes_on() {
    let scene = Scene::sealed(1).await;
    let mut sealer = scene.sealer().await;
    // A folder in its place: even root cannot append to it.
    std::fs::rename(scene.anchors().path(), scene.folder.path().join("aside")).expect("moved");
    std::fs::create_dir(scene.anchors().path()).expect("in the way");
    scene.write(2).await;
    rest(&mut sealer).await;
    let mut db = scene.worker.acquire().await.expect("connects");
    let troubles = service_states::troubles(&mut db, ANCHOR_JOB).await.expect("readable");
    assert_eq!(troubles.first().map(|trouble| trouble.state.as_str()), Some("anchor_unwritable"));
    assert!(troubles[0].detail.contains("anchors.jsonl"), "{}", troubles[0].detail);
    assert_eq!(seals::newest(&mut db).await.expect("readable").expect("there").n, 3, "sealing stops nothing and does not stop");

    std::fs::remove_dir(scene.anchors().path()).expect("out of the way");
    std::fs::rename(scene.folder.path().join("aside"), scene.anchors().path()).expect("back");
    rest(&mut sealer).await;
    assert!(service_states::troubles(&mut db, ANCHOR_JOB).await.expect("readable").is_empty(), "it says so when it is well again");
    assert_eq!(scene.anchors().newest().expect("read").expect("head").n, 3);
}

#[tokio::test]
async fn facts_of_an_earlier_cluster_are_sealed_first_and_by_id() {
    let scene = Scene::new().await;
    scene.write(4).await;
    // As after a dump and restore: the rows name another cluster, and their transactions mean nothing here.
    scene
        .tamper("UPDATE drydock.fact SET system_identifier = '1', bytes = convert_to(regexp_replace(convert_from(bytes, 'UTF8'), '\"system_identifier\":\"[0-9]+\"', '\"system_identifier\":\"1\"'), 'UTF8'), xid = '9000000000'::xid8,
                 leaf = sha256('\\x00'::bytea || convert_to(regexp_replace(convert_from(bytes, 'UTF8'), '\"system_identifier\":\"[0-9]+\"', '\"system_identifier\":\"1\"'), 'UTF8'))")
        .await;
    scene.write(2).await;
    scene.seal().await;
    let report = scene.verify(&scene.known()).await;
    assert_eq!((report.flaw, report.batches, report.facts, report.unsealed), (None, 2, 7, 0));
    let first: i64 =
        sqlx::query_scalar("SELECT count(*) FROM drydock.seal_member m WHERE m.batch = 1").fetch_one(&scene.worker).await.expect("counted");
    assert_eq!(first, 4, "the earlier cluster's facts have a batch before ours");
}

#[tokio::test]
async fn the_lag_counts_what_waits() {
    let scene = Scene::sealed(1).await;
    let mut db = scene.worker.acquire().await.expect("connects");
    assert_eq!(seals::lag(&mut db).await.expect("readable").0, 0);
    scene.write(2).await;
    let (waiting, oldest_s) = seals::lag(&mut db).await.expect("readable");
    assert!(waiting == 2 && oldest_s > 0.0, "{waiting} waiting, {oldest_s} s");
}

#[tokio::test]
async fn ten_thousand_facts_are_sealed_and_verified_quickly() {
    let scene = Scene::new().await;
    let mut bulk = scene.worker.begin().await.expect("begins");
    for n in 0..10_000 {
        Ledger::open(&mut bulk, &Permit::system(), "bulk")
            .fact(NewFact::done("thing.happen", "thing", n).with("n", n))
            .await
            .expect("written");
    }
    bulk.commit().await.expect("committed");
    let began = Instant::now();
    scene.seal().await;
    let sealed = began.elapsed();
    let report = scene.verify(&scene.known()).await;
    let verified = began.elapsed().saturating_sub(sealed);
    assert_eq!((report.flaw.clone(), report.facts, report.exit_code()), (None, 10_001, 0));
    let auditor = scene.database.pool(ServiceRole::Auditor).await;
    let newest = verify(&mut auditor.acquire().await.expect("connects"), &scene.known(), Scope::Newest(3)).await.expect("verifiable");
    assert_eq!((newest.flaw, newest.batches, newest.from), (None, 3, report.batches - 2));
    // Unoptimised code on a busy machine; an optimised build is some twenty times faster.
    assert!(sealed.as_secs() < 30 && verified.as_secs() < 30, "sealed in {sealed:?}, verified in {verified:?}");
    eprintln!("sealed in {sealed:?}, verified in {verified:?}");
}
