//! An index whose build stands still while a test holds its gate, and the target's own account of what ran.
//!
//! The account is kept by the target, not by the product: a sequence counts builds that began (what is taken from it stays taken when the
//! build is undone), and the server counts each VACUUM and ANALYZE of a table itself.

use crate::run_stage::RunStage;
use crate::target_support::Target;
use sqlx::{AssertSqlSafe, PgConnection};
use std::time::{Duration, Instant};

/// The gate's key in the target.
const GATE: i64 = 7;

impl RunStage {
    /// A table without dead rows whose only index is mostly empty, and cannot be rebuilt while the gate is held.
    pub async fn gated_index(&self, table: &str) {
        self.gated_index_of(table, 10_000).await;
    }

    /// The same over this many rows, of which a fifth stays.
    pub async fn gated_index_of(&self, table: &str, rows: u32) {
        self.target.gated_index(table, rows).await;
    }

    /// Holds the gate until the connection is closed.
    pub async fn hold_gate(&self) -> PgConnection {
        self.target.hold_gate().await
    }

    /// A session of somebody else that has run this.
    pub async fn session(&self, sql: &str) -> PgConnection {
        self.target.by_somebody_else(sql).await
    }

    /// Waits until a rebuild stands at the gate; says its process.
    pub async fn at_the_gate(&self) -> i32 {
        self.process("wait_event = 'advisory'").await
    }

    /// Waits until a session of a run is like this; says its process.
    pub async fn process(&self, condition: &str) -> i32 {
        let sql = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'drydock:%' AND {condition}"
        );
        let mut admin = self.target.admin().await;
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let found: Option<i32> = sqlx::query_scalar(AssertSqlSafe(sql.clone())).fetch_optional(&mut admin).await.expect("readable");
            if let Some(pid) = found {
                return pid;
            }
            assert!(Instant::now() < end, "never seen: {condition}\n{}", self.page().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One number from the target.
    pub async fn on_target(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.target.admin().await).await.expect("a number")
    }

    /// Builds of gated indexes that ever began.
    pub async fn builds(&self) -> i64 {
        self.on_target("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM shop.builds").await
    }

    /// Invalid indexes on the target.
    pub async fn invalid_indexes(&self) -> i64 {
        self.on_target("SELECT count(*) FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)").await
    }

    /// Sessions of runs that execute items.
    pub async fn executing(&self) -> i64 {
        self.on_target(
            "SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND application_name LIKE 'drydock:%' AND application_name NOT LIKE 'drydock:%:%:0:0'",
        )
        .await
    }

    /// Drops the stage on a thread that may wait. A database is dropped only once no connection to the server is half open, and those of
    /// other stages in the same task would not get on meanwhile.
    pub async fn leave(self) {
        tokio::task::spawn_blocking(move || drop(self)).await.expect("dropped");
    }

    /// The dead owner's lease is over at once: what a test does not want to wait 18 s for.
    pub async fn expire_lease(&self) {
        sqlx::query("UPDATE drydock.run SET lease_until = clock_timestamp() - interval '4 s' WHERE state = 'leased'")
            .execute(&self.house.admin)
            .await
            .expect("expired");
    }
}

impl Target {
    /// A table without dead rows whose only index is mostly empty, and cannot be rebuilt while the gate of this database is held.
    pub async fn gated_index(&self, table: &str, rows: u32) {
        self.plant_as_owner(&format!(
            "CREATE SEQUENCE IF NOT EXISTS shop.builds;
                 CREATE OR REPLACE FUNCTION shop.noted(n int, note text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
                 BEGIN
                     IF n = 4 AND pg_catalog.current_setting('application_name') LIKE 'drydock:%' THEN
                         PERFORM pg_catalog.nextval('shop.builds');
                         PERFORM pg_catalog.pg_advisory_lock_shared({GATE}), pg_catalog.pg_advisory_unlock_shared({GATE});
                     END IF;
                     RETURN note;
                 END $$;
                 CREATE TABLE shop.{table} (id int, note text) WITH (autovacuum_enabled = off);
                 CREATE INDEX {table}_note ON shop.{table} (shop.noted(id, note), id);
                 INSERT INTO shop.{table} SELECT n, md5(n::text) FROM generate_series(1, {rows}) n;
                 DELETE FROM shop.{table} WHERE id > {rows} / 5"
        ))
        .await;
        self.plant(&format!("VACUUM (ANALYZE) shop.{table}")).await;
    }

    /// Holds the gate until the connection is closed.
    pub async fn hold_gate(&self) -> PgConnection {
        self.by_somebody_else(&format!("SELECT pg_advisory_lock({GATE})")).await
    }

    async fn by_somebody_else(&self, sql: &str) -> PgConnection {
        let mut session = self.admin().await;
        crate::target_support::run(&mut session, &format!("SET application_name = 'billing job'; {sql}")).await;
        session
    }
}
