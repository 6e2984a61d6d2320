//! People, teams, and the first page.

use super::absences::AwayNow;
use crate::ids::{PersonId, RunId, TargetId, TeamId};
use crate::people::{GlobalRole, TeamRole, words};
use crate::window::WindowState;
use jiff::Timestamp;

/// Rows on one page of the list of people.
pub const PEOPLE_ROWS: usize = 100;

/// A person's place in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The team.
    pub team: TeamId,
    /// Its name.
    pub name: String,
    /// The role there.
    pub role: TeamRole,
    /// Stands in for the lead.
    pub deputy: bool,
}

impl Place {
    /// The role as people read it.
    #[must_use]
    pub fn label(&self) -> String {
        role_label(self.role, self.deputy)
    }
}

/// A role in a team as people read it.
#[must_use]
pub fn role_label(role: TeamRole, deputy: bool) -> String {
    if deputy { format!("{}, deputy", role.label()) } else { role.label().to_owned() }
}

/// One person in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Who.
    pub id: PersonId,
    /// As people call them.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// False after deactivation.
    pub active: bool,
    /// Can sign in.
    pub account: bool,
    /// Was invited to sign in, and may still accept.
    pub invited: bool,
    /// A mailbox of several people: told, cannot vote.
    pub shared: bool,
    /// Rights everywhere.
    pub global: Vec<GlobalRole>,
    /// Places in teams.
    pub places: Vec<Place>,
    /// Away at this moment.
    pub away: Option<AwayNow>,
}

/// Which people the list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeopleKind {
    /// Everybody.
    #[default]
    All,
    /// Who can sign in.
    Account,
    /// Who gets mail only.
    Contact,
    /// Mailboxes of several people.
    Shared,
    /// Administrators and auditors.
    Global,
    /// Deactivated people.
    Inactive,
}

words!(PeopleKind {
    PeopleKind::All = "" / "Everybody",
    PeopleKind::Account = "account" / "Can sign in",
    PeopleKind::Contact = "contact" / "Contacts: mail only",
    PeopleKind::Shared = "shared" / "Shared mailboxes",
    PeopleKind::Global = "global" / "Administrators and auditors",
    PeopleKind::Inactive = "inactive" / "Deactivated",
});

/// What the list is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeopleFilter {
    /// Part of a name or address.
    pub text: String,
    /// Members of this team, and stakeholders of its databases.
    pub team: Option<TeamId>,
    /// Which of them.
    pub kind: PeopleKind,
}

impl PeopleFilter {
    /// Nothing is narrowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The list of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeoplePage {
    /// One page of them, by name.
    pub rows: Vec<PersonRow>,
    /// The page after this one begins behind this person.
    pub next: Option<PersonId>,
    /// What was searched for.
    pub filter: PeopleFilter,
    /// Teams to narrow the list to: id and name.
    pub teams: Vec<(TeamId, String)>,
    /// The reader may add and edit people.
    pub may_manage: bool,
}

/// An invitation that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// When it was made.
    pub made: Timestamp,
    /// It works until then.
    pub until: Timestamp,
    /// It can still be accepted.
    pub alive: bool,
    /// Why it cannot, if somebody ended it.
    pub ended_reason: Option<String>,
    /// The administrator saw the link instead of having it mailed.
    pub shown: bool,
    /// Where its mail is, as stored in the outbox; `None` where there is none.
    pub mail: Option<String>,
}

/// One person's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPage {
    /// The person.
    pub person: PersonRow,
    /// Zone in which they read times.
    pub zone: String,
    /// When first recorded.
    pub since: Timestamp,
    /// Before it no vote of theirs counts, after a change of address, role, password or second factor.
    pub may_vote_from: Option<Timestamp>,
    /// Databases they are stakeholder of: id and short name.
    pub stakeholder_of: Vec<(TargetId, String)>,
    /// Sessions that are open now.
    pub sessions: i64,
    /// Since when their sign-in asks for a second factor; only for themselves and for readers who manage people.
    pub factor_since: Option<Timestamp>,
    /// The newest invitation of a person who cannot sign in yet; only for readers who manage people.
    pub invitation: Option<Invitation>,
    /// The reader may edit this person.
    pub may_manage: bool,
    /// The reader may say that this person is away.
    pub may_say_absence: bool,
    /// The reader is this person.
    pub own: bool,
}

/// One team in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRow {
    /// Which.
    pub id: TeamId,
    /// Handle.
    pub short_name: String,
    /// As people call it.
    pub name: String,
    /// Leads and deputies, by name.
    pub leads: Vec<String>,
    /// Members.
    pub members: i64,
    /// Databases it owns.
    pub databases: i64,
}

/// A member on a team's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// Who.
    pub person: PersonId,
    /// As people call them.
    pub name: String,
    /// Where mail goes.
    pub email: String,
    /// The role here.
    pub role: TeamRole,
    /// Stands in for the lead.
    pub deputy: bool,
    /// Can sign in.
    pub account: bool,
    /// False after deactivation.
    pub active: bool,
    /// Away at this moment.
    pub away: Option<AwayNow>,
}

/// One team's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamPage {
    /// Which.
    pub id: TeamId,
    /// Handle.
    pub short_name: String,
    /// As people call it.
    pub name: String,
    /// Everybody in it.
    pub members: Vec<MemberRow>,
    /// Databases it owns: id, short name, environment. Empty for readers who may not see them.
    pub databases: Vec<(TargetId, String, String)>,
    /// People who could be added: id and name with address. Empty unless the reader manages people.
    pub candidates: Vec<(PersonId, String)>,
    /// The reader may change names and every role.
    pub may_manage: bool,
    /// The reader may place engineers and stakeholders.
    pub may_place: bool,
    /// The reader may add contacts: stakeholders without account.
    pub may_add_contact: bool,
}

/// A window on the first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowLine {
    /// Number of the window.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Where it is in its life.
    pub state: WindowState,
    /// Short name of its database.
    pub database: String,
    /// Environment words of its databases, each once, production first, with commas between.
    pub environments: String,
    /// When it starts.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// What is asked of the reader, as a sentence; empty in other lists.
    pub asked: String,
    /// Its newest run, where one is under way.
    pub run: Option<RunId>,
    /// The reader sees nothing of its team, and is asked all the same: the page to decide on is theirs, its own is not.
    pub outside: bool,
}

/// Days without maintenance that ended well after which a database with none planned is due: a month, and a weekend more.
pub const DUE_AFTER_DAYS: i64 = 35;
/// Hours after which a validation list that is still open is overdue.
pub const VALIDATION_OVERDUE_H: i64 = 24;

/// A list of the first page: its first lines, and whether there are more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// Soonest first.
    pub lines: Vec<WindowLine>,
    /// Others had no room.
    pub more: bool,
}

impl Lines {
    /// As many as the page has room for.
    #[must_use]
    pub fn first(mut lines: Vec<WindowLine>, room: usize) -> Self {
        let more = lines.len() > room;
        lines.truncate(room);
        Self { lines, more }
    }
}

/// Something that needs a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// What it is about: a short name or a number.
    pub what: String,
    /// What is wrong, as a sentence.
    pub why: String,
    /// Page where it is put right; empty where there is none.
    pub to: String,
}

/// The first page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomePage {
    /// The moment it was read at.
    pub now: Timestamp,
    /// Running, on hold, validating, rolling back.
    pub happening: Lines,
    /// The reader is asked for something.
    pub waiting: Lines,
    /// Proposed and approved ones that start within seven days.
    pub soon: Lines,
    /// What needs a look.
    pub attention: Vec<Attention>,
    /// Databases the reader sees; none at all leads to the first one.
    pub databases: i64,
    /// Teams there are; none at all leads to the first one.
    pub teams: i64,
    /// The reader may register databases and propose windows somewhere.
    pub works: bool,
    /// The reader manages people.
    pub manages: bool,
}
