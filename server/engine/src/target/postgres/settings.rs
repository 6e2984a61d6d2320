//! Settings of the whole server: looked at, written by ALTER SYSTEM, read again by a reload, and proven by looking once more.

use super::script::sent;
use super::{Evidence, Tried};
use crate::target::fault::StatementError;
use crate::target::link::{Link, field};
use crate::target::session::Session;
use domain::change::settings::Takes;
use domain::change::{ServerSetting, SettingState};
use domain::procedure::WorkItem;
use std::time::Instant;

/// A setting with all that a preview says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its value, and where that comes from.
    pub state: SettingState,
    /// What values it takes.
    pub takes: Takes,
    /// Where its value comes from, in the server's words.
    pub source: String,
    /// When a new value counts, in the server's word: `postmaster`, `sighup`, `user`, …
    pub context: String,
}

/// What a setting of its own session hides is looked at in a statement that resets it for its own length. The reset comes first, because the rest
/// is computed from its row.
const LOOK: &str = "
    SELECT s.setting, coalesce(s.unit, ''), s.source, coalesce(s.sourcefile, ''), s.pending_restart, s.context,
           s.vartype, coalesce(s.min_val, ''), coalesce(s.max_val, ''), coalesce(s.enumvals, '{}')
      FROM (SELECT CASE WHEN $2 THEN pg_catalog.set_config($1, NULL, true) END AS was OFFSET 0) r
     CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_settings WHERE lower(name) = $1 AND length(coalesce(r.was, '')) >= 0 OFFSET 0) s";

/// The setting of this name; `None` where the server has none.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn look(link: &Link, name: &str) -> Result<Option<Shown>, StatementError> {
    let Some(shown) = one(link, name, false).await? else { return Ok(None) };
    // Our own sessions have limits of their own.
    if shown.source == "session" { one(link, name, true).await } else { Ok(Some(shown)) }
}

async fn one(link: &Link, name: &str, reset: bool) -> Result<Option<Shown>, StatementError> {
    let rows = link.rows(LOOK, &[&name, &reset]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (source, file): (String, String) = (field(row, 2)?, field(row, 3)?);
    let context: String = field(row, 5)?;
    let hindered = hindered(&source, &file, &context);
    Ok(Some(Shown {
        state: SettingState { value: field(row, 0)?, kept: file.ends_with("postgresql.auto.conf"), waits: field(row, 4)?, hindered },
        takes: Takes { unit: field(row, 1)?, kind: field(row, 6)?, min: field(row, 7)?, max: field(row, 8)?, words: field(row, 9)? },
        source,
        context,
    }))
}

/// Why ALTER SYSTEM would have no effect, or what it replaces cannot be seen.
fn hindered(source: &str, file: &str, context: &str) -> Option<String> {
    let why = match (source, context) {
        (_, "internal") => "it is fixed when the server is built or made, and cannot be set",
        ("command line", _) => "it is set on the server's command line, which wins over ALTER SYSTEM",
        ("environment variable", _) => "it is set in the server's environment",
        ("configuration file", _) if file.is_empty() => "the role may not see which file it comes from: give it pg_monitor",
        ("default" | "configuration file" | "override", _) => return None,
        _ => {
            "ALTER ROLE or ALTER DATABASE set it for Drydock's own role or database, which hides the server's value: take that back, or change it on the server itself"
        }
    };
    Some(why.to_owned())
}

/// What is recorded of a setting before and after.
///
/// # Errors
/// As [`look`].
pub async fn evidence(link: &Link, setting: &ServerSetting) -> Result<Evidence, StatementError> {
    Ok(Evidence::Setting { state: look(link, &setting.name).await?.map(|shown| shown.state) })
}

/// Why it is not sent; `None` where it may be.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn refused(link: &Link, setting: &ServerSetting, shown: Option<&Shown>) -> Result<Option<String>, StatementError> {
    let Some(shown) = shown else { return Ok(Some("this server has no setting of this name".to_owned())) };
    if setting.gives_back {
        return Ok(None);
    }
    if let Some(hindered) = &shown.state.hindered {
        return Ok(Some(hindered.clone()));
    }
    if shown.state.waits {
        return Ok(Some(
            "an earlier change of it waits for a restart, so that its present value could not be given back: restart the server first"
                .to_owned(),
        ));
    }
    if shown.context == "postmaster" && !setting.needs_restart {
        return Ok(Some("on this server it counts only after a restart, and what was approved does not say so".to_owned()));
    }
    // has_parameter_privilege: PostgreSQL 15 and later; before, only a superuser sets for the whole server.
    let row = link
        .row(
            "SELECT pg_catalog.current_setting('is_superuser') = 'on',
                    pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE'),
                    pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 150000",
            &[],
        )
        .await?;
    let (superuser, reload, granted): (bool, bool, bool) = (field(&row, 0)?, field(&row, 1)?, field(&row, 2)?);
    let name = &setting.name;
    if !superuser && !granted {
        return Ok(Some("before PostgreSQL 15 only a superuser may change settings of the server".to_owned()));
    }
    if !superuser {
        let may: bool = field(&link.row("SELECT pg_catalog.has_parameter_privilege($1, 'ALTER SYSTEM')", &[name]).await?, 0)?;
        if !may {
            return Ok(Some(format!("the role may not change it: a superuser runs GRANT ALTER SYSTEM ON PARAMETER {name} TO the role")));
        }
    }
    if !reload {
        return Ok(Some(
            "the role may not have the server read its files again: a superuser runs GRANT EXECUTE ON FUNCTION pg_reload_conf() TO the role in this database".to_owned(),
        ));
    }
    Ok(None)
}

/// Writes it, and has the server read its files again. Nothing is written where the reload would be refused, or the value before cannot be given back.
///
/// # Errors
/// When a look before the statement fails; what the statements said is in [`Tried::Sent`].
pub async fn apply(
    session: &Session,
    item: &WorkItem,
    setting: &ServerSetting,
    may_begin: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Tried, StatementError> {
    let texts = item.script.as_deref().map(|script| script.texts.as_slice()).unwrap_or_default();
    let shown = look(&session.link, &setting.name).await?;
    let began = Instant::now();
    session.link.take_notices();
    let mut error = refused(&session.link, setting, shown.as_ref()).await?.map(|why| StatementError::refused_here(&why));
    if error.is_none() && !may_begin() {
        return Ok(Tried::Withheld);
    }
    for text in texts {
        if error.is_some() {
            break;
        }
        error = session.link.execute(text).await.err();
    }
    Ok(sent(session, began, error))
}
