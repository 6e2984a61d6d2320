//! The statements that run now, each with what the server says about it.

use super::watched::Watched;
use domain::procedure::text::duration_ms;
use domain::run::AttemptState;
use domain::view::live::{Doing, Item, Try};
use leptos::prelude::*;

/// Nothing while nothing runs.
#[component]
pub fn Current(watched: Watched) -> impl IntoView {
    // Drawn anew when another item, or another try, is worked on; what moves inside moves by itself.
    let running = Memo::new(move |_| watched.running());
    move || running.get().into_iter().enumerate().map(|(nth, item)| one(watched, item, nth)).collect_view()
}

fn one(watched: Watched, item: Item, nth: usize) -> impl IntoView {
    let Watched { head, items, now_ms, .. } = watched;
    let all = items.with_untracked(Vec::len);
    let open = item.open().cloned();
    let ordinal = item.ordinal;
    let progress = Memo::new(move |_| head.with(|head| head.progress.iter().find(|doing| doing.ordinal == ordinal).cloned()));
    let since = open.as_ref().and_then(|open| open.started_ms).map(|from_ms| {
        let most = duration_ms(item.high_ms);
        let running = move || duration_ms(u64::try_from(now_ms.get() - from_ms).unwrap_or(0) / 1000 * 1000);
        view! { <div><dt>"Running for"</dt><dd><span class="running">{running}</span>", estimated "{most}" at most"</dd></div> }
    });
    view! {
        <section class="card" id={if nth == 0 { "now".to_owned() } else { format!("now-{}", nth + 1) }}>
            <h2>{format!("Now: item {ordinal} of {all}")}</h2>
            <pre class="statement">{item.statement.clone()}</pre>
            {open.as_ref().filter(|open| open.state == AttemptState::Unknown).map(|_| view! {
                <p class="message warn">"Its worker is gone. The statement may still run on the server; another worker looks for it, watches it to its end, and does not send it a second time."</p>
            })}
            {move || progress.get().map(|doing| view! { <Progress doing/> })}
            <dl class="details">
                {open.as_ref().and_then(|open| open.pid.clone()).map(|pid| view! { <div><dt>"Process on the server"</dt><dd><code>{pid}</code></dd></div> })}
                {open.as_ref().map(|open| view! { <div><dt>"Session"</dt><dd><code>{open.session.clone()}</code></dd></div> })}
                {since}
            </dl>
            {open.map(|Try { notices, .. }| view! { <Notices notices/> })}
        </section>
    }
}

#[component]
fn Progress(doing: Doing) -> impl IntoView {
    let bar = doing.percent.map(|percent| {
        view! { <br/><progress max="100" value=percent.to_string() aria-label="Progress by the server's account"></progress>{format!(" {percent} %")} }
    });
    view! {
        <p class="doing">{doing.says}{bar}</p>
        <Sessions title="In its way" sessions=doing.blockers/>
        <Sessions title="Waiting for it" sessions=doing.waiters/>
    }
}

#[component]
fn Sessions(title: &'static str, sessions: Vec<String>) -> impl IntoView {
    (!sessions.is_empty()).then(|| {
        let list = sessions.into_iter().map(|session| view! { <li>{session}</li> }).collect_view();
        view! { <div class="message warn sessions"><strong>{title}</strong><ul>{list}</ul></div> }
    })
}

/// What the server said.
#[component]
pub fn Notices(notices: Vec<String>) -> impl IntoView {
    (!notices.is_empty()).then(|| view! { <pre class="notices" tabindex="0" aria-label="What the server said">{notices.join("\n")}</pre> })
}
