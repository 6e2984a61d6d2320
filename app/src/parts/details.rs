//! Facts about one thing: key–value lists, digests, ids that can be copied.

use domain::canonical::Digest;
use leptos::prelude::*;

/// A list of [`Detail`] entries.
#[component]
pub fn Details(children: Children) -> impl IntoView {
    view! { <dl class="details">{children()}</dl> }
}

/// One entry of a list of details.
#[component]
pub fn Detail(#[prop(into)] term: String, children: Children) -> impl IntoView {
    view! { <div><dt>{term}</dt><dd>{children()}</dd></div> }
}

/// The short form of a digest, which mails show as well; the whole one on demand.
#[component]
pub fn DigestShort(digest: Digest) -> impl IntoView {
    view! { <code class="digest" title=digest.hex()>{digest.short()}</code> }
}

/// An id that one click selects whole.
#[component]
pub fn CopyId(#[prop(into)] value: String) -> impl IntoView {
    view! { <code class="copy-id">{value}</code> }
}
