//! Freezes from a calendar file: the file, and what each of its events becomes before anything is frozen.

use crate::door;
use crate::parts::form::{Field, Form, Group, Select, TextArea};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::freeze::import::{MOST_BYTES, MOST_EVENTS, Verdict};
use domain::procedure::text::plural;
use domain::view::freezes::{ImportPage, ImportRow, NewFreezePage};
use engine::queries::freezes;
use leptos::prelude::*;

#[component]
pub fn FreezeImportPage() -> impl IntoView {
    let (engine, caller, zone) = (door::engine(), door::caller(), door::zone());
    Suspend::new(async move {
        let answer = async { freezes::new_form(&engine, &caller?.actor).await }.await;
        door::show(answer, |page| form(&page, zone).into_any())
    })
}

fn form(page: &NewFreezePage, zone: String) -> impl IntoView + use<> {
    let choices = page.choices();
    let lead = "Holidays or release days from a calendar: you see what becomes of each event, and of each date within two years of those that repeat, before anything is frozen.";
    let limits = format!("At most {} kB and {MOST_EVENTS} events.", MOST_BYTES / 1000);
    view! {
        <div class="narrow">
            <p class="crumb"><a href="/freezes">"← Freezes"</a></p>
            <Heading title="Freezes from a calendar" lead=lead/>
            <Form action="/freezes/import" submit="Look at the events" cancel="/freezes" upload=true>
                <Field name="file" label="Calendar file (.ics)" kind="file" hint=limits/>
                <TextArea name="ics" label="Or its text" rows=6 code=true hint="Instead of a file: from BEGIN:VCALENDAR to END:VCALENDAR."/>
                <Group legend="What the freezes cover">
                    <Select name="covers" label="Covers" required=true options=choices/>
                    <Field name="database" label="Database" hint="Its short name, where it is one database." autocomplete="off"/>
                </Group>
                <Field name="zone" label="Time zone" hint="Whole days, and times without a zone, are taken in it. An IANA name." value=zone suggestions=engine::zones::names() required=true/>
            </Form>
        </div>
    }
}

#[component]
pub fn FreezeImportShowPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter("id"));
    Suspend::new(async move {
        let answer = async { freezes::import(&engine, &caller?.actor, id?).await }.await;
        door::show(answer, |page| preview(page).into_any())
    })
}

fn preview(page: ImportPage) -> impl IntoView {
    let new = page.rows.iter().filter(|row| row.verdict == Verdict::New).count();
    let lead = format!("{}. Whole days are those of {}.", page.covers, page.zone);
    let said = plural(new as u64, "event becomes a freeze", "events become freezes");
    let act = if new == 0 {
        view! { <p>"Nothing in this file would become a freeze; each line says why. "<a href="/freezes/import">"Choose another file"</a></p> }.into_any()
    } else {
        view! {
            <p>{said}". Owners of windows that they meet are told."</p>
            <Form action=format!("/freezes/import/{}", page.id) submit="Freeze these times" cancel="/freezes/import">""</Form>
        }
        .into_any()
    };
    let rows = page.rows.into_iter().map(line).collect_view();
    view! {
        <p class="crumb"><a href="/freezes/import">"← Another file"</a></p>
        <Heading title="What becomes of the events" lead=lead/>
        <Card title="Import">{act}</Card>
        <div class="listing">
            <Table caption="Events of the file, in its order" head=&["Event", "From", "To", "What becomes of it"]>{rows}</Table>
        </div>
    }
}

fn line(row: ImportRow) -> impl IntoView {
    let (tone, label) = match &row.verdict {
        Verdict::New => (Tone::Good, "New"),
        Verdict::Known => (Tone::Quiet, "Known"),
        Verdict::Moved(_) => (Tone::Warn, "Moved"),
        Verdict::Lifted(_) => (Tone::Quiet, "Lifted"),
        Verdict::Over => (Tone::Quiet, "Over"),
        Verdict::Refused(_) => (Tone::Bad, "No freeze"),
    };
    let from = row.during.map(|during| view! { <Time at=during.start/> });
    let before = row.verdict.before().map(|id| view! { " "<a href=format!("/freezes/{id}")>"That freeze"</a> });
    let to = row.during.map(|during| view! { <Time at=during.end/> });
    view! {
        <tr>
            <th scope="row">{row.name}</th>
            <td data-label="From">{from}</td>
            <td data-label="To">{to}</td>
            <td><Pill tone label/>" "{row.verdict.says()}{before}</td>
        </tr>
    }
}
