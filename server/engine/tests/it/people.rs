//! People, teams and sign-ins, as the web role may change them.

use crate::house::{House, person};
use domain::ids::PersonId;
use domain::people::{GlobalRole, TeamRole};
use engine::Error;
use engine::actions::{
    Caller, add_contact, add_person, create_admin, edit_person, put_team, reset_password, set_active, set_member, sign_in,
};
use engine::queries;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

/// An administrator who typed the password lately.
async fn admin(house: &House) -> Caller {
    let mut ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    ada.actor.elevated = true;
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$v=19$x') ON CONFLICT DO NOTHING")
        .bind(ada.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("an account");
    ada
}

fn new_person(email: &str) -> add_person::Input {
    add_person::Input {
        name: "Zoë".into(),
        email: email.into(),
        zone: "Europe/Berlin".into(),
        password: secret("harbour violet seven drumsticks"),
        ..add_person::Input::default()
    }
}

fn code<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Refused(refusal)) => refusal.code,
        Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.field).collect::<Vec<_>>().join(","),
        other => format!("{other:?}"),
    }
}

async fn paused(house: &House, who: PersonId) -> bool {
    sqlx::query_scalar("SELECT may_vote_from > now() + interval '23 hours' FROM drydock.person WHERE id = $1")
        .bind(who.0)
        .fetch_one(&house.admin)
        .await
        .expect("a person")
}

#[tokio::test]
async fn only_administrators_who_typed_their_password_lately_change_people() {
    let house = House::new().await;
    let mut ada = admin(&house).await;
    assert_eq!(code(add_person::add_person(&house.engine, &house.lead, &new_person("zoe@example.org")).await), "not_permitted");
    ada.actor.elevated = false;
    assert_eq!(code(add_person::add_person(&house.engine, &ada, &new_person("zoe@example.org")).await), "elevate");
    ada.actor.elevated = true;
    let zoe = add_person::add_person(&house.engine, &ada, &new_person("Zoe@Example.ORG")).await.expect("added");
    assert_eq!(code(add_person::add_person(&house.engine, &ada, &new_person("zoe@example.org")).await), "email");
    assert!(!paused(&house, zoe).await);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.fact WHERE action = 'person.add' AND convert_from(bytes, 'UTF8') ILIKE '%zoe%'").await,
        0,
        "facts hold no names"
    );
    let input = sign_in::Input { email: " ZOE@example.org".into(), password: secret("harbour violet seven drumsticks") };
    assert_eq!(sign_in::sign_in(&house.engine, "r1", &input, HERE).await.expect("signed in"), zoe);
}

#[tokio::test]
async fn a_changed_address_role_or_password_takes_the_votes_for_a_day() {
    let house = House::new().await;
    let ada = admin(&house).await;
    let (sten, egon, dario) = (house.stakeholder.actor.person, house.engineer.actor.person, house.deputy.actor.person);
    let input = edit_person::Input {
        name: "Sten".into(),
        email: "sten.new@example.org".into(),
        zone: "Etc/UTC".into(),
        ..edit_person::Input::default()
    };
    edit_person::edit_person(&house.engine, &ada, sten, &input).await.expect("edited");
    assert!(paused(&house, sten).await);
    let lead = set_member::Input { person: egon.to_string(), role: "lead".into(), deputy: String::new() };
    set_member::set_member(&house.engine, &ada, house.team, &lead).await.expect("promoted");
    assert!(paused(&house, egon).await, "an administrator must not make a voter for tonight");
    let password = reset_password::Input { password: secret("marble oxygen twelve lanterns") };
    reset_password::reset_password(&house.engine, &ada, dario, &password).await.expect("reset");
    assert!(paused(&house, dario).await);
    let changed_by = "SELECT count(*) FROM drydock.person p JOIN drydock.person a ON a.id = p.changed_by WHERE a.name = 'Ada'";
    assert_eq!(house.count(changed_by).await, 3);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let house = House::new().await;
    let ada = admin(&house).await;
    let own =
        edit_person::Input { name: "Ada".into(), email: "ada@example.org".into(), zone: "Etc/UTC".into(), ..edit_person::Input::default() };
    assert_eq!(code(edit_person::edit_person(&house.engine, &ada, ada.actor.person, &own).await), "last_admin");
    assert_eq!(code(set_active::set_active(&house.engine, &ada, ada.actor.person, false).await), "own_account");
    let input = add_person::Input { global: vec!["admin".into()], ..new_person("zoe@example.org") };
    let zoe = add_person::add_person(&house.engine, &ada, &input).await.expect("a second one");
    edit_person::edit_person(&house.engine, &ada, ada.actor.person, &own).await.expect("now it is possible");
    let mut late = ada.clone();
    late.actor.person = house.auditor.actor.person;
    assert_eq!(code(set_active::set_active(&house.engine, &late, zoe, false).await), "last_admin");
}

#[tokio::test]
async fn deactivation_names_the_windows_that_counted_on_somebody() {
    let house = House::new().await;
    let ada = admin(&house).await;
    let number = house.proposed(3).await.number;
    let vote = engine::actions::cast_vote::Input {
        decision: "approve".into(),
        digest: house.digest(number).await.hex(),
        short_name: "prod-orders".into(),
        comment: String::new(),
    };
    engine::actions::cast_vote::cast_vote(&house.engine, &house.stakeholder, number, &vote).await.expect("a vote");
    let sten = house.stakeholder.actor.person;
    assert_eq!(set_active::set_active(&house.engine, &ada, sten, false).await.expect("deactivated"), [number]);
    assert_eq!(set_active::set_active(&house.engine, &ada, sten, false).await.expect("already"), Vec::<i64>::new());
    set_active::set_active(&house.engine, &ada, sten, true).await.expect("back");
    assert!(paused(&house, sten).await);
}

#[tokio::test]
async fn a_lead_adds_contacts_who_vote_by_mail() {
    let house = House::new().await;
    let contact = add_contact::Input { name: "Mara".into(), email: "mara@example.org".into(), zone: "Etc/UTC".into() };
    assert_eq!(code(add_contact::add_contact(&house.engine, &house.engineer, house.team, &contact).await), "not_permitted");
    assert!(matches!(add_contact::add_contact(&house.engine, &house.foreigner, house.team, &contact).await, Err(Error::NotFound)));
    let mara = add_contact::add_contact(&house.engine, &house.lead, house.team, &contact).await.expect("added");
    assert_eq!(code(add_contact::add_contact(&house.engine, &house.lead, house.team, &contact).await), "member");
    let page = queries::people::team(&house.engine, &house.lead.actor, house.team).await.expect("the team");
    let row = page.members.iter().find(|member| member.person == mara).expect("listed");
    assert_eq!((row.role, row.account), (TeamRole::Stakeholder, false));
    assert!(page.may_add_contact && !page.may_manage && page.candidates.is_empty());
    let ada = admin(&house).await;
    let lead = set_member::Input { person: mara.to_string(), role: "lead".into(), deputy: String::new() };
    assert_eq!(code(set_member::set_member(&house.engine, &ada, house.team, &lead).await), "no_account");
}

#[tokio::test]
async fn teams_are_made_renamed_and_left() {
    let house = House::new().await;
    let ada = admin(&house).await;
    let input = put_team::Input { name: "Payments".into(), short_name: "payments".into() };
    let team = put_team::put_team(&house.engine, &ada, None, &input).await.expect("made");
    assert_eq!(code(put_team::put_team(&house.engine, &ada, None, &input).await), "short_name");
    let unknown = engine::clock::new_id();
    assert!(matches!(put_team::put_team(&house.engine, &ada, Some(unknown), &input).await, Err(Error::NotFound)));
    let egon = house.engineer.actor.person.to_string();
    let join = set_member::Input { person: egon.clone(), role: "engineer".into(), deputy: "on".into() };
    set_member::set_member(&house.engine, &ada, team, &join).await.expect("joined");
    let leave = set_member::Input { person: egon, ..set_member::Input::default() };
    set_member::set_member(&house.engine, &ada, team, &leave).await.expect("left");
    assert!(queries::people::team(&house.engine, &ada.actor, team).await.expect("the team").members.is_empty());
    let rows = queries::people::teams(&house.engine, &house.engineer.actor).await.expect("all teams");
    let orders = rows.iter().find(|row| row.short_name == "orders").expect("listed");
    assert_eq!((orders.members, orders.databases, orders.leads.len()), (4, 1, 2));
}

#[tokio::test]
async fn the_way_back_after_a_lost_password_is_on_the_server() {
    let house = House::new().await;
    let input = create_admin::Input {
        operator: "root@host".into(),
        email: "lena@example.org".into(),
        name: "Somebody else".into(),
        password: None,
        public_url: "https://drydock.example/".into(),
        zone: "Etc/UTC".into(),
        demo: false,
    };
    let (lena, made) = create_admin::create_admin(&house.engine, &input).await.expect("made");
    assert_eq!(lena, house.lead.actor.person, "a known person keeps identity and name");
    let password = made.expect("one was made");
    assert_eq!(password.expose_secret().len(), 29);
    let typed = sign_in::Input { email: "lena@example.org".into(), password };
    assert_eq!(sign_in::sign_in(&house.engine, "r1", &typed, HERE).await.expect("signed in"), lena);
    let page = queries::people::show(&house.engine, &house.engineer.actor, lena).await.expect("her page");
    assert_eq!((page.person.name.as_str(), page.person.global.as_slice()), ("Lena", &[GlobalRole::Admin][..]));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'person.restore_admin' AND actor_kind = 'operator'").await, 1);
    let installation = queries::visit::installation(&house.engine).await.expect("read").expect("there");
    assert_eq!(installation.public_url, "https://drydock.example");
}

#[tokio::test]
async fn the_list_of_people_is_searched_and_paged() {
    let house = House::new().await;
    sqlx::query("INSERT INTO drydock.person (id, name, email) SELECT gen_random_uuid(), 'Mass ' || lpad(n::text, 3, '0'), 'mass' || n || '@example.org' FROM generate_series(1, 120) n")
        .execute(&house.admin)
        .await
        .expect("people");
    let reader = &house.stakeholder.actor;
    let first = queries::people::list(&house.engine, reader, "mass", None).await.expect("a page");
    assert_eq!((first.rows.len(), first.rows[0].name.as_str()), (100, "Mass 001"));
    let second = queries::people::list(&house.engine, reader, "mass", first.next).await.expect("a page");
    assert_eq!((second.rows.len(), second.rows[0].name.as_str(), second.next), (20, "Mass 101", None));
    for nothing in ["%", "_ass", "\\", "nobody"] {
        assert!(queries::people::list(&house.engine, reader, nothing, None).await.expect("a page").rows.is_empty(), "{nothing}");
    }
}

#[tokio::test]
async fn the_first_page_shows_what_waits_and_what_needs_a_look() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    let seen = async |caller: &Caller| queries::home::home(&house.engine, &caller.actor).await.expect("the first page");
    let (sten, egon, fritz) = (seen(&house.stakeholder).await, seen(&house.engineer).await, seen(&house.foreigner).await);
    assert_eq!(
        sten.waiting.iter().map(|line| (line.number, line.asked.as_str())).collect::<Vec<_>>(),
        [(number, "Your decision is needed.")]
    );
    assert!(egon.waiting.is_empty() && egon.works, "a proposer does not vote");
    assert_eq!(egon.soon.len(), 1);
    assert_eq!(
        egon.attention.iter().map(|entry| (entry.what.as_str(), entry.why.as_str())).collect::<Vec<_>>(),
        [("prod-orders", "No backup is recorded.")]
    );
    assert!(fritz.soon.is_empty() && fritz.attention.is_empty() && fritz.databases == 0, "another team's work is not shown");
}
