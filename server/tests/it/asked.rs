//! Server functions are doors like the others: what islands ask is answered to people, and never changes anything.

use std::collections::BTreeSet;

use http::StatusCode;
use server::router::{Access, DOORS};

use crate::house::House;
use crate::pages::{Browser, settle};

/// What the proposal form asks while a time is typed: a week ahead, 02:00 in Berlin.
fn question(house: &House, days: i64) -> Vec<(&'static str, String)> {
    let form = house.form(days);
    vec![
        ("database", form.target),
        ("date", form.date),
        ("time", "02:00".to_owned()),
        ("fold", String::new()),
        ("duration_min", "60".to_owned()),
    ]
}

async fn ask(browser: &mut Browser, path: &str, question: &[(&str, String)]) -> (StatusCode, String) {
    let fields: Vec<(&str, &str)> = question.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser.post(path, &fields).await;
    (answer.status, answer.body)
}

#[test]
fn every_server_function_is_a_door_for_people_who_are_signed_in() {
    let asked: BTreeSet<String> = leptos::server_fn::axum::server_fn_paths().map(|(path, method)| format!("{method} {path}")).collect();
    let doors: BTreeSet<String> = DOORS
        .iter()
        .filter(|door| door.path.starts_with("/api/"))
        .inspect(|door| assert!(matches!(door.access, Access::SignedIn | Access::Polled), "{} asks nobody who they are", door.path))
        .map(|door| format!("{} {}", door.method, door.path))
        .collect();
    assert!(!doors.is_empty());
    assert_eq!(asked, doors, "a server function without a door, or a door without its function");
}

#[tokio::test]
async fn nobody_is_told_anything() {
    let house = House::new().await;
    settle(&house).await;
    for door in DOORS.iter().filter(|door| door.path.starts_with("/api/")) {
        let mut stranger = Browser::new(&house);
        let (status, body) = ask(&mut stranger, door.path, &question(&house, 7)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{}: {body}", door.path);
        assert!(!body.contains("The database"), "{body}");
        // Without a good argument the answer is the same.
        assert_eq!(ask(&mut stranger, door.path, &[]).await.0, StatusCode::UNAUTHORIZED, "{}", door.path);
        assert_eq!(stranger.get(door.path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{}", door.path);
    }
}

#[tokio::test]
async fn times_are_checked_for_people_within_their_rights() {
    let house = House::new().await;
    settle(&house).await;
    let mut engineer = Browser::of(&house, &house.engineer).await;
    let (status, body) = ask(&mut engineer, "/api/check_times", &question(&house, 7)).await;
    assert_eq!((status, body.contains("The database is free then.")), (StatusCode::OK, true), "{body}");
    house.proposed(7).await;
    let (_, body) = ask(&mut engineer, "/api/check_times", &question(&house, 7)).await;
    assert!(body.contains("asks for the database from"), "the other window is named: {body}");

    let mut foreigner = Browser::of(&house, &house.foreigner).await;
    let (status, body) = ask(&mut foreigner, "/api/check_times", &question(&house, 7)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "[]"), "another team's windows are not told");
}
