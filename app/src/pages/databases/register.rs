//! The registration form, and the fields it shares with the form that edits a registration.

use crate::door;
use crate::parts::form::{Check, Field, Form, Group, Select, TextArea};
use crate::parts::layout::Heading;
use domain::target::{Draft, Environment, Tls};
use engine::queries;
use leptos::prelude::*;

/// Registers a database.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let (engine, caller, zone) = (door::engine(), door::caller(), door::zone());
    let draft = Draft { port: "5432".into(), tls: Tls::VerifyFull.word().into(), zone, ..Draft::default() };
    Suspend::new(async move {
        let answer = async { queries::targets::register(&engine, &caller?).await }.await;
        door::show(answer, |page| {
            let chosen = if page.teams.len() == 1 { page.teams[0].0.to_string() } else { String::new() };
            let teams = with_blank("Choose a team", page.teams.into_iter().map(|(id, name)| (id.to_string(), name)), &chosen);
            let (naming, address, trials, on_call) = (draft.clone(), draft.clone(), draft.clone(), draft);
            view! {
                <Heading title="Register a database" lead="A worker tests the connection as soon as you save. Nothing is changed on the database."/>
                {page.problem.map(|problem| view! { <p class="message warn">{problem}</p> })}
                <div class="narrow">
                    <Form action="/databases/new" submit="Register and test" cancel="/databases">
                        <Group legend="What it is">
                            <Select name="team" label="Owner team" hint="Its leads and engineers plan windows here, and answer for them." options=teams value=chosen required=true/>
                            <Naming draft=naming/>
                        </Group>
                        <Address draft=address password_hint="Sealed at once so that only workers can open it, for this address only. It is never shown again."/>
                        <Group legend="What else workers may do there"><Trials draft=trials/></Group>
                        <Group legend="Whom it concerns">
                            <TextArea name="stakeholders" label="Stakeholders" rows=4 required=true
                                hint="Who depends on it: they are told about each window and asked to approve it. One a line, an address or Name <address>; no account is needed."/>
                            <OnCall draft=on_call/>
                        </Group>
                    </Form>
                </div>
            }
            .into_any()
        })
    })
}

/// Choices that begin with an empty one, unless something is chosen.
pub(super) fn with_blank(blank: &str, choices: impl IntoIterator<Item = (String, String)>, chosen: &str) -> Vec<(String, String)> {
    chosen.is_empty().then(|| (String::new(), blank.to_owned())).into_iter().chain(choices).collect()
}

/// Names, environment, zone.
#[component]
pub(super) fn Naming(draft: Draft) -> impl IntoView {
    let environments =
        with_blank("Choose", Environment::ALL.iter().map(|each| (each.word().to_owned(), each.label().to_owned())), &draft.environment);
    view! {
        <Field name="name" label="Name" hint="As people call it, such as Orders (production)." value=draft.name required=true/>
        <Field name="short_name" label="Short name" hint="People type it to confirm. Small letters, digits and hyphens, such as prod-orders." value=draft.short_name required=true autocomplete="off"/>
        <Select name="environment" label="Environment" hint="Decides who must approve its windows." options=environments value=draft.environment required=true/>
        <Field name="zone" label="Time zone" hint="Its windows are planned in this zone." value=draft.zone suggestions=engine::zones::names() required=true autocomplete="off"/>
    }
}

/// What workers may do there besides maintenance.
#[component]
pub(super) fn Trials(draft: Draft) -> impl IntoView {
    view! {
        <Check name="trial_copy" label="Changes of design may be tried on an empty copy" checked=draft.trial_copy == "on"
            hint="Before a change is proposed a worker makes a database beside this one, with the same schema and no rows, runs the statements and their way back there, and drops it. The role needs CREATEDB."/>
    }
}

/// Whom to call.
#[component]
pub(super) fn OnCall(draft: Draft) -> impl IntoView {
    view! { <Field name="on_call" label="On-call contact" hint="Whom to call at three in the morning: a rota or a person, with a number." value=draft.on_call required=true/> }
}

/// Everything the password is bound to, and the password.
#[component]
pub(super) fn Address(draft: Draft, password_hint: &'static str) -> impl IntoView {
    let protections = Tls::ALL.iter().map(|each| (each.word().to_owned(), each.label().to_owned())).collect();
    view! {
        <Group legend="Where it is" hint="PostgreSQL 13 or later, the server itself and not a connection pooler.">
            <div class="row">
                <Field name="host" label="Host" hint="Name, address, or the folder of a socket." value=draft.host required=true autocomplete="off"/>
                <Field name="port" label="Port" value=draft.port mode="numeric" required=true autocomplete="off"/>
            </div>
            <Field name="database" label="Database" hint="As PostgreSQL spells it; upper and lower case differ." value=draft.database required=true autocomplete="off"/>
            <Field name="username" label="Role" hint="A role for maintenance only, not a superuser. The connection test lists every right it lacks, with the GRANT to copy." value=draft.username required=true autocomplete="off"/>
            <Field name="password" label="Password" kind="password" hint=password_hint autocomplete="new-password"/>
        </Group>
        <Group legend="How the connection is protected">
            <Select name="tls" label="Protection" options=protections value=draft.tls required=true hint="Without TLS only on this machine (loopback or socket), or with a reason below."/>
            <TextArea name="ca_pem" label="Certificate authority" rows=3 code=true value=draft.ca_pem hint="Only if your servers use an authority of their own: paste its certificate as PEM. Empty means those this machine trusts."/>
            <TextArea name="tls_reason" label="Why no TLS is acceptable" rows=2 value=draft.tls_reason hint="Only without TLS across a network: whoever listens on the way reads the password and all data. The reason goes into the audit trail."/>
        </Group>
    }
}
