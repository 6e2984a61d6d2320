//! Denied acts stand in the trail, whatever the answer looked like; and nobody floods the trail with them.

use super::cast::Part;
use super::company::Company;
use futures_util::future::join_all;
use http::StatusCode;

/// Facts about denied acts: door, path and reason.
async fn denied(company: &Company) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "SELECT f.object_id, convert_from(f.bytes, 'UTF8')::jsonb -> 'payload' ->> 'path', convert_from(f.bytes, 'UTF8')::jsonb -> 'payload' ->> 'reason'
         FROM drydock.fact f WHERE f.action = 'access.refuse' AND f.result = 'refused' ORDER BY f.id",
    )
    .fetch_all(&company.house.admin)
    .await
    .expect("facts")
}

async fn statuses(part: &Part, paths: &[String]) -> Vec<StatusCode> {
    join_all(paths.iter().map(|path| {
        let mut browser = part.browser.clone();
        async move { browser.get(path).await.status }
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_or_refused_is_written_down_and_what_is_missing_is_not() {
    let mut company = Company::new().await;
    company.proposed().await;
    let (foreign, page) = (company.cast.part("a lead of another team"), format!("/windows/{}", company.windows["proposed"]));
    assert_eq!(statuses(foreign, &["/windows/999999".into(), "/windows/x".into(), "/nowhere".into()]).await, [StatusCode::NOT_FOUND; 3]);
    assert_eq!(denied(&company).await, [], "who mistypes an address is not accused");
    assert_eq!(statuses(foreign, std::slice::from_ref(&page)).await, [StatusCode::NOT_FOUND]);
    assert_eq!(statuses(foreign, &["/people/new".into()]).await, [StatusCode::FORBIDDEN]);
    let mut browser = foreign.browser.clone();
    assert_eq!(
        browser.post(&format!("{page}/cancel"), &[("short_name", "prod-orders"), ("reason", "no")]).await.status,
        StatusCode::NOT_FOUND
    );
    let hidden = "Another team's: answered as if it did not exist.";
    let expected = [
        ("GET /windows/{number}", page.clone(), hidden),
        ("GET /people/new", "/people/new".into(), "You may not manage people and teams."),
        ("POST /windows/{number}/cancel", format!("{page}/cancel"), hidden),
    ];
    assert_eq!(denied(&company).await, expected.map(|(door, path, why)| (door.to_owned(), path, why.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fact_a_minute_for_each_person_and_door() {
    let mut company = Company::new().await;
    for name in ["one", "two", "three"] {
        company.staged(name, &[]).await;
    }
    let pages: Vec<String> = company.windows.values().map(|number| format!("/windows/{number}")).collect();
    let many: Vec<String> = (0..8).flat_map(|_| pages.clone()).collect();
    for who in ["a lead of another team", "a person without a role"] {
        assert!(statuses(company.cast.part(who), &many).await.iter().all(|status| *status == StatusCode::NOT_FOUND));
    }
    assert_eq!(denied(&company).await.len(), 2, "all numbers, all at once: one fact for each of the two");
}
