//! The first run.

use crate::door;
use crate::parts::form::{Field, Form, Group};
use crate::parts::layout::Heading;
use crate::parts::table::Empty;
use leptos::prelude::*;

#[component]
pub fn SetupPage() -> impl IntoView {
    let visit = door::visit();
    let public_url = visit.public_url.clone();
    if visit.installation.is_some() {
        return view! {
            <Heading title="Set up"/>
            <Empty title="This installation is set up" why="The first run happens once. People are added by an administrator.">
                <a class="button primary" href="/">"Go to the home page"</a>
            </Empty>
        }
        .into_any();
    }
    view! {
        <div class="narrow">
            <Heading title="Set up Drydock" lead="One minute: a name, a time zone, and the first administrator."/>
            <Form action="/setup" submit="Set up and sign in">
                <Group legend="This installation">
                    <Field name="installation" label="Name" hint="Shown in page titles and mails." value="Drydock" required=true/>
                    <Field name="zone" label="Time zone" hint="For people who have not chosen their own. An IANA name." value="Etc/UTC" suggestions=engine::zones::names() required=true/>
                    <p class="hint">"Links in mails will begin with " <code>{public_url}</code> ". If people reach Drydock by another address, set " <code>"DRYDOCK_PUBLIC_URL"</code> " and start it again first."</p>
                </Group>
                <Group legend="First administrator" hint="Manages people, teams and policies. Administrators neither propose nor approve windows.">
                    <Field name="name" label="Your name" autocomplete="name" required=true/>
                    <Field name="email" label="Your e-mail address" kind="email" autocomplete="username" required=true/>
                    <Field name="password" label="Password" hint="At least 12 characters. Four or five unrelated words are easy to remember." kind="password" autocomplete="new-password" required=true/>
                    <Field name="password_again" label="Password again" kind="password" autocomplete="new-password" required=true/>
                </Group>
            </Form>
        </div>
    }
    .into_any()
}
