//! The table of doors: what right each asks for, what stands in its path, and what a form sends that somebody with the right gets done.
//!
//! A door that is missing here fails `every_door_is_in_the_table`.

use super::cast::Part;
use super::company::Company;
use crate::browser::PASSWORD;
use domain::permission::Verb;

/// What a door asks of whoever knocks.
#[derive(Debug, Clone, Copy)]
pub enum Right {
    /// Nothing.
    None,
    /// An account.
    Account,
    /// This right, which belongs to no team.
    Held(Verb),
    /// This right in the team that the path's thing belongs to; people who see nothing of that team's are told that there is no such thing.
    Team(Verb),
    /// This right in the team that the path names; teams are seen by everybody.
    OfTeam(Verb),
    /// As [`Right::Team`], asked by a program of the page: who is signed out is told so, and not sent elsewhere.
    Watched(Verb),
    /// This right in the owner team, which a field names: without it the form comes back.
    Field(Verb),
    /// This right in the team of the database that a field names: foreign names are answered like names that nobody has.
    Named(Verb),
    /// This right in any team of one's own.
    Somewhere(Verb),
    /// What islands ask: everybody with an account is answered, and people without this right in the owner team get an empty answer.
    Island(Verb),
    /// An account, and the thing in the path is that person's; for everybody else it does not exist.
    Own,
    /// Nobody, outside of a demo.
    Demo,
}

/// What stands in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    Nothing,
    Person,
    /// A member of a team.
    Member,
    /// When a member of a team is away.
    Absence,
    Team,
    Database,
    /// A retired one, by name.
    Retired(&'static str),
    /// Its present one, by name.
    Window(&'static str),
    /// A window and the position of an item.
    Check(&'static str),
    Run(&'static str),
    /// A database, and somebody who is told of it.
    DatabaseWatcher,
    /// A window, and somebody who is told of it.
    WindowWatcher(&'static str),
    Freeze,
    /// A window, and the team's freeze over it.
    WindowFreeze(&'static str),
    /// A window, and the break-glass by which it was approved.
    WindowGlass(&'static str),
    /// A window and what a stakeholder of its database wrote about it.
    Comment(&'static str),
    Series,
    Fact,
    Notice,
    Webhook,
    /// A webhook and something it was sent.
    Delivery,
    Policy,
    /// An own procedure, by its key.
    Procedure,
    /// A version of it that waits for a second person.
    ProcedureVersion,
    Mail,
    /// A calendar feed.
    Feed,
    /// A message on somebody's page.
    Message,
    /// One of somebody else, who is long gone.
    Session,
    Secret,
}

/// Names and values of a form.
pub type Fields = Vec<(&'static str, String)>;

/// A line of the table.
pub struct Line {
    pub door: &'static str,
    pub right: Right,
    pub thing: Thing,
    /// What is typed.
    pub typed: fn(&Company, &Part) -> Fields,
    /// The first who holds the right changes something with it.
    pub changes: bool,
    /// It may change things that are over: a retired database, a person who left.
    pub changes_finished: bool,
    /// Puts back what a holder did, so that the next one finds the thing where it was.
    pub back: Option<&'static str>,
}

impl Line {
    const fn read(door: &'static str, right: Right, thing: Thing) -> Self {
        Self { door, right, thing, typed: |_, _| vec![], changes: false, changes_finished: false, back: None }
    }
    const fn act(door: &'static str, right: Right, thing: Thing, typed: fn(&Company, &Part) -> Fields) -> Self {
        Self { door, right, thing, typed, changes: true, changes_finished: false, back: None }
    }
    /// Even who holds the right changes nothing with what is typed here.
    const fn idle(mut self) -> Self {
        self.changes = false;
        self
    }
    const fn even_finished(mut self) -> Self {
        self.changes_finished = true;
        self
    }
    const fn put_back(mut self, sql: &'static str) -> Self {
        self.back = Some(sql);
        self
    }
    /// `POST` or `GET`, and the path.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.door.split_once(' ').expect("a method and a path")
    }
    pub fn is_form(&self) -> bool {
        self.door.starts_with("POST ")
    }
}

/// A day so many days from now.
fn day(company: &Company, days: i64) -> String {
    (company.house.engine.clock().now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string()
}

/// An absence of two days, that far ahead.
fn away(company: &Company, days: i64, delegate: &str) -> Fields {
    vec![("first_day", day(company, days)), ("last_day", day(company, days + 1)), ("delegate", delegate.to_owned())]
}

macro_rules! typed {
    ($company:ident, $part:ident; $($name:literal: $value:expr),* $(,)?) => {
        |$company, $part| { let _ = ($company, $part); vec![$(($name, $value.to_string())),*] }
    };
}

use Right::{Account, Demo, Field, Held, Island, Named, OfTeam, Own, Somewhere, Team, Watched};
use Thing::{Check, Nothing, Retired, Run, Window, WindowFreeze, WindowWatcher};
use Verb::{
    AcceptRed, AddContact, AddWatcher, AskBreakGlass, CancelWindow, CloseWindow, ConfirmBreakGlass, DeleteTarget, ExamineTarget,
    ExportTrail, Freeze, HoldRun, ManageMembers, ManageOutbox, ManagePeople, ManagePolicies, ManageProcedures, ManageTarget,
    ManageWebhooks, PauseAll, ProposeWindow, RecordBackup, ResolveHold, ResumeAll, ReviewBreakGlass, SayAbsence, SeePeople, SeeTeam,
    SeeTrail, StartRun, StopRun, TickItem, TransferTarget, Vote,
};

/// Doors for everybody, and those of one's own account.
pub const OPEN: &[Line] = &[
    Line::read("GET /healthz", Right::None, Nothing),
    Line::read("GET /readyz", Right::None, Nothing),
    // Without a token in the settings there are no figures.
    Line::read("GET /metrics", Right::None, Thing::Secret),
    Line::read("GET /a/{secret}", Right::None, Thing::Secret),
    Line::act("POST /a/{secret}", Right::None, Thing::Secret, typed!(c, p; "decision": "approve", "short_name": "prod-orders")).idle(),
    Line::act("POST /a/{secret}/not-me", Right::None, Thing::Secret, typed!(c, p; "short_name": "prod-orders")).idle(),
    Line::act("POST /a/{secret}/delegate", Right::None, Thing::Secret, typed!(c, p; "delegate": "nobody@example.org")).idle(),
    Line::act("POST /a/{secret}/code", Right::None, Thing::Secret, typed!(c, p;)).idle(),
    Line::act("POST /a/{secret}/fresh", Right::None, Thing::Secret, typed!(c, p;)).idle(),
    Line::read("GET /invite/{secret}", Right::None, Thing::Secret),
    Line::act("POST /invite/{secret}", Right::None, Thing::Secret, typed!(c, p; "name": "Eve", "zone": "Etc/UTC", "password": PASSWORD, "password_again": PASSWORD))
        .idle(),
    Line::read("GET /reset/{secret}", Right::None, Thing::Secret),
    Line::act("POST /reset/{secret}", Right::None, Thing::Secret, typed!(c, p; "password": PASSWORD, "password_again": PASSWORD)).idle(),
    Line::read("GET /address/{secret}", Right::None, Thing::Secret),
    Line::act("POST /address/{secret}", Right::None, Thing::Secret, typed!(c, p;)).idle(),
    Line::read("GET /cal/{secret}", Right::None, Thing::Secret),
    Line::read("GET /login", Right::None, Nothing),
    Line::read("GET /login/factor", Right::None, Nothing),
    Line::act("POST /login/factor", Right::None, Nothing, typed!(c, p; "code": "123456")).idle(),
    Line::read("GET /forgot", Right::None, Nothing),
    Line::act("POST /forgot", Right::None, Nothing, typed!(c, p; "email": "nobody@example.org")).idle(),
    Line::read("GET /setup", Right::None, Nothing),
    Line::act(
        "POST /setup",
        Right::None,
        Nothing,
        typed!(c, p; "installation": "Mine", "zone": "Etc/UTC", "name": "Eve", "email": "eve@example.org", "password": PASSWORD, "password_again": PASSWORD),
    )
    .idle(),
    Line::act("POST /login", Right::None, Nothing, typed!(c, p; "email": "doris@example.org", "password": PASSWORD)).idle(),
    Line::read("GET /", Account, Nothing),
    Line::read("GET /mailbox", Demo, Nothing),
    Line::read("GET /mailbox/{id}", Demo, Thing::Mail),
    Line::read("GET /mailbox/{id}/html", Demo, Thing::Mail),
    Line::read("GET /mailbox.json", Demo, Nothing),
    Line::read("GET /messages", Account, Nothing),
    // That something was read is a mark which no digest counts.
    Line::act("POST /messages/read", Account, Nothing, typed!(c, p; "up_to": c.message.0)).idle(),
    Line::read("GET /messages/{id}", Own, Thing::Message),
    Line::read("GET /me", Account, Nothing),
    Line::act("POST /me", Account, Nothing, |_, part| {
        let name = part.actor.as_ref().map_or("Nobody", |actor| &actor.name).to_owned();
        vec![("name", name), ("zone", "Asia/Tokyo".into()), ("theme", "dark".into())]
    }),
    Line::act("POST /me/password", Account, Nothing, typed!(c, p; "old_password": "not it", "password": PASSWORD, "password_again": PASSWORD)).idle(),
    Line::act("POST /me/address", Account, Nothing, typed!(c, p; "email": "new@example.org", "password": "not it")).idle(),
    Line::act("POST /me/notices", Account, Nothing, typed!(c, p;)),
    Line::read("GET /me/absence", Account, Nothing),
    Line::act("POST /me/absence", Account, Nothing, |c, _| away(c, 20, "")),
    Line::read("GET /me/sessions", Account, Nothing),
    Line::act("POST /me/sessions/end", Account, Nothing, typed!(c, p; "which": "others")),
    Line::act("POST /me/sessions/{id}/end", Account, Thing::Session, typed!(c, p;)).idle(),
    Line::read("GET /me/calendar", Account, Nothing),
    Line::act("POST /me/calendar", Account, Nothing, typed!(c, p; "about": "person")),
    Line::act("POST /me/calendar/{id}/revoke", Own, Thing::Feed, typed!(c, p;)),
    Line::read("GET /me/factor", Account, Nothing),
    Line::act("POST /me/factor", Account, Nothing, typed!(c, p;)).idle(),
    Line::act("POST /me/factor/confirm", Account, Nothing, typed!(c, p; "code": "123456")).idle(),
    Line::act("POST /me/factor/remove", Account, Nothing, typed!(c, p; "password": PASSWORD, "code": "123456")).idle(),
    Line::read("GET /me/confirm", Account, Nothing),
    Line::act("POST /me/confirm", Account, Nothing, typed!(c, p; "password": "not it")).idle(),
    // Last: it ends the sessions of all who try.
    Line::act("POST /logout", Right::None, Nothing, typed!(c, p;)).idle(),
];

/// An own procedure that is nothing special.
pub const OWN_PROCEDURE: &str =
    "key = 'own_nightly'\nname = 'nightly for all'\nabout = 'Every night.'\ndbms = 'postgresql'\nsteps = ['freeze', 'vacuum', 'analyze']\n";

/// A policy for everything but development that asks one stakeholder.
fn policy(more: &[(&'static str, &str)]) -> Fields {
    let fields = [
        ("rule1_who", "stakeholder"),
        ("rule1_how", "number"),
        ("rule1_count", "1"),
        ("rule1_known", "link"),
        ("deny_threshold", "1"),
        ("decide_before_start_min", "30"),
        ("remind_every_min", "0"),
        ("deadline", "expire"),
        ("environments", "test"),
        ("environments", "staging"),
        ("environments", "production"),
    ];
    fields.iter().chain(more).map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// People, teams, policies, messages, the trail.
pub const PEOPLE: &[Line] = &[
    Line::read("GET /admin/outbox", Held(ManageOutbox), Nothing),
    Line::act("POST /admin/outbox/{id}/resend", Held(ManageOutbox), Thing::Notice, typed!(c, p;)),
    Line::act("POST /admin/outbox/test", Held(ManageOutbox), Nothing, typed!(c, p;)),
    Line::act("POST /admin/outbox/resend", Held(ManageOutbox), Nothing, typed!(c, p;)),
    Line::read("GET /admin/webhooks", Held(ManageWebhooks), Nothing),
    Line::read("GET /admin/webhooks/new", Held(ManageWebhooks), Nothing),
    Line::act(
        "POST /admin/webhooks/new",
        Held(ManageWebhooks),
        Nothing,
        typed!(c, p; "name": "Chat", "format": "cloudevents", "url": "https://hooks.example.org/a"),
    ),
    Line::read("GET /admin/webhooks/{id}", Held(ManageWebhooks), Thing::Webhook),
    Line::read("GET /admin/webhooks/{id}/edit", Held(ManageWebhooks), Thing::Webhook),
    Line::act("POST /admin/webhooks/{id}/edit", Held(ManageWebhooks), Thing::Webhook, typed!(c, p; "revision": 1, "name": "Chat of all")),
    Line::act("POST /admin/webhooks/{id}/test", Held(ManageWebhooks), Thing::Webhook, typed!(c, p;)),
    Line::act("POST /admin/webhooks/{id}/deliveries/{delivery}/resend", Held(ManageWebhooks), Thing::Delivery, typed!(c, p;)),
    Line::act("POST /admin/webhooks/{id}/rotate", Held(ManageWebhooks), Thing::Webhook, typed!(c, p;)),
    Line::act("POST /admin/webhooks/{id}/pause", Held(ManageWebhooks), Thing::Webhook, typed!(c, p; "reason": "moving house")),
    Line::act("POST /admin/webhooks/{id}/resume", Held(ManageWebhooks), Thing::Webhook, typed!(c, p;)),
    // Last: it is gone afterwards.
    Line::act("POST /admin/webhooks/{id}/delete", Held(ManageWebhooks), Thing::Webhook, typed!(c, p; "confirm": "Chat of all")),
    Line::read("GET /procedures", Account, Nothing),
    Line::read("GET /procedures/new", Held(ManageProcedures), Nothing),
    Line::act("POST /procedures/new", Held(ManageProcedures), Nothing, typed!(c, p; "text": OWN_PROCEDURE.replace("nightly", "weekly"))),
    Line::read("GET /procedures/{key}", Account, Thing::Procedure),
    Line::read("GET /procedures/{key}/file", Account, Thing::Procedure),
    Line::act("POST /procedures/versions/{id}/agree", Held(ManageProcedures), Thing::ProcedureVersion, |c, _| {
        vec![("digest", c.version_digest.clone())]
    }),
    // After it counts: it is over afterwards.
    Line::act("POST /procedures/versions/{id}/end", Held(ManageProcedures), Thing::ProcedureVersion, typed!(c, p; "shown": "counts")),
    Line::read("GET /policies", Account, Nothing),
    Line::read("GET /policies/new", Held(ManagePolicies), Nothing),
    Line::act("POST /policies/new", Held(ManagePolicies), Nothing, |_, _| policy(&[("name", "Careful"), ("precedence", "10")])),
    Line::read("GET /policies/who", Account, Nothing),
    Line::read("GET /policies/{id}", Held(ManagePolicies), Thing::Policy),
    Line::act("POST /policies/{id}", Held(ManagePolicies), Thing::Policy, |_, _| policy(&[("version", "1"), ("precedence", "0")])),
    // After the change: an example would keep it from asking fewer people.
    Line::act("POST /policies/examples", Held(ManagePolicies), Nothing, typed!(c, p; "name": "Weekly", "database": "prod-orders")),
    Line::act("POST /policies/examples/{id}/forget", Held(ManagePolicies), Thing::Session, typed!(c, p;)).idle(),
    Line::act("POST /policies/changes/{id}/agree", Account, Thing::Session, typed!(c, p; "digest": "00")).idle(),
    Line::act("POST /policies/changes/{id}/withdraw", Held(ManagePolicies), Thing::Session, typed!(c, p;)).idle(),
    Line::read("GET /people", Held(SeePeople), Nothing),
    Line::read("GET /people/new", Held(ManagePeople), Nothing),
    Line::act(
        "POST /people/new",
        Held(ManagePeople),
        Nothing,
        typed!(c, p; "name": "Nina", "email": "nina@example.org", "zone": "Etc/UTC"),
    ),
    Line::read("GET /people/{id}", Held(SeePeople), Thing::Person),
    Line::read("GET /people/{id}/edit", Held(ManagePeople), Thing::Person),
    Line::act(
        "POST /people/{id}/edit",
        Held(ManagePeople),
        Thing::Person,
        typed!(c, p; "name": "Paula P.", "email": "paula.p@example.org", "zone": "Etc/UTC"),
    )
    .even_finished(),
    Line::read("GET /people/{id}/absence", OfTeam(SayAbsence), Thing::Member),
    Line::act("POST /people/{id}/absence", OfTeam(SayAbsence), Thing::Member, |c, _| away(c, 10, "egon@example.org")),
    Line::act("POST /absences/{id}/move", OfTeam(SayAbsence), Thing::Absence, |c, _| vec![("last_day", day(c, 4))]),
    Line::act("POST /absences/{id}/end", OfTeam(SayAbsence), Thing::Absence, typed!(c, p;)),
    Line::read("GET /people/{id}/deactivate", Held(ManagePeople), Thing::Person),
    Line::act("POST /people/{id}/deactivate", Held(ManagePeople), Thing::Person, typed!(c, p; "reason": "left the company"))
        .even_finished(),
    Line::act("POST /people/{id}/reactivate", Held(ManagePeople), Thing::Person, typed!(c, p;)).even_finished(),
    Line::act("POST /people/{id}/factor/remove", Held(ManagePeople), Thing::Person, typed!(c, p; "reason": "lost the phone")).idle(),
    Line::act("POST /people/{id}/invite", Held(ManagePeople), Thing::Person, typed!(c, p; "way": "show")).even_finished(),
    Line::act("POST /people/{id}/invite/withdraw", Held(ManagePeople), Thing::Person, typed!(c, p;)).idle(),
    Line::read("GET /teams", Held(SeePeople), Nothing),
    Line::read("GET /teams/new", Held(ManagePeople), Nothing),
    Line::act("POST /teams/new", Held(ManagePeople), Nothing, typed!(c, p; "name": "Press", "short_name": "press")),
    Line::read("GET /teams/{id}", Held(SeePeople), Thing::Team),
    Line::read("GET /teams/{id}/edit", Held(ManagePeople), Thing::Team),
    Line::act("POST /teams/{id}/edit", Held(ManagePeople), Thing::Team, typed!(c, p; "name": "All orders", "short_name": "orders")),
    Line::act("POST /teams/{id}/members", OfTeam(ManageMembers), Thing::Team, |c, _| {
        vec![("person", c.cast.changed.actor.person.to_string()), ("role", "stakeholder".into())]
    }),
    Line::act(
        "POST /teams/{id}/contacts",
        Team(AddContact),
        Thing::Team,
        typed!(c, p; "name": "Kurt", "email": "kurt@example.org", "zone": "Etc/UTC"),
    ),
    Line::read("GET /audit", Held(SeeTrail), Nothing),
    Line::read("GET /audit/{id}", Held(SeeTrail), Thing::Fact),
    Line::act("POST /audit/verify", Held(SeeTrail), Nothing, typed!(c, p;)),
    Line::act("POST /audit/export", Held(ExportTrail), Nothing, typed!(c, p; "format": "csv")),
];

fn registration(name: &str) -> Fields {
    [
        ("name", name),
        ("short_name", name),
        ("host", "127.0.0.1"),
        ("port", "5432"),
        ("database", name),
        ("username", "maintainer"),
        ("tls", "none"),
        ("environment", "staging"),
        ("zone", "Etc/UTC"),
        ("on_call", "Lena, +49 30 2"),
        ("stakeholders", "Sten <sten@example.org>"),
    ]
    .map(|(field, value)| (field, value.to_owned()))
    .to_vec()
}

/// Databases: the owner team's spare one.
pub const DATABASES: &[Line] = &[
    Line::read("GET /databases", Account, Nothing),
    Line::read("GET /databases/new", Somewhere(ManageTarget), Nothing),
    Line::act("POST /databases/new", Field(ManageTarget), Nothing, |c, _| {
        let mut fields = registration("fresh");
        fields.extend([("team", c.house.team.to_string()), ("password", PASSWORD.to_owned())]);
        fields
    }),
    Line::read("GET /databases/{id}", Team(SeeTeam), Thing::Database),
    // Before what is changed asks for the same test.
    Line::act("POST /databases/{id}/test", Team(ExamineTarget), Thing::Database, typed!(c, p;)),
    Line::read("GET /databases/{id}/edit", Team(ManageTarget), Thing::Database),
    Line::act("POST /databases/{id}/edit", Team(ManageTarget), Thing::Database, |_, _| {
        let mut fields = registration("spare");
        fields.push(("revision", "1".into()));
        fields
    }),
    Line::read("GET /databases/{id}/password", Team(ManageTarget), Thing::Database),
    Line::act("POST /databases/{id}/password", Team(ManageTarget), Thing::Database, typed!(c, p; "password": PASSWORD)),
    Line::read("GET /databases/{id}/stakeholders", Team(ManageTarget), Thing::Database),
    Line::act(
        "POST /databases/{id}/stakeholders",
        Team(ManageTarget),
        Thing::Database,
        typed!(c, p; "stakeholders": "Sten <sten@example.org>\nNora <nora@example.org>"),
    ),
    Line::act("POST /databases/{id}/hours", Team(ManageTarget), Thing::Database, typed!(c, p; "hours": "Mon-Fri 22:00-06:00")),
    Line::act("POST /databases/{id}/links", Team(ManageTarget), Thing::Database, typed!(c, p; "other": "prod-orders", "kind": "machine")),
    Line::act("POST /databases/{id}/links/remove", Team(ManageTarget), Thing::Database, |c, _| vec![("other", c.house.target.to_string())]),
    Line::act("POST /databases/{id}/tags", Held(ManagePolicies), Thing::Database, typed!(c, p; "tags": "payments")),
    Line::read("GET /databases/{id}/backups", Team(RecordBackup), Thing::Database),
    Line::act("POST /databases/{id}/backups", Team(RecordBackup), Thing::Database, |c, _| {
        let hour_ago = c.house.engine.clock().now() - jiff::SignedDuration::from_hours(1);
        vec![("taken_at", hour_ago.to_string()), ("location", "s3".into()), ("verified_how", "restored".into())]
    }),
    Line::act("POST /databases/{id}/backups/prove", Team(RecordBackup), Thing::Database, typed!(c, p;)).idle(),
    Line::read("GET /databases/{id}/queries", Team(ManageTarget), Thing::Database),
    Line::act(
        "POST /databases/{id}/queries",
        Team(ManageTarget),
        Thing::Database,
        typed!(c, p; "name": "Newest", "sql": "SELECT 1", "limit_ms": 100),
    ),
    Line::act("POST /databases/{id}/queries/retire", Team(ManageTarget), Thing::Database, |_, _| vec![("query", super::QUERY.to_string())]),
    Line::act("POST /databases/{id}/superuser", Team(ManageTarget), Thing::Database, typed!(c, p; "reason": "a copy that holds nothing")),
    Line::act("POST /databases/{id}/watchers", Team(SeeTeam), Thing::Database, typed!(c, p;)).even_finished(),
    Line::act("POST /databases/{id}/watchers/add", Team(AddWatcher), Thing::Database, typed!(c, p; "email": "paula@example.org"))
        .even_finished(),
    Line::act("POST /databases/{id}/watchers/{person}/remove", Team(AddWatcher), Thing::DatabaseWatcher, typed!(c, p;)).even_finished(),
    // Last: nothing can be done with it afterwards.
    Line::act("POST /databases/{id}/retire", Team(ManageTarget), Thing::Database, typed!(c, p; "confirm": "spare")),
];

/// Databases later in their life: the spare one, and two that are retired.
pub const LATER: &[Line] = &[
    Line::act("POST /databases/{id}/rotate", Team(ManageTarget), Thing::Database, typed!(c, p;)),
    Line::read("GET /databases/{id}/transfer", Team(TransferTarget), Thing::Database),
    Line::act("POST /databases/{id}/transfer", Team(TransferTarget), Thing::Database, |c, _| {
        vec![("team", c.other.to_string()), ("reason", "the team is dissolved".into()), ("confirm", "spare".into())]
    })
    .put_back("UPDATE drydock.target SET team_id = (SELECT id FROM drydock.team WHERE short_name = 'orders') WHERE short_name = 'spare'"),
    Line::act("POST /databases/{id}/reinstate", Team(ManageTarget), Retired("gone"), typed!(c, p; "password": PASSWORD)),
    Line::act("POST /databases/{id}/delete", Team(DeleteTarget), Retired("lost"), typed!(c, p; "confirm": "lost")),
];

fn proposal(company: &Company, database: &str) -> Fields {
    let form = domain::proposal::ProposalForm { target: database.to_owned(), ..company.house.form(9) };
    let plain =
        ["target", "procedure", "reason", "date", "time", "duration_min", "cut_off_min", "latest_start_min", "most_objects", "most_mib"];
    let known = plain.into_iter().chain(domain::procedure::Parameters::SPECS.iter().map(|spec| spec.name));
    let values: std::collections::BTreeMap<String, String> = form.fields().into_iter().collect();
    let mut fields: Fields = known.filter_map(|name| values.get(name).map(|value| (name, value.clone()))).collect();
    fields.push(("revision", "1".into()));
    fields
}

/// Windows until they run: the one that waits for votes, and one that is due.
pub const WINDOWS: &[Line] = &[
    Line::read("GET /windows", Account, Nothing),
    Line::read("GET /calendar", Account, Nothing),
    Line::read("GET /timeline", Account, Nothing),
    Line::read("GET /windows/new", Somewhere(ProposeWindow), Nothing),
    Line::act("POST /windows/new/preview", Named(ProposeWindow), Nothing, |c, _| proposal(c, "spare")),
    Line::act("POST /windows/new", Named(ProposeWindow), Nothing, |c, _| proposal(c, "spare")),
    Line::act("POST /api/check_times", Island(ProposeWindow), Nothing, |c, _| {
        let form = c.house.form(9);
        vec![
            ("database", form.target),
            ("date", form.date),
            ("time", "02:00".into()),
            ("fold", String::new()),
            ("duration_min", "60".into()),
        ]
    })
    .idle(),
    Line::read("GET /windows/{number}", Team(SeeTeam), Window("proposed")),
    Line::read("GET /windows/{number}/edit", Team(ProposeWindow), Window("proposed")),
    Line::read("GET /windows/{number}/decide", Team(SeeTeam), Window("proposed")),
    Line::read("GET /windows/{number}/checklist", Team(SeeTeam), Window("proposed")),
    Line::read("GET /windows/{number}/evidence", Team(SeeTeam), Window("proposed")),
    Line::read("GET /windows/{number}/evidence.json", Team(SeeTeam), Window("proposed")),
    Line::act("POST /windows/{number}/edit/preview", Team(ProposeWindow), Window("proposed"), |c, _| proposal(c, "prod-orders")),
    Line::act("POST /windows/{number}/vote", Team(Vote), Window("proposed"), |c, _| {
        vec![("decision", "approve".into()), ("digest", c.digest.clone()), ("short_name", "prod-orders".into())]
    }),
    Line::act("POST /windows/{number}/comments", Team(Verb::Comment), Window("proposed"), typed!(c, p; "text": "why so late?"))
        .even_finished(),
    Line::act("POST /windows/{number}/comments/{comment}/retract", Team(Verb::Comment), Thing::Comment("proposed"), typed!(c, p;))
        .even_finished(),
    Line::act("POST /windows/{number}/watchers", Team(SeeTeam), Window("proposed"), typed!(c, p;)).even_finished(),
    Line::act("POST /windows/{number}/watchers/add", Team(AddWatcher), Window("proposed"), typed!(c, p; "email": "paula@example.org"))
        .even_finished(),
    Line::act("POST /windows/{number}/watchers/{person}/remove", Team(AddWatcher), WindowWatcher("proposed"), typed!(c, p;))
        .even_finished(),
    Line::read("GET /windows/{number}/move", Team(ProposeWindow), Window("movable")),
    Line::act("POST /windows/{number}/move", Team(ProposeWindow), Window("movable"), |c, _| {
        vec![("revision", "1".into()), ("date", c.house.form(8).date), ("time", c.house.form(8).time)]
    }),
    Line::read("GET /windows/cancel", Somewhere(CancelWindow), Nothing),
    Line::act("POST /windows/cancel", Somewhere(CancelWindow), Nothing, |c, part| {
        // Each holder calls off what is theirs: the lead of another team that team's.
        let name = if part.who == "a lead of another team" { "foreign" } else { "unwanted" };
        vec![("window", format!("{}:1", c.windows[name])), ("reason", "no maintenance tonight".into()), ("confirm", "1".into())]
    }),
    // Whoever sees it may take back a vote of their own, and the first who sees it gave none.
    Line::act("POST /windows/{number}/take-back", Team(SeeTeam), Window("proposed"), typed!(c, p;)).idle(),
    Line::act("POST /windows/{number}/edit", Team(ProposeWindow), Window("proposed"), |c, _| proposal(c, "prod-orders")),
    Line::act(
        "POST /windows/{number}/cancel",
        Team(CancelWindow),
        Window("proposed"),
        typed!(c, p; "short_name": "prod-orders", "reason": "not this week"),
    ),
    Line::act("POST /windows/{number}/start", Team(StartRun), Window("due"), typed!(c, p; "short_name": "due")),
];

/// Break-glass: asked for on one window, confirmed on a second, reviewed on a third.
pub const GLASS: &[Line] = &[
    Line::act("POST /windows/{number}/glass", Team(AskBreakGlass), Window("urgent"), |c, _| {
        vec![
            ("digest", c.digests["urgent"].clone()),
            ("short_name", "spare".into()),
            ("reason", "orders cannot be placed since one o'clock".into()),
        ]
    }),
    Line::act("POST /windows/{number}/glass/confirm", Team(ConfirmBreakGlass), Window("asked"), |c, _| {
        vec![("digest", c.digests["asked"].clone()), ("short_name", "asked".into())]
    }),
    Line::act(
        "POST /windows/{number}/glass/{glass}/review",
        Team(ReviewBreakGlass),
        Thing::WindowGlass("broken"),
        typed!(c, p; "verdict": "justified", "outcome": "the shop was down"),
    ),
];

/// Windows that run, and what follows.
pub const RUNS: &[Line] = &[
    Line::read("GET /runs/{id}", Team(SeeTeam), Run("leased")),
    Line::read("GET /runs/{id}/events", Watched(SeeTeam), Run("leased")),
    Line::act("POST /runs/{id}/hold", Team(HoldRun), Run("leased"), typed!(c, p; "short_name": "leased", "reason": "somebody has to look")),
    Line::act("POST /runs/{id}/stop", Team(StopRun), Run("leased"), typed!(c, p; "short_name": "leased", "reason": "the shop is slow")),
    Line::act(
        "POST /windows/{number}/hold",
        Team(HoldRun),
        Window("busy"),
        typed!(c, p; "short_name": "busy", "reason": "somebody has to look"),
    ),
    Line::act(
        "POST /windows/{number}/stop",
        Team(StopRun),
        Window("busy"),
        typed!(c, p; "short_name": "busy", "reason": "the shop is slow"),
    ),
    Line::act("POST /runs/{id}/resolve", Team(ResolveHold), Run("held"), typed!(c, p; "verb": "fail", "reason": "not tonight")),
    Line::act("POST /windows/{number}/issues", Team(CloseWindow), Window("failed"), typed!(c, p; "issues_met": "The replica fell behind.")),
    Line::act("POST /windows/{number}/probe", Team(TickItem), Window("validating"), typed!(c, p;)),
    Line::act(
        "POST /windows/{number}/checks/{ordinal}",
        Team(TickItem),
        Check("validating"),
        typed!(c, p; "state": "failed", "note": "errors in the log"),
    ),
    Line::act(
        "POST /windows/{number}/checks/{ordinal}/accept",
        Team(AcceptRed),
        Check("validating"),
        typed!(c, p; "note": "known, harmless"),
    ),
    Line::act(
        "POST /windows/{number}/close",
        Team(CloseWindow),
        Window("validating"),
        typed!(c, p; "issues_met": "One item was accepted red."),
    ),
];

/// What somebody typed for a series on a database, who saw its dates.
fn series(database: &str, company: &Company) -> Fields {
    let typed = super::company::daily(&company.house, database);
    let seen = typed.parse(&domain::procedure::Shelf::default(), &engine::change::read_typed).expect("good").seen("Europe/Berlin");
    let mut fields = proposal(company, database);
    fields.retain(|(name, _)| *name != "date");
    fields.extend([("date", typed.proposal.date), ("repeat", typed.repeat), ("every", typed.every), ("ends", typed.ends)]);
    fields.extend([("lead_days", typed.lead_days), ("seen", seen)]);
    fields
}

/// Series: the owner team's, with three days that can be changed.
pub const SERIES: &[Line] = &[
    Line::read("GET /series", Account, Nothing),
    Line::read("GET /series/new", Somewhere(ProposeWindow), Nothing),
    Line::act("POST /series/new", Named(ProposeWindow), Nothing, |c, _| series("spare", c)),
    Line::read("GET /series/{id}", Team(SeeTeam), Thing::Series),
    Line::read("GET /series/{id}/edit", Team(ProposeWindow), Thing::Series),
    Line::read("GET /series/{id}/approval", Team(SeeTeam), Thing::Series),
    Line::act("POST /series/{id}/approve", Team(Vote), Thing::Series, |c, _| {
        vec![("digest", c.digest.clone()), ("short_name", "prod-orders".into())]
    }),
    // Whoever sees it may take back a vote of their own, and the first who sees it gave none.
    Line::act("POST /series/{id}/take-back", Team(SeeTeam), Thing::Series, typed!(c, p;)).idle(),
    Line::act("POST /series/{id}/ask", Team(ProposeWindow), Thing::Series, typed!(c, p; "dates": "2")),
    Line::act("POST /series/{id}/skip", Team(ProposeWindow), Thing::Series, typed!(c, p; "day": c.house.form(9).date)),
    Line::act(
        "POST /series/{id}/move",
        Team(ProposeWindow),
        Thing::Series,
        typed!(c, p; "day": c.house.form(10).date, "date": c.house.form(10).date, "time": "05:00"),
    ),
    Line::act("POST /series/{id}/restore", Team(ProposeWindow), Thing::Series, typed!(c, p; "day": c.house.form(9).date)),
    Line::act("POST /series/{id}/edit", Team(ProposeWindow), Thing::Series, |c, _| series("prod-orders", c)),
    // Last: nothing can be changed about it afterwards.
    Line::act("POST /series/{id}/end", Team(ProposeWindow), Thing::Series, typed!(c, p; "reason": "the database moves")),
];

/// Stopping everything. In a place of its own: while it lasts, nothing else is as it was.
pub const PAUSE: &[Line] = &[
    Line::read("GET /pause", Account, Nothing),
    Line::act("POST /pause", Held(PauseAll), Nothing, typed!(c, p; "level": "start_nothing", "reason": "the storage is failing")),
];

/// Going on after a pause that none of those who try has begun.
pub const RESUME: &[Line] =
    &[Line::act("POST /pause/resume", Held(ResumeAll), Nothing, typed!(c, p; "reason": "the storage was replaced"))];

/// Freezes, of the owner team and of another one, and a window that is kept.
pub const FREEZES: &[Line] = &[
    Line::read("GET /freezes", Account, Nothing),
    Line::read("GET /freezes/new", Somewhere(Freeze), Nothing),
    Line::act("POST /freezes/new", Held(Freeze), Nothing, |c, _| {
        let (from, to) = (c.house.form(20).date, c.house.form(21).date);
        [("name", "Sale"), ("covers", "everything"), ("from_date", &from), ("to_date", &to), ("zone", "Etc/UTC"), ("reason", "the sale")]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec()
    }),
    Line::read("GET /freezes/import", Somewhere(Freeze), Nothing),
    Line::act(
        "POST /freezes/import",
        Held(Freeze),
        Nothing,
        typed!(c, p; "covers": "everything", "zone": "Etc/UTC",
            "ics": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20991225\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"),
    ),
    // Of somebody else: nobody sees it.
    Line::read("GET /freezes/import/{id}", Account, Thing::Session),
    Line::act("POST /freezes/import/{id}", Account, Thing::Session, typed!(c, p;)).idle(),
    Line::read("GET /freezes/{id}", Team(SeeTeam), Thing::Freeze),
    Line::act("POST /freezes/{id}/end", Team(Freeze), Thing::Freeze, |c, _| {
        vec![("to_date", c.house.form(12).date), ("reason", "it takes longer".into()), ("revision", "1".into())]
    }),
    Line::act("POST /windows/{number}/override/{freeze}", Team(Freeze), WindowFreeze("frozen"), |c, _| {
        vec![("digest", c.digest.clone()), ("short_name", "frozen".into()), ("reason", "it cannot wait".into())]
    }),
    Line::act(
        "POST /windows/{number}/override/{freeze}/withdraw",
        Team(Freeze),
        WindowFreeze("frozen"),
        typed!(c, p; "reason": "it can wait"),
    ),
    Line::act("POST /freezes/{id}/lift", Team(Freeze), Thing::Freeze, typed!(c, p; "reason": "the books are open")),
];

/// All of it.
pub fn all() -> impl Iterator<Item = &'static Line> {
    [OPEN, PEOPLE, DATABASES, LATER, WINDOWS, GLASS, RUNS, PAUSE, RESUME, FREEZES, SERIES].into_iter().flatten()
}
