//! `drydock doctor`: what is well, what is not, and what to do about it.

use engine::cluster::{Programs, ServiceRole};
use sqlx::{Connection, PgConnection, Row};

use crate::{
    config::{Environment, Settings},
    embedded::Site,
    state::{State, connect_options},
};

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is well.
    pub well: bool,
    /// A sentence; when it is not well, with the way out.
    pub text: String,
}

fn well(text: impl Into<String>) -> Finding {
    Finding { well: true, text: text.into() }
}

fn ill(text: impl Into<String>) -> Finding {
    Finding { well: false, text: text.into() }
}

/// Look at everything a start needs. Starts the private cluster for the look when nobody runs it, and stops it again.
pub async fn examine(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    let mut findings = vec![match Site::find(settings, environment) {
        Ok(_) => well("The built site is complete."),
        Err(error) => ill(error.to_string()),
    }];
    if !settings.database.is_external() {
        findings.push(match Programs::newest(&settings.program_folders) {
            Some(programs) => well(format!("PostgreSQL {} server programs are installed for the private cluster.", programs.major)),
            None => ill(engine::cluster::ClusterError::NoPrograms.to_string()),
        });
        if !settings.cluster_dir().join("data").is_dir() {
            findings.push(well(format!("There is no state in {} yet; the first start makes it.", settings.data_dir.display())));
            return findings;
        }
    }
    match State::reach(settings).await {
        Ok(state) => {
            look_at_database(&state, settings, &mut findings).await;
            if let Err(error) = state.close().await {
                findings.push(ill(error.to_string()));
            }
        }
        Err(error) => findings.push(ill(format!("{error:#}"))),
    }
    findings
}

async fn look_at_database(state: &State, settings: &Settings, findings: &mut Vec<Finding>) {
    let mut users = Vec::new();
    for role in [ServiceRole::Web, ServiceRole::Worker] {
        let looked = async {
            let mut connection = PgConnection::connect_with(&state.options(role)?).await?;
            let row = sqlx::query("SELECT current_user::text, current_setting('server_version_num')::int, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
                .fetch_one(&mut connection)
                .await?;
            anyhow::Ok((row.try_get::<String, _>(0)?, row.try_get::<i32, _>(1)?, row.try_get::<bool, _>(2)?))
        };
        match looked.await {
            Ok((user, version, superuser)) => {
                let major = version / 10_000;
                if major < i32::from(engine::cluster::OLDEST_MAJOR) {
                    findings.push(ill(format!(
                        "The state database is PostgreSQL {major}; {} or later is needed.",
                        engine::cluster::OLDEST_MAJOR
                    )));
                }
                findings.push(if superuser {
                    ill(format!("The {role:?} process connects as the superuser {user}: grants and guard triggers do not hold it back. Give it the role {}.", role.name()))
                } else {
                    well(format!("The {role:?} process reaches PostgreSQL {major} as {user}."))
                });
                users.push(user);
            }
            Err(error) => findings.push(ill(format!("The {role:?} process cannot reach the state database: {error:#}"))),
        }
    }
    if users.len() == 2 && users[0] == users[1] {
        findings.push(ill(format!(
            "Web and worker share the role {}: a web process that is taken over may write what only a run may write. Set DRYDOCK_WEB_DATABASE_URL and DRYDOCK_WORKER_DATABASE_URL.",
            users[0]
        )));
    }
    findings.push(schema(state, settings).await);
}

async fn schema(state: &State, settings: &Settings) -> Finding {
    let checked = async {
        let options = match state.url(ServiceRole::Web) {
            Ok(url) => connect_options(&url)?,
            Err(_) => state.options(ServiceRole::Owner)?,
        };
        let engine = engine::Engine::connect(options, 1).await?;
        Ok::<(), anyhow::Error>(engine::migrate::check(engine.pool()).await?)
    };
    match checked.await {
        Ok(()) => well(format!("The schema suits this program (role suffix {:?}).", settings.role_suffix)),
        Err(error) => ill(format!("{error:#}")),
    }
}
