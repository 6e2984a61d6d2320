//! The copy itself: who may make it, how it is made and filled, and how it is dropped, now or after a crash.

use super::super::connect::Dialer;
use super::super::fault::StatementError;
use super::super::link::{Link, field};
use super::super::privileges::USER_SCHEMA;
use super::super::programs::{Client, Ended, OBJECTS_ALONE, PrivateFile};
use super::super::quote::{identifier, literal};
use super::{Ground, NAME, PREFIX, left, name};
use domain::change::trial::{LeftOver, Obstacle};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// How the comment of every copy begins; the oid of the database that it is of follows.
const MARK: &str = "Drydock's empty copy of database";
/// A drop waits for a checkpoint, and for sessions that are on their way out.
const DROP_WITHIN: Duration = Duration::from_secs(30);
const MOST_NAMED: i64 = 5;
/// Settings a copy does not take over: they are ours to set.
const OURS: &str = "timeout";

/// A database that may be there.
pub(super) struct Copy {
    pub(super) name: String,
    pub(super) ground: Ground,
}

/// Says by a lock of this session that the copy of this question is in use.
pub(super) async fn hold(control: &Link, id: Uuid) -> Result<(), Obstacle> {
    let free: bool = field(&control.row("SELECT pg_catalog.pg_try_advisory_lock($1)", &[&key(id)]).await?, 0)?;
    if free { Ok(()) } else { Err(Obstacle::Broke { said: "another worker tries the same change at this moment".to_owned() }) }
}

/// The lock's key. The first half of an identity is its time; the second is random.
fn key(id: Uuid) -> i64 {
    i64::from_be_bytes(*id.as_bytes().last_chunk::<8>().unwrap_or(&[0; 8]))
}

/// Whether the role can be used at all, tried in a transaction that is taken back.
pub(super) async fn become_once(control: &Link, role: &str) -> Result<(), Obstacle> {
    let quoted = identifier(role).map_err(|error| Obstacle::NoRole { role: role.to_owned(), said: error.to_string() })?;
    control.execute("BEGIN").await?;
    let became = control.execute(&format!("SET LOCAL ROLE {quoted}")).await;
    control.execute("ROLLBACK").await?;
    became.map(drop).map_err(|error| Obstacle::NoRole { role: role.to_owned(), said: error.said })
}

/// Who may read the whole schema: the role that signs in, or else the one that sends. `pg_dump` locks every table against being changed
/// meanwhile, which needs a right on each.
pub(super) async fn reader(control: &Link, major: u16, me: &str, sender: Option<&str>) -> Result<Option<String>, Obstacle> {
    let right = if major >= 17 { "SELECT, MAINTAIN" } else { "SELECT" };
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {USER_SCHEMA}
            AND NOT (pg_catalog.has_schema_privilege($1::pg_catalog.text::pg_catalog.name, n.oid, 'USAGE')
                     AND pg_catalog.has_table_privilege($1::pg_catalog.text::pg_catalog.name, c.oid, '{right}'))
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                             WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.deptype = 'e')
          ORDER BY 1, 2 LIMIT $2"
    );
    let mut first = None;
    for who in std::iter::once(me).chain(sender) {
        let rows = control.rows(&sql, &[&who, &MOST_NAMED]).await?;
        if rows.is_empty() {
            return Ok(Some(who.to_owned()).filter(|who| who != me));
        }
        first.get_or_insert(rows);
    }
    let mut objects = Vec::new();
    let mut grants = BTreeMap::new();
    let privilege = if major >= 17 { "MAINTAIN" } else { "SELECT" };
    for row in first.unwrap_or_default() {
        let (schema, table): (String, String) = (field(&row, 0)?, field(&row, 1)?);
        let (in_schema, to) = (identifier(&schema).unwrap_or_default(), identifier(me).unwrap_or_default());
        objects.push(format!("{schema}.{table}"));
        grants.entry(schema).or_insert_with(|| {
            format!("GRANT USAGE ON SCHEMA {in_schema} TO {to}; GRANT {privilege} ON ALL TABLES IN SCHEMA {in_schema} TO {to};")
        });
    }
    Err(Obstacle::Unreadable { objects, grants: grants.into_values().collect() })
}

/// What the database, or the role in it, sets for its sessions.
pub(super) async fn settings(control: &Link) -> Result<Vec<(String, String)>, Obstacle> {
    let sql =
        "SELECT s.name, s.setting FROM pg_catalog.pg_settings s WHERE s.source IN ('database', 'database user') ORDER BY s.name LIMIT 100";
    let mut found = Vec::new();
    for row in control.rows(sql, &[]).await? {
        let (name, value): (String, String) = (field(&row, 0)?, field(&row, 1)?);
        if !name.contains(OURS) {
            found.push((name, value));
        }
    }
    Ok(found)
}

impl Copy {
    pub(super) fn new(name: String, ground: Ground) -> Self {
        Self { name, ground }
    }

    /// Makes it, empty, with the encoding and the sorting of the database.
    pub(super) async fn make(&self) -> Result<(), Obstacle> {
        let not_made = |error: StatementError| Obstacle::NotMade { said: error.said };
        let control = &self.ground.control;
        control.execute(&self.statement().await?).await.map_err(not_made)?;
        let comment = literal(&format!("{MARK} {}: made to try a change, and may be dropped.", self.ground.database))
            .map_err(|error| Obstacle::Broke { said: error.to_string() })?;
        control.execute(&format!("COMMENT ON DATABASE {} IS {comment}", self.name)).await.map_err(not_made)?;
        control.execute(&format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", self.name)).await.map_err(not_made)?;
        if let Some(role) = self.ground.sender.as_deref().and_then(|role| identifier(role).ok()) {
            control.execute(&format!("GRANT ALL ON DATABASE {} TO {role}", self.name)).await.map_err(not_made)?;
        }
        Ok(())
    }

    async fn statement(&self) -> Result<String, Obstacle> {
        Ok(format!("CREATE DATABASE {} TEMPLATE template0 {}", self.name, sorted_like(&self.ground.control).await?))
    }

    /// Fills it with the schema of the database, and gives what it was made without.
    pub(super) async fn fill(&self, dialer: &Dialer, client: &Client<'_>, work: &Path) -> Result<Vec<String>, Obstacle> {
        let source = &dialer.address().database;
        let mut arguments: Vec<String> = ["--format=custom", "--schema-only", "--lock-wait-timeout=5000"].map(str::to_owned).into();
        arguments.extend(OBJECTS_ALONE.map(str::to_owned));
        arguments.extend(self.ground.reader.iter().map(|role| format!("--role={role}")));
        let dump = client.run("pg_dump", &arguments, source, None).await.map_err(|ended| not_copied(ended, &[]))?;
        let list = client.run("pg_restore", &["--list".to_owned()], source, Some(&dump)).await.map_err(|ended| not_copied(ended, &[]))?;
        let (list, left_out) = kept(&String::from_utf8_lossy(&list), &self.extensions().await?);
        let list = PrivateFile::write(work, &list)?;
        let mut arguments: Vec<String> = ["--exit-on-error", "--no-owner", "--no-privileges"].map(str::to_owned).into();
        arguments.push(format!("--use-list={}", list.0.display()));
        arguments.push(format!("--dbname={}", self.name));
        if let Some(role) = &self.ground.sender {
            arguments.push(format!("--role={role}"));
            self.open_public(dialer, role).await?;
        }
        client.run("pg_restore", &arguments, &self.name, Some(&dump)).await.map_err(|ended| not_copied(ended, &left_out))?;
        Ok(left_out)
    }

    /// From version 15 on the schema public belongs to whoever owns the database.
    async fn open_public(&self, dialer: &Dialer, role: &str) -> Result<(), Obstacle> {
        if self.ground.major < 15 {
            return Ok(());
        }
        let link = dialer.beside(&self.name).connect(NAME).await.map_err(|error| Obstacle::Broke { said: error.to_string() })?;
        let role = identifier(role).map_err(|error| Obstacle::Broke { said: error.to_string() })?;
        link.execute(&format!("GRANT ALL ON SCHEMA public TO {role}")).await?;
        Ok(())
    }

    /// The extensions of the database that the role may make in another one.
    async fn extensions(&self) -> Result<BTreeSet<String>, Obstacle> {
        let sql = "SELECT e.extname::pg_catalog.text FROM pg_catalog.pg_extension e
                    WHERE $1 OR EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v
                                         WHERE v.name = e.extname AND v.version = e.extversion AND v.trusted)";
        let mut found = BTreeSet::new();
        for row in self.ground.control.rows(sql, &[&self.ground.superuser]).await? {
            found.insert(field(&row, 0)?);
        }
        Ok(found)
    }

    /// Drops it; what is still there after that is told.
    pub(super) async fn drop_it(&self, dialer: &Dialer) -> Option<LeftOver> {
        let dropped = tokio::time::timeout(DROP_WITHIN, async {
            // What runs there, if a time limit cut it off, ends with its session.
            if !self.ground.control.is_closed() && drop_database(&self.ground.control, &self.name).await.is_ok() {
                return Ok(());
            }
            let again = dialer.connect(NAME).await.map_err(|error| error.to_string())?;
            drop_database(&again, &self.name).await.map_err(|error| error.said)
        });
        match dropped.await {
            Ok(Ok(())) => None,
            Ok(Err(said)) => Some(left(&self.name, said)),
            Err(_) => Some(left(&self.name, "the server did not answer in time")),
        }
    }
}

/// The words that make a database with the encoding and the sorting of this one.
pub(crate) async fn sorted_like(control: &Link) -> Result<String, Obstacle> {
    // Columns came with versions 15, 16 and 17; read as JSON they may be missing.
    let row = control
            .row(
                "SELECT pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text, d.datcollate::pg_catalog.text, d.datctype::pg_catalog.text,
                        j.row ->> 'datlocprovider', coalesce(j.row ->> 'datlocale', j.row ->> 'daticulocale'), j.row ->> 'daticurules'
                   FROM pg_catalog.pg_database d CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(d) AS row) j WHERE d.datname = pg_catalog.current_database()",
                &[],
            )
            .await?;
    let text = |at: usize| -> Result<Option<String>, Obstacle> {
        let value: Option<String> = field(&row, at)?;
        value.map(|value| literal(&value).map_err(|error| Obstacle::Broke { said: error.to_string() })).transpose()
    };
    let mut words = Vec::new();
    for (at, word) in [(0, "ENCODING"), (1, "LC_COLLATE"), (2, "LC_CTYPE")] {
        words.extend(text(at)?.map(|value| format!("{word} {value}")));
    }
    let provider: Option<String> = field(&row, 3)?;
    words.extend(match (provider.as_deref(), text(4)?) {
        (Some("i"), Some(locale)) => Some(format!("LOCALE_PROVIDER icu ICU_LOCALE {locale}")),
        (Some("b"), Some(locale)) => Some(format!("LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}")),
        (Some("c"), _) => Some("LOCALE_PROVIDER libc".to_owned()),
        _ => None,
    });
    words.extend(text(5)?.map(|rules| format!("ICU_RULES {rules}")));
    Ok(words.join(" "))
}

fn not_copied(ended: Ended, left_out: &[String]) -> Obstacle {
    match ended {
        Ended::TooLarge => Obstacle::TooLarge,
        Ended::Failed(said) => Obstacle::NotCopied { said, left_out: left_out.to_vec() },
    }
}

async fn drop_database(link: &Link, database: &str) -> Result<(), StatementError> {
    link.execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await.map(drop)
}

/// The lines of an archive's list that are restored, and what is left out: what only a superuser makes, and what leads to other servers.
fn kept(list: &str, extensions: &BTreeSet<String>) -> (String, Vec<String>) {
    let (mut kept, mut left_out) = (String::new(), BTreeMap::<String, usize>::new());
    for line in list.lines() {
        // "217; 1259 16390 TABLE shop orders shop_owner"; comments begin with a semicolon.
        let entry = line.split_once("; ").and_then(|(_, rest)| rest.splitn(3, ' ').nth(2));
        let Some(entry) = entry.filter(|_| line.starts_with(|c: char| c.is_ascii_digit())) else { continue };
        let counted = ["EVENT TRIGGER ", "USER MAPPING ", "SERVER ", "FOREIGN TABLE ", "FOREIGN DATA WRAPPER ", "PUBLICATION "];
        let of = |kind: &str| entry.starts_with(kind) || entry.starts_with(&format!("COMMENT - {kind}"));
        let extension = entry.strip_prefix("EXTENSION - ").or_else(|| entry.strip_prefix("COMMENT - EXTENSION ")).map(str::trim);
        if let Some(kind) = counted.iter().find(|kind| of(kind)) {
            *left_out.entry(format!("every {}", kind.trim().to_lowercase())).or_default() += 1;
        } else if let Some(extension) = extension.filter(|extension| !extensions.contains(*extension)) {
            *left_out.entry(format!("the extension {extension}")).or_default() += 1;
        } else if !entry.starts_with("COMMENT - SCHEMA public ") && !entry.starts_with("SCHEMA - public ") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    (kept, left_out.into_keys().collect())
}

/// Drops what dead workers left of copies of this database. `recorded` are names of questions that are over and known to be ours.
///
/// # Errors
/// A sentence, where the database cannot be reached.
pub async fn sweep(dialer: &Dialer, recorded: &[String]) -> Result<usize, String> {
    let control = dialer.connect(NAME).await.map_err(|error| error.to_string())?;
    let sql = "SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
    let swept = async {
        let database: u32 = field(&control.row(sql, &[]).await?, 0)?;
        sweep_with(&control, database, None, recorded).await
    };
    swept.await.map_err(|error| error.said)
}

/// The same in a session that is open. A copy of the question `own` is left over for certain, because that question is ours alone now.
pub(super) async fn sweep_with(control: &Link, database: u32, own: Option<Uuid>, recorded: &[String]) -> Result<usize, StatementError> {
    // Exactly our names, and only what the role itself owns.
    let sql = "SELECT d.datname::pg_catalog.text, pg_catalog.shobj_description(d.oid, 'pg_database') FROM pg_catalog.pg_database d
                JOIN pg_catalog.pg_roles r ON r.oid = d.datdba
               WHERE d.datname ~ ('^' || $1 || '[0-9a-f]{32}$') AND r.rolname = current_user ORDER BY 1 LIMIT 100";
    let mark = format!("{MARK} {database}:");
    let mut dropped = 0;
    for row in control.rows(sql, &[&PREFIX]).await? {
        let (found, comment): (String, Option<String>) = (field(&row, 0)?, field(&row, 1)?);
        let Some(id) = found.strip_prefix(PREFIX).and_then(|hex| Uuid::try_parse(hex).ok()) else { continue };
        let is_own = own == Some(id);
        let ours = match &comment {
            Some(comment) => comment.starts_with(&mark),
            // It died between making and marking it: then the record of the question is the mark.
            None => is_own || recorded.contains(&found),
        };
        if !ours {
            continue;
        }
        let free = is_own || field(&control.row("SELECT pg_catalog.pg_try_advisory_lock($1)", &[&key(id)]).await?, 0)?;
        if free {
            debug_assert_eq!(found, name(id));
            dropped += usize::from(drop_database(control, &found).await.is_ok());
            if !is_own {
                control.rows("SELECT pg_catalog.pg_advisory_unlock($1)", &[&key(id)]).await?;
            }
        }
    }
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_superuser_makes_is_left_out_and_told() {
        let list = ";\n; Archive created\n;\n1; 2615 1 SCHEMA - shop o\n2; 2615 2 SCHEMA - public o\n3; 3079 3 EXTENSION - pgstattuple \n4; 0 0 COMMENT - EXTENSION pgstattuple \n5; 3079 4 EXTENSION - citext \n6; 3466 5 EVENT TRIGGER - t o\n7; 1418 6 USER MAPPING - USER MAPPING o SERVER s o\n8; 1259 7 TABLE shop EVENT TRIGGER o\n";
        let (kept, left_out) = kept(list, &["citext".to_owned()].into());
        let lines: Vec<&str> = kept.lines().collect();
        assert_eq!(lines, ["1; 2615 1 SCHEMA - shop o", "5; 3079 4 EXTENSION - citext ", "8; 1259 7 TABLE shop EVENT TRIGGER o"]);
        assert_eq!(left_out, ["every event trigger", "every user mapping", "the extension pgstattuple"]);
    }
}
