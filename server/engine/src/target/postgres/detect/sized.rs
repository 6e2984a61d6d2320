//! Indexes that no function measures page by page: GIN, GiST, SP-GiST, hash, HNSW, IVFFlat. Their size per live row is compared with what it was
//! right after their last rebuild, or at the first look (PG-05).

use super::Look;
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::{self, MOST_ROWS};
use crate::target::privileges::{USER_SCHEMA, may_maintain};
use domain::procedure::memory::{INDEX_REBUILT, INDEX_SIZE, Measurement};
use domain::procedure::upkeep::{Baseline, SizedRow, partitioned_indexes, select_sized};
use domain::procedure::{Act, Object, ObjectKind, ObjectName, Selection};

/// Indexes that grew per row, and what was seen for the first time.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let rows = rows(look).await?;
    let mut found = select_sized(&rows, look.parameters);
    let partitioned = format!(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'I' AND {USER_SCHEMA}"
    );
    found.findings.extend(partitioned_indexes(amount(&look.link.row(&partitioned, &[]).await?, 0)?));
    Ok(found)
}

async fn rows(look: &Look<'_>) -> Result<Vec<SizedRow>, StatementError> {
    let sql = format!(
        "SELECT x.oid, xn.nspname::pg_catalog.text, x.relname::pg_catalog.text, c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                m.amname::pg_catalog.text, i.indisexclusion, {maintain} AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
                coalesce(pg_catalog.pg_relation_filenode(x.oid), 0)::pg_catalog.int8,
                coalesce(nullif(pg_catalog.pg_stat_get_live_tuples(c.oid), 0), greatest(c.reltuples, 0)::pg_catalog.int8)
           FROM pg_catalog.pg_index i
           JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace
           JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_am m ON m.oid = x.relam
          WHERE x.relkind = 'i' AND m.amname NOT IN ('btree', 'brin') AND i.indisvalid AND i.indisready AND i.indislive
            AND x.relpersistence <> 't' AND {USER_SCHEMA} ORDER BY x.relpages DESC, x.oid LIMIT $1",
        maintain = may_maintain(look.major),
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let Some(object) = measure::object(&row, ObjectKind::Index)? else { continue };
        let Ok(table) = ObjectName::new(field::<String>(&row, 4)?, field::<String>(&row, 5)?) else { continue };
        let object = Object { table: Some(table), ..object };
        if !(look.admits)(&object) {
            continue;
        }
        let sized = SizedRow {
            past_bytes_per_s: look.rates.of(Act::ReindexConcurrently, &object.name),
            object,
            method: field(&row, 6)?,
            bytes: 0,
            table_bytes: 0,
            live_rows: amount(&row, 10)?,
            baseline: None,
            exclusion: field(&row, 7)?,
            permitted: field(&row, 8)?,
        };
        found.push((sized, field::<u32>(&row, 3)?, amount(&row, 9)?));
    }
    let oids = found.iter().flat_map(|(row, table, _)| [row.object.oid, *table]).collect();
    let sizes = measure::sizes(look.link, oids, "pg_catalog.pg_relation_size(c.oid)").await?;
    let of = |oid: u32| sizes.get(&oid).copied().unwrap_or(0);
    Ok(found
        .into_iter()
        .map(|(row, table, file_node)| {
            let row = SizedRow { bytes: of(row.object.oid), table_bytes: of(table), ..row };
            SizedRow { baseline: baseline(look, &row, file_node), ..row }
        })
        .collect())
}

/// What an index is compared with. Every rebuild, by whomever, gives it another file: then what was known of the old one counts no more.
fn baseline(look: &Look<'_>, row: &SizedRow, file_node: u64) -> Option<Baseline> {
    let read = |one: &Measurement, rebuilt| {
        Some(Baseline { index_bytes: one.figure("index_bytes")?, live_rows: one.figure("live_rows")?, rebuilt })
    };
    let known = look.memory.newest(INDEX_SIZE, &row.object.name).filter(|one| one.figure("file_node") == Some(file_node));
    let found = match known {
        Some(one) => read(one, one.figure("rebuilt") == Some(1)),
        None => look.memory.newest(INDEX_REBUILT, &row.object.name).and_then(|one| read(one, true)),
    };
    if row.live_rows > 0 {
        let kept = found.unwrap_or(Baseline { index_bytes: row.bytes, live_rows: row.live_rows, rebuilt: false });
        let figures = [
            ("index_bytes", kept.index_bytes),
            ("live_rows", kept.live_rows),
            ("file_node", file_node),
            ("rebuilt", u64::from(kept.rebuilt)),
        ];
        look.keep(Measurement::now(INDEX_SIZE, &row.object.name, figures));
    }
    found
}
