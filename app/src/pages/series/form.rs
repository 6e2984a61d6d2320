//! What, when and how often: the form of a series, new or changed. Its dates are shown before it is saved.

use super::dates::DatesGroup;
use crate::pages::windows::{
    AboutDatabase, ApproversCards, Limits, OldRowsFields, ProcedureChoice, SHOW_ITS_OWN, SeveralFields, TypedAs, ValueFields, typed_as,
};
use crate::parts::form::{Check, Field, Form, Group, Select, TextArea};
use crate::parts::layout::Card;
use domain::recurrence::text::weekdays;
use domain::series::form::SeriesForm;
use domain::view::series::FormPage;
use leptos::prelude::*;

fn options(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect()
}

/// The form with what stands beside it.
#[component]
pub fn SeriesFields(page: FormPage, #[prop(into)] action: String, #[prop(into)] cancel: String) -> impl IntoView {
    let (form, template, shelf) = (page.form.clone(), page.form.proposal.clone(), page.shelf.clone());
    let (zone, database, about) = (page.database.zone.clone(), page.database.clone(), page.database.clone());
    let dates = page.dates.clone();
    let revision = page.edit.as_ref().map(|edit| view! { <input type="hidden" name="revision" value=edit.revision/> });
    let submit = if page.dates.is_some() { "Save the series" } else { "Show its dates" };
    let not_ready = (!page.database.ready).then(|| {
        view! { <p class="message warn">"This database has not passed its connection test, so nothing can be planned on it yet. Open it under Databases and run the test."</p> }
    });
    let look = page.dates.is_some().then(
        || view! { <p class="message note" role="status">"Not saved yet. "<a href="#dates">"Look at its dates"</a>", then save."</p> },
    );
    view! {
        {not_ready}
        {look}
        <div class="columns">
            <Card title="What, when and how often">
                <Form action=action submit=submit cancel=cancel again=SHOW_ITS_OWN>
                    <input type="hidden" name="target" value=template.target.clone()/>
                    {revision}
                    <ProcedureChoice value=template.procedure.clone() shelf=shelf.clone() repeats=true/>
                    {match typed_as(&template.procedure, &shelf) {
                        TypedAs::OldRows => view! { <OldRowsFields value=template.change.old_rows.clone()/> }.into_any(),
                        TypedAs::Values => {
                            view! { <ValueFields form=template.procedure.clone() shelf=shelf.clone() values=template.change.values.clone()/> }.into_any()
                        }
                        _ => ().into_any(),
                    }}
                    <Field name="title" label="Title" value=template.title.clone() hint="A line for lists and mail subjects; without one the procedure's name stands there."/>
                    <TextArea name="reason" label="Reason" required=true value=template.reason.clone() rows=3 hint="Why it is needed, and what people will notice. Everybody who decides reads this, each time. At most 4,000 characters."/>
                    <p class="zone-note">"Dates and times are those of the database: "<strong>{zone.clone()}</strong>"."</p>
                    <div class="row">
                        <Field name="date" label="From" kind="date" required=true value=template.date.clone() hint="The first date is this day or the next one that fits."/>
                        <Field name="time" label="Start" kind="time" required=true value=template.time.clone()/>
                        <Field name="duration_min" label="Duration, minutes" kind="number" mode="numeric" required=true value=template.duration_min.clone()/>
                    </div>
                    <Repetition form=form.clone()/>
                    <Field name="lead_days" label="Propose each window, days ahead" kind="number" mode="numeric" required=true value=form.lead_days.clone()
                        hint="1 to 30. People are asked for their decision from then on."/>
                    <div class="row">
                        <Field name="latest_start_min" label="Latest start, minutes after the start" kind="number" mode="numeric" required=true value=template.latest_start_min.clone() hint="Not begun by then: missed."/>
                        <Field name="cut_off_min" label="Cut-off, minutes before the end" kind="number" mode="numeric" required=true value=template.cut_off_min.clone() hint="Nothing new begins after it."/>
                    </div>
                    <SeveralFields database=database.short_name.clone() environment_of=database.environment.clone() candidates=page.candidates form=template.clone()/>
                    <Limits form=template shelf/>
                    {dates.map(|dates| view! { <DatesGroup dates zone=zone.clone()/> })}
                </Form>
            </Card>
            <div>
                <AboutDatabase page_database=about/>
                <ApproversCards approvers=page.approvers/>
            </div>
        </div>
    }
}

/// How often, and until when. Fields that belong to another choice are not read.
#[component]
fn Repetition(form: SeriesForm) -> impl IntoView {
    let repeat = [
        ("daily", "Every day, or every few days"),
        ("weekly", "On days of the week"),
        ("weekday_of_month", "On a weekday of the month, such as the second Tuesday"),
        ("day_of_month", "On days of the month, such as the 1st and the last"),
        ("rule", "By a rule as calendars write it (RRULE)"),
    ];
    let nth = [("1", "first"), ("2", "second"), ("3", "third"), ("4", "fourth"), ("5", "fifth"), ("-1", "last")];
    let ends = [("never", "When somebody ends it"), ("count", "After a number of dates"), ("until", "After a day")];
    let weekdays = weekdays();
    let days = weekdays
        .map(
            |(value, label)| view! { <Check name="weekday" label=label value=value checked=form.weekdays.iter().any(|day| day == value)/> },
        )
        .collect_view();
    view! {
        <Group legend="How often">
            <Select name="repeat" label="Repeats" required=true value=form.repeat.clone() options=options(&repeat)/>
            <Field name="every" label="Every so many days, weeks or months" kind="number" mode="numeric" value=form.every.clone() hint="1 is each of them, 2 every second one."/>
        </Group>
        <Group legend="Days of the week" hint="For “On days of the week”. None ticked: the weekday of the first day.">
            <div class="row">{days}</div>
        </Group>
        <Group legend="In the month" hint="For the two monthly choices.">
            <div class="row">
                <Select name="nth" label="Which one" value=form.nth.clone() options=options(&nth)/>
                <Select name="nth_weekday" label="Weekday" value=form.nth_weekday.clone() options=options(&weekdays)/>
                <Field name="month_days" label="Days of the month" value=form.month_days.clone() hint="Such as 1, 15, -1; -1 is the last one. Empty: that of the first day." autocomplete="off"/>
            </div>
        </Group>
        <Field name="rule" label="Rule" value=form.rule.clone() autocomplete="off"
            hint="For “By a rule”: FREQ=MONTHLY;BYDAY=2TU with INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL. It says itself when it ends."/>
        <Group legend="Until when">
            <div class="row">
                <Select name="ends" label="Ends" value=form.ends.clone() options=options(&ends)/>
                <Field name="count" label="Number of dates" kind="number" mode="numeric" value=form.count.clone()/>
                <Field name="until" label="Last day" kind="date" value=form.until.clone()/>
            </div>
        </Group>
    }
}
