//! Who is told: what somebody switched off stays away, what protects them does not, and watchers hear without having a voice.

use crate::house::{House, code};
use crate::stage::When;
use crate::voices::{account, administrator};
use domain::ids::PersonId;
use domain::notice::NoticeKind;
use domain::notice::topics::{Channel, Topic};
use engine::actions::cast_vote::{Input as Vote, cast_vote};
use engine::actions::edit_notices::{Input, edit_notices};
use engine::actions::end_window::cancel_window;
use engine::actions::watch::{self, Thing, unwatch, watch};
use engine::actions::{Caller, set_member};
use engine::queries;
use engine::test_support::notices::tell;

async fn told(house: &House, person: PersonId) -> Vec<String> {
    sqlx::query_scalar("SELECT kind FROM drydock.outbox WHERE person_id = $1 ORDER BY created_at, kind")
        .bind(person.0)
        .fetch_all(&house.admin)
        .await
        .expect("rows")
}

async fn only(house: &House, who: &Caller, topics: &[Topic]) {
    let words = |topics: &[Topic]| topics.iter().map(|topic| topic.word().to_owned()).collect();
    let input = Input { mail: words(topics), page: words(Topic::ALL) };
    edit_notices(&house.engine, who, &input).await.expect("kept");
}

async fn approve(house: &House, who: &Caller, number: i64) -> engine::Result<engine::actions::cast_vote::Outcome> {
    let digest = house.digest(number).await.hex();
    cast_vote(&house.engine, who, number, &Vote { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Vote::default() })
        .await
}

#[tokio::test]
async fn what_somebody_switched_off_stays_away_and_is_in_the_trail() {
    let house = House::new().await;
    only(&house, &house.deputy, &[Topic::Outcome, Topic::Watching, Topic::Trouble]).await;
    only(&house, &house.engineer, &[Topic::Asked]).await;
    let window = house.proposed(5).await.number;
    assert!(told(&house, house.deputy.actor.person).await.is_empty(), "he does not want to be asked by mail");
    assert_eq!(told(&house, house.stakeholder.actor.person).await, ["approval_needed"]);
    approve(&house, &house.deputy, window).await.expect("signed in he may");
    assert_eq!(told(&house, house.deputy.actor.person).await, ["vote_recorded"], "this was not me: always");
    cancel_window(&house.engine, &house.engineer, window, "not this week").await.expect("called off");
    assert_eq!(told(&house, house.deputy.actor.person).await, ["vote_recorded"]);
    assert!(told(&house, house.engineer.actor.person).await.is_empty(), "his own window, and he does not want to hear");
    assert!(told(&house, house.stakeholder.actor.person).await.contains(&"cancelled".to_owned()));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'person.set_notices'").await, 2);
    let off = queries::people::notices_off(&house.engine, &house.deputy.actor).await.expect("read");
    let topics = [Topic::Asked, Topic::Schedule, Topic::Conversation, Topic::Mentioned];
    assert_eq!(off.into_iter().collect::<Vec<_>>(), topics.map(|topic| (Channel::Mail, topic)));
}

#[tokio::test]
async fn a_held_run_wakes_its_owner_and_whoever_is_on_call_whatever_they_switched_off() {
    let house = House::new().await;
    for who in [&house.lead, &house.deputy, &house.engineer] {
        only(&house, who, &[]).await;
    }
    let staged = house.staged(When::NOW, |_| {}).await;
    for kind in [NoticeKind::Held, NoticeKind::Failed] {
        tell(house.engine.pool(), staged.id, kind).await.expect("told");
        let names: Vec<String> = sqlx::query_scalar("SELECT p.name FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = $1 AND p.name <> 'Sten' ORDER BY 1")
            .bind(kind.word())
            .fetch_all(&house.admin)
            .await
            .expect("rows");
        assert_eq!(names, ["Egon", "Lena"], "Egon owns it, Lena is on call, Dario sleeps");
    }
}

#[tokio::test]
async fn watchers_hear_of_everything_and_decide_on_nothing() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    let thing = Thing::Window(window);
    let mailbox = watch::Input { email: "dba@example.org".into(), name: "Database people".into() };
    assert_eq!(code(watch(&house.engine, &house.stakeholder, thing, &mailbox).await), "not_permitted", "he may watch, and add nobody");
    watch(&house.engine, &house.auditor, thing, &watch::Input::default()).await.expect("whoever sees it");
    watch(&house.engine, &house.engineer, thing, &mailbox).await.expect("a contact");
    watch(&house.engine, &house.engineer, thing, &mailbox).await.expect("twice is once");
    let foreign = watch(&house.engine, &house.foreigner, thing, &watch::Input::default()).await;
    assert!(matches!(foreign, Err(engine::Error::Hidden)), "{foreign:?}");

    let page = queries::windows::show(&house.engine, &house.auditor.actor, window, None).await.expect("a page");
    let rows: Vec<_> = page.watchers.rows.iter().map(|row| (row.name.as_str(), row.shared, row.added_by.as_deref())).collect();
    assert_eq!(
        (rows, page.watchers.own, page.watchers.may_add),
        (vec![("Audra", false, None), ("Database people", true, Some("Egon"))], true, false)
    );
    assert_eq!(code(approve(&house, &house.auditor, window).await), "not_permitted");

    let other = watch::Input { email: "fritz@example.org".into(), ..watch::Input::default() };
    account(&house, house.foreigner.actor.person).await;
    watch(&house.engine, &house.engineer, Thing::Target(house.target), &other).await.expect("of another team");
    cancel_window(&house.engine, &house.engineer, window, "not this week").await.expect("called off");
    assert_eq!(told(&house, house.auditor.actor.person).await, ["cancelled"]);
    assert!(told(&house, house.foreigner.actor.person).await.is_empty(), "he may not see this team's work");
    let by_mail = "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE p.email = 'dba@example.org' AND o.kind = 'cancelled'";
    assert_eq!(house.count(by_mail).await, 1);

    let mailbox = page.watchers.rows[1].person;
    assert_eq!(code(unwatch(&house.engine, &house.auditor, thing, mailbox).await), "not_permitted");
    unwatch(&house.engine, &house.lead, thing, mailbox).await.expect("removed");
    unwatch(&house.engine, &house.auditor, thing, house.auditor.actor.person).await.expect("his own");
    assert_eq!(house.count("SELECT count(*) FROM drydock.watcher").await, 0);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action IN ('watcher.add', 'watcher.remove')").await, 5);
}

#[tokio::test]
async fn a_lead_places_engineers_and_never_an_approver() {
    let house = House::new().await;
    let mut lena = house.lead.clone();
    lena.actor.elevated = true;
    let fritz = house.foreigner.actor.person;
    account(&house, fritz).await;
    account(&house, house.deputy.actor.person).await;
    let input = |person: PersonId, role: &str, deputy: &str| set_member::Input {
        person: person.to_string(),
        role: role.into(),
        deputy: deputy.into(),
    };
    let set = |who: Caller, input| {
        let engine = house.engine.clone();
        async move { set_member::set_member(&engine, &who, house.team, &input).await }
    };
    set(lena.clone(), input(fritz, "engineer", "")).await.expect("an engineer");
    for (person, role, deputy) in
        [(fritz, "lead", ""), (fritz, "engineer", "on"), (house.deputy.actor.person, "engineer", ""), (house.deputy.actor.person, "", "")]
    {
        assert_eq!(code(set(lena.clone(), input(person, role, deputy)).await), "approvers_by_admin", "{role} {deputy}");
    }
    set(lena, input(fritz, "", "")).await.expect("out again");
    let adele = administrator(&house, "Adele").await;
    set(adele, input(fritz, "lead", "")).await.expect("an administrator may");
}
