//! A window of several databases later on: its databases bear other names, and their people are counted together.

use crate::several::Estate;
use domain::approval::Electorates;
use domain::plan::Plan;
use engine::actions::end_window::cancel_window;
use engine::actions::move_window::{Input, move_window};
use engine::queries::proposals::{again_form, edit_form, move_form};
use engine::store::groups;
use sqlx::PgConnection;
use std::collections::BTreeMap;

#[tokio::test]
async fn it_is_moved_edited_and_proposed_again_under_the_names_of_today() {
    let estate = Estate::new().await;
    let (engine, egon) = (&estate.house.engine, &estate.house.engineer);
    let number = estate.propose(&[("prod-orders", "2"), ("staging-orders", "1"), ("prod-invoices", "2")]).await.expect("proposed");
    let sealed = estate.plan(number).await;
    estate.run("UPDATE drydock.target SET short_name = replace(short_name, 'prod', 'live')").await;
    estate.run("UPDATE drydock.target SET short_name = 'prod-orders' WHERE short_name = 'staging-orders'").await;
    let order = [("live-invoices", "2"), ("live-orders", "2"), ("prod-orders", "1")];
    let order = BTreeMap::from(order.map(|(name, wave)| (name.to_owned(), wave.to_owned())));

    let page = move_form(engine, &egon.actor, number, None).await.expect("a page");
    assert_eq!((page.form.waves, page.approvers.iter().map(|who| who.on.len()).sum::<usize>()), (order.clone(), 3));
    assert_eq!(edit_form(engine, &egon.actor, number, None, None).await.expect("a form").form.waves, order);
    let later = estate.house.form(5);
    let input = Input { revision: 1, date: later.date, time: later.time, fold: later.fold, ..Default::default() };
    assert_eq!(move_window(engine, egon, number, &input).await.expect("moved"), 2);
    let moved = estate.plan(number).await;
    let lanes = |plan: &Plan| plan.targets.iter().map(|lane| (lane.id, plan.wave_of(lane.id))).collect::<BTreeMap<_, _>>();
    assert_eq!(lanes(&moved), lanes(&sealed), "the same databases in the same order");
    assert!(moved.targets.iter().any(|lane| lane.short_name == "live-invoices"));

    cancel_window(engine, egon, number, "no longer needed").await.expect("withdrawn");
    estate.run("UPDATE drydock.target SET state = 'retired' WHERE short_name = 'live-invoices'").await;
    estate.run("UPDATE drydock.target SET state = 'deleted', short_name = 'gone' WHERE short_name = 'live-invoices'").await;
    estate.run("UPDATE drydock.target SET short_name = 'live-invoices' WHERE short_name = 'prod-orders'").await;
    let again = again_form(engine, &egon.actor, number).await.expect("a form");
    let left = [("live-invoices", "1"), ("live-orders", "2")].map(|(name, wave)| (name.to_owned(), wave.to_owned()));
    assert_eq!(again.form.waves, BTreeMap::from(left), "whatever bears the name of the deleted one does not take its place");
}

/// How many statements a connection has run so far, those of this question left out.
async fn statements(db: &mut PgConnection) -> i64 {
    sqlx::query_scalar(
        "SELECT coalesce(sum(generic_plans + custom_plans), 0)::bigint FROM pg_prepared_statements WHERE statement NOT LIKE '%pg_prepared_statements%'",
    )
    .fetch_one(db)
    .await
    .expect("a number")
}

#[tokio::test]
async fn the_people_of_many_databases_are_counted_in_as_many_statements_as_those_of_two() {
    let estate = Estate::new().await;
    let two = estate.propose(&[("prod-invoices", "1")]).await.expect("proposed");
    let two = estate.plan(two).await;
    let three = estate.propose(&[("prod-invoices", "1"), ("staging-orders", "2")]).await.expect("proposed");
    let three = estate.plan(three).await;
    let mut db = estate.house.admin.acquire().await.expect("a connection");
    let mut taken = Vec::new();
    for plan in [&two, &three] {
        let before = statements(&mut db).await;
        let found = groups::of_plan(&mut db, plan, None).await.expect("people");
        taken.push(statements(&mut db).await - before);
        // The same people as asked one by one.
        let mut alone = Electorates::new();
        for (target, policy, _) in plan.asks() {
            alone.insert(target.id, groups::eligible(&mut db, target.id, target.team, &policy.rules.groups()).await.expect("people"));
        }
        let groups = |found: &Electorates| found.iter().map(|(target, people)| (*target, people.groups.clone())).collect::<Vec<_>>();
        assert_eq!(groups(&found), groups(&alone));
        for (target, people) in &alone {
            let everybody = people.everybody();
            let known = |of: &std::collections::BTreeSet<_>| everybody.intersection(of).copied().collect::<Vec<_>>();
            assert_eq!((known(&found[target].accounts), known(&found[target].factors)), (known(&people.accounts), known(&people.factors)));
        }
    }
    assert!(taken[0] > 0 && taken[0] == taken[1], "{taken:?}");
}
