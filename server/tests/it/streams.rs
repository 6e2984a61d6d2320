//! The stream of a run's page: what it says, who may hear it, and when it ends.

use crate::house::{House, person};
use crate::pages::{PASSWORD, settle};
use crate::run_rows::working;
use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use domain::ids::RunId;
use domain::people::TeamRole;
use domain::view::live::{Line, Message, Over};
use domain::window::RunState;
use engine::actions::Caller;
use futures_util::StreamExt as _;
use http::header::{CONTENT_TYPE, COOKIE, RETRY_AFTER, SET_COOKIE};
use http::{Request, StatusCode};
use server::config::TrustedProxies;
use server::guard::hosts::Hosts;
use server::lifecycle::Lifecycle;
use server::live::{Limits, Live};
use server::web::Web;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;

/// A house with a run that is worked on, and its doors.
struct Place {
    house: House,
    site: Router,
    live: Live,
    lifecycle: Lifecycle,
    run: RunId,
}

/// One open stream.
struct Listener {
    body: BodyDataStream,
    heard: String,
}

impl Place {
    async fn new(limits: Limits) -> Self {
        let house = House::new().await;
        settle(&house).await;
        let (_, run) = working(&house).await;
        let lifecycle = Lifecycle::default();
        let live = Live::new(house.engine.clone(), lifecycle.clone(), limits);
        let web = Web {
            live: live.clone(),
            engine: house.engine.clone(),
            hosts: Arc::new(Hosts::new(&"https://drydock.example".parse().expect("a URL"))),
            proxies: Arc::new(TrustedProxies::default()),
            assets: app::assets::Assets::default(),
            demo: false,
            metrics_token: None,
            draining: lifecycle.draining.clone(),
        };
        let site = server::router::router(web, Router::new());
        Self { house, site, live, lifecycle, run }
    }

    /// Signs in; the cookie.
    async fn cookie(&self, who: &Caller) -> String {
        let hash = engine::passwords::hash(&PASSWORD.to_owned().into()).await.expect("a hash");
        sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(who.actor.person.0)
            .bind(&hash)
            .execute(&self.house.admin)
            .await
            .expect("an account");
        let email = format!("{}@example.org", who.actor.name.to_lowercase());
        let fields =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("email", email.as_str()), ("password", PASSWORD)]).finish();
        let request = Request::post("/login")
            .header("host", "drydock.example")
            .header("origin", "https://drydock.example")
            .header("sec-fetch-site", "same-origin")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(fields))
            .expect("a request");
        let answer = self.site.clone().oneshot(request).await.expect("an answer");
        let set = answer
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|set| set.to_str().ok())
            .find(|set| set.starts_with("__Host-drydock="))
            .expect("a session");
        set.split(';').next().unwrap_or_default().to_owned()
    }

    async fn ask(&self, cookie: &str, after: i64, last: Option<i64>) -> http::Response<Body> {
        let mut request = Request::get(format!("/runs/{}/events?after={after}", self.run))
            .header("host", "drydock.example")
            .header("accept", "text/event-stream")
            .header(COOKIE, cookie);
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        self.site.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer")
    }

    async fn listen(&self, cookie: &str, after: i64) -> Listener {
        let answer = self.ask(cookie, after, None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Listener { body: answer.into_body().into_data_stream(), heard: String::new() }
    }

    async fn line(&self, message: &str) {
        sqlx::query("INSERT INTO drydock.run_event (run_id, seq, ordinal, kind, message) SELECT $1, max(e.seq) + 1, 2, 'notice', $2 FROM drydock.run_event e WHERE e.run_id = $1")
            .bind(self.run.0)
            .bind(message)
            .execute(&self.house.admin)
            .await
            .expect("a line");
    }

    async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.house.admin).await.expect("done");
    }
}

impl Listener {
    /// The next message; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Message> {
        loop {
            while let Some((event, rest)) = self.heard.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: ")).map(str::to_owned);
                self.heard = rest.into();
                if let Some(data) = data {
                    return Some(serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}")));
                }
            }
            let piece = tokio::time::timeout(Duration::from_secs(20), self.body.next())
                .await
                .expect("something is said at least every few seconds")?;
            self.heard.push_str(std::str::from_utf8(&piece.expect("bytes")).expect("text"));
        }
    }

    /// The first message that `wanted` takes.
    async fn until<T>(&mut self, wanted: impl Fn(&Message) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the stream goes on");
            if let Some(found) = wanted(&message) {
                return found;
            }
        }
    }

    async fn over(&mut self) -> Over {
        let over = self.until(|message| if let Message::Over(why) = message { Some(*why) } else { None }).await;
        assert!(self.next().await.is_none(), "nothing follows");
        over
    }
}

fn line_says(message: &Message, words: &str) -> Option<Line> {
    let lines = match message {
        Message::News(news) => &news.lines,
        Message::Lines { lines, .. } => lines,
        _ => return None,
    };
    lines.iter().find(|line| line.message == words).cloned()
}

#[tokio::test]
async fn a_page_hears_everything_once_and_then_what_is_new() {
    let place = Place::new(Limits::default()).await;
    let cookie = place.cookie(&place.house.engineer).await;
    let mut one = place.listen(&cookie, 0).await;
    let whole = one.until(|message| if let Message::News(news) = message { Some(news.clone()) } else { None }).await;
    assert!(whole.whole && whole.items.len() == 2 && whole.head.state == RunState::Leased, "{whole:?}");
    assert_eq!(whole.head.progress.iter().map(|doing| doing.percent).collect::<Vec<_>>(), [Some(75)]);
    one.until(|message| line_says(message, "done")).await;

    // Another page of the same run shares the feed.
    let mut two = place.listen(&cookie, whole.head.seq).await;
    assert_eq!(place.live.count(), 2);
    place.line("a <b>notice</b>\u{202e}").await;
    for listener in [&mut one, &mut two] {
        listener.until(|message| line_says(message, "a <b>notice</b>\u{27e8}U+202E\u{27e9}")).await;
    }
    // It was never sent before, so `two` had nothing of what `one` had heard at first.
    drop(one);
    let seen = Instant::now();
    while place.live.count() != 1 {
        assert!(seen.elapsed() < Duration::from_secs(5), "a page that is gone is not counted any more");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_missed_is_told_by_number() {
    let place = Place::new(Limits::default()).await;
    let cookie = place.cookie(&place.house.auditor).await;
    for n in 3..=6 {
        place.line(&format!("line {n}")).await;
    }
    let mut listener = place.listen(&cookie, 4).await;
    let lines =
        listener.until(|message| if let Message::Lines { whole, lines } = message { Some((*whole, lines.clone())) } else { None }).await;
    assert_eq!((lines.0, lines.1.iter().map(|line| line.seq).collect::<Vec<_>>()), (false, vec![5, 6]));
    // A browser that comes back by itself says so in a header, which is newer than the address.
    let answer = place.ask(&cookie, 4, Some(5)).await;
    let mut again = Listener { body: answer.into_body().into_data_stream(), heard: String::new() };
    let lines = again.until(|message| if let Message::Lines { lines, .. } = message { Some(lines.clone()) } else { None }).await;
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [6]);
}

#[tokio::test]
async fn silence_is_filled_with_signs_of_life_and_they_stop_with_the_truth() {
    let place = Place::new(Limits::default()).await;
    let cookie = place.cookie(&place.house.lead).await;
    let mut listener = place.listen(&cookie, 0).await;
    let first = listener.until(|message| if let Message::Beat { now_ms } = message { Some(*now_ms) } else { None }).await;
    let second = listener.until(|message| if let Message::Beat { now_ms } = message { Some(*now_ms) } else { None }).await;
    assert!(second > first + 2_000, "{first} {second}");
    // No sign of life is made up while the tables cannot be read; and nobody is proven, so the stream ends before five seconds pass.
    place.house.engine.pool().close().await;
    let cut = Instant::now();
    assert_eq!(listener.over().await, Over::Unproven);
    assert!(cut.elapsed() < Duration::from_secs(5), "{:?}", cut.elapsed());
}

#[tokio::test]
async fn whoever_loses_session_or_rights_is_cut_off_within_five_seconds() {
    let place = Place::new(Limits::default()).await;
    let guest = person(&place.house.admin, "Gesa", Some((place.house.team, TeamRole::Engineer, false)), &[]).await;
    let mut streams = Vec::new();
    for who in [&place.house.engineer, &place.house.deputy, &guest, &place.house.lead] {
        let cookie = place.cookie(who).await;
        let mut listener = place.listen(&cookie, 0).await;
        listener.next().await.expect("it is heard");
        streams.push(listener);
    }
    let mut stays = streams.pop().expect("the lead's");
    let revoked = Instant::now();
    place.run("DELETE FROM drydock.session USING drydock.person p WHERE p.id = person_id AND p.name = 'Egon'").await;
    place.run("UPDATE drydock.person SET active = false WHERE name = 'Dario'").await;
    place.run("DELETE FROM drydock.membership USING drydock.person p WHERE p.id = person_id AND p.name = 'Gesa'").await;
    for mut listener in streams {
        assert_eq!(listener.over().await, Over::Refused);
        assert!(revoked.elapsed() < Duration::from_secs(5), "{:?}", revoked.elapsed());
    }
    stays.until(|message| matches!(message, Message::Beat { .. }).then_some(())).await;
}

#[tokio::test]
async fn a_stream_keeps_no_session_alive() {
    let place = Place::new(Limits::default()).await;
    let cookie = place.cookie(&place.house.engineer).await;
    place.run("UPDATE drydock.session SET last_seen_at = now() - interval '20 min', expires_at = now() + interval '4 s'").await;
    let mut listener = place.listen(&cookie, 0).await;
    assert_eq!(listener.over().await, Over::Refused, "it ends with the session");
    assert_eq!(place.house.count("SELECT count(*) FROM drydock.session WHERE last_seen_at > now() - interval '19 min'").await, 0);
}

#[tokio::test]
async fn too_many_streams_are_refused_in_words() {
    let place = Place::new(Limits { of_a_person: 2, of_all: 3 }).await;
    let (egon, lena) = (place.cookie(&place.house.engineer).await, place.cookie(&place.house.lead).await);
    let _open = [place.listen(&egon, 0).await, place.listen(&egon, 0).await];
    let refused = place.ask(&egon, 0, None).await;
    assert_eq!((refused.status(), refused.headers()[RETRY_AFTER].to_str().ok()), (StatusCode::TOO_MANY_REQUESTS, Some("10")));
    let words = String::from_utf8(to_bytes(refused.into_body(), 4096).await.expect("a body").to_vec()).expect("text");
    assert!(words.starts_with("You watch 2 runs live already."), "{words}");
    let _third = place.listen(&lena, 0).await;
    let refused = place.ask(&lena, 0, None).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn strangers_hear_nothing() {
    let place = Place::new(Limits::default()).await;
    assert_eq!(place.ask("", 0, None).await.status(), StatusCode::UNAUTHORIZED);
    let fritz = place.cookie(&place.house.foreigner).await;
    assert_eq!(place.ask(&fritz, 0, None).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(place.live.count(), 0);
}

#[tokio::test]
async fn the_soft_stop_and_the_end_of_the_run_end_the_stream() {
    let place = Place::new(Limits::default()).await;
    let cookie = place.cookie(&place.house.engineer).await;
    let (mut one, mut two) = (place.listen(&cookie, 0).await, place.listen(&cookie, 0).await);
    one.next().await.expect("heard");
    place.run(
        "WITH f AS (SELECT id, at FROM drydock.fact ORDER BY id DESC LIMIT 1)
         UPDATE drydock.run SET state = 'ended', ending = 'finished', ended_at = clock_timestamp(), phase = 'over', owner = NULL, lease_until = NULL, state_fact_id = f.id, state_fact_at = f.at FROM f",
    )
    .await;
    let state =
        one.until(|message| if let Message::News(news) = message { news.head.ended_ms.map(|_| news.head.state) } else { None }).await;
    assert_eq!(state, RunState::Ended, "the end is told before the stream ends");
    assert_eq!(one.over().await, Over::Ended);
    assert_eq!(two.over().await, Over::Ended);

    let place = Place::new(Limits::default()).await;
    let cookie = place.cookie(&place.house.engineer).await;
    let mut listener = place.listen(&cookie, 0).await;
    listener.next().await.expect("heard");
    let asked = Instant::now();
    place.lifecycle.ask_to_stop();
    assert_eq!(listener.over().await, Over::Restart);
    drop(listener);
    place.lifecycle.clone().finish().await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}
