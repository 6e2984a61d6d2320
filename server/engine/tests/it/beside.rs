//! Windows on other databases of the same server: named to whoever plans beside them, avoided by the times that are offered, and forbidden to nobody.

use crate::house::House;
use domain::ids::TargetId;
use domain::view::windows::beside::{Beside, Shared};
use domain::window::WindowState as W;
use engine::actions::propose_window::propose_window;
use engine::queries;

/// Gives a database another host, and for a replica the cluster of `prod-orders`.
async fn move_to(house: &House, target: TargetId, host: &str, cluster: &str) {
    sqlx::query("UPDATE drydock.target SET host = $2, identity = jsonb_build_object('system_identifier', $3::text, 'database_oid', 9) WHERE id = $1")
        .bind(target.0)
        .bind(host)
        .bind(cluster)
        .execute(&house.admin)
        .await
        .expect("moved");
}

fn named(found: &[Beside]) -> Vec<(Option<&str>, &str, Shared)> {
    found.iter().map(|other| (other.seen.as_ref().map(|seen| seen.database.as_str()), other.team.as_str(), other.shared)).collect()
}

#[tokio::test]
async fn windows_on_the_same_server_are_named_to_whoever_plans_beside_them() {
    let house = House::new().await;
    let (other_team, _) = house.another_team("billing-2", "Bea").await;
    let check =
        async |days| queries::proposals::check_times(&house.engine, &house.engineer.actor, &house.form(days), None).await.expect("checked");
    let (start, end) = check(9).await.times.expect("good times");
    let sibling = house.another("prod-billing", "production", None).await;
    let replica = house.another("orders-replica", "production", None).await;
    let foreign = house.another("prod-ledger", "production", Some(other_team)).await;
    let elsewhere = house.another("prod-crm", "production", None).await;
    move_to(&house, replica, "replica.example.org", "7").await;
    move_to(&house, elsewhere, "crm.example.org", "8").await;
    let at = |minutes: i64| (start + jiff::SignedDuration::from_mins(minutes)).to_string();
    let number = house.planted(sibling, W::Approved, &at(0), 30, 1).await[0];
    house.planted(replica, W::Proposed, &at(10), 30, 1).await;
    house.planted(foreign, W::Running, &at(20), 30, 1).await;
    house.planted(elsewhere, W::Approved, &at(0), 30, 1).await;
    // What is over, and what begins when this one ends, shares nothing with it.
    house.planted(sibling, W::Completed, &at(0), 30, 1).await;
    house.planted(sibling, W::Approved, &end.to_string(), 30, 1).await;

    let found = check(9).await;
    let team = found.beside[0].team.clone();
    let expected = [
        (Some("prod-billing"), team.as_str(), Shared::Host),
        (Some("orders-replica"), team.as_str(), Shared::Cluster),
        (None, "billing-2", Shared::Host),
    ];
    assert_eq!(named(&found.beside), expected);
    assert_eq!(found.beside[0].seen.as_ref().map(|seen| seen.number), Some(number));
    assert!(found.overlaps.is_empty(), "the database itself is free");
    assert_eq!(check(10).await.beside, []);

    // It is no obstacle, and the window's page names it too; each side sees the other one.
    let proposed = propose_window(&house.engine, &house.engineer, &house.form(9), None).await.expect("nothing forbids it");
    let page = queries::windows::show(&house.engine, &house.engineer.actor, proposed.number, None).await.expect("a page");
    assert_eq!(named(&page.beside), expected);
    let auditor = queries::windows::show(&house.engine, &house.auditor.actor, proposed.number, None).await.expect("a page");
    assert!(auditor.beside.iter().all(|other| other.seen.is_some()), "auditors see every team");

    // The times that are offered keep clear of them, where the refused one did not.
    let free = queries::proposals::move_form(&house.engine, &house.engineer.actor, proposed.number, None).await.expect("a form");
    let before = free.slots.iter().map(|slot| slot.start).collect::<Vec<_>>();
    assert!(!before.is_empty() && !before.contains(&start));
    house.planted(foreign, W::Proposed, &before[0].to_string(), 30, 1).await;
    let after = queries::proposals::move_form(&house.engine, &house.engineer.actor, proposed.number, None).await.expect("a form");
    assert_eq!(after.slots.first().map(|slot| slot.start), before.get(1).copied());
}
