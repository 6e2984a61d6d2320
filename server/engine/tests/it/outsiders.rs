//! People outside the owner team whom a plan asks: they decide signed in, on pages that show what they decide on and nothing else of that team's.

use crate::house::{House, code, person, with_account};
use crate::series::Yard;
use domain::absence::Form;
use domain::approval::{Assurance, Group, Policy, Rule};
use domain::people::TeamRole;
use domain::proposal::ProposalForm;
use domain::view::series::Approval;
use domain::view::windows::Offer;
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input, Outcome, cast_vote};
use engine::actions::say_absence::say_absence;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::queries;
use std::collections::BTreeSet;

/// Asks one stakeholder by link, and one of `group` who is signed in.
fn signed_in(group: Group) -> Policy {
    Policy::of(vec![Rule::new("stakeholder", Group::Stakeholders, 1, Assurance::Link), Rule::new("other", group, 1, Assurance::Account)])
}

async fn vote(house: &House, who: &Caller, number: i64, decision: &str) -> engine::Result<Outcome> {
    let digest = house.digest(number).await.hex();
    let comment = "because".to_owned();
    let typed = Input { decision: decision.into(), digest, short_name: "prod-orders".into(), comment, ..Input::default() };
    cast_vote(&house.engine, who, number, &typed).await
}

/// A house, and Gerd, who leads the foreign team as Fritz does.
async fn two_of_another_team() -> (House, Caller) {
    let house = House::new().await;
    let other = house.foreigner.actor.teams[0].team;
    let gerd = person(&house.admin, "Gerd", Some((other, TeamRole::Lead, false)), &[]).await;
    for who in [&house.foreigner, &house.stakeholder, &gerd] {
        with_account(&house, who).await;
    }
    (house, gerd)
}

#[tokio::test]
async fn whoever_a_policy_names_decides_signed_in_and_sees_nothing_else() {
    let (house, gerd) = two_of_another_team().await;
    let fritz = house.foreigner.clone();
    house.ruled_by("Named", "production", &signed_in(Group::People(BTreeSet::from([fritz.actor.person])))).await;
    let number = house.proposed(3).await.number;

    let engine = &house.engine;
    assert_eq!(code(queries::windows::show(engine, &fritz.actor, number, None).await.map(drop)), "not_found");
    assert_eq!(code(queries::windows::checklist(engine, &fritz.actor, number).await.map(drop)), "not_found");
    let page = queries::windows::decide(engine, &fritz.actor, number).await.expect("he is asked");
    assert!(!page.sees_team && page.offers.vote.is_open() && page.offers.approve.is_open());
    assert!([&page.offers.edit, &page.offers.cancel, &page.offers.withdraw].into_iter().all(|offer| !offer.is_open()));
    let insider = queries::windows::decide(engine, &house.lead.actor, number).await.expect("she sees the team's work");
    assert!(insider.sees_team && !insider.offers.vote.is_open(), "nobody asks her");
    assert_eq!(code(queries::windows::decide(engine, &gerd.actor, number).await.map(drop)), "not_found");
    let home = queries::home::home(engine, &fritz.actor).await.expect("the first page");
    assert!(home.waiting.lines.iter().any(|line| line.number == number && line.outside), "{:?}", home.waiting.lines);
    assert!(queries::home::home(engine, &gerd.actor).await.expect("the first page").waiting.lines.is_empty());

    let mut db = house.admin.acquire().await.expect("a connection");
    let window = engine::store::windows::by_number(&mut db, number).await.expect("there").id;
    for (who, outside) in [(&fritz, true), (&house.lead, false), (&house.stakeholder, false), (&house.auditor, false)] {
        let recipient = engine::store::letters::recipient_of(&mut db, who.actor.person, window).await.expect("there");
        assert_eq!(recipient.outside, outside, "{}", recipient.name);
    }

    assert_eq!(code(vote(&house, &gerd, number, "approve").await), "not_found");
    assert_eq!(code(vote(&house, &gerd, number, "nonsense").await), "not_found", "whatever was typed");
    vote(&house, &house.stakeholder, number, "approve").await.expect("asked");
    assert_eq!(vote(&house, &fritz, number, "approve").await.expect("asked").state, WindowState::Approved);
    let how: Vec<String> = sqlx::query_scalar("SELECT v.assurance FROM drydock.vote v WHERE v.person_id = $1")
        .bind(fritz.actor.person.0)
        .fetch_all(&house.admin)
        .await
        .expect("votes");
    assert_eq!(how, ["account"]);
    let page = queries::windows::decide(engine, &fritz.actor, number).await.expect("his vote stands there");
    assert!(page.offers.take_back.is_open() && page.offers.vote == Offer::Absent);
    assert_eq!(withdraw_vote(engine, &fritz, number).await.expect("his own"), WindowState::Proposed);
    assert_eq!(vote(&house, &fritz, number, "reject").await.expect("asked").state, WindowState::Rejected);
}

#[tokio::test]
async fn leads_of_another_team_are_asked_as_long_as_they_lead_it() {
    let (house, gerd) = two_of_another_team().await;
    let fritz = house.foreigner.clone();
    let other = fritz.actor.teams[0].team;
    house.ruled_by("Their leads", "production", &signed_in(Group::Team(other))).await;
    let number = house.proposed(3).await.number;
    let engine = &house.engine;
    for who in [&fritz, &gerd] {
        assert!(queries::windows::decide(engine, &who.actor, number).await.expect("asked").offers.vote.is_open());
    }
    let leave = sqlx::query("DELETE FROM drydock.membership WHERE person_id = $1").bind(gerd.actor.person.0);
    leave.execute(&house.admin).await.expect("left");
    assert_eq!(code(queries::windows::decide(engine, &gerd.actor, number).await.map(drop)), "not_found");
    assert_eq!(code(vote(&house, &gerd, number, "approve").await), "not_found");
    assert_eq!(vote(&house, &fritz, number, "request_changes").await.expect("asked").state, WindowState::Draft);
}

/// Whoever is away is voted for by somebody of the same group, signed in as the rule wants it, who sees as much as the absent one would.
#[tokio::test]
async fn a_delegate_from_outside_decides_signed_in_too() {
    let (house, gerd) = two_of_another_team().await;
    let fritz = house.foreigner.clone();
    house.ruled_by("Named", "production", &signed_in(Group::People(BTreeSet::from([fritz.actor.person])))).await;
    let number = house.proposed(3).await.number;
    let engine = &house.engine;
    assert_eq!(code(queries::windows::decide(engine, &gerd.actor, number).await.map(drop)), "not_found");
    let day = |days: i64| (engine.clock().now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
    let form = Form { first_day: day(-1), last_day: day(5), delegate: "gerd@example.org".into() };
    say_absence(engine, &fritz, fritz.actor.person, &form).await.expect("a good absence");
    let page = queries::windows::decide(engine, &gerd.actor, number).await.expect("he votes in Fritz's place");
    assert!(page.offers.approve.is_open() && page.speaks_for == ["Fritz"] && !page.sees_team, "{:?}", page.speaks_for);
    vote(&house, &gerd, number, "approve").await.expect("in his place");
    assert_eq!(vote(&house, &house.stakeholder, number, "approve").await.expect("asked").state, WindowState::Approved);
}

/// Somebody without a second factor is told so, and not that there is nothing.
#[tokio::test]
async fn a_missing_factor_is_said_outside_the_team_too() {
    let (house, gerd) = two_of_another_team().await;
    let fritz = house.foreigner.clone();
    let mut policy = signed_in(Group::Team(fritz.actor.teams[0].team));
    policy.rules[1].assurance = Assurance::AccountFactor;
    let sql = "INSERT INTO drydock.factor (person_id, key_id, sealed, confirmed_at, last_step)
               VALUES ($1, '\\x0102030405060708', '\\x01'::bytea || decode(repeat('ab', 60), 'hex'), now(), 1)";
    sqlx::query(sql).bind(fritz.actor.person.0).execute(&house.admin).await.expect("Fritz has one");
    house.ruled_by("With a factor", "production", &policy).await;
    let number = house.proposed(3).await.number;
    let page = queries::windows::decide(&house.engine, &gerd.actor, number).await.expect("his group is asked");
    assert_eq!(page.offers.vote.why_not().map(|refusal| refusal.code.as_str()), Some("factor_needed"));
}

#[tokio::test]
async fn dates_of_a_series_are_approved_by_whom_they_ask_outside_the_team() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let fritz = house.foreigner.clone();
    let other = fritz.actor.teams[0].team;
    let gerd = person(&house.admin, "Gerd", Some((other, TeamRole::Engineer, false)), &[]).await;
    house.ruled_by("Named", "production", &signed_in(Group::People(BTreeSet::from([fritz.actor.person])))).await;
    let id = yard.made(&yard.dates(3)).await;
    let page = |who: &Caller| {
        let (engine, actor) = (house.engine.clone(), who.actor.clone());
        async move { queries::series_together::approval(&engine, &actor, id).await }
    };
    assert_eq!(code(page(&fritz).await.map(drop)), "not_found", "nothing was put together");
    yard.ask(id, 3).await;
    let Ok(Approval::Whole(shown)) = page(&fritz).await else { panic!("he is asked") };
    assert!(!shown.sees_team && shown.card.expect("put together").offer.is_open());
    assert_eq!(code(queries::series::show(&house.engine, &fritz.actor, id, None).await.map(drop)), "not_found");
    assert_eq!(code(page(&gerd).await.map(drop)), "not_found");
    assert_eq!(code(yard.approve(&gerd, id).await), "not_found");
    let home = queries::home::home(&house.engine, &fritz.actor).await.expect("the first page");
    assert!(home.attention.iter().any(|entry| entry.to == format!("/series/{id}/approval")), "{:?}", home.attention);

    for who in [&house.stakeholder, &fritz] {
        yard.approve(who, id).await.expect("asked");
    }
    let born = yard.look(id).await;
    assert!(!born.is_empty());
    for number in born {
        let window = queries::windows::decide(&house.engine, &fritz.actor, number).await.expect("he approved it");
        assert_eq!((window.head.state, window.sees_team), (WindowState::Approved, false));
    }
}

/// Who approved dates from outside reads their windows as long as those ask them; one that was edited since may ask others, and is named without a link.
#[tokio::test]
async fn a_window_that_asks_somebody_else_by_now_is_named_without_a_link() {
    let yard = Yard::new().await;
    let house = &yard.house;
    let fritz = house.foreigner.clone();
    house.ruled_by("Named", "production", &signed_in(Group::People(BTreeSet::from([fritz.actor.person])))).await;
    let id = yard.made(&yard.dates(2)).await;
    yard.ask(id, 2).await;
    for who in [&house.stakeholder, &fritz] {
        yard.approve(who, id).await.expect("asked");
    }
    let born = yard.look(id).await;
    let [edited, kept] = born.as_slice() else { panic!("both are due: {born:?}") };
    let links = async |who: &Caller| -> Vec<(i64, bool)> {
        let page = queries::series_together::approval(&house.engine, &who.actor, id).await.expect("asked");
        let Approval::Whole(page) = page else { panic!("not only what they approved") };
        page.card.expect("put together").dates.iter().filter_map(|line| Some((line.window?.0, line.may_read))).collect()
    };
    let opens = async |who: &Caller, number: i64| queries::windows::decide(&house.engine, &who.actor, number).await.is_ok();
    assert_eq!(links(&fritz).await, [(*edited, true), (*kept, true)]);

    // By then the policy asks a lead of the own team instead; what was sealed before asks as before.
    house.ruled_by("Own", "production", &signed_in(Group::LeadsAndDeputies)).await;
    let form = ProposalForm { reason: "something else".into(), ..house.form(1) };
    amend_window(&house.engine, &house.engineer, *edited, 1, &form, None).await.expect("edited");
    assert_eq!(links(&fritz).await, [(*edited, false), (*kept, true)]);
    for (number, may_read) in links(&fritz).await {
        assert_eq!(opens(&fritz, number).await, may_read, "#{number}: a link leads to a page, and a page has a link");
    }
    assert_eq!(links(&house.lead).await, [(*edited, true), (*kept, true)], "she sees the team's work");
}
