//! One freeze: what it covers, the windows it meets, another end, and lifting it.

use super::tone;
use crate::door;
use crate::pages::windows::pill_of;
use crate::parts::details::{Detail, Details};
use crate::parts::form::{Field, Form, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::Pill;
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::freeze::{Freeze, Phase};
use domain::view::freezes::{FreezePage as Page, MetWindow};
use engine::queries::freezes;
use jiff::tz::TimeZone;
use leptos::prelude::*;

#[component]
pub fn FreezeShowPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter("id"));
    Suspend::new(async move {
        let answer = async { freezes::show(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |page| show(page).into_any())
    })
}

fn show(page: Page) -> impl IntoView {
    let (freeze, covers) = (page.row.freeze, page.row.covers);
    let phase = freeze.phase(page.at);
    let lifted = page.row.lifted.zip(freeze.lifted_at).map(|((who, why), at)| {
        view! { <Detail term="Lifted"><Time at/>" by "{who}": "{why}</Detail> }
    });
    let change = page.may_change.then(|| view! { <Change freeze=freeze.clone() phase/> });
    let standing = matches!(phase, Phase::Coming | Phase::Now);
    view! {
        <p class="crumb"><a href="/freezes">"← Freezes"</a></p>
        <Heading title=freeze.name.clone() lead=covers/>
        <p class="window-line"><Pill tone=tone(phase) label=phase.label()/></p>
        <div class="columns">
            <div>
                <Card title="The freeze">
                    <Details>
                        <Detail term="From"><Time at=freeze.start/></Detail>
                        <Detail term="To"><Time at=freeze.end/></Detail>
                        {lifted}
                        <Detail term="By">{freeze.by_name.clone()}</Detail>
                        <Detail term="Why"><span class="reason">{freeze.reason.clone()}</span></Detail>
                    </Details>
                </Card>
                {standing.then(|| view! { <Met windows=page.windows/> })}
            </div>
            <div>{change}</div>
        </div>
    }
}

/// Windows that it keeps, and those that may pass.
#[component]
fn Met(windows: Vec<MetWindow>) -> impl IntoView {
    let body = if windows.is_empty() {
        view! { <p>"It meets no window that you may see."</p> }.into_any()
    } else {
        let rows = windows
            .into_iter()
            .map(|window| {
                let passes = window.passes.map(|(who, why)| view! { <br/><span class="quiet">"May pass, says "{who}": "{why}</span> });
                view! {
                    <tr>
                        <th scope="row"><a href=format!("/windows/{}", window.number)>"#"{window.number}" "{window.title}</a>{passes}</th>
                        <td>{pill_of(window.state)}</td>
                        <td data-label="Database">{window.database}</td>
                        <td data-label="Starts"><Time at=window.start/></td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Table caption="Windows that the freeze meets" head=&["Window", "State", "Database", "Starts"]>{rows}</Table> }.into_any()
    };
    view! { <Card title="Windows it meets">{body}</Card> }
}

#[component]
fn Change(freeze: Freeze, phase: Phase) -> impl IntoView {
    let (end, lift) = (format!("/freezes/{}/end", freeze.id), format!("/freezes/{}/lift", freeze.id));
    let zoned = freeze.end.to_zoned(TimeZone::get(&freeze.zone).unwrap_or(TimeZone::UTC));
    let (date, time) = (zoned.strftime("%Y-%m-%d").to_string(), zoned.strftime("%H:%M").to_string());
    let (title, submit, follows) = if phase == Phase::Coming {
        ("Call it off", "Call the freeze off", "It does not begin: approved windows start at their times.")
    } else {
        ("Lift it", "Lift the freeze now", "Approved windows start again at their times, at once where they are due.")
    };
    view! {
        <Card title="Another end">
            <Form action=end submit="Move the end" prefix="end-">
                <input type="hidden" name="revision" value=freeze.revision/>
                <p class="zone-note">"Date and time are those of "<strong>{freeze.zone.clone()}</strong>"."</p>
                <div class="row">
                    <Field name="to_date" label="Date" kind="date" required=true value=date/>
                    <Field name="to_time" label="Time" kind="time" value=time hint="Blank: the end of the day."/>
                </div>
                <TextArea name="reason" label="Why" rows=2 required=true hint="At most 2,000 characters."/>
            </Form>
        </Card>
        <Card title=title>
            <p>{follows}</p>
            <Form action=lift submit=submit danger=true prefix="lift-">
                <TextArea name="reason" label="Why" rows=2 required=true hint="Owners of windows it met are told. At most 2,000 characters."/>
            </Form>
        </Card>
    }
}
