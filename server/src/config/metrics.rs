//! Who may read the metrics, and where.

use std::net::SocketAddr;

use secrecy::SecretString;

use super::{environment::Reader, parse_listen};

/// A token shorter than this could be guessed.
const LEAST_TOKEN: usize = 16;

/// Where metrics are offered; nowhere by default.
#[derive(Debug, Clone, Default)]
pub struct MetricsSettings {
    /// Opens `/metrics` beside the pages, and is asked for at the own doors too.
    pub token: Option<SecretString>,
    /// The web process's own door.
    pub web: Option<SocketAddr>,
    /// The worker's own door.
    pub worker: Option<SocketAddr>,
}

pub(super) fn metrics(reader: &mut Reader<'_>) -> MetricsSettings {
    let token = reader.text("DRYDOCK_METRICS_TOKEN");
    let token = reader.judge("DRYDOCK_METRICS_TOKEN", token, |text| {
        let plain = text.len() >= LEAST_TOKEN && text.chars().all(|c| c.is_ascii_graphic());
        if plain { Ok(text.to_owned()) } else { Err(format!("needs at least {LEAST_TOKEN} visible ASCII characters")) }
    });
    let mut door = |name: &'static str| {
        let text = reader.text(name);
        let address = reader.judge(name, text, parse_listen)?;
        if !address.ip().is_loopback() && token.is_none() {
            reader.problem(format!("{name} is {address}, which others reach: set DRYDOCK_METRICS_TOKEN, or listen on 127.0.0.1"));
        }
        Some(address)
    };
    let (web, worker) = (door("DRYDOCK_METRICS_LISTEN"), door("DRYDOCK_WORKER_METRICS_LISTEN"));
    MetricsSettings { token: token.map(Into::into), web, worker }
}
