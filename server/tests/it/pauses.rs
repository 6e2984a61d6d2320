//! Pausing everything from the page, and what the other pages say meanwhile.

use crate::house::{House, person};
use crate::pages::{Browser, settle};
use domain::people::GlobalRole;
use http::StatusCode;

const REASON: &str = "the storage of the second site is failing";

#[tokio::test]
async fn a_lead_pauses_everybody_reads_it_and_an_administrator_resumes() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let mut lead = Browser::of(&house, &house.lead).await;
    let page = lead.get("/pause").await;
    assert!(page.body.contains("Nothing is paused.") && page.body.contains("Pause all maintenance now"), "{}", page.body);
    let refused = lead.post("/pause", &[("level", ""), ("reason", REASON), ("_back", "/pause")]).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    let again = lead.get("/pause").await;
    assert!(
        again.body.contains("Choose whether runs in progress go on") && again.body.contains(REASON),
        "typed text stays: {}",
        again.body
    );
    lead.post("/pause", &[("level", "start_nothing"), ("reason", REASON)]).await;
    let done = lead.get("/pause").await;
    assert!(done.body.contains("Resume maintenance") && done.body.contains("Also hold what runs"), "{}", done.body);

    let mut engineer = Browser::of(&house, &house.engineer).await;
    for path in ["/", "/windows", "/databases", "/me", &format!("/windows/{number}")] {
        let shown = engineer.get(path).await.body;
        assert!(shown.contains("All maintenance is paused.") && shown.contains(REASON) && shown.contains("Lena"), "{path}");
    }
    let page = engineer.get("/pause").await.body;
    assert!(page.contains(" or an administrator can resume it") && !page.contains("Resume maintenance"), "{page}");
    engineer.post("/pause/resume", &[("reason", "I want to work"), ("_back", "/pause")]).await;
    assert_eq!(house.count("SELECT count(*) FROM drydock.pause WHERE resumed_at IS NULL").await, 1);
    assert!(engineer.get("/pause").await.body.contains("You may not resume maintenance that somebody else paused"));

    // Whoever is asked by mail reads it as well; strangers at the sign-in do not.
    let secret = house.secret("approval_needed", house.stakeholder.actor.person).await;
    let mut nobody = Browser::new(&house);
    let approval = nobody.get(&format!("/a/{secret}")).await.body;
    assert!(
        approval.contains("All maintenance is paused since") && approval.contains("A decision is taken down all the same."),
        "{approval}"
    );
    assert!(!nobody.get("/login").await.body.contains(REASON));

    let admin = person(&house.admin, "Anton", None, &[GlobalRole::Admin]).await;
    let mut admin = Browser::of(&house, &admin).await;
    admin.post("/pause/resume", &[("reason", "the storage was replaced")]).await;
    let over = admin.get("/pause").await.body;
    assert!(over.contains("Earlier pauses") && over.contains("the storage was replaced") && !over.contains("banner paused"), "{over}");
}
