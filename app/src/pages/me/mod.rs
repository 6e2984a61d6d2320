//! The own profile.

mod address;
mod factor;
mod feeds;
mod notices;
mod sessions;

pub use factor::FactorPage;
pub use feeds::FeedsPage;
pub use sessions::SessionsPage;

use crate::door;
use crate::parts::form::{Field, Form, Select, Username};
use crate::parts::layout::{Card, Heading};
use crate::parts::time::Time;
use address::AddressCard;
use domain::notice::topics::Off;
use domain::view::address::escaped;
use domain::view::people::PersonPage;
use engine::queries;
use leptos::prelude::*;
use notices::NoticesCard;

#[component]
pub fn ProfilePage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async {
            let actor = caller?.actor;
            let page = queries::people::show(&engine, &actor, actor.person).await?;
            let (theme, off) = (queries::people::theme(&engine, actor.person).await?, queries::people::notices_off(&engine, &actor).await?);
            Ok((page, theme, off, queries::new_addresses::own(&engine, &actor).await?))
        }
        .await;
        door::show(answer, |(page, theme, off, waiting)| view! { <Profile page theme off waiting/> }.into_any())
    })
}

#[component]
fn Profile(page: PersonPage, theme: String, off: Off, waiting: Option<String>) -> impl IntoView {
    let themes = [("system", "As this device"), ("light", "Light"), ("dark", "Dark")]
        .map(|(word, label)| (word.to_owned(), label.to_owned()))
        .to_vec();
    let to = format!("/people/{}", page.person.id);
    let (email, address) = (page.person.email.clone(), page.person.email.clone());
    let (others, factor) = (page.sessions - 1, page.factor_since);
    let sessions = match others {
        ..=0 => "You are signed in here only.".to_owned(),
        1 => "You are signed in at one other place. A new password ends that session.".to_owned(),
        _ => format!("You are signed in at {others} other places. A new password ends those sessions."),
    };
    view! {
        <Heading title="Your profile" lead=page.person.email.clone()><a class="button quiet" href=to>"As others see you"</a></Heading>
        <div class="columns even">
            <Card title="You">
                <Form action="/me" submit="Save">
                    <Field name="name" label="Name" value=page.person.name autocomplete="name" required=true/>
                    <Field name="zone" label="Time zone" hint="Times are shown in it, with UTC beside. An IANA name." value=page.zone suggestions=engine::zones::names() required=true/>
                    <Select name="theme" label="Colours" options=themes value=theme required=true/>
                </Form>
            </Card>
            <Card title="Password">
                <p>{sessions}" "<a href="/me/sessions">"See your sessions"</a>" It also revokes your calendar feeds."</p>
                <Form action="/me/password" submit="Change password" prefix="pw-">
                    <Username value=email/>
                    <Field name="old_password" label="Password until now" kind="password" autocomplete="current-password" required=true/>
                    <Field name="password" label="New password" hint="At least 12 characters. Four or five unrelated words are easy to remember." kind="password" autocomplete="new-password" required=true/>
                    <Field name="password_again" label="New password again" kind="password" autocomplete="new-password" required=true/>
                </Form>
            </Card>
            <AddressCard email=address waiting/>
            <Card title="Second factor" id="factor".to_owned()>
                {match factor {
                    Some(since) => view! { <p>"Every sign-in of yours asks for a code of your app, since "<Time at=since/>"."</p> }.into_any(),
                    None => view! { <p>"Your password alone signs you in. A code of an app keeps others out who learn it, and some policies count only votes that were given so."</p> }.into_any(),
                }}
                <p class="actions"><a class="button" href="/me/factor">"Your second factor"</a></p>
            </Card>
        </div>
        <NoticesCard off/>
        <Card title="Away" id="away".to_owned()>
            <p>"Say when you are away, and who votes in your place meanwhile: also on what waits for you already."</p>
            <p class="actions"><a class="button" href="/me/absence">"Absences"</a></p>
        </Card>
        <Card title="Calendar" id="calendar".to_owned()>
            <p>"Have windows in the calendar program you use anyway, by an address that it asks again and again."</p>
            <p class="actions"><a class="button" href="/me/calendar">"Your calendar feeds"</a></p>
        </Card>
    }
}

/// Asks for the password once more before control is given; then back to where it was needed.
#[component]
pub fn ConfirmPage() -> impl IntoView {
    let next = door::query_parameter("next").unwrap_or_else(|| "/".to_owned());
    let action = format!("/me/confirm?next={}", escaped(&next));
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async {
            let actor = caller?.actor;
            queries::people::show(&engine, &actor, actor.person).await
        }
        .await;
        door::show(answer, |page| confirm(page, action).into_any())
    })
}

fn confirm(page: PersonPage, action: String) -> impl IntoView {
    let (name, email) = (page.person.name, page.person.email);
    view! {
        <div class="door">
            <Heading title="Type your password again"/>
            <Card title=format!("Signed in as {name}")>
                <p>"What you are about to do gives somebody rights or takes them away, or makes an address that works without signing in. Your password is needed once more, for the next five minutes."</p>
                <Form action submit="Continue" cancel="/">
                    <Username value=email/>
                    <Field name="password" label="Password" kind="password" autocomplete="current-password" required=true/>
                </Form>
            </Card>
        </div>
    }
}
