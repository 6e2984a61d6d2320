//! A new address: confirmed by whoever reads it, told to the old one; nothing mailed to the old one decides any more.

use crate::house::House;
use crate::voices::administrator;
use domain::notice::NoticeKind;
use engine::actions::accept_new_address::accept_new_address;
use engine::actions::ask_new_address::{Input, ask_new_address};
use engine::actions::edit_person;
use engine::paper::{AddressMaterial, Mail, write_address};
use engine::queries;
use jiff::Timestamp;
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "a long enough password";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn mail(kind: NoticeKind, by: Option<&str>) -> Mail {
    let confirms = kind == NoticeKind::ConfirmAddress;
    let mut frame = crate::letters::frame(kind);
    frame.recipient.zone = "Europe/Berlin".into();
    if confirms {
        frame.recipient.email = "sten@new.example".into();
    }
    write_address(&AddressMaterial {
        frame,
        by: by.map(str::to_owned),
        to: "s…@new.example".into(),
        at: at("2026-11-20T11:00:00Z"),
        link: confirms.then(|| ("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG".into(), at("2026-11-21T11:00:00Z"))),
        administrators: vec![("Ada".into(), "ada@example.org".into()), ("Bert".into(), "bert@example.org".into())],
    })
    .expect("written")
}

#[test]
fn every_message_about_an_address_says_this() {
    for (name, kind, by) in [
        ("confirm_address", NoticeKind::ConfirmAddress, None),
        ("address_changed", NoticeKind::AddressChanged, Some("Ada")),
        ("address_changed_by_oneself", NoticeKind::AddressChanged, None),
    ] {
        let mail = mail(kind, by);
        insta::assert_snapshot!(name, format!("To: {} <{}>\nSubject: {}\n\n{}", mail.to_name, mail.to_address, mail.subject, mail.text));
    }
    let html = mail(NoticeKind::AddressChanged, Some("Ada")).html;
    assert!(!html.contains("Plan digest") && !html.contains("<script"), "{html}");
}

/// Addresses that messages of a kind go to.
async fn mailed(house: &House, kind: &str) -> Vec<String> {
    sqlx::query_scalar("SELECT address FROM drydock.outbox WHERE kind = $1 AND state = 'waiting' ORDER BY created_at")
        .bind(kind)
        .fetch_all(&house.admin)
        .await
        .expect("rows")
}

fn wrong<T: std::fmt::Debug>(answer: engine::Result<T>) -> String {
    match answer {
        Err(engine::Error::Invalid(errors)) => errors[0].field.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_address_counts_once_whoever_reads_it_says_so() {
    let house = House::new().await;
    let lena = &house.lead;
    let hash = engine::passwords::hash(&PASSWORD.to_owned().into()).await.expect("a hash");
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)")
        .bind(lena.actor.person.0)
        .bind(&hash)
        .execute(&house.admin)
        .await
        .expect("an account");
    let ask = |email: &str, password: &str| {
        let (engine, caller, input) =
            (house.engine.clone(), lena.clone(), Input { email: email.into(), password: password.to_owned().into() });
        async move { ask_new_address(&engine, &caller, &input, HERE).await }
    };
    for (email, password, field) in [
        ("lena@new.example", "wrong", "password"),
        ("lena@example.org", PASSWORD, "email"),
        ("sten@example.org", PASSWORD, "email"),
        ("dba@new.example", PASSWORD, "email"),
        ("nobody", PASSWORD, "email"),
    ] {
        assert_eq!(wrong(ask(email, password).await), field, "{email}");
    }
    let window = house.proposed(5).await;
    let decision = house.secret("approval_needed", lena.actor.person).await;
    ask("lena@first.example", PASSWORD).await.expect("asked");
    let first = house.secret("confirm_address", lena.actor.person).await;
    ask("lena@new.example", PASSWORD).await.expect("asked again");
    assert_eq!(mailed(&house, "confirm_address").await, ["lena@new.example"], "the first mail does not leave any more");
    let secret = house.secret("confirm_address", lena.actor.person).await;
    assert_eq!(queries::new_addresses::own(&house.engine, &lena.actor).await.expect("read").as_deref(), Some("lena@new.example"));
    for dead in [first.as_str(), decision.as_str(), "unknown"] {
        assert!(matches!(accept_new_address(&house.engine, dead, "r").await, Err(engine::Error::NotFound)));
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.person WHERE email = 'lena@example.org'").await, 1, "looking changes nothing");
    assert_eq!(queries::new_addresses::page(&house.engine, &secret).await.expect("a page").address, "lena@new.example");

    assert_eq!(accept_new_address(&house.engine, &secret, "r").await.expect("confirmed"), "lena@new.example");
    assert!(matches!(accept_new_address(&house.engine, &secret, "r").await, Err(engine::Error::NotFound)), "once");
    let changed = "SELECT count(*) FROM drydock.person WHERE email = 'lena@new.example' AND may_vote_from > now() + interval '23 hours'";
    assert_eq!(house.count(changed).await, 1);
    assert_eq!(mailed(&house, "address_changed").await, ["lena@example.org"]);
    let alive = "SELECT count(*) FROM drydock.link l JOIN drydock.person p ON p.id = l.person_id WHERE p.name = 'Lena' AND l.used_at IS NULL AND l.ended_at IS NULL";
    assert_eq!(house.count(alive).await, 0, "what was mailed to the old address decides nothing any more: {}", window.number);
    let told: String = sqlx::query_scalar("SELECT payload::text FROM drydock.outbox WHERE kind = 'address_changed'")
        .fetch_one(&house.admin)
        .await
        .expect("a message");
    assert!(told.contains("l…@new.example") && !told.contains("lena@"), "{told}");
}

#[tokio::test]
async fn an_administrator_s_change_is_told_to_the_old_address_with_the_name() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let sten = house.stakeholder.actor.person;
    let input = edit_person::Input {
        name: "Sten".into(),
        email: "sten@new.example".into(),
        zone: "Europe/Berlin".into(),
        ..edit_person::Input::default()
    };
    edit_person::edit_person(&house.engine, &adele, sten, &input).await.expect("edited");
    edit_person::edit_person(&house.engine, &adele, sten, &edit_person::Input { name: "Sten B.".into(), ..input }).await.expect("edited");
    assert_eq!(mailed(&house, "address_changed").await, ["sten@example.org"], "once, and to the old one");
    let by: String = sqlx::query_scalar("SELECT payload ->> 'by' FROM drydock.outbox WHERE kind = 'address_changed'")
        .fetch_one(&house.admin)
        .await
        .expect("a message");
    assert_eq!(by, "Adele");
}
