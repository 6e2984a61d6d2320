//! Who the target is: what must equal the plan, and what must not change during a run.

use super::fault::StatementError;
use super::link::{Link, field};
use serde::{Deserialize, Serialize};

/// Survives restarts, failovers and moves; in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StableIdentity {
    /// The cluster's own number, made by initdb; as text, because it does not fit into a JSON number.
    pub system_identifier: String,
    /// The database's name.
    pub database: String,
    /// The database's oid: differs when somebody dropped and made it anew.
    pub database_oid: u32,
}

/// Taken at the first gate, and equal through the run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VolatileIdentity {
    /// Rises with every promotion and every point-in-time recovery.
    pub timeline: u32,
    /// The address on which the server took the connection; `None` on a socket.
    pub server_address: Option<String>,
    /// A standby, or a primary still recovering.
    pub in_recovery: bool,
}

/// Both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Compared with the plan.
    pub stable: StableIdentity,
    /// Compared with the first gate.
    pub volatile: VolatileIdentity,
}

impl Identity {
    /// What differs from the identity somebody relies on, as a sentence; `None` when nothing does.
    pub fn difference(&self, plan: &StableIdentity, first_gate: Option<&VolatileIdentity>) -> Option<String> {
        let stable = &self.stable;
        if stable.system_identifier != plan.system_identifier {
            return Some(format!(
                "This is another PostgreSQL cluster: its identifier is {}, approved was {}.",
                stable.system_identifier, plan.system_identifier
            ));
        }
        if stable.database != plan.database || stable.database_oid != plan.database_oid {
            return Some(format!(
                "This is another database: {} (oid {}), approved was {} (oid {}).",
                stable.database, stable.database_oid, plan.database, plan.database_oid
            ));
        }
        let gate = first_gate?;
        if self.volatile.in_recovery != gate.in_recovery {
            let now = if self.volatile.in_recovery { "is a standby now" } else { "was promoted" };
            return Some(format!("The server {now} since this run began."));
        }
        if self.volatile.timeline != gate.timeline {
            return Some(format!(
                "The server was promoted or recovered since this run began: timeline {}, was {}.",
                self.volatile.timeline, gate.timeline
            ));
        }
        if self.volatile.server_address != gate.server_address {
            return Some("Another address answers than at the beginning of this run.".to_owned());
        }
        None
    }
}

/// Reads the identity in the very session that will act.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn observe(link: &Link) -> Result<Identity, StatementError> {
    let row = link
        .row(
            "SELECT c.system_identifier::pg_catalog.text,
                    d.datname::pg_catalog.text,
                    d.oid,
                    pg_catalog.pg_is_in_recovery(),
                    CASE WHEN pg_catalog.pg_is_in_recovery()
                         THEN (SELECT p.timeline_id FROM pg_catalog.pg_control_checkpoint() p)
                         ELSE ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::pg_catalog.bit(32)::pg_catalog.int4
                    END,
                    pg_catalog.host(pg_catalog.inet_server_addr())
               FROM pg_catalog.pg_control_system() c, pg_catalog.pg_database d
              WHERE d.datname = pg_catalog.current_database()",
            &[],
        )
        .await?;
    Ok(Identity {
        stable: StableIdentity { system_identifier: field(&row, 0)?, database: field(&row, 1)?, database_oid: field(&row, 2)? },
        volatile: VolatileIdentity {
            in_recovery: field(&row, 3)?,
            timeline: field::<i32>(&row, 4)?.cast_unsigned(),
            server_address: field(&row, 5)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            stable: StableIdentity { system_identifier: "7".to_owned(), database: "shop".to_owned(), database_oid: 5 },
            volatile: VolatileIdentity { timeline: 1, server_address: Some("10.0.0.1".to_owned()), in_recovery: false },
        }
    }

    #[test]
    fn each_difference_is_named() {
        let plan = identity();
        let difference = |change: fn(&mut Identity)| {
            let mut now = identity();
            change(&mut now);
            now.difference(&plan.stable, Some(&plan.volatile)).unwrap_or_default()
        };
        assert_eq!(difference(|_| ()), "");
        assert!(difference(|now| now.stable.system_identifier = "8".to_owned()).contains("another PostgreSQL cluster"));
        assert!(difference(|now| now.stable.database_oid = 6).contains("another database"));
        assert!(difference(|now| now.volatile.timeline = 2).contains("timeline 2, was 1"));
        assert!(difference(|now| now.volatile.in_recovery = true).contains("standby now"));
        assert!(difference(|now| now.volatile.server_address = None).contains("Another address"));
        let mut moved = identity();
        moved.volatile.timeline = 9;
        assert_eq!(moved.difference(&plan.stable, None), None, "without a first gate only the stable part counts");
    }
}
