//! Changes of accounts on a real server: all of them or none, and only what is needed.

use crate::changes::sends_by;
use crate::run_stage::RunStage;
use crate::target_own_server::with_server;
use crate::target_support::Target;
use domain::change::accounts;
use domain::procedure::library::ACCOUNTS_POSTGRESQL;
use engine::test_support::TestDatabase;
use sqlx::AssertSqlSafe;

impl RunStage {
    /// Proposes these lines, runs them, and gives how the part ended.
    async fn ends_as(&self, lines: &str) -> String {
        let change = accounts::read(lines).expect("good");
        self.due(|plan| sends_by(plan, ACCOUNTS_POSTGRESQL, change)).await;
        let worker = self.worker();
        self.until(60, "SELECT state = 'validating' FROM drydock.window").await;
        worker.stop().await;
        self.text("SELECT outcome FROM drydock.item").await
    }
    /// Sends what takes the lines back, as people would in a window of its own.
    async fn sent_back(&self, lines: &str) {
        let mut admin = self.target.admin().await;
        for statement in accounts::read(lines).expect("good").way_back() {
            sqlx::raw_sql(AssertSqlSafe(statement.text.clone())).execute(&mut admin).await.expect("taken back");
        }
    }
}

const LINES: &str = "lock app_old\ncreate \"new app'; --\" in readers\nadd app_old to writers\nremove app_old from readers";
const AS_BEFORE: &str =
    "SELECT count(*) FROM pg_roles r WHERE rolname = 'app_old' AND rolcanlogin AND pg_has_role('app_old', 'readers', 'MEMBER')
    AND NOT pg_has_role('app_old', 'writers', 'MEMBER') AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 'new app%')";

async fn on_own_server(test: impl AsyncFnOnce(&RunStage)) {
    with_server(async |cluster| {
        let stage = RunStage::with(Target::on(TestDatabase::empty_on(cluster).await).await, cluster.port()).await;
        stage.target.plant("CREATE ROLE readers; CREATE ROLE writers; CREATE ROLE app_old LOGIN IN ROLE readers").await;
        stage.target.plant("ALTER ROLE shop_maint CREATEROLE").await;
        stage
            .target
            .plant(
                "DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN
                     EXECUTE 'GRANT readers, writers, app_old TO shop_maint WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'; END IF; END $$",
            )
            .await;
        test(&stage).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_changed_and_their_inverse_is_exact() {
    on_own_server(async |stage| {
        assert_eq!(stage.ends_as(LINES).await, "done", "{}", stage.page().await);
        let now = "SELECT count(*) FROM pg_roles WHERE rolname = 'app_old' AND NOT rolcanlogin AND pg_has_role('app_old', 'writers', 'MEMBER')
            AND NOT pg_has_role('app_old', 'readers', 'MEMBER') AND EXISTS (SELECT FROM pg_roles WHERE rolname = E'new app\\'; --' AND rolcanlogin)";
        assert_eq!(stage.on_target(now).await, 1);
        stage.sent_back(LINES).await;
        assert_eq!(stage.on_target(AS_BEFORE).await, 1);
    })
    .await;
}

/// What is locked already was locked by somebody else: nothing of the whole is done, and its way back would have been wrong.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_needed_takes_all_of_it_back() {
    for (planted, lines, said) in [
        ("SELECT 1", "add app_old to writers\nunlock app_old", "may log in already"),
        ("SELECT 1", "add app_old to writers\nlock shop_maint", "the role Drydock signs in as"),
        ("SELECT 1", "drop app_old", "is not locked yet"),
        ("ALTER ROLE app_old NOLOGIN", "add app_old to writers\nlock app_old", "is locked already"),
    ] {
        on_own_server(async |stage| {
            stage.target.plant(planted).await;
            assert_eq!(stage.ends_as(lines).await, "failed", "{lines}\n{}", stage.page().await);
            assert_eq!(stage.on_target("SELECT pg_has_role('app_old', 'writers', 'MEMBER')::int::bigint").await, 0, "{lines}");
            assert!(stage.page().await.contains(said), "{lines}\n{}", stage.page().await);
        })
        .await;
    }
}
