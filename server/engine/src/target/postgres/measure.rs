//! Detectors: what the selectors of the domain decide on. Every query here only reads, and leaves out what it may not see
//! by saying so in the row.

use crate::target::fault::StatementError;
use crate::target::link::{Link, amount, field};
use crate::target::privileges::{USER_SCHEMA, may_become_owner, may_maintain};
use domain::procedure::select::{AnalyzeRow, DebrisKind, DebrisRow, IndexRow, VacuumRow};
use domain::procedure::{Act, Object, ObjectKind, ObjectName};
use std::collections::BTreeMap;
use tokio_postgres::Row;

/// No detector returns more rows; a database with more candidates gets the rest in its next window.
pub(super) const MOST_ROWS: i64 = 5_000;

/// SQL for the size of a heap; of a partitioned parent, of all its partitions.
const HEAP: &str = "CASE c.relkind
    WHEN 'p' THEN (SELECT pg_catalog.sum(pg_catalog.pg_relation_size(p.relid))::pg_catalog.int8 FROM pg_catalog.pg_partition_tree(c.oid) p)
    ELSE pg_catalog.pg_relation_size(c.oid) END";

/// After so many locked relations the remaining sizes are taken from the catalog: a wait for each could take hours.
const MOST_WAITS: u32 = 20;

/// Bytes per second of earlier runs, oldest first, by act and object.
#[derive(Debug, Clone, Default)]
pub struct Rates(BTreeMap<(Act, ObjectName), Vec<u64>>);

impl Rates {
    /// Adds the rate of one earlier run; the oldest is added first.
    pub fn add(&mut self, act: Act, object: ObjectName, bytes_per_s: u64) {
        self.0.entry((act, object)).or_default().push(bytes_per_s);
    }
    pub(super) fn of(&self, act: Act, object: &ObjectName) -> Vec<u64> {
        self.0.get(&(act, object.clone())).cloned().unwrap_or_default()
    }
}

/// SQL for one storage option of relation `of`, as text; NULL when it is not set.
pub(super) fn option(of: &str, name: &str) -> String {
    format!(
        "(SELECT pg_catalog.split_part(o, '=', 2) FROM pg_catalog.unnest({of}.reloptions) o WHERE pg_catalog.starts_with(o, '{name}=') LIMIT 1)"
    )
}

/// SQL for the number of dead rows at which autovacuum starts on relation `of`, whose own options beat those of `c`.
pub(super) fn trigger(of: &str) -> String {
    let setting = |name: &str| {
        let (own, parent) = (option(of, name), option("c", name));
        format!("coalesce({own}, {parent}, pg_catalog.current_setting('{name}', true))::pg_catalog.float8")
    };
    // The cap came with PostgreSQL 18; -1 switches it off, and `least` ignores the NULL of older servers.
    format!(
        "least({} + {} * greatest({of}.reltuples, 0), nullif({}, -1))::pg_catalog.int8",
        setting("autovacuum_vacuum_threshold"),
        setting("autovacuum_vacuum_scale_factor"),
        setting("autovacuum_vacuum_max_threshold")
    )
}

/// SQL for whether the role may work on table `c` in schema `n`: naming it needs the schema, too.
fn permitted(major: u16) -> String {
    format!("({} AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))", may_maintain(major))
}

pub(super) fn object(row: &Row, kind: ObjectKind) -> Result<Option<Object>, StatementError> {
    // Columns 0 to 2 are oid, schema, name. A name that cannot be quoted cannot be worked on either.
    let name = ObjectName::new(field::<String>(row, 1)?, field::<String>(row, 2)?);
    let oid = field(row, 0)?;
    Ok(name.ok().map(|name| Object { kind, oid, name, table: None }))
}

pub(super) fn kind(relkind: &str) -> ObjectKind {
    match relkind {
        "p" => ObjectKind::PartitionedTable,
        "m" => ObjectKind::MaterializedView,
        _ => ObjectKind::Table,
    }
}

fn seconds(row: &Row, at: usize) -> Result<Option<u64>, StatementError> {
    Ok(field::<Option<i64>>(row, at)?.map(|s| u64::try_from(s).unwrap_or(0)))
}

/// SQL for whole seconds since the later of two times.
fn ago(one: &str, other: &str) -> String {
    format!(
        "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - greatest(pg_catalog.{one}(c.oid), pg_catalog.{other}(c.oid)))::pg_catalog.int8"
    )
}

/// Tables with dead rows (PG-14), the most first.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn vacuum_rows(link: &Link, major: u16, rates: &Rates) -> Result<Vec<VacuumRow>, StatementError> {
    let sql = format!(
        "SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind::pg_catalog.text,
                coalesce(pg_catalog.pg_stat_get_live_tuples(c.oid), 0),
                coalesce(pg_catalog.pg_stat_get_dead_tuples(c.oid), 0),
                {main}, coalesce(pg_catalog.pg_stat_get_dead_tuples(tc.oid), 0), coalesce({toast}, 0),
                coalesce({enabled}, 'true') IN ('off', 'false', 'no', '0'),
                {ago},
                EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
                         WHERE l.relation = c.oid AND a.datname = pg_catalog.current_database()
                           AND a.backend_type = 'autovacuum worker' AND a.query LIKE '%to prevent wraparound%'),
                {maintain}
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_catalog.pg_class tc ON tc.oid = c.reltoastrelid
          WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {USER_SCHEMA}
            AND coalesce(pg_catalog.pg_stat_get_dead_tuples(c.oid), 0) + coalesce(pg_catalog.pg_stat_get_dead_tuples(tc.oid), 0) > 0
          ORDER BY 6 DESC, c.oid LIMIT $1",
        main = trigger("c"),
        toast = trigger("tc"),
        enabled = option("c", "autovacuum_enabled"),
        ago = ago("pg_stat_get_last_vacuum_time", "pg_stat_get_last_autovacuum_time"),
        maintain = permitted(major),
    );
    let mut found = Vec::new();
    for row in link.rows(&sql, &[&MOST_ROWS]).await? {
        let Some(object) = object(&row, kind(field(&row, 3)?))? else { continue };
        found.push(VacuumRow {
            past_bytes_per_s: rates.of(Act::Vacuum, &object.name),
            object,
            total_bytes: 0,
            live_rows: amount(&row, 4)?,
            dead_rows: amount(&row, 5)?,
            trigger_rows: amount(&row, 6)?,
            toast_dead_rows: amount(&row, 7)?,
            toast_trigger_rows: amount(&row, 8)?,
            autovacuum_off: field(&row, 9)?,
            vacuumed_ago_s: seconds(&row, 10)?,
            wraparound_vacuum_runs: field(&row, 11)?,
            permitted: field(&row, 12)?,
        });
    }
    let sizes = sizes(link, found.iter().map(|row| row.object.oid).collect(), "pg_catalog.pg_total_relation_size(c.oid)").await?;
    for row in &mut found {
        row.total_bytes = sizes.get(&row.object.oid).copied().unwrap_or(0);
    }
    Ok(found)
}

/// Tables, materialized views and partitioned parents whose statistics may be stale (PG-13). PostgreSQL 13 keeps no
/// counters for parents, so they are left out there.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn analyze_rows(link: &Link, major: u16, rates: &Rates) -> Result<Vec<AnalyzeRow>, StatementError> {
    let kinds = if major >= 14 { "'r', 'm', 'p'" } else { "'r', 'm'" };
    let sql = format!(
        "SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind::pg_catalog.text,
                coalesce(pg_catalog.pg_stat_get_live_tuples(c.oid), 0),
                coalesce(pg_catalog.pg_stat_get_mod_since_analyze(c.oid), 0),
                {ago},
                c.relkind = 'p' AND EXISTS (
                    SELECT FROM pg_catalog.pg_partition_tree(c.oid) p
                     WHERE p.isleaf AND greatest(pg_catalog.pg_stat_get_last_analyze_time(p.relid), pg_catalog.pg_stat_get_last_autoanalyze_time(p.relid))
                                      > pg_catalog.pg_stat_get_last_analyze_time(c.oid)),
                {maintain}
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ({kinds}) AND c.relpersistence <> 't' AND {USER_SCHEMA}
            AND (c.relkind = 'p' OR coalesce(pg_catalog.pg_stat_get_mod_since_analyze(c.oid), 0) > 0
                 OR greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid), pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)) IS NULL)
          ORDER BY 6 DESC, c.oid LIMIT $1",
        ago = ago("pg_stat_get_last_analyze_time", "pg_stat_get_last_autoanalyze_time"),
        maintain = permitted(major),
    );
    let mut found = Vec::new();
    for row in link.rows(&sql, &[&MOST_ROWS]).await? {
        let Some(object) = object(&row, kind(field(&row, 3)?))? else { continue };
        found.push(AnalyzeRow {
            past_bytes_per_s: rates.of(Act::Analyze, &object.name),
            object,
            bytes: 0,
            live_rows: amount(&row, 4)?,
            changed_rows: amount(&row, 5)?,
            analyzed_ago_s: seconds(&row, 6)?,
            partition_analyzed_since: field(&row, 7)?,
            permitted: field(&row, 8)?,
        });
    }
    let sizes = sizes(link, found.iter().map(|row| row.object.oid).collect(), HEAP).await?;
    for row in &mut found {
        row.bytes = sizes.get(&row.object.oid).copied().unwrap_or(0);
    }
    Ok(found)
}

/// B-tree indexes of user tables with their sizes, the largest first; not yet measured.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn index_rows(link: &Link, major: u16, rates: &Rates) -> Result<Vec<IndexRow>, StatementError> {
    // `c` is the table: the right to maintain is held on it.
    let sql = format!(
        "SELECT x.oid, xn.nspname::pg_catalog.text, x.relname::pg_catalog.text, c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                i.indisexclusion, {maintain},
                pg_catalog.pg_stat_get_blocks_hit(x.oid) * 1000 / nullif(pg_catalog.pg_stat_get_blocks_fetched(x.oid), 0)
           FROM pg_catalog.pg_index i
           JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_am m ON m.oid = x.relam
          WHERE x.relkind = 'i' AND m.amname = 'btree' AND i.indisvalid AND i.indisready AND i.indislive
            AND x.relpersistence <> 't' AND {USER_SCHEMA}
          ORDER BY x.relpages DESC, x.oid LIMIT $1",
        maintain = permitted(major),
    );
    let mut found = Vec::new();
    for row in link.rows(&sql, &[&MOST_ROWS]).await? {
        let Some(object) = object(&row, ObjectKind::Index)? else { continue };
        let Ok(table) = ObjectName::new(field::<String>(&row, 4)?, field::<String>(&row, 5)?) else { continue };
        let index = IndexRow {
            past_bytes_per_s: rates.of(Act::ReindexConcurrently, &object.name),
            object: Object { table: Some(table), ..object },
            bytes: 0,
            table_bytes: 0,
            method: "btree".to_owned(),
            estimated_waste_permille: None,
            exact_waste_permille: None,
            not_measured: None,
            cache_hit_permille: field::<Option<i64>>(&row, 8)?.and_then(|hit| u32::try_from(hit).ok()),
            exclusion: field(&row, 6)?,
            permitted: field(&row, 7)?,
        };
        found.push((index, field::<u32>(&row, 3)?));
    }
    let oids = found.iter().flat_map(|(index, table)| [index.object.oid, *table]).collect();
    let sizes = sizes(link, oids, "pg_catalog.pg_relation_size(c.oid)").await?;
    let mut found: Vec<IndexRow> = found
        .into_iter()
        .map(|(mut index, table)| {
            index.bytes = sizes.get(&index.object.oid).copied().unwrap_or(0);
            index.table_bytes = sizes.get(&table).copied().unwrap_or(0);
            index
        })
        .collect();
    found.sort_by_key(|index| std::cmp::Reverse(index.bytes));
    Ok(found)
}

/// Fills in what the statistics say about the empty share of indexes. Blind where the role may not read the statistics of
/// a column: then there is no estimate.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn estimate_waste(link: &Link, indexes: &mut [IndexRow]) -> Result<(), StatementError> {
    let sql = format!(
        "WITH k AS (
             SELECT i.indexrelid, x.relpages AS pages, greatest(x.reltuples, 0) AS tuples, s.avg_width, s.null_frac,
                    coalesce({fillfactor}::pg_catalog.int4, 90) AS fill
               FROM pg_catalog.pg_index i
               JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
              CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS u(att, pos)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = CASE WHEN u.att = 0 THEN i.indexrelid ELSE i.indrelid END
                                             AND a.attnum = CASE WHEN u.att = 0 THEN u.pos ELSE u.att END
               JOIN pg_catalog.pg_class sc ON sc.oid = a.attrelid JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
               LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = sn.nspname AND s.tablename = sc.relname AND s.attname = a.attname AND NOT s.inherited
              WHERE i.indexrelid = ANY($1))
         SELECT indexrelid,
                pg_catalog.round(greatest(0, 1000 * (1 - (tuples * (4 + 8 * pg_catalog.ceil((8 + CASE WHEN pg_catalog.max(null_frac) > 0 THEN 8 ELSE 0 END
                        + pg_catalog.sum(avg_width * (1 - null_frac))) / 8)) / ((pg_catalog.current_setting('block_size')::pg_catalog.int4 - 40) * fill / 100.0)) / pages)))::pg_catalog.int4
           FROM k WHERE pages > 0 GROUP BY indexrelid, pages, tuples, fill HAVING pg_catalog.count(*) = pg_catalog.count(avg_width)",
        fillfactor = option("x", "fillfactor"),
    );
    let oids: Vec<u32> = indexes.iter().map(|index| index.object.oid).collect();
    let mut estimates = BTreeMap::new();
    for row in link.rows(&sql, &[&oids]).await? {
        estimates.insert(field::<u32>(&row, 0)?, u32::try_from(field::<i32>(&row, 1)?).unwrap_or(0).min(1000));
    }
    for index in indexes {
        index.estimated_waste_permille = estimates.get(&index.object.oid).copied();
    }
    Ok(())
}

/// Measures one index page by page; `schema` is where pgstattuple lives. Reads the whole index.
///
/// # Errors
/// What the server, or the connection, said: a timeout, a lock, a missing right.
pub async fn exact_waste(link: &Link, index_oid: u32, schema: &str) -> Result<u32, StatementError> {
    let schema = crate::target::quote::identifier(schema).unwrap_or_default();
    // Empty = all pages less the meta page, the inner pages, and the leaf pages there would be at full density.
    let sql = format!(
        "SELECT pg_catalog.round((1000 * (1 - pg_catalog.current_setting('block_size')::pg_catalog.int4
                    * (1 + s.internal_pages + CASE WHEN s.leaf_pages = 0 THEN 0 ELSE s.leaf_pages * s.avg_leaf_density / coalesce({fillfactor}::pg_catalog.int4, 90) END)
                    / greatest(s.index_size, 1)::pg_catalog.float8))::pg_catalog.numeric)::pg_catalog.int4
           FROM pg_catalog.pg_class x CROSS JOIN LATERAL {schema}.pgstatindex(x.oid::pg_catalog.regclass) s WHERE x.oid = $1",
        fillfactor = option("x", "fillfactor"),
    );
    let waste: i32 = field(&link.row(&sql, &[&index_oid]).await?, 0)?;
    Ok(u32::try_from(waste).unwrap_or(0).min(1000))
}

/// Where pgstattuple lives in this database; `None` when it is not installed.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn pgstattuple_schema(link: &Link) -> Result<Option<String>, StatementError> {
    let sql = "SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
                WHERE e.extname = 'pgstattuple'";
    link.rows(sql, &[]).await?.first().map(|row| field(row, 0)).transpose()
}

/// Indexes that no query can use (PG-06).
///
/// # Errors
/// What the server, or the connection, said.
pub async fn debris_rows(link: &Link, major: u16) -> Result<Vec<DebrisRow>, StatementError> {
    let sql = format!(
        "SELECT x.oid, xn.nspname::pg_catalog.text, x.relname::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                         WHERE p.relid = c.oid AND p.datname = pg_catalog.current_database()),
                {owner}
           FROM pg_catalog.pg_index i
           JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE x.relkind = 'i' AND NOT (i.indisvalid AND i.indisready AND i.indislive) ORDER BY 2, 3 LIMIT $1",
        owner = may_become_owner(major),
    );
    let mut found = Vec::new();
    for row in link.rows(&sql, &[&MOST_ROWS]).await? {
        let Some(object) = object(&row, ObjectKind::Index)? else { continue };
        let Ok(table) = ObjectName::new(field::<String>(&row, 3)?, field::<String>(&row, 4)?) else { continue };
        found.push(DebrisRow {
            kind: DebrisKind::of(object.name.name()),
            object: Object { table: Some(table), ..object },
            bytes: 0,
            build_runs: field(&row, 5)?,
            permitted: field(&row, 6)?,
        });
    }
    let sizes = sizes(link, found.iter().map(|row| row.object.oid).collect(), "pg_catalog.pg_relation_size(c.oid)").await?;
    for row in &mut found {
        row.bytes = sizes.get(&row.object.oid).copied().unwrap_or(0);
    }
    Ok(found)
}

/// Sizes by oid. Size functions wait behind DDL: when one relation is locked, each is asked alone, and those that do not
/// answer get what the catalog last knew.
pub(super) async fn sizes(link: &Link, oids: Vec<u32>, size: &str) -> Result<BTreeMap<u32, u64>, StatementError> {
    let sql = format!("SELECT c.oid, coalesce({size}, 0) FROM pg_catalog.pg_class c WHERE c.oid = ANY($1)");
    let read = |rows: Vec<Row>| rows.iter().map(|row| Ok((field(row, 0)?, amount(row, 1)?))).collect::<Result<Vec<_>, StatementError>>();
    match link.rows(&sql, &[&oids]).await {
        Ok(rows) => return Ok(read(rows)?.into_iter().collect()),
        Err(error) if error.is_lock() || error.is_cancelled() => {}
        Err(error) => return Err(error),
    }
    let known = "SELECT c.oid, c.relpages::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8
                   FROM pg_catalog.pg_class c WHERE c.oid = ANY($1)";
    let mut found: BTreeMap<u32, u64> = read(link.rows(known, &[&oids]).await?)?.into_iter().collect();
    let mut waits = 0;
    for oid in oids {
        match link.rows(&sql, &[&vec![oid]]).await {
            Ok(rows) => found.extend(read(rows)?),
            Err(error) if error.is_lock() || error.is_cancelled() => waits += 1,
            Err(error) => return Err(error),
        }
        if waits >= MOST_WAITS {
            break;
        }
    }
    Ok(found)
}
