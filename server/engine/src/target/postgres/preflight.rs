//! Pre-checks: what must be true of the target before anything is changed (PG-01, PG-04, connections).

use super::blockers::{self, Blocker};
use super::measure;
use crate::target::fault::StatementError;
use crate::target::identity::{self, Identity, StableIdentity};
use crate::target::link::{Link, amount, field};
use crate::target::privileges;
use crate::target::report::{self, NEWEST_MAJOR, OLDEST_MAJOR};
use crate::target::session::{Guards, guard};
use domain::procedure::Parameters;
use domain::procedure::probe::{Colour, Connections};
use domain::procedure::text::{duration_ms, permille, plural};
use domain::run::replica::{self, ReplicaLag};
use serde::{Deserialize, Serialize};

/// One pre-check. Red stops the run before it changes anything; yellow is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreCheck {
    /// Stable word: `version`, `identity`, `primary`, `privileges`, `transactions`, `prepared`, `replication`, `connections`,
    /// `invalid_indexes`.
    pub key: String,
    /// Pass, warn or fail.
    pub colour: Colour,
    /// One sentence: what was found, and what to do about it.
    pub sentence: String,
}

/// All pre-checks of one look at the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// Who was looked at.
    pub identity: Identity,
    /// In the order pages list them.
    pub checks: Vec<PreCheck>,
}

impl Preflight {
    /// The first red check; `None` when the work may begin.
    pub fn red(&self) -> Option<&PreCheck> {
        self.checks.iter().find(|check| check.colour == Colour::Fail)
    }
}

/// Looks at everything the server can tell. `approved` is the identity in the plan; `None` for a preview.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn preflight(link: &Link, parameters: &Parameters, approved: Option<&StableIdentity>) -> Result<Preflight, StatementError> {
    let major = report::major(link).await?;
    guard(link, &Guards::reading(), major).await?;
    let identity = identity::observe(link).await?;
    let mut checks = vec![version(major), who(&identity, approved), primary(&identity)];
    checks.push(rights(link, major).await?);
    let sees = sees_sessions(link).await?;
    checks.push(if sees {
        transactions(link, parameters).await?
    } else {
        blind("transactions", "how long transactions of others are open", link).await?
    });
    checks.push(prepared(link, parameters).await?);
    checks.push(replication(link, parameters).await?);
    checks.push(if sees {
        connections_in_use(link, parameters).await?
    } else {
        blind("connections", "how many sessions there are", link).await?
    });
    checks.push(invalid_indexes(link, major).await?);
    Ok(Preflight { identity, checks })
}

fn check(key: &str, colour: Colour, sentence: impl Into<String>) -> PreCheck {
    PreCheck { key: key.to_owned(), colour, sentence: sentence.into() }
}

fn version(major: u16) -> PreCheck {
    match major {
        ..OLDEST_MAJOR => check(
            "version",
            Colour::Fail,
            format!("PostgreSQL {major} is too old: {OLDEST_MAJOR} is the oldest version Drydock works with."),
        ),
        _ if major > NEWEST_MAJOR => check(
            "version",
            Colour::Fail,
            format!(
                "PostgreSQL {major} is newer than this procedure was tried on (up to {NEWEST_MAJOR}): only procedures that read may run."
            ),
        ),
        _ => check("version", Colour::Pass, format!("PostgreSQL {major}.")),
    }
}

fn who(identity: &Identity, approved: Option<&StableIdentity>) -> PreCheck {
    match approved.and_then(|approved| identity.difference(approved, None)) {
        Some(difference) => check("identity", Colour::Fail, difference),
        None => check(
            "identity",
            Colour::Pass,
            format!("Database {} of the cluster {}.", identity.stable.database, identity.stable.system_identifier),
        ),
    }
}

fn primary(identity: &Identity) -> PreCheck {
    if identity.volatile.in_recovery {
        check(
            "primary",
            Colour::Fail,
            "The server is a standby or still recovering; it takes no maintenance. Register the primary, or wait.",
        )
    } else {
        check("primary", Colour::Pass, "A primary, not in recovery.")
    }
}

async fn rights(link: &Link, major: u16) -> Result<PreCheck, StatementError> {
    let has_pgstattuple = measure::pgstattuple_schema(link).await?.is_some();
    let audit = privileges::audit(link, major, has_pgstattuple).await?;
    let missing: Vec<&str> = audit.missing.iter().map(|missing| missing.privilege.as_str()).collect();
    Ok(if missing.is_empty() {
        check("privileges", Colour::Pass, format!("The role {} has what the work needs.", audit.role.name))
    } else {
        // What the role may not do is left out of the work list object by object, so this alone stops nothing.
        let sentence = format!(
            "The role {} lacks {}. What needs it is left out and reported; the database's page lists the grants.",
            audit.role.name,
            missing.join("; ")
        );
        check("privileges", Colour::Warn, sentence)
    })
}

/// Without this right the server hides when transactions of others began, and whose sessions are clients': everything would look green.
async fn sees_sessions(link: &Link) -> Result<bool, StatementError> {
    let row = link.row("SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')", &[]).await?;
    field(&row, 0)
}

async fn blind(key: &str, what: &str, link: &Link) -> Result<PreCheck, StatementError> {
    let row = link.row("SELECT pg_catalog.quote_ident(current_user)", &[]).await?;
    let role = crate::target::fault::clean(field(&row, 0)?);
    Ok(check(key, Colour::Fail, format!("The server does not show this role {what}. Run there: GRANT pg_monitor TO {role};")))
}

fn names(blockers: &[Blocker]) -> String {
    blockers::sentence(blockers).trim_start_matches(" In the way: ").trim_end_matches('.').to_owned()
}

async fn transactions(link: &Link, parameters: &Parameters) -> Result<PreCheck, StatementError> {
    let limit_s = parameters.blocker_max_age_s;
    let limit = duration_ms(limit_s.saturating_mul(1000));
    let old = blockers::old_transactions(link, limit_s, None).await?;
    if !old.is_empty() {
        let sentence = format!(
            "Open for more than {limit}: {}. It keeps dead rows from being removed and makes index rebuilds wait. End it, or wait for it.",
            names(&old)
        );
        return Ok(check("transactions", Colour::Fail, sentence));
    }
    // A minute idle inside a transaction is never meant.
    let idle: Vec<Blocker> = blockers::old_transactions(link, 60, None)
        .await?
        .into_iter()
        .filter(|blocker| matches!(blocker, Blocker::Session { state, .. } if state.starts_with("idle")))
        .collect();
    if !idle.is_empty() {
        return Ok(check("transactions", Colour::Warn, format!("Idle inside a transaction for more than a minute: {}.", names(&idle))));
    }
    Ok(check("transactions", Colour::Pass, format!("No transaction is open for more than {limit}.")))
}

async fn prepared(link: &Link, parameters: &Parameters) -> Result<PreCheck, StatementError> {
    let old = blockers::old_prepared(link, parameters.prepared_max_age_s).await?;
    Ok(if old.is_empty() {
        check("prepared", Colour::Pass, "No prepared transaction has been left behind.")
    } else {
        check("prepared", Colour::Fail, format!("Left behind: {}.", names(&old)))
    })
}

/// Slots nobody reads from keep rows and WAL; a standby far behind would have its queries killed.
async fn replication(link: &Link, parameters: &Parameters) -> Result<PreCheck, StatementError> {
    let rows = link
        .rows(
            "SELECT s.slot_name::pg_catalog.text FROM pg_catalog.pg_replication_slots s
              WHERE NOT s.active OR s.wal_status IN ('extended', 'unreserved', 'lost') ORDER BY 1 LIMIT 20",
            &[],
        )
        .await?;
    let slots = rows.iter().map(|row| Ok(crate::target::fault::clean(field(row, 0)?))).collect::<Result<Vec<String>, StatementError>>()?;
    let standbys = replica_lag(link).await?;
    Ok(if !slots.is_empty() {
        check(
            "replication",
            Colour::Warn,
            format!("Replication slots that nobody reads from, or that lag: {}. They keep WAL and may fill the disk.", slots.join(", ")),
        )
    } else if let Some(late) = replica::pause(&standbys, parameters) {
        check("replication", Colour::Warn, late)
    } else {
        let standbys = u64::try_from(standbys.len()).unwrap_or(u64::MAX);
        check("replication", Colour::Pass, format!("{}, none far behind; no slot left behind.", plural(standbys, "standby", "standbys")))
    })
}

/// How far each standby is behind; looked at before each item.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn replica_lag(link: &Link) -> Result<Vec<ReplicaLag>, StatementError> {
    // An idle primary reports no time: a standby that has everything is not late.
    let rows = link
        .rows(
            "SELECT coalesce(r.application_name, ''), coalesce(pg_catalog.date_part('epoch', r.replay_lag), 0)::pg_catalog.int8,
                    coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), r.replay_lsn), 0)::pg_catalog.int8
               FROM pg_catalog.pg_stat_replication r WHERE r.state = 'streaming' LIMIT 100",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(ReplicaLag { name: crate::target::fault::clean(field(row, 0)?), lag_s: amount(row, 1)?, lag_bytes: amount(row, 2)? }))
        .collect()
}

/// What other sessions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActiveSessions {
    /// They execute something.
    pub active: u64,
    /// What they do is hidden from our role.
    pub hidden: u64,
}

/// How busy the whole server is with others: sessions that execute something now, ours left out.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn active_sessions(link: &Link) -> Result<ActiveSessions, StatementError> {
    let row = link
        .row(
            "SELECT pg_catalog.count(*) FILTER (WHERE a.state IN ('active', 'fastpath function call')), pg_catalog.count(*) FILTER (WHERE a.state IS NULL)
               FROM pg_catalog.pg_stat_activity a
              WHERE coalesce(a.backend_type, 'client backend') = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
                AND NOT pg_catalog.starts_with(coalesce(a.application_name, ''), 'drydock:')",
            &[],
        )
        .await?;
    Ok(ActiveSessions { active: amount(&row, 0)?, hidden: amount(&row, 1)? })
}

/// Client sessions on the whole server, ours left out.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn connections(link: &Link) -> Result<Connections, StatementError> {
    // reserved_connections came with PostgreSQL 16.
    let row = link
        .row(
            "SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a
                      WHERE a.backend_type = 'client backend' AND NOT pg_catalog.starts_with(a.application_name, 'drydock:')),
                    pg_catalog.current_setting('max_connections')::pg_catalog.int8
                    - pg_catalog.current_setting('superuser_reserved_connections')::pg_catalog.int8
                    - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::pg_catalog.int8",
            &[],
        )
        .await?;
    let number = |at| Ok::<_, StatementError>(u32::try_from(amount(&row, at)?).unwrap_or(u32::MAX));
    Ok(Connections { used: number(0)?, usable: number(1)? })
}

async fn connections_in_use(link: &Link, parameters: &Parameters) -> Result<PreCheck, StatementError> {
    let Connections { used, usable } = connections(link).await?;
    let share = (u64::from(used) * 1000).checked_div(u64::from(usable)).unwrap_or(1000);
    let share_text = permille(u32::try_from(share).unwrap_or(1000));
    let limit = parameters.connections_max_used_percent;
    Ok(if share >= limit * 10 {
        check(
            "connections",
            Colour::Fail,
            format!("{used} of {usable} connections are in use ({share_text}); the limit is {limit} %. Wait, or free some."),
        )
    } else {
        check("connections", Colour::Pass, format!("{used} of {usable} connections are in use ({share_text})."))
    })
}

async fn invalid_indexes(link: &Link, major: u16) -> Result<PreCheck, StatementError> {
    let found: Vec<String> = measure::debris_rows(link, major).await?.iter().map(|row| row.object.name.to_string()).collect();
    Ok(if found.is_empty() {
        check("invalid_indexes", Colour::Pass, "No invalid index.")
    } else {
        check("invalid_indexes", Colour::Warn, format!("Invalid before the work: {}.", found.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_too_old_or_too_new_stop_the_run_before_anything_changes() {
        let red = |major| (version(major).colour == Colour::Fail).then(|| version(major).sentence);
        assert!(red(OLDEST_MAJOR - 1).is_some_and(|sentence| sentence.contains("too old")));
        assert_eq!((red(OLDEST_MAJOR), red(NEWEST_MAJOR)), (None, None));
        assert!(red(NEWEST_MAJOR + 1).is_some_and(|sentence| sentence.contains("only procedures that read")));
    }
}
