//! The document around every page: head, start script, theme, and the policy that goes with it.

use crate::assets::Assets;
use crate::door::{self, Visit};
use crate::pages::Pages;
use crate::parts::errors::{ErrorBody, words};
use crate::parts::layout::Layout;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use domain::decision::Refusal;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use std::sync::Arc;

/// The product's mark, small enough to be in every page.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' height='24' rx='5' fill='%2312456b'/%3E%3Cpath d='M4 6v12h16V6' fill='none' stroke='%23fff' stroke-width='2'/%3E%3Cpath d='M7 10h10l-1.700 5H8.700z' fill='%23fff'/%3E%3C/svg%3E";

/// Name of the policy header.
pub const POLICY: HeaderName = HeaderName::from_static("content-security-policy");

/// The policy of a page: no foreign source, no inline style, scripts by nonce only.
pub fn policy(nonce: Option<&str>) -> String {
    let nonce = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    )
}

/// The whole answer of a page that the router finds.
pub fn shell() -> impl IntoView {
    provide_meta_context();
    if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
        && let Ok(value) = HeaderValue::from_str(&policy(Some(&nonce)))
    {
        response.insert_header(POLICY, value);
    }
    view! { <Document><Pages/></Document> }
}

#[component]
fn Document(
    /// The status, for pages that no router rendered: they are shown without script.
    #[prop(optional)]
    error: Option<StatusCode>,
    children: Children,
) -> impl IntoView {
    let visit = door::maybe_visit();
    let theme = visit.as_ref().map(|visit| visit.theme.word()).unwrap_or_default();
    let name = visit.and_then(|visit| visit.installation.as_ref().map(|i| i.name.clone())).unwrap_or_else(|| "Drydock".into());
    let assets = use_context::<Assets>().unwrap_or_default();
    let css = assets.href("style.css");
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="robots" content="noindex"/>
                <link rel="stylesheet" href=css/>
                <link rel="icon" href=ICON type="image/svg+xml"/>
                {error.is_none().then(|| view! { <Hydration assets/> })}
                {error.is_none().then(|| view! { <MetaTags/><Title formatter=move |page: String| if page.is_empty() { name.clone() } else { format!("{page} · {name}") }/> })}
                {error.map(|code| view! { <title>{format!("{} · Drydock", words(code).0)}</title> })}
            </head>
            <body>{children()}</body>
        </html>
    }
}

/// Our own start of the islands: a static module, so that no inline script is needed and the nonce stays where browsers look for it.
#[component]
fn Hydration(assets: Assets) -> impl IntoView {
    if let Some(shared) = Owner::current_shared_context() {
        shared.set_is_hydrating(false);
    }
    view! {
        <link rel="modulepreload" href=assets.href("app.js")/>
        <link rel="preload" href=assets.href("app_bg.wasm") r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
        <script type="module" src=assets.href("islands.js")></script>
    }
}

/// A whole page for an error that no page can answer, in the same frame. `visit` is `None` when the request came not that far.
pub fn error_document(visit: Option<Arc<Visit>>, assets: Assets, code: StatusCode, refusal: Option<Refusal>, request: &str) -> String {
    let request = request.to_owned();
    let owner = Owner::new();
    let html = owner.with(|| {
        if let Some(visit) = visit {
            provide_context(visit);
        }
        provide_context(assets);
        provide_context(RequestId(request));
        view! { <Document error=code><Layout><ErrorBody code=code refusal=refusal/></Layout></Document> }.into_view().to_html()
    });
    owner.cleanup();
    html
}

/// The request's id, for error pages that have no visit.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);
