//! Where the state database is, and as whom each process connects to it.

use std::path::{Path, PathBuf};

use engine::Engine;
use engine::cluster::{Cluster, ClusterConfig, ServiceRole, ServiceRoles, private_url, reachable_folder, running_port};
use engine::migrate::{Grantee, OtherSchema, Roles};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use crate::{
    config::{DatabaseUrls, Settings},
    folders,
};

/// Name of the state database in the private cluster.
pub const DATABASE: &str = "drydock";

/// The state database as this process reaches it.
#[derive(Debug)]
pub enum State {
    /// The private cluster, owned by this process, which stops it.
    Private { cluster: Box<Cluster>, roles: ServiceRoles },
    /// The private cluster of a Drydock that runs beside this process.
    Neighbour { port: u16, roles: ServiceRoles },
    /// A PostgreSQL of others.
    External(DatabaseUrls),
}

impl State {
    /// Own the private cluster, or take the given connection URLs.
    pub async fn own(settings: &Settings) -> anyhow::Result<Self> {
        if settings.database.is_external() {
            return Ok(Self::External(settings.database.clone()));
        }
        let mut config = ClusterConfig::new(settings.cluster_dir());
        config.program_folders.clone_from(&settings.program_folders);
        let cluster = Cluster::start(config).await?;
        let roles = load_roles(settings)?;
        cluster.prepare(DATABASE, &roles).await?;
        Ok(Self::Private { cluster: Box::new(cluster), roles })
    }

    /// As [`State::own`], but beside a running Drydock its cluster is used as it is.
    pub async fn reach(settings: &Settings) -> anyhow::Result<Self> {
        match running_port(&settings.cluster_dir()) {
            Some(port) if !settings.database.is_external() => Ok(Self::Neighbour { port, roles: load_roles(settings)? }),
            _ => Self::own(settings).await,
        }
    }

    /// The connection URL of a role; holds a password.
    pub fn url(&self, role: ServiceRole) -> anyhow::Result<SecretString> {
        match self {
            Self::Private { cluster, roles } => Ok(cluster.url(DATABASE, role.name(), roles.password(role))),
            Self::Neighbour { port, roles } => Ok(private_url(*port, DATABASE, role.name(), roles.password(role))),
            Self::External(urls) => {
                let name = DatabaseUrls::name(role);
                let url = urls.own(role).or(urls.any.as_ref()).cloned();
                url.ok_or_else(|| anyhow::anyhow!("neither {name} nor DATABASE_URL is set"))
            }
        }
    }

    /// Connect options of a role.
    pub fn options(&self, role: ServiceRole) -> anyhow::Result<PgConnectOptions> {
        connect_options(&self.url(role)?)
    }

    /// Bring the schema up to date and grant the rights, as the owner.
    pub async fn migrate(&self, role_suffix: &str) -> anyhow::Result<()> {
        let roles = Roles {
            web: self.grantee(ServiceRole::Web, role_suffix)?,
            worker: self.grantee(ServiceRole::Worker, role_suffix)?,
            auditor: self.grantee(ServiceRole::Auditor, role_suffix)?,
        };
        Ok(engine::migrate::migrate(&self.options(ServiceRole::Owner)?, &roles).await?)
    }

    /// Who gets the rights of a service: whoever its connection URL names. `migrate` may run where only the owner's URL is known; then, and
    /// beside `DATABASE_URL`, the role by its usual name counts.
    fn grantee(&self, role: ServiceRole, suffix: &str) -> anyhow::Result<Grantee> {
        let usual = format!("{}{suffix}", role.name());
        let Self::External(urls) = self else { return Ok(role.name().into()) };
        Ok(match (urls.own(role), &urls.any) {
            (Some(url), _) => connect_options(url)?.get_username().into(),
            (None, Some(url)) => Grantee { named: connect_options(url)?.get_username().to_owned(), usual: Some(usual) },
            (None, None) => usual.as_str().into(),
        })
    }

    /// Refuse the state of the other kind, as its owner: nothing is changed before this is known.
    pub async fn refuse_other_kind(&self, demo: bool) -> anyhow::Result<()> {
        let engine = Engine::connect(self.options(ServiceRole::Owner)?, 1).await?;
        let refused = refuse_other_kind(&engine, demo).await;
        engine.pool().close().await;
        refused
    }

    /// The private cluster that this process owns.
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Private { cluster, .. } => Some(cluster),
            _ => None,
        }
    }

    /// Stop the private cluster if it is ours. Last of all: what still talks to it is cut off.
    pub async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Private { cluster, .. } => Ok(cluster.stop().await?),
            _ => Ok(()),
        }
    }
}

/// A demo and an installation that people rely on never share their state: sign-ins of a demo lie in a file, and its mails go nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OtherKind {
    /// Made by `drydock demo`.
    #[error(
        "this state belongs to a demo, whose sign-ins are for trying things out: choose another folder with --data-dir (or another DATABASE_URL), or start `drydock demo`"
    )]
    Demo,
    /// Made by anything else.
    #[error(
        "this state belongs to an installation that is no demo: choose another folder for the demo with --data-dir, or start `drydock serve`"
    )]
    Production,
}

/// Refuse the state of a demo to everything else, and every other state to a demo. Before its first run a state is nobody's.
pub async fn refuse_other_kind(engine: &Engine, demo: bool) -> anyhow::Result<()> {
    match engine::migrate::made_as_demo(engine.pool()).await? {
        Some(made_as) if made_as != demo => Err(if made_as { OtherKind::Demo } else { OtherKind::Production }.into()),
        _ => Ok(()),
    }
}

/// A schema that is not this program's is refused with what to do about it: no restart of a process mends it.
pub async fn refuse_other_schema(engine: &Engine) -> anyhow::Result<()> {
    let version = engine::migrate::version(&mut *engine.pool().acquire().await?).await?;
    Ok(version.fits().map_err(OtherSchema)?)
}

/// Options of a connection URL, without ever repeating the URL in an error.
pub fn connect_options(url: &SecretString) -> anyhow::Result<PgConnectOptions> {
    url.expose_secret().parse().map_err(|_| anyhow::anyhow!("the connection URL of the state database cannot be read"))
}

fn load_roles(settings: &Settings) -> anyhow::Result<ServiceRoles> {
    let folder = settings.secrets_dir();
    folders::make_private(&folder)?;
    Ok(ServiceRoles::load_or_create(&folder)?)
}

/// A data folder that PostgreSQL's user can enter, for a private cluster. The sentence, when there is one, must be said aloud.
pub fn place(settings: &mut Settings, fallback: &str) -> anyhow::Result<Option<String>> {
    if settings.database.is_external() {
        return Ok(None);
    }
    let elsewhere = if settings.data_dir_chosen { folders::named_after(fallback, &settings.data_dir) } else { PathBuf::from(fallback) };
    let place = reachable_folder(&settings.data_dir, &elsewhere)?;
    settings.data_dir = place.folder;
    Ok(place.instead_of.map(|(wanted, user)| {
        format!(
            "The state lies in {}, not in {}: PostgreSQL runs as the user {user}, who cannot enter that folder.",
            settings.data_dir.display(),
            wanted.display()
        )
    }))
}

/// A tool that only reads makes no new state where the folder's name is misspelt.
pub fn must_exist(settings: &Settings) -> anyhow::Result<()> {
    let there = settings.database.is_external() || settings.cluster_dir().join("data").is_dir();
    anyhow::ensure!(
        there,
        "there is no Drydock in {}: name its folder with --data-dir, or its database with DATABASE_URL",
        settings.data_dir.display()
    );
    Ok(())
}

/// Where a tool finds the installation that `serve` or `demo` may have moved.
pub fn find_place(settings: &mut Settings, fallbacks: &[&str]) {
    let candidates = fallbacks.iter().map(|fallback| {
        if settings.data_dir_chosen { folders::named_after(fallback, &settings.data_dir) } else { PathBuf::from(fallback) }
    });
    let holds_state = |folder: &Path| folder.join("cluster/data").is_dir();
    if !holds_state(&settings.data_dir)
        && let Some(found) = candidates.into_iter().find(|folder| holds_state(folder))
    {
        settings.data_dir = found;
    }
}
