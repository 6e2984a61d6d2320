//! The settings of the process, and the only place that reads the environment.
//!
//! Every setting is `DRYDOCK_SOMETHING`, or `DRYDOCK_SOMETHING_FILE` for a file that holds it (how secrets arrive in
//! containers and services). All problems are found before anything starts and are told together; none of them shows a
//! secret. A `DRYDOCK_*` name that nothing reads is a problem too: it is a typing error in waiting.

mod environment;
mod mail;
mod metrics;
mod outbound;
mod proxies;
pub mod table;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use engine::cluster::ServiceRole;
use secrecy::SecretString;
use url::Url;

pub use self::{environment::Environment, metrics::MetricsSettings, proxies::TrustedProxies};
use environment::Reader;

/// Where `demo` and `serve` listen unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const DEFAULT_DRAIN: Duration = Duration::from_secs(3);
const MOST_DRAIN_S: u64 = 60;
const DEFAULT_DATA_DIR: &str = ".drydock";

/// What the process is for: some settings are refused, or needed, by one purpose only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Loopback only, private cluster only.
    Demo,
    /// Production, or a small team on the private cluster.
    Serve,
    /// One process of an installation: `web` or `worker`.
    Process,
    /// Anything that looks or mends and ends: `migrate`, `create-admin`, `doctor`, `trail verify`.
    Tool,
}

/// What the command line may say in place of the environment.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--listen`
    pub listen: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// Set for the processes of a demo.
    pub demo: bool,
}

/// Everything the process was told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address and port of the web process.
    pub listen: SocketAddr,
    /// Origin that people type and mails link to: scheme, host, port; no path.
    pub public_url: Url,
    /// Absolute path of keys, logs and the private cluster.
    pub data_dir: PathBuf,
    /// Whether somebody chose `data_dir`, or it is the default.
    pub data_dir_chosen: bool,
    /// Whether this is a process of a demo: mails go to the mailbox page.
    pub demo: bool,
    /// Folder of the built site, when it is not beside the program.
    pub site_dir: Option<PathBuf>,
    /// Connection URLs of the state database; all absent means the private cluster.
    pub database: DatabaseUrls,
    /// Suffix of the service roles' names, when two installations share a cluster.
    pub role_suffix: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// The mail server, as far as the environment names it; the worker sends.
    pub mail: engine::notifier::MailPins,
    /// Where the worker may call out to.
    pub outbound: engine::outbound::Rules,
    /// Password of the administrator that `create-admin` makes.
    pub admin_password: Option<SecretString>,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Who may read the metrics, and where.
    pub metrics: MetricsSettings,
    /// How long a web process that was asked to stop still serves.
    pub drain: Duration,
    /// Folders of `PATH`, searched for PostgreSQL's programs.
    pub program_folders: Vec<PathBuf>,
    /// Folder with one folder of backups for each database; without it the worker proves none.
    pub backups_dir: Option<PathBuf>,
    /// Where throwaway servers lie while backups are proven.
    pub scratch_dir: PathBuf,
}

/// Connection URLs of the state database. `DATABASE_URL` serves every purpose that has no URL of its own.
#[derive(Debug, Clone, Default)]
pub struct DatabaseUrls {
    /// `DATABASE_URL`
    pub any: Option<SecretString>,
    /// `DRYDOCK_WEB_DATABASE_URL`
    pub web: Option<SecretString>,
    /// `DRYDOCK_WORKER_DATABASE_URL`
    pub worker: Option<SecretString>,
    /// `DRYDOCK_OWNER_DATABASE_URL`
    pub owner: Option<SecretString>,
    /// `DRYDOCK_AUDITOR_DATABASE_URL`
    pub auditor: Option<SecretString>,
}

impl DatabaseUrls {
    /// The URL that was set for this role alone.
    pub fn own(&self, role: ServiceRole) -> Option<&SecretString> {
        match role {
            ServiceRole::Owner => self.owner.as_ref(),
            ServiceRole::Web => self.web.as_ref(),
            ServiceRole::Worker => self.worker.as_ref(),
            ServiceRole::Auditor => self.auditor.as_ref(),
        }
    }

    /// The setting of [`DatabaseUrls::own`].
    pub fn name(role: ServiceRole) -> &'static str {
        match role {
            ServiceRole::Owner => "DRYDOCK_OWNER_DATABASE_URL",
            ServiceRole::Web => "DRYDOCK_WEB_DATABASE_URL",
            ServiceRole::Worker => "DRYDOCK_WORKER_DATABASE_URL",
            ServiceRole::Auditor => "DRYDOCK_AUDITOR_DATABASE_URL",
        }
    }

    /// Whether the state lies on a PostgreSQL of others, not in the private cluster.
    pub fn is_external(&self) -> bool {
        [&self.any, &self.web, &self.worker, &self.owner, &self.auditor].iter().any(|url| url.is_some())
    }
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Directives of tracing's `EnvFilter`, such as `info,engine::runner=debug`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Everything that is wrong with the settings, at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in the settings:", if self.0.len() == 1 { "One problem".to_owned() } else { format!("{} problems", self.0.len()) })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for Problems {}

impl Settings {
    /// Read and judge everything. The command line wins over the environment.
    pub fn read(environment: &Environment, flags: &Flags, purpose: Purpose) -> Result<Self, Problems> {
        let mut reader = Reader::new(environment);
        let listen_text = reader.text("DRYDOCK_LISTEN");
        let listen_text = flags.listen.clone().or(listen_text);
        let listen = reader.judge("--listen / DRYDOCK_LISTEN", listen_text, parse_listen).unwrap_or(DEFAULT_LISTEN);
        let public_text = reader.text("DRYDOCK_PUBLIC_URL");
        let public_url = reader.judge("DRYDOCK_PUBLIC_URL", public_text, parse_origin);
        let chosen = reader.text("DRYDOCK_DATA_DIR").map(PathBuf::from);
        let chosen = flags.data_dir.clone().or(chosen);
        let data_dir_chosen = chosen.is_some();
        let data_dir = environment.working_folder().join(chosen.unwrap_or_else(|| DEFAULT_DATA_DIR.into()));
        let backups_dir = reader.text("DRYDOCK_BACKUPS_DIR").map(|folder| environment.working_folder().join(folder));
        let scratch_dir = reader.text("DRYDOCK_SCRATCH_DIR").map(|folder| environment.working_folder().join(folder));
        let site_dir = reader.text("DRYDOCK_SITE_DIR").map(|folder| environment.working_folder().join(folder));
        let database = DatabaseUrls {
            any: reader.database_url("DATABASE_URL"),
            web: reader.database_url(DatabaseUrls::name(ServiceRole::Web)),
            worker: reader.database_url(DatabaseUrls::name(ServiceRole::Worker)),
            owner: reader.database_url(DatabaseUrls::name(ServiceRole::Owner)),
            auditor: reader.database_url(DatabaseUrls::name(ServiceRole::Auditor)),
        };
        let suffix = reader.text("DRYDOCK_ROLE_SUFFIX");
        let role_suffix = reader.judge("DRYDOCK_ROLE_SUFFIX", suffix, parse_suffix).unwrap_or_default();
        let proxies = reader.text("DRYDOCK_TRUSTED_PROXIES");
        let trusted_proxies = reader.judge("DRYDOCK_TRUSTED_PROXIES", proxies, str::parse).unwrap_or_default();
        let mail = mail::pins(&mut reader);
        let outbound = outbound::rules(&mut reader);
        let admin_password = reader.text("DRYDOCK_ADMIN_PASSWORD").map(SecretString::from);
        let log = log_settings(&mut reader);
        let metrics = metrics::metrics(&mut reader);
        let drain = reader.text("DRYDOCK_DRAIN_SECONDS");
        let drain = reader.judge("DRYDOCK_DRAIN_SECONDS", drain, parse_drain).unwrap_or(DEFAULT_DRAIN);
        let plain = reader.text("DRYDOCK_ALLOW_PLAIN_HTTP");
        let allow_plain_http = reader.judge("DRYDOCK_ALLOW_PLAIN_HTTP", plain, parse_switch).unwrap_or(false);
        refuse_what_does_not_suit(&mut reader, purpose, listen, public_url.as_ref(), &database, allow_plain_http);
        reader.finish()?;
        let demo = flags.demo || purpose == Purpose::Demo;
        Ok(Self {
            public_url: public_url.unwrap_or_else(|| origin_of(listen)),
            listen,
            scratch_dir: scratch_dir.unwrap_or_else(|| data_dir.join("scratch")),
            // A demo has a backup of its own database to prove.
            backups_dir: backups_dir.or_else(|| demo.then(|| data_dir.join("backups"))),
            data_dir,
            data_dir_chosen,
            demo,
            site_dir,
            database,
            role_suffix,
            trusted_proxies,
            mail,
            outbound,
            admin_password,
            log,
            metrics,
            drain,
            program_folders: environment.program_folders(),
        })
    }

    /// The address turned out to be `actual`: where nobody chose a public URL, links follow it.
    pub fn listens_on(&mut self, actual: SocketAddr) {
        if self.public_url == origin_of(self.listen) {
            self.public_url = origin_of(actual);
        }
        self.listen = actual;
    }

    /// The private cluster's folder.
    pub fn cluster_dir(&self) -> PathBuf {
        self.data_dir.join("cluster")
    }

    /// Passwords of roles and people: 0700, the files in it 0600.
    pub fn secrets_dir(&self) -> PathBuf {
        self.data_dir.join("secrets")
    }

    /// Logs of child processes in the demo.
    pub fn log_dir(&self) -> PathBuf {
        self.data_dir.join("log")
    }
}

/// `http://ADDRESS`, as a browser sends it in `Origin`.
///
/// # Panics
/// Never: an address and a port make a URL.
pub fn origin_of(listen: SocketAddr) -> Url {
    Url::parse(&format!("http://{listen}")).expect("an address and a port make a URL")
}

fn log_settings(reader: &mut Reader<'_>) -> LogSettings {
    let filter = reader.text("DRYDOCK_LOG");
    let filter = reader.judge("DRYDOCK_LOG", filter, |text| {
        tracing_subscriber::EnvFilter::try_new(text)
            .map(|_| text.to_owned())
            .map_err(|_| "is not a log filter such as info,engine=debug".to_owned())
    });
    let format = reader.text("DRYDOCK_LOG_FORMAT");
    let json = reader.judge("DRYDOCK_LOG_FORMAT", format, |text| match text {
        "json" => Ok(true),
        "text" => Ok(false),
        _ => Err("is neither text nor json".to_owned()),
    });
    LogSettings { filter: filter.unwrap_or_else(|| "info,sqlx=warn".to_owned()), json: json.unwrap_or(false) }
}

fn refuse_what_does_not_suit(
    reader: &mut Reader<'_>,
    purpose: Purpose,
    listen: SocketAddr,
    public_url: Option<&Url>,
    database: &DatabaseUrls,
    allow_plain_http: bool,
) {
    if purpose == Purpose::Demo {
        if !listen.ip().is_loopback() {
            reader.problem(format!("the demo listens on this machine only (127.0.0.1 or [::1]), not on {listen}: its sign-ins are for trying things out. For other people start `drydock serve`."));
        }
        if database.is_external() {
            reader.problem("the demo makes its own database and touches no other: unset DATABASE_URL (and DRYDOCK_*_DATABASE_URL), or start `drydock serve`.".into());
        }
    }
    if purpose == Purpose::Serve || purpose == Purpose::Process {
        let https = public_url.is_some_and(|url| url.scheme() == "https");
        if listen.ip().is_unspecified() && public_url.is_none() {
            reader.problem(format!(
                "listening on {listen} needs DRYDOCK_PUBLIC_URL: the address people type, such as https://drydock.example"
            ));
        }
        if !listen.ip().is_loopback() && !https && !allow_plain_http {
            reader.problem(format!("plain http on {listen} would send passwords in clear: put a TLS proxy in front and set DRYDOCK_PUBLIC_URL=https://…, or say DRYDOCK_ALLOW_PLAIN_HTTP=1"));
        }
    }
}

fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| format!("is {text:?}, not an address with a port such as 127.0.0.1:8080"))
}

fn parse_origin(text: &str) -> Result<Url, String> {
    let wrong = || format!("is {text:?}, not scheme, host and port alone, such as https://drydock.example");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let nobody = url.username().is_empty() && url.password().is_none();
    if bare && nobody && matches!(url.scheme(), "http" | "https") && url.host().is_some() { Ok(url) } else { Err(wrong()) }
}

fn parse_suffix(text: &str) -> Result<String, String> {
    let plain = text.len() <= 20 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { Ok(text.to_owned()) } else { Err("may hold lower-case letters, digits and underscores, at most 20".into()) }
}

fn parse_drain(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MOST_DRAIN_S);
    seconds.map(Duration::from_secs).ok_or_else(|| format!("is {text:?}, not whole seconds from 0 to {MOST_DRAIN_S}"))
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err("is neither 1 nor 0".into()),
    }
}

#[cfg(test)]
mod tests;
