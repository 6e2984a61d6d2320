//! The statements on the copy: as the run sends them, and where one fails once more, so that every other one that fails is told too.

use super::super::connect::Dialer;
use super::super::fault::StatementError;
use super::super::link::{Link, field};
use super::{Ground, NAME};
use crate::change::trial::{Way, way};
use domain::change::Script;
use domain::change::trial::{Failure, MOST_FAILURES, NotRun, Obstacle, Text, Tried, begins};
use std::collections::BTreeSet;

/// Why a statement is not sent that could run code of the schema's own.
const OWN_CODE: &str = "it would run code of the schema, of which nobody can tell what it does";
/// A statement on empty tables takes a moment; one that does not is stuck.
const STATEMENT_TIMEOUT: &str = "30s";

/// Why nothing at all of a change can be tried.
pub(super) fn nothing_to_run(scripts: &[Script]) -> Option<String> {
    let mut first = None;
    for text in scripts.iter().flat_map(|script| &script.texts) {
        match way(text) {
            Way::Not(why) => first = first.or(Some(why)),
            Way::Run { .. } | Way::Read(_) => return None,
        }
    }
    Some(first.unwrap_or("there is none").to_owned())
}

/// Sends all parts, each in a session of its own as the run does.
pub(super) async fn all(beside: &Dialer, ground: &Ground, scripts: &[Script], text: Text, tried: &mut Tried) -> Result<(), Obstacle> {
    let mut first = 1;
    for script in scripts {
        let link = open(beside, ground).await?;
        let part = Part { link: &link, script, text, first };
        if script.alone {
            part.alone(tried).await?;
        } else {
            part.transaction(tried).await?;
        }
        first += script.texts.len();
    }
    Ok(())
}

/// A session like those in the database.
async fn open(beside: &Dialer, ground: &Ground) -> Result<Link, Obstacle> {
    let link = beside.connect(NAME).await.map_err(|error| Obstacle::Broke { said: error.to_string() })?;
    for (name, value) in &ground.settings {
        // One that the role may not set, or that names something the copy lacks, stays as it is.
        let _ = link.rows("SELECT pg_catalog.set_config($1, $2, false)", &[name, value]).await;
    }
    link.execute(&format!("SET statement_timeout = '{STATEMENT_TIMEOUT}'")).await?;
    link.execute("SET lock_timeout = '5s'").await?;
    Ok(link)
}

/// One part of the change on its session.
struct Part<'a> {
    link: &'a Link,
    script: &'a Script,
    text: Text,
    /// The number of its first statement.
    first: usize,
}

/// What became of one statement: nothing to tell, or the server's words and the line it stopped at.
type Said = Option<(StatementError, Option<u32>)>;

impl Part<'_> {
    async fn alone(&self, tried: &mut Tried) -> Result<(), Obstacle> {
        if let Some(becomes) = self.script.becomes() {
            self.link.execute(&becomes).await?;
        }
        for (at, text) in self.script.texts.iter().enumerate() {
            if let Some(said) = self.one(at, text, tried).await? {
                self.failed(at, text, said, tried);
            }
        }
        Ok(())
    }

    /// First exactly as the run would; and if that fails, once more with each statement by itself, to find the others.
    async fn transaction(&self, tried: &mut Tried) -> Result<(), Obstacle> {
        let mut first = None;
        self.begin().await?;
        for (at, text) in self.script.texts.iter().enumerate() {
            if let Some(said) = self.one(at, text, tried).await? {
                first = Some((at, said));
                break;
            }
        }
        if first.is_none() {
            let last = self.script.texts.len().saturating_sub(1);
            first = Self::said(self.link.execute_placed("COMMIT").await)?.map(|(error, _)| (last, (error, None)));
        }
        let Some((at, said)) = first else { return Ok(()) };
        let known = tried.failures.len();
        let _ = self.link.execute("ROLLBACK").await;
        self.begin().await?;
        for (at, text) in self.script.texts.iter().enumerate() {
            self.link.execute("SAVEPOINT one").await?;
            match self.one(at, text, tried).await? {
                Some(said) => {
                    self.link.execute("ROLLBACK TO SAVEPOINT one").await?;
                    self.failed(at, text, said, tried);
                }
                None => drop(self.link.execute("RELEASE SAVEPOINT one").await?),
            }
        }
        if Self::said(self.link.execute_placed("COMMIT").await)?.is_some() || tried.failures.len() == known {
            self.failed(at, self.script.texts.get(at).map_or("COMMIT", String::as_str), said, tried);
        }
        Ok(())
    }

    async fn begin(&self) -> Result<(), Obstacle> {
        self.link.execute("BEGIN").await?;
        if let Some(becomes) = self.script.becomes() {
            self.link.execute(&becomes).await?;
        }
        Ok(())
    }

    async fn one(&self, at: usize, text: &str, tried: &mut Tried) -> Result<Said, Obstacle> {
        let (sql, why, read) = match way(text) {
            Way::Run { sql, calls, evaluates } => {
                if self.runs_own_code(&calls, evaluates).await? {
                    (None, Some(OWN_CODE), false)
                } else {
                    (Some(sql), None, false)
                }
            }
            Way::Read(why) => (None, Some(why), true),
            Way::Not(why) => (None, Some(why), false),
        };
        let number = self.first + at;
        if let Some(why) = why
            && !tried.not_run.iter().any(|other| (other.text, other.number) == (self.text, number))
        {
            tried.not_run.push(NotRun { text: self.text, number, why: why.to_owned(), read });
        }
        match sql {
            Some(sql) => Self::said(self.link.execute_placed(&sql).await),
            None if read => Self::said(self.link.read_only(text).await),
            None => Ok(None),
        }
    }

    /// An error of the statement; one of the connection ends the trial.
    fn said(outcome: Result<(), (StatementError, Option<u32>)>) -> Result<Said, Obstacle> {
        match outcome {
            Ok(()) => Ok(None),
            Err((error, _)) if error.is_disconnect() || error.is_terminated() => Err(error.into()),
            Err(said) => Ok(Some(said)),
        }
    }

    fn failed(&self, at: usize, text: &str, (error, line): (StatementError, Option<u32>), tried: &mut Tried) {
        if tried.failures.len() < MOST_FAILURES {
            let line = line.filter(|_| text.trim().contains('\n'));
            let number = self.first + at;
            tried.failures.push(Failure {
                text: self.text,
                number,
                begins: begins(text),
                sqlstate: error.sqlstate,
                said: error.said,
                line,
            });
        }
    }

    /// Whether a statement that evaluates something on the spot could run code that was written by anybody but PostgreSQL's makers.
    async fn runs_own_code(&self, calls: &BTreeSet<String>, evaluates: bool) -> Result<bool, Obstacle> {
        let names: Vec<String> = calls.iter().map(|name| bare(name)).collect();
        if names.is_empty() && !evaluates {
            return Ok(false);
        }
        Ok(field(&self.link.row(OWN_CODE_OF, &[&names, &evaluates]).await?, 0)?)
    }
}

/// The last part of a function's name as the catalog spells it.
fn bare(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name).trim();
    match last.strip_prefix('"').and_then(|last| last.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => last.to_lowercase(),
    }
}

/// True where one of these names is not only that of functions that compute: those of PostgreSQL itself without its administrative ones, and
/// of extensions that everybody knows; or where operators, casts or domains could run code that was written for this database.
const OWN_CODE_OF: &str = "
    SELECT EXISTS (
        SELECT FROM pg_catalog.unnest($1::pg_catalog.text[]) AS w (name)
         WHERE w.name NOT IN ('coalesce', 'greatest', 'least', 'nullif')
           AND (w.name ~ '^(pg_|lo_|binary_upgrade)|xml' OR w.name = 'set_config'
                OR NOT EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = w.name)
                OR EXISTS (SELECT FROM pg_catalog.pg_proc p
                            WHERE p.proname = w.name AND p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace
                              AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                                               WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
                                                 AND e.extname IN ('citext', 'hstore', 'ltree', 'pg_trgm', 'pgcrypto', 'unaccent', 'uuid-ossp', 'vector')))))
        OR ($2 AND EXISTS (
            SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
             WHERE l.lanname NOT IN ('internal', 'c') AND p.oid >= 16384
               AND (EXISTS (SELECT FROM pg_catalog.pg_operator o WHERE o.oprcode = p.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_cast c WHERE c.castfunc = p.oid)
                    OR EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_constraint k ON k.oid = d.objid
                                WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.contypid <> 0
                                  AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refobjid = p.oid))))";

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn a_function_is_looked_for_by_its_last_name() {
        for (written, name) in [("Lower", "lower"), ("pg_catalog.NOW", "now"), (r#"shop."Key""#, "Key"), (r#""a""b""#, "a\"b")] {
            assert_eq!(bare(written), name);
        }
    }
}
