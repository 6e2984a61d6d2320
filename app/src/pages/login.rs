//! Sign-in: full-page posts, so that paste and password managers work.

use crate::door;
use crate::parts::form::{Field, Form};
use crate::parts::layout::{Card, Heading};
use domain::view::address::escaped;
use leptos::prelude::*;

#[component]
pub fn LoginPage() -> impl IntoView {
    let next = door::query_parameter("next").unwrap_or_default();
    let action = if next.is_empty() { "/login".to_owned() } else { "/login?next=".to_owned() + &escaped(&next) };
    let ready = door::query_parameter("ready").is_some();
    view! {
        <div class="door">
            <Heading title="Sign in"/>
            {ready.then(|| view! { <p class="message done" role="status">"Your password is set. Sign in with it."</p> })}
            <Card title="With your account">
                <Form action=action submit="Sign in">
                    <Field name="email" label="E-mail address" kind="email" autocomplete="username" required=true/>
                    <Field name="password" label="Password" kind="password" autocomplete="current-password" required=true/>
                </Form>
            </Card>
            <p><a href="/forgot">"Forgot your password?"</a></p>
            <p class="quiet">"Without mail an administrator can hand you a link; the last administrator uses "<code>"drydock create-admin"</code>" on the server."</p>
        </div>
    }
}
