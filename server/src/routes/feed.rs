//! A calendar feed: no session, no cookie; the secret in its address is the only proof, and decides by its person's rights of the moment.

use crate::web::Web;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use engine::queries::feeds;
use engine::{Error, paper};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use sha2::{Digest as _, Sha256};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// Kept by the program that asks and by nothing between, and asked for anew each time.
const ASK_AGAIN: &str = "private, no-cache";

/// Gives the calendar, or says that it is as it was. Changes nothing but the mark "last used", and HEAD not even that.
pub async fn show(State(web): State<Web>, method: Method, headers: HeaderMap, Path(file): Path<String>) -> Response {
    // Without its ending it is no address of ours: that is no secret, and answered alike.
    let Some(secret) = file.strip_suffix(".ics") else { return StatusCode::NOT_FOUND.into_response() };
    let text = match feeds::feed(&web.engine, secret).await {
        Ok(feed) => {
            if method == Method::GET
                && let Err(error) = feeds::mark_used(&web.engine, feed.id).await
            {
                tracing::debug!(%error, "a feed was asked and not marked");
            }
            paper::feed(&feed, web.hosts.origin())
        }
        Err(error) => Err(error),
    };
    match text {
        Ok(text) => answer(&headers, text),
        Err(error) => failed(error),
    }
}

fn answer(headers: &HeaderMap, text: String) -> Response {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&text)[..16]));
    let asked = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let same = asked.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    });
    let kept = [(ETAG, tag.as_str()), (CACHE_CONTROL, ASK_AGAIN), (ROBOTS, "noindex")];
    if same {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [(CONTENT_TYPE, "text/calendar; charset=utf-8"), (CONTENT_DISPOSITION, "inline; filename=\"drydock.ics\"")];
    (kept, kind, text).into_response()
}

/// Every secret that opens nothing gets the same answer.
fn failed(error: Error) -> Response {
    match error {
        Error::NotFound | Error::Hidden | Error::Refused(_) | Error::Invalid(_) => StatusCode::NOT_FOUND.into_response(),
        Error::Database(error) => {
            tracing::error!(%error, "a feed could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Error::Internal(error) => {
            tracing::error!(%error, "a feed could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_known_tag_is_enough_in_every_way_it_is_written() {
        let ask = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(value).expect("text"));
            answer(&headers, "BEGIN:VCALENDAR".to_owned())
        };
        let whole = answer(&HeaderMap::new(), "BEGIN:VCALENDAR".to_owned());
        let tag = whole.headers().get(ETAG).expect("a tag").to_str().expect("text").to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            assert_eq!(ask(&known).status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        for unknown in ["\"other\"", "", &tag[1..tag.len() - 1]] {
            assert_eq!(ask(unknown).status(), StatusCode::OK, "{unknown}");
        }
    }
}
