//! A target to maintain: a database with roles as a careful owner would set them up, and defects to plant.

use engine::target::connect::{Address, TlsMode};
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
        let target = Self { db: TestDatabase::empty().await };
        // Roles belong to the whole cluster: many tests make them at once, and the first wins.
        for (role, options) in [("shop_owner", "NOLOGIN"), (MAINTAINER, "LOGIN"), (STRANGER, "LOGIN")] {
            target
                .plant(&format!(
                    "DO $$ BEGIN
                         PERFORM pg_advisory_xact_lock(4711);
                         IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role} {options} PASSWORD '{PASSWORD}'; END IF;
                     END $$"
                ))
                .await;
        }
        target
            .plant(
                "DO $$ BEGIN
                     PERFORM pg_advisory_xact_lock(4711);
                     IF NOT pg_has_role('shop_maint', 'shop_owner', 'MEMBER') THEN GRANT shop_owner, pg_monitor TO shop_maint; END IF;
                 END $$;
                 CREATE SCHEMA shop AUTHORIZATION shop_owner;
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
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await {
            panic!("{sql}: {error}");
        }
    }

    /// Runs SQL as `shop_owner`, whose objects the maintainer looks after.
    pub async fn plant_as_owner(&self, sql: &str) {
        self.plant(&format!("SET ROLE shop_owner; {sql}")).await;
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
}
