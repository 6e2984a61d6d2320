//! The second half of a sign-in: the code after the password. Nobody is signed in here yet.

use crate::door;
use crate::parts::form::{Field, Form};
use crate::parts::layout::{Card, Heading};
use domain::view::address::escaped;
use leptos::prelude::*;

#[component]
pub fn LoginFactorPage() -> impl IntoView {
    let next = door::query_parameter("next").unwrap_or_default();
    let with = |path: &str| if next.is_empty() { path.to_owned() } else { format!("{path}?next={}", escaped(&next)) };
    let (action, again) = (with("/login/factor"), with("/login"));
    view! {
        <div class="door">
            <Heading title="Your second factor"/>
            <Card title="The code after the password">
                <Form action=action submit="Sign in">
                    <Field name="code" label="Code of your app, or a recovery code" hint="You have five minutes. A recovery code works once." autocomplete="one-time-code" required=true/>
                </Form>
            </Card>
            <p><a href=again>"Begin again with the password"</a></p>
            <p class="quiet">"Lost both app and recovery codes? An administrator can remove your second factor; the last administrator uses "<code>"drydock create-admin"</code>" on the server."</p>
        </div>
    }
}
