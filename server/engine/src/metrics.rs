//! Figures for monitoring, in the OpenMetrics text format: what this process counted, and how the whole installation is.
//!
//! Every label has a bounded set of values: states, kinds and outcomes of the code, never a name, an address or an id.

use crate::vitals::{self, SILENT_AFTER_S, Vitals};
use domain::examination::ExaminationKind;
use domain::window::Ending;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use sqlx::PgPool;
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// What every answer is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One label.
pub type Label = [(&'static str, &'static str); 1];
type Figure = Gauge<f64, AtomicU64>;

/// Upper bounds of a lease's lateness, in seconds: it is renewed every 3 s and trusted for 13 s.
const LATENESS: [f64; 8] = [0.05, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 13.0];
/// A look at the installation that takes longer says nothing, rather than keeping the watcher waiting.
const WITHIN: Duration = Duration::from_secs(5);

/// Counted by this process since its start.
#[derive(Debug)]
pub struct Metrics {
    /// Sign-ins by outcome: `done`, `failed`, `throttled`.
    pub sign_ins: Family<Label, Counter>,
    /// Seconds by which a lease's renewal came after its time.
    pub lease_lateness: Histogram,
    /// Renewals that did not succeed, by reason: `error`, `lost`.
    pub lease_failures: Family<Label, Counter>,
    /// Runs taken, by how: `fresh`, `taken_over`.
    pub claims: Family<Label, Counter>,
    /// Runs that ended here, by ending.
    pub runs_ended: Family<Label, Counter>,
    /// Questions about databases that were answered, by kind and outcome.
    pub examinations: Family<[(&'static str, &'static str); 2], Counter>,
    /// Messages handed to the mail server, by result.
    pub deliveries: Family<Label, Counter>,
    registry: Registry,
}

static OWN: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The counters of this process.
pub fn metrics() -> &'static Metrics {
    &OWN
}

/// An empty list of figures whose names begin with the product's.
pub fn registry() -> Registry {
    Registry::with_prefix("drydock")
}

impl Metrics {
    fn new() -> Self {
        let mut registry = registry();
        let metrics = Self {
            sign_ins: Family::default(),
            lease_lateness: Histogram::new(LATENESS),
            lease_failures: Family::default(),
            claims: Family::default(),
            runs_ended: Family::default(),
            examinations: Family::default(),
            deliveries: Family::default(),
            registry: Registry::default(),
        };
        registry.register("build", "The program that answers", Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec()));
        registry.register("sign_ins", "Sign-ins with a password, by outcome", metrics.sign_ins.clone());
        let lateness = metrics.lease_lateness.clone();
        registry.register_with_unit(
            "lease_renewal_lateness",
            "How long after its time the lease of a run was renewed",
            Unit::Seconds,
            lateness,
        );
        registry.register("lease_renewal_failures", "Renewals of a run's lease that did not succeed", metrics.lease_failures.clone());
        registry.register("run_claims", "Runs that this worker took", metrics.claims.clone());
        registry.register("runs_ended", "Runs that ended under this worker", metrics.runs_ended.clone());
        registry.register("examinations", "Questions about databases that this worker answered", metrics.examinations.clone());
        registry.register("deliveries", "Messages that this worker handed to the mail server", metrics.deliveries.clone());
        metrics.begin_at_zero();
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// So that the first one of each is seen as a rise, and so that a watcher can name what has not happened yet.
    fn begin_at_zero(&self) {
        let all = |family: &Family<Label, Counter>, label, words: &[&'static str]| {
            for word in words {
                drop(family.get_or_create(&[(label, *word)]));
            }
        };
        all(&self.sign_ins, "outcome", &["done", "failed", "throttled"]);
        all(&self.lease_failures, "reason", &["error", "lost"]);
        all(&self.claims, "how", &["fresh", "taken_over"]);
        all(&self.runs_ended, "ending", &Ending::ALL.iter().map(|ending| ending.word()).collect::<Vec<_>>());
        all(&self.deliveries, "result", &["accepted", "deferred", "refused", "doubtful"]);
        for kind in ExaminationKind::ALL {
            for outcome in ["answered", "failed"] {
                drop(self.examinations.get_or_create(&[("kind", kind.word()), ("outcome", outcome)]));
            }
        }
    }
}

/// Everything in one text: this process, further figures of it, and the installation as the state database tells it.
pub async fn scrape(pool: &PgPool, further: &[&Registry]) -> String {
    let mut now = registry();
    pool_figures(&mut now, pool);
    let looked = tokio::time::timeout(WITHIN, vitals::load(pool)).await;
    let up = matches!(looked, Ok(Ok(_)));
    put(&mut now, "state_database_up", "Whether the state database answered", f64::from(u8::from(up)));
    match looked {
        Ok(Ok(found)) => installation(&mut now, &found),
        Ok(Err(error)) => tracing::warn!(%error, "no figures of the installation"),
        Err(_) => tracing::warn!(seconds = WITHIN.as_secs(), "no figures of the installation in time"),
    }
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = [&OWN.registry, &now]
        .into_iter()
        .chain(further.iter().copied())
        .try_for_each(|registry| text::encode_registry(&mut text, registry));
    let _ = text::encode_eof(&mut text);
    text
}

fn put(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let figure = Figure::default();
    figure.set(value);
    registry.register(name, help, figure);
}

fn put_seconds(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let figure = Figure::default();
    figure.set(value);
    registry.register_with_unit(name, help, Unit::Seconds, figure);
}

fn put_family(registry: &mut Registry, name: &str, help: &str, label: &'static str, values: impl IntoIterator<Item = (&'static str, f64)>) {
    let family = Family::<Label, Figure>::default();
    for (word, value) in values {
        family.get_or_create(&[(label, word)]).set(value);
    }
    registry.register(name, help, family);
}

fn pool_figures(registry: &mut Registry, pool: &PgPool) {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    let used = pool.size().saturating_sub(idle);
    let connections = [("idle", f64::from(idle)), ("used", f64::from(used))];
    put_family(registry, "pool_connections", "Connections of this process to the state database", "state", connections);
    put(registry, "pool_connections_max", "The most it opens", f64::from(pool.options().get_max_connections()));
}

const OPEN_RUNS: [&str; 3] = ["waiting", "leased", "held"];
const OPEN_WINDOWS: [&str; 7] = ["draft", "proposed", "approved", "running", "hold", "validating", "rolling_back"];

fn installation(registry: &mut Registry, found: &Vitals) {
    let count = |list: &[(String, i64)], word: &str| list.iter().find(|(state, _)| state == word).map_or(0.0, |(_, n)| *n as f64);
    let runs = OPEN_RUNS.map(|state| (state, count(&found.runs, state)));
    put_family(registry, "runs", "Runs that are not over", "state", runs);
    let windows = OPEN_WINDOWS.map(|state| (state, count(&found.windows, state)));
    put_family(registry, "windows", "Windows that are not over", "state", windows);
    put_seconds(registry, "seal_lag", "How long the oldest fact has waited for its seal", found.seal_lag_s);
    let outbox = [("pending", found.outbox.pending as f64), ("parked", found.outbox.parked as f64)];
    put_family(registry, "outbox_messages", "Messages that are not delivered", "state", outbox);
    put_seconds(registry, "outbox_oldest_age", "How long the oldest pending message has waited", found.outbox.oldest_s);
    put(registry, "examinations_open", "Questions about databases that wait for an answer", found.examinations as f64);
    put_seconds(registry, "examinations_oldest_age", "How long the oldest of them has waited", found.examinations_oldest_s);
    put(registry, "workers_alive", "Workers that are there and not stopping", found.workers_alive() as f64);
    let watchdogs = found.watchdogs.iter().filter(|said| said.age_s < SILENT_AFTER_S && said.state == "ok").count();
    put(registry, "watchdogs_alive", "Workers whose watchdog answers", watchdogs as f64);
    put(registry, "fact_months_ahead", "Months ahead for which the trail has partitions", found.months_ahead as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::vitals::Outbox;

    #[test]
    fn every_state_has_its_figure_even_at_zero() {
        let mut registry = registry();
        let found = Vitals {
            months_ahead: 24,
            seal_lag_s: 0.5,
            outbox: Outbox { pending: 2, parked: 1, oldest_s: 61.0 },
            runs: vec![("leased".into(), 3)],
            windows: vec![("approved".into(), 7)],
            examinations: 0,
            examinations_oldest_s: 0.0,
            workers: Vec::new(),
            watchdogs: Vec::new(),
            anchors: Vec::new(),
        };
        installation(&mut registry, &found);
        let mut text = String::new();
        text::encode(&mut text, &registry).expect("written");
        for line in [
            "# UNIT drydock_seal_lag_seconds seconds",
            "drydock_seal_lag_seconds 0.5",
            "drydock_runs{state=\"leased\"} 3.0",
            "drydock_runs{state=\"held\"} 0.0",
            "drydock_windows{state=\"approved\"} 7.0",
            "drydock_outbox_messages{state=\"parked\"} 1.0",
            "drydock_outbox_oldest_age_seconds 61.0",
            "drydock_workers_alive 0.0",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
    }
}
