//! Our maintenance against PostgreSQL's own clients: the same objects, the same server, in turns.
//!
//! `make bench` builds everything optimised and runs this. What is measured of ours is the step as a run works through it: from the sealed
//! work list to the end of the work, with lease, fence, ledger, trail and watchdog. What is measured of theirs is the whole program. Prints
//! medians and their ratio, and fails where one of them did not do the work.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program of its own: it prints its figures, and what is missing ends it")]
#![expect(clippy::disallowed_methods, reason = "it makes statements of its own, and waits for what it spawns")]
#![expect(dead_code, reason = "the fixtures of the tests offer more than is used here")]

#[path = "../../tests/it/house.rs"]
mod house;
#[path = "../../tests/it/run_stage.rs"]
mod run_stage;
mod seed;
#[path = "../../tests/it/stage.rs"]
mod stage;
#[path = "../../tests/it/target_support.rs"]
mod target_support;

use domain::plan::Plan;
use domain::procedure::ObjectRule;
use run_stage::RunStage;
use seed::{BLOATED, SMALL};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 5;
/// Tables of a night on which most need nothing.
const IN_NEED: u32 = 30;

/// What is compared.
struct Contest {
    title: &'static str,
    steps: &'static [&'static str],
    schema: &'static str,
    client: &'static str,
    options: &'static [&'static str],
    /// At most this share of their time.
    aim: f64,
    /// The time of ours includes the selection.
    whole: bool,
    /// How many tables get their defect before each turn; `None`: all.
    in_need: Option<u32>,
}

const CONTESTS: &[Contest] = &[
    Contest {
        title: "ANALYZE of 1,003 tables",
        steps: &["analyze"],
        schema: "shop",
        client: "vacuumdb",
        options: &["-j2", "--analyze-only"],
        aim: 1.0,
        whole: false,
        in_need: None,
    },
    Contest {
        title: "VACUUM of 1,003 tables",
        steps: &["vacuum"],
        schema: "shop",
        client: "vacuumdb",
        options: &["-j2"],
        aim: 1.0,
        whole: false,
        in_need: None,
    },
    Contest {
        title: "REINDEX of 48 indexes",
        steps: &["reindex"],
        schema: "books",
        client: "reindexdb",
        options: &["-j2", "--concurrently"],
        aim: 0.95,
        whole: false,
        in_need: None,
    },
    Contest {
        title: "a night with 30 tables in need",
        steps: &["vacuum", "analyze"],
        schema: "shop",
        client: "vacuumdb",
        options: &["-j2", "--analyze"],
        aim: 0.5,
        whole: true,
        in_need: Some(IN_NEED),
    },
];

#[tokio::main]
async fn main() {
    // A statement that commits waits for the disk there, as on people's servers; both sides are measured on it, and ours keeps its books on it.
    engine::test_support::on_durable_server().await;
    let stage = RunStage::new().await;
    seed::tables(&stage.target).await;
    let stop = CancellationToken::new();
    let (folder, asked) = (stage.house.keys.path().to_owned(), stop.clone());
    let watchdog = tokio::spawn(async move { engine::watchdog::watch(&folder, asked).await.unwrap() });
    let worker = stage.worker();
    println!(
        "\nmedian of {ROUNDS} rounds, in turns; two statements at a time on both sides, {} processors",
        std::thread::available_parallelism().unwrap()
    );
    let mut short = false;
    for contest in CONTESTS {
        short |= !contest.hold(&stage).await;
    }
    worker.stop().await;
    stop.cancel();
    watchdog.await.unwrap();
    if short {
        println!("Not every aim is reached.");
    }
}

impl Contest {
    /// All rounds; true when the aim is reached.
    async fn hold(&self, stage: &RunStage) -> bool {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // The first round warms up, and counts for nobody.
        for round in 0..=ROUNDS {
            for turn in 0..2 {
                self.spoil(stage).await;
                let is_ours = (round + turn) % 2 == 0;
                let took = if is_ours { self.ours(stage).await } else { self.theirs(stage).await };
                if round > 0 {
                    if is_ours { ours.push(took) } else { theirs.push(took) }
                }
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let reached = ratio <= self.aim;
        println!(
            "{:32} {:>7} ms   {} {} {:>7} ms   {ratio:.2} ×, aim {:.2} × {}",
            self.title,
            ours.as_millis(),
            self.client,
            self.options.join(" "),
            theirs.as_millis(),
            self.aim,
            if reached { "reached" } else { "NOT reached" }
        );
        reached
    }

    /// The same defects before every turn.
    async fn spoil(&self, stage: &RunStage) {
        match self.schema {
            "books" => seed::bloat(&stage.target).await,
            _ => seed::spoil(&stage.target, self.in_need.unwrap_or(SMALL)).await,
        }
    }

    fn tables(&self) -> Vec<String> {
        match self.schema {
            "books" => (0..BLOATED).map(|n| format!("books.b{n}")).collect(),
            _ => seed::names(SMALL),
        }
    }

    /// The step of a run.
    async fn ours(&self, stage: &RunStage) -> Duration {
        let before = stage.house.count("SELECT count(*) FROM drydock.run WHERE state = 'ended'").await;
        let window = stage.due(|plan| self.plan(plan)).await;
        let over = format!("SELECT count(*) = {} FROM drydock.run WHERE state = 'ended'", before + 1);
        stage.until_text(600, &over).await;
        let expected = self.in_need.map_or(self.items(), |tables| (tables as usize + 3) * self.steps.len());
        let sql = "SELECT count(*) FILTER (WHERE i.outcome = 'done'), count(*),
                          (extract(epoch FROM (SELECT min(e.at) FROM drydock.run_event e WHERE e.run_id = u.id AND e.message = 'Measuring again.') - l.sealed_at) * 1000)::bigint,
                          (extract(epoch FROM l.sealed_at - (SELECT max(e.at) FROM drydock.run_event e WHERE e.run_id = u.id AND e.message = 'Selecting the work.')) * 1000)::bigint
                     FROM drydock.run u JOIN drydock.work_list l ON l.run_id = u.id JOIN drydock.item i ON i.run_id = u.id WHERE u.window_id = $1 GROUP BY u.id, l.sealed_at";
        let (done, all, worked_ms, selected_ms): (i64, i64, i64, i64) =
            sqlx::query_as(sql).bind(window.id.0).fetch_one(&stage.house.admin).await.unwrap();
        assert!(
            done == all && usize::try_from(all).unwrap() == expected,
            "{}: {done} of {all} done, {expected} expected\n{}",
            self.title,
            stage.page().await
        );
        sqlx::query("UPDATE drydock.window_target SET live = false WHERE window_id = $1")
            .bind(window.id.0)
            .execute(&stage.house.admin)
            .await
            .unwrap();
        Duration::from_millis(u64::try_from(worked_ms + if self.whole { selected_ms } else { 0 }).unwrap())
    }

    fn items(&self) -> usize {
        self.tables().len() * if self.schema == "books" { 2 } else { 1 }
    }

    fn plan(&self, plan: &mut Plan) {
        plan.envelope.steps = self.steps.iter().map(|step| (*step).to_owned()).collect();
        plan.envelope.allowed = vec![format!("{}.*", self.schema).parse::<ObjectRule>().unwrap()];
        plan.envelope.most_objects = 10_000;
        plan.envelope.most_bytes = u64::MAX / 2;
        // As fast as theirs: no pause between pages, and no more memory for sorting.
        plan.parameters.vacuum_cost_delay_ms = 0;
        plan.parameters.reindex_min_waste_percent = 20;
        plan.parameters.reindex_large_min_waste_percent = 20;
        plan.parameters.reindex_work_mem_mib = 64;
        plan.parameters.jobs = 2;
    }

    /// Their program, from its start to its end.
    async fn theirs(&self, stage: &RunStage) -> Duration {
        let mut command = Command::new(self.client);
        command.args(self.options).args(["-d", &stage.target.db.superuser_url()]).stdout(Stdio::null()).stderr(Stdio::piped());
        for table in self.tables() {
            command.args(["-t", &table]);
        }
        let began = Instant::now();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let took = began.elapsed();
        assert!(output.status.success(), "{}: {}", self.client, String::from_utf8_lossy(&output.stderr));
        took
    }
}

fn median(mut of: Vec<Duration>) -> Duration {
    of.sort();
    of[of.len() / 2]
}
