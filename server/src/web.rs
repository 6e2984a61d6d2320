//! The web process: pages and actions. It has its own database role and no key that opens a target's secret.

use std::{io::Write, net::SocketAddr, sync::Arc};

use anyhow::Context;
use app::assets::Assets;
use axum::extract::FromRef;
use engine::{Engine, cluster::ServiceRole};
use tokio::net::TcpListener;

use crate::{
    config::{Settings, TrustedProxies},
    embedded::Site,
    guard::hosts::Hosts,
    lifecycle::Lifecycle,
    router, state,
};

/// Connections to the state database: a page needs one for some milliseconds.
const CONNECTIONS: u32 = 16;

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
}

impl FromRef<Web> for Engine {
    fn from_ref(web: &Web) -> Self {
        web.engine.clone()
    }
}

impl Web {
    /// The state of a web process.
    pub fn new(engine: Engine, site: &Site, settings: &Settings) -> Self {
        let (hosts, proxies) = (Hosts::new(&settings.public_url), settings.trusted_proxies.clone());
        Self { engine, hosts: Arc::new(hosts), proxies: Arc::new(proxies), demo: settings.demo, assets: site.assets().clone() }
    }
}

/// Serve until the soft stop; requests that run then may finish.
pub async fn serve(mut settings: Settings, site: &Site, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let url = settings.database.own(ServiceRole::Web).or(settings.database.any.as_ref());
    let url = url.context("`drydock web` needs DRYDOCK_WEB_DATABASE_URL or DATABASE_URL; `drydock serve` sets it for its own processes")?;
    let engine = Engine::connect(state::connect_options(url)?, CONNECTIONS).await?;
    engine::migrate::check(engine.pool()).await?;
    state::refuse_other_kind(&engine, settings.demo).await?;
    engine::actions::set_public_url::set_public_url(&engine, settings.public_url.as_str()).await?;
    let listener = TcpListener::bind(settings.listen).await.with_context(|| format!("cannot listen on {}", settings.listen))?;
    settings.listens_on(listener.local_addr()?);
    let router = router::router(Web::new(engine, site, &settings), site.routes());
    say_ready();
    tracing::info!(address = %settings.listen, public_url = %settings.public_url, "web is ready");
    let soft = lifecycle.soft.clone();
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { soft.cancelled().await });
    lifecycle.until_hard(async { serving.await }).await.transpose()?;
    lifecycle.finish().await;
    Ok(())
}

/// Tell the supervisor. Nobody listens when the process was started by hand.
pub fn say_ready() {
    let _ = std::io::stdout().write_all(b"ready\n").and_then(|()| std::io::stdout().flush());
}
