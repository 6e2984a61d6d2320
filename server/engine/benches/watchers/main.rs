//! How a night with many watchers feels: 480 open pages of one run, 120 people who click, and a worker that must keep its lease.
//!
//! `make bench` builds everything optimised and runs this. The web and the worker are real processes of the program that is named as the
//! argument; the state database, the target and the listeners share the machine with them. Fails where a promise is not kept.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program of its own: it prints its figures, and what is missing ends it")]
#![expect(clippy::disallowed_methods, reason = "it makes ids and statements of its own, and waits for what it spawns")]
#![expect(dead_code, reason = "the fixtures of the tests offer more than is used here")]

mod browser;
mod figures;
#[path = "../../tests/it/house.rs"]
mod house;
mod processes;
#[path = "../../tests/it/run_stage.rs"]
mod run_stage;
#[path = "../../tests/it/stage.rs"]
mod stage;
#[path = "../../tests/it/target_support.rs"]
mod target_support;

use browser::{Browser, click, listen};
use figures::{Figures, Lease, line};
use processes::Processes;
use run_stage::RunStage;
use sqlx::PgPool;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const PEOPLE: usize = 120;
/// Each person watches in four windows: 480 streams.
const STREAMS_EACH: usize = 4;
/// The slow part of the run, in which everything is measured.
const MEASURED: Duration = Duration::from_secs(40);
/// What was promised.
const MOST_DELAY_MS: i64 = 1_000;
/// For all but one page in twenty.
const MOST_PAGE_MS: i64 = 200;
/// A renewal is due every three seconds, and is late a second after.
const MOST_GAP_MS: i64 = 4_000;

#[tokio::main]
async fn main() {
    // `cargo bench` adds an argument of its own.
    let program = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).map(PathBuf::from);
    let Some(program) = program.filter(|program| program.is_file()) else {
        eprintln!("Name the program: cargo bench --package engine --bench watchers -- target/release/drydock");
        std::process::exit(2);
    };
    let stage = RunStage::new().await;
    for table in ["orders", "parcels", "letters", "invoices", "visits", "carts"] {
        stage.dead_rows(table, 150_000).await;
    }
    let people = people(&stage).await;
    let window = stage.due(|plan| plan.parameters.vacuum_cost_delay_ms = 100).await;
    let processes = Processes::start(&program, &stage).await;
    let mut browsers = Vec::new();
    for email in &people {
        browsers.push(Browser::sign_in(processes.address, email).await);
    }
    stage.until(60, "SELECT EXISTS (SELECT FROM drydock.run_event WHERE kind = 'progress')").await;
    let run = stage.run().await;
    let paths = Arc::new(vec![
        "/".to_owned(),
        "/windows".to_owned(),
        format!("/windows/{}", window.number),
        format!("/windows/{}/checklist", window.number),
        format!("/runs/{run}"),
        "/databases".to_owned(),
        format!("/databases/{}", stage.house.target),
        "/people".to_owned(),
    ]);

    let (figures, stop) = (Arc::new(Figures::default()), CancellationToken::new());
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_lease(stage.house.admin.clone(), Arc::clone(&figures), stop.clone()));
    let alone = transactions(&stage, Duration::from_secs(5)).await;
    for browser in &browsers {
        for _ in 0..STREAMS_EACH {
            tasks.spawn(listen(browser.clone(), format!("/runs/{run}/events"), Arc::clone(&figures), stop.clone()));
        }
    }
    let streams = PEOPLE * STREAMS_EACH;
    figures.opened(streams).await;
    let watched = transactions(&stage, Duration::from_secs(5)).await;
    figures.forget_delays();
    for (n, browser) in browsers.into_iter().enumerate() {
        tasks.spawn(click(browser, Arc::clone(&paths), n, Arc::clone(&figures), stop.clone()));
    }
    tokio::time::sleep(MEASURED).await;
    let still_runs = stage.house.count("SELECT count(*) FROM drydock.run WHERE state = 'leased'").await == 1;
    stop.cancel();
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    drop(processes);

    let taken = figures.take();
    println!(
        "\n{streams} streams of one run, {PEOPLE} people clicking through pages with 1 to 3 s between clicks, {} s",
        MEASURED.as_secs()
    );
    line("progress, from its writing to the page", &taken.delays_ms, "ms");
    line("pages", &taken.pages_ms, "ms");
    line("lease, from one renewal to the next", &taken.renewals_ms, "ms");
    println!("{:44} {watched:>10.1} a second with the streams, {alone:.1} before they opened", "transactions on the state database");
    println!("{:44} {:>10}", "errors", taken.errors.len());
    for error in taken.errors.iter().take(10) {
        println!("  {error}");
    }
    let late = figures::percentile(&taken.delays_ms, 95) > MOST_DELAY_MS;
    let slow = figures::percentile(&taken.pages_ms, 95) > MOST_PAGE_MS;
    let lease = taken.renewals_ms.iter().any(|gap| *gap > MOST_GAP_MS);
    let nothing = taken.delays_ms.is_empty() || taken.pages_ms.is_empty() || taken.renewals_ms.is_empty();
    for (broken, what) in [
        (late, "progress was late"),
        (slow, "pages were slow"),
        (lease, "the lease was renewed late"),
        (!taken.errors.is_empty(), "something failed"),
        (nothing, "nothing was measured"),
        (!still_runs, "the run was over before the measurement was"),
    ] {
        if broken {
            println!("NOT KEPT: {what}");
        }
    }
    if late || slow || lease || nothing || !still_runs || !taken.errors.is_empty() {
        std::process::exit(1);
    }
}

/// Engineers of the team, who can sign in.
async fn people(stage: &RunStage) -> Vec<String> {
    let admin = &stage.house.admin;
    sqlx::query("INSERT INTO drydock.installation (id, public_url) VALUES (gen_random_uuid(), 'http://127.0.0.1:8080')")
        .execute(admin)
        .await
        .unwrap();
    let hash = engine::passwords::hash(&browser::PASSWORD.to_owned().into()).await.unwrap();
    let mut emails = Vec::new();
    for n in 0..=PEOPLE {
        // The last one administers, so that the installation counts as set up.
        let (place, global) = if n < PEOPLE {
            (Some((stage.house.team, domain::people::TeamRole::Engineer, false)), &[][..])
        } else {
            (None, &[domain::people::GlobalRole::Admin][..])
        };
        let who = house::person(admin, &format!("Watcher{n}"), place, global).await;
        sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)")
            .bind(who.actor.person.0)
            .bind(&hash)
            .execute(admin)
            .await
            .unwrap();
        if n < PEOPLE {
            emails.push(format!("watcher{n}@example.org"));
        }
    }
    emails
}

/// Transactions a second on the state database.
async fn transactions(stage: &RunStage, during: Duration) -> f64 {
    let count =
        || stage.house.count("SELECT (xact_commit + xact_rollback)::bigint FROM pg_stat_database WHERE datname = current_database()");
    let before = count().await;
    tokio::time::sleep(during).await;
    f64::from(i32::try_from(count().await - before).unwrap()) / during.as_secs_f64()
}

/// Sees every renewal of the lease from outside, by the state database's clock.
async fn watch_lease(admin: PgPool, figures: Arc<Figures>, stop: CancellationToken) {
    let mut lease = Lease::default();
    while !stop.is_cancelled() {
        let until: Option<i64> =
            sqlx::query_scalar("SELECT (extract(epoch FROM lease_until) * 1000)::bigint FROM drydock.run").fetch_one(&admin).await.unwrap();
        if let Some(gap_ms) = until.and_then(|until_ms| lease.renewed(until_ms)) {
            figures.renewal(gap_ms);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
