//! "change of accounts (PostgreSQL)": pre-checks, the approved statements, validation. What a line may say is told by [`crate::change::accounts`].

use super::{design_change, weekly};
use crate::procedure::{Dbms, Procedure};

/// The key.
pub const KEY: &str = "accounts_postgresql";

/// Every version, the oldest first.
pub fn versions() -> Vec<Procedure> {
    let steps = vec![design_change::preflight(), design_change::change(), weekly::validate()];
    vec![Procedure {
        key: KEY.to_owned(),
        version: 1,
        dbms: Dbms::Postgresql,
        name: "change of accounts (PostgreSQL)".to_owned(),
        steps,
        own: None,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Approved plans name this digest: a change here needs a new version, and the old one kept as long as plans name it.
    #[test]
    fn version_1_is_frozen() {
        assert_eq!(versions()[0].digest().short(), "ad0a-a9e9-c1a6");
    }
}
