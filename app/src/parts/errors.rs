//! Errors in words: what happened, what it means, what to do; and the id under which the log knows it.

use crate::door;
use crate::shell::RequestId;
use axum::http::StatusCode;
use domain::decision::Refusal;
use leptos::prelude::*;

/// Title and sentence of a status.
pub fn words(code: StatusCode) -> (&'static str, &'static str) {
    match code {
        StatusCode::UNAUTHORIZED => ("You are signed out", "Sign in, and come back to this page."),
        StatusCode::FORBIDDEN => ("Not permitted", "This request is not permitted."),
        StatusCode::NOT_FOUND => (
            "Nothing here",
            "There is no such page or thing, or it belongs to a team you are not part of. Check the address, or start from a list.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("Not like this", "This address does not take that kind of request. Go back and use the form on the page.")
        }
        StatusCode::REQUEST_TIMEOUT => (
            "This took too long",
            "It was given up after a minute. Look at the page whether it was done before you send it again; a slow connection is the usual cause.",
        ),
        StatusCode::URI_TOO_LONG => ("Too long an address", "Shorten what you are looking for, or start from a list."),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
            "Too many cookies",
            "Your browser sent more than 16 kB besides the page's address, mostly cookies that programs on the same host left. \
             Delete the cookies of this site in your browser's settings, then sign in again.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("Too much text", "What was sent is larger than 256 kB. Shorten it and send it again."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("Not a form", "This address takes what a web form sends, and nothing else."),
        StatusCode::MISDIRECTED_REQUEST => (
            "Wrong address",
            "This server does not answer under the name in your browser's address bar. Use the address your administrator gave you.",
        ),
        StatusCode::UNPROCESSABLE_ENTITY => {
            ("Something is missing", "The request was incomplete. Go back, fill in what is marked, and send it again.")
        }
        StatusCode::TOO_MANY_REQUESTS => ("Too many tries", "Wait a minute, then try again."),
        StatusCode::SERVICE_UNAVAILABLE => (
            "Not available at the moment",
            "The state database does not answer, or is busy. Running maintenance is not affected. Try again in a minute.",
        ),
        code if code.is_server_error() => (
            "Something broke",
            "This is our mistake, and it is in the log. Nothing was half done: try again, or give the id below to your administrator.",
        ),
        _ => ("This did not work", "Go back and try again."),
    }
}

/// The inside of an error page.
#[component]
pub fn ErrorBody(code: StatusCode, #[prop(optional_no_strip)] refusal: Option<Refusal>) -> impl IntoView {
    let (title, sentence) = words(code);
    let request = use_context::<RequestId>().map(|id| id.0).or_else(|| door::maybe_visit().map(|visit| visit.request.clone()));
    let signed_out = refusal.as_ref().is_some_and(|refusal| refusal.code == "signed_out");
    let lists = code == StatusCode::NOT_FOUND && door::actor().is_some();
    let (message, way_out) = refusal.map_or((sentence.to_owned(), String::new()), |refusal| (refusal.message, refusal.way_out));
    view! {
        <section class="error-page">
            <p class="error-code">{code.as_u16()}</p>
            <h1>{title}</h1>
            <p>{message}</p>
            {(!way_out.is_empty()).then(|| view! { <p>{way_out}</p> })}
            <p class="actions">
                {signed_out.then(|| view! { <a class="button primary" href="/login">"Sign in"</a> })}
                <a class="button" href="/">"Go to the home page"</a>
                {lists.then(|| view! { <a class="button" href="/windows">"All windows"</a><a class="button" href="/databases">"All databases"</a> })}
            </p>
            {lists.then(|| view! {
                <form method="get" action="/databases" role="search" class="filters">
                    <div class="field"><label for="search">"Search databases"</label><input type="search" id="search" name="q" autocomplete="off"/></div>
                    <button type="submit" class="button">"Search"</button>
                </form>
            })}
            {request.map(|id| view! { <p class="quiet">"Request " <code>{id}</code></p> })}
        </section>
    }
}

/// What the router shows for an address that no page has.
#[component]
pub fn NotFoundBody() -> impl IntoView {
    door::status(StatusCode::NOT_FOUND);
    view! { <ErrorBody code=StatusCode::NOT_FOUND refusal=None/> }
}
