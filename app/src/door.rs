//! From a request to the people and data behind it: everything a page may ask for.
//!
//! The server's middleware makes one [`Visit`] for each request; pages take it before their first `await`.

use crate::parts::errors::{ErrorBody, words};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use domain::decision::{FieldError, Refusal};
use domain::ids::{SessionId, TeamId};
use domain::pause::Pause;
use domain::permission::{self, Actor, Permit, Verb};
use domain::view::address::escaped;
use engine::actions::Caller;
use engine::queries::visit::Installation;
use engine::{Engine, Error};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

/// Everything known about the request a page answers.
#[derive(Debug, Clone)]
pub struct Visit {
    /// State database and clock.
    pub engine: Engine,
    /// The signed-in person with today's rights.
    pub caller: Option<Caller>,
    /// The session of the signed-in person, as pages call it.
    pub session: Option<SessionId>,
    /// Request id, shown on error pages.
    pub request: String,
    /// Path of the page, without the query.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// Messages for this page, shown once.
    pub flash: Vec<Flash>,
    /// What was typed into a form that could not be taken.
    pub typed: Option<Typed>,
    /// Preferred colours.
    pub theme: Theme,
    /// What this installation is; `None` before the first run.
    pub installation: Option<Installation>,
    /// The pause of all maintenance, while there is one; read for pages of people who are signed in.
    pub pause: Option<Pause>,
    /// How many messages the person has not read, as counted for pages of people who are signed in.
    pub unread: i64,
    /// Address from the settings that people reach us by.
    pub public_url: String,
    /// Set while this server, or a worker of it, is stopping: what is being handed over, in words.
    pub stopping: Option<String>,
    /// What the person was denied while this was answered: the trail says so.
    pub denied: OnceLock<String>,
}

impl Visit {
    /// Remembers an error that is a denial. The first one counts: it is what was asked for.
    pub fn note(&self, error: &Error) {
        if let Some(denied) = error.denial() {
            let _ = self.denied.set(denied.to_owned());
        }
    }
}

/// How a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlashKind {
    /// It was done.
    Done,
    /// It was not done; the text says what is missing.
    Refused,
    /// Worth knowing.
    Note,
}

/// A message that is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// How it is meant.
    pub kind: FlashKind,
    /// The sentence.
    pub text: String,
}

/// What somebody typed into a form, and what was wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// Page the form is on.
    pub page: String,
    /// Where the form posts to: tells several forms of one page apart.
    pub action: String,
    /// Names and values as sent, in order; never passwords.
    pub fields: Vec<(String, String)>,
    /// What was wrong.
    pub errors: Vec<FieldError>,
    /// Why it is shown again, where no field is wrong.
    #[serde(default)]
    pub note: Option<String>,
}

impl Typed {
    /// Only what was wrong.
    pub fn with_errors(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::default() }
    }
    /// The first value typed into `field`.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }
    /// Every value of `field`, for lists and checkboxes.
    pub fn all(&self, field: &str) -> Vec<&str> {
        self.fields.iter().filter(|(name, _)| name == field).map(|(_, value)| value.as_str()).collect()
    }
    /// What was wrong with `field`.
    pub fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }
}

/// Preferred colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device says.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The word in cookie, column and document.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
    /// Reads the word; anything else means the device's choice.
    pub fn from_word(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// The request's visit. Call it before the first `await` of a page.
///
/// # Panics
/// Outside of a request, which only a wrong route table can cause.
pub fn visit() -> Arc<Visit> {
    use_context::<Arc<Visit>>().expect("the page middleware provides a visit for every page")
}

/// The request's visit, where there may be none: in error pages of the outer layers.
pub fn maybe_visit() -> Option<Arc<Visit>> {
    use_context::<Arc<Visit>>()
}

/// State database and clock.
pub fn engine() -> Engine {
    visit().engine.clone()
}

/// The signed-in person and request id, for queries and actions.
pub fn caller() -> engine::Result<Caller> {
    maybe_visit()
        .and_then(|visit| visit.caller.clone())
        .ok_or_else(|| Error::Refused(Refusal::new("signed_out", "You are signed out.", "Sign in and come back to this page.")))
}

/// The signed-in person.
pub fn actor() -> Option<Actor> {
    maybe_visit().and_then(|visit| visit.caller.as_ref().map(|caller| caller.actor.clone()))
}

/// True when the signed-in person holds `verb` for `team`: decides whether a button is shown. The action checks again.
pub fn may(verb: Verb, team: Option<TeamId>) -> bool {
    actor().is_some_and(|actor| permission::holds(&actor, verb, team))
}

/// The permit for `verb`, or the refusal that names the missing right.
pub fn require(verb: Verb, team: Option<TeamId>) -> engine::Result<Permit> {
    Ok(permission::authorize(&caller()?.actor, verb, team)?)
}

/// Like [`require`], for pages of forms that ask for the password once more: sends there first, before anything is typed.
pub fn require_control(verb: Verb, team: Option<TeamId>) -> engine::Result<Permit> {
    let permit = require(verb, team)?;
    let visit = visit();
    if visit.caller.as_ref().is_some_and(|caller| !caller.actor.elevated)
        && let Some(response) = use_context::<ResponseOptions>()
    {
        let here = if visit.query.is_empty() { visit.path.clone() } else { format!("{}?{}", visit.path, visit.query) };
        if let Ok(to) = HeaderValue::from_str(&format!("/me/confirm?next={}", escaped(&here))) {
            response.insert_header(LOCATION, to);
            response.set_status(StatusCode::SEE_OTHER);
        }
    }
    Ok(permit)
}

/// Sets the answer's status.
pub fn status(code: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(code);
    }
}

/// Messages for this page.
pub fn flash() -> Vec<Flash> {
    maybe_visit().map(|visit| visit.flash.clone()).unwrap_or_default()
}

/// What was typed into a form of this page that could not be taken.
pub fn typed() -> Option<Typed> {
    maybe_visit().and_then(|visit| visit.typed.clone())
}

/// What was wrong with a form of this page.
pub fn field_errors() -> Vec<FieldError> {
    typed().map(|typed| typed.errors).unwrap_or_default()
}

/// Zone in which the viewer reads times: the person's, else the installation's, else UTC.
pub fn zone() -> String {
    let visit = maybe_visit();
    let person = visit.as_ref().and_then(|visit| visit.caller.as_ref().map(|caller| caller.actor.zone.clone()));
    person.or_else(|| visit.and_then(|visit| visit.installation.as_ref().map(|i| i.zone.clone()))).unwrap_or_else(|| "Etc/UTC".into())
}

/// A parameter of the page's path, such as `id` of `/people/:id`, parsed; what cannot be parsed does not exist.
pub fn path_parameter<T: std::str::FromStr>(name: &str) -> engine::Result<T> {
    let parameters = leptos_router::hooks::use_params_map();
    parameters.with_untracked(|map| map.get(name)).and_then(|text| text.parse().ok()).ok_or(Error::NotFound)
}

/// A parameter of the page's query; empty ones count as absent.
pub fn query_parameter(name: &str) -> Option<String> {
    let parameters = leptos_router::hooks::use_query_map();
    // PostgreSQL knows no NUL character: nothing that is looked for holds one.
    parameters.with_untracked(|map| map.get(name)).map(|text| text.replace('\0', "\u{fffd}")).filter(|text| !text.trim().is_empty())
}

/// Every value of a parameter of the page's query, in order.
pub fn query_parameters(name: &str) -> Vec<String> {
    let parameters = leptos_router::hooks::use_query_map();
    let all = parameters.with_untracked(|map| map.get_all(name)).unwrap_or_default();
    all.into_iter().map(|text| text.replace('\0', "\u{fffd}")).filter(|text| !text.trim().is_empty()).collect()
}

/// The page for a query's answer: the view when it came, else the error in words, with its status.
pub fn show<T>(answer: engine::Result<T>, view: impl FnOnce(T) -> AnyView) -> AnyView {
    match answer {
        Ok(value) => view(value),
        Err(error) => {
            let code = status_of(&error);
            status(code);
            if let Some(visit) = maybe_visit() {
                visit.note(&error);
            }
            if code.is_server_error() {
                let request = maybe_visit().map(|visit| visit.request.clone()).unwrap_or_default();
                tracing::error!(request.id = %request, %error, "a page could not be read");
            }
            let sentence = match error {
                Error::Refused(refusal) => Some(refusal),
                _ => None,
            };
            view! { <Title text=words(code).0/><ErrorBody code=code refusal=sentence/> }.into_any()
        }
    }
}

/// The status an error is answered with.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Refused(_) => StatusCode::FORBIDDEN,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::NotFound | Error::Hidden => StatusCode::NOT_FOUND,
        Error::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
