//! The web process: pages and actions. It has its own database role, the key of second factors, and no key that opens a target's secret.

use std::{io::Write, sync::Arc};

use anyhow::Context;
use app::assets::Assets;
use axum::extract::FromRef;
use engine::{Engine, cluster::ServiceRole, factor_key::FactorKey};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Settings, TrustedProxies},
    drain,
    embedded::Site,
    folders,
    guard::hosts::Hosts,
    lifecycle::Lifecycle,
    listener,
    live::{self, Live},
    metrics, router, state,
};

/// Connections to the state database: a page needs one for some milliseconds.
const CONNECTIONS: u32 = 16;

/// Connections that streams of watched runs have for themselves: one to look, one to prove who may watch.
const LIVE_CONNECTIONS: u32 = 2;

/// Shared by all requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct Web {
    /// State database and clock.
    pub engine: Engine,
    /// Names this server answers to.
    pub hosts: Arc<Hosts>,
    /// Proxies that are believed.
    pub proxies: Arc<TrustedProxies>,
    /// A demo's installation is marked as one.
    pub demo: bool,
    /// The built site's names.
    pub assets: Assets,
    /// Opens `/metrics`; without one there is no such page.
    pub metrics_token: Option<SecretString>,
    /// Cancelled once this process was asked to stop: pages say so, and `/readyz` sends no more people here.
    pub draining: CancellationToken,
    /// Runs that are watched.
    pub live: Live,
}

impl FromRef<Web> for Engine {
    fn from_ref(web: &Web) -> Self {
        web.engine.clone()
    }
}

impl Web {
    /// The state of a web process.
    pub fn new(engine: Engine, live: Live, site: &Site, settings: &Settings, draining: CancellationToken) -> Self {
        let (hosts, proxies) = (Hosts::new(&settings.public_url), settings.trusted_proxies.clone());
        Self {
            engine,
            hosts: Arc::new(hosts),
            proxies: Arc::new(proxies),
            demo: settings.demo,
            assets: site.assets().clone(),
            metrics_token: settings.metrics.token.clone(),
            draining,
            live,
        }
    }
}

/// Serve until the soft stop; requests that run then may finish.
pub async fn serve(mut settings: Settings, site: &Site, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let unfit = router::unfit_functions();
    anyhow::ensure!(unfit.is_empty(), "this build is not served: {}", unfit.join("; "));
    let url = settings.database.own(ServiceRole::Web).or(settings.database.any.as_ref());
    let url = url.context("`drydock web` needs DRYDOCK_WEB_DATABASE_URL or DATABASE_URL; `drydock serve` sets it for its own processes")?;
    let keys = settings.data_dir.join("web");
    folders::make_private(&keys)?;
    let engine = Engine::connect(state::connect_options(url)?, CONNECTIONS).await?.with_factor_key(FactorKey::open(&keys)?);
    let watching = Engine::connect(state::connect_options(url)?, LIVE_CONNECTIONS).await?;
    state::refuse_other_schema(&engine).await?;
    state::refuse_other_kind(&engine, settings.demo).await?;
    engine::actions::set_public_url::set_public_url(&engine, settings.public_url.as_str()).await?;
    let listener = listener::listen(settings.listen).with_context(|| format!("cannot listen on {}", settings.listen))?;
    settings.listens_on(listener.local_addr()?);
    if let Some(door) = settings.metrics.web {
        let source: metrics::Source = |pool| Box::pin(async move { metrics::of_web(&pool).await });
        let (token, pool) = (settings.metrics.token.clone(), engine.pool().clone());
        lifecycle.tasks.spawn(metrics::open(door, token, pool, source, lifecycle.soft.clone()).await?);
    }
    lifecycle.tasks.spawn(drain::step_aside(engine.pool().clone(), lifecycle.clone()));
    let live = Live::new(watching, lifecycle.clone(), live::Limits::default());
    let router = router::router(Web::new(engine, live, site, &settings, lifecycle.draining.clone()), site.routes());
    say_ready();
    tracing::info!(address = %settings.listen, public_url = %settings.public_url, "web is ready");
    lifecycle.until_hard(listener::serve(listener, router, listener::Limits::default(), lifecycle.soft.clone())).await;
    lifecycle.clone().finish().await;
    drain::outcome(&lifecycle)
}

/// Tell the supervisor. Nobody listens when the process was started by hand.
pub fn say_ready() {
    let _ = std::io::stdout().write_all(b"ready\n").and_then(|()| std::io::stdout().flush());
}
