//! From an invitation to a new password, as the engine writes it down: one-time links, who may, what ends, and the facts.

use crate::house::{House, person};
use domain::ids::PersonId;
use domain::people::GlobalRole;
use engine::Error;
use engine::actions::Caller;
use engine::actions::accept_invite::{self, accept_invite};
use engine::actions::add_person::{self, add_person};
use engine::actions::ask_reset::{self, ask_reset};
use engine::actions::deactivate_person::{self, deactivate_person};
use engine::actions::edit_person::{self, edit_person};
use engine::actions::invite_person::{Input, invite_person};
use engine::actions::reactivate_person::reactivate_person;
use engine::actions::reset_password::{self, reset_password};
use engine::actions::set_member::{self, set_member};
use engine::actions::sign_in::{self, sign_in};
use engine::actions::withdraw_invite::withdraw_invite;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PASSWORD: &str = "harbour violet seven drumsticks";
const ANOTHER: &str = "marble oxygen twelve lanterns";

async fn house() -> (House, Caller) {
    let house = House::new().await;
    sqlx::query("INSERT INTO drydock.installation (id, public_url) VALUES (gen_random_uuid(), 'https://drydock.example')")
        .execute(&house.admin)
        .await
        .expect("an installation");
    let mut ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    ada.actor.elevated = true;
    (house, ada)
}

fn zoe(house: &House) -> add_person::Input {
    add_person::Input {
        name: "Zoë".into(),
        email: "zoe@example.org".into(),
        zone: "Europe/Berlin".into(),
        account: "invite".into(),
        team: house.team.to_string(),
        role: "engineer".into(),
        ..add_person::Input::default()
    }
}

fn chosen(password: &str) -> accept_invite::Input {
    accept_invite::Input {
        name: "Zoë Ünal".into(),
        zone: "Asia/Tokyo".into(),
        password: password.to_owned().into(),
        password_again: password.to_owned().into(),
    }
}

fn new_password(password: &str) -> reset_password::Input {
    reset_password::Input { password: password.to_owned().into(), password_again: password.to_owned().into() }
}

async fn signs_in(house: &House, password: &str) -> bool {
    let input = sign_in::Input { email: "zoe@example.org".into(), password: password.to_owned().into() };
    sign_in(&house.engine, "test", &input, "192.0.2.44".parse().expect("an address")).await.is_ok()
}

async fn ask(house: &House) {
    ask_reset(&house.engine, "test", &ask_reset::Input { email: "zoe@example.org".into() }, "192.0.2.44".parse().expect("an address"))
        .await
        .expect("asked");
}

fn is_not_found<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound))
}

/// Every fact about the person, without what differs from run to run.
async fn facts(house: &House, who: PersonId) -> String {
    let rows: Vec<(String, String, String, Vec<u8>)> = sqlx::query_as(
        "SELECT action, actor_kind, result, bytes FROM drydock.fact WHERE object_kind = 'person' AND object_id = $1 ORDER BY id",
    )
    .bind(who.to_string())
    .fetch_all(&house.admin)
    .await
    .expect("facts");
    rows.into_iter().fold(String::new(), |mut text, (action, actor, result, bytes)| {
        let whole: serde_json::Value = serde_json::from_slice(&bytes).expect("canonical");
        writeln!(text, "{action} by {actor}, {result}: {}", whole["payload"]).expect("text");
        text
    })
}

#[tokio::test]
async fn an_invitation_becomes_an_account_once_and_a_reset_a_password_once() {
    let (house, ada) = house().await;
    let who = add_person(&house.engine, &ada, &zoe(&house)).await.expect("added");
    assert!(!signs_in(&house, PASSWORD).await, "there is no account yet");
    ask(&house).await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.link WHERE purpose = 'reset'").await, 0, "nor anything to reset");
    let secret = house.secret("invited", who).await;
    let weak = accept_invite(&house.engine, &secret, &chosen("short"), "test").await;
    assert!(matches!(weak, Err(Error::Invalid(errors)) if errors.len() == 1 && errors[0].field == "password"));
    accept_invite(&house.engine, &secret, &chosen(PASSWORD), "test").await.expect("accepted");
    assert!(is_not_found(accept_invite(&house.engine, &secret, &chosen(ANOTHER), "test").await), "a link works once");
    assert!(signs_in(&house, PASSWORD).await);
    let known = "SELECT count(*) FROM drydock.person WHERE name = 'Zoë Ünal' AND zone = 'Asia/Tokyo' AND email = 'zoe@example.org' AND may_vote_from = '-infinity'";
    assert_eq!(house.count(known).await, 1, "nobody saw the link: votes count at once");

    sqlx::query("INSERT INTO drydock.session (key, data, person_id, expires_at, absolute_end_at) VALUES (sha256('k'::bytea), '{}', $1, now() + interval '1 h', now() + interval '1 h')")
        .bind(who.0)
        .execute(&house.admin)
        .await
        .expect("a session");
    ask(&house).await;
    let secret = house.secret("reset_asked", who).await;
    reset_password(&house.engine, &secret, &new_password(ANOTHER), "test").await.expect("set");
    assert!(is_not_found(reset_password(&house.engine, &secret, &new_password(PASSWORD), "test").await), "a link works once");
    assert!(!signs_in(&house, PASSWORD).await && signs_in(&house, ANOTHER).await);
    assert_eq!(house.count("SELECT count(*) FROM drydock.session").await, 0, "every session ended");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'password_changed' AND link_id IS NULL").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.person WHERE may_vote_from > now() + interval '23 h'").await, 1);
    insta::assert_snapshot!("facts_of_an_account", facts(&house, who).await);
    let stored = "SELECT count(*) FROM drydock.link l WHERE l::text LIKE '%' || encode(convert_to($1, 'UTF8'), 'escape') || '%'";
    let found: i64 = sqlx::query_scalar(stored).bind(&secret).fetch_one(&house.admin).await.expect("a number");
    assert_eq!(found, 0, "a secret is stored as its hash");
}

#[tokio::test]
async fn two_who_hold_the_same_link_make_one_account() {
    let (house, ada) = house().await;
    let who = add_person(&house.engine, &ada, &zoe(&house)).await.expect("added");
    let secret = house.secret("invited", who).await;
    let (one, other) = (chosen(PASSWORD), chosen(ANOTHER));
    let (first, second) =
        tokio::join!(accept_invite(&house.engine, &secret, &one, "test"), accept_invite(&house.engine, &secret, &other, "test"));
    assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1, "{first:?} {second:?}");
    assert!(is_not_found(first) || is_not_found(second));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'person.accept_invite'").await, 1);
}

#[tokio::test]
async fn what_ends_an_invitation_ends_its_link_and_its_mail() {
    let (house, ada) = house().await;
    let who = add_person(&house.engine, &ada, &zoe(&house)).await.expect("added");
    let mail = Input { way: "mail".into() };
    let mut secrets = vec![house.secret("invited", who).await];
    invite_person(&house.engine, &ada, who, &mail).await.expect("sent again");
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'invited' AND state = 'superseded' AND link_secret IS NULL").await,
        1
    );
    secrets.push(house.secret("invited", who).await);
    withdraw_invite(&house.engine, &ada, who).await.expect("withdrawn");
    assert!(matches!(withdraw_invite(&house.engine, &ada, who).await, Err(Error::Refused(refusal)) if refusal.code == "moved_on"));
    invite_person(&house.engine, &ada, who, &mail).await.expect("sent again");
    secrets.push(house.secret("invited", who).await);
    let moved = edit_person::Input {
        name: "Zoë".into(),
        email: "zoe@elsewhere.example".into(),
        zone: "Etc/UTC".into(),
        ..edit_person::Input::default()
    };
    edit_person(&house.engine, &ada, who, &moved).await.expect("moved");
    invite_person(&house.engine, &ada, who, &mail).await.expect("sent to the new address");
    secrets.push(house.secret("invited", who).await);
    let left = deactivate_person::Input { reason: "left".into() };
    deactivate_person(&house.engine, &ada, who, &left, &BTreeMap::new()).await.expect("deactivated");
    assert!(matches!(invite_person(&house.engine, &ada, who, &mail).await, Err(Error::Refused(refusal)) if refusal.code == "deactivated"));
    reactivate_person(&house.engine, &ada, who).await.expect("back");
    for secret in &secrets {
        assert!(is_not_found(accept_invite(&house.engine, secret, &chosen(PASSWORD), "test").await));
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'invited' AND state <> 'superseded'").await, 0);
}

#[tokio::test]
async fn a_link_somebody_saw_costs_the_votes_of_a_day() {
    let (house, ada) = house().await;
    let show = Input { way: "show".into() };
    let who = house.stakeholder.actor.person;
    let shown = invite_person(&house.engine, &ada, who, &show).await.expect("made").expect("shown");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'invited'").await, 0, "no mail");
    accept_invite(&house.engine, shown.secret.expose_secret(), &chosen(PASSWORD), "test").await.expect("accepted");
    let paused = "SELECT count(*) FROM drydock.person p JOIN drydock.person a ON a.id = p.changed_by WHERE p.email = 'sten@example.org' AND a.name = 'Ada' AND p.may_vote_from > now() + interval '23 h'";
    assert_eq!(house.count(paused).await, 1);
    // Now there is an account: what is shown leads to a new password.
    let shown = invite_person(&house.engine, &ada, who, &show).await.expect("made").expect("shown");
    assert!(is_not_found(accept_invite(&house.engine, shown.secret.expose_secret(), &chosen(PASSWORD), "test").await));
    reset_password(&house.engine, shown.secret.expose_secret(), &new_password(ANOTHER), "test").await.expect("set");
}

#[tokio::test]
async fn only_administrators_who_just_typed_their_password_invite() {
    let (house, mut ada) = house().await;
    let mail = Input { way: "mail".into() };
    let who = house.stakeholder.actor.person;
    assert!(
        matches!(invite_person(&house.engine, &house.lead, who, &mail).await, Err(Error::Refused(refusal)) if refusal.code == "not_permitted")
    );
    assert!(
        matches!(withdraw_invite(&house.engine, &house.lead, who).await, Err(Error::Refused(refusal)) if refusal.code == "not_permitted")
    );
    ada.actor.elevated = false;
    assert!(matches!(invite_person(&house.engine, &ada, who, &mail).await, Err(Error::Refused(refusal)) if refusal.code == "elevate"));
    assert!(matches!(withdraw_invite(&house.engine, &ada, who).await, Err(Error::Refused(refusal)) if refusal.code == "elevate"));
}

#[tokio::test]
async fn who_is_invited_may_get_a_role_that_acts_and_a_changed_role_ends_sessions() {
    let (house, ada) = house().await;
    let who = add_person(&house.engine, &ada, &add_person::Input { team: String::new(), role: String::new(), ..zoe(&house) })
        .await
        .expect("added");
    let role = |role: &str| set_member::Input { person: who.to_string(), role: role.into(), deputy: String::new() };
    set_member(&house.engine, &ada, house.team, &role("engineer")).await.expect("an invitation is enough");
    accept_invite(&house.engine, &house.secret("invited", who).await, &chosen(PASSWORD), "test").await.expect("accepted");
    sqlx::query("INSERT INTO drydock.session (key, data, person_id, expires_at, absolute_end_at) VALUES (sha256('k'::bytea), '{}', $1, now() + interval '1 h', now() + interval '1 h')")
        .bind(who.0)
        .execute(&house.admin)
        .await
        .expect("a session");
    set_member(&house.engine, &ada, house.team, &role("lead")).await.expect("changed");
    assert_eq!(house.count("SELECT count(*) FROM drydock.session").await, 0);
    let contact = set_member::Input { person: house.auditor.actor.person.to_string(), role: "lead".into(), deputy: String::new() };
    assert!(
        matches!(set_member(&house.engine, &ada, house.team, &contact).await, Err(Error::Refused(refusal)) if refusal.code == "no_account")
    );
}
