//! Typed confirmation for what cannot be undone.

use crate::parts::form::{Field, Form};
use leptos::prelude::*;

/// A folded form that demands the short name before it does something: `confirm` holds what was typed.
#[component]
pub fn Confirm(
    /// Where it posts to.
    #[prop(into)]
    action: String,
    /// What the button does, as in "Start now".
    #[prop(into)]
    verb: String,
    /// What has to be typed.
    #[prop(into)]
    name: String,
    /// What will happen, in a sentence.
    #[prop(into)]
    consequence: String,
    /// Further fields.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let hint = format!("Type {name} to confirm.");
    view! {
        <details class="confirm">
            <summary class="button danger">{verb.clone()} " …"</summary>
            <div class="confirm-body">
                <p>{consequence}</p>
                <Form action=action submit=verb danger=true>
                    {children.map(|children| children())}
                    <Field name="confirm" label="Short name" hint=hint autocomplete="off" required=true/>
                </Form>
            </div>
        </details>
    }
}
