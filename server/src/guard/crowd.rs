//! The doors that anybody may knock at and behind which something costly waits: a flood at them is sent away before it asks the state
//! database for anything, so that everybody else's pages go on.

use crate::forms::busy;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests at these doors at once in one process: twice what may wait for a password to be hashed, since each also reads and writes.
const MOST: usize = 64;
/// Hashing, mail, and calendars of a thousand windows.
const DOORS: [(Method, &str); 5] = [
    (Method::POST, "/login"),
    (Method::POST, "/forgot"),
    (Method::POST, "/invite/{secret}"),
    (Method::POST, "/reset/{secret}"),
    (Method::GET, "/cal/{secret}"),
];

static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// A place inside, given back at the answer or when the client leaves.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let before = INSIDE.fetch_add(1, Ordering::Relaxed);
        let place = Self;
        (before < MOST).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets so many in at once.
pub async fn limit(request: Request, next: Next) -> Response {
    // HEAD costs what GET does.
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let at = |path: &MatchedPath| DOORS.iter().any(|door| door.0 == *method && door.1 == path.as_str());
    if !request.extensions().get::<MatchedPath>().is_some_and(at) {
        return next.run(request).await;
    }
    let Some(_place) = Place::take() else { return busy(engine::passwords::busy()) };
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::DOORS as ALL;

    #[test]
    fn a_place_is_given_back_and_each_door_is_one() {
        let places: Vec<_> = (0..MOST).map_while(|_| Place::take()).collect();
        assert_eq!(places.len(), MOST);
        assert!(Place::take().is_none());
        drop(places);
        assert!(Place::take().is_some());
        assert_eq!(INSIDE.load(Ordering::Relaxed), 0, "who was sent away holds none");
        for (method, path) in DOORS {
            assert!(ALL.iter().any(|door| door.path == path && door.method == method), "{method} {path} is no door");
        }
    }
}
