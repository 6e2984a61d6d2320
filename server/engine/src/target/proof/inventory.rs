//! What is in a database: asked of the live one and of the restored one in the same words, so that equal things have equal names.

use super::super::fault::StatementError;
use super::super::link::{Link, amount, field};
use super::super::privileges::USER_SCHEMA;
use super::patient;
use domain::backup::{IN_TABLE, Inventory, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// What a restoration needs to know about the server and the database it is of.
#[derive(Debug)]
pub(super) struct Ground {
    /// Of the server.
    pub major: u16,
    /// Of the database, bytes.
    pub size_bytes: u64,
    /// The words that make a database that sorts texts as it does.
    pub sorted: String,
    /// Oids of its tables.
    pub tables: BTreeSet<u32>,
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
                    ARRAY(SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                           WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
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
    let (names, schemas): (Vec<String>, Vec<String>) = (field(&row, 3)?, field(&row, 4)?);
    Ok(Ground {
        major: u16::try_from(major).unwrap_or(0),
        size_bytes: amount(&row, 1)?,
        sorted: String::new(),
        tables: field::<Vec<u32>>(&row, 2)?.into_iter().collect(),
        extensions: names.into_iter().zip(schemas).collect(),
        roles: field(&row, 5)?,
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
                SELECT 'extension', e.extname::pg_catalog.text FROM pg_catalog.pg_extension e WHERE e.extname <> 'plpgsql'
                UNION ALL SELECT 'schema', s.nspname::pg_catalog.text FROM space s
                UNION ALL SELECT 'table', h.name FROM heap h
                UNION ALL SELECT 'column', pg_catalog.quote_ident(a.attname) || $1 || h.name FROM heap h
                            JOIN pg_catalog.pg_attribute a ON a.attrelid = h.oid AND a.attnum > 0 AND NOT a.attisdropped
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
                            JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgparentid = 0
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

/// Rows of each table that has rows of its own and keeps them, counted. Asked as the role that restored and as nobody else: even a plain count may
/// run code of whoever made an index.
pub(super) async fn rows(link: &Link) -> Result<BTreeMap<String, u64>, StatementError> {
    // A count of a large table takes as long as it takes; the proof as a whole has its limit.
    patient(link, "0").await?;
    let sql = format!(
        "SELECT coalesce(pg_catalog.array_agg(pg_catalog.format('%I.%I', n.nspname, c.relname)), '{{}}')
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND {USER_SCHEMA}
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

/// How many rows tables of the database have by the server's own estimate, without reading one: what a table's owner hangs on it, such as an index
/// over a function or a row policy, would run as Drydock's role. One that is gone meanwhile has none.
pub(super) async fn estimates(link: &Link, names: Vec<String>) -> Result<BTreeMap<String, Option<u64>>, StatementError> {
    patient(link, "60s").await?;
    let sql = "SELECT w.name, c.oid IS NOT NULL, greatest(c.reltuples::pg_catalog.int8, pg_catalog.pg_stat_get_live_tuples(c.oid)), coalesce(pg_catalog.pg_relation_size(c.oid), 0)
                 FROM pg_catalog.unnest($1::pg_catalog.text[]) w (name)
                 LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name) AND c.relkind = 'r'";
    let mut found = BTreeMap::new();
    for some in names.chunks(10_000) {
        for row in link.rows(sql, &[&some]).await? {
            let (name, is_there, rows, bytes): (String, bool, Option<i64>, i64) =
                (field(&row, 0)?, field(&row, 1)?, field(&row, 2)?, field(&row, 3)?);
            // Nothing counted and never analysed: none where it has no pages, and otherwise nobody knows.
            let known = rows.and_then(|rows| u64::try_from(rows).ok()).filter(|rows| *rows > 0 || bytes == 0);
            found.insert(name, if is_there { known } else { Some(0) });
        }
    }
    Ok(found)
}
