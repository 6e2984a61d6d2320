//! Calendar and timeline through the whole router, without script.

use crate::house::House;
use crate::pages::{Browser, settle};
use domain::window::WindowState as W;
use http::StatusCode;

/// The main part of a page: what stands there is about windows.
fn main(body: &str) -> &str {
    body.split("<main").nth(1).unwrap_or_default()
}

#[tokio::test]
async fn a_month_leads_to_its_days_and_to_the_months_beside_it() {
    let house = House::new().await;
    settle(&house).await;
    let numbers = house.planted(house.target, W::Proposed, "2031-06-10T08:00:00Z", 60, 10).await;
    let mut browser = Browser::of(&house, &house.engineer).await;
    let page = browser.get("/calendar?date=2031-06-15&team=orders").await;
    assert_eq!(page.status, StatusCode::OK);
    let body = main(&page.body);
    for wanted in [
        "June 2031",
        "/calendar?date=2031-05-01&amp;team=orders",
        "/calendar?date=2031-07-01&amp;team=orders",
        "/calendar?view=day&amp;date=2031-06-10&amp;team=orders",
        "+7 more",
        "Overlaps #",
        "My time (Europe/Berlin)",
        "/timeline?view=month&amp;date=2031-06-15&amp;team=orders",
        "/windows?team=orders",
        "href=\"/me/calendar?about=team:orders\"",
        "Waiting for approval",
        "10:00–11:00",
    ] {
        assert!(body.contains(wanted), "{wanted} is missing in {body}");
    }
    assert!(!body.contains(&format!("/windows/{}\"", numbers[9])), "the tenth has no room here");
    let day = browser.get("/calendar?view=day&date=2031-06-10&team=orders").await;
    assert!(numbers.iter().all(|number| day.body.contains(&format!("/windows/{number}\""))), "{}", day.body);
    let list = browser.get("/windows?team=orders").await;
    assert!(list.body.contains("href=\"/calendar?team=orders\"") && list.body.contains("href=\"/timeline?team=orders\""), "{}", list.body);
}

#[tokio::test]
async fn a_timeline_draws_bars_that_are_links_and_says_the_same_in_a_table() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.planted(house.target, W::Approved, "2031-10-26T00:30:00Z", 120, 1).await[0];
    let mut browser = Browser::of(&house, &house.engineer).await;
    let page = browser.get("/timeline?date=2031-10-26").await;
    let body = main(&page.body);
    assert_eq!(body.matches(&format!("href=\"/windows/{number}\"")).count(), 2, "{body}");
    for wanted in [
        "20–26 Oct 2031",
        "Sun 26 Oct: 25 hours: the clocks go back.",
        "class=\"bar good\"",
        "The same as a table",
        "Sun 26 Oct 2031, 02:30 CEST (UTC+2)",
    ] {
        assert!(body.contains(wanted), "{wanted} is missing in {body}");
    }
    assert!(!body.contains(" style="), "the policy of the page allows no style there");
}

#[tokio::test]
async fn nothing_planned_says_why_and_what_to_do() {
    let house = House::new().await;
    settle(&house).await;
    let mut lead = Browser::of(&house, &house.lead).await;
    for path in ["/calendar", "/calendar?view=week", "/calendar?view=agenda", "/calendar?view=day", "/timeline", "/timeline?view=month"] {
        let page = lead.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.body.contains("No windows in this time") && page.body.contains("Propose a window"), "{path}");
    }
    let narrowed = lead.get("/calendar?database=nowhere&zone=database&date=2031-13-77&view=year&state=odd").await;
    assert!(
        narrowed.body.contains("the filter hides them") && narrowed.body.contains("Choose one database to see its clock"),
        "{}",
        narrowed.body
    );
    let mut stakeholder = Browser::of(&house, &house.stakeholder).await;
    assert!(!main(&stakeholder.get("/calendar").await.body).contains("Propose a window"), "who may not is not asked to");
    // What the reader does not see names no feed.
    for (page, feed) in [
        ("/timeline", "/me/calendar"),
        ("/calendar?database=prod-orders&team=orders", "/me/calendar?about=database:prod-orders"),
        ("/calendar?database=%22onload&team=nowhere", "/me/calendar"),
    ] {
        assert!(main(&stakeholder.get(page).await.body).contains(&format!("href=\"{feed}\"")), "{page}");
    }
    assert!(Browser::new(&house).get("/calendar").await.to.starts_with("/login"));
}

#[tokio::test]
async fn a_freeze_is_a_hatched_band_and_a_sentence() {
    let house = House::new().await;
    settle(&house).await;
    house.planted(house.target, W::Proposed, "2031-06-10T08:00:00Z", 60, 1).await;
    sqlx::query(
        "INSERT INTO drydock.freeze (id, name, reason, scope, zone, start_at, end_at, created_by)
         SELECT gen_random_uuid(), 'Year <end>', 'the books are closed', 'everything', 'Etc/UTC', '2031-06-10 00:00Z', '2031-06-12 00:00Z', created_by FROM drydock.target",
    )
    .execute(&house.admin)
    .await
    .expect("a freeze");
    let mut browser = Browser::of(&house, &house.engineer).await;
    for (view, band) in
        [("month", "class=\"frozen\""), ("week", "class=\"frozen\""), ("agenda", "class=\"frozen\""), ("day", "class=\"frozen\"")]
    {
        let page = browser.get(&format!("/calendar?view={view}&date=2031-06-10")).await;
        let body = main(&page.body);
        assert!(
            body.contains("Nothing starts during a freeze") && body.contains("Year &lt;end&gt;") && body.contains(band),
            "{view}: {body}"
        );
        assert!(body.contains("the books are closed") && body.contains("(Everything)"), "{view}: {body}");
    }
    // A day without windows, by itself, still says that nothing starts on it.
    let day = browser.get("/calendar?view=day&date=2031-06-11").await;
    assert!(main(&day.body).contains("class=\"frozen\"") && main(&day.body).contains("No windows in this time"), "{}", day.body);
    let line = browser.get("/timeline?date=2031-06-10").await;
    assert!(
        main(&line.body).contains("fill=\"url(#hatch)\"") && line.body.contains("Freeze Year &lt;end&gt;, Everything"),
        "{}",
        line.body
    );
}
