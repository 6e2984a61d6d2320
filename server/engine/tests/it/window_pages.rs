//! What pages about windows show, and to whom.

use crate::house::House;
use domain::permission::Actor;
use domain::view::windows::list::{Filter, StateFilter};
use domain::view::windows::page::ShowPage;
use domain::window::WindowState;
use engine::Error;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input, cast_vote};
use engine::queries::windows::{checklist, list, show};

async fn page(house: &House, actor: &Actor, number: i64) -> ShowPage {
    show(&house.engine, actor, number, None).await.expect("the page")
}

async fn vote(house: &House, who: &engine::actions::Caller, number: i64, decision: &str) {
    let input = Input {
        decision: decision.into(),
        digest: house.digest(number).await.hex(),
        short_name: "prod-orders".into(),
        comment: "because".into(),
        ..Input::default()
    };
    cast_vote(&house.engine, who, number, &input).await.expect("a good vote");
}

#[tokio::test]
async fn a_fresh_proposal_says_whom_it_waits_for() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let seen = page(&house, &house.engineer.actor, window.number).await;
    assert_eq!(seen.head.state, WindowState::Proposed);
    let blocked: Vec<_> = seen.blocked.iter().map(|blocker| format!("{} {}", blocker.what, blocker.way_out)).collect();
    assert_eq!(blocked.len(), 2, "{blocked:?}");
    assert!(blocked[0].contains("Waiting for Sten."), "{blocked:?}");
    assert!(blocked[1].contains("Lena") && blocked[1].contains("Dario"), "{blocked:?}");
    assert_eq!(seen.offers.vote.why_not().map(|refusal| refusal.code.as_str()), Some("four_eyes"));
    assert!(seen.offers.edit.is_open() && seen.offers.withdraw.is_open());
    assert_eq!(seen.checks.len(), 6);
    assert!(seen.checks.iter().all(|check| !check.rule.is_empty()));
    assert_eq!(seen.messages.len(), 3);
    assert!(seen.messages.iter().all(|message| message.state == "waiting" && message.kind == "Approval needed"));
    let actions: Vec<_> = seen.trail.iter().map(|row| (row.action.as_str(), row.who.as_str())).collect();
    assert_eq!(actions, [("window.propose", "Egon"), ("window.draft", "Egon")]);
    assert!(page(&house, &house.deputy.actor, window.number).await.offers.vote.is_open());
}

#[tokio::test]
async fn votes_count_and_an_edit_shows_what_it_changed() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    vote(&house, &house.stakeholder, number, "approve").await;
    let seen = page(&house, &house.stakeholder.actor, number).await;
    assert_eq!(seen.blocked.len(), 1);
    assert!(seen.offers.take_back.is_open() && !seen.offers.vote.is_open());
    let mut form = house.form(3);
    form.duration_min = "180".into();
    amend_window(&house.engine, &house.deputy, number, 1, &form, None).await.expect("an edit");
    let seen = page(&house, &house.stakeholder.actor, number).await;
    assert_eq!((seen.head.revision, seen.revisions.len(), seen.votes.len()), (2, 2, 1));
    assert_eq!(seen.votes[0].revision, 1, "kept, on the plan it was cast on");
    assert_eq!(seen.blocked.len(), 2, "the new plan has no votes");
    let diff = seen.diff.expect("two revisions");
    let places: Vec<_> = diff.changes.iter().map(|change| change.place.as_str()).collect();
    assert!(places.contains(&"times › end") && places.contains(&"times › cut off"), "{places:?}");
    let eligible = diff.changes.iter().find(|change| change.place == "eligible › lead").expect("Dario contributed");
    assert!(eligible.before.as_deref().is_some_and(|names| names.contains("Dario")), "{eligible:?}");
    assert_eq!(eligible.after.as_deref(), Some("Lena"));
}

#[tokio::test]
async fn an_approved_window_waits_for_its_hour() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    vote(&house, &house.stakeholder, number, "approve").await;
    vote(&house, &house.lead, number, "approve").await;
    let seen = page(&house, &house.engineer.actor, number).await;
    assert_eq!(seen.head.state, WindowState::Approved);
    assert_eq!(seen.blocked.iter().map(|b| b.what.as_str()).collect::<Vec<_>>(), ["It is not time yet."]);
    assert_eq!(seen.offers.start.why_not().map(|refusal| refusal.code.as_str()), Some("too_early"));
    assert!(seen.offers.cancel.is_open());
    assert_eq!(seen.countdown.map(|c| c.says), Some("Starts in"));
}

#[tokio::test]
async fn others_see_nothing_and_auditors_everything() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    // Two errors, one answer: the door test holds that nobody can tell them apart.
    let answer = show(&house.engine, &house.foreigner.actor, number, None).await;
    assert!(matches!(answer, Err(Error::Hidden)), "{answer:?}");
    let answer = show(&house.engine, &house.foreigner.actor, number + 1000, None).await;
    assert!(matches!(answer, Err(Error::NotFound)), "{answer:?}");
    assert!(matches!(checklist(&house.engine, &house.foreigner.actor, number).await, Err(Error::Hidden)));
    assert!(list(&house.engine, &house.foreigner.actor, &Filter::default()).await.expect("a list").rows.is_empty());
    let audited = page(&house, &house.auditor.actor, number).await;
    assert!(!audited.offers.vote.is_open() && !audited.offers.edit.is_open());
    assert_eq!(checklist(&house.engine, &house.auditor.actor, number).await.expect("readable").checks.len(), 6);
}

#[tokio::test]
async fn the_list_is_filtered_and_paged() {
    let house = House::new().await;
    let mut numbers = Vec::new();
    for days in 1..=52 {
        numbers.push(house.proposed(days).await.number);
    }
    numbers.reverse();
    let seen = |actor: Actor, filter: Filter| {
        let engine = house.engine.clone();
        async move { list(&engine, &actor, &filter).await.expect("a list") }
    };
    let first = seen(house.stakeholder.actor.clone(), Filter::default()).await;
    assert_eq!(first.rows.iter().map(|row| row.number).collect::<Vec<_>>(), numbers[..50]);
    assert!(first.rows.iter().all(|row| row.waits_for_reader), "Sten may vote on all of them");
    let second = seen(house.stakeholder.actor.clone(), Filter { before: first.next, ..Filter::default() }).await;
    assert_eq!(second.rows.iter().map(|row| row.number).collect::<Vec<_>>(), numbers[50..]);
    assert_eq!(second.next, None);
    let count = async |filter: Filter| seen(house.engineer.actor.clone(), filter).await.rows.len();
    assert_eq!(count(Filter { state: StateFilter::Over, ..Filter::default() }).await, 0);
    assert_eq!(count(Filter { state: StateFilter::Open, environment: "production".into(), ..Filter::default() }).await, 50);
    assert_eq!(count(Filter { environment: "test".into(), ..Filter::default() }).await, 0);
    assert_eq!(count(Filter { database: "prod-orders".into(), team: "orders".into(), ..Filter::default() }).await, 50);
    assert_eq!(count(Filter { team: "billing".into(), ..Filter::default() }).await, 0);
    let own = seen(house.engineer.actor.clone(), Filter::default()).await;
    assert!(own.may_propose && own.rows.iter().all(|row| !row.waits_for_reader));
    assert_eq!((own.teams.len(), own.databases.len()), (1, 1));
}
