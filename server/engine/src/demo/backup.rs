//! A backup of the demo's first database, for somebody to have it proven.

use super::{Place, shop};
use crate::target::connect::{Address, Dialer, TlsMode};
use crate::target::programs::{Client, Ended, Programs};
use crate::worker::WorkerConfig;
use secrecy::SecretString;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;

/// Under which its session shows in the server's list.
const NAME: &str = "drydock:demo";

/// Dumps it into the demo's folder of backups. A demo without one is a demo all the same, and the page says what is missing.
pub(super) async fn take(worker: &WorkerConfig, port: u16, place: &Place, password: &SecretString) {
    if let Err(said) = dump(worker, port, place, password).await {
        tracing::warn!(said, "the demo has no backup to prove");
    }
}

async fn dump(worker: &WorkerConfig, port: u16, place: &Place, password: &SecretString) -> Result<(), String> {
    let Some(folder) = &worker.backups_dir else { return Ok(()) };
    let folder = folder.join(place.short_name);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| error.to_string())?;
    let address = Address {
        host: "127.0.0.1".to_owned(),
        port,
        database: place.database.clone(),
        user: shop::MAINTAINER.to_owned(),
        password: Some(password.clone()),
        tls: TlsMode::None { acknowledged: false },
    };
    let dialer = Dialer::new(address).await.map_err(|error| error.to_string())?;
    let link = dialer.connect(NAME).await.map_err(|error| error.to_string())?;
    let major = link.server_version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
    let programs = Programs::fitting(&worker.program_folders, major).await.map_err(|obstacle| obstacle.sentence())?;
    let client = Client::new(&programs, &dialer, link.channel_bound, &worker.data_dir, NAME).map_err(|obstacle| obstacle.sentence())?;
    let (begun, done) = (folder.join("nightly.dump.partial"), folder.join("nightly.dump"));
    let arguments = ["--format=custom".to_owned(), "--compress=1".to_owned(), format!("--file={}", begun.display())];
    match client.run("pg_dump", &arguments, &place.database, None).await {
        Ok(_) => fs::rename(begun, done).map_err(|error| error.to_string()),
        Err(Ended::Failed(said)) => Err(said),
        Err(Ended::TooLarge) => Err("pg_dump said too much".to_owned()),
    }
}
