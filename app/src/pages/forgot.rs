//! The way back after a lost password. What is said never tells whether somebody has an address.

use crate::door;
use crate::parts::form::{Field, Form};
use crate::parts::layout::{Card, Heading};
use domain::account_link::AccountLink;
use leptos::prelude::*;

#[component]
pub fn ForgotPage() -> impl IntoView {
    let life = AccountLink::Reset.life_label();
    if door::query_parameter("asked").is_some() {
        return view! {
            <div class="door">
                <Heading title="Look into your mailbox"/>
                <Card title="If you can sign in here, a mail is on its way">
                    <p>{format!("It goes to the address you typed, and its link works once, for {life}. The mail may take some minutes, and may lie among the unwanted ones.")}</p>
                    <p>"No mail came? One goes out at most every five minutes. Look whether you typed the address that an administrator has for you; an administrator can also hand you a link."</p>
                    <p class="actions"><a class="button" href="/login">"Go to the sign-in"</a></p>
                </Card>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="door">
            <Heading title="Set a new password"/>
            <Card title="By a link in a mail">
                <p>{format!("Type your address. If you can sign in with it, you get a link that works for {life}.")}</p>
                <Form action="/forgot" submit="Mail me a link" cancel="/login">
                    <Field name="email" label="E-mail address" kind="email" autocomplete="username" required=true/>
                </Form>
                <p class="hint">"After that you are signed out everywhere, and for 24 hours no vote of yours counts. If you still know your password, change it on your profile page instead."</p>
            </Card>
        </div>
    }
    .into_any()
}
