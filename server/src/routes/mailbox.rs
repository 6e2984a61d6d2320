//! The parts of the demo's mailbox that are no page: the HTML of a mail, and the list for programs.

use crate::forms::{At, SignedIn};
use app::shell::POLICY;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use domain::view::mail::{Piece, pieces};
use engine::queries::mailbox;
use engine::{Engine, Error};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

/// A mail has inline styles, which no page of ours may have: so it is a document of its own, without origin, script, form or anything
/// loaded, from which only links lead out.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox allow-top-navigation-by-user-activation";

/// Whose mails are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    to: String,
}

/// A mail as programs read it.
#[derive(Debug, Serialize)]
struct Mail {
    id: i64,
    to: String,
    subject: String,
    at: String,
    text: String,
    links: Vec<String>,
    calendar: Option<String>,
}

/// The newest mails, newest first.
pub async fn json(State(engine): State<Engine>, SignedIn(caller): SignedIn, Query(asked): Query<Asked>) -> Response {
    match mailbox::newest(&engine, &caller, &asked.to).await {
        Ok(mails) => {
            let links = |text: &str| {
                let found = pieces(text).into_iter().filter_map(|piece| match piece {
                    Piece::Link(to) => Some(to.to_owned()),
                    Piece::Text(_) => None,
                });
                found.collect()
            };
            let mails = mails.into_iter().map(|mail| Mail {
                id: mail.row.id,
                to: mail.row.to,
                subject: mail.row.subject,
                at: mail.row.at.to_string(),
                links: links(&mail.text),
                text: mail.text,
                calendar: mail.calendar,
            });
            Json(mails.collect::<Vec<_>>()).into_response()
        }
        Err(error) => failed(&error),
    }
}

/// The HTML part of one mail.
pub async fn html(State(engine): State<Engine>, SignedIn(caller): SignedIn, At(id): At<i64>) -> Response {
    match mailbox::show(&engine, &caller, id).await {
        Ok(mail) => ([(CONTENT_TYPE, "text/html; charset=utf-8"), (POLICY, MAIL_POLICY)], mail.html).into_response(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> Response {
    match error {
        Error::NotFound | Error::Hidden => StatusCode::NOT_FOUND,
        Error::Refused(_) => StatusCode::FORBIDDEN,
        Error::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
    .into_response()
}
