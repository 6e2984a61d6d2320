//! A browser for tests: cookies, same-origin headers, and the forms of the page it looks at.

use axum::Router;
use axum::body::{Body, to_bytes};
use engine::Engine;
use engine::factor_key::FactorKey;
use engine::test_support::{ServiceRole, TestDatabase};
use http::{HeaderMap, Method, Request, StatusCode};
use server::config::TrustedProxies;
use server::guard::hosts::Hosts;
use server::live::Live;
use server::web::Web;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt as _;

pub const HOST: &str = "drydock.example";
pub const ORIGIN: &str = "https://drydock.example";
pub const PASSWORD: &str = "harbour violet seven drumsticks";

/// An installation that nobody has set up yet.
pub struct Place {
    pub router: Router,
    pub web: Web,
    pub admin: PgPool,
    /// Dropped last: with it goes the database.
    pub database: TestDatabase,
}

impl Place {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let keys = tempfile::tempdir().expect("a folder");
        let key = FactorKey::open(keys.path()).expect("a key");
        let engine = Engine::connect(database.options(ServiceRole::Web), 8).await.expect("the web role connects").with_factor_key(key);
        let admin = database.superuser().await;
        let web = Self::web_of(engine);
        Self { router: server::router::router(web.clone(), Router::new()), web, admin, database }
    }

    /// What all requests share, under the name of the tests.
    pub fn web_of(engine: Engine) -> Web {
        Web {
            live: Live::beside(&engine),
            engine,
            hosts: Arc::new(Hosts::new(&ORIGIN.parse().expect("a URL"))),
            proxies: Arc::new(TrustedProxies::default()),
            assets: app::assets::Assets::default(),
            demo: false,
            metrics_token: None,
            draining: tokio_util::sync::CancellationToken::new(),
        }
    }

    /// The same, set up by Ada, who stays signed in.
    pub async fn set_up() -> (Self, Browser) {
        let place = Self::new().await;
        let mut ada = place.browser();
        let fields = [
            ("installation", "Harbour"),
            ("zone", "Europe/Berlin"),
            ("name", "Ada"),
            ("email", "ada@example.org"),
            ("password", PASSWORD),
            ("password_again", PASSWORD),
        ];
        let answer = ada.post("/setup", &fields).await;
        assert_eq!((answer.status, answer.to()), (StatusCode::SEE_OTHER, "/"), "{}", answer.body);
        (place, ada)
    }

    pub fn browser(&self) -> Browser {
        Browser::of_router(self.router.clone())
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("a number")
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.admin).await.expect("done");
    }
}

#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Where it sends on to.
    pub fn to(&self) -> &str {
        self.header("location")
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
    /// The value of the named hidden field of the page's main form.
    pub fn hidden(&self, name: &str) -> String {
        let main = self.body.split("<main").nth(1).unwrap_or_default();
        let after = main.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no field {name} in {main}"));
        after.split('"').next().unwrap_or_default().to_owned()
    }
}

impl Browser {
    /// A browser that has seen nothing yet.
    pub fn of_router(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new() }
    }
    /// Sends exactly these headers, besides host, accept and cookies.
    pub async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("accept", "text/html");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", HOST);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).expect("a request")).await.expect("an answer");
        for set in response.headers().get_all("set-cookie") {
            let set = set.to_str().expect("text");
            let (name, value) = set.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if set.contains("Max-Age=0") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        // A stream of events does not end, and its head says all that is asked here.
        let events = headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let body = if events { bytes::Bytes::new() } else { to_bytes(response.into_body(), 1 << 20).await.expect("a body") };
        Answer { status, headers, body: String::from_utf8(body.to_vec()).expect("text") }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("sec-fetch-site", "same-origin")], String::new()).await
    }

    /// As a browser sends a form of our own page.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let headers = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN), ("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, encode(fields)).await
    }

    pub async fn sign_in(&mut self, email: &str, next: &str) -> Answer {
        self.post(&format!("/login?next={next}"), &[("email", email), ("password", PASSWORD)]).await
    }

    /// As an administrator: adds a person with an account and hands the invitation over, which is accepted at once. Gives the person's page.
    pub async fn add(&mut self, name: &str, email: &str) -> String {
        let fields = [("name", name), ("email", email), ("zone", "Etc/UTC"), ("account", "invite")];
        let page = self.post("/people/new", &fields).await.to().to_owned();
        assert!(page.starts_with("/people/0"), "{page}");
        let link = self.shown_link(&page).await;
        let mut person = Self { router: self.router.clone(), cookies: BTreeMap::new() };
        let chosen = [("name", name), ("zone", "Etc/UTC"), ("password", PASSWORD), ("password_again", PASSWORD)];
        let answer = person.post(&link, &chosen).await;
        assert_eq!((answer.status, answer.to()), (StatusCode::SEE_OTHER, "/login?ready=1"), "{}", answer.body);
        page
    }

    /// As an administrator: has a link shown on a person's page; gives its path.
    pub async fn shown_link(&mut self, page: &str) -> String {
        let answer = self.post(&format!("{page}/invite"), &[("way", "show"), ("_back", page)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{} {}", answer.to(), answer.body);
        let after = answer.body.split(&format!(">{ORIGIN}")).nth(1).unwrap_or_else(|| panic!("no link in {}", answer.body));
        after.split('<').next().unwrap_or_default().to_owned()
    }

    /// The same browser on another router.
    pub fn on(mut self, router: Router) -> Self {
        self.router = router;
        self
    }

    /// The router it looks at.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The session cookie's value.
    pub fn session(&self) -> &str {
        self.cookies.get("__Host-drydock").map_or("", String::as_str)
    }
}

pub fn encode(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
