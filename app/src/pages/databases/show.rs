//! One database: whether it can be reached, what the test found, backups, critical queries, people, windows.

use super::backups::Backups;
use super::later::{Later, Password, SameAsBefore};
use super::links::Links;
use super::rights::Rights;
use crate::door;
use crate::pages::windows::LeftOutList;
use crate::parts::details::{Detail, Details};
use crate::parts::form::{Field, Form, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::{Span, Time};
use crate::parts::watchers::WatchersCard;
use domain::ids::TargetId;
use domain::people::visible;
use domain::permission::Verb;
use domain::procedure::LeftOut;
use domain::procedure::fair::Coverage;
use domain::procedure::text::{plural, size};
use domain::target::TargetState;
use domain::view::targets::{self, QueryRow, Report, StakeholderRow, WindowRow, readable_on_the_way};
use engine::queries;
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::Meta;

/// The page of one database. While a test is open it loads itself again.
#[component]
pub fn ShowPage() -> impl IntoView {
    let id = door::path_parameter::<TargetId>("id");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::targets::show(&engine, &caller?, id?).await }.await;
        door::show(answer, |page| view! { <Database page/> }.into_any())
    })
}

/// What the reader may do here; a retired database takes nothing.
#[derive(Clone, Copy)]
struct May {
    manage: bool,
    examine: bool,
    record: bool,
    propose: bool,
}

#[component]
fn Database(page: targets::ShowPage) -> impl IntoView {
    let open = matches!(page.state, TargetState::Unverified | TargetState::Ready);
    let right = |verb| open && door::may(verb, Some(page.team));
    let may = May {
        manage: right(Verb::ManageTarget),
        examine: right(Verb::ExamineTarget),
        record: right(Verb::RecordBackup),
        propose: page.state == TargetState::Ready && right(Verb::ProposeWindow),
    };
    let here = format!("/databases/{}", page.id);
    let registration = page.registration.clone();
    let lead = format!("{} · PostgreSQL · {} · owned by {}", registration.short_name, registration.environment.label(), page.team_name);
    let propose = may.propose.then(
        || view! { <a class="button primary" href=format!("/windows/new?database={}", registration.short_name)>"Propose a window"</a> },
    );
    let edit = may.manage.then(|| view! { <a class="button" href=format!("{here}/edit")>"Edit"</a> });
    view! {
        <Heading title=registration.name.clone() lead=lead>{propose}{edit}</Heading>
        {readable_on_the_way(&registration).then(|| view! {
            <p class="message warn">"The connection is not encrypted: whoever listens on the way reads the password and all data. Accepted because: "{registration.tls_reason.clone()}</p>
        })}
        <div class="columns">
            <div>
                <Connection page=page.clone() may here=here.clone()/>
                {page.report.clone().map(|report| view! { <Found report=report.clone() at=page.verified_at/><Rights report/> })}
                <Queries rows=page.queries may here=here.clone()/>
                <Covered coverage=page.coverage left_out=page.left_out/>
                <Windows rows=page.windows/>
            </div>
            <div>
                <Registered registration=registration.clone() registered=page.registered password=page.password superuser_reason=page.superuser_reason may here=here.clone()/>
                <Password id=page.id state=page.state manage=may.manage rotation=page.rotation.clone() now=page.now/>
                <Backups rows=page.backups proof=page.proof proves=page.proves_backups now=page.now record=may.record ready=page.state == TargetState::Ready here=here.clone()/>
                <Stakeholders rows=page.stakeholders may here=here.clone()/>
                <Hours hours=page.hours load=page.load zone=registration.zone.clone() manage=may.manage here=here.clone()/>
                <Links rows=page.links manage=may.manage here=here.clone()/>
                <Tags tags=page.tags here=here.clone()/>
                <WatchersCard watchers=page.watchers base=here what="this database"/>
                <Later id=page.id state=page.state team=page.team name=registration.short_name.clone() socket=registration.place.is_socket()/>
            </div>
        </div>
    }
}

#[component]
fn Connection(page: targets::ShowPage, may: May, here: String) -> impl IntoView {
    let waiting = page.test.as_ref().and_then(|test| test.waiting(page.worker, page.now));
    let outcome = page.test.clone().filter(|_| waiting.is_none()).map(|test| outcome(test, page.now));
    let acknowledge = page
        .test
        .as_ref()
        .and_then(|test| test.refusal.as_ref())
        .filter(|refusal| may.manage && waiting.is_none() && refusal.code == "superuser_unacknowledged")
        .map(|_| {
            view! {
                <Form action=format!("{here}/superuser") submit="Accept this role">
                    <TextArea name="reason" label="Why a superuser's role is acceptable here" rows=2 required=true hint="At least ten characters. Goes into the audit trail with your name."/>
                </Form>
            }
        });
    let test = (may.examine && waiting.is_none())
        .then(|| view! { <Form action=format!("{here}/test") submit="Test the connection" secondary=true>""</Form> });
    let waiting = waiting.map(|waiting| {
        let asked = page.test.as_ref().map(|test| (test.asked_at, test.asked_by.clone()));
        view! {
            <Meta http_equiv="refresh" content=waiting.refresh_s.to_string()/>
            <p role="status"><Pill tone=Tone::Waiting label="Testing"/>" "{waiting.sentence}</p>
            {waiting.problem.map(|problem| view! { <p class="message warn">{problem}</p> })}
            {asked.map(|(at, by)| view! { <p class="quiet">"Asked "{by.map(|by| format!("by {by} "))}<Span from=page.now to=at/>". This page looks again by itself."</p> })}
        }
    });
    let needed = page.report.as_ref().map_or(0, |report| report.needed());
    let lacking = (needed > 0 && page.state == TargetState::Ready).then(|| {
        let rights = plural(needed.try_into().unwrap_or(u64::MAX), "right is", "rights are");
        view! { <p class="message warn">{rights}" missing that the work needs: "<a href="#rights">"see the statements to run"</a>". Until then its pre-checks stop a run, or leave things out."</p> }
    });
    view! {
        <Card title="Connection" id="connection">
            <p><Pill tone=page.state label=page.state.label()/>" "{state_sentence(page.state)}</p>
            {lacking}
            <SameAsBefore same=page.same_as_before/>
            {waiting}{outcome}{acknowledge}{test}
        </Card>
    }
}

fn state_sentence(state: TargetState) -> &'static str {
    match state {
        TargetState::Unverified => "Windows can be proposed once a connection test has passed.",
        TargetState::Ready => "Windows can be proposed.",
        TargetState::Retired => "It was put away, and its password was destroyed.",
        TargetState::Deleted => "It was deleted: only its history is left, and its name is free.",
    }
}

/// What the newest test said.
fn outcome(test: targets::Test, now: Timestamp) -> impl IntoView {
    let passed = test.passed();
    let (tone, label) = if passed { (Tone::Good, "Test passed") } else { (Tone::Bad, "Test not passed") };
    let when = test.answered_at.unwrap_or(test.asked_at);
    let sentences = match (test.failure, test.refusal) {
        (Some(failure), _) => vec![failure],
        (None, Some(refusal)) => vec![refusal.message, refusal.way_out],
        (None, None) => vec![],
    };
    let said =
        sentences.into_iter().filter(|sentence| !sentence.is_empty()).map(|sentence| view! { <p>{visible(&sentence)}</p> }).collect_view();
    let said = (!passed).then(|| view! { <div class="message refused">{said}</div> });
    view! { <p><Pill tone label/>" "<Span from=now to=when/>", "<Time at=when/></p>{said} }
}

#[component]
fn Found(report: Report, at: Option<Timestamp>) -> impl IntoView {
    let extensions =
        report.extensions.iter().map(|each| format!("{} {}", visible(&each.name), visible(&each.version))).collect::<Vec<_>>().join(", ");
    let warnings = report.warnings.iter().map(|warning| view! { <li>{visible(warning)}</li> }).collect_view();
    let warned = !report.warnings.is_empty();
    let (version, place, identity, protection) = (visible(&report.server_version), report.place(), report.identity(), report.protection());
    let (role, bytes) = (report.role(), size(report.size_bytes));
    let extensions = if extensions.is_empty() { "none".to_owned() } else { extensions };
    view! {
        <Card title="What the test found" id="found">
            {warned.then(|| view! { <div class="message warn"><ul>{warnings}</ul></div> })}
            <Details>
                <Detail term="Version">"PostgreSQL "{version}</Detail>
                <Detail term="Server">{place}</Detail>
                <Detail term="Identity">{identity}</Detail>
                <Detail term="Connection">{protection}</Detail>
                <Detail term="Role">{role}</Detail>
                <Detail term="Size">{bytes}</Detail>
                <Detail term="Extensions">{extensions}</Detail>
                {at.map(|at| view! { <Detail term="Seen"><Time at/></Detail> })}
            </Details>
        </Card>
    }
}

#[component]
fn Registered(
    registration: domain::target::Registration,
    registered: (Timestamp, String),
    password: Option<(Timestamp, String)>,
    superuser_reason: Option<String>,
    may: May,
    here: String,
) -> impl IntoView {
    let place = registration.place;
    let password = match password {
        Some((at, by)) => view! { "Set "<Time at/>" by "{by} }.into_any(),
        None => view! { "None stored" }.into_any(),
    };
    view! {
        <Card title="Registration" id="registration">
            <Details>
                <Detail term="Host">{place.host}</Detail>
                <Detail term="Port">{place.port}</Detail>
                <Detail term="Database">{place.database}</Detail>
                <Detail term="Role">{place.username}</Detail>
                <Detail term="Password">{password}</Detail>
                <Detail term="Protection">{place.tls.label()}{place.ca_pem.is_some().then_some(", own authority")}</Detail>
                <Detail term="Environment">{registration.environment.label()}</Detail>
                <Detail term="Time zone">{registration.zone}</Detail>
                <Detail term="On-call contact">{registration.on_call}</Detail>
                <Detail term="Changes of design">{if registration.trial_copy { "May be tried on an empty copy on this server" } else { "Not tried on a copy" }}</Detail>
                {superuser_reason.map(|reason| view! { <Detail term="Superuser accepted">{reason}</Detail> })}
                <Detail term="Registered"><Time at=registered.0/>" by "{registered.1}</Detail>
            </Details>
            {may.manage.then(|| view! { <p class="actions"><a class="button small" href=format!("{here}/password")>"Replace the password"</a></p> })}
        </Card>
    }
}

#[component]
fn Queries(rows: Vec<QueryRow>, may: May, here: String) -> impl IntoView {
    let empty = rows.is_empty();
    let rows = rows
        .into_iter()
        .map(|row| {
            let retire = may.manage.then(|| {
                view! {
                    <Form action=format!("{here}/queries/retire") submit=format!("Retire {}", row.name) prefix=format!("retire-{}-", row.id) secondary=true>
                        <input type="hidden" name="query" value=row.id.clone()/>
                    </Form>
                }
            });
            view! {
                <li>
                    <p><strong>{row.name}</strong>", at most "{row.limit_ms}" ms"</p>
                    <pre tabindex="0">{row.sql}</pre>
                    {retire}
                </li>
            }
        })
        .collect_view();
    view! {
        <Card title="Critical queries" id="queries">
            {empty.then(|| view! { <p>"None. Register the queries your users wait for: each window times them before and after, and slower is red."</p> })}
            <ul class="entries">{rows}</ul>
            {may.manage.then(|| view! { <p class="actions"><a class="button small" href=format!("{here}/queries")>"Register a query"</a></p> })}
        </Card>
    }
}

#[component]
fn Stakeholders(rows: Vec<StakeholderRow>, may: May, here: String) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let note = match (row.active, row.shared) {
                (false, _) => Some("deactivated: is not told and cannot vote"),
                (true, true) => Some("shared mailbox: is told, cannot vote"),
                (true, false) => None,
            };
            view! { <li>{row.name}" "<span class="quiet">{row.email}</span>{note.map(|note| view! { <div class="quiet">{note}</div> })}</li> }
        })
        .collect_view();
    view! {
        <Card title="Stakeholders" id="stakeholders">
            <ul class="entries">{rows}</ul>
            {may.manage.then(|| view! { <p class="actions"><a class="button small" href=format!("{here}/stakeholders")>"Edit stakeholders"</a></p> })}
        </Card>
    }
}

/// When it may be maintained.
#[component]
fn Hours(hours: String, load: Option<(Vec<(String, i64)>, i64)>, zone: String, manage: bool, here: String) -> impl IntoView {
    let lines = if hours.is_empty() {
        view! { <p>"At any time. "<span class="quiet">"Without hours every free time is offered."</span></p> }.into_any()
    } else {
        let lines = hours.split("; ").map(|line| view! { <li>{line.to_owned()}</li> }).collect_view();
        view! { <ul class="entries">{lines}</ul><p class="quiet">"By the clock of "{zone.clone()}". A window at another time needs a reason that whoever approves reads."</p> }.into_any()
    };
    let load = match load {
        Some((quietest, usual)) => {
            let quietest: Vec<String> = quietest.into_iter().map(|(hour, per_min)| format!("{hour} ({per_min})")).collect();
            format!(
                "Quietest hours of the last five weeks, with transactions a minute: {}. Its usual hour has {usual}.",
                quietest.join(", ")
            )
        }
        None => "Its load is read every ten minutes; after a day its quietest hours are named here, and free times are offered by them."
            .to_owned(),
    };
    let value = hours.replace("; ", "\n");
    view! {
        <Card title="Maintenance hours" id="hours">
            {lines}
            <p class="quiet">{load}</p>
            {manage.then(|| view! {
                <Form action=format!("{here}/hours") submit="Save the hours" prefix="hours-" secondary=true>
                    <TextArea name="hours" label="Hours" value=value rows=3 hint="One span a line: Mon-Fri 22:00-06:00, Sat,Sun 00:00-24:00, daily 01:00-05:00. Empty is always."/>
                </Form>
            })}
        </Card>
    }
}

/// Words by which policies choose; a form for those who may change policies.
#[component]
fn Tags(tags: Vec<String>, here: String) -> impl IntoView {
    let may_tag = door::may(Verb::ManagePolicies, None);
    let line = if tags.is_empty() { "None.".to_owned() } else { tags.join(", ") };
    (may_tag || !tags.is_empty()).then(|| {
        view! {
            <Card title="Tags">
                <p>{line}" "<span class="quiet">"Policies are chosen by them, and freezes may cover what bears one."</span></p>
                {may_tag.then(|| view! {
                    <Form action=format!("{here}/tags") submit="Save the tags" prefix="tags-" secondary=true>
                        <Field name="tags" label="Tags" value=tags.join(", ") hint="Letters, digits and hyphens, separated by commas." autocomplete="off"/>
                    </Form>
                })}
            </Card>
        }
    })
}

/// Whether the windows are long enough for what is in need.
#[component]
fn Covered(coverage: Option<Coverage>, left_out: Vec<LeftOut>) -> impl IntoView {
    coverage.map(|coverage| {
        view! {
            <Card title="Coverage" id="coverage">
                <p>{coverage.to_string()}"."</p>
                <LeftOutList left_out/>
            </Card>
        }
    })
}

#[component]
fn Windows(rows: Vec<WindowRow>) -> impl IntoView {
    let body = if rows.is_empty() {
        view! { <Empty title="No windows yet" why="Windows proposed on this database are listed here, newest first."/> }.into_any()
    } else {
        let rows = rows
            .into_iter()
            .map(|row| {
                view! {
                    <tr>
                        <th scope="row"><a href=format!("/windows/{}", row.number)>"#"{row.number}" "{row.title}</a></th>
                        <td><Pill tone=row.state label=row.state.label()/></td>
                        <td data-label="Start"><Time at=row.start/></td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Table caption="Windows on this database" head=&["Window", "State", "Start"]>{rows}</Table> }.into_any()
    };
    view! { <Card title="Windows" id="windows">{body}</Card> }
}
