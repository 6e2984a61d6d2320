//! Break-glass from the page on, without script: asked, confirmed by somebody else who types the password, said everywhere, and reviewed.

use crate::house::House;
use crate::pages::{Browser, settle};
use domain::proposal::ProposalForm;
use engine::actions::propose_window::propose_window;

/// A window of the engineer's that starts in two hours.
async fn urgent(house: &House) -> i64 {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").expect("bundled");
    let start = (house.engine.clock().now() + jiff::SignedDuration::from_hours(2)).to_zoned(zone);
    let form = ProposalForm {
        date: start.strftime("%Y-%m-%d").to_string(),
        time: start.strftime("%H:%M").to_string(),
        fold: "first".into(),
        ..house.form(1)
    };
    propose_window(&house.engine, &house.engineer, &form, None).await.expect("proposed").number
}

#[tokio::test]
async fn two_people_break_the_glass_and_a_third_reviews_it() {
    let house = House::new().await;
    settle(&house).await;
    let number = urgent(&house).await;
    let (page, digest) = (format!("/windows/{number}"), house.digest(number).await.hex());
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let shown = engineer.get(&page).await.body;
    assert!(shown.contains("Break the glass") && !shown.contains("Confirm the break-glass"), "{shown}");

    let ask = format!("{page}/glass");
    let short = [("digest", digest.as_str()), ("short_name", "orders"), ("reason", "hurry"), ("_back", page.as_str())];
    engineer.post(&ask, &short).await;
    let again = engineer.get(&page).await.body;
    assert!(again.contains("At least 20 characters; this has 5.") && again.contains("hurry"), "what was typed stays: {again}");
    let why = "Orders cannot be placed, <b>the index</b> is corrupt.";
    let good = [("digest", digest.as_str()), ("short_name", "prod-orders"), ("reason", why), ("_back", page.as_str())];
    assert_eq!(engineer.post(&ask, &good).await.to, format!("{page}#glass"));
    let waits = engineer.get(&page).await.body;
    assert!(
        waits.contains("waits for a second person") && !waits.contains("Confirm the break-glass"),
        "an engineer confirms nothing: {waits}"
    );

    let mut stakeholder = Browser::of(&house, &house.stakeholder).await;
    let read = stakeholder.get(&page).await.body;
    assert!(read.contains("Orders cannot be placed, &lt;b&gt;the index&lt;/b&gt; is corrupt.") && !read.contains("<b>the index"), "{read}");

    let mut lead = Browser::of(&house, &house.lead).await;
    let confirm = format!("{page}/glass/confirm");
    let second = [("digest", digest.as_str()), ("short_name", "prod-orders"), ("_back", page.as_str())];
    // The password was typed at the sign-in, and that was long ago.
    sqlx::query("UPDATE drydock.session SET elevated_until = created_at WHERE person_id = $1")
        .bind(house.lead.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("a while ago");
    assert!(lead.post(&confirm, &second).await.to.starts_with("/me/confirm"), "present means that the password is typed");
    lead.confirm(&page).await;
    assert_eq!(lead.post(&confirm, &second).await.to, format!("{page}#glass"));
    for (address, says) in [
        (page.clone(), "without the approvals of its policy"),
        (format!("{page}/evidence"), "Break-glasses, oldest first"),
        ("/windows".to_owned(), "break-glass"),
    ] {
        let body = stakeholder.get(&address).await.body;
        assert!(body.contains(says), "{address}: {body}");
    }
    let file = stakeholder.get(&format!("{page}/evidence.json")).await.body;
    let file: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    assert_eq!(
        (&file["break_glass"][0]["asked_by"], &file["break_glass"][0]["confirmed"]["by"]),
        (&"Egon".into(), &"Lena".into()),
        "{file}"
    );

    let glass: uuid::Uuid = sqlx::query_scalar("SELECT id FROM drydock.break_glass").fetch_one(&house.admin).await.expect("one");
    let review = format!("{page}/glass/{glass}/review");
    assert!(!lead.get(&page).await.body.contains("Write the review"), "she is one of the two");
    let mut deputy = Browser::of(&house, &house.deputy).await;
    assert!(deputy.get("/").await.body.contains("The glass was broken: review it by "), "it waits for him");
    let found = [("verdict", "not_justified"), ("outcome", "It could have waited until noon."), ("_back", page.as_str())];
    assert_eq!(deputy.post(&review, &found).await.to, format!("{page}#glass"));
    let after = deputy.get(&page).await.body;
    assert!(after.contains("reviewed: not justified") && after.contains("It could have waited until noon."), "{after}");
}
