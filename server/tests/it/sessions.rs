//! Sessions: what is worth nothing afterwards, what is kept for whom, and what is done once.

use crate::browser::{Browser, PASSWORD, Place};
use http::StatusCode;

const PERSON: [(&str, &str); 5] =
    [("name", "Zoë Ünal"), ("email", "zoe@example.org"), ("zone", "Europe/Berlin"), ("role", "engineer"), ("team", "")];

#[tokio::test]
async fn the_first_run_happens_once() {
    let (place, _) = Place::set_up().await;
    let mut stranger = place.browser();
    assert!(stranger.get("/setup").await.body.contains("is set up"));
    let again = [
        ("installation", "Mine"),
        ("zone", "Etc/UTC"),
        ("name", "Eve"),
        ("email", "eve@example.org"),
        ("password", PASSWORD),
        ("password_again", PASSWORD),
    ];
    stranger.post("/setup", &again).await;
    assert_eq!(place.count("SELECT count(*) FROM drydock.person").await, 1);
    assert_eq!(place.count("SELECT count(*) FROM drydock.fact WHERE action = 'installation.set_up'").await, 1);
}

#[tokio::test]
async fn before_the_first_run_every_page_leads_there() {
    let place = Place::new().await;
    let mut stranger = place.browser();
    for path in ["/", "/people", "/login"] {
        assert_eq!(stranger.get(path).await.to(), "/setup", "{path}");
    }
    let wrong = stranger
        .post("/setup", &[("installation", "Harbour"), ("name", "Ada"), ("email", "ada"), ("password", "short"), ("zone", "Berlin")])
        .await;
    assert_eq!(wrong.to(), "/setup");
    let page = stranger.get("/setup").await.body;
    assert!(page.contains("3 things need your attention") && page.contains("href=\"#email\""), "{page}");
    assert!(page.contains("value=\"Harbour\"") && !page.contains("short"), "typed text is back, the password is not");
}

#[tokio::test]
async fn a_planted_session_is_worth_nothing_after_the_sign_in() {
    let (place, _) = Place::set_up().await;
    let mut victim = place.browser();
    victim.post("/login", &[("email", "ada@example.org"), ("password", "wrong")]).await;
    let planted = victim.clone();
    assert!(!planted.session().is_empty(), "a failed sign-in leaves a session with its message");
    assert_eq!(victim.sign_in("ada@example.org", "/people").await.to(), "/people");
    assert_ne!(victim.session(), planted.session());
    let mut attacker = planted;
    assert_eq!(attacker.get("/people").await.to(), "/login?next=%2Fpeople");
    assert_eq!(victim.get("/people").await.status, StatusCode::OK);
    let cookie = place.browser().sign_in("ada@example.org", "/").await;
    let cookie = cookie
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|v| v.to_str().expect("text"))
        .find(|v| v.starts_with("__Host-drydock="))
        .expect("a session")
        .to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn a_signed_out_session_stays_out() {
    let (place, mut ada) = Place::set_up().await;
    let old = ada.clone();
    let answer = ada.post("/logout", &[]).await;
    assert_eq!((answer.to(), answer.header("clear-site-data")), ("/login", "\"cache\", \"storage\""));
    let mut revived = old.clone();
    assert_eq!(revived.get("/people").await.to(), "/login?next=%2Fpeople");
    // A form that was under way when the session ended writes into the session; the old one must not come back by it.
    let mut late = old.clone();
    late.post("/people/new", &PERSON).await;
    let mut again = old;
    assert_eq!(again.get("/people").await.to(), "/login?next=%2Fpeople");
    assert_eq!(place.count("SELECT count(*) FROM drydock.session WHERE person_id IS NOT NULL").await, 0);
    assert_eq!(place.count("SELECT count(*) FROM drydock.fact WHERE action = 'session.end'").await, 1);
}

#[tokio::test]
async fn the_cookie_is_never_stored() {
    let (place, ada) = Place::set_up().await;
    let rows: Vec<String> = sqlx::query_scalar("SELECT s::text FROM drydock.session s").fetch_all(&place.admin).await.expect("rows");
    assert_eq!(rows.len(), 1);
    assert!(!rows[0].contains(ada.session()));
}

#[tokio::test]
async fn what_was_typed_survives_an_expired_session_for_its_person_alone() {
    let (place, mut ada) = Place::set_up().await;
    ada.add("Ben", "ben@example.org").await;
    place.run("UPDATE drydock.person SET active = true").await;
    place
        .run("INSERT INTO drydock.global_role (person_id, role) SELECT id, 'admin' FROM drydock.person WHERE email = 'ben@example.org'")
        .await;
    place.run("UPDATE drydock.session SET expires_at = clock_timestamp() - interval '1 second'").await;

    let answer = ada.post("/people/new", &[&PERSON[..], &[("password", PASSWORD), ("_back", "/people/new")]].concat()).await;
    assert_eq!(answer.to(), "/login?next=%2Fpeople%2Fnew");
    let said = ada.get(answer.to()).await.body;
    assert!(said.contains("You were signed out, and nothing was sent"), "{said}");
    assert_eq!(place.count("SELECT count(*) FROM drydock.person WHERE email = 'zoe@example.org'").await, 0);

    let mut other = ada.clone();
    assert_eq!(other.sign_in("ben@example.org", "%2Fpeople%2Fnew").await.to(), "/people/new");
    assert!(!other.get("/people/new").await.body.contains("Zoë"), "Ben sees what Ada typed");

    let mut ada = ada_again(&place, &answer_session(&place, &PERSON).await).await;
    let page = ada.get("/people/new").await.body;
    assert!(page.contains("value=\"Zoë Ünal\"") && page.contains("value=\"zoe@example.org\""), "{page}");
    assert!(
        page.contains("This was not sent") && page.contains("Passwords and secret addresses are never kept") && !page.contains(PASSWORD)
    );
}

/// A browser whose session expired while Ada filled in the form.
async fn answer_session(place: &Place, fields: &[(&str, &str)]) -> Browser {
    let mut ada = place.browser();
    ada.sign_in("ada@example.org", "/").await;
    place.run("UPDATE drydock.session SET expires_at = clock_timestamp() - interval '1 second' WHERE person_id IS NOT NULL").await;
    ada.post("/people/new", &[fields, &[("password", PASSWORD), ("_back", "/people/new")]].concat()).await;
    ada
}

async fn ada_again(_: &Place, browser: &Browser) -> Browser {
    let mut browser = browser.clone();
    assert_eq!(browser.sign_in("ada@example.org", "%2Fpeople%2Fnew").await.to(), "/people/new");
    browser
}

#[tokio::test]
async fn what_was_typed_in_a_session_that_is_gone_is_kept_for_its_person_alone() {
    let (place, mut ada) = Place::set_up().await;
    ada.add("Ben", "ben@example.org").await;
    place
        .run("INSERT INTO drydock.global_role (person_id, role) SELECT id, 'admin' FROM drydock.person WHERE email = 'ben@example.org'")
        .await;
    let by = ada.get("/people/new").await.hidden("_by");
    // Nothing of the session is left: a new password elsewhere, an administrator's word.
    place.run("DELETE FROM drydock.session").await;
    let (mut named, mut unnamed) = (ada.clone(), ada);
    named.post("/people/new", &[&PERSON[..], &[("_by", &by), ("_back", "/people/new")]].concat()).await;
    unnamed.post("/people/new", &[&PERSON[..], &[("_back", "/people/new")]].concat()).await;
    for browser in [&named, &unnamed] {
        let mut ben = browser.clone();
        assert_eq!(ben.sign_in("ben@example.org", "%2Fpeople%2Fnew").await.to(), "/people/new");
        assert!(!ben.get("/people/new").await.body.contains("Zoë"), "Ben reads what Ada typed");
    }
    // Ben's sign-in took the kept text with it, as one's own sign-in would.
    let mut ada = place.browser();
    ada.post("/people/new", &[&PERSON[..], &[("_by", &by), ("_back", "/people/new")]].concat()).await;
    assert_eq!(ada.sign_in("ada@example.org", "%2Fpeople%2Fnew").await.to(), "/people/new");
    assert!(ada.get("/people/new").await.body.contains("value=\"Zoë Ünal\""), "Ada finds it again");
}

#[tokio::test]
async fn twelve_hours_end_a_session_whatever_happens() {
    let (place, mut ada) = Place::set_up().await;
    place.run("UPDATE drydock.session SET last_seen_at = clock_timestamp() - interval '2 minutes', absolute_end_at = clock_timestamp() + interval '3 minutes'").await;
    assert_eq!(ada.get("/people").await.status, StatusCode::OK);
    assert_eq!(
        place.count("SELECT count(*) FROM drydock.session WHERE expires_at > absolute_end_at").await,
        0,
        "activity moved the idle end past the absolute one"
    );
    place.run("UPDATE drydock.session SET elevated_until = '-infinity'").await;
    assert_eq!(ada.get("/people/new").await.to(), "/me/confirm?next=/people/new");
    assert_eq!(ada.post("/me/confirm?next=/people/new", &[("password", PASSWORD)]).await.to(), "/people/new");
    assert_eq!(
        place.count("SELECT count(*) FROM drydock.session WHERE absolute_end_at > clock_timestamp() + interval '3 minutes'").await,
        0,
        "control made the session longer"
    );
    place.run("UPDATE drydock.session SET absolute_end_at = clock_timestamp()").await;
    assert_eq!(ada.get("/people").await.to(), "/login?next=%2Fpeople");
}

#[tokio::test]
async fn a_form_sent_twice_is_done_once() {
    let (place, mut ada) = Place::set_up().await;
    let once = ada.get("/people/new").await.hidden("_once");
    let fields = [&PERSON[..], &[("_once", &once), ("_back", "/people/new")]].concat();
    let (mut first, mut second) = (ada.clone(), ada.clone());
    let (one, two) = tokio::join!(first.post("/people/new", &fields), second.post("/people/new", &fields));
    assert!(one.to().starts_with("/people/0"), "{} {}", one.status, one.to());
    assert_eq!(one.to(), two.to(), "both lead to the one person");
    assert_eq!(ada.post("/people/new", &fields).await.to(), one.to(), "and so does a third");
    assert_eq!(place.count("SELECT count(*) FROM drydock.person WHERE email = 'zoe@example.org'").await, 1);
    assert_eq!(place.count("SELECT count(*) FROM drydock.fact WHERE action = 'person.add'").await, 2);
    let page = ada.get(one.to()).await.body;
    assert_eq!(page.matches("Zoë Ünal was added.").count(), 1, "{page}");
    assert!(!ada.get(one.to()).await.body.contains("was added"), "a message is shown once");
    let other = [&PERSON[..1], &[("email", "z2@example.org"), ("zone", "Etc/UTC"), ("_once", &once)]].concat();
    assert_ne!(ada.post("/people/new", &other).await.to(), one.to(), "the same token with another text is another form");
}

#[tokio::test]
async fn wrong_input_comes_back_with_everything_typed() {
    let (_place, mut ada) = Place::set_up().await;
    let fields = [
        ("name", "Zoë <b>"),
        ("email", "ada@example.org"),
        ("zone", "Europe/Berlin"),
        ("deputy", "on"),
        ("role", "lead"),
        ("_back", "/people/new?team=x"),
    ];
    let answer = ada.post("/people/new", &fields).await;
    assert_eq!(answer.to(), "/people/new?team=x", "{} {}", answer.status, answer.body);
    let page = ada.get("/people/new?team=x").await.body;
    assert!(
        page.contains("Somebody with this address is known already")
            && page.contains("href=\"#email\"")
            && page.contains("aria-describedby=\"email-hint email-error\""),
        "{page}"
    );
    assert!(page.contains("value=\"Zoë &lt;b&gt;\"") || page.contains("value=\"Zoë <b>\""), "{page}");
    assert!(page.contains("value=\"lead\" selected") && page.contains("name=\"deputy\" value=\"on\" checked"), "{page}");
    assert!(!ada.get("/people/new").await.body.contains("Zoë"), "shown once");
}

#[tokio::test]
async fn guessing_pauses_the_account_and_says_nothing_about_it() {
    let (place, _) = Place::set_up().await;
    let mut guesser = place.browser();
    let mut texts = Vec::new();
    for email in ["ada@example.org", "nobody@example.org"] {
        for _ in 0..7 {
            guesser.post("/login", &[("email", email), ("password", "a wrong password")]).await;
        }
        let page = guesser.get("/login").await.body;
        texts.push(page.split("message refused").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned());
    }
    assert!(texts[0].contains("do not belong together"), "{texts:?}");
    assert_eq!(texts[0], texts[1], "an unknown address reads like a known one");
    // As if guessing had gone on for a while.
    place
        .run("UPDATE drydock.throttle SET blocked_until = clock_timestamp() + interval '5 minutes' WHERE blocked_until > '-infinity'")
        .await;
    let mut ada = place.browser();
    assert_eq!(ada.sign_in("ada@example.org", "/people").await.to(), "/login", "the account pauses, even for the right password");
    assert_eq!(
        place.count("SELECT count(*) FROM drydock.fact WHERE action = 'session.start' AND result = 'refused'").await,
        2,
        "one fact a minute for each"
    );
    place.run("UPDATE drydock.throttle SET blocked_until = '-infinity'").await;
    let counts = place.count("SELECT count(*) FROM drydock.throttle").await;
    assert_eq!(ada.sign_in("ada@example.org", "/people").await.to(), "/people");
    assert_eq!(place.count("SELECT count(*) FROM drydock.throttle").await, counts - 1, "the failures of the address are forgotten");
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let (place, mut ada) = Place::set_up().await;
    let mut elsewhere = place.browser();
    elsewhere.sign_in("ada@example.org", "/").await;
    let wrong =
        [("old_password", "not it"), ("password", "marble oxygen twelve lanterns"), ("password_again", "marble oxygen twelve lanterns")];
    ada.post("/me/password", &wrong).await;
    assert!(
        ada.get("/me/password").await.body.contains("Go back and use the form")
            || ada.get("/me").await.body.contains("This is not your password.")
    );
    let right = [("old_password", PASSWORD), wrong[1], wrong[2], ("_back", "/me")];
    assert_eq!(ada.post("/me/password", &right).await.to(), "/me");
    assert_eq!(ada.get("/me").await.status, StatusCode::OK);
    assert_eq!(elsewhere.get("/me").await.to(), "/login?next=%2Fme");
}

#[tokio::test]
async fn deactivation_ends_everything_at_once() {
    let (place, mut ada) = Place::set_up().await;
    ada.add("Ben", "ben@example.org").await;
    let mut ben = place.browser();
    ben.sign_in("ben@example.org", "/").await;
    assert_eq!(ben.get("/people").await.status, StatusCode::OK);
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.person WHERE email = 'ben@example.org'").fetch_one(&place.admin).await.expect("Ben");
    assert_eq!(ada.post(&format!("/people/{id}/deactivate"), &[("reason", "left")]).await.to(), format!("/people/{id}"));
    assert_eq!(ben.get("/people").await.to(), "/login?next=%2Fpeople");
    assert_eq!(ben.sign_in("ben@example.org", "/").await.to(), "/login");
    let own: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.person WHERE email = 'ada@example.org'").fetch_one(&place.admin).await.expect("Ada");
    ada.post(&format!("/people/{own}/deactivate"), &[("reason", "left"), ("_back", &format!("/people/{own}"))]).await;
    assert!(ada.get(&format!("/people/{own}")).await.body.contains("You cannot deactivate yourself."));
}

#[tokio::test]
async fn a_character_the_database_cannot_keep_loses_nothing() {
    let (place, mut ada) = Place::set_up().await;
    let typed = [("name", "Zo\u{0}ë"), ("email", "not an address"), ("zone", "Europe/Berlin"), ("_back", "/people/new")];
    assert_eq!(ada.post("/people/new", &typed).await.to(), "/people/new");
    let page = ada.get("/people/new").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Zo\u{fffd}ë") && page.body.contains("not an address"), "{}", page.body);
    for path in ["/databases?q=%00", "/databases?team=%00", "/windows?database=%00", "/windows?team=%00&after=%00"] {
        assert_eq!(ada.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(place.browser().post("/login", &[("email", "ada\u{0}@example.org"), ("password", "\u{0}")]).await.to(), "/login");
}

#[tokio::test]
async fn sessions_are_seen_and_ended_one_by_one_or_all() {
    let (place, mut ada) = Place::set_up().await;
    let firefox =
        [("sec-fetch-site", "same-origin"), ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")];
    let mut other = place.browser();
    let body = crate::browser::encode(&[("email", "ada@example.org"), ("password", PASSWORD)]);
    let form = [&firefox[..], &[("content-type", "application/x-www-form-urlencoded")]].concat();
    assert_eq!(other.send(http::Method::POST, "/login", &form, body).await.to(), "/");
    ada.add("Ben", "ben@example.org").await;
    let mut ben = place.browser();
    ben.sign_in("ben@example.org", "/").await;

    let page = ada.get("/me/sessions").await.body;
    assert!(page.contains("Firefox on Linux") && page.contains("This one") && page.contains("Sign out everywhere else"), "{page}");
    assert_eq!(page.matches("/end\"").count(), 3, "one to end, all others, all: {page}");
    let end =
        page.split("action=\"").find(|rest| rest.starts_with("/me/sessions/") && !rest.starts_with("/me/sessions/end")).expect("an end");
    let end = end.split('"').next().expect("a path").to_owned();
    assert_eq!(ben.post(&end, &[]).await.status, StatusCode::NOT_FOUND, "somebody else's session does not exist");
    assert_eq!(other.get("/me").await.status, StatusCode::OK);
    assert_eq!(ada.post(&end, &[]).await.to(), "/me/sessions");
    assert_eq!(other.get("/me").await.to(), "/login?next=%2Fme");
    assert!(ada.get("/me/sessions").await.body.contains("That session was ended."));

    let mut third = place.browser();
    third.sign_in("ada@example.org", "/").await;
    assert_eq!(ada.post("/me/sessions/end", &[("which", "others")]).await.to(), "/me/sessions");
    assert!(ada.get("/me/sessions").await.body.contains("One other session was ended."));
    assert_eq!(third.get("/me").await.to(), "/login?next=%2Fme");

    let everywhere = ada.post("/me/sessions/end", &[("which", "all")]).await;
    assert_eq!((everywhere.to(), everywhere.header("clear-site-data")), ("/login", "\"cache\", \"storage\""));
    assert_eq!(ada.get("/me").await.to(), "/login?next=%2Fme");
    assert_eq!(ben.get("/me").await.status, StatusCode::OK, "only one's own");
    assert_eq!(place.count("SELECT count(*) FROM drydock.fact WHERE action = 'session.end'").await, 3);
}

#[tokio::test]
async fn a_changed_role_ends_sessions_and_one_s_own_gets_a_new_id() {
    let (place, mut ada) = Place::set_up().await;
    let ben_page = ada.add("Ben", "ben@example.org").await;
    let ben_id = ben_page.trim_start_matches("/people/").to_owned();
    let team = ada.post("/teams/new", &[("short_name", "orders"), ("name", "Orders")]).await.to().to_owned();
    let mut ben = place.browser();
    ben.sign_in("ben@example.org", "/").await;
    let role = [("person", ben_id.as_str()), ("role", "engineer")];
    assert_eq!(ada.post(&format!("{team}/members"), &role).await.to(), team);
    assert_eq!(ben.get("/me").await.to(), "/login?next=%2Fme", "whoever held Ben's session proves anew who they are");

    let own: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.person WHERE email = 'ada@example.org'").fetch_one(&place.admin).await.expect("Ada");
    let mut stolen = ada.clone();
    let (own, before) = (own.to_string(), ada.session().to_owned());
    assert_eq!(ada.post(&format!("{team}/members"), &[("person", own.as_str()), ("role", "engineer")]).await.to(), team);
    assert_ne!(ada.session(), before);
    assert!(ada.get(&team).await.body.contains("Saved."), "the message came along");
    assert_eq!(stolen.get("/me").await.to(), "/login?next=%2Fme", "the old id opens nothing");
}
