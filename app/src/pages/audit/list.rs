//! The list of facts, with filters that live in the address, and the state of the seals.

use crate::door;
use crate::parts::details::DigestShort;
use crate::parts::form::{Field, Form};
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::{Time, span_words};
use axum::http::StatusCode;
use domain::decision::FieldError;
use domain::permission::Verb;
use domain::view::trail::{FILTER_FIELDS, FactLine, OBJECT_KINDS, SealStatus, TrailFilter, TrailPage};
use engine::{actions, queries};
use leptos::prelude::*;

#[component]
pub fn AuditPage() -> impl IntoView {
    let (filter, wrong) = TrailFilter::parse(door::query_parameter);
    let typed: Vec<(&'static str, String)> =
        FILTER_FIELDS.iter().map(|name| (*name, door::query_parameter(name).unwrap_or_default())).collect();
    let (engine, caller) = (door::engine(), door::caller());
    let may_export = door::may(Verb::ExportTrail, None);
    Suspend::new(async move {
        let answer = async {
            let caller = caller?;
            actions::read_trail::read_trail(&engine, &caller).await?;
            queries::trail::list(&engine, &caller, wrong.is_empty().then_some(&filter)).await
        }
        .await;
        door::show(answer, |page| {
            let good = wrong.is_empty();
            if !good {
                door::status(StatusCode::UNPROCESSABLE_ENTITY);
            }
            let clear = !filter.is_empty() || !good;
            view! {
                <Heading title="Audit trail" lead="Everything that was done or refused, in the order it was written. Nothing here can be changed; seals prove it.">
                    {(may_export && good).then(|| view! { <a class="button" href="#export">"Export"</a> })}
                </Heading>
                <Status status=page.status.clone()/>
                <Filters typed wrong=wrong.clone() teams=page.teams.clone() clear/>
                {good.then(|| view! { <Facts page filter=filter.clone()/> })}
                {(may_export && good).then(|| view! { <Export filter/> })}
            }
            .into_any()
        })
    })
}

/// How far sealing is, what is wrong with it, and the button that verifies.
#[component]
fn Status(status: SealStatus) -> impl IntoView {
    let troubles = status
        .troubles
        .iter()
        .map(|(process, words, since)| {
            view! { <p class="message warn"><strong>"Anchor file of "{process.clone()}": "</strong>{words.clone()}" Since "<Time at=*since/>"."</p> }
        })
        .collect_view();
    let lag = status.lags().then(|| {
        view! {
            <p class="message warn">
                "Facts have waited for "{span_words(status.oldest_s)}" to be sealed. The worker may be stopped, or a slow transaction in the state database holds sealing back. Runs are not stopped by this."
            </p>
        }
    });
    let head = match &status.newest {
        Some((n, hash, at)) => view! { "Sealed up to batch "{*n}", "<DigestShort digest=*hash/>", "<Time at=*at exact=true/> }.into_any(),
        None => view! { "Nothing is sealed yet." }.into_any(),
    };
    let waiting = match status.waiting {
        0 => "No fact waits for its seal.".to_owned(),
        1 => format!("1 fact waits for its seal, since {}.", span_words(status.oldest_s)),
        n => format!("{n} facts wait for their seal, the oldest since {}.", span_words(status.oldest_s)),
    };
    let (tone, label) = if status.needs_attention() { (Tone::Warn, "needs attention") } else { (Tone::Good, "sealed") };
    view! {
        {troubles}
        {lag}
        <section class="card seal-status" aria-label="Seals">
            <div>
                <p><Pill tone label/>" "{head}</p>
                <p class="quiet">{waiting}</p>
            </div>
            <Form action="/audit/verify" submit="Verify now" prefix="verify-" secondary=true>
                <Field name="head" label="Head to prove the end by" hint="The line “Audit head” of the newest mail, or a line of anchors.jsonl." autocomplete="off"/>
            </Form>
        </section>
    }
}

/// Fields of the filter by name, as errors call them.
const LABELS: [(&str, &str); 11] = [
    ("from", "From"),
    ("to", "To"),
    ("actor", "Actor"),
    ("action", "Action"),
    ("kind", "Kind of object"),
    ("object", "Object"),
    ("team", "Team"),
    ("window", "Window"),
    ("result", "Result"),
    ("address", "Address"),
    ("request", "Request"),
];

/// What is wrong with the address of the page, each with a link to its field. Nothing is listed until it is mended.
#[component]
fn Wrong(wrong: Vec<FieldError>) -> impl IntoView {
    (!wrong.is_empty()).then(|| {
        let lines = wrong
            .into_iter()
            .map(|error| {
                let label = LABELS.iter().find(|(field, _)| *field == error.field).map(|(_, label)| *label);
                let field = format!("#f-{}", error.field);
                let to = label.map_or_else(|| "Place in the list".into_any(), |label| view! { <a href=field>{label}</a> }.into_any());
                view! { <li>{to}": "{error.message}</li> }
            })
            .collect_view();
        view! {
            <section class="error-summary" role="alert" tabindex="-1">
                <h2>"This filter cannot be read, so no facts are shown"</h2>
                <ul>{lines}</ul>
            </section>
        }
    })
}

#[component]
fn Filters(typed: Vec<(&'static str, String)>, wrong: Vec<FieldError>, teams: Vec<(String, String)>, clear: bool) -> impl IntoView {
    let value = |name: &str| typed.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()).unwrap_or_default();
    let choice = |chosen: &str, value: &str, label: &str| {
        let selected = chosen == value;
        view! { <option value=value.to_owned() selected=selected>{label.to_owned()}</option> }
    };
    let field = |name: &'static str, placeholder: &'static str| {
        let label = LABELS.iter().find(|(field, _)| *field == name).map_or(name, |(_, label)| *label);
        let bad = wrong.iter().any(|error| error.field == name).then_some("true");
        let (id, kinds) = (format!("f-{name}"), (name == "kind").then_some("f-kinds"));
        view! {
            <div class="field">
                <label for=id.clone()>{label}</label>
                <input type="text" id=id name=name value=value(name) placeholder=placeholder autocomplete="off" aria-invalid=bad list=kinds/>
            </div>
        }
    };
    let (team, result) = (value("team"), value("result"));
    let teams = teams.iter().map(|(short_name, name)| choice(&team, short_name, name)).collect_view();
    let kinds = OBJECT_KINDS.iter().map(|kind| view! { <option value=*kind></option> }).collect_view();
    let zone = door::zone();
    view! {
        <Wrong wrong=wrong.clone()/>
        <form method="get" action="/audit" class="filters" role="search">
            {field("from", "2026-11-29 02:00")}
            {field("to", "2026-11-29")}
            {field("actor", "name, address, worker")}
            {field("action", "vote, window.propose")}
            {field("kind", "window, run, target")}
            {field("object", "name, #142, id")}
            <datalist id="f-kinds">{kinds}</datalist>
            <div class="field"><label for="f-team">"Team"</label><select id="f-team" name="team"><option value="">"All"</option>{teams}</select></div>
            {field("window", "142")}
            <div class="field">
                <label for="f-result">"Result"</label>
                <select id="f-result" name="result"><option value="">"All"</option>{choice(&result, "done", "Done")}{choice(&result, "refused", "Refused")}</select>
            </div>
            {field("address", "of a sign-in: 192.0.2.7")}
            {field("request", "id in a log or on an error page")}
            <button type="submit" class="button">"Filter"</button>
            {clear.then(|| view! { <a class="button quiet" href="/audit">"Clear"</a> })}
            <p class="quiet hint">"Times are in "{zone}"; a day or minute named as the end counts whole."</p>
        </form>
    }
}

#[component]
fn Facts(page: TrailPage, filter: TrailFilter) -> impl IntoView {
    if page.facts.is_empty() {
        let narrowed = !filter.is_empty() || filter.before.is_some();
        return if narrowed {
            view! { <Empty title="No fact passes this filter" why="There may be others: the filter hides them."><a class="button" href="/audit">"Show all facts"</a></Empty> }.into_any()
        } else {
            view! { <Empty title="The trail is empty" why="Everything that is done or refused here is written down and sealed. Nothing was done yet."/> }.into_any()
        };
    }
    let rows = page.facts.into_iter().map(row).collect_view();
    let older = page.older.map(|id| view! { <a class="button" rel="next" href=filter.address(Some(id))>"Older facts"</a> });
    let newest = filter.before.map(|_| view! { <a class="button quiet" href=filter.address(None)>"Newest"</a> });
    view! {
        <div class="listing audit">
            <Table caption="Facts, newest first" head=&["#Fact", "Time", "Actor", "Action", "Object", "Result", "Seal"]>{rows}</Table>
        </div>
        <p class="actions">{older}{newest}</p>
    }
    .into_any()
}

fn row(fact: FactLine) -> impl IntoView {
    let to = format!("/audit/{}", fact.id);
    let result = if fact.done { view! { "Done" }.into_any() } else { view! { <Pill tone=Tone::Warn label="Refused"/> }.into_any() };
    let seal = match fact.batch {
        Some(n) => format!("batch {n}"),
        None => "waits".to_owned(),
    };
    let window = fact.window.filter(|_| fact.object_kind != "window").map(|number| {
        view! { <span class="quiet">" in "<a href=format!("/windows/{number}")>"#"{number}</a></span> }
    });
    view! {
        <tr>
            <td class="number" data-label="Fact"><a href=to>{fact.id}</a></td>
            <td class="when"><Time at=fact.at exact=true/></td>
            <td data-label="Actor">{fact.actor.clone()}{fact.known.clone().map(|known| view! { <span class="quiet">", "{known}</span> })}</td>
            <td><code>{fact.action.clone()}</code></td>
            <td data-label="Object">{super::fact::object(&fact)}{window}</td>
            <td data-label="Result">{result}</td>
            <td class="quiet whole" data-label="Seal">{seal}</td>
        </tr>
    }
}

/// The export is a form that posts: it leaves a fact, and the answer is a file.
#[component]
fn Export(filter: TrailFilter) -> impl IntoView {
    let what = if filter.is_empty() {
        "The whole trail, newest first.".to_owned()
    } else {
        format!("The facts that pass the filter above, newest first: {}.", filter.words())
    };
    let back = filter.address(None);
    let fields = filter.pairs().into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view();
    view! {
        <section class="card" id="export">
            <h2>"Export"</h2>
            <p>{what}" JSON Lines hold the exact bytes that were hashed; CSV is for reading. The export itself becomes a fact, which holds the filter and gives the file its name."</p>
            <form method="post" action="/audit/export" class="actions">
                <input type="hidden" name="_back" value=back/>
                {fields}
                <button type="submit" class="button" name="format" value="csv">"CSV"</button>
                <button type="submit" class="button" name="format" value="jsonl">"JSON Lines"</button>
            </form>
        </section>
    }
}
