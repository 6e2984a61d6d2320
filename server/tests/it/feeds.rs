//! Calendar feeds through the whole router: without a cookie, told apart by nobody, and asked for again and again.

use crate::browser::{Answer, Browser, PASSWORD, Place};
use crate::house::House;
use crate::pages::settle;
use domain::window::WindowState as W;
use http::{Method, StatusCode};

/// Rows that hold a text, plainly or as bytes, in any table that a feed is near to.
const EVERYTHING: &str = "SELECT count(*) FROM (
    SELECT x::text AS t FROM drydock.fact x UNION ALL SELECT x::text FROM drydock.session x UNION ALL SELECT x::text FROM drydock.submission x
    UNION ALL SELECT x::text FROM drydock.calendar_feed x UNION ALL SELECT x::text FROM drydock.outbox x UNION ALL SELECT x::text FROM drydock.setting x) everything
    WHERE strpos(t, $1) > 0 OR strpos(t, encode(convert_to($1, 'UTF8'), 'hex')) > 0";

/// A browser in which the engineer is signed in.
async fn engineer(house: &House) -> Browser {
    let hash = engine::passwords::hash(&PASSWORD.to_owned().into()).await.expect("a hash");
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)")
        .bind(house.engineer.actor.person.0)
        .bind(&hash)
        .execute(&house.admin)
        .await
        .expect("an account");
    let mut browser = Browser::of_router(server::router::router(Place::web_of(house.engine.clone()), axum::Router::new()));
    assert_eq!(browser.sign_in("egon@example.org", "/").await.status, StatusCode::SEE_OTHER);
    browser
}

/// Makes a feed by its form; gives its path.
async fn made(browser: &mut Browser, about: &str) -> String {
    let shown = browser.post("/me/calendar", &[("about", about), ("_back", "/me/calendar"), ("_once", about)]).await;
    assert_eq!(shown.status, StatusCode::OK, "{} {}", shown.to(), shown.body);
    assert!(shown.body.contains("webcal://drydock.example/cal/") && shown.body.contains("now and never again"), "{}", shown.body);
    let after = shown.body.split(">https://drydock.example").nth(1).expect("the address");
    after.split('<').next().unwrap_or_default().to_owned()
}

async fn program(browser: &Browser, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    // No cookie, and nothing that a browser sends.
    Browser::of_router(browser.router()).send(method, path, headers, String::new()).await
}

#[tokio::test]
async fn a_program_asks_without_cookie_and_learns_only_what_changed() {
    let house = House::new().await;
    settle(&house).await;
    let mut browser = engineer(&house).await;
    let number = house.proposed(3).await.number;
    let path = made(&mut browser, "database:prod-orders").await;
    assert!(path.starts_with("/cal/") && path.strip_suffix(".ics").is_some() && path.len() == "/cal/.ics".len() + 43, "{path}");
    let first = program(&browser, Method::GET, &path, &[]).await;
    assert_eq!((first.status, first.header("content-type")), (StatusCode::OK, "text/calendar; charset=utf-8"), "{}", first.body);
    assert!(first.header("set-cookie").is_empty() && first.header("cache-control") == "private, no-cache");
    for wanted in ["METHOD:PUBLISH\r\n", "STATUS:TENTATIVE\r\n", "SEQUENCE:2\r\n", &format!("SUMMARY:#{number} prod-orders")] {
        assert!(first.body.contains(wanted), "{wanted} is missing in {}", first.body);
    }
    assert!(!first.body.contains("ATTENDEE") && !first.body.contains("/a/") && !first.body.contains("/cal/"), "{}", first.body);
    let tag = first.header("etag").to_owned();
    let again = program(&browser, Method::GET, &path, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (StatusCode::NOT_MODIFIED, "", tag.as_str()));
    // Called off: another tag, a higher number, and the same event.
    let off = browser
        .post(&format!("/windows/{number}/cancel"), &[("short_name", "prod-orders"), ("reason", "not this week"), ("_back", "/")])
        .await;
    assert_eq!(off.status, StatusCode::SEE_OTHER);
    let changed = program(&browser, Method::GET, &path, &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status, StatusCode::OK);
    let line = |body: &str, name: &str| body.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert_eq!(line(&changed.body, "STATUS:"), "STATUS:CANCELLED");
    assert_eq!(line(&changed.body, "UID:"), line(&first.body, "UID:"));
    assert!(line(&changed.body, "SEQUENCE:") > line(&first.body, "SEQUENCE:"), "{}", changed.body);
}

#[tokio::test]
async fn whatever_opens_nothing_is_answered_alike_and_leaves_no_trace() {
    let house = House::new().await;
    settle(&house).await;
    let mut browser = engineer(&house).await;
    house.planted(house.target, W::Approved, "2031-06-10T08:00:00Z", 60, 1).await;
    let (living, revoked) = (made(&mut browser, "person").await, made(&mut browser, "team:orders").await);
    let page = browser.get("/me/calendar").await;
    assert!(!page.body.contains(&living[5..20]) && page.body.contains("Never"), "shown once: {}", page.body);
    let revoke = page.body.split("action=\"/me/calendar/").nth(1).expect("a form").split('"').next().expect("an address").to_owned();
    assert!(page.body.find("Team orders") < page.body.find("What concerns me"), "newest first");
    assert_eq!(browser.post(&format!("/me/calendar/{revoke}"), &[("_back", "/me/calendar")]).await.status, StatusCode::SEE_OTHER);
    let mut others = living.clone();
    others.replace_range(5..6, if living.as_bytes()[5] == b'A' { "B" } else { "A" });
    let mut seen = Vec::new();
    for path in [revoked.as_str(), others.as_str(), "/cal/x.ics", "/cal/.ics", living.trim_end_matches(".ics"), "/cal/%00%0d.ics"] {
        let answer = program(&browser, Method::GET, path, &[("accept", "text/calendar")]).await;
        let headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| name.as_str() != "x-request-id")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let body = answer.body.replace(answer.header("x-request-id"), "…");
        assert!(!body.contains(path.trim_end_matches(".ics")), "{path}: {body}");
        seen.push((answer.status, headers, body));
    }
    assert_eq!(seen[0].0, StatusCode::NOT_FOUND);
    assert!(!seen[0].2.is_empty(), "an answer in words");
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    // Looking with HEAD leaves no mark, asking does.
    let used = "SELECT count(*) FROM drydock.calendar_feed WHERE used_at IS NOT NULL";
    assert_eq!(program(&browser, Method::HEAD, &living, &[]).await.status, StatusCode::OK);
    assert_eq!(house.count(used).await, 0);
    assert_eq!(program(&browser, Method::GET, &living, &[]).await.status, StatusCode::OK);
    assert_eq!(house.count(used).await, 1);
    assert!(!browser.get("/me/calendar").await.body.contains("Never"));
    // No table keeps the secret: neither the trail, nor what was answered to the form.
    let secret = living.trim_start_matches("/cal/").trim_end_matches(".ics");
    let kept: i64 = sqlx::query_scalar(EVERYTHING).bind(secret).fetch_one(&house.admin).await.expect("a number");
    assert_eq!(kept, 0);
    // The person is deactivated: the feed is as if it had never been.
    sqlx::query("UPDATE drydock.person SET active = false WHERE id = $1")
        .bind(house.engineer.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("gone");
    assert_eq!(program(&browser, Method::GET, &living, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_feed_needs_the_password_once_more_and_what_was_chosen_is_kept() {
    let house = House::new().await;
    settle(&house).await;
    let mut browser = engineer(&house).await;
    sqlx::query("UPDATE drydock.session SET elevated_until = '-infinity'").execute(&house.admin).await.expect("later");
    let asked = browser.post("/me/calendar", &[("about", "team:orders"), ("_back", "/me/calendar"), ("_once", "one")]).await;
    assert!(asked.status == StatusCode::SEE_OTHER && asked.to().starts_with("/me/confirm"), "{} {}", asked.status, asked.to());
    assert_eq!(house.count("SELECT count(*) FROM drydock.calendar_feed").await, 0);
    let page = browser.get(asked.to()).await;
    assert!(page.body.contains("makes an address that works without signing in"), "{}", page.body);
    let confirmed = browser.post(asked.to(), &[("password", PASSWORD)]).await;
    assert_eq!(confirmed.to(), "/me/calendar");
    let back = browser.get("/me/calendar").await;
    assert!(back.body.contains("value=\"team:orders\" selected"), "{}", back.body);
    assert!(made(&mut browser, "team:orders").await.starts_with("/cal/"));
}

#[tokio::test]
async fn a_new_password_revokes_the_feeds_and_the_page_says_so() {
    let house = House::new().await;
    settle(&house).await;
    let mut browser = engineer(&house).await;
    let path = made(&mut browser, "person").await;
    assert_eq!(program(&browser, Method::GET, &path, &[]).await.status, StatusCode::OK);
    let another = "marble oxygen twelve lanterns";
    let typed = [("old_password", PASSWORD), ("password", another), ("password_again", another), ("_back", "/me")];
    assert_eq!(browser.post("/me/password", &typed).await.to(), "/me");
    assert!(browser.get("/me").await.body.contains("calendar feeds that you had were revoked"));
    assert_eq!(program(&browser, Method::GET, &path, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(browser.get("/me/calendar").await.body.contains("No feeds yet"));
}
