//! `drydock create-admin`: the first administrator without the web pages, or the way back after a lost password.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use engine::{
    Engine, Error,
    actions::create_admin::{self, Input},
    cluster::ServiceRole,
};
use secrecy::SecretString;

use crate::{
    config::{Environment, Settings},
    state::State,
};

/// A page and a command need one connection each.
const CONNECTIONS: u32 = 2;
/// Longer than any password that is taken: a wrong file is not read to its end.
const MOST_BYTES: u64 = 4096;

/// What the operator typed.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `--email`
    pub email: String,
    /// `--name`; without it a new person is called as the address begins.
    pub name: Option<String>,
    /// `--zone`
    pub zone: Option<String>,
    /// `--password-file`; `-` is standard input.
    pub password_file: Option<PathBuf>,
}

/// Makes or mends the administrator. The password that was made here, if nobody gave one: to be shown once.
pub async fn create_admin(settings: &Settings, environment: &Environment, wanted: &Wanted) -> anyhow::Result<Option<SecretString>> {
    let password = match &wanted.password_file {
        Some(file) => Some(read_password(file)?),
        None => settings.admin_password.clone(),
    };
    if !settings.database.is_external() && !settings.cluster_dir().join("data").is_dir() {
        bail!("there is no state in {} yet: run `drydock migrate` or start `drydock serve` first", settings.data_dir.display());
    }
    let input = Input {
        operator: environment.operator().to_owned(),
        email: wanted.email.clone(),
        name: wanted.name.clone().unwrap_or_else(|| name_of(&wanted.email)),
        password,
        public_url: settings.public_url.as_str().to_owned(),
        zone: wanted.zone.clone(),
        demo: settings.demo,
    };
    let state = State::reach(settings).await?;
    let made = in_state(&state, &input).await;
    state.close().await?;
    made
}

async fn in_state(state: &State, input: &Input) -> anyhow::Result<Option<SecretString>> {
    // An operator's environment may name the owner alone, who may do what the web process may.
    let options = state.options(ServiceRole::Web).or_else(|_| state.options(ServiceRole::Owner))?;
    let engine = Engine::connect(options, CONNECTIONS).await?;
    let made = async {
        engine::migrate::check(engine.pool()).await?;
        let (_, password) = create_admin::create_admin(&engine, input).await.map_err(in_words)?;
        anyhow::Ok(password)
    }
    .await;
    engine.pool().close().await;
    made
}

/// Field errors as the pages would show them, beside the flag each belongs to.
fn in_words(error: Error) -> anyhow::Error {
    let Error::Invalid(fields) = error else { return error.into() };
    let lines: Vec<String> = fields.iter().map(|field| format!("\n  - {}: {}", flag(&field.field), field.message)).collect();
    anyhow::anyhow!("nothing was changed:{}", lines.concat())
}

fn flag(field: &str) -> String {
    if field == "password" { "the password".to_owned() } else { format!("--{field}") }
}

/// `ana.silva@example.org` → `ana.silva`.
fn name_of(email: &str) -> String {
    email.split('@').next().filter(|name| !name.is_empty()).unwrap_or(email).to_owned()
}

/// One line; its end is not part of the password.
fn read_password(file: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text).context("no password can be read from standard input")?;
    } else {
        let named = || format!("the password file {} cannot be read", file.display());
        File::open(file).with_context(named)?.take(MOST_BYTES).read_to_string(&mut text).with_context(named)?;
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        bail!("--password-file {} holds no password", file.display());
    }
    if line.contains(['\n', '\r']) {
        bail!("--password-file {} holds more than one line: a password is one line", file.display());
    }
    Ok(line.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_file_holds_one_line() {
        use secrecy::ExposeSecret as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        let read = |text: &str| {
            std::fs::write(&file, text).expect("written");
            read_password(&file).map(|password| password.expose_secret().to_owned()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(read("harbour violet\n").as_deref(), Ok("harbour violet"));
        assert_eq!(read(" spaces stay \r\n").as_deref(), Ok(" spaces stay "));
        assert!(read("\n").is_err_and(|said| said.contains("no password")));
        assert!(read("two\nlines\n").is_err_and(|said| said.contains("one line")));
        let missing = read_password(&folder.path().join("nowhere")).expect_err("not there");
        assert!(format!("{missing:#}").contains("nowhere"));
    }

    #[test]
    fn a_new_person_is_called_as_the_address_begins() {
        assert_eq!(name_of("ana.silva@example.org"), "ana.silva");
        assert_eq!(name_of("@example.org"), "@example.org");
    }
}
