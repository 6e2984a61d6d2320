//! Series from the page on, without script: dates are seen before anything is saved, with what the clocks do that night.

use crate::house::House;
use crate::pages::{Browser, settle};
use domain::proposal::ProposalForm;
use http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The next night in which the clocks go forward, or back, at the house's database.
fn night(now: Timestamp, forward: bool) -> Date {
    let zone = TimeZone::get("Europe/Berlin").expect("bundled");
    let summer = |offset: jiff::tz::Offset| offset.seconds() == 7200;
    let change = zone.following(now + jiff::SignedDuration::from_hours(72)).find(|change| summer(change.offset()) == forward);
    zone.to_datetime(change.expect("twice a year").timestamp()).date()
}

/// Four weeks before that night, which is then the fifth date at the latest.
fn before(night: Date) -> String {
    night.checked_sub(jiff::ToSpan::days(28)).expect("within the calendar").to_string()
}

/// The fields of a weekly series at half past two that comes to that night.
fn fields(night: Date) -> Vec<(String, String)> {
    let form = ProposalForm {
        target: "prod-orders".into(),
        reason: "weekly work".into(),
        date: before(night),
        time: "02:30".into(),
        ..ProposalForm::blank()
    };
    let own = [("repeat", "weekly"), ("every", "1"), ("ends", "never"), ("lead_days", "7"), ("_back", "/series/new?database=prod-orders")];
    form.fields().into_iter().chain(own.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

fn with<'f>(fields: &'f [(String, String)], changed: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let kept = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let kept = kept.filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
    kept.chain(changed.iter().copied()).collect()
}

fn hidden(body: &str, name: &str) -> String {
    let rest = body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {body}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_series_is_made_after_its_dates_were_seen() {
    let house = House::new().await;
    settle(&house).await;
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let propose = engineer.get("/windows/new?database=prod-orders").await.body;
    assert!(propose.contains("/series/new?database=prod-orders"), "{propose}");
    assert!(engineer.get("/series").await.body.contains("No series yet"));
    assert!(engineer.get("/series/new").await.body.contains("/series/new?database=prod-orders"));
    let blank = engineer.get("/series/new?database=prod-orders").await.body;
    assert!(blank.contains("Show its dates") && !blank.contains("Save the series"), "{blank}");

    let now = house.engine.clock().now();
    let spring = fields(night(now, true));
    let wrong = with(&spring, &[("every", "0"), ("reason", "")]);
    engineer.post("/series/new", &wrong).await;
    let again = engineer.get("/series/new?database=prod-orders").await.body;
    assert!(again.contains("error-summary") && again.contains("from 1 to 52") && again.contains(&before(night(now, true))), "{again}");

    for (day, note) in
        [(night(now, true), "there is no 02:30 that day, so it starts at 03:00"), (night(now, false), "02:30 happens twice that day")]
    {
        let typed = fields(day);
        let looked = engineer.post("/series/new", &with(&typed, &[])).await;
        assert_eq!((looked.status, looked.to.as_str()), (StatusCode::SEE_OTHER, "/series/new?database=prod-orders"));
        let shown = engineer.get(&looked.to).await.body;
        assert!(shown.contains("The next dates") && shown.contains("Save the series") && shown.contains(note), "{shown}");
        assert!(shown.contains("Every week on Sunday at 02:30") && shown.contains(":30 UTC"), "{shown}");
        assert_eq!(house.count("SELECT count(*) FROM drydock.series").await, 0, "nothing is saved yet");
    }
    engineer.post("/series/new", &with(&spring, &[])).await;
    let seen = hidden(&engineer.get("/series/new?database=prod-orders").await.body, "seen");
    let other = with(&spring, &[("seen", &seen), ("time", "04:00")]);
    engineer.post("/series/new", &other).await;
    let shown = engineer.get("/series/new?database=prod-orders").await.body;
    assert!(shown.contains("at 04:00"), "other dates than those that were seen are shown first: {shown}");
    let saved = engineer.post("/series/new", &with(&spring, &[("seen", &seen)])).await;
    assert!(saved.to.starts_with("/series/"), "{} {}", saved.to, saved.body);
    let page = engineer.get(&saved.to).await.body;
    assert!(page.contains("Saved. Each of its windows") && page.contains("Every week on Sunday at 02:30"), "{page}");
    assert!(page.contains("RRULE:FREQ=WEEKLY") && page.contains("so it starts at 03:00") && page.contains("None yet."), "{page}");
    assert!(engineer.get("/series").await.body.contains(&saved.to));

    let mut stakeholder = Browser::of(&house, &house.stakeholder).await;
    let read = stakeholder.get(&saved.to).await;
    assert_eq!((read.status, read.body.contains("/edit\"")), (StatusCode::OK, false), "read, and no button");
    assert_eq!(stakeholder.get(&format!("{}/edit", saved.to)).await.status, StatusCode::FORBIDDEN);
    let mut stranger = Browser::of(&house, &house.foreigner).await;
    for path in [saved.to.clone(), format!("{}/edit", saved.to), "/series/new?database=prod-orders".to_owned()] {
        assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(!stranger.get("/series").await.body.contains(&saved.to));
}

#[tokio::test]
async fn a_date_is_left_out_moved_and_put_back_and_the_series_changed_and_ended() {
    let house = House::new().await;
    settle(&house).await;
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let day = night(house.engine.clock().now(), true);
    let typed = fields(day);
    engineer.post("/series/new", &with(&typed, &[])).await;
    let seen = hidden(&engineer.get("/series/new?database=prod-orders").await.body, "seen");
    let here = engineer.post("/series/new", &with(&typed, &[("seen", &seen)])).await.to;

    let chosen = format!("{here}?date={day}");
    let day = day.to_string();
    let card = engineer.get(&chosen).await.body;
    assert!(card.contains("Leave it out") && card.contains("Move it") && !card.contains("Put it back"), "{card}");
    let past = [("day", day.as_str()), ("date", "2020-01-01"), ("time", "02:00"), ("_back", chosen.as_str())];
    engineer.post(&format!("{here}/move"), &past).await;
    let again = engineer.get(&chosen).await.body;
    assert!(again.contains("This lies in the past") && again.contains("value=\"2020-01-01\""), "{again}");
    engineer.post(&format!("{here}/skip"), &[("day", day.as_str()), ("reason", "a <b>sale</b>")]).await;
    let left = engineer.get(&chosen).await.body;
    assert!(left.contains("is left out.") && left.contains("a &lt;b&gt;sale&lt;/b&gt;") && left.contains("Put it back"), "{left}");
    engineer.post(&format!("{here}/restore"), &[("day", day.as_str())]).await;
    assert!(engineer.get(&here).await.body.contains("is back where the rule has it."));

    let edit = format!("{here}/edit");
    let form = engineer.get(&edit).await.body;
    assert!(form.contains("weekly work") && form.contains("You answer for the series"), "{form}");
    let changed = [("revision", "1"), ("every", "2"), ("_back", edit.as_str())];
    engineer.post(&edit, &with(&typed, &changed)).await;
    let shown = engineer.get(&edit).await.body;
    assert!(shown.contains("Every 2 weeks on Sunday at 02:30"), "{shown}");
    let seen = hidden(&shown, "seen");
    let changed = [("revision", "1"), ("every", "2"), ("_back", edit.as_str()), ("seen", seen.as_str())];
    assert_eq!(engineer.post(&edit, &with(&typed, &changed)).await.to, here);
    assert!(engineer.get(&here).await.body.contains("Every 2 weeks on Sunday at 02:30"));

    engineer.post(&format!("{here}/end"), &[("reason", "moved to the cloud")]).await;
    let ended = engineer.get(&here).await.body;
    assert!(ended.contains("Ended: it proposes nothing any more.") && ended.contains("moved to the cloud"), "{ended}");
    assert!(!ended.contains("/edit\"") && engineer.get("/series").await.body.contains("Ended"), "{ended}");
}

#[tokio::test]
async fn dates_are_put_together_read_approved_and_taken_back() {
    let house = House::new().await;
    settle(&house).await;
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let day = house.engine.clock().now().to_zoned(TimeZone::UTC).date().checked_add(jiff::ToSpan::days(10)).expect("within the calendar");
    let typed: Vec<(String, String)> =
        fields(day).into_iter().map(|(name, value)| if name == "date" { (name, day.to_string()) } else { (name, value) }).collect();
    engineer.post("/series/new", &with(&typed, &[])).await;
    let seen = hidden(&engineer.get("/series/new?database=prod-orders").await.body, "seen");
    let here = engineer.post("/series/new", &with(&typed, &[("seen", &seen)])).await.to;
    let approval = format!("{here}/approval");
    assert!(engineer.get(&approval).await.body.contains("Nothing was put together"));

    engineer.post(&format!("{here}/ask"), &[("dates", "many"), ("_back", &here)]).await;
    let again = engineer.get(&here).await.body;
    assert!(again.contains("from 1 to 35") && again.contains("value=\"many\""), "{again}");
    let asked = engineer.post(&format!("{here}/ask"), &[("dates", "3"), ("_back", &here)]).await;
    assert_eq!(asked.to, approval, "{}", asked.body);
    let shown = engineer.get(&approval).await.body;
    assert!(shown.contains("3 dates are put together") && shown.contains("You wrote this series"), "{shown}");
    assert!(shown.contains("2 approvals missing") && shown.contains("Nobody has approved these dates yet."), "{shown}");
    assert!(engineer.get(&here).await.body.contains("Read what was put together"));

    let mut lead = Browser::of(&house, &house.lead).await;
    assert!(lead.get("/").await.body.contains("wait for your approval, all together"));
    assert!(lead.get(&here).await.body.contains("Read and decide"));
    let ballot = lead.get(&approval).await.body;
    assert!(ballot.contains("Approve these dates") && ballot.contains("weekly work"), "the plan is there: {ballot}");
    let digest = hidden(&ballot, "digest");
    let wrong = [("digest", digest.as_str()), ("short_name", "orders"), ("comment", "mind the <b>sale</b>"), ("_back", &approval)];
    lead.post(&format!("{here}/approve"), &wrong).await;
    let again = lead.get(&approval).await.body;
    assert!(
        again.contains("type the database&#x27;s short name: prod-orders") || again.contains("type the database's short name: prod-orders"),
        "{again}"
    );
    assert!(again.contains("mind the &lt;b&gt;sale&lt;/b&gt;"), "what was typed is kept: {again}");
    let right = [("digest", digest.as_str()), ("short_name", "prod-orders"), ("comment", "fine"), ("_back", &approval)];
    lead.post(&format!("{here}/approve"), &right).await;
    let voted = lead.get(&approval).await.body;
    assert!(
        voted.contains("Your approval was recorded.") && voted.contains("Take my approval back") && voted.contains("1 approval missing"),
        "{voted}"
    );
    assert!(!lead.get("/").await.body.contains("wait for your approval, all together"));
    lead.post(&format!("{here}/take-back"), &[("_back", &approval)]).await;
    let back = lead.get(&approval).await.body;
    assert!(
        back.contains("Your approval was taken back.") && back.contains("2 approvals missing") && back.contains("Taken back"),
        "{back}"
    );

    let mut stranger = Browser::of(&house, &house.foreigner).await;
    assert_eq!(stranger.get(&approval).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.post(&format!("{here}/approve"), &right).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.count("SELECT count(*) FROM drydock.series_vote").await, 1);
}
