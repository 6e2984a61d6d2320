//! What is in a database: asked of the live one and of the restored one in the same words, so that equal things have equal names.

use super::super::fault::StatementError;
use super::super::link::{Link, amount, field};
use super::super::privileges::USER_SCHEMA;
use super::patient;
use domain::backup::{IN_TABLE, Inventory, Kind, LiveRows, MOST_NEW_ROWS};
use std::collections::{BTreeMap, BTreeSet};

/// `insufficient_privilege`.
const NO_RIGHT: &str = "42501";

/// What a restoration needs to know about the server and the database it is of.
#[derive(Debug)]
pub(super) struct Ground {
    /// Of the server.
    pub major: u16,
    /// Of the database, bytes.
    pub size_bytes: u64,
    /// Character set.
    pub encoding: String,
    /// How texts are sorted, and which characters are letters, by the C library's names.
    pub collate: String,
    /// See `collate`.
    pub ctype: String,
    /// Extensions with their schemas.
    pub extensions: Vec<(String, String)>,
    /// Roles that row policies may name.
    pub roles: Vec<String>,
}

pub(super) async fn ground(link: &Link) -> Result<Ground, StatementError> {
    patient(link, "60s").await?;
    let row = link
        .row(
            "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4 / 10000, pg_catalog.pg_database_size(d.oid),
                    pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text, d.datcollate::pg_catalog.text, d.datctype::pg_catalog.text,
                    ARRAY(SELECT e.extname::pg_catalog.text FROM pg_catalog.pg_extension e WHERE e.extname <> 'plpgsql' ORDER BY e.extname),
                    ARRAY(SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                           WHERE e.extname <> 'plpgsql' ORDER BY e.extname),
                    ARRAY(SELECT r.rolname::pg_catalog.text FROM pg_catalog.pg_roles r WHERE r.rolname !~ '^pg_'
                            AND EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE r.oid = ANY (p.polroles)) ORDER BY r.rolname)
               FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()",
            &[],
        )
        .await?;
    let major: i32 = field(&row, 0)?;
    let (names, schemas): (Vec<String>, Vec<String>) = (field(&row, 5)?, field(&row, 6)?);
    Ok(Ground {
        major: u16::try_from(major).unwrap_or(0),
        size_bytes: amount(&row, 1)?,
        encoding: field(&row, 2)?,
        collate: field(&row, 3)?,
        ctype: field(&row, 4)?,
        extensions: names.into_iter().zip(schemas).collect(),
        roles: field(&row, 7)?,
    })
}

/// Names of everything that people made. What extensions brought is theirs, and comes with them. Foreign keys that a server made for single
/// partitions get new names wherever they are made, and come with that of the whole.
pub(super) async fn take(link: &Link) -> Result<Inventory, StatementError> {
    patient(link, "60s").await?;
    let sql = format!(
        "WITH brought AS (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'),
              space AS (SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE {USER_SCHEMA}
                           AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND b.objid = n.oid)),
              relation AS (SELECT c.oid, c.relkind, c.relname, pg_catalog.format('%I.%I', s.nspname, c.relname) AS name
                             FROM pg_catalog.pg_class c JOIN space s ON s.oid = c.relnamespace
                            WHERE c.relpersistence <> 't'
                              AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND b.objid = c.oid)),
              heap AS (SELECT r.oid, r.name FROM relation r WHERE r.relkind IN ('r', 'p')),
              found (kind, name) AS (
                SELECT 'extension', pg_catalog.quote_ident(e.extname) FROM pg_catalog.pg_extension e WHERE e.extname <> 'plpgsql'
                UNION ALL SELECT 'schema', pg_catalog.quote_ident(s.nspname) FROM space s
                UNION ALL SELECT 'table', h.name FROM heap h
                UNION ALL SELECT 'column', pg_catalog.quote_ident(a.attname) || $1 || h.name FROM heap h
                            JOIN pg_catalog.pg_attribute a ON a.attrelid = h.oid AND a.attnum > 0 AND NOT a.attisdropped
                UNION ALL SELECT 'foreign_table', r.name FROM relation r WHERE r.relkind = 'f'
                UNION ALL SELECT 'view', r.name FROM relation r WHERE r.relkind = 'v'
                UNION ALL SELECT 'materialized_view', r.name FROM relation r WHERE r.relkind = 'm'
                UNION ALL SELECT 'sequence', r.name FROM relation r WHERE r.relkind = 'S'
                UNION ALL SELECT 'index', r.name FROM relation r JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid
                           WHERE (i.indisvalid OR r.relkind = 'I')
                             AND i.indrelid IN (SELECT t.oid FROM relation t WHERE t.relkind IN ('r', 'p', 'm'))
                UNION ALL SELECT 'constraint', pg_catalog.quote_ident(k.conname) || $1 || h.name FROM heap h
                            JOIN pg_catalog.pg_constraint k ON k.conrelid = h.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')
                             AND NOT (k.contype = 'f' AND k.conparentid <> 0)
                UNION ALL SELECT 'routine', p.oid::pg_catalog.regprocedure::pg_catalog.text FROM pg_catalog.pg_proc p JOIN space s ON s.oid = p.pronamespace
                           WHERE NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND b.objid = p.oid)
                UNION ALL SELECT 'trigger', pg_catalog.quote_ident(t.tgname) || $1 || r.name FROM relation r
                            JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
                UNION ALL SELECT 'row_policy', pg_catalog.quote_ident(p.polname) || $1 || h.name FROM heap h
                            JOIN pg_catalog.pg_policy p ON p.polrelid = h.oid
                UNION ALL SELECT 'type', pg_catalog.format('%I.%I', s.nspname, y.typname) FROM pg_catalog.pg_type y JOIN space s ON s.oid = y.typnamespace
                           WHERE (y.typtype IN ('d', 'e', 'r')
                                  OR (y.typtype = 'c' AND EXISTS (SELECT FROM relation r WHERE r.oid = y.typrelid AND r.relkind = 'c')))
                             AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND b.objid = y.oid)
                UNION ALL SELECT 'statistics', pg_catalog.format('%I.%I', s.nspname, x.stxname) FROM pg_catalog.pg_statistic_ext x
                            JOIN space s ON s.oid = x.stxnamespace
                UNION ALL SELECT 'large_objects', '*' WHERE EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata))
         SELECT f.kind, pg_catalog.array_agg(f.name::pg_catalog.text) FROM found f GROUP BY f.kind"
    );
    let mut inventory = Inventory::default();
    for row in link.rows(&sql, &[&IN_TABLE]).await? {
        let (word, names): (String, Vec<String>) = (field(&row, 0)?, field(&row, 1)?);
        let kind = Kind::from_word(&word).ok_or_else(|| StatementError::not_understood("a kind of object"))?;
        inventory.objects.insert(kind, names.into_iter().collect::<BTreeSet<String>>());
    }
    Ok(inventory)
}

/// Rows of each table that has rows of its own, counted.
pub(super) async fn rows(link: &Link) -> Result<BTreeMap<String, u64>, StatementError> {
    // A count of a large table takes as long as it takes; the proof as a whole has its limit.
    patient(link, "0").await?;
    let sql = format!(
        "SELECT coalesce(pg_catalog.array_agg(pg_catalog.format('%I.%I', n.nspname, c.relname)), '{{}}')
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {USER_SCHEMA}
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                             WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid AND e.deptype = 'e')"
    );
    let names: Vec<String> = field(&link.row(&sql, &[]).await?, 0)?;
    let mut found = BTreeMap::new();
    for name in names {
        // The server itself quoted the name. Simple, so that no plan is kept for each of many tables.
        let counted = link.simple_value(&format!("SELECT pg_catalog.count(*) FROM ONLY {name}")).await?;
        let counted = counted.and_then(|text| text.parse().ok()).ok_or_else(|| StatementError::not_understood("a count"))?;
        found.insert(name, counted);
    }
    Ok(found)
}

/// How many large objects there are.
pub(super) async fn large_objects(link: &Link) -> Result<u64, StatementError> {
    amount(&link.row("SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata", &[]).await?, 0)
}

/// What the database has in tables that are empty in the backup. One that is gone meanwhile has nothing.
pub(super) async fn live_rows(link: &Link, empty: Vec<String>) -> Result<BTreeMap<String, LiveRows>, StatementError> {
    patient(link, "30s").await?;
    let mut found = BTreeMap::new();
    for name in empty {
        let row = link
            .rows(
                "SELECT c.reltuples::pg_catalog.int8, c.relrowsecurity AND pg_catalog.row_security_active(c.oid) FROM pg_catalog.pg_class c
                  WHERE c.oid = pg_catalog.to_regclass($1)",
                &[&name],
            )
            .await?
            .into_iter()
            .next();
        let Some(row) = row else {
            found.insert(name, LiveRows::AtLeast(0));
            continue;
        };
        let (estimate, hidden): (i64, bool) = (field(&row, 0)?, field(&row, 1)?);
        let counted = link
            .simple_value(&format!("SELECT pg_catalog.count(*) FROM (SELECT FROM ONLY {name} LIMIT {}) there", MOST_NEW_ROWS + 1))
            .await;
        let rows = match (counted, u64::try_from(estimate)) {
            (Ok(counted), estimate) => {
                let counted = counted.and_then(|text| text.parse().ok()).unwrap_or(0);
                // A policy may hide rows of the role: then the estimate has its say, too.
                LiveRows::AtLeast(if hidden { counted.max(estimate.unwrap_or(0)) } else { counted })
            }
            // It may not be read, or is so full of dead rows that nothing was found in time.
            (Err(error), estimate) if error.sqlstate == NO_RIGHT || error.is_cancelled() => {
                estimate.map_or(LiveRows::Unknown, LiveRows::AtLeast)
            }
            (Err(error), _) => return Err(error),
        };
        found.insert(name, rows);
    }
    Ok(found)
}
