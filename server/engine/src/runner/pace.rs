//! When something new may begin: not while a standby is far behind, nor while the server has too much to do for others (PROCEDURES S16).
//! What runs already goes on. Looked at before each item and every ten seconds while others run; a wait is said on the page, and so is its end.

use super::Step;
use super::control::{Control, statement};
use super::dispatcher::Work;
use crate::ledger::Line;
use crate::target::postgres::preflight;
use domain::run::{load, replica};
use std::time::Duration;
use tokio::time::Instant;

/// While something waits, it is looked again after this time; and what was seen counts for as long while items begin.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(10);
/// What was seen while nothing had to wait counts a moment: small items begin many times a second.
const FRESH: Duration = Duration::from_secs(1);

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Pace {
    seen: Option<(Instant, Option<String>)>,
    blind: bool,
}

impl Pace {
    /// Whether something new may begin now. After the cut-off nothing has to wait: what is left is deferred.
    pub(super) async fn lets_begin(&mut self, work: &Work, control: &Control) -> Step<bool> {
        if let Some((at, waits)) = &self.seen {
            let counts = if waits.is_some() { LOOK_EVERY } else { FRESH };
            if at.elapsed() < counts {
                return Ok(waits.is_none());
            }
        }
        if work.now().await? >= work.plan.times.cut_off {
            return Ok(true);
        }
        let waits = self.look(work, control).await?;
        let before = self.seen.take().and_then(|(_, waits)| waits);
        match (&before, &waits) {
            (None, Some(why)) => work.feed.line(Line::new("warning", why.clone())),
            (Some(_), None) => work.feed.line(Line::new("session", "It has caught up: work goes on.")),
            _ => {}
        }
        let may = waits.is_none();
        self.seen = Some((Instant::now(), waits));
        Ok(may)
    }

    /// Why nothing may begin.
    async fn look(&mut self, work: &Work, control: &Control) -> Step<Option<String>> {
        let (link, parameters) = (&control.session.link, &work.plan.parameters);
        let standbys = preflight::replica_lag(link).await.map_err(|error| statement(&error))?;
        if let Some(late) = replica::pause(&standbys, parameters) {
            return Ok(Some(late));
        }
        let seen = preflight::active_sessions(link).await.map_err(|error| statement(&error))?;
        if seen.hidden > 0 && !self.blind {
            self.blind = true;
            let words = format!(
                "What {} other sessions do is hidden from our role (it lacks pg_monitor): the server's load is not fully seen.",
                seen.hidden
            );
            work.feed.line(Line::new("warning", words));
        }
        Ok(load::pause(seen.active, parameters))
    }
}
