//! The calendar and the timeline: which windows are on which day, by whose clock, and for whom.

use crate::house::House;
use domain::permission::Actor;
use domain::view::calendar::{CalendarPage, Page, Place, TIMELINE_ROWS, TimelinePage};
use domain::window::WindowState as W;
use engine::queries::calendar::{calendar, timeline};

fn place(page: Page, pairs: &[(&str, &str)]) -> Place {
    Place::read(page, |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

async fn by_day(house: &House, actor: &Actor, pairs: &[(&str, &str)]) -> CalendarPage {
    calendar(&house.engine, actor, &place(Page::Calendar, pairs)).await.expect("a calendar")
}

async fn by_database(house: &House, actor: &Actor, pairs: &[(&str, &str)]) -> TimelinePage {
    timeline(&house.engine, actor, &place(Page::Timeline, pairs)).await.expect("a timeline")
}

/// Days that have windows, and the numbers on them.
fn filled(page: &CalendarPage) -> Vec<(String, Vec<i64>)> {
    let days = page.days.iter().filter(|day| day.total > 0);
    days.map(|day| (day.bounds.date.to_string(), day.entries.iter().map(|entry| entry.number).collect())).collect()
}

#[tokio::test]
async fn a_window_over_midnight_is_on_both_days_and_touches_no_third() {
    let house = House::new().await;
    // Berlin is an hour ahead of UTC: 23:00 to 04:00, and one that ends at midnight exactly.
    let night = house.planted(house.target, W::Approved, "2031-01-17T22:00:00Z", 300, 1).await[0];
    let evening = house.planted(house.target, W::Completed, "2031-01-18T21:00:00Z", 120, 1).await[0];
    let whole_day = house.planted(house.target, W::Missed, "2031-01-19T23:00:00Z", 24 * 60, 1).await[0];
    let me = &house.engineer.actor;
    let page = by_day(&house, me, &[("view", "month"), ("date", "2031-01-01")]).await;
    assert_eq!(page.days.len(), 35);
    let days =
        [("2031-01-17", night), ("2031-01-18", night), ("2031-01-20", whole_day)].map(|(day, number)| (day.to_owned(), vec![number]));
    let mut expected = days.to_vec();
    expected[1].1.push(evening);
    assert_eq!(filled(&page), expected);
    // By UTC's clock they lie elsewhere.
    let utc = by_day(&house, me, &[("view", "week"), ("date", "2031-01-18"), ("zone", "utc")]).await;
    assert_eq!(
        filled(&utc),
        [
            ("2031-01-17".to_owned(), vec![night]),
            ("2031-01-18".to_owned(), vec![night, evening]),
            ("2031-01-19".to_owned(), vec![whole_day])
        ]
    );
    assert_eq!(utc.frame.zone, "Etc/UTC");
}

#[tokio::test]
async fn days_on_which_clocks_move_hold_every_hour_they_have() {
    let house = House::new().await;
    // 2031-03-30 has 23 hours in Berlin, 2031-10-26 has 25. One window an hour over three days.
    for (first, hours) in [("2031-03-28T23:00:00Z", [24, 23, 24]), ("2031-10-24T22:00:00Z", [24, 25, 24])] {
        let first: jiff::Timestamp = first.parse().expect("a time");
        for hour in 0..hours.iter().sum() {
            let start = (first + jiff::SignedDuration::from_hours(hour)).to_string();
            house.planted(house.target, W::Completed, &start, 60, 1).await;
        }
        let date = (first + jiff::SignedDuration::from_hours(30)).strftime("%Y-%m-%d").to_string();
        for (day, hours) in [-1, 0, 1].into_iter().zip(hours) {
            let date = date.parse::<jiff::civil::Date>().expect("a date") + jiff::Span::new().days(day);
            let page = by_day(&house, &house.engineer.actor, &[("view", "day"), ("date", &date.to_string())]).await;
            assert_eq!((page.days.len(), page.days[0].total), (1, usize::try_from(hours).expect("small")), "{date}");
            assert_eq!(page.days[0].bounds.note().is_some(), hours != 24, "{date}");
        }
    }
}

#[tokio::test]
async fn a_full_day_says_how_many_more_and_leads_to_all_of_them() {
    let house = House::new().await;
    let numbers = house.planted(house.target, W::Proposed, "2031-06-10T08:00:00Z", 60, 10).await;
    let me = &house.engineer.actor;
    let month = by_day(&house, me, &[("view", "month"), ("date", "2031-06-01")]).await;
    let day = month.days.iter().find(|day| day.total > 0).expect("the day");
    assert_eq!((day.entries.len(), day.more(), day.total), (3, 7, 10));
    let whole = by_day(&house, me, &[("view", "day"), ("date", "2031-06-10")]).await;
    assert_eq!(filled(&whole), [("2031-06-10".to_owned(), numbers.clone())]);
    // All want the same hour: each names the first three others.
    assert_eq!(whole.days[0].entries[0].clashes, numbers[1..4]);
    assert_eq!(whole.days[0].entries[9].clashes, numbers[..3]);
}

#[tokio::test]
async fn only_windows_that_want_the_time_clash() {
    let house = House::new().await;
    let spare = house.another("spare", "staging", None).await;
    let proposed = house.planted(house.target, W::Proposed, "2031-06-10T08:00:00Z", 60, 1).await[0];
    let live = house.planted(house.target, W::Approved, "2031-06-10T08:30:00Z", 60, 1).await[0];
    house.planted(house.target, W::Completed, "2031-06-10T08:00:00Z", 60, 1).await;
    house.planted(house.target, W::Proposed, "2031-06-10T09:30:00Z", 60, 1).await;
    house.planted(spare, W::Proposed, "2031-06-10T08:00:00Z", 60, 1).await;
    let me = &house.engineer.actor;
    // Also where the filter hides the other one.
    let page = by_day(&house, me, &[("view", "day"), ("date", "2031-06-10"), ("state", "proposed")]).await;
    let clashes: Vec<_> = page.days[0].entries.iter().map(|entry| entry.clashes.clone()).collect();
    assert_eq!((page.days[0].entries[0].number, clashes), (proposed, vec![vec![live], vec![], vec![]]));
    let lines = by_database(&house, me, &[("view", "day"), ("date", "2031-06-10")]).await.lines;
    let clashing: Vec<_> =
        lines.iter().flat_map(|line| &line.entries).filter(|entry| entry.clash().is_some()).map(|entry| entry.number).collect();
    assert_eq!(clashing, [proposed, live]);
}

#[tokio::test]
async fn filters_narrow_and_what_was_called_off_is_left_out() {
    let house = House::new().await;
    let spare = house.another("spare", "staging", None).await;
    let here = house.planted(house.target, W::Approved, "2031-06-10T08:00:00Z", 60, 1).await[0];
    let there = house.planted(spare, W::Completed, "2031-06-10T09:00:00Z", 60, 1).await[0];
    let off = house.planted(spare, W::Cancelled, "2031-06-10T10:00:00Z", 60, 1).await[0];
    let me = &house.engineer.actor;
    let seen = async |name: &str, value: &str| {
        let page = by_day(&house, me, &[("view", "day"), ("date", "2031-06-10"), (name, value)]).await;
        page.days[0].entries.iter().map(|entry| entry.number).collect::<Vec<_>>()
    };
    assert_eq!(seen("state", "").await, [here, there]);
    assert_eq!(seen("state", "over").await, [there, off]);
    assert_eq!(seen("state", "cancelled").await, [off]);
    assert_eq!(seen("environment", "staging").await, [there]);
    assert_eq!(seen("database", "prod-orders").await, [here]);
    assert_eq!(seen("team", "billing").await, [0; 0]);
    assert_eq!(seen("database", "' OR true --").await, [0; 0]);
    // One database's clock is offered once the page is narrowed to it, and is nobody else's business.
    let tokyo = [("view", "day"), ("date", "2031-06-10"), ("zone", "database"), ("database", "spare")];
    let page = by_day(&house, me, &tokyo).await;
    assert_eq!((page.frame.zone.as_str(), page.frame.database_zone.as_deref()), ("Asia/Tokyo", Some("Asia/Tokyo")));
    let stranger = by_day(&house, &house.foreigner.actor, &tokyo).await;
    assert_eq!((stranger.frame.zone.as_str(), stranger.frame.database_zone), ("Europe/Berlin", None));
}

#[tokio::test]
async fn everybody_sees_their_own_teams_windows_and_nobody_elses() {
    let house = House::new().await;
    let (other, lead) = house.another_team("press", "Petra").await;
    let theirs = house.another("press", "production", Some(other)).await;
    let ours = house.planted(house.target, W::Approved, "2031-06-10T08:00:00Z", 60, 1).await[0];
    let foreign = house.planted(theirs, W::Approved, "2031-06-10T08:00:00Z", 60, 1).await[0];
    for (who, expected) in [
        (&house.engineer, vec![ours]),
        (&house.stakeholder, vec![ours]),
        (&lead, vec![foreign]),
        (&house.foreigner, vec![]),
        (&house.auditor, vec![ours, foreign]),
    ] {
        let when = [("view", "week"), ("date", "2031-06-10")];
        let page = by_day(&house, &who.actor, &when).await;
        let seen: Vec<i64> = page.days.iter().flat_map(|day| &day.entries).map(|entry| entry.number).collect();
        assert_eq!(seen, expected, "{}", who.actor.name);
        let page = by_database(&house, &who.actor, &when).await;
        let mut seen: Vec<i64> = page.lines.iter().flat_map(|line| &line.entries).map(|entry| entry.number).collect();
        seen.sort_unstable();
        assert_eq!(seen, expected, "{}", who.actor.name);
    }
    // Rights are asked again with every page: a stakeholder of one database sees its team's.
    let mut visitor = house.foreigner.actor.clone();
    visitor.stakeholder_of_teams.push(other);
    assert_eq!(by_day(&house, &visitor, &[("view", "day"), ("date", "2031-06-10")]).await.days[0].total, 1);
    visitor.active = false;
    assert!(calendar(&house.engine, &visitor, &place(Page::Calendar, &[])).await.is_err());
}

#[tokio::test]
async fn a_timeline_is_paged_by_database_and_counts_what_it_does_not_draw() {
    let house = House::new().await;
    let mut names = vec!["prod-orders".to_owned()];
    house.planted(house.target, W::Completed, "2031-06-10T08:00:00Z", 10, 45).await;
    for n in 0..TIMELINE_ROWS + 2 {
        let name = format!("db-{n:03}");
        let target = house.another(&name, "test", None).await;
        house.planted(target, W::Proposed, "2031-06-11T08:00:00Z", 60, 1).await;
        names.push(name);
    }
    house.another("idle", "test", None).await;
    names.sort_unstable();
    let me = &house.engineer.actor;
    let first = by_database(&house, me, &[("date", "2031-06-10")]).await;
    let shown = |page: &TimelinePage| page.lines.iter().map(|line| line.database.clone()).collect::<Vec<_>>();
    assert_eq!(shown(&first), names[..TIMELINE_ROWS]);
    let after = first.next.clone().expect("there are more");
    let second = by_database(&house, me, &[("date", "2031-06-10"), ("after", &after)]).await;
    assert_eq!((shown(&second), second.next), (names[TIMELINE_ROWS..].to_vec(), None));
    let busy = second.lines.iter().find(|line| line.database == "prod-orders").expect("the busy one");
    assert_eq!((busy.entries.len(), busy.total), (40, 45));
}

#[tokio::test]
async fn databases_that_had_the_same_name_are_two_lines_on_one_page_or_two() {
    let house = House::new().await;
    let mut planted = Vec::new();
    for _ in 0..2 {
        let target = house.another("shop", "staging", None).await;
        planted.push(house.planted(target, W::Completed, "2031-06-10T08:00:00Z", 60, 1).await[0]);
        for sql in [
            "UPDATE drydock.target SET state = 'retired' WHERE short_name = 'shop' AND state = 'ready'",
            "UPDATE drydock.target SET state = 'deleted' WHERE short_name = 'shop' AND state = 'retired'",
        ] {
            sqlx::query(sql).execute(&house.admin).await.expect(sql);
        }
    }
    let me = &house.engineer.actor;
    let page = by_database(&house, me, &[("date", "2031-06-10")]).await;
    let lines: Vec<_> = page.lines.iter().map(|line| (line.database.as_str(), line.total, line.entries.len())).collect();
    assert_eq!(lines, [("shop (deleted)", 1, 1); 2]);
    // The next page begins between them, not behind both.
    let rest = by_database(&house, me, &[("date", "2031-06-10"), ("after", &page.lines[0].mark())]).await;
    assert_eq!(rest.lines, page.lines[1..]);
    let mut seen: Vec<i64> = page.lines.iter().flat_map(|line| &line.entries).map(|entry| entry.number).collect();
    seen.sort_unstable();
    assert_eq!(seen, planted);
}

/// Freezes as they stand in the table, of one day each: what covers everything, an environment, and the team.
async fn freezes(house: &House) {
    for (name, scope) in [("Year end", "everything"), ("No staging", "environment"), ("Moving", "team")] {
        sqlx::query(
            "INSERT INTO drydock.freeze (id, name, reason, scope, environment, team_id, zone, start_at, end_at, created_by)
             SELECT gen_random_uuid(), $1, 'because', $2, CASE $2 WHEN 'environment' THEN 'staging' END, CASE $2 WHEN 'team' THEN t.team_id END, 'Etc/UTC',
                    '2031-06-10 00:00Z', '2031-06-11 00:00Z', t.created_by FROM drydock.target t WHERE t.id = $3",
        )
        .bind(name)
        .bind(scope)
        .bind(house.target.0)
        .execute(&house.admin)
        .await
        .expect("a freeze");
    }
}

#[tokio::test]
async fn freezes_are_on_their_days_for_whoever_sees_them() {
    let house = House::new().await;
    freezes(&house).await;
    let on = |page: &CalendarPage, day: &str| {
        let day = page.days.iter().find(|found| found.bounds.date.to_string() == day).expect("in the week");
        let mut names: Vec<String> = page.frame.frozen(&day.bounds).map(|row| row.freeze.name.clone()).collect();
        names.sort_unstable();
        names
    };
    let week = [("view", "week"), ("date", "2031-06-10"), ("zone", "utc")];
    let mine = by_day(&house, &house.engineer.actor, &week).await;
    assert_eq!(on(&mine, "2031-06-10"), ["Moving", "No staging", "Year end"]);
    assert!(on(&mine, "2031-06-11").is_empty() && on(&mine, "2031-06-09").is_empty(), "the end is exclusive");
    let stranger = by_day(&house, &house.foreigner.actor, &week).await;
    assert_eq!(on(&stranger, "2031-06-10"), ["No staging", "Year end"]);
    let production = by_day(&house, &house.engineer.actor, &[week[0], week[1], week[2], ("environment", "production")]).await;
    assert_eq!(on(&production, "2031-06-10"), ["Moving", "Year end"]);
    // Narrowed to what they do not hold, they are not there; to what the reader does not see, nothing is.
    house.another("spare", "staging", None).await;
    house.another("theirs", "staging", Some(house.foreigner.actor.teams[0].team)).await;
    sqlx::query(
        "INSERT INTO drydock.freeze (id, name, reason, scope, target_id, zone, start_at, end_at, created_by)
         SELECT gen_random_uuid(), 'Not this one', 'because', 'target', t.id, 'Etc/UTC', '2031-06-10 00:00Z', '2031-06-11 00:00Z', t.created_by
         FROM drydock.target t WHERE t.id = $1",
    )
    .bind(house.target.0)
    .execute(&house.admin)
    .await
    .expect("a freeze");
    for (narrowed, to, expected) in [
        ("database", "prod-orders", &["Moving", "Not this one", "Year end"][..]),
        ("database", "spare", &["Moving", "No staging", "Year end"]),
        ("database", "theirs", &[]),
        ("database", "nowhere", &[]),
        ("team", "orders", &["Moving", "No staging", "Not this one", "Year end"]),
        ("team", "billing", &[]),
        ("environment", "staging", &["Moving", "No staging", "Year end"]),
    ] {
        let page = by_day(&house, &house.engineer.actor, &[week[0], week[1], week[2], (narrowed, to)]).await;
        assert_eq!(on(&page, "2031-06-10"), expected, "{narrowed} {to}");
    }
    sqlx::query("UPDATE drydock.freeze SET lifted_at = now(), lifted_by = created_by, lift_reason = 'over'")
        .execute(&house.admin)
        .await
        .expect("lifted");
    assert!(by_database(&house, &house.engineer.actor, &[("date", "2031-06-10")]).await.frame.freezes.is_empty());
}
