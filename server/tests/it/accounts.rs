//! Invitation, acceptance and reset through the whole router, as people, scanners and strangers meet them.

use crate::browser::{Answer, Browser, ORIGIN, PASSWORD, Place};
use http::{Method, StatusCode};

const ANOTHER: &str = "marble oxygen twelve lanterns";

/// Everything a visit could change, as one number that any change alters.
const EVERYTHING: &str = "SELECT hashtextextended((SELECT coalesce(string_agg(x::text, '' ORDER BY x::text), '') FROM (
    SELECT to_jsonb(l) AS x FROM drydock.link l UNION ALL SELECT to_jsonb(p) FROM drydock.person p UNION ALL SELECT to_jsonb(a) FROM drydock.account a
    UNION ALL SELECT to_jsonb(f) FROM drydock.fact f UNION ALL SELECT to_jsonb(o) FROM drydock.outbox o UNION ALL SELECT to_jsonb(s) FROM drydock.session s) all_rows), 0)";

/// A form as a browser sends it that has no cookie of ours.
async fn send(place: &Place, path: &str, fields: &[(&str, &str)]) -> Answer {
    place.browser().post(path, fields).await
}

async fn invited(ada: &mut Browser) -> (String, String) {
    let fields = [("name", "Zoë <b>"), ("email", "zoe@example.org"), ("zone", "Europe/Berlin"), ("account", "invite")];
    let page = ada.post("/people/new", &fields).await.to().to_owned();
    let link = ada.shown_link(&page).await;
    (page, link)
}

fn chosen<'a>(password: &'a str, again: &'a str) -> [(&'static str, &'a str); 4] {
    [("name", "Zoë Ünal"), ("zone", "Asia/Tokyo"), ("password", password), ("password_again", again)]
}

#[tokio::test]
async fn an_administrator_invites_and_never_sees_a_password() {
    let (place, mut ada) = Place::set_up().await;
    let new = ada.get("/people/new").await.body;
    assert!(!new.contains("type=\"password\""), "{new}");
    let (page, link) = invited(&mut ada).await;
    let seen = ada.get(&page).await.body;
    for text in ["Invited, not accepted yet", "Expires", "Send the invitation again", "Withdraw the invitation"] {
        assert!(seen.contains(text), "{text} is missing in {seen}");
    }
    assert!(!seen.contains(&link) && !seen.contains("type=\"password\""), "shown once");
    assert!(ada.get("/people").await.body.contains("Invited"));
    let stored: Vec<String> = sqlx::query_scalar("SELECT s::text FROM drydock.session s UNION ALL SELECT convert_from(bytes, 'UTF8') FROM drydock.fact UNION ALL SELECT u::text FROM drydock.submission u UNION ALL SELECT l::text FROM drydock.link l")
        .fetch_all(&place.admin)
        .await
        .expect("rows");
    let secret = link.trim_start_matches("/invite/");
    assert!(secret.len() == 43 && stored.iter().all(|row| !row.contains(secret)), "a secret is kept nowhere");
    // Sent twice, it is not shown twice.
    let once = ada.get(&page).await.hidden("_once");
    let fields = [("way", "show"), ("_back", page.as_str()), ("_once", once.as_str())];
    assert_eq!(ada.post(&format!("{page}/invite"), &fields).await.status, StatusCode::OK);
    assert_eq!(ada.post(&format!("{page}/invite"), &fields).await.to(), page);
    assert_eq!(ada.post(&format!("{page}/invite/withdraw"), &[("_back", &page)]).await.to(), page);
    assert!(ada.get(&page).await.body.contains("It was withdrawn"));
}

#[tokio::test]
async fn scanners_change_nothing_and_a_person_gets_in() {
    let (place, mut ada) = Place::set_up().await;
    let (_, link) = invited(&mut ada).await;
    let before = place.count(EVERYTHING).await;
    for turn in 0..100 {
        let method = if turn % 2 == 0 { Method::GET } else { Method::HEAD };
        assert_eq!(place.browser().send(method, &link, &[], String::new()).await.status, StatusCode::OK);
    }
    // A scanner that presses buttons has no password to type.
    assert_eq!(send(&place, &link, &[]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(place.count(EVERYTHING).await, before);

    let page = place.browser().get(&link).await;
    for part in [
        "autocomplete=\"username\"",
        "value=\"zoe@example.org\"",
        "autocomplete=\"name\"",
        "value=\"Zoë &#60;b&#62;\"",
        "value=\"Europe/Berlin\"",
    ] {
        assert!(page.body.contains(part), "{part} is missing in {}", page.body);
    }
    assert_eq!(page.body.matches("autocomplete=\"new-password\"").count(), 2);
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "same-origin"), ("x-robots-tag", "noindex"), ("set-cookie", "")]
    {
        assert_eq!(page.header(name), value, "{name}");
    }
    assert!(
        !page.body.contains("<script")
            && page.header("content-security-policy").starts_with("default-src 'none'; img-src data:; style-src 'sha256-")
    );

    let wrong = send(&place, &link, &chosen("short", "short")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("At least 12 characters; this has 5.")
            && wrong.body.contains("value=\"Asia/Tokyo\"")
            && wrong.body.contains("value=\"Zoë Ünal\""),
        "{}",
        wrong.body
    );
    assert!(!wrong.body.contains("value=\"short\""));
    assert!(send(&place, &link, &chosen(PASSWORD, ANOTHER)).await.body.contains("The two passwords differ"));
    let mut zoe = place.browser();
    assert_eq!(zoe.post(&link, &chosen(PASSWORD, PASSWORD)).await.to(), "/login?ready=1");
    assert!(zoe.cookies.is_empty(), "a link signs nobody in: whoever typed the password knows it");
    assert!(zoe.get("/login?ready=1").await.body.contains("Your password is set."));
    assert_eq!(zoe.sign_in("zoe@example.org", "/me").await.to(), "/me");
    assert!(zoe.get("/me").await.body.contains("Zoë Ünal"));
}

#[tokio::test]
async fn every_secret_that_opens_nothing_gets_the_same_answer() {
    let (place, mut ada) = Place::set_up().await;
    let (page, replaced) = invited(&mut ada).await;
    let used = ada.shown_link(&page).await;
    assert_eq!(send(&place, &used, &chosen(PASSWORD, PASSWORD)).await.to(), "/login?ready=1");
    let reset = ada.shown_link(&page).await;
    assert!(reset.starts_with("/reset/"), "{reset}");
    let other_door = reset.replace("/reset/", "/invite/");
    let expired = reset.clone();
    let unknown =
        [format!("/invite/{}", "A".repeat(43)), format!("/reset/{}", "A".repeat(43)), "/invite/x".to_owned(), format!("{used}%00")];
    place.run("ALTER TABLE drydock.link DISABLE TRIGGER link_guard").await;
    place.run("UPDATE drydock.link SET expires_at = now() - interval '1 s' WHERE purpose = 'reset'").await;
    place.run("ALTER TABLE drydock.link ENABLE ALWAYS TRIGGER link_guard").await;
    let mut bodies = Vec::new();
    for path in [replaced, used, other_door, expired].into_iter().chain(unknown) {
        for answer in [place.browser().get(&path).await, send(&place, &path, &chosen(ANOTHER, ANOTHER)).await] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(place.browser().sign_in("zoe@example.org", "/").await.to(), "/");
}

#[tokio::test]
async fn a_forgotten_password_is_asked_for_without_telling_who_is_known() {
    let (place, mut ada) = Place::set_up().await;
    let contact = [("name", "Mara"), ("email", "mara@example.org"), ("zone", "Etc/UTC"), ("account", "mail")];
    ada.post("/people/new", &contact).await;
    let page = ada.add("Ben", "ben@example.org").await;
    ada.post(&format!("{page}/deactivate"), &[("reason", "left")]).await;
    let mut answers = Vec::new();
    for email in ["ada@example.org", "nobody@example.org", "mara@example.org", "ben@example.org"] {
        let mut browser = place.browser();
        let answer = browser.post("/forgot", &[("email", email), ("_back", "/forgot")]).await;
        let shown = browser.get(answer.to()).await.body;
        assert!(shown.contains("Look into your mailbox"), "{shown}");
        answers.push((answer.status, answer.to().to_owned(), answer.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let mailed = "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'reset_asked' AND p.email = 'ada@example.org'";
    assert_eq!((place.count(mailed).await, place.count("SELECT count(*) FROM drydock.link WHERE purpose = 'reset'").await), (1, 1));
    assert_eq!(
        place
            .count("SELECT count(*) FROM drydock.fact WHERE action = 'person.ask_reset' AND result = 'refused' AND object_id = 'unknown'")
            .await,
        3
    );
    let mut typo = place.browser();
    assert_eq!(typo.post("/forgot", &[("email", "ada"), ("_back", "/forgot")]).await.to(), "/forgot");
    let again = typo.get("/forgot").await.body;
    assert!(again.contains("error-summary") && again.contains("value=\"ada\"") && again.contains("autocomplete=\"username\""), "{again}");
}

#[tokio::test]
async fn a_new_password_by_link_ends_every_session_and_is_told() {
    let (place, mut ada) = Place::set_up().await;
    let page = ada.add("Ben", "ben@example.org").await;
    let mut ben = place.browser();
    ben.sign_in("ben@example.org", "/").await;
    let link = ada.shown_link(&page).await;
    assert_eq!(ben.get("/me").await.status, StatusCode::OK, "nothing ends before it is used");
    let form = place.browser().get(&link).await.body;
    assert!(form.contains("value=\"ben@example.org\"") && form.contains("24 hours no vote of yours counts"), "{form}");
    // The owner of the account has paused it meanwhile, as strangers can.
    for _ in 0..6 {
        place.browser().post("/login", &[("email", "ben@example.org"), ("password", "a wrong password")]).await;
    }
    let set = [("password", ANOTHER), ("password_again", ANOTHER)];
    assert_eq!(send(&place, &link, &set).await.to(), "/login?ready=1");
    assert_eq!(ben.get("/me").await.to(), "/login?next=%2Fme");
    assert_eq!(place.browser().sign_in("ben@example.org", "/").await.to(), "/login", "the old password");
    let signed_in = place.browser().post("/login", &[("email", "ben@example.org"), ("password", ANOTHER)]).await;
    assert_eq!(signed_in.to(), "/", "and strangers who guessed do not keep the owner out: {}", signed_in.body);
    assert_eq!(place.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'password_changed'").await, 1);
    // A link on paper carries its address with the configured name, whatever the request said.
    assert!(
        ORIGIN.starts_with("https://")
            && place.count("SELECT count(*) FROM drydock.person WHERE may_vote_from > now() + interval '23 h'").await >= 1
    );
}
