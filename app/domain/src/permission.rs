//! Who may do what: one table, verb × role × scope. Only this module can make a [`Permit`], and actions take one.

use crate::approval::Assurance;
use crate::decision::Refusal;
use crate::ids::{LinkId, PersonId, TeamId};
use crate::people::{GlobalRole, TeamRole};
use serde::{Deserialize, Serialize};

/// A member's place in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The team.
    pub team: TeamId,
    /// The role there.
    pub role: TeamRole,
    /// Stands in for the lead.
    pub deputy: bool,
}

/// Who acts, with today's rights: loaded with the request, never cached beyond it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub person: PersonId,
    /// Name for pages and refusals.
    pub name: String,
    /// IANA zone times are shown in.
    pub zone: String,
    /// False after deactivation: nothing is permitted.
    pub active: bool,
    /// Rights everywhere.
    pub global: Vec<GlobalRole>,
    /// Rights in teams.
    pub teams: Vec<Member>,
    /// Databases the person is stakeholder of, by owner team: may read and vote there.
    pub stakeholder_of_teams: Vec<TeamId>,
    /// The password was typed lately: control votes, credentials and people may be touched.
    pub elevated: bool,
    /// Signed in with a second factor.
    pub factor: bool,
}

impl Actor {
    /// The actor's place in `team`, if any.
    #[must_use]
    pub fn member(&self, team: TeamId) -> Option<Member> {
        self.teams.iter().copied().find(|member| member.team == team)
    }
    /// True for administrators.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.global.contains(&GlobalRole::Admin)
    }
    /// How a vote of theirs is known.
    #[must_use]
    pub fn known(&self) -> Assurance {
        if self.factor { Assurance::AccountFactor } else { Assurance::Account }
    }
    /// True for auditors.
    #[must_use]
    pub fn is_auditor(&self) -> bool {
        self.global.contains(&GlobalRole::Auditor)
    }
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $say:literal, $holders:expr;)*) => {
        /// Everything that can be asked for. The table below is the whole truth; the documentation is printed from it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb { $($(#[$doc])* $name),* }
        impl Verb {
            /// Every verb.
            pub const ALL: &'static [Verb] = &[$(Verb::$name),*];
            /// The word used in facts and logs.
            #[must_use]
            pub fn word(self) -> &'static str { match self { $(Verb::$name => $word),* } }
            /// As in "to … you need".
            #[must_use]
            pub fn say(self) -> &'static str { match self { $(Verb::$name => $say),* } }
            /// Who holds the right.
            #[must_use]
            pub fn holders(self) -> &'static [Holder] { match self { $(Verb::$name => $holders),* } }
        }
    };
}

/// A kind of person who holds a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Any active person with an account.
    Anyone,
    /// Administrators, everywhere.
    Admin,
    /// Auditors, everywhere.
    Auditor,
    /// Leads and deputies of the owner team.
    Lead,
    /// Engineers of the owner team (leads and deputies hold what engineers hold by being listed beside them).
    Engineer,
    /// Stakeholders of the team or of one of its databases.
    Stakeholder,
    /// Leads and deputies of any team.
    AnyLead,
    /// Whoever the plan of this window or series asks for a decision, whatever team they are in. No list of roles can tell: [`authorize_asked`] is
    /// given the answer.
    Asked,
}

use Holder::{Admin, AnyLead, Anyone, Asked, Auditor, Engineer, Lead, Stakeholder};
const TEAM: &[Holder] = &[Lead, Engineer];
const READERS: &[Holder] = &[Lead, Engineer, Stakeholder, Admin, Auditor];

verbs! {
    /// See the home page, the own profile and lists (each filtered to what may be seen).
    SeeOwn = "own.see", "see your pages", &[Anyone];
    /// See a team's databases, windows and runs.
    SeeTeam = "team.see", "see this team's work", READERS;
    /// See people and teams.
    SeePeople = "people.see", "see people and teams", &[Anyone];
    /// See the trail.
    SeeTrail = "trail.see", "read the audit trail", &[Admin, Auditor];
    /// Export the trail.
    ExportTrail = "trail.export", "export the audit trail", &[Admin, Auditor];
    /// Create and edit teams, people and roles.
    ManagePeople = "people.manage", "manage people and teams", &[Admin];
    /// Add people without account who are told and vote by mail.
    AddContact = "person.add_contact", "add contacts to this team", &[Lead];
    /// Add and remove watchers, who are told and never vote.
    AddWatcher = "watcher.add", "add watchers to this team's windows and databases", TEAM;
    /// Give and take roles in a team; those of leads and deputies are given by administrators alone.
    ManageMembers = "team.manage", "manage this team's members", &[Lead, Admin];
    /// Say that somebody of the team is away, and who votes in their place; everybody says it of themselves.
    SayAbsence = "absence.say", "say that members of this team are away", &[Lead, Admin];
    /// Change policies.
    ManagePolicies = "policy.manage", "change policies", &[Admin];
    /// Propose versions of own procedures, agree to those of others, and end them.
    ManageProcedures = "procedure.manage", "propose, agree to and end own procedures", &[Admin, AnyLead];
    /// Change settings, mail, worker keys.
    ManageSettings = "setting.manage", "change settings", &[Admin];
    /// Register or edit a database.
    ManageTarget = "target.manage", "register or edit databases of this team", TEAM;
    /// Give a database to another team: the owner's lead, or an administrator when a team is dissolved.
    TransferTarget = "target.transfer", "give databases of this team to another one", &[Lead, Admin];
    /// Delete a retired database for ever.
    DeleteTarget = "target.delete", "delete retired databases of this team", &[Lead];
    /// Ask a worker for a connection test or a probe.
    ExamineTarget = "target.examine", "test connections of this team's databases", TEAM;
    /// Record an outside backup.
    RecordBackup = "backup.record", "record backups of this team's databases", TEAM;
    /// Propose or edit a window.
    ProposeWindow = "window.propose", "propose windows on this team's databases", TEAM;
    /// Withdraw or cancel a window.
    CancelWindow = "window.cancel", "withdraw or cancel this team's windows", TEAM;
    /// Vote on a window (the policy says whose vote counts).
    Vote = "window.vote", "vote on this window", &[Lead, Engineer, Stakeholder, Asked];
    /// Take back a vote of one's own, also after the role that gave it is gone.
    TakeBackVote = "vote.withdraw", "take your own vote back", &[Anyone];
    /// Ask that a plan runs without its approvals. It does once somebody else confirmed, who wrote no revision.
    AskBreakGlass = "glass.ask", "ask for a break-glass on this team's windows", &[Lead, Engineer, Admin];
    /// Confirm that.
    ConfirmBreakGlass = "glass.confirm", "confirm a break-glass on this team's windows", &[Lead, Admin];
    /// Say afterwards whether it had to be; nobody who had a part in it.
    ReviewBreakGlass = "glass.review", "review a break-glass of this team", &[Lead, Admin];
    /// Write about a window, and take back what one wrote.
    Comment = "window.comment", "comment on this team's windows", &[Lead, Engineer, Stakeholder, Admin];
    /// Start an approved window inside start … latest start.
    StartRun = "run.start", "start this team's approved windows", TEAM;
    /// Stop a run.
    StopRun = "run.stop", "stop this team's runs", &[Lead, Engineer, Admin];
    /// Let a run wait after its current item.
    HoldRun = "run.hold", "hold this team's runs", &[Lead, Engineer, Admin];
    /// Decide on a held run.
    ResolveHold = "run.resolve", "decide on this team's held runs", &[Lead, Engineer];
    /// Tick items of the validation list.
    TickItem = "check.tick", "tick validation items of this team's windows", &[Lead, Engineer, Stakeholder];
    /// Accept a red item with a reason.
    AcceptRed = "check.accept", "accept a failed validation item", &[Lead];
    /// Sign off: close a window.
    CloseWindow = "window.close", "close this team's windows", &[Lead, Engineer];
    /// Pause all maintenance: quick to reach, because it only keeps things from starting.
    PauseAll = "pause.begin", "pause all maintenance", &[Admin, AnyLead];
    /// Resume it. Whoever paused may too: `pause::may_resume` says so.
    ResumeAll = "pause.end", "resume maintenance that somebody else paused", &[Admin];
    /// Make, move and lift freezes, and let single windows pass them: leads what their team owns, administrators everywhere.
    Freeze = "freeze.manage", "freeze this, or let something pass a freeze of it", &[Lead, Admin];
    /// See and change which programs are told.
    ManageWebhooks = "webhook.manage", "see and change webhooks", &[Admin];
    /// See and resend messages.
    ManageOutbox = "outbox.manage", "see and resend messages", &[Admin];
}

/// Proof that a permission was checked. Only [`authorize`], [`authorize_asked`] and the constructors for machines and links make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    who: Who,
    verb: Option<Verb>,
    team: Option<TeamId>,
}

/// On whose behalf a permit acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A signed-in person.
    Person(PersonId),
    /// The holder of a link made for this person; more is not proven.
    Link(PersonId, LinkId),
    /// A worker process, by name.
    Worker(String),
    /// The product itself: schedule, first run.
    System,
    /// Somebody with a shell on the server.
    Operator(String),
}

impl Permit {
    /// Who acts.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.who
    }
    /// The person behind it, if there is one.
    #[must_use]
    pub fn person(&self) -> Option<PersonId> {
        match self.who {
            Who::Person(person) | Who::Link(person, _) => Some(person),
            _ => None,
        }
    }
    /// The right that was checked; `None` for machines and links, whose rights are their role's grants and the link's digest.
    #[must_use]
    pub fn verb(&self) -> Option<Verb> {
        self.verb
    }
    /// The team it was checked for.
    #[must_use]
    pub fn team(&self) -> Option<TeamId> {
        self.team
    }
    /// A worker acting by the plan; the gate checks the rest.
    #[must_use]
    pub fn worker(name: &str) -> Self {
        Self { who: Who::Worker(name.to_owned()), verb: None, team: None }
    }
    /// The product itself.
    #[must_use]
    pub fn system() -> Self {
        Self { who: Who::System, verb: None, team: None }
    }
    /// Somebody with a shell: `create-admin`.
    #[must_use]
    pub fn operator(name: &str) -> Self {
        Self { who: Who::Operator(name.to_owned()), verb: None, team: None }
    }
    /// Somebody who was refused: carries no right, and says only who tried.
    #[must_use]
    pub fn tried(person: PersonId) -> Self {
        Self { who: Who::Person(person), verb: None, team: None }
    }
    /// The holder of a link about the person's own account whose secret was just proven: may make the account, or set its password.
    #[must_use]
    pub fn account_link(person: PersonId, link: LinkId) -> Self {
        Self { who: Who::Link(person, link), verb: None, team: None }
    }
    /// The holder of a link whose secret was just proven.
    #[must_use]
    pub fn link(person: PersonId, link: LinkId) -> Self {
        Self { who: Who::Link(person, link), verb: Some(Verb::Vote), team: None }
    }
}

/// True when `actor` holds `verb` for `team` (`None`: for something that belongs to no team).
#[must_use]
pub fn holds(actor: &Actor, verb: Verb, team: Option<TeamId>) -> bool {
    actor.active
        && verb.holders().iter().any(|holder| {
            let member = team.and_then(|team| actor.member(team));
            match holder {
                Anyone => true,
                Admin => actor.is_admin(),
                Auditor => actor.is_auditor(),
                Lead => member.is_some_and(|m| m.role == TeamRole::Lead || m.deputy),
                Engineer => member.is_some_and(|m| m.role == TeamRole::Engineer),
                AnyLead => actor.teams.iter().any(|m| m.role == TeamRole::Lead || m.deputy),
                Asked => false,
                Stakeholder => {
                    member.is_some_and(|m| m.role == TeamRole::Stakeholder)
                        || team.is_some_and(|team| actor.stakeholder_of_teams.contains(&team))
                }
            }
        })
}

/// The proof that `actor` may do `verb` for `team`, or a refusal that names the missing right and whom to ask.
pub fn authorize(actor: &Actor, verb: Verb, team: Option<TeamId>) -> Result<Permit, Refusal> {
    if holds(actor, verb, team) {
        return Ok(Permit { who: Who::Person(actor.person), verb: Some(verb), team });
    }
    if !actor.active {
        return Err(Refusal::new("deactivated", "Your account has been deactivated.", "Ask an administrator."));
    }
    let holders = verb.holders().iter().map(|holder| holder.say()).collect::<Vec<_>>().join(", ");
    Err(Refusal::new(
        "not_permitted",
        format!("You may not {}.", verb.say()),
        format!("This right belongs to: {holders}. Ask one of them, or an administrator to give you the role."),
    ))
}

/// The same where `asked` says whether the plan in question asks for this person: who is asked needs no role in the owner team.
pub fn authorize_asked(actor: &Actor, verb: Verb, team: TeamId, asked: bool) -> Result<Permit, Refusal> {
    if asked && actor.active && verb.holders().contains(&Asked) {
        return Ok(Permit { who: Who::Person(actor.person), verb: Some(verb), team: Some(team) });
    }
    authorize(actor, verb, Some(team))
}

impl Holder {
    /// As people read it.
    #[must_use]
    pub fn say(self) -> &'static str {
        match self {
            Anyone => "everybody with an account",
            Admin => "administrators",
            Auditor => "auditors",
            Lead => "leads and deputies of the owner team",
            Engineer => "engineers of the owner team",
            Stakeholder => "stakeholders of the database",
            AnyLead => "leads and deputies of any team",
            Asked => "people whom the policy asks",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn actor(global: &[GlobalRole], role: Option<(TeamRole, bool)>) -> (Actor, TeamId) {
        let team = TeamId(Uuid::from_u128(7));
        let teams = role.map(|(role, deputy)| Member { team, role, deputy }).into_iter().collect();
        let actor = Actor {
            person: PersonId(Uuid::from_u128(1)),
            name: "Ana".into(),
            zone: "Etc/UTC".into(),
            active: true,
            global: global.to_vec(),
            teams,
            stakeholder_of_teams: vec![],
            elevated: false,
            factor: false,
        };
        (actor, team)
    }

    #[test]
    fn auditors_see_everything_and_change_nothing() {
        let (auditor, team) = actor(&[GlobalRole::Auditor], None);
        let held: Vec<_> = Verb::ALL.iter().filter(|verb| holds(&auditor, **verb, Some(team))).map(|verb| verb.word()).collect();
        assert_eq!(held, ["own.see", "team.see", "people.see", "trail.see", "trail.export", "vote.withdraw"], "a vote they once gave");
    }

    #[test]
    fn administrators_neither_propose_nor_vote_nor_start() {
        let (admin, team) = actor(&[GlobalRole::Admin], None);
        for verb in [Verb::ProposeWindow, Verb::Vote, Verb::StartRun, Verb::CloseWindow, Verb::AcceptRed, Verb::ManageTarget] {
            assert!(!holds(&admin, verb, Some(team)), "{}", verb.word());
        }
    }

    #[test]
    fn rights_end_at_the_team_and_with_the_account() {
        let (mut engineer, team) = actor(&[], Some((TeamRole::Engineer, false)));
        assert!(holds(&engineer, Verb::ProposeWindow, Some(team)));
        assert!(!holds(&engineer, Verb::ProposeWindow, Some(TeamId(Uuid::from_u128(8)))));
        assert!(!holds(&engineer, Verb::AcceptRed, Some(team)));
        engineer.active = false;
        assert!(Verb::ALL.iter().all(|verb| !holds(&engineer, *verb, Some(team))));
    }

    #[test]
    fn deputies_hold_what_leads_hold() {
        let (deputy, team) = actor(&[], Some((TeamRole::Engineer, true)));
        assert!(holds(&deputy, Verb::AcceptRed, Some(team)));
    }

    #[test]
    fn whoever_is_asked_votes_without_a_role_and_does_nothing_else() {
        let (mut outsider, team) = actor(&[], None);
        let permit = authorize_asked(&outsider, Verb::Vote, team, true).expect("the plan asks them");
        assert_eq!((permit.person(), permit.verb(), permit.team()), (Some(outsider.person), Some(Verb::Vote), Some(team)));
        assert_eq!(authorize_asked(&outsider, Verb::Vote, team, false).expect_err("nobody asks").code, "not_permitted");
        for verb in Verb::ALL.iter().filter(|verb| **verb != Verb::Vote) {
            assert_eq!(authorize_asked(&outsider, *verb, team, true).is_ok(), holds(&outsider, *verb, Some(team)), "{}", verb.word());
        }
        outsider.active = false;
        assert_eq!(authorize_asked(&outsider, Verb::Vote, team, true).expect_err("left").code, "deactivated");
    }

    #[test]
    fn a_refusal_names_the_right_and_whom_to_ask() {
        let (nobody, team) = actor(&[], None);
        let refusal = authorize(&nobody, Verb::StartRun, Some(team)).expect_err("no role");
        assert_eq!(refusal.code, "not_permitted");
        assert!(refusal.way_out.contains("leads and deputies"), "{}", refusal.way_out);
    }
}
