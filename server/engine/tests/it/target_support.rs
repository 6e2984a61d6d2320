//! A target to maintain: a database with roles as a careful owner would set them up, and defects to plant.

use domain::ids::RunId;
use domain::procedure::{Act, Measure, Object, ObjectKind, ObjectName, Parameters, WorkItem, estimate::estimate};
use engine::target::connect::{Address, Dialer, TlsMode};
use engine::target::link::Link;
use engine::target::postgres::{self, ItemResult};
use engine::target::session::{Guards, Session, SessionName};
use engine::test_support::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Password of the roles below; they exist in the test cluster only.
pub const PASSWORD: &str = "only-in-tests";
/// May maintain everything of `shop_owner`, and see what others do.
pub const MAINTAINER: &str = "shop_maint";
/// May connect, and nothing else.
pub const STRANGER: &str = "shop_stranger";

pub struct Target {
    pub db: TestDatabase,
}

impl Target {
    /// An empty schema `shop` of `shop_owner`, with pgstattuple in a schema of its own.
    pub async fn new() -> Self {
        Self::on(TestDatabase::empty().await).await
    }

    /// The same in a given empty database.
    pub async fn on(db: TestDatabase) -> Self {
        let target = Self { db };
        // Roles belong to the whole cluster: many tests make them at once, and the first wins. A lock is of one database, so it is taken in one.
        let mut everywhere = PgConnection::connect(&target.db.superuser_url_of("postgres")).await.expect("the test cluster answers");
        for (role, options) in [("shop_owner", "NOLOGIN"), (MAINTAINER, "LOGIN"), (STRANGER, "LOGIN")] {
            let sql = format!(
                "DO $$ BEGIN
                     PERFORM pg_advisory_xact_lock(4711);
                     IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} {options} PASSWORD '{PASSWORD}'; END IF;
                 END $$"
            );
            run(&mut everywhere, &sql).await;
        }
        run(
            &mut everywhere,
            "DO $$ BEGIN
                 PERFORM pg_advisory_xact_lock(4711);
                 IF NOT pg_has_role('shop_maint', 'shop_owner', 'MEMBER') THEN GRANT shop_owner, pg_monitor TO shop_maint; END IF;
             END $$",
        )
        .await;
        target
            .plant(
                "CREATE SCHEMA shop AUTHORIZATION shop_owner;
                 CREATE SCHEMA tools;
                 CREATE EXTENSION pgstattuple SCHEMA tools;
                 GRANT USAGE ON SCHEMA tools TO PUBLIC",
            )
            .await;
        target
    }

    /// Runs SQL as the superuser, several statements if need be.
    pub async fn plant(&self, sql: &str) {
        let mut admin = self.admin().await;
        run(&mut admin, sql).await;
        // The counters of this session reach the others before it goes idle, not some time after it ends.
        run(&mut admin, "RESET ROLE; SELECT pg_stat_force_next_flush()").await;
        run(&mut admin, "SELECT 1").await;
    }

    /// Runs SQL as `shop_owner`, whose objects the maintainer looks after.
    pub async fn plant_as_owner(&self, sql: &str) {
        self.plant(&format!("SET ROLE shop_owner; {sql}")).await;
    }

    /// Waits until the writing transactions of other databases that run now are over: a snapshot counts those of the whole server, so VACUUM
    /// would leave dead rows here for the sake of another test.
    pub async fn settled(&self) {
        let (mut admin, end) = (self.admin().await, std::time::Instant::now() + std::time::Duration::from_secs(60));
        let since: String = sqlx::query_scalar("SELECT clock_timestamp()::text").fetch_one(&mut admin).await.expect("a time");
        let others = "SELECT count(*) FROM pg_stat_activity WHERE datname <> current_database() AND backend_xid IS NOT NULL AND xact_start < $1::timestamptz";
        while sqlx::query_scalar::<_, i64>(others).bind(&since).fetch_one(&mut admin).await.expect("readable") > 0
            && std::time::Instant::now() < end
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// A connection of the superuser.
    pub async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.db.superuser_url()).await.expect("the test database answers")
    }

    /// The address for a role.
    pub fn address(&self, user: &str) -> Address {
        Address {
            host: "127.0.0.1".to_owned(),
            port: self.db.port(),
            database: self.db.name().to_owned(),
            user: user.to_owned(),
            password: Some(PASSWORD.into()),
            tls: TlsMode::None { acknowledged: false },
        }
    }

    pub async fn dialer(&self, user: &str) -> Dialer {
        Dialer::new(self.address(user)).await.expect("loopback resolves")
    }

    pub async fn link(&self, user: &str) -> Link {
        self.dialer(user).await.connect("test").await.expect("the role may connect")
    }

    /// An executing session of the maintainer with `budget_ms` for its statement.
    pub async fn session(&self, user: &str, act: Act, budget_ms: u64, parameters: &Parameters) -> Session {
        let name = SessionName::new(RunId(uuid::Uuid::now_v7()), 1, 1, 1).expect("short");
        Session::open(&self.dialer(user).await, name, &Guards::acting(act, budget_ms, parameters)).await.expect("the role may connect")
    }

    /// One item from beginning to end, as the maintainer.
    pub async fn carry_out(&self, item: &WorkItem, parameters: &Parameters) -> ItemResult {
        self.carry_out_as(MAINTAINER, item, 60_000, parameters).await
    }

    pub async fn carry_out_as(&self, user: &str, item: &WorkItem, budget_ms: u64, parameters: &Parameters) -> ItemResult {
        self.settled().await;
        let session = self.session(user, item.act, budget_ms, parameters).await;
        let control = self.link(user).await;
        let before = postgres::evidence(&control, item).await.expect("readable");
        let tried = postgres::execute(&session, item, parameters, &|| true).await.expect("the looks around the statement work");
        postgres::judge(&control, item, before, tried, parameters).await
    }
}

pub async fn run(connection: &mut PgConnection, sql: &str) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await {
        panic!("{sql}: {error}");
    }
}

pub fn name(schema: &str, name: &str) -> ObjectName {
    ObjectName::new(schema, name).expect("no NUL")
}

/// An item as the selectors would make it, without having been selected.
pub fn item(act: Act, object: ObjectName, table: Option<ObjectName>) -> WorkItem {
    let kind = if table.is_some() { ObjectKind::Index } else { ObjectKind::Table };
    let object = Object { kind, oid: 0, name: object, table };
    WorkItem::new("test", act, object, Measure::new("chosen by the test", []), estimate(act, 0, &[]), 0, 0)
}

/// Waits until the server shows something; fails after 20 s.
pub async fn until<F: AsyncFnMut() -> bool>(what: &str, mut seen: F) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !seen().await {
        assert!(std::time::Instant::now() < end, "never seen: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
