//! What must come of a try, and what came of it.

use super::cast::Part;
use super::company::Company;
use super::table::{Line, Right, Thing};
use crate::browser::{Answer, ORIGIN, encode};
use domain::ids::{FeedId, PersonId, TeamId};
use domain::permission::{Actor, Verb, holds};
use http::{Method, StatusCode};
use serde_json::Value;

/// What somebody is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The right was there; what the rules say then is another question.
    Through,
    /// Told which right is missing and who holds it.
    Refused,
    /// Told that there is no such thing.
    Hidden,
    /// Sent to the sign-in.
    SignIn,
    /// 401, to a program.
    SignedOut,
    /// None of these, or a refusal that does not say what it must.
    Odd,
}

/// One thing behind a door.
#[derive(Debug, Clone)]
pub struct Object {
    pub what: &'static str,
    pub parameters: Vec<String>,
    /// Whose it is.
    pub team: Option<TeamId>,
    /// Which person's it is, where nobody else has to do with it.
    pub person: Option<PersonId>,
    pub found: bool,
    /// Over: completed, ended, retired.
    pub finished: bool,
}

/// Every kind of thing that a door's path may name: of the owner team, over, of another team, missing.
pub fn objects(company: &Company, thing: Thing) -> Vec<Object> {
    let (team, other) = (Some(company.house.team), Some(company.other));
    let object =
        |what, parameter: String, team| Object { what, parameters: vec![parameter], team, person: None, found: true, finished: false };
    let missing = |parameter: &str, team| Object { found: false, ..object("a missing one", parameter.to_owned(), team) };
    let over = |parameter: String, team| Object { finished: true, ..object("one that is over", parameter, team) };
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let database = |name: &str| company.databases[name].to_string();
    let window = |name: &str| company.windows[name].to_string();
    match thing {
        Thing::Nothing => vec![Object { parameters: vec![], ..object("it", String::new(), None) }],
        Thing::Person => vec![
            object("a person", company.cast.changed.actor.person.to_string(), None),
            over(company.cast.gone.actor.person.to_string(), None),
            missing(nowhere, None),
        ],
        Thing::Member => vec![
            object("a member", company.cast.changed.actor.person.to_string(), team),
            over(company.cast.gone.actor.person.to_string(), team),
            object("a member of another team", company.cast.other_engineer.actor.person.to_string(), other),
            missing(nowhere, Some(TeamId(nowhere.parse().expect("an id")))),
        ],
        Thing::Absence => vec![
            object("a member's", company.absences["orders"].to_string(), team),
            object("one of another team's member", company.absences["billing"].to_string(), other),
            missing(nowhere, Some(TeamId(nowhere.parse().expect("an id")))),
        ],
        Thing::Team => vec![
            object("the team", company.house.team.to_string(), team),
            object("another team", company.other.to_string(), other),
            missing(nowhere, Some(TeamId(nowhere.parse().expect("an id")))),
        ],
        Thing::Database => vec![
            object("the team's", database("spare"), team),
            over(database("gone"), team),
            object("another team's", database("billing"), other),
            missing(nowhere, None),
        ],
        Thing::Retired(name) => {
            vec![object("the team's", database(name), team), object("another team's", database("billing"), other), missing(nowhere, None)]
        }
        Thing::Window(name) => vec![
            object("the team's", window(name), team),
            over(window("completed"), team),
            object("another team's", window("foreign"), other),
            missing("999999", None),
        ],
        Thing::Check(name) => {
            let of = |object: Object| Object { parameters: vec![object.parameters[0].clone(), "4".into()], ..object };
            let mut all: Vec<Object> = objects(company, Thing::Window(name)).into_iter().map(of).collect();
            all.push(Object { parameters: vec![window(name), "99".into()], ..missing("", team) });
            all
        }
        Thing::Run(name) => vec![
            object("the team's", company.runs[name].to_string(), team),
            over(company.runs["completed"].to_string(), team),
            missing(nowhere, None),
        ],
        Thing::Series => vec![
            object("the team's", company.series["daily"].to_string(), team),
            over(company.series["ended"].to_string(), team),
            object("another team's", company.series["foreign"].to_string(), other),
            missing(nowhere, None),
        ],
        Thing::DatabaseWatcher => with_watcher(company, Thing::Database),
        Thing::WindowWatcher(name) => with_watcher(company, Thing::Window(name)),
        Thing::Freeze => vec![
            object("the team's", company.freezes["orders"].to_string(), team),
            over(company.freezes["lifted"].to_string(), team),
            object("another team's", company.freezes["billing"].to_string(), other),
            missing(nowhere, None),
        ],
        Thing::WindowFreeze(name) => {
            let freeze = company.freezes["orders"].to_string();
            let of = |object: Object| Object { parameters: vec![object.parameters[0].clone(), freeze.clone()], ..object };
            objects(company, Thing::Window(name)).into_iter().map(of).collect()
        }
        Thing::WindowGlass(name) => {
            let glass = company.glass.to_string();
            let with =
                |parameter: &str, object: Object| Object { parameters: vec![object.parameters[0].clone(), parameter.to_owned()], ..object };
            let mut all: Vec<Object> = objects(company, Thing::Window(name)).into_iter().map(|object| with(&glass, object)).collect();
            all.push(with(nowhere, Object { finished: true, ..object("no break-glass", window(name), team) }));
            all
        }
        Thing::Comment(name) => {
            let of = |name: &str| company.comments.get(name).cloned();
            let with = |object: Object, comment: Option<String>| {
                let found = object.found && comment.is_some();
                let comment = comment.unwrap_or_else(|| nowhere.to_owned());
                Object { parameters: vec![object.parameters[0].clone(), comment], found, ..object }
            };
            let comments = [of(name), of("completed"), None, None];
            let mut all: Vec<Object> = objects(company, Thing::Window(name)).into_iter().zip(comments).map(|(o, c)| with(o, c)).collect();
            all.push(with(Object { parameters: vec![window(name)], ..missing("", team) }, None));
            all
        }
        Thing::Fact => vec![object("a fact", "1".into(), None), missing("999999", None)],
        Thing::Notice => vec![object("a message", company.notice.clone(), None), missing(nowhere, None)],
        Thing::Webhook => vec![object("a webhook", company.webhook.clone(), None), missing(nowhere, None)],
        Thing::Delivery => [(&company.webhook, &company.delivery, true), (&company.webhook, &nowhere.to_owned(), false)]
            .into_iter()
            .map(|(webhook, delivery, found)| Object {
                parameters: vec![webhook.clone(), delivery.clone()],
                found,
                ..object("a delivery", String::new(), None)
            })
            .collect(),
        Thing::Procedure => vec![object("an own procedure", "own_nightly".into(), None), missing("own_nowhere", None)],
        Thing::ProcedureVersion => vec![object("a version", company.version.clone(), None), missing(nowhere, None)],
        Thing::Policy => vec![object("a policy", company.policy.clone(), None), missing(nowhere, None)],
        Thing::Feed => {
            let of = |what, (feed, person): &(FeedId, PersonId)| Object { person: Some(*person), ..object(what, feed.to_string(), None) };
            vec![
                of("the stakeholder's", &company.feeds["living"]),
                Object { found: false, ..of("a revoked one", &company.feeds["revoked"]) },
                missing(nowhere, None),
            ]
        }
        Thing::Message => {
            let (message, person) = company.message;
            vec![Object { person: Some(person), ..object("the stakeholder's", message.to_string(), None) }, missing(nowhere, None)]
        }
        Thing::Session => vec![missing(nowhere, None)],
        Thing::Mail | Thing::Secret => vec![missing("7", None)],
    }
}

fn with_watcher(company: &Company, thing: Thing) -> Vec<Object> {
    let watcher = company.cast.changed.actor.person.to_string();
    let of = |object: Object| Object { parameters: vec![object.parameters[0].clone(), watcher.clone()], ..object };
    objects(company, thing).into_iter().map(of).collect()
}

/// What `permission.rs` says must happen.
pub fn expected(company: &Company, line: &Line, part: &Part, object: &Object) -> Outcome {
    let found = || if object.found { Outcome::Through } else { Outcome::Hidden };
    let Some(actor) = &part.actor else {
        return match line.right {
            Right::None => found(),
            Right::Island(_) | Right::Watched(_) => Outcome::SignedOut,
            _ => Outcome::SignIn,
        };
    };
    let own = Some(company.house.team);
    let held = |verb, team| if holds(actor, verb, team) { found() } else { Outcome::Refused };
    match line.right {
        Right::None | Right::Account | Right::Island(_) => found(),
        Right::Own if object.person == Some(actor.person) => found(),
        Right::Own | Right::Demo => Outcome::Hidden,
        Right::Held(verb) => held(verb, None),
        Right::Field(verb) => held(verb, own),
        Right::OfTeam(verb) => held(verb, object.team),
        Right::Somewhere(verb) => {
            if anywhere(actor, verb) {
                found()
            } else {
                Outcome::Refused
            }
        }
        Right::Named(verb) => {
            if holds(actor, Verb::SeeTeam, own) {
                held(verb, own)
            } else {
                Outcome::Hidden
            }
        }
        Right::Team(verb) | Right::Watched(verb) => match object.team {
            Some(team) if holds(actor, Verb::SeeTeam, Some(team)) => held(verb, Some(team)),
            _ => Outcome::Hidden,
        },
    }
}

fn anywhere(actor: &Actor, verb: Verb) -> bool {
    holds(actor, verb, None) || actor.teams.iter().any(|member| holds(actor, verb, Some(member.team)))
}

/// One try: a new browser with the part's session, the form of an own page.
pub async fn attempt(company: &Company, line: &Line, part: &Part, object: &Object) -> (Outcome, Answer) {
    let (method, path) = line.parts();
    let mut parameters = object.parameters.iter();
    let filled = |piece: &str| if piece.starts_with('{') { parameters.next().expect("a parameter").clone() } else { piece.to_owned() };
    let path = path.split('/').map(filled).collect::<Vec<_>>().join("/");
    let mut browser = part.browser.clone();
    let answer = if method == "GET" {
        browser.get(&path).await
    } else {
        let mut typed = (line.typed)(company, part);
        typed.push(("_back", "/".into()));
        let typed: Vec<(&str, &str)> = typed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let headers = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN), ("content-type", "application/x-www-form-urlencoded")];
        browser.send(Method::POST, &path, &headers, encode(&typed)).await
    };
    let left = left_behind(company, part).await;
    (outcome(line, &answer, &left), answer)
}

/// What the try left in the session for the next page, taken out of it.
async fn left_behind(company: &Company, part: &Part) -> Value {
    let Some(key) = part.key else { return Value::Null };
    let taken = sqlx::query_scalar(
        "UPDATE drydock.session s SET data = '{}' FROM (SELECT key, data FROM drydock.session WHERE key = $1) b WHERE s.key = b.key RETURNING b.data",
    );
    taken.bind(key.as_slice()).fetch_optional(&company.house.admin).await.expect("a session").unwrap_or_default()
}

/// How an answer reads.
fn outcome(line: &Line, answer: &Answer, left: &Value) -> Outcome {
    let refused = |text: &str| if names_the_right(text) { Outcome::Refused } else { Outcome::Odd };
    match answer.status {
        StatusCode::NOT_FOUND => return Outcome::Hidden,
        StatusCode::UNAUTHORIZED => return Outcome::SignedOut,
        // A page that is read says so, too, when what it is about is over: then the right was there.
        StatusCode::FORBIDDEN if !line.is_form() && !answer.body.contains("You may not ") => return Outcome::Through,
        StatusCode::FORBIDDEN => return refused(&answer.body),
        // Doors of the sign-in itself lead there whatever they did.
        StatusCode::SEE_OTHER
            if answer.to().starts_with("/login") && !["POST /logout", "POST /login", "POST /login/factor"].contains(&line.door) =>
        {
            return Outcome::SignIn;
        }
        status if status.is_server_error() || status.is_client_error() => return Outcome::Odd,
        _ => {}
    }
    let said = left["flash"].as_array().into_iter().flatten().filter(|flash| flash["kind"] == "refused");
    if let Some(text) = said.filter_map(|flash| flash["text"].as_str()).find(|text| text.starts_with("You may not ")) {
        return refused(text);
    }
    let wrong = left["typed"]["typed"]["errors"].as_array().and_then(|errors| errors.first());
    if matches!(line.right, Right::Named(_))
        && wrong.is_some_and(|error| error["message"].as_str().is_some_and(|m| m.starts_with("There is no")))
    {
        return Outcome::Hidden;
    }
    Outcome::Through
}

/// Whoever is refused reads which right is missing, who holds it, and whom to ask.
fn names_the_right(text: &str) -> bool {
    ["You may not ", "This right belongs to: ", "Ask one of them, or an administrator"].iter().all(|part| text.contains(part))
}

/// A digest of every business table, by name. Left out by name: what a refusal itself writes (its fact), messages and typed text in
/// sessions, when a session was last seen, and the marks that somebody read the trail, a window's evidence or a message, or
/// opened a link.
#[expect(clippy::disallowed_methods, reason = "names of our own tables")]
pub async fn digest(company: &Company) -> Vec<(String, String)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'drydock'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1",
    )
    .fetch_all(&company.house.admin)
    .await
    .expect("tables");
    assert!(tables.len() > 30, "the tables were not found");
    let one = |table: &String| {
        let (what, rows) = match table.as_str() {
            "fact" => (
                "concat_ws(' ', t.id, t.action)",
                "WHERE t.action NOT IN ('access.refuse', 'trail.read', 'evidence.read', 'evidence.export')",
            ),
            "session" => ("concat_ws(' ', t.key, t.person_id, t.absolute_end_at, t.elevated_until)", "WHERE t.person_id IS NOT NULL"),
            "link" => ("(to_jsonb(t) - 'opened_at')::text", ""),
            "message" => ("(to_jsonb(t) - 'read_at')::text", ""),
            _ => ("t::text", ""),
        };
        format!(
            "SELECT '{table}' AS name, coalesce(md5(string_agg({what}, E'\\n' ORDER BY {what})), '') AS digest FROM drydock.\"{table}\" t {rows}"
        )
    };
    let sql = tables.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ");
    // Of so many tables the server reads several at once, and gives them in any order.
    let sql = format!("{sql} ORDER BY name");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&company.house.admin).await.expect("a digest")
}

/// The tables in which two digests differ.
pub fn changed(before: &[(String, String)], after: &[(String, String)]) -> Vec<String> {
    before.iter().zip(after).filter(|(before, after)| before != after).map(|(before, _)| before.0.clone()).collect()
}
