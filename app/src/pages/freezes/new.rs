//! A new freeze: what it covers, from when to when, and why.

use crate::door;
use crate::parts::form::{Field, Form, Group, Select, TextArea};
use crate::parts::layout::Heading;
use domain::view::freezes::NewFreezePage as Page;
use engine::queries::freezes;
use leptos::prelude::*;

#[component]
pub fn FreezeNewPage() -> impl IntoView {
    let (engine, caller, zone) = (door::engine(), door::caller(), door::zone());
    Suspend::new(async move {
        let answer = async { freezes::new_form(&engine, &caller?.actor).await }.await;
        door::show(answer, |page| form(&page, zone).into_any())
    })
}

fn form(page: &Page, zone: String) -> impl IntoView + use<> {
    let choices = page.choices();
    let lead = "From its beginning on nothing starts on what it covers, by any path: by the schedule, by hand, after a hold, or as the next item of a run.";
    view! {
        <div class="narrow">
            <Heading title="New freeze" lead=lead/>
            <Form action="/freezes/new" submit="Freeze" cancel="/freezes">
                <Field name="name" label="Name" required=true hint="As people call it: year end, release 12. At most 120 characters."/>
                <Group legend="What it covers">
                    <Select name="covers" label="Covers" required=true options=choices/>
                    <Field name="database" label="Database" hint="Its short name, where it is one database." autocomplete="off"/>
                </Group>
                <Group legend="From" hint="Leave both blank to freeze at once.">
                    <div class="row">
                        <Field name="from_date" label="Date" kind="date"/>
                        <Field name="from_time" label="Time" kind="time" hint="Blank: the beginning of the day."/>
                    </div>
                </Group>
                <Group legend="To">
                    <div class="row">
                        <Field name="to_date" label="Date" kind="date" required=true/>
                        <Field name="to_time" label="Time" kind="time" hint="Blank: the end of the day."/>
                    </div>
                </Group>
                <Field name="zone" label="Time zone" hint="Of these times. An IANA name." value=zone suggestions=engine::zones::names() required=true/>
                <TextArea name="reason" label="Why" rows=3 required=true
                    hint="Everybody whose window it keeps reads it. At most 2,000 characters."/>
                <p class="quiet">"Owners of windows that it meets are told. A window whose latest start passes meanwhile is missed, with this reason."</p>
            </Form>
        </div>
    }
}
