//! The program `drydock`: subcommands, settings, exit codes.
#![expect(clippy::print_stdout, reason = "what was asked for goes to standard output, from here alone")]

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use engine::migrate::OtherSchema;
use secrecy::ExposeSecret as _;
use server::{
    config::{Environment, Flags, Problems, Purpose, Settings},
    create_admin, demo,
    doctor::{self, Weight},
    embedded::{Site, SiteError},
    lifecycle::Lifecycle,
    serve,
    state::OtherKind,
    supervisor::{ChildHopeless, EXIT_CONFIG},
    telemetry, tools, trail, watchdog, web, worker,
};

/// Database maintenance windows that the people they affect have approved.
#[derive(Debug, Parser)]
#[command(name = "drydock", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it out: a private database, people, and something to maintain, all on this machine
    Demo {
        #[command(flatten)]
        place: Place,
        /// Print one line of JSON when it is ready, instead of a screen
        #[arg(long)]
        json: bool,
    },
    /// Run Drydock: web, worker and watchdog, on the PostgreSQL of DATABASE_URL or on a private cluster
    Serve {
        #[command(flatten)]
        place: Place,
    },
    /// Run the web process alone
    Web {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        kept: Kept,
    },
    /// Run a worker process alone
    Worker {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        kept: Kept,
    },
    /// Run the watchdog beside a worker, in its data folder: it cancels statements past their end when that worker is frozen or gone
    Watchdog {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        kept: Kept,
    },
    /// Bring the schema of the state database up to date and grant the services their rights
    Migrate {
        #[command(flatten)]
        place: Place,
    },
    /// Make an administrator, or give one a new password: the way in before the first sign-in, and back after a lost password
    ///
    /// The password comes from --password-file or DRYDOCK_ADMIN_PASSWORD_FILE, never from an argument; without one it is made here
    /// and shown once. A known address becomes an administrator with the new password, and all its sessions end.
    CreateAdmin {
        #[command(flatten)]
        place: Place,
        /// Address that signs in
        #[arg(long, value_name = "ADDRESS")]
        email: String,
        /// Name of a new person [default: how the address begins]
        #[arg(long)]
        name: Option<String>,
        /// IANA time zone of a new person [default: the installation's]
        #[arg(long)]
        zone: Option<String>,
        /// File with the password on one line; - reads standard input [env: DRYDOCK_ADMIN_PASSWORD, DRYDOCK_ADMIN_PASSWORD_FILE]
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Look at everything a start needs: what is well, what is worth knowing, what is WRONG (then the exit code is 1)
    Doctor {
        #[command(flatten)]
        place: Place,
    },
    /// Verify or export the audit trail
    #[command(subcommand)]
    Trail(TrailCommand),
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask the running web process whether it is well
    Healthcheck {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read all settings as `serve` would and name every problem
    Check {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
enum TrailCommand {
    /// Check every fact, batch and signature; exit 0 proven, 1 tampered, 2 cannot verify, 3 end of chain not proven
    Verify {
        #[command(flatten)]
        place: Place,
        /// Heads kept outside the database: anchors.jsonl of a worker
        #[arg(long, value_name = "FILE", conflicts_with = "head")]
        anchor: Option<PathBuf>,
        /// The newest head you know, as mails show it
        #[arg(long, value_name = "HEX")]
        head: Option<String>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write every fact with its bytes, and every batch, as JSON Lines to standard output
    Export {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// Address and port of the web pages [default: 127.0.0.1:8080] [env: DRYDOCK_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Folder of keys, logs and the private cluster [default: ./.drydock] [env: DRYDOCK_DATA_DIR]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

/// What a supervisor tells the processes it keeps.
#[derive(Debug, Args)]
struct Kept {
    /// Stop when standard input closes
    #[arg(long, hide = true)]
    supervised: bool,
    /// This is a process of a demo
    #[arg(long, hide = true)]
    demo: bool,
}

fn main() -> ExitCode {
    // The table of settings belongs to the long help alone, and is made only when the program starts.
    let matches = Cli::command().after_long_help(server::config::table::help()).get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let environment = Environment::capture();
    server::files::raise();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("drydock: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.command, &environment)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("drydock: {error:#}");
            let cannot_help_itself = error.is::<Problems>()
                || error.is::<SiteError>()
                || error.is::<OtherKind>()
                || error.is::<OtherSchema>()
                || error.is::<ChildHopeless>();
            if cannot_help_itself { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(command: Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo { place, json } => run_demo(settings(environment, place, Purpose::Demo)?, environment, json).await?,
        Command::Serve { place } => {
            let settings = settings(environment, place, Purpose::Serve)?;
            let lifecycle = Lifecycle::start()?;
            let installation = serve::start(settings, environment, &lifecycle, serve::FALLBACK, false, &mut serve::Nothing).await?;
            for note in &installation.notes {
                eprintln!("{note}");
            }
            eprintln!("Drydock is ready: {}", installation.settings.public_url);
            installation.until_stopped().await?;
        }
        Command::Web { place, kept } => {
            let settings = process_settings(environment, place, &kept)?;
            let site = Site::find(&settings, environment)?;
            // A supervisor says itself how long to drain.
            let drain = if kept.supervised { Duration::ZERO } else { settings.drain };
            web::serve(settings, &site, kept.lifecycle(drain)?).await?;
        }
        Command::Worker { place, kept } => {
            worker::work(&process_settings(environment, place, &kept)?, kept.lifecycle(Duration::ZERO)?).await?;
        }
        Command::Watchdog { place, kept } => {
            watchdog::watch(&settings(environment, place, Purpose::Tool)?, kept.lifecycle(Duration::ZERO)?).await?;
        }
        Command::Migrate { place } => {
            if let Some(note) = tools::migrate(settings(environment, place, Purpose::Tool)?).await? {
                eprintln!("{note}");
            }
            println!("The schema is up to date.");
        }
        Command::CreateAdmin { place, email, name, zone, password_file } => {
            let wanted = create_admin::Wanted { email, name, zone, password_file };
            let made = create_admin::create_admin(&tool_settings(environment, place)?, environment, &wanted).await?;
            println!("{} is an administrator now; earlier sessions are ended.", wanted.email);
            if let Some(password) = made {
                println!("Password, shown this once: {}", password.expose_secret());
            }
        }
        Command::Doctor { place } => return Ok(show_findings(&tool_settings(environment, place)?, environment).await),
        Command::Trail(TrailCommand::Verify { place, anchor, head, json }) => {
            return Ok(verify_trail(environment, place, trail::Claim { anchor, head }, json).await);
        }
        Command::Trail(TrailCommand::Export { place }) => {
            let mut out = std::io::BufWriter::new(std::io::stdout());
            trail::export(&tool_settings(environment, place)?, &mut |line| writeln!(out, "{line}")).await?;
            out.flush()?;
        }
        Command::Config(ConfigCommand::Check { place }) => {
            let settings = settings(environment, place, Purpose::Serve)?;
            let database = if settings.database.is_external() { "the PostgreSQL of DATABASE_URL" } else { "a private cluster" };
            println!("The settings are sound: {} on {}, state on {database}.", settings.public_url, settings.listen);
        }
        Command::Healthcheck { place } => tools::healthcheck(&tool_settings(environment, place)?).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_demo(settings: Settings, environment: &Environment, json: bool) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::start()?;
    let (installation, ready) = demo::start(settings, environment, &lifecycle).await?;
    if json {
        for note in &installation.notes {
            eprintln!("{note}");
        }
        println!("{}", serde_json::to_string(&ready).context("the ready line")?);
    } else {
        println!("{}", ready.screen(&installation.notes));
    }
    installation.until_stopped().await
}

/// Says how far the trail is proven, and answers with the exit code that means it.
async fn verify_trail(environment: &Environment, place: Place, claim: trail::Claim, json: bool) -> ExitCode {
    let verified = async {
        let settings = tool_settings(environment, place)?;
        let report = trail::verify(&settings, &claim).await?;
        anyhow::Ok((settings, report))
    };
    let (settings, report) = match verified.await {
        Ok(done) => done,
        Err(error) => {
            eprintln!("drydock: the trail cannot be verified: {error:#}");
            return ExitCode::from(trail::EXIT_CANNOT);
        }
    };
    if json {
        println!("{}", report.json());
    } else {
        for sentence in report.sentences() {
            println!("{sentence}");
        }
        if report.exit_code() == 3
            && let Some(file) = trail::anchors_here(&settings)
        {
            println!("The worker of this installation keeps its anchors in {}; a copy on another machine proves more.", file.display());
        }
    }
    ExitCode::from(report.exit_code())
}

async fn show_findings(settings: &Settings, environment: &Environment) -> ExitCode {
    let findings = doctor::examine(settings, environment).await;
    for finding in &findings {
        println!("{} {}", finding.weight.word(), finding.text);
    }
    let wrong = findings.iter().any(|finding| finding.weight == Weight::Wrong);
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn settings(environment: &Environment, place: Place, purpose: Purpose) -> anyhow::Result<Settings> {
    read_settings(environment, &Flags { listen: place.listen, data_dir: place.data_dir, demo: false }, purpose)
}

fn process_settings(environment: &Environment, place: Place, kept: &Kept) -> anyhow::Result<Settings> {
    read_settings(environment, &Flags { listen: place.listen, data_dir: place.data_dir, demo: kept.demo }, Purpose::Process)
}

fn read_settings(environment: &Environment, flags: &Flags, purpose: Purpose) -> anyhow::Result<Settings> {
    let settings = Settings::read(environment, flags, purpose)?;
    telemetry::start(&settings.log);
    Ok(settings)
}

/// A tool looks at the installation where `serve` or `demo` put it.
fn tool_settings(environment: &Environment, place: Place) -> anyhow::Result<Settings> {
    let mut settings = settings(environment, place, Purpose::Tool)?;
    server::state::find_place(&mut settings, &[serve::FALLBACK, demo::FALLBACK]);
    Ok(settings)
}

impl Kept {
    fn lifecycle(&self, drain: Duration) -> anyhow::Result<Lifecycle> {
        let lifecycle = Lifecycle::draining_for(drain)?;
        if self.supervised {
            lifecycle.stop_with_supervisor();
        }
        Ok(lifecycle)
    }
}
