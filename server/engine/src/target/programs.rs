//! `pg_dump` and `pg_restore`: found, chosen by the server's version, and run so that they end with the worker.

use super::connect::{Dialer, TlsMode, trusted_here};
use super::fault::clean;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::change::trial::{MOST_SCHEMA_MIB, Obstacle};
use secrecy::{ExposeSecret, SecretString};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// A program says its version in milliseconds.
const VERSION_WITHIN: Duration = Duration::from_secs(10);
/// Of what a program complains about this much is read.
const MOST_COMPLAINT_BYTES: u64 = 64 * 1024;
/// Sets the signal that a child gets when its parent dies; it stands in util-linux.
const SETPRIV: [&str; 2] = ["/usr/bin/setpriv", "/bin/setpriv"];
/// From this major on libpq can refuse to send a password in clear text, and `pg_restore` sets a limit that older servers do not know.
const REQUIRES_AUTH: u16 = 16;
const SETS_TRANSACTION_TIMEOUT: u16 = 17;

/// What a copy and a proof of a schema leave to the server that it is of: who owns it, who may use it, where it lies, and what leads elsewhere.
pub(crate) const OBJECTS_ALONE: [&str; 6] =
    ["--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces"];

/// Both programs of one version.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    pub(crate) major: u16,
}

impl Programs {
    /// The pair that fits a server: its own version, or else the next newer one that it understands.
    pub(crate) async fn fitting(folders: &[PathBuf], server: u16) -> Result<Self, Obstacle> {
        let mut found: Vec<Self> = Vec::new();
        for folder in folders {
            let Some(programs) = Self::at(folder).await else { continue };
            if programs.major == server {
                return Ok(programs);
            }
            if found.iter().all(|other| other.major != programs.major) {
                found.push(programs);
            }
        }
        found.sort_by_key(|programs| programs.major);
        let majors = found.iter().map(|programs| programs.major).collect();
        let fits = |program: u16| program > server && (program < SETS_TRANSACTION_TIMEOUT || server >= SETS_TRANSACTION_TIMEOUT);
        found.into_iter().find(|programs| fits(programs.major)).ok_or(Obstacle::NoProgram { server, found: majors })
    }

    async fn at(folder: &Path) -> Option<Self> {
        let (dump, restore) = (folder.join("pg_dump"), folder.join("pg_restore"));
        if !dump.is_file() || !restore.is_file() {
            return None;
        }
        let mut asked = Command::new(dump);
        asked.arg("--version").env_clear().stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(VERSION_WITHIN, asked.output()).await.ok()?.ok()?;
        let major = crate::cluster::major_of(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder: folder.to_owned(), major })
    }
}

/// The connection of the programs: where, as whom and how protected, as the dialer does it.
pub(crate) struct Client<'a> {
    pub(crate) programs: &'a Programs,
    environment: Vec<(&'static str, String)>,
    password: Option<SecretString>,
    /// Kept until the last program has ended.
    _authority: Option<PrivateFile>,
}

impl<'a> Client<'a> {
    /// Prepares it; `bound` where the dialer's own connection is bound to its TLS channel. Its sessions show under `name`.
    pub(crate) fn new(programs: &'a Programs, dialer: &Dialer, bound: bool, folder: &Path, name: &str) -> Result<Self, Obstacle> {
        let address = dialer.address();
        let mut environment = vec![
            ("LC_ALL", "C".to_owned()),
            ("PGHOST", address.host.clone()),
            ("PGPORT", address.port.to_string()),
            ("PGUSER", address.user.clone()),
            ("PGAPPNAME", name.to_owned()),
            ("PGCONNECT_TIMEOUT", "10".to_owned()),
            ("PGGSSENCMODE", "disable".to_owned()),
            ("PGOPTIONS", "-c synchronous_commit=off".to_owned()),
            // What the machine's own user keeps for other servers has no say here.
            ("PGPASSFILE", "/dev/null".to_owned()),
            ("PGSERVICEFILE", "/dev/null".to_owned()),
            ("PGSYSCONFDIR", "/dev/null".to_owned()),
        ];
        // The hours an archive carries are read in this machine's zone, here and by whoever reads what the program lists.
        environment.extend(jiff::tz::TimeZone::system().iana_name().map(|zone| ("TZ", zone.to_owned())));
        if let Some(ip) = dialer.pinned() {
            environment.push(("PGHOSTADDR", ip.to_string()));
        }
        let mut authority = None;
        match &address.tls {
            TlsMode::VerifyFull { ca_pem } => {
                let file = PrivateFile::write(folder, &ca_pem.clone().map_or_else(trusted_pem, Ok)?)?;
                environment.push(("PGSSLMODE", "verify-full".to_owned()));
                environment.push(("PGSSLROOTCERT", file.0.display().to_string()));
                // Asked to prefer it, libpq stumbles over certificates that have no digest to bind to.
                environment.push(("PGCHANNELBINDING", if bound { "require" } else { "disable" }.to_owned()));
                authority = Some(file);
            }
            TlsMode::None { .. } => {
                environment.push(("PGSSLMODE", "disable".to_owned()));
                if programs.major >= REQUIRES_AUTH {
                    environment.push(("PGREQUIREAUTH", "!password".to_owned()));
                } else if dialer.pinned().is_some_and(|ip| !ip.is_loopback()) {
                    return Err(Obstacle::Unprotected { program: programs.major });
                }
            }
        }
        Ok(Self { programs, environment, password: address.password.clone(), _authority: authority })
    }

    /// Runs one of the two and gives what it wrote. The database's name goes by the environment: as an argument it could be read as more.
    pub(crate) async fn run(&self, program: &str, arguments: &[String], database: &str, input: Option<&[u8]>) -> Result<Vec<u8>, Ended> {
        let path = self.programs.folder.join(program);
        let mut command = match SETPRIV.iter().find(|path| Path::new(path).is_file()) {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(path);
                command
            }
            // It ends all the same when its pipes break.
            None => Command::new(path),
        };
        command.args(arguments).env_clear().envs(self.environment.iter().map(|(name, value)| (name, value))).env("PGDATABASE", database);
        if let Some(password) = &self.password {
            command.env("PGPASSWORD", password.expose_secret());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let broken = |error: std::io::Error| Ended::Failed(format!("{program} could not be run ({error})"));
        let mut child = command.spawn().map_err(broken)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A program that stops reading says why by itself.
                let _ = stdin.write_all(input).await;
            }
        };
        let most = MOST_SCHEMA_MIB * 1024 * 1024;
        let ((), written, complaint) = tokio::join!(feed, read(stdout, most), read(stderr, MOST_COMPLAINT_BYTES));
        let written = written.map_err(broken)?;
        if written.len() as u64 > most {
            return Err(Ended::TooLarge);
        }
        let status = child.wait().await.map_err(broken)?;
        if status.success() {
            return Ok(written);
        }
        let complaint = complaint.map_err(broken)?;
        Err(Ended::Failed(self.redacted(&complained(program, &String::from_utf8_lossy(&complaint)))))
    }

    /// A server could send the password back in an error.
    pub(crate) fn redacted(&self, said: &str) -> String {
        match self.password.as_ref().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= 4) {
            Some(secret) => said.replace(secret, "[secret]"),
            None => said.to_owned(),
        }
    }
}

/// How a program ended that did not do its work.
pub(crate) enum Ended {
    /// It wrote more than is kept.
    TooLarge,
    /// It failed, and said this.
    Failed(String),
}

/// Reads one byte more than `most`, and then lets the rest go, so that the program does not wait for a reader.
async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(most + 1).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 <= most {
            return Ok(bytes);
        }
        // Nobody waits for gigabytes: the pipe is closed, and the program ends by that.
    }
    Ok(bytes)
}

/// The first error in what a program wrote, without the statement it was at: that may hold anything.
fn complained(program: &str, text: &str) -> String {
    let prefix = format!("{program}: ");
    let lines = || text.lines().map(str::trim).filter_map(|line| line.strip_prefix(&prefix));
    let error = lines().find_map(|line| line.strip_prefix("error: ")).or_else(|| lines().next()).unwrap_or("it failed without a word");
    let entry = lines().find_map(|line| line.strip_prefix("from TOC entry ")).and_then(|entry| entry.splitn(4, ' ').nth(3));
    let at = entry.map(|entry| format!(" (at {entry})")).unwrap_or_default();
    clean(&format!("{}{at}", error.trim_start_matches("could not execute query: ").trim_start_matches("query failed: ")))
}

/// The machine's own authorities, which is whom the dialer trusts too.
fn trusted_pem() -> Result<String, Obstacle> {
    let pem = |der: &[u8]| {
        let lines: Vec<String> =
            STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    let all: String = trusted_here().iter().map(|certificate| pem(certificate)).collect();
    if all.is_empty() { Err(Obstacle::Broke { said: "this machine has no trusted authorities".to_owned() }) } else { Ok(all) }
}

/// A file that only the worker's user reads, gone when it is dropped.
pub(crate) struct PrivateFile(pub(crate) PathBuf);

impl PrivateFile {
    pub(crate) fn write(folder: &Path, text: &str) -> Result<Self, Obstacle> {
        let path = folder.join(format!("private-{}", hex::encode(crate::clock::random::<8>())));
        let broken = |error: std::io::Error| Obstacle::Broke { said: format!("the worker cannot write into its folder ({error})") };
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(broken)?;
        let written = Self(path);
        file.write_all(text.as_bytes()).map_err(broken)?;
        Ok(written)
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::complained;

    #[test]
    fn a_complaint_is_the_first_error_without_its_statement() {
        let restore = "pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 216; 1259 16390 TABLE orders shop_owner\npg_restore: error: could not execute query: ERROR:  type \"vector\" does not exist\nLINE 1: secret text\nCommand was: CREATE TABLE secret\n";
        assert_eq!(complained("pg_restore", restore), "ERROR:  type \"vector\" does not exist (at TABLE orders shop_owner)");
        let dump = "pg_dump: error: query failed: ERROR:  permission denied for table orders\npg_dump: detail: Query was: LOCK TABLE x\n";
        assert_eq!(complained("pg_dump", dump), "ERROR:  permission denied for table orders");
        assert_eq!(complained("pg_dump", ""), "it failed without a word");
    }
}
