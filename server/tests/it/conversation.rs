//! The conversation on a window's page, through the whole router and without script.

use crate::house::House;
use crate::pages::{Browser, settle};
use http::StatusCode;
use std::time::Duration;

/// The value of the named hidden field in the form that posts to `action`.
fn hidden(body: &str, action: &str, name: &str) -> String {
    let form = body.split(&format!("action=\"{action}\"")).nth(1).unwrap_or_else(|| panic!("no form to {action}"));
    let after = form.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field");
    after.split('"').next().unwrap_or_default().to_owned()
}

/// The page without the renderer's marks between texts.
async fn read(browser: &mut Browser, page: &str) -> String {
    browser.get(page).await.body.replace("<!>", "")
}

#[tokio::test]
async fn what_is_written_stands_on_the_page_once_and_as_text() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let (page, form) = (format!("/windows/{number}"), format!("/windows/{number}/comments"));
    let mut sten = Browser::of(&house, &house.stakeholder).await;
    let shown = sten.get(&page).await;
    let once = hidden(&shown.body, &form, "_once");
    let hostile = "</textarea><script>alert(1)</script> \u{202e}[x](javascript:1) @Lena";
    let fields = [("text", hostile), ("_once", once.as_str()), ("_back", page.as_str())];
    for _ in 0..2 {
        let answer = sten.post(&form, &fields).await;
        assert_eq!((answer.status, answer.to), (StatusCode::SEE_OTHER, format!("{page}#conversation")), "{}", answer.body);
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.comment").await, 1, "sent twice, written once");
    let shown = read(&mut sten, &page).await;
    assert!(shown.contains("2 people are told by mail.") && shown.contains("Names Lena"), "{shown}");
    assert!(
        shown.contains("&lt;script&gt;alert(1)&lt;/script&gt; ⟨U+202E⟩[x](javascript:1)") && !shown.contains("<script>alert"),
        "{shown}"
    );

    // Too long: it comes back whole, with the limit.
    let long = "y".repeat(4_001);
    let refused = sten.post(&form, &[("text", &long), ("_back", &page)]).await;
    assert_eq!(refused.to, page);
    let again = read(&mut sten, &page).await;
    assert!(again.contains(&long) && again.contains("At most 4000 characters; this has 4001. Shorten it by 1."), "what was typed is kept");

    let action = format!("{form}/{}/retract", newest(&house).await);
    assert!(shown.contains(&format!("action=\"{action}\"")), "its author may take it back");
    let mut lena = Browser::of(&house, &house.lead).await;
    assert!(!lena.get(&page).await.body.contains("/retract"), "nobody else is offered that");
    assert_eq!(sten.post(&action, &[("_back", page.as_str())]).await.to, format!("{page}#conversation"));
    let shown = read(&mut lena, &page).await;
    assert!(shown.contains("Taken back by its author") && !shown.contains("alert(1)"), "{shown}");
}

/// A double click: the browser gives the first sending up, at any moment of its work, and waits for the answer of the second.
#[tokio::test]
async fn whoever_gives_up_the_first_of_two_sendings_is_told_how_it_went() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let (page, form) = (format!("/windows/{number}"), format!("/windows/{number}/comments"));
    let mut sten = Browser::of(&house, &house.stakeholder).await;
    let moments_ms = [0, 1, 2, 3, 5, 8, 12, 16, 20, 25, 32, 40, 50, 64, 90, 128];
    for moment_ms in moments_ms {
        let once = hidden(&sten.get(&page).await.body, &form, "_once");
        let text = format!("given up after {moment_ms} ms");
        let fields = [("text", text.as_str()), ("_once", once.as_str()), ("_back", page.as_str())];
        let _ = tokio::time::timeout(Duration::from_millis(moment_ms), sten.post(&form, &fields)).await;
        let answer = sten.post(&form, &fields).await;
        assert_eq!((answer.status, answer.to), (StatusCode::SEE_OTHER, format!("{page}#conversation")), "after {moment_ms} ms");
    }
    let written = house.count("SELECT count(DISTINCT fact_id) FROM drydock.comment").await;
    assert_eq!(usize::try_from(written).expect("few"), moments_ms.len(), "each once");
}

async fn newest(house: &House) -> uuid::Uuid {
    sqlx::query_scalar("SELECT id FROM drydock.comment ORDER BY fact_id DESC LIMIT 1").fetch_one(&house.admin).await.expect("a comment")
}

#[tokio::test]
async fn strangers_find_nothing_and_auditors_read() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let form = format!("/windows/{number}/comments");
    let mut fritz = Browser::of(&house, &house.foreigner).await;
    assert_eq!(fritz.post(&form, &[("text", "let me in")]).await.status, StatusCode::NOT_FOUND);
    let mut audra = Browser::of(&house, &house.auditor).await;
    let shown = read(&mut audra, &format!("/windows/{number}")).await;
    assert!(shown.contains("Asked for approval.") && !shown.contains("Your comment"), "{shown}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.comment").await, 0);
}
