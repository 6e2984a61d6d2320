//! Every door, tried by everybody: who holds the right gets through, everybody else is refused as the table says, and a refusal changes
//! nothing. What must happen is computed from `permission.rs`; what a door asks for stands in `doors/table.rs`.
//!
//! Who may not do something tries first, while it could be done; so when the first holder then does it, with the same words, it was the right
//! that was missing before and nothing else.

mod cast;
mod company;
mod judge;
mod table;
mod trail;

use crate::browser::Answer;
use cast::Part;
use company::Company;
use domain::window::WindowState::{Completed, Failed, Hold, Running, Validating};
use judge::{Object, Outcome, attempt, changed, digest, expected, objects};
use server::router::DOORS;
use std::collections::{BTreeMap, BTreeSet};
use table::{DATABASES, FREEZES, GLASS, LATER, Line, OPEN, PAUSE, PEOPLE, RESUME, RUNS, Right, SERIES, WINDOWS, all};

/// Of the critical query that is retired.
const QUERY: uuid::Uuid = uuid::Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0077);

#[test]
fn every_door_is_in_the_table() {
    let doors: BTreeSet<String> = DOORS.iter().map(|door| format!("{} {}", door.method, door.path)).collect();
    let lines: Vec<String> = all().map(|line| line.door.to_owned()).collect();
    assert_eq!(lines.iter().cloned().collect::<BTreeSet<_>>(), doors, "a door without its line, or a line without its door");
    assert_eq!(lines.len(), doors.len(), "a door has two lines");
    let functions: BTreeSet<String> = leptos::server_fn::axum::server_fn_paths().map(|(path, method)| format!("{method} {path}")).collect();
    assert!(functions.is_subset(&doors), "a server function without a door: {functions:?}");
}

/// Tries every line, and says everything that is wrong at once.
async fn try_doors(company: &Company, lines: &[Line]) {
    let mut wrong = Vec::new();
    let start = digest(company).await;
    for line in lines {
        refuse(company, line, &mut wrong).await;
        let after = changed(&start, &digest(company).await);
        if !after.is_empty() {
            wrong.push(format!("{}: a refusal changed {after:?}", line.door));
        }
    }
    for line in lines {
        let_through(company, line, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Everybody who may not, and everything that is not there.
async fn refuse(company: &Company, line: &Line, wrong: &mut Vec<String>) {
    let mut nothing_here: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for part in &company.cast.parts {
        for object in objects(company, line.thing) {
            let expected = expected(company, line, part, &object);
            if expected == Outcome::Through {
                continue;
            }
            let (outcome, answer) = attempt(company, line, part, &object).await;
            if outcome != expected {
                wrong.push(format!("{}: not {expected:?} but {outcome:?}", tried(line, part, &object, &answer)));
            }
            if answer.status == http::StatusCode::NOT_FOUND {
                nothing_here.entry(part.who).or_default().insert(without_request(&answer));
            }
        }
    }
    let told = nothing_here.iter().filter(|(_, bodies)| bodies.len() > 1);
    wrong
        .extend(told.map(|(who, bodies)| format!("{}: {who} can tell what is missing from what belongs to others: {bodies:?}", line.door)));
}

/// Everybody who may: with what is over nothing happens any more, and the first one changes what there is.
async fn let_through(company: &Company, line: &Line, wrong: &mut Vec<String>) {
    let (over, present): (Vec<Object>, Vec<Object>) = objects(company, line.thing).into_iter().partition(|object| object.finished);
    let mut holders = 0;
    let mut before = digest(company).await;
    // What is over comes first, while the rest is as it was; but where it may change, it must not take the place of what is tried.
    let order = if line.changes_finished { [present, over] } else { [over, present] };
    for object in order.into_iter().flatten() {
        for part in &company.cast.parts {
            if expected(company, line, part, &object) != Outcome::Through {
                continue;
            }
            let (outcome, answer) = attempt(company, line, part, &object).await;
            let now = digest(company).await;
            let after = changed(&before, &now);
            before = match line.back {
                Some(back) => {
                    company.run(back).await;
                    digest(company).await
                }
                None => now,
            };
            let mut say = |what: &str| wrong.push(format!("{}: {what} {after:?}", tried(line, part, &object, &answer)));
            if outcome != Outcome::Through {
                say(&format!("not let through, but {outcome:?}"));
            }
            if !line.is_form() {
                if !after.is_empty() {
                    say("a page that is read changed");
                }
            } else if object.finished {
                if !line.changes_finished && !after.is_empty() {
                    say("what is over was changed:");
                }
            } else {
                if line.changes && holders == 0 && after.is_empty() {
                    say("nothing changed, so the refusals before prove nothing");
                }
                holders += 1;
            }
            if let Right::Island(verb) = line.right {
                let held = part.actor.as_ref().is_some_and(|actor| domain::permission::holds(actor, verb, Some(company.house.team)));
                if (answer.body != "[]") != held {
                    say(&format!("answered with {}", answer.body));
                }
            }
        }
    }
    if line.changes && holders == 0 {
        wrong.push(format!("{}: nobody holds the right", line.door));
    }
}

/// A try in one line, with the heart of its answer.
fn tried(line: &Line, part: &Part, object: &Object, answer: &Answer) -> String {
    let heart = answer.body.split("<main").nth(1).unwrap_or(&answer.body).chars().take(600).collect::<String>();
    format!("{} for {}, {}: {} {} {heart}", line.door, part.who, object.what, answer.status, answer.to())
}

/// The answer without what differs from request to request.
fn without_request(answer: &Answer) -> String {
    let id = answer.header("x-request-id");
    let mut body = answer.body.replace(id, "…");
    // Nonces of scripts, tokens of forms.
    for mark in ["nonce=\"", "name=\"_once\" value=\""] {
        while let Some((before, rest)) = body.split_once(mark) {
            let after = rest.split_once('"').map_or("", |(_, after)| after);
            body = format!("{before}{after}");
        }
    }
    body
}

#[tokio::test]
async fn open_doors_and_those_of_one_s_own_account() {
    let mut company = Company::new().await;
    company.with_feeds().await;
    company.told().await;
    let (own, last) = OPEN.split_at(OPEN.len() - 1);
    try_doors(&company, own).await;
    try_doors(&company, last).await;
}

#[tokio::test]
async fn doors_to_people_teams_policies_and_the_trail() {
    let mut company = Company::new().await;
    company.proposed().await;
    company.notice = company.id("SELECT id FROM drydock.outbox ORDER BY id LIMIT 1").await.to_string();
    company.policy = company.id("SELECT id FROM drydock.policy WHERE name = 'Standard'").await.to_string();
    company.procedure().await;
    company.webhook().await;
    company.run("UPDATE drydock.outbox SET state = 'parked'").await;
    company.away("orders", company.cast.changed.actor.person).await;
    company.away("billing", company.cast.other_engineer.actor.person).await;
    try_doors(&company, PEOPLE).await;
}

#[tokio::test]
async fn doors_to_databases() {
    let company = Company::new().await;
    for database in ["spare", "gone"] {
        sqlx::query("INSERT INTO drydock.critical_query (id, target_id, name, sql_text, limit_ms, created_by) VALUES ($1, $2, 'Orders', 'SELECT 1', 100, $3)")
            .bind(if database == "spare" { QUERY } else { engine::clock::new_id::<domain::ids::RunId>().0 })
            .bind(company.databases[database].0)
            .bind(company.house.lead.actor.person.0)
            .execute(&company.house.admin)
            .await
            .expect("a query");
    }
    try_doors(&company, DATABASES).await;
}

#[tokio::test]
async fn doors_to_databases_later_in_their_life() {
    let mut company = Company::new().await;
    company.database("lost", company.house.team, "staging").await;
    company.run("UPDATE drydock.target SET state = 'retired' WHERE short_name = 'lost'").await;
    company.password("spare").await;
    try_doors(&company, LATER).await;
}

#[tokio::test]
async fn doors_into_a_pause() {
    let company = Company::new().await;
    try_doors(&company, PAUSE).await;
}

#[tokio::test]
async fn doors_out_of_a_pause() {
    let company = Company::new().await;
    // Whoever pauses may resume: here somebody did who is none of those who try.
    company
        .run(
            "INSERT INTO drydock.pause (id, level, reason, paused_by)
             SELECT gen_random_uuid(), 'start_nothing', 'the storage is failing', id FROM drydock.person WHERE name = 'Paula'",
        )
        .await;
    try_doors(&company, RESUME).await;
}

#[tokio::test]
async fn doors_to_freezes_and_past_them() {
    let mut company = Company::new().await;
    company.proposed().await;
    company.staged("frozen", &[]).await;
    company.staged("completed", &[Running, Validating, Completed]).await;
    company.digest = company.house.digest(company.windows["frozen"]).await.hex();
    let (own, other) = (company.house.team, company.other);
    for (name, team) in [("orders", own), ("lifted", own), ("billing", other)] {
        company.freeze(name, team).await;
    }
    company.run("UPDATE drydock.freeze SET lifted_at = now(), lifted_by = created_by, lift_reason = 'early' WHERE name = 'lifted'").await;
    try_doors(&company, FREEZES).await;
}

#[tokio::test]
async fn doors_to_windows_before_they_run() {
    let mut company = Company::new().await;
    company.proposed().await;
    for (name, days) in [("movable", 5), ("unwanted", 7)] {
        let number = company.house.proposed(days).await.number;
        company.windows.insert(name, number);
    }
    company.staged("due", &[]).await;
    company.backups().await;
    company.staged("completed", &[Running, Validating, Completed]).await;
    for name in ["proposed", "completed"] {
        company.commented(name).await;
    }
    company.digest = company.house.digest(company.windows["proposed"]).await.hex();
    try_doors(&company, WINDOWS).await;
}

#[tokio::test]
async fn doors_to_break_a_glass() {
    let mut company = Company::new().await;
    company.proposed().await;
    company.staged("completed", &[Running, Validating, Completed]).await;
    company.urgent().await;
    try_doors(&company, GLASS).await;
}

#[tokio::test]
async fn doors_to_series() {
    let mut company = Company::new().await;
    company.repeated().await;
    let together = "SELECT encode(digest, 'hex') FROM drydock.series_digest";
    company.digest = sqlx::query_scalar(together).fetch_one(&company.house.admin).await.expect("put together");
    try_doors(&company, SERIES).await;
}

#[tokio::test]
async fn doors_to_runs_and_to_what_follows() {
    let mut company = Company::new().await;
    company.proposed().await;
    let leased = company.staged("leased", &[]).await;
    company.run_of("leased", &leased, &["leased"]).await;
    let busy = company.staged("busy", &[]).await;
    company.run_of("busy", &busy, &["leased"]).await;
    company.house.put(busy.id, 2, Running).await;
    company.house.put(leased.id, 2, Running).await;
    let held = company.staged("held", &[]).await;
    company.run_of("held", &held, &["leased", "held"]).await;
    for state in [Running, Hold] {
        company.house.put(held.id, 2, state).await;
    }
    company.staged("failed", &[Running, Failed]).await;
    let validating = company.staged("validating", &[Running, Validating]).await;
    company.settle_list(&validating).await;
    let completed = company.staged("completed", &[]).await;
    company.run_of("completed", &completed, &["leased", "ended"]).await;
    for state in [Running, Validating] {
        company.house.put(completed.id, 2, state).await;
    }
    company.settle_list(&completed).await;
    company.house.put(completed.id, 2, Completed).await;
    try_doors(&company, RUNS).await;
}

#[tokio::test]
async fn the_auditor_sees_everything_and_changes_nothing() {
    let mut company = Company::new().await;
    company.proposed().await;
    let completed = company.staged("completed", &[]).await;
    company.run_of("completed", &completed, &["leased", "ended"]).await;
    // What he does to himself, and what reading leaves behind; everything else that is a form is refused.
    let own: BTreeSet<&str> = [
        "POST /me",
        "POST /me/address",
        "POST /me/sessions/end",
        "POST /me/sessions/{id}/end",
        "POST /me/notices",
        "POST /messages/read",
        "POST /me/calendar",
        "POST /me/absence",
        "POST /me/calendar/{id}/revoke",
        // A file that he chose himself, which he could not.
        "POST /freezes/import/{id}",
        "POST /databases/{id}/watchers",
        "POST /windows/{number}/watchers",
        "POST /me/password",
        "POST /me/factor",
        "POST /me/factor/confirm",
        "POST /me/factor/remove",
        "POST /me/confirm",
        "POST /audit/verify",
        "POST /audit/export",
        "POST /login",
        "POST /logout",
        "POST /setup",
        "POST /a/{secret}",
        "POST /a/{secret}/not-me",
        "POST /a/{secret}/delegate",
        "POST /a/{secret}/code",
        "POST /a/{secret}/fresh",
        "POST /address/{secret}",
        "POST /invite/{secret}",
        "POST /reset/{secret}",
        "POST /login/factor",
        "POST /forgot",
        "POST /api/check_times",
        // The change itself names who is asked, whatever their role.
        "POST /policies/changes/{id}/agree",
        // Whoever sees it takes back a vote of their own; an auditor has none.
        "POST /windows/{number}/take-back",
        "POST /series/{id}/take-back",
    ]
    .into();
    let auditor = company.cast.part("the auditor");
    let object = |team| Object { what: "anything", parameters: vec![], team: Some(team), person: None, found: true, finished: false };
    for line in all().filter(|line| line.is_form() && !own.contains(line.door)) {
        for team in [company.house.team, company.other] {
            let expected = expected(&company, line, auditor, &object(team));
            assert!(matches!(expected, Outcome::Refused | Outcome::Hidden), "{} lets the auditor through", line.door);
        }
    }
    let before = digest(&company).await;
    let pages = [
        "/".to_owned(),
        "/people".to_owned(),
        "/teams".to_owned(),
        format!("/teams/{}", company.other),
        "/databases".to_owned(),
        format!("/databases/{}", company.databases["billing"]),
        "/windows".to_owned(),
        format!("/windows/{}", company.windows["foreign"]),
        format!("/windows/{}/checklist", company.windows["foreign"]),
        format!("/windows/{}/evidence", company.windows["foreign"]),
        format!("/runs/{}", company.runs["completed"]),
        "/policies".to_owned(),
        "/freezes".to_owned(),
        "/audit".to_owned(),
        "/audit/1".to_owned(),
    ];
    let mut browser = auditor.browser.clone();
    for page in pages {
        assert_eq!(browser.get(&page).await.status, http::StatusCode::OK, "{page}");
    }
    assert_eq!(changed(&before, &digest(&company).await), [""; 0], "looking changed something");
}
