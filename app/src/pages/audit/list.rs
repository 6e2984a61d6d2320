//! The list of facts, with filters that live in the address, and the state of the seals.

use crate::door;
use crate::parts::details::DigestShort;
use crate::parts::form::Form;
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::{Time, span_words};
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
            queries::trail::list(&engine, &caller, &filter).await
        }
        .await;
        door::show(answer, |page| {
            view! {
                <Heading title="Audit trail" lead="Everything that was done or refused, in the order it was written. Nothing here can be changed; seals prove it.">
                    <a class="button" href="#export">"Export"</a>
                </Heading>
                <Status status=page.status.clone()/>
                <Filters typed wrong teams=page.teams.clone() empty=filter.is_empty()/>
                <Facts page filter=filter.clone()/>
                {may_export.then(|| view! { <Export filter/> })}
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
            <Form action="/audit/verify" submit="Verify now" prefix="verify-" secondary=true><input type="hidden" name="now" value="1"/></Form>
        </section>
    }
}

#[component]
fn Filters(typed: Vec<(&'static str, String)>, wrong: Vec<FieldError>, teams: Vec<(String, String)>, empty: bool) -> impl IntoView {
    let value = |name: &str| typed.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()).unwrap_or_default();
    let choice = |chosen: &str, value: &str, label: &str| {
        let selected = chosen == value;
        view! { <option value=value.to_owned() selected=selected>{label.to_owned()}</option> }
    };
    let (team, result) = (value("team"), value("result"));
    let teams = teams.iter().map(|(short_name, name)| choice(&team, short_name, name)).collect_view();
    let kinds = OBJECT_KINDS.iter().map(|kind| view! { <option value=*kind></option> }).collect_view();
    let wrong = wrong.into_iter().map(|error| view! { <p class="message refused" role="alert">{error.message}</p> }).collect_view();
    view! {
        {wrong}
        <form method="get" action="/audit" class="filters" role="search">
            <div class="field"><label for="f-actor">"Actor"</label><input type="search" id="f-actor" name="actor" value=value("actor") placeholder="name, address, worker" autocomplete="off"/></div>
            <div class="field"><label for="f-action">"Action"</label><input type="search" id="f-action" name="action" value=value("action") placeholder="vote, window.propose" autocomplete="off"/></div>
            <div class="field">
                <label for="f-kind">"Object"</label><input type="search" id="f-kind" name="kind" value=value("kind") list="f-kinds" placeholder="kind" autocomplete="off"/>
                <datalist id="f-kinds">{kinds}</datalist>
            </div>
            <div class="field"><label for="f-team">"Team"</label><select id="f-team" name="team"><option value="">"All"</option>{teams}</select></div>
            <div class="field short"><label for="f-window">"Window"</label><input type="text" id="f-window" name="window" value=value("window") inputmode="numeric" placeholder="142" autocomplete="off"/></div>
            <div class="field"><label for="f-from">"From"</label><input type="date" id="f-from" name="from" value=value("from")/></div>
            <div class="field"><label for="f-to">"To"</label><input type="date" id="f-to" name="to" value=value("to")/></div>
            <div class="field">
                <label for="f-result">"Result"</label>
                <select id="f-result" name="result"><option value="">"All"</option>{choice(&result, "done", "Done")}{choice(&result, "refused", "Refused")}</select>
            </div>
            <button type="submit" class="button">"Filter"</button>
            {(!empty).then(|| view! { <a class="button quiet" href="/audit">"Clear"</a> })}
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
    let what = if filter.is_empty() { "The whole trail, newest first." } else { "The facts that pass the filter above, newest first." };
    let back = filter.address(None);
    let fields = filter.pairs().into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view();
    view! {
        <section class="card" id="export">
            <h2>"Export"</h2>
            <p>{what}" JSON Lines hold the exact bytes that were hashed; CSV is for reading. The export itself becomes a fact."</p>
            <form method="post" action="/audit/export" class="actions">
                <input type="hidden" name="_back" value=back/>
                {fields}
                <button type="submit" class="button" name="format" value="csv">"CSV"</button>
                <button type="submit" class="button" name="format" value="jsonl">"JSON Lines"</button>
            </form>
        </section>
    }
}
