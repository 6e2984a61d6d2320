//! Subcommands that do one thing and end.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    config::Settings,
    serve,
    state::{self, State},
};

/// Bring the schema up to date and grant the rights. The sentence, when there is one, must be said aloud.
pub async fn migrate(mut settings: Settings) -> anyhow::Result<Option<String>> {
    // The private cluster may be made here: where `serve` will look for it.
    let note = state::place(&mut settings, serve::FALLBACK)?;
    let state = State::reach(&settings).await?;
    let migrated = async {
        // A demo brings its own state up to date.
        state.refuse_other_kind(settings.demo).await?;
        state.migrate(&settings.role_suffix).await
    }
    .await;
    state.close().await?;
    migrated.map(|()| note)
}

/// Ask the web process whether it lives; for container and service managers.
pub async fn healthcheck(settings: &Settings) -> anyhow::Result<()> {
    let ask = async {
        let mut stream = TcpStream::connect(settings.listen).await?;
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", settings.listen).as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        anyhow::Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
    };
    let status = tokio::time::timeout(Duration::from_secs(5), ask)
        .await
        .with_context(|| format!("{} did not answer within 5 seconds", settings.listen))?
        .with_context(|| format!("nobody answers on {}", settings.listen))?;
    if status.split(' ').nth(1) == Some("200") { Ok(()) } else { bail!("{} answers: {status}", settings.listen) }
}
