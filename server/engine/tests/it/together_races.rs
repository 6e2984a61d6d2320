//! Votes on the dates of a series and on single windows of it, taken back, asked anew and edited at the same moment, in many orders: afterwards a
//! window is approved exactly if its votes suffice, and the gate says the same.

use crate::freeze_races::Dice;
use crate::series::Yard;
use domain::ids::{SeriesId, WindowId};
use domain::permission::Permit;
use domain::series::form::SeriesForm;
use engine::Error;
use engine::actions::Caller;
use engine::actions::amend_window::amend_window;
use engine::actions::cast_vote::{self, cast_vote};
use engine::actions::end_series::{self, end_series};
use engine::actions::end_window::cancel_window;
use engine::actions::open_run::open_due_run;
use engine::actions::withdraw_series_vote::withdraw_series_vote;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::queries;
use engine::test_support::ServiceRole;
use std::sync::Arc;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    LeadApprovesDates,
    LeadTakesDatesBack,
    StakeholderApprovesDates,
    StakeholderTakesDatesBack,
    DeputyApprovesDates,
    LeadApprovesOne,
    LeadTakesOneBack,
    StakeholderApprovesOne,
    Born,
    AskedAnew,
    Edited,
}

const ACTS: [Act; 11] = [
    Act::LeadApprovesDates,
    Act::LeadTakesDatesBack,
    Act::StakeholderApprovesDates,
    Act::StakeholderTakesDatesBack,
    Act::DeputyApprovesDates,
    Act::LeadApprovesOne,
    Act::LeadTakesOneBack,
    Act::StakeholderApprovesOne,
    Act::Born,
    Act::AskedAnew,
    Act::Edited,
];

/// The newest window of a series, if one was born.
async fn first_born(yard: &Yard, id: SeriesId) -> Option<i64> {
    sqlx::query_scalar(
        "SELECT min(w.number) FROM drydock.series_birth b JOIN drydock.window w ON w.id = b.window_id WHERE b.series_id = $1",
    )
    .bind(id.0)
    .fetch_one(&yard.house.admin)
    .await
    .expect("a number")
}

async fn act(yard: &Yard, act: Act, id: SeriesId) -> engine::Result<()> {
    let house = &yard.house;
    let one = first_born(yard, id).await;
    let vote = async |who: &Caller, number: i64| {
        let digest = house.digest(number).await.hex();
        let input =
            cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..cast_vote::Input::default() };
        cast_vote(&house.engine, who, number, &input).await.map(drop)
    };
    match (act, one) {
        (Act::LeadApprovesDates, _) => yard.approve(&house.lead, id).await.map(drop),
        (Act::LeadTakesDatesBack, _) => withdraw_series_vote(&house.engine, &house.lead, id).await.map(drop),
        (Act::StakeholderApprovesDates, _) => yard.approve(&house.stakeholder, id).await.map(drop),
        (Act::StakeholderTakesDatesBack, _) => withdraw_series_vote(&house.engine, &house.stakeholder, id).await.map(drop),
        (Act::DeputyApprovesDates, _) => yard.approve(&house.deputy, id).await.map(drop),
        (Act::Born, _) => {
            yard.look(id).await;
            Ok(())
        }
        (Act::AskedAnew, _) => yard.asked_again(id, 3).await.map(drop),
        (Act::LeadApprovesOne, Some(number)) => vote(&house.lead, number).await,
        (Act::StakeholderApprovesOne, Some(number)) => vote(&house.stakeholder, number).await,
        (Act::LeadTakesOneBack, Some(number)) => withdraw_vote(&house.engine, &house.lead, number).await.map(drop),
        (Act::Edited, Some(number)) => {
            let form = domain::proposal::ProposalForm { title: "edited".into(), ..house.form(12) };
            amend_window(&house.engine, &house.engineer, number, 1, &form, None).await.map(drop)
        }
        (_, None) => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_many_orders_a_window_of_a_series_is_approved_exactly_if_its_votes_suffice() {
    let yard = Arc::new(Yard::new().await);
    let house = &yard.house;
    let workers = house.database.pool(ServiceRole::Worker).await;
    let mut dice = Dice(20_261_128);
    let (mut approved, mut waiting, mut lost) = (0, 0, 0);
    for round in 0..40 {
        let id = yard.made(&SeriesForm { lead_days: "7".into(), ..yard.daily(3, 3) }).await;
        yard.ask(id, 3).await;
        if round % 2 == 0 {
            yard.look(id).await;
        }
        let mut acts: Vec<Act> = ACTS.iter().copied().filter(|_| dice.roll(3) > 0).collect();
        for last in (1..acts.len()).rev() {
            acts.swap(last, usize::try_from(dice.roll(last as u64 + 1)).expect("few"));
        }
        let lanes: Vec<_> = (0..3)
            .map(|lane| {
                let (yard, mine) = (yard.clone(), acts.iter().copied().skip(lane).step_by(3).collect::<Vec<_>>());
                tokio::spawn(async move {
                    let mut said = Vec::new();
                    for one in mine {
                        match act(&yard, one, id).await {
                            Ok(()) => said.push((one, "done".to_owned())),
                            Err(Error::Refused(refusal)) => said.push((one, refusal.code)),
                            Err(Error::Invalid(errors)) => said.push((one, errors[0].message.clone())),
                            Err(other) => panic!("{one:?}: {other:?}"),
                        }
                    }
                    said
                })
            })
            .collect();
        let mut said = Vec::new();
        for lane in lanes {
            said.extend(lane.await.expect("no panic"));
        }
        yard.look(id).await;
        let born: Vec<(uuid::Uuid, i64)> = sqlx::query_as(
            "SELECT w.id, w.number FROM drydock.series_birth b JOIN drydock.window w ON w.id = b.window_id WHERE b.series_id = $1 ORDER BY w.number",
        )
        .bind(id.0)
        .fetch_all(&house.admin)
        .await
        .expect("windows");
        assert_eq!(born.len(), 3, "round {round}: {said:?}");
        for (window, number) in born {
            let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
            let state = house.state(number).await;
            assert_eq!(state == "approved", page.standing.approved, "round {round}, #{number} is {state}: {said:?}");
            let Err(Error::Refused(closed)) = open_due_run(&workers, &Permit::system(), WindowId(window), "due").await else {
                panic!("round {round}: it is not due");
            };
            assert_eq!(
                !closed.message.contains("Today's votes do not suffice"),
                page.standing.approved,
                "round {round}: {}",
                closed.message
            );
            if state == "approved" {
                approved += 1;
            } else {
                waiting += 1;
            }
            lost += usize::from(page.head.state_reason.is_some_and(|why| why.contains("taken back")));
            cancel_window(&house.engine, &house.engineer, number, "next round").await.expect("called off");
        }
        end_series(&house.engine, &house.engineer, id, &end_series::Input { reason: "next round".into() }).await.expect("ended");
    }
    assert!(approved > 10 && waiting > 10 && lost > 0, "{approved} approved, {waiting} waiting, {lost} lost or regained it");
}
