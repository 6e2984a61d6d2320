//! The engine as the web process holds it: a pool, a clock, the key of second factors, and nothing that opens a target's secret.

use crate::clock::Clock;
use crate::error::Result;
use crate::factor_key::FactorKey;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::sync::Arc;
use std::time::Duration;

/// Shared by all requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    pool: PgPool,
    clock: Clock,
    factor_key: Option<Arc<FactorKey>>,
}

impl Engine {
    /// Connects with `connections` connections at most, each with a statement timeout of 15 s: no page and no action takes longer.
    pub async fn connect(options: PgConnectOptions, connections: u32) -> Result<Self> {
        let options = options.application_name("drydock").options([
            ("statement_timeout", "15000"),
            ("idle_in_transaction_session_timeout", "30000"),
            ("lock_timeout", "10000"),
            ("timezone", "UTC"),
        ]);
        let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(5)).connect_with(options).await?;
        Ok(Self { pool, clock: Clock, factor_key: None })
    }
    /// The same over a worker's own pool: for what a worker does by the actions that people use.
    #[must_use]
    pub fn over(pool: PgPool) -> Self {
        Self { pool, clock: Clock, factor_key: None }
    }
    /// The same with the key of second factors: for web processes alone.
    #[must_use]
    pub fn with_factor_key(mut self, key: FactorKey) -> Self {
        self.factor_key = Some(Arc::new(key));
        self
    }
    /// The key of second factors, where this process holds it.
    pub(crate) fn factor_key(&self) -> Option<&Arc<FactorKey>> {
        self.factor_key.as_ref()
    }
    /// The state database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
    /// The clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }
}
