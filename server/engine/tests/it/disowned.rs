//! "This was not me" while the work is under way: what is held and stopped by it, what is not, and who is told.

use crate::glass::break_glass;
use crate::house::{House, code};
use crate::lanes::{FIRST, Lanes};
use crate::run_stage::RunStage;
use crate::voices::account;
use domain::hold::HoldVerb;
use domain::ids::{PersonId, WindowId};
use domain::view::links::Answer;
use domain::window::WindowState;
use engine::Error;
use engine::actions::Caller;
use engine::actions::cast_vote::{self, cast_vote};
use engine::actions::hold_run;
use engine::actions::withdraw_vote::{Objection, object_to_vote};
use engine::queries::{links, windows};
use engine::test_support::fail_points::Deed;
use std::time::Duration;

async fn vote(house: &House, who: &Caller, number: i64, decision: &str) {
    let digest = house.digest(number).await.hex();
    let vote = cast_vote::Input {
        decision: decision.into(),
        digest,
        short_name: "prod-orders".into(),
        comment: "looked".into(),
        ..cast_vote::Input::default()
    };
    cast_vote(&house.engine, who, number, &vote).await.expect("asked");
}

async fn not_me(house: &House, secret: &str) -> WindowState {
    object_to_vote(&house.engine, secret, &Objection { short_name: "prod-orders".into() }, "r").await.expect("not me")
}

/// The link that the confirmation of a vote carries, where the stage put the vote there without a mail.
async fn link_of(house: &House, person: PersonId, window: WindowId) -> &'static str {
    sqlx::query(
        "INSERT INTO drydock.link (id, secret_hash, purpose, person_id, window_id, digest, expires_at)
         SELECT gen_random_uuid(), sha256('s'::bytea), 'object', $1, w.id, p.digest, now() + interval '1 day'
         FROM drydock.window w JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision WHERE w.id = $2",
    )
    .bind(person.0)
    .bind(window.0)
    .execute(&house.admin)
    .await
    .expect("a link");
    "s"
}

/// The run holds after its current item, and nothing lets it go on as long as the votes do not suffice. A no that is disowned holds nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_vote_that_was_not_theirs_holds_what_runs_by_it() {
    let stage = RunStage::new().await;
    let house = &stage.house;
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    let gate = stage.hold_gate().await;
    stage.target.settled().await;
    let window = house
        .due_and_waiting_with(|plan| {
            plan.parameters = RunStage::eager();
            plan.policy.rules.deny_threshold = 2;
        })
        .await;
    vote(house, &house.deputy, window.number, "reject").await;
    for who in [&house.stakeholder, &house.lead] {
        vote(house, who, window.number, "approve").await;
    }
    let worker = stage.worker();
    stage.at_the_gate().await;
    not_me(house, &house.secret("vote_recorded", house.deputy.actor.person).await).await;
    let asked = "SELECT count(*) FROM drydock.run WHERE hold_asked_at IS NOT NULL OR stop_asked_at IS NOT NULL";
    assert_eq!(house.count(asked).await, 0, "it runs in spite of that vote, and not by it");
    let secret = house.secret("vote_recorded", house.stakeholder.actor.person).await;
    let page = links::page(&house.engine, &secret, None).await.expect("a page");
    assert!(matches!(page.answer, Answer::Object(_)), "{:?}", page.answer);
    assert_eq!(not_me(house, &secret).await, WindowState::Running);
    drop(gate);
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    let page = stage.page().await;
    assert!(page.contains("says that it was not theirs"), "{page}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.item WHERE outcome IS NULL").await, 1, "after the current item\n{page}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'held'").await.min(1), 1, "people are told\n{page}");
    let refused = stage.decide(&house.engineer, HoldVerb::Continue, "", "it is only statistics").await;
    assert!(matches!(&refused, Err(Error::Refused(refusal)) if refusal.to_string().contains("votes do not suffice")), "{refused:?}");
    // The other one, while it is held already: whoever decides is told of it.
    assert_eq!(not_me(house, &house.secret("vote_recorded", house.lead.actor.person).await).await, WindowState::Hold);
    let said = "SELECT count(*) FROM drydock.outbox WHERE kind = 'held' AND payload -> 'said' ->> 0 LIKE '%was not theirs%'";
    assert!(house.count(said).await > 0, "{}", stage.page().await);
    worker.stop().await;
}

/// Two people broke the glass: it runs by them and by no vote. Who disowns one takes it off the count, once, and nothing waits for anybody by it; what
/// somebody else holds goes on by a decision, as the glass lets it.
#[tokio::test(flavor = "multi_thread")]
async fn what_runs_by_break_glass_runs_on_without_a_vote_that_was_not_theirs() {
    let stage = RunStage::new().await;
    let house = &stage.house;
    for who in [&house.engineer, &house.lead] {
        account(house, who.actor.person).await;
    }
    stage.gated_index("invoices").await;
    stage.gated_index("letters").await;
    let gate = stage.hold_gate().await;
    stage.target.settled().await;
    let number = house.due_and_waiting_with(|plan| plan.parameters = RunStage::eager()).await.number;
    vote(house, &house.stakeholder, number, "approve").await;
    assert_eq!(house.state(number).await, "proposed", "one of two");
    break_glass(house, number).await;
    let worker = stage.worker();
    stage.at_the_gate().await;
    let facts = "SELECT count(*) FROM drydock.fact WHERE action IN ('run.ask_hold', 'run.stop', 'window.leave_out')";
    let (messages, link) = ("SELECT count(*) FROM drydock.outbox", house.secret("vote_recorded", house.stakeholder.actor.person).await);
    let told = house.count(messages).await;
    assert_eq!(not_me(house, &link).await, WindowState::Running);
    assert_eq!(code(object_to_vote(&house.engine, &link, &Objection { short_name: "prod-orders".into() }, "r").await), "link_spent");
    let asked = "SELECT count(*) FROM drydock.run WHERE hold_asked_at IS NOT NULL OR stop_asked_at IS NOT NULL";
    assert_eq!((house.count(asked).await, house.count(facts).await), (0, 0), "it runs in spite of that vote, and not by it");
    assert_eq!(house.count(messages).await, told, "nobody has to come: nothing waits by it");
    let by_link = "SELECT count(*) FROM drydock.fact WHERE action = 'vote.withdraw' AND actor_kind = 'link'
                     AND position('this was not me' IN convert_from(bytes, 'UTF8')) > 0";
    assert_eq!(house.count(by_link).await, 1);
    let page = windows::show(&house.engine, &house.auditor.actor, number, None).await.expect("a page");
    assert_eq!(page.standing.rules.iter().map(|rule| rule.have.len()).sum::<usize>(), 0, "{:?}", page.standing);
    let taken_back = page.votes[0].withdrawn.as_ref().map(|(_, why)| why.as_str());
    assert_eq!(taken_back, Some("the holder of the mailbox says: this was not me"));
    assert_eq!(page.head.glass, Some(("Egon".to_owned(), "Lena".to_owned())), "it bears both names, and runs by them");

    let typed = hold_run::Input { short_name: "prod-orders".into(), reason: "the web shop is slow".into() };
    hold_run::hold_run(&house.engine, &house.engineer, stage.run().await, &typed).await.expect("it may be held");
    drop(gate);
    stage.until(60, "SELECT state = 'hold' FROM drydock.window").await;
    stage.decide(&house.engineer, HoldVerb::Continue, "", "the shop is quick again").await.expect("the glass lets it go on");
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let page = stage.page().await;
    assert!(stage.outcomes().await.iter().all(|outcome| outcome == "done"), "{page}");
    assert_eq!(stage.text("SELECT ending FROM drydock.run").await, "finished", "{page}");
    let review = "SELECT count(*) FROM drydock.break_glass WHERE confirmed_at IS NOT NULL";
    assert_eq!(house.count(review).await, 1, "its review is owed as before\n{page}");
    worker.stop().await;
}

/// Between two waves nothing can be held: the second one does not begin, and what was done is validated.
#[tokio::test(flavor = "multi_thread")]
async fn no_further_wave_begins_by_a_vote_that_was_not_theirs() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let window = lanes.due(&[&[0], &[1]], 0, |_| ()).await;
    let house = &lanes.stage.house;
    let worker = lanes.stage.worker_process_with("before_end", 1, Deed::Freeze);
    worker.frozen(Duration::from_mins(1)).await;
    let secret = link_of(house, house.stakeholder.actor.person, window.id).await;
    assert_eq!(not_me(house, secret).await, WindowState::Running, "the last measurements of the first wave are taken");
    worker.thaw();
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    let why = "Somebody whose approval let it run says that it was not theirs.";
    assert_eq!(lanes.lanes().await, ["prod-orders finished clean".to_owned(), format!("prod-b none ({why})")], "{page}");
    assert!(lanes.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'validating'").await > 0, "people are told\n{page}");
    worker.terminate().await;
    lanes.stage.leave().await;
}

/// While the first wave is watched, its watch is stopped, and the next one does not begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_watched_wave_is_stopped() {
    let lanes = Lanes::new(&["prod-b"]).await;
    let window = lanes.due(&[&[0], &[1]], 60, |_| ()).await;
    let house = &lanes.stage.house;
    let worker = lanes.stage.worker();
    lanes.until_run(FIRST, "r.soak_until > clock_timestamp()").await;
    let secret = link_of(house, house.stakeholder.actor.person, window.id).await;
    not_me(house, secret).await;
    assert_eq!(lanes.facts("run.stop").await, 1);
    lanes.until_window("validating").await;
    let page = lanes.stage.page().await;
    assert_eq!(lanes.lanes().await[1], "prod-b none (Somebody whose approval let it run says that it was not theirs.)", "{page}");
    assert_eq!(lanes.count("SELECT count(*) FROM drydock.vote WHERE withdrawn_at IS NOT NULL").await, 1, "{page}");
    lanes.leave(worker).await;
}
