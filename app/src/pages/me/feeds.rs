//! Calendar feeds of one's own: which there are, and a new one.

use crate::door;
use crate::parts::form::{Form, Select};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::table::{Empty, Table};
use crate::parts::time::Time;
use domain::view::feeds::{About, FeedKind, FeedRow, FeedsPage as Page, MOST_FEEDS};
use domain::view::windows::list::Choice;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn FeedsPage() -> impl IntoView {
    let chosen = door::query_parameter("about").and_then(|typed| About::from_word(&typed));
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::feeds::own(&engine, &caller?.actor).await }.await;
        door::show(answer, |page| view! { <Feeds page chosen/> }.into_any())
    })
}

#[component]
fn Feeds(page: Page, chosen: Option<About>) -> impl IntoView {
    let own = About { kind: FeedKind::Person, name: String::new() };
    let of = |kind: FeedKind, choices: &[Choice]| {
        let one = |choice: &Choice| (About { kind, name: choice.value.clone() }.word(), format!("{}: {}", kind.label(), choice.label));
        choices.iter().map(one).collect::<Vec<_>>()
    };
    let mut options = vec![(own.word(), own.label().clone())];
    options.extend(of(FeedKind::Team, &page.teams));
    options.extend(of(FeedKind::Database, &page.databases));
    let chosen = chosen.unwrap_or(own).word();
    let full = page.rows.len() >= MOST_FEEDS;
    let list = if page.rows.is_empty() {
        view! { <Empty title="No feeds yet" why="A feed is an address that your calendar program asks again and again, so that windows stand beside your own appointments."/> }
            .into_any()
    } else {
        let rows = page.rows.into_iter().map(|row| view! { <Row row/> }).collect_view();
        view! { <div class="listing"><Table caption="Your calendar feeds" head=&["Feed", "Last used", "Made", ""]>{rows}</Table></div> }
            .into_any()
    };
    view! {
        <Heading title="Your calendar feeds" lead="Windows in the calendar program of your choice. What a feed gives follows your rights: what you may not see any more is gone from it.">
            <a class="button quiet" href="/me">"Your profile"</a>
        </Heading>
        {list}
        <Card title="Make a feed">
            {if full {
                view! { <p>{format!("You have {MOST_FEEDS} feeds, and nobody has more. Revoke one that no calendar uses any more.")}</p> }.into_any()
            } else {
                view! {
                    <Form action="/me/calendar" submit="Make a feed">
                        <Select name="about" label="What it shows" hint="What concerns you: windows you own, wrote or watch, those on databases you depend on, and your team's where you lead it." options=options value=chosen required=true/>
                    </Form>
                }
                .into_any()
            }}
            <p class="quiet">"Its address is shown once and is a secret: whoever has it sees these windows without signing in. You can revoke it here at any time, and a new password revokes all of them."</p>
        </Card>
    }
}

#[component]
fn Row(row: FeedRow) -> impl IntoView {
    let (to, name) = (format!("/me/calendar/{}/revoke", row.id), row.about.label());
    let label = format!("Revoke the feed {name}");
    let used = match row.used {
        Some(at) => view! { <Time at=at/> }.into_any(),
        None => view! { "Never" }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">{name}" "{row.barred.then(|| view! { <Pill tone=Tone::Warn label="Gives nothing: you do not see this team any more"/> })}</th>
            <td data-label="Last used">{used}</td>
            <td data-label="Made"><Time at=row.made/></td>
            <td><form method="post" action=to><button type="submit" class="button" aria-label=label>"Revoke"</button></form></td>
        </tr>
    }
}
