//! Registered databases: what a registration must say, when a connection may go without TLS, and when a database is ready for windows.

use crate::decision::Refusal;
use crate::people::words;
use serde::{Deserialize, Serialize};

pub mod ages;
mod form;
mod link;
pub use form::{MOST_PASSWORD_BYTES, MOST_STAKEHOLDERS, check, check_password, is_near, stakeholders};
pub use link::{LinkForm, LinkKind, Linked, MOST_LINKS};

/// What a database is for; chooses the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// For trying things out.
    Development,
    /// For automatic and manual tests.
    Test,
    /// The last stop before production.
    Staging,
    /// Somebody's business depends on it.
    Production,
}

words!(Environment {
    Environment::Development = "development" / "Development",
    Environment::Test = "test" / "Test",
    Environment::Staging = "staging" / "Staging",
    Environment::Production = "production" / "Production",
});

impl Environment {
    /// Labels of several, whose words have commas between; a word that is none stays as it is.
    #[must_use]
    pub fn labels(words: &str) -> String {
        let label = |word: &str| Self::from_word(word).map_or_else(|| word.to_owned(), |environment| environment.label().to_owned());
        words.split(", ").map(label).collect::<Vec<_>>().join(", ")
    }
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Encrypted; host name and authority are verified.
    VerifyFull,
    /// Not encrypted: loopback and sockets, elsewhere only with a stated reason.
    None,
}

words!(Tls {
    Tls::VerifyFull = "verify_full" / "TLS, host name and certificate verified",
    Tls::None = "none" / "No TLS",
});

/// Where a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// No connection test has passed since the address was last changed.
    Unverified,
    /// A worker reached it and found everything a window needs.
    Ready,
    /// Put away: no windows, and its password was destroyed. It can be taken back.
    Retired,
    /// Gone for ever: only its history is left, and its name is free.
    Deleted,
}

words!(TargetState {
    TargetState::Unverified = "unverified" / "Not verified",
    TargetState::Ready = "ready" / "Ready",
    TargetState::Retired = "retired" / "Retired",
    TargetState::Deleted = "deleted" / "Deleted",
});

/// A registration as typed; everything but the password, so that it can be shown again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// As people call it.
    pub name: String,
    /// What people type to confirm.
    pub short_name: String,
    /// Host name, address, or folder of a socket.
    pub host: String,
    /// TCP port.
    pub port: String,
    /// Database on that server.
    pub database: String,
    /// Role used for maintenance.
    pub username: String,
    /// `verify_full` or `none`.
    pub tls: String,
    /// Why no TLS is acceptable; needed off this machine only.
    pub tls_reason: String,
    /// Own certificate authority as PEM; empty for those the worker's machine trusts.
    pub ca_pem: String,
    /// One of [`Environment`].
    pub environment: String,
    /// IANA zone its windows are planned in.
    pub zone: String,
    /// Whom to call at three in the morning.
    pub on_call: String,
    /// One stakeholder a line: `Name <address>` or the address alone.
    pub stakeholders: String,
    /// `on` where changes of design may be tried on an empty copy.
    pub trial_copy: String,
}

/// Where the database is and how it is reached: everything its password is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host name, address, or folder of a socket (begins with `/`).
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// As the catalog spells it.
    pub database: String,
    /// As the catalog spells it.
    pub username: String,
    /// How the connection is protected.
    pub tls: Tls,
    /// Own certificate authority as PEM.
    pub ca_pem: Option<String>,
}

impl Place {
    /// True for a socket folder: the operating system says who calls, so a password may be missing.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// A registration that can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// As people call it.
    pub name: String,
    /// What people type to confirm.
    pub short_name: String,
    /// Where it is.
    pub place: Place,
    /// Why no TLS was accepted; `None` where none was needed.
    pub tls_reason: Option<String>,
    /// Chooses the policy.
    pub environment: Environment,
    /// IANA zone.
    pub zone: String,
    /// Whom to call.
    pub on_call: String,
    /// Changes of design may be tried on an empty copy of the schema: a database that a worker makes on the same server, and drops.
    pub trial_copy: bool,
}

/// A stakeholder as typed: known by address; the name is used only for somebody new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Stored form of the address.
    pub email: String,
    /// A name, where one was typed.
    pub name: Option<String>,
}

impl Contact {
    /// The name of a new person: as typed, else the part of the address before the @.
    #[must_use]
    pub fn display_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.email.split('@').next().unwrap_or(&self.email).chars().take(120).collect())
    }
}

/// Passes for a database that something can still be done with; the refusal says how one comes back.
pub fn in_use(state: TargetState) -> Result<(), Refusal> {
    match state {
        TargetState::Unverified | TargetState::Ready => Ok(()),
        TargetState::Retired => Err(Refusal::new(
            "retired",
            "This database was retired, and its password destroyed.",
            "Take it back on its page if it is in use again.",
        )),
        TargetState::Deleted => {
            Err(Refusal::new("deleted", "This database was deleted: only its history is left.", "Register it anew if it is in use again."))
        }
    }
}

/// Whether a worker may give Drydock's role another password there. `unfinished`: one was begun and not proven; `stored`: one is in use.
pub fn may_rotate(state: TargetState, unfinished: bool, stored: bool) -> Result<(), Refusal> {
    in_use(state)?;
    if !stored {
        return Err(Refusal::new("no_password", "No password is stored for this database, so there is none to change.", "Type one first."));
    }
    // What was begun is finished in any state: until then nothing runs there.
    if state != TargetState::Ready && !unfinished {
        return Err(Refusal::new(
            "not_ready",
            "No connection test of this database has passed yet.",
            "Run the test: it has to be known whose password is changed.",
        ));
    }
    Ok(())
}

/// What a connection test found, as far as it decides whether windows may be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// A standby, or a primary still recovering.
    pub in_recovery: bool,
    /// The role is superuser.
    pub superuser: bool,
}

/// Whether windows may be planned on a database, after what a worker found; the refusal says what to do first.
pub fn may_be_ready(found: Found, environment: Environment, superuser_acknowledged: bool) -> Result<(), Refusal> {
    if found.in_recovery {
        return Err(Refusal::new(
            "standby",
            "This server is a standby: maintenance has to run on its primary, and reaches the standby by replication.",
            "Edit the registration and give the primary's address.",
        ));
    }
    if found.superuser && environment == Environment::Production {
        return Err(Refusal::new(
            "superuser",
            "The role is a superuser, which is refused for production: one mistake or one stolen password would reach everything on that server.",
            "Create a role of its own (CREATE ROLE drydock LOGIN PASSWORD '…'; GRANT pg_monitor TO drydock;), then edit the registration and give its name and password. The next test lists every right it still lacks.",
        ));
    }
    if found.superuser && !superuser_acknowledged {
        return Err(Refusal::new(
            "superuser_unacknowledged",
            "The role is a superuser. That is more than maintenance needs.",
            "Better: give Drydock a role of its own (CREATE ROLE drydock LOGIN PASSWORD '…'; GRANT pg_monitor TO drydock;). Or accept this one with a reason: the reason goes into the audit trail.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_environments_are_named() {
        assert_eq!(Environment::labels("production, staging"), "Production, Staging");
        assert_eq!((Environment::labels("test"), Environment::labels("moon")), ("Test".to_owned(), "moon".to_owned()));
    }

    #[test]
    fn a_superuser_is_refused_for_production_and_asked_about_elsewhere() {
        let found = |superuser| Found { in_recovery: false, superuser };
        let code = |found, environment, acknowledged| may_be_ready(found, environment, acknowledged).err().map(|refusal| refusal.code);
        assert_eq!(code(found(true), Environment::Production, true).as_deref(), Some("superuser"));
        assert_eq!(code(found(true), Environment::Test, false).as_deref(), Some("superuser_unacknowledged"));
        assert_eq!(code(found(true), Environment::Test, true), None);
        assert_eq!(code(found(false), Environment::Production, false), None);
        assert_eq!(code(Found { in_recovery: true, superuser: false }, Environment::Test, false).as_deref(), Some("standby"));
    }
}
