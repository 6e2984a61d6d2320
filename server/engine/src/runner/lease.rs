//! Keeps a lease, and ends the trust in it in time.
//!
//! The lease lasts 15 s and is renewed every 3 s on the heartbeats' own pool. Its owner trusts it until 13 s after the moment the last
//! successful renewal was *sent*, by the monotonic clock; others may take the run 3 s after it expired. So between the end of one
//! owner's trust and the next owner's first act lie at least five seconds.

use crate::ledger::{self, Pulse, Tenure, is_lease_lost};
use crate::metrics::metrics;
use crate::wake::Wake;
use crate::worker::WorkerContext;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Time between two renewals, and after a failed one.
const RENEW_EVERY: Duration = Duration::from_secs(3);
const RENEW_AGAIN: Duration = Duration::from_millis(500);
/// How long a renewal is trusted, counted from when it was sent.
const TRUST: Duration = Duration::from_secs(13);

/// A lease that is being kept. Dropping it stops the renewals.
#[derive(Debug)]
pub(super) struct Lease {
    trust: watch::Receiver<Instant>,
    pulse: watch::Receiver<Pulse>,
    lost: CancellationToken,
    soft_stop: CancellationToken,
    _keeper: DropGuard,
}

impl Lease {
    /// Keeps the lease of a run that was claimed by a statement sent at `sent`.
    pub(super) fn keep(context: &WorkerContext, tenure: Tenure, sent: Instant) -> Self {
        let (trust_out, trust) = watch::channel(sent + TRUST);
        let first = Pulse { stop_asked: false, hold_asked: false, barred: false, window_state: String::new() };
        let (pulse_out, pulse) = watch::channel(first);
        let (lost, over) = (CancellationToken::new(), CancellationToken::new());
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.spawn(renew(context.clone(), tenure, trust_out, pulse_out, lost.clone(), over.clone()));
        tasks.spawn(end_trust(trust.clone(), lost.clone(), over.clone()));
        Self { trust, pulse, lost, soft_stop: context.stop.clone(), _keeper: over.drop_guard() }
    }

    /// Whether the owner may still begin something.
    pub(super) fn is_trusted(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < *self.trust.borrow()
    }

    /// Asks later, also from another task: whether the lease is still trusted, and nobody asked to stop.
    pub(super) fn may_begin(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let (trust, pulse, lost) = (self.trust.clone(), self.pulse.clone(), self.lost.clone());
        move || !lost.is_cancelled() && Instant::now() < *trust.borrow() && !pulse.borrow().stop_asked
    }

    /// Asks later, also from another task: whether somebody asked to hold.
    pub(super) fn is_held(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let pulse = self.pulse.clone();
        move || pulse.borrow().hold_asked
    }

    /// Asks later, also from another task: whether all maintenance is paused, or a freeze covers the database.
    pub(super) fn is_barred(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let pulse = self.pulse.clone();
        move || pulse.borrow().barred
    }

    /// Waits until the trust ends.
    pub(super) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Whether somebody asked to stop.
    pub(super) fn stop_asked(&self) -> bool {
        self.pulse.borrow().stop_asked
    }

    /// Whether somebody asked to hold after the current item.
    pub(super) fn hold_asked(&self) -> bool {
        self.pulse.borrow().hold_asked
    }

    /// Waits until somebody asks to stop.
    pub(super) async fn stop(&self) {
        let mut pulse = self.pulse.clone();
        if pulse.wait_for(|pulse| pulse.stop_asked).await.is_err() {
            // The keeper is gone, and the lease with it: nobody can be told any more.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for `at_most`, for a wake-up with news, for the soft stop, or for the end of trust.
    pub(super) async fn pause(&self, at_most: Duration) {
        let mut pulse = self.pulse.clone();
        pulse.mark_unchanged();
        tokio::select! {
            () = tokio::time::sleep(at_most) => {}
            _ = pulse.changed() => {}
            () = self.soft_stop.cancelled() => {}
            () = self.lost() => {}
        }
    }
}

/// Renews until the lease is lost or dropped; between renewals a wake-up reads the news without renewing.
async fn renew(
    context: WorkerContext,
    tenure: Tenure,
    trust: watch::Sender<Instant>,
    news: watch::Sender<Pulse>,
    lost: CancellationToken,
    over: CancellationToken,
) {
    let mut bell = context.bell(Wake::Runner);
    // The wake-up that brought us here came before the first look.
    let mut next = Instant::now();
    loop {
        let due = Instant::now() >= next;
        let sent = Instant::now();
        let answer = if due { ledger::renew(&context.heartbeats, tenure).await } else { ledger::pulse(&context.heartbeats, tenure).await };
        match answer {
            Ok(pulse) => {
                if due {
                    metrics().lease_lateness.observe(next.elapsed().as_secs_f64());
                    trust.send_replace(sent + TRUST);
                    next = sent + RENEW_EVERY;
                }
                news.send_if_modified(|now| std::mem::replace(now, pulse.clone()) != pulse);
            }
            Err(error) if is_lease_lost(&error) => {
                // Between two renewals the run may have been held or ended by ourselves; then nobody listens any more.
                if !over.is_cancelled() {
                    metrics().lease_failures.get_or_create(&[("reason", "lost")]).inc();
                }
                lost.cancel();
                return;
            }
            Err(error) => {
                metrics().lease_failures.get_or_create(&[("reason", "error")]).inc();
                tracing::warn!(run = %tenure.run, %error, "a lease was not renewed");
                next = Instant::now() + RENEW_AGAIN;
            }
        }
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = bell.rung() => {}
            () = over.cancelled() => return,
        }
    }
}

/// Says that the lease is lost when no renewal succeeded in time, also when the renewal itself hangs.
async fn end_trust(mut trust: watch::Receiver<Instant>, lost: CancellationToken, over: CancellationToken) {
    loop {
        let until = *trust.borrow_and_update();
        tokio::select! {
            () = tokio::time::sleep_until(until) => {
                lost.cancel();
                return;
            }
            changed = trust.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = over.cancelled() => return,
        }
    }
}
