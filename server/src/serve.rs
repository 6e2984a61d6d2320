//! `drydock serve`, and what it shares with the demo: an own state, three kept processes, an ordered stop.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};

use engine::{Engine, cluster::ServiceRole};

use crate::{
    config::{Environment, Settings},
    embedded::Site,
    lifecycle::Lifecycle,
    state::{self, State},
    supervisor::{ChildSpec, StoppedEarly, Supervisor},
};

/// Where `serve` keeps its state when PostgreSQL's user cannot enter the wanted folder.
pub const FALLBACK: &str = "/var/lib/drydock";

/// The processes of an installation, in the order of their start, each with the database role it connects as.
const PROCESSES: [(&str, Option<ServiceRole>); 3] =
    [("watchdog", None), ("worker", Some(ServiceRole::Worker)), ("web", Some(ServiceRole::Web))];

/// Between two questions whether the worker has said what it hands over.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The private cluster's server is looked for so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The private cluster's server ended by itself: nothing works without it, so everything stops.
#[derive(Debug, thiserror::Error)]
#[error(
    "the private PostgreSQL server in {} ended without being asked to, so everything was stopped. What was committed is safe: start again. Its log in that folder says why it ended.", .0.display()
)]
pub struct StateLost(PathBuf);

/// A running installation: state open, both processes ready.
#[derive(Debug)]
pub struct Installation {
    /// Settings as they turned out: the data folder and the port may have been chosen on the way.
    pub settings: Settings,
    /// The state database.
    pub state: State,
    /// What must be said aloud.
    pub notes: Vec<String>,
    lifecycle: Lifecycle,
    supervisor: Supervisor,
}

/// What a start does besides starting the processes.
pub trait Prepare {
    /// Called once the schema is up to date (private cluster) or reachable, before the processes start.
    fn prepare(&mut self, settings: &Settings, state: &State) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Called once the processes are ready; given up at the first signal.
    fn complete(&mut self, _state: &State) -> impl Future<Output = anyhow::Result<()>> + Send {
        async { Ok(()) }
    }
}

/// Production prepares nothing.
#[derive(Debug)]
pub struct Nothing;

impl Prepare for Nothing {
    async fn prepare(&mut self, _: &Settings, _: &State) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Start everything. On an error whatever was started is stopped again.
pub async fn start(
    mut settings: Settings,
    environment: &Environment,
    lifecycle: &Lifecycle,
    fallback: &str,
    logs_to_files: bool,
    prepare: &mut impl Prepare,
) -> anyhow::Result<Installation> {
    settings.listens_on(free_address(settings.listen)?);
    Site::find(&settings, environment)?;
    let notes: Vec<String> = state::place(&mut settings, fallback)?.into_iter().collect();
    let state = State::own(&settings).await?;
    match bring_up(&settings, &state, environment, lifecycle, logs_to_files, prepare).await {
        Ok(supervisor) => Ok(Installation { settings, state, notes, lifecycle: lifecycle.clone(), supervisor }),
        Err(error) => {
            lifecycle.clone().finish().await;
            state.close().await?;
            Err(error)
        }
    }
}

async fn bring_up(
    settings: &Settings,
    state: &State,
    environment: &Environment,
    lifecycle: &Lifecycle,
    logs_to_files: bool,
    prepare: &mut impl Prepare,
) -> anyhow::Result<Supervisor> {
    if state.cluster().is_some() {
        state.refuse_other_kind(settings.demo).await?;
        state.migrate("").await?;
    } else if let Ok(engine) = Engine::connect(state.options(ServiceRole::Web)?, 1).await {
        // Said once, here: the processes would end and be started again for ever. A PostgreSQL of others that does not answer yet is
        // left to them: they look again.
        state::refuse_other_schema(&engine).await?;
        engine.pool().close().await;
    }
    prepare.prepare(settings, state).await?;
    anyhow::ensure!(!lifecycle.soft.is_cancelled(), StoppedEarly);
    let supervisor = Supervisor::new(environment.clone(), lifecycle.clone());
    let mut kept = Vec::new();
    for (name, role) in PROCESSES {
        let log = logs_to_files.then(|| settings.log_dir().join(format!("{name}.log")));
        let mut args = vec!["--listen".into(), settings.listen.to_string().into(), "--data-dir".into(), settings.data_dir.clone().into()];
        if settings.demo {
            args.push("--demo".into());
        }
        let database_url = role.map(|role| state.url(role)).transpose()?;
        kept.push(supervisor.keep(ChildSpec { name, args, database_url, log, stops_last: name == "web" }));
    }
    for child in &mut kept {
        child.ready().await.map_err(|error| {
            // Another process may be the one that cannot run: that is why this one was stopped.
            let error = supervisor.hopeless().filter(|_| error.is::<StoppedEarly>()).map_or(error, anyhow::Error::from);
            let log_helps = logs_to_files && !error.is::<StoppedEarly>();
            if log_helps { error.context(format!("the logs are in {}", settings.log_dir().display())) } else { error }
        })?;
    }
    tokio::select! {
        completed = prepare.complete(state) => completed?,
        () = lifecycle.soft.cancelled() => anyhow::bail!(StoppedEarly),
    }
    Ok(supervisor)
}

impl Installation {
    /// Wait for the stop, then stop in order: processes first, the private cluster last.
    pub async fn until_stopped(self) -> anyhow::Result<()> {
        let lost = tokio::select! {
            () = self.lifecycle.soft.cancelled() => None,
            folder = self.state_lost() => Some(folder),
        };
        tokio::select! {
            () = self.lifecycle.clone().finish() => {}
            () = self.tell_what_is_waited_for() => {}
        }
        if self.state.cluster().is_some() {
            eprintln!("Stopping: the private PostgreSQL server, last.");
        }
        self.state.close().await?;
        match (lost, self.supervisor.hopeless()) {
            (Some(folder), _) => Err(StateLost(folder).into()),
            (None, Some(hopeless)) => Err(hopeless.into()),
            (None, None) => Ok(()),
        }
    }

    /// Says at the soft stop what is still there, and each time that becomes less.
    async fn tell_what_is_waited_for(&self) {
        let mut alive = self.supervisor.alive();
        let say = |names: String| {
            if !names.is_empty() {
                eprintln!("Stopping: waiting for {names}.");
            }
        };
        eprintln!("Stopping: nothing new is begun; Ctrl-C again stops hard.");
        // At once: they may be gone before the worker has said anything.
        say(alive.borrow_and_update().join(", "));
        if let Ok(handed) = tokio::time::timeout(LOOK_EVERY, self.handed_over()).await {
            eprintln!("The worker says: {handed}");
        }
        loop {
            if alive.changed().await.is_err() {
                return std::future::pending().await;
            }
            say(alive.borrow_and_update().join(", "));
        }
    }

    /// Waits for what the worker says that it hands over.
    async fn handed_over(&self) -> String {
        let said = async {
            let engine = Engine::connect(self.state.options(ServiceRole::Web)?, 1).await?;
            loop {
                if let (_, Some(said)) = engine::queries::visit::installation(&engine).await? {
                    return anyhow::Ok(said);
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        match said.await {
            Ok(said) => said,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the private cluster's server is gone without having been asked; for ever where the state lies elsewhere.
    async fn state_lost(&self) -> PathBuf {
        let Some(cluster) = self.state.cluster() else { return std::future::pending().await };
        while cluster.is_running() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        cluster.folder().to_owned()
    }
}

/// The address with a port: asked for 0, a free one is chosen here, because links and both processes need to know it.
fn free_address(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow::anyhow!("{listen} is in use by another program. Stop that one, or choose another address with --listen.")
        }
        _ => anyhow::anyhow!("cannot listen on {listen}: {error}"),
    })?;
    Ok(listener.local_addr()?)
}
