//! Codes to approve, on the real database: whose approval needs one, how it is mailed, tried and used, and what a race comes to.

use crate::house::{House, code};
use crate::notifier::{all, with_server};
use crate::policies::Town;
use domain::view::links::Mailed;
use domain::window::WindowState;
use engine::Error;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input, Outcome, cast_vote_by_link};
use engine::actions::mail_code::{Asked, mail_code};
use engine::queries::links;
use secrecy::SecretString;

/// A stakeholder alone decides, and by link only with a code.
const WITH_CODE: &[(&str, &str)] = &[("rule2_who", ""), ("rule1_known", "link_code")];

/// A proposed window, the stakeholder's link, and what is typed to approve.
struct Desk {
    town: Town,
    number: i64,
    secret: String,
    input: Input,
}

impl Desk {
    async fn new(policy: &[(&str, &str)]) -> Self {
        let town = Town::new().await;
        town.adopted(1, policy).await;
        let number = town.house.proposed(3).await.number;
        let secret = town.house.secret("approval_needed", town.house.stakeholder.actor.person).await;
        let digest = town.house.digest(number).await.hex();
        let input = Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Input::default() };
        Self { town, number, secret, input }
    }

    fn house(&self) -> &House {
        &self.town.house
    }

    async fn ask(&self) -> engine::Result<Asked> {
        mail_code(&self.house().engine, &self.secret, &self.input.digest, "r").await
    }

    /// Asks, and reads the mail as the notifier would write it.
    async fn mailed(&self) -> (SecretString, String) {
        let asked = self.ask().await.expect("a code");
        (asked.browser, self.house().secret("vote_code", self.house().stakeholder.actor.person).await)
    }

    async fn type_in(&self, browser: Option<&SecretString>, digits: &str) -> engine::Result<Outcome> {
        let input = Input { code: digits.into(), ..self.input.clone() };
        cast_vote_by_link(&self.house().engine, &self.secret, browser, &input, "r").await
    }

    /// Time passes, for codes alone: their guard lets nobody move a time, and stands aside for this moment.
    async fn later(&self, minutes: i32) {
        for sql in [
            "ALTER TABLE drydock.vote_code DISABLE TRIGGER vote_code_guard".to_owned(),
            format!(
                "UPDATE drydock.vote_code SET created_at = created_at - interval '{minutes} min', expires_at = expires_at - interval '{minutes} min'"
            ),
            "ALTER TABLE drydock.vote_code ENABLE ALWAYS TRIGGER vote_code_guard".to_owned(),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&self.house().admin).await.expect("time passes");
        }
    }

    async fn known(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT v.assurance FROM drydock.vote v ORDER BY v.cast_at").fetch_all(&self.house().admin).await.expect("votes")
    }
}

/// Another number than this one.
fn other(digits: &str) -> String {
    format!("{:06}", (digits.parse::<u32>().expect("digits") + 1) % 1_000_000)
}

fn said(result: &engine::Result<Outcome>) -> &str {
    match result {
        Err(Error::Invalid(errors)) if errors[0].field == "code" => &errors[0].message,
        other => panic!("expected what is wrong with the code, got {other:?}"),
    }
}

#[tokio::test]
async fn whoever_left_the_group_that_asks_for_less_needs_the_code() {
    let town = Town::new().await;
    let (admin, lena) = (&town.house.admin, town.house.lead.actor.person);
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT id, $1 FROM drydock.target ON CONFLICT DO NOTHING")
        .bind(lena.0)
        .execute(admin)
        .await
        .expect("a stakeholder, too");
    town.adopted(1, &[("rule1_known", "link_code"), ("rule2_known", "link")]).await;
    let number = town.house.proposed(3).await.number;
    let secret = town.house.secret("approval_needed", lena).await;
    let digest = town.house.digest(number).await.hex();
    sqlx::query("DELETE FROM drydock.membership WHERE person_id = $1").bind(lena.0).execute(admin).await.expect("she leads no more");
    let page = links::page(&town.house.engine, &secret, None).await.expect("the page");
    assert!(page.about.code.is_some_and(|code| code.needed), "the page says so");
    let input = Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Input::default() };
    let desk = Desk { town, number, secret, input };
    let bare = desk.type_in(None, "").await;
    assert!(said(&bare).contains("only with a code"), "{bare:?}");
    assert!(desk.known().await.is_empty(), "nothing was recorded that counts for nothing");
}

#[tokio::test]
async fn where_a_code_is_asked_for_a_link_alone_does_not_approve_and_link_and_code_do() {
    let desk = Desk::new(WITH_CODE).await;
    let bare = desk.type_in(None, "").await;
    assert!(said(&bare).contains("only with a code"), "{bare:?}");
    assert!(said(&desk.type_in(None, "12 34").await).contains("has 6 digits"));
    assert!(said(&desk.type_in(None, "123456").await).contains("No code is waiting"));
    let (browser, digits) = desk.mailed().await;
    let elsewhere = desk.type_in(Some(&"another".into()), &digits).await;
    assert!(said(&elsewhere).contains("another browser"), "{elsewhere:?}");
    assert!(said(&desk.type_in(None, &digits).await).contains("another browser"), "a browser that keeps nothing");
    let spaced = format!("{} {}", &digits[..3], &digits[3..]);
    let done = desk.type_in(Some(&browser), &spaced).await.expect("the code");
    assert_eq!(done.state, WindowState::Approved);
    assert_eq!(desk.known().await, ["link_code"]);
    let house = desk.house();
    assert_eq!(
        house
            .count(
                "SELECT count(*) FROM drydock.vote v JOIN drydock.vote_code c ON c.id = v.code_id AND c.used_at IS NOT NULL AND c.tries = 0"
            )
            .await,
        1
    );
    assert_eq!(code(desk.type_in(Some(&browser), &digits).await), "already_voted");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'code.mail' AND window_id IS NOT NULL").await, 1);
    let leaked = format!(
        "SELECT count(*) FROM (SELECT convert_from(bytes, 'UTF8') AS x FROM drydock.fact UNION ALL SELECT payload::text FROM drydock.outbox) t WHERE x LIKE '%{digits}%'"
    );
    let leaked: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(leaked)).fetch_one(&house.admin).await.expect("a number");
    assert_eq!(leaked, 0, "the code stands in no fact and in no message but sealed");
}

#[tokio::test]
async fn to_say_no_needs_no_code() {
    for decision in ["reject", "request_changes"] {
        let desk = Desk::new(WITH_CODE).await;
        let input = Input { decision: decision.into(), comment: "not now".into(), code: "000000".into(), ..desk.input.clone() };
        cast_vote_by_link(&desk.house().engine, &desk.secret, None, &input, "r").await.expect(decision);
        assert_eq!(desk.known().await, ["link"]);
    }
}

#[tokio::test]
async fn five_wrong_tries_kill_a_code_and_a_new_one_makes_the_old_worthless() {
    let desk = Desk::new(WITH_CODE).await;
    let (browser, digits) = desk.mailed().await;
    for left in ["4 tries", "3 tries", "2 tries", "One try"] {
        let wrong = desk.type_in(Some(&browser), &other(&digits)).await;
        assert!(said(&wrong).contains(left), "{left}: {wrong:?}");
    }
    assert!(said(&desk.type_in(Some(&browser), "12345").await).contains("not counted"));
    assert!(said(&desk.type_in(Some(&browser), &other(&digits)).await).contains("dead"));
    assert!(said(&desk.type_in(Some(&browser), &digits).await).contains("No code is waiting"), "the right one comes too late");
    let house = desk.house();
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'code.try' AND result = 'refused'").await, 1);
    assert_eq!(code(desk.ask().await), "code_just_mailed");
    desk.later(1).await;
    let (second, _) = desk.mailed().await;
    desk.later(1).await;
    let (third, digits) = desk.mailed().await;
    assert!(said(&desk.type_in(Some(&second), &digits).await).contains("another browser"), "each code has its own");
    desk.later(10).await;
    assert!(said(&desk.type_in(Some(&third), &digits).await).contains("ten minutes"));
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote").await, 0);
}

#[tokio::test]
async fn two_submits_at_once_never_use_one_code_twice() {
    let desk = Desk::new(&[("rule1_known", "link_code")]).await;
    let (browser, digits) = desk.mailed().await;
    let (one, two) = tokio::join!(desk.type_in(Some(&browser), &digits), desk.type_in(Some(&browser), &digits));
    let loser = match (one, two) {
        (Ok(_), loser) | (loser, Ok(_)) => loser,
        neither => panic!("{neither:?}"),
    };
    assert_eq!(code(loser), "already_voted");
    assert_eq!(desk.known().await, ["link_code"]);
}

#[tokio::test]
async fn tries_at_once_are_all_counted() {
    let desk = Desk::new(WITH_CODE).await;
    let (browser, digits) = desk.mailed().await;
    let wrong = other(&digits);
    let (one, two, three) =
        tokio::join!(desk.type_in(Some(&browser), &wrong), desk.type_in(Some(&browser), &wrong), desk.type_in(Some(&browser), &wrong));
    assert!([one, two, three].iter().all(Result::is_err));
    assert_eq!(desk.house().count("SELECT tries::bigint FROM drydock.vote_code").await, 3);
}

#[tokio::test]
async fn a_code_is_offered_and_not_demanded_where_another_rule_counts_the_link() {
    // The stakeholder is asked by both rules: by the first with a code, by the second without.
    let both =
        &[("rule1_known", "link_code"), ("rule2_who", "people"), ("rule2_people", "sten@example.org, lena@example.org, dario@example.org")];
    let desk = Desk::new(both).await;
    let engine = &desk.house().engine;
    let offered = links::page(engine, &desk.secret, None).await.expect("a page").about.code.expect("a code helps");
    assert!(!offered.needed && offered.mailed == Mailed::None);
    assert_eq!(
        (offered.for_whom, offered.without),
        (vec!["stakeholders of the database".into()], vec!["people named in the policy".into()])
    );
    let (browser, digits) = desk.mailed().await;
    let wrong = desk.type_in(Some(&browser), &other(&digits)).await;
    assert!(said(&wrong).contains("4 tries"), "a wrong code is no approval without one: {wrong:?}");
    assert_eq!(desk.type_in(Some(&browser), "").await.expect("by the link alone").state, WindowState::Proposed);
    assert_eq!(desk.known().await, ["link"]);
    assert_eq!(code(desk.ask().await), "already_voted");
}

#[tokio::test]
async fn what_the_page_says_depends_on_the_browser_and_on_the_code() {
    let desk = Desk::new(WITH_CODE).await;
    let engine = &desk.house().engine;
    let mailed = async |browser: Option<&SecretString>| {
        links::page(engine, &desk.secret, browser).await.expect("a page").about.code.map(|code| (code.needed, code.mailed))
    };
    assert_eq!(mailed(None).await, Some((true, Mailed::None)));
    let (browser, digits) = desk.mailed().await;
    assert_eq!(mailed(None).await, Some((true, Mailed::Elsewhere)));
    desk.type_in(Some(&browser), &other(&digits)).await.expect_err("wrong");
    assert!(matches!(mailed(Some(&browser)).await, Some((true, Mailed::Here { left: 4, .. }))));
    desk.later(10).await;
    assert_eq!(mailed(Some(&browser)).await, Some((true, Mailed::None)));
}

#[tokio::test]
async fn a_code_is_mailed_where_it_counts_and_not_too_often() {
    let desk = Desk::new(WITH_CODE).await;
    let house = desk.house();
    assert_eq!(code(mail_code(&house.engine, "wrong", &desk.input.digest, "r").await), "not_found");
    assert_eq!(code(mail_code(&house.engine, &desk.secret, "", "r").await), "stale_plan");
    for _ in 0..10 {
        desk.ask().await.expect("within the day's limit");
        desk.later(1).await;
    }
    assert_eq!(code(desk.ask().await), "throttled");
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'vote_code' AND state = 'waiting'").await,
        1,
        "older ones were superseded"
    );
    let mut form = house.form(3);
    form.reason = "more work".into();
    amend_window(&house.engine, &house.engineer, desk.number, 1, &form, None).await.expect("an edit");
    let digest = house.digest(desk.number).await.hex();
    assert_eq!(code(mail_code(&house.engine, &desk.secret, &digest, "r").await), "link_spent", "the old mail's link");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'vote_code' AND link_secret IS NOT NULL").await, 0);

    let plain = Desk::new(&[("rule2_who", "")]).await;
    assert_eq!(code(plain.ask().await), "no_code_needed");
}

#[tokio::test]
async fn the_code_leaves_in_a_mail_and_nothing_of_it_stays() {
    let desk = Desk::new(WITH_CODE).await;
    let house = desk.house();
    let (sink, mut notifier) = with_server(house).await;
    all(&mut notifier).await;
    let (browser, digits) = desk.mailed().await;
    all(&mut notifier).await;
    let mail = sink.mails().pop().expect("a mail");
    assert!(mail.contains("[Code to approve]") && mail.contains(&format!("{} {}", &digits[..3], &digits[3..])), "{mail}");
    assert!(!mail.contains("/a/"), "it carries no link: {mail}");
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'vote_code' AND state = 'sent' AND link_secret IS NULL").await,
        1
    );
    // A mail that waits while the code dies does not leave at all.
    desk.later(1).await;
    desk.mailed().await;
    desk.later(10).await;
    let before = sink.mails().len();
    all(&mut notifier).await;
    assert_eq!(sink.mails().len(), before);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'vote_code' AND state = 'superseded' AND link_secret IS NULL").await,
        1
    );
    desk.type_in(Some(&browser), &digits).await.expect_err("dead");
}
