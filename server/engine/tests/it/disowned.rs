//! "This was not me" while the work is under way: what is held and stopped by it, what is not, and who is told.

use crate::house::House;
use crate::lanes::{FIRST, Lanes};
use crate::run_stage::RunStage;
use domain::hold::HoldVerb;
use domain::ids::{PersonId, WindowId};
use domain::view::links::Answer;
use domain::window::WindowState;
use engine::Error;
use engine::actions::Caller;
use engine::actions::cast_vote::{self, cast_vote};
use engine::actions::withdraw_vote::{Objection, object_to_vote};
use engine::queries::links;
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
