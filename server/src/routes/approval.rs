//! The page behind a mailed link: GET shows, POST decides. No session, no account, no script; the secret is the only proof.

use super::code_cookie;
use crate::guard::RequestId;
use crate::web::Web;
use app::shell::POLICY;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum_extra::extract::CookieJar;
use engine::actions::cast_vote::{Input, cast_vote_by_link};
use engine::actions::delegate_vote;
use engine::actions::mail_code::mail_code;
use engine::actions::mail_fresh_link::mail_fresh_link;
use engine::actions::withdraw_vote::{Objection, object_to_vote};
use engine::paper::approval::{self, TypedAgain};
use engine::queries::links;
use engine::{Engine, Error};
use http::header::CONTENT_TYPE;
use http::{HeaderName, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::LazyLock;

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// Stricter than that of other pages: nothing is loaded, nothing runs, and the style is the one we wrote.
static STRICT: LazyLock<String> = LazyLock::new(|| {
    let style = approval::style_source();
    format!("default-src 'none'; img-src data:; style-src {style}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
});

/// Shows what the link leads to. Changes nothing but the mark "opened", and HEAD not even that.
pub async fn show(State(web): State<Web>, jar: CookieJar, method: Method, Path(secret): Path<String>) -> Response {
    let engine = &web.engine;
    match links::page(engine, &secret, code_cookie::read(&jar, &secret, web.hosts.is_https()).as_ref()).await {
        Ok(page) => {
            if method == Method::GET
                && let Err(error) = links::mark_opened(engine, page.link).await
            {
                tracing::debug!(%error, "a link was opened and not marked");
            }
            html(StatusCode::OK, approval::page(&page, &path_of(&secret), &TypedAgain::default()))
        }
        Err(error) => failed(error),
    }
}

/// Decides, and leads back to the page, which then says what was recorded.
pub async fn decide(
    State(web): State<Web>,
    Extension(request): Extension<RequestId>,
    jar: CookieJar,
    Path(secret): Path<String>,
    form: Result<Form<Input>, FormRejection>,
) -> Response {
    let Ok(Form(input)) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let engine = &web.engine;
    let browser = code_cookie::read(&jar, &secret, web.hosts.is_https());
    let done = cast_vote_by_link(engine, &secret, browser.as_ref(), &input, &request.0).await;
    if matches!(done, Err(Error::Refused(_))) && is_recorded(engine, &secret, &input).await {
        return Redirect::to(&path_of(&secret)).into_response();
    }
    answer(engine, &secret, browser.as_ref(), done, again(&input)).await
}

/// What was typed, to be shown again.
fn again(input: &Input) -> TypedAgain {
    let Input { short_name, comment, code, .. } = input.clone();
    TypedAgain { short_name, comment, code: code.expose_secret().to_owned(), ..TypedAgain::default() }
}

/// Whether just this decision is recorded already: a form that was sent twice leads where the first sending led.
async fn is_recorded(engine: &Engine, secret: &str, input: &Input) -> bool {
    let recorded = links::page(engine, secret, None).await.ok().and_then(|page| page.recorded);
    recorded.is_some_and(|recorded| recorded.word() == input.decision.trim())
}

/// Mails a code to the same mailbox, and shows the page with everything typed and a field for it.
pub async fn code(
    State(web): State<Web>,
    Extension(request): Extension<RequestId>,
    jar: CookieJar,
    Path(secret): Path<String>,
    form: Result<Form<Input>, FormRejection>,
) -> Response {
    let Ok(Form(input)) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let engine = &web.engine;
    let browser = code_cookie::read(&jar, &secret, web.hosts.is_https());
    match mail_code(engine, &secret, &input.digest, &request.0).await {
        Ok(asked) => {
            let typed = TypedAgain { code: String::new(), mailed: true, ..again(&input) };
            let cookie = code_cookie::make(&secret, &asked.browser, web.hosts.is_https());
            (jar.add(cookie), shown(engine, &secret, Some(&asked.browser), StatusCode::OK, &typed).await).into_response()
        }
        done => answer(engine, &secret, browser.as_ref(), done, again(&input)).await,
    }
}

/// Lets somebody else decide, and leads back to the page, which then says so.
pub async fn delegate(
    State(web): State<Web>,
    Extension(request): Extension<RequestId>,
    jar: CookieJar,
    Path(secret): Path<String>,
    form: Result<Form<delegate_vote::Input>, FormRejection>,
) -> Response {
    let Ok(Form(input)) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let browser = code_cookie::read(&jar, &secret, web.hosts.is_https());
    let done = delegate_vote::delegate_vote(&web.engine, &secret, browser.as_ref(), &input, &request.0).await;
    let typed = TypedAgain { delegate: input.delegate, ..TypedAgain::default() };
    answer(&web.engine, &secret, browser.as_ref(), done, typed).await
}

/// "This was not me": takes the vote back.
pub async fn object(
    State(engine): State<Engine>,
    Extension(request): Extension<RequestId>,
    Path(secret): Path<String>,
    form: Result<Form<Objection>, FormRejection>,
) -> Response {
    let Ok(Form(objection)) = form else { return StatusCode::BAD_REQUEST.into_response() };
    let typed = TypedAgain { short_name: objection.short_name.clone(), ..TypedAgain::default() };
    let done = object_to_vote(&engine, &secret, &objection, &request.0).await;
    answer(&engine, &secret, None, done, typed).await
}

/// Mails a fresh link to the same person.
pub async fn fresh(State(engine): State<Engine>, Extension(request): Extension<RequestId>, Path(secret): Path<String>) -> Response {
    match mail_fresh_link(&engine, &secret, &request.0).await {
        Ok(()) => html(StatusCode::OK, approval::mailed()),
        done => answer(&engine, &secret, None, done, TypedAgain::default()).await,
    }
}

/// On to the page after success; otherwise the page as it stands now, with what was wrong and everything typed.
async fn answer<T>(
    engine: &Engine,
    secret: &str,
    browser: Option<&SecretString>,
    done: engine::Result<T>,
    mut typed: TypedAgain,
) -> Response {
    let status = match done {
        Ok(_) => return Redirect::to(&path_of(secret)).into_response(),
        Err(Error::Invalid(errors)) => {
            typed.errors = errors;
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Err(Error::Refused(refusal)) => {
            typed.refusal = refusal.to_string();
            StatusCode::CONFLICT
        }
        Err(error) => return failed(error),
    };
    shown(engine, secret, browser, status, &typed).await
}

/// The page as it stands now.
async fn shown(engine: &Engine, secret: &str, browser: Option<&SecretString>, status: StatusCode, typed: &TypedAgain) -> Response {
    match links::page(engine, secret, browser).await {
        Ok(page) => html(status, approval::page(&page, &path_of(secret), typed)),
        Err(error) => failed(error),
    }
}

/// Every secret that is not known gets the same answer.
pub(super) fn failed(error: Error) -> Response {
    match error {
        Error::NotFound | Error::Hidden => html(StatusCode::NOT_FOUND, approval::unknown()),
        Error::Database(error) => {
            tracing::error!(%error, "a link could not be answered");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        other => {
            tracing::error!(error = %other, "a link could not be answered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(crate) fn html(status: StatusCode, page: engine::Result<String>) -> Response {
    match page {
        Ok(page) => {
            let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (ROBOTS, "noindex"), (POLICY, STRICT.as_str())];
            (status, headers, page).into_response()
        }
        Err(error) => failed(error),
    }
}

/// The page's own path. The secret is encoded again: it came from a path and goes back into one.
fn path_of(secret: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    format!("/a/{encoded}")
}
