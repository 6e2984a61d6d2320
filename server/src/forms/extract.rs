//! From a request to a typed form; what cannot be taken goes back to its page with everything typed.

use super::submission::{self, Claim};
use super::{PublicForm, Sent, TypedForm, keep_within_limit, resend};
use crate::visit::{Former, flash, local_path, sign_in_path};
use crate::web::Web;
use app::door::{Flash, FlashKind, Typed, Visit};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Multipart, Path, Request};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::ids::PersonId;
use engine::actions::Caller;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use std::str::FromStr;
use std::sync::Arc;
use tower_sessions::Session;

/// Name of the field that sends a file.
const FILE: &str = "file";
/// The longest text of a file that is kept for a page that is shown again.
const MOST_KEPT_BYTES: usize = 64 * 1024;
/// Names whose values are never kept: the address of a chat's webhook is its password.
const SECRETS: &[&str] = &["password", "secret", "token", "code", "url"];

/// The signed-in person, for handlers without a form. Others are sent to the sign-in.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Arc<Visit>>().and_then(|visit| visit.caller.clone());
        let to = if parts.method == Method::GET { parts.uri.path_and_query().map_or("/", |to| to.as_str()) } else { "/" };
        caller.map(Self).ok_or_else(|| Redirect::to(&sign_in_path(to)).into_response())
    }
}

/// One parameter of the path; what cannot be read does not exist.
#[derive(Debug, Clone, Copy)]
pub struct At<T>(pub T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = StatusCode;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| StatusCode::NOT_FOUND)?;
        text.parse().map(Self).map_err(|_| StatusCode::NOT_FOUND)
    }
}

/// Two parameters of the path, in their order; what cannot be read does not exist.
#[derive(Debug, Clone, Copy)]
pub struct AtBoth<A, B>(pub A, pub B);

impl<A: FromStr, B: FromStr, S: Send + Sync> FromRequestParts<S> for AtBoth<A, B> {
    type Rejection = StatusCode;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        let Path((first, second)) = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| StatusCode::NOT_FOUND)?;
        first.parse().ok().zip(second.parse().ok()).map(|(first, second)| Self(first, second)).ok_or(StatusCode::NOT_FOUND)
    }
}

impl<T: DeserializeOwned + Send> FromRequest<Web> for TypedForm<T> {
    type Rejection = Response;
    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let mut raw = Raw::read(request, web).await?;
        let Some(caller) = raw.visit.caller.clone() else { return Err(raw.sent_to_sign_in().await) };
        raw.claim(web).await?;
        let (input, sent) = raw.typed_input().await?;
        Ok(Self { engine: web.engine.clone(), caller, input, sent })
    }
}

impl<T: DeserializeOwned + Send> FromRequest<Web> for PublicForm<T> {
    type Rejection = Response;
    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let mut raw = Raw::read(request, web).await?;
        raw.claim(web).await?;
        let (input, sent) = raw.typed_input().await?;
        Ok(Self { engine: web.engine.clone(), request: sent.visit.request.clone(), session: sent.session.clone(), input, sent })
    }
}

/// A form's body and the request around it.
struct Raw {
    visit: Arc<Visit>,
    former: Former,
    session: Session,
    body: Bytes,
    typed: Typed,
    once: Option<String>,
    /// Whose page the form was on, as it says itself: where the session that knew it is gone.
    by: Option<PersonId>,
    submission: Option<submission::Submission>,
}

impl Raw {
    async fn read(request: Request, web: &Web) -> Result<Self, Response> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let parts_of_several = match kind.split(';').next().map(str::trim) {
            Some("application/x-www-form-urlencoded") => false,
            Some("multipart/form-data") => true,
            _ => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response()),
        };
        let (parts, body) = request.into_parts();
        let extension = |what: &str| {
            tracing::error!(what, "a form stands outside the visit layer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        };
        let visit = parts.extensions.get::<Arc<Visit>>().cloned().ok_or_else(|| extension("visit"))?;
        let session = parts.extensions.get::<Session>().cloned().ok_or_else(|| extension("session"))?;
        let former = parts.extensions.get::<Former>().copied().unwrap_or(Former(None));
        let head = parts.headers.get(CONTENT_TYPE).cloned();
        let body = Bytes::from_request(Request::from_parts(parts, body), web).await.map_err(axum::response::IntoResponse::into_response)?;
        let sent = if parts_of_several {
            several(head, body.clone(), web).await?
        } else {
            url::form_urlencoded::parse(&body).into_owned().collect()
        };
        let (mut once, mut by) = (None, None);
        let mut typed = Typed { page: visit.path.clone(), action: visit.path.clone(), ..Typed::default() };
        for (name, value) in sent {
            match name.as_str() {
                "_once" => once = Some(value),
                "_by" => by = value.parse().ok(),
                "_back" => local_path(&value).clone_into(&mut typed.page),
                _ => typed.fields.push((name, readable(&value))),
            }
        }
        Ok(Self { visit, former, session, body, typed, once, by, submission: None })
    }

    async fn claim(&mut self, web: &Web) -> Result<(), Response> {
        match submission::claim(&web.engine, &self.session, self.once.as_deref(), &self.visit.path, &self.body).await {
            Ok(Claim::First(submission)) => self.submission = submission,
            Ok(Claim::Again(done)) => return Err(done.answer(&self.session).await),
            Ok(Claim::Busy) => {
                let text =
                    "This was sent twice, and the first sending is still being worked on. Look again in a moment before you send it anew.";
                flash(&self.session, Flash { kind: FlashKind::Note, text: text.into() }).await;
                let (page, of) = (self.typed.page.clone(), self.visit.caller.as_ref().map(|caller| caller.actor.person));
                keep_within_limit(&self.session, of, without_secrets(std::mem::take(&mut self.typed))).await;
                return Err(Redirect::to(&page).into_response());
            }
            Err(error) => {
                tracing::error!(%error, "a form could not be claimed");
                return Err(StatusCode::SERVICE_UNAVAILABLE.into_response());
            }
        }
        Ok(())
    }

    async fn typed_input<T: DeserializeOwned>(self) -> Result<(T, Sent), Response> {
        let plain = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.typed.fields).finish();
        let input = serde_html_form::from_str::<T>(&plain);
        let secret = has_secrets(&self.typed);
        let sent =
            Sent { session: self.session, visit: self.visit, typed: without_secrets(self.typed), secret, submission: self.submission };
        match input {
            Ok(input) => Ok((input, sent)),
            Err(error) => {
                tracing::info!(%error, "a form was incomplete");
                if let Some(submission) = &sent.submission {
                    submission.release().await;
                }
                let text = "The form arrived incomplete, so nothing was done. Check it and send it again.";
                Err(sent.back(Some(text.into()), Typed::default()).await)
            }
        }
    }

    /// The session ended in mid-form: keeps what was typed for its person, and leads there after the sign-in. Text of nobody knows whom is not
    /// kept: the next to sign in here would read it.
    async fn sent_to_sign_in(self) -> Response {
        let page = self.typed.page.clone();
        let of = self.former.0.or(self.by);
        let text = if of.is_some() {
            let note = resend("This was not sent: you had been signed out. Check it, and send it again.", has_secrets(&self.typed));
            keep_within_limit(&self.session, of, Typed { note: Some(note), ..without_secrets(self.typed) }).await;
            "You were signed out, and nothing was sent. Sign in, and what you typed is there again."
        } else {
            "You were signed out, and nothing was sent. Your browser's Back button leads to what you typed."
        };
        flash(&self.session, Flash { kind: FlashKind::Note, text: text.into() }).await;
        Redirect::to(&sign_in_path(&page)).into_response()
    }
}

/// Fields of a form that sends a file; the file's text is its field's value. Text that is no UTF-8 becomes visible where it is not.
async fn several(kind: Option<HeaderValue>, body: Bytes, web: &Web) -> Result<Vec<(String, String)>, Response> {
    let mut request = Request::new(Body::from(body));
    if let Some(kind) = kind {
        request.headers_mut().insert(CONTENT_TYPE, kind);
    }
    let mut parts = Multipart::from_request(request, web).await.map_err(axum::response::IntoResponse::into_response)?;
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(axum::response::IntoResponse::into_response)? {
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(axum::response::IntoResponse::into_response)?;
        fields.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(fields)
}

/// What was typed, as the database can keep it: PostgreSQL knows no NUL character, so it becomes one that can be seen; and browsers end
/// lines with two characters where everything else has one.
fn readable(value: &str) -> String {
    value.replace("\r\n", "\n").replace('\0', "\u{fffd}")
}

fn is_secret(name: &str) -> bool {
    SECRETS.iter().any(|secret| name.contains(secret))
}

fn has_secrets(typed: &Typed) -> bool {
    typed.fields.iter().any(|(name, value)| is_secret(name) && !value.is_empty())
}

fn without_secrets(mut typed: Typed) -> Typed {
    // A browser cannot be given its file back: the page may show what was in a small one as text, to be mended there.
    typed.fields.retain(|(name, value)| !is_secret(name) && (name != FILE || value.len() <= MOST_KEPT_BYTES));
    typed
}
