//! Whether autovacuum keeps up (PG-14), and statistics objects without data (PG-13).

use super::Look;
use crate::target::fault::StatementError;
use crate::target::link::{amount, field};
use crate::target::postgres::measure::{self, MOST_ROWS};
use crate::target::privileges::USER_SCHEMA;
use domain::procedure::autovacuum::{StatisticsRow, TriggerRow, Workers, starvation, statistics_objects};
use domain::procedure::{ObjectKind, ObjectName, Selection};

/// Workers, tables against their trigger, and statistics objects.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut found = starvation(workers(look).await?, &triggers(look).await?);
    found.merge(statistics_objects(&statistics(look).await?));
    Ok(found)
}

async fn workers(look: &Look<'_>) -> Result<Workers, StatementError> {
    // Without pg_read_all_stats the type of other sessions is null.
    let row = look
        .link
        .row(
            "SELECT pg_catalog.current_setting('autovacuum') = 'on', pg_catalog.current_setting('track_counts') = 'on',
                    pg_catalog.current_setting('autovacuum_max_workers')::pg_catalog.int8,
                    (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.backend_type = 'autovacuum worker'),
                    pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')",
            &[],
        )
        .await?;
    let number = |at| Ok::<_, StatementError>(u32::try_from(amount(&row, at)?).unwrap_or(u32::MAX));
    let sees: bool = field(&row, 4)?;
    let busy = number(3)?;
    Ok(Workers { on: field(&row, 0)?, counts: field(&row, 1)?, most: number(2)?, busy: sees.then_some(busy) })
}

async fn triggers(look: &Look<'_>) -> Result<Vec<TriggerRow>, StatementError> {
    let sql = format!(
        "SELECT c.oid, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, coalesce(pg_catalog.pg_stat_get_dead_tuples(c.oid), 0), {trigger},
                coalesce(nullif(pg_catalog.pg_stat_get_live_tuples(c.oid), 0), greatest(c.reltuples, 0)::pg_catalog.int8),
                {scale} IS NOT NULL OR {threshold} IS NOT NULL, coalesce({enabled}, 'true') IN ('off', 'false', 'no', '0')
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {USER_SCHEMA} ORDER BY c.relpages DESC, c.oid LIMIT $1",
        trigger = measure::trigger("c"),
        scale = measure::option("c", "autovacuum_vacuum_scale_factor"),
        threshold = measure::option("c", "autovacuum_vacuum_threshold"),
        enabled = measure::option("c", "autovacuum_enabled"),
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let Some(object) = measure::object(&row, ObjectKind::Table)? else { continue };
        if !(look.admits)(&object) {
            continue;
        }
        found.push(TriggerRow {
            name: object.name,
            dead_rows: amount(&row, 3)?,
            trigger_rows: amount(&row, 4)?,
            live_rows: amount(&row, 5)?,
            own_settings: field(&row, 6)?,
            off: field(&row, 7)?,
        });
    }
    Ok(found)
}

/// The data themselves are for superusers; their views show whose table may be read.
async fn statistics(look: &Look<'_>) -> Result<Vec<StatisticsRow>, StatementError> {
    let expressions = if look.major >= 14 {
        "OR EXISTS (SELECT FROM pg_catalog.pg_stats_ext_exprs v WHERE v.statistics_schemaname = sn.nspname AND v.statistics_name = s.stxname)"
    } else {
        ""
    };
    let sql = format!(
        "SELECT s.oid, sn.nspname::pg_catalog.text, s.stxname::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
                pg_catalog.has_table_privilege(c.oid, 'SELECT'),
                EXISTS (SELECT FROM pg_catalog.pg_stats_ext v WHERE v.statistics_schemaname = sn.nspname AND v.statistics_name = s.stxname
                           AND (v.n_distinct IS NOT NULL OR v.dependencies IS NOT NULL OR v.most_common_vals IS NOT NULL)) {expressions}
           FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace sn ON sn.oid = s.stxnamespace
           JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE {USER_SCHEMA} ORDER BY 2, 3 LIMIT $1"
    );
    let mut found = Vec::new();
    for row in look.link.rows(&sql, &[&MOST_ROWS]).await? {
        let name = ObjectName::new(field::<String>(&row, 1)?, field::<String>(&row, 2)?);
        let table = ObjectName::new(field::<String>(&row, 3)?, field::<String>(&row, 4)?);
        if let (Ok(name), Ok(table)) = (name, table) {
            found.push(StatisticsRow { name, table, visible: field(&row, 5)?, has_data: field(&row, 6)? });
        }
    }
    Ok(found)
}
