//! A mailed code on the page behind a link, through the whole router: asked for, typed, and told what is wrong, without script.

use crate::house::{House, person, with_account};
use crate::links::{Answer, ask_with, site};
use axum::Router;
use domain::ids::PolicyId;
use domain::people::GlobalRole;
use engine::actions::agree_policy::{self, agree_policy};
use engine::actions::propose_policy::{Input, propose_policy};
use http::{Method, StatusCode};

/// A stakeholder alone decides, by a link with a code.
async fn code_is_wanted(house: &House) {
    let ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    let bert = person(&house.admin, "Bert", None, &[GlobalRole::Admin]).await;
    for who in [&ada, &bert] {
        with_account(house, who).await;
    }
    let standard: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.policy WHERE name = 'Standard'").fetch_one(&house.admin).await.expect("installed");
    let fields: Vec<(String, String)> = [
        ("rule1_who", "stakeholder"),
        ("rule1_how", "number"),
        ("rule1_count", "1"),
        ("rule1_known", "link_code"),
        ("deny_threshold", "1"),
        ("decide_before_start_min", "60"),
        ("remind_every_min", "0"),
        ("deadline", "expire"),
        ("precedence", "0"),
        ("environments", "test"),
        ("environments", "staging"),
        ("environments", "production"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let version = Input { version: "1".into(), name: String::new() };
    propose_policy(&house.engine, &ada, Some(PolicyId(standard)), &version, &fields).await.expect("a policy");
    let (id, digest): (uuid::Uuid, Vec<u8>) =
        sqlx::query_as("SELECT id, digest FROM drydock.policy_change").fetch_one(&house.admin).await.expect("one");
    let agreed = agree_policy::Input { digest: hex::encode(digest) };
    agree_policy(&house.engine, &bert, id.into(), &agreed).await.expect("adopted");
}

/// A browser that holds the link, and keeps the cookies it is given.
struct Holder {
    site: Router,
    path: String,
    cookie: String,
    digest: String,
}

impl Holder {
    async fn new(house: &House) -> Self {
        code_is_wanted(house).await;
        let number = house.proposed(3).await.number;
        let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
        Self { site: site(house), path: format!("/a/{secret}"), cookie: String::new(), digest: house.digest(number).await.hex() }
    }

    async fn get(&self) -> String {
        ask_with(&self.site, Method::GET, &self.path, None, &self.cookie).await.body
    }

    async fn post(&mut self, door: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<(&str, &str)> = [("digest", self.digest.as_str())].into_iter().chain(fields.iter().copied()).collect();
        let answer = ask_with(&self.site, Method::POST, &format!("{}{door}", self.path), Some(&fields), &self.cookie).await;
        if let Some(set) = answer.headers.get("set-cookie").and_then(|set| set.to_str().ok()) {
            for part in ["__Host-code-", "HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=600"] {
                assert!(set.contains(part), "{part} is missing in {set}");
            }
            assert!(!set.contains(&self.path[3..]), "the link's secret stays out of the browser's jar");
            set.split(';').next().unwrap_or_default().clone_into(&mut self.cookie);
        }
        answer
    }
}

#[tokio::test]
async fn a_code_is_asked_for_typed_and_recorded_without_script() {
    let house = House::new().await;
    let mut holder = Holder::new(&house).await;
    let before = holder.get().await;
    assert!(before.contains("counts your approval, as one of the stakeholders of the database, only with a code"), "{before}");
    assert!(before.contains("Mail me a code") && !before.contains("value=\"approve\"") && before.contains("value=\"reject\""), "{before}");

    let asked = holder.post("/code", &[("comment", "mind the <release>")]).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.body.contains("A code is on its way") && asked.body.contains("mind the &#60;release&#62;"), "{}", asked.body);
    assert!(
        asked.body.contains("name=\"code\"") && asked.body.contains("value=\"approve\"") && asked.body.contains("you have 5 tries"),
        "{}",
        asked.body
    );
    assert!(!asked.body.contains("<script") && asked.body.len() <= 20 * 1024, "{} bytes", asked.body.len());
    let digits = house.secret("vote_code", house.stakeholder.actor.person).await;
    assert!(!asked.body.contains(&digits), "the page does not know it");
    let again = holder.post("/code", &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("A code was mailed less than a minute ago"), "{}", again.body);

    let wrong = if digits == "000000" { "111111" } else { "000000" };
    let typed = [("decision", "approve"), ("short_name", "prod-orders"), ("comment", "fine"), ("code", wrong)];
    let told = holder.post("", &typed).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["This is not the code that was mailed. 4 tries are left.", "value=\"prod-orders\"", ">fine</textarea>", "you have 4 tries"]
    {
        assert!(told.body.contains(text), "{text} is missing in {}", told.body);
    }
    // Whoever holds the link elsewhere, with the code or without, is told where it works.
    let stranger = Holder { site: holder.site.clone(), path: holder.path.clone(), cookie: String::new(), digest: holder.digest.clone() };
    assert!(stranger.get().await.contains("One was asked for in another browser"));
    let good = [("decision", "approve"), ("short_name", "prod-orders"), ("code", digits.as_str())];
    let mut stranger = stranger;
    let foreign = stranger.post("", &good).await;
    assert_eq!(foreign.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(foreign.body.contains("asked for in another browser, and works only there"), "{}", foreign.body);

    let done = holder.post("", &good).await;
    assert_eq!((done.status, done.headers["location"].to_str().expect("text")), (StatusCode::SEE_OTHER, holder.path.as_str()));
    let page = holder.get().await;
    assert!(page.contains("You have decided") && page.contains("approved, by link and mailed code"), "{page}");
    assert_eq!(holder.post("", &good).await.status, StatusCode::SEE_OTHER, "the same, sent twice");
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote WHERE assurance = 'link_code'").await, 1);
    // And whoever did not do this takes it back.
    let not_me = format!("/a/{}/not-me", house.secret("vote_recorded", house.stakeholder.actor.person).await);
    let back = ask_with(&holder.site, Method::POST, &not_me, Some(&[("short_name", "prod-orders")]), "").await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote WHERE withdrawn_at IS NULL").await, 0);
}

#[tokio::test]
async fn robots_that_look_mail_nothing_and_burn_no_try() {
    let house = House::new().await;
    let mut holder = Holder::new(&house).await;
    holder.post("/code", &[]).await;
    let everything = "SELECT hashtextextended((SELECT string_agg(x::text, '' ORDER BY x::text) FROM (SELECT to_jsonb(c) AS x FROM drydock.vote_code c UNION ALL SELECT to_jsonb(o) FROM drydock.outbox o
        UNION ALL SELECT to_jsonb(l) - 'opened_at' FROM drydock.link l UNION ALL SELECT to_jsonb(t) FROM drydock.throttle t UNION ALL SELECT to_jsonb(f) FROM drydock.fact f) r), 0)";
    let before = house.count(everything).await;
    for method in [Method::GET, Method::HEAD] {
        for _ in 0..20 {
            assert_eq!(ask_with(&holder.site, method.clone(), &holder.path, None, &holder.cookie).await.status, StatusCode::OK);
        }
        let code = ask_with(&holder.site, method, &format!("{}/code", holder.path), None, &holder.cookie).await;
        assert_eq!(code.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(house.count(everything).await, before);
}
