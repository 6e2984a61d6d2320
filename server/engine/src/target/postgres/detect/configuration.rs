//! Settings, and what they lead to (PG-22, PG-23).

use super::{Look, blind};
use crate::target::fault::{StatementError, clean};
use crate::target::link::{amount, field};
use crate::target::postgres::preflight;
use domain::procedure::review::configuration::{Figures, Setting, review};
use domain::procedure::select::step;
use domain::procedure::{Finding, Selection, quote};

/// Reads everything that the rules look at. What the role may not read becomes a finding.
pub(super) async fn detect(look: &Look<'_>) -> Result<Selection, StatementError> {
    let mut figures = Figures::default();
    let mut unseen: Vec<Finding> = Vec::new();
    let looked = [
        settings(look, &mut figures).await,
        checkpoints(look, &mut figures).await,
        activity(look, &mut figures).await,
        slots(look, &mut figures).await,
        overrides(look, &mut figures).await,
        file_errors(look, &mut figures).await,
    ];
    for part in looked {
        match part {
            Ok(()) => {}
            Err(error) if error.is_disconnect() => return Err(error),
            Err(error) => unseen.push(blind(step::CONFIGURATION_REVIEW, &error)),
        }
    }
    let mut found = review(&figures);
    found.findings.extend(unseen);
    Ok(found)
}

async fn settings(look: &Look<'_>, figures: &mut Figures) -> Result<(), StatementError> {
    // Our own session has settings of its own: what others get is asked for.
    let sql = "SELECT s.name, s.reset_val, s.source, s.pending_restart FROM pg_catalog.pg_settings s";
    for row in look.link.rows(sql, &[]).await? {
        let Some(value) = field::<Option<String>>(&row, 1)? else { continue };
        figures.settings.insert(field(&row, 0)?, Setting { value, source: field(&row, 2)?, pending_restart: field(&row, 3)? });
    }
    Ok(())
}

async fn checkpoints(look: &Look<'_>, figures: &mut Figures) -> Result<(), StatementError> {
    let sql = if look.major >= 17 {
        "SELECT num_timed, num_requested FROM pg_catalog.pg_stat_checkpointer"
    } else {
        "SELECT checkpoints_timed, checkpoints_req FROM pg_catalog.pg_stat_bgwriter"
    };
    let row = look.link.row(sql, &[]).await?;
    figures.checkpoints = Some((amount(&row, 0)?, amount(&row, 1)?));
    Ok(())
}

async fn activity(look: &Look<'_>, figures: &mut Figures) -> Result<(), StatementError> {
    let connections = preflight::connections(look.link).await?;
    figures.connections = Some((connections.used.into(), connections.usable.into()));
    let sql = "SELECT coalesce(d.deadlocks, 0), coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) AND pg_catalog.current_setting('archive_mode') <> 'off'
                 FROM pg_catalog.pg_stat_database d CROSS JOIN pg_catalog.pg_stat_archiver a WHERE d.datname = pg_catalog.current_database()";
    let row = look.link.row(sql, &[]).await?;
    figures.deadlocks = Some(amount(&row, 0)?);
    figures.archiver_fails = Some(field(&row, 1)?);
    Ok(())
}

async fn slots(look: &Look<'_>, figures: &mut Figures) -> Result<(), StatementError> {
    let sql = "SELECT slot_name::pg_catalog.text, coalesce(wal_status IN ('unreserved', 'lost'), false) FROM pg_catalog.pg_replication_slots WHERE NOT active ORDER BY 1";
    for row in look.link.rows(sql, &[]).await? {
        figures.idle_slots.push((field(&row, 0)?, field(&row, 1)?));
    }
    Ok(())
}

async fn overrides(look: &Look<'_>, figures: &mut Figures) -> Result<(), StatementError> {
    // A setting of a role may hold a secret (a key for encryption): only its name is told.
    let sql = "SELECT r.rolname::pg_catalog.text, d.datname::pg_catalog.text, pg_catalog.split_part(c, '=', 1)
                 FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) c
                 LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
                WHERE s.setdatabase = 0 OR d.datname = pg_catalog.current_database() ORDER BY 1, 2, 3 LIMIT 100";
    for row in look.link.rows(sql, &[]).await? {
        let (role, database, name) = (field::<Option<String>>(&row, 0)?, field::<Option<String>>(&row, 1)?, field::<String>(&row, 2)?);
        let role = role.map(|role| format!("role {}", quote::for_people(&role)));
        let database = database.map(|database| format!("database {}", quote::for_people(&database)));
        let whose = [role, database].into_iter().flatten().collect::<Vec<_>>().join(" in ");
        figures.overrides.push(format!("{whose}: {name}"));
    }
    Ok(())
}

async fn file_errors(look: &Look<'_>, figures: &mut Figures) -> Result<(), StatementError> {
    // A line that waits for a restart is no error; one that keeps the server from starting has the same text.
    let sql = "SELECT f.sourcefile, f.sourceline, f.error
                 FROM pg_catalog.pg_file_settings f LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = pg_catalog.lower(f.name)
                WHERE f.error IS NOT NULL AND NOT (f.error = 'setting could not be applied' AND coalesce(s.context = 'postmaster' AND s.pending_restart, false))
                ORDER BY f.seqno LIMIT 100";
    for row in look.link.rows(sql, &[]).await? {
        let (file, line, error) = (field::<Option<String>>(&row, 0)?, field::<Option<i32>>(&row, 1)?, field::<String>(&row, 2)?);
        figures.file_errors.push((format!("{}:{}", file.unwrap_or_default(), line.unwrap_or_default()), clean(&error)));
    }
    Ok(())
}
