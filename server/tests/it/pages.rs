//! Pages and forms of a window's life through the whole router, without script, as people with different rights meet them.

use crate::house::House;
use axum::Router;
use axum::body::{Body, to_bytes};
use engine::actions::Caller;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, REFRESH, SET_COOKIE};
use http::{Method, Request, StatusCode};
use server::config::TrustedProxies;
use server::guard::hosts::Hosts;
use server::live::Live;
use server::web::Web;
use std::sync::Arc;
use tower::ServiceExt as _;

pub const PASSWORD: &str = "a long enough password";

pub struct Browser {
    site: Router,
    cookies: Vec<(String, String)>,
}

pub struct Answer {
    pub status: StatusCode,
    pub to: String,
    refresh: String,
    pub body: String,
}

impl Browser {
    pub fn new(house: &House) -> Self {
        let hosts = Hosts::new(&"https://drydock.example".parse().expect("a URL"));
        let web = Web {
            live: Live::beside(&house.engine),
            engine: house.engine.clone(),
            hosts: Arc::new(hosts),
            proxies: Arc::new(TrustedProxies::default()),
            assets: app::assets::Assets::default(),
            demo: false,
            metrics_token: None,
            draining: tokio_util::sync::CancellationToken::new(),
        };
        Self { site: server::router::router(web, Router::new()), cookies: Vec::new() }
    }

    /// A browser in which this person signed in.
    pub async fn of(house: &House, who: &Caller) -> Self {
        let mut browser = Self::new(house);
        browser.sign_in(house, who).await;
        browser
    }

    async fn sign_in(&mut self, house: &House, who: &Caller) {
        let hash = engine::passwords::hash(&PASSWORD.to_owned().into()).await.expect("a hash");
        sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(who.actor.person.0)
            .bind(&hash)
            .execute(&house.admin)
            .await
            .expect("an account");
        let email = format!("{}@example.org", who.actor.name.to_lowercase());
        let answer = self.post("/login", &[("email", &email), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.to.as_str()), (StatusCode::SEE_OTHER, "/"), "{}", answer.body);
    }

    /// Types the own password once more, for what asks for it.
    pub async fn confirm(&mut self, next: &str) {
        let answer = self.post(&format!("/me/confirm?next={next}"), &[("password", PASSWORD), ("next", next)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, Body::empty()).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.ask(Method::POST, path, Body::from(body)).await
    }

    async fn ask(&mut self, method: Method, path: &str, body: Body) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "drydock.example")
            .header("accept", "text/html")
            .header("origin", "https://drydock.example")
            .header("sec-fetch-site", "same-origin")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(COOKIE, cookies.join("; "));
        let response = self.site.clone().oneshot(request.body(body).expect("a request")).await.expect("an answer");
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, to, refresh) = (response.status(), header(LOCATION), header(REFRESH));
        for set in response.headers().get_all(SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let body = to_bytes(response.into_body(), 4 << 20).await.expect("a body");
        Answer { status, to, refresh, body: String::from_utf8(body.to_vec()).expect("text") }
    }
}

/// The fields of a good proposal.
fn fields(house: &House) -> Vec<(String, String)> {
    house.form(3).fields()
}

fn as_str(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

pub async fn settle(house: &House) {
    // Nobody administers the company of the tests, and without an administrator every page leads to the first run.
    sqlx::query(
        "INSERT INTO drydock.installation (id, public_url) VALUES (gen_random_uuid(), 'https://drydock.example') ON CONFLICT DO NOTHING",
    )
    .execute(&house.admin)
    .await
    .expect("an installation");
    let admin = crate::house::person(&house.admin, "Adele", None, &[domain::people::GlobalRole::Admin]).await;
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$x')")
        .bind(admin.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("an account");
}

#[tokio::test]
async fn nothing_typed_is_lost_on_the_way_to_a_sealed_window() {
    let house = House::new().await;
    settle(&house).await;
    let mut browser = Browser::of(&house, &house.engineer).await;
    let chosen = browser.get("/windows/new").await;
    assert!(chosen.body.contains("prod-orders"), "{}", chosen.body);
    let mut typed = fields(&house);
    typed.retain(|(name, _)| name != "reason" && name != "duration_min");
    typed.push(("reason".into(), "Grüße, 王 <b>".into()));
    typed.push(("duration_min".into(), "2".into()));
    typed.push(("lock_wait_max_ms".into(), "1".into()));
    typed.push(("_back".into(), "/windows/new?database=prod-orders".into()));
    let refused = browser.post("/windows/new/preview", &as_str(&typed)).await;
    assert_eq!((refused.status, refused.to.as_str()), (StatusCode::SEE_OTHER, "/windows/new?database=prod-orders"));
    let again = browser.get(&refused.to).await;
    assert!(again.body.contains("Grüße, 王 &lt;b&gt;"), "typed text comes back, as text");
    assert!(again.body.contains("Longest wait for a lock") && again.body.contains("error-summary"), "{}", again.body);

    let good = fields(&house);
    let asked = browser.post("/windows/new/preview", &as_str(&good)).await;
    assert!(asked.to.starts_with("/windows/new?look="), "{} {}", asked.to, asked.body);
    let waiting = browser.get(&asked.to).await;
    assert!(waiting.refresh.starts_with("2;url=/windows/new?look="), "waits by a refresh: {}", waiting.refresh);
    assert!(!waiting.body.contains("Seal and propose"));
    sqlx::query("UPDATE drydock.examination SET state = 'failed', failure = 'The server is away.', answered_at = now()")
        .execute(&house.admin)
        .await
        .expect("an answer");
    let failed = browser.get(&asked.to).await;
    assert!(
        failed.body.contains("The server is away.")
            && failed.body.contains("Seal and propose without a preview")
            && failed.refresh.is_empty()
    );

    // The session ends in mid-form: the same fields arrive, and come back after the sign-in.
    sqlx::query("DELETE FROM drydock.session").execute(&house.admin).await.expect("ended");
    let out = browser.post("/windows/new", &as_str(&good)).await;
    assert!(out.to.starts_with("/login"), "{}", out.to);
    browser.sign_in(&house, &house.engineer).await;
    let sealed = browser.post("/windows/new", &as_str(&good)).await;
    assert!(sealed.to.starts_with("/windows/"), "{} {}", sealed.to, sealed.body);
    let shown = browser.get(&sealed.to).await;
    assert!(shown.body.contains("Blocked because") && shown.body.contains("Waiting for Sten."), "{}", shown.body);
    let listed = browser.get("/windows?state=open&environment=production").await;
    assert!(!listed.body.contains("waits for you"), "his own");
}

#[tokio::test]
async fn votes_are_cast_with_the_typed_name_and_the_reader_learns_why_not() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let (page, digest) = (format!("/windows/{number}"), house.digest(number).await.hex());
    let mut browser = Browser::of(&house, &house.deputy).await;
    assert!(browser.get("/windows").await.body.contains("waits for you"));
    let vote = [
        ("decision", "approve"),
        ("digest", digest.as_str()),
        ("short_name", "wrong"),
        ("comment", "fine by me"),
        ("_back", page.as_str()),
    ];
    let refused = browser.post(&format!("{page}/vote"), &vote).await;
    assert_eq!(refused.to, page);
    let again = browser.get(&page).await;
    assert!(
        again.body.contains("type the database&#x27;s short name") || again.body.contains("type the database's short name"),
        "{}",
        again.body
    );
    assert!(again.body.contains("fine by me"));
    let vote = [("decision", "approve"), ("digest", digest.as_str()), ("short_name", "prod-orders"), ("_back", page.as_str())];
    browser.post(&format!("{page}/vote"), &vote).await;
    let done = browser.get(&page).await;
    assert!(done.body.contains("Your approval was recorded") && done.body.contains("Take my vote back"), "{}", done.body);
    let mut author = Browser::of(&house, &house.engineer).await;
    let own = author.get(&page).await;
    assert!(own.body.contains("You wrote a revision of this window") && !own.body.contains("Send my decision"));
    let off = author.post(&format!("{page}/cancel"), &[("short_name", "prod-orders"), ("reason", "not this week")]).await;
    assert_eq!(off.to, page);
    assert!(author.get(&page).await.body.contains("not this week"));
}

#[tokio::test]
async fn strangers_get_404_and_the_signed_out_the_way_in() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let pages = ["", "/edit", "/checklist"].map(|end| format!("/windows/{number}{end}"));
    let mut stranger = Browser::of(&house, &house.foreigner).await;
    let mut nobody = Browser::new(&house);
    for page in &pages {
        assert_eq!(stranger.get(page).await.status, StatusCode::NOT_FOUND, "{page}");
        assert!(nobody.get(page).await.to.starts_with("/login"), "{page}");
    }
    let vote = stranger.post(&format!("/windows/{number}/vote"), &[("decision", "reject"), ("comment", "x")]).await;
    assert_eq!(vote.status, StatusCode::NOT_FOUND);
    let run = format!("/runs/{}", engine::clock::new_id::<domain::ids::RunId>());
    assert_eq!(stranger.get(&run).await.status, StatusCode::NOT_FOUND);
    let mut auditor = Browser::of(&house, &house.auditor).await;
    for page in [&pages[0], &pages[2]] {
        assert_eq!(auditor.get(page).await.status, StatusCode::OK, "{page}");
    }
    assert_eq!(auditor.get(&pages[1]).await.status, StatusCode::FORBIDDEN, "he sees everything and changes nothing");
}

#[tokio::test]
async fn what_somebody_tries_without_the_right_stands_in_the_trail_once_a_minute() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let mut sten = Browser::of(&house, &house.stakeholder).await;
    for _ in 0..2 {
        let path = format!("/windows/{number}/cancel");
        assert_eq!(
            sten.post(&path, &[("short_name", "prod-orders"), ("reason", "no"), ("_back", "/")]).await.status,
            StatusCode::SEE_OTHER
        );
    }
    assert_eq!(house.state(number).await, "proposed");
    let noted = "SELECT count(*) FROM drydock.fact WHERE action = 'access.refuse' AND result = 'refused' AND object_id = 'POST /windows/{number}/cancel'";
    assert_eq!(house.count(noted).await, 1);
}
