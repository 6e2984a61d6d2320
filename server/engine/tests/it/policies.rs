//! Policies: four eyes stay possible, and windows under way keep what was sealed.

use crate::house::{House, person};
use domain::ids::PolicyId;
use domain::people::GlobalRole;
use domain::window::WindowState;
use engine::Error;
use engine::actions::Caller;
use engine::actions::cast_vote;
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

#[tokio::test]
async fn where_votes_must_be_signed_in_only_people_with_accounts_are_asked_and_a_link_does_not_approve() {
    let house = House::new().await;
    let admin = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    let signed_in = || Input { stakeholders_assurance: "account".into(), ..asks(1, 0) };
    let Err(Error::Refused(refusal)) = save(&house, &admin, signed_in()).await else { panic!("Sten has no account") };
    assert!(refusal.code == "policy_unsatisfiable" && refusal.message.contains("0 with an account"), "{}", refusal.message);

    let sten = house.stakeholder.actor.person;
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA')")
        .bind(sten.0)
        .execute(&house.admin)
        .await
        .expect("an account");
    assert_eq!(save(&house, &admin, signed_in()).await.expect("Sten can sign in"), 2);
    let window = house.proposed(3).await;
    let secret = house.secret("approval_needed", sten).await;
    let page = engine::queries::links::page(&house.engine, &secret).await.expect("a page");
    assert!(page.about.sign_in_to_approve);
    let html = engine::paper::approval::page(&page, "/a/x", &engine::paper::approval::TypedAgain::default()).expect("written");
    assert!(html.contains("counts only when you are signed in") && !html.contains("value=\"approve\""), "{html}");
    let digest = house.digest(window.number).await.hex();
    let vote = cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), comment: String::new() };
    let by_link = cast_vote::cast_vote_by_link(&house.engine, &secret, &vote, "r").await;
    assert!(matches!(&by_link, Err(Error::Refused(refusal)) if refusal.code == "sign_in_needed"), "{by_link:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.link WHERE used_at IS NOT NULL").await, 0, "the link is not spent");
    let signed = cast_vote::cast_vote(&house.engine, &house.stakeholder, window.number, &vote).await.expect("signed in");
    assert_eq!(signed.state, WindowState::Approved);
}
