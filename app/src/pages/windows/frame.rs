//! What pages about one window share: its header, what blocks it, and times in every zone that matters.

use crate::door;
use crate::parts::details::DigestShort;
use crate::parts::layout::Heading;
use crate::parts::status::{Pill, Tone};
use crate::parts::time::{Time, in_zone};
use axum::http::HeaderValue;
use axum::http::header::REFRESH;
use domain::people::visible;
use domain::target::Environment;
use domain::view::windows::{Blocker, Countdown, Head, countdown};
use domain::window::WindowState;
use jiff::Timestamp;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

/// Text that came from a database: what cannot be seen, or reorders what is seen, becomes visible.
pub fn foreign(text: &str) -> String {
    visible(text)
}

/// The same of several lines: lines stay, other control characters are made visible.
pub fn foreign_lines(text: &str) -> String {
    text.lines().map(|line| foreign(&line.replace('\t', "    "))).collect::<Vec<_>>().join("\n")
}

/// Lets the browser ask for `to` again after `seconds`, without script.
pub fn again_in(seconds: u32, to: &str) {
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&format!("{seconds};url={to}"))) {
        response.insert_header(REFRESH, value);
    }
}

/// A state's pill.
pub fn pill_of(state: WindowState) -> AnyView {
    view! { <Pill tone=Tone::from(state) label=state.label()/> }.into_any()
}

/// The words of one or several environments as people read them.
pub fn environment(words: &str) -> String {
    Environment::labels(words)
}

/// A time in the reader's zone and in UTC, and in the database's zone where that is a third one.
#[component]
pub fn When(at: Timestamp, #[prop(into)] zone: String) -> impl IntoView {
    let here = in_zone(at, &door::zone());
    let there = in_zone(at, &zone);
    let other =
        (here != there && zone != "Etc/UTC" && zone != "UTC").then(|| view! { <span class="quiet there">{there}" at the database"</span> });
    view! { <Time at=at/>{other} }
}

/// Title, state, count-down and the few facts that are wanted on every page of a window.
#[component]
pub fn WindowHead(
    head: Head,
    /// Of which page, after the window's title.
    #[prop(optional, into)]
    page: String,
    /// The worst the plan allows, as text.
    #[prop(optional, into)]
    risk: String,
    /// For a reader who sees nothing else of the owner team's: without the ways to it.
    #[prop(optional)]
    outside: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let counted = countdown(head.state, &head.moments, head.now);
    let title = if page.is_empty() { format!("#{} {}", head.number, head.title) } else { format!("#{} {page}", head.number) };
    let database = format!("/databases/{}", head.target);
    let back = (!page.is_empty())
        .then(|| view! { <p class="crumb"><a href=format!("/windows/{}", head.number)>"← #"{head.number}" "{head.title.clone()}</a></p> });
    let more = (head.more_databases > 0).then(|| match outside {
        true => format!(" and {} more", head.more_databases).into_any(),
        false => view! { " and "<a href=format!("/windows/{}#databases", head.number)>{head.more_databases}" more"</a> }.into_any(),
    });
    let database = match outside {
        true => head.database.clone().into_any(),
        false => view! { <a href=database>{head.database.clone()}</a> }.into_any(),
    };
    view! {
        {back}
        <Heading title=title>{children.map(|children| children())}</Heading>
        <p class="window-line">
            {pill_of(head.state)}
            {counted.map(|counted| view! { <CountdownText counted/> })}
        </p>
        {(!outside).then(|| glass_line(&head))}
        <dl class="window-facts">
            <div><dt>"Database"</dt><dd>{database}{more}" "<span class="quiet">{environment(&head.environments)}</span>{head.database_deleted.then(|| view! { " "<Pill tone=Tone::Quiet label="Deleted database"/> })}</dd></div>
            <div><dt>"Starts"</dt><dd><When at=head.moments.start zone=head.zone.clone()/></dd></div>
            <div><dt>"Ends"</dt><dd><When at=head.moments.end zone=head.zone.clone()/></dd></div>
            <div><dt>"Owner"</dt><dd>{head.owner.clone()}</dd></div>
            {(!risk.is_empty()).then(|| view! { <div><dt>"Risk"</dt><dd>{risk}</dd></div> })}
            <div><dt>"Plan"</dt><dd>"revision "{head.revision}" "<DigestShort digest=head.digest/></dd></div>
        </dl>
    }
}

/// Who let it run without its approvals: said wherever the window's state is.
pub fn glass_line(head: &Head) -> Option<impl IntoView + use<>> {
    let (number, two) = (head.number, head.glass.clone());
    two.map(|(asked, confirmed)| {
        view! {
            <p class="window-line">
                <Pill tone=Tone::Warn label="Break-glass"/>
                <span>"Approved by "<strong>{asked}</strong>" and "<strong>{confirmed}</strong>", without the approvals of its policy. "<a href=format!("/windows/{number}#glass")>"Why, and the review"</a></span>
            </p>
        }
    })
}

#[component]
fn CountdownText(counted: Countdown) -> impl IntoView {
    view! { <span class="countdown">{counted.says}" "<strong>{counted.distance}</strong>" "<span class="quiet"><Time at=counted.at/></span></span> }
}

/// What is in the way, and who can take it away; nothing when nothing is.
#[component]
pub fn BlockedBox(blocked: Vec<Blocker>) -> impl IntoView {
    (!blocked.is_empty()).then(|| {
        let lines = blocked
            .into_iter()
            .map(|blocker| {
                view! {
                    <li>
                        <strong>{blocker.what}</strong>
                        {blocker.at.map(|at| view! { " "<span class="quiet"><Time at=at/></span> })}
                        " "{blocker.way_out}
                    </li>
                }
            })
            .collect_view();
        view! { <section class="blocked" aria-labelledby="blocked-title"><h2 id="blocked-title">"Blocked because"</h2><ul>{lines}</ul></section> }
    })
}
