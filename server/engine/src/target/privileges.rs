//! What the role at the target may do: each missing privilege with the statement that grants it, each one too many with
//! the statement that takes it away.

use super::fault::StatementError;
use super::link::{Link, amount, field};
use super::quote::identifier;
use domain::procedure::text::plural;
use serde::{Deserialize, Serialize};

/// Something the role lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What it lacks, and on what.
    pub privilege: String,
    /// What cannot be done without it.
    pub needed_for: String,
    /// The exact statements that grant it; empty when no grant would be right, then `needed_for` says what to do.
    pub grant: String,
    /// Without it the procedure does not work; otherwise it sees or does less.
    pub required: bool,
}

/// Something the role has and should not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excess {
    /// What it has; a stable word such as `superuser`.
    pub privilege: String,
    /// What could be done with it.
    pub danger: String,
    /// The exact statement that takes it away.
    pub revoke: String,
}

/// The role that signed in, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFacts {
    /// Its name.
    pub name: String,
    /// Bypasses every check; refused for production targets.
    pub superuser: bool,
}

/// The word for making databases.
pub(super) const CREATEDB: &str = "createdb";

/// The whole audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Who was looked at.
    pub role: RoleFacts,
    /// What is lacking.
    pub missing: Vec<Missing>,
    /// What is too much.
    pub excess: Vec<Excess>,
}

/// SQL that is true where the current role may VACUUM, ANALYZE and REINDEX relation `c` (`pg_class`).
/// PostgreSQL 17 brought MAINTAIN; before, only ownership (by membership) counts.
pub(super) fn may_maintain(major: u16) -> &'static str {
    if major >= 17 {
        "(pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.has_table_privilege(c.oid, 'MAINTAIN'))"
    } else {
        "pg_catalog.pg_has_role(c.relowner, 'USAGE')"
    }
}

/// SQL that is true where the current role may drop indexes of relation `c`: as a member, or by becoming the owner.
pub(super) fn may_become_owner(major: u16) -> &'static str {
    if major >= 16 {
        "(pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role(c.relowner, 'SET'))"
    } else {
        "pg_catalog.pg_has_role(c.relowner, 'MEMBER')"
    }
}

/// SQL that leaves out catalogs and temporary schemas, for `n` (`pg_namespace`).
pub(super) const USER_SCHEMA: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

/// Looks at the current role in the current database.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn audit(link: &Link, major: u16, pgstattuple_installed: bool) -> Result<Audit, StatementError> {
    let row = link
        .row(
            "SELECT r.rolname::pg_catalog.text, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication,
                    pg_catalog.pg_has_role(r.oid, 'pg_monitor', 'USAGE'),
                    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP'),
                    pg_catalog.current_database()::pg_catalog.text
               FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
            &[],
        )
        .await?;
    let role = RoleFacts { name: field(&row, 0)?, superuser: field(&row, 1)? };
    let me = quoted(&role.name);
    let mut audit = Audit { role, missing: Vec::new(), excess: Vec::new() };
    let flags: [(usize, &str, &str, &str); 5] = [
        (1, "superuser", "bypasses every check, reads and writes files and runs programs on the server", "NOSUPERUSER"),
        (2, "bypassrls", "reads and changes rows that row security hides", "NOBYPASSRLS"),
        (3, "createrole", "makes roles and grants itself into others", "NOCREATEROLE"),
        (4, CREATEDB, "makes and drops databases", "NOCREATEDB"),
        (5, "replication", "copies the whole cluster, passwords included", "NOREPLICATION"),
    ];
    for (at, privilege, danger, option) in flags {
        if field(&row, at)? {
            audit.excess.push(Excess {
                privilege: privilege.to_owned(),
                danger: danger.to_owned(),
                revoke: format!("ALTER ROLE {me} {option};"),
            });
        }
    }
    if audit.role.superuser {
        // Every other answer would be "yes" for a superuser, and say nothing.
        return Ok(audit);
    }
    dangerous_memberships(link, &me, &mut audit).await?;
    if !field::<bool>(&row, 6)? {
        audit.lacks(
            "membership in pg_monitor",
            "seeing sessions of others, what blocks whom, and measuring indexes exactly",
            format!("GRANT pg_monitor TO {me};"),
            true,
        );
    }
    if !field::<bool>(&row, 7)? {
        let database = quoted(&field::<String>(&row, 8)?);
        audit.lacks(
            "TEMP on the database",
            "proving after the work that the database takes writes",
            format!("GRANT TEMP ON DATABASE {database} TO {me};"),
            false,
        );
    }
    if !pgstattuple_installed {
        audit.lacks(
            "the extension pgstattuple",
            "measuring how much of an index is empty; without it no index is rebuilt (a superuser installs it once in this database)",
            "CREATE EXTENSION pgstattuple;".to_owned(),
            false,
        );
    }
    maintenance(link, major, &me, &mut audit).await?;
    Ok(audit)
}

impl Audit {
    fn lacks(&mut self, privilege: impl Into<String>, needed_for: impl Into<String>, grant: String, required: bool) {
        self.missing.push(Missing { privilege: privilege.into(), needed_for: needed_for.into(), grant, required });
    }
}

async fn dangerous_memberships(link: &Link, me: &str, audit: &mut Audit) -> Result<(), StatementError> {
    let rows = link
        .rows(
            "SELECT g.rolname::pg_catalog.text FROM pg_catalog.pg_roles g
              WHERE (g.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files', 'pg_write_all_data',
                                   'pg_read_all_data', 'pg_create_subscription')
                     OR (g.rolsuper AND g.rolname <> current_user))
                AND pg_catalog.pg_has_role(g.oid, 'MEMBER') ORDER BY 1",
            &[],
        )
        .await?;
    for row in rows {
        let group: String = field(&row, 0)?;
        let danger = match group.as_str() {
            "pg_execute_server_program" => "runs programs on the server as its operating-system user",
            "pg_write_server_files" => "writes any file the server can write",
            "pg_read_server_files" => "reads any file the server can read",
            "pg_write_all_data" => "changes every row of every table",
            "pg_read_all_data" => "reads every row of every table",
            "pg_create_subscription" => "lets the server connect elsewhere",
            _ => "becomes a superuser",
        };
        audit.excess.push(Excess { revoke: format!("REVOKE {} FROM {me};", quoted(&group)), privilege: group, danger: danger.to_owned() });
    }
    Ok(())
}

/// Tables of others that the role may not maintain, grouped by owner and schema.
async fn maintenance(link: &Link, major: u16, me: &str, audit: &mut Audit) -> Result<(), StatementError> {
    const MOST_GROUPS: i64 = 50;
    let rows = link
        .rows(
            &format!(
                "SELECT o.rolname::pg_catalog.text, o.rolsuper, n.nspname::pg_catalog.text, pg_catalog.count(*),
                        pg_catalog.bool_and({maintain}), pg_catalog.bool_and({owner}), pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                   FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
                  WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' AND {USER_SCHEMA}
                  GROUP BY o.rolname, o.rolsuper, n.nspname, n.oid ORDER BY 1, 3 LIMIT $1",
                maintain = may_maintain(major),
                owner = may_become_owner(major),
            ),
            &[&MOST_GROUPS],
        )
        .await?;
    for row in rows {
        let (owner, owner_super, schema): (String, bool, String) = (field(&row, 0)?, field(&row, 1)?, field(&row, 2)?);
        let (maintains, drops, uses): (bool, bool, bool) = (field(&row, 4)?, field(&row, 5)?, field(&row, 6)?);
        let what = format!("{} of {owner} in schema {schema}", plural(amount(&row, 3)?, "table", "tables"));
        if !uses {
            audit.lacks(
                format!("USAGE on schema {schema}"),
                "naming its tables",
                format!("GRANT USAGE ON SCHEMA {} TO {me};", quoted(&schema)),
                true,
            );
        }
        if !maintains && major >= 17 {
            let grant = format!("GRANT MAINTAIN ON ALL TABLES IN SCHEMA {} TO {me};", quoted(&schema));
            audit.lacks(format!("MAINTAIN on {what}"), "VACUUM, ANALYZE and REINDEX of them", grant, true);
        } else if !maintains && owner_super {
            audit.lacks(
                format!("ownership of {what}"),
                format!("VACUUM, ANALYZE and REINDEX of them. {owner} is a superuser: do not grant it; give the tables to another owner (ALTER TABLE … OWNER TO …), or leave them out of the plan"),
                String::new(),
                false,
            );
        } else if !maintains {
            audit.lacks(
                format!("membership in {owner}, which owns {what}"),
                "VACUUM, ANALYZE and REINDEX of them",
                format!("GRANT {} TO {me};", quoted(&owner)),
                true,
            );
        }
        // Membership, the only way before 17, covers this too.
        if !drops && !owner_super && major >= 17 {
            let grant = format!("GRANT {} TO {me} WITH INHERIT FALSE, SET TRUE;", quoted(&owner));
            audit.lacks(
                format!("becoming {owner}, which owns {what}"),
                "dropping the invalid index that an interrupted rebuild leaves; MAINTAIN does not cover that",
                grant,
                false,
            );
        }
    }
    // The same grant may be asked for by several schemas.
    let mut seen = std::collections::BTreeSet::new();
    audit.missing.retain(|missing| missing.grant.is_empty() || seen.insert(missing.grant.clone()));
    Ok(())
}

/// Names here come from the catalog, which holds neither empty names nor NUL.
fn quoted(name: &str) -> String {
    identifier(name).unwrap_or_else(|_| "\"?\"".to_owned())
}
