//! `drydock demo`: everything on this machine, with people and a database to try things on.

use anyhow::Context;
use engine::{cluster::ServiceRole, demo::DemoConfig};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{
    config::{Environment, Settings},
    lifecycle::Lifecycle,
    serve::{self, Installation, Prepare},
    state::{self, State},
    worker,
};

/// Where the demo keeps its state when PostgreSQL's user cannot enter the wanted folder.
pub const FALLBACK: &str = "/var/lib/drydock-demo";

/// What somebody needs to begin; `--json` prints it as one line.
#[derive(Debug, Clone, Serialize)]
pub struct Ready {
    /// The address to open.
    pub address: String,
    /// One person for each role.
    pub sign_ins: Vec<SignIn>,
    /// The page that shows the mails that would go out.
    pub mailbox: String,
    /// The databases to try things on.
    pub targets: Vec<DemoTarget>,
}

/// A person of the demo.
#[derive(Debug, Clone, Serialize)]
pub struct SignIn {
    /// What the person is: admin, lead, engineer, stakeholder, auditor.
    pub role: String,
    /// What to type.
    pub email: String,
    /// Random, made for this data folder.
    pub password: String,
}

/// A database of the demo.
#[derive(Debug, Clone, Serialize)]
pub struct DemoTarget {
    /// As Drydock calls it.
    pub name: String,
    /// `postgresql` or `mariadb`.
    pub dbms: String,
    /// Where it listens.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// Its name on the server.
    pub database: String,
}

/// Fills a new demo and remembers what it made.
#[derive(Debug, Default)]
struct Seed {
    sign_ins: Vec<SignIn>,
    targets: Vec<DemoTarget>,
    /// What could not be shown, to be said aloud.
    missing: Option<String>,
}

impl Prepare for Seed {
    async fn prepare(&mut self, settings: &Settings, state: &State) -> anyhow::Result<()> {
        let cluster = state.cluster().context("a demo runs on its own cluster")?;
        let config = DemoConfig {
            superuser: state::connect_options(&cluster.superuser_url("postgres"))?,
            port: cluster.port(),
            web: state.options(ServiceRole::Web)?,
            worker: worker::config(settings, state.options(ServiceRole::Worker)?)?,
        };
        let demo = engine::demo::prepare(&config).await?;
        let sign_in = |found: engine::demo::SignIn| SignIn {
            role: found.role,
            email: found.email,
            password: found.password.expose_secret().to_owned(),
        };
        self.sign_ins = demo.sign_ins.into_iter().map(sign_in).collect();
        self.targets = vec![DemoTarget {
            name: demo.target,
            dbms: "postgresql".into(),
            host: "127.0.0.1".into(),
            port: cluster.port(),
            database: demo.database,
        }];
        Ok(())
    }

    async fn complete(&mut self, state: &State) -> anyhow::Result<()> {
        self.missing = engine::demo::complete(state.options(ServiceRole::Web)?).await?;
        Ok(())
    }
}

/// Start the demo; it is ready when this returns.
pub async fn start(settings: Settings, environment: &Environment, lifecycle: &Lifecycle) -> anyhow::Result<(Installation, Ready)> {
    let mut seed = Seed::default();
    let mut installation = serve::start(settings, environment, lifecycle, FALLBACK, true, &mut seed).await?;
    installation.notes.extend(seed.missing.take());
    let address = installation.settings.public_url.as_str().trim_end_matches('/').to_owned();
    let ready = Ready { mailbox: format!("{address}/mailbox"), address, sign_ins: seed.sign_ins, targets: seed.targets };
    Ok((installation, ready))
}

impl Ready {
    /// For people.
    pub fn screen(&self, notes: &[String]) -> String {
        let mut lines = vec![String::new(), format!("  Drydock is ready:  {}", self.address), String::new()];
        if !self.sign_ins.is_empty() {
            lines.push("  Sign in as".into());
            let width = |of: fn(&SignIn) -> usize| self.sign_ins.iter().map(of).max().unwrap_or(0);
            let (role, email) = (width(|s| s.role.len()), width(|s| s.email.len()));
            lines.extend(self.sign_ins.iter().map(|s| format!("    {:role$}  {:email$}  {}", s.role, s.email, s.password)));
            lines.push(String::new());
        }
        lines.push(format!("  Mails that would go out:  {}", self.mailbox));
        lines.extend(self.targets.iter().map(|t| format!("  Database {}:  {} on {}:{}/{}", t.name, t.dbms, t.host, t.port, t.database)));
        lines.extend(notes.iter().map(|note| format!("\n  {note}")));
        lines.push("\n  Ctrl-C stops everything; the state stays for the next start.\n".into());
        lines.join("\n")
    }
}
