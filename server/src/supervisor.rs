//! `demo` and `serve` keep the web and the worker running as processes of their own: one can die and the other goes on
//! telling the truth, and each has only its own database role.
//!
//! The supervisor holds the write end of each child's standard input. Closing it is the request to stop; when the
//! supervisor itself is killed the kernel closes it, so no child outlives its supervisor. A child says `ready` on its
//! standard output. Children have process groups of their own: Ctrl-C reaches the supervisor alone, which then stops
//! them in order: the web drains, and so tells what happens, until the others are gone.

use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, OnceLock},
    time::Duration,
};

use engine::cluster::private_log;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::Instant,
};
use tokio_util::task::TaskTracker;

use crate::{
    config::Environment,
    lifecycle::{DRAIN, Lifecycle, SOFT_STOP_AT_MOST},
};

/// Exit code of a process that cannot run as it was told, however often it is started (EX_CONFIG of sysexits).
pub const EXIT_CONFIG: u8 = 78;
/// First pause before a restart; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that lived this long starts again without a pause to speak of.
const SOUND_AFTER: Duration = Duration::from_mins(1);

/// One process to keep running.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    /// Subcommand and name in messages: `web` or `worker`.
    pub name: &'static str,
    /// Arguments after the subcommand.
    pub args: Vec<OsString>,
    /// `DATABASE_URL` of its own role; absent for a process that has no business there.
    pub database_url: Option<SecretString>,
    /// Where its log goes; our own standard error when absent.
    pub log: Option<PathBuf>,
    /// It is stopped when all the others are gone, and drains until then.
    pub stops_last: bool,
}

/// What is known about a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Started, not ready.
    Starting,
    /// It said that it is ready.
    Ready,
    /// It ended for good.
    Ended,
    /// It cannot run as it was told; see its log.
    Hopeless,
}

/// Keeps children running until the soft stop.
#[derive(Debug)]
pub struct Supervisor {
    environment: Environment,
    lifecycle: Lifecycle,
    /// Children that stop before the last ones.
    firsts: TaskTracker,
    /// Names of the children that are still there.
    alive: Arc<watch::Sender<Vec<&'static str>>>,
    hopeless: Arc<OnceLock<&'static str>>,
}

/// A child that no restart helps ended everything.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the {0} process cannot run like this, so everything was stopped; what it said above, or in its log, names the cause")]
pub struct ChildHopeless(pub &'static str);

/// Somebody asked to stop before everything was ready; nothing is wrong.
#[derive(Debug, thiserror::Error)]
#[error("stopped before it was ready")]
pub struct StoppedEarly;

/// A child that is being kept.
#[derive(Debug)]
pub struct Kept {
    name: &'static str,
    standing: watch::Receiver<Standing>,
}

impl Kept {
    /// Wait until it is ready; an error when it never will be.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let name = self.name;
        let standing = *self.standing.wait_for(|s| *s != Standing::Starting).await?;
        match standing {
            Standing::Ready => Ok(()),
            Standing::Starting | Standing::Ended => Err(StoppedEarly.into()),
            Standing::Hopeless => Err(ChildHopeless(name).into()),
        }
    }
}

impl Supervisor {
    /// Children inherit what `environment` holds, except connection URLs.
    pub fn new(environment: Environment, lifecycle: Lifecycle) -> Self {
        let (firsts, alive, hopeless) = (TaskTracker::new(), Arc::new(watch::Sender::new(Vec::new())), Arc::default());
        Self { environment, lifecycle, firsts, alive, hopeless }
    }

    /// The children that are still there, and every change of that.
    pub fn alive(&self) -> watch::Receiver<Vec<&'static str>> {
        self.alive.subscribe()
    }

    /// The child that no restart helps, if there is one: why everything stopped.
    pub fn hopeless(&self) -> Option<ChildHopeless> {
        self.hopeless.get().copied().map(ChildHopeless)
    }

    /// Start a child and keep it running.
    pub fn keep(&self, spec: ChildSpec) -> Kept {
        let (tell, standing) = watch::channel(Standing::Starting);
        let name = spec.name;
        let (environment, lifecycle, firsts) = (self.environment.clone(), self.lifecycle.clone(), self.firsts.clone());
        let (alive, hopeless) = (Arc::clone(&self.alive), Arc::clone(&self.hopeless));
        alive.send_modify(|names| names.push(name));
        let first = (!spec.stops_last).then(|| self.firsts.token());
        self.lifecycle.tasks.spawn(async move {
            keep(&environment, &lifecycle, &spec, &firsts, &tell).await;
            if *tell.borrow() == Standing::Hopeless {
                let _ = hopeless.set(name);
                lifecycle.soft.cancel();
            }
            alive.send_modify(|names| names.retain(|one| *one != name));
            drop(first);
        });
        Kept { name, standing }
    }
}

async fn keep(environment: &Environment, lifecycle: &Lifecycle, spec: &ChildSpec, firsts: &TaskTracker, tell: &watch::Sender<Standing>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        match spawn(environment, spec) {
            Ok(child) => {
                let code = watch_over(child, lifecycle, spec, firsts, tell).await;
                if lifecycle.soft.is_cancelled() {
                    tell.send_replace(Standing::Ended);
                    return;
                }
                if code == Some(i32::from(EXIT_CONFIG)) {
                    tell.send_replace(Standing::Hopeless);
                    return;
                }
            }
            Err(error) => tracing::error!(child = spec.name, %error, "cannot start"),
        }
        tell.send_replace(Standing::Starting);
        if started.elapsed() > SOUND_AFTER {
            pause = FIRST_PAUSE;
        }
        tracing::warn!(child = spec.name, again_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), "ended; starting it again");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = lifecycle.soft.cancelled() => { tell.send_replace(Standing::Ended); return; }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Until the child ends: by itself, or because we ask. Its exit code, if it had one.
async fn watch_over(
    mut child: Child,
    lifecycle: &Lifecycle,
    spec: &ChildSpec,
    firsts: &TaskTracker,
    tell: &watch::Sender<Standing>,
) -> Option<i32> {
    let name = spec.name;
    // Held apart: waiting for a child closes what it still holds of its input.
    let mut request_to_stop = child.stdin.take();
    let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
    let listen = async {
        if let Some(mut lines) = lines {
            while let Ok(Some(line)) = lines.next_line().await {
                if line == "ready" {
                    tell.send_replace(Standing::Ready);
                }
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        status = child.wait() => {
            let status = status.ok()?;
            if !lifecycle.soft.is_cancelled() {
                tracing::warn!(child = name, %status, "a process ended by itself");
            }
            return status.code();
        }
        () = listen => {}
        () = lifecycle.soft.cancelled() => {}
    }
    if spec.stops_last {
        if let Some(pipe) = &mut request_to_stop {
            // A child that is gone already cannot be told.
            let _ = pipe.write_all(&[DRAIN]).await;
        }
        firsts.close();
        tokio::select! {
            () = firsts.wait() => {}
            () = lifecycle.hard.cancelled() => {}
            status = child.wait() => return status.ok()?.code(),
        }
    }
    // Its own deadline is the soft stop's; ours is a little later and only for a child that is stuck.
    drop(request_to_stop);
    tokio::select! {
        status = child.wait() => return status.ok()?.code(),
        () = lifecycle.hard.cancelled() => {}
        () = tokio::time::sleep(SOFT_STOP_AT_MOST + Duration::from_secs(2)) => {}
    }
    tracing::warn!(child = name, "does not stop; killing it");
    child.kill().await.ok()?;
    None
}

fn spawn(environment: &Environment, spec: &ChildSpec) -> std::io::Result<Child> {
    // Not the path of the program: an upgrade or a rebuild may have put another file there.
    let mut command = std::process::Command::new("/proc/self/exe");
    command.arg0("drydock").arg(spec.name).arg("--supervised").args(&spec.args);
    command.env_clear().envs(environment.without_settings());
    // A process without a database needs none of the other secrets either.
    command.envs(environment.plain_settings().filter(|(name, _)| spec.database_url.is_some() || name.starts_with("DRYDOCK_LOG")));
    if let Some(url) = &spec.database_url {
        command.env("DATABASE_URL", url.expose_secret());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log(spec)?).process_group(0);
    Command::from(command).kill_on_drop(true).spawn()
}

fn log(spec: &ChildSpec) -> std::io::Result<Stdio> {
    let Some(path) = &spec.log else { return Ok(Stdio::inherit()) };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(File::into(private_log(path)?))
}
