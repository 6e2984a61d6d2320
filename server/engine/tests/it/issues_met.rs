//! The text that a window owes when it did not go as planned.

use crate::house::House;
use crate::stage::When;
use domain::window::WindowState;
use engine::Error;
use engine::actions::write_issues_met::{Input, write_issues_met};
use engine::queries::windows::show;

fn input(text: &str) -> Input {
    Input { issues_met: text.into() }
}

#[tokio::test]
async fn a_failed_window_owes_its_text_until_the_owner_team_writes_it_once() {
    let house = House::new().await;
    let window = house.staged(When::NOW, |_| ()).await;
    let early = write_issues_met(&house.engine, &house.engineer, window.number, &input("too early")).await;
    assert!(matches!(&early, Err(Error::Refused(refusal)) if refusal.code == "moved_on"), "{early:?}");
    house.put(window.id, 2, WindowState::Running).await;
    house.put(window.id, 2, WindowState::Failed).await;

    let page = show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert!(page.blocked.iter().any(|blocker| blocker.what.contains("issues met")), "{:?}", page.blocked);
    assert!(page.offers.write_issues.is_open());
    for (who, ok) in [(&house.stakeholder, false), (&house.auditor, false)] {
        let tried = write_issues_met(&house.engine, who, window.number, &input("not mine")).await;
        assert_eq!(tried.is_ok(), ok, "{tried:?}");
    }
    assert!(matches!(write_issues_met(&house.engine, &house.foreigner, window.number, &input("x")).await, Err(Error::Hidden)));
    let empty = write_issues_met(&house.engine, &house.engineer, window.number, &input("  ")).await;
    assert!(matches!(&empty, Err(Error::Invalid(errors)) if errors[0].field == "issues_met"), "{empty:?}");

    write_issues_met(&house.engine, &house.engineer, window.number, &input("The replica fell behind.")).await.expect("written");
    let page = show(&house.engine, &house.engineer.actor, window.number, None).await.expect("a page");
    assert_eq!(page.head.issues_met.as_deref(), Some("The replica fell behind."));
    assert!(page.blocked.is_empty() && !page.offers.write_issues.is_open(), "{:?}", page.blocked);
    let again = write_issues_met(&house.engine, &house.lead, window.number, &input("Something else.")).await;
    assert!(matches!(&again, Err(Error::Refused(refusal)) if refusal.code == "moved_on"), "{again:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'window.issues_met'").await, 1);

    let twice = sqlx::query("UPDATE drydock.window SET issues_met = 'nothing happened'").execute(&house.admin).await;
    let error = twice.expect_err("the database keeps the first text");
    assert_eq!(error.as_database_error().and_then(|error| error.constraint()), Some("window_issues_once"));
}
