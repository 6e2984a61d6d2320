//! The second factor of the reader: set up, confirmed, removed.

use crate::door;
use crate::parts::details::{CopyId, Detail, Details};
use crate::parts::form::{Field, Form, Username};
use crate::parts::layout::{Card, Heading};
use crate::parts::status::{Pill, Tone};
use crate::parts::time::Time;
use domain::view::factors::FactorPage as View;
use engine::queries;
use leptos::prelude::*;

#[component]
pub fn FactorPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async {
            let actor = caller?.actor;
            let email = queries::people::show(&engine, &actor, actor.person).await?.person.email;
            Ok((queries::factors::own(&engine, &actor).await?, email))
        }
        .await;
        door::show(answer, |(page, email)| view! { <Factor page email/> }.into_any())
    })
}

#[component]
fn Factor(page: View, email: String) -> impl IntoView {
    let body = match page {
        View::None => view! { <Begin/> }.into_any(),
        View::Pending { secret, address, until } => {
            let until = view! { <Time at=until/> }.into_any();
            view! { <Finish secret address until/> }.into_any()
        }
        View::Set { since, codes_left } => {
            let since = view! { <Time at=since/> }.into_any();
            view! { <There since codes_left email/> }.into_any()
        }
    };
    view! {
        <Heading title="Your second factor" lead="A code of an app on your phone, asked for after the password: whoever learns the password alone does not get in.">
            <a class="button quiet" href="/me">"Your profile"</a>
        </Heading>
        {body}
    }
}

#[component]
fn Begin() -> impl IntoView {
    view! {
        <Card title="None is set up">
            <p>"You need an app that shows codes by time (TOTP): most password managers do, and every authenticator app. It works without network."</p>
            <p>"Some policies count an approval only from somebody who signed in with a second factor."</p>
            <Form action="/me/factor" submit="Set up a second factor">""</Form>
        </Card>
    }
}

#[component]
fn Finish(secret: String, address: String, until: AnyView) -> impl IntoView {
    view! {
        <Card title="1. Tell your app">
            <p>"On the device with the app, open this address; or add an account by hand in the app and type the secret."</p>
            <p class="actions"><a class="button" href=address>"Open my app"</a></p>
            <Details>
                <Detail term="Secret"><span class="breaks"><CopyId value=secret/></span></Detail>
                <Detail term="Kind">"by time, six digits, SHA-1, 30 seconds"</Detail>
                <Detail term="Finish until">{until}</Detail>
            </Details>
        </Card>
        <Card title="2. Type its first code">
            <Form action="/me/factor/confirm" submit="Turn it on">
                <Field name="code" label="Code of the app" hint="Six digits; a new one comes every 30 seconds." mode="numeric" autocomplete="one-time-code" required=true/>
            </Form>
            <Form action="/me/factor" submit="Begin again with another secret" secondary=true prefix="again-">""</Form>
        </Card>
    }
}

#[component]
fn There(since: AnyView, codes_left: i64, email: String) -> impl IntoView {
    let (tone, left) = match codes_left {
        0 => (Tone::Bad, "none left".to_owned()),
        1 => (Tone::Warn, "1 left".to_owned()),
        2..=3 => (Tone::Warn, format!("{codes_left} left")),
        _ => (Tone::Good, format!("{codes_left} left")),
    };
    view! {
        <Card title="Set up">
            <Details>
                <Detail term="Asked for since">{since}</Detail>
                <Detail term="Recovery codes"><Pill tone=tone label=left/></Detail>
            </Details>
            <p class="hint">"For another app, or new recovery codes, remove it and set it up again."</p>
        </Card>
        <Card title="Remove it">
            <p>"Then the password alone signs you in, and policies that ask for a second factor do not count your approvals."</p>
            <Form action="/me/factor/remove" submit="Remove my second factor" danger=true prefix="remove-">
                <Username value=email/>
                <Field name="password" label="Password" kind="password" autocomplete="current-password" required=true/>
                <Field name="code" label="Code of the app, or a recovery code" autocomplete="one-time-code" required=true/>
            </Form>
        </Card>
    }
}
