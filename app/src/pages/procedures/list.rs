//! All procedures: the library's, then those that people composed.

use crate::door;
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use domain::permission::Verb;
use domain::view::procedures::ProcedureRow;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn ProceduresPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    let may_propose = door::may(Verb::ManageProcedures, None);
    Suspend::new(async move {
        let answer = async { queries::procedures::list(&engine, &caller?).await }.await;
        door::show(answer, |rows| view! { <List rows may_propose/> }.into_any())
    })
}

#[component]
fn List(rows: Vec<ProcedureRow>, may_propose: bool) -> impl IntoView {
    let rows = rows.into_iter().map(|row| view! { <Row row/> }).collect_view();
    view! {
        <Heading title="Procedures" lead="What a window can do. Those of the library come with Drydock; your own are composed of its steps, with thresholds and questions of your own.">
            {may_propose.then(|| view! { <a class="button" href="/procedures/new">"Compose one"</a> })}
        </Heading>
        <div class="listing">
            <Table caption="Procedures" head=&["Procedure", "State", "Version", "Highest risk"]>{rows}</Table>
        </div>
    }
}

#[component]
fn Row(row: ProcedureRow) -> impl IntoView {
    let ProcedureRow { procedure, counts, waits } = row;
    let to = format!("/procedures/{}", procedure.key);
    let risk = procedure.highest_risk();
    let state = match (counts, procedure.is_own()) {
        (true, true) => view! { <Pill tone=Tone::Good label="Your own"/> }.into_any(),
        (true, false) => view! { <span class="quiet">"Library"</span> }.into_any(),
        (false, _) => ().into_any(),
    };
    let waiting = waits.map(|version| view! { " "<Pill tone=Tone::Waiting label=format!("Version {version} waits for a second person")/> });
    let version = if counts { procedure.version.to_string() } else { "none yet".to_owned() };
    let about = procedure.about().to_owned();
    view! {
        <tr>
            <th scope="row" class="wrap"><a href=to>{procedure.name.clone()}</a><br/><span class="quiet">{about}</span></th>
            <td>{state}{waiting}</td>
            <td data-label="Version">{version}</td>
            <td class="wrap" data-label="Highest risk">{risk.word()}", "{risk.label()}</td>
        </tr>
    }
}
