//! Stages on the real database: whose turn it is, what the worker does at their deadlines, and votes that meet them at the same moment.

use crate::house::{code, person};
use crate::inventory::worker;
use crate::policies::{STAKEHOLDER_ALONE, Town};
use domain::view::windows::list::Filter;
use domain::window::WindowState;
use engine::actions::amend_window::amend_window;
use engine::actions::{Caller, cast_vote, withdraw_vote};
use engine::{Error, queries};

/// Two stages: the stakeholder two days before, with reminders, or a lead instead; then a lead.
const TWO_STAGES: &[(&str, &str)] = &[
    ("rule2_stage", "2"),
    ("stage1_before_min", "2880"),
    ("stage1_remind_min", "60"),
    ("stage1_deadline", "escalate"),
    ("stage1_who", "lead"),
    ("stage1_within_min", "1440"),
];

#[tokio::test]
async fn each_stage_has_its_own_reminders_escalation_and_end() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, TWO_STAGES).await;
    let window = house.proposed(9).await;
    let worker = worker(house).await;
    let tick = || async { engine::scheduler::tick(&worker).await.expect("ticks") };
    town.run("UPDATE drydock.window SET state_at = now() - interval '61 minutes'").await;
    tick().await;
    assert_eq!(town.asked(window.number).await, ["Sten", "Sten"], "the first stage is reminded");
    town.run("UPDATE drydock.revision_stage SET escalate_at = now() - interval '1 minute' WHERE escalate_at IS NOT NULL").await;
    tick().await;
    tick().await;
    assert_eq!(town.asked(window.number).await, ["Sten", "Sten", "Dario", "Lena"], "its second group, once");
    assert_eq!(town.vote(&house.lead, window.number, "approve").await.expect("asked").state, WindowState::Proposed);
    assert_eq!(town.asked(window.number).await[4..], ["Dario"], "Lena took the first seat, so the second is for the other lead");
    town.run("UPDATE drydock.window SET state_at = now() - interval '3 days', asked_at = now() - interval '3 days'").await;
    tick().await;
    assert_eq!(town.asked(window.number).await.len(), 5, "the second stage reminds nobody");
    assert_eq!(house.state(window.number).await, "proposed", "the end of the first stage is no matter any more");
    // Whose vote the first stage stood on takes it back: its deadlines hold again.
    withdraw_vote::withdraw_vote(&house.engine, &house.lead, window.number).await.expect("her own");
    town.run("UPDATE drydock.revision_stage SET decide_by_at = now() - interval '1 second' WHERE stage = 0").await;
    tick().await;
    assert_eq!(house.state(window.number).await, "expired");
}

#[tokio::test]
async fn an_edit_asks_the_first_stage_again_and_forgets_what_was_escalated() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, TWO_STAGES).await;
    let window = house.proposed(9).await;
    town.run("UPDATE drydock.revision_stage SET escalate_at = now() - interval '1 minute' WHERE escalate_at IS NOT NULL").await;
    let worker = worker(house).await;
    engine::scheduler::tick(&worker).await.expect("ticks");
    town.vote(&house.stakeholder, window.number, "approve").await.expect("his turn");
    let form = domain::proposal::ProposalForm { title: "Another title".into(), ..house.form(9) };
    amend_window(&house.engine, &house.engineer, window.number, 1, &form, None).await.expect("edited");
    let stage: (i32, Vec<i32>) = sqlx::query_as("SELECT stage, escalated_stages FROM drydock.window WHERE number = $1")
        .bind(window.number)
        .fetch_one(&house.admin)
        .await
        .expect("a window");
    assert_eq!(stage, (0, vec![]));
    assert_eq!(town.asked(window.number).await.last().map(String::as_str), Some("Sten"));
    assert_eq!(code(town.vote(&house.lead, window.number, "approve").await), "not_your_turn");
}

#[tokio::test]
async fn an_approval_that_is_lost_opens_the_stage_that_lacks_it() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, TWO_STAGES).await;
    let window = house.proposed(9).await;
    let stage = async || house.count("SELECT stage::bigint FROM drydock.window").await;
    town.vote(&house.stakeholder, window.number, "approve").await.expect("his turn");
    assert_eq!(stage().await, 1);
    assert_eq!(town.vote(&house.lead, window.number, "approve").await.expect("her turn").state, WindowState::Approved);
    let left = withdraw_vote::withdraw_vote(&house.engine, &house.stakeholder, window.number).await.expect("his own");
    assert_eq!((left, stage().await), (WindowState::Proposed, 0), "the deadlines of the first stage hold again");
}

#[tokio::test]
async fn a_list_says_wait_only_to_those_whose_turn_it_is() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, &[("rule2_stage", "2")]).await;
    let window = house.proposed(3).await;
    let waits = async |who: &Caller| {
        let page = queries::windows::list(&house.engine, &who.actor, &Filter::default()).await.expect("a list");
        page.rows.iter().any(|row| row.number == window.number && row.waits_for_reader)
    };
    assert!(!waits(&house.lead).await, "her stage has not begun");
    town.vote(&house.stakeholder, window.number, "approve").await.expect("his turn");
    assert!(waits(&house.lead).await);
}

#[tokio::test]
async fn the_last_votes_of_a_stage_at_the_same_moment_open_the_next_one_once() {
    let town = Town::new().await;
    let house = &town.house;
    let second = person(&house.admin, "Stella", None, &[]).await;
    sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
        .bind(house.target.0)
        .bind(second.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a second stakeholder");
    town.adopted(1, &[("rule1_how", "all"), ("rule2_stage", "2")]).await;
    let window = house.proposed(3).await;
    let vote = async |who: &Caller| {
        let secret = house.secret("approval_needed", who.actor.person).await;
        let digest = house.digest(window.number).await.hex();
        let input =
            cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..cast_vote::Input::default() };
        cast_vote::cast_vote_by_link(&house.engine, &secret, None, &input, "test").await
    };
    let (one, other) = tokio::join!(vote(&house.stakeholder), vote(&second));
    assert_eq!([one.expect("counts").state, other.expect("counts").state], [WindowState::Proposed; 2]);
    let asked = town.asked(window.number).await;
    assert_eq!(asked[2..], ["Dario", "Lena"], "the leads, once: {asked:?}");
}

#[tokio::test]
async fn a_vote_and_the_deadline_at_the_same_moment_leave_one_outcome() {
    let town = Town::new().await;
    let house = &town.house;
    town.adopted(1, STAKEHOLDER_ALONE).await;
    let worker = worker(house).await;
    for day in [3, 5, 7, 9] {
        let window = house.proposed(day).await;
        town.run("UPDATE drydock.revision_stage SET decide_by_at = clock_timestamp() + interval '15 milliseconds'").await;
        let ticks = async {
            while house.state(window.number).await == "proposed" {
                engine::scheduler::tick(&worker).await.expect("ticks");
            }
        };
        let (voted, ()) = tokio::join!(town.vote(&house.stakeholder, window.number, "approve"), ticks);
        let (state, approvals) =
            (house.state(window.number).await, house.count("SELECT count(*) FROM drydock.fact WHERE action = 'window.approve'").await);
        match voted {
            Ok(outcome) => assert_eq!((outcome.state, state.as_str()), (WindowState::Approved, "approved")),
            Err(Error::Refused(refusal)) => {
                assert!(["too_late", "moved_on"].contains(&refusal.code.as_str()), "{refusal:?}");
                assert_eq!(state, "expired");
            }
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(approvals, house.count("SELECT count(*) FROM drydock.window WHERE state = 'approved'").await);
    }
}
