//! What every response carries, whom the server answers, and whose requests may change something.

use crate::browser::{Answer, Browser, HOST, ORIGIN, Place, encode};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, StatusCode};
use server::router::{Access, DOORS, strangers};
use sha2::{Digest as _, Sha256};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The path of a door with something in the place of its parameters.
pub fn example(path: &str) -> String {
    let mut before = "";
    let mut parts = Vec::new();
    for part in path.split('/') {
        parts.push(match (part.starts_with('{'), before) {
            (false, _) => part,
            // Counted, not identified.
            (true, "windows" | "checks" | "audit" | "mailbox" | "facts") => "7",
            (true, _) => "00000000-0000-7000-8000-000000000000",
        });
        before = part;
    }
    parts.join("/")
}

/// Pages behind a link are one answer, whose style sheet the policy knows by its hash; all others load theirs from here.
fn style_source(body: &str) -> String {
    let style = body.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    style.map_or("'self'".to_owned(), |(style, _)| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(style))))
}

pub fn assert_guarded(what: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "upgrade-insecure-requests"] {
        assert!(policy.contains(part), "{what}: {part} is missing in {policy:?}");
    }
    let style = style_source(&answer.body);
    assert!(policy.contains(&format!("style-src {style};")), "{what}: style-src {style} is missing in {policy:?}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{what}: {policy}");
    let expected = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), value, "{what}: {name}");
    }
    assert!(answer.header("strict-transport-security").starts_with("max-age="), "{what}");
    assert!(!answer.header("permissions-policy").is_empty() && answer.header("x-request-id").len() == 16, "{what}");
    for attribute in [" style=\"", " onclick=", " onload=", " onerror=", "javascript:"] {
        assert!(!answer.body.contains(attribute), "{what}: {attribute} in the page");
    }
    for script in answer.body.split("<script").skip(1) {
        let tag = script.split('>').next().unwrap_or_default();
        let nonce = tag.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next());
        let known = nonce.is_some_and(|nonce| nonce.len() >= 22 && policy.contains(&format!("'nonce-{nonce}'")));
        assert!(known || tag.contains("src=\"/"), "{what}: <script{tag}> would be blocked by {policy}");
    }
    for table in answer.body.split("<table").skip(1) {
        assert!(table.split("</table>").next().is_some_and(|inside| inside.contains("<tbody")), "{what}: a table without body");
    }
}

async fn errors(stranger: &mut Browser) -> Vec<(&'static str, StatusCode, Answer)> {
    let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), FORM];
    let ours = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN)];
    let text = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN), ("content-type", "text/plain")];
    let form = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN), FORM];
    vec![
        ("404", StatusCode::NOT_FOUND, stranger.get("/nowhere").await),
        ("405", StatusCode::METHOD_NOT_ALLOWED, stranger.send(Method::PUT, "/login", &ours, String::new()).await),
        ("421", StatusCode::MISDIRECTED_REQUEST, stranger.send(Method::GET, "/", &[("host", "evil.example")], String::new()).await),
        ("403", StatusCode::FORBIDDEN, stranger.send(Method::POST, "/login", &foreign, String::new()).await),
        ("413", StatusCode::PAYLOAD_TOO_LARGE, stranger.send(Method::POST, "/login", &form, "a".repeat(300_000)).await),
        ("415", StatusCode::UNSUPPORTED_MEDIA_TYPE, stranger.send(Method::POST, "/login", &text, "a=b".into()).await),
    ]
}

#[tokio::test]
async fn every_response_is_guarded_and_every_error_speaks() {
    let (place, mut ada) = Place::set_up().await;
    let mut stranger = place.browser();
    for (what, status, answer) in errors(&mut stranger).await {
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert_guarded(what, &answer);
        let id = answer.header("x-request-id");
        assert!(answer.body.contains("<h1>") && answer.body.contains(id), "{what} shows no page with its id: {}", answer.body);
        assert!(answer.body.contains("href=\"#main\""), "{what} is outside the frame of all pages");
    }
    for door in DOORS.iter().filter(|door| door.method == Method::GET) {
        let path = example(door.path);
        for (who, browser) in [("Ada", &mut ada), ("a stranger", &mut stranger)] {
            let answer = browser.get(&path).await;
            assert!(!answer.status.is_server_error(), "{who} at {path}: {} {}", answer.status, answer.body);
            assert_guarded(&format!("{who} at {path}"), &answer);
            if door.access != Access::Bare {
                assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            }
        }
    }
}

/// A door that breaks, and a file.
fn broken() -> axum::Router {
    axum::Router::new().route("/boom", get(|| async { if true { panic!("a secret of the inside") } else { "never" } })).route(
        "/pkg/app.css",
        get(|| async { ([("content-type", "text/css"), ("cache-control", "public, max-age=31536000, immutable")], "a{}") }),
    )
}

#[tokio::test]
async fn a_panic_is_a_page_and_not_a_cut_line() {
    let place = Place::new().await;
    let mut browser = place.browser().on(server::router::router(place.web.clone(), broken()));
    let answer = browser.get("/boom").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_guarded("500", &answer);
    assert!(!answer.body.contains("secret"));
    assert!(answer.body.contains("Something broke") && answer.body.contains(answer.header("x-request-id")), "{}", answer.body);
    let file = browser.get("/pkg/app.css").await;
    assert_guarded("a file", &file);
    assert!(file.header("cache-control").contains("immutable"), "files are kept by browsers");
    for method in [Method::HEAD, Method::OPTIONS] {
        let answer = browser.send(method.clone(), "/setup", &[("sec-fetch-site", "same-origin")], String::new()).await;
        assert_guarded(method.as_str(), &answer);
    }
}

#[tokio::test]
async fn without_https_nothing_is_promised_that_only_https_can_keep() {
    let place = Place::new().await;
    let hosts = server::guard::hosts::Hosts::new(&"http://127.0.0.1:8080".parse().expect("a URL"));
    let web = server::web::Web { hosts: std::sync::Arc::new(hosts), ..place.web.clone() };
    let mut browser = place.browser().on(server::router::router(web, axum::Router::new()));
    let headers = [("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin"), FORM];
    let page = browser.send(Method::GET, "/setup", &headers, String::new()).await;
    assert_eq!((page.status, page.header("strict-transport-security")), (StatusCode::OK, ""));
    assert!(!page.header("content-security-policy").contains("upgrade-insecure-requests"));
    let answer = browser.send(Method::POST, "/setup", &headers, "name=".into()).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("drydock=") && cookie.contains("HttpOnly") && !cookie.contains("Secure"), "{cookie}");
}

#[tokio::test]
async fn only_our_own_names_are_answered() {
    let place = Place::new().await;
    let mut browser = place.browser();
    for host in ["drydock.example", "DRYDOCK.EXAMPLE", "drydock.example:443"] {
        assert_eq!(browser.send(Method::GET, "/setup", &[("host", host)], String::new()).await.status, StatusCode::OK, "{host}");
    }
    for host in ["", "evil.example", "drydock.example:8080", "drydock.example.evil.example", "127.0.0.1", "localhost"] {
        let answer = browser.send(Method::GET, "/setup", &[("host", host)], String::new()).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    let forwarded = browser.send(Method::GET, "/setup", &[("host", HOST), ("x-forwarded-host", "evil.example")], String::new()).await;
    assert!(!forwarded.body.contains("evil.example"), "a forwarded name is used");
    assert_eq!(browser.send(Method::GET, "/healthz", &[("host", "10.0.0.7")], String::new()).await.status, StatusCode::OK);
    let absolute = browser.send(Method::GET, "https://evil.example/setup", &[("host", HOST)], String::new()).await;
    assert_eq!(absolute.status, StatusCode::MISDIRECTED_REQUEST, "the request line names another host than the header");
}

#[tokio::test]
async fn only_our_own_pages_change_something() {
    let (place, mut ada) = Place::set_up().await;
    let team = |n: usize| encode(&[("name", "Orders"), ("short_name", &format!("orders-{n}"))]);
    let refused: &[&[(&str, &str)]] = &[
        &[],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", ORIGIN)],
        &[("sec-fetch-site", "same-site"), ("origin", ORIGIN)],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("origin", "http://drydock.example")],
        &[("origin", "https://drydock.example:8443")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
    ];
    for (n, headers) in refused.iter().enumerate() {
        let answer = ada.send(Method::POST, "/teams/new", &[headers, &[FORM][..]].concat(), team(n)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(place.count("SELECT count(*) FROM drydock.team").await, 0);
    let accepted: &[&[(&str, &str)]] = &[
        &[("sec-fetch-site", "same-origin"), ("origin", ORIGIN)],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none"), ("origin", "null")],
        &[("origin", ORIGIN)],
    ];
    for (n, headers) in accepted.iter().enumerate() {
        let answer = ada.send(Method::POST, "/teams/new", &[headers, &[FORM][..]].concat(), team(100 + n)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{headers:?}: {}", answer.body);
    }
    assert_eq!(place.count("SELECT count(*) FROM drydock.team").await, 4);
}

#[tokio::test]
async fn strangers_are_sent_to_the_sign_in_by_every_door_that_asks_who_they_are() {
    let (place, _) = Place::set_up().await;
    for door in DOORS.iter().filter(|door| matches!(door.access, Access::SignedIn | Access::Polled)) {
        let path = example(door.path);
        let mut stranger = place.browser();
        let answer = if door.method == Method::GET { stranger.get(&path).await } else { stranger.post(&path, &[("name", "x")]).await };
        let sent_on = answer.status == StatusCode::SEE_OTHER && answer.to().starts_with("/login");
        assert!(sent_on || answer.status == StatusCode::UNAUTHORIZED, "{} {path}: {} {}", door.method, answer.status, answer.to());
    }
}

#[test]
fn pages_and_doors_are_the_same() {
    let _ = any_spawner::Executor::init_tokio();
    assert_eq!(strangers(), Vec::<String>::new(), "a page stands in one of the two tables only");
    for (n, door) in DOORS.iter().enumerate() {
        assert!(!DOORS[..n].iter().any(|other| other.path == door.path && other.method == door.method), "{} stands twice", door.path);
    }
}
