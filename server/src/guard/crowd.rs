//! The doors that anybody may knock at and behind which something costly waits: a flood at them is sent away before it asks the state
//! database for anything, so that everybody else's pages go on. Calendars that programs ask for have a room of their own: as many as there
//! are must keep nobody from signing in.

use crate::forms::busy;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use domain::decision::Refusal;
use http::Method;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many requests at some doors at once, in one process.
struct Room {
    most: usize,
    inside: AtomicUsize,
    doors: &'static [(Method, &'static str)],
    /// What those are told who find it full.
    full: fn() -> Refusal,
}

/// Hashing and mail: twice what may wait for a password to be hashed, since each also reads and writes.
static ACCOUNTS: Room = Room {
    most: 64,
    inside: AtomicUsize::new(0),
    doors: &[(Method::POST, "/login"), (Method::POST, "/forgot"), (Method::POST, "/invite/{secret}"), (Method::POST, "/reset/{secret}")],
    full: engine::passwords::busy,
};

/// Calendars of a thousand windows: programs ask again by themselves, and each takes a connection to the state database for as long as it is
/// read.
static FEEDS: Room = Room { most: 8, inside: AtomicUsize::new(0), doors: &[(Method::GET, "/cal/{secret}")], full: full_of_calendars };

fn full_of_calendars() -> Refusal {
    Refusal::new("busy", "Too many calendars are asked for at this moment.", "Ask again in a few seconds.")
}

impl Room {
    fn enter(&'static self) -> Option<Place> {
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        let place = Place(self);
        (before < self.most).then_some(place)
    }
}

/// A place inside, given back at the answer, or when a reader leaves.
struct Place(&'static Room);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The room behind a door, if it has one. HEAD costs what GET does.
fn room(method: &Method, path: &str) -> Option<&'static Room> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    [&ACCOUNTS, &FEEDS].into_iter().find(|room| room.doors.iter().any(|door| door.0 == *method && door.1 == path))
}

/// Lets so many in at once.
pub async fn limit(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let Some(room) = path.and_then(|path| room(request.method(), path.as_str())) else {
        return next.run(request).await;
    };
    let Some(_place) = room.enter() else { return busy((room.full)()) };
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::DOORS as ALL;

    /// Takes every place of a room, and gives them back.
    fn fill(room: &'static Room, meanwhile: impl FnOnce()) {
        let places: Vec<_> = (0..room.most).map_while(|_| room.enter()).collect();
        assert_eq!(places.len(), room.most);
        assert!(room.enter().is_none());
        meanwhile();
        drop(places);
        assert!(room.enter().is_some());
        assert_eq!(room.inside.load(Ordering::Relaxed), 0, "who was sent away holds none");
    }

    #[test]
    fn a_place_is_given_back_and_a_full_room_leaves_the_other_as_it_is() {
        assert_eq!((ACCOUNTS.most, FEEDS.most), (64, 8));
        fill(&FEEDS, || fill(&ACCOUNTS, || ()));
    }

    #[test]
    fn each_room_says_what_it_is_full_of() {
        for (method, path, says) in [
            (Method::POST, "/login", "Too many people are signing in at this moment."),
            (Method::GET, "/cal/{secret}", "Too many calendars are asked for at this moment."),
            (Method::HEAD, "/cal/{secret}", "Too many calendars are asked for at this moment."),
        ] {
            assert_eq!((room(&method, path).expect("a room").full)().message, says, "{method} {path}");
        }
        assert!(room(&Method::GET, "/login").is_none() && room(&Method::POST, "/cal/{secret}").is_none());
    }

    #[test]
    fn each_door_is_one() {
        for (method, path) in ACCOUNTS.doors.iter().chain(FEEDS.doors) {
            assert!(ALL.iter().any(|door| door.path == *path && door.method == *method), "{method} {path} is no door");
        }
    }
}
