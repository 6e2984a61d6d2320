//! Plain forms: parse → action → 303 with a message. Nothing typed is lost, nothing is done twice.
//!
//! A handler has ten lines at most:
//! ```ignore
//! pub async fn add(form: TypedForm<add_person::Input>) -> Response {
//!     let done = add_person(&form.engine, &form.caller, &form.input).await;
//!     form.answer(done, |person| Done::to(format!("/people/{person}"), "Added.")).await
//! }
//! ```

pub mod absences;
pub mod audit;
pub mod checks;
pub mod comments;
pub mod databases;
mod extract;
pub mod factors;
pub mod feeds;
pub mod freezes;
pub mod glass;
pub mod invites;
pub mod me;
pub mod messages;
pub mod outbox;
pub mod pause;
pub mod people;
pub mod policies;
pub mod procedures;
pub mod runs;
pub mod series;
pub mod sessions;
pub mod setup;
pub mod sign_in;
mod submission;
pub mod watch;
pub mod webhooks;
pub mod windows;

use crate::visit::{flash, keep};
use app::door::{Flash, FlashKind, Typed, Visit};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::decision::Refusal;
use domain::ids::PersonId;
use engine::actions::{Caller, ELEVATE};
use engine::{Engine, Error};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use submission::Submission;
use tower_sessions::Session;

pub use extract::{At, AtBoth, SignedIn};

/// Most bytes of typed text that are kept for another try.
const KEPT_LIMIT: usize = 64 * 1024;

/// The input of a form that is only a button.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Nothing {}

/// A form of a signed-in person, as sent.
#[derive(Debug)]
pub struct TypedForm<T> {
    /// State database and clock.
    pub engine: Engine,
    /// Who sent it.
    pub caller: Caller,
    /// What was sent.
    pub input: T,
    sent: Sent,
}

/// A form that anybody may send: first run, sign-in, links.
#[derive(Debug)]
pub struct PublicForm<T> {
    /// State database and clock.
    pub engine: Engine,
    /// Id of the request.
    pub request: String,
    /// What was sent.
    pub input: T,
    /// The session, if one is needed.
    pub session: Session,
    sent: Sent,
}

/// What an answer needs to know about the request.
#[derive(Debug)]
struct Sent {
    session: Session,
    visit: Arc<Visit>,
    typed: Typed,
    /// A password or code was among it, which is not kept.
    secret: bool,
    submission: Option<Submission>,
}

/// It was done: where to go on, and what to say there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    to: String,
    say: String,
}

impl Done {
    /// Goes on to `to`, a path of our own, and says `say` there; nothing when it is empty.
    pub fn to(to: impl Into<String>, say: impl Into<String>) -> Self {
        Self { to: to.into(), say: say.into() }
    }

    async fn answer(self, session: &Session) -> Response {
        let said: Vec<Flash> = session.get("flash").await.ok().flatten().unwrap_or_default();
        // A second sending of the same form finds the message of the first.
        if !self.say.is_empty() && !said.iter().any(|flash| flash.text == self.say) {
            flash(session, Flash { kind: FlashKind::Done, text: self.say }).await;
        }
        Redirect::to(&self.to).into_response()
    }
}

impl<T> TypedForm<T> {
    /// The answer to what an action returned: on to the next page, or back to the form with everything typed.
    pub async fn answer<V>(self, result: engine::Result<V>, done: impl FnOnce(V) -> Done) -> Response {
        self.sent.answer(result, done).await
    }
    /// Back to the form with everything typed and nothing wrong: its page shows what follows from it before it is done.
    pub async fn looked_at(self) -> Response {
        if let Some(submission) = &self.sent.submission {
            submission.release().await;
        }
        self.sent.back(None, Typed::default()).await
    }
    /// An answer that is shown here and nowhere again; a second sending of the form leads to `then`.
    pub async fn shown(self, page: Response, then: Done) -> Response {
        if let Some(submission) = &self.sent.submission {
            submission.answered(&then).await;
        }
        page
    }
    /// What was typed, by field: for forms whose names are not known before.
    pub fn fields(&self) -> &[(String, String)] {
        &self.sent.typed.fields
    }
    /// The session, for what changes it.
    pub fn session(&self) -> &Session {
        &self.sent.session
    }
    /// The page the form was on.
    pub fn page(&self) -> &str {
        &self.sent.typed.page
    }
}

impl<T> PublicForm<T> {
    /// As [`TypedForm::answer`].
    pub async fn answer<V>(self, result: engine::Result<V>, done: impl FnOnce(V) -> Done) -> Response {
        self.sent.answer(result, done).await
    }
}

impl Sent {
    async fn answer<V>(self, result: engine::Result<V>, done: impl FnOnce(V) -> Done) -> Response {
        let error = match result {
            Ok(value) => {
                let done = done(value);
                if let Some(submission) = self.submission {
                    submission.answered(&done).await;
                }
                return done.answer(&self.session).await;
            }
            Err(error) => error,
        };
        if let Some(submission) = &self.submission {
            submission.release().await;
        }
        self.visit.note(&error);
        match error {
            Error::NotFound | Error::Hidden => StatusCode::NOT_FOUND.into_response(),
            Error::Database(error) => {
                tracing::error!(request.id = self.visit.request, %error, "a form was not carried out");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Error::Invalid(errors) => self.back(None, Typed::with_errors(errors)).await,
            Error::Refused(refusal) if refusal.code == "busy" => busy(refusal),
            Error::Refused(refusal) if refusal.code == ELEVATE => self.sent_to_confirm().await,
            Error::Refused(refusal) => self.back(Some(refusal.to_string()), Typed::default()).await,
            Error::Internal(error) => {
                tracing::error!(request.id = self.visit.request, %error, "a form was not carried out");
                let say = format!(
                    "Something broke, and nothing was done. It is in the log as request {}. Try again, or tell your administrator.",
                    self.visit.request
                );
                self.back(Some(say), Typed::default()).await
            }
        }
    }

    fn by(&self) -> Option<PersonId> {
        self.visit.caller.as_ref().map(|caller| caller.actor.person)
    }

    /// To the page that asks for the password again, and from there back to the form with what was typed.
    async fn sent_to_confirm(self) -> Response {
        let to = format!("/me/confirm?next={}", url::form_urlencoded::byte_serialize(self.typed.page.as_bytes()).collect::<String>());
        let note = resend("You typed your password: send this now.", self.secret);
        keep_within_limit(&self.session, self.by(), Typed { note: Some(note), ..self.typed }).await;
        Redirect::to(&to).into_response()
    }

    /// Back to the form's page with what was typed.
    async fn back(self, refused: Option<String>, wrong: Typed) -> Response {
        let page = self.typed.page.clone();
        if let Some(text) = refused {
            flash(&self.session, Flash { kind: FlashKind::Refused, text }).await;
        }
        keep_within_limit(&self.session, self.by(), Typed { errors: wrong.errors, note: wrong.note, ..self.typed }).await;
        Redirect::to(&page).into_response()
    }
}

/// Nobody waits in a queue that is full: a plain sentence, and when to come back.
pub(crate) fn busy(refusal: Refusal) -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response();
    response.extensions_mut().insert(refusal);
    response
}

/// The note above a form that comes back without an error; what must be typed again is named.
fn resend(note: &str, secret: bool) -> String {
    if secret { format!("{note} Passwords and secret addresses are never kept: type them again.") } else { note.to_owned() }
}

/// Keeps what fits, and says so when something did not.
async fn keep_within_limit(session: &Session, of: Option<PersonId>, mut typed: Typed) {
    let mut left = KEPT_LIMIT;
    let before = typed.fields.len();
    typed.fields.retain(|(name, value)| {
        let size = name.len() + value.len();
        let fits = size <= left;
        left = left.saturating_sub(if fits { size } else { 0 });
        fits
    });
    if typed.fields.len() < before {
        let text = "Some of what you typed is too long to be kept here. Use your browser's Back button to find it.".to_owned();
        flash(session, Flash { kind: FlashKind::Note, text }).await;
    }
    keep(session, of, typed).await;
}
