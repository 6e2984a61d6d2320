//! Lists: tables with a body always, and what stands there when nothing does.

use leptos::prelude::*;

/// A table; children are `<tr>` rows. A head that starts with `#` is a number's: right aligned; an empty one stands over buttons.
///
/// Where there is no room for columns the rows become cards without heads: a cell that cannot be read alone carries its head as
/// `data-label`. A table of figures stays one.
#[component]
pub fn Table(
    /// What the table holds, for people who do not see it.
    #[prop(into)]
    caption: String,
    /// Heads of the columns.
    head: &'static [&'static str],
    /// A few short columns that are read against each other, on a phone too.
    #[prop(optional)]
    figures: bool,
    children: Children,
) -> impl IntoView {
    let heads = head
        .iter()
        .map(|label| match label.strip_prefix('#') {
            None if label.is_empty() => view! { <td></td> }.into_any(),
            Some(label) => view! { <th scope="col" class="number">{label}</th> }.into_any(),
            None => view! { <th scope="col">{*label}</th> }.into_any(),
        })
        .collect_view();
    let label = caption.clone();
    view! {
        <div class="scroll" role="region" aria-label=label tabindex="0">
            <table class=(!figures).then_some("reflows")><caption class="unseen">{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{children()}</tbody></table>
        </div>
    }
}

/// Stands where a list would be: what this is, why it is empty, and one action as child.
#[component]
pub fn Empty(#[prop(into)] title: String, #[prop(into)] why: String, #[prop(optional)] children: Option<Children>) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            <p>{why}</p>
            {children.map(|children| view! { <p class="actions">{children()}</p> })}
        </div>
    }
}
