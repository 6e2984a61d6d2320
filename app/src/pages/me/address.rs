//! The own address: changed by a link that is mailed to the new one.

use crate::parts::form::{Field, Form, Username};
use crate::parts::layout::Card;
use leptos::prelude::*;

#[component]
pub fn AddressCard(email: String, waiting: Option<String>) -> impl IntoView {
    view! {
        <Card title="Address" id="address">
            <p>"Mail goes to "<strong>{email.clone()}</strong>", and you sign in with it."</p>
            {waiting.map(|address| view! { <p class="message note">"A link was mailed to "{address}". Your address stays as it is until you use it."</p> })}
            <Form action="/me/address" submit="Mail me a link" prefix="addr-" secondary=true>
                <Username value=email/>
                <Field name="email" label="New address" hint="A link to confirm it is mailed there. Then the old address is told, and for 24 hours no vote of yours counts." kind="email" autocomplete="email" required=true/>
                <Field name="password" label="Password" kind="password" autocomplete="current-password" required=true/>
            </Form>
        </Card>
    }
}
