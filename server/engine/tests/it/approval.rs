//! From a proposal to an approved window, under the web role.

use crate::house::{House, code};
use domain::proposal::ProposalForm;
use domain::window::WindowState;
use engine::Error;
use engine::actions::Caller;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{Input, Outcome, cast_vote, cast_vote_by_link};
use engine::actions::end_window::cancel_window;
use engine::actions::propose_window::propose_window;
use engine::actions::withdraw_vote::{Objection, object_to_vote, withdraw_vote};

async fn approval(house: &House, number: i64) -> Input {
    Input { decision: "approve".into(), digest: house.digest(number).await.hex(), short_name: "prod-orders".into(), ..Input::default() }
}

async fn approve(house: &House, who: &Caller, number: i64) -> engine::Result<Outcome> {
    cast_vote(&house.engine, who, number, &approval(house, number).await).await
}

#[tokio::test]
async fn a_stakeholder_by_link_and_another_lead_make_a_quorum() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    assert_eq!(window.asked, 3, "stakeholder, lead and deputy");
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    let first = cast_vote_by_link(&house.engine, &secret, None, &approval(&house, window.number).await, "r").await.expect("a good link");
    assert_eq!(first.state, WindowState::Proposed);
    assert!(first.message.contains("1 more is needed"), "{}", first.message);
    let second = approve(&house, &house.deputy, window.number).await.expect("a deputy counts");
    assert_eq!(second.state, WindowState::Approved);
    assert_eq!(house.count("SELECT count(*) FROM drydock.window_target WHERE live").await, 1);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'approved'").await,
        4,
        "stakeholder, lead, deputy, proposer: once each"
    );
}

#[tokio::test]
async fn a_link_decides_once_for_one_plan() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    let input = approval(&house, window.number).await;
    assert_eq!(code(cast_vote_by_link(&house.engine, "wrong", None, &input, "r").await), "not_found");
    let mut form = house.form(3);
    form.reason = "more work".into();
    amend_window(&house.engine, &house.engineer, window.number, 1, &form, None).await.expect("an edit");
    assert_eq!(code(cast_vote_by_link(&house.engine, &secret, None, &input, "r").await), "stale_plan");
    let edited = approval(&house, window.number).await;
    assert_eq!(
        code(cast_vote_by_link(&house.engine, &secret, None, &edited, "r").await),
        "link_spent",
        "the old mail's link died with the old plan"
    );
    let fresh = house.secret("approval_needed", house.stakeholder.actor.person).await;
    cast_vote_by_link(&house.engine, &fresh, None, &edited, "r").await.expect("the new mail's link");
    assert_eq!(code(cast_vote_by_link(&house.engine, &fresh, None, &edited, "r").await), "already_voted");
}

#[tokio::test]
async fn contributors_never_vote_even_when_they_lead() {
    let house = House::new().await;
    let window = propose_window(&house.engine, &house.lead, &house.form(3), None).await.expect("a lead may propose");
    assert_eq!(code(approve(&house, &house.lead, window.number).await), "four_eyes");
    amend_window(&house.engine, &house.deputy, window.number, 1, &house.form(4), None)
        .await
        .map(drop)
        .expect_err("then no lead or deputy is left");
    assert_eq!(house.state(window.number).await, "proposed", "nothing of the refused edit stays");
    assert_eq!(house.count("SELECT count(*) FROM drydock.contributor").await, 1);
}

#[tokio::test]
async fn strangers_see_nothing_and_bystanders_learn_whom_to_ask() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    assert_eq!(code(approve(&house, &house.foreigner, window.number).await), "not_found");
    assert_eq!(code(cancel_window(&house.engine, &house.foreigner, window.number, "x").await), "not_found");
    // Of a database that is not theirs the form says what it says of one that is not there.
    assert_eq!(code(propose_window(&house.engine, &house.foreigner, &house.form(3), None).await), "target");
    assert_eq!(code(approve(&house, &house.auditor, window.number).await), "not_permitted");
    assert_eq!(code(cancel_window(&house.engine, &house.stakeholder, window.number, "x").await), "not_permitted");
    assert_eq!(house.state(window.number).await, "proposed");
}

#[tokio::test]
async fn one_rejection_ends_it_and_tells_the_proposer_why() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let mut input = approval(&house, window.number).await;
    input.decision = "reject".into();
    assert_eq!(code(cast_vote(&house.engine, &house.lead, window.number, &input).await), "comment");
    input.comment = "release day".into();
    let outcome = cast_vote(&house.engine, &house.lead, window.number, &input).await.expect("a lead may reject");
    assert_eq!(outcome.state, WindowState::Rejected);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'rejected' AND payload ->> 'comment' = 'release day'").await,
        4
    );
    assert_eq!(code(approve(&house, &house.deputy, window.number).await), "moved_on");
}

#[tokio::test]
async fn approving_needs_the_typed_name_and_the_shown_digest() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let mut input = approval(&house, window.number).await;
    input.short_name = "orders".into();
    assert_eq!(code(cast_vote(&house.engine, &house.lead, window.number, &input).await), "short_name");
    input.short_name = " PROD-orders ".into();
    input.digest = "00".repeat(32);
    assert_eq!(code(cast_vote(&house.engine, &house.lead, window.number, &input).await), "stale_plan");
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote").await, 0);
}

#[tokio::test]
async fn live_windows_of_one_database_never_overlap() {
    let house = House::new().await;
    let (one, two) = (house.proposed(3).await, house.proposed(3).await);
    approve(&house, &house.stakeholder, one.number).await.expect("a stakeholder");
    approve(&house, &house.stakeholder, two.number).await.expect("proposals may overlap");
    approve(&house, &house.lead, one.number).await.expect("a lead");
    assert_eq!(code(approve(&house, &house.lead, two.number).await), "overlap");
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote").await, 3, "the refused vote left nothing");
    assert_eq!(code(propose_window(&house.engine, &house.engineer, &house.form(3), None).await), "date");
    cancel_window(&house.engine, &house.engineer, one.number, "not tonight").await.expect("called off");
    approve(&house, &house.lead, two.number).await.expect("the time is free again");
}

#[tokio::test]
async fn two_people_approving_at_once_both_count() {
    let house = House::new().await;
    for days in 2..7 {
        let window = house.proposed(days).await;
        let (a, b) = tokio::join!(approve(&house, &house.stakeholder, window.number), approve(&house, &house.lead, window.number));
        let states = [a.expect("first").state, b.expect("second").state];
        assert!(states.contains(&WindowState::Approved) && states.contains(&WindowState::Proposed), "{states:?}");
    }
}

#[tokio::test]
async fn a_double_submit_votes_once() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    let input = approval(&house, window.number).await;
    let (a, b) = tokio::join!(
        cast_vote_by_link(&house.engine, &secret, None, &input, "r"),
        cast_vote_by_link(&house.engine, &secret, None, &input, "r")
    );
    assert_eq!([&a, &b].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote").await, 1);
    let loser = if a.is_err() { a } else { b };
    assert_eq!(code(loser), "already_voted");
}

#[tokio::test]
async fn a_vote_taken_back_stops_an_approved_window() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    cast_vote_by_link(&house.engine, &secret, None, &approval(&house, window.number).await, "r").await.expect("a vote");
    approve(&house, &house.lead, window.number).await.expect("a lead");
    let object = house.secret("vote_recorded", house.stakeholder.actor.person).await;
    let pressed = object_to_vote(&house.engine, &object, &Objection::default(), "r").await;
    assert!(matches!(pressed, Err(engine::Error::Invalid(_))), "a pressed button alone takes nothing back: {pressed:?}");
    let typed = Objection { short_name: "prod-orders".into() };
    assert_eq!(object_to_vote(&house.engine, &object, &typed, "r").await.expect("not me"), WindowState::Proposed);
    assert_eq!(code(object_to_vote(&house.engine, &object, &typed, "r").await), "link_spent");
    assert_eq!(house.count("SELECT count(*) FROM drydock.window_target WHERE live").await, 0);
    assert_eq!(withdraw_vote(&house.engine, &house.lead, window.number).await.expect("own vote"), WindowState::Proposed);
    assert_eq!(code(withdraw_vote(&house.engine, &house.lead, window.number).await), "no_vote");
}

#[tokio::test]
async fn once_the_work_began_a_vote_stays() {
    let house = House::new().await;
    let window = house.due_and_waiting().await;
    for who in [&house.stakeholder, &house.lead] {
        approve(&house, who, window.number).await.expect("a vote");
    }
    house.put(window.id, 2, WindowState::Running).await;
    let Err(Error::Refused(refusal)) = withdraw_vote(&house.engine, &house.lead, window.number).await else { panic!("too late") };
    assert_eq!(refusal.code, "moved_on");
    assert!(refusal.message.contains("“Running”: the vote can no longer be taken back"), "{refusal}");
    assert!(refusal.way_out.starts_with("Stop the run on its page"), "{refusal}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.vote WHERE withdrawn_at IS NOT NULL").await, 0);
}

/// Sent back, changed, asked about anew: earlier votes are votes on another plan.
#[tokio::test]
async fn what_was_sent_back_is_changed_and_asked_about_again() {
    let house = House::new().await;
    let number = house.proposed(3).await.number;
    approve(&house, &house.stakeholder, number).await.expect("a vote on the first revision");
    let stale = approval(&house, number).await;
    let ask = Input { decision: "request_changes".into(), comment: "Leave the archive alone.".into(), ..stale.clone() };
    cast_vote(&house.engine, &house.lead, number, &ask).await.expect("sent back");
    assert_eq!(house.state(number).await, "draft");
    let told = "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'changes_asked' AND p.name = 'Egon'";
    assert_eq!(house.count(told).await, 1);
    let form = ProposalForm { excluded: "shop.archive".into(), ..house.form(3) };
    assert_eq!(amend_window(&house.engine, &house.engineer, number, 1, &form, None).await.expect("changed"), 2);
    assert_eq!(house.state(number).await, "proposed");
    let asked =
        "SELECT count(DISTINCT person_id) FROM drydock.outbox o JOIN drydock.plan p ON p.window_id = o.window_id AND p.digest = o.digest
                 WHERE o.kind = 'approval_needed' AND p.revision = 2";
    assert_eq!(house.count(asked).await, 3, "everybody, whoever had voted");
    // A page of the first revision is told what happened, in a sentence.
    let Err(Error::Refused(refusal)) = cast_vote(&house.engine, &house.lead, number, &stale).await else { panic!("a stale plan") };
    assert!(refusal.code == "stale_plan" && refusal.message.contains("it is now revision 2"), "{refusal}");
    let late = amend_window(&house.engine, &house.engineer, number, 1, &house.form(4), None).await;
    let Err(Error::Refused(refusal)) = late else { panic!("somebody saved meanwhile") };
    assert!(refusal.code == "moved_on" && refusal.way_out.starts_with("Your text is still in the form"), "{refusal}");
    approve(&house, &house.lead, number).await.expect("the new plan");
    assert_eq!(house.state(number).await, "proposed", "the stakeholder's vote was on another plan");
    approve(&house, &house.stakeholder, number).await.expect("the new plan");
    assert_eq!(house.state(number).await, "approved");
}

#[tokio::test]
async fn leaving_the_group_takes_the_vote_along() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    approve(&house, &house.stakeholder, window.number).await.expect("a stakeholder");
    sqlx::query("UPDATE drydock.person SET active = false WHERE id = $1")
        .bind(house.stakeholder.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("deactivated");
    let after = approve(&house, &house.lead, window.number).await.expect("a lead");
    assert_eq!(after.state, WindowState::Proposed, "the stakeholder's vote no longer counts");
}

#[tokio::test]
async fn an_edit_by_two_people_at_once_keeps_one() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    let (form_a, form_b) = (house.form(4), house.form(5));
    let (a, b) = tokio::join!(
        amend_window(&house.engine, &house.engineer, window.number, 1, &form_a, None),
        amend_window(&house.engine, &house.engineer, window.number, 1, &form_b, None)
    );
    assert_eq!([&a, &b].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(code(if a.is_err() { a } else { b }), "moved_on");
    assert_eq!(house.count("SELECT count(*) FROM drydock.plan").await, 2);
}

#[tokio::test]
async fn every_transition_has_its_fact_with_matching_bytes() {
    let house = House::new().await;
    let window = house.proposed(3).await;
    approve(&house, &house.stakeholder, window.number).await.expect("a stakeholder");
    approve(&house, &house.lead, window.number).await.expect("a lead");
    cancel_window(&house.engine, &house.engineer, window.number, "not tonight").await.expect("called off");
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM drydock.fact ORDER BY id").fetch_all(&house.admin).await.expect("facts");
    assert_eq!(actions, ["window.draft", "window.propose", "vote.cast", "vote.cast", "window.approve", "window.cancel"]);
    let wrong = house
        .count("SELECT count(*) FROM drydock.fact f WHERE convert_from(f.bytes, 'UTF8')::jsonb ->> 'action' <> f.action OR (convert_from(f.bytes, 'UTF8')::jsonb ->> 'id')::bigint <> f.id")
        .await;
    assert_eq!(wrong, 0);
}
