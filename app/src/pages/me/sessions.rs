//! Where the reader is signed in, and the way to end it.

use crate::door;
use crate::parts::form::Form;
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::Table;
use crate::parts::time::Time;
use domain::ids::SessionId;
use domain::view::sessions::SessionRow;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn SessionsPage() -> impl IntoView {
    let (engine, caller, current) = (door::engine(), door::caller(), door::visit().session);
    Suspend::new(async move {
        let answer = async { queries::sessions::own(&engine, &caller?.actor).await }.await;
        door::show(answer, |rows| view! { <Sessions rows current/> }.into_any())
    })
}

#[component]
fn Sessions(rows: Vec<SessionRow>, current: Option<SessionId>) -> impl IntoView {
    let others = rows.iter().filter(|row| Some(row.id) != current).count();
    let rows = rows.into_iter().map(|row| view! { <Row here={Some(row.id) == current} row/> }).collect_view();
    view! {
        <Heading title="Your sessions" lead="Everywhere you are signed in. A session ends after 30 minutes without you, and after 12 hours at the latest.">
            <a class="button quiet" href="/me">"Your profile"</a>
        </Heading>
        <div class="listing"><Table caption="Your sessions" head=&["Browser", "From", "Last used", "Since", ""]>{rows}</Table></div>
        <Card title="Sign out everywhere">
            <p>"Is there a session you do not know? End it, and change your password: whoever was there may know it."</p>
            {(others > 0).then(|| view! {
                <Form action="/me/sessions/end" submit="Sign out everywhere else" secondary=true><input type="hidden" name="which" value="others"/></Form>
            })}
            <Form action="/me/sessions/end" submit="Sign out everywhere" danger=true><input type="hidden" name="which" value="all"/></Form>
        </Card>
    }
}

#[component]
fn Row(row: SessionRow, here: bool) -> impl IntoView {
    let to = format!("/me/sessions/{}/end", row.id);
    let label = format!("End the session of {} from {}", row.browser, row.address);
    let end = move || {
        view! {
            <form method="post" action=to><button type="submit" class="button" aria-label=label>"End"</button></form>
        }
    };
    view! {
        <tr>
            <th scope="row">{row.browser}" "{here.then(|| view! { <Pill tone=Tone::Good label="This one"/> })}</th>
            <td class="breaks" data-label="From">{row.address}</td>
            <td data-label="Last used"><Time at=row.last_seen/></td>
            <td data-label="Since"><Time at=row.made/></td>
            <td>{(!here).then(end)}</td>
        </tr>
    }
}
