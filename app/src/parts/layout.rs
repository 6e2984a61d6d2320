//! Frame of every page: skip link, navigation, messages, main part.

use crate::door::{self, Flash, FlashKind};
use crate::parts::time::Time;
use domain::pause::{Pause, PauseLevel};
use domain::permission::Verb;
use domain::view::messages::counted;
use leptos::prelude::*;
use leptos_meta::Title;

/// Entries of the main navigation: path, label, and the right without which it is not shown.
const NAVIGATION: &[(&str, &str, Verb)] = &[
    ("/", "Home", Verb::SeeOwn),
    ("/windows", "Windows", Verb::SeeOwn),
    ("/calendar", "Calendar", Verb::SeeOwn),
    ("/databases", "Databases", Verb::SeeOwn),
    ("/freezes", "Freezes", Verb::SeeOwn),
    ("/people", "People", Verb::SeePeople),
    ("/teams", "Teams", Verb::SeePeople),
    ("/procedures", "Procedures", Verb::SeeOwn),
    ("/policies", "Policies", Verb::SeeOwn),
    ("/audit", "Audit", Verb::SeeTrail),
    ("/admin/outbox", "Outbox", Verb::ManageOutbox),
    ("/admin/webhooks", "Webhooks", Verb::ManageWebhooks),
];

/// Header, messages and main part.
#[component]
pub fn Layout(children: Children) -> impl IntoView {
    let visit = door::maybe_visit();
    let demo = visit.as_ref().is_some_and(|visit| visit.installation.as_ref().is_some_and(|i| i.demo));
    let path = visit.as_ref().map(|visit| visit.path.clone()).unwrap_or_default();
    let unread = visit.as_ref().map_or(0, |visit| visit.unread);
    let actor = door::actor();
    let menu = actor.map(|actor| {
        let entries = NAVIGATION
            .iter()
            .filter(|(_, _, verb)| domain::permission::holds(&actor, *verb, None))
            .map(|(to, label, _)| {
                let below = *to != "/" && path.starts_with(&format!("{to}/"));
                let here = path == *to || below || (*to == "/calendar" && path == "/timeline");
                view! { <li><a href=*to aria-current=here.then_some("page")>{*label}</a></li> }
            })
            .collect_view();
        view! {
            <nav class="menu" aria-label="Main"><ul>{entries}</ul></nav>
            <div class="me">
                <a href="/messages" aria-current=(path == "/messages").then_some("page")>
                    "Messages"
                    {(unread > 0).then(|| view! { " "<span class="count">{counted(unread)}<span class="unseen">" unread"</span></span> })}
                </a>
                <a href="/me">{actor.name.clone()}</a>
                <form method="post" action="/logout"><button type="submit" class="button quiet">"Sign out"</button></form>
            </div>
        }
    });
    let signed_in = menu.is_some();
    let stopping = visit.as_ref().and_then(|visit| visit.stopping.clone());
    let paused = visit.as_ref().and_then(|visit| visit.pause.clone()).map(|pause| view! { <Paused pause/> });
    view! {
        <a class="skip" href="#main">"Skip to the content"</a>
        <header class="top" class:bare=!signed_in>
            <a class="brand" href="/"><Mark/>"Drydock"</a>
            {menu}
        </header>
        {stopping.map(|said| view! { <Stopping said/> })}
        {demo.then(|| view! {
            <aside class="banner" aria-label="Demo">
                "Demo: everything here is made up, and only this computer can reach it. "
                {signed_in.then(|| view! { <a href="/mailbox">"Mails lie in the mailbox."</a> })}
            </aside>
        })}
        {paused}
        <main id="main" tabindex="-1">
            <Messages messages=door::flash()/>
            {children()}
        </main>
    }
}

/// Says that the server is going away, and what becomes of what runs: nobody need wonder whether to wait.
#[component]
fn Stopping(said: String) -> impl IntoView {
    let said = if said.is_empty() { "it takes nothing new; what you send now is still done.".to_owned() } else { said };
    view! {
        <aside class="banner stopping" aria-label="Stopping" role="status">
            <strong>"This server is stopping: "</strong>
            {said}
            " Load the page again in a moment."
        </aside>
    }
}

/// Says on every page that nothing starts, since when, by whom and why.
#[component]
fn Paused(pause: Pause) -> impl IntoView {
    let reach = match pause.level {
        PauseLevel::StartNothing => "Nothing starts.",
        PauseLevel::HoldRunning => "Nothing starts, and runs are held.",
    };
    view! {
        <aside class="banner paused" aria-label="Pause">
            <strong>"All maintenance is paused. "</strong>{reach}" Since "<Time at=pause.since/>" by "{pause.by_name}": “"{pause.reason}"” "
            <a href="/pause">"See how it is resumed"</a>
        </aside>
    }
}

/// The product's mark: a hull between two dock walls.
#[component]
fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
            <path d="M2 5v14h20V5" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="square"/>
            <path d="M6 9h12l-2 6H8z" fill="currentColor"/>
        </svg>
    }
}

#[component]
fn Messages(messages: Vec<Flash>) -> impl IntoView {
    (!messages.is_empty()).then(|| {
        let list = messages
            .into_iter()
            .map(|flash| match flash.kind {
                FlashKind::Done => view! { <p class="message done" role="status">{flash.text}</p> }.into_any(),
                FlashKind::Refused => view! { <p class="message refused" role="alert">{flash.text}</p> }.into_any(),
                FlashKind::Note => view! { <p class="message note" role="status">{flash.text}</p> }.into_any(),
            })
            .collect_view();
        view! { <div class="messages">{list}</div> }
    })
}

/// The page's heading, its title in the browser, and the page's actions as children.
#[component]
pub fn Heading(
    #[prop(into)] title: String,
    /// A line below the title.
    #[prop(optional, into)]
    lead: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <Title text=title.clone()/>
        <header class="heading">
            <div>
                <h1>{title}</h1>
                {(!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })}
            </div>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </header>
    }
}

/// A titled section of a page.
#[component]
pub fn Card(#[prop(into)] title: String, #[prop(optional, into)] id: Option<String>, children: Children) -> impl IntoView {
    view! { <section class="card" id=id><h2>{title}</h2>{children()}</section> }
}
