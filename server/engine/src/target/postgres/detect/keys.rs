//! Sequences against their columns, and tables without a primary key (PG-18, PG-19).

use super::{Look, parts};
use crate::target::fault::StatementError;
use crate::target::link::field;
use crate::target::postgres::measure::{self, MOST_ROWS};
use crate::target::privileges::USER_SCHEMA;
use domain::procedure::review::keys::{self, KeylessRow, SequenceRow};
use domain::procedure::select::step;
use domain::procedure::{Object, ObjectKind, ObjectName, Selection};

/// Both. What one part cannot see does not hide the other.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    parts(step::KEY_REVIEW, [sequences(look).await, keyless(look).await])
}

async fn sequences(look: &Look<'_>) -> Result<Selection, StatementError> {
    // The column is the limit: an integer column behind a bigint sequence ends at 2^31. Without the right to read it, last_value is NULL.
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, pg_catalog.has_sequence_privilege(c.oid, 'SELECT'),
                tn.nspname::pg_catalog.text, t.relname::pg_catalog.text, pg_catalog.quote_ident(a.attname),
                pg_catalog.round(1000.0 * q.last_value / greatest(least(s.seqmax, CASE a.atttypid
                    WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767 WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647 ELSE s.seqmax END), 1))::pg_catalog.int8
           FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_catalog.pg_sequences q ON q.schemaname = n.nspname AND q.sequencename = c.relname
           LEFT JOIN pg_catalog.pg_depend d ON d.objid = s.seqrelid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
           LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
           LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
          WHERE NOT s.seqcycle AND s.seqincrement > 0 AND c.relpersistence <> 't' AND {USER_SCHEMA} ORDER BY 7 DESC NULLS LAST, c.oid LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let Ok(sequence) = ObjectName::new(field::<String>(&row, 0)?, field::<String>(&row, 1)?) else { continue };
        let table = (field::<Option<String>>(&row, 3)?, field::<Option<String>>(&row, 4)?);
        let table = if let (Some(schema), Some(name)) = table { ObjectName::new(schema, name).ok() } else { None };
        let column = field::<Option<String>>(&row, 5)?;
        found.push(SequenceRow {
            sequence,
            column: table.zip(column).map(|(table, column)| format!("{table}.{column}")),
            readable: field(&row, 2)?,
            used_permille: field::<Option<i64>>(&row, 6)?.map(|used| u32::try_from(used.max(0)).unwrap_or(u32::MAX)),
        });
    }
    Ok(keys::sequences(&found))
}

async fn keyless(look: &Look<'_>) -> Result<Selection, StatementError> {
    let sql = format!(
        "SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' AND {USER_SCHEMA}
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')
          ORDER BY c.relpages DESC, c.oid LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let Ok(name) = ObjectName::new(field::<String>(&row, 0)?, field::<String>(&row, 1)?) else { continue };
        let object = Object { kind: ObjectKind::Table, oid: field(&row, 2)?, name, table: None };
        if (look.admits)(&object) {
            found.push(object);
        }
    }
    let sizes =
        measure::sizes(look.link, found.iter().map(|table| table.oid).collect(), "pg_catalog.pg_total_relation_size(c.oid)").await?;
    let rows: Vec<_> =
        found.into_iter().map(|table| KeylessRow { bytes: sizes.get(&table.oid).copied().unwrap_or(0), table: table.name }).collect();
    Ok(keys::keyless(&rows))
}
