//! Identifiers: one type a thing, so that a window's id never passes for a run's.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// A person, with or without an account.
    PersonId,
    /// A team.
    TeamId,
    /// A registered database.
    TargetId,
    /// A maintenance window.
    WindowId,
    /// The execution of a window on one target.
    RunId,
    /// One attempt at one item of a run.
    AttemptId,
    /// A question the web put to a worker: connection test, preview, probe.
    ExaminationId,
    /// A policy, over all its versions.
    PolicyId,
    /// A change of a policy that waits for agreement.
    PolicyChangeId,
    /// An example case kept with the policies.
    PolicyCaseId,
    /// A version of an own procedure.
    OwnProcedureId,
    /// Dates of a series that are approved together.
    SeriesDigestId,
    /// A link sent in a mail.
    LinkId,
    /// A code mailed to whoever holds a link.
    VoteCodeId,
    /// A calendar feed.
    FeedId,
    /// A browser session, by the name pages use; never the key in the cookie.
    SessionId,
    /// A series of windows.
    SeriesId,
    /// A vote.
    VoteId,
    /// One plan on which somebody lets another decide.
    DelegationId,
    /// A time in which somebody is away.
    AbsenceId,
    /// A pause of all maintenance.
    PauseId,
    /// A freeze.
    FreezeId,
    /// The approval with which one window passes one freeze.
    OverrideId,
    /// A request to let a plan run without its approvals.
    GlassId,
    /// What somebody wrote about a window.
    CommentId,
    /// A message in the outbox.
    NoticeId,
    /// A message on the page of messages.
    MessageId,
    /// A receiver of events.
    WebhookId,
    /// Something that happened, for receivers.
    EventId,
    /// One event on its way to one receiver.
    DeliveryId,
    /// A sealed secret.
    SecretId,
    /// An X25519 key of a worker.
    WorkerKeyId,
}

impl RunId {
    /// What the name of each of its sessions on a target begins with, and no other session's does. It goes into statements as it is:
    /// letters, digits and colons only.
    #[must_use]
    pub fn session_prefix(self) -> String {
        format!("drydock:{}:", self.0.simple())
    }
}
