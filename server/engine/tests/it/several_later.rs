//! A window of several databases later on: its people are counted together.

use crate::several::Estate;
use domain::approval::Electorates;
use engine::store::groups;
use sqlx::PgConnection;

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
