//! Windows on other databases of the same server: named to whoever plans beside them, avoided by the times that are offered, and forbidden to nobody.

use crate::house::{House, code};
use domain::ids::TargetId;
use domain::permission::Actor;
use domain::target::{LinkForm, Linked};
use domain::view::windows::beside::{Beside, Shared};
use domain::window::WindowState as W;
use engine::actions::Caller;
use engine::actions::link_target::link_target;
use engine::actions::propose_window::propose_window;
use engine::actions::unlink_target::unlink_target;
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

#[tokio::test]
async fn windows_on_linked_databases_are_named_whichever_side_said_it() {
    let house = House::new().await;
    let (other_team, lead_of_other) = house.another_team("billing-2", "Bea").await;
    let check =
        async |days| queries::proposals::check_times(&house.engine, &house.engineer.actor, &house.form(days), None).await.expect("checked");
    let (start, _) = check(9).await.times.expect("good times");
    // Neither a host nor a cluster in common, in any way that a connection shows.
    let mut linked = Vec::new();
    for (name, team) in [("orders-logical", None), ("orders-source", None), ("prod-crm", None), ("prod-ledger", Some(other_team))] {
        let target = house.another(name, "production", team).await;
        move_to(&house, target, &format!("{name}.example.org"), &format!("9{}", linked.len())).await;
        linked.push(target);
    }
    let [replica, primary, crm, foreign] = linked[..] else { panic!("four") };
    for (target, minutes) in [(replica, 0), (primary, 10), (crm, 20), (foreign, 30)] {
        house.planted(target, W::Approved, &(start + jiff::SignedDuration::from_mins(minutes)).to_string(), 30, 1).await;
    }
    assert_eq!(check(9).await.beside, [], "nothing is known of them");

    let link = async |who: &Caller, target: TargetId, other: &str, kind: &str| {
        link_target(&house.engine, who, target, &LinkForm { other: other.into(), kind: kind.into() }).await
    };
    link(&house.engineer, replica, "prod-orders", "replica").await.expect("said on the replica's page");
    link(&house.engineer, house.target, "orders-source", "replica").await.expect("said on its own page");
    link(&house.lead, house.target, "prod-crm", "machine").await.expect("a machine");
    // A database that they do not see answers like one that is not there, and whoever sees both may say it.
    for name in ["prod-ledger", "nowhere"] {
        assert_eq!(code(link(&house.engineer, house.target, name, "machine").await), "other", "{name}");
    }
    assert_eq!(code(link(&lead_of_other, house.target, "prod-ledger", "machine").await), "not_found");
    let both = Caller {
        actor: Actor { teams: [house.engineer.actor.teams.clone(), lead_of_other.actor.teams].concat(), ..house.engineer.actor.clone() },
        ..house.engineer.clone()
    };
    link(&both, house.target, "prod-ledger", "machine").await.expect("sees both");
    assert_eq!(code(link(&house.engineer, crm, "prod-orders", "replica").await), "other", "linked already, from the other side");
    assert_eq!(code(link(&house.engineer, house.target, "prod-orders", "machine").await), "other");
    assert_eq!(code(link(&house.stakeholder, house.target, "prod-crm", "machine").await), "not_permitted");

    let found = check(9).await;
    let team = found.beside[0].team.clone();
    let expected = [
        (Some("orders-logical"), team.as_str(), Shared::Replica),
        (Some("orders-source"), team.as_str(), Shared::Primary),
        (Some("prod-crm"), team.as_str(), Shared::Machine),
        (None, "billing-2", Shared::Machine),
    ];
    assert_eq!(named(&found.beside), expected);
    assert!(found.beside[0].said().ends_with("takes orders-logical that is a replica of what is worked on here"));
    let proposed = propose_window(&house.engine, &house.engineer, &house.form(9), None).await.expect("nothing forbids it");
    let page = queries::windows::show(&house.engine, &house.engineer.actor, proposed.number, None).await.expect("a page");
    assert_eq!(named(&page.beside), expected);

    // Each side's page says it, and either takes it away.
    let rows = async |target: TargetId| {
        let page = queries::targets::show(&house.engine, &house.engineer, target).await.expect("a page");
        page.links.into_iter().map(|row| (row.name.unwrap_or_default(), row.how)).collect::<Vec<_>>()
    };
    let own = [
        (String::new(), Linked::SameMachine),
        ("orders-logical".to_owned(), Linked::HasReplica),
        ("orders-source".to_owned(), Linked::ReplicaOf),
        ("prod-crm".to_owned(), Linked::SameMachine),
    ];
    let mut seen = rows(house.target).await;
    seen.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(seen, own);
    assert_eq!(rows(replica).await, [("prod-orders".to_owned(), Linked::ReplicaOf)]);
    unlink_target(&house.engine, &house.engineer, crm, house.target).await.expect("from the other side");
    assert_eq!(code(unlink_target(&house.engine, &house.engineer, crm, house.target).await), "moved_on");
    assert_eq!(code(unlink_target(&house.engine, &house.stakeholder, house.target, replica).await), "not_permitted");
    assert_eq!(named(&check(9).await.beside), [expected[0], expected[1], expected[3]]);
    let facts = "SELECT count(*) FROM drydock.fact WHERE action IN ('target.link', 'target.unlink') AND result = 'done'";
    assert_eq!(house.count(facts).await, 5);
}
