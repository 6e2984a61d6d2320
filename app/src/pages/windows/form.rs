//! What and when: the form of a proposal, for a new window or a new revision.

use super::change::{AccountsFields, ChangeFields, OldRowsFields, SettingsFields};
use super::frame::{environment, pill_of};
use super::procedure::{ProcedureChoice, SHOW_ITS_OWN, TypedAs, ValueFields, chosen, typed_as};
use super::several::SeveralFields;
use crate::door;
use crate::islands::TimesCheck;
use crate::parts::details::{Detail, Details};
use crate::parts::form::{Field, Form, Group, Select, TextArea};
use crate::parts::layout::Card;
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::freeze::Freeze;
use domain::procedure::{Parameters, Procedure, Shelf, text::count};
use domain::proposal::ProposalForm;
use domain::target::Environment;
use domain::view::windows::Overlap;
use domain::view::windows::beside::Beside;
use domain::view::windows::propose::{Approvers, FormPage, also_asked};
use leptos::prelude::*;

/// The form with what stands beside it. It posts to `action`, which asks a worker for a look.
#[component]
pub fn ProposalFields(page: FormPage, #[prop(into)] action: String, #[prop(into)] cancel: String) -> impl IntoView {
    let asks_fold =
        door::typed().is_some_and(|typed| typed.error("fold").is_some() || typed.get("fold").is_some_and(|fold| !fold.is_empty()));
    let asks_fold = asks_fold || !page.form.fold.is_empty();
    let (database, zone) = (page.database.clone(), page.database.zone.clone());
    let hours = database.hours.clone();
    let (short_name, of) = (database.short_name.clone(), database.environment.clone());
    let edits = page.edit.as_ref().map(|edit| edit.number);
    let (form, candidates, shelf) = (page.form, page.candidates, page.shelf);
    let others: Vec<String> = candidates.iter().map(|candidate| candidate.short_name.clone()).collect();
    let revision = page.edit.as_ref().map(|edit| view! { <input type="hidden" name="revision" value=edit.expected/> });
    let not_ready = (!database.ready).then(|| {
        view! { <p class="message warn">"This database has not passed its connection test, so nothing can be planned on it yet. Open it under Databases and run the test; what you type here can wait."</p> }
    });
    view! {
        {not_ready}
        <div class="columns">
            <Card title="What and when">
                <Form action=action submit="Look at the database" cancel=cancel again=SHOW_ITS_OWN>
                    <input type="hidden" name="target" value=short_name.clone()/>
                    {revision}
                    <ProcedureChoice value=form.procedure.clone() shelf=shelf.clone()/>
                    {match typed_as(&form.procedure, &shelf) {
                        TypedAs::Nothing => ().into_any(),
                        TypedAs::Sql => view! { <ChangeFields form=form.change.clone()/> }.into_any(),
                        TypedAs::Settings => view! { <SettingsFields value=form.change.settings.clone()/> }.into_any(),
                        TypedAs::Accounts => view! { <AccountsFields value=form.change.accounts.clone()/> }.into_any(),
                        TypedAs::OldRows => view! { <OldRowsFields value=form.change.old_rows.clone()/> }.into_any(),
                        TypedAs::Values => {
                            view! { <ValueFields form=form.procedure.clone() shelf=shelf.clone() values=form.change.values.clone()/> }.into_any()
                        }
                    }}
                    <Field name="title" label="Title" value=form.title.clone() hint="A line for lists and mail subjects; without one the procedure's name stands there."/>
                    <TextArea name="reason" label="Reason" required=true value=form.reason.clone() rows=3 hint="Why it is needed, and what people will notice. Everybody who decides reads this. At most 4,000 characters."/>
                    <p class="zone-note">"Date and time are those of the database: "<strong>{zone}</strong>"."</p>
                    <div class="row">
                        <Field name="date" label="Date" kind="date" required=true value=form.date.clone()/>
                        <Field name="time" label="Start" kind="time" required=true value=form.time.clone()/>
                        <Field name="duration_min" label="Duration, minutes" kind="number" mode="numeric" required=true value=form.duration_min.clone()/>
                    </div>
                    {asks_fold.then(|| view! { <Fold value=form.fold.clone()/> })}
                    <TimesCheck database=short_name.clone() edits=edits others=others/>
                    <OutsideHours value=form.outside_hours.clone() hours=hours/>
                    <SeveralFields database=short_name environment_of=of.clone() candidates form=form.clone()/>
                    <RehearsedBy environment_of=of value=form.rehearsal.clone()/>
                    <div class="row">
                        <Field name="latest_start_min" label="Latest start, minutes after the start" kind="number" mode="numeric" required=true value=form.latest_start_min.clone() hint="Not begun by then: missed."/>
                        <Field name="cut_off_min" label="Cut-off, minutes before the end" kind="number" mode="numeric" required=true value=form.cut_off_min.clone() hint="Nothing new begins after it."/>
                    </div>
                    <Limits form=form shelf/>
                </Form>
            </Card>
            <div>
                <AboutDatabase page_database=database/>
                <ApproversCards approvers=page.approvers/>
                <TakenCard taken=page.taken freezes=page.freezes beside=page.beside/>
            </div>
        </div>
    }
}

/// Asks why a time has to be outside of the allowed hours, where there are any or the answer is missing.
#[component]
pub fn OutsideHours(value: String, hours: String) -> impl IntoView {
    let asked = door::field_errors().iter().any(|error| error.field == "outside_hours");
    let typed = door::typed().and_then(|typed| typed.get("outside_hours").map(str::to_owned)).unwrap_or_default();
    let open = asked || !value.is_empty() || !typed.is_empty();
    let about = if hours.is_empty() { String::new() } else { format!("It may be maintained {hours}. ") };
    (open || !hours.is_empty()).then(|| {
        view! {
            <details open=open>
                <summary>"Outside of its hours"</summary>
                <TextArea name="outside_hours" label="Why it has to be outside of its hours" value=value rows=2
                    hint=format!("{about}Leave this empty unless the time lies outside: whoever approves reads it.")/>
            </details>
        }
    })
}

/// Asks for the rehearsal, where there is anything lower to rehearse on.
#[component]
fn RehearsedBy(environment_of: String, value: String) -> impl IntoView {
    (environment_of != Environment::Development.word()).then(|| {
        view! {
            <Field name="rehearsal" label="Rehearsed by window" value=value mode="numeric" autocomplete="off"
                hint="Number of a window that ran the same, clean, on a lower database of the team. Empty: the newest that counts, if there is one."/>
        }
    })
}

/// Asks which of two equal wall times is meant.
#[component]
pub fn Fold(value: String) -> impl IntoView {
    let options = [("", "Choose"), ("first", "The first one, before the clocks go back"), ("second", "The second one, after")];
    let options = options.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    view! { <Select name="fold" label="Which of the two" value=value options hint="The clocks go back that night, so this time happens twice."/> }
}

/// The database a form is about.
#[component]
pub fn AboutDatabase(page_database: domain::view::windows::propose::Database) -> impl IntoView {
    view! {
        <Card title="Database">
            <Details>
                <Detail term="Short name"><strong>{page_database.short_name}</strong></Detail>
                <Detail term="Name">{page_database.name}</Detail>
                <Detail term="Environment">{environment(&page_database.environment)}</Detail>
                <Detail term="Zone">{page_database.zone}</Detail>
                {(!page_database.hours.is_empty()).then(|| view! { <Detail term="Hours">{page_database.hours}</Detail> })}
            </Details>
        </Card>
    }
}

/// Limits and thresholds: folded, unless one of them is wrong.
#[component]
pub fn Limits(form: ProposalForm, shelf: Shelf) -> impl IntoView {
    let wrong = |names: &[&str]| door::field_errors().iter().any(|error| names.contains(&error.field.as_str()));
    let limits_open = wrong(&["most_objects", "most_mib", "excluded"]);
    let names: Vec<&str> = Parameters::SPECS.iter().map(|spec| spec.name).collect();
    let asked = door::typed().is_some_and(|typed| typed.get("again").is_some());
    let thresholds_open = asked || wrong(&names);
    let procedure = chosen(&form.procedure, &shelf);
    let defaults = procedure.as_ref().map(Procedure::parameters).unwrap_or_default();
    let of = procedure.as_ref().map(|procedure| format!(" of {}", procedure.name)).unwrap_or_default();
    let fields = Parameters::specs_of(procedure.as_ref())
        .map(|spec| {
            let (help, default) = (spec.help.trim(), defaults.get(spec.name).unwrap_or(spec.default));
            let hint = format!("{help} {} to {} {}; empty for {}.", count(spec.min), count(spec.max), spec.unit, count(default));
            let value = form.parameters.get(spec.name).cloned().unwrap_or_default();
            view! { <Field name=spec.name label=spec.label hint=hint value=value mode="numeric" autocomplete="off"/> }
        })
        .collect_view();
    // What is typed is sent whole: limits of a selection mean nothing to it, and what they were is kept.
    let limits = if chosen(&form.procedure, &shelf).is_some_and(|procedure| !procedure.selects()) {
        view! {
            <input type="hidden" name="most_objects" value=form.most_objects.clone()/>
            <input type="hidden" name="most_mib" value=form.most_mib.clone()/>
            <input type="hidden" name="excluded" value=form.excluded.clone()/>
        }
        .into_any()
    } else {
        view! { <LimitFields form=form.clone() open=limits_open/> }.into_any()
    };
    view! {
        {limits}
        <details open=thresholds_open>
            <summary>{format!("Thresholds{of}")}</summary>
            <Group legend="Thresholds" hint="When an object needs work or attention. The defaults are safe; leave a field empty to keep its default.">{fields}</Group>
        </details>
    }
}

#[component]
fn LimitFields(form: ProposalForm, open: bool) -> impl IntoView {
    view! {
        <details open=open>
            <summary>"Limits of the work"</summary>
            <Group legend="Limits" hint="People approve these limits; of several databases they hold for each. What is selected at the start stays inside them, or is left out and reported.">
                <div class="row">
                    <Field name="most_objects" label="Most objects" kind="number" mode="numeric" required=true value=form.most_objects.clone()/>
                    <Field name="most_mib" label="Most data, MiB" kind="number" mode="numeric" required=true value=form.most_mib.clone()/>
                </div>
                <TextArea name="excluded" label="Leave alone" code=true rows=3 value=form.excluded.clone() hint="One rule a line: schema.table or schema.*; a table's rule reaches its indexes."/>
            </Group>
        </details>
    }
}

/// Who must approve each database: those that ask alike in one card.
#[component]
pub fn ApproversCards(approvers: Vec<Approvers>) -> impl IntoView {
    approvers.into_iter().map(|approvers| view! { <ApproversCard approvers/> }).collect_view()
}

/// Who must approve, computed from policy, groups and authors.
#[component]
pub fn ApproversCard(approvers: Approvers) -> impl IntoView {
    let title =
        if approvers.on.is_empty() { "Who must approve".to_owned() } else { format!("Who must approve: {}", approvers.on.join(", ")) };
    let lines = approvers.demands().map(|said| view! { <li>{said}</li> }).collect_view();
    let staged = approvers.is_staged();
    let second = also_asked(&approvers.seconds).map(|who| view! { <p>"Without quorum in time, also asked: "{who}"."</p> });
    let beforehand = approvers.pre_approved.then(|| {
        view! { <p class="message warn">"Nobody is asked: the policy approves this risk class beforehand. The window says so on its page, in its mails and in the trail."</p> }
    });
    let rehearsal = approvers.rehearsal.clone().map(|said| view! { <p>"Needs a rehearsal: "{said}"."</p> });
    let raised = approvers.raised.clone().map(
        |said| view! { <p class="message warn">{said}" Have that review done, and a plan asks for no more than its policy does."</p> },
    );
    let short = (!approvers.reachable).then(|| {
        view! {
            <p class="message warn">"Nobody could ever approve this: each of them counts once, and whoever wrote a revision never does. Name more stakeholders of the database, or a deputy in the team."</p>
        }
    });
    view! {
        <Card title=title>
            {beforehand}
            {raised}
            <ul>{lines}</ul>
            {staged.then(|| view! { <p class="quiet">"Each stage is asked once the one before is complete."</p> })}
            {second}
            {rehearsal}
            {short}
            <p class="quiet">"Policy “"{approvers.policy}"”. You are not asked about your own window, whatever your role."</p>
        </Card>
    }
}

/// When nothing can be planned here: other windows, and freezes.
#[component]
pub fn TakenCard(taken: Vec<Overlap>, freezes: Vec<Freeze>, beside: Vec<Beside>) -> impl IntoView {
    let frozen = (!freezes.is_empty()).then(|| view! { <FreezeTable freezes/> });
    let body = if taken.is_empty() {
        view! { <p>"No other window takes this database in the next 60 days."</p> }.into_any()
    } else {
        view! { <OverlapTable overlaps=taken caption="Other windows on this database in the next 60 days"/> }.into_any()
    };
    let beside = (!beside.is_empty()).then(|| view! { <BesideTable beside caption="On the same server, or linked, in the next 60 days"/> });
    view! { <Card title="When it is taken">{body}{frozen}{beside}</Card> }
}

/// Freezes over the database.
#[component]
pub fn FreezeTable(freezes: Vec<Freeze>) -> impl IntoView {
    let rows = freezes
        .into_iter()
        .map(|freeze| {
            let to = format!("/freezes/{}", freeze.id);
            view! { <tr><th scope="row"><a href=to>{freeze.name}</a><br/><Pill tone=Tone::Warn label="Freeze"/>" "<span class="quiet">{freeze.reason}</span></th><td><Time at=freeze.start/><br/>"to "<Time at=freeze.end/></td></tr> }
        })
        .collect_view();
    view! { <Table caption="Freezes over this database" head=&["Freeze", "When"]>{rows}</Table> }
}

/// Windows on other databases of the same server, or linked with it.
#[component]
pub fn BesideTable(beside: Vec<Beside>, #[prop(into)] caption: String) -> impl IntoView {
    let rows = beside
        .into_iter()
        .map(|other| {
            let name = match other.seen {
                Some(seen) => view! {
                    <a href=format!("/windows/{}", seen.number)>"#"{seen.number}" "{seen.title}</a><br/>{seen.database}", "{other.team}
                }
                .into_any(),
                None => view! { "A window of "{other.team} }.into_any(),
            };
            let shared = other.shared.said();
            view! {
                <tr>
                    <th scope="row">{name}<br/>{pill_of(other.state)}</th>
                    <td><Time at=other.start/><br/>"to "<Time at=other.end/><br/><span class="quiet">{shared}</span></td>
                </tr>
            }
        })
        .collect_view();
    view! { <Table caption=caption head=&["Window", "When"]>{rows}</Table> }
}

/// Other windows on the same database.
#[component]
pub fn OverlapTable(overlaps: Vec<Overlap>, #[prop(into)] caption: String) -> impl IntoView {
    let rows = overlaps
        .into_iter()
        .map(|other| {
            let to = format!("/windows/{}", other.number);
            let on = other.on.map(|on| view! { <br/><span class="quiet">"on "{on}</span> });
            view! { <tr><th scope="row"><a href=to>"#"{other.number}" "{other.title}</a>{on}<br/>{pill_of(other.state)}</th><td><Time at=other.start/><br/>"to "<Time at=other.end/></td></tr> }
        })
        .collect_view();
    view! { <Table caption=caption head=&["Window", "When"]>{rows}</Table> }
}
