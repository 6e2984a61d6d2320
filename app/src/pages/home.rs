//! The first page: what happens now, what waits for me, what comes next, what needs a look.

use crate::door;
use crate::pages::windows::environment;
use crate::parts::layout::{Card, Heading};
use crate::parts::status::Pill;
use crate::parts::table::{Empty, Table};
use crate::parts::time::{Span, Time};
use domain::view::people::{Attention, HomePage as Page, Lines, WindowLine};
use engine::queries;
use jiff::Timestamp;
use leptos::prelude::*;

#[component]
pub fn HomePage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::home::home(&engine, &caller?.actor).await }.await;
        door::show(answer, |page| view! { <Home page/> }.into_any())
    })
}

#[component]
fn Home(page: Page) -> impl IntoView {
    let now = page.now;
    let (works, first) = (page.works, page.databases == 0);
    let nothing = page.happening.lines.is_empty() && page.waiting.lines.is_empty() && page.soon.lines.is_empty();
    let begin = (first || nothing).then(|| view! { <Begin teams=page.teams databases=page.databases works manages=page.manages/> });
    // Once something is planned, what is empty says so: nobody has to wonder whether a list was forgotten.
    let quiet = |said: &'static str| if first || nothing { "" } else { said };
    view! {
        <Heading title="Home">
            {(works && !first).then(|| view! { <a class="button primary" href="/windows/new">"Propose a window"</a> })}
        </Heading>
        <Section title="Happening now" list=page.happening now all="/windows?state=open" label="All windows that are not over"/>
        <Section title="Waiting for you" list=page.waiting now empty=quiet("Nothing waits for you.") all="/windows?state=open" label="All windows that are not over"/>
        <Section title="Next 7 days" list=page.soon now empty=quiet("Nothing starts within seven days.") all="/calendar?view=agenda" label="The calendar of these days" always=true/>
        {begin}
        <NeedsAttention list=page.attention/>
    }
}

/// A list, or the sentence that it is empty; nothing where that sentence is empty, too.
#[component]
fn Section(
    title: &'static str,
    list: Lines,
    now: Timestamp,
    #[prop(optional)] empty: &'static str,
    /// Where all of them are.
    all: &'static str,
    /// What is there.
    label: &'static str,
    /// Leads there also when all of them are shown.
    #[prop(optional)]
    always: bool,
) -> impl IntoView {
    if list.lines.is_empty() {
        return (!empty.is_empty()).then(|| view! { <Card title=title><p>{empty}</p></Card> }).into_any();
    }
    let asks = list.lines.iter().any(|line| !line.asked.is_empty());
    let head: &'static [&'static str] =
        if asks { &["Window", "State", "Database", "Start", "What is asked"] } else { &["Window", "State", "Database", "Start", "End"] };
    let more = list.more;
    let leads = (more || always).then(|| {
        let label = if more { format!("More than {}: {}", list.lines.len(), label.to_lowercase()) } else { label.to_owned() };
        view! { <p class="actions"><a href=all>{label}</a></p> }
    });
    let rows = list.lines.into_iter().map(|line| row(line, now, asks)).collect_view();
    view! { <Card title=title><Table caption=title head=head>{rows}</Table>{leads}</Card> }.into_any()
}

fn row(line: WindowLine, now: Timestamp, asks: bool) -> impl IntoView {
    let to = format!("/windows/{}{}", line.number, if line.outside { "/decide" } else { "" });
    let watch = line.run.map(|run| view! { <br/><a href=format!("/runs/{run}")>"Watch the run"</a> });
    let last = match (asks, line.run) {
        (true, _) => line.asked.into_any(),
        (false, Some(_)) => view! { <Time at=line.end/><br/><span class="quiet"><Span from=now to=line.end/></span> }.into_any(),
        (false, None) => view! { <Time at=line.end/> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a href=to>{format!("#{} ", line.number)}{line.title}</a>{watch}</th>
            <td><Pill tone=line.state label=line.state.label()/></td>
            <td>{line.database}<br/><span class="quiet">{environment(&line.environments)}</span></td>
            <td data-label="Start"><Time at=line.start/><br/><span class="quiet"><Span from=now to=line.start/></span></td>
            <td data-label=(!asks).then_some("End")>{last}</td>
        </tr>
    }
}

/// What to do first, in a house where nothing was planned yet.
#[component]
fn Begin(teams: i64, databases: i64, works: bool, manages: bool) -> impl IntoView {
    if teams == 0 && manages {
        view! {
            <Empty title="Begin with a team" why="Databases belong to teams. Make one, add its lead and its engineers; they register databases and propose windows.">
                <a class="button primary" href="/teams/new">"Add a team"</a>
                <a class="button" href="/people/new">"Add a person"</a>
                <form method="post" action="/admin/outbox/test"><button type="submit" class="button">"Send a test mail"</button></form>
            </Empty>
        }
        .into_any()
    } else if databases == 0 && works {
        view! {
            <Empty title="Register the first database" why="Drydock plans and runs maintenance on databases it knows. It takes an address, a user, and five minutes.">
                <a class="button primary" href="/databases/new">"Register a database"</a>
            </Empty>
        }
        .into_any()
    } else if works {
        view! {
            <Empty title="Nothing is planned" why="Nothing runs, nothing waits for you, and nothing is planned for the next seven days.">
                <a class="button primary" href="/windows/new">"Propose a window"</a>
            </Empty>
        }
        .into_any()
    } else {
        view! { <Empty title="All quiet" why="Nothing runs, nothing waits for you, and nothing is planned for the next seven days."/> }
            .into_any()
    }
}

#[component]
fn NeedsAttention(list: Vec<Attention>) -> impl IntoView {
    (!list.is_empty()).then(|| {
        let rows = list
            .into_iter()
            .map(|entry| view! { <tr><th scope="row">{if entry.to.is_empty() { entry.what.into_any() } else { view! { <a href=entry.to>{entry.what}</a> }.into_any() }}</th><td>{entry.why}</td></tr> })
            .collect_view();
        view! { <Card title="Needs a look"><Table caption="Needs a look" head=&["What", "Why"]>{rows}</Table></Card> }
    })
}
