//! A new version of an own procedure, or a new one: as a file.

use crate::door;
use crate::parts::form::{Field, Form, TextArea};
use crate::parts::layout::{Card, Heading};
use domain::permission::Verb;
use domain::procedure::own::{self, MOST_CHECKS};
use domain::procedure::own_sql::MOST_VALUES;
use domain::procedure::{Parameters, StepTemplate, text::count};
use domain::procedure::{by_hand, call};
use domain::view::procedures::ProcedureForm;
use domain::webhook::format::CALLED;
use engine::procedure_file::MOST_BYTES;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn ProcedureNewPage() -> impl IntoView {
    let (engine, caller, from) = (door::engine(), door::caller(), door::query_parameter("from"));
    let allowed = door::require(Verb::ManageProcedures, None);
    Suspend::new(async move {
        let answer = async {
            allowed?;
            queries::procedures::form(&engine, &caller?, from.as_deref()).await
        }
        .await;
        door::show(answer, |form| view! { <New form/> }.into_any())
    })
}

/// What a file of somebody who begins with nothing looks like.
const EXAMPLE: &str = r#"key = "own_shop_nightly"
name = "nightly for the shop"
about = "Removes dead rows and refreshes statistics, every night."
dbms = "postgresql"
steps = ["freeze", "vacuum", "analyze"]

[thresholds]
vacuum_min_dead_rows = 5000

[[check]]
title = "The shop takes orders"
rule = "Place a test order and see it arrive; note its number."
"#;

/// The part of a file that sends SQL.
const SQL_EXAMPLE: &str = r#"[sql]
statements = """
DELETE FROM shop.carts WHERE changed_at < {{before}};
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.sales_by_day;
"""
no_way_back = "Old carts are gone; the view is refreshed from what is there."

[[value]]
name = "before"
label = "Carts not changed since"
kind = "date"
"#;

/// The part of a file that says what people do.
const BY_HAND_EXAMPLE: &str = r#"steps = ["by_hand_pause", "freeze", "vacuum", "by_hand_resume"]

[[by_hand]]
key = "by_hand_pause"
title = "The pool is paused"
does = "PAUSE shop on the pooler; SHOW POOLS has no active client."
back = "RESUME shop on the pooler."
risk = "R3"
minutes = 5
"#;

/// The part of a file that says whom it calls.
const CALL_EXAMPLE: &str = r#"steps = ["webhook_pause", "freeze", "vacuum", "webhook_resume"]

[[webhook]]
key = "webhook_pause"
title = "The shop takes no orders"
receiver = "shop control"
origin = "https://control.example.org"
does = "The shop shows its maintenance page."
back = "Switch the page off in shop control."
risk = "R3"

[[webhook]]
key = "webhook_resume"
title = "The shop takes orders again"
receiver = "shop control"
origin = "https://control.example.org"
does = "The shop opens."
back = "Nothing to undo."
risk = "R0"
closes = "webhook_pause"
"#;

#[component]
fn New(form: ProcedureForm) -> impl IntoView {
    let of = form.of.clone().unwrap_or_default();
    let (title, lead) = match (&form.from, form.base) {
        (Some(name), None) if form.of.is_some() => (format!("A new version of {name}"), "No version of it counts now.".to_owned()),
        (Some(name), Some(base)) => {
            (format!("A new version of {name}"), format!("Version {base} counts until somebody else agrees to this one."))
        }
        (Some(name), None) => ("Compose a procedure".to_owned(), format!("It begins like {name}: give it a key and a name of its own.")),
        (None, _) => ("Compose a procedure".to_owned(), "Choose the steps, their order and their thresholds.".to_owned()),
    };
    let text = if form.text.is_empty() { EXAMPLE.to_owned() } else { form.text };
    let base = form.base.map(|base| base.to_string()).unwrap_or_default();
    let limits = format!("Or choose a file (TOML, at most {} KiB); it counts before the text above.", MOST_BYTES / 1024);
    view! {
        <p class="crumb"><a href="/procedures">"← Procedures"</a></p>
        <Heading title=title lead=lead/>
        <div class="columns">
            <Card title="The file">
                <Form action="/procedures/new" submit="Propose it" cancel="/procedures" upload=true>
                    <input type="hidden" name="of" value=of/>
                    <input type="hidden" name="base" value=base/>
                    <TextArea name="text" label="Text" rows=22 code=true value=text or_file="file"
                        hint=format!("Pre-checks come first and the validation last, always. Each [[check]] asks people something on the validation list, at most {MOST_CHECKS}.")/>
                    <Field name="file" label="File" kind="file" hint=limits/>
                    <p class="quiet">"Nothing counts yet: one other lead, deputy or administrator has to agree."</p>
                </Form>
            </Card>
            <div>
                <Catalogue/>
                <Card title="Steps by hand">
                    <p>"What no step reaches is done by a person: the run waits there, tells people, and goes on when somebody says what they saw."</p>
                    <pre class="statement">{BY_HAND_EXAMPLE}</pre>
                    <p class="quiet">{format!("At most {} of them, each with at most {} minutes; the other steps are planned with so much less. The risk is the worst that it can do to the people who use the database: policies ask by it.", by_hand::MOST, by_hand::MOST_MINUTES)}</p>
                </Card>
                <Card title="Calls">
                    <p>"What another program does is done by a call to a receiver that an administrator registered on the page Webhooks: a signed CloudEvent of the type "<code>{CALLED}</code>". The run goes on when it answers with a status from 200 to 299; otherwise a person decides."</p>
                    <pre class="statement">{CALL_EXAMPLE}</pre>
                    <p class="quiet">{format!("At most {} of them, each tried {} times at a time under one webhook-id. Name and origin are those of the receiver. A call that closes another one is made however the run ends, once that other one was. It is made for each database, which the event names; a receiver that is kept for one team or environment is called for no other, so that a rehearsal on a copy closes nothing.", call::MOST, call::MOST_TRIES)}</p>
                </Card>
                <Card title="SQL">
                    <p>"A file may have the text of a change: alone, without "<code>"steps"</code>", or where "<code>"sql"</code>" stands among them. It is read and marked like any design change, and each plan holds it word by word. It can be proposed again and again, and in series."</p>
                    <pre class="statement">{SQL_EXAMPLE}</pre>
                    <p class="quiet">{format!("Give back = \"\"\"…\"\"\" or no_way_back; as_role = \"…\" for the role that sends it; keep_out = [\"…\"] for accounts that are kept out meanwhile, with keep_out_min for the minutes their transactions have to end, and keep_out_ends = true where they are ended then; read_by_me = true where a statement cannot be told by its text. Of [[value]] there are at most {MOST_VALUES}, of the kinds number (with least and most), date, text and name; usual is what the form begins with. In the text {{{{name}}}} stands by itself: it is filled with one whole constant or name. Among others: steps = [\"freeze\", \"by_hand_pause\", \"sql\", \"by_hand_resume\", \"vacuum\"]. Where a part of it does not succeed, nothing after it begins.")}</p>
                </Card>
            </div>
        </div>
    }
}

/// The steps there are, each with its thresholds.
#[component]
fn Catalogue() -> impl IntoView {
    let steps = own::catalogue().into_iter().map(|step| view! { <Step step/> }).collect_view();
    let everywhere = Parameters::SPECS.iter().filter(|spec| spec.steps.is_empty()).map(|spec| threshold(spec.name)).collect_view();
    view! {
        <Card title="Catalogue of steps">
            {steps}
            <details><summary>"Thresholds of every procedure"</summary><ul>{everywhere}</ul></details>
        </Card>
    }
}

#[component]
fn Step(step: StepTemplate) -> impl IntoView {
    let own: Vec<_> =
        Parameters::SPECS.iter().filter(|spec| spec.steps.contains(&step.key.as_str())).map(|spec| threshold(spec.name)).collect();
    let own = (!own.is_empty()).then(|| view! { <p class="quiet">"Thresholds:"</p><ul>{own}</ul> });
    view! {
        <details>
            <summary><code>{step.key}</code>" "{step.name}</summary>
            <p>{step.does}</p>
            <p class="quiet">{step.risk.word()}", "{step.risk.label()}". Proof: "{step.verified_by}</p>
            {own}
        </details>
    }
}

/// What a threshold is called, what it may be, and what it is where nobody says.
fn threshold(name: &'static str) -> impl IntoView + use<> {
    let spec = Parameters::SPECS.iter().find(|spec| spec.name == name);
    spec.map(|spec| {
        let said = format!(
            "{}: {} to {} {}; {} where it is not named.",
            spec.label,
            count(spec.min),
            count(spec.max),
            spec.unit,
            count(spec.default)
        );
        view! { <li><code>{name}</code><br/><span class="quiet">{said}</span></li> }
    })
}
