//! The databases that other tests stand on.

use engine::test_support::{ServiceRole, TestDatabase};

#[tokio::test]
async fn two_databases_do_not_see_each_other() {
    let (one, two) = (TestDatabase::empty().await, TestDatabase::empty().await);
    assert_ne!(one.name(), two.name());
    sqlx::query("CREATE TABLE only_here (n int)").execute(&one.pool(ServiceRole::Owner).await).await.expect("the owner may create");
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE relname = 'only_here'")
        .fetch_one(&two.superuser().await)
        .await
        .expect("readable");
    assert_eq!(seen, 0);
}

#[tokio::test]
async fn a_database_goes_with_its_test() {
    let watcher = TestDatabase::empty().await;
    let short_lived = TestDatabase::empty().await;
    let name = short_lived.name().to_owned();
    let pool = short_lived.pool(ServiceRole::Web).await;
    drop(short_lived);
    assert!(sqlx::query("SELECT 1").execute(&pool).await.is_err(), "its sessions are ended");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(name)
        .fetch_one(&watcher.superuser().await)
        .await
        .expect("readable");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_products_schema_is_there_and_the_roles_have_their_rights() {
    let database = TestDatabase::new().await;
    for role in [ServiceRole::Web, ServiceRole::Worker] {
        let pool = database.pool(role).await;
        let windows: i64 = sqlx::query_scalar("SELECT count(*) FROM drydock.window").fetch_one(&pool).await.expect("readable");
        assert_eq!(windows, 0);
        let refused = sqlx::query("DROP TABLE drydock.window").execute(&pool).await.expect_err("no service role owns a table");
        assert!(refused.to_string().contains("must be owner"), "{refused}");
    }
}
