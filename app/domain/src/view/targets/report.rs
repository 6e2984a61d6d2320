//! What a test of a connection found, as the database's page shows it.

use crate::people;
use serde::Deserialize;

/// A privilege the role lacks, with the statement that grants it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Missing {
    /// What is lacking.
    pub privilege: String,
    /// What it is needed for.
    pub needed_for: String,
    /// To be copied; empty when no grant would be right.
    pub grant: String,
    /// Without it the procedure does not work.
    pub required: bool,
}

/// A privilege too many, with the statement that takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Excess {
    /// What the role has.
    pub privilege: String,
    /// What could be done with it.
    pub danger: String,
    /// To be copied.
    pub revoke: String,
}

/// An installed extension.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Stable {
    system_identifier: String,
    database: String,
    database_oid: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Volatile {
    timeline: u32,
    server_address: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Identity {
    stable: Stable,
    volatile: Volatile,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct TlsFacts {
    encrypted: bool,
    channel_bound: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct RoleFacts {
    name: String,
    superuser: bool,
}

/// What the last test that reached the database found. Read tolerantly: older reports lack what newer ones have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Report {
    /// As the server calls itself.
    pub server_version: String,
    /// A primary; maintenance runs nowhere else.
    pub primary: bool,
    identity: Identity,
    tls: TlsFacts,
    role: RoleFacts,
    /// What the role lacks.
    pub missing: Vec<Missing>,
    /// What the role has too much.
    pub excess: Vec<Excess>,
    /// Installed extensions.
    pub extensions: Vec<Extension>,
    /// Size of the database.
    pub size_bytes: u64,
    /// Sentences worth reading before the first window.
    pub warnings: Vec<String>,
}

impl Report {
    /// Stable identity in words.
    #[must_use]
    pub fn identity(&self) -> String {
        let Stable { system_identifier, database, database_oid } = &self.identity.stable;
        format!("cluster {system_identifier}, database {} (oid {database_oid})", people::visible(database))
    }
    /// Primary or standby, with timeline and the address that answered.
    #[must_use]
    pub fn place(&self) -> String {
        let Volatile { timeline, server_address } = &self.identity.volatile;
        let kind = if self.primary { "Primary" } else { "Standby" };
        let at = server_address.as_ref().map_or_else(|| "over a socket".to_owned(), |address| format!("at {}", people::visible(address)));
        format!("{kind}, timeline {timeline}, {at}")
    }
    /// How the connection was protected.
    #[must_use]
    pub fn protection(&self) -> &'static str {
        match (self.tls.encrypted, self.tls.channel_bound) {
            (true, true) => "TLS, host name and certificate verified, bound to the sign-in",
            (true, false) => "TLS, host name and certificate verified",
            (false, _) => "Not encrypted",
        }
    }
    /// The role that signed in.
    #[must_use]
    pub fn role(&self) -> String {
        let superuser = if self.role.superuser { " (superuser)" } else { "" };
        format!("{}{superuser}", people::visible(&self.role.name))
    }
    /// How many rights are missing without which the procedures do not work.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.missing.iter().filter(|right| right.required).count()
    }
    /// True when the role bypasses every check: its other rights were not looked at.
    #[must_use]
    pub fn is_superuser(&self) -> bool {
        self.role.superuser
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_reports_are_still_read() {
        let report: Report = serde_json::from_str(r#"{"server_version":"15.1","unknown":1}"#).expect("tolerant");
        assert_eq!(report.protection(), "Not encrypted");
    }
}
