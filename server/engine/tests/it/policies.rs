//! Policies: four eyes stay possible, and windows under way keep what was sealed.

use crate::house::{House, person};
use domain::ids::PolicyId;
use domain::people::GlobalRole;
use engine::Error;
use engine::actions::Caller;
use engine::actions::save_policy::{Input, save_policy};

async fn standard(house: &House) -> PolicyId {
    PolicyId(
        sqlx::query_scalar("SELECT id FROM drydock.policy WHERE name = 'Standard'")
            .fetch_one(&house.admin)
            .await
            .expect("installed by migrate"),
    )
}

fn asks(stakeholders: u32, leads: u32) -> Input {
    Input {
        version: "1".into(),
        stakeholders: stakeholders.to_string(),
        leads: leads.to_string(),
        decide_before_start_min: "60".into(),
        ..Input::default()
    }
}

async fn save(house: &House, who: &Caller, input: Input) -> engine::Result<i32> {
    save_policy(&house.engine, who, standard(house).await, &input).await
}

#[tokio::test]
async fn a_policy_that_its_own_proposers_cannot_satisfy_is_refused_with_the_reason() {
    let house = House::new().await;
    let admin = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    let Err(Error::Refused(refusal)) = save(&house, &admin, asks(1, 2)).await else { panic!("a lead who proposes leaves one other") };
    assert_eq!(refusal.code, "policy_unsatisfiable");
    assert!(
        refusal.message.starts_with("On prod-orders: ") && refusal.message.contains("2 of the leads and deputies"),
        "{}",
        refusal.message
    );
    assert!(matches!(save(&house, &admin, asks(0, 0)).await, Err(Error::Invalid(errors)) if errors[0].field == "stakeholders"));
    assert!(matches!(save(&house, &house.lead, asks(1, 1)).await, Err(Error::Refused(refusal)) if refusal.code == "not_permitted"));
    assert_eq!(house.count("SELECT count(*) FROM drydock.policy_version").await, 2, "only the two first versions");
}

#[tokio::test]
async fn a_window_under_way_keeps_the_policy_sealed_in_its_plan() {
    let house = House::new().await;
    let admin = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    let before = house.proposed(3).await;
    assert_eq!(save(&house, &admin, asks(1, 0)).await.expect("weaker, but possible"), 2);
    assert!(matches!(save(&house, &admin, asks(1, 1)).await, Err(Error::Refused(refusal)) if refusal.code == "moved_on"));
    let after = house.proposed(5).await;
    let versions: Vec<i32> =
        sqlx::query_scalar("SELECT policy_version FROM drydock.revision r JOIN drydock.window w ON w.id = r.window_id ORDER BY w.number")
            .fetch_all(&house.admin)
            .await
            .expect("revisions");
    assert_eq!(versions, [1, 2]);
    assert!(after.asked < before.asked, "nobody but the stakeholder is asked now");
}
