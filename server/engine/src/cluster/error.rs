//! What keeps a private cluster from running, in words for whoever started Drydock.

use std::{io, path::PathBuf};

use super::OLDEST_MAJOR;

/// Why there is no cluster. Each sentence is written for the person who started Drydock.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Another process of ours owns the folder.
    #[error("{} is in use by another Drydock (process {owner}). Stop that one first, or give this one its own folder with --data-dir.", folder.display())]
    InUse {
        /// The folder both want.
        folder: PathBuf,
        /// What the lock file says about its holder.
        owner: String,
    },
    /// No PostgreSQL server programs of a usable version.
    #[error(
        "no PostgreSQL server programs of version {OLDEST_MAJOR} or later were found (looked in /usr/lib/postgresql, /usr/pgsql-* and PATH). On Debian or Ubuntu: apt-get install postgresql postgresql-contrib"
    )]
    NoPrograms,
    /// The data belong to a major version that is not installed.
    #[error("the data in {} were made by PostgreSQL {major}, whose server programs are not installed. Install them (apt-get install postgresql-{major}), or start with another --data-dir.", folder.display())]
    WrongMajor {
        /// The cluster's folder.
        folder: PathBuf,
        /// The major version that made the data.
        major: u16,
    },
    /// We are root and there is nobody the server could run as.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has no user `postgres` it could run as. Install Debian's package postgresql, or start Drydock as an ordinary user."
    )]
    NoServerUser,
    /// The server's user cannot enter the folder.
    #[error("the user {user} cannot enter {}: a folder above it is closed to others. Choose another folder with --data-dir.", folder.display())]
    NotEnterable {
        /// The folder.
        folder: PathBuf,
        /// The user PostgreSQL would run as.
        user: String,
    },
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with its path.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb could not make a database cluster in {}:\n{said}", folder.display())]
    Initdb {
        /// The cluster's folder.
        folder: PathBuf,
        /// What it wrote.
        said: String,
    },
    /// The server did not come up.
    #[error("PostgreSQL did not start in {}. Its last words:\n{said}", folder.display())]
    NotStarted {
        /// The cluster's folder.
        folder: PathBuf,
        /// The end of its log.
        said: String,
    },
    /// A statement on the new cluster failed.
    #[error("the private cluster refused to be prepared: {0}")]
    Sql(#[from] sqlx::Error),
}

impl ClusterError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
