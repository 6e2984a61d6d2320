//! What can stand in the way of a trial, and the way out of each.

use super::{MOST_SCHEMA_MIB, WITHIN_S};
use crate::people::visible;
use crate::procedure::quote;
use serde::{Deserialize, Serialize};

/// Why nothing was tried; each has a way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "obstacle")]
pub enum Obstacle {
    /// The registration does not allow it.
    Off,
    /// The role may not make databases.
    NoCreatedb {
        /// Its name.
        role: String,
    },
    /// The worker's machine has no `pg_dump` and `pg_restore` that fit the server.
    NoProgram {
        /// The server's major version.
        server: u16,
        /// Those that are there.
        found: Vec<u16>,
    },
    /// Programs of this version would answer a server that asks for the password in clear text.
    Unprotected {
        /// Their major version.
        program: u16,
    },
    /// The role may not look at all of the schema.
    Unreadable {
        /// What it may not read: tables and schemas, the first few.
        objects: Vec<String>,
        /// What would let it.
        grants: Vec<String>,
    },
    /// The role may not become the one that sends the change.
    NoRole {
        /// That one.
        role: String,
        /// What the server said.
        said: String,
    },
    /// The server did not make the database.
    NotMade {
        /// What it said.
        said: String,
    },
    /// The schema could not be read, or not be made anew.
    NotCopied {
        /// What the program said.
        said: String,
        /// What had been left out of the copy.
        left_out: Vec<String>,
    },
    /// Its description is too large.
    TooLarge,
    /// There was not enough time.
    TooSlow,
    /// The worker was stopped.
    Stopped,
    /// No statement of the change may be tried on a copy.
    Beyond {
        /// Why, of the first one.
        why: String,
    },
    /// Something broke that has nothing to do with the change.
    Broke {
        /// What was said.
        said: String,
    },
}

impl Obstacle {
    /// Why it was not tried, as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let why = match self {
            Self::Off => "this database does not allow it".to_owned(),
            Self::NoCreatedb { role } => format!("the role {} may not make databases", visible(role)),
            Self::NoProgram { server, found } if found.is_empty() => {
                format!("the worker's machine has no pg_dump and pg_restore, and the server is PostgreSQL {server}")
            }
            Self::NoProgram { server, found } => {
                let found: Vec<String> = found.iter().map(u16::to_string).collect();
                format!("the worker's machine has pg_dump {}, which does not fit PostgreSQL {server}", found.join(" and "))
            }
            Self::Unprotected { program } => format!(
                "the connection has no TLS, and pg_dump {program} would send the password in clear text to whoever asks for it that way"
            ),
            Self::Unreadable { objects, .. } => format!("the role may not read all of the schema: {}", visible(&objects.join(", "))),
            Self::NoRole { role, said } => format!("the role {} cannot be used there: {}", visible(role), visible(said)),
            Self::NotMade { said } => format!("the server did not make the empty database: {}", visible(said)),
            Self::NotCopied { said, left_out } if left_out.is_empty() => format!("the schema could not be copied: {}", visible(said)),
            Self::NotCopied { said, left_out } => {
                format!("the schema could not be copied: {} (the copy was made without {})", visible(said), visible(&left_out.join(", ")))
            }
            Self::TooLarge => format!("the description of the schema has more than {MOST_SCHEMA_MIB} MiB"),
            Self::TooSlow => format!("it was not done within {WITHIN_S} s"),
            Self::Stopped => "the worker was stopped meanwhile".to_owned(),
            Self::Beyond { why } => format!("no statement may be tried: {}", visible(why)),
            Self::Broke { said } => visible(said),
        };
        format!("Not tried on a copy: {}.", why.trim_end_matches('.'))
    }

    /// What would make it possible, as a sentence.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Off => "Allow it on the database's page, Edit: a worker then makes an empty database beside it for a moment.".to_owned(),
            Self::NoCreatedb { role } => {
                let role = quote::identifier(role).unwrap_or_else(|_| "…".to_owned());
                format!("Have a superuser run: ALTER ROLE {role} CREATEDB; or try the change by hand on a copy.")
            }
            Self::NoProgram { server, .. } => {
                format!("Install the package postgresql-client-{server} on the worker's machine, then look again.")
            }
            Self::Unprotected { .. } => {
                "Use TLS for this database, or install postgresql-client-16 or later on the worker's machine.".to_owned()
            }
            Self::Unreadable { grants, .. } => format!("Have the owner run: {}", visible(&grants.join(" "))),
            Self::NoRole { role, .. } => {
                let role = quote::identifier(role).unwrap_or_else(|_| "…".to_owned());
                format!("Name a role that exists and that Drydock's role is a member of (GRANT {role} TO …), then look again.")
            }
            Self::NotMade { .. } => "Look at the server: disk space, its locales, its limit of connections. Then look again.".to_owned(),
            Self::NotCopied { left_out, .. } if left_out.is_empty() => {
                "Put this right, then look again, or try the change by hand on a copy.".to_owned()
            }
            Self::NotCopied { .. } => {
                "What only a superuser may make is left out of a copy. Try the change by hand on a copy that has it.".to_owned()
            }
            Self::TooLarge => "Try the change by hand on a copy.".to_owned(),
            Self::TooSlow => "Look again when the server has less to do, or try the change by hand on a copy.".to_owned(),
            Self::Stopped | Self::Broke { .. } => "Look again.".to_owned(),
            Self::Beyond { .. } => "Read it with care: nothing but the run itself will show whether it works.".to_owned(),
        }
    }
}
