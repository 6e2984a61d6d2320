//! A second factor through the whole router: set up, shown at the sign-in, and nobody signed in before.

use crate::browser::{Browser, PASSWORD, Place};
use engine::second_factor::code_at;
use http::StatusCode;
use jiff::SignedDuration;

/// What the app shows so many steps from now.
fn code(place: &Place, secret: &str, steps: i64) -> String {
    code_at(secret, place.web.engine.clock().now() + SignedDuration::from_secs(30 * steps))
}

/// The secret that the page tells the app.
async fn begun(ada: &mut Browser) -> String {
    assert!(ada.get("/me").await.body.contains("href=\"/me/factor\""));
    assert!(ada.get("/me/factor").await.body.contains("None is set up"));
    assert_eq!(ada.post("/me/factor", &[("_back", "/me/factor")]).await.to(), "/me/factor");
    let page = ada.get("/me/factor").await.body;
    let after = page.split("otpauth://totp/Harbour:ada%40example.org?secret=").nth(1).unwrap_or_else(|| panic!("no secret in {page}"));
    after.split(['&', '"']).next().unwrap_or_default().to_owned()
}

async fn turn_on(ada: &mut Browser, code: &str) -> crate::browser::Answer {
    ada.post("/me/factor/confirm", &[("code", code), ("_back", "/me/factor")]).await
}

#[tokio::test]
async fn a_second_factor_is_set_up_and_shown_at_every_sign_in() {
    let (place, mut ada) = Place::set_up().await;
    let secret = begun(&mut ada).await;
    assert_eq!(turn_on(&mut ada, "000").await.to(), "/me/factor");
    let wrong = ada.get("/me/factor").await.body;
    assert!(wrong.contains("six digits") && wrong.contains(&secret[..4]), "the secret is still there: {wrong}");
    let shown = turn_on(&mut ada, &code(&place, &secret, 0)).await;
    assert_eq!(shown.status, StatusCode::OK);
    let codes: Vec<String> =
        shown.body.split("<li class=\"hex\">").skip(1).filter_map(|part| part.split('<').next()).map(str::to_owned).collect();
    assert_eq!(codes.len(), 10, "{}", shown.body);
    assert_eq!((shown.header("cache-control"), shown.header("x-robots-tag")), ("no-store", "noindex"));
    let there = ada.get("/me/factor").await;
    assert!(there.status == StatusCode::OK && there.body.contains("10 left") && !there.body.contains(&secret), "{}", there.body);

    // The password leads half the way: nobody is signed in.
    let mut again = place.browser();
    let half = again.sign_in("ada@example.org", "/people").await;
    assert_eq!(half.to(), "/login/factor?next=%2Fpeople");
    let planted = again.clone();
    assert_eq!(again.get("/people").await.to(), "/login?next=%2Fpeople");
    assert_eq!(again.post("/people/new", &[("name", "Eve")]).await.to().split('?').next(), Some("/login"));
    let page = again.get(half.to()).await;
    assert!(page.status == StatusCode::OK && page.body.contains("action=\"/login/factor?next=/people\""), "{}", page.body);
    let wrong =
        again.post("/login/factor?next=/people", &[("code", &code(&place, &secret, 9)), ("_back", "/login/factor?next=/people")]).await;
    assert_eq!(wrong.to(), "/login/factor?next=/people");
    assert!(again.get("/login/factor?next=/people").await.body.contains("This code is not good"));
    let done = again.post("/login/factor?next=/people", &[("code", &code(&place, &secret, 1))]).await;
    assert_eq!(done.to(), "/people", "{}", done.body);
    assert_eq!(again.get("/people").await.status, StatusCode::OK);
    let mut planted = planted;
    assert_eq!(planted.get("/people").await.to(), "/login?next=%2Fpeople", "the session of before is worth nothing");
    let replayed = planted.post("/login/factor", &[("code", &codes[0])]).await;
    assert!(replayed.to().starts_with("/login"), "{}", replayed.to());

    // A recovery code, once; and without the password nothing.
    let mut lost = place.browser();
    lost.sign_in("ada@example.org", "/").await;
    assert_eq!(lost.post("/login/factor", &[("code", &codes[1].to_uppercase())]).await.to(), "/");
    assert!(lost.get("/me/factor").await.body.contains("9 left"));
    let mut stranger = place.browser();
    let out = stranger.post("/login/factor?next=/people", &[("code", &codes[2])]).await;
    assert_eq!(out.to(), "/login?next=%2Fpeople");
    assert!(stranger.get("/login?next=%2Fpeople").await.body.contains("Begin again with your password"));
    assert_eq!(place.count("SELECT count(*) FROM drydock.recovery_code WHERE used_at IS NOT NULL").await, 1);

    // It goes by password and code; a new password keeps the session that showed it.
    let changed = [
        ("old_password", PASSWORD),
        ("password", "marble oxygen twelve lanterns"),
        ("password_again", "marble oxygen twelve lanterns"),
        ("_back", "/me"),
    ];
    assert_eq!(lost.post("/me/password", &changed).await.to(), "/me");
    assert_eq!(lost.get("/people").await.status, StatusCode::OK);
    let remove = [("password", "marble oxygen twelve lanterns"), ("code", codes[3].as_str()), ("_back", "/me/factor")];
    assert_eq!(lost.post("/me/factor/remove", &remove).await.to(), "/me/factor");
    let gone = lost.get("/me/factor").await.body;
    assert!(gone.contains("Your second factor is removed") && gone.contains("None is set up"), "{gone}");
}

#[tokio::test]
async fn the_recovery_codes_are_shown_even_where_the_session_gets_no_new_key() {
    let (place, mut ada) = Place::set_up().await;
    let secret = begun(&mut ada).await;
    for sql in [
        "CREATE FUNCTION drydock.no_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no key'; END $$",
        "CREATE TRIGGER no_key BEFORE UPDATE ON drydock.session FOR EACH ROW WHEN (NEW.key <> OLD.key) EXECUTE FUNCTION drydock.no_key()",
    ] {
        place.run(sql).await;
    }
    let shown = turn_on(&mut ada, &code(&place, &secret, 0)).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert_eq!(shown.body.matches("<li class=\"hex\">").count(), 10, "{}", shown.body);
    assert_eq!(place.count("SELECT count(*) FROM drydock.factor WHERE confirmed_at IS NOT NULL").await, 1);
}

#[tokio::test]
async fn setting_up_needs_the_password_typed_lately() {
    let (place, mut ada) = Place::set_up().await;
    let secret = begun(&mut ada).await;
    place.run("UPDATE drydock.session SET elevated_until = '-infinity'").await;
    assert!(!ada.get("/me/factor").await.body.contains(&secret), "a session that somebody left open shows nothing");
    let sent = turn_on(&mut ada, &code(&place, &secret, 0)).await;
    assert!(sent.to().starts_with("/me/confirm?next="), "{}", sent.to());
    assert_eq!(ada.post("/me/confirm?next=/me/factor", &[("password", PASSWORD)]).await.to(), "/me/factor");
    assert_eq!(turn_on(&mut ada, &code(&place, &secret, 0)).await.status, StatusCode::OK);
}
