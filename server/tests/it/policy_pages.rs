//! Policies from their pages on: a change is typed, proposed, agreed to by somebody else; and a window is imagined.

use crate::house::{House, person};
use crate::pages::{Browser, settle};
use domain::people::GlobalRole;
use http::StatusCode;

/// The fields of a policy for everything but development that asks one stakeholder alone.
const FIELDS: &[(&str, &str)] = &[
    ("rule1_who", "stakeholder"),
    ("rule1_how", "number"),
    ("rule1_count", "1"),
    ("rule1_known", "link"),
    ("deny_threshold", "1"),
    ("remind_every_min", "0"),
    ("deadline", "expire"),
    ("precedence", "0"),
    ("environments", "test"),
    ("environments", "staging"),
    ("environments", "production"),
];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    FIELDS.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn a_change_is_typed_proposed_and_agreed_to_by_somebody_else() {
    let house = House::new().await;
    let ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    let bert = person(&house.admin, "Bert", None, &[GlobalRole::Admin]).await;
    settle(&house).await;
    let (mut ada, mut bert) = (Browser::of(&house, &ada).await, Browser::of(&house, &bert).await);
    let mut lead = Browser::of(&house, &house.lead).await;
    let list = ada.get("/policies").await.body;
    let path = list.split("href=\"/policies/0").nth(1).and_then(|after| after.split('"').next()).map(|id| format!("/policies/0{id}"));
    assert!(list.contains("Standard") && list.contains("Who must approve?"), "{list}");
    let standard: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.policy WHERE name = 'Standard'").fetch_one(&house.admin).await.expect("installed");
    let here = format!("/policies/{standard}");
    assert!(path.is_some() && list.contains(&format!("href=\"{here}\"")), "{list}");
    assert_eq!(lead.get(&here).await.status, StatusCode::FORBIDDEN);
    let form = ada.get(&here).await.body;
    assert!(form.contains("name=\"rule6_who\"") && form.contains("name=\"version\" value=\"1\""), "{form}");

    let staged = [("rule2_who", "engineer"), ("rule2_stage", "2"), ("rule2_deny", "7")];
    ada.post(&here, &[&with(&[("version", "1"), ("decide_before_start_min", "99999"), ("_back", &here)]), &staged[..]].concat()).await;
    let again = ada.get(&here).await.body;
    assert!(
        again.contains("name=\"rule2_deny\" value=\"7\"") && again.contains("<option value=\"engineer\" selected"),
        "rules too: {again}"
    );
    assert!(again.contains("value=\"99999\"") && again.contains("Give a whole number from 0 to 20160."), "typed text stays: {again}");

    let good = with(&[("version", "1"), ("decide_before_start_min", "60"), ("_back", &here)]);
    assert_eq!(ada.post(&here, &good).await.to, "/policies");
    let proposed = ada.get("/policies").await.body;
    assert!(proposed.contains("It counts once 2 others have agreed"), "{proposed}");
    assert!(proposed.contains("Proposed: version 2 of “Standard”") && proposed.contains("You proposed this change"), "{proposed}");
    assert!(!proposed.contains("Agree to this change"), "{proposed}");
    let waits = ada.get(&here).await.body;
    assert!(waits.contains("A change of it waits already"), "{waits}");

    let home = bert.get("/").await.body;
    assert!(home.contains("A change of the policy “Standard” waits for your agreement."), "{home}");
    let page = bert.get("/policies").await.body;
    let agree = page.split("action=\"/policies/changes/").nth(1).and_then(|after| after.split('"').next()).expect("a form").to_owned();
    let digest =
        page.split("name=\"digest\" value=\"").nth(1).and_then(|after| after.split('"').next()).expect("what is agreed to").to_owned();
    assert!(agree.ends_with("/agree"), "{agree}");
    let said = |body: &str| body.replace("<!>", "");
    assert!(
        said(&page).contains("0 of 2, waiting for Lena, Bert or Adele"),
        "administrators for the stakeholder, who has no account: {page}"
    );
    assert_eq!(lead.post(&format!("/policies/changes/{agree}"), &[("digest", &digest)]).await.to, "/policies");
    let half = bert.get("/policies").await.body;
    assert!(said(&half).contains("1 of 2, waiting for Bert or Adele"), "{half}");
    assert_eq!(bert.post(&format!("/policies/changes/{agree}"), &[("digest", &digest)]).await.to, "/policies");
    let adopted = bert.get("/policies").await.body;
    assert!(adopted.contains("Your agreement was the last one needed") && !adopted.contains("Proposed: version"), "{adopted}");
    assert!(adopted.contains("Decisions are possible until 60 minutes before the latest start"), "{adopted}");
}

#[tokio::test]
async fn a_window_is_imagined_and_kept_as_an_example() {
    let house = House::new().await;
    let ada = person(&house.admin, "Ada", None, &[GlobalRole::Admin]).await;
    settle(&house).await;
    let (mut ada, mut lead) = (Browser::of(&house, &ada).await, Browser::of(&house, &house.lead).await);
    let empty = lead.get("/policies/who").await.body;
    assert!(empty.contains("prod-orders (orders)") && !empty.contains("The answer"), "{empty}");
    let proposer = house.engineer.actor.person;
    let ask = format!("/policies/who?database=prod-orders&proposer={proposer}");
    let answer = lead.get(&ask).await.body;
    assert!(answer.contains("can be approved") && answer.contains("Dario or Lena"), "{answer}");
    assert!(!answer.contains("Keep this example"), "{answer}");
    let short = lead.get(&format!("{ask}&absent={}&absent={}", house.lead.actor.person, house.deputy.actor.person)).await.body;
    assert!(short.contains("nobody could get it approved") && short.contains("and 0 could."), "{short}");
    let unknown = lead.get("/policies/who?database=nowhere&most_mib=x").await;
    assert!(unknown.status == StatusCode::OK && unknown.body.contains("There is no database with this name."), "{}", unknown.body);

    let kept = ada.get(&ask).await.body;
    assert!(kept.contains("Keep this example"), "{kept}");
    let proposer = proposer.to_string();
    let fields = [("name", "Weekly"), ("database", "prod-orders"), ("proposer", proposer.as_str())];
    assert_eq!(ada.post("/policies/examples", &fields).await.to, "/policies/who");
    let listed = ada.get("/policies/who").await.body;
    assert!(listed.contains("Weekly") && listed.contains("2 people by “Standard”, and they are there"), "{listed}");
    let forget = listed.split("action=\"/policies/examples/").nth(1).and_then(|after| after.split('"').next()).expect("a form").to_owned();
    ada.post(&format!("/policies/examples/{forget}"), &[]).await;
    assert!(ada.get("/policies/who").await.body.contains("No example yet"));
}
