//! The page behind a mailed link, through the whole router: what scanners, strangers and the right person get.

use crate::house::House;
use axum::Router;
use axum::body::{Body, to_bytes};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::window::WindowState;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input, cast_vote};
use engine::actions::end_window::cancel_window;
use http::{HeaderMap, Method, Request, StatusCode};
use server::config::TrustedProxies;
use server::guard::hosts::Hosts;
use server::live::Live;
use server::web::Web;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tower::ServiceExt as _;

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

pub fn site(house: &House) -> Router {
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
    server::router::router(web, Router::new())
}

async fn ask(site: &Router, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> Answer {
    ask_with(site, method, path, form, "").await
}

/// The same by a browser that keeps a cookie.
pub async fn ask_with(site: &Router, method: Method, path: &str, form: Option<&[(&str, &str)]>, cookie: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "drydock.example").header("accept", "text/html");
    if !cookie.is_empty() {
        request = request.header("cookie", cookie);
    }
    let body = match form {
        None => Body::empty(),
        Some(fields) => {
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", "https://drydock.example")
                .header("sec-fetch-site", "same-origin");
            Body::from(url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
        }
    };
    let response = site.clone().oneshot(request.body(body).expect("a request")).await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    Answer { status, headers, body: String::from_utf8(body.to_vec()).expect("text") }
}

async fn get(site: &Router, path: &str) -> Answer {
    ask(site, Method::GET, path, None).await
}

/// A proposed window and the path of the stakeholder's link.
async fn proposed(house: &House) -> (i64, String) {
    let window = house.proposed(3).await;
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    (window.number, format!("/a/{secret}"))
}

/// Everything a visit could change, as one number that any change alters; the mark "opened" is left out.
const EVERYTHING: &str = "SELECT hashtextextended(
    (SELECT coalesce(string_agg(x::text, '' ORDER BY x::text), '') FROM (
        SELECT to_jsonb(l) - 'opened_at' AS x FROM drydock.link l UNION ALL SELECT to_jsonb(v) FROM drydock.vote v UNION ALL SELECT to_jsonb(w) FROM drydock.window w
        UNION ALL SELECT to_jsonb(f) FROM drydock.fact f UNION ALL SELECT to_jsonb(o) FROM drydock.outbox o UNION ALL SELECT to_jsonb(s) FROM drydock.session s
        UNION ALL SELECT to_jsonb(t) FROM drydock.window_target t) all_rows), 0)";

#[tokio::test]
async fn two_hundred_prefetches_change_nothing_and_burn_nothing() {
    let house = House::new().await;
    let site = site(&house);
    let (number, path) = proposed(&house).await;
    let before = house.count(EVERYTHING).await;
    for turn in 0..200 {
        let method = if turn % 2 == 0 { Method::GET } else { Method::HEAD };
        assert_eq!(ask(&site, method, &path, None).await.status, StatusCode::OK);
    }
    assert_eq!(house.count(EVERYTHING).await, before);
    assert_eq!(house.count("SELECT count(*) FROM drydock.link WHERE opened_at IS NOT NULL").await, 1, "the mark, and only that");
    let digest = house.digest(number).await.hex();
    let done = ask(&site, Method::POST, &path, Some(&[("decision", "approve"), ("short_name", "prod-orders"), ("digest", &digest)])).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "the link still decides: {}", done.body);
}

#[tokio::test]
async fn head_does_not_even_leave_the_mark() {
    let house = House::new().await;
    let (_, path) = proposed(&house).await;
    let head = ask(&site(&house), Method::HEAD, &path, None).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(house.count("SELECT count(*) FROM drydock.link WHERE opened_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn the_page_shows_the_plan_and_tells_nobody_where_it_is() {
    let house = House::new().await;
    let site = site(&house);
    let (number, path) = proposed(&house).await;
    let page = get(&site, &path).await;
    let digest = house.digest(number).await;
    for text in [
        digest.short().as_str(),
        "Egon asks for your decision, Sten",
        "weekly work",
        "Rebuild bloated indexes",
        "At most",
        "If something goes wrong",
        "Nobody has decided yet",
        "0 of 1 of the stakeholders of the database",
    ] {
        assert!(page.body.contains(text), "{text} is missing in {}", page.body);
    }
    // Everything is in this one answer, and the policy knows the style by its hash.
    assert!(page.body.len() <= 20 * 1024, "{} bytes", page.body.len());
    let (_, style) = page.body.split_once("<style>").expect("a style sheet");
    let (style, _) = style.split_once("</style>").expect("its end");
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; upgrade-insecure-requests",
        BASE64_STANDARD.encode(Sha256::digest(style))
    );
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-robots-tag", "noindex"),
        ("content-security-policy", policy.as_str()),
    ] {
        assert_eq!(page.headers.get(name).and_then(|value| value.to_str().ok()), Some(value), "{name}");
    }
    assert!(!page.headers.contains_key("set-cookie"), "no session is made");
    for word in ["<script", " style=", "http://", "<img", "stylesheet", "@import", "url("] {
        assert!(!page.body.contains(word), "{word} in the page");
    }
}

#[tokio::test]
async fn every_unknown_secret_gets_the_same_answer() {
    let house = House::new().await;
    let site = site(&house);
    let (_, path) = proposed(&house).await;
    let object = house.secret("approval_needed", house.lead.actor.person).await;
    let mut bodies = Vec::new();
    for wrong in [
        "/a/x".to_owned(),
        format!("{path}x"),
        path[..path.len() - 1].to_owned(),
        format!("/a/{}", "A".repeat(43)),
        format!("/a/{object}%00"),
    ] {
        for (method, path, form) in [
            (Method::GET, wrong.clone(), None),
            (Method::POST, wrong.clone(), Some(&[("decision", "approve")][..])),
            (Method::POST, format!("{wrong}/fresh"), Some(&[][..])),
            (Method::POST, format!("{wrong}/code"), Some(&[][..])),
            (Method::POST, format!("{wrong}/not-me"), Some(&[][..])),
        ] {
            let answer = ask(&site, method, &path, form).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn nothing_typed_is_lost_and_what_is_missing_is_named() {
    let house = House::new().await;
    let site = site(&house);
    let (number, path) = proposed(&house).await;
    let digest = house.digest(number).await.hex();
    let wrong = ask(
        &site,
        Method::POST,
        &path,
        Some(&[("decision", "approve"), ("short_name", "orders"), ("comment", "fine by me <3"), ("digest", &digest)]),
    )
    .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("To approve, type the database&#39;s short name: prod-orders."), "{}", wrong.body);
    assert!(wrong.body.contains("value=\"orders\"") && wrong.body.contains("fine by me &#60;3"), "{}", wrong.body);
    let silent = ask(&site, Method::POST, &path, Some(&[("decision", "reject"), ("digest", &digest)])).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(silent.body.contains("Say why"), "{}", silent.body);
    let empty = ask(&site, Method::POST, &path, Some(&[])).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY, "a scanner that presses buttons decides nothing");
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote").await, 0);
}

#[tokio::test]
async fn a_decision_leads_to_what_was_recorded_and_can_be_objected_to() {
    let house = House::new().await;
    let site = site(&house);
    let (number, path) = proposed(&house).await;
    let digest = house.digest(number).await.hex();
    let approve = [("decision", "approve"), ("short_name", "prod-orders"), ("digest", digest.as_str())];
    let done = ask(&site, Method::POST, &path, Some(&approve)).await;
    assert_eq!((done.status, done.headers["location"].to_str().expect("text")), (StatusCode::SEE_OTHER, path.as_str()));
    let page = get(&site, &path).await.body;
    assert!(page.contains("You have decided") && page.contains("approved, by the link in the mail"), "{page}");
    let again = ask(&site, Method::POST, &path, Some(&approve)).await;
    assert_eq!(
        (again.status, again.headers["location"].to_str().expect("text")),
        (StatusCode::SEE_OTHER, path.as_str()),
        "the same, sent twice"
    );
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote").await, 1);
    let other = [("decision", "reject"), ("comment", "on second thought"), ("digest", digest.as_str())];
    let other = ask(&site, Method::POST, &path, Some(&other)).await;
    assert_eq!(other.status, StatusCode::CONFLICT, "another decision is not taken for the recorded one");
    assert!(other.body.contains("You already decided on this plan"), "{}", other.body);

    let lead = Input { decision: "approve".into(), digest: digest.clone(), short_name: "prod-orders".into(), ..Input::default() };
    assert_eq!(cast_vote(&house.engine, &house.lead, number, &lead).await.expect("a lead").state, WindowState::Approved);
    let not_me = format!("/a/{}", house.secret("vote_recorded", house.stakeholder.actor.person).await);
    let page = get(&site, &not_me).await.body;
    assert!(page.contains("Was this you, Sten?") && page.contains("Sten approved"), "{page}");
    assert_eq!(ask(&site, Method::POST, &not_me, Some(&approve)).await.status, StatusCode::NOT_FOUND, "an objection is no vote");
    for typed in [&[][..], &[("short_name", "orders")]] {
        let pressed = ask(&site, Method::POST, &format!("{not_me}/not-me"), Some(typed)).await;
        assert_eq!(pressed.status, StatusCode::UNPROCESSABLE_ENTITY, "a scanner that presses the button takes nothing back");
        assert!(pressed.body.contains("To take it back, type the database&#39;s short name: prod-orders."), "{}", pressed.body);
    }
    assert_eq!(house.state(number).await, "approved");
    let objection = [("short_name", "Prod-Orders ")];
    assert_eq!(ask(&site, Method::POST, &format!("{not_me}/not-me"), Some(&objection)).await.status, StatusCode::SEE_OTHER);
    assert!(get(&site, &not_me).await.body.contains("It was taken back"));
    assert_eq!(house.state(number).await, "proposed");
}

#[tokio::test]
async fn somebody_else_is_let_decide_on_the_page_behind_the_link() {
    let house = House::new().await;
    let site = site(&house);
    let (number, path) = proposed(&house).await;
    let digest = house.digest(number).await.hex();
    let page = get(&site, &path).await.body;
    assert!(page.contains("<summary>Let somebody else decide in your place</summary>"), "{page}");
    let give = async |delegate: &str| {
        ask(&site, Method::POST, &format!("{path}/delegate"), Some(&[("digest", digest.as_str()), ("delegate", delegate)])).await
    };
    let unknown = give("<b>@example.org").await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY, "a scanner that presses buttons gives nothing");
    assert!(unknown.body.contains("<details open>") && unknown.body.contains("value=\"&#60;b&#62;@example.org\""), "{}", unknown.body);
    let done = give("fritz@example.org").await;
    assert_eq!((done.status, done.headers["location"].to_str().expect("text")), (StatusCode::SEE_OTHER, path.as_str()));
    let page = get(&site, &path).await.body;
    assert!(page.contains("You let Fritz decide in your place.") && page.contains("Let another person decide instead"), "{page}");
    let his = get(&site, &format!("/a/{}", house.secret("approval_needed", house.foreigner.actor.person).await)).await.body;
    assert!(his.contains("Sten, in whose place you vote; you count once"), "{his}");
    assert!(!his.contains("/delegate"), "a delegate passes nothing on");
    let not_me = get(&site, &format!("/a/{}", house.secret("delegated", house.stakeholder.actor.person).await)).await.body;
    assert!(
        not_me.contains("You let Fritz decide on this plan in your place") && not_me.contains("This was not me: take that back"),
        "{not_me}"
    );
}

#[tokio::test]
async fn each_way_a_link_ends_has_its_page() {
    let house = House::new().await;
    let site = site(&house);
    let (number, path) = proposed(&house).await;
    let mut form = house.form(4);
    form.reason = "more work than before".into();
    amend_window(&house.engine, &house.engineer, number, 1, &form, None).await.expect("an edit");
    let stale = get(&site, &path).await.body;
    for text in ["The plan was edited", "What changed since", "more work than before", "Mail me a fresh link"] {
        assert!(stale.contains(text), "{text} is missing in {stale}");
    }
    let too_soon = ask(&site, Method::POST, &format!("{path}/fresh"), Some(&[])).await;
    assert_eq!(too_soon.status, StatusCode::CONFLICT);
    assert!(too_soon.body.contains("A link was mailed to you less than five minutes ago"), "{}", too_soon.body);

    sqlx::query("UPDATE drydock.link SET created_at = created_at - interval '10 minutes'")
        .execute(&house.admin)
        .await
        .expect("time passes");
    assert_eq!(ask(&site, Method::POST, &format!("{path}/fresh"), Some(&[])).await.status, StatusCode::OK);
    let fresh = format!("/a/{}", house.secret("approval_needed", house.stakeholder.actor.person).await);
    assert!(get(&site, &fresh).await.body.contains("Your decision"));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'link.renew'").await, 1);

    // The clock cannot be turned, and the guard lets nobody shorten a link's life: it stands aside for this moment.
    for statement in [
        "ALTER TABLE drydock.link DISABLE TRIGGER link_guard",
        "UPDATE drydock.link SET expires_at = now() - interval '1 s' WHERE ended_at IS NULL",
        "ALTER TABLE drydock.link ENABLE ALWAYS TRIGGER link_guard",
    ] {
        sqlx::query(statement).execute(&house.admin).await.expect("time passes");
    }
    assert!(get(&site, &fresh).await.body.contains("This link has expired"));
    cancel_window(&house.engine, &house.engineer, number, "the release was moved").await.expect("called off");
    let over = get(&site, &fresh).await.body;
    assert!(
        over.contains("Nothing left to decide") && over.contains("the release was moved") && !over.contains("Mail me a fresh link"),
        "{over}"
    );
    let refused = ask(&site, Method::POST, &format!("{fresh}/fresh"), Some(&[])).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn hostile_text_in_the_plan_stays_text() {
    let house = House::new().await;
    let mut form = house.form(3);
    form.reason = "</p><script>alert(1)</script>\u{202e} & \"quotes\"".into();
    form.title = "weekly".into();
    engine::actions::propose_window::propose_window(&house.engine, &house.engineer, &form, None).await.expect("proposed");
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    let page = get(&site(&house), &format!("/a/{secret}")).await.body;
    assert!(!page.contains("<script") && page.contains("⟨U+202E⟩"), "{page}");
}
