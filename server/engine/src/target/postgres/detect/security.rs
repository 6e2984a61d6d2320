//! Rights and ways in (PG-24, PG-25).

use super::{Look, parts};
use crate::target::fault::{StatementError, clean};
use crate::target::link::{amount, field};
use crate::target::postgres::measure::MOST_ROWS;
use crate::target::privileges::USER_SCHEMA;
use domain::procedure::review::security::{self, ExtensionRow, HbaRow, LoginRow, PasswordRow, PublicRow, RoleRow};
use domain::procedure::select::step;
use domain::procedure::{ObjectName, Selection, quote};

/// Everything about rights. What one part cannot see does not hide the others.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(
        step::SECURITY_REVIEW,
        [
            roles(look).await,
            stored(look).await,
            ends(look).await,
            public(look).await,
            definers(look).await,
            hba(look).await,
            extensions(look).await,
            encoding(look).await,
        ],
    )
}

async fn roles(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = "SELECT rolname::pg_catalog.text, rolsuper, rolcreaterole, rolbypassrls, rolreplication, rolvaliduntil IS NOT NULL FROM pg_catalog.pg_roles
                WHERE rolcanlogin AND (rolsuper OR rolcreaterole OR rolbypassrls OR rolreplication) ORDER BY rolsuper DESC, 1 LIMIT $1";
    let mut found = Vec::new();
    for row in look.link.rows(sql, &[&MOST_ROWS]).await? {
        let has = |at: usize, word: &str| Ok::<_, StatementError>(field::<bool>(&row, at)?.then(|| word.to_owned()));
        let powers = [has(2, "CREATEROLE")?, has(3, "BYPASSRLS")?, has(4, "REPLICATION")?].into_iter().flatten().collect();
        found.push(RoleRow { role: quote::for_people(field(&row, 0)?), superuser: field(&row, 1)?, powers, expires: field(&row, 5)? });
    }
    Ok(security::roles(&found))
}

/// How passwords are stored; the passwords themselves, or what is made of them, never leave the server.
async fn stored(look: &Look<'_>) -> Result<Selection, StatementError> {
    let may = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT'), pg_catalog.quote_ident(current_user),
                      (SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                         JOIN pg_catalog.pg_roles o ON o.oid = p.proowner
                        WHERE p.proname = 'drydock_password_kinds' AND p.pronargs = 0 AND p.prosecdef AND o.rolsuper
                          AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') ORDER BY n.nspname LIMIT 1)";
    let row = look.link.row(may, &[]).await?;
    let (direct, own, place): (bool, String, Option<String>) = (field(&row, 0)?, field(&row, 1)?, field(&row, 2)?);
    let sql = match place {
        // A function of a superuser's own: whoever else makes one of this name is not asked.
        Some(schema) if !direct => format!("SELECT f.rolname::pg_catalog.text, f.kind, f.iterations FROM {schema}.drydock_password_kinds() f ORDER BY 1 LIMIT $1"),
        None if !direct => return Ok(Selection { findings: vec![security::unseen(&own)], ..Selection::default() }),
        _ => "SELECT rolname::pg_catalog.text,
                     CASE WHEN pg_catalog.starts_with(rolpassword, 'md5') THEN 'md5' WHEN pg_catalog.starts_with(rolpassword, 'SCRAM-SHA-256$') THEN 'scram' ELSE 'other' END,
                     pg_catalog.substring(rolpassword, '^SCRAM-SHA-256[$]([0-9]{1,9}):')::pg_catalog.int8
                FROM pg_catalog.pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL ORDER BY 1 LIMIT $1"
            .to_owned(),
    };
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let iterations = field::<Option<i64>>(&row, 2)?.and_then(|rounds| u64::try_from(rounds).ok());
        found.push(PasswordRow { role: quote::for_people(field(&row, 0)?), kind: field(&row, 1)?, iterations });
    }
    Ok(security::stored(&found))
}

/// Until when passwords are good.
async fn ends(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = "SELECT rolname::pg_catalog.text,
                      CASE WHEN rolvaliduntil = '-infinity' THEN -1
                           WHEN pg_catalog.isfinite(rolvaliduntil)
                           THEN pg_catalog.floor(pg_catalog.date_part('epoch', rolvaliduntil - pg_catalog.clock_timestamp()) / 86400)::pg_catalog.int8 END
                 FROM pg_catalog.pg_roles WHERE rolcanlogin ORDER BY 1 LIMIT $1";
    let mut found = Vec::new();
    for row in look.link.rows(sql, &[&MOST_ROWS]).await? {
        found.push(LoginRow { role: quote::for_people(field(&row, 0)?), left_days: field(&row, 1)? });
    }
    Ok(security::ends(&found))
}

async fn public(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, NULL::pg_catalog.text, '' FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) a
          WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'
         UNION ALL
         (SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type)
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) a
           WHERE a.grantee = 0 AND {USER_SCHEMA} GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $1)"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let (schema, name) = (field::<String>(&row, 0)?, field::<Option<String>>(&row, 1)?);
        let creates = name.is_none();
        let object = match name {
            None => quote::for_people(&schema),
            Some(name) => match ObjectName::new(schema, name) {
                Ok(name) => name.to_string(),
                Err(_) => continue,
            },
        };
        found.push(PublicRow { object, rights: field(&row, 2)?, creates });
    }
    Ok(security::public(&found))
}

async fn definers(look: &Look<'_>) -> Result<Selection, StatementError> {
    // What an extension brings is the extension's business.
    let sql = format!(
        "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(c.oid) || ')'
           FROM pg_catalog.pg_proc c JOIN pg_catalog.pg_namespace n ON n.oid = c.pronamespace
          WHERE c.prosecdef AND {USER_SCHEMA} AND NOT EXISTS (SELECT FROM pg_catalog.unnest(c.proconfig) x WHERE pg_catalog.starts_with(x, 'search_path='))
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
          ORDER BY 1 LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        found.push(field(&row, 0)?);
    }
    Ok(security::definers(&found))
}

async fn hba(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = "SELECT coalesce(line_number, 0)::pg_catalog.int8, coalesce(type, ''), coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, ''), error
                 FROM pg_catalog.pg_hba_file_rules ORDER BY 1 LIMIT $1";
    let mut found = Vec::new();
    for row in look.link.rows(sql, &[&MOST_ROWS]).await? {
        let (address, mask) = (field::<String>(&row, 2)?, field::<String>(&row, 3)?);
        // A network of no bits is everywhere, whatever its address.
        let address = if matches!(mask.as_str(), "0.0.0.0" | "::") { "all".to_owned() } else { address };
        let error = field::<Option<String>>(&row, 5)?.map(|said| clean(&said));
        found.push(HbaRow { line: amount(&row, 0)?, kind: field(&row, 1)?, address, method: field(&row, 4)?, error });
    }
    Ok(security::hba(&found))
}

async fn extensions(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = "SELECT name::pg_catalog.text, installed_version, default_version FROM pg_catalog.pg_available_extensions
                WHERE installed_version IS NOT NULL AND installed_version <> default_version ORDER BY 1 LIMIT $1";
    let mut found = Vec::new();
    for row in look.link.rows(sql, &[&MOST_ROWS]).await? {
        found.push(ExtensionRow { name: quote::for_people(field(&row, 0)?), installed: field(&row, 1)?, available: field(&row, 2)? });
    }
    Ok(security::extensions(&found))
}

async fn encoding(look: &Look<'_>) -> Result<Selection, StatementError> {
    let row = look.link.row("SELECT pg_catalog.current_setting('server_encoding')", &[]).await?;
    Ok(security::encoding(field(&row, 0)?))
}
