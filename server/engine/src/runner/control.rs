//! The control session of a run: holds slot 0 of the fence, looks at the target, and signals what runs there.

use super::dispatcher::Work;
use super::{Halt, SLOTS, Step, recovery};
use crate::error::Error;
use crate::ledger::Line;
use crate::target::connect::Dialer;
use crate::target::fence::{self, Raised, SERVER_SLOT, SlotHolder};
use crate::target::session::{Guards, OpenError, Session, SessionName};
use crate::worker::address;
use domain::decision::Refusal;
use domain::hold::HoldCause;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The raised fence. Dropping it closes the session, and lets the next owner in.
#[derive(Debug)]
pub(super) struct Control {
    /// The session that holds slot 0.
    pub session: Arc<Session>,
    /// Opens further ones to the same address.
    pub dialer: Arc<Dialer>,
}

/// Code of the refusal while somebody else holds the fence.
pub(super) const FENCED: &str = "fence";

/// How long the fence is asked for before that is said.
const FENCE_WITHIN: Duration = Duration::from_secs(10);

/// Opens the control session, ends or observes what an earlier owner left, and raises the fence.
///
/// Another database than the approved one halts with a hold: nothing is signalled there.
pub(super) async fn establish(work: &Work) -> Step<Control> {
    work.unless_over(open(work)).await?
}

async fn open(work: &Work) -> Step<Control> {
    let (_, address) = address(&work.hand.context, work.run.target).await?;
    let dialer = Arc::new(Dialer::new(address).await.map_err(|error| connection(&error))?);
    let name = SessionName::control(work.run.id, epoch(work)).map_err(Error::internal)?;
    let session = Session::open(&dialer, name, &Guards::reading()).await.map_err(|error| open_failed(&error))?;
    if let Some(difference) = session.identity.difference(&work.approved, work.volatile()?.as_ref()) {
        return Err(Halt::Hold(HoldCause::Blocked, difference));
    }
    recovery::clear(work, &session).await?;
    raise(work, &session).await?;
    Ok(Control { session: Arc::new(session), dialer })
}

/// The epoch as session names spell it.
pub(super) fn epoch(work: &Work) -> u64 {
    u64::try_from(work.hand.tenure.epoch).unwrap_or_default()
}

async fn raise(work: &Work, session: &Session) -> Step<()> {
    let until = tokio::time::Instant::now() + FENCE_WITHIN;
    loop {
        work.go_on()?;
        match fence::raise_for(&session.link, SLOTS, work.reach()).await.map_err(|error| statement(&error))? {
            Raised::Up => return Ok(()),
            Raised::HeldBy(holders) if tokio::time::Instant::now() >= until => {
                let refusal = Refusal::new(FENCED, held_by(&holders), "Wait until it is done, or end it on the server.");
                return Err(Halt::Again(refusal.into()));
            }
            // Two that let go of each other do not come back at the same moment.
            Raised::HeldBy(_) => {
                work.lease.pause(Duration::from_millis(300 + u64::from(session.backend.pid.unsigned_abs()) * 37 % 500)).await;
            }
        }
    }
}

fn held_by(holders: &[SlotHolder]) -> String {
    let elsewhere = holders.iter().find(|holder| holder.slot == SERVER_SLOT).map(|holder| &holder.database);
    let sessions: BTreeSet<_> = holders.iter().map(|holder| (holder.backend.pid, &holder.application_name)).collect();
    let names: Vec<String> = sessions.into_iter().map(|(pid, name)| format!("process {pid} ({name})")).collect();
    let names = if names.is_empty() { "its session just ended".to_owned() } else { names.join(", ") };
    match elsewhere {
        Some(database) => format!("Another run of Drydock, in the database {database}, works on what the whole server shares: {names}."),
        None => format!("Another run of Drydock works on this database: {names}."),
    }
}

/// A refusal that names what the connection said.
pub(super) fn connection(error: &impl std::fmt::Display) -> Halt {
    Halt::Again(Refusal::new("connection", error.to_string(), "").into())
}

pub(super) fn open_failed(error: &OpenError) -> Halt {
    connection(error)
}

/// The same for a statement of ours that only looks.
pub(super) fn statement(error: &crate::target::fault::StatementError) -> Halt {
    connection(error)
}

impl Control {
    /// Proves that slot 0 is still ours, on the server's own list.
    pub(super) async fn assert(&self, work: &Work) -> Step<()> {
        if fence::holds(&self.session.link, fence::CONTROL_SLOT).await.map_err(|error| statement(&error))? {
            return Ok(());
        }
        work.feed.line(Line::new("warning", "The control session lost its lock; it is opened again."));
        Err(Halt::Again(Refusal::new(FENCED, "The control session lost its lock.", "").into()))
    }
}
