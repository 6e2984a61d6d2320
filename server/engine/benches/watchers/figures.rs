//! What was measured.

use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;

/// Everything, in milliseconds.
#[derive(Debug, Default)]
pub struct Taken {
    pub delays_ms: Vec<i64>,
    pub pages_ms: Vec<i64>,
    pub renewals_ms: Vec<i64>,
    pub errors: Vec<String>,
}

/// Filled by many tasks at once.
#[derive(Debug, Default)]
pub struct Figures {
    taken: Mutex<Taken>,
    open: watch::Sender<usize>,
}

impl Figures {
    fn with<T>(&self, change: impl FnOnce(&mut Taken) -> T) -> T {
        change(&mut self.taken.lock().unwrap())
    }
    pub fn delay(&self, ms: i64) {
        self.with(|taken| taken.delays_ms.push(ms));
    }
    pub fn page(&self, took: Duration) {
        let ms = i64::try_from(took.as_millis()).unwrap();
        self.with(|taken| taken.pages_ms.push(ms));
    }
    pub fn renewal(&self, gap_ms: i64) {
        self.with(|taken| taken.renewals_ms.push(gap_ms));
    }
    pub fn error(&self, error: String) {
        self.with(|taken| taken.errors.push(error));
    }
    /// A stream said its first word.
    pub fn open(&self) {
        self.open.send_modify(|open| *open += 1);
    }
    /// Waits until this many streams have.
    pub async fn opened(&self, streams: usize) {
        let mut open = self.open.subscribe();
        let enough = tokio::time::timeout(Duration::from_secs(60), open.wait_for(|open| *open >= streams)).await;
        assert!(
            enough.is_ok(),
            "only {} of {streams} streams opened; {:?}",
            *self.open.borrow(),
            self.with(|taken| taken.errors.first().cloned())
        );
    }
    /// What came while the streams were opened is not measured.
    pub fn forget_delays(&self) {
        self.with(|taken| taken.delays_ms.clear());
    }
    pub fn take(&self) -> Taken {
        let mut taken = self.with(std::mem::take);
        taken.delays_ms.sort_unstable();
        taken.pages_ms.sort_unstable();
        taken.renewals_ms.sort_unstable();
        taken
    }
}

/// The renewals of a lease, seen by its end.
#[derive(Debug, Default)]
pub struct Lease {
    until_ms: Option<i64>,
}

impl Lease {
    /// The time since the renewal before, when this is a new one.
    pub fn renewed(&mut self, until_ms: i64) -> Option<i64> {
        let before = self.until_ms.replace(until_ms)?;
        (until_ms != before).then_some(until_ms - before)
    }
}

/// Of sorted figures.
pub fn percentile(sorted: &[i64], percent: usize) -> i64 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// A line of the table.
pub fn line(what: &str, sorted: &[i64], unit: &str) {
    let [median, p95, most] = [50, 95, 100].map(|percent| percentile(sorted, percent));
    println!("{what:44} {median:>7} {unit} median {p95:>7} {unit} p95 {most:>7} {unit} most   ({} measured)", sorted.len());
}
