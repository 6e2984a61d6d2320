//! Closing an account: what hangs on the person is shown, changes hands, or is told, in one transaction.

use crate::absences::Office;
use crate::house::{House, person};
use crate::stage::When;
use crate::voices::{account, administrator};
use domain::approval::{Assurance, Group, Policy, Rule};
use domain::ids::PersonId;
use domain::people::TeamRole;
use domain::view::departures::{Follows, Part, heir_field};
use engine::actions::cast_vote::{Input as Vote, cast_vote};
use engine::actions::deactivate_person::{Heirs, Input, deactivate_person};
use engine::actions::{Caller, reactivate_person::reactivate_person};
use engine::queries;

fn why() -> Input {
    Input { reason: "left the company".into() }
}

async fn approve(house: &House, who: &Caller, number: i64) {
    let digest = house.digest(number).await.hex();
    let vote = Vote { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..Vote::default() };
    cast_vote(&house.engine, who, number, &vote).await.expect("a vote");
}

async fn owner(house: &House, number: i64) -> PersonId {
    PersonId(
        sqlx::query_scalar("SELECT owner_id FROM drydock.window WHERE number = $1")
            .bind(number)
            .fetch_one(&house.admin)
            .await
            .expect("a window"),
    )
}

async fn told(house: &House, kind: &str, person: PersonId) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM drydock.outbox WHERE kind = $1 AND person_id = $2 AND state = 'waiting'")
        .bind(kind)
        .bind(person.0)
        .fetch_one(&house.admin)
        .await
        .expect("a number")
}

#[tokio::test]
async fn an_approved_window_that_loses_its_quorum_waits_again_and_the_others_are_asked() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let window = house.proposed(5).await;
    approve(&house, &house.stakeholder, window.number).await;
    approve(&house, &house.lead, window.number).await;
    assert_eq!(house.state(window.number).await, "approved");

    let lena = house.lead.actor.person;
    let page = queries::departures::show(&house.engine, &adele.actor, lena).await.expect("a page");
    let follows: Vec<_> = page.votes.iter().map(|vote| (vote.number, vote.part, vote.follows)).collect();
    assert_eq!(follows, [(window.number, Part::Voted, Follows::LosesQuorum)]);
    assert_eq!(page.on_call.len(), 1, "the database names Lena as on call");
    assert!(page.teams.is_empty() && !page.last_admin, "Dario stands in: {page:?}");
    let unmet = page.databases[0].unmet.as_deref().unwrap_or_default();
    assert!(unmet.starts_with("Dario may propose windows here, and nobody could ever approve them"), "{unmet}");

    let left = deactivate_person(&house.engine, &adele, lena, &why(), &Heirs::new()).await.expect("deactivated");
    assert_eq!(left.lost_quorum, [window.number]);
    assert_eq!(house.state(window.number).await, "proposed");
    assert_eq!(told(&house, "approval_lost", house.engineer.actor.person).await, 1);
    let (dario, sten) = (house.deputy.actor.person, house.stakeholder.actor.person);
    let fresh = "SELECT count(*) FROM drydock.link l WHERE l.purpose = 'approve' AND l.used_at IS NULL AND l.ended_at IS NULL";
    assert_eq!(house.count(fresh).await, 1, "Dario alone has not decided");
    assert!(told(&house, "approval_needed", dario).await == 1 && told(&house, "approval_needed", sten).await == 0);
    let facts = "SELECT count(*) FROM drydock.fact WHERE action IN ('person.deactivate', 'window.lose_quorum')";
    assert_eq!(house.count(facts).await, 2);

    approve(&house, &house.deputy, window.number).await;
    assert_eq!(house.state(window.number).await, "approved", "Sten's vote stood");
    reactivate_person(&house.engine, &adele, lena).await.expect("back");
    assert_eq!(
        house
            .count("SELECT count(*) FROM drydock.person WHERE name = 'Lena' AND active AND may_vote_from > now() + interval '23 hours'")
            .await,
        1
    );
}

#[tokio::test]
async fn an_open_window_goes_to_somebody_who_could_have_proposed_it() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let (egon, dario) = (house.engineer.actor.person, house.deputy.actor.person);
    let window = house.proposed(5).await.number;
    let page = queries::departures::show(&house.engine, &adele.actor, egon).await.expect("a page");
    let heirs: Vec<_> = page.windows[0].heirs.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!((page.windows[0].owns, heirs), (true, vec!["Dario", "Lena"]));

    for nobody in
        [Heirs::new(), Heirs::from([(window, house.stakeholder.actor.person.to_string())]), Heirs::from([(window, egon.to_string())])]
    {
        let refused = deactivate_person(&house.engine, &adele, egon, &why(), &nobody).await;
        let Err(engine::Error::Invalid(errors)) = refused else { panic!("{refused:?}") };
        assert_eq!(errors[0].field, heir_field(window));
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.person WHERE NOT active").await, 0, "nothing is half done");

    let heirs = Heirs::from([(window, dario.to_string())]);
    let left = deactivate_person(&house.engine, &adele, egon, &why(), &heirs).await.expect("deactivated");
    assert_eq!((left.handed_over, owner(&house, window).await), (vec![window], dario));
    assert_eq!(told(&house, "handed_over", dario).await, 1);
    approve(&house, &house.deputy, window).await;
    let contributors = "SELECT count(*) FROM drydock.contributor c JOIN drydock.person p ON p.id = c.person_id WHERE p.name = 'Dario'";
    assert_eq!(house.count(contributors).await, 0, "owning is no authorship");
}

#[tokio::test]
async fn what_could_never_be_approved_any_more_is_said_before() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let sten = house.stakeholder.actor.person;
    account(&house, sten).await;
    let window = house.proposed(5).await.number;
    let page = queries::departures::show(&house.engine, &adele.actor, sten).await.expect("a page");
    assert_eq!(page.votes.iter().map(|vote| (vote.number, vote.follows)).collect::<Vec<_>>(), [(window, Follows::Unreachable)]);
    let database = &page.databases[0];
    assert!(
        database.stakeholder && database.unmet.as_deref().is_some_and(|why| why.contains("stakeholders of the database")),
        "{database:?}"
    );
    let left = deactivate_person(&house.engine, &adele, sten, &why(), &Heirs::new()).await.expect("deactivated");
    assert_eq!(left.unreachable, [window]);
}

#[tokio::test]
async fn a_run_under_way_is_named_and_its_window_stays_where_it_is() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let staged = house.staged(When::NOW, |_| {}).await;
    house.put(staged.id, 2, domain::window::WindowState::Running).await;
    let left = deactivate_person(&house.engine, &adele, house.stakeholder.actor.person, &why(), &Heirs::new()).await.expect("deactivated");
    assert_eq!((left.stopped, left.lost_quorum), (vec![staged.number], vec![]));
    assert_eq!(house.state(staged.number).await, "running");
}

#[tokio::test]
async fn the_table_takes_no_owner_who_could_not_propose() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    for (who, fits) in
        [(&house.lead, true), (&house.deputy, true), (&house.stakeholder, false), (&house.foreigner, false), (&house.auditor, false)]
    {
        let set = sqlx::query("UPDATE drydock.window SET owner_id = $1 WHERE number = $2").bind(who.actor.person.0).bind(window);
        let said = set.execute(house.engine.pool()).await;
        assert_eq!(said.is_ok(), fits, "{}: {said:?}", who.actor.name);
        if let Err(error) = said {
            assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some("window_owner_may_propose"));
        }
    }
}

#[tokio::test]
async fn a_share_stays_a_share_of_those_who_were_sealed_whoever_leaves() {
    let house = House::new().await;
    let adele = administrator(&house, "Adele").await;
    let mut others = Vec::new();
    for name in ["Sina", "Sven", "Swantje", "Sofie"] {
        let who = person(&house.admin, name, Some((house.team, TeamRole::Stakeholder, false)), &[]).await;
        sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
            .bind(house.target.0)
            .bind(who.actor.person.0)
            .execute(&house.admin)
            .await
            .expect("a stakeholder");
        others.push(who);
    }
    for who in others.iter().chain([&house.stakeholder]) {
        account(&house, who.actor.person).await;
    }
    // Three of five stakeholders.
    let share = Rule { percent: 60, ..Rule::new("stakeholder", Group::Stakeholders, 1, Assurance::Account) };
    house.ruled_by("Most of them", "production", &Policy::of(vec![share])).await;
    let number = house.proposed(5).await.number;
    let [sina, sven, swantje, sofie] = &others[..] else { panic!("four") };
    for who in [&house.stakeholder, sina] {
        approve(&house, who, number).await;
    }
    let leaves = async |who: &Caller| {
        let person = who.actor.person;
        let follows = queries::departures::show(&house.engine, &adele.actor, person).await.expect("a page").votes[0].follows;
        let left = deactivate_person(&house.engine, &adele, person, &why(), &Heirs::new()).await.expect("deactivated");
        (follows, left.lost_quorum, left.unreachable, house.state(number).await)
    };
    // Two of the four who are left would be half of them, and are not three of five.
    assert_eq!(leaves(sofie).await, (Follows::StillPossible, vec![], vec![], "proposed".to_owned()), "nothing is approved by leaving");
    approve(&house, sven, number).await;
    assert_eq!(house.state(number).await, "approved");
    assert_eq!(leaves(sven).await, (Follows::LosesQuorum, vec![number], vec![], "proposed".to_owned()));
    assert_eq!(told(&house, "approval_needed", swantje.actor.person).await, 1, "the one who has not decided is asked");
    approve(&house, swantje, number).await;
    assert_eq!(house.state(number).await, "approved", "three of the five");
    let gone = queries::departures::show(&house.engine, &adele.actor, sina.actor.person).await.expect("a page");
    assert_eq!(gone.votes[0].follows, Follows::LosesQuorum, "and nobody is left who could replace her");
    assert_eq!(leaves(sina).await, (Follows::LosesQuorum, vec![number], vec![], "proposed".to_owned()));
    let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    assert!(!page.standing.reachable && page.standing.rules[0].need == 3, "{:?}", page.standing);
}

#[tokio::test]
async fn a_vote_that_a_delegate_gave_counts_on_the_absent_one() {
    let office = Office::new().await;
    let house = &office.house;
    let window = house.proposed(3).await.number;
    office.vote(&house.stakeholder, window).await.expect("a vote");
    office.away(&house.lead, "fritz").await;
    office.tick().await;
    office.vote_by_link(house.foreigner.actor.person, window).await.expect("in the place of Lena");
    assert_eq!(house.state(window).await, "approved");
    let lena = house.lead.actor.person;
    let page = queries::departures::show(&house.engine, &office.admin.actor, lena).await.expect("a page");
    assert_eq!(page.votes.iter().map(|vote| (vote.part, vote.follows)).collect::<Vec<_>>(), [(Part::VotedInPlace, Follows::LosesQuorum)]);
    deactivate_person(&house.engine, &office.admin, lena, &why(), &Heirs::new()).await.expect("deactivated");
    let counting = "SELECT count(*) FROM drydock.fact f, jsonb_array_elements_text(convert_from(f.bytes, 'UTF8')::jsonb -> 'payload' -> 'windows_counting_on_them') w
                    WHERE f.action = 'person.deactivate'";
    assert_eq!((house.count(counting).await, house.state(window).await), (1, "proposed".to_owned()));
}
