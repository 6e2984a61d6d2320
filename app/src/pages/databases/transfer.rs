//! Gives a database to another team, and says what follows from it before.

use crate::door;
use crate::parts::form::{Field, Form, Select, TextArea};
use crate::parts::layout::Heading;
use crate::parts::status::Pill;
use domain::ids::TargetId;
use domain::view::targets::TransferPage as Page;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn TransferPage() -> impl IntoView {
    let id = door::path_parameter::<TargetId>("id");
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::targets::transfer(&engine, &caller?, id?).await }.await;
        door::show(answer, |page| show(page).into_any())
    })
}

fn show(page: Page) -> impl IntoView {
    let here = format!("/databases/{}", page.id);
    let body = if page.wanted.is_empty() {
        let options = std::iter::once((String::new(), "Choose".to_owned()))
            .chain(page.teams.into_iter().map(|(id, name)| (id.to_string(), name)))
            .collect();
        view! {
            <ul>
                <li>"Engineers and leads of the new owner register, edit and plan; those of "{page.owner.clone()}" no longer do."</li>
                <li>"Where a policy asks leads for their votes, those of the new owner are asked. Stakeholders stay."</li>
                <li>"Windows so far belong to "{page.owner}", and stay readable there."</li>
            </ul>
            <Form action=format!("{here}/transfer") submit="Give it to the other team" danger=true cancel=here.clone()>
                <Select name="team" label="New owner" required=true options/>
                <TextArea name="reason" label="Why" rows=2 required=true hint="The leads of both teams read it. At most 2,000 characters."/>
                <Field name="confirm" label="Short name of the database" hint=format!("Type {} to confirm.", page.short_name) autocomplete="off" required=true/>
            </Form>
        }
        .into_any()
    } else {
        let list = page
            .wanted
            .into_iter()
            .map(|(number, state)| view! { <li><a href=format!("/windows/{number}")>"#"{number}</a>" "<Pill tone=state label=state.label()/></li> })
            .collect_view();
        view! {
            <p class="message warn">"Windows on this database are not over. Their votes are those of its present people: finish, withdraw or cancel them first."</p>
            <ul>{list}</ul>
            <p class="actions"><a class="button" href=here>"Back to the database"</a></p>
        }
        .into_any()
    };
    view! {
        <div class="narrow">
            <Heading title=format!("Give {} to another team", page.name) lead="What changes with the owner, before it changes."/>
            {body}
        </div>
    }
}
