//! Moving, proposing again and calling off by the dozen, from the page on.

use crate::house::House;
use crate::pages::{Browser, settle};
use http::StatusCode;

#[tokio::test]
async fn a_window_is_moved_from_its_page_to_a_free_time() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let here = format!("/windows/{number}");
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let page = engineer.get(&here).await.body;
    assert!(page.contains(&format!("{here}/move")) && page.contains(&format!("/windows/new?again={number}")), "{page}");
    let form = engineer.get(&format!("{here}/move")).await.body;
    assert!(form.contains("Starts now") && form.contains("Next free times") && form.contains("Who must approve"), "{form}");
    let picked = engineer.get(&format!("{here}/move?date={}&time=02%3A00", house.form(4).date)).await.body;
    assert!(picked.contains(&format!("value=\"{}\"", house.form(4).date)), "{picked}");
    let fields = |date: &str| {
        vec![("revision".to_owned(), "1".to_owned()), ("date".to_owned(), date.to_owned()), ("time".to_owned(), "02:00".to_owned())]
    };
    let send =
        |fields: &[(String, String)]| fields.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect::<Vec<_>>();
    let wrong = send(&fields("2020-01-01"));
    let mut wrong: Vec<(&str, &str)> = wrong.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let back = format!("{here}/move");
    wrong.push(("_back", &back));
    engineer.post(&back, &wrong).await;
    let again = engineer.get(&back).await.body;
    assert!(again.contains("2020-01-01") && again.contains("error-summary"), "typed text stays: {again}");
    let good = fields(&house.form(4).date);
    let good: Vec<(&str, &str)> = good.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    engineer.post(&back, &good).await;
    let moved = engineer.get(&here).await.body;
    assert!(moved.contains("Moved: sealed as revision 2"), "{moved}");
    let mut stakeholder = Browser::of(&house, &house.stakeholder).await;
    assert_eq!(stakeholder.get(&back).await.status, StatusCode::FORBIDDEN);
    let mut stranger = Browser::of(&house, &house.foreigner).await;
    assert_eq!(stranger.get(&back).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.get(&format!("/windows/new?again={number}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_new_window_begins_from_an_old_one() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let mut lead = Browser::of(&house, &house.lead).await;
    let form = lead.get(&format!("/windows/new?again={number}")).await.body;
    assert!(form.contains("Filled from") && form.contains("weekly work") && form.contains(&house.form(10).date), "{form}");
}

#[tokio::test]
async fn no_maintenance_tonight() {
    let house = House::new().await;
    settle(&house).await;
    let (one, two) = (house.proposed(3).await.number, house.proposed(4).await.number);
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let range = format!("/windows/cancel?from={}T00%3A00&to={}T00%3A00", house.form(2).date, house.form(7).date);
    let list = engineer.get(&range).await.body;
    assert!(list.contains(&format!("value=\"{one}:1\"")) && list.contains(&format!("value=\"{two}:1\"")), "{list}");
    let empty = engineer.get("/windows/cancel?from=tonight&to=x").await.body;
    assert!(empty.contains("Give a date and time for both ends"), "{empty}");
    let (first, second) = (format!("{one}:1"), format!("{two}:1"));
    let wrong = [("window", first.as_str()), ("reason", "storage"), ("confirm", "2"), ("_back", range.as_str())];
    engineer.post("/windows/cancel", &wrong).await;
    let again = engineer.get(&range).await.body;
    assert!(again.contains("Type how many windows are chosen to confirm: 1."), "{again}");
    let unticked = again.split(&format!("value=\"{second}\"")).nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default();
    assert!(!unticked.contains("checked"), "what was unticked stays so: {unticked}");
    let done = engineer.post("/windows/cancel", &[("window", &first), ("window", &second), ("reason", "storage"), ("confirm", "2")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!([house.state(one).await, house.state(two).await], ["withdrawn", "withdrawn"]);
    let mut auditor = Browser::of(&house, &house.auditor).await;
    assert_eq!(auditor.get("/windows/cancel").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_another_team_s_is_called_off_like_what_nobody_has() {
    let house = House::new().await;
    settle(&house).await;
    let number = house.proposed(3).await.number;
    let mut stranger = Browser::of(&house, &house.foreigner).await;
    let (theirs, missing) = (format!("{number}:1"), "999999:1");
    let sent = [("window", theirs.as_str()), ("window", missing), ("reason", "the storage is failing"), ("confirm", "2")];
    let done = stranger.post("/windows/cancel", &sent).await;
    let page = stranger.get(&done.to).await.body;
    assert_eq!(page.matches("There is no such window, or not for you.").count(), 2, "{page}");
    assert_eq!(house.state(number).await, "proposed");
}
