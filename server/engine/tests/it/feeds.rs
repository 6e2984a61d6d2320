//! Calendar feeds: what they give follows the rights of the moment, and what opens nothing opens nothing in every way alike.

use crate::house::{House, with_account};
use domain::ids::FeedId;
use domain::permission::Actor;
use domain::window::WindowState as W;
use engine::Error;
use engine::actions::Caller;
use engine::actions::ask_reset::{self, ask_reset};
use engine::actions::change_password::{self, change_password};
use engine::actions::create_admin::{self, create_admin};
use engine::actions::make_feed::{Input, Made, make_feed};
use engine::actions::reset_password::{self, reset_password};
use engine::actions::revoke_feed::revoke_feed;
use engine::queries::feeds::{Feed, feed, mark_used, own};
use engine::test_support::ServiceRole;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Connection as _;
use std::sync::Arc;

/// The same person, who typed their password just now.
fn fresh(who: &Caller) -> Caller {
    Caller { actor: Actor { elevated: true, ..who.actor.clone() }, request: who.request.clone() }
}

async fn make(house: &House, who: &Caller, about: &str) -> engine::Result<Made> {
    let session = house.session(who).await;
    make_feed(&house.engine, &fresh(who), Some(session), &Input { about: about.into() }).await
}

/// The secret of a new feed.
pub async fn made(house: &House, who: &Caller, about: &str) -> String {
    let made = make(house, who, about).await.expect("a feed");
    made.secret.expose_secret().to_owned()
}

pub async fn given(house: &House, secret: &str) -> Feed {
    feed(&house.engine, secret).await.expect("a feed")
}

fn numbers(feed: &Feed) -> Vec<i64> {
    feed.events.iter().map(|event| event.number).collect()
}

async fn opens_nothing(house: &House, secret: &str) {
    let answer = feed(&house.engine, secret).await;
    assert!(matches!(answer, Err(Error::NotFound)), "{answer:?}");
}

fn in_days(house: &House, days: i64) -> String {
    (house.engine.clock().now() + jiff::SignedDuration::from_hours(24 * days)).to_string()
}

#[tokio::test]
async fn each_kind_gives_what_it_says() {
    let house = House::new().await;
    let spare = house.another("spare", "staging", None).await;
    for who in [&house.lead, &house.engineer, &house.stakeholder] {
        with_account(&house, who).await;
    }
    let here = house.planted(house.target, W::Approved, &in_days(&house, 3), 60, 1).await[0];
    let there = house.planted(spare, W::Cancelled, &in_days(&house, 4), 60, 1).await[0];
    house.planted(house.target, W::Draft, &in_days(&house, 5), 60, 1).await;
    house.planted(house.target, W::Completed, &in_days(&house, -61), 60, 1).await;
    let past = house.planted(house.target, W::Completed, &in_days(&house, -59), 60, 1).await[0];
    let written = house.proposed(6).await.number;
    assert_eq!(numbers(&given(&house, &made(&house, &house.engineer, "team:orders").await).await), [past, here, there, written]);
    assert_eq!(numbers(&given(&house, &made(&house, &house.engineer, "database:spare").await).await), [there]);
    // The lead's own feed has the team's, the engineer's what he wrote, the stakeholder's what is on his database.
    assert_eq!(numbers(&given(&house, &made(&house, &house.lead, "person").await).await), [past, here, there, written]);
    assert_eq!(numbers(&given(&house, &made(&house, &house.engineer, "person").await).await), [written]);
    let of_stakeholder = given(&house, &made(&house, &house.stakeholder, "person").await).await;
    assert_eq!(numbers(&of_stakeholder), [past, here, written]);
    // The same order of changes as in mails: facts about the window.
    let written = of_stakeholder.events.last().expect("there");
    assert_eq!(written.sequence, house.count("SELECT count(*) FROM drydock.fact WHERE action IN ('window.draft', 'window.propose')").await);
}

#[tokio::test]
async fn every_feed_follows_the_rights_of_its_person() {
    let house = House::new().await;
    let (press, petra) = house.another_team("press", "Petra").await;
    let theirs = house.another("press", "production", Some(press)).await;
    with_account(&house, &petra).await;
    let number = house.planted(theirs, W::Approved, &in_days(&house, 3), 60, 1).await[0];
    house.planted(house.target, W::Approved, &in_days(&house, 3), 60, 1).await;
    let mut secrets = Vec::new();
    for about in ["person", "team:press", "database:press"] {
        let secret = made(&house, &petra, about).await;
        assert_eq!(numbers(&given(&house, &secret).await), [number], "{about}");
        secrets.push(secret);
    }
    // The database goes to another team: its feed goes silent, the team's is empty.
    sqlx::query("DELETE FROM drydock.window_target WHERE target_id = $1").bind(theirs.0).execute(&house.admin).await.expect("moved");
    sqlx::query("UPDATE drydock.target SET team_id = $2 WHERE id = $1")
        .bind(theirs.0)
        .bind(house.team.0)
        .execute(&house.admin)
        .await
        .expect("given away");
    opens_nothing(&house, &secrets[2]).await;
    assert_eq!(numbers(&given(&house, &secrets[1]).await), [0; 0]);
    assert!(own(&house.engine, &petra.actor).await.expect("a page").rows.iter().any(|row| row.barred));
    // She leaves the team: nothing but her own, empty one is left. She is deactivated: nothing is.
    sqlx::query("DELETE FROM drydock.membership WHERE person_id = $1")
        .bind(petra.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("left");
    opens_nothing(&house, &secrets[1]).await;
    assert_eq!(numbers(&given(&house, &secrets[0]).await), [0; 0]);
    sqlx::query("UPDATE drydock.person SET active = false WHERE id = $1")
        .bind(petra.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("gone");
    opens_nothing(&house, &secrets[0]).await;
}

#[tokio::test]
async fn what_nobody_may_see_is_no_feed_and_nobody_has_too_many() {
    let house = House::new().await;
    with_account(&house, &house.foreigner).await;
    for about in ["team:orders", "database:prod-orders", "team:nowhere", "everything", "", "team:"] {
        let answer = make(&house, &house.foreigner, about).await;
        assert!(matches!(&answer, Err(Error::Invalid(errors)) if errors[0].field == "about"), "{about}: {answer:?}");
    }
    for _ in 0..20 {
        made(&house, &house.foreigner, "person").await;
    }
    let answer = make(&house, &house.foreigner, "person").await;
    assert!(matches!(&answer, Err(Error::Refused(refusal)) if refusal.code == "too_many"), "{answer:?}");
    let first = own(&house.engine, &house.foreigner.actor).await.expect("a page").rows[0].id;
    revoke_feed(&house.engine, &house.foreigner, first).await.expect("revoked");
    made(&house, &house.foreigner, "person").await;
}

#[tokio::test]
async fn a_feed_needs_the_password_once_more() {
    let house = House::new().await;
    with_account(&house, &house.engineer).await;
    let session = house.session(&house.engineer).await;
    let answer = make_feed(&house.engine, &house.engineer, Some(session), &Input { about: "person".into() }).await;
    assert!(matches!(&answer, Err(Error::Refused(refusal)) if refusal.code == "elevate"), "{answer:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.calendar_feed").await, 0);
}

/// Waits until somebody waits for a row or a transaction of this database, or has not had to.
async fn waits_or_is_done<T>(house: &House, task: &tokio::task::JoinHandle<T>) {
    let late = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let waits = "SELECT count(*) FROM pg_stat_activity a WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'";
    while house.count(waits).await == 0 && !task.is_finished() {
        assert!(tokio::time::Instant::now() < late, "nobody waits");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn two_that_are_made_at_once_are_counted_one_after_the_other() {
    let house = House::new().await;
    with_account(&house, &house.engineer).await;
    for _ in 0..19 {
        made(&house, &house.engineer, "person").await;
    }
    let mut other = house.admin.acquire().await.expect("connects").detach();
    let mut open = other.begin().await.expect("begins");
    sqlx::query(
        "INSERT INTO drydock.calendar_feed (id, secret_hash, person_id, about) VALUES (gen_random_uuid(), sha256('x'), $1, 'person')",
    )
    .bind(house.engineer.actor.person.0)
    .execute(&mut *open)
    .await
    .expect("the twentieth");
    let (engine, who, session) = (house.engine.clone(), fresh(&house.engineer), house.session(&house.engineer).await);
    let making = tokio::spawn(async move { make_feed(&engine, &who, Some(session), &Input { about: "person".into() }).await });
    waits_or_is_done(&house, &making).await;
    open.commit().await.expect("made");
    let answer = making.await.expect("no panic");
    assert!(matches!(&answer, Err(Error::Refused(refusal)) if refusal.code == "too_many"), "{answer:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.calendar_feed").await, 20);
}

const PASSWORD: &str = "harbour violet seven drumsticks";
const ANOTHER: &str = "marble oxygen twelve lanterns";

/// By each of the three ways to a new password.
async fn new_password(house: &House, way: &str) {
    let (who, secret) = (&house.engineer, |text: &str| SecretString::from(text.to_owned()));
    match way {
        "changed" => {
            let input =
                change_password::Input { old_password: secret(PASSWORD), password: secret(ANOTHER), password_again: secret(ANOTHER) };
            change_password(&house.engine, who, &input, "192.0.2.44".parse().expect("an address")).await.expect("changed");
        }
        "reset" => {
            let asked = ask_reset::Input { email: "egon@example.org".into() };
            ask_reset(&house.engine, "test", &asked, "192.0.2.44".parse().expect("an address")).await.expect("asked");
            let link = house.secret("reset_asked", who.actor.person).await;
            let input = reset_password::Input { password: secret(PASSWORD), password_again: secret(PASSWORD) };
            reset_password(&house.engine, &link, &input, "test").await.expect("set");
        }
        _ => {
            let input = create_admin::Input {
                operator: "root".into(),
                email: "egon@example.org".into(),
                name: "Egon".into(),
                password: Some(secret(ANOTHER)),
                public_url: String::new(),
                zone: None,
                demo: false,
            };
            create_admin(&house.engine, &input).await.expect("mended");
        }
    }
}

#[tokio::test]
async fn a_new_password_revokes_what_the_old_one_made() {
    let house = House::new().await;
    with_account(&house, &house.lead).await;
    let hash = engine::passwords::hash(&PASSWORD.to_owned().into()).await.expect("a hash");
    for sql in [
        "INSERT INTO drydock.account (person_id, password_hash) SELECT id, $1 FROM drydock.person WHERE name = 'Egon'",
        "INSERT INTO drydock.installation (id, public_url) SELECT gen_random_uuid(), 'https://drydock.example' WHERE $1 <> ''",
    ] {
        sqlx::query(sql).bind(&hash).execute(&house.admin).await.expect(sql);
    }
    let of_lead = made(&house, &house.lead, "person").await;
    let revoked =
        "SELECT count(*) FROM drydock.fact WHERE action = 'feed.revoke' AND convert_from(bytes, 'UTF8') LIKE '%the password was changed%'";
    for (n, way) in ["changed", "reset", "mended from the shell"].into_iter().enumerate() {
        let (own, team) = (made(&house, &house.engineer, "person").await, made(&house, &house.engineer, "team:orders").await);
        given(&house, &own).await;
        new_password(&house, way).await;
        for secret in [own, team] {
            opens_nothing(&house, &secret).await;
        }
        assert_eq!(house.count(revoked).await, 2 * (i64::try_from(n).expect("small") + 1), "{way}: each is in the trail, once");
    }
    given(&house, &of_lead).await;
}

/// The engineer, who has a password.
async fn with_password(house: &House) {
    let hash = engine::passwords::hash(&PASSWORD.to_owned().into()).await.expect("a hash");
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)")
        .bind(house.engineer.actor.person.0)
        .bind(hash)
        .execute(&house.admin)
        .await
        .expect("an account");
}

#[tokio::test]
async fn a_feed_that_is_being_made_goes_with_the_password() {
    for way in ["changed", "mended from the shell"] {
        let house = House::new().await;
        with_password(&house).await;
        sqlx::query("INSERT INTO drydock.installation (id, public_url) VALUES (gen_random_uuid(), 'https://drydock.example')")
            .execute(&house.admin)
            .await
            .expect("an installation");
        let mut other = house.admin.acquire().await.expect("connects").detach();
        let mut open = other.begin().await.expect("begins");
        for sql in [
            "SELECT FROM drydock.person p WHERE p.id = $1 FOR NO KEY UPDATE",
            "INSERT INTO drydock.calendar_feed (id, secret_hash, person_id, about) VALUES (gen_random_uuid(), sha256('x'), $1, 'person')",
        ] {
            sqlx::query(sql).bind(house.engineer.actor.person.0).execute(&mut *open).await.expect(sql);
        }
        let house = Arc::new(house);
        let changing = tokio::spawn({
            let house = Arc::clone(&house);
            async move { new_password(&house, way).await }
        });
        waits_or_is_done(&house, &changing).await;
        open.commit().await.expect("made");
        changing.await.expect("changed");
        assert_eq!(house.count("SELECT count(*) FROM drydock.calendar_feed WHERE revoked_at IS NULL").await, 0, "{way}");
    }
}

#[tokio::test]
async fn a_session_that_ends_meanwhile_makes_no_feed() {
    let house = House::new().await;
    with_password(&house).await;
    let (engine, who, session) = (house.engine.clone(), fresh(&house.engineer), house.session(&house.engineer).await);
    let mut other = house.admin.acquire().await.expect("connects").detach();
    let mut open = other.begin().await.expect("begins");
    sqlx::query("SELECT FROM drydock.person p WHERE p.id = $1 FOR NO KEY UPDATE")
        .bind(who.actor.person.0)
        .execute(&mut *open)
        .await
        .expect("held");
    let making = tokio::spawn(async move { make_feed(&engine, &who, Some(session), &Input { about: "person".into() }).await });
    waits_or_is_done(&house, &making).await;
    sqlx::query("DELETE FROM drydock.session").execute(&mut *open).await.expect("ended");
    open.commit().await.expect("ended");
    let answer = making.await.expect("no panic");
    assert!(matches!(&answer, Err(Error::Refused(refusal)) if refusal.code == "signed_out"), "{answer:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.calendar_feed").await, 0);
}

#[tokio::test]
async fn only_its_person_revokes_a_feed_and_nothing_brings_it_back() {
    let house = House::new().await;
    for who in [&house.engineer, &house.lead] {
        with_account(&house, who).await;
    }
    let secret = made(&house, &house.engineer, "person").await;
    let id: FeedId = given(&house, &secret).await.id;
    assert!(matches!(revoke_feed(&house.engine, &house.lead, id).await, Err(Error::NotFound)), "somebody else's does not exist");
    opens_nothing(&house, &secret[1..]).await;
    opens_nothing(&house, "").await;
    // Used is noted to the hour.
    mark_used(&house.engine, id).await.expect("marked");
    let before = own(&house.engine, &house.engineer.actor).await.expect("a page").rows[0].used.expect("used");
    mark_used(&house.engine, id).await.expect("marked");
    assert_eq!(own(&house.engine, &house.engineer.actor).await.expect("a page").rows[0].used, Some(before));
    revoke_feed(&house.engine, &house.engineer, id).await.expect("revoked");
    opens_nothing(&house, &secret).await;
    assert!(matches!(revoke_feed(&house.engine, &house.engineer, id).await, Err(Error::NotFound)), "once");
    assert!(own(&house.engine, &house.engineer.actor).await.expect("a page").rows.is_empty());
    let facts = "SELECT count(*) FROM drydock.fact WHERE action IN ('feed.make', 'feed.revoke') AND object_kind = 'person'";
    assert_eq!(house.count(facts).await, 2);
    // The same by the database, for whoever writes there.
    for (change, by) in [
        ("UPDATE drydock.calendar_feed SET revoked_at = NULL", "calendar_feed_fixed"),
        ("UPDATE drydock.calendar_feed SET secret_hash = sha256('x')", "calendar_feed_fixed"),
        ("UPDATE drydock.calendar_feed SET about = 'team'", "calendar_feed_fixed"),
        (
            "INSERT INTO drydock.calendar_feed (id, secret_hash, person_id, about) SELECT gen_random_uuid(), sha256('y'), person_id, 'team' FROM drydock.calendar_feed",
            "calendar_feed_about",
        ),
        (
            "INSERT INTO drydock.calendar_feed (id, secret_hash, person_id, about) SELECT gen_random_uuid(), secret_hash, person_id, 'person' FROM drydock.calendar_feed",
            "calendar_feed_secret_once",
        ),
    ] {
        let error = sqlx::query(change).execute(&house.admin).await.expect_err(change);
        assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some(by), "{change}");
    }
    let worker = house.database.pool(ServiceRole::Worker).await;
    let denied = sqlx::query("SELECT secret_hash FROM drydock.calendar_feed").execute(&worker).await.expect_err("no business of a worker");
    assert_eq!(denied.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"));
    let denied = sqlx::query("DELETE FROM drydock.calendar_feed").execute(house.engine.pool()).await.expect_err("revoked, not removed");
    assert_eq!(denied.as_database_error().and_then(|error| error.code()).as_deref(), Some("42501"));
}
