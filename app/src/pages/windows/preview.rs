//! What a worker found when it looked: objects with the measure that chose them, statements, locks, estimates, and what was passed over.

use super::frame::{foreign, foreign_lines};
use crate::parts::findings::FindingsList;
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::change::trial::{After, Difference, DifferenceKind, NOT_SHOWN, Trial};
use domain::people::visible;
use domain::procedure::text::{plural, range_ms, size};
use domain::procedure::{Basis, Estimate, LeftOut, WorkItem, library};
use domain::view::windows::Preview;
use jiff::Timestamp;
use leptos::prelude::*;

/// The card of a preview, or of one on each of several databases; nothing of both says that nobody looked.
#[component]
pub fn PreviewCard(
    #[prop(optional_no_strip)] preview: Option<Preview>,
    #[prop(optional)] previews: Vec<(String, Preview)>,
) -> impl IntoView {
    if !previews.is_empty() {
        let each = previews.into_iter().map(|(name, preview)| view! { <section><h3>{name}</h3><Found preview/></section> }).collect_view();
        return view! { <Card title="Preview" id="preview".to_owned()>{each}</Card> }.into_any();
    }
    let Some(preview) = preview else {
        return view! {
            <Card title="Preview" id="preview".to_owned()>
                <Empty title="No preview was made" why="The plan was sealed without a look at the database. The work is selected at the start, inside the limits of the plan."/>
            </Card>
        }
        .into_any();
    };
    view! { <Card title="Preview" id="preview".to_owned()><Found preview/></Card> }.into_any()
}

/// The inside of a preview, once there is an answer.
#[component]
pub fn Found(preview: Preview) -> impl IntoView {
    let items = preview.work.items;
    let (low, high) =
        items.iter().fold((0_u64, 0_u64), |(low, high), item| (low + item.estimate.low_ms, high.saturating_add(item.estimate.high_ms)));
    let bytes = items.iter().fold(0_u64, |sum, item| sum.saturating_add(item.bytes));
    let measured = preview.measured_at.parse::<Timestamp>().ok().map(|at| view! { <Time at=at/> });
    let approved = items.iter().any(|item| item.script.is_some());
    let guess = items.iter().any(|item| item.estimate.basis == Basis::Guess);
    let total = (!items.is_empty()).then(|| {
        view! {
            <p>
                <strong>{plural(items.len() as u64, "object", "objects")}</strong>", "{size(bytes)}" to read and write, "
                <strong>{range_ms(low, high)}</strong>{guess.then_some(" (a guess where this database has no earlier runs)")}
            </p>
        }
    });
    view! {
        {if approved {
            view! { <p class="quiet">"Looked at "{measured}". Nothing is selected: these parts are sent as they stand, in their order, when the run has begun."</p> }.into_any()
        } else {
            view! { <p class="quiet">"Measured "{measured}". Information, not the plan: the work is selected anew at the start, inside the plan's limits."</p> }.into_any()
        }}
        {preview.raises_risk.then(|| view! { <p class="message warn">"Some of what was found is riskier than the plan allows. As things are, the run would stop and ask."</p> })}
        {preview.trial.map(|trial| view! { <TrialPart trial/> })}
        {total}
        <WorkTable items caption="What would be done now"/>
        <LeftOutList left_out=preview.work.left_out/>
        {(!preview.work.findings.is_empty()).then(|| view! { <h3>"Findings"</h3> })}
        <FindingsList findings=preview.work.findings more=preview.work.more_findings/>
    }
}

/// What came of trying a change on an empty copy; what went wrong there is among the findings, too.
#[component]
fn TrialPart(trial: Trial) -> impl IntoView {
    let (tone, label) = match &trial {
        Trial::NotTried { .. } => (Tone::Quiet, "Not tried"),
        Trial::Tried(tried) if !tried.failures.is_empty() => (Tone::Bad, "Failed"),
        Trial::Tried(tried) if tried.is_whole() => (Tone::Good, "Went through"),
        Trial::Tried(_) => (Tone::Warn, "In part"),
    };
    let said = visible(&trial.sentence());
    let Trial::Tried(tried) = trial else {
        return view! { <h3>"On an empty copy"</h3><p class="trial"><Pill tone=tone label=label/>" "{said}</p> }.into_any();
    };
    let without = (!tried.left_out.is_empty()).then(|| {
        let what = visible(&tried.left_out.join(", "));
        view! { <p class="quiet">"The copy was made without "{what}", which only a superuser makes or which leads to other servers."</p> }
    });
    let differs = match tried.after {
        After::Differs { objects, more } => Some(view! { <Differences objects more/> }),
        _ => None,
    };
    view! {
        <h3>"On an empty copy"</h3>
        <p class="trial"><Pill tone=tone label=label/>" "{said}</p>
        {differs}
        {without}
        <p class="quiet">{NOT_SHOWN}</p>
    }
    .into_any()
}

/// What is not as it was after the way back.
#[component]
fn Differences(objects: Vec<Difference>, more: u64) -> impl IntoView {
    let lines = objects
        .into_iter()
        .map(|object| {
            let happened = match object.kind {
                DifferenceKind::Gone => " is gone",
                DifferenceKind::LeftBehind => " is left behind",
                DifferenceKind::Changed => " is another one",
            };
            let text = (!object.lines.is_empty()).then(|| foreign_lines(&object.lines.join("\n")));
            let text = text.map(|text| view! { <pre tabindex="0">{text}</pre> });
            view! { <li><strong>{foreign(&object.object)}</strong>{happened}{text}</li> }
        })
        .collect_view();
    let rest = (more > 0).then(|| view! { <li>{plural(more, "object", "objects")}" more"</li> });
    view! { <ul class="differences">{lines}{rest}</ul> }
}

/// A list of work with the measure that chose each object.
#[component]
pub fn WorkTable(items: Vec<WorkItem>, #[prop(into)] caption: String) -> impl IntoView {
    if items.is_empty() {
        return view! { <Empty title="Nothing needs to be done" why="Every object is below the thresholds of this plan. The run would only check, and close."/> }.into_any();
    }
    let rows = items
        .into_iter()
        .map(|item| {
            let debris = item.debris.clone().map(|debris| view! { <br/><span class="quiet">"Cut short it may leave "{debris}"."</span> });
            let cache = item
                .measure
                .figures
                .get("cache_hit_permille")
                .map(|hit| view! { <br/><span class="quiet">"Cache hit: "{hit / 10}"."{hit % 10}" %"</span> });
            view! {
                <tr>
                    <td>{library::step_name(&item.step)}</td>
                    <th scope="row">{foreign(&item.object.name.to_string())}<br/><code class="inline">{foreign(&item.statement)}</code></th>
                    <td class="said">{foreign(&sentence(&item))}{cache}</td>
                    <td class="said" data-label="Lock">{item.lock.clone()}<br/><span class="quiet">{item.risk.word()}", "{item.risk.label()}</span>{debris}</td>
                    <td class="number" data-label="Estimate">{estimate(item.estimate)}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <Table caption=caption head=&["Step", "Object and statement", "Why", "Lock and risk", "#Estimate"]>{rows}</Table> }.into_any()
}

/// The measure's sentence without the cache hit, which has a line of its own: it is no reason for anything.
fn sentence(item: &WorkItem) -> String {
    let text = &item.measure.sentence;
    text.split(" Cache hit ").next().unwrap_or(text).to_owned()
}

/// A range, marked when nothing was measured yet.
pub fn estimate(estimate: Estimate) -> String {
    let range = range_ms(estimate.low_ms, estimate.high_ms);
    if estimate.basis == Basis::Guess { format!("{range} (guess)") } else { range }
}

/// What needs attention and gets none, with the reason.
#[component]
pub fn LeftOutList(left_out: Vec<LeftOut>) -> impl IntoView {
    (!left_out.is_empty()).then(|| {
        let lines = left_out
            .into_iter()
            .map(|left| view! { <li><strong>{foreign(&left.object)}</strong>": "{foreign(&left.reason)}</li> })
            .collect_view();
        view! { <h3>"Passed over"</h3><ul>{lines}</ul> }
    })
}
