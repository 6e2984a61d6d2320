//! A registration's later life from its page: owner, password, put away, taken back, deleted.

use crate::house::House;
use crate::pages::{Browser, settle};
use http::StatusCode;

#[tokio::test]
async fn a_database_is_given_away_from_its_page_once_nothing_is_planned() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let here = format!("/databases/{}", house.target);
    let transfer = format!("{here}/transfer");
    let mut lead = Browser::of(&house, &house.lead).await;
    assert!(lead.get(&here).await.body.contains("Give it to another team"));
    let kept = lead.get(&transfer).await.body;
    assert!(kept.contains("Windows on this database are not over") && kept.contains(&format!("/windows/{number}")), "{kept}");
    lead.post(&format!("/windows/{number}/cancel"), &[("short_name", "prod-orders"), ("reason", "it goes to billing")]).await;
    let form = lead.get(&transfer).await.body;
    assert!(form.contains("those of the new owner are asked") && form.contains("billing"), "{form}");
    let mut engineer = Browser::of(&house, &house.engineer).await;
    assert_eq!(engineer.get(&transfer).await.status, StatusCode::FORBIDDEN);
    let mut stranger = Browser::of(&house, &house.foreigner).await;
    assert_eq!(stranger.get(&transfer).await.status, StatusCode::NOT_FOUND);
    let other = house.foreigner.actor.teams[0].team.to_string();
    let fields = [("team", other.as_str()), ("reason", "billing took it over"), ("confirm", "prod-orders"), ("_back", transfer.as_str())];
    // Some time after the sign-in.
    sqlx::query("UPDATE drydock.session SET elevated_until = '-infinity'").execute(&house.admin).await.expect("later");
    assert!(lead.post(&transfer, &fields).await.to.starts_with("/me/confirm"), "the own password is asked for once more");
    lead.confirm("/").await;
    assert_eq!(lead.post(&transfer, &fields).await.to, "/databases");
    assert_eq!(stranger.get(&here).await.status, StatusCode::OK, "they are its owner now");
    assert_eq!(lead.get(&here).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_retired_database_can_be_taken_back_or_deleted_for_ever() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let here = format!("/databases/{}", house.target);
    let mut lead = Browser::of(&house, &house.lead).await;
    lead.confirm("/").await;
    lead.post(&format!("/windows/{number}/cancel"), &[("short_name", "prod-orders"), ("reason", "the database goes")]).await;
    lead.post(&format!("{here}/retire"), &[("confirm", "prod-orders")]).await;
    let retired = lead.get(&here).await.body;
    assert!(retired.contains("Take it back") && retired.contains("Delete for ever"), "{retired}");
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let seen = engineer.get(&here).await.body;
    assert!(seen.contains("Take it back") && !seen.contains("Delete for ever"), "{seen}");
    lead.post(&format!("{here}/reinstate"), &[("password", "typed anew"), ("_back", &here)]).await;
    assert!(lead.get(&here).await.body.contains("Not verified"));
    lead.post(&format!("{here}/retire"), &[("confirm", "prod-orders")]).await;
    lead.post(&format!("{here}/delete"), &[("confirm", "prod-order"), ("_back", &here)]).await;
    assert!(lead.get(&here).await.body.contains("Type prod-orders to confirm"));
    lead.post(&format!("{here}/delete"), &[("confirm", "prod-orders"), ("_back", &here)]).await;
    let deleted = lead.get(&here).await.body;
    assert!(deleted.contains("only its history is left") && !deleted.contains("Take it back"), "{deleted}");
    assert!(lead.get(&format!("/windows/{number}")).await.body.contains("Deleted database"));
    assert!(!lead.get("/databases").await.body.contains("prod-orders"), "the list shows what is in use");
    assert!(lead.get("/databases?state=deleted").await.body.contains("prod-orders"));
}

#[tokio::test]
async fn a_change_of_password_is_asked_for_and_followed_on_the_page() {
    let house = House::new().await;
    settle(&house).await;
    let here = format!("/databases/{}", house.target);
    let mut engineer = Browser::of(&house, &house.engineer).await;
    assert!(engineer.get(&here).await.body.contains("Change the password now"));
    engineer.confirm("/").await;
    engineer.post(&format!("{here}/rotate"), &[("_back", &here)]).await;
    assert!(engineer.get(&here).await.body.contains("No password is stored for this database"));
    sqlx::query("INSERT INTO drydock.sealed_secret (id, target_id, field, version, envelope, set_by) VALUES (gen_random_uuid(), $1, 'password', 1, decode(repeat('01', 60), 'hex'), $2)")
        .bind(house.target.0)
        .bind(house.lead.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a password");
    engineer.post(&format!("{here}/rotate"), &[("_back", &here)]).await;
    let waiting = engineer.get(&here).await.body;
    assert!(waiting.contains("A worker changes the password") && !waiting.contains("Change the password now"), "{waiting}");
    sqlx::query("UPDATE drydock.examination SET state = 'failed', failure = 'The server is away.', answered_at = now() WHERE kind = 'password_rotation'")
        .execute(&house.admin)
        .await
        .expect("failed");
    let failed = engineer.get(&here).await.body;
    assert!(failed.contains("The server is away.") && failed.contains("Change the password now"), "{failed}");
}
